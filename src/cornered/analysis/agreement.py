"""Statistics of judges: agreement, accuracy, and rates corrected for a judge's errors.

Pure functions over verdicts and counts. None stands for a verdict that is missing or unscored;
it is neither right nor wrong, neither yes nor no, and is counted wherever it is left out. What
cannot be estimated is None and comes with a reason in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from cornered.analysis.stats import Z95, Interval, check_counts, newcombe, wilson

Counts = tuple[int, int]
"""Successes, and n."""

_Z = Z95
_DRAWS = 10_000
_SEED = 2011


@dataclass(frozen=True)
class Share:
    """A proportion with Wilson's interval, and the count of what was left out of it."""

    successes: int
    n: int
    """Those with a verdict."""
    unscored: int = 0
    """Those without; not in n."""

    @property
    def counts(self) -> Counts:
        """Successes and n, as `rogan_gladen` and `corrected_harmful` take them."""
        return self.successes, self.n

    @property
    def rate(self) -> float | None:
        """0 to 1; None where n is 0."""
        return self.successes / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval; None where n is 0."""
        return wilson(self.successes, self.n)


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement: 1 is perfect, 0 is chance, below 0 is worse than chance."""

    value: float | None
    """-1 to 1; None where it is undefined."""
    interval: Interval | None
    """95 %; None where the value is."""
    agreement: Share
    """The units with equal verdicts, of those used; unscored are those left out."""
    reason: str | None = None
    """Why there is no value."""


@dataclass(frozen=True)
class Alpha(Coefficient):
    """Krippendorff's alpha; its units have two verdicts or more, and agree where all are equal."""


@dataclass(frozen=True)
class Kappa(Coefficient):
    """Cohen's kappa of two raters; its units are pairs of verdicts."""


@dataclass(frozen=True)
class Accuracy:
    """How often a judge is right; unscored are the answers without a verdict."""

    sensitivity: Share
    """Judged yes, of those that are yes."""
    specificity: Share
    """Judged no, of those that are no."""


@dataclass(frozen=True)
class Corrected:
    """A rate corrected for the judge's errors."""

    value: float | None
    """0 to 1; None where it cannot be estimated."""
    interval: Interval | None
    """95 %, for sampling error of both trials and gold answers, or labels; None where the value
    is."""
    reason: str | None = None
    """Why there is no value."""
    by: Literal["audit", "card"] = "card"
    """By persons' labels on the run's own trials, or by the judge's card: its errors on gold
    answers, which were chosen hard and need not be like the run's trials."""
    labels: int = 0
    """Trials of the cell with a person's label that was used."""
    pooled: int = 0
    """Labelled trials of other cells of the same model and scenario that were used too."""
    unlabelled: int = 0
    """Trials of kinds that nobody labelled, which stay as the judge called them."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values, rates between 0 and 1."""
        return {
            "rate": self.value,
            "ci_low": self.interval.low if self.interval else None,
            "ci_high": self.interval.high if self.interval else None,
            "reason": self.reason,
            "by": self.by,
            "labels": self.labels,
            "labels_of_other_cells": self.pooled,
            "trials_of_kinds_without_labels": self.unlabelled,
        }


@dataclass(frozen=True)
class Flips:
    """How verdicts changed when transcripts or the judge's prompt were perturbed."""

    changed: Share
    """Verdicts that changed; unscored: pairs without a verdict before, which cannot flip."""
    yes_to_no: int
    no_to_yes: int
    to_unscored: int
    p: float
    """Exact two-sided McNemar test of yes to no against no to yes; 1 where there is neither."""


