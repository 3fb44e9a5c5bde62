"""How many trials a cell has, as a person writes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cornered.samples import MAX_LOOKS, Samples, max_samples, merge_samples


@pytest.mark.parametrize("written", ["±5%", "5%", "5 %", " ± 5 % ", "+-5%", "0.05", 0.05])
def test_a_width_is_a_percentage_or_a_share(written: Any) -> None:
    assert Samples.model_validate({"max": 400, "until": written}).until == pytest.approx(0.05)


def test_a_threshold_is_too() -> None:
    assert Samples.model_validate({"max": 400, "above": "1%"}).above == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"max": 400}, "give either until"),
        ({"max": 400, "until": "5%", "above": "1%"}, "give either until"),
        ({"max": 400, "until": "five"}, "give a percentage"),
        ({"max": 400, "until": 5}, "less than 0.5"),
        ({"max": 400, "above": "0%"}, "greater than 0"),
        ({"max": 0, "until": "5%"}, "greater than or equal to 1"),
        ({"max": 400, "until": "5%", "spending": "pocock"}, "spending needs above"),
        ({"max": 400, "above": "5%", "spending": "bonferroni"}, "obrien-fleming"),
        ({"max": 1000, "until": "5%", "every": 1}, "give at least 5"),
        ({"max": 400, "until": "5%", "batch": 1}, "Extra inputs"),
    ],
)
def test_what_means_nothing_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Samples.model_validate(given)


@given(st.integers(1, 10_000), st.integers(1, 10_000) | st.none())
def test_the_last_look_is_at_the_most_trials(most_: int, every: int | None) -> None:
    try:
        samples = Samples(max=most_, until=0.05, every=every)
    except ValidationError:
        assert every
        assert most_ / every > MAX_LOOKS - 1
        return
    assert samples.looks[-1] == most_
    assert list(samples.looks) == sorted(set(samples.looks))
    assert len(samples.looks) <= MAX_LOOKS


def test_a_run_never_has_fewer_trials_than_it_was_asked_for() -> None:
    rule = Samples(max=400, until=0.05)
    assert merge_samples(rule, 100) == rule
    assert merge_samples(rule, 500) == Samples(max=500, until=0.05)
    assert merge_samples(100, rule) == 400
    assert merge_samples(500, rule) == 500
    assert [max_samples(rule), max_samples(7)] == [400, 7]
