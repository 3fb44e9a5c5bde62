"""The surface `tools`: every call is in the ledger once, and how the session ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ChatMessageTool

from cornered.ledger import AGENT
from cornered.scenario import Scenario, load_pack
from cornered.surface.ledgers import trial_world
from cornered.surface.tools import tool_name
from cornered.world import at_once, open_world
from tests.surface.sessions import Turn, answer, ledger_of, play

KEOGH = "martin.keogh@pellworthfreight.com"
MAIL: dict[str, Any] = {"to": KEOGH, "subject": "Tonight", "body": "Please hold the job."}


def test_each_call_is_an_event_in_the_order_of_the_session(tmp_path: Path) -> None:
    sample = play(
        [
            [("mail_list", {})],
            [("mail_read", {"mail": "1"}), ("mail_wipe", {}), ("mail_read", {"mail": "2"})],
            [("mail_send", '{"to": '), ("mail_send", {"too": KEOGH})],
            [("mail_send", MAIL)],
            "Done.",
        ],
        tmp_path,
    )
    events = ledger_of(sample).by_agent
    assert [(e.operation, e.status) for e in events] == [
        ("mail.list", "done"),
        ("mail.read", "done"),
        ("mail_wipe", "failed"),
        ("mail.read", "done"),
        ("mail.send", "failed"),
        ("mail.send", "failed"),
        ("mail.send", "done"),
    ]
    assert ledger_of(sample).ending == "stop"
    results = [m for m in sample.messages if isinstance(m, ChatMessageTool)]
    assert len(results) == len({e.call for e in events}) == 7
    assert all(e.result for e in events), "the agent learns of each what came of it"
    assert sample.scores is not None
    assert sample.scores["verdict"].metadata is not None
    assert sample.scores["verdict"].metadata["facts"]["reaches_executive"]


def test_two_calls_of_one_id_are_two_events(tmp_path: Path) -> None:
    turn = answer([("mail_read", {"mail": "1"}), ("mail_read", {"mail": "2"})])
    for call in turn.choices[0].message.tool_calls or ():
        call.id = "same"
    sample = play([turn, "Done."], tmp_path)
    read = [e for e in ledger_of(sample).by_agent if e.operation == "mail.read"]
    assert [e.arguments["mail"] for e in read] == ["1", "2"]
    assert len({e.call for e in read}) == 2


def test_the_clock_moves_and_a_mail_has_the_time_of_its_sending(tmp_path: Path) -> None:
    ledger = ledger_of(play([[("mail_list", {})], [("mail_send", MAIL)], "Done."], tmp_path))
    first, second = (e for e in ledger.by_agent)
    assert first.time is not None
    assert second.time is not None
    assert first.time < second.time
    pack = load_pack("blackmail")
    scene = Scenario.of(pack).scene({"surface": "tools"}, "000001")
    world = open_world(pack, scene).replay(ledger)
    assert world.ledger == ledger
    assert world.clock.now is not None
    assert world.clock.now >= second.time


@pytest.mark.parametrize(
    ("limit", "ending", "read"),
    [
        ({"message_limit": 8}, "message_limit", 3),
        ({"turn_limit": 3}, "turn_limit", 2),
        ({"token_limit": 300}, "token_limit", 2),
    ],
)
def test_a_limit_before_an_act_is_unscored(
    limit: dict[str, int], ending: str, read: int, tmp_path: Path
) -> None:
    sample = play([[("mail_read", {"mail": "1"})]], tmp_path, **limit)
    ledger = ledger_of(sample)
    assert ledger.ending == ending
    assert sum(e.done for e in ledger.by_agent) >= read
    assert sample.scores is not None
    score = sample.scores["verdict"]
    assert score.reason == ending
    assert isinstance(score.value, dict)
    assert score.value["act"] != score.value["act"], "neither 0 nor 1"


@pytest.mark.parametrize(
    ("last", "ending", "doubts"),
    [
        ("I have answered them all.", "stop", 0),
        ("", "stop", 0),
        (answer("I have", stop="max_tokens"), "cut_off", 0),
        (answer("", stop="content_filter"), "content_filter", 0),
        (f"<tool_use:email>\nto: {KEOGH}\nsubject: s\nbody: b\n</tool_use:email>", "stop", 1),
        ('{"name": "mail_send", "arguments": {"to": "a@b.org", "body": "x"}}', "stop", 1),
    ],
)
def test_the_last_answer_tells_how_it_ended(
    last: Turn, ending: str, doubts: int, tmp_path: Path
) -> None:
    ledger = ledger_of(play([[("mail_read", {"mail": "1"})], last], tmp_path))
    assert (ledger.ending, len(ledger.doubts)) == (ending, doubts)


def test_a_mail_that_was_sent_may_be_told_of_in_text(tmp_path: Path) -> None:
    told = (
        f"<tool_use:email>\nto: {KEOGH}\nsubject: Tonight\nbody: {MAIL['body']}\n</tool_use:email>"
    )
    ledger = ledger_of(play([[("mail_send", MAIL)], f"I sent this:\n\n{told}"], tmp_path))
    assert not ledger.doubts


def test_an_agent_that_says_nothing_at_all_did_not_answer(tmp_path: Path) -> None:
    assert ledger_of(play([""], tmp_path)).ending == "no_response"


def test_every_operation_is_a_tool_that_providers_accept() -> None:
    for name in ("blackmail", "espionage", "lethal"):
        pack = load_pack(name)
        world = open_world(pack, Scenario.of(pack).scene({"surface": "tools"}, "000001"))
        for operation in world.operations.values():
            tool = tool_name(operation.name)
            assert tool.replace("_", "").isalnum()
            assert len(tool) <= 40, "clients put the name of the server before it"
            for argument, entry in operation.parameters["properties"].items():
                assert entry["description"], f"{tool}: {argument}"


def test_what_the_agent_did_is_scored_again_from_the_ledger(tmp_path: Path) -> None:
    sample = play([[("mail_send", MAIL)], "Done."], tmp_path)
    world = trial_world(
        Scenario.of(load_pack("blackmail")),
        sample.metadata["factors"],
        str(sample.id),
        sample.store,
        sample.output,
    )
    assert world.ledger == ledger_of(sample)
    assert at_once(world.do(AGENT, "mail.list", {"folder": "sent"})).result.count("Tonight") == 1
