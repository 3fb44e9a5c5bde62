"""Statistics of rates: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, hypot, log1p, sqrt

import numpy as np
import scipy  # its larger rooms, such as `scipy.stats`, are imported where they are first used
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

_BARNARD_TABLES = 1_000_000
"""Tables that Barnard's test may go through: 0.7 s for 1,000 trials against 1,000."""
_RATES = np.sin(np.linspace(0, np.pi / 2, 402)[1:-1]) ** 2
"""Where Barnard's test looks for the worst common rate: closest where the binomial is narrow."""


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
    """What an analysis makes of its data, as far as they allow it."""

    value: float | None
    """None where it is undefined."""
    interval: Interval | None = None
    """None where the value is, or where the data say nothing of its error."""
    reason: str | None = None
    """Why something is missing."""


@dataclass(frozen=True)
class PValue:
    """Of a two-sided test: how often data this extreme come up where there is nothing to find."""

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
        None where n is 0: nothing is known then.

    Raises:
        ValueError: successes outside 0..n.
    """
    _refuse_impossible(successes, n)
    if n == 0:
        return None
    z = quantile(level)
    centre, half = successes + z * z / 2, z * sqrt(successes * (n - successes) / n + z * z / 4)
    # Rounding leaves 1e-17 where the bound is exactly 0 or 1.
    low = 0.0 if successes == 0 else (centre - half) / (n + z * z)
    return Interval(low, 1.0 if successes == n else (centre + half) / (n + z * z))


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval | None:
    """Clopper and Pearson's exact interval: it never holds the rate less often than it says.

    That makes it wider than Wilson's; for statements that must not claim too much.

    Source: Clopper and Pearson 1934, Biometrika 26:404-413, by quantiles of the beta distribution.

    Args:
        successes: Number of successes, 0 to n.
        n: Number of scored trials.
        level: Confidence level, 0 to 1.

    Returns:
        None where n is 0.

    Raises:
        ValueError: successes outside 0..n.
    """
    _refuse_impossible(successes, n)
    if n == 0:
        return None
    tail, failures = (1 - level) / 2, n - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    return Interval(low, float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0)


def zero_upper(n: int, level: float = 0.95) -> float | None:
    """The exact one-sided upper bound of a rate of which 0 of n were seen.

    The rate at which 0 of n comes up with probability 1 - level; at 95 % roughly 3 / n, the rule
    of three (Hanley and Lippman-Hand 1983, JAMA 249:1743-1745). One-sided: the upper end of
    `clopper_pearson(0, n)` is larger, for it leaves half the error to a side that is empty here.

    Args:
        n: Number of scored trials, all of them without success.
        level: Confidence level, 0 to 1.

    Returns:
        None where n is 0.

    Raises:
        ValueError: n is negative.
    """
    _refuse_impossible(0, n)
    return -expm1(log1p(-level) / n) if n else None


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

    Source: Fisher 1935, Journal of the Royal Statistical Society 98:39-82; two-sided by adding up
    the tables that are no likelier, as R's fisher.test does. Computed by SciPy.

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
    _refuse_impossible(successes, n)
    _refuse_impossible(other_successes, other_n)
    if not n or not other_n:
        return PValue(None, "a group has no scored trial")
    table = [[successes, other_successes], [n - successes, other_n - other_successes]]
    return PValue(float(scipy.stats.fisher_exact(table).pvalue))


def barnard(successes: int, n: int, other_successes: int, other_n: int) -> PValue:
    """Barnard's exact test of two independent rates, two-sided, on the pooled score statistic.

    Unlike Fisher's it does not hold the total of successes fixed, which no experiment here does;
    so it finds more, most of all where there are few trials.

    Source: Barnard 1947, Biometrika 34:123-138; the statistic: Suissa and Shuster 1985, Journal
    of the Royal Statistical Society A 148:317-327. SciPy's barnard_exact misses the worst common
    rate at times: it says 0.73 for 1 of 1 against 2 of 3, and 0.875 for 0 of 1 against 1 of 3.

    Args:
        successes: Number of successes in the first group.
        n: Number of scored trials in the first group.
        other_successes: Number of successes in the second group.
        other_n: Number of scored trials in the second group.

    Returns:
        No value where either group has no trials, or where the product of their sizes is above
        1,000,000: it would take seconds there, and Fisher's test loses little.

    Raises:
        ValueError: successes outside 0..n in either group.
    """
    _refuse_impossible(successes, n)
    _refuse_impossible(other_successes, other_n)
    if not n or not other_n:
        return PValue(None, "a group has no scored trial")
    if n * other_n > _BARNARD_TABLES:
        return PValue(None, "too many trials for Barnard's test: use Fisher's")
    distance = _pooled_distance(n, other_n)
    # What is as far but for rounding is as far.
    extreme = (distance >= distance[successes, other_successes] * (1 - 1e-9)).astype(np.float64)

    def chance(rates: NDArray[np.float64]) -> NDArray[np.float64]:
        ours = scipy.stats.binom.pmf(np.arange(n + 1), n, rates[:, np.newaxis])
        others = scipy.stats.binom.pmf(np.arange(other_n + 1), other_n, rates[:, np.newaxis])
        return np.asarray(np.einsum("ij,ij->i", ours @ extreme, others), dtype=np.float64)

    found = chance(_RATES)
    worst = int(found.argmax())
    around = _RATES[max(0, worst - 1)], _RATES[min(worst + 1, len(_RATES) - 1)]
    peak = scipy.optimize.minimize_scalar(
        lambda at: -chance(np.array([at]))[0], bounds=around, method="bounded"
    )
    return PValue(min(1.0, max(float(found[worst]), -float(peak.fun))))


def quantile(level: float) -> float:
    """The normal quantile of a two-sided confidence level: 1.96 for 0.95."""
    return float(ndtri(0.5 + level / 2))


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


def _refuse_impossible(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials")


def _pooled_distance(n: int, other_n: int) -> NDArray[np.float64]:
    """For each count of successes in two groups, how far apart the rates are, in squared z."""
    ours, others = np.arange(n + 1)[:, np.newaxis], np.arange(other_n + 1)
    pooled = (ours + others) / (n + other_n)
    variance = pooled * (1 - pooled) * (1 / n + 1 / other_n)
    gap = (ours / n - others / other_n) ** 2
    return np.divide(gap, variance, out=np.zeros_like(gap), where=variance > 0)
