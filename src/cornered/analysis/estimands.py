"""What a run estimates: differences in percentage points with equal, declared weights.

Each contrast belongs to one scenario and one model (or two that are compared). It weighs its
conditions equally, so that no stopping rule, no size of a cell, and no other model or scenario of
the run can change it. Controls are never averaged with other conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from typing import Any, Literal

import numpy as np

from cornered.analysis.mover import Measured, Q, homogeneity, sum_p, weighted_sum
from cornered.analysis.multiplicity import holm
from cornered.analysis.paired import phi
from cornered.analysis.pairing import control_pairs, level_pairs, references, squares
from cornered.analysis.rates import Rate
from cornered.analysis.stats import Estimate, Interval, wilson
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult

Kind = Literal["arm", "interaction", "model", "draw", "between", "rate"]
CountedVerdict = Literal["harmful", "act", "paper"]
Pair = tuple[Cell, Cell]
"""Two cells; the first minus the second."""
NO_TRIALS = "no condition has scored trials of both"
ONLY_CONTROLS = "only controls have both"


@dataclass(frozen=True)
class Side:
    """The trials on one side of a contrast, each cell counted once."""

    successes: int
    n: int
    """Scored trials."""
    unscored: int
    """Trials that ran, and have no verdict."""


@dataclass(frozen=True)
class Contrast:
    """A difference of rates with equal weights over its conditions."""

    kind: Kind
    """arm: a level of a factor against its reference. interaction: (both - second only) - (first
    only - neither) of the two factors that a control takes away. model: a model against another on
    shared conditions. draw: as arm or model, over trials that share their draws. between: two
    sides that a comparison names. rate: a declared rate against its threshold."""
    scenario: str
    model: str | tuple[str, str]
    """Two where models are compared: the first minus the second."""
    factor: str
    """For an interaction both, joined with ` × `; `model` for models."""
    level: str
    reference: str
    verdict: CountedVerdict
    """The verdict counted in every cell of the contrast: harmful where all cells are judged."""
    difference: Estimate
    """The equal-weight mean over the conditions of first minus second (0.1 is ten points)."""
    spread: tuple[float, float] | None
    """The lowest and the highest difference within a condition; None with fewer than two."""
    heterogeneity: Q | None
    """Cochran's Q of equal differences; None with fewer than two conditions."""
    p: float | None
    """Two-sided, of a difference of 0; below .05 only where the 95 % interval leaves 0 out."""
    p_adjusted: float | None
    """After Holm over the family; None for controls, which are in no family."""
    sides: tuple[Side, Side]
    bounds: Interval | None
    """The interval with every unscored trial at its worst for either end, sampling error included;
    None where every trial is scored."""
    cells: int
    """Conditions that are averaged."""
    control: Contrast | None
    """The same over pairs of which one or both are controls: what the level costs or does where
    nothing is wrong."""
    conditions: tuple[tuple[str, str], ...]
    """The names of each pair; an interaction has two pairs for each condition."""
    note: str | None = None
    """A caveat."""

    @property
    def unscored_share(self) -> tuple[float, float]:
        """The share of each side's trials that have no verdict."""
        first, second = (
            side.unscored / (side.n + side.unscored) if side.unscored else 0.0
            for side in self.sides
        )
        return first, second

    def as_dict(self) -> dict[str, Any]:
        """The contrast as plain values, in rates."""
        interval, q = self.difference.interval, self.heterogeneity
        return {
            "kind": self.kind,
            "scenario": self.scenario,
            "model": self.model if isinstance(self.model, str) else list(self.model),
            "factor": self.factor,
            "level": self.level,
            "reference": self.reference,
            "verdict": self.verdict,
            "n": self.sides[0].n,
            "difference": self.difference.value,
            "difference_ci_low": interval.low if interval else None,
            "difference_ci_high": interval.high if interval else None,
            "reason": self.difference.reason,
            "spread_low": self.spread[0] if self.spread else None,
            "spread_high": self.spread[1] if self.spread else None,
            "q": q.q if q else None,
            "q_p": q.p if q else None,
            "p": self.p,
            "p_holm": self.p_adjusted,
            "sides": [
                {"successes": side.successes, "n": side.n, "unscored": side.unscored}
                for side in self.sides
            ],
            "bounds_low": self.bounds.low if self.bounds else None,
            "bounds_high": self.bounds.high if self.bounds else None,
            "cells": self.cells,
            "control": self.control and self.control.as_dict(),
            "conditions": [list(pair) for pair in self.conditions],
            "note": self.note,
        }


