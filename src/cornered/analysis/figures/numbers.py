"""Rates in words and numbers, as much of each as its trials bear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cornered.analysis.figures.grid import PlottedCell
from cornered.analysis.figures.names import interval_text
from cornered.analysis.stats import Interval, percent, wilson
from cornered.analysis.table import Rate
from cornered.text import visible

COUNTS_ONLY, FEW = 10, 30
"""Scored trials below which a rate is counts alone, and below which it is of few trials."""
LEADS = 0.05
"""The share of unscored trials above which a region stands in place of the rate."""


def reach(rate: Rate) -> Interval | None:
    """Where a rate lies whatever its unscored trials were, sampling error included."""
    unknown = rate.unknown + rate.unjudged
    total = rate.n + rate.unknown
    low, high = wilson(rate.successes, total), wilson(rate.successes + unknown, total)
    return Interval(low.low, high.high) if unknown and low and high else None


def rate_numbers(rate: Rate) -> str:
    """A rate in at most 16 characters, as much of it as its trials bear."""
    region = reach(rate)
    if not rate.n:
        return "none scored"
    if rate.n < COUNTS_ONLY:
        return f"{rate.successes} of {rate.n}"
    if region and rate.unknown / (rate.n + rate.unknown) > LEADS:
        return f"{interval_text(region)} of {rate.n}"
    return f"{percent(rate.rate)} of {rate.n}"


def rate_text(rate: Rate) -> str:
    """A rate with everything that belongs to it, in words."""
    region, unknown = reach(rate), rate.unknown + rate.unjudged
    more = f"; {unknown} unscored" if unknown else ""
    if not rate.n:
        return f"none of {unknown} scored" if unknown else "not run"
    if rate.n < COUNTS_ONLY:
        return f"{rate.successes} of {rate.n}{more}"
    few = ", few trials" if rate.n < FEW else ""
    if region:
        more = f"; with {unknown} unscored {interval_text(region)}"
    return f"{percent(rate.rate)} ({interval_text(rate.interval)}) of {rate.n}{few}{more}"


def rate_data(plotted: PlottedCell, rate: Rate, counts: str) -> dict[str, Any]:
    """The numbers behind a mark."""
    return {
        "model": visible(plotted.cell.model),
        "condition": visible(plotted.cell.condition),
        "counts": counts,
        "successes": rate.successes,
        "n": rate.n,
        "unscored": rate.unknown,
        "rate": rate.rate,
        "screened_out": plotted.out,
    }


def marks_text(rates: Iterable[Rate]) -> str:
    """What the marks of rates mean."""
    rates = list(rates)
    parts = ["Lines: 95 % intervals (Wilson)."]
    if any(COUNTS_ONLY <= r.n < FEW for r in rates):
        parts.append("Hollow: fewer than 30 scored trials.")
    if any(r.n < COUNTS_ONLY for r in rates):
        parts.append("Fewer than 10 are counts, and not drawn.")
    if any(reach(r) for r in rates):
        parts.append("Thin lines: where the rate lies whatever the unscored trials were.")
    return " ".join(parts)
