"""What a run estimates: equal weights, controls apart, and nothing that another model changes."""

from __future__ import annotations

from dataclasses import replace
from math import hypot, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from cornered.analysis.estimands import Contrast, run_contrasts
from cornered.analysis.mover import Measured, homogeneity, sum_p, weighted_sum
from cornered.analysis.paired import paired_by_draw
from cornered.analysis.stats import Interval, newcombe
from cornered.analysis.table import Cell, cells
from tests.analysis.fakes import GPT, OPUS, counted_cells, planned, trial

BOTH, GOAL, THREAT, NEITHER = (
    f"blackmail/{name}"
    for name in ("explicit-america/replacement", "explicit-america/none", "none/replacement",
                 "none/none")
)  # fmt: skip
ARM = "+instructions=prohibitions"
LLAMA = "together/llama"


def one_of(found: list[Contrast], **wanted: object) -> Contrast:
    (only,) = (c for c in found if all(getattr(c, k) == v for k, v in wanted.items()))
    return only


def interval_of(contrast: Contrast) -> tuple[float, float, float]:
    assert contrast.difference.value is not None
    assert contrast.difference.interval is not None
    interval = contrast.difference.interval
    return contrast.difference.value, interval.low, interval.high


def arm_run(*more: tuple[tuple[str, str], tuple[int, int]]) -> list[Cell]:
    """An arm that takes 84 of 100 to 10, its control, and whatever else."""
    counts = {
        (OPUS, BOTH): (84, 100),
        (OPUS, BOTH + ARM): (10, 100),
        (OPUS, NEITHER): (0, 100),
        (OPUS, NEITHER + ARM): (0, 100),
    }
    return counted_cells({**counts, **dict(more)})


def test_an_arm_is_its_difference_and_not_that_of_the_mix_of_the_run() -> None:
    found = one_of(run_contrasts(arm_run()), kind="arm", factor="instructions")
    assert interval_of(found)[0] == pytest.approx(-0.74)
    assert (found.level, found.reference, found.cells) == ("prohibitions", "none", 1)
    assert found.conditions == ((BOTH + ARM, BOTH),)
    assert found.control is not None
    assert interval_of(found.control)[0] == 0
    assert found.control.conditions == ((NEITHER + ARM, NEITHER),)
    harmless = [
        ((model, name), (0, 100))
        for model in (GPT, LLAMA, "x/y")
        for name in (BOTH, BOTH + ARM, NEITHER, NEITHER + ARM)
    ]
    again = one_of(run_contrasts(arm_run(*harmless)), kind="arm", model=OPUS, factor="instructions")
    assert again == found


def test_the_reference_is_none_or_listed_first_whatever_the_numbers_of_trials() -> None:
    for sizes in ((51, 50), (50, 51)):
        names = [BOTH + ARM, BOTH]
        counts = {(OPUS, name): (5, n) for name, n in zip(names, sizes, strict=True)}
        found = one_of(run_contrasts(counted_cells(counts)), kind="arm")
        assert (found.level, found.reference) == ("prohibitions", "none")
    listed = ["blackmail/latent-america/replacement", BOTH]
    found = one_of(run_contrasts(counted_cells({(OPUS, name): (5, 50) for name in listed})))
    assert (found.level, found.reference) == ("explicit", "latent")


count = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
EIGHT = [name + arm for name in (BOTH, GOAL, THREAT, NEITHER) for arm in ("", ARM)]