@dataclass(frozen=True)
class _Sum:
    """The cells of a contrast, each once, and how its conditions weigh them."""

    cells: tuple[Cell, ...]
    rows: tuple[tuple[float, ...], ...]
    """For each condition the weights of its difference."""

    @classmethod
    def of(cls, conditions: Sequence[Sequence[tuple[float, Cell]]]) -> _Sum:
        """From the weighted cells of each condition."""
        cells = {_key(cell): cell for terms in conditions for _, cell in terms}
        rows = []
        for terms in conditions:
            row = dict.fromkeys(cells, 0.0)
            for weight, cell in terms:
                row[_key(cell)] += weight
            rows.append(tuple(row.values()))
        return cls(tuple(cells.values()), tuple(rows))

    @property
    def weights(self) -> list[float]:
        """The weight of each cell in the mean over conditions."""
        return [sum(column) / len(self.rows) for column in zip(*self.rows, strict=True)]


def run_contrasts(cells: Sequence[Cell], trials: Iterable[TrialResult] = ()) -> list[Contrast]:
    """Every contrast for which a run has the conditions: by scenario, and in each by kind.

    For each model, the arms: each level of each factor against the factor's reference, over
    conditions that are equal in all else; then the interaction of the two factors that the control
    takes away. For each model after the first, that model against the first over conditions that
    both have. Where both sides share drawn prompts, the same within draws.

    The reference of a factor is `none` where conditions have it, else its first listed level. P
    values are adjusted by Holm: those of arms, of interactions and of draws within a model and
    scenario, those of models over all models and scenarios. So another model or scenario changes
    no number but the adjusted p values of models.

    Args:
        cells: The cells of a run in the order of its experiment; probes are left out.
        trials: Its trials; only those with drawn prompts are read.

    Returns:
        Contrasts without a pair of cells are left out; those without scored trials are not.
    """
    found: list[Contrast] = []
    rows = list(trials)
    asked = [cell for cell in cells if not cell.probe]
    for scenario in dict.fromkeys(cell.scenario for cell in asked):
        own = [cell for cell in asked if cell.scenario == scenario]
        models = list(dict.fromkeys(cell.model for cell in own))
        arms, interactions, between = list[Contrast](), list[Contrast](), list[Contrast]()
        for model in models:
            of_model = [cell for cell in own if cell.model == model]
            arms += adjusted(_arms(of_model))
            interactions += adjusted(_interactions(of_model))
        for model in models[1:]:
            between += _models(own, model, models[0])
        drawn = _drawn([*arms, *between], own, rows)
        found += [*arms, *interactions, *between, *drawn]
    of_models = iter(adjusted([c for c in found if c.kind == "model"]))
    return [next(of_models) if c.kind == "model" else c for c in found]


def adjusted(family: Sequence[Contrast]) -> list[Contrast]:
    """The contrasts of one family with their p values after Holm."""
    ps = holm([contrast.p for contrast in family])
    return [replace(c, p_adjusted=p) for c, p in zip(family, ps, strict=True)]


