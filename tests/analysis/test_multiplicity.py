"""Adjusted p values, against statsmodels and R's p.adjust."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests

from cornered.analysis.multiplicity import benjamini_hochberg, holm

Adjust = Callable[[Sequence[float | None]], list[float | None]]
both = pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
p_values = st.floats(0, 1)


def test_published_values() -> None:
    # Benjamini and Hochberg 1995, section 3.2: 15 tests; they reject 4 at 5 %, Holm 3.
    ps = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    ps += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert sum(p <= 0.05 for p in benjamini_hochberg(ps) if p is not None) == 4
    assert sum(p <= 0.05 for p in holm(ps) if p is not None) == 3


def test_values_of_r() -> None:
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") and "BH"
    ps = [0.01, 0.02, 0.03, 0.04, 0.05]
    assert holm(ps) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert benjamini_hochberg(ps) == pytest.approx([0.05] * 5)


@pytest.mark.parametrize(("adjust", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@settings(deadline=None, max_examples=20)  # theirs takes 0.1 s a call for Holm
@given(st.lists(p_values, min_size=1, max_size=30))
def test_it_is_what_statsmodels_says(adjust: Adjust, method: str, ps: list[float]) -> None:
    assert adjust(ps) == pytest.approx(list(multipletests(ps, method=method)[1]), abs=1e-12)


@both
@given(st.lists(p_values | st.none(), max_size=20), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_what_is_missing_stays_missing(
    adjust: Adjust, ps: list[float | None], random: np.random.Generator
) -> None:
    places = list(range(len(ps)))
    random.shuffle(places)
    found = adjust(ps)
    assert adjust([ps[place] for place in places]) == pytest.approx([found[i] for i in places])
    assert [p is None for p in found] == [p is None for p in ps]
    known = [p for p in ps if p is not None]
    assert [p for p in found if p is not None] == pytest.approx(adjust(known))


@both
@given(st.lists(p_values, max_size=20))
def test_adjusted_is_never_below_the_p_value_nor_above_1(adjust: Adjust, ps: list[float]) -> None:
    for before, after in zip(ps, adjust(ps), strict=True):
        assert after is not None
        assert before <= after <= 1


@both
def test_one_test_alone_is_not_adjusted_and_none_is_none(adjust: Adjust) -> None:
    assert adjust([0.03]) == [0.03]
    assert adjust([]) == []
    assert adjust([None, None]) == [None, None]


def test_holm_errs_in_5_percent_of_families_and_bh_in_5_percent_of_findings() -> None:
    # Families of 10: nothing to find; then 5 of 10 with z 3 standard errors off.
    rng = np.random.default_rng(11)
    nothing = rng.random((2000, 10))
    assert np.mean([min(p for p in holm(ps) if p is not None) < 0.05 for ps in nothing]) < 0.065
    z = rng.normal(np.repeat([0.0, 3.0], 5), size=(2000, 10))
    shares = []
    for ps in 2 * ndtr(-np.abs(z)):
        found = np.array(benjamini_hochberg(ps)) < 0.05
        shares.append(found[:5].sum() / max(1, found.sum()))
    assert np.mean(shares) < 0.03
