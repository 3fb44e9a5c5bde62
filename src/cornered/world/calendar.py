"""Calendars: the agent's own, and those that it keeps for others.

An entry with attendees sends them an invitation when it is made, changed or cancelled. So its
arguments have `recipients` and `text`, as those of a mail: a fact about what reaches somebody can
name both. An entry in a calendar that is kept for somebody reaches them, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator
from pydantic.json_schema import SkipJsonSchema

from cornered.errors import PackError
from cornered.ledger import AGENT, Event
from cornered.scenario import Cast, Scene
from cornered.world.app import App, Arguments, Enclosed, EventView, Refused, operation
from cornered.world.arguments import Line, Recipients, Reference, Text
from cornered.world.days import example, read_days, read_length, read_moment
from cornered.world.results import as_list, page, shortened

Answer = Literal["accepted", "declined", "tentative"]
State = Literal["standing", "changed", "cancelled"]

OWN = "agent"
"""The key of the agent's own calendar."""
CREATED = "created"
"""The setting that counts the entries that were made and stand."""
ALL_DAY = "%Y-%m-%d"
TIMED = "%Y-%m-%dT%H:%M"
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


class EntrySpec(BaseModel):
    """An entry in the pack's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = ""
    """Its name in facts; empty where none names it."""
    title: str
    start: str
    """Day and time; a day alone is a whole day."""
    end: str = ""
    """A time, or day and time; empty for an hour, or for that day."""
    place: str = ""
    calendar: str = OWN
    """Whose it is: a cast key, or any words."""
    organizer: str = ""
    """A cast key; empty for the calendar's owner."""
    attendees: list[str] = []
    """Cast keys."""
    answers: dict[str, Answer] = {}
    """Cast key to answer."""
    notes: str = ""

    @field_validator("start", "end", mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        if isinstance(value, datetime):
            return f"{value:{TIMED}}"
        return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True)
class Kept:
    """A calendar that is kept here."""

    key: str
    name: str
    address: str = ""
    """Of its owner; empty where it is nobody's."""


@dataclass(frozen=True)
class Entry:
    """An entry of a calendar."""

    number: int
    title: str
    first: datetime
    last: datetime
    """When it is over; of a whole day, the next midnight."""
    whole: bool
    """Whether it takes whole days."""
    place: str = ""
    calendar: str = OWN
    organizer: str = ""
    """An address."""
    attendees: tuple[str, ...] = ()
    """Addresses."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Address to answer."""
    notes: str = ""
    id: str = ""
    state: State = "standing"
    made: bool = False
    """Whether it was made in the trial."""

    @property
    def when(self) -> str:
        """Days and times for people."""
        start = f"{self.first:%a %d %b %Y}"
        if self.whole:
            end = self.last - timedelta(days=1)
            return start if end.date() == self.first.date() else f"{start} to {end:%a %d %b %Y}"
        same = self.last.date() == self.first.date()
        end_ = f"{self.last:%H:%M}" if same else f"{self.last:%a %d %b %Y, %H:%M}"
        return f"{start}, {self.first:%H:%M} to {end_}"

    def overlaps(self, first: datetime, last: datetime) -> bool:
        """Whether it has time in common with a span."""
        return self.first < last and first < self.last


# Arguments.


class Days(Arguments):
    """Days to list."""

    day: Line = Field(
        default="",
        description="The first day, such as 2025-11-13, Friday or next week. Default: today.",
    )
    until: Line = Field(default="", description="The last day. Default: the same day.")
    calendar: Line = Field(
        default="", description="Whose calendar, by name. Default: all that you keep."
    )


class OneEntry(Arguments):
    """An entry."""

    entry: Reference = Field(description="The number of the entry, as lists show it.")

    def missing(self) -> str | None:
        """An entry is needed."""
        return None if self.entry else "no entry is named; give its number"


class Words(Arguments):
    """Words to search for."""

    words: Line = Field(
        description="Words that are all in the entry: title, place, people or notes."
    )

    def missing(self) -> str | None:
        """A search needs words."""
        return None if self.words else "no words to search for"


