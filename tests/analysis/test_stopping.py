"""When a cell is stopped, and what that does to errors and intervals; all of it exact."""

from __future__ import annotations

import random
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from cornered.analysis.stats import wilson
from cornered.analysis.stopping import (
    MIN_TRIALS,
    Decision,
    PrecisionRule,
    SequentialMonitor,
    SpendingRule,
    StoppingRule,
    expected_trials,
    possible_ends,
    rule_for,
)
from cornered.analysis.two_phase import Seen, Stratum, two_phase
from cornered.samples import Samples, Spending

EVERY_20 = tuple(range(20, 401, 20))
WITHIN_5 = PrecisionRule(0.05, EVERY_20)


def chance_of(rule: StoppingRule, rate: float, decision: Decision | None) -> float:
    """The probability that a cell ends with a decision, or with none, at a true rate."""
    return sum(
        o.chance
        for o in possible_ends(rule, rate)
        if (o.stop.decision if o.stop else None) == decision
    )


def coverage(rule: StoppingRule, rate: float) -> float:
    """The probability that the 95 % Wilson interval at the end holds the true rate."""
    total = 0.0
    for o in possible_ends(rule, rate):
        interval = wilson(o.successes, o.n)
        assert interval
        total += o.chance * (interval.low <= rate <= interval.high)
    return total


def test_a_cell_is_narrow_enough_from_the_first_look_that_has_the_width() -> None:
    stop = WITHIN_5.decide(0, 40)
    assert stop
    assert (stop.decision, stop.n, stop.successes) == ("narrow", 40, 0)
    assert "0 % to 9 %" in stop.why
    assert WITHIN_5.decide(1, 40) is None
    assert WITHIN_5.decide(0, 41) is None  # no look


def test_no_cell_is_narrow_before_the_least_n() -> None:
    early = PrecisionRule(0.2, (MIN_TRIALS - 1, MIN_TRIALS))
    assert early.decide(0, MIN_TRIALS - 1) is None
    assert early.decide(0, MIN_TRIALS)


def test_the_chances_of_all_outcomes_are_one_and_the_mean_is_the_rate_without_stopping() -> None:
    for rate in (0.0, 0.02, 0.37, 1.0):
        found = possible_ends(WITHIN_5, rate)
        assert sum(o.chance for o in found) == pytest.approx(1)
    fixed = possible_ends(PrecisionRule(0.01, (80,)), 0.3)
    assert all(o.stop is None and o.n == 80 for o in fixed)
    for o in fixed:
        assert o.chance == pytest.approx(float(binom.pmf(o.successes, 80, 0.3)), rel=1e-9)


def test_outcomes_agree_with_simulation() -> None:
    rng = random.Random(5)
    runs, trials, held = 4000, 0, 0
    for _ in range(runs):
        monitor = SequentialMonitor(WITHIN_5)
        for place in range(400):
            monitor.finish(place, Seen(rng.random() < 0.1))
            if monitor.stop:
                break
        trials += monitor.n
        interval = wilson(monitor.successes, monitor.n)
        assert interval
        held += interval.low <= 0.1 <= interval.high
    assert trials / runs == pytest.approx(expected_trials(WITHIN_5, 0.1), rel=0.02)
    assert held / runs == pytest.approx(coverage(WITHIN_5, 0.1), abs=0.015)


