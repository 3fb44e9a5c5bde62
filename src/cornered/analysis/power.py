"""What n trials can show: power and sample size for a rate, a difference and an equivalence.

All sums are over the binomial distributions themselves, not over a normal approximation; a
distribution of more than `POINTS` likely counts is thinned evenly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import ceil, floor, sqrt

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import bdtrc, gammaln, xlog1py, xlogy

from cornered.analysis.stats import newcombe, wilson

POWER, LEVEL = 0.8, 0.05
"""The chance to find what is there, and the chance to find what is not."""
POINTS = 60
"""Counts at which a binomial distribution is summed; a larger one is thinned evenly."""
LARGEST = 100_000
"""Trials of a cell beyond which no n is searched for."""


def _likely(n: int, rate: float) -> list[tuple[int, float]]:
    """The counts that n trials may give at a rate, with their probabilities."""
    first, last = _central(n, rate)
    counts = range(first, last + 1, max(1, (last - first) // POINTS))
    chances = _chances(np.array(counts), n, rate)
    return [(k, float(p)) for k, p in zip(counts, chances / chances.sum(), strict=True)]


def _central(n: int, rate: float) -> tuple[int, int]:
    """The counts between which all but 1e-9 of a binomial distribution lies, half on each side."""
    reach = 7 * sqrt(n * rate * (1 - rate)) + 40  # beyond the quantiles, which are searched for
    counts = np.arange(max(0, floor(n * rate - reach)), min(n, ceil(n * rate + reach)) + 1)
    above = _more_than(counts, n, rate)
    # 1 - above would lose what is small; the lower tail is the upper one of those without the act.
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
    """Half the width of the 95 % Wilson interval, on average over what n trials may give."""
    total = 0.0
    for count, chance in _likely(n, rate):
        interval = wilson(count, n)
        assert interval is not None  # n is at least 1
        total += chance * (interval.high - interval.low) / 2
    return total


def n_for_rate(rate: float, half_width: float) -> int | None:
    """The fewest trials of a cell whose 95 % Wilson interval is expected to be that narrow.

    Args:
        rate: The rate, 0 to 1.
        half_width: Half the width of the interval, in rates (0.05 is five percentage points).

    Returns:
        None where `LARGEST` trials are not enough.

    Raises:
        ValueError: a rate outside 0 to 1, or no positive half-width.
    """
    _check_rates(rate)
    _check_positive(half_width)
    return _fewest(lambda n: expected_half_width(n, rate) <= half_width)


@cache
def smallest_difference(n: int, rate: float) -> float | None:
    """The smallest rise above a rate that n trials against n find with 80 % power.

    Found means that Fisher's exact test, two-sided at 5 %, rejects equality. SciPy has the
    test and no power of it; this is the sum over both binomials, solved for the higher rate.

    Args:
        n: Trials of each of the two cells.
        rate: The rate in the one cell, 0 to 1; a control's is 0.

    Returns:
        The difference of the two rates; None where not even a rise to 1 is found.
    """

    def lack(other: float) -> float:
        return POWER - _found(n, rate, other, LEVEL)

    if lack(1.0) > 0:
        return None
    # By halving: the import of SciPy's root finders takes longer than all of a plan.
    low, high = rate, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if lack(middle) > 0 else (low, middle)
    return high - rate


def power_of_difference(n: int, rate: float, other: float, level: float = LEVEL) -> float:
    """The chance that n trials against n find the difference of two rates, and its direction.

    Found means that Fisher's exact test, two-sided, rejects equality, and the cell with the
    higher rate has more successes; a rejection in the wrong direction is no find. Where the
    rates are equal there is nothing to find: the power is the chance of one wrong direction.

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
    _check_rates(rate, other, level)
    _check_positive(n)
    # Counted as a rise: a fall is the rise of those without the act.
    return _found(n, rate, other, level) if other >= rate else _found(n, 1 - rate, 1 - other, level)


def n_for_difference(
    rate: float, other: float, power: float = POWER, level: float = LEVEL
) -> int | None:
    """The fewest trials of each of two cells that find the difference of their rates.

    The exact power is not quite monotone in n: it falls by a little where one more trial
    raises the count that is needed. The answer is an n that has the power while n - 1 has not.

    Args:
        rate: The rate in the one cell, 0 to 1.
        other: The rate in the other.
        power: The chance to find the difference, as `power_of_difference` has it.
        level: Level of the test.

    Returns:
        None where the rates are equal, or `LARGEST` trials are not enough.

    Raises:
        ValueError: a rate, the power or the level outside 0 to 1.
    """
    _check_rates(rate, other, power, level)
    if rate == other:
        return None
    return _fewest(lambda n: power_of_difference(n, rate, other, level) >= power)


