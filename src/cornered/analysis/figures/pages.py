"""Long figures in several, so that each prints and can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
MOST = 36
"""Rows of one figure; a single panel may have more."""


@dataclass(frozen=True)
class Which:
    """Which of several a figure is; empty where it is the only one."""

    number: str
    title: str


def pages(
    panels: Sequence[T], rows: Callable[[T], int], most: int = MOST
) -> Iterator[tuple[list[T], Which]]:
    """Panels shared out over figures, in their order.

    Args:
        panels: What is never divided.
        rows: How many rows a panel has.
        most: Rows of one figure.
    """
    shared_out: list[list[T]] = []
    count = 0
    for panel in panels:
        if not shared_out or count + rows(panel) > most:
            shared_out.append([])
            count = 0
        shared_out[-1].append(panel)
        count += rows(panel)
    for i, page in enumerate(shared_out, 1):
        many = len(shared_out) > 1
        yield page, Which(str(i) if many else "", f" ({i} of {len(shared_out)})" if many else "")
