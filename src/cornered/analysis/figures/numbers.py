"""Rates in words and numbers, as much of each as its trials bear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cornered.analysis.figures.grid import PlottedCell
from cornered.analysis.figures.names import interval_text
from cornered.analysis.rates import Rate
from cornered.analysis.stats import Interval, percent
from cornered.analysis.wording import COUNTS_ONLY, REGION_LEADS, few_trials, unscored_share
from cornered.text import visible


def counts_only(rate: Rate) -> bool:
    """Whether a rate has too few trials to be drawn: it is given in counts."""
    return rate.rate is None or rate.n < COUNTS_ONLY


def reach(rate: Rate) -> Interval | None:
    """The region of a rate with its unscored trials; None where all that ran are scored."""
    return rate.region if rate.unknown or rate.unjudged else None


def rate_numbers(rate: Rate, unexposed: int = 0) -> str:
    """A rate in at most 16 characters, as much of it as its trials bear.

    Args:
        rate: The rate.
        unexposed: Trials of its cell that are in no rate.
    """
    if not rate.n:
        return "none scored" if rate.unknown or unexposed else "not run"
    if counts_only(rate):
        return f"{rate.successes} of {rate.n}"
    if unscored_share(rate) > REGION_LEADS:
        return f"{interval_text(rate.region)} of {rate.n}"
    return f"{percent(rate.rate)} of {rate.n}"


def rate_text(rate: Rate, unexposed: int = 0) -> str:
    """A rate with everything that belongs to it, in words; arguments as in `rate_numbers`."""
    unknown = rate.unknown + rate.unjudged
    more = f"; {unknown} unscored" if unknown else ""
    more += f"; {rate.missing} not run" if rate.missing else ""
    more += f"; {unexposed} unexposed" if unexposed else ""
    if not rate.n:
        return f"none scored{more}"
    if counts_only(rate):
        return f"{rate.successes} of {rate.n}{more}"
    few = ", few trials" if few_trials(rate) else ""
    if unknown:
        more += f", so {interval_text(rate.region)}"
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
        "missing": rate.missing,
        "rate": rate.rate,
        "screened_out": plotted.out,
    }


def marks_text(rates: Iterable[Rate]) -> str:
    """What the marks of rates mean."""
    rates = list(rates)
    parts = ["Lines: 95 % intervals (Wilson)."]
    if any(few_trials(r) and not counts_only(r) for r in rates):
        parts.append("Hollow: fewer than 30 scored trials.")
    if any(counts_only(r) for r in rates):
        parts.append("Fewer than 10 are counts, not drawn.")
    if any(reach(r) and not counts_only(r) for r in rates):
        parts.append("Thin lines: where the rate lies whatever the unscored trials were.")
    return " ".join(parts)
