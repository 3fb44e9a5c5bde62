"""Comparison of two models, checkpoints or runs on the same conditions or the same draws.

Pure functions over counts. A difference is the first minus the second, an odds ratio the first
over the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import chdtrc

from cornered.analysis.multiplicity import holm
from cornered.analysis.stats import (
    Difference,
    Estimate,
    Interval,
    PValue,
    fisher,
    newcombe,
    quantile,
    wilson,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """The counts of one condition on both models."""

    name: str
    k_a: int
    """Successes of the first."""
    n_a: int
    """Scored trials of the first."""
    k_b: int
    n_b: int


@dataclass(frozen=True)
class StratumDifference:
    """The comparison within one condition."""

    stratum: Stratum
    difference: Difference | None
    """With Newcombe's interval; None where either model has no trial."""
    p: PValue
    """Fisher's exact test."""
    adjusted: float | None
    """That p value, adjusted by Holm over all strata that have one."""


@dataclass(frozen=True)
class Paired:
    """The comparison over all conditions with trials of both."""

    difference: Estimate
    """Of rates, pooled by Mantel and Haenszel, with an interval from Sato's variance."""
    odds_ratio: Estimate
    """Pooled by Mantel and Haenszel, with the interval of Robins, Breslow and Greenland."""
    p: PValue
    """Cochran, Mantel and Haenszel's test without continuity correction; R's mantelhaen.test
    applies one unless told otherwise."""
    heterogeneity: PValue
    """Breslow and Day's test of equal odds ratios, with Tarone's adjustment."""
    strata: tuple[StratumDifference, ...]
    """In the order given."""
    used: int
    """Strata with trials of both."""
    empty: int
    """Strata without trials of one or both; not used."""


@dataclass(frozen=True)
class PairedByDraw:
    """The comparison on the same draws: the two trials of a pair share their cast and noise."""

    both: int
    only_a: int
    only_b: int
    neither: int
    unscored: int
    """Pairs without a verdict on one of the two; not used."""
    difference: Difference | None
    """Of rates, with Newcombe's interval for pairs; None where no pair is complete."""
    p: PValue
    """Exact two-sided McNemar test."""


@dataclass(frozen=True)
class _Tables:
    """The strata with trials of both, as columns."""

    k_a: Floats
    n_a: Floats
    k_b: Floats
    n_b: Floats

    @property
    def n(self) -> Floats:
        return self.n_a + self.n_b

    @property
    def k(self) -> Floats:
        return self.k_a + self.k_b

    @property
    def concordant(self) -> Floats:
        """Successes of the first times failures of the second, over n."""
        return self.k_a * (self.n_b - self.k_b) / self.n

    @property
    def discordant(self) -> Floats:
        """Successes of the second times failures of the first, over n."""
        return self.k_b * (self.n_a - self.k_a) / self.n

    def informative(self) -> _Tables:
        """Without the strata in which all trials have the same result: they have no odds ratio."""
        varied = (self.k > 0) & (self.k < self.n)
        return _Tables(self.k_a[varied], self.n_a[varied], self.k_b[varied], self.n_b[varied])


