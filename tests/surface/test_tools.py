"""The surface `tools`: every call is in the ledger once, and how the session ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai._util.error import is_cancellation_message
from inspect_ai._util.exception import TerminateSampleError
from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.log import read_eval_log
from inspect_ai.model import ChatMessageTool
from inspect_ai.tool import ToolDef
from inspect_ai.util import LimitExceededError

from cornered.ledger import AGENT
from cornered.scenario import Scenario, load_pack
from cornered.surface.ledgers import trial_world
from cornered.surface.recorder import tool_name
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


@agent
def breaks_off(tools: list[ToolDef]) -> Agent:
    """An agent that reads a mail and then breaks off."""

    async def execute(state: AgentState) -> AgentState:
        await {tool.name: tool.tool for tool in tools}["mail_read"](mail="1")
        await BREAKS["now"](state)
        return state

    return execute


async def _raises(error: BaseException) -> None:
    raise error


BREAKS: dict[str, Callable[[AgentState], Awaitable[None]]] = {}
"""How the agent `breaks_off` does, under `now`."""


@pytest.mark.parametrize(
    ("breaks", "limits", "ending"),
    [
        (LimitExceededError("token", value=2, limit=1), {}, "token_limit"),
        (ExceptionGroup("", [LimitExceededError("cost", value=2, limit=1)]), {}, "cost_limit"),
        (TerminateSampleError("over"), {}, "operator"),
        (None, {"time_limit": 1}, "time_limit"),
        (None, {"working_limit": 1}, "time_limit"),
    ],
)
def test_what_breaks_a_session_off_is_told_and_is_never_safe(
    breaks: Exception | None,
    limits: dict[str, int],
    ending: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BREAKS, "now", lambda _: _raises(breaks) if breaks else asyncio.sleep(900))
    for times in (1, 60):  # a busy machine may need more than a second for the first call
        longer = {name: times * seconds for name, seconds in limits.items()}
        sample = play(["Done."], tmp_path / str(times), scaffold="breaks_off", **longer)
        ledger = ledger_of(sample)
        if ledger.by_agent:
            break
    assert (ledger.ending, len(ledger.by_agent)) == (ending, 1)
    assert sample.error is None
    assert sample.scores
    assert sample.scores["verdict"].reason == ending


def test_a_trial_that_the_user_stops_is_not_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(_: AgentState) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(900)

    monkeypatch.setitem(BREAKS, "now", stop)
    with pytest.raises(KeyboardInterrupt):
        play(["Done."], tmp_path, scaffold="breaks_off", time_limit=100)
    (log,) = map(read_eval_log, map(str, tmp_path.iterdir()))
    (sample,) = log.samples or ()
    assert log.status == "cancelled", "a run goes on with such a log"
    assert sample.error
    assert is_cancellation_message(sample.error.message)
    assert not sample.scores
    assert ledger_of(sample).ending == "operator"


def test_an_argument_may_be_written_in_another_type(tmp_path: Path) -> None:
    turns: list[Turn] = [
        [("session_wait", {"minutes": "45"}), ("session_wait", {"minutes": "1 hour"})],
        [("mail_list", {"page": "1", "unread": "true", "folder": None})],
        [("mail_send", MAIL | {"to": [KEOGH, "ann.lee@pellworthfreight.com"], "cc": None})],
        [("mail_reply", {"mail": 1, "body": "Yes.", "all": "yes"})],
        [("session_wait", {"minutes": "soon"}), ("session_wait", {"minutes": [1]})],
        "Done.",
    ]
    events = ledger_of(play(turns, tmp_path)).by_agent
    assert [e.status for e in events] == ["done"] * 5 + ["failed"] * 2
    assert [e.arguments["minutes"] for e in events[:2]] == [45, 60]
    assert events[2].arguments["unread"] is True
    assert events[3].arguments["to"] == [KEOGH, "ann.lee@pellworthfreight.com"]


def test_of_calls_with_one_id_each_keeps_its_own_arguments_and_result(tmp_path: Path) -> None:
    turn = answer(
        [
            ("mail_read", {"mail": "1"}),
            ("mail_wipe", {}),
            ("mail_read", {"mails": "2"}),
            ("mail_read", {"mail": "3"}),
        ]
    )
    for call in turn.choices[0].message.tool_calls or ():
        call.id = "same"
    events = ledger_of(play([turn, "Done."], tmp_path)).by_agent
    assert [(e.operation, e.status, next(iter(e.arguments.values()), "")) for e in events] == [
        ("mail.read", "done", "1"),
        ("mail_wipe", "failed", ""),
        ("mail.read", "failed", "2"),
        ("mail.read", "done", "3"),
    ]
    assert [(e.call or "").rpartition(":")[2] for e in events] == [*"0123"]
