"""Comparison of two models, checkpoints or runs on the same conditions or the same draws.

Pure functions over counts. A difference is the first minus the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy

from cornered.analysis.mover import Measured, homogeneity, sum_p, weighted_sum
from cornered.analysis.multiplicity import holm
from cornered.analysis.stats import (
    Difference,
    Estimate,
    Interval,
    PValue,
    fisher,
    newcombe,
    wilson,
)


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
    words: str = ""
    """The condition in words; its name where empty."""
    rate_a: Estimate | None = None
    """The rate of the first with its interval, where a judge was silent on some of its trials;
    else None: successes over scored trials."""
    rate_b: Estimate | None = None

    @property
    def label(self) -> str:
        """The words, or the name where there are none."""
        return self.words or self.name

    @property
    def measured(self) -> tuple[Measured, Measured] | None:
        """Both rates; None where either has none."""
        one = _measured(self.k_a, self.n_a, self.rate_a)
        other = _measured(self.k_b, self.n_b, self.rate_b)
        return (one, other) if one and other else None


def _measured(successes: int, n: int, known: Estimate | None) -> Measured | None:
    if known is not None:
        return None if known.value is None else Measured(known.value, n, known.interval)
    return Measured(successes / n, n) if n else None


@dataclass(frozen=True)
class StratumDifference:
    """The comparison within one condition."""

    stratum: Stratum
    difference: Difference | None
    """With Newcombe's interval, or MOVER's of rates on which a judge was silent; None where either
    side has no rate."""
    p: PValue
    """Fisher's exact test; where a judge was silent, that which inverts the interval."""
    adjusted: float | None
    """That p value, adjusted by Holm over all strata that have one."""


@dataclass(frozen=True)
class Paired:
    """The comparison over all conditions with trials of both."""

    difference: Estimate
    """The mean of the conditions' differences, each with equal weight, by MOVER."""
    heterogeneity: PValue
    """Cochran's Q of equal differences."""
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


def paired(strata: Sequence[Stratum], level: float = 0.95) -> Paired:
    """Compares two models on the same conditions: on average, and condition by condition.

    The average is that of `estimands.pair_contrast`, where its coverage stands.

    Args:
        strata: The conditions; each once.
        level: Confidence level of all intervals, 0 to 1.

    Returns:
        Whatever is undefined is None, with the reason: everything, where no stratum has trials of
        both; heterogeneity, also with fewer than two such strata.

    Raises:
        ValueError: successes outside 0..n in a stratum.
    """
    differences = [_difference(s, level) for s in strata]
    tests = [_test(s) for s in strata]
    adjusted = holm([test.value for test in tests])
    used = [s.measured for s in strata if s.measured]
    rates = [rate for pair in used for rate in pair]
    weights = np.kron(np.eye(len(used)), np.array([1.0, -1.0])).astype(np.float64)
    uneven = homogeneity(weights, rates)
    return Paired(
        difference=weighted_sum(weights.mean(axis=0).tolist(), rates, level)
        if used
        else Estimate(None, None, _NO_STRATUM),
        heterogeneity=PValue(uneven.p if uneven else None, None if uneven else _TOO_FEW),
        strata=tuple(map(StratumDifference, strata, differences, tests, adjusted)),
        used=len(used),
        empty=len(strata) - len(used),
    )


def _difference(stratum: Stratum, level: float) -> Difference | None:
    if stratum.rate_a is None and stratum.rate_b is None:
        return newcombe(stratum.k_a, stratum.n_a, stratum.k_b, stratum.n_b, level)
    if stratum.measured is None:
        return None
    of = weighted_sum((1.0, -1.0), stratum.measured, level)
    return Difference(of.value, of.interval) if of.value is not None and of.interval else None


def _test(stratum: Stratum) -> PValue:
    if stratum.rate_a is None and stratum.rate_b is None:
        return fisher(stratum.k_a, stratum.n_a, stratum.k_b, stratum.n_b)
    if stratum.measured is None:
        return PValue(None, _NO_STRATUM)
    return PValue(sum_p((1.0, -1.0), stratum.measured), None)


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
_TOO_FEW = "fewer than two conditions with trials of both"


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
    """The correlation of two verdicts; if positive, corrected for continuity by n / 2."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    product = float(both * neither - only_a * only_b)
    if product > 0:
        product = max(0.0, product - (both + only_a + only_b + neither) / 2)
    return product / sqrt(margins)
