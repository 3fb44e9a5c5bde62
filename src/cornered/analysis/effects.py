"""The effects of factor levels on the rate of a verdict, all other factors held constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, sqrt
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import expit, ndtr, stdtr, stdtrit

from cornered.analysis.logistic import (
    Fit,
    Floats,
    Groups,
    clustered_covariance,
    fit,
    profile_interval,
    profile_p,
    separated,
)
from cornered.analysis.stats import Estimate, Interval, quantile

if TYPE_CHECKING:
    import pandas as pd

_MIN_FREEDOM = 5
"""Fewest degrees of freedom, clusters minus coefficients, for cluster-robust errors."""
_FEW = 30
"""With fewer clusters than this, cluster-robust errors are rough."""


@dataclass(frozen=True)
class Effect:
    """The effect of one level of a factor on the rate, compared with the reference level."""

    factor: str
    level: str
    reference: str
    odds_ratio: float | None
    """Odds at the level over odds at the reference; None if the level is confounded."""
    interval: Interval | None
    """Interval of the odds ratio."""
    p: float | None
    """Two-sided p value of an odds ratio of 1; not adjusted for the number of effects."""
    n: int
    """Scored trials of the level."""
    difference: Estimate
    """The rate if all trials had the level minus the rate if all had the reference (0.1 is ten
    percentage points). Prefer it: odds ratios are easily mistaken for ratios of rates."""
    note: str | None
    """A caveat."""


@dataclass(frozen=True)
class _Column:
    """One level of a factor, as a column of ones and zeros."""

    factor: str
    level: str
    reference: str

    def __str__(self) -> str:
        return f"{self.factor}={self.level}"


@dataclass(frozen=True)
class _Design:
    """The design matrix and the outcomes."""

    columns: tuple[_Column, ...]
    trials: Groups
    """A row for each combination of levels: a column of ones, then one for each of `columns`."""
    by_cluster: Groups
    """The same trials with a row for each combination of levels within each cluster."""
    clusters: NDArray[np.intp] | None
    """The cluster of each row of `by_cluster`."""

    @property
    def x(self) -> Floats:
        return self.trials.x

    @cached_property
    def confounded(self) -> Floats:
        """A basis of the null space: directions of coefficients that change no prediction."""
        directions: Floats = scipy.linalg.null_space(self._triangle)
        return np.where(np.abs(directions) < 1e-9, 0.0, directions)

    @cached_property
    def kept(self) -> NDArray[np.intp]:
        """Columns that are linearly independent of those before them."""
        kept: list[int] = []
        for column in range(self.x.shape[1]):
            candidate = [*kept, column]
            if np.linalg.matrix_rank(self._triangle[:, candidate]) == len(candidate):
                kept = candidate
        return np.array(kept, dtype=np.intp)

    @cached_property
    def _triangle(self) -> Floats:
        """The triangular factor of the design matrix: few rows that span the same space."""
        return np.asarray(np.linalg.qr(self.x, mode="r"), dtype=np.float64)


def _only(of: Groups, kept: NDArray[np.intp]) -> Groups:
    return Groups(of.x[:, kept], of.y, of.n)


@dataclass(frozen=True)
class _Errors:
    """The sampling errors of the coefficients."""

    covariance: Floats
    freedom: int | None
    """Degrees of freedom of Student's t; None for the normal distribution."""
    note: str | None

    def quantile(self, level: float) -> float:
        """Standard errors from the estimate to either end of an interval."""
        if self.freedom is None:
            return quantile(level)
        return float(stdtrit(self.freedom, 0.5 + level / 2))

    def p(self, value: float, variance: float) -> float:
        """The two-sided p value of a coefficient of 0."""
        z = -abs(value) / sqrt(variance)
        return float(2 * (ndtr(z) if self.freedom is None else stdtr(self.freedom, z)))


