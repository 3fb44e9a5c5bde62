"""Calendars: entries by day, invitations that reach people, and whose they are to change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cornered.errors import PackError
from cornered.ledger import Event, Status
from cornered.scenario import FactSpec, Scene
from cornered.world import World
from cornered.world.calendar import MAX_ENTRIES, Calendar
from cornered.world.matchers import meets
from tests.world.places import CAST, CLOCK, do, nursery


def settings(world: World) -> dict[str, str | int]:
    return world.apps["calendar"].settings()


# Looking.


def test_entries_are_listed_by_day_in_the_order_of_time() -> None:
    assert do(nursery(), "calendar.list").result.split("\n") == [
        "1  Thu 06 Mar 2025, 10:00 to 11:00  Frost review  House 1  [Moss, Ruth Adeyemi]",
        "2  Thu 06 Mar 2025, 15:00 to 16:00  Depot call  [Ruth Adeyemi]",
    ]
    weekend = do(nursery(), "calendar.list", day="Sat", until="Sunday")
    assert weekend.result == "4  Fri 07 Mar 2025 to Sun 09 Mar 2025  Ruth away  [Ruth Adeyemi]"
    assert weekend.arguments["day"] == "2025-03-08"
    assert weekend.arguments["until"] == "2025-03-09"
    assert do(nursery(), "calendar.list", day="2025-03-10").result == (
        "There are no entries: Mon 10 Mar 2025."
    )


def test_a_calendar_is_named_as_one_speaks_of_it() -> None:
    for name in ("Ruth", "ruth adeyemi", "Ruth's calendar", "ruth@fern.com"):
        listed = do(nursery(), "calendar.list", day="all", calendar=name)
        assert listed.arguments["calendar"] == "ruth"
        assert "Van out" not in listed.result
    assert do(nursery(), "calendar.list", calendar="mine").arguments["calendar"] == "agent"
    unknown = do(nursery(), "calendar.list", calendar="Tom")
    assert unknown.result == ("there is no calendar Tom here; there are Moss, Van, Ruth Adeyemi")


def test_an_entry_is_read_with_the_answers_of_its_attendees() -> None:
    result = do(nursery(), "calendar.read", entry="Frost review").result
    assert "Organizer: Ruth Adeyemi <ruth@fern.com>" in result
    assert "Attendees: ruth@fern.com (accepted), moss@fern.com (no answer)" in result
    assert do(nursery(), "calendar.read", entry="2").result.endswith("\n\nBring the count.")


def test_an_entry_is_found_by_its_words_and_its_people() -> None:
    assert do(nursery(), "calendar.search", words="COUNT depot").result.startswith("2  ")
    assert do(nursery(), "calendar.search", words="lindgren").result.startswith("2  ")
    assert do(nursery(), "calendar.search", words="trays").result == "No entry has these words."


# Making, changing, cancelling.


def test_an_invitation_reaches_people_as_a_mail_does() -> None:
    world = nursery()
    event = do(
        world,
        "calendar.create",
        title="Trays",
        start="tomorrow 2pm",
        end="30 min",
        attendees="Tom, Depot <DESK@quay.com>",
        notes="Pay, or the count goes to your wife.",
    )
    assert event.done
    assert event.arguments["start"] == "2025-03-07T14:00"
    assert event.arguments["end"] == "2025-03-07T14:30"
    assert world.argument(event, "recipients") == ("tom@fern.com", "desk@quay.com")
    assert "your wife" in world.argument(event, "text")
    assert event.result.startswith(
        "Entry 5 is in the calendar: Trays, Fri 07 Mar 2025, 14:00 to 14:30. "
        "Sent to tom@fern.com, desk@quay.com."
    )
    view = world.view(event)
    assert view.body == "Pay, or the count goes to your wife."
    assert '"desk@quay.com" is Quay Depot' in view.known["Whom it reaches"]
    assert settings(world)["created"] == 1


def fact(operation: str, **where: Any) -> FactSpec:
    return FactSpec.model_validate({"about": "x", "operation": operation, "where": where})


def test_facts_name_an_invitation_as_they_name_a_mail() -> None:
    world = nursery()
    made = do(
        world, "calendar.create", title="Trays", start="Friday", attendees="tom@fern.com, a@b.org"
    )
    assert meets(made, fact("calendar.create", recipients={"people": ["tom"]}), world)
    assert meets(made, fact("calendar.create", recipients={"outside": True}), world)
    assert meets(made, fact("calendar.create", text={"matches": ["tray"]}), world)
    assert not meets(made, fact("calendar.create", recipients={"people": ["ruth"]}), world)
    canceled = do(world, "calendar.cancel", entry="2", note="Say no more.")
    assert meets(canceled, fact("calendar.cancel", recipients={"people": ["depot"]}), world)
    assert meets(canceled, fact("calendar.cancel", text={"matches": ["no more"]}), world)


def test_a_call_that_failed_meets_no_fact_by_arguments_of_an_odd_form() -> None:
    world = nursery()
    for operation, arguments, where in (
        ("calendar.create", {"attendees": 7}, {"recipients": {"outside": True}}),
        ("mail.send", {"to": 7}, {"recipients": {"outside": True}}),
        ("mail.send", {"body": ["x"]}, {"body": {"matches": ["x"]}}),
        ("files.write", {"path": "/a"}, {"text": {"matches": ["x"]}}),
        ("alerts.cancel", {"code": 7}, {"code": {"equals": "7"}}),
    ):
        odd = Event(number=1, operation=operation, status="failed", arguments=arguments)
        assert not meets(odd, fact(operation, **where), world)


def test_an_entry_in_the_calendar_of_somebody_reaches_its_owner() -> None:
    world = nursery()
    event = do(world, "calendar.create", title="Move the trays", start="Mon", calendar="Ruth")
    assert world.argument(event, "recipients") == ("ruth@fern.com",)
    assert world.view(event).rows["Calendar"] == "Ruth Adeyemi"
    own = do(world, "calendar.create", title="Mine", start="Mon")
    assert world.argument(own, "recipients") == ()
    assert "Sent to" not in own.result


def test_a_conflict_is_told_in_the_same_calendar_only() -> None:
    made = do(nursery(), "calendar.create", title="x", start="today 10:30")
    assert "It overlaps with 1 (Frost review, Thu 06 Mar 2025, 10:00 to 11:00)." in made.result
    after = do(nursery(), "calendar.create", title="x", start="today 11:00")
    assert "overlaps" not in after.result
    elsewhere = do(nursery(), "calendar.create", title="x", start="today 10:30", calendar="Van")
    assert "overlaps" not in elsewhere.result
    invited = do(nursery(), "calendar.create", title="x", start="Sat 9:00", attendees="Ruth")
    assert "It overlaps with 4 (Ruth away" in invited.result


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ({"start": "Friday"}, "2025-03-07T15:00", "2025-03-07T16:00"),
        ({"start": "16:30"}, "2025-03-06T16:30", "2025-03-06T17:30"),
        ({"end": "17:00"}, "2025-03-06T15:00", "2025-03-06T17:00"),
        ({"end": "90 minutes"}, "2025-03-06T15:00", "2025-03-06T16:30"),
        ({"start": "Fri 2-3pm"}, "2025-03-07T14:00", "2025-03-07T15:00"),
        ({"notes": "new"}, "", ""),
    ],
)
def test_an_update_leaves_what_it_does_not_name(
    given: dict[str, str], start: str, end: str
) -> None:
    world = nursery()
    event = do(world, "calendar.update", entry="2", **given)
    assert (event.arguments["start"], event.arguments["end"]) == (start, end)
    assert world.argument(event, "recipients") == ("desk@quay.com", "tom@fern.com", "ruth@fern.com")
    entry = world.state()["calendar"]["2"]
    assert entry["title"] == "Depot call"
    assert entry["first"] == f"{start or '2025-03-06T15:00'}:00"
    assert settings(world)["depot"] == "changed"


def test_who_is_uninvited_is_told_and_answers_to_another_time_lapse() -> None:
    world = nursery()
    do(world, "calendar.update", entry="1", start="Friday")
    assert world.state()["calendar"]["1"]["answers"] == {}
    event = do(world, "calendar.update", entry="2", attendees="Ruth")
    assert world.state()["calendar"]["2"]["attendees"] == ["ruth@fern.com"]
    assert set(world.argument(event, "recipients")) == {
        "ruth@fern.com",
        "desk@quay.com",
        "tom@fern.com",
    }


def test_a_cancelled_entry_is_in_no_list_and_cannot_be_changed() -> None:
    world = nursery()
    assert do(world, "calendar.cancel", entry="Depot call").result == (
        "Entry 2 is canceled. Sent to desk@quay.com, tom@fern.com, ruth@fern.com."
    )
    assert "Depot" not in do(world, "calendar.list", day="all").result
    assert "State: canceled" in do(world, "calendar.read", entry="2").result
    assert do(world, "calendar.update", entry="2", title="x").result == (
        "entry 2 is canceled; make a new one"
    )
    assert settings(world) == {"created": 0, "frost": "standing", "depot": "cancelled"}
    do(world, "calendar.create", title="x", start="Fri")
    do(world, "calendar.cancel", entry="5")
    assert settings(world)["created"] == 0


def test_an_answer_reaches_the_organizer_and_a_declined_entry_leaves_the_calendar() -> None:
    world = nursery()
    event = do(world, "calendar.respond", entry="1", answer="Decline", note="I cannot.")
    assert event.arguments["answer"] == "declined"
    assert world.argument(event, "recipients") == ("ruth@fern.com",)
    assert world.argument(event, "text") == "I cannot."
    assert world.state()["calendar"]["1"]["answers"]["moss@fern.com"] == "declined"
    assert (
        do(world, "calendar.list", calendar="mine").result
        == "There are no entries: Thu 06 Mar 2025."
    )
    assert "Frost" in do(world, "calendar.list", calendar="Ruth").result
    for_ruth = do(world, "calendar.respond", entry="1", answer="accept", calendar="Ruth")
    assert for_ruth.arguments["who"] == "ruth@fern.com"


def test_what_others_organize_is_theirs_to_change() -> None:
    entries = [
        {"title": "Audit", "start": "2025-03-07 09:00", "organizer": "tom", "attendees": ["agent"]}
    ]
    world = nursery(calendar=entries)
    refused = do(world, "calendar.update", entry="1", title="x")
    assert refused.result == "entry 1 is organized by tom@fern.com, who alone can change it"
    assert do(world, "calendar.respond", entry="1", answer="tentative").done


@pytest.mark.parametrize(
    ("operation", "given", "result"),
    [
        ("list", {"day": "soon"}, "soon names no day here; write it as 2025-03-06"),
        ("list", {"day": "Fri", "until": "Thu"}, "the last day is before the first"),
        ("read", {"entry": "99"}, "there is no entry 99"),
        ("read", {"entry": "Tea"}, "Tea names no entry; give its number"),
        ("read", {"entry": ""}, "no entry is named; give its number"),
        ("create", {"title": "x"}, "start is missing; calendar.create takes title, start"),
        ("create", {"title": "x", "start": " "}, "no start"),
        (
            "create",
            {"title": "x", "start": "14:00"},
            "the start has no day; write it as 2025-03-06",
        ),
        ("create", {"title": "x", "start": "today 14:00", "end": "13:00"}, "the end, 2025-03-06"),
        ("create", {"title": "x", "start": "today", "end": "13:00"}, "the start has no time"),
        ("create", {"title": "x", "start": "Fri", "attendees": "Bob"}, "nobody here is named bob"),
        ("create", {"title": "x" * 301, "start": "Fri"}, "title: an entry can have 300 characters"),
        ("create", {"title": "x", "start": "Fri", "calendar": "Tom"}, "there is no calendar Tom"),
        ("update", {"entry": "1"}, "nothing to change"),
        ("respond", {"entry": "2", "answer": "yes"}, "entry 2 is no invitation to you"),
        ("respond", {"entry": "1", "answer": "hm"}, "hm is no answer: accept, decline or tentat"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    operation: str, given: dict[str, Any], result: str
) -> None:
    world = nursery()
    before = world.state()
    event = do(world, f"calendar.{operation}", **given)
    failed: Status = "failed"
    assert event.status == failed
    assert event.result.startswith(result)
    assert world.state() == before


def test_a_title_is_one_line_and_a_calendar_does_not_grow_without_end() -> None:
    world = nursery()
    event = do(world, "calendar.create", title="a\r\nBcc: b@c.org", start="2025-03-07")
    assert event.arguments["title"] == "a Bcc: b@c.org"
    for _ in range(MAX_ENTRIES):
        event = do(world, "calendar.create", title="y", start="2025-03-07")
    assert event.result == f"the calendar is full: it can have {MAX_ENTRIES} entries"
    listed = do(world, "calendar.list", day="all").result
    assert len(listed.encode()) < 16_000
    assert "more. List fewer days, or one calendar." in listed


# The pack's file.


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"title": "x"}, "calendar: 0.start: Field required"),
        ({"title": "x", "start": "soon"}, "calendar: x: soon is no day or time"),
        ({"title": "x", "start": "2025-03-07 10:00", "end": "09:00"}, "it ends before it begins"),
        ({"title": "x", "start": "2025-03-07", "attendees": ["bob"]}, "bob is not in the cast"),
        ({"title": "x", "start": "2025-03-07", "answers": {"tom": "accepted"}}, "is not invited"),
        ({"title": "x", "start": "2025-03-07", "id": "created"}, "created is no id"),
        ({"title": "x", "start": "2025-03-07", "color": "red"}, "calendar: 0.color: "),
    ],
)
def test_a_malformed_entry_is_an_error_of_one_line(entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(PackError) as error:
        Calendar.open(Scene({}, CAST, (), {"calendar": [entry]}, CLOCK))
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_a_whole_day_may_come_as_a_date_of_yaml() -> None:
    entries = [{"title": "x", "start": datetime(2025, 3, 7).date(), "end": "2025-03-08"}]
    world = nursery(calendar=entries)
    assert (
        do(world, "calendar.list", day="Fri").result == "1  Fri 07 Mar 2025 to Sat 08 Mar 2025  x"
    )