class Reaching(Arguments):
    """What reaches people: those invited, and the owner of the calendar."""

    told: SkipJsonSchema[tuple[str, ...]] = ()
    """The addresses of those who are told; the calendar fills them in."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who is told, in order, without repeats."""
        invited = getattr(self, "attendees", ())
        invited = invited if isinstance(invited, list | tuple) else ()
        return tuple(dict.fromkeys(map(str, (*invited, *self.told))))

    @property
    def text(self) -> str:
        """What they read that the actor wrote."""
        return ""


class Invitation(Reaching):
    """What an invitation says."""

    title: Line = Field(description="What it is, in a few words.")
    start: Line = Field(
        description="Day and time, such as 2025-11-13 14:00; a day alone is a whole day."
    )
    end: Line = Field(
        default="",
        description="A time, day and time, or length, such as 15:00 or 30 min. Default: one hour.",
    )
    place: Line = Field(default="", description="Where it is.")
    attendees: Recipients = Field(
        default=(), description="The addresses of the people to invite, separated by commas."
    )
    notes: Text = Field(default="", description="Further text; all who are invited can read it.")

    @property
    def text(self) -> str:
        """Title, place and notes, with line breaks between them."""
        return f"{self.title}\n{self.place}\n{self.notes}"


class Create(Invitation):
    """A new entry."""

    calendar: Line = Field(
        default="", description="Whose calendar it goes into, by name. Default: your own."
    )

    def missing(self) -> str | None:
        """An entry has a title and a start."""
        return "no title" if not self.title else "no start" if not self.start else None


class Update(Invitation):
    """An entry, and what changes in it."""

    entry: Reference = Field(description="The number of the entry, as lists show it.")
    title: Line = Field(default="", description="A new title. Leave out what stays as it is.")
    start: Line = Field(default="", description="New day, time, or both.")
    end: Line = Field(default="", description="New end: a time, day and time, or length.")
    place: Line = Field(default="", description="A new place.")
    attendees: Recipients = Field(
        default=(), description="The addresses of all who are then invited, old and new."
    )
    notes: Text = Field(default="", description="New notes, in place of the old ones.")

    def missing(self) -> str | None:
        """Something must change."""
        if not self.entry:
            return "no entry is named; give its number"
        given = (self.title, self.start, self.end, self.place, self.attendees, self.notes)
        return None if any(given) else "nothing to change"


class Cancel(OneEntry, Reaching):
    """An entry, and words for those who are invited."""

    note: Text = Field(default="", description="A text for those who are invited.")

    @property
    def text(self) -> str:
        """The note."""
        return str(self.note)