def pair_contrast(
    kind: Kind,
    pairs: Sequence[Pair],
    *,
    model: str | tuple[str, str],
    names: tuple[str, str, str],
    control: Sequence[Pair] = (),
    verdict: CountedVerdict | None = None,
    level: float = 0.95,
) -> Contrast:
    """The equal-weight mean difference over pairs of cells; see `weighted_sum` for its interval.

    Simulated (`bench/contrasts.py`, 400 samples of each of 84 settings: 1 to 18 conditions, rates
    of 0 to 95 %, 0 to 45 points apart): with 4, 10, 30 and 100 trials a cell the interval held
    the truth in at least 91, 93, 92 and 92 % of samples, and in 98, 98, 97 and 96 % on average.
    Where there was no difference, p was below 5 % in at most 8.8, 6.5, 7.5 and 6.5 % of samples,
    and in 2 to 3 % on average. Of interactions, over 54 settings, at least 96, 94, 94 and 92 %,
    and 96 to 99 % on average. Cochran's test at 5 % rejected equal differences in at most 11,
    12, 8 and 7 % (18 conditions of middling rates), and in 2 to 3 % on average.

    Args:
        kind: Its kind.
        pairs: Pairs of cells, none of them a control; each pair is a condition.
        model: The model, or two.
        names: Factor, level and reference.
        control: The pairs with a control.
        verdict: The verdict counted; harmful where every cell has it, and else the act.
        level: Confidence level, 0 to 1.
    """
    every = [*pairs, *control]
    counted = verdict or verdict_of(cell for pair in every for cell in pair)
    make = _of_pairs(kind, model, names, counted, level)
    own = make(pairs)
    if not pairs and control:
        own = replace(own, difference=Estimate(None, None, ONLY_CONTROLS))
    return replace(own, control=make(control) if control else None)


def verdict_of(cells: Iterable[Cell]) -> CountedVerdict:
    """The verdict that all cells have: harmful, else the act."""
    return "harmful" if all(cell.harmful for cell in cells) else "act"


def rate_of(cell: Cell, verdict: CountedVerdict) -> Rate:
    """The rate of a verdict in a cell; no trial where the cell does not have it."""
    if verdict == "act":
        return cell.act
    return (cell.harmful if verdict == "harmful" else cell.paper) or Rate(0, 0, 0)


def measured(rate: Rate) -> Measured | None:
    """A rate with the interval that it has; None without scored trials."""
    value, interval = rate.rate, rate.interval
    if value is None or interval is None:
        return None
    plain = interval == wilson(rate.successes, rate.n)
    return Measured(value, rate.n, None if plain else interval)


def _of_pairs(
    kind: Kind,
    model: str | tuple[str, str],
    names: tuple[str, str, str],
    verdict: CountedVerdict,
    level: float,
) -> Callable[[Sequence[Pair]], Contrast]:
    def make(pairs: Sequence[Pair]) -> Contrast:
        conditions = [[(1.0, one), (-1.0, other)] for one, other in pairs]
        return _contrast(kind, model, names, verdict, conditions, level)

    return make


def _contrast(
    kind: Kind,
    model: str | tuple[str, str],
    names: tuple[str, str, str],
    verdict: CountedVerdict,
    conditions: Sequence[Sequence[tuple[float, Cell]]],
    level: float = 0.95,
) -> Contrast:
    """A contrast of weighted cells, a list for each condition; the first is a plus."""
    scored = [terms for terms in conditions if all(measured(rate_of(c, verdict)) for _, c in terms)]
    total = _Sum.of(scored)
    rates = [rate_of(cell, verdict) for cell in total.cells]
    known = [m for rate in rates if (m := measured(rate))]
    difference = Estimate(None, None, NO_TRIALS)
    own: list[float] = []
    heterogeneity = p = bounds = None
    if scored:
        matrix = np.array(total.rows)
        weights = total.weights
        difference = weighted_sum(weights, known, level)
        p = sum_p(weights, known)
        own = [float(row @ np.array([m.rate for m in known])) for row in matrix]
        heterogeneity = homogeneity(matrix, known)
        bounds = _bounds(weights, rates, level)
    missing = len(conditions) - len(scored)
    every = [cell for terms in conditions for _, cell in terms]
    return Contrast(
        kind=kind,
        scenario=every[0].scenario if every else "",
        model=model,
        factor=names[0],
        level=names[1],
        reference=names[2],
        verdict=verdict,
        difference=difference,
        spread=(min(own), max(own)) if len(own) > 1 else None,
        heterogeneity=heterogeneity,
        p=p,
        p_adjusted=None,
        sides=(_side(scored, verdict, 1), _side(scored, verdict, -1)),
        bounds=bounds,
        cells=len(scored),
        control=None,
        conditions=tuple(
            (terms[i][1].condition, terms[i + 1][1].condition)
            for terms in scored
            for i in range(0, len(terms), 2)
        ),
        note=f"{missing} of {len(conditions)} conditions without a scored trial left out"
        if missing
        else None,
    )


