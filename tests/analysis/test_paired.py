"""Paired comparisons, against statsmodels and the published output of R."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable, mcnemar

from cornered.analysis.paired import Paired, PairedByDraw, Stratum, paired, paired_by_draw
from cornered.analysis.stats import Estimate, Interval, PValue, fisher, newcombe

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
# R, ?mantelhaen.test: penicillin in rabbits, cured and died with no delay, then with 1.5 hours
RABBITS = [(0, 6, 0, 5), (3, 3, 0, 6), (6, 0, 2, 4), (5, 1, 6, 0), (2, 0, 5, 0)]
# metafor, dat.bcg: tuberculosis and none among vaccinated, then among controls
BCG = [
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
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


def test_the_difference_of_metafor() -> None:
    # rma.mh(measure="RD"), which has Sato's variance: dat.bcg, and three small trials
    value, low, high = numbers(compared(BCG).difference)
    assert value == pytest.approx(-3.288181832613e-03, rel=1e-10)
    assert (high - low) / (2 * 1.959963984540054) == pytest.approx(2.866567485274e-04, rel=1e-10)
    small = [(21, 20, 2, 10), (14, 17, 12, 22), (11, 12, 9, 7)]
    assert numbers(compared(small).difference) == pytest.approx(
        (0.114863, -0.047325, 0.277052), abs=1e-6
    )


def test_the_odds_ratio_and_the_test_of_r() -> None:
    # mantelhaen.test(UCBAdmissions, correct = FALSE) and mantelhaen.test(Rabbits)
    berkeley, rabbits = compared(BERKELEY), compared(RABBITS)
    assert numbers(berkeley.odds_ratio) == pytest.approx((0.9046968, 0.7719074, 1.0603298))
    assert p_of(berkeley.p) == pytest.approx(0.2169, abs=5e-5)
    assert numbers(rabbits.odds_ratio) == pytest.approx((7, 1.026713, 47.725133), rel=1e-6)


def test_the_heterogeneity_of_r() -> None:
    # DescTools, BreslowDayTest(UCBAdmissions, correct = TRUE): 18.83 on 5 degrees of freedom
    assert p_of(compared(BERKELEY).heterogeneity) == pytest.approx(0.002071, abs=5e-7)


@settings(deadline=None, max_examples=60)
@given(full)
def test_it_is_what_statsmodels_says(given: list[Table]) -> None:
    found = compared(given)
    theirs = StratifiedTable([[[a, b], [c, d]] for a, b, c, d in given])
    interval = theirs.oddsratio_pooled_confint()
    assert numbers(found.odds_ratio) == pytest.approx((theirs.oddsratio_pooled, *interval))
    assert p_of(found.p) == pytest.approx(theirs.test_null_odds().pvalue, abs=1e-10)
    if abs(theirs.oddsratio_pooled - 1) > 1e-6:  # theirs is 0/0 at 1
        heterogeneity = theirs.test_equal_odds(adjust=True).pvalue
        assert p_of(found.heterogeneity) == pytest.approx(heterogeneity, abs=1e-6)


@settings(deadline=None)
@given(tables)
def test_turning_the_two_round_turns_the_results_round(given: list[Table]) -> None:
    there, back = compared(given), compared(turned(given))
    assert (there.p.value, there.p.reason) == (pytest.approx(back.p.value), back.p.reason)
    assert there.heterogeneity.value == pytest.approx(back.heterogeneity.value, abs=1e-9)
    if there.difference.interval:
        value, low, high = numbers(there.difference)
        assert numbers(back.difference) == pytest.approx((-value, -high, -low), abs=1e-9)
    if there.odds_ratio.interval:
        value, low, high = numbers(there.odds_ratio)
        assert numbers(back.odds_ratio) == pytest.approx((1 / value, 1 / high, 1 / low))


@settings(deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_it_stays_within_bounds_and_knows_no_order_of_strata(
    given: list[Table], random: np.random.Generator
) -> None:
    found = compared(given)
    shuffled = list(given)
    random.shuffle(shuffled)
    assert compared(shuffled).difference.value == pytest.approx(found.difference.value)
    assert found.used + found.empty == len(found.strata) == len(given)
    for p in (found.p, found.heterogeneity):
        assert (p.value is None) == (p.reason is not None)
        assert p.value is None or 0 <= p.value <= 1
    for estimate in (found.difference, found.odds_ratio):
        assert (estimate.interval is None) == (estimate.reason is not None)
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
    assert found.odds_ratio == whole.odds_ratio
    assert found.heterogeneity == whole.heterogeneity
    assert found.strata[-1].difference is found.strata[-1].adjusted is None
    assert found.strata[-1].p.reason == "a group has no scored trial"


def test_strata_in_which_all_went_one_way_are_no_evidence_of_a_common_odds_ratio() -> None:
    found, whole = compared([*BERKELEY, (0, 100, 0, 100)]), compared(BERKELEY)
    assert found.p == whole.p
    assert found.odds_ratio.value == pytest.approx(whole.odds_ratio.value)
    assert found.heterogeneity == whole.heterogeneity
    assert abs(found.difference.value or 1) < abs(whole.difference.value or 0)


def test_nothing_to_compare_is_said_so() -> None:
    for nothing in ([], [(3, 5, 0, 0)]):
        found = compared(nothing)
        reason = "no condition has scored trials of both"
        assert found.difference == found.odds_ratio == Estimate(None, None, reason)
        assert found.p == found.heterogeneity == PValue(None, reason)


@pytest.mark.parametrize(
    ("given", "value"),
    [([(0, 100, 0, 50)] * 2, 0.0), ([(40, 0, 30, 0)], 0.0), ([(40, 0, 0, 30)] * 3, 1.0)],
)
def test_rates_of_0_or_1_everywhere_are_not_known_for_sure(
    given: list[Table], value: float
) -> None:
    found, k = compared(given).difference, len(given)
    a, b, c, d = given[0]
    pooled = newcombe(k * a, k * (a + b), k * c, k * (c + d))
    assert pooled is not None
    assert found == Estimate(value, pooled.interval)
    assert compared(given).odds_ratio.value is None


def test_rates_of_0_or_1_that_differ_between_strata_have_no_interval() -> None:
    found = compared([(0, 10, 0, 10), (10, 0, 10, 0)])
    assert (found.difference.value, found.difference.interval) == (0.0, None)
    assert found.difference.reason == "every rate is 0 or 1, and not the same one in all conditions"
    assert found.p.reason == "all trials of a condition went the same way, in every condition"


def test_an_odds_ratio_of_0_or_infinity_is_said_in_words() -> None:
    assert compared([(0, 10, 3, 7)] * 2).odds_ratio.reason == "it would be 0"
    found = compared([(3, 7, 0, 10)] * 2)
    assert found.odds_ratio == Estimate(None, None, "it would be infinite")
    assert found.heterogeneity == PValue(None, "it would be infinite")
    assert p_of(found.p) < 0.05


def test_equal_rates_have_an_odds_ratio_of_1_and_are_alike_in_all_strata() -> None:
    found = compared([(5, 15, 5, 15), (2, 8, 4, 16)])
    assert found.odds_ratio.value == pytest.approx(1)
    assert p_of(found.p) == pytest.approx(1)
    assert p_of(found.heterogeneity) == pytest.approx(1)


def test_the_pooled_interval_holds_the_truth_and_the_test_its_size() -> None:
    # 6 conditions of 30 and 40 trials, rates 5 to 40 %, in half of the samples 10 points apart
    rng = np.random.default_rng(3)
    base, n_a, n_b = np.linspace(0.05, 0.4, 6), 30, 40
    held = rejected = 0
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
        rejected += gap == 0 and p_of(found.p) < 0.05
    assert 0.915 < held / 300 < 0.98
    assert 0.005 < rejected / 150 < 0.1


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
    for one, other in (
        (wide.difference, narrow.difference),
        (wide.odds_ratio, narrow.odds_ratio),
    ):
        assert numbers(one)[1] < numbers(other)[1]
        assert numbers(other)[2] < numbers(one)[2]
    assert isinstance(wide.difference.interval, Interval)
