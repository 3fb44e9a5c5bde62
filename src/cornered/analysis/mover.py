"""Intervals and tests of weighted sums of rates: differences, their means, interactions.

Pure functions over rates with their intervals. Everything is in rates: 0.1 is ten percentage
points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr

from cornered.analysis.stats import Z95, Estimate, Interval, quantile

Floats = NDArray[np.float64]
FEW = 20
"""Trials of a rate below which a sum of several is never narrower than a normal interval."""
_LARGEST_Z = 37.0
"""Beyond it a two-sided p value is below the smallest float."""


class Q(NamedTuple):
    """Cochran's Q and its p value."""

    q: float
    p: float


@dataclass(frozen=True)
class Measured:
    """A rate as it was measured."""

    rate: float
    """0 to 1."""
    n: int
    """Scored trials, at least 1."""
    interval: Interval | None = None
    """Its 95 % interval, where that is not Wilson's of the rate and n."""

    def limits(self, z: float = Z95) -> Interval:
        """The interval at a normal quantile.

        Where the 95 % interval is given, Wilson's distances from the rate are stretched so that
        they agree with it at 95 %.
        """
        plain = _score(self.rate, self.n, z)
        if self.interval is None:
            return plain
        at_95 = _score(self.rate, self.n, Z95)
        below = _ratio(self.rate - self.interval.low, self.rate - at_95.low)
        above = _ratio(self.interval.high - self.rate, at_95.high - self.rate)
        return Interval(
            max(0.0, self.rate - below * (self.rate - plain.low)),
            min(1.0, self.rate + above * (plain.high - self.rate)),
        )


def _score(rate: float, n: int, z: float) -> Interval:
    """Wilson's interval, at any quantile."""
    centre, half = rate + z * z / (2 * n), z * sqrt(rate * (1 - rate) / n + (z / n) ** 2 / 4)
    scale = 1 + z * z / n
    low = 0.0 if rate == 0 else (centre - half) / scale
    return Interval(low, 1.0 if rate == 1 else (centre + half) / scale)


def _ratio(wanted: float, plain: float) -> float:
    return wanted / plain if plain > 0 else 1.0


def weighted_sum(
    weights: Sequence[float],
    rates: Sequence[Measured],
    level: float = 0.95,
    correlations: Floats | None = None,
) -> Estimate:
    """A weighted sum of rates with the interval of MOVER (method of variance estimates recovery).

    With weights 1 and -1 it is Newcombe's interval of a difference (`stats.newcombe`), with 1/m
    and -1/m the equal-weight mean of m differences, with 1, -1, -1, 1 an interaction. Each
    distance of the sum from a limit is the root of the summed squares of the distances of its
    rates from theirs; no variance is estimated, so that it holds with rates of 0 and 1. Wilson's
    interval of a middling rate of few trials is narrower than its standard error, which a sum of
    many shows: with more than two rates, one of them of under 20 trials, no distance is shorter
    than that of a normal interval with the unbiased variance.

    Source: Zou, Huang and Zhang 2009, Computational Statistics and Data Analysis 53:1080-1085;
    with correlations: Zou 2008, American Journal of Epidemiology 168:212-224. For two rates they
    are methods 10 of Newcombe 1998, Statistics in Medicine 17:873-890 and 17:2635-2650.

    Args:
        weights: One for each rate, in any sum.
        rates: Each once; a rate that two differences share has the sum of its weights.
        level: Confidence level, 0 to 1.
        correlations: Of the estimated rates; independent where None.

    Returns:
        An estimate with its interval, within what the weights allow.
    """
    value = _sum(weights, rates)
    below, above = _distances(weights, rates, quantile(level), correlations)
    lowest = sum(min(0.0, w) for w in weights)
    highest = sum(max(0.0, w) for w in weights)
    return Estimate(value, Interval(max(lowest, value - below), min(highest, value + above)))


def sum_p(
    weights: Sequence[float],
    rates: Sequence[Measured],
    correlations: Floats | None = None,
    against: float = 0.0,
) -> float:
    """The two-sided p value of a weighted sum of rates: the inverse of `weighted_sum`'s interval.

    It is below 0.05 where the 95 % interval leaves the value out, and only there.

    Args:
        weights: As in `weighted_sum`.
        rates: As in `weighted_sum`.
        correlations: As in `weighted_sum`.
        against: The value that is tested.
    """
    value = _sum(weights, rates) - against
    if abs(value) < 1e-12:
        return 1.0

    def short(z: float) -> float:
        """How far the interval at z falls short of the value that is tested."""
        below, above = _distances(weights, rates, z, correlations)
        return abs(value) - (below if value > 0 else above)

    if short(_LARGEST_Z) >= 0:
        return float(2 * ndtr(-_LARGEST_Z))
    return float(2 * ndtr(-scipy.optimize.brentq(short, 0.0, _LARGEST_Z, xtol=1e-9)))


def homogeneity(differences: Floats, rates: Sequence[Measured]) -> Q | None:
    """Cochran's test that several differences are equal, on their own scale.

    Differences may share rates. Each variance is that of a rate after two successes and
    two failures are added (Agresti and Coull 1998, American Statistician 52:119-126), so that
    rates of 0 and 1 have one.

    Source: Cochran 1954, Biometrics 10:101-129; with shared rates it is the Wald test of equal
    differences, which is the same Q where they share none.

    Args:
        differences: A row for each difference, with the weights of `rates`.
        rates: The rates.

    Returns:
        None with fewer than two differences.
    """
    count = len(differences)
    if count < 2:
        return None
    contrast = np.eye(count)[1:] - np.eye(count)[0]
    p = np.array([r.rate for r in rates])
    n = np.array([r.n for r in rates], dtype=np.float64)
    smoothed = (p * n + 2) / (n + 4)
    own = contrast @ differences
    excess = own @ p
    covariance = (own * (smoothed * (1 - smoothed) / n)) @ own.T
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if rank == 0:
        return None
    q = max(0.0, float(excess @ np.linalg.pinv(covariance, hermitian=True) @ excess))
    return Q(q, float(chdtrc(rank, q)))


def _sum(weights: Sequence[float], rates: Sequence[Measured]) -> float:
    return float(sum(w * r.rate for w, r in zip(weights, rates, strict=True)))


def _distances(
    weights: Sequence[float], rates: Sequence[Measured], z: float, correlations: Floats | None
) -> tuple[float, float]:
    """The distances of the lower and the upper limit from the sum."""
    limits = [r.limits(z) for r in rates]
    low = np.array([r.rate - limit.low for r, limit in zip(rates, limits, strict=True)])
    high = np.array([limit.high - r.rate for r, limit in zip(rates, limits, strict=True)])
    w = np.asarray(weights, dtype=np.float64)
    below, above = w * np.where(w > 0, low, high), w * np.where(w > 0, high, low)
    first, second = _root(below, correlations), _root(above, correlations)
    if len(rates) > 2 and min(r.n for r in rates) < FEW:
        least = z * _root(w * np.array([_deviation(r) for r in rates]), correlations)
        return max(first, least), max(second, least)
    return first, second


def _root(terms: Floats, correlations: Floats | None) -> float:
    if correlations is None:
        return sqrt(float(terms @ terms))
    return sqrt(max(0.0, float(terms @ correlations @ terms)))


def _deviation(of: Measured) -> float:
    """The standard error of a rate, its square unbiased; of one trial the largest there is."""
    return sqrt(of.rate * (1 - of.rate) / (of.n - 1)) if of.n > 1 else 0.5
