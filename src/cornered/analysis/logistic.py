"""Logistic regression by maximum likelihood or Firth's penalised likelihood. Pure functions.

Coefficients are log odds ratios.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, sqrt

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, expit, log_expit

from cornered.analysis.stats import Interval

Floats = NDArray[np.float64]

_STEPS = 100
_STEP = 5.0
_EXACT, _CLOSE = 1e-14, 1e-9
"""The gain in log likelihood at which Newton's method has converged: for estimates, for limits."""
_FURTHEST = 60.0
"""Distance from the estimate, in log odds, beyond which a limit is taken as infinite."""


@dataclass(frozen=True)
class Groups:
    """Grouped trials: a row stands for all trials with the same values in every column."""

    x: Floats
    """The design matrix, rows by columns, of full rank; its first column is ones, the intercept."""
    y: Floats
    """Successes of each row."""
    n: Floats
    """Trials of each row."""


@dataclass(frozen=True)
class Fit:
    """The coefficients that maximise the (penalised) likelihood."""

    beta: Floats
    covariance: Floats
    """The inverse of the information matrix, which assumes independent trials."""
    likelihood: float
    """The log likelihood, with the penalty where there is one."""
    penalised: bool


def separated(of: Groups) -> bool:
    """Whether the data are separated, completely or not, so that no finite estimate exists.

    Searches for a direction in which no trial becomes less likely and some become more likely, by
    a linear program. Source: Albert and Anderson 1984, Biometrika 71:1-10; the program: Konis
    2007, Linear programming algorithms for detecting separated data (thesis, Oxford), chapter 4.
    """
    for_yes, for_no = of.x[of.y > 0], -of.x[of.y < of.n]
    signed = np.vstack([for_yes, for_no])
    result = scipy.optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1)
    )
    return bool(-result.fun > 1e-7)


def fit(of: Groups, *, penalised: bool) -> Fit:
    """Estimates the coefficients by Newton's method with step halving.

    Firth's penalty (half the log determinant of the information) removes the first-order bias and
    keeps every estimate finite, separated or not.

    Source: Firth 1993, Biometrika 80:27-38; Heinze and Schemper 2002, Statistics in Medicine
    21:2409-2419, equation 2. Agrees with R's logistf and glm.

    Args:
        of: The trials; without the penalty they must not be separated.
        penalised: Whether to apply Firth's penalty.
    """
    free = np.ones(of.x.shape[1], dtype=bool)
    beta, likelihood = _climb(of, np.zeros(len(free)), free, _EXACT, penalised=penalised)
    covariance = np.linalg.inv(_information(of, beta)).astype(np.float64)
    return Fit(beta, covariance, likelihood, penalised)


def profile_interval(of: Groups, best: Fit, column: int, level: float = 0.95) -> Interval | None:
    """The profile likelihood interval of one coefficient.

    Source: Heinze and Schemper 2002, section 3.2 (profile penalised likelihood).

    Args:
        of: The trials.
        best: Their fit.
        column: The index of the coefficient.
        level: Confidence level, 0 to 1.

    Returns:
        None where a limit is more than 60 log odds from the estimate.
    """
    root = _signed_root(of, best, column)
    far, step = sqrt(float(chdtri(1, 1 - level))), sqrt(float(best.covariance[column, column]))
    low, high = (_crossing(root, float(best.beta[column]), way * step, far) for way in (-1.0, 1.0))
    return None if low is None or high is None else Interval(low, high)


def profile_p(of: Groups, best: Fit, column: int) -> float:
    """The p value of the (penalised) likelihood ratio test that a coefficient is 0.

    Source: Heinze and Schemper 2002, section 3.1.
    """
    return float(chdtrc(1, _signed_root(of, best, column)(0.0) ** 2))


def clustered_covariance(of: Groups, best: Fit, clusters: NDArray[np.intp]) -> Floats | None:
    """The covariance of the coefficients where trials within a cluster are not independent.

    The sandwich estimator with Mancl and DeRouen's correction, without which standard errors are
    too small for few clusters. Source: Mancl and DeRouen 2001, Biometrics 57:126-134, equation 4,
    with an independence working correlation.

    Args:
        of: The trials.
        best: Their fit.
        clusters: The cluster index of each row, from 0.

    Returns:
        None where a coefficient depends on a single cluster.
    """
    p = expit(of.x @ best.beta)
    scores = of.x * (of.y - of.n * p)[:, np.newaxis]
    weights = of.n * p * (1 - p)
    k = len(best.beta)
    middle = np.zeros((k, k))
    order = np.argsort(clusters, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1):
        own = (of.x[rows].T * weights[rows]) @ of.x[rows]
        rest = np.eye(k) - own @ best.covariance
        if np.linalg.cond(rest) > 1e8:
            return None
        score = np.linalg.solve(rest, scores[rows].sum(axis=0))
        middle += np.outer(score, score)
    sandwich: Floats = best.covariance @ middle @ best.covariance
    return sandwich


