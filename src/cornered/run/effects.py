"""What the factors of a run do to its rates: contrasts, or a regression where no cells pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cornered.analysis.estimands import (
    Contrast,
    CountedVerdict,
    Side,
    adjusted,
    rate_of,
    run_contrasts,
    trial_verdict,
    verdict_of,
)
from cornered.analysis.pairing import first_or_none, varied
from cornered.analysis.stats import Interval
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult

if TYPE_CHECKING:
    from cornered.analysis.effects import Effect

OUTCOME = "outcome"
"""The column of the verdict."""


def run_effects(cells: Sequence[Cell], trials: Sequence[TrialResult]) -> dict[str, list[Contrast]]:
    """The contrasts of a run by scenario; see `run_contrasts`.

    A level that has no counterpart, because no condition differs from one with it in that factor
    only, has no contrast of cells. Where the other conditions of its model determine it, it gets
    one by a logistic regression with main effects over the trials of that model that are no
    controls (`factor_effects`), standardised over them. Its note says so.

    Args:
        cells: The cells of the run.
        trials: Its trials.

    Returns:
        No entry for a scenario without any contrast.
    """
    by_scenario: dict[str, list[Contrast]] = {}
    for contrast in run_contrasts(cells, trials):
        by_scenario.setdefault(contrast.scenario, []).append(contrast)
    asked = [cell for cell in cells if not cell.probe]
    for scenario, model in dict.fromkeys((c.scenario, c.model) for c in asked):
        own = [c for c in asked if (c.scenario, c.model) == (scenario, model)]
        found = by_scenario.get(scenario, [])
        arms = [c for c in found if c.kind == "arm" and c.model == model]
        more = _unpaired(own, trials, {(c.factor, c.level) for c in arms}, arms)
        if more:
            family = adjusted([*arms, *more])
            others = [c for c in found if c not in arms]
            by_scenario[scenario] = [*family, *others]
    return by_scenario


def _unpaired(
    cells: Sequence[Cell],
    trials: Sequence[TrialResult],
    paired: set[tuple[str, str]],
    arms: Sequence[Contrast],
) -> list[Contrast]:
    """The levels of one model in one scenario that only a regression can estimate."""
    own = [cell for cell in cells if not cell.is_control]
    levels = varied(own)
    references = {
        factor: next((c.reference for c in arms if c.factor == factor), first_or_none(of))
        for factor, of in levels.items()
    }
    wanted = [
        (factor, level)
        for factor, of in levels.items()
        for level in of
        if level != references[factor] and (factor, level) not in paired
    ]
    verdict = verdict_of(own)
    chosen = {cell.condition: cell.choice.levels for cell in own}
    rows: list[dict[str, Any]] = [
        {OUTCOME: trial_verdict(t, verdict), "draw": t.id}
        | {factor: str(chosen[t.condition].get(factor)) for factor in levels}
        for t in trials
        if t.condition in chosen and t.model == own[0].model and not t.unexposed
    ]
    if not wanted or not any(row[OUTCOME] is not None for row in rows):
        return []
    cluster = ["draw"] if any(cell.choice.varies_cast for cell in own) else []
    fitted = _Fitted(own, verdict, rows, tuple(levels), references, cluster)
    return [made for at in wanted if (made := fitted.contrast(*at))]


@dataclass(frozen=True)
class _Fitted:
    """The regression of one model in one scenario, controls left out."""

    cells: Sequence[Cell]
    verdict: CountedVerdict
    rows: Sequence[dict[str, Any]]
    factors: tuple[str, ...]
    references: Mapping[str, str]
    cluster: Sequence[str]

    def contrast(self, factor: str, level: str) -> Contrast | None:
        """The standardised difference of a level; None where it is confounded."""
        effect = self._effect(factor, level, self.rows)
        if effect is None or effect.difference.value is None:
            return None
        reference = self.references[factor]
        sides = self._side(factor, level), self._side(factor, reference)
        note = (
            f"no condition differs from {factor}={level} in this only: logistic regression with "
            f"main effects over {len(self.cells)} conditions without controls, standardised"
        )
        return Contrast(
            kind="arm",
            scenario=self.cells[0].scenario,
            model=self.cells[0].model,
            factor=factor,
            level=level,
            reference=reference,
            verdict=self.verdict,
            difference=effect.difference,
            spread=None,
            heterogeneity=None,
            p=effect.p,
            p_adjusted=None,
            sides=sides,
            bounds=self._bounds(factor, level),
            cells=sum(str(c.choice.levels.get(factor)) == level for c in self.cells),
            control=None,
            conditions=(),
            note=f"{note}; {effect.note}" if effect.note else note,
        )

    def _bounds(self, factor: str, level: str) -> Interval | None:
        """The interval with the unscored trials at their worst for either end."""
        if all(row[OUTCOME] is not None for row in self.rows):
            return None
        ends = []
        for up in (False, True):
            rows = [
                row | {OUTCOME: (row[factor] == level) is up} if row[OUTCOME] is None else row
                for row in self.rows
            ]
            ends.append(self._effect(factor, level, rows))
        low, high = ends
        if low is None or high is None or not low.difference.interval:
            return None
        upper = high.difference.interval
        return Interval(low.difference.interval.low, upper.high) if upper else None

    def _effect(self, factor: str, level: str, rows: Sequence[dict[str, Any]]) -> Effect | None:
        # Imported here, since few runs need it and pandas is slow to import.
        import pandas as pd

        from cornered.analysis.effects import factor_effects

        effects = factor_effects(
            pd.DataFrame(rows).astype({OUTCOME: "boolean"}),
            self.factors,
            outcome=OUTCOME,
            cluster=self.cluster,
            references=self.references,
        )
        return next((e for e in effects if (e.factor, e.level) == (factor, level)), None)

    def _side(self, factor: str, level: str) -> Side:
        rates = [
            rate_of(cell, self.verdict)
            for cell in self.cells
            if str(cell.choice.levels.get(factor)) == level
        ]
        return Side(
            sum(rate.successes for rate in rates),
            sum(rate.n for rate in rates),
            sum(rate.unknown for rate in rates),
        )