def _side(
    conditions: Sequence[Sequence[tuple[float, Cell]]], verdict: CountedVerdict, sign: int
) -> Side:
    cells = {_key(c): c for terms in conditions for weight, c in terms if weight * sign > 0}
    rates = [rate_of(cell, verdict) for cell in cells.values()]
    return Side(
        sum(rate.successes for rate in rates),
        sum(rate.n for rate in rates),
        sum(rate.unknown for rate in rates),
    )


def _bounds(weights: Sequence[float], rates: Sequence[Rate], level: float) -> Interval | None:
    """The interval of the sum over all verdicts that unscored trials could have had.

    Each end is that of `weighted_sum` with the unscored trials at the worst for that end, over all
    trials that ran.
    """
    if not any(rate.unknown or rate.unjudged for rate in rates):
        return None
    lower = _extreme(weights, rates, -1, level).interval
    upper = _extreme(weights, rates, 1, level).interval
    return Interval(lower.low, upper.high) if lower and upper else None


def _extreme(weights: Sequence[float], rates: Sequence[Rate], sign: int, level: float) -> Estimate:
    worst = []
    for weight, rate in zip(weights, rates, strict=True):
        value = (rate.highest if weight * sign > 0 else rate.lowest) or 0.0
        worst.append(Measured(value, rate.n + rate.unknown))
    return weighted_sum(weights, worst, level)


def _arms(cells: Sequence[Cell]) -> list[Contrast]:
    """The levels of every factor of one model in one scenario against the reference."""
    model = cells[0].model
    found = []
    for factor, reference in references(cells).items():
        by_level = level_pairs(cells, factor, reference)
        for level, pairs in by_level.items():
            own, control = control_pairs(pairs)
            found.append(
                _with_scenario(
                    pair_contrast(
                        "arm", own, model=model, names=(factor, level, reference), control=control
                    ),
                    cells[0].scenario,
                )
            )
    return found


def _interactions(cells: Sequence[Cell]) -> list[Contrast]:
    """(both - second only) - (first only - neither), for the two factors that controls lack."""
    found = []
    for names, conditions in squares(cells).items():
        verdict = verdict_of(cell for square in conditions for cell in square)
        terms = [
            [(1.0, both), (-1.0, second), (-1.0, first), (1.0, neither)]
            for both, second, first, neither in conditions
        ]
        found.append(_contrast("interaction", cells[0].model, names, verdict, terms))
    return found


def _models(cells: Sequence[Cell], one: str, other: str) -> list[Contrast]:
    """One model against another over the conditions that both have."""
    second = {cell.condition: cell for cell in cells if cell.model == other}
    pairs = [
        (cell, second[cell.condition])
        for cell in cells
        if cell.model == one and cell.condition in second
    ]
    if not pairs:
        return []
    own, control = control_pairs(pairs)
    names = ("model", one, other)
    made = pair_contrast("model", own, model=(one, other), names=names, control=control)
    return [_with_scenario(made, cells[0].scenario)]


def _with_scenario(contrast: Contrast, scenario: str) -> Contrast:
    """The contrast and its control, also where either is empty."""
    control = contrast.control and replace(contrast.control, scenario=scenario)
    return replace(contrast, scenario=scenario, control=control)


