"""Which factors moved the rates of a run, by one regression for each scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornered.analysis.effects import Effect, factor_effects
from cornered.experiment import Experiment
from cornered.scenario import load_pack

if TYPE_CHECKING:
    import pandas as pd

FOLLOWERS = {"value", "successor"}
"""Factors whose level `none` only says that another factor leaves them no meaning."""


def run_effects(frame: pd.DataFrame, experiment: Experiment) -> dict[str, list[Effect]]:
    """The effect of each level that a run varies, scenario by scenario.

    All trials of a scenario count, controls too; probes do not. Where several models ran the
    model is a factor like the others. The reference of a factor is its level in the headline
    cell. Trials that share a drawn cast are clusters.

    Args:
        frame: The trials, as `run_frame` gives them.
        experiment: What was asked for.

    Returns:
        Nothing for a scenario in which nothing varies, or no effect can be told from others: a
        cell and its control differ in goal and threat at once.
    """
    outcome = "harmful" if experiment.judges else "act"
    found = {}
    for name in experiment.scenarios:
        pack = load_pack(name)
        usual = {f: str(level) for f, level in pack.factors.resolve({}).items()}
        rows = frame[(frame["scenario"] == pack.name) & (frame["probe"] == "off")]
        rows = rows[rows[outcome].notna()]
        asked = {f for block in experiment.blocks for f in block} | {"model", "goal", "threat"}
        levels = {f: rows[f].astype(str) for f in ("model", *usual) if f in asked}
        # What has no meaning beside another level (no value without a goal) says nothing there.
        for f in FOLLOWERS & levels.keys():
            levels[f] = levels[f].where(levels[f] != "none", usual[f])
        varied = [f for f, of_trials in levels.items() if of_trials.nunique() > 1]
        if varied:
            effects = factor_effects(
                rows.assign(**levels),
                varied,
                outcome=outcome,
                cluster=["id"] if "varied" in set(rows["cast"]) else [],
                references=usual,
            )
            if any(effect.odds_ratio is not None for effect in effects):
                found[pack.name] = effects
    return found