def krippendorff_alpha(verdicts: Sequence[Mapping[str, Hashable]]) -> Alpha:
    """Krippendorff's nominal alpha, for any number of raters, verdicts missing or not.

    The interval is the percentile bootstrap over units (10 000 draws, fixed seed), with two
    conservative exceptions. A draw in which nothing varies has no alpha: it counts as -1 for the
    low end and as 1 for the high end. And where no two verdicts differ, every draw gives 1: the
    low end is then the alpha at Wilson's upper limit for the share of units in disagreement.

    Inspect offers this coefficient as a metric over scores, without an interval, and as 1 where
    nothing varies.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section C; bootstrap
    over units: Zapf, Castell, Morawietz and Karch 2016, BMC Medical Research Methodology 16:93.

    Args:
        verdicts: For each unit (a transcript), each rater's verdict; a rater may be absent or
            None. Verdicts that compare equal agree.

    Returns:
        No value where no unit has two verdicts, or where all verdicts are equal.
    """
    units = [[v for v in unit.values() if v is not None] for unit in verdicts]
    used = [unit for unit in units if len(unit) > 1]
    unanimous = sum(len(set(unit)) == 1 for unit in used)
    agreement = Share(unanimous, len(used), len(units) - len(used))
    if not used:
        return Alpha(None, None, agreement, "no unit has two verdicts")
    # Sorted, so that the draws do not depend on the order of units or raters.
    values = sorted({v for unit in used for v in unit}, key=repr)
    if len(values) == 1:
        return Alpha(None, None, agreement, "all agree on one value: alpha is undefined")
    table = np.array([[unit.count(value) for value in values] for unit in used])
    # Units with the same counts are exchangeable: draw how often each kind of unit occurs.
    kinds, times = np.unique(table, axis=0, return_counts=True)
    observed, expected = (float(d[0]) for d in _disagreements(kinds, times[np.newaxis]))
    value = 1 - observed / expected
    if unanimous == len(used):
        low = 1 - _at_worst(agreement) / expected
        return Alpha(value, Interval(max(-1.0, low), 1.0), agreement)
    drawn = np.random.default_rng(_SEED).multinomial(len(used), times / times.sum(), _DRAWS)
    observed_drawn, expected_drawn = _disagreements(kinds, drawn)
    varied = expected_drawn > 0
    alphas = 1 - observed_drawn[varied] / expected_drawn[varied]
    unvaried = np.ones(_DRAWS - len(alphas))
    low = float(np.quantile(np.concatenate([alphas, -unvaried]), 0.025))
    high = float(np.quantile(np.concatenate([alphas, unvaried]), 0.975))
    # Where nearly all draws are alike, rounding can put the value outside.
    return Alpha(value, Interval(min(low, value), max(high, value)), agreement)


def cohen_kappa(pairs: Iterable[tuple[Hashable, Hashable]]) -> Kappa:
    """Cohen's kappa of two raters, for verdicts of any number of values.

    The interval is that of Cohen 1960, who treats the agreement expected by chance as fixed, with
    Wilson's interval for the observed agreement in place of Wald's. The standard error of Fleiss,
    Cohen and Everitt 1969 is 0 where no pair differs: simulated for 20, 40, 75 and 150 pairs,
    raters 80 to 99 % right, its 95 % interval held the truth in 66, 79, 85 and 91 % of samples
    on average and in 16 % at worst; this one in 95 to 96 %, and in 91 % at worst.

    Source: Cohen 1960, Educational and Psychological Measurement 20:37-46.

    Args:
        pairs: The two raters' verdicts on each unit; None where one gave none. Verdicts that
            compare equal agree.

    Returns:
        No value where no pair is complete, or where both raters only ever give the same value.
    """
    rows = list(pairs)
    whole = [(one, other) for one, other in rows if one is not None and other is not None]
    equal, n = sum(one == other for one, other in whole), len(whole)
    agreement = Share(equal, n, len(rows) - n)
    interval = agreement.interval
    if interval is None:
        return Kappa(None, None, agreement, "no pair has both verdicts")
    firsts, seconds = Counter(one for one, _ in whole), Counter(other for _, other in whole)
    chance = sum(times * seconds[value] for value, times in firsts.items()) / n**2
    if chance == 1:
        return Kappa(None, None, agreement, "both give one value only: kappa is undefined")
    value, low, high = (
        max(-1.0, (observed - chance) / (1 - chance))
        for observed in (equal / n, interval.low, interval.high)
    )
    return Kappa(value, Interval(low, high), agreement)


