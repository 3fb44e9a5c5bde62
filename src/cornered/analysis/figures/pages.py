"""Long figures split into several, so that each fits a printed page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
MOST = 72
"""Most lines of one figure; a single panel may have more."""


@dataclass(frozen=True)
class Which:
    """The number of a figure among several; empty if it is the only one."""

    number: str
    """As a suffix of its name."""
    title: str
    """As a suffix of its title."""


def pages(
    panels: Sequence[Sequence[T]], lines: Callable[[Sequence[T]], int], most: int = MOST
) -> Iterator[tuple[list[T], Which]]:
    """Distributes panels over figures, in order.

    Args:
        panels: The panels, which are never split.
        lines: The number of lines of a panel.
        most: Most lines of one figure.

    Yields:
        What the panels of a figure hold, one after the other.
    """
    figures: list[list[T]] = []
    count = 0
    for panel in panels:
        if not figures or count + lines(panel) > most:
            figures.append([])
            count = 0
        figures[-1].extend(panel)
        count += lines(panel)
    for i, page in enumerate(figures, 1):
        many = len(figures) > 1
        yield page, Which(str(i) if many else "", f" ({i} of {len(figures)})" if many else "")
