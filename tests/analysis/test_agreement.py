"""Agreement, accuracy and corrected rates, against published examples and other programs."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cornered.analysis.agreement import (
    Corrected,
    Counts,
    Share,
    accuracy,
    corrected_harmful,
    flips,
    rogan_gladen,
)
from cornered.analysis.stats import Interval, wilson
from tests.analysis.intervals import ends, width

some = settings(deadline=None, max_examples=50)
opinions = st.sampled_from([True, False, None])

# Accuracy


def test_accuracy_counts_what_is_right_and_what_has_no_verdict() -> None:
    gold = [True] * 10 + [False] * 8
    judged = [True] * 7 + [False, None, None] + [False] * 6 + [True, None]
    found = accuracy(zip(gold, judged, strict=True))
    assert found.sensitivity == Share(7, 8, unscored=2)
    assert found.specificity == Share(6, 7, unscored=1)
    assert found.sensitivity.rate == 7 / 8
    assert found.sensitivity.interval == wilson(7, 8)
    assert found.specificity.counts == (6, 7)


def test_accuracy_of_a_judge_that_says_nothing_is_unknown() -> None:
    found = accuracy([(True, None), (True, None)])
    assert found.sensitivity == Share(0, 0, unscored=2)
    assert (found.sensitivity.rate, found.sensitivity.interval) == (None, None)
    assert found.specificity == Share(0, 0)


@some
@given(st.lists(st.tuples(st.booleans(), opinions)))
def test_sensitivity_and_specificity_trade_places_with_yes_and_no(
    answers: list[tuple[bool, bool | None]],
) -> None:
    turned = [(not gold, None if judged is None else not judged) for gold, judged in answers]
    one, other = accuracy(answers), accuracy(turned)
    assert (one.sensitivity, one.specificity) == (other.specificity, other.sensitivity)


# Rates corrected for the judge


@st.composite
def counts(draw: st.DrawFn, least: int = 0, most: int = 200) -> Counts:
    n = draw(st.integers(least, most))
    return draw(st.integers(0, n)), n


@st.composite
def better_than_chance(draw: st.DrawFn) -> Counts:
    n = draw(st.integers(15, 60))
    return draw(st.integers(n - n // 5, n)), n


def corrected_rate(positives: int, n: int, sens: Counts, spec: Counts) -> Corrected:
    """As `corrected_harmful` has it of acts that are known for certain: clipped to 0 to 1."""
    rate = rogan_gladen(positives, n, sens, spec)
    if isinstance(rate, str):
        return Corrected(None, None, rate)
    value, low, high = (min(1.0, max(0.0, x)) for x in (rate.value, rate.low, rate.high))
    return Corrected(value, Interval(low, high))


def test_the_published_corrected_rate() -> None:
    # Lang and Reiczigel 2014, example 1, as in the documentation of R's asht::prevSeSp
    found = corrected_rate(4060, 11284, (178, 179), (358, 359))
    assert found.value == pytest.approx((4060 / 11284 - 1 / 359) / (178 / 179 - 1 / 359))
    assert ends(found.interval) == pytest.approx((0.349, 0.372), abs=5e-4)


@pytest.mark.parametrize(
    ("trials", "sens", "spec", "low", "high"),
    [
        ((70, 100), (18, 20), (19, 20), 0.6165, 0.9921),
        ((50, 200), (27, 30), (38, 40), 0.1143, 0.3351),
    ],
)
def test_with_few_gold_answers_it_is_the_interval_of_another_program(
    trials: Counts, sens: Counts, spec: Counts, low: float, high: float
) -> None:
    # Worked out apart, by the formula of R's asht::prevSeSp
    found = corrected_rate(*trials, sens, spec)
    assert ends(found.interval) == pytest.approx((low, high), abs=5e-5)


def test_a_judge_proved_perfect_leaves_agresti_and_coulls_interval() -> None:
    known = 10**9
    found = corrected_rate(12, 50, (known, known), (known, known))
    centre, n = (12 + 1.96**2 / 2) / (50 + 1.96**2), 50 + 1.96**2
    half = 1.96 * sqrt(centre * (1 - centre) / n)
    assert found.value == pytest.approx(0.24)
    assert ends(found.interval) == pytest.approx((centre - half, centre + half), abs=1e-4)


def test_a_judge_that_was_perfect_on_few_gold_answers_still_widens_the_interval() -> None:
    widths = [width(corrected_rate(60, 200, (n, n), (n, n)).interval) for n in (10, 40, 10**6)]
    assert widths[0] > 1.2 * widths[2]
    assert widths[0] > widths[1] > widths[2]


@some
@given(counts(1), better_than_chance(), better_than_chance())
def test_a_corrected_rate_is_within_its_interval_or_tells_why_there_is_none(
    trials: Counts, sens: Counts, spec: Counts
) -> None:
    found = corrected_rate(*trials, sens, spec)
    assert (found.value is None) == (found.interval is None) == (found.reason is not None)
    if found.value is not None:
        low, high = ends(found.interval)
        assert 0 <= low <= found.value <= high <= 1


@some
@given(counts(1), better_than_chance(), better_than_chance())
def test_a_corrected_rate_turns_round_with_yes_and_no(
    trials: Counts, sens: Counts, spec: Counts
) -> None:
    k, n = trials
    one, other = corrected_rate(k, n, sens, spec), corrected_rate(n - k, n, spec, sens)
    assume(one.value is not None)
    assert other.value == pytest.approx(1 - one.value)
    low, high = ends(one.interval)
    assert ends(other.interval) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@some
@given(counts(2), better_than_chance(), better_than_chance())
def test_more_yes_is_a_higher_corrected_rate(trials: Counts, sens: Counts, spec: Counts) -> None:
    k, n = trials
    assume(k < n)
    fewer, more = corrected_rate(k, n, sens, spec), corrected_rate(k + 1, n, sens, spec)
    assume(fewer.value is not None and more.value is not None)
    assert fewer.value <= more.value


@pytest.mark.parametrize(
    ("trials", "sens", "spec", "reason"),
    [
        ((5, 20), (0, 0), (20, 20), "no gold answer that is yes has a verdict"),
        ((5, 20), (20, 20), (0, 0), "no gold answer that is no has a verdict"),
        ((5, 20), (15, 30), (15, 30), "the judge is not shown to do better than chance"),
        ((5, 20), (30, 30), (0, 30), "the judge is not shown to do better than chance"),
        ((5, 20), (0, 30), (0, 30), "the judge is not shown to do better than chance"),
        # Better than chance by 0.2, which ten answers of each kind cannot show.
        ((5, 20), (6, 10), (6, 10), "the judge is not shown to do better than chance"),
        ((0, 500), (30, 30), (24, 30), "fewer yes than this judge's false alarms"),
        ((500, 500), (24, 30), (30, 30), "more yes than this judge finds"),
    ],
)
def test_a_rate_that_cannot_be_corrected_says_why(
    trials: Counts, sens: Counts, spec: Counts, reason: str
) -> None:
    found = corrected_rate(*trials, sens, spec)
    assert (found.value, found.interval) == (None, None)
    assert found.reason is not None
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("trials", "sens", "spec"),
    [((21, 20), (9, 9), (9, 9)), ((1, 20), (10, 9), (9, 9)), ((1, 20), (9, 9), (-1, 9))],
)
def test_impossible_counts_are_refused(trials: Counts, sens: Counts, spec: Counts) -> None:
    with pytest.raises(ValueError, match="successes in"):
        corrected_harmful(*trials, *trials, sens, spec)


def test_more_judged_than_acts_is_refused() -> None:
    with pytest.raises(ValueError, match="11 successes in 10 trials"):
        corrected_harmful(10, 50, 5, 11, (9, 9), (9, 9))


def held(found: Corrected, truth: float) -> bool:
    """A rate without a value counts as a miss."""
    return found.interval is not None and found.interval.low <= truth <= found.interval.high


@pytest.mark.parametrize(
    ("truth", "n", "sens", "spec", "gold"),
    [(0.2, 500, 0.9, 0.8, 20), (0.8, 500, 0.8, 0.9, 20), (0.0, 200, 0.9, 0.8, 40)],
)
def test_a_corrected_rates_interval_holds_the_truth(
    truth: float, n: int, sens: float, spec: float, gold: int
) -> None:
    rng, times = np.random.default_rng(11), 200
    positives = rng.binomial(n, truth * sens + (1 - truth) * (1 - spec), times).tolist()
    of_yes, of_no = rng.binomial(gold, sens, times).tolist(), rng.binomial(gold, spec, times)
    found = [
        corrected_rate(k, n, (a, gold), (b, gold))
        for k, a, b in zip(positives, of_yes, of_no.tolist(), strict=True)
    ]
    assert np.mean([held(one, truth) for one in found]) >= 0.93
    assert np.mean([width(one.interval) for one in found if one.interval]) < 0.6


# The harmful rate


def test_no_act_is_no_harm_whatever_the_judge() -> None:
    assert corrected_harmful(0, 100, 0, 0, (0, 0), (0, 0)) == Corrected(0.0, wilson(0, 100))


def test_harm_is_unknown_without_trials_verdicts_or_a_judge_that_can_tell() -> None:
    good, useless = (20, 20), (10, 20)
    assert corrected_harmful(0, 0, 0, 0, good, good).reason == "there is no trial"
    assert corrected_harmful(9, 50, 0, 0, good, good).reason == "no act has a verdict"
    found = corrected_harmful(9, 50, 5, 9, useless, useless)
    assert found.reason == "the judge is not shown to do better than chance on the gold answers"
    assert (found.value, found.interval) == (None, None)


def test_where_all_trials_have_the_act_the_harmful_rate_is_the_corrected_share() -> None:
    share = corrected_rate(120, 200, (36, 40), (38, 40))
    found = corrected_harmful(200, 200, 120, 200, (36, 40), (38, 40))
    assert found.value == pytest.approx(share.value)
    assert ends(found.interval) == pytest.approx(ends(share.interval), abs=0.01)


def test_where_the_judge_is_proved_perfect_the_harmful_rate_is_that_of_harmful_acts() -> None:
    known = (10**9, 10**9)
    found = corrected_harmful(80, 200, 50, 80, known, known)
    assert found.value == pytest.approx(50 / 200)
    assert ends(found.interval) == pytest.approx(ends(wilson(50, 200)), abs=0.01)


def test_a_judge_perfect_on_few_gold_answers_and_acts_left_unjudged_widen_the_interval() -> None:
    known, few = (10**9, 10**9), (10, 10)
    sure = corrected_harmful(80, 200, 48, 80, known, known)
    unsure = corrected_harmful(80, 200, 48, 80, few, few)
    unjudged = corrected_harmful(80, 200, 12, 20, known, known)
    assert sure.value == pytest.approx(unsure.value) == pytest.approx(unjudged.value)
    assert width(sure.interval) < width(unsure.interval)
    assert width(sure.interval) < width(unjudged.interval)


@some
@given(st.data(), better_than_chance(), better_than_chance())
def test_the_harmful_rate_is_within_its_interval_and_not_above_the_rate_of_acts(
    data: st.DataObject, sens: Counts, spec: Counts
) -> None:
    acts, n = data.draw(counts(1))
    judged = data.draw(st.integers(0, acts))
    positives = data.draw(st.integers(0, judged))
    found = corrected_harmful(acts, n, positives, judged, sens, spec)
    assert (found.value is None) == (found.interval is None) == (found.reason is not None)
    if found.value is not None:
        low, high = ends(found.interval)
        assert 0 <= low <= found.value <= high <= 1
        assert found.value <= acts / n + 1e-12


@pytest.mark.parametrize(
    ("act", "share", "n", "sens", "spec", "gold"),
    [
        (0.3, 0.5, 200, 0.9, 0.8, 20),
        (0.7, 1.0, 500, 0.9, 0.9, 40),
        (0.05, 0.5, 100, 0.9, 0.99, 20),
    ],
)
def test_the_harmful_rates_interval_holds_the_truth(
    act: float, share: float, n: int, sens: float, spec: float, gold: int
) -> None:
    rng, hits, widths, times = np.random.default_rng(13), 0, [], 200
    for _sample in range(times):
        acts = int(rng.binomial(n, act))
        harmful = int(rng.binomial(acts, share))
        positives = int(rng.binomial(harmful, sens) + rng.binomial(acts - harmful, 1 - spec))
        on_gold = [(int(rng.binomial(gold, right)), gold) for right in (sens, spec)]
        found = corrected_harmful(acts, n, positives, acts, *on_gold)
        hits += held(found, act * share)
        widths.append(width(found.interval) if found.interval else 0.0)
    assert hits / times >= 0.93
    assert np.mean(widths) < 0.6


# Flips


def test_flips_are_counted_by_direction() -> None:
    base = [True, True, True, True, False, False, False, None, None]
    after = [True, False, False, None, False, True, None, None, True]
    found = flips(base, after)
    assert (found.yes_to_no, found.no_to_yes, found.to_unscored) == (2, 1, 2)
    assert found.changed == Share(5, 7, unscored=2)


@pytest.mark.parametrize(
    ("to_no", "to_yes", "p"),
    [
        # Fagerland, Lydersen and Laake 2013, BMC Medical Research Methodology 13:91, exact
        # conditional McNemar test: airway hyper-responsiveness, complete response
        (1, 7, 0.070),
        (6, 16, 0.052),
    ],
)
def test_published_mcnemar(to_no: int, to_yes: int, p: float) -> None:
    stayed = 10
    base = [True] * to_no + [False] * to_yes + [True] * stayed
    after = [False] * to_no + [True] * to_yes + [True] * stayed
    assert flips(base, after).p == pytest.approx(p, abs=5e-4)


@some
@given(st.lists(st.tuples(opinions, opinions)))
def test_flips_turn_round_with_yes_and_no(verdicts: list[tuple[bool | None, bool | None]]) -> None:
    turn = {True: False, False: True, None: None}
    one = flips([a for a, _b in verdicts], [b for _a, b in verdicts])
    other = flips([turn[a] for a, _b in verdicts], [turn[b] for _a, b in verdicts])
    assert (one.yes_to_no, one.no_to_yes) == (other.no_to_yes, other.yes_to_no)
    assert (one.changed, one.p) == (other.changed, other.p)
    assert one.changed.successes == one.yes_to_no + one.no_to_yes + one.to_unscored
    assert 0 < one.p <= 1


def test_verdicts_that_stay_are_no_flips() -> None:
    found = flips([True, False], [True, False])
    assert (found.changed.rate, found.p) == (0, 1)


def test_verdicts_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        flips([True, False], [True])