def paired(strata: Sequence[Stratum], level: float = 0.95) -> Paired:
    """Compares two models on the same conditions: pooled, tested, and condition by condition.

    The pooled difference weights each condition by n_a n_b / (n_a + n_b); it answers "how much
    more often, on these conditions". Look at `heterogeneity` and at the strata before taking one
    number to represent all of them.

    Trials are assumed to be independent within a condition. Where both models saw the same draws
    (`cast: varied`), `paired_by_draw` makes use of the pairing.

    Simulated over 54 cells (3 to 20 conditions of 10 to 100 trials, rates of 1 to 95 %, 0 to 25
    points apart) the interval of the difference held the truth in 95 % of samples on average and
    in 93 % at worst, that of the odds ratio in 96 and 94 %. At 5 % the test rejected
    a true null hypothesis in 4.1 % of samples on average and 5.5 % at most (with continuity
    correction 2.4 and 4.3 %), the test of heterogeneity in 3.7 and 6.6 %. All are conservative
    where successes are few.

    Sources: Mantel and Haenszel 1959, Journal of the National Cancer Institute 22:719-748;
    difference: Greenland and Robins 1985, Biometrics 41:55-68, with the variance of Sato 1989,
    Biometrics 45:1323-1324; interval of the odds ratio: Robins, Breslow and Greenland 1986,
    Biometrics 42:311-323; heterogeneity: Breslow and Day 1980, Statistical Methods in Cancer
    Research 1, section 4.4, adjusted by Tarone 1985, Biometrika 72:91-95.

    Args:
        strata: The conditions; each once.
        level: Confidence level of all intervals, 0 to 1.

    Returns:
        Whatever is undefined is None, with the reason: everything, where no stratum has trials of
        both; the odds ratio, where either model has no success, or only successes, in all strata
        that vary; heterogeneity, also where fewer than two strata vary.

    Raises:
        ValueError: successes outside 0..n in a stratum.
    """
    differences = [newcombe(s.k_a, s.n_a, s.k_b, s.n_b, level) for s in strata]
    tests = [fisher(s.k_a, s.n_a, s.k_b, s.n_b) for s in strata]
    adjusted = holm([test.value for test in tests])
    used = [s for s in strata if s.n_a and s.n_b]
    tables = _Tables(
        *(
            np.array([getattr(s, count) for s in used], dtype=np.float64)
            for count in ("k_a", "n_a", "k_b", "n_b")
        )
    )
    odds_ratio = _odds_ratio(tables, level)
    return Paired(
        difference=_difference(tables, level),
        odds_ratio=odds_ratio,
        p=_cochran(tables),
        heterogeneity=_breslow_day(tables, odds_ratio),
        strata=tuple(map(StratumDifference, strata, differences, tests, adjusted)),
        used=len(used),
        empty=len(strata) - len(used),
    )


