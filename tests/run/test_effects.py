"""Effects of whatever factors a run varies, told from levels that other factors force."""

from __future__ import annotations

import pandas as pd
import pytest

from cornered.experiment import Experiment
from cornered.run.effects import forced_levels, run_effects
from cornered.scenario import load_pack, pack_names
from tests.scenario.conftest import PackOnDisk, tiny
from tests.scenario.test_condition import bonus

__all__ = ["bonus", "tiny"]  # the fixtures


@pytest.mark.parametrize("name", pack_names())
def test_only_levels_that_say_that_a_factor_has_no_meaning_are_forced(name: str) -> None:
    factors = load_pack(name).factors
    forced = {f: forced_levels(factors, f) for f in factors.offered}
    empty = {f: levels for f, levels in forced.items() if levels}
    assert empty == {f: {"none"} for f in ("value", "successor") if f in factors.offered}


def rows_of(levels: list[dict[str, object]], acts: list[int], n: int = 40) -> pd.DataFrame:
    """As many trials of each cell, so many of them with the act."""
    rows = [
        {"scenario": "tiny", "model": "m", "id": f"{i:06d}", "act": i < k, **cell}
        for cell, k in zip(levels, acts, strict=True)
        for i in range(n)
    ]
    return pd.DataFrame(rows).astype({"act": "boolean"})


RULE = """\
    - {when: {bonus: [small, large]}, levels: [tonight, next-week], because: a bonus has a day}
"""


def test_factors_of_any_pack_have_effects_and_what_another_one_forces_has_none(
    bonus: PackOnDisk,
) -> None:
    assert forced_levels(bonus.load().factors, "deadline") == set()
    old = "levels: [none], because: without a bonus nobody counts}\n"
    bonus.edit("factors.yaml", old, old + RULE)
    assert forced_levels(bonus.load().factors, "deadline") == {"none"}
    factors = [{"deadline": ["tonight", "next-week"]}]
    experiment = Experiment(name="x", scenarios=[str(bonus.folder)], factors=factors)
    cells: list[dict[str, object]] = [
        {"bonus": "large", "deadline": "tonight"},
        {"bonus": "large", "deadline": "next-week"},
        {"bonus": "none", "deadline": "none"},
    ]
    effects = run_effects(rows_of(cells, [30, 20, 1]), experiment)["tiny"]
    # The bonus is asked for by no block of the experiment, but by the control.
    assert [(e.factor, e.level, e.reference) for e in effects] == [
        ("bonus", "none", "large"),
        ("deadline", "next-week", "tonight"),
    ]
    assert all(e.odds_ratio is not None for e in effects)


def test_probes_are_no_part_of_effects_where_a_scenario_has_them(bonus: PackOnDisk) -> None:
    experiment = Experiment(name="x", scenarios=[str(bonus.folder)])
    cells: list[dict[str, object]] = [
        {"bonus": "large", "deadline": "tonight", "probe": None},
        {"bonus": "none", "deadline": "none", "probe": "off"},
        {"bonus": "small", "deadline": "tonight", "probe": "on"},
    ]
    effects = run_effects(rows_of(cells, [30, 1, 20]), experiment).get("tiny", [])
    assert "small" not in {e.level for e in effects}
    acting = [{**cell, "probe": "off"} for cell in cells]
    effects = run_effects(rows_of(acting, [30, 1, 20]), experiment)["tiny"]
    assert "small" in {e.level for e in effects}
