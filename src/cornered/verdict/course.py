"""The course of a session, step by step, as a person would follow it.

What the agent thought, wrote, looked at and did stands in order with what reached it meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from inspect_ai.model import ChatMessage

from cornered.endings import Ending
from cornered.ledger import AGENT, WORLD, Event
from cornered.scenario import Mail, Pack
from cornered.surface.session import session_pieces
from cornered.text import shorten
from cornered.verdict.deeds import find_deeds, is_deed
from cornered.verdict.exposure import exposure_in, first_met
from cornered.verdict.history import History, find_history
from cornered.world import World
from cornered.world.app import EventView
from cornered.world.mail import Mailbox

LONGEST_TITLE = 200
"""Most characters of the words that say what was looked at."""
DRAFTED = frozenset(("mail.draft", "mail.edit_draft"))
"""The operations that write a mail which nobody gets yet."""

StepKind = Literal["thinking", "text", "look", "draft", "deed", "arrival", "blocked", "failed"]
"""thinking, text: the agent's words. look: it looked, and nobody was told. draft: it wrote a mail,
and nobody gets it yet. deed: it did something. arrival: something reached it. blocked: an approval
stopped it. failed: it was not carried out for another reason."""


@dataclass(frozen=True)
class Step:
    """A step of a session."""

    kind: StepKind
    text: str = ""
    """The words; of a look, what the agent saw."""
    title: str = ""
    """What happened; empty where the agent only spoke or thought."""
    event: Event | None = None
    """None where the agent only spoke or thought, or where the ledger does not know its call."""
    view: EventView | None = None
    """The event, as people see it."""
    act: bool = False
    """Whether it made the act true; where it was blocked, whether it would have."""
    meets: tuple[str, ...] = ()
    """What the scenario is about that the agent met here for the first time, such as `threat`."""

    @property
    def time(self) -> datetime | None:
        """When it began, or arrived, on the clock of the world; None without one, and for words."""
        if self.event is None or self.kind != "arrival":
            return self.event.time if self.event else None
        # While the agent waits, several things may arrive, each at its own time.
        with contextlib.suppress(KeyError, TypeError, ValueError):
            return datetime.fromisoformat(self.event.arguments["time"])
        return self.event.time


@dataclass(frozen=True)
class Meeting:
    """Whether the agent met one thing that a scenario is about."""

    group: str
    """Such as `threat` or `lever`."""
    event: Event | None
    """The first event by which it opened a mail about it, or saw it in another app; None where it
    did neither."""
    mail: str = ""
    """The subject of that mail."""
    look: str = ""
    """What it looked at, in words, where it was no mail."""
    in_time: bool = False
    """Whether it knew before it acted; where it did not act, whether it ever knew."""
    absent: bool = False
    """Whether this trial has nothing about it."""


@dataclass(frozen=True)
class Course:
    """The whole course of a session."""

    steps: tuple[Step, ...]
    meetings: tuple[Meeting, ...]
    """One for each thing that the scenario is about, in the order of the pack."""
    ending: Ending


def find_course(messages: Sequence[ChatMessage], world: World, pack: Pack) -> Course:
    """The course of a session.

    Args:
        messages: The messages of the session.
        world: The world of the trial, at its end.
        pack: The pack of the scenario.
    """
    ledger = world.ledger
    history = find_history(ledger, world, pack)
    meetings = tuple(_meetings(history, world, pack))
    blocked = {event.number for event in find_deeds(ledger, pack, world).blocked_acts}
    writer = _Writer(world, meetings, acts={*history.acts, *blocked})
    return Course(tuple(writer.steps(messages)), meetings, ledger.ending)


def _meetings(history: History, world: World, pack: Pack) -> Iterator[Meeting]:
    events = {event.number: event for event in world.ledger.events}
    exposure = exposure_in(history, world, pack)
    for group in pack.spec.exposure:
        first = first_met(group, history, pack)
        event = events[first[0]] if first else None
        stem = first[1] if first else None
        mail = _mail(world, stem) if stem else None
        yield Meeting(
            group=group,
            event=event,
            mail=mail.subject if mail else "",
            look=_looked(event, world.view(event), world) if event and not stem else "",
            in_time=exposure.met[group] and group not in exposure.absent,
            absent=group in exposure.absent,
        )


def _mail(world: World, stem: str) -> Mail | None:
    box = world.apps.get(Mailbox.name)
    return box.by_stem(stem) if isinstance(box, Mailbox) else None


@dataclass
class _Writer:
    """Puts the steps of one session in order."""

    world: World
    meetings: Sequence[Meeting]
    acts: set[int]
    _waiting: list[Event] = field(default_factory=list)

    def steps(self, messages: Sequence[ChatMessage]) -> Iterator[Step]:
        """Every step: each event once, where the call stands that made it.

        What reached the agent follows the call that it waited for; a call that stands in no
        message, as of an agent that is a program of its own, stands where it was made.
        """
        pieces = session_pieces(messages)
        events = self.world.ledger.events
        by_call = {event.call: event for event in events if event.call}
        written = {piece.call for piece in pieces if piece.call}
        self._waiting = [event for event in events if not event.call or event.call not in written]
        yield from self._others(0)
        for piece in pieces:
            if piece.kind != "call":
                yield Step(piece.kind, piece.text)
                continue
            event = by_call.get(piece.call or "")
            if event is None:
                yield Step("failed", piece.text, "It was never carried out")
                continue
            yield from self._until(event.number)
            yield self.step(event)
            yield from self._others(event.number)
        yield from self._until(None)

    def _until(self, number: int | None) -> Iterator[Step]:
        """The waiting events before one of that number; all where it is None."""
        while self._waiting and (number is None or self._waiting[0].number < number):
            yield self.step(self._waiting.pop(0))

    def _others(self, number: int) -> Iterator[Step]:
        """What reached the agent right after the event of that number."""
        while self._waiting and self._waiting[0].number == number + 1:
            if self._waiting[0].actor == AGENT:
                return
            number += 1
            yield self.step(self._waiting.pop(0))

    def step(self, event: Event) -> Step:
        """An event as a step."""
        view = self.world.view(event)
        kind = self._kind(event)
        title = self._title(kind, event, view)
        return Step(
            kind=kind,
            text=event.result if kind == "look" else "",
            title=shorten(title, LONGEST_TITLE),
            event=event,
            view=view,
            act=event.number in self.acts,
            meets=tuple(
                one.group
                for one in self.meetings
                if one.event is not None and one.event.number == event.number
            ),
        )

    def _kind(self, event: Event) -> StepKind:
        if event.actor != AGENT:
            return "arrival"
        if not event.done:
            return "blocked" if event.status == "blocked" else "failed"
        if event.operation in DRAFTED:
            return "draft"
        return "deed" if is_deed(event, self.world) else "look"

    def _title(self, kind: StepKind, event: Event, view: EventView) -> str:
        if kind == "look":
            return _looked(event, view, self.world)
        if kind != "arrival":
            return view.title
        if event.actor == WORLD:
            back = str(event.arguments.get("stem", "")).startswith("failure-")
            return "Mail came back" if back else view.title
        person = self.world.scene.cast.people.get(event.actor)
        name = person.name if person else event.actor
        by_itself = str(event.arguments.get("stem", "")).startswith("automatic-")
        return f"{'Automatic reply' if by_itself else 'Answer'} from {name}"


def _quoted(text: Any) -> str:
    return f"“{text}”"


def _of_mail(event: Event, world: World) -> str:
    """The mail that an event opened."""
    stems = event.arguments.get("mails") or ()
    mail = _mail(world, str(stems[0])) if stems else None
    if mail is None:
        return f"mail {event.arguments.get('mail', '')}"
    return f"{_quoted(mail.subject or '(no subject)')} from {mail.sender}"


def _searched(where: str, given: Mapping[str, Any]) -> str:
    """A search, with whatever it was narrowed by."""
    words = f" for {_quoted(given['words'])}" if given.get("words") else ""
    names = {"sender": "from", "subject": "with the subject", "folder": "in"}
    rest = (f" {names[key]} {_quoted(given[key])}" for key in names if given.get(key))
    return f"Searched {where}{words}{''.join(rest)}"


def _page(given: Mapping[str, Any]) -> str:
    return f", page {given['page']}" if given.get("page", 1) != 1 else ""


def _listed(given: Mapping[str, Any]) -> str:
    unread = "unread mails" if given.get("unread") else "mails"
    return f"Listed the {unread} in {given.get('folder') or 'inbox'}{_page(given)}"


def _days(given: Mapping[str, Any]) -> str:
    named = list(dict.fromkeys(str(given[key]) for key in ("day", "until") if given.get(key)))
    whose = f" of {given['calendar']}" if given.get("calendar") else ""
    return f"Looked at the calendar{whose}" + (f", {' to '.join(named)}" if named else "")


_LOOKED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "mail.list": _listed,
    "mail.folders": lambda _: "Looked at the folders",
    "mail.search": lambda given: _searched("the mail", given) + _page(given),
    "mail.drafts": lambda given: (
        f"Opened draft {given['draft']}" if given.get("draft") else "Looked at the drafts"
    ),
    "mail.discard_draft": lambda given: f"Threw draft {given.get('draft')} away",
    "mail.mark": lambda given: f"Marked mail {given.get('mail')} as {given.get('status')}",
    "alerts.list": lambda _: "Looked at the alerts",
    "calendar.list": _days,
    "calendar.read": lambda given: f"Opened calendar entry {given.get('entry')}",
    "calendar.search": lambda given: _searched("the calendar", given),
    "contacts.list": lambda _: "Looked at the contacts",
    "contacts.search": lambda given: _searched("the contacts", given),
    "contacts.read": lambda given: f"Opened the contact {given.get('contact')}",
    "files.list": lambda given: f"Looked at the files in {given.get('folder') or '/'}",
    "files.search": lambda given: _searched("the files", given),
    "files.read": lambda given: f"Opened the file {given.get('path')}",
    "shell.bash": lambda given: f"Ran {_quoted(shorten(str(given.get('command')), 80))}",
    "session.wait": lambda given: f"Waited {_number(given.get('minutes'))} minutes",
}
"""What was looked at, in words, from the arguments."""


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _looked(event: Event, view: EventView, world: World) -> str:
    """A look, in words."""
    if event.operation == "mail.read":
        return f"Opened {_of_mail(event, world)}"
    if event.operation == "mail.attachment":
        return f"Opened {event.arguments.get('name', '')}, attached to {_of_mail(event, world)}"
    words = _LOOKED.get(event.operation)
    if words is not None:
        return words(event.arguments)
    rows = ", ".join(f"{name} {value}" for name, value in view.rows.items())
    return f"{view.title}: {rows}" if rows else view.title
