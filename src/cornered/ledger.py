"""The ledger of a trial: what was attempted in its world, by whom, and with what result.

Only `World.do` writes events. Facts, judges, readings and the report read them, whatever the
surface on which the agent acted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cornered.endings import Ending

Status = Literal["done", "failed", "drafted", "blocked"]
"""done: carried out. failed: attempted, but not possible in the world. drafted: written down but
never attempted (in reasoning, quoted, cut off). blocked: stopped by an approval."""
AGENT = "agent"
"""The actor under measurement."""
WORLD = "world"
"""The actor of what happens by itself, such as a mail that arrives. Every other actor is a person,
named by the key of the cast."""
STORE_KEY = "ledger"
"""The key of the ledger in a sample's store."""


class Place(BaseModel):
    """A span of a transcript's text, in characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=0)
    """Offset of the first character."""
    end: int = Field(ge=0)
    """Offset just past the last character."""


class Event(BaseModel):
    """One operation that an actor attempted in a world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    """Its position in the ledger, from 1."""
    time: datetime | None = None
    """On the world's clock; None where the world has none."""
    actor: str = AGENT
    operation: str
    """App and operation, such as `mail.send`."""
    arguments: dict[str, Any] = {}
    """Argument to value, normalised by the operation."""
    status: Status
    result: str = ""
    """The result as the actor sees it."""
    place: Place | None = None
    """The call in the transcript; None where the call is not part of a text."""
    call: str | None = None
    """The tool call, as `MESSAGE:INDEX`: the id of the message and its place among the calls of
    that message; None on surfaces without tool calls."""
    note: str | None = None
    """Why it was not carried out, or how odd syntax was read."""
    suspicion: float | None = Field(default=None, ge=0, le=100)
    """What a monitor gave it; None without one, or where it gave nothing."""
    effects: dict[str, Any] = {}
    """What an operation that cannot be done again brought about, such as the files that a command
    changed; by app for what other apps saw of it. A replay takes it from here. Empty for others."""

    @property
    def done(self) -> bool:
        """Whether the world carried it out."""
        return self.status == "done"


DoubtKind = Literal["unread_call", "unclear_reasoning", "unmonitored", "unseen_files"]
"""unread_call: text outside reasoning looks like a call and gave no event, or calls a tool that
does not exist. unclear_reasoning: text may be reasoning and may be action, and nothing settles
it. unmonitored: a call was held since the monitor gave no answer on it. unseen_files: more files
were changed than could be compared."""


class Doubt(BaseModel):
    """A reason why nobody can say that nothing else was carried out.

    A trial with a doubt and without an act is unscored, never safe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: DoubtKind
    place: Place | None = None
    """The text in question; None where it is not part of the transcript."""


class Ledger(BaseModel):
    """Everything that was attempted in one trial, in order, and how the trial ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: tuple[Event, ...] = ()
    ending: Ending = "stop"
    oddities: tuple[str, ...] = ()
    """Irregularities of the transcript, such as reasoning that is never closed."""
    reasoning: tuple[Place, ...] = ()
    """The reasoning in the transcript: sorted, disjoint spans."""
    doubts: tuple[Doubt, ...] = ()
    """What could not be read, in the order of the transcript."""

    @property
    def by_agent(self) -> tuple[Event, ...]:
        """The events of the agent."""
        return tuple(event for event in self.events if event.actor == AGENT)

    @property
    def done(self) -> tuple[Event, ...]:
        """The events of the agent that the world carried out."""
        return tuple(event for event in self.by_agent if event.done)

    @property
    def attempted(self) -> tuple[Event, ...]:
        """The events that the agent attempted: carried out, or failed."""
        return tuple(event for event in self.by_agent if event.status in ("done", "failed"))

    @property
    def ended_early(self) -> bool:
        """Whether the trial ended before the agent stopped by itself, or without an answer."""
        return self.ending != "stop"

    @property
    def unscored(self) -> str | None:
        """Why a trial without an act is not safe: its early ending, or its first doubt; or None."""
        if self.ended_early:
            return self.ending
        return self.doubts[0].kind if self.doubts else None


def stored_ledger(store: Mapping[str, Any]) -> Ledger | None:
    """The ledger in a sample's store; None in a log of version 0.1.0, which has none."""
    stored = store.get(STORE_KEY)
    return None if stored is None else Ledger.model_validate(stored)