class Respond(OneEntry, Reaching):
    """An answer to an invitation."""

    answer: Line = Field(description="accept, decline or tentative.")
    note: Text = Field(default="", description="A text for the organizer.")
    calendar: Line = Field(
        default="", description="For whom, by name, where you keep calendars of others."
    )
    who: SkipJsonSchema[str] = ""
    """The address of the one who answers; the calendar fills it in."""

    @property
    def text(self) -> str:
        """The note."""
        return str(self.note)


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
        calendars = {key: _kept(key, scene.cast) for key in keys}
        entries = [_entry(spec, calendars[spec.calendar], scene.cast) for spec in specs]
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
        first, last, whole = _span(arguments.start, arguments.end)
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
            first, last, whole = _span(arguments.start, arguments.end)
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
        start, end = self._times(create.start, create.end, None)
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
            start, end = self._times(update.start, update.end, entry)
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

    def _times(self, start: str, end: str, old: Entry | None) -> tuple[str, str]:
        """Start and end in full: days where the entry takes whole days, else days with times."""
        now = self.clock.now
        begins = read_moment(start, now) if start else None
        day = begins.day if begins and begins.day else old.first.date() if old else None
        at = begins.at if begins else None
        if at is None and old is not None and not old.whole:
            at = old.first.time()
        if day is None:
            raise Refused(f"the start has no day; write it as {example(now)} 14:00")
        length = read_length(end) if end else None
        ends = read_moment(end, now) if end and length is None else None
        if at is None:
            last_day, last_time = (ends.day, ends.at) if ends else (None, None)
            return self._whole_days(day, length, last_day, last_time, old)
        first = datetime.combine(day, at)
        if length is not None:
            last = first + length
        elif ends is not None:
            if ends.at is None:
                raise Refused("the end has no time; write it as 15:00")
            last = datetime.combine(ends.day or day, ends.at)
        elif begins is not None and begins.until is not None:
            last = datetime.combine(day, begins.until)
        else:
            last = first + (old.last - old.first if old and not old.whole else timedelta(hours=1))
        if last <= first:
            raise Refused(
                f"the end, {last:%Y-%m-%d %H:%M}, is not after the start; give its day, too"
            )
        return f"{first:{TIMED}}", f"{last:{TIMED}}"

    @staticmethod
    def _whole_days(
        day: date, length: timedelta | None, end: date | None, at: time | None, old: Entry | None
    ) -> tuple[str, str]:
        if length is not None or at is not None:
            raise Refused(f"the start has no time; write it as {example(day)} 14:00")
        last = end or (day + (old.last - old.first - timedelta(days=1)) if old else day)
        if last < day:
            raise Refused("the last day is before the first")
        return day.isoformat(), last.isoformat()

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
        return tuple(dict.fromkeys(a for a in addresses if a and a not in self._mine))

    @property
    def _mine(self) -> set[str]:
        return {self.cast.agent.address.lower(), self.cast.nameless.agent.address.lower()}

    def _own(self, reference: str) -> Entry:
        """The entry that a reference means, which must be the agent's to change."""
        entry = self._one(reference)
        kept = {c.address for c in self._calendars.values()} | self._mine
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
        agent = self.cast.agent
        known = {"From": f"{agent.name} <{agent.address}>" if event.actor == AGENT else event.actor}
        given = [event.arguments.get(name) for name in ("attendees", "told")]
        reached = [a for one in given if isinstance(one, list | tuple) for a in map(str, one)]
        if reached:
            whom = (f"{json.dumps(a, ensure_ascii=False)} is {self.cast.whom(a)}" for a in reached)
            known["Whom it reaches"] = "; ".join(dict.fromkeys(whom))
        return known


def _span(start: str, end: str) -> tuple[datetime, datetime, bool]:
    """Start and end of normalised arguments, and whether they are whole days."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    whole = "T" not in start
    return first, last + timedelta(days=1) if whole else last, whole


def _kept(key: str, cast: Cast) -> Kept:
    entity = cast.entity(key)
    return Kept(key, entity.name, entity.address.lower()) if entity else Kept(key, key)


def _entry(spec: EntrySpec, kept: Kept, cast: Cast) -> Entry:
    """An entry of the pack's file.

    Raises:
        PackError: it names somebody who is not in the cast, or its time is none.
    """

    def address(key: str) -> str:
        entity = cast.entity(key)
        if entity is None:
            raise PackError(f"calendar: {spec.title}: {key} is not in the cast")
        return entity.address.lower()

    def moment(text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise PackError(
                f"calendar: {spec.title}: {text} is no day or time", fix="2025-11-13 14:00"
            ) from None

    start = spec.start.strip()
    whole = len(start) == len("2025-11-13")
    first = moment(start)
    end = spec.end.strip()
    end = f"{start[:10]} {end}" if len(end) == len("15:00") else end
    last = moment(end) if end else first + timedelta(hours=0 if whole else 1)
    last += timedelta(days=1 if whole else 0)
    if last <= first:
        raise PackError(f"calendar: {spec.title}: it ends before it begins")
    for key in spec.answers:
        if key not in spec.attendees:
            raise PackError(f"calendar: {spec.title}: {key} answers and is not invited")
    return Entry(
        number=0,
        title=spec.title,
        first=first.replace(tzinfo=None),
        last=last.replace(tzinfo=None),
        whole=whole,
        place=spec.place,
        calendar=kept.key,
        organizer=address(spec.organizer) if spec.organizer else kept.address or address(OWN),
        attendees=tuple(dict.fromkeys(map(address, spec.attendees))),
        answers={address(key): answer for key, answer in spec.answers.items()},
        notes=spec.notes,
        id=spec.id,
    )


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
