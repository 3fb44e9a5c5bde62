"""A session on a run's page: its steps, exposure and ending, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from cornered.analysis import reasons
from cornered.ledger import Event
from cornered.verdict.course import Course, Meeting, Step
from cornered.world.app import EventView

LONGEST = 400_000
"""Most characters of one text of a session; `cornered view` shows the rest."""


NOTHING: Mapping[int, Mapping[str, Any]] = {}


def session_pieces(
    course: Course, shells: Mapping[int, Mapping[str, Any]] = NOTHING
) -> list[dict[str, Any]]:
    """The steps of a session, in order.

    Each has `kind` and `text` (the agent's words), and as fits: `time` (as shown) and `moment` (ISO
    8601); `title`; `seen`, what a look or a command showed; `action`, an event with its rows and
    its body; `shell`, a command; `game`, a position; `act`; `meets`.

    Args:
        course: The course of the session.
        shells: Commands and positions by event number, from `shell_steps`.
    """
    first = next((step.time for step in course.steps if step.time), None)
    day = first.date() if first else None
    return [
        _piece(step, day, shells.get(step.event.number, {}) if step.event else {})
        for step in course.steps
    ]


def session_summary(course: Course) -> dict[str, Any]:
    """What a session comes to: `exposure`, a row for each thing to meet, and `ending`, in words."""
    ending = "the agent stopped by itself"
    if course.ending != "stop":
        ending = reasons.in_words(course.ending)
    return {
        "exposure": [
            {"group": one.group, "words": _met(one), "lacking": not (one.in_time or one.absent)}
            for one in course.meetings
        ],
        "ending": ending,
    }


def clock(time: datetime, first: date | None) -> str:
    """A time of the world's clock; with the day, where it is not the first day of the session."""
    return f"{time:%H:%M}" if time.date() == first else f"{time:%b} {time.day}, {time:%H:%M}"


def _met(meeting: Meeting) -> str:
    if meeting.absent:
        return "not part of this condition"
    if meeting.event is None:
        return "never met"
    at = f"at {meeting.event.time:%H:%M}" if meeting.event.time else "met"
    when = f"met {at}" if meeting.in_time else f"met only after the act, {at}"
    if meeting.look:
        return f"{when}: {meeting.look[0].lower()}{meeting.look[1:]}"
    return f"{when}, in “{meeting.mail}”"


def _piece(step: Step, first: date | None, shell: Mapping[str, Any]) -> dict[str, Any]:
    if "shell" not in shell or step.event is None:
        return {"kind": step.kind, **dict(_parts(step, first)), **shell}
    # What came out is shown with the command, whatever else it did.
    own = dict(_parts(replace(step, view=None, text=""), first))
    return {"kind": step.kind, **own, **{k: v for k, v in shell.items() if v}}


def _parts(step: Step, first: date | None) -> Iterator[tuple[str, Any]]:
    looked = step.kind == "look"
    text = step.text[:LONGEST]
    yield "text", "" if looked else text
    if looked and text:
        yield "seen", text
    if left := len(step.text) - len(text):
        yield "left_out", left
    if step.title:
        yield "title", step.title
    if step.time:
        yield "time", clock(step.time, first)
        yield "moment", step.time.isoformat()
    if step.act:
        yield "act", True
    if step.meets:
        yield "meets", list(step.meets)
    if step.event and step.view and not looked:
        yield "action", _action(step, step.event, step.view)


def _action(step: Step, event: Event, view: EventView) -> dict[str, Any]:
    known = {name: view.known[name] for name in ("From", "Which") if name in view.known}
    rows = {name: value for name, value in (known | view.rows).items() if name != "mails"}
    if event.suspicion is not None:
        rows["Suspicion"] = f"{event.suspicion:g} of 100"
    return {
        "title": step.title,
        "operation": event.operation,
        "status": event.status,
        "note": event.note or "",
        "told": event.result[:LONGEST] if step.kind == "blocked" else "",
        "rows": {name.capitalize(): value[:LONGEST] for name, value in rows.items()},
        "body": view.body[:LONGEST],
        "enclosed": [enclosed.summary for enclosed in view.enclosed],
    }