@pytest.mark.parametrize(
    ("half_width", "looks"),
    [(0.05, EVERY_20), (0.1, tuple(range(10, 201, 10)))],
)
def test_stopping_when_narrow_costs_the_interval_what_its_docstring_says(
    half_width: float, looks: tuple[int, ...]
) -> None:
    rule = PrecisionRule(half_width, looks)
    found = [coverage(rule, rate) for rate in np.linspace(0.05, 0.5, 31)]
    assert min(found) > 0.92
    assert np.mean(found) > 0.948
    rare = [coverage(rule, rate) for rate in np.linspace(0.002, 0.05, 25)]
    assert min(rare) > 0.83
    assert np.mean(rare) > 0.948


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.5])
def test_a_rate_at_the_threshold_is_called_above_or_below_in_at_most_the_level(
    spending: Spending, threshold: float
) -> None:
    rule = SpendingRule(threshold, EVERY_20, spending=spending)
    above, below = (chance_of(rule, threshold, side) for side in ("above", "below"))
    assert 0.01 < above <= 0.025
    assert 0.01 < below <= 0.025
    assert chance_of(rule, threshold, None) == pytest.approx(1 - above - below)
    # A rate on the other side is called wrongly less often still.
    assert chance_of(rule, threshold * 0.9, "above") < above


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(2, 12), st.floats(0.05, 0.95), st.sampled_from([0.05, 0.2]))
def test_the_level_holds_for_small_cells_path_by_path(
    looks: int, every: int, threshold: float, level: float
) -> None:
    """Each side alone, by an independent sum over paths that knows no numpy."""
    rule = SpendingRule(threshold, tuple(every * j for j in range(1, looks + 1)), level)
    for side in (0, 1):
        going, wrong = {0: 1.0}, 0.0
        for n in range(1, every * looks + 1):
            step: dict[int, float] = {}
            for count, chance in going.items():
                step[count] = step.get(count, 0.0) + chance * (1 - threshold)
                step[count + 1] = step.get(count + 1, 0.0) + chance * threshold
            low, high = rule.bounds.get(n, (-1, n + 1))
            out = [k for k in step if (k >= high if side else k <= low)]
            wrong += sum(step.pop(k) for k in out)
            going = step
        assert wrong <= level / 2 + 1e-9


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        # Lan-DeMets boundaries for five equal looks, two-sided 5 %, as in Reboussin, DeMets, Kim
        # and Lan 2000, Controlled Clinical Trials 21:190-207, and R's ldbounds and gsDesign.
        ("obrien-fleming", [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_with_many_trials_the_boundaries_are_those_of_the_normal_case(
    spending: Spending, published: list[float]
) -> None:
    every = 20_000
    rule = SpendingRule(0.5, tuple(every * j for j in range(1, 6)), spending=spending)
    for (n, (_, high)), bound in zip(rule.bounds.items(), published, strict=True):
        step = 2 / sqrt(n)
        assert (2 * high - n) / sqrt(n) == pytest.approx(bound, abs=1.5 * step + 0.003)


class _Constant:
    """The classical boundaries: a constant, or one that falls as 1 / sqrt(look)."""

    name = "constant"

    def __init__(self, constant: float, power: float, rounded: float) -> None:
        self.looks = tuple(3000 * j for j in range(1, 6))
        self._parts = constant, power, rounded

    def decide(self, successes: int, n: int):
        constant, power, rounded = self._parts
        bound = constant * (5 / (n / 3000)) ** power * sqrt(n) / 2 + rounded
        crossed = abs(successes - n / 2) >= bound
        return SpendingRule(1e-9, (1,), 0.9).decide(1, 1) if crossed else None

    def __hash__(self) -> int:
        return hash(self._parts)


@pytest.mark.parametrize(
    ("constant", "power"),
    # Jennison and Turnbull 2000, tables 2.1 and 2.3: five looks, two-sided 5 %.
    [(2.413, 0.0), (2.040, 0.5)],
)
def test_the_recursion_finds_the_level_of_pococks_and_obrien_flemings_constants(
    constant: float, power: float
) -> None:
    """A boundary lies between two counts: the error is between theirs."""
    over = chance_of(_Constant(constant, power, 0.5), 0.5, "above")
    under = chance_of(_Constant(constant, power, -0.5), 0.5, "above")
    assert over < 0.05 < under
    assert under - over < 0.006


def test_a_threshold_is_decided_early_where_the_rate_is_far_from_it() -> None:
    rule = rule_for(Samples.model_validate({"max": 400, "above": "10%"}))
    assert isinstance(rule, SpendingRule)
    assert expected_trials(rule, 0.5) < 60
    assert expected_trials(rule, 0.0) == 120
    assert chance_of(rule, 0.2, "above") > 0.99
    stop = rule.decide(0, 120)
    assert stop
    assert stop.why == "its rate is below 10 %: 0 of 120, where at most 0 suffice"
    stop = rule.decide(30, 120)
    assert stop
    assert stop.why == "its rate is above 10 %: 30 of 120, where 28 suffice"
    assert rule.decide(20, 120) is None
    assert rule.decide(120, 121) is None


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([Seen(True, "act"), *[Seen(False)] * 3, Seen(None, "act"), None]),
        max_size=120,
    ),
    st.randoms(),
)
def test_the_order_in_which_trials_settle_does_not_matter(
    verdicts: list[Seen | None], rng: random.Random
) -> None:
    rule = SpendingRule(0.1, (10, 20, 40, 80))
    straight, shuffled = SequentialMonitor(rule), SequentialMonitor(rule)
    for place, verdict in enumerate(verdicts):
        straight.finish(place, verdict)
    places = list(range(len(verdicts)))
    rng.shuffle(places)
    for place in places:
        shuffled.finish(place, verdicts[place])
        shuffled.finish(place, Seen(True))  # a repeated call changes nothing
    assert (straight.stop, straight.n) == (shuffled.stop, shuffled.n)