@settings(max_examples=6, deadline=None)
@given(st.lists(count, min_size=16, max_size=16), st.lists(count, min_size=16, max_size=16))
def test_another_model_and_another_scenario_change_no_number(
    own: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    first = dict(zip(((m, c) for m in (OPUS, GPT) for c in EIGHT), own, strict=True))
    third = dict(zip(((LLAMA, c) for c in EIGHT), more[:8], strict=True))
    other = {
        (OPUS, c.replace("blackmail", "espionage")): of
        for c, of in zip(EIGHT, more[8:], strict=True)
    }
    before = run_contrasts(counted_cells(first))
    after = run_contrasts(counted_cells({**first, **third, **other}))
    assert {c.kind for c in before} == {"arm", "interaction", "model"}
    for contrast in before:
        # A comparison of models is in a family of all models and scenarios.
        family = {"p_adjusted": None} if contrast.kind == "model" else {}
        assert replace(contrast, **family) in [replace(c, **family) for c in after]


def test_the_interaction_is_what_both_add_beyond_each_by_hand() -> None:
    counts = {BOTH: (60, 100), THREAT: (20, 80), GOAL: (10, 50), NEITHER: (1, 90)}
    table = counted_cells({(OPUS, c): of for c, of in counts.items()})
    found = one_of(run_contrasts(table), kind="interaction")
    assert found.factor == "goal × threat"
    value, low, high = interval_of(found)
    p = {c: k / n for c, (k, n) in counts.items()}
    assert value == pytest.approx((p[BOTH] - p[THREAT]) - (p[GOAL] - p[NEITHER]))
    limits = {c: proportion_confint(k, n, method="wilson") for c, (k, n) in counts.items()}
    below = [p[c] - limits[c][0] for c in (BOTH, NEITHER)]
    below += [limits[c][1] - p[c] for c in (THREAT, GOAL)]
    above = [limits[c][1] - p[c] for c in (BOTH, NEITHER)]
    above += [p[c] - limits[c][0] for c in (THREAT, GOAL)]
    assert low == pytest.approx(value - hypot(*below))
    assert high == pytest.approx(value + hypot(*above))


@settings(max_examples=30, deadline=None)
@given(count, count)
def test_the_interval_of_one_condition_is_that_of_newcombe(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    table = counted_cells({(OPUS, BOTH + ARM): one, (OPUS, BOTH): other})
    value, low, high = interval_of(one_of(run_contrasts(table), kind="arm"))
    theirs = confint_proportions_2indep(*one, *other, method="newcomb")
    assert (low, high) == pytest.approx(theirs, abs=1e-9)
    assert value == pytest.approx(one[0] / one[1] - other[0] / other[1])


def test_the_mean_of_conditions_by_hand_and_with_a_shared_reference() -> None:
    # Zou, Huang and Zhang's formula, the equal-weight mean of 30 - 10 and 80 - 50 points.
    rates = [Measured(k / n, n) for k, n in ((30, 100), (10, 100), (16, 20), (10, 20))]
    found = weighted_sum([0.5, -0.5, 0.5, -0.5], rates)
    a, b = newcombe(30, 100, 10, 100), newcombe(16, 20, 10, 20)
    assert a is not None
    assert b is not None
    assert found.interval is not None
    assert found.value == pytest.approx(0.25)
    below = hypot(a.value - a.interval.low, b.value - b.interval.low) / 2
    above = hypot(a.interval.high - a.value, b.interval.high - b.value) / 2
    assert found.interval.low == pytest.approx(0.25 - below)
    assert found.interval.high == pytest.approx(0.25 + above)
    # Two goals against the one condition without: that condition counts with its whole weight.
    others = ("blackmail/explicit-america/replacement", "blackmail/explicit-global/replacement")
    table = counted_cells({(OPUS, c): (50, 100) for c in (*others, THREAT)})
    goal = one_of(run_contrasts(table), kind="arm", factor="goal")
    _, high = proportion_confint(50, 100, method="wilson")
    assert goal.cells == 2
    assert interval_of(goal)[2] == pytest.approx(hypot(high - 0.5, (high - 0.5) / sqrt(2)))


def test_many_conditions_of_few_trials_have_no_interval_that_is_too_narrow() -> None:
    # Middling rates of four trials, 18 conditions: Wilson's alone hold the truth in 86 %.
    rng = np.random.default_rng(8)
    weights = [1 / 18, -1 / 18] * 18
    held = 0
    for ks in rng.binomial(4, 0.5, (150, 36)):
        interval = weighted_sum(weights, [Measured(k / 4, 4) for k in ks]).interval
        assert interval is not None
        held += interval.low <= 0 <= interval.high
    assert held / 150 > 0.92


@settings(max_examples=30, deadline=None)
@given(st.lists(count, min_size=2, max_size=8))
def test_p_is_below_five_percent_where_the_interval_leaves_zero_out(
    counts: list[tuple[int, int]],
) -> None:
    rates = [Measured(k / n, n) for k, n in counts]
    weights = [(-1) ** i / len(rates) for i in range(len(rates))]
    found = weighted_sum(weights, rates)
    assert found.interval is not None
    outside = not found.interval.low <= 0 <= found.interval.high
    assert (sum_p(weights, rates) < 0.05) == outside


def test_differences_that_are_not_the_same_are_told_on_the_scale_that_is_printed() -> None:
    pairs = np.array([[1, -1, 0, 0], [0, 0, 1, -1]], dtype=float)
    rates = [Measured(p, 100) for p in (0.04, 0.01, 0.80, 0.50)]
    found = homogeneity(pairs, rates)
    assert found is not None
    # By hand: the squared difference of the differences over the sum of the four variances.
    smooth = [(100 * r.rate + 2) / 104 for r in rates]
    q = 0.27**2 / sum(p * (1 - p) / 100 for p in smooth)
    assert found.q == pytest.approx(q)
    assert found.p == pytest.approx(chi2.sf(q, 1))
    assert found.p < 2e-4
    constant = homogeneity(pairs, [Measured(p, 20) for p in (0.0, 0.0, 1.0, 1.0)])
    assert constant is not None
    assert constant.p == pytest.approx(1)


def test_a_rare_arm_is_not_shrunk_and_has_an_interval_of_its_cells() -> None:
    table = counted_cells({(OPUS, BOTH): (2, 30), (OPUS, BOTH + ARM): (0, 30)})
    value, low, high = interval_of(one_of(run_contrasts(table), kind="arm"))
    assert value == pytest.approx(-2 / 30)
    assert (low, high) == pytest.approx(confint_proportions_2indep(0, 30, 2, 30, method="newcomb"))


def lossy(unscored: int) -> list[Cell]:
    rows = [trial(BOTH + ARM, OPUS, i, act=i < 10, harmful=i < 10) for i in range(20)]
    rows += [
        trial(BOTH + ARM, OPUS, 20 + i, status="unscored", act=None, harmful=None)
        for i in range(unscored)
    ]
    rows += [trial(BOTH, OPUS, i, act=i < 20, harmful=i < 20) for i in range(100)]
    return cells(rows, [planned(BOTH + ARM), planned(BOTH)], [OPUS], 20 + unscored, judged=True)


def test_bounds_hold_the_sampling_error_of_what_could_have_been() -> None:
    found = one_of(run_contrasts(lossy(80)[:2]), kind="arm")
    assert found.sides[0].unscored == 80
    assert found.unscored_share == (0.8, pytest.approx(0.0))
    assert found.bounds is not None
    lowest = confint_proportions_2indep(10, 100, 20, 100, method="newcomb")
    highest = confint_proportions_2indep(90, 100, 20, 100, method="newcomb")
    assert found.bounds.low == pytest.approx(lowest[0])
    assert found.bounds.high == pytest.approx(highest[1])
    assert found.bounds.low < 0 < found.bounds.high


def test_nothing_unscored_has_no_bounds() -> None:
    assert all(contrast.bounds is None for contrast in run_contrasts(arm_run()))


def test_one_verdict_counts_on_both_sides() -> None:
    judged = counted_cells({(OPUS, BOTH): (3, 40)})
    facts = counted_cells({(OPUS, BOTH + ARM): (9, 40)}, judged=False)
    found = one_of(run_contrasts([*judged, *facts]), kind="arm")
    assert found.verdict == "act"
    assert one_of(run_contrasts(arm_run()), kind="arm").verdict == "harmful"


def test_probes_and_trials_that_are_not_scored_are_no_part_of_it() -> None:
    probe = counted_cells({(OPUS, f"{BOTH}{ARM}+probe=on"): (3, 40), (OPUS, BOTH): (3, 40)})
    assert run_contrasts(probe) == []
    empty = one_of(
        run_contrasts(counted_cells({(OPUS, BOTH): (3, 40), (OPUS, BOTH + ARM): (0, 0)}))
    )
    assert (empty.difference.value, empty.p, empty.cells) == (None, None, 0)
    assert empty.difference.reason == "no condition has scored trials of both"


def test_models_are_compared_on_conditions_that_both_have_with_their_range() -> None:
    counts = {(OPUS, BOTH): (80, 100), (OPUS, THREAT): (40, 100), (OPUS, NEITHER): (0, 50)}
    counts |= {(GPT, BOTH): (50, 100), (GPT, THREAT): (30, 100), (GPT, NEITHER): (5, 50)}
    counts |= {(GPT, GOAL): (100, 100)}
    found = one_of(run_contrasts(counted_cells(counts)), kind="model")
    assert found.model == (GPT, OPUS)
    assert interval_of(found)[0] == pytest.approx(-0.2)
    assert found.spread == pytest.approx((-0.3, -0.1))
    assert found.heterogeneity is not None
    assert found.control is not None
    assert interval_of(found.control)[0] == pytest.approx(0.1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_two_cells_with_the_same_draws_are_paired(pairs: list[tuple[bool, bool]]) -> None:
    names = [f"{BOTH}+instructions=prohibitions+cast=varied", f"{BOTH}+cast=varied"]
    rows = [
        trial(name, OPUS, i, act=pair[side], harmful=pair[side])
        for side, name in enumerate(names)
        for i, pair in enumerate(pairs)
    ]
    table = cells(rows, [planned(name) for name in names], [OPUS], len(pairs), judged=True)
    found = one_of(run_contrasts(table, rows), kind="draw")
    expected = paired_by_draw(pairs).difference
    assert expected is not None
    assert interval_of(found) == pytest.approx(
        (expected.value, expected.interval.low, expected.interval.high)
    )


def test_a_given_interval_is_kept_and_stretches_with_the_level() -> None:
    wide = Measured(0.3, 100, Interval(0.15, 0.5))
    assert wide.limits().low == pytest.approx(0.15)
    assert wide.limits().high == pytest.approx(0.5)
    assert wide.limits(1.0).low > 0.15
    plain = Measured(0.3, 100)
    assert plain.limits().low == pytest.approx(proportion_confint(30, 100, method="wilson")[0])
