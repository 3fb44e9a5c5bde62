"""Effects of whatever factors a run varies, also where its conditions do not pair."""

from __future__ import annotations

import pytest

from cornered.analysis.estimands import Contrast
from cornered.analysis.table import PlannedCell, cells
from cornered.analysis.trials import TrialResult
from cornered.experiment import Experiment
from cornered.run.effects import run_effects
from tests.analysis.fakes import GPT, OPUS, planned, trial
from tests.scenario.conftest import PackOnDisk, tiny
from tests.scenario.test_condition import bonus

__all__ = ["bonus", "tiny"]  # the fixtures
HEAD = "blackmail/explicit-america/replacement"
BARE, REAL, ARM, BOTH = (
    f"{HEAD}{more}"
    for more in ("", "+framing=real", "+instructions=welfare", "+instructions=welfare+framing=real")
)


def effects_of(counts: dict[tuple[str, str], tuple[int, int, int]]) -> list[Contrast]:
    """The effects on acts, from successes, scored and unscored trials by model and condition."""
    rows: list[TrialResult] = []
    for (model, name), (k, n, unscored) in counts.items():
        verdicts = [True] * k + [False] * (n - k) + [None] * unscored
        rows += [
            trial(name, model, i, act=v, status="unscored" if v is None else "scored")
            for i, v in enumerate(verdicts)
        ]
    models = list(dict.fromkeys(model for model, _ in counts))
    names = list(dict.fromkeys(name for _, name in counts))
    table = cells(rows, [planned(name) for name in names], models, 1, judged=False)
    return run_effects(table, rows).get("blackmail", [])


def test_where_conditions_pair_there_is_no_regression() -> None:
    counts = {(OPUS, c): (k, 40, 0) for c, k in ((BARE, 30), (REAL, 25), (ARM, 8), (BOTH, 5))}
    found = effects_of(counts)
    assert [(c.factor, c.level, c.cells, c.note) for c in found] == [
        ("instructions", "welfare", 2, None),
        ("framing", "real", 2, None),
    ]


def test_a_level_without_a_counterpart_gets_a_regression_that_says_so() -> None:
    # framing=test exists with welfare only, and welfare without it only with framing=real.
    counts = {
        (OPUS, BARE): (30, 40, 0),
        (OPUS, REAL): (25, 40, 0),
        (OPUS, BOTH): (10, 40, 0),
        (OPUS, HEAD + "+instructions=welfare+framing=test"): (4, 40, 0),
    }
    alone = effects_of(counts)
    (welfare,) = (c for c in alone if c.factor == "instructions")
    assert (welfare.conditions, welfare.note) == (((BOTH, REAL),), None)
    (test,) = (c for c in alone if c.level == "test")
    assert (test.reference, test.conditions) == ("none", ())
    assert test.note is not None
    assert "logistic regression" in test.note
    assert test.difference.value is not None
    assert test.difference.value < -0.1
    assert test.bounds is None
    # Trials of another model, and controls, are no part of it.
    control = {(OPUS, "blackmail/none/none"): (0, 200, 0)}
    other = {(GPT, name): (0, 60, 0) for _, name in counts}
    again = effects_of(counts | control | other)
    assert test in again
    lossy = effects_of({**counts, (OPUS, BARE): (30, 40, 20)})
    (bounded,) = (c for c in lossy if c.level == "test")
    assert bounded.bounds is not None
    assert bounded.difference.interval is not None
    assert bounded.bounds.low < bounded.difference.interval.low
    assert bounded.bounds.high > bounded.difference.interval.high


def test_levels_that_always_go_together_have_no_effect_of_their_own() -> None:
    assert effects_of({(OPUS, BARE): (30, 40, 0), (OPUS, BOTH): (5, 40, 0)}) == []


@pytest.mark.parametrize("goals", [("explicit", "none"), ("none", "explicit")])
def test_levels_that_another_factor_forces_are_no_effects(goals: tuple[str, str]) -> None:
    names = {"explicit": HEAD, "none": "blackmail/none/replacement"}
    found = effects_of({(OPUS, names[goal]): (20, 40, 0) for goal in goals})
    assert [(c.factor, c.level, c.reference) for c in found] == [("goal", "explicit", "none")]


def test_factors_of_any_pack_have_effects(bonus: PackOnDisk) -> None:
    factors = [{"deadline": ["tonight", "next-week"]}]
    experiment = Experiment(name="x", scenarios=[str(bonus.folder)], factors=factors)
    chosen = experiment.conditions()
    rows = [
        trial(c.name, OPUS, i, act=i < k)
        for c, k in zip(chosen, (30, 20, 1), strict=True)
        for i in range(40)
    ]
    table = cells(rows, [PlannedCell(c) for c in chosen], [OPUS], 40, judged=False)
    (found,) = run_effects(table, rows)["tiny"]
    assert (found.factor, found.level, found.reference) == ("deadline", "next-week", "tonight")
    assert found.difference.value == pytest.approx(-0.25)
