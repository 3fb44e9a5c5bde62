"""What the operations of a calendar take."""

from __future__ import annotations

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from cornered.world.app import Arguments
from cornered.world.arguments import Line, Recipients, Reference, Text


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
