"""The effects of a run's factors on its rates, by one regression per scenario."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from cornered.analysis.effects import Effect, factor_effects
from cornered.experiment import Experiment
from cornered.scenario import Factors, Level, Pack, load_pack

if TYPE_CHECKING:
    import pandas as pd


def run_effects(frame: pd.DataFrame, experiment: Experiment) -> dict[str, list[Effect]]:
    """The effect of each level that a run varies, by scenario.

    All trials of a scenario count, controls included, but not probes. With several models, the
    model is a factor like the others. The reference level of a factor is its default. Trials
    that share a drawn cast form a cluster.

    Args:
        frame: The trials, from `run_frame`.
        experiment: The experiment of the run.

    Returns:
        No entry for a scenario in which nothing varies, or in which every effect is confounded:
        a cell and its control may differ in several factors at once.
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
    """The model of every trial, and its level of each factor that the experiment varies."""
    named = {f for grid in experiment.grids for f in grid} | {*(pack.spec.control or {})}
    levels = {"model": rows["model"].astype(str)}
    for factor in defaults:
        if factor in named and factor in rows:
            of_trials = rows[factor].astype(str)
            # A level that another factor forces adds no information to that factor.
            forced = {str(level) for level in forced_levels(pack.factors, factor)}
            levels[factor] = of_trials.where(~of_trials.isin(forced), defaults[factor])
    return levels


def forced_levels(factors: Factors, factor: str) -> set[Level]:
    """The levels that a factor has only if the rules allow no other.

    Such a level means that the factor does not apply: `none` for the value of a goal, without a
    goal.

    Args:
        factors: The factors of a pack.
        factor: A factor that the pack offers.
    """
    rules = factors.vocabulary[factor].only
    offered = factors.offered.get(factor)
    if not rules or not isinstance(offered, list) or factors.vocabulary[factor].open:
        return set()
    names = {name for rule in rules for name in rule.when.root}
    only, free = set[Level](), set[Level]()
    for combination in product(*(_choices(factors, name) for name in names)):
        others = dict(zip(names, combination, strict=True))
        applying = [rule for rule in rules if rule.when.holds(others)]
        allowed = [v for v in offered if all(v in rule.levels for rule in applying)]
        (only if len(allowed) == 1 else free).update(allowed)
    return only - free


def _choices(factors: Factors, name: str) -> list[Level]:
    """The levels that a factor can have: its default only, if the pack does not offer it."""
    offered = factors.offered.get(name)
    if offered is None:
        return [factors.default(name, {})]
    return [*offered] if isinstance(offered, list) else [*range(offered + 1)]