def accuracy(pairs: Iterable[tuple[bool, bool | None]]) -> Accuracy:
    """Sensitivity and specificity of a judge, from pairs of the gold verdict and the judge's.

    An answer without a verdict is neither right nor wrong: it is left out of n and counted.
    """
    judged: dict[bool, list[bool | None]] = {True: [], False: []}
    for gold, verdict in pairs:
        judged[gold].append(verdict)
    return Accuracy(
        *(
            Share(verdicts.count(gold), len(verdicts) - verdicts.count(None), verdicts.count(None))
            for gold, verdicts in judged.items()
        )
    )


@dataclass(frozen=True)
class UnclippedRate:
    """A corrected rate and its 95 % limits, each of which may lie outside 0 to 1."""

    value: float
    low: float
    high: float


def rogan_gladen(positives: int, n: int, sens: Counts, spec: Counts) -> UnclippedRate | str:
    """A rate corrected for the judge's errors, allowing for how few gold answers measured them.

    The value is (apparent rate + specificity - 1) / (sensitivity + specificity - 1). The interval
    is Lang and Reiczigel's: adjusted counts, variances of all three rates, and a shift of the
    centre. Simulated over 1,920 cells (50 to 500 trials, 20 to 60 gold answers of each kind, a
    judge 80 to 99 % right) it held the truth in 97 % of samples on average and in 92 % at worst.

    Source: Rogan and Gladen 1978, American Journal of Epidemiology 107:71-76; Lang and Reiczigel
    2014, Preventive Veterinary Medicine 113:13-22, equations 4 to 17.

    Args:
        positives: Trials that the judge calls yes, 0 to n.
        n: Trials on which it gave a verdict, at least 1.
        sens: Sensitivity as (right, n): gold answers that are yes, and were judged.
        spec: Specificity as (right, n): gold answers that are no, and were judged.

    Returns:
        The reason where there is no estimate: there is no gold answer of one kind; the judge is
        not shown to do better than chance (Newcombe's 95 % interval for sensitivity + specificity
        - 1 reaches 0); or so few or so many are positive that, with that judge, no rate explains
        it, so the gold answers do not represent these trials.
    """
    true_positives, yes = sens
    true_negatives, no = spec
    above_chance = newcombe(true_positives, yes, no - true_negatives, no)
    if above_chance is None:
        return f"no gold answer that is {'no' if yes else 'yes'} has a verdict"
    if above_chance.interval.low <= 0:
        return "the judge is not shown to do better than chance on the gold answers"
    value = (positives / n - 1 + true_negatives / no) / above_chance.value
    low, high = _lang_reiczigel(positives, n, sens, spec)
    if high < 0:
        return "fewer yes than this judge's false alarms on the gold answers would give"
    if low > 1:
        return "more yes than this judge finds among the gold answers that are yes"
    return UnclippedRate(value, low, high)


def corrected_harmful(
    acts: int, n: int, positives: int, judged: int, sens: Counts, spec: Counts
) -> Corrected:
    """The harmful rate where the judge reads only trials with the act, corrected for its errors.

    Harmful is the act, confirmed by the judge: the rate of acts, which has sampling error only,
    times the corrected share among the acts that were judged. Acts without a verdict are assumed
    to be like the others; report their number, and the worst and best case, beside it.

    The interval joins Wilson's for the rate of acts and Lang and Reiczigel's for the share: each
    distance from a value to its limit stands for a standard error in the variance of a product of
    independent estimates. Simulated over 2,025 cells it held the truth in 98 % of samples on
    average and in 92 % at worst; percentiles of draws from Jeffreys posteriors in as few as 88 %
    where the true rate is below 1, and never where it is 1.

    Source: Zou and Donner 2008, Statistics in Medicine 27:1693-1702 (variance recovered from
    limits); Goodman 1960, JASA 55:708-713 (variance of a product).

    Args:
        acts: Trials with the act.
        n: Trials scored for the act.
        positives: Acts that the judge calls harmful.
        judged: Acts on which it gave a verdict.
        sens: As for `rogan_gladen`, over gold answers with the act.
        spec: As for `rogan_gladen`, over gold answers with the act.

    Returns:
        0 with Wilson's interval where no trial has the act, whatever the judge; otherwise no
        value where `rogan_gladen` of the judged acts has none, or there is no trial.

    Raises:
        ValueError: successes outside 0..n in any of the counts, or more judged than acts.
    """
    check_counts((acts, n), (judged, acts), (positives, judged), sens, spec)
    known = wilson(acts, n)
    if known is None:
        return Corrected(None, None, "there is no trial")
    if acts == 0:
        return Corrected(0.0, known)
    if judged == 0:
        return Corrected(None, None, "no act has a verdict")
    share = rogan_gladen(positives, judged, sens, spec)
    if isinstance(share, str):
        return Corrected(None, None, share)
    rate = acts / n
    below = _product_error(rate, rate - known.low, share.value, share.value - share.low)
    above = _product_error(rate, known.high - rate, share.value, share.high - share.value)
    centre = rate * share.value
    # The limits are those of the unclipped share: clipped first, they would fail near 0 and 1.
    value = rate * _clipped(share.value)
    return Corrected(value, Interval(_clipped(centre - below), _clipped(centre + above)))


