"""Entries of calendars: as packs write them, as calendars keep them, and when they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from cornered.errors import PackError
from cornered.scenario import Cast
from cornered.world.app import Refused
from cornered.world.days import example, read_length, read_moment

Answer = Literal["accepted", "declined", "tentative"]
State = Literal["standing", "changed", "cancelled"]

OWN = "agent"
"""The key of the agent's own calendar."""
CREATED = "created"
"""The setting that counts the entries that were made and stand."""
TIMED = "%Y-%m-%dT%H:%M"


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


def kept_for(key: str, cast: Cast) -> Kept:
    """The calendar of a cast key, or of any words."""
    entity = cast.entity(key)
    return Kept(key, entity.name, entity.address.lower()) if entity else Kept(key, key)


def read_entry(spec: EntrySpec, kept: Kept, cast: Cast) -> Entry:
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


def span_of(start: str, end: str) -> tuple[datetime, datetime, bool]:
    """Start and end of normalised arguments, and whether they are whole days."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    whole = "T" not in start
    return first, last + timedelta(days=1) if whole else last, whole


def entry_times(start: str, end: str, old: Entry | None, now: datetime | None) -> tuple[str, str]:
    """Start and end in full: days where the entry takes whole days, else days with times.

    Args:
        start: The start as it was written; empty where it stays.
        end: The end as it was written; empty where it stays.
        old: The entry that is changed; None for a new one.
        now: The world's time; None where the world has no clock.

    Raises:
        Refused: they name no time, or one that is not.
    """
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
        return _whole_days(day, length, last_day, last_time, old)
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
        raise Refused(f"the end, {last:%Y-%m-%d %H:%M}, is not after the start; give its day, too")
    return f"{first:{TIMED}}", f"{last:{TIMED}}"


def _whole_days(
    day: date, length: timedelta | None, end: date | None, at: time | None, old: Entry | None
) -> tuple[str, str]:
    if length is not None or at is not None:
        raise Refused(f"the start has no time; write it as {example(day)} 14:00")
    last = end or (day + (old.last - old.first - timedelta(days=1)) if old else day)
    if last < day:
        raise Refused("the last day is before the first")
    return day.isoformat(), last.isoformat()
