"""Statistics of rates: intervals, differences and tests. Pure functions over counts."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt

import scipy  # its larger parts, such as `scipy.stats`, are imported where they are first used

Z95 = 1.959963984540054
"""The 0.975 quantile of the normal distribution, `scipy.special.ndtri(0.975)`: nearly every
interval is at 95 %, and importing scipy.special takes a third of a second."""


@dataclass(frozen=True)
class Interval:
    """A two-sided interval.

    For a rate both ends are between 0 and 1, for a difference of rates or a coefficient of
    agreement between -1 and 1, for an odds ratio above 0.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The first rate minus the second, in rates (0.1 is ten percentage points)."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Estimate:
    """A point estimate and its interval, as far as the data determine them."""

    value: float | None
    """None where it is undefined."""
    interval: Interval | None = None
    """None where the value is None, or where its error cannot be estimated."""
    reason: str | None = None
    """Why the value or the interval is missing."""


@dataclass(frozen=True)
class PValue:
    """The p value of a two-sided test."""

    value: float | None
    """0 to 1; None where the test is undefined."""
    reason: str | None = None
    """Why there is no value."""


def wilson(successes: int, n: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval for a binomial proportion, without continuity correction.

    Source: Wilson 1927, JASA 22:209-212; recommended for small n by Brown, Cai and
    DasGupta 2001, Statistical Science 16:101-133.

    Args:
        successes: Number of successes, 0 to n.
        n: Number of scored trials.
        level: Confidence level, 0 to 1.

    Returns:
        None where n is 0.

    Raises:
        ValueError: successes outside 0..n.
    """
    check_counts((successes, n))
    return _score_interval(successes, n, level) if n else None


def score_interval(rate: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's interval for a rate that is worth n trials, where neither is a count.

    Args:
        rate: 0 to 1.
        n: The effective number of trials, above 0.
        level: Confidence level, 0 to 1.
    """
    return _score_interval(min(rate, 1.0) * n, n, level)


def _score_interval(successes: float, n: float, level: float) -> Interval:
    z = quantile(level)
    variance = max(0.0, successes * (n - successes) / n)
    centre, half = successes + z * z / 2, z * sqrt(variance + z * z / 4)
    # Rounding leaves 1e-17 where the bound is exactly 0 or 1.
    low = 0.0 if successes == 0 else (centre - half) / (n + z * z)
    return Interval(low, 1.0 if successes == n else (centre + half) / (n + z * z))


def exact_limits(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact one-sided lower and upper limits of a binomial proportion, each at the level.

    Source: Clopper and Pearson 1934, Biometrika 26:404-413, in the form of beta quantiles.

    Args:
        successes: Number of successes, 0 to n.
        n: Number of scored trials, at least 1.
        level: Confidence level of each limit, 0 to 1.

    Raises:
        ValueError: successes outside 0..n.
    """
    check_counts((successes, n))
    beta = scipy.special.betaincinv
    low = float(beta(successes, n - successes + 1, 1 - level)) if successes else 0.0
    high = float(beta(successes + 1, n - successes, level)) if successes < n else 1.0
    return low, high


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


def fisher(successes: int, n: int, other_successes: int, other_n: int) -> PValue:
    """Fisher's exact test of two independent rates, two-sided.

    Source: Fisher 1935, Journal of the Royal Statistical Society 98:39-82; two-sided by summing
    over the tables that are no more likely, as R's fisher.test does. Computed by SciPy.

    Args:
        successes: Number of successes in the first group.
        n: Number of scored trials in the first group.
        other_successes: Number of successes in the second group.
        other_n: Number of scored trials in the second group.

    Returns:
        No value where either group has no trials.

    Raises:
        ValueError: successes outside 0..n in either group.
    """
    check_counts((successes, n), (other_successes, other_n))
    if not n or not other_n:
        return PValue(None, "a group has no scored trial")
    table = [[successes, other_successes], [n - successes, other_n - other_successes]]
    return PValue(float(scipy.stats.fisher_exact(table).pvalue))


def quantile(level: float) -> float:
    """The normal quantile of a two-sided confidence level: 1.96 for 0.95."""
    return Z95 if level == 0.95 else float(scipy.special.ndtri(0.5 + level / 2))


def percent(value: float | None) -> str:
    """A rate for display: no decimals, `<1 %` rather than a rounded 0, `–` if unknown."""
    if value is None:
        return "–"
    rounded = round(100 * value)
    if value > 0 and rounded == 0:
        return "<1 %"
    if value < 1 and rounded == 100:
        return ">99 %"
    return f"{rounded} %"


def check_counts(*counts: tuple[int, int]) -> None:
    """Checks pairs of successes and trials.

    Raises:
        ValueError: successes outside 0..n.
    """
    for successes, n in counts:
        if not 0 <= successes <= n:
            raise ValueError(f"{successes} successes in {n} trials")
