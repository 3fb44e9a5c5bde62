"""Long figures split into several, so that each fits a printed page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
MOST = 36
"""Most rows of one figure; a single panel may have more."""


@dataclass(frozen=True)
class Which:
    """The number of a figure among several; empty if it is the only one."""

    number: str
    """As a suffix of its name."""
    title: str
    """As a suffix of its title."""


def pages(
    panels: Sequence[T], rows: Callable[[T], int], most: int = MOST
) -> Iterator[tuple[list[T], Which]]:
    """Distributes panels over figures, in order.

    Args:
        panels: The panels, which are never split.
        rows: The number of rows of a panel.
        most: Most rows of one figure.
    """
    figures: list[list[T]] = []
    count = 0
    for panel in panels:
        if not figures or count + rows(panel) > most:
            figures.append([])
            count = 0
        figures[-1].append(panel)
        count += rows(panel)
    for i, page in enumerate(figures, 1):
        many = len(figures) > 1
        yield page, Which(str(i) if many else "", f" ({i} of {len(figures)})" if many else "")
