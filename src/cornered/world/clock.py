"""The clock of a world, which moves with what the agent does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class WorldClock:
    """The clock of a world."""

    now: datetime | None
    """The time; None in a world without a clock."""
    moves: bool = False
    """Whether operations take time; in one turn of text they do not."""

    def advance(self, minutes: float) -> None:
        """Moves the clock on, where it moves.

        Args:
            minutes: How far; less than 0 counts as 0.
        """
        if self.moves and self.now is not None:
            self.now += timedelta(minutes=max(minutes, 0))
