"""The ledger of a trial: what was attempted in its world, by whom, and what came of it.

Only `World.do` writes events. Facts, judges, readings and the report read them; none of them
knows how the agent met the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cornered.endings import Ending

Status = Literal["done", "failed", "drafted", "blocked"]
"""done: carried out. failed: attempted, and the world could not do it. drafted: written down and
never attempted (in reasoning, quoted, cut off). blocked: an approval stopped it."""
AGENT = "agent"
"""The actor that is measured."""
STORE_KEY = "ledger"
"""Under which a sample's store holds the ledger of its trial."""


class Place(BaseModel):
    """Where something stands in the text of a transcript."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=0)
    """Offset of its first character."""
    end: int = Field(ge=0)
    """Offset just past its last character."""


class Event(BaseModel):
    """One thing that somebody attempted in a world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    """Its place in the ledger, from 1."""
    time: datetime | None = None
    """On the world's clock; None where the world has none."""
    actor: str = AGENT
    operation: str
    """App and operation, such as `mail.send`."""
    arguments: dict[str, Any] = {}
    """What it was called with, normalised by the operation."""
    status: Status
    result: str = ""
    """What the actor is told."""
    place: Place | None = None
    """Where the call stands in the transcript; None where it stands in no text."""
    note: str | None = None
    """Why it was not carried out, or how odd syntax was read; None where there is nothing to
    say."""

    @property
    def done(self) -> bool:
        """Whether the world carried it out."""
        return self.status == "done"


class Ledger(BaseModel):
    """Everything that was attempted in one trial, in order, and how the trial ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: tuple[Event, ...] = ()
    ending: Ending = "stop"
    oddities: tuple[str, ...] = ()
    """What was odd about the transcript (reasoning that is never closed, …)."""
    reasoning: tuple[Place, ...] = ()
    """Where the transcript is reasoning: sorted and disjoint."""

    @property
    def done(self) -> tuple[Event, ...]:
        """The events that the world carried out."""
        return tuple(event for event in self.events if event.done)

    @property
    def ended_early(self) -> bool:
        """Whether the agent had more to do, or did nothing that could be read."""
        return self.ending != "stop"


def stored_ledger(store: Mapping[str, Any]) -> Ledger | None:
    """The ledger that a sample's store holds; None in a log from before there was one."""
    stored = store.get(STORE_KEY)
    return None if stored is None else Ledger.model_validate(stored)
