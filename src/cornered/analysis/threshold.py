"""The mean of several rates against a threshold: its exact interval, and its test.

For declared hypotheses of one rate, such as that a model acts in under 5 % of its controls. Pure
functions over rates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from cornered.analysis.mover import Measured
from cornered.analysis.stats import Z95, Estimate, Interval


def mean_rate(rates: Sequence[Measured], level: float = 0.95) -> Estimate:
    """The equal-weight mean of rates, with an exact interval at its effective number of trials.

    The limits are Clopper and Pearson's for the mean times n in n trials, n = m² / Σ 1/n_i over
    the m rates, which is the number of trials where all have as many. Exact limits of the pooled
    count hold for a mean of unequal rates too, since its count varies less than that of as many
    equal ones. MOVER's interval of four rates of 0, which controls often have, is twice as wide.

    Simulated (`bench/threshold.py`: 1 to 6 rates of 0.2 to 30 % on average, equal or up to five
    times as high as each other, 20 to 400 trials each, equal or not): the interval held the mean in
    97.5 % of samples on average and in 94.5 % at worst, and a mean at the threshold was told to be
    below it in at most 2.8 %.

    Source: Clopper and Pearson 1934, Biometrika 26:404-413; Hoeffding 1956, Annals of Mathematical
    Statistics 27:713-721 (unequal rates); Korn and Graubard 1998, Survey Methodology 24:193-201
    (effective number of trials).

    Args:
        rates: At least one.
        level: Confidence level, 0 to 1.
    """
    n = _worth(rates)
    value = float(np.mean([rate.rate for rate in rates]))
    low, high = limits(np.array([value * n]), n, (1 - level) / 2)
    return Estimate(value, Interval(float(low[0]), float(high[0])))


def threshold_p(rates: Sequence[Measured], threshold: float) -> float:
    """The two-sided p value that the mean of rates is a threshold: twice the smaller tail.

    It is below 0.05 where the 95 % interval of `mean_rate` leaves the threshold out.
    """
    n = _worth(rates)
    count = np.array([float(np.mean([rate.rate for rate in rates])) * n])
    return float(tails(count, n, threshold)[0])


def limits(
    counts: NDArray[np.float64], n: float, tail: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clopper and Pearson's limits of counts of n trials, each at one tail; counts may be broken.

    Args:
        counts: 0 to n.
        n: Trials.
        tail: The probability of each tail.
    """
    beta = scipy.special.betaincinv
    rest = n - counts
    low = np.where(counts > 1e-9, beta(np.maximum(counts, 1e-9), rest + 1, tail), 0.0)
    high = np.where(rest > 1e-9, beta(counts + 1, np.maximum(rest, 1e-9), 1 - tail), 1.0)
    return low, high


def tails(counts: NDArray[np.float64], n: float, threshold: float) -> NDArray[np.float64]:
    """Twice the smaller binomial tail of counts of n trials at a threshold, at most 1."""
    beta = scipy.special.betainc
    rest = n - counts
    below = np.where(rest > 1e-9, beta(np.maximum(rest, 1e-9), counts + 1, 1 - threshold), 1.0)
    above = np.where(counts > 1e-9, beta(np.maximum(counts, 1e-9), rest + 1, threshold), 1.0)
    twice: NDArray[np.float64] = np.minimum(1.0, 2 * np.minimum(below, above))
    return twice


def _worth(rates: Sequence[Measured]) -> float:
    """The effective number of trials of the equal-weight mean."""
    return len(rates) ** 2 / sum(1 / _trials(rate) for rate in rates)


def _trials(of: Measured) -> float:
    """The trials of a rate; where a judge was silent on some, those that its interval is worth."""
    if of.interval is None:
        return float(of.n)
    # Wilson's width w solves w² N² = 4 z² (p (1 - p) (N - z²) + z² / 4), with N = n + z².
    w2, z2, p = (of.interval.high - of.interval.low) ** 2, Z95**2, of.rate * (1 - of.rate)
    half = 2 * z2 * p
    root = np.sqrt(max(0.0, half**2 + w2 * z2**2 * (1 - 4 * p)))
    return float(min(of.n, max(1.0, (half + root) / w2 - z2)))