def factor_effects(
    rows: pd.DataFrame,
    factors: Sequence[str],
    *,
    outcome: str = "harmful",
    cluster: Sequence[str] = (),
    references: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> list[Effect]:
    """The effect of each level of each factor, from one logistic regression with main effects.

    For grids whose conditions do not pair; where they do, `estimands.run_contrasts` takes every
    difference from its cells, and assumes no main effects.

    Errors: with `cluster`, trials with the same values in those columns may be dependent, and
    errors are robust to that (`clustered_covariance`, with Student's t on clusters minus
    coefficients). Cluster by draw (`["scenario", "id"]`) where several models or arms saw the same
    varied cast, or by cell (`["model", "condition"]`) to allow for cells that deviate from the
    main effects. With fewer than five clusters more than coefficients, or a coefficient that
    depends on a single cluster, trials are taken as independent, and the note says so.

    Separation: where a level has only successes or none, so that no finite odds ratio exists, all
    odds ratios are Firth's penalised estimates, with profile intervals; clusters are ignored, and
    the note says so. Predicted rates are recalibrated to the observed mean through the intercept
    (Puhr, Heinze, Nold, Lusa and Geroldinger 2017, Statistics in Medicine 36:2302-2317, "FLIC").

    Confounding: a level that is always varied together with levels of other factors has no
    numbers, and its note names those levels; other effects are unaffected.

    Differences: marginal standardisation (g-computation) over the trials, by the delta method
    (Localio, Margolis and Berlin 2007, Journal of Clinical Epidemiology 60:874-882).

    Simulated coverage (factors of 2 and 3 levels, rates of 1 to 50 %): with 10 to 100 independent
    trials a cell, 93 to 100 % for odds ratios, separated or not; for differences 93 to 100 % from
    30 trials a cell, and 89 % at worst with 10 and a level without success. With 8 to 50 draws
    that vary by a standard deviation of 0 or 1 log odds, clustered by draw, 94 to 98 % for both.
    With cells that deviate from the main effects by 0 or 0.5, clustered by cell, 96 to
    99 % from 12 cells; with 6 cells, too few for clusters, 67 to 70 % if they do deviate.

    Args:
        rows: One row per trial.
        factors: Columns with the levels, compared as strings; factors of one level are left out.
            Scenario and model may be among them.
        outcome: The column of the verdict, true or false (1 or 0); trials where it is missing
            are left out.
        cluster: Columns that together identify the cluster; empty: trials are independent.
        references: The reference level by factor, usually its default or its control; where it
            is not given or does not occur, the level of the first row.
        level: Confidence level of intervals, 0 to 1.

    Returns:
        An effect for each level but the reference, in the order of factors and of rows; empty
        if no factor varies, or no trial is scored.

    Raises:
        KeyError: a column is missing.
    """
    design = _design(rows, factors, outcome, cluster, references or {})
    if design is None:
        return []
    kept = design.kept
    groups = _only(design.trials, kept)
    best = fit(groups, penalised=separated(groups))
    errors = _errors(_only(design.by_cluster, kept), best, design.clusters)
    place = {int(column): at for at, column in enumerate(kept)}
    effects = []
    for at, column in enumerate(design.columns, start=1):
        n = int(groups.n @ design.x[:, at])
        rivals = _rivals(design, at)
        if rivals:
            reason = f"not estimable: always varied together with {', '.join(rivals)}"
            nothing = Estimate(None, None, reason)
            effects.append(Effect(*_named(column), None, None, None, n, nothing, reason))
            continue
        value, interval, p = _coefficient(groups, best, errors, place[at], level)
        difference = _difference(design, kept, best, errors, at, level)
        effects.append(Effect(*_named(column), value, interval, p, n, difference, errors.note))
    return effects


def _named(column: _Column) -> tuple[str, str, str]:
    return column.factor, column.level, column.reference


def _design(
    rows: pd.DataFrame,
    factors: Sequence[str],
    outcome: str,
    cluster: Sequence[str],
    references: Mapping[str, str],
) -> _Design | None:
    known = rows[rows[outcome].notna()]
    y = known[outcome].to_numpy(dtype=np.float64)
    columns: list[_Column] = []
    ones = [np.ones(len(known))]
    for factor in factors:
        levels = known[factor].astype(str).to_numpy(dtype=object)
        listed = dict.fromkeys(levels)
        reference = references.get(factor, "")
        if reference not in listed:
            reference = next(iter(listed), "")
        for level in listed:
            if level != reference:
                columns.append(_Column(factor, level, reference))
                ones.append((levels == level).astype(np.float64))
    if not columns:
        return None
    trials = _grouped(known, list(factors), np.column_stack(ones), y)
    if not cluster:
        return _Design(tuple(columns), trials[0], trials[0], None)
    numbers = known.groupby(list(cluster), dropna=False).ngroup().to_numpy(dtype=np.intp)
    by_cluster, first = _grouped(known, [*factors, *cluster], np.column_stack(ones), y)
    return _Design(tuple(columns), trials[0], by_cluster, numbers[first])


def _grouped(
    rows: pd.DataFrame, by: list[str], x: Floats, y: Floats
) -> tuple[Groups, NDArray[np.intp]]:
    """Trials grouped by the values of some columns, and the first row of each group."""
    numbers = rows.groupby(list(dict.fromkeys(by)), dropna=False).ngroup().to_numpy()
    _, first, row = np.unique(numbers, return_index=True, return_inverse=True)
    successes = np.bincount(row, weights=y).astype(np.float64)
    return Groups(x[first], successes, np.bincount(row).astype(np.float64)), first


def _rivals(design: _Design, at: int) -> list[str]:
    """The levels with which a level is confounded."""
    directions = design.confounded
    if not directions[at].any():
        return []
    # The projection on the null space does not depend on its basis.
    shared = np.abs(directions @ directions[at]) > 1e-9
    return [str(c) for i, c in enumerate(design.columns, start=1) if shared[i] and i != at]


def _errors(groups: Groups, best: Fit, clusters: NDArray[np.intp] | None) -> _Errors:
    independent = best.covariance
    if best.penalised:
        note = "one level was 0 % or 100 %; Firth estimate"
        if clusters is not None:
            note += ", trials taken as independent"
        return _Errors(independent, None, note)
    if clusters is None:
        return _Errors(independent, None, None)
    count = int(clusters.max()) + 1
    freedom = count - len(best.beta)
    if freedom < _MIN_FREEDOM:
        note = f"{count} clusters for {len(best.beta)} coefficients: trials taken as independent"
        return _Errors(independent, None, note)
    robust = clustered_covariance(groups, best, clusters)
    if robust is None:
        note = "a level is in one cluster only: trials taken as independent"
        return _Errors(independent, None, note)
    return _Errors(
        robust, freedom, f"only {count} clusters: errors are rough" if count < _FEW else None
    )


def _coefficient(
    groups: Groups, best: Fit, errors: _Errors, place: int, level: float
) -> tuple[float, Interval | None, float]:
    """The odds ratio of a column, its interval and its p value."""
    value = float(best.beta[place])
    if best.penalised:
        profile = profile_interval(groups, best, place, level)
        interval = profile and Interval(exp(profile.low), exp(profile.high))
        return exp(value), interval, profile_p(groups, best, place)
    variance = float(errors.covariance[place, place])
    half = errors.quantile(level) * sqrt(variance)
    return exp(value), Interval(exp(value - half), exp(value + half)), errors.p(value, variance)


def _difference(
    design: _Design,
    kept: NDArray[np.intp],
    best: Fit,
    errors: _Errors,
    at: int,
    level: float,
) -> Estimate:
    """The rate with a level for all trials minus that with its reference for all."""
    column = design.columns[at - 1]
    own = [i for i, c in enumerate(design.columns, start=1) if c.factor == column.factor]
    without = design.x.copy()
    without[:, own] = 0.0
    having = without.copy()
    having[:, at] = 1.0
    # For rows with a confounded level of this factor, the rate at another level is not estimable.
    known = np.abs(without @ design.confounded).max(axis=1, initial=0.0) < 1e-9
    share = design.trials.n[known] / design.trials.n[known].sum()
    beta = _recalibrated(_only(design.trials, kept), best.beta) if best.penalised else best.beta
    rates, slopes = [], []
    for x in (having[known][:, kept], without[known][:, kept]):
        p = expit(x @ beta)
        rates.append(float(share @ p))
        slopes.append((share * p * (1 - p)) @ x)
    value, slope = rates[0] - rates[1], slopes[0] - slopes[1]
    half = errors.quantile(level) * sqrt(max(0.0, float(slope @ errors.covariance @ slope)))
    return Estimate(value, Interval(max(-1.0, value - half), min(1.0, value + half)))


def _recalibrated(groups: Groups, beta: Floats) -> Floats:
    """Coefficients with the intercept that makes the mean predicted rate the observed one."""
    total = float(groups.n.sum())
    # With no success or only successes that intercept is infinite: half a trial is kept back.
    target = min(max(float(groups.y.sum()), 0.5), total - 0.5)
    z = groups.x @ beta
    shift = scipy.optimize.brentq(lambda by: float(groups.n @ expit(z + by)) - target, -50.0, 50.0)
    shifted = beta.copy()
    shifted[0] += shift
    return shifted
