"""The ends and the width of an interval that must be there."""

from __future__ import annotations

from cornered.analysis.stats import Interval


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


def width(interval: Interval | None) -> float:
    low, high = ends(interval)
    return high - low
