"""Calendars: the agent's own, and those that it keeps for others.

An entry with attendees sends them an invitation when it is made, changed or cancelled. So its
arguments have `recipients` and `text`, as those of a mail: a fact about what reaches somebody can
name both. An entry in a calendar that is kept for somebody reaches them, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter

from cornered.errors import PackError
from cornered.ledger import AGENT, Event
from cornered.scenario import Cast, Scene
from cornered.world.app import App, Arguments, Enclosed, EventView, Refused, operation
from cornered.world.calendar_arguments import (
    Cancel,
    Create,
    Days,
    Invitation,
    OneEntry,
    Respond,
    Update,
    Words,
)
from cornered.world.days import read_days
from cornered.world.entries import (
    CREATED,
    OWN,
    Answer,
    Entry,
    EntrySpec,
    Kept,
    entry_times,
    kept_for,
    read_entry,
    span_of,
)
from cornered.world.results import as_list, page, shortened

MAX_ENTRIES = 500
MAX_LINE = 300
"""Characters of a title or a place."""
MAX_NOTES = 5_000
MAX_ATTENDEES = 200
_ANSWERS: Mapping[str, Answer] = {
    **dict.fromkeys(("accept", "accepted", "yes", "attend", "attending", "going"), "accepted"),
    **dict.fromkeys(("decline", "declined", "no", "reject", "rejected"), "declined"),
    **dict.fromkeys(("tentative", "tentatively", "maybe", "perhaps", "undecided"), "tentative"),
}


class Calendar(App):
    """The calendars of a world.

    Args:
        entries: The entries at the start.
        calendars: The calendars that are kept here, the agent's own first.
        cast: The cast; its agent keeps the calendars.
    """

    name: ClassVar[str] = "calendar"
    titles: ClassVar[Mapping[str, str]] = {
        "calendar.create": "Calendar entry made",
        "calendar.update": "Calendar entry changed",
        "calendar.cancel": "Calendar entry canceled",
        "calendar.respond": "Invitation answered",
    }

    def __init__(self, entries: Iterable[Entry], calendars: Iterable[Kept], cast: Cast) -> None:
        self.cast = cast
        self._calendars = {kept.key: kept for kept in calendars}
        self._entries = {entry.number: entry for entry in entries}
        self._last = max(self._entries, default=0)

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The calendars in the pack's file; entries are numbered in the order of time.

        Raises:
            PackError: an entry is malformed, or names somebody who is not in the cast.
        """
        specs = cls.content(
            scene,
            TypeAdapter(list[EntrySpec]),
            [],
            fix="each entry has title and start; id, end, place, calendar, organizer, attendees, "
            "answers, notes and when as needed",
        )
        ids = [spec.id for spec in specs if spec.id]
        if twice := next((i for i in ids if ids.count(i) > 1 or i == CREATED), None):
            what = f"{twice} is no id" if twice == CREATED else f"two entries have the id {twice}"
            raise PackError(f"calendar: {what}", fix="give each an id of its own")
        keys = dict.fromkeys((OWN, *(spec.calendar for spec in specs)))
        calendars = {key: kept_for(key, scene.cast) for key in keys}
        entries = [read_entry(spec, calendars[spec.calendar], scene.cast) for spec in specs]
        entries.sort(key=lambda entry: (entry.first, entry.last, entry.title))
        numbered = [replace(entry, number=n) for n, entry in enumerate(entries, 1)]
        return cls(numbered, calendars.values(), scene.cast)

    # Looking.

    @operation(changes=False, looks=True, minutes=0.5)
    def list(self, actor: str, arguments: Days) -> str:
        """List the calendar entries of a day or of several days: number, time, title, place."""
        del actor
        first, last = date.fromisoformat(arguments.day), date.fromisoformat(arguments.until)
        after = datetime.combine(last, time()) + timedelta(days=1)
        found = [
            entry
            for entry in self._standing()
            if entry.overlaps(datetime.combine(first, time()), after)
            and (seen := self._seen_in(entry))
            and (not arguments.calendar or arguments.calendar in seen)
        ]
        days = f"{first:%a %d %b %Y}" + (f" to {last:%a %d %b %Y}" if last > first else "")
        return as_list(
            [self._line(entry) for entry in found],
            f"There are no entries: {days}.",
            "List fewer days, or one calendar.",
        )

    @operation(changes=False, looks=True, minutes=1)
    def read(self, actor: str, arguments: OneEntry) -> str:
        """Open a calendar entry: time, place, people with their answers, notes."""
        del actor
        entry = self._one(arguments.entry)
        rows = self._rows(entry)
        head = "\n".join(f"{label}: {value}" for label, value in rows.items() if value)
        notes, last, lines = page(entry.notes, 1)
        more = "\n\n[The notes are longer.]" if last < lines else ""
        return f"{head}\n\n{notes}{more}".rstrip()

    @operation(changes=False, looks=True, minutes=0.5)
    def search(self, actor: str, arguments: Words) -> str:
        """List the calendar entries that have all of these words, of any day."""
        del actor
        words = arguments.words.casefold().split()
        found = [e for e in self._standing() if all(w in self._words(e) for w in words)]
        lines = [self._line(entry) for entry in found]
        return as_list(lines, "No entry has these words.", "Search for more words to see fewer.")

    # Changing.

    @operation(changes=True, minutes=2)
    def create(self, actor: str, arguments: Create) -> str:
        """Make a calendar entry. Everybody among its attendees gets an invitation, and is told
        of later changes."""
        del actor
        if len(self._entries) >= MAX_ENTRIES:
            raise Refused(f"the calendar is full: it can have {MAX_ENTRIES} entries")
        self._check_size(arguments)
        first, last, whole = span_of(arguments.start, arguments.end)
        kept = self._calendar(arguments.calendar)
        self._last += 1
        entry = Entry(
            number=self._last,
            title=arguments.title,
            first=first,
            last=last,
            whole=whole,
            place=arguments.place,
            calendar=kept.key,
            organizer=kept.address or self.cast.agent.address.lower(),
            attendees=tuple(arguments.attendees),
            notes=arguments.notes,
            made=True,
        )
        self._entries[entry.number] = entry
        made = (
            f"Entry {entry.number} is in the calendar: {shortened(entry.title, 80)}, {entry.when}."
        )
        return self._told(made, arguments.told, entry)

    @operation(changes=True, minutes=2)
    def update(self, actor: str, arguments: Update) -> str:
        """Change a calendar entry. Everybody invited is told."""
        del actor
        old = self._one(arguments.entry)
        self._check_size(arguments)
        first, last, whole = old.first, old.last, old.whole
        if arguments.start:
            first, last, whole = span_of(arguments.start, arguments.end)
        attendees = tuple(arguments.attendees) or old.attendees
        moved = (first, last) != (old.first, old.last)
        entry = replace(
            old,
            title=arguments.title or old.title,
            first=first,
            last=last,
            whole=whole,
            place=arguments.place or old.place,
            attendees=attendees,
            # Who accepted another time has not accepted this one.
            answers={a: one for a, one in old.answers.items() if a in attendees and not moved},
            notes=arguments.notes or old.notes,
            state="changed",
        )
        self._entries[old.number] = entry
        made = f"Entry {entry.number} is changed: {shortened(entry.title, 80)}, {entry.when}."
        return self._told(made, arguments.told, entry)

    @operation(changes=True, minutes=1)
    def cancel(self, actor: str, arguments: Cancel) -> str:
        """Cancel a calendar entry; it is then no longer listed. Everybody invited is told."""
        del actor
        entry = self._one(arguments.entry)
        if entry.state == "cancelled":
            raise Refused(f"entry {entry.number} is canceled already")
        self._entries[entry.number] = replace(entry, state="cancelled")
        return self._told(f"Entry {entry.number} is canceled.", arguments.told)

    @operation(changes=True, minutes=1)
    def respond(self, actor: str, arguments: Respond) -> str:
        """Answer an invitation: accept, decline or tentative. The organizer is told."""
        del actor
        entry = self._one(arguments.entry)
        answer = _ANSWERS[arguments.answer]
        answers = {**entry.answers, arguments.who: answer}
        self._entries[entry.number] = replace(entry, answers=answers)
        return self._told(f"Entry {entry.number}: {answer}.", arguments.told)

    def _told(self, result: str, told: Iterable[str], entry: Entry | None = None) -> str:
        """A result, with who was told, and with what an entry conflicts."""
        if told := [*told]:
            result += f" Sent to {shortened(', '.join(told))}."
        conflicts = self._conflicts(entry) if entry else ()
        if conflicts:
            named = ", ".join(
                f"{e.number} ({shortened(e.title, 60)}, {e.when})" for e in conflicts[:5]
            )
            more = f" and {len(conflicts) - 5} more" if len(conflicts) > 5 else ""
            result += f" It overlaps with {named}{more}."
        return result

    def _conflicts(self, entry: Entry) -> tuple[Entry, ...]:
        """The entries at the same time in a calendar that the entry is in, too."""
        where = self._seen_in(entry)
        return tuple(
            other
            for other in self._standing()
            if other.number != entry.number
            and other.overlaps(entry.first, entry.last)
            and not where.isdisjoint(self._seen_in(other))
        )

    # What arguments mean.

    def resolve(self, arguments: Arguments) -> Arguments:
        """Days and times in full, the entry by its number, people by address, and who is told.

        Raises:
            Refused: they name no day, entry, calendar or person, or one that is not the agent's
                to change.
        """
        if isinstance(arguments, Days):
            return self._days(arguments)
        if isinstance(arguments, Create):
            return self._created(arguments)
        if isinstance(arguments, Update):
            return self._updated(arguments)
        if isinstance(arguments, Cancel):
            entry = self._own(arguments.entry)
            return arguments.model_copy(
                update={"entry": str(entry.number), "told": self._audience(entry)}
            )
        if isinstance(arguments, Respond):
            return self._answered(arguments)
        if isinstance(arguments, OneEntry):
            return arguments.model_copy(update={"entry": str(self._one(arguments.entry).number)})
        return arguments

    def _days(self, days: Days) -> Days:
        now = self.clock.now
        first, last = read_days(days.day or "today", now)
        if days.until:
            last = read_days(days.until, now)[1]
        if last < first:
            raise Refused("the last day is before the first")
        calendar = self._calendar(days.calendar).key if days.calendar else ""
        return days.model_copy(
            update={"day": first.isoformat(), "until": last.isoformat(), "calendar": calendar}
        )

    def _created(self, create: Create) -> Create:
        kept = self._calendar(create.calendar) if create.calendar else self._calendars[OWN]
        start, end = entry_times(create.start, create.end, None, self.clock.now)
        attendees = self._people(create.attendees)
        told = self._others((*attendees, kept.address))
        return create.model_copy(
            update={
                "start": start,
                "end": end,
                "attendees": attendees,
                "calendar": kept.key,
                "told": told,
            }
        )

    def _updated(self, update: Update) -> Update:
        entry = self._own(update.entry)
        if entry.state == "cancelled":
            raise Refused(f"entry {entry.number} is canceled; make a new one")
        start, end = "", ""
        if update.start or update.end:
            start, end = entry_times(update.start, update.end, entry, self.clock.now)
        attendees = self._people(update.attendees)
        told = self._others((*self._audience(entry), *attendees))
        return update.model_copy(
            update={
                "entry": str(entry.number),
                "start": start,
                "end": end,
                "attendees": attendees,
                "told": told,
            }
        )

    def _answered(self, respond: Respond) -> Respond:
        entry = self._one(respond.entry)
        answer = _ANSWERS.get(respond.answer.strip(" .!").casefold())
        if answer is None:
            raise Refused(
                f"{shortened(respond.answer, 60)} is no answer: accept, decline or tentative"
            )
        if entry.state == "cancelled":
            raise Refused(f"entry {entry.number} is canceled")
        if respond.calendar:
            who = self._calendar(respond.calendar)
            invited = [who] if who.address in entry.attendees else []
        else:
            kept = [
                c for c in self._calendars.values() if c.address in entry.attendees and c.address
            ]
            invited = [c for c in kept if c.key == OWN] or kept
        if not invited:
            raise Refused(
                f"entry {entry.number} is no invitation to you or to whom you keep it for"
            )
        if len(invited) > 1:
            names = ", ".join(c.name for c in invited)
            raise Refused(f"say for whom, as `calendar`: {names}")
        told = self._others((entry.organizer,)) if entry.organizer != invited[0].address else ()
        return respond.model_copy(
            update={
                "entry": str(entry.number),
                "answer": answer,
                "calendar": invited[0].key,
                "who": invited[0].address,
                "told": told,
            }
        )

    def _calendar(self, name: str) -> Kept:
        """The calendar that a name means."""
        plain = name.casefold().strip(" \"'`.,")
        plain = plain.removesuffix("calendar").strip().removesuffix("'s").removesuffix("’s")
        if plain in ("my", "mine", "me", "own", "my own", "self", "primary", "default"):
            return self._calendars[OWN]
        for of in (_names, _parts):
            found = [kept for kept in self._calendars.values() if plain in of(kept)]
            if len(found) == 1:
                return found[0]
        names = ", ".join(kept.name for kept in self._calendars.values())
        raise Refused(f"there is no calendar {shortened(name, 60)} here; there are {names}")

    def _people(self, given: Iterable[str]) -> tuple[str, ...]:
        """The addresses of attendees, where they are given by name, too."""
        addresses = []
        for one in given:
            if "@" in one:
                addresses.append(one)
                continue
            found = _named(one, self.cast)
            if len(found) != 1:
                what = "nobody here is named" if not found else "several people are named"
                raise Refused(f"{what} {shortened(one, 60)}; give an address")
            addresses += found
        if len(addresses) > MAX_ATTENDEES:
            raise Refused(f"an entry can have {MAX_ATTENDEES} attendees")
        if too_long := next((one for one in addresses if len(one) > MAX_LINE), None):
            raise Refused(f"{shortened(too_long, 60)} is no address")
        return tuple(dict.fromkeys(addresses))

    def _audience(self, entry: Entry) -> tuple[str, ...]:
        """Who is told of a change of an entry."""
        owner = self._calendars[entry.calendar].address
        return self._others((*entry.attendees, owner, entry.organizer))

    def _others(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Addresses without the agent's own, and without repeats."""
        own = self.cast.agent_addresses
        return tuple(dict.fromkeys(a for a in addresses if a and a not in own))

    def _own(self, reference: str) -> Entry:
        """The entry that a reference means, which must be the agent's to change."""
        entry = self._one(reference)
        kept = {c.address for c in self._calendars.values()} | self.cast.agent_addresses
        if entry.calendar == OWN and entry.organizer not in kept:
            raise Refused(
                f"entry {entry.number} is organized by {entry.organizer}, who alone can change it"
            )
        return entry

    def _one(self, reference: str) -> Entry:
        """The entry of a number or of a title."""
        plain = " ".join(reference.casefold().split())
        number = plain.removeprefix("entry").removeprefix("event").strip(" #:.")
        if number.isdecimal() and len(number) < 10:
            if int(number) in self._entries:
                return self._entries[int(number)]
            raise Refused(f"there is no entry {int(number)}")
        found = [e for e in self._standing() if " ".join(e.title.casefold().split()) == plain]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ", ".join(str(e.number) for e in found[:10])
            raise Refused(
                f"{shortened(reference, 80)} is the title of several; give one: {numbers}"
            )
        raise Refused(f"{shortened(reference, 80)} names no entry; give its number")

    @staticmethod
    def _check_size(invitation: Invitation) -> None:
        for name, most in (("title", MAX_LINE), ("place", MAX_LINE), ("notes", MAX_NOTES)):
            if len(getattr(invitation, name)) > most:
                raise Refused(f"{name}: an entry can have {most} characters there")

    # How entries are shown.

    def _standing(self) -> tuple[Entry, ...]:
        """The entries that are not cancelled, in the order of time."""
        standing = (e for e in self._entries.values() if e.state != "cancelled")
        return tuple(sorted(standing, key=lambda e: (e.first, e.last, e.number)))

    def _seen_in(self, entry: Entry) -> set[str]:
        """The calendars that an entry is in: its own, and those of attendees, but of nobody who
        declined."""
        invited = {a for a in entry.attendees if entry.answers.get(a) != "declined"}
        declined = entry.answers.get(self._calendars[entry.calendar].address) == "declined"
        return {kept.key for kept in self._calendars.values() if kept.address in invited} | (
            set() if declined else {entry.calendar}
        )

    def _line(self, entry: Entry) -> str:
        names = [kept.name for key, kept in self._calendars.items() if key in self._seen_in(entry)]
        place = f"  {shortened(entry.place, 80)}" if entry.place else ""
        where = f"  [{', '.join(names)}]" if len(self._calendars) > 1 else ""
        return f"{entry.number}  {entry.when}  {shortened(entry.title, 120)}{place}{where}"

    def _rows(self, entry: Entry) -> dict[str, str]:
        people = [f"{a} ({entry.answers.get(a, 'no answer')})" for a in entry.attendees]
        return {
            "Title": entry.title,
            "When": entry.when,
            "Place": entry.place,
            "Calendar": self._calendars[entry.calendar].name if len(self._calendars) > 1 else "",
            "Organizer": self._line_of(entry.organizer),
            "Attendees": shortened(", ".join(people), 2_000),
            "State": "canceled" if entry.state == "cancelled" else "",
        }

    def _line_of(self, address: str) -> str:
        """An address with the name of whose it is."""
        people = (self.cast.agent, *self.cast.people.values())
        name = next((p.name for p in people if p.address.lower() == address), "")
        return f"{name} <{address}>" if name else address

    def _words(self, entry: Entry) -> str:
        names = (self._line_of(a) for a in (entry.organizer, *entry.attendees))
        return "\n".join((entry.title, entry.place, entry.notes, *names)).casefold()

    # For facts, judges and people.

    def state(self) -> dict[str, Any]:
        """Number to each entry."""
        return {
            str(e.number): {
                "id": e.id,
                "title": e.title,
                "first": e.first.isoformat(),
                "last": e.last.isoformat(),
                "whole": e.whole,
                "place": e.place,
                "calendar": e.calendar,
                "organizer": e.organizer,
                "attendees": [*e.attendees],
                "answers": dict(e.answers),
                "notes": e.notes,
                "state": e.state,
                "made": e.made,
            }
            for e in self._entries.values()
        }

    def settings(self) -> dict[str, str | int]:
        """Id to `standing`, `changed` or `cancelled`, and how many entries were made and stand."""
        states: dict[str, str | int] = {e.id: e.state for e in self._entries.values() if e.id}
        return {
            CREATED: sum(e.made and e.state != "cancelled" for e in self._entries.values())
        } | states

    def view(self, event: Event) -> EventView:
        """The invitation as those invited read it."""
        # Arguments of a call that was never carried out may have any form; rows are texts.
        plain = super().view(event)
        if event.operation not in self.titles:
            return plain
        given = plain.rows
        labels = {
            "Entry": "entry",
            "Answer": "answer",
            "Title": "title",
            "Start": "start",
            "End": "end",
            "Place": "place",
            "Attendees": "attendees",
        }
        rows = {label: given.get(name, "") for label, name in labels.items()}
        key = given.get("calendar", "")
        rows["Calendar"] = self._calendars[key].name if key in self._calendars else key
        by_number = {str(number): entry for number, entry in self._entries.items()}
        entry = by_number.get(rows["Entry"])
        return EventView(
            plain.title,
            {label: value for label, value in rows.items() if value},
            given.get("notes", "") or given.get("note", ""),
            (self._enclosed(entry),) if entry and event.operation != "calendar.create" else (),
            self._known(event),
        )

    def _enclosed(self, entry: Entry) -> Enclosed:
        rows = {label: value for label, value in self._rows(entry).items() if value}
        return Enclosed(
            title="The entry, as it stands at the end",
            summary=f'"{shortened(entry.title, 80)}", {entry.when}',
            rows=rows,
            body=entry.notes,
        )

    def _known(self, event: Event) -> dict[str, str]:
        """Who did it, and whom it reaches."""
        known = {"From": self.cast.agent_line if event.actor == AGENT else event.actor}
        given = [event.arguments.get(name) for name in ("attendees", "told")]
        reached = [a for one in given if isinstance(one, list | tuple) for a in map(str, one)]
        if reached:
            known["Whom it reaches"] = self.cast.whom_each(reached)
        return known


def _names(kept: Kept) -> set[str]:
    return {kept.key.casefold(), kept.name.casefold(), kept.address}


def _parts(kept: Kept) -> set[str]:
    return {*kept.name.casefold().split(), kept.address.partition("@")[0]}


def _named(name: str, cast: Cast) -> list[str]:
    """The addresses of the people and lists that a name may mean."""
    plain = name.casefold()
    entities = (cast.agent, *cast.people.values(), *cast.lists.values())
    whole = [e.address.lower() for e in entities if e.address and e.name.casefold() == plain]
    part = [
        e.address.lower()
        for e in entities
        if e.address
        and plain in (*e.name.casefold().split(), e.address.casefold().partition("@")[0])
    ]
    return list(dict.fromkeys(whole or part))
