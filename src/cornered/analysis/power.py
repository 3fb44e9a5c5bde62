"""The expected precision of a rate from n trials, and the power to detect a difference.

The power of declared tests is simulated. All other sums are over binomial distributions, without
a normal approximation; a distribution of more than `POINTS` likely counts is thinned evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, gammaln, ndtri, xlog1py, xlogy

from cornered.analysis.stats import quantile, wilson
from cornered.analysis.threshold import tails

POWER, LEVEL = 0.8, 0.05
"""The conventional power, and the conventional level of a test."""
DRAWS = 4000
"""Simulated experiments for the power of declared tests."""
POINTS = 60
"""Counts at which a binomial distribution is summed; a larger one is thinned evenly."""


def _likely(n: int, rate: float) -> list[tuple[int, float]]:
    """The likely counts of n trials at a rate, with their probabilities, which sum to 1."""
    first, last = _central(n, rate)
    counts = range(first, last + 1, max(1, (last - first) // POINTS))
    chances = _chances(np.array(counts), n, rate)
    return [(k, float(p)) for k, p in zip(counts, chances / chances.sum(), strict=True)]


def _central(n: int, rate: float) -> tuple[int, int]:
    """The counts between which all but 1e-9 of a binomial distribution lies, half on each side."""
    reach = 7 * sqrt(n * rate * (1 - rate)) + 40  # beyond the quantiles searched for below
    counts = np.arange(max(0, floor(n * rate - reach)), min(n, ceil(n * rate + reach)) + 1)
    above = _more_than(counts, n, rate)
    # 1 - above would lose precision; the lower tail is the upper tail of the failures.
    below = np.where(counts < n, _more_than(n - counts - 1, n, 1 - rate), 1.0)
    first = counts[int(np.argmax(below >= 5e-10))]
    last = counts[int(np.argmax(above <= 5e-10))]
    return int(first), int(last)


def _chances(counts: NDArray[np.int64], n: int, rate: float) -> NDArray[np.float64]:
    """The binomial probability of each count; SciPy's own takes a second to import."""
    ways = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    chances: NDArray[np.float64] = np.exp(ways + xlogy(counts, rate) + xlog1py(n - counts, -rate))
    return chances


def _more_than(counts: NDArray[np.int64], n: int, rate: float) -> NDArray[np.float64]:
    """The binomial probability of more than each count, -1 to n."""
    inside = bdtrc(np.clip(counts, 0, n), n, rate)
    tail: NDArray[np.float64] = np.where(counts < 0, 1.0, inside)
    return tail


@cache
def expected_half_width(n: int, rate: float) -> float:
    """The expected half-width of the 95 % Wilson interval of n trials at a rate, in rates."""
    total = 0.0
    for count, chance in _likely(n, rate):
        interval = wilson(count, n)
        assert interval is not None  # n is at least 1
        total += chance * (interval.high - interval.low) / 2
    return total


@cache
def smallest_difference(n: int, rate: float) -> float | None:
    """The smallest increase over a rate that n trials against n detect with 80 % power.

    Detected means that Fisher's exact test, two-sided at 5 %, rejects equality. SciPy offers the
    test but not its power; this is the sum over both binomials, solved for the higher rate.

    Args:
        n: Trials of each of the two cells.
        rate: The rate in the one cell, 0 to 1; a control's is 0.

    Returns:
        The difference of the two rates; None where not even an increase to 1 is detected.
    """

    def lack(other: float) -> float:
        return POWER - _power_of_increase(n, rate, other, LEVEL)

    if lack(1.0) > 0:
        return None
    # By bisection: importing SciPy's root finders takes longer than a whole plan.
    low, high = rate, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if lack(middle) > 0 else (low, middle)
    return high - rate


def power_of_difference(n: int, rate: float, other: float, level: float = LEVEL) -> float:
    """The probability that n trials against n detect the difference of two rates.

    Detected means that Fisher's exact test, two-sided, rejects equality in the right direction:
    the cell with the higher rate has more successes. Where the rates are equal, this is the
    probability of a false rejection in one direction.

    Agrees with the example of R's statmod::power.fisher.test, 70 % at rates 0.5 and 0.9 and 20
    trials each, which is simulated there.

    Args:
        n: Trials of each of the two cells.
        rate: The rate in the one cell, 0 to 1.
        other: The rate in the other.
        level: Level of the test.

    Raises:
        ValueError: no trials, or a rate or a level outside 0 to 1.
    """
    if n < 1:
        raise ValueError(f"{n} is not above 0")
    for share in (rate, other, level):
        if not 0 <= share <= 1:
            raise ValueError(f"{share} is not between 0 and 1")
    # A decrease of one rate is an increase of its complement.
    if other < rate:
        rate, other = 1 - rate, 1 - other
    return _power_of_increase(n, rate, other, level)


