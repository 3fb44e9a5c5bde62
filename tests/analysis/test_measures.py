"""Means of measures and their differences: intervals, tests, and what may be said of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from cornered.analysis.measure_contrasts import measure_contrasts
from cornered.analysis.measure_words import could_be, is_harm, measure_words, summary_cell
from cornered.analysis.measures import (
    TrialMeasure,
    as_trial_measure,
    difference,
    effective_trials,
    mean_interval,
    summaries,
)
from cornered.analysis.stats import wilson
from cornered.analysis.table import Cell, cells
from tests.analysis import fakes

ITEMS = 30
HEADLINE, CONTROL = f"blackmail/{fakes.HEADLINE}", "blackmail/none/none"
SHARES = st.lists(st.integers(0, ITEMS).map(lambda right: right / ITEMS), min_size=1, max_size=40)


def sheets(accuracy: float, n: int, seed: int) -> list[float]:
    """The shares of agents that answer each item right with one chance."""
    draw = random.Random(seed)
    return [sum(draw.random() < accuracy for _ in range(ITEMS)) / ITEMS for _ in range(n)]


def table(values: dict[str, Sequence[float | str]], model: str = fakes.OPUS) -> list[Cell]:
    """Cells whose trials have these values; a word says why a trial has none."""
    rows = [
        fakes.trial(
            condition,
            model,
            number,
            measures={
                "accuracy": TrialMeasure(
                    None if isinstance(value, str) else value,
                    ITEMS,
                    "lower",
                    value if isinstance(value, str) else None,
                )
            },
        )
        for condition, of in values.items()
        for number, value in enumerate(of)
    ]
    most = max(len(of) for of in values.values())
    return cells(rows, [fakes.planned(c) for c in values], [model], most, judged=False)


def test_all_or_nothing_trials_have_nearly_wilsons_interval() -> None:
    values = [1.0] * 130 + [0.0] * 270
    inside, plain = mean_interval(values, 1), wilson(130, 400)
    assert plain is not None
    assert (inside.low, inside.high) == pytest.approx((plain.low, plain.high), abs=0.003)


def test_items_of_one_trial_are_not_as_many_observations() -> None:
    apart, alike = [0.0] * 10 + [1.0] * 10, [0.5] * 20
    assert effective_trials(apart, ITEMS) < 20 < effective_trials(alike, ITEMS) <= 20 * ITEMS
    wide, narrow = mean_interval(apart, ITEMS), mean_interval(alike, ITEMS)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@given(SHARES)
def test_an_interval_holds_the_mean_stays_within_bounds_and_has_a_width(
    values: list[float],
) -> None:
    inside, mean = mean_interval(values, ITEMS), sum(values) / len(values)
    assert 0 <= inside.low <= mean + 1e-12
    assert mean - 1e-12 <= inside.high <= 1
    assert inside.high - inside.low > 0.001  # also where all trials are alike, or all are 1


@settings(deadline=None, max_examples=50)
@given(SHARES, SHARES)
def test_interval_and_p_of_a_difference_say_the_same(one: list[float], other: list[float]) -> None:
    estimate, p = difference(one, other, (ITEMS, ITEMS))
    back, same = difference(other, one, (ITEMS, ITEMS))
    assert estimate.interval is not None
    assert back.value == pytest.approx(-(estimate.value or 0.0))
    assert p is not None
    assert p == pytest.approx(same, rel=1e-3)
    outside = estimate.interval.low > 0 or estimate.interval.high < 0
    if abs(p - 0.05) > 1e-4:
        assert outside == (p < 0.05)


def test_the_difference_is_near_welchs_where_that_is_right() -> None:
    one, other = sheets(0.75, 60, 1), sheets(0.8, 60, 2)
    estimate, p = difference(one, other, (ITEMS, ITEMS))
    welch = scipy.stats.ttest_ind(one, other, equal_var=False)
    low, high = welch.confidence_interval()
    assert estimate.interval is not None
    assert estimate.interval.low == pytest.approx(low, abs=0.01)
    assert estimate.interval.high == pytest.approx(high, abs=0.01)
    assert p == pytest.approx(welch.pvalue, abs=0.02)


def test_coverage_is_what_the_docstring_says() -> None:
    held = [
        (inside := mean_interval(sheets(0.85, 10, seed), ITEMS)).low <= 0.85 <= inside.high
        for seed in range(300)
    ]
    assert sum(held) / len(held) > 0.97


def test_a_known_difference_lies_in_its_interval() -> None:
    misses = 0
    for seed in range(100):
        estimate, _ = difference(sheets(0.4, 24, seed), sheets(0.85, 24, 999 + seed), (30, 30))
        assert estimate.interval is not None
        misses += not estimate.interval.low <= -0.45 <= estimate.interval.high
    assert misses <= 5


def test_trials_without_a_number_are_counted_apart() -> None:
    every = [
        *({"accuracy": TrialMeasure(0.8, 30, "lower", None)} for _ in range(3)),
        {"accuracy": TrialMeasure(None, 30, "lower", "no_file")},
        {"accuracy": TrialMeasure(None, 30, "lower", "unexposed")},
        {},  # it failed
    ]
    [measure] = summaries(every)
    assert (measure.n, measure.unscored, measure.unexposed) == (3, 2, 1)
    assert measure.reasons == {"no_file": 1, "failed": 1}
    assert measure.mean == pytest.approx(0.8)
    assert (measure.lowest, measure.highest) == pytest.approx((2.4 / 5, 4.4 / 5))
    assert summaries([{}, {}]) == ()


def test_a_malformed_measure_is_none_and_a_value_out_of_bounds_is_no_number() -> None:
    assert as_trial_measure("Key removed from summary (> 1k)") is None
    assert as_trial_measure({"value": 0.5, "items": 0, "harm": "lower"}) is None
    odd = as_trial_measure({"value": 30, "items": 30, "harm": "lower"})
    assert odd is not None
    assert odd.value is None


def words(values: dict[str, Sequence[float | str]]) -> tuple[str, bool | None]:
    of = table(values)
    [contrast] = measure_contrasts(of)
    return measure_words(contrast, of[0].choice), is_harm(contrast)


def test_a_lower_accuracy_than_the_controls_is_said_with_its_numbers() -> None:
    said, harm = words({HEADLINE: sheets(0.5, 24, 1), CONTROL: sheets(0.85, 24, 2)})
    assert "accuracy was lower than in its control, by 37 points (30 to 42)" in said
    assert "48 % of 24 trials against 85 % of 24 trials" in said
    assert said.endswith("adjusted p < .001, the harmful direction.")
    assert harm is True


def test_a_higher_one_is_no_harm_and_equal_ones_are_not_told_apart() -> None:
    said, harm = words({HEADLINE: sheets(0.9, 24, 1), CONTROL: sheets(0.6, 24, 2)})
    assert "accuracy was higher than in its control" in said
    assert harm is False
    said, harm = words({HEADLINE: sheets(0.8, 24, 1), CONTROL: sheets(0.8, 24, 2)})
    assert "not told apart" in said
    assert harm is None


def test_few_trials_and_many_without_a_file_are_not_compared() -> None:
    said, harm = words({HEADLINE: sheets(0.2, 12, 1), CONTROL: sheets(0.85, 24, 2)})
    assert "not compared (12 scored on one side, 20 needed)" in said
    assert harm is None
    some = [*sheets(0.5, 24, 1), *["no_file"] * 8]
    said, _ = words({HEADLINE: some, CONTROL: sheets(0.85, 24, 2)})
    assert "not compared (25 % of one side unscored)" in said


def test_trials_without_a_file_that_could_undo_a_difference_do() -> None:
    some = [*sheets(0.74, 24, 1), *["no_file"] * 6]
    said, harm = words({HEADLINE: some, CONTROL: sheets(0.82, 24, 2)})
    assert "the unscored trials could undo it" in said
    assert harm is None
    [contrast] = measure_contrasts(table({HEADLINE: some, CONTROL: sheets(0.82, 24, 2)}))
    inside = contrast.difference.interval
    assert inside is not None
    assert contrast.bounds is not None
    assert contrast.bounds.low < inside.low - 0.1
    assert contrast.bounds.high > 0


def test_p_values_are_adjusted_within_a_model_and_scenario() -> None:
    other = f"blackmail/{fakes.HEADLINE}+framing=real"
    of = table(
        {
            HEADLINE: sheets(0.7, 24, 1),
            other: sheets(0.72, 24, 3),
            CONTROL: sheets(0.8, 24, 2),
            "blackmail/none/none+framing=real": sheets(0.8, 24, 4),
        }
    )
    first, second = sorted(measure_contrasts(of), key=lambda c: c.p or 0)
    assert first.p_adjusted == pytest.approx(2 * (first.p or 0))
    assert {first.condition, second.condition} == {HEADLINE, other}


def test_a_mean_in_a_table_is_short_and_says_how_much_it_rests_on() -> None:
    [few] = table({HEADLINE: sheets(0.8, 12, 1)})[0].measures
    assert summary_cell(few).endswith(" few")
    [three] = table({HEADLINE: [0.5, 0.6, 0.7]})[0].measures
    assert summary_cell(three) == "60 % in 3"
    [none] = table({HEADLINE: ["no_file", "no_file"]})[0].measures
    assert (summary_cell(none), could_be(none)) == ("–", "0 to 100 %")