def paired_by_draw(
    pairs: Iterable[tuple[bool | None, bool | None]], level: float = 0.95
) -> PairedByDraw:
    """Compares two models on the same draws: pairs of trials that share everything but the model.

    Draws that differ in difficulty affect both alike, so the difference is more precise than with
    independent trials. Simulated over 15 cells (20 to 100 pairs) the interval held the truth in
    97 % of samples on average and in 95 % at worst.

    Source: Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10 (two Wilson intervals,
    and phi corrected for continuity); McNemar 1947, Psychometrika 12:153-157, in its exact
    (binomial) form.

    Args:
        pairs: For each draw the verdict on the first and on the second; None where it has none.
        level: Confidence level of the interval, 0 to 1.

    Returns:
        Neither a difference nor a p value where no pair is complete.
    """
    counts = Counter(pairs)
    both, only_a, only_b, neither = (
        counts[pair] for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    n = both + only_a + only_b + neither
    discordant = only_a + only_b
    return PairedByDraw(
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=neither,
        unscored=counts.total() - n,
        difference=_paired_difference(both, only_a, only_b, neither, level),
        p=PValue(float(scipy.stats.binomtest(only_a, discordant).pvalue) if discordant else 1.0)
        if n
        else PValue(None, "no pair has both verdicts"),
    )


_NO_STRATUM = "no condition has scored trials of both"
_NO_CONTRAST = "all trials of a condition went the same way, in every condition"


def _difference(of: _Tables, level: float) -> Estimate:
    """Mantel and Haenszel's pooled difference of rates, with Sato's variance."""
    if not len(of.n):
        return Estimate(None, None, _NO_STRATUM)
    weight = float(np.sum(of.n_a * of.n_b / of.n))
    value = float(np.sum((of.k_a * of.n_b - of.k_b * of.n_a) / of.n)) / weight
    p = of.k_b * of.n_a**2 - of.k_a * of.n_b**2 + of.n_a * of.n_b * (of.n_b - of.n_a) / 2
    q = of.k_a * (of.n_b - of.k_b) + of.k_b * (of.n_a - of.k_a)
    variance = float(value * np.sum(p / of.n**2) + np.sum(q / of.n) / 2) / weight**2
    # Where the variance is exactly 0, rounding leaves 1e-20.
    if variance > 1e-15:
        half = quantile(level) * sqrt(variance)
        return Estimate(value, Interval(max(-1.0, value - half), min(1.0, value + half)))
    return _difference_of_constants(of, value, level)


def _difference_of_constants(of: _Tables, value: float, level: float) -> Estimate:
    """The pooled difference where every rate is 0 or 1, and Sato's variance is 0.

    If each model has one rate in all conditions, its trials can be pooled as if from one
    condition, and Newcombe's interval takes their number into account.
    """
    a, b = (int(of.k_a.sum()), int(of.n_a.sum())), (int(of.k_b.sum()), int(of.n_b.sum()))
    pooled = newcombe(*a, *b, level)
    if a[0] in (0, a[1]) and b[0] in (0, b[1]) and pooled:
        return Estimate(value, pooled.interval)
    return Estimate(value, None, "every rate is 0 or 1, and not the same one in all conditions")


def _odds_ratio(of: _Tables, level: float) -> Estimate:
    """Mantel and Haenszel's pooled odds ratio, with the variance of Robins et al. for its log."""
    if not len(of.n):
        return Estimate(None, None, _NO_STRATUM)
    r, s = of.concordant, of.discordant
    for_a, for_b = float(r.sum()), float(s.sum())
    if for_a == for_b == 0:
        return Estimate(None, None, _NO_CONTRAST)
    if for_a == 0 or for_b == 0:
        return Estimate(None, None, f"it would be {'0' if for_a == 0 else 'infinite'}")
    agree = (of.k_a + of.n_b - of.k_b) / of.n
    differ = 1 - agree
    variance = (
        float(np.sum(agree * r)) / (2 * for_a**2)
        + float(np.sum(agree * s + differ * r)) / (2 * for_a * for_b)
        + float(np.sum(differ * s)) / (2 * for_b**2)
    )
    centre, half = log(for_a / for_b), quantile(level) * sqrt(variance)
    return Estimate(for_a / for_b, Interval(exp(centre - half), exp(centre + half)))


def _cochran(of: _Tables) -> PValue:
    """Cochran, Mantel and Haenszel's test of equal rates within each stratum."""
    if not len(of.n):
        return PValue(None, _NO_STRATUM)
    varied = of.informative()
    if not len(varied.n):
        return PValue(None, _NO_CONTRAST)
    n, k = varied.n, varied.k
    excess = float(np.sum(varied.k_a - varied.n_a * k / n))
    variance = float(np.sum(varied.n_a * varied.n_b * k * (n - k) / (n**2 * (n - 1))))
    return PValue(float(chdtrc(1, excess**2 / variance)))


def _breslow_day(of: _Tables, odds_ratio: Estimate) -> PValue:
    if odds_ratio.value is None:
        return PValue(None, odds_ratio.reason)
    varied = of.informative()
    if len(varied.n) < 2:
        return PValue(None, "fewer than two conditions in which the trials differ")
    expected = _expected(varied, odds_ratio.value)
    cells = (
        expected,
        varied.n_a - expected,
        varied.k - expected,
        varied.n_b - varied.k + expected,
    )
    variance = 1 / sum(1 / cell for cell in cells)
    excess = varied.k_a - expected
    statistic = np.sum(excess**2 / variance) - np.sum(excess) ** 2 / np.sum(variance)
    return PValue(float(chdtrc(len(varied.n) - 1, max(0.0, float(statistic)))))


def _expected(of: _Tables, odds_ratio: float) -> Floats:
    """Expected successes of the first in each stratum, given its margins and the odds ratio.

    The root of a quadratic, in whichever of its two forms is numerically stable: the usual one is
    0/0 where the odds ratio is 1.
    """
    a, c = 1 - odds_ratio, -odds_ratio * of.n_a * of.k
    b = odds_ratio * (of.n_a + of.k) + of.n_b - of.k
    root = np.sqrt(b**2 - 4 * a * c)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b >= 0, -2 * c / (b + root), (root - b) / (2 * a))


def _paired_difference(
    both: int, only_a: int, only_b: int, neither: int, level: float
) -> Difference | None:
    n = both + only_a + only_b + neither
    first, second = wilson(both + only_a, n, level), wilson(both + only_b, n, level)
    if first is None or second is None:
        return None
    a, b = (both + only_a) / n, (both + only_b) / n
    correlation = phi(both, only_a, only_b, neither)
    below = _combined(a - first.low, second.high - b, correlation)
    above = _combined(first.high - a, b - second.low, correlation)
    value = (only_a - only_b) / n
    return Difference(value, Interval(max(-1.0, value - below), min(1.0, value + above)))


def _combined(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


def phi(both: int, only_a: int, only_b: int, neither: int) -> float:
    """The correlation of the two verdicts; if positive, corrected for continuity by n / 2."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    product = float(both * neither - only_a * only_b)
    if product > 0:
        product = max(0.0, product - (both + only_a + only_b + neither) / 2)
    return product / sqrt(margins)
