"""Firth's logistic regression, against R's logistf on the data it was proposed with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import chi2
from statsmodels.discrete.discrete_model import Logit

from cornered.analysis.logistic import (
    Groups,
    fit,
    profile_interval,
    profile_p,
    separated,
)

Floats = NDArray[np.float64]

# Heinze and Schemper 2002: neovasculation, pulsality index of the uterine artery, endometrium
# height, and whether the histology of the endometrium is high, of 79 women with cancer
ENDOMETRIAL = """
0 13 1.64 0;0 16 2.26 0;0 8 3.14 0;0 34 2.68 0;0 20 1.28 0;0 5 2.31 0;0 17 1.8 0;0 10 1.68 0
0 26 1.56 0;0 17 2.31 0;0 8 2.01 0;0 7 1.89 0;0 20 3.15 0;0 10 1.23 0;0 18 1.27 0;0 16 1.76 0
0 18 2 0;0 8 2.64 1;0 29 0.88 1;0 12 1.27 1;0 20 1.37 1;1 38 0.97 1;1 22 1.14 1;1 7 0.88 1
1 25 0.91 1;1 15 0.58 1;0 7 0.97 1;0 28 1.5 0;0 11 1.33 0;0 19 2.37 0;0 10 1.82 0;0 10 3.13 0
0 18 1.31 0;0 14 1.92 0;0 21 1.64 0;0 11 2.01 0;0 17 1.88 0;0 25 1.93 0;0 16 2.11 0;0 19 1.29 0
0 15 1.72 0;0 33 0.75 0;0 24 1.92 0;0 48 1.84 1;0 12 1.11 1;0 19 1.61 1;0 2 1.18 1;1 22 1.44 1
1 40 1.18 1;1 5 0.93 1;1 0 1.17 1;0 21 1.19 1;0 15 1.06 1;0 29 2.02 0;0 15 2.29 0;0 12 2.33 0
0 3 2.9 0;0 20 1.7 0;0 23 1.41 0;0 12 2.25 0;0 22 1.54 0;0 42 1.97 0;0 15 1.75 0;0 13 2.16 0
0 14 2.57 0;0 19 1.37 0;0 12 3.61 0;0 13 2.04 0;0 10 2.17 0;0 12 1.69 1;1 49 0.27 1;0 6 1.84 1
0 5 1.3 1;0 17 0.96 1;1 11 1.01 1;1 21 0.98 1;0 5 0.35 1;1 19 1.02 1;0 33 0.85 1
"""


def endometrial() -> Groups:
    rows = [row.split() for row in ENDOMETRIAL.strip().replace("\n", ";").split(";")]
    data = np.array(rows, dtype=np.float64)
    assert data.shape == (79, 4)
    ones = np.ones(len(data))
    return Groups(np.column_stack([ones, data[:, :3]]), data[:, 3], ones)


def test_the_fit_and_the_intervals_of_logistf() -> None:
    data = endometrial()
    found = fit(data, penalised=True)
    # R, logistf(HG ~ NV + PI + EH): it stops iterating some digits earlier
    published = [3.77455951, 2.92927330, -0.03475175, -2.60416387]
    intervals = [
        (1.0825371, 7.20928050),
        (0.6097244, 7.85463171),
        (-0.1244587, 0.04045547),
        (-4.3651832, -1.23272106),
    ]
    assert found.beta == pytest.approx(published, rel=1e-6)
    for column, ends in enumerate(intervals):
        profile = profile_interval(data, found, column)
        assert profile is not None
        assert (profile.low, profile.high) == pytest.approx(ends, rel=1e-5)


def penalised(data: Groups, beta: Floats) -> float:
    """Firth's likelihood, as his paper has it: of Bernoulli trials, plus half log |X'WX|."""
    p = expit(data.x @ beta)
    information = data.x.T @ np.diag(p * (1 - p)) @ data.x
    own = np.where(data.y == 1, np.log(p), np.log1p(-p)).sum()
    return float(own + 0.5 * np.log(np.linalg.det(information)))


def test_p_values_are_those_of_the_likelihood_ratio_by_another_optimiser() -> None:
    data = endometrial()
    found = fit(data, penalised=True)
    assert found.likelihood == pytest.approx(penalised(data, found.beta))
    for column in range(4):

        def without(rest: Floats, column: int = column) -> float:
            return -penalised(data, np.insert(rest, column, 0.0))

        start = np.delete(found.beta, column)
        best = -minimize(without, start, method="Nelder-Mead", options={"xatol": 1e-8}).fun
        p = chi2(1).sf(2 * (found.likelihood - best))
        assert profile_p(data, found, column) == pytest.approx(p, rel=1e-3)


def test_separation_is_found_in_those_data_and_gone_without_the_column() -> None:
    data = endometrial()
    assert separated(data)
    assert not separated(Groups(data.x[:, [0, 2, 3]], data.y, data.n))


def test_without_the_penalty_it_is_what_statsmodels_says() -> None:
    whole = endometrial()
    data = Groups(whole.x[:, [0, 2, 3]], whole.y, whole.n)
    found = fit(data, penalised=False)
    theirs = Logit(data.y, data.x).fit(disp=0)
    assert found.beta == pytest.approx(theirs.params, rel=1e-6)
    assert found.covariance == pytest.approx(theirs.cov_params(), rel=1e-5)
    assert found.likelihood == pytest.approx(theirs.llf)


groups = st.integers(2, 5).flatmap(
    lambda k: st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), min_size=k, max_size=k)
)


@settings(deadline=None, max_examples=60)
@given(groups.filter(lambda counts: all(map(any, counts))))
def test_of_levels_of_one_factor_it_is_half_a_success_and_half_a_failure_more(
    counts: list[tuple[int, int]],
) -> None:
    # In a saturated model Jeffreys' prior adds 1/2 to every cell: Firth 1993, section 3.3.
    yes, no = np.array(counts, dtype=np.float64).T
    x = np.eye(len(counts))
    x[:, 0] = 1
    found = fit(Groups(x, yes, yes + no), penalised=True)
    assert expit(x @ found.beta) == pytest.approx((yes + 0.5) / (yes + no + 1), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(groups.filter(lambda counts: all(map(any, counts))))
def test_of_levels_of_one_factor_those_with_all_or_none_separate(
    counts: list[tuple[int, int]],
) -> None:
    yes, no = np.array(counts, dtype=np.float64).T
    x = np.eye(len(counts))
    x[:, 0] = 1
    assert separated(Groups(x, yes, yes + no)) == any(0 in pair for pair in counts)


@pytest.mark.parametrize(("yes", "no"), [((0, 0), (1, 1)), ((0, 50), (50, 0)), ((7, 7), (0, 0))])
def test_limits_hold_the_estimate_where_a_level_has_all_or_none(
    yes: tuple[int, int], no: tuple[int, int]
) -> None:
    successes = np.array(yes, dtype=np.float64)
    data = Groups(np.array([[1.0, 0.0], [1.0, 1.0]]), successes, successes + np.array(no))
    found = fit(data, penalised=True)
    profile = profile_interval(data, found, 1)
    assert profile is not None
    assert profile.low < found.beta[1] < profile.high
    assert (profile_p(data, found, 1) < 0.05) == (profile.low > 0 or profile.high < 0)