def _information(of: Groups, beta: Floats) -> Floats:
    p = expit(of.x @ beta)
    information: Floats = (of.x.T * (of.n * p * (1 - p))) @ of.x
    return information


def _likelihood(of: Groups, beta: Floats, *, penalised: bool) -> float:
    z = of.x @ beta
    likelihood = float(of.y @ log_expit(z) + (of.n - of.y) @ log_expit(-z))
    if not penalised:
        return likelihood
    sign, logarithm = np.linalg.slogdet(_information(of, beta))
    return likelihood + logarithm / 2 if sign > 0 else -np.inf


def _slope(of: Groups, beta: Floats, *, penalised: bool) -> tuple[Floats, Floats]:
    """The score, and the curvature for Newton's steps.

    Firth's score is that of the data with each leverage added, half as a success and half as a
    failure, and the curvature is that of these augmented data. With the information alone, steps
    overshoot, by a factor of two where a level has one trial.
    """
    p = expit(of.x @ beta)
    y, n = of.y, of.n
    weights = p * (1 - p)
    if penalised:
        inverse = _inverse(_information(of, beta))
        leverage = of.n * weights * np.einsum("ij,ij->i", of.x @ inverse, of.x)
        y, n = y + leverage / 2, n + leverage
    return of.x.T @ (y - n * p), (of.x.T * (n * weights)) @ of.x


def _inverse(information: Floats) -> Floats:
    """The inverse, computed after scaling: far from the estimate some diagonals are near 0."""
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    scales = np.outer(scale, scale)
    try:
        return np.asarray(np.linalg.inv(information * scales) * scales, dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(information, hermitian=True), dtype=np.float64)


def _climb(
    of: Groups, beta: Floats, free: NDArray[np.bool_], tolerance: float, *, penalised: bool
) -> tuple[Floats, float]:
    """Maximises the likelihood over the free coefficients, from a starting point."""
    best = _likelihood(of, beta, penalised=penalised)
    for _ in range(_STEPS):
        score, curvature = _slope(of, beta, penalised=penalised)
        step = np.zeros(len(beta))
        step[free] = _inverse(curvature[np.ix_(free, free)]) @ score[free]
        if score @ step < tolerance:
            break
        step *= min(1.0, _STEP / np.abs(step).max())
        for _ in range(30):
            likelihood = _likelihood(of, beta + step, penalised=penalised)
            # Near the maximum, rounding may make the likelihood a little lower.
            if likelihood >= best - 1e-12 * abs(best):
                break
            step = step / 2
        else:
            break
        beta, best = beta + step, likelihood
    return beta, best


def _signed_root(of: Groups, best: Fit, column: int) -> Callable[[float], float]:
    """The signed root of the likelihood ratio statistic, nearly linear in the coefficient."""
    free = np.arange(len(best.beta)) != column
    # How the other coefficients follow this one, if the likelihood were a normal density.
    drift = best.covariance[:, column] / best.covariance[column, column]
    centre = float(best.beta[column])

    def root(value: float) -> float:
        start = best.beta + drift * (value - centre)
        start[column] = value
        _, likelihood = _climb(of, start, free, _CLOSE, penalised=best.penalised)
        return copysign(sqrt(max(0.0, 2 * (best.likelihood - likelihood))), value - centre)

    return root


def _crossing(
    root: Callable[[float], float], centre: float, step: float, far: float
) -> float | None:
    """Where the root's magnitude reaches `far`, in the direction of the step from the estimate."""
    inner, outer = centre, centre + far * step
    while abs(root(outer)) < far:
        inner, outer = outer, outer + step
        if abs(outer - centre) > _FURTHEST:
            return None
    return float(
        scipy.optimize.brentq(lambda value: abs(root(value)) - far, inner, outer, xtol=1e-7)
    )
