"""Power and precision, against simulation, brute force and published values."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from cornered.analysis import power
from cornered.analysis.power import (
    expected_half_width,
    power_of_difference,
    smallest_difference,
)


def test_the_power_of_fishers_test_is_that_of_rs_example() -> None:
    """statmod::power.fisher.test(0.5, 0.9, 20, 20): 70 %, from 100 simulations."""
    assert power_of_difference(20, 0.5, 0.9) == pytest.approx(0.70, abs=0.09)


@pytest.mark.parametrize(("n", "rate", "other"), [(8, 0.1, 0.7), (15, 0.9, 0.3), (20, 0.5, 0.9)])
def test_the_power_is_the_sum_over_all_tables_that_are_found(
    n: int, rate: float, other: float
) -> None:
    total = 0.0
    for k, m in product(range(n + 1), repeat=2):
        right = (m - k) * (other - rate) > 0
        if right and fisher_exact([[k, n - k], [m, n - m]]).pvalue <= 0.05:
            total += float(binom.pmf(k, n, rate) * binom.pmf(m, n, other))
    assert power_of_difference(n, rate, other) == pytest.approx(total, abs=1e-6)


def test_power_is_somewhat_below_that_of_the_test_without_fishers_caution() -> None:
    """R's power.prop.test(n = 50, p1 = .50, p2 = .75): power = 0.740 (its help page)."""
    assert 0.64 < power_of_difference(50, 0.5, 0.75) < 0.740


def test_the_power_at_the_smallest_difference_is_80_percent() -> None:
    rise = smallest_difference(60, 0.1)
    assert rise
    assert power_of_difference(60, 0.1, 0.1 + rise) == pytest.approx(0.8)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 25), st.floats(0, 1), st.floats(0, 1))
@example(15, 0.9375, 0.0)
def test_power_does_not_care_what_is_called_a_success(n: int, rate: float, other: float) -> None:
    chance = power_of_difference(n, rate, other)
    assert 0 <= chance <= 1
    assert chance == pytest.approx(power_of_difference(n, 1 - rate, 1 - other), abs=1e-6)
    assert chance == pytest.approx(power_of_difference(n, other, rate), abs=1e-6)


def test_equal_rates_are_found_different_in_less_than_the_level() -> None:
    assert power_of_difference(100, 0.1, 0.1) < 0.025


@pytest.mark.parametrize(
    ("n", "rate", "half_width"),
    [
        # k = 0 of n has the interval 0 to z² / (n + z²), z = 1.96
        (1, 0.0, 3.8415 / 4.8415 / 2),
        (100, 0.0, 3.8415 / 103.8415 / 2),
        # 0, 1 or 2 of 2 with chances 1/4, 1/2, 1/4; that of 1 is 0.0945 to 0.9055
        (2, 0.5, 0.5 * 3.8415 / 5.8415 / 2 + 0.5 * (0.9055 - 0.0945) / 2),
    ],
)
def test_the_expected_half_width_by_hand(n: int, rate: float, half_width: float) -> None:
    assert expected_half_width(n, rate) == pytest.approx(half_width, abs=2e-4)


def test_a_thinned_sum_is_as_good_as_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def sums() -> tuple[float, ...]:
        power._critical_counts.cache_clear()  # what the sums are over
        return (
            expected_half_width.__wrapped__(400, 0.5),
            smallest_difference.__wrapped__(400, 0.5),
        )

    thinned = sums()
    monkeypatch.setattr(power, "POINTS", 10_000)
    whole = sums()
    power._critical_counts.cache_clear()
    assert thinned != whole
    assert thinned == pytest.approx(whole, abs=2e-3)


@pytest.mark.parametrize(
    ("n", "found"),
    [
        (3, None),  # even 3 of 3 against 0 of 3 has p = 0.1
        (4, 0.8**0.25),  # only 4 of 4 against 0 of 4 is found (p = 0.029)
    ],
)
def test_the_smallest_difference_from_nothing_by_hand(n: int, found: float | None) -> None:
    assert smallest_difference(n, 0.0) == (found and pytest.approx(found, abs=1e-6))


@pytest.mark.parametrize(("n", "rate"), [(8, 0.25), (15, 0.1), (12, 0.0), (10, 0.4)])
def test_the_smallest_difference_has_80_percent_power(n: int, rate: float) -> None:
    def chance(k: int, p: float) -> float:
        return comb(n, k) * p**k * (1 - p) ** (n - k)

    rise = smallest_difference(n, rate)
    assert rise is not None
    other = rate + rise
    chances = sum(
        chance(k, rate) * chance(m, other)
        for k, m in product(range(n + 1), repeat=2)
        if m > k and fisher_exact([[m, n - m], [k, n - k]]).pvalue <= 0.05
    )
    assert chances == pytest.approx(0.8, abs=1e-4)


def test_more_trials_find_smaller_differences() -> None:
    found = [smallest_difference(n, 0.1) for n in (10, 30, 100)]
    assert found == sorted((f for f in found if f), reverse=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda: power_of_difference(10, -0.1, 0.5),
        lambda: power_of_difference(0, 0.1, 0.5),
        lambda: power_of_difference(10, 0.1, 1.5),
        lambda: power_of_difference(10, 0.1, 0.5, level=1.5),
    ],
)
def test_what_is_no_rate_is_refused(call) -> None:
    with pytest.raises(ValueError, match="is not"):
        call()


def test_the_quick_fisher_test_is_scipys():
    from cornered.analysis.power import _fisher

    for n in (1, 2, 3, 7, 12, 25):
        for one in range(n + 1):
            for other in range(n + 1):
                table = [[one, n - one], [other, n - other]]
                p = float(scipy.stats.fisher_exact(table).pvalue)
                assert _fisher(one, other, n) == pytest.approx(p, rel=1e-9), table


@pytest.mark.parametrize("n", [1, 10, 400])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 0.97, 1.0])
def test_the_likely_counts_and_their_probabilities_are_scipys(n, rate):
    from cornered.analysis.power import _central, _chances

    low, high = scipy.stats.binom.interval(1 - 1e-9, n, rate)
    assert _central(n, rate) == (low, high)
    counts = np.arange(low, high + 1).astype(int)
    expected = scipy.stats.binom.pmf(counts, n, rate)
    assert _chances(counts, n, rate) == pytest.approx(expected, rel=1e-9)
