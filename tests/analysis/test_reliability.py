"""Alpha and kappa between raters, against published tables, Inspect and a plain bootstrap."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornered.analysis.agreement import (
    Alpha,
    Share,
    cohen_kappa,
    krippendorff_alpha,
)
from tests.analysis.intervals import ends, width

some = settings(deadline=None, max_examples=50)
Unit = dict[str, Hashable]


def units(*raters: Sequence[Hashable]) -> list[Unit]:
    """One row a rater, as the papers print them, turned into one mapping a unit."""
    return [
        {f"rater {i}": value for i, value in enumerate(column)}
        for column in zip(*raters, strict=True)
    ]


def pairs(table: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """A contingency table, one rater's values down and the other's across, as pairs."""
    return [
        (i, j) for i, row in enumerate(table) for j, times in enumerate(row) for _ in range(times)
    ]


verdict_tables = st.integers(2, 4).flatmap(
    lambda raters: st.lists(
        st.fixed_dictionaries(
            {f"rater {i}": st.sampled_from(["yes", "no", "unsure", None]) for i in range(raters)}
        ),
        max_size=15,
    )
)
binary_pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
opinions = st.sampled_from([True, False, None])

# Krippendorff's alpha


_ = None


@pytest.mark.parametrize(
    ("raters", "alpha", "used"),
    [
        # Krippendorff 2011, section A: binary data, two observers
        ([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]], 0.095, 10),
        # section B: nominal data, two observers
        ([list("aabbdcccedda"), list("babbbccceddd")], 0.692, 12),
        # section C: nominal data, four observers, missing data
        (
            [
                [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
                [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
                [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
                [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
            ],
            0.743,
            11,
        ),
        # Wikipedia, Krippendorff's alpha: three coders, missing data
        (
            [
                [_, _, _, _, _, 3, 4, 1, 2, 1, 1, 3, 3, _, 3],
                [1, _, 2, 1, 3, 3, 4, 3, _, _, _, _, _, _, _],
                [_, _, 2, 1, 3, 4, 4, _, 2, 1, 1, 3, 3, _, 4],
            ],
            0.691,
            12,
        ),
    ],
)
def test_published_alphas(raters: list[list[Hashable]], alpha: float, used: int) -> None:
    found = krippendorff_alpha(units(*raters))
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert found.agreement.n == used
    assert found.agreement.unscored == len(raters[0]) - used


@some
@given(verdict_tables)
def test_alpha_is_inspects_where_something_varies(table: list[Unit]) -> None:
    from inspect_ai.scorer import SampleScore, Score
    from inspect_ai.scorer import krippendorff_alpha as inspects

    theirs = inspects()(
        [
            SampleScore(score=Score(value=[v for v in unit.values() if v is not None]))
            for unit in table
        ]
    )
    ours = krippendorff_alpha(table)
    if ours.value is None:
        assert theirs == 1 or np.isnan(theirs)
    else:
        assert ours.value == pytest.approx(theirs)


@some
@given(verdict_tables, st.randoms(use_true_random=False))
def test_alpha_knows_no_order_of_raters_or_units(table: list[Unit], random: Random) -> None:
    shuffled = [dict(random.sample(list(unit.items()), len(unit))) for unit in table]
    random.shuffle(shuffled)
    assert krippendorff_alpha(shuffled) == krippendorff_alpha(table)


@some
@given(verdict_tables)
def test_alpha_does_not_care_what_the_values_are_called(table: list[Unit]) -> None:
    names = {"yes": 3, "no": True, "unsure": "x", None: None}
    one = krippendorff_alpha(table)
    other = krippendorff_alpha([{r: names[v] for r, v in unit.items()} for unit in table])
    assert other.value == pytest.approx(one.value)
    assert other.agreement == one.agreement


@some
@given(verdict_tables)
def test_alpha_is_within_its_interval_or_tells_why_there_is_none(table: list[Unit]) -> None:
    found = krippendorff_alpha(table)
    assert (found.value is None) == (found.interval is None) == (found.reason is not None)
    if found.value is not None:
        low, high = ends(found.interval)
        assert -1 <= low <= found.value <= high <= 1
        assert (found.value == 1) == (found.agreement.successes == found.agreement.n)


@pytest.mark.parametrize("table", [[], [{"a": "yes"}], [{"a": "yes", "b": None}, {}]])
def test_alpha_needs_a_unit_with_two_verdicts(table: list[Unit]) -> None:
    left_out = Share(0, 0, unscored=len(table))
    assert krippendorff_alpha(table) == Alpha(None, None, left_out, "no unit has two verdicts")


def test_alpha_is_undefined_where_nothing_varies() -> None:
    found = krippendorff_alpha(units(["no"] * 9, ["no"] * 9))
    assert (found.value, found.interval) == (None, None)
    assert found.reason == "all agree on one value: alpha is undefined"
    assert found.agreement == Share(9, 9)


def test_alpha_of_few_that_all_agree_is_not_certain() -> None:
    assert ends(krippendorff_alpha(units([0, 1] * 10, [0, 1] * 10)).interval) == (
        pytest.approx(1 - 0.16113 / (20 / 39), abs=1e-4),  # Wilson's upper limit of 0 in 20
        1,
    )
    rare = units([0] * 19 + [1], [0] * 19 + [1])
    assert ends(krippendorff_alpha(rare).interval)[0] < 0


def test_alpha_with_one_yes_and_one_rater_who_missed_it_says_nothing() -> None:
    found = krippendorff_alpha(units([0] * 19 + [1], [0] * 20))
    assert found.value == pytest.approx(0)
    assert ends(found.interval) == (-1, 1)


def test_more_units_make_alpha_surer() -> None:
    few = units([0, 1, 0, 1, 1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0, 1, 0, 1, 1])
    one, many = krippendorff_alpha(few), krippendorff_alpha(few * 20)
    assert width(many.interval) < width(one.interval) / 3


def test_alphas_interval_is_that_of_a_plain_bootstrap() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(60) < 0.4
    raters = [np.where(rng.random(60) < 0.85, truth, ~truth) for _rater in range(3)]
    table = units(*(rater.tolist() for rater in raters))

    def plain(rows: list[Unit]) -> float:
        counts = np.array([[sum(unit.values()), 3 - sum(unit.values())] for unit in rows])
        n = counts.sum()
        observed = (9 - (counts**2).sum(axis=1)).sum() / 2 / n
        return 1 - observed * n * (n - 1) / (n**2 - (counts.sum(axis=0) ** 2).sum())

    drawn = [plain([table[i] for i in rng.integers(0, 60, 60)]) for _draw in range(2000)]
    assert ends(krippendorff_alpha(table).interval) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02
    )


# Cohen's kappa


@pytest.mark.parametrize(
    ("table", "kappa", "equal"),
    [
        # Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, table 18.1
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.676, 89),
        # Agresti 2002, Categorical Data Analysis, table 10.8 (pathologists)
        ([[22, 2, 2, 0], [5, 7, 14, 0], [0, 2, 36, 0], [0, 1, 17, 10]], 0.493, 75),
        # Wikipedia, Cohen's kappa: grant proposals; and its two tables of 60 % agreement
        ([[20, 5], [10, 15]], 0.4, 35),
        ([[45, 15], [25, 15]], 0.1304, 60),
        ([[25, 35], [5, 35]], 0.2593, 60),
    ],
)
def test_published_kappas(table: list[list[int]], kappa: float, equal: int) -> None:
    found = cohen_kappa(pairs(table))
    assert found.value == pytest.approx(kappa, abs=5e-4)
    assert found.agreement == Share(equal, sum(map(sum, table)))
    low, high = ends(found.interval)
    assert low < kappa < high


def test_kappas_interval_is_cohens_where_there_are_many() -> None:
    table = [[7500, 100, 400], [500, 400, 100], [0, 0, 1000]]
    error = sqrt(0.89 * 0.11 / 10_000) / (1 - 0.66)  # Cohen 1960, chance agreement 0.66
    low, high = ends(cohen_kappa(pairs(table)).interval)
    assert (low, high) == pytest.approx((0.6765 - 1.96 * error, 0.6765 + 1.96 * error), abs=5e-4)


@some
@given(st.lists(st.tuples(opinions, opinions), max_size=40))
def test_kappa_is_one_for_both_raters_and_whatever_the_values_are_called(
    verdicts: list[tuple[bool | None, bool | None]],
) -> None:
    names = {True: "harmful", False: 0, None: None}
    one = cohen_kappa(verdicts)
    assert cohen_kappa([(b, a) for a, b in verdicts]) == one
    assert cohen_kappa([(names[a], names[b]) for a, b in verdicts]) == one
    assert one.agreement.unscored == sum(None in pair for pair in verdicts)


@some
@given(binary_pairs)
def test_kappa_is_within_its_interval_or_tells_why_there_is_none(
    verdicts: list[tuple[bool, bool]],
) -> None:
    found = cohen_kappa(verdicts)
    assert (found.value is None) == (found.interval is None) == (found.reason is not None)
    if found.value is not None:
        low, high = ends(found.interval)
        assert -1 <= low <= found.value <= high <= 1
        assert low < high


def test_kappa_of_few_that_all_agree_is_not_certain() -> None:
    found = cohen_kappa(pairs([[10, 0], [0, 10]]))
    assert found.value == 1
    assert ends(found.interval) == pytest.approx((1 - 0.16113 / 0.5, 1), abs=1e-4)


def test_kappa_tells_why_it_is_undefined() -> None:
    assert cohen_kappa([(None, True), (True, None)]).reason == "no pair has both verdicts"
    same = cohen_kappa(pairs([[0, 0], [0, 12]]))
    assert same.reason == "both give one value only: kappa is undefined"
    assert same.agreement == Share(12, 12)


def test_kappas_interval_holds_the_truth_where_judges_are_good_and_pairs_are_few() -> None:
    # Yes in 3 of 10, the second rater 95 % right.
    rng, cells = np.random.default_rng(7), np.array([0.285, 0.015, 0.035, 0.665])
    chance = 0.3 * 0.32 + 0.7 * 0.68
    truth = (0.95 - chance) / (1 - chance)
    held = 0
    for a, b, c, d in rng.multinomial(30, cells, 250).tolist():
        low, high = ends(cohen_kappa(pairs([[a, b], [c, d]])).interval)
        held += low <= truth <= high
    assert 0.93 <= held / 250 <= 0.99
