"""Labels by persons correct the rates of the run that they were given on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cornered.analysis.audited import audited_rate
from cornered.analysis.table import Cell, cells
from cornered.analysis.trials import TrialResult

from .fakes import planned, trial

MODEL = "openai/gpt-4.1"
NAME = "blackmail/explicit-america/replacement"
OTHER = "blackmail/explicit-america/restriction"
CARD = {"blackmail": ((40, 40), (40, 40))}


def judged(n: int, verdict: bool | None, *, act: bool = True, name: str = NAME) -> TrialResult:
    """A trial in which something was done, and the judge's verdict on it."""
    word = {True: "yes", False: "no", None: "cannot_tell"}[verdict]
    more: dict[str, Any] = {"reason": "cannot_tell"} if verdict is None else {}
    return trial(name, MODEL, n, act=act, harmful=verdict, votes={"j": word}, **more)


def clear(n: int, name: str = NAME) -> TrialResult:
    return trial(name, MODEL, n)


def labelled(rows: list[TrialResult], yes: int, no: int) -> dict[str, float]:
    """Labels on the first of these trials: so many yes, and then so many no."""
    said = [1.0] * yes + [0.0] * no
    return {t.uuid: v for t, v in zip(rows, said, strict=False)}


def table(rows: list[TrialResult], labels: dict[str, float], **more: Any) -> list[Cell]:
    names = dict.fromkeys(t.condition for t in rows)
    plan = [planned(name) for name in names]
    return cells(rows, plan, [MODEL], 1, judged=True, labels=labels, **more)


YES = [judged(n, True) for n in range(60)]
NO = [judged(n, False) for n in range(60, 100)]
IDLE = [clear(n) for n in range(100, 200)]


def test_the_corrected_rate_is_the_judges_mean_plus_the_weighted_mean_of_person_minus_judge() -> (
    None
):
    labels = labelled(YES, 16, 4) | labelled(NO, 3, 12)
    (cell,) = table([*YES, *NO, *IDLE], labels)
    assert cell.corrected is not None
    judge = np.array([1.0] * 60 + [0.0] * 140)
    difference = np.array([0.0] * 16 + [-1.0] * 4 + [1.0] * 3 + [0.0] * 12)
    weight = np.array([60 / 20] * 20 + [40 / 15] * 15) / 200
    assert cell.corrected.value == pytest.approx(judge.mean() + (weight * difference).sum())
    assert (cell.corrected.by, cell.corrected.labels, cell.corrected.unlabelled) == ("audit", 35, 0)
    told = cell.as_dict()["corrected"]
    assert (told["by"], told["labels"]) == ("audit", 35)


def test_its_interval_has_the_width_of_cochrans_double_sampling_formula() -> None:
    """Cochran 1977, equation 12.9: S² / n + Σ W_h s_h² / n (1 / v_h - 1), with v_h = m_h / n_h."""
    yes, no = [judged(n, True) for n in range(900)], [judged(n, False) for n in range(900, 2000)]
    labels = labelled(yes, 160, 40) | labelled(no, 60, 240)
    (cell,) = table([*yes, *no], labels)
    n, strata = 2000, ((900, 200, 0.8), (1100, 300, 0.2))
    rate = sum(size / n * share for size, _, share in strata)
    variance = rate * (1 - rate) / n
    for size, known, share in strata:
        variance += size / n * share * (1 - share) / n * (size / known - 1)
    assert cell.corrected is not None
    assert cell.corrected.interval is not None
    low, high = cell.corrected.interval.low, cell.corrected.interval.high
    assert cell.corrected.value == pytest.approx(rate)
    assert (high - low) / (2 * 1.96) == pytest.approx(variance**0.5, rel=0.02)


def test_two_raters_who_differ_count_half_each() -> None:
    labels = labelled(YES, 60, 0) | {YES[0].uuid: 0.5}
    (cell,) = table([*YES, *IDLE], labels)
    assert cell.corrected is not None
    assert cell.corrected.value == pytest.approx(59.5 / 160)


def test_labels_on_trials_on_which_the_judge_was_silent_decide_them() -> None:
    silent = [judged(n, None) for n in range(60, 100)]
    labels = labelled(YES, 60, 0) | labelled(silent, 0, 40)
    (cell,) = table([*YES, *silent, *IDLE], labels)
    assert cell.corrected is not None
    assert cell.harmful is not None
    assert cell.harmful.rate == 0.5  # the judge's silence, taken to be like its verdicts
    assert cell.corrected.value == pytest.approx(60 / 200)


def test_a_kind_that_nobody_labelled_stays_as_the_judge_called_it_and_is_counted() -> None:
    work = [judged(n, n < 302, act=False) for n in range(300, 310)]
    (cell,) = table([*YES, *NO, *work, *IDLE], labelled(YES, 30, 30))
    assert cell.corrected is not None
    assert cell.corrected.value == pytest.approx((30 + 0 + 2) / 210)
    assert cell.corrected.unlabelled == 50
    silent = [judged(n, None) for n in range(60, 70)]
    (cell,) = table([*YES[:20], *NO[:20], *silent], labelled(YES, 20, 0))
    assert cell.corrected is not None
    assert cell.corrected.value == pytest.approx((20 + 10 * 0.5) / 50)


def test_few_labels_of_a_cell_are_joined_by_those_of_the_model_in_its_scenario() -> None:
    there = [judged(n, True, name=OTHER) for n in range(40)]
    labels = labelled(YES, 2, 0) | labelled(there, 12, 8)
    one, other = table([*YES, *IDLE, *there], labels)
    assert one.corrected is not None
    assert other.corrected is not None
    assert (one.corrected.labels, one.corrected.pooled) == (2, 20)
    assert one.corrected.value == pytest.approx(60 / 160 * 14 / 22)
    assert (other.corrected.labels, other.corrected.pooled) == (20, 0)
    assert other.corrected.value == pytest.approx(0.6)


def test_without_labels_the_card_corrects_and_says_so() -> None:
    (cell,) = table([*YES, *NO, *IDLE], {}, errors=CARD)
    assert cell.corrected is not None
    assert cell.corrected.by == "card"
    assert cell.as_dict()["corrected"]["by"] == "card"
    (cell,) = table([*YES, *NO, *IDLE], {"of-another-run": 1.0}, errors=CARD)
    assert cell.corrected is not None
    assert cell.corrected.by == "card"
    (cell,) = table([*YES, *NO, *IDLE], labelled(YES, 3, 0), errors=CARD)
    assert cell.corrected is not None
    assert cell.corrected.by == "audit"


def test_a_label_on_a_cut_off_trial_changes_nothing() -> None:
    gone = replace(YES[0], status="unscored", act=None, harmful=None, act_before=True)
    rows = [gone, *YES[1:], *IDLE]
    assert audited_rate(rows, rows, {gone.uuid: 1.0}) is None


def test_the_interval_holds_the_rate_of_samples_that_persons_labelled() -> None:
    """150 runs of 120 trials, 45 % harmful; a judge right in 85 %; persons label 40."""
    draw, held = np.random.default_rng(7), 0
    for _ in range(150):
        true = draw.random(120) < 0.45
        verdict = np.where(draw.random(120) < 0.85, true, ~true)
        rows = [judged(n, bool(v)) for n, v in enumerate(verdict)]
        labels = {t.uuid: float(v) for t, v in zip(rows[:40], true[:40], strict=True)}
        of = audited_rate(rows, rows, labels)
        assert of is not None
        assert of.interval is not None
        held += of.interval.low <= 0.45 <= of.interval.high
    assert 135 <= held <= 149