def flips(base: Sequence[bool | None], perturbed: Sequence[bool | None]) -> Flips:
    """How a perturbation changed verdicts on the same transcripts, given in the same order.

    A verdict that is lost has changed too. A pair without a verdict before is left out of n and
    counted.

    Source of p: McNemar 1947, Psychometrika 12:153-157, in its exact (binomial) form.

    Raises:
        ValueError: the two differ in length.
    """
    pairs = Counter(zip(base, perturbed, strict=True))
    yes_to_no, no_to_yes = pairs[True, False], pairs[False, True]
    lost = pairs[True, None] + pairs[False, None]
    unscored = sum(before is None for before in base)
    directed = yes_to_no + no_to_yes
    return Flips(
        changed=Share(directed + lost, len(base) - unscored, unscored),
        yes_to_no=yes_to_no,
        no_to_yes=no_to_yes,
        to_unscored=lost,
        p=float(scipy.stats.binomtest(yes_to_no, directed).pvalue) if directed else 1.0,
    )


def _clipped(rate: float) -> float:
    return min(1.0, max(0.0, rate))


def _disagreements(
    kinds: NDArray[np.int64], times: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observed and expected disagreement (Krippendorff 2011, section C), for each row of times.

    Args:
        kinds: For each kind of unit, how many verdicts have each value; at least two in all.
        times: For each sample of units, how many are of each kind.
    """
    verdicts = kinds.sum(axis=1)
    unlike = (verdicts**2 - (kinds**2).sum(axis=1)) / (verdicts - 1)
    n, of_value = times @ verdicts, times @ kinds
    return times @ unlike / n, (n**2 - (of_value**2).sum(axis=1)) / (n * (n - 1))


def _at_worst(agreement: Share) -> float:
    """Wilson's upper limit for the share in disagreement."""
    interval = wilson(agreement.n - agreement.successes, agreement.n)
    assert interval is not None  # at least one unit is used
    return interval.high


def _lang_reiczigel(positives: int, n: int, sens: Counts, spec: Counts) -> tuple[float, float]:
    """Limits before clipping, in the notation of the paper (equations 4 to 17)."""
    n_, se_n, sp_n = n + _Z**2, sens[1] + 2, spec[1] + 2
    ap, se, sp = (positives + _Z**2 / 2) / n_, (sens[0] + 1) / se_n, (spec[0] + 1) / sp_n
    p = (ap + sp - 1) / (se + sp - 1)
    of_se, of_sp = p * se * (1 - se) / se_n, (1 - p) * sp * (1 - sp) / sp_n
    variance = (ap * (1 - ap) / n_ + p * of_se + (1 - p) * of_sp) / (se + sp - 1) ** 2
    centre, half = p + 2 * _Z**2 * (of_se - of_sp), _Z * sqrt(variance)
    return centre - half, centre + half


def _product_error(one: float, one_error: float, other: float, other_error: float) -> float:
    """The standard error of a product of independent estimates (Goodman 1960)."""
    return hypot(other * one_error, one * other_error, one_error * other_error)
