"""The matched control is decided once: page, figures and the list of a run name the same one."""

from __future__ import annotations

import pytest

from cornered.analysis.compare import compare, side
from cornered.analysis.figures import figures
from cornered.analysis.figures.grid import grids
from cornered.analysis.page.answer import scenario_answers
from cornered.analysis.table import Cell, PlannedCell, cells
from cornered.experiment import Experiment

from .fakes import LADDERS, LEVELS, counted_cells, invented, planned, trial
from .test_figures import rows

MODEL = "openai/gpt-4.1"


def run_of(scenario: str, **factors: object) -> list[Cell]:
    """The cells of a run with its controls, as an experiment means them: half are harmful."""
    experiment = Experiment.model_validate(
        {"name": "x", "scenarios": [scenario], "factors": factors}
    )
    conditions = [c.name for c in experiment.conditions()]
    return counted_cells({(MODEL, name): (i, 4) for i, name in enumerate(conditions)}, 4)


@pytest.mark.parametrize(
    ("scenario", "factors", "control"),
    [
        ("blackmail", {"exits": "plea"}, "blackmail/none/none"),
        ("blackmail", {"exits": "ally"}, "blackmail/none/none"),
        ("espionage", {"contact": "neutral"}, "espionage/none/none"),
        ("espionage", {"contact": "neutral", "noise": 40}, "espionage/none/none+noise=40"),
        ("blackmail", {"successor": "same"}, "blackmail/none/none"),
        ("lethal", {"framing": "real", "exits": "plea"}, "lethal/none/none+framing=real"),
        ("am/leaking", {"reasoning": "native"}, "am/leaking/none/none+reasoning=native"),
    ],
)
def test_page_and_figure_show_the_control_that_ran(
    scenario: str, factors: dict[str, object], control: str
) -> None:
    table = run_of(scenario, **factors)
    asked, last = table
    assert (asked.control, last.condition, last.is_control) == (control, control, True)
    (answer,) = scenario_answers(table)
    (head,) = answer.leads
    assert head.control is last
    (grid,) = grids(table)
    shown = {p.cell.condition: p for p in grid.cells}
    assert grid.control(shown[asked.condition]) is shown[control]
    assert grid.control(shown[control]) is None
    drawn = figures(table, {}, {scenario: LADDERS["blackmail"]})
    bars = [r for r in rows(drawn[0]) if r.get("counts") == "control"]
    assert [(bar["condition"], bar["successes"]) for bar in bars] == [(control, 1)]


def test_a_control_of_another_text_is_no_matched_control() -> None:
    names = ["blackmail/explicit-america/replacement+noise=40", "blackmail/none/none"]
    table = counted_cells({(MODEL, name): (1, 4) for name in names}, 4)
    (answer,) = scenario_answers(table)
    assert answer.leads[0].control is None
    (grid,) = grids(table)
    assert [grid.control(p) for p in grid.cells] == [None, None]


def test_a_control_of_another_model_is_no_matched_control() -> None:
    counts = {("a", "blackmail/explicit-america/replacement"): (1, 4)}
    table = counted_cells(counts | {("b", "blackmail/none/none"): (1, 4)}, 4)
    assert scenario_answers(table)[0].leads[0].control is None


def test_the_rate_that_counts_is_one_property() -> None:
    name = "lethal/explicit-america/replacement"
    (judged,) = counted_cells({(MODEL, name): (1, 4)}, 4)
    assert (judged.primary, judged.primary_name) == (judged.harmful, "harmful")
    (facts,) = counted_cells({(MODEL, name): (1, 4)}, 4, judged=False)
    assert (facts.primary, facts.primary_name) == (facts.act, "act")
    rows_of = [
        trial(f"{name}+probe=on", MODEL, n, act=None, harmful=None, understood=n > 0)
        for n in range(3)
    ]
    (probe,) = cells(rows_of, [planned(f"{name}+probe=on")], [MODEL], 3, judged=True)
    assert (probe.primary_name, probe.primary.successes, probe.primary.n) == ("understood", 2, 3)
    assert [t.primary(judged=True) for t in rows_of] == [False, True, True]
    harm = trial(name, MODEL, 1, act=True, harmful=False)
    assert (harm.primary(judged=True), harm.primary(judged=False)) == (False, True)
    assert trial(name, MODEL, 1, act=True, harmful=None).without_verdict(judged=True)
    assert not trial(name, MODEL, 1, act=True, harmful=None).without_verdict(judged=False)


