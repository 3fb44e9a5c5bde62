"""What the host of a game saw: what its engine was asked, and what it answered."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

from cornered.world.chess.engine import Answer

MOST = 3000
"""Searches of one trial; a game has some forty, and whoever asks on gets no more answers."""
MOST_ILLEGAL = 1000
"""Illegal moves of one trial that are counted."""

T = TypeVar("T")


@dataclass(frozen=True)
class Offer:
    """A draw that was offered to the engine."""

    fen: str
    """The position."""
    accepted: bool


@dataclass(frozen=True)
class Seen:
    """What the host saw since it was last asked."""

    answers: tuple[Answer, ...] = ()
    """The searches, in their order."""
    offers: tuple[Offer, ...] = ()
    """The draws that were offered."""
    illegal: tuple[tuple[str, str], ...] = ()
    """Position and move, where a move was tried that is illegal there."""


@dataclass
class Record:
    """What the host of a game sees; other threads write it."""

    answers: deque[Answer] = field(default_factory=deque)
    offers: deque[Offer] = field(default_factory=deque)
    illegal: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MOST_ILLEGAL))
    asked: int = 0
    """How many searches there were in the whole trial."""

    @property
    def full(self) -> bool:
        """Whether the engine gives no more answers in this trial."""
        return self.asked >= MOST

    def take(self) -> Seen:
        """What was seen since the last time, which is then forgotten here."""
        return Seen(_all(self.answers), _all(self.offers), _all(self.illegal))


def _all(queue: deque[T]) -> tuple[T, ...]:
    return tuple(queue.popleft() for _ in range(len(queue)))