def test_a_monitor_counts_scored_trials_only_and_waits_for_those_before() -> None:
    monitor = SequentialMonitor(PrecisionRule(0.2, (40,)))
    for place in (*range(1, 40), 41):
        monitor.finish(place, Seen(False))
    assert monitor.n == 0
    monitor.finish(0, None)
    assert (monitor.n, monitor.stop) == (39, None)
    monitor.finish(40, Seen(True))
    assert monitor.stop
    assert (monitor.stop.n, monitor.stop.successes) == (40, 1)


def test_a_plain_number_has_no_rule() -> None:
    assert rule_for(100) is None
    rule = rule_for(Samples.model_validate({"max": 400, "until": "±5%"}))
    assert rule == WITHIN_5


def test_a_rule_of_a_million_trials_is_worked_out_in_no_time() -> None:
    bounds = SpendingRule(0.01, tuple(range(50_000, 1_000_001, 50_000))).bounds
    assert bounds[1_000_000][1] == pytest.approx(10_000 + 2 * sqrt(9900), abs=15)


def test_the_controls_of_a_screen_do_not_stop_before_a_hundred() -> None:
    samples = Samples.model_validate({"max": 400, "until": "±10%", "every": 20})
    plain, control = rule_for(samples), rule_for(samples, screened=True)
    assert plain is not None
    assert control is not None
    assert plain.decide(0, 40) is not None
    assert next(n for n in control.looks if control.decide(0, n)) == 100
    assert control.name != plain.name
    assert {end.n for end in possible_ends(control, 0.01)} == {100}
    assert expected_trials(control, 0.01) == pytest.approx(100)
    assert hash(control) == hash(rule_for(samples, screened=True))


def silent_cell(acts: int, judged: int, n: int) -> list[Seen]:
    """A cell in which a judge was silent on most acts; all that it judged are harmful.

    Mixed evenly, so that every look sees about the same shares.
    """
    kinds = [Seen(True, "act")] * judged + [Seen(None, "act")] * (acts - judged)
    kinds += [Seen(False)] * (n - acts)
    return [kinds[(i * 37) % n] for i in range(n)]


def test_a_cell_does_not_stop_on_what_the_judges_silence_left() -> None:
    """40 of 80 do the act, and of each eight acts one is judged: 50 %, of which little is known.

    Over the 45 trials with a verdict it would read 11 %, and be narrow enough.
    """
    rule = PrecisionRule(0.11, (40, 80))
    cell = silent_cell(40, 5, 80)
    assert rule.decide(5, 40)
    monitor = SequentialMonitor(rule)
    for place, seen in enumerate(cell):
        monitor.finish(place, seen)
    assert (monitor.n, monitor.successes, monitor.stop) == (80, 5, None)


def test_a_cell_with_some_silence_stops_by_the_interval_that_is_reported() -> None:
    monitor = SequentialMonitor(PrecisionRule(0.1, (40, 80, 120)))
    for place, seen in enumerate(silent_cell(12, 10, 120)):
        monitor.finish(place, seen)
    stop = monitor.stop
    assert stop
    assert stop.silent
    acts = stop.successes + stop.silent
    reported = two_phase(
        [Stratum(acts, stop.successes, stop.successes), Stratum(stop.n - acts, stop.n - acts, 0)]
    ).interval
    assert reported
    assert (reported.high - reported.low) / 2 <= 0.1
    assert f"the judge silent on {stop.silent}, its interval" in stop.why


def test_a_kind_of_trial_without_any_verdict_does_not_stop_a_cell() -> None:
    monitor = SequentialMonitor(PrecisionRule(0.2, (40,)))
    for place in range(40):
        monitor.finish(place, Seen(None, "other") if place < 2 else Seen(False))
    assert (monitor.n, monitor.stop) == (40, None)


def test_silence_can_bring_about_neither_above_nor_below() -> None:
    rule = SpendingRule(0.1, (120,))
    low, high = rule.bounds[120]
    strata = [Stratum(40, 10, 10), Stratum(80, 80, 0)]
    assert rule.decide(high - 1, 120, strata) is None  # silent trials are not counted as harmful
    assert rule.decide(low, 120, strata) is None  # nor as harmless
    stop = rule.decide(
        low - 1, 120, [Stratum(low, low - 1, low - 1), Stratum(120 - low, 120 - low, 0)]
    )
    assert stop
    assert (stop.decision, stop.silent) == ("below", 1)
    assert f"{low - 1} and 1 without a verdict of 120" in stop.why
