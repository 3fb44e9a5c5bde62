"""Paired comparisons, against published intervals, statsmodels and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from cornered.analysis.paired import Paired, PairedByDraw, Stratum, paired, paired_by_draw
from cornered.analysis.stats import Estimate, Interval, PValue, fisher, newcombe, wilson

Table = tuple[int, int, int, int]
"""Successes and failures of the first, then of the second."""

# R, UCBAdmissions: admitted and rejected men, then women, in departments A to F
BERKELEY = [
    (512, 313, 89, 19),
    (353, 207, 17, 8),
    (120, 205, 202, 391),
    (138, 279, 131, 244),
    (53, 138, 94, 299),
    (22, 351, 24, 317),
]


def compared(tables: Sequence[Table], level: float = 0.95) -> Paired:
    return paired(
        [Stratum(str(i), a, a + b, c, c + d) for i, (a, b, c, d) in enumerate(tables)], level
    )


def turned(tables: Sequence[Table]) -> list[Table]:
    """The second first."""
    return [(c, d, a, b) for a, b, c, d in tables]


def numbers(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.value is not None
    assert estimate.interval is not None
    return estimate.value, estimate.interval.low, estimate.interval.high


def p_of(found: PValue) -> float:
    assert found.value is not None
    return found.value


cell = st.integers(0, 40)
tables = st.lists(st.tuples(cell, cell, cell, cell), max_size=8)
full = st.lists(st.tuples(*[st.integers(1, 60)] * 4), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10
        ((56, 14, 48, 32), 0.0524, 0.3339),
        ((9, 1, 3, 7), 0.1705, 0.8090),
        ((6, 1, 2, 5), 0.0582, 0.8062),
        ((5, 51, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 0, 0, 20), 0.6791, 1.0),
    ],
)
def test_of_one_condition_it_is_the_published_interval(
    given: Table, low: float, high: float
) -> None:
    assert numbers(compared([given]).difference)[1:] == pytest.approx((low, high), abs=5e-5)


def test_four_of_four_against_two_of_four_is_no_more_often() -> None:
    _, low, high = numbers(compared([(4, 0, 2, 2)]).difference)
    assert (round(100 * low), round(100 * high)) == (-10, 85)


def test_conditions_count_equally_whatever_their_trials_and_by_hand() -> None:
    found = compared([(30, 70, 10, 90), (16, 4, 10, 10)])
    of = [stratum.difference for stratum in found.strata]
    assert of[0] is not None
    assert of[1] is not None
    value, low, high = numbers(found.difference)
    assert value == pytest.approx(0.25)
    below = [d.value - d.interval.low for d in of if d]
    above = [d.interval.high - d.value for d in of if d]
    assert low == pytest.approx(0.25 - hypot(*below) / 2)
    assert high == pytest.approx(0.25 + hypot(*above) / 2)


@settings(deadline=None, max_examples=30)
@given(tables)
def test_turning_the_two_round_turns_the_results_round(given: list[Table]) -> None:
    there, back = compared(given), compared(turned(given))
    assert there.heterogeneity.value == pytest.approx(back.heterogeneity.value, abs=1e-9)
    if there.difference.interval:
        value, low, high = numbers(there.difference)
        assert numbers(back.difference) == pytest.approx((-value, -high, -low), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(tables, st.randoms(use_true_random=False))
def test_it_stays_within_bounds_and_knows_no_order_of_strata(
    given: list[Table], random: np.random.Generator
) -> None:
    found = compared(given)
    shuffled = list(given)
    random.shuffle(shuffled)
    assert compared(shuffled).difference.value == pytest.approx(found.difference.value)
    assert found.used + found.empty == len(found.strata) == len(given)
    assert (found.heterogeneity.value is None) == (found.heterogeneity.reason is not None)
    assert (found.difference.interval is None) == (found.difference.reason is not None)
    if found.difference.interval:
        value, low, high = numbers(found.difference)
        assert -1 <= low <= value <= high <= 1


def test_each_stratum_speaks_for_itself() -> None:
    first, *_, last = compared(BERKELEY).strata
    assert first.stratum.name == "0"
    assert first.difference == newcombe(512, 825, 89, 108)
    assert first.p == fisher(512, 825, 89, 108)
    assert first.adjusted == pytest.approx(6 * p_of(first.p))  # Holm: the smallest of six
    assert last.adjusted == 1


def test_strata_without_trials_of_one_are_counted_and_left_out() -> None:
    found = compared([*BERKELEY, (3, 5, 0, 0), (0, 0, 0, 0)])
    assert (found.used, found.empty) == (6, 2)
    whole = compared(BERKELEY)
    assert found.difference == whole.difference
    assert found.heterogeneity == whole.heterogeneity
    assert found.strata[-1].difference is found.strata[-1].adjusted is None
    assert found.strata[-1].p.reason == "a group has no scored trial"


def test_a_rate_on_which_a_judge_was_silent_is_compared_as_it_is() -> None:
    """By hand: 10 of 22 scored, but 50 % by those judged; the interval is that of the rates."""
    low, high = 0.2, 0.8
    silent = Estimate(0.5, Interval(low, high), None)
    (row,) = paired([Stratum("", 10, 22, 4, 20, rate_a=silent)]).strata
    assert row.difference is not None
    assert row.difference.value == pytest.approx(0.5 - 0.2)
    plain = wilson(4, 20)
    assert plain is not None
    below, above = hypot(0.5 - low, plain.high - 0.2), hypot(high - 0.5, 0.2 - plain.low)
    assert row.difference.interval.low == pytest.approx(0.3 - below, abs=1e-9)
    assert row.difference.interval.high == pytest.approx(0.3 + above, abs=1e-9)
    assert (p_of(row.p) < 0.05) == (row.difference.interval.low > 0)


def test_a_side_without_a_rate_is_not_compared_whatever_its_counts() -> None:
    """Two acts without a verdict and twenty trials without an act are no 0 of 20."""
    none = Estimate(None, None, "no act has a verdict")
    found = paired([Stratum("x", 5, 22, 0, 20, rate_b=none), Stratum("y", 5, 22, 3, 22)])
    assert [row.difference is None for row in found.strata] == [True, False]
    assert found.strata[0].p.value is None
    assert (found.used, found.empty) == (1, 1)
    assert numbers(found.difference)[0] == pytest.approx(2 / 22)


def test_nothing_to_compare_is_said_so() -> None:
    for nothing in ([], [(3, 5, 0, 0)]):
        found = compared(nothing)
        assert found.difference == Estimate(None, None, "no condition has scored trials of both")
        assert found.heterogeneity.value is None


def test_rates_of_0_or_1_everywhere_have_an_interval() -> None:
    value, low, high = numbers(compared([(0, 10, 0, 10), (10, 0, 10, 0)]).difference)
    assert value == 0
    assert low < -0.1
    assert high == pytest.approx(-low)


def test_the_pooled_interval_holds_the_truth_and_the_test_its_size() -> None:
    # 6 conditions of 30 and 40 trials, rates 5 to 40 %, in half of the samples 10 points apart
    rng = np.random.default_rng(3)
    base, n_a, n_b = np.linspace(0.05, 0.4, 6), 30, 40
    held = 0
    for i in range(300):
        gap = 0.1 * (i % 2)
        found = paired(
            [
                Stratum("", int(a), n_a, int(b), n_b)
                for a, b in zip(rng.binomial(n_a, base + gap), rng.binomial(n_b, base), strict=True)
            ]
        )
        _, low, high = numbers(found.difference)
        held += low <= gap <= high
    assert 0.92 < held / 300 < 0.985


# The same draws


def draws(both: int, only_a: int, only_b: int, neither: int) -> PairedByDraw:
    return paired_by_draw(
        [(True, True)] * both
        + [(True, False)] * only_a
        + [(False, True)] * only_b
        + [(False, False)] * neither
    )


def ends(found: PairedByDraw) -> tuple[float, float]:
    assert found.difference is not None
    return found.difference.interval.low, found.difference.interval.high


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Altman, Machin, Bryant and Gardner 2000, Statistics with Confidence, p. 52
        ((14, 5, 0, 22), 0.011, 0.226),
        # R, contingencytables: Bentur et al. 2009; Cavo et al. 2012
        ((1, 1, 7, 12), -0.507, -0.026),
        ((59, 6, 16, 80), -0.1186, -0.0046),
    ],
)
def test_published_differences_of_pairs(counts: Table, low: float, high: float) -> None:
    digits = 5e-4 if abs(low) != 0.1186 else 5e-5
    assert ends(draws(*counts)) == pytest.approx((low, high), abs=digits)


@settings(deadline=None)
@given(st.tuples(cell, cell, cell, cell))
def test_mcnemar_is_what_statsmodels_says(counts: Table) -> None:
    both, only_a, only_b, neither = counts
    found = draws(*counts)
    if not sum(counts):
        assert found.p == PValue(None, "no pair has both verdicts")
        assert found.difference is None
        return
    theirs = mcnemar([[both, only_a], [only_b, neither]], exact=True).pvalue
    assert p_of(found.p) == pytest.approx(1.0 if only_a == only_b else theirs)


@settings(deadline=None)
@given(st.tuples(cell, cell, cell, cell).filter(any))
def test_pairs_stay_within_bounds_and_turn_round(counts: Table) -> None:
    both, only_a, only_b, neither = counts
    found, back, mirrored = (
        draws(*counts),
        draws(both, only_b, only_a, neither),
        draws(neither, only_b, only_a, both),
    )
    assert found.difference is not None
    value = found.difference.value
    assert value == pytest.approx((only_a - only_b) / sum(counts))
    low, high = ends(found)
    assert -1 <= low <= value <= high <= 1
    assert low < high
    assert ends(back) == pytest.approx((-high, -low), abs=1e-12)
    assert ends(mirrored) == pytest.approx((-high, -low), abs=1e-12)
    assert p_of(found.p) == pytest.approx(p_of(back.p))


def test_pairs_that_agree_tell_more_than_independent_trials() -> None:
    low, high = ends(draws(30, 5, 5, 30))
    independent = newcombe(35, 70, 35, 70)
    assert independent is not None
    assert high - low < sqrt(0.5) * (independent.interval.high - independent.interval.low)


def test_pairs_without_a_verdict_are_counted_and_left_out() -> None:
    found = paired_by_draw([(True, None), (None, None), (None, False), (True, False), (True, True)])
    assert (found.both, found.only_a, found.only_b, found.neither) == (1, 1, 0, 0)
    assert found.unscored == 3
    assert found.difference == draws(1, 1, 0, 0).difference


def test_the_interval_of_pairs_holds_the_truth() -> None:
    rng = np.random.default_rng(4)
    cells = (0.25, 0.2, 0.1, 0.45)
    samples = rng.multinomial(50, cells, size=1000)
    held = sum(low <= 0.1 <= high for low, high in (ends(draws(*s)) for s in samples.tolist()))
    assert 0.93 < held / 1000 < 0.985


def test_a_level_is_heeded() -> None:
    wide, narrow = compared(BERKELEY, 0.99), compared(BERKELEY, 0.9)
    assert numbers(wide.difference)[1] < numbers(narrow.difference)[1]
    assert numbers(narrow.difference)[2] < numbers(wide.difference)[2]
    assert isinstance(wide.difference.interval, Interval)
