"""Statistics of rates: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from scipy.stats import binomtest


@dataclass(frozen=True)
class Interval:
    """A two-sided interval.

    For a rate both ends are between 0 and 1, for a difference of rates or a coefficient of
    agreement between -1 and 1.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The first rate minus the second, in rates (0.1 is ten percentage points)."""

    value: float
    interval: Interval


def wilson(successes: int, n: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval for a binomial proportion, without continuity correction.

    Source: Wilson 1927, JASA 22:209-212; recommended for small n by Brown, Cai and
    DasGupta 2001, Statistical Science 16:101-133. Computed by SciPy.

    Args:
        successes: Number of successes, 0 to n.
        n: Number of scored trials.
        level: Confidence level, 0 to 1.

    Returns:
        None where n is 0: nothing is known then.

    Raises:
        ValueError: successes outside 0..n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials")
    if n == 0:
        return None
    ci = binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
    # SciPy leaves 1e-17 where the bound is exactly 0 or 1.
    low = 0.0 if successes == 0 else float(ci.low)
    return Interval(low, 1.0 if successes == n else float(ci.high))


def newcombe(
    successes: int, n: int, other_successes: int, other_n: int, level: float = 0.95
) -> Difference | None:
    """The difference of two independent rates, with Newcombe's hybrid score interval.

    The awareness tax is the harmful rate among trials that did not voice awareness minus that
    among those that did: `newcombe(harmful_unaware, n_unaware, harmful_aware, n_aware)`.

    Source: Newcombe 1998, Statistics in Medicine 17:873-890, method 10 (square and add, from two
    Wilson intervals without continuity correction).

    Args:
        successes: Number of successes in the first group.
        n: Number of scored trials in the first group.
        other_successes: Number of successes in the second group.
        other_n: Number of scored trials in the second group.
        level: Confidence level, 0 to 1.

    Returns:
        None where either group has no trials.

    Raises:
        ValueError: successes outside 0..n in either group.
    """
    first, second = wilson(successes, n, level), wilson(other_successes, other_n, level)
    if first is None or second is None:
        return None
    rate, other = successes / n, other_successes / other_n
    below = hypot(rate - first.low, second.high - other)
    above = hypot(first.high - rate, other - second.low)
    value = rate - other
    return Difference(value, Interval(max(-1.0, value - below), min(1.0, value + above)))


def percent(value: float | None) -> str:
    """A rate for people: no decimals, and never 0 or 100 for what is not quite that."""
    if value is None:
        return "–"
    rounded = round(100 * value)
    if value > 0 and rounded == 0:
        return "<1 %"
    if value < 1 and rounded == 100:
        return ">99 %"
    return f"{rounded} %"
