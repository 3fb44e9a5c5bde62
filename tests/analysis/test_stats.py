"""Intervals and tests of rates, against SciPy, closed forms and published values."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom, binomtest

from cornered.analysis.stats import (
    Z95,
    Difference,
    Interval,
    PValue,
    fisher,
    newcombe,
    quantile,
    wilson,
)


def closed_form(k: int, n: int, z: float) -> tuple[float, float]:
    """Wilson 1927, as in Brown, Cai and DasGupta 2001, equation 4."""
    p, spread = k / n, z * sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n))
    return (
        (p + z * z / (2 * n) - spread) / (1 + z * z / n),
        (p + z * z / (2 * n) + spread) / (1 + z * z / n),
    )


def interval(k: int, n: int, level: float = 0.95) -> Interval:
    found = wilson(k, n, level)
    assert found is not None
    return found


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 5000))
    return draw(st.integers(0, n)), n


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 100, 0.0, 0.0370),
        (50, 100, 0.4038, 0.5962),
        (100, 100, 0.9630, 1.0),
        # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_values(k: int, n: int, low: float, high: float) -> None:
    found = interval(k, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@settings(deadline=None)
@given(
    counts(), st.sampled_from([(0.90, 1.6448536269514722), (0.95, Z95), (0.99, 2.5758293035489)])
)
def test_it_is_the_closed_form(at: tuple[int, int], level: tuple[float, float]) -> None:
    found = interval(*at, level[0])
    assert (found.low, found.high) == pytest.approx(closed_form(*at, level[1]), abs=1e-9)


@settings(deadline=None)
@given(counts(), st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_it_is_what_scipy_says(at: tuple[int, int], level: float) -> None:
    found = interval(*at, level)
    theirs = binomtest(*at).proportion_ci(confidence_level=level, method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@settings(deadline=None)
@given(counts())
def test_it_holds_the_rate_and_stays_within_0_and_1(at: tuple[int, int]) -> None:
    k, n = at
    found = interval(k, n)
    assert 0.0 <= found.low <= k / n <= found.high <= 1.0
    assert (found.low == 0.0) == (k == 0)
    assert (found.high == 1.0) == (k == n)


@settings(deadline=None)
@given(counts())
def test_successes_and_failures_mirror_each_other(at: tuple[int, int]) -> None:
    k, n = at
    one, other = interval(k, n), interval(n - k, n)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-12)


@settings(deadline=None)
@given(counts())
def test_more_trials_at_one_rate_and_less_confidence_make_it_narrower(at: tuple[int, int]) -> None:
    k, n = at
    width = interval(k, n).high - interval(k, n).low
    more, sure = interval(4 * k, 4 * n), interval(k, n, 0.99)
    assert more.high - more.low < width < sure.high - sure.low


def test_nothing_is_known_without_trials() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("k", "n"), [(-1, 10), (11, 10), (1, 0), (0, -1)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{k} successes in {n} trials"):
        wilson(k, n)


def difference(k: int, n: int, other_k: int, other_n: int, level: float = 0.95) -> Difference:
    found = newcombe(k, n, other_k, other_n, level)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("groups", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10, rows a to h
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_published_differences(groups: tuple[int, int, int, int], low: float, high: float) -> None:
    found = difference(*groups).interval
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@settings(deadline=None)
@given(counts(), counts())
def test_a_difference_is_within_its_interval_and_turns_round_with_its_groups(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    there, back = difference(*one, *other), difference(*other, *one)
    assert there.value == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert -1.0 <= there.interval.low <= there.value <= there.interval.high <= 1.0
    assert (there.interval.low, there.interval.high) == pytest.approx(
        (-back.interval.high, -back.interval.low), abs=1e-12
    )


@settings(deadline=None)
@given(counts(), counts())
def test_a_difference_is_surer_with_more_trials_and_less_sure_at_a_higher_level(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    k, n = one
    base, sure = difference(*one, *other).interval, difference(*one, *other, 0.99).interval
    more = difference(4 * k, 4 * n, *other).interval
    assert more.high - more.low <= base.high - base.low <= sure.high - sure.low


def test_no_difference_is_known_where_a_group_is_empty() -> None:
    assert newcombe(0, 0, 1, 10) is None
    assert newcombe(1, 10, 0, 0) is None


def test_impossible_counts_in_either_group_are_refused() -> None:
    with pytest.raises(ValueError, match="11 successes in 10 trials"):
        newcombe(11, 10, 1, 10)
    with pytest.raises(ValueError, match="11 successes in 10 trials"):
        newcombe(1, 10, 11, 10)


# Tests of two rates

few = st.integers(1, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def p_of(found: PValue) -> float:
    assert found.value is not None
    return found.value


def test_published_p_values() -> None:
    # R, ?fisher.test: the lady tasting tea, two-sided (Agresti 1990, p. 61)
    assert p_of(fisher(3, 4, 1, 4)) == pytest.approx(0.4857, abs=5e-5)
    # and convictions of like-sex twins
    assert p_of(fisher(2, 17, 10, 13)) == pytest.approx(0.0005367, abs=5e-8)


@settings(deadline=None, max_examples=40)
@given(few, few)
def test_p_values_do_not_depend_on_the_order_of_groups_or_on_what_counts_as_success(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    p = p_of(fisher(*one, *other))
    assert 0 < p <= 1
    assert p == pytest.approx(p_of(fisher(*other, *one)), abs=1e-6)
    turned = (one[1] - one[0], one[1]), (other[1] - other[0], other[1])
    assert p == pytest.approx(p_of(fisher(*turned[0], *turned[1])), abs=1e-6)


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_the_level_holds(rate: float) -> None:
    n, other = 9, 12
    size = sum(
        binom.pmf(k, n, rate) * binom.pmf(j, other, rate)
        for k in range(n + 1)
        for j in range(other + 1)
        if p_of(fisher(k, n, j, other)) <= 0.05
    )
    assert size <= 0.05


def test_where_nothing_varies_there_is_nothing_to_find() -> None:
    assert fisher(0, 10, 0, 7).value == fisher(10, 10, 7, 7).value == 1


def test_the_test_says_why_it_has_no_p_value() -> None:
    assert fisher(0, 0, 1, 10) == PValue(None, "a group has no scored trial")
    with pytest.raises(ValueError, match="11 successes in 10 trials"):
        fisher(11, 10, 1, 10)
    assert fisher(5, 50_000, 9, 50_000).value is not None


def test_the_stored_quantile_is_scipys() -> None:
    assert float(ndtri(0.975)) == Z95 == quantile(0.95)
    assert quantile(0.9) == float(ndtri(0.95)) != Z95
