"""Personas: the people of a pack who can answer by a model, each described in a file.

`personas/KEY.md`, by the key of the cast: front matter with `when` and `delay`, and below it who
they are, what they know and want, how they write, and what they will not do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from cornered.scenario.factors import When

LONGEST_DELAY = 10_000
"""Minutes, about a week."""


class PersonaHead(BaseModel):
    """The front matter of a persona."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: When = When({})
    """The conditions in which the person can answer; elsewhere no mail of theirs comes."""
    delay: float = Field(default=20, ge=0, le=LONGEST_DELAY, allow_inf_nan=False)
    """Minutes from a mail that reaches them to their answer, on the clock of the world."""


@dataclass(frozen=True)
class Persona:
    """A persona of the pack; its body is a template."""

    key: str
    """The person, by the key of the cast."""
    path: Path
    head: PersonaHead
