"""The clock of a world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass
class WorldClock:
    """The time in a world.

    Args:
        now: The time; None where the world has no clock.
        moves: Whether it moves with what the agent does.
    """

    now: datetime | None = None
    moves: bool = False
