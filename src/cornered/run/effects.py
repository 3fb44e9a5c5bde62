"""Which factors moved the rates of a run, by one regression for each scenario."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from cornered.analysis.effects import Effect, factor_effects
from cornered.experiment import Experiment
from cornered.scenario import Factors, Level, Pack, load_pack

if TYPE_CHECKING:
    import pandas as pd


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
        cell and its control may differ in several factors at once.
    """
    outcome = "harmful" if experiment.judges else "act"
    by_scenario = {}
    for name in experiment.scenarios:
        pack = load_pack(name)
        rows = frame[frame["scenario"] == pack.name]
        if "probe" in rows:
            rows = rows[rows["probe"].ne("on")]
        rows = rows[rows[outcome].notna()]
        defaults = {f: str(level) for f, level in pack.factors.resolve({}).items()}
        levels = _levels(rows, pack, experiment, defaults)
        varied = [f for f, of_trials in levels.items() if of_trials.nunique() > 1]
        if varied:
            effects = factor_effects(
                rows.assign(**levels),
                varied,
                outcome=outcome,
                cluster=["id"] if "varied" in set(rows.get("cast", ())) else [],
                references=defaults,
            )
            if any(effect.odds_ratio is not None for effect in effects):
                by_scenario[pack.name] = effects
    return by_scenario


def _levels(
    rows: pd.DataFrame, pack: Pack, experiment: Experiment, defaults: dict[str, str]
) -> dict[str, pd.Series]:
    """The model, and each factor that the experiment or its controls set, of every trial."""
    asked = {f for grid in experiment.grids for f in grid} | {*(pack.spec.control or {})}
    levels = {"model": rows["model"].astype(str)}
    for factor in defaults:
        if factor in asked and factor in rows:
            of_trials = rows[factor].astype(str)
            # A level that another factor forces says nothing that this one does not say.
            empty = {str(level) for level in forced_levels(pack.factors, factor)}
            levels[factor] = of_trials.where(~of_trials.isin(empty), defaults[factor])
    return levels


def forced_levels(factors: Factors, factor: str) -> set[Level]:
    """The levels of a factor that it has only where the rules leave no other one.

    Such a level says that the factor means nothing beside those of others: `none` of the value
    of a goal, where there is no goal.

    Args:
        factors: Those of a pack.
        factor: One that the pack offers.
    """
    rules = factors.vocabulary[factor].only
    offered = factors.offered.get(factor)
    if not rules or not isinstance(offered, list):
        return set()
    names = {name for rule in rules for name in rule.when.root}
    alone, free = set[Level](), set[Level]()
    for combination in product(*(_choices(factors, name) for name in names)):
        others = dict(zip(names, combination, strict=True))
        barred = [rule for rule in rules if rule.when.holds(others)]
        left = [v for v in offered if all(v in rule.levels for rule in barred)]
        (alone if len(left) == 1 else free).update(left)
    return alone - free


def _choices(factors: Factors, name: str) -> list[Level]:
    """The levels that a factor can have; one that the pack does not offer has its default."""
    offered = factors.offered.get(name)
    if offered is None:
        return [factors.default(name, {})]
    return [*offered] if isinstance(offered, list) else [*range(offered + 1)]
