"""What n trials can show: the expected precision of a rate, and the power to detect a difference.

All sums are over the binomial distributions themselves, not over a normal approximation; a
distribution of more than `POINTS` likely counts is thinned evenly.
"""

from __future__ import annotations

from functools import cache

from scipy.optimize import brentq
from scipy.stats import binom, fisher_exact

from cornered.analysis.stats import wilson

POWER, LEVEL = 0.8, 0.05
"""The conventional power, and the conventional level of a test."""
POINTS = 60
"""Counts at which a binomial distribution is summed; a larger one is thinned evenly."""


def _likely(n: int, rate: float) -> list[tuple[int, float]]:
    """The likely counts of n trials at a rate, with their probabilities, which sum to 1."""
    first, last = (int(k) for k in binom.interval(1 - 1e-9, n, rate))
    counts = range(first, last + 1, max(1, (last - first) // POINTS))
    chances = [float(p) for p in binom.pmf(list(counts), n, rate)]
    return [(k, p / sum(chances)) for k, p in zip(counts, chances, strict=True)]


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
    return float(brentq(lack, rate, 1.0)) - rate


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
    return sum(p * float(binom.sf(k - 1, n, other)) for k, p in _critical_counts(n, rate, level))


@cache
def _critical_counts(n: int, rate: float, level: float) -> tuple[tuple[int, float], ...]:
    """For each likely count of one cell, with its probability: the fewest successes in the other
    cell that are significantly more.
    """
    critical: list[tuple[int, float]] = []
    gap = 1
    for count, chance in _likely(n, rate):
        gap = _least_gap(count, n, gap, level)
        critical.append((count + gap, chance))
    return tuple(critical)


def _least_gap(count: int, n: int, guess: int, level: float) -> int:
    """The smallest significant excess over `count` of n; past n where there is none.

    Searched from a guess: the gap changes slowly with the count, and each test takes a
    millisecond.
    """

    def differs(gap: int) -> bool:
        more = count + gap
        table = [[more, n - more], [count, n - count]]
        return more <= n and bool(fisher_exact(table).pvalue <= level)

    gap = min(guess, n - count + 1)
    while gap > 1 and differs(gap - 1):
        gap -= 1
    while count + gap <= n and not differs(gap):
        gap += 1
    return gap