def power_of_equivalence(n: int, rate: float, margin: float, level: float = LEVEL) -> float:
    """The chance that n trials against n show two equal rates to be equivalent.

    Shown means that Newcombe's interval of the difference, at 1 - 2 · level, lies within plus
    or minus the margin: two one-sided tests at the level, by intervals.

    Source: Schuirmann 1987, J Pharmacokinet Biopharm 15:657-680, for the two one-sided tests;
    Newcombe 1998, Statistics in Medicine 17:873-890, method 10, for the interval.

    Args:
        n: Trials of each of the two cells.
        rate: The rate of both cells, 0 to 1.
        margin: The largest difference that counts as none, in rates (0.1 is ten points).
        level: Level of each of the two tests.

    Raises:
        ValueError: no trials, no positive margin, or a rate or a level outside 0 to 1.
    """
    _check_rates(rate, level)
    _check_positive(n, margin)
    likely = _likely(n, rate)
    total, last = 0.0, 0
    for count, chance in likely:
        last = _last_equivalent(count, max(count, last), n, margin, level)
        # At or below zero difference: the same seen from those without the act.
        first = n - _last_equivalent(n - count, n - count, n, margin, level)
        if last >= first:
            total += chance * float(
                scipy.stats.binom.cdf(last, n, rate) - scipy.stats.binom.cdf(first - 1, n, rate)
            )
    return total


def n_for_equivalence(
    rate: float, margin: float, power: float = POWER, level: float = LEVEL
) -> int | None:
    """The fewest trials of each of two cells that show equal rates to be equivalent.

    Args:
        rate: The rate of both cells, 0 to 1.
        margin: The largest difference that counts as none, in rates.
        power: The chance to show it, as `power_of_equivalence` has it.
        level: Level of each of the two tests.

    Returns:
        None where `LARGEST` trials are not enough.

    Raises:
        ValueError: a rate, the power or the level outside 0 to 1, or no positive margin.
    """
    _check_rates(rate, power, level)
    _check_positive(margin)
    return _fewest(lambda n: power_of_equivalence(n, rate, margin, level) >= power)


def _last_equivalent(count: int, guess: int, n: int, margin: float, level: float) -> int:
    """The largest count of n that is equivalent to `count` of n, or `count - 1`."""

    def shown(other: int) -> bool:
        found = newcombe(other, n, count, n, 1 - 2 * level)
        assert found is not None  # n is at least 1
        return -margin < found.interval.low and found.interval.high < margin

    last = guess
    while last >= count and not shown(last):
        last -= 1
    while count <= last < n and shown(last + 1):
        last += 1
    return last


def _found(n: int, rate: float, other: float, level: float) -> float:
    """The chance that a rise is found."""
    limits, chances = _limits(n, rate, level)
    return float(chances @ _more_than(limits - 1, n, other))


@cache
def _limits(n: int, rate: float, level: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For what a cell may count, the fewest in the other that are a find; with probabilities."""
    likely = _likely(n, rate)
    limits: list[int] = []
    gap = 1
    for count, _ in likely:
        gap = _least_gap(count, n, gap, level)
        limits.append(count + gap)
    return np.array(limits), np.array([chance for _, chance in likely])


def _least_gap(count: int, n: int, guess: int, level: float) -> int:
    """How many more than `count` of n are the fewest that differ from it; past n where none do.

    Searched from a guess: the gap moves slowly with the count.
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
    """The p of Fisher's exact test, two-sided, for two counts of n: as SciPy's, a hundred times
    as fast where it is asked hundreds of times.

    Probabilities count as equal to that of the table within a ten-millionth, as in R.
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


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The first n that is enough, where those after it are too; None past `LARGEST`."""
    most = 1
    while not enough(most):
        if most == LARGEST:
            return None
        most = min(2 * most, LARGEST)
    least = most // 2  # not enough, or nothing
    while most - least > 1:
        middle = (least + most) // 2
        if enough(middle):
            most = middle
        else:
            least = middle
    return most


def _check_rates(*shares: float) -> None:
    for share in shares:
        if not 0 <= share <= 1:
            raise ValueError(f"{share} is not between 0 and 1")


def _check_positive(*numbers: float) -> None:
    for number in numbers:
        if not number > 0:
            raise ValueError(f"{number} is not above 0")
