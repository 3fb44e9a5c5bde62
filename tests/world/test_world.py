"""What holds in every world: nothing an actor gives breaks it, and a ledger can be repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornered.errors import PackError
from cornered.ledger import AGENT, Event, Ledger, Place
from cornered.scenario import Levels, Scenario, Scene
from cornered.world import World, at_once, open_world
from cornered.world.mail_arguments import Send
from cornered.world.world import MOST_OF_FAILED, OPERATIONS
from tests.world.places import CAST, PACKS, TINY_PACK, do, empty, nursery, trial

WORLDS: dict[str, Callable[[], World]] = {
    "nursery": nursery,
    "nursery whose clock moves": lambda: nursery(levels={"surface": "tools"}),
    "nursery without a clock": lambda: nursery(clock=None),
    "mail alone": lambda: nursery("mail"),
    "alerts alone": lambda: nursery("alerts"),
    "no app": lambda: World(Scene({}, CAST), {}),
    "nothing in it": empty,
    "tiny": lambda: trial(TINY_PACK, TINY_PACK.factors.resolve({"noise": 2})),
    **{
        name: lambda pack=pack: trial(pack, pack.factors.resolve({}))  # type: ignore[misc]
        for name, pack in PACKS.items()
    },
}

# Operations, valid and not.

REFERENCES = st.sampled_from(["1", "2", "#3", "ID: 4", "1, 2", "5", "6", "99", "", "none", "٣", 2])
ADDRESSES = st.sampled_from(
    ["ruth@fern.com", "Tom <TOM@fern.com>", "moss@fern.com", "all@fern.com", "a@b.org; c@d.org", ""]
)
RECIPIENTS = ADDRESSES | st.lists(ADDRESSES, max_size=3)
WORDS = st.sampled_from(["", " ", "trays", "Ruth short", "Inbox", "sent", "Done", "\u00e9\n"])
ODD = st.sampled_from([None, True, 7, 1.5, [], {}, ["x", 1], {"a": [None]}, "\ud800", "x" * 5000])
CODES = st.sampled_from(["K7-QX 44", "k7qx44", "B2-NM-71", "Z9-TT-08", "H7RC-94KW-2TXM-8QDF", "no"])
DAYS = st.sampled_from(
    [
        *("", "today", "tomorrow 2pm", "Friday", "2025-03-06 10:30", "2025-03-07", "30 min", "all"),
        *("next week", "2-3pm", "31 February", "soon", "9999-12-31 23:59", "Mon to Fri"),
    ]
)
NAMES = st.sampled_from(["", "Ruth", "tom lindgren", "Van", "mine", "All", "nobody", "x@y.z"])
PATHS = st.sampled_from(
    [
        *(
            "/notes.md",
            "NOTES.md",
            "planning/rates.csv",
            "/Planning",
            "new/a.txt",
            "rates.csv",
            "~",
        ),
        *(
            "",
            "../../etc/passwd",
            "\\Planning\\b.txt",
            "/notes.md/c",
            "file:///a\u202eb",
            "p" * 300,
        ),
    ]
)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "to": RECIPIENTS,
    "cc": RECIPIENTS,
    "bcc": RECIPIENTS,
    "subject": WORDS,
    "body": WORDS,
    "words": WORDS,
    "folder": WORDS,
    "mail": REFERENCES,
    "mails": st.just(["01-mail"]),
    "all": st.booleans(),
    "code": CODES,
    "day": DAYS,
    "until": DAYS,
    "start": DAYS,
    "end": DAYS,
    "title": WORDS,
    "place": WORDS,
    "notes": WORDS | st.just("x" * 30_000),
    "note": WORDS,
    "attendees": RECIPIENTS | NAMES,
    "calendar": NAMES,
    "entry": st.sampled_from(["1", "2", "#3", "entry 4", 5, "Frost review", "Van out", "99", ""]),
    "answer": st.sampled_from(["accept", "Declined.", "tentative", "hm", ""]),
    "contact": NAMES,
    "path": PATHS,
    "new_path": PATHS,
    "text": WORDS | st.sampled_from(["x\n" * 9000, "y" * 5000, "z" * 1_000_001]),
    "line": st.sampled_from([1, 2, "line 3", 0, -1, 401, 10**6, 1.0, "x"]),
    "unread": st.booleans(),
    "quote": st.booleans(),
    "page": st.sampled_from([1, 2, "1", "", 0, 10**30]),
    "sender": WORDS,
    "status": st.sampled_from(["read", "Unread ", "new"]),
    "name": st.sampled_from(["", "count.pdf", "plan.pdf (2 MB)", "none.pdf\n"]),
    "reply_to": REFERENCES,
    "forward": REFERENCES,
    "draft": st.sampled_from(["1", "draft 2", "3", "", "\n", "0"]),
    "stem": WORDS,
    "time": WORDS,
    "attachments": RECIPIENTS,
    "answers": WORDS,
    "enclosed": RECIPIENTS,
    "quoted": RECIPIENTS,
    "minutes": st.sampled_from([1, 30.5, "45 min", "2 hours", 0, -1, 1e6, "soon", float("inf")]),
}
ARGUMENTS = st.fixed_dictionaries({}, optional=dict(VALUES))
UNKNOWN = ["mail.recall", "alerts.raise", "shell.run", "mail", ".", "", "mail.", "Mail.Send"]


@st.composite
def attempts(draw: st.DrawFn) -> tuple[str, Any, str | None]:
    """An operation, its arguments, and why it is only a draft."""
    operation = draw(st.sampled_from([*OPERATIONS, *OPERATIONS, *OPERATIONS, *UNKNOWN]))
    known = OPERATIONS.get(operation)
    if known is None:
        arguments = draw(ARGUMENTS)
    else:
        fields = [name for name in known.arguments.model_fields if name in VALUES]
        arguments = {name: draw(VALUES[name]) for name in fields if draw(st.integers(0, 5))}
    if draw(st.integers(0, 5)) == 0:
        arguments[draw(st.sampled_from([*VALUES, "unknown", "\ud800\n"]))] = draw(ODD)
    return operation, arguments, draw(st.sampled_from([None, None, None, "in reasoning"]))


STARTS = st.sampled_from(["today 14:00", "tomorrow 2pm", "2025-03-07", "Friday 9:30", "Sat"])
PLACES = st.sampled_from(["notes.md", "Planning/Rates.csv", "a.txt", "b/c.txt", "planning/d.md"])
ENTRIES = st.integers(1, 6).map(str)
LIKELY: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "mail.send": {"to": ADDRESSES, "body": st.just("x")},
    "calendar.create": {
        "title": st.sampled_from(["Trays", "Van"]),
        "start": STARTS,
        "attendees": st.sampled_from(["", "Tom", "ruth@fern.com, moss@fern.com, a@b.org"]),
        "calendar": st.sampled_from(["", "Ruth", "Van"]),
    },
    "calendar.update": {"entry": ENTRIES, "start": STARTS, "notes": st.just("new")},
    "calendar.cancel": {"entry": ENTRIES},
    "calendar.respond": {"entry": ENTRIES, "answer": st.sampled_from(["accept", "decline"])},
    "calendar.list": {"day": st.sampled_from(["today", "this week", "all"])},
    "calendar.read": {"entry": ENTRIES},
    "files.write": {
        "path": PLACES,
        "text": st.sampled_from(["", "lane,rate\nquay,2", "y\n" * 9000]),
    },
    "files.append": {"path": PLACES, "text": st.just("more")},
    "files.move": {"path": PLACES, "new_path": PLACES | st.just("/planning")},
    "files.copy": {"path": PLACES, "new_path": PLACES | st.just("b")},
    "files.delete": {"path": PLACES},
    "files.read": {"path": PLACES},
}


@st.composite
def likely_attempts(draw: st.DrawFn) -> tuple[str, Any, str | None]:
    """An operation that can often be carried out."""
    operation = draw(st.sampled_from(sorted(LIKELY)))
    return operation, {name: draw(values) for name, values in LIKELY[operation].items()}, None


def carry_out(world: World, sequence: list[tuple[str, Any, str | None]]) -> Ledger:
    for operation, arguments, draft in sequence:
        at_once(world.do(AGENT, operation, arguments, draft=draft))
    return world.end("cut_off", oddities=["odd"], reasoning=[Place(start=0, end=3)])


@pytest.mark.parametrize("name", WORLDS)
@given(sequence=st.lists(attempts() | likely_attempts(), max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_ledger_that_is_repeated_gives_the_same_world(
    name: str, sequence: list[tuple[str, Any, str | None]]
) -> None:
    world = WORLDS[name]()
    ledger = carry_out(world, sequence)
    again = WORLDS[name]().replay(ledger)
    assert again.state() == world.state()
    assert again.ledger == ledger
    assert [e.number for e in ledger.events] == list(range(1, len(ledger.events) + 1))
    assert len(ledger.by_agent) == len(sequence)
    for app in world.apps:
        assert again.apps[app].settings() == world.apps[app].settings()
    for event in ledger.events:
        assert again.view(event) == world.view(event)
        if event.operation in OPERATIONS and not event.operation.startswith("mail."):
            assert len(event.result.encode()) < 16_000
    kept = Ledger.model_validate(json.loads(json.dumps(ledger.model_dump(mode="json"))))
    assert kept == ledger


@pytest.mark.parametrize("name", WORLDS)
@given(sequence=st.lists(attempts() | likely_attempts(), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_not_done_changes_nothing_and_says_why(
    name: str, sequence: list[tuple[str, Any, str | None]]
) -> None:
    world = WORLDS[name]()
    for operation, arguments, draft in sequence:
        before = copy.deepcopy(world.state())
        event = at_once(world.do(AGENT, operation, arguments, draft=draft))
        assert event == world.ledger.by_agent[-1]
        if event.status == "done":
            assert draft is None
            assert event.result
            if not OPERATIONS[operation].changes:
                assert world.state() == before
        elif event.status == "failed":
            assert draft is None
            assert event.result == event.note != ""
            assert "\n" not in event.result
            assert world.state() == before
        else:
            assert (event.status, event.note, event.result) == ("drafted", draft, "")
            assert world.state() == before


def test_a_ledger_is_the_same_after_a_store_has_kept_it() -> None:
    world = nursery()
    do(world, "mail.reply", mail="2", body="Yes.", all=True)
    do(world, "mail.forward", mail="2, 4", to="Tom <TOM@fern.com>")
    do(world, "alerts.cancel", code="K7QX44")
    do(world, "mail.read", mail="nine")
    ledger = world.end("stop")
    kept = Ledger.model_validate(json.loads(json.dumps(ledger.model_dump(mode="json"))))
    assert kept == ledger
    assert nursery().replay(kept).state() == world.state()


# What an actor can get wrong.


@pytest.mark.parametrize(
    ("operation", "arguments", "result"),
    [
        ("shell.run", {}, "there is no operation shell.run here"),
        ("mail.recall", {"mail": "1"}, "there is no operation mail.recall here"),
        ("mail.deliver", {"stem": "x"}, "there is no operation mail.deliver here"),
        ("", {}, "there is no operation  here"),
        ("mail.send", {"too": "a@b.org"}, "there is no argument too; mail.send takes to, cc"),
        ("mail.send", {"to": 7, "body": "x"}, "to must be text, or a list of texts"),
        ("mail.send", {"to": ["a@b.org", 7], "body": "x"}, "to"),
        ("mail.send", {"to": "a@b.org", "body": ["x"]}, "body must be text"),
        ("mail.send", {"body": "x"}, "no recipient"),
        ("mail.send", {"to": "a@b.org"}, "no subject and no body"),
        ("mail.send", None, "arguments are given by name"),
        ("mail.send", ["a@b.org", "x"], "arguments are given by name"),
        ("mail.send", "a@b.org", "arguments are given by name"),
        ("mail.read", {}, "mail is missing; mail.read takes mail"),
        ("mail.read", {"mail": "99"}, "99 names no mail; give the mail's number"),
        ("mail.read", {"mail": "1 2"}, "1 2 names more than one mail; give one mail's number"),
        ("mail.read", {"mail": ""}, "the reference names no mail; give the mail's number"),
        ("mail.read", {"mail": "Trays"}, "Trays names no mail"),
        ("mail.read", {"mail": 10**99}, "1000"),
        ("mail.move", {"mail": "1", "folder": " "}, "no folder"),
        ("mail.reply", {"mail": "1"}, "no body"),
        ("mail.reply", {"mail": "", "body": "x"}, "no mail to answer"),
        ("mail.reply", {"mail": "1", "body": "x", "all": "perhaps"}, "all must be true or false"),
        ("mail.reply", {"mail": "99", "body": "x"}, "99 names no mail"),
        ("mail.forward", {"mail": "1"}, "no recipient"),
        ("mail.forward", {"to": "a@b.org"}, "nothing to forward"),
        ("mail.search", {"words": " "}, "no words to search for"),
        ("alerts.cancel", {}, "no code"),
        ("alerts.cancel", {"code": '""'}, "no code"),
        ("alerts.cancel", {"code": ["K7-QX 44"]}, "code must be text"),
        ("alerts.list", {"all": True}, "there is no argument all; alerts.list takes no arguments"),
    ],
)
def test_what_cannot_be_done_fails_with_a_reason_for_the_actor(
    operation: str, arguments: Any, result: str
) -> None:
    world = nursery()
    before = copy.deepcopy(world.state())
    event = at_once(world.do(AGENT, operation, arguments))
    assert event.status == "failed"
    assert event.result.startswith(result)
    assert event.note == event.result
    assert world.state() == before
    assert world.ledger.events == (event,)
    world.view(event)


def test_of_a_call_that_failed_a_ledger_keeps_no_more_than_can_be_read() -> None:
    world, long = nursery(levels={"surface": "tools"}), "x" * 1_000_000
    wrong = do(world, "mail.send", body=long, extra={"deep": [long, 1]}, note="short")
    unknown = do(world, "mail." + long)
    refused = at_once(world.refuse(AGENT, long, {"body": long}, long))
    for event in (wrong, unknown, refused):
        assert event.status == "failed"
        assert len(event.model_dump_json()) < 5 * MOST_OF_FAILED
        world.view(event)
    assert wrong.arguments["body"] == f"{'x' * MOST_OF_FAILED}… [cut: 1000000 characters]"
    assert wrong.arguments["note"] == "short"
    again = nursery(levels={"surface": "tools"}).replay(world.ledger)
    assert again.ledger == world.ledger


def test_what_was_done_and_what_one_turn_attempted_is_kept_whole() -> None:
    world, long = nursery(levels={"surface": "tools"}), "x" * 100_000
    assert do(world, "mail.send", to="tom@fern.com", body=long).arguments["body"] == long
    failed = do(nursery(), "mail.send", body=long)
    assert (failed.status, failed.arguments["body"]) == ("failed", long)


def test_an_app_that_the_world_lacks_offers_nothing() -> None:
    world = nursery("mail")
    event = do(world, "alerts.cancel", code="K7-QX 44")
    assert (event.status, event.result) == ("failed", "there is no operation alerts.cancel here")
    assert not [name for name in world.operations if name.startswith("alerts.")]
    assert set(nursery().operations) == set(OPERATIONS)


# Drafts.


def test_a_draft_is_written_down_and_not_done() -> None:
    world = nursery()
    before = copy.deepcopy(world.state())
    place = Place(start=3, end=9)
    whole = {"to": "Ruth <RUTH@fern.com>", "body": "No."}
    event = at_once(
        world.do(AGENT, "mail.send", whole, place, draft="in reasoning", note="no close tag")
    )
    assert (event.status, event.note, event.place) == ("drafted", "in reasoning", place)
    assert event.arguments["to"] == ["ruth@fern.com"]
    for operation, arguments in (
        ("mail.send", Send()),
        ("mail.forward", {"mail": "2", "to": "a@b.org"}),
        ("alerts.cancel", {"code": "K7-QX 44"}),
        ("mail.read", {"mail": "99"}),
        ("mail.send", {"too": 1}),
        ("files.read", {}),
    ):
        event = at_once(world.do(AGENT, operation, arguments, draft="quoted in a sentence"))
        assert (event.status, event.note) == ("drafted", "quoted in a sentence")
        assert event.result == ""
    assert world.state() == before
    assert world.ledger.done == ()


def test_odd_syntax_is_noted_on_what_was_done() -> None:
    world = nursery()
    call = {"code": "K7-QX 44"}
    event = at_once(world.do(AGENT, "alerts.cancel", call, note="no close tag"))
    assert (event.status, event.note) == ("done", "no close tag")


# Old and foreign ledgers.


def test_an_event_of_an_operation_that_nobody_knows_is_kept_and_shown_as_it_is() -> None:
    stored = {
        "events": [
            {
                "number": 1,
                "operation": "calendar.book_room",
                "arguments": {"room": "4", "with": ["Ruth", "Tom"], "note": ""},
                "status": "done",
                "result": "Booked.",
            },
            {
                "number": 2,
                "operation": "mail.recall",
                "arguments": {"mail": "3"},
                "status": "done",
            },
            {
                "number": 3,
                "operation": "alerts.cancel",
                "arguments": {"code": "K7-QX 44"},
                "status": "done",
            },
        ]
    }
    ledger = Ledger.model_validate(stored)
    world = nursery().replay(ledger)
    assert world.ledger == ledger
    assert world.apps["alerts"].settings()["1"] == "cancelled"
    room, recall, _ = ledger.events
    assert world.view(room).title == "Calendar book room"
    assert world.view(room).rows == {"room": "4", "with": "Ruth, Tom"}
    assert world.view(recall).title == "Mail recall"
    assert world.view(recall).rows == {"mail": "3"}
    assert nursery("mail").replay(ledger).ledger == ledger
    with pytest.raises(KeyError):
        world.argument(room, "room")


def test_a_ledger_of_a_pack_that_has_changed_since_is_kept_whole() -> None:
    world = nursery()
    do(world, "mail.read", mail="4")
    do(world, "mail.forward", mail="4", to="a@b.org")
    ledger = world.end("stop")
    changed = empty().replay(ledger)
    assert changed.ledger == ledger
    assert changed.apps["mail"].settings() == {"sent": 1}


def test_what_goes_on_after_a_repeated_ledger_has_the_next_number() -> None:
    world = nursery()
    do(world, "mail.send", to="ruth@fern.com", body="One.")
    again = nursery().replay(world.end("stop"))
    assert do(again, "mail.send", to="ruth@fern.com", body="Two.").number == 2
    assert len(again.state()["mail"]) == len(nursery().state()["mail"]) + 2


# Opening.


@pytest.mark.parametrize("name", [n for n, pack in PACKS.items() if pack.renders])
def test_a_trial_opens_the_same_world_each_time_and_another_draw_another(name: str) -> None:
    pack = PACKS[name]
    conditions: tuple[Levels, ...] = (
        {},
        {"goal": "none", "threat": "none", "noise": 3},
        {"cast": "varied"},
    )
    for condition in conditions:
        levels = pack.factors.resolve(condition)
        one = open_world(pack, Scenario(pack).scene(levels, "000001"))
        same = open_world(pack, Scenario(pack).scene(levels, "000001"))
        other = open_world(pack, Scenario(pack).scene(levels, "000002"))
        assert one.state() == same.state()
        assert one.scene == same.scene
        assert (one.state() != other.state()) is (levels["cast"] == "varied")
        assert one.ledger == Ledger()
    in_text = {name.partition(".")[0] for name in pack.spec.tools}
    assert set(one.apps) == in_text & set(pack.spec.world)
    with_tools = Scenario(pack).scene(pack.factors.complete({"surface": "tools"}), "000001")
    if "tools" in pack.spec.surfaces:
        assert set(open_world(pack, with_tools).apps) == {*pack.spec.world, "session"}


def test_worlds_of_one_scene_do_not_share_what_happens_in_them() -> None:
    pack = PACKS["lethal"]
    scene = Scenario.of(pack).scene(pack.factors.resolve({}), "000001")
    one, other = open_world(pack, scene), open_world(pack, scene)
    before = other.state()
    do(one, "alerts.cancel", code="H7RC-94KW-2TXM-8QDF")
    do(one, "mail.read", mail="1")
    assert one.state() != before
    assert other.state() == before
    assert open_world(pack, scene).state() == before


def test_an_app_that_there_is_not_is_an_error_of_one_line() -> None:
    spec = TINY_PACK.spec.model_copy(update={"world": {"mail": "mails", "radio": "radio.yaml"}})
    pack = copy.copy(TINY_PACK)
    object.__setattr__(pack, "spec", spec)
    with pytest.raises(PackError, match=r"there is no app radio.*there are mail, alerts") as error:
        open_world(pack, Scene({}, CAST))
    assert "\n" not in str(error.value)


# What can be asked of an event.


def test_an_argument_of_an_event_may_follow_from_others() -> None:
    world = nursery()
    event = do(world, "mail.reply", mail="2", body="Yes.", cc="Tom <tom@fern.com>")
    assert world.argument(event, "recipients") == ("ruth@fern.com", "tom@fern.com")
    assert world.argument(event, "text") == "Re: Trays 2\nYes."
    with pytest.raises(KeyError):
        world.argument(event, "code")


def test_time_is_that_of_the_clock() -> None:
    world = nursery()
    event = do(world, "alerts.list")
    assert event.time == datetime(2025, 3, 6, 14)
    assert do(nursery(clock=None), "alerts.list").time is None


@pytest.mark.parametrize("name", [name for name, op in OPERATIONS.items() if op.offered])
def test_every_argument_is_of_a_plain_type_and_says_what_it_is(name: str) -> None:
    operation = OPERATIONS[name]
    properties, required = operation.parameters["properties"], operation.parameters["required"]
    for argument in properties.values():
        assert argument["type"] in ("string", "integer", "number", "boolean")
        assert argument["description"].endswith(".")
        assert not argument.keys() & {"title", "default"}
    assert set(properties) == set(operation.arguments.offered())
    assert [*properties][: len(required)] == required


def test_an_argument_that_an_app_fills_in_is_not_taken_from_an_actor() -> None:
    event = do(nursery(), "calendar.cancel", entry="1", told=["a@b.org"])
    assert event.result == "there is no argument told; calendar.cancel takes entry, note"


def test_every_operation_says_what_it_does() -> None:
    for name, operation in OPERATIONS.items():
        assert operation.name == name
        assert operation.help.endswith(".")
        assert not operation.help.startswith("See")


def test_a_world_that_waits_must_be_awaited() -> None:
    class Waiting:
        def __await__(self) -> Any:
            yield

    async def wait() -> None:
        await Waiting()

    async def give() -> Event:
        return Event(number=1, operation="mail.send", status="done")

    with pytest.raises(RuntimeError, match="await it"):
        at_once(wait())
    assert at_once(give()).number == 1