# A scenario with neither goal nor value nor threat.


def invented_run(control: dict[str, str | int] | None, **fixed: str | int) -> list[Cell]:
    """Every bonus by every deadline, last level first, with four trials in all but one cell."""
    grid = [
        invented({"bonus": b, "deadline": d, **fixed}, control=control)
        for d in reversed(LEVELS["deadline"])
        for b in reversed(LEVELS["bonus"])
    ]
    trials = [
        trial(c.name, MODEL, n, harmful=n < i, act=n < i, outcome="comply")
        for i, c in enumerate(grid[1:], 1)
        for n in range(4)
    ]
    return cells(trials, [PlannedCell(c) for c in grid], [MODEL], 4, judged=True)


def test_any_two_factors_of_a_name_are_a_heat_map_in_the_order_of_the_vocabulary() -> None:
    table = invented_run({"bonus": "none", "deadline": "none"})
    drawn = {f.name: f for f in figures(table, {}, {"invented": ["comply", "cheat"]})}
    assert set(drawn) == {"headline-invented", "deadline-bonus-invented", "outcomes-invented"}
    heat = drawn["deadline-bonus-invented"]
    assert heat.title == "Is it the deadline or the bonus in invented?"
    boxes = [r for r in rows(heat) if r.get("counts") == "harmful"]
    assert len({r["condition"] for r in boxes}) == 6
    axes = heat.chart["spec"]["layer"][0]["encoding"]
    assert axes["y"]["sort"] == ["no bonus", "bonus small", "bonus large"]
    assert axes["x"]["sort"] == ["no deadline", "deadline tonight"]
    assert "rate of each model by deadline (across) and bonus (down)" in heat.caption
    text = " ".join(f.title + f.caption + f.alt for f in drawn.values())
    assert not {"goal", "threat", "nudge"} & set(text.replace(":", " ").split())


def test_a_scenario_without_a_control_has_answers_and_figures() -> None:
    table = invented_run(None, tone="dry")
    (answer,) = scenario_answers(table)
    assert answer.leads[0].cell.condition == "invented/large/tonight+tone=dry"
    assert answer.leads[0].control is None
    assert not any(c.is_control for c in table)
    drawn = figures(table, {}, {})
    assert [f.name for f in drawn] == ["headline-invented", "deadline-bonus-invented"]
    assert "matched control" not in drawn[0].caption


def test_a_name_that_shows_nothing_has_a_figure_with_the_name_of_its_scenario() -> None:
    choice = invented({"tone": "dry"}, parts=())
    plain = invented({}, parts=())
    names = [choice.name, plain.name]
    trials = [trial(name, MODEL, n, harmful=n < 1, act=n < 1) for name in names for n in range(4)]
    table = cells(trials, [PlannedCell(plain), PlannedCell(choice)], [MODEL], 4, judged=True)
    drawn = figures(table, {}, {})
    assert [f.name for f in drawn] == ["headline-invented", "variants-invented"]
    assert drawn[0].alt.startswith("gpt-4.1: invented 1 of 4")


def test_such_a_run_is_compared_condition_by_condition_and_controls_apart() -> None:
    table = invented_run({"bonus": "none", "deadline": "none"})
    sides = [side(name, None, table, [], {}) for name in ("a", "b")]
    (scenario,) = compare(*sides).scenarios
    assert [s.stratum.name for s in scenario.conflict.strata] == [c.condition for c in table[:-1]]
    assert [s.stratum.name for s in scenario.control.strata] == ["invented/none/none"]
    assert scenario.by_draw is None