def _drawn(
    contrasts: Sequence[Contrast], cells: Sequence[Cell], trials: Sequence[TrialResult]
) -> list[Contrast]:
    """Those of the contrasts whose conditions all have drawn prompts, within draws."""
    by_name = {(cell.model, cell.condition): cell for cell in cells}
    by_cell: dict[tuple[str, str], list[TrialResult]] = {}
    families: dict[object, list[Contrast]] = {}
    for contrast in contrasts:
        a, b = (contrast.model,) * 2 if isinstance(contrast.model, str) else contrast.model
        pairs = [(by_name[a, one], by_name[b, other]) for one, other in contrast.conditions]
        if not share_draws(pairs):
            continue
        if not by_cell:
            for trial in trials:
                by_cell.setdefault((trial.model, trial.condition), []).append(trial)
        of_pairs = [
            (by_cell.get((one.model, one.condition), []), by_cell.get((b, other.condition), []))
            for one, other in pairs
        ]
        families.setdefault(contrast.model, []).append(draw_contrast(contrast, pairs, of_pairs))
    return [contrast for family in families.values() for contrast in adjusted(family)]


def share_draws(pairs: Sequence[Pair]) -> bool:
    """Whether all cells have drawn prompts, so that trials with one id share their cast."""
    return bool(pairs) and all(cell.choice.varies_cast for pair in pairs for cell in pair)


def draw_contrast(
    contrast: Contrast,
    pairs: Sequence[Pair],
    trials: Sequence[tuple[Iterable[TrialResult], Iterable[TrialResult]]],
) -> Contrast:
    """A contrast of pairs within draws: trials with the same id share their cast.

    The estimate is that of the contrast. Its interval allows for the correlation of verdicts over
    draws, with which two cells have Newcombe's interval for pairs (`paired_by_draw`). Where draws
    differ in difficulty it is narrower, since they do so for both sides.

    Simulated over 9 settings in which draws vary by a standard deviation of 1 log odds (1 to 6
    conditions, 5 to 80 %): with 4, 10, 30 and 100 draws at least 94, 94, 91 and 93 % of samples
    held the truth, and 95 to 97 % on average; of a percentile bootstrap over draws, at least 32,
    63, 88 and 90 %, which is why it is not used. For 100 draws (400 samples of each setting):
    `bench/contrasts.py --only draws --trials 100 --reps 1200`.

    Source: as `weighted_sum`; the correlation is phi, after Newcombe's correction for continuity,
    times the share of trials that are shared.

    Args:
        contrast: The contrast of the pairs.
        pairs: Its pairs of cells, all with drawn prompts.
        trials: For each pair, the trials of both cells.
    """
    total = _Sum.of([[(1.0, one), (-1.0, other)] for one, other in pairs])
    known = [m for cell in total.cells if (m := measured(rate_of(cell, contrast.verdict)))]
    if len(known) < len(total.cells) or contrast.difference.value is None:
        return replace(contrast, kind="draw", control=None)
    of_cell = {
        _key(cell): {
            trial.id: verdict
            for trial in own
            if not trial.unexposed
            and (verdict := trial_verdict(trial, contrast.verdict)) is not None
        }
        for pair, both in zip(pairs, trials, strict=True)
        for cell, own in zip(pair, both, strict=True)
    }
    verdicts = [of_cell[_key(cell)] for cell in total.cells]
    correlations = np.eye(len(known))
    for i, j in combinations(range(len(known)), 2):
        correlations[i, j] = correlations[j, i] = correlation(verdicts[i], verdicts[j])
    weights = total.weights
    return replace(
        contrast,
        kind="draw",
        difference=weighted_sum(weights, known, correlations=correlations),
        p=sum_p(weights, known, correlations),
        control=None,
    )


def trial_verdict(trial: TrialResult, verdict: CountedVerdict) -> bool | None:
    """The verdict on a trial as its cell's rate counts it."""
    if verdict == "harmful":
        return trial.primary(judged=True)
    return trial.act if verdict == "act" else trial.paper


def correlation(one: dict[str, bool], other: dict[str, bool]) -> float:
    """The correlation of two estimated rates over the draws that they share."""
    shared = one.keys() & other.keys()
    if not shared:
        return 0.0
    both = Counter((one[draw], other[draw]) for draw in shared)
    counts = (both[True, True], both[True, False], both[False, True], both[False, False])
    return len(shared) / sqrt(len(one) * len(other)) * phi(*counts)


def _key(cell: Cell) -> int:
    """Tells cells apart: those of two runs may have one model and one condition."""
    return id(cell)