def _power_of_increase(n: int, rate: float, other: float, level: float) -> float:
    counts, probabilities = _critical_counts(n, rate, level)
    # A sum of rounded probabilities may exceed 1 in the last digit.
    return min(1.0, float(probabilities @ _more_than(counts - 1, n, other)))


@cache
def _critical_counts(
    n: int, rate: float, level: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each likely count of one cell the fewest successes in the other cell that are
    significantly more, and the probability of the count.
    """
    likely = _likely(n, rate)
    critical: list[int] = []
    gap = 1
    for count, _ in likely:
        gap = _least_gap(count, n, gap, level)
        critical.append(count + gap)
    return np.array(critical), np.array([chance for _, chance in likely])


def _least_gap(count: int, n: int, guess: int, level: float) -> int:
    """The smallest significant excess over `count` of n; past n where there is none.

    Searched from a guess, since the gap changes slowly with the count.
    """

    def differs(gap: int) -> bool:
        return count + gap <= n and _fisher(count + gap, count, n) <= level

    gap = min(guess, n - count + 1)
    while gap > 1 and differs(gap - 1):
        gap -= 1
    while count + gap <= n and not differs(gap):
        gap += 1
    return gap


def _fisher(one: int, other: int, n: int) -> float:
    """The p value of Fisher's exact test, two-sided, for two counts of n.

    The same as SciPy's, but a hundred times as fast over hundreds of calls. Probabilities within
    a ten-millionth of the table's own count as equal to it, as in R.
    """
    total = one + other
    reach = 40 * sqrt(total * (2 * n - total) / (4 * max(1, 2 * n - 1))) + 9
    low = max(0, total - n, floor(total / 2 - reach))
    counts = np.arange(low, min(n, total, ceil(total / 2 + reach)) + 1)
    if not low <= one <= counts[-1]:
        return 0.0  # forty standard deviations away
    logs = -(
        gammaln(counts + 1)
        + gammaln(n - counts + 1)
        + gammaln(total - counts + 1)
        + gammaln(n - total + counts + 1)
    )
    chances = np.exp(logs - logs.max())
    extreme = chances <= chances[one - low] * (1 + 1e-7)
    return float(chances[extreme].sum() / chances.sum())


@dataclass(frozen=True)
class PlannedTest:
    """A declared test before its trials: its cells with their weights and assumed rates."""

    weights: tuple[float, ...]
    """Of each cell in the contrast, a cell once."""
    rates: tuple[float, ...]
    """The rate that is assumed for each cell."""
    margin: float | None = None
    """The margin of equivalence, in rates."""
    direction: int = 0
    """1 or -1 where the difference counts only that way; 0 takes the way of the assumed rates."""
    threshold: float | None = None
    """What the mean of the rates is tested against, where there is one side only."""

    @property
    def difference(self) -> float:
        """The assumed difference."""
        total = sum(w * rate for w, rate in zip(self.weights, self.rates, strict=True))
        return total - (self.threshold or 0.0)


@dataclass(frozen=True)
class TestPower:
    """The chance that a declared test tells its difference, or its equivalence."""

    __test__ = False  # no test of pytest

    power: float
    """That the adjusted p is below 5 %, the interval without 0 and the difference as assumed."""
    equivalence: float | None
    """That the 90 % interval lies inside the margin, if the difference were 0; None without one."""


def family_power(
    tests: Sequence[PlannedTest], n: int, *, draws: int = DRAWS, seed: int = 1
) -> list[TestPower]:
    """The power of the tests of one family, for the analysis that is reported.

    Simulated: binomial counts of n trials a cell, the interval of the weighted sum (MOVER over
    Wilson's intervals, as in `mover.weighted_sum`), its inverse p value, and Holm over the family;
    of a rate against its threshold the exact p value (`threshold.threshold_p`).
    Cells that several tests share are drawn for each: that changes no power of a single test, and
    that of Holm hardly. With 4,000 draws the error is at most 1.6 points (95 %).

    For equivalence the rates of a test are moved to one: the mean of both sides.

    Args:
        tests: The tests of a family.
        n: Trials of each cell.
        draws: Simulated experiments.
        seed: Of the simulation, so that the same plan has the same power.
    """
    random = np.random.default_rng(seed)
    values, reaches = [], []
    for test in tests:
        rates = random.binomial(n, np.array(test.rates), (draws, len(test.rates))) / n
        value = rates @ np.array(test.weights) - (test.threshold or 0.0)
        values.append(value)
        if test.threshold is not None:
            reaches.append(_below_or_above(rates, test.threshold, n, len(tests)))
            continue
        reaches.append(_told_at(np.array(test.weights), rates, value, n, len(tests)))
    told = _holm(np.array(reaches)) if tests else np.zeros((0, draws), dtype=bool)
    powers = []
    for test, value, rejected in zip(tests, values, told, strict=True):
        wanted = test.direction or (1 if test.difference > 0 else -1)
        power = float((rejected & (np.sign(value) == wanted)).mean())
        powers.append(TestPower(power, _equivalence(test, n, draws, random)))
    return powers


def _told_at(
    weights: NDArray[np.float64],
    rates: NDArray[np.float64],
    value: NDArray[np.float64],
    n: int,
    tests: int,
) -> NDArray[np.float64]:
    """For each draw the number of tests up to which Holm's step tells the difference.

    The interval at 1 - level/k leaves out 0 where the p value is below level/k, so that p values
    need not be solved for.
    """
    most = np.zeros(len(rates))
    for k in range(1, tests + 1):
        below, above = _reach(weights, rates, n, -float(ndtri(LEVEL / k / 2)))
        most = np.where(np.abs(value) > np.where(value > 0, below, above), k, most)
    return most


def _below_or_above(
    rates: NDArray[np.float64], threshold: float, n: int, tests: int
) -> NDArray[np.float64]:
    """For each draw the number of tests up to which Holm's step tells a mean from a threshold."""
    worth = n * rates.shape[1]
    p = tails(rates.mean(axis=1) * worth, worth, threshold)
    most: NDArray[np.float64] = np.minimum(tests, np.ceil(LEVEL / np.maximum(p, 1e-300)) - 1)
    return most


def _reach(
    weights: NDArray[np.float64], rates: NDArray[np.float64], n: int, z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distances of the limits of weighted sums of rates from the sums (MOVER)."""
    centre = rates + z * z / (2 * n)
    half = z * np.sqrt(rates * (1 - rates) / n + (z / n) ** 2 / 4)
    scale = 1 + z * z / n
    low = rates - np.where(rates == 0, 0.0, (centre - half) / scale)
    high = np.where(rates == 1, 1.0, (centre + half) / scale) - rates
    below = weights * np.where(weights > 0, low, high)
    above = weights * np.where(weights > 0, high, low)
    return np.sqrt((below**2).sum(axis=1)), np.sqrt((above**2).sum(axis=1))


def _holm(most: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which tests Holm's procedure tells, from the tests up to which each would be told.

    A test with p below level/k for the k tests that are left is told; then k is one less.
    """
    count, draws = most.shape
    told = np.zeros((count, draws), dtype=bool)
    order = np.argsort(-most, axis=0, kind="stable")
    going = np.ones(draws, dtype=bool)
    for step in range(count):
        at = order[step]
        going &= most[at, np.arange(draws)] >= count - step
        told[at, np.arange(draws)] = going
    return told


def _equivalence(
    test: PlannedTest, n: int, draws: int, random: np.random.Generator
) -> float | None:
    if test.margin is None:
        return None
    weights, assumed = np.array(test.weights), np.array(test.rates)
    sides = [float(assumed[weights * sign > 0].mean()) for sign in (1, -1)]
    rates = random.binomial(n, sum(sides) / 2, (draws, len(weights))) / n
    value = rates @ weights
    below, above = _reach(weights, rates, n, quantile(0.90))
    inside = (value - below > -test.margin) & (value + above < test.margin)
    return float(inside.mean())
