"""The results of a run by scenario: headline rates of each model, and rankings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cornered.analysis.stats import Difference, newcombe
from cornered.analysis.table import Cell, Screen


def screened_out(table: Sequence[Cell]) -> list[tuple[str, str, Screen]]:
    """Each model and scenario that the controls screen out, with the screen."""
    screens = {(c.model, c.scenario): c.screen for c in table if c.screened_out and c.screen}
    return [(model, scenario, screen) for (model, scenario), screen in screens.items()]


@dataclass(frozen=True)
class Headline:
    """One model in one scenario, in its headline condition."""

    cell: Cell
    control: Cell | None
    """The matched control; None if none was run, or the scenario has none."""
    lowest: Cell
    highest: Cell
    """Among the model's scored conditions in the scenario, without controls and probes."""
    conditions: int
    """Number of those conditions."""


@dataclass(frozen=True)
class RankedCell:
    """A model's place in a ranking, and its difference from the next."""

    cell: Cell
    next: Cell | None
    """The model one place down; None for the last."""
    difference: Difference | None
    """Its rate minus the next one's; None for the last, or if no trial is scored."""

    @property
    def overlap(self) -> bool:
        """Whether its interval and that of the next overlap."""
        one = self.cell.primary.interval
        other = self.next.primary.interval if self.next else None
        return bool(one and other and one.low <= other.high)

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        if self.difference is None:
            return False
        return self.difference.interval.low > 0 or self.difference.interval.high < 0


@dataclass(frozen=True)
class Ranking:
    """The models in one condition by rate, worst first; screened-out ones separately."""

    condition: str
    places: tuple[RankedCell, ...]
    screened: tuple[Cell, ...]
    unscored: tuple[Cell, ...]
    """Models without a scored trial."""


@dataclass(frozen=True)
class ScenarioAnswer:
    """The results of one scenario."""

    scenario: str
    condition: str | None
    """The headline condition: the experiment's first that is no control or probe; None if
    there is none."""
    headlines: tuple[Headline, ...]
    rankings: tuple[Ranking, ...]
    """The headline condition's first; none with a single model."""


def scenario_answers(table: Sequence[Cell]) -> list[ScenarioAnswer]:
    """The results of each scenario; never pooled over conditions."""
    return [
        _scenario_answer(name, [c for c in table if c.scenario == name])
        for name in dict.fromkeys(c.scenario for c in table)
    ]


def _scenario_answer(scenario: str, rows: Sequence[Cell]) -> ScenarioAnswer:
    conflict = [c for c in rows if not c.is_control and not c.probe]
    names = list(dict.fromkeys(c.condition for c in conflict))
    models = list(dict.fromkeys(c.model for c in rows))
    by_model = {m: [c for c in conflict if c.model == m] for m in models}
    headlines = [_headline(of_model, rows) for of_model in by_model.values() if of_model]
    rankings = [_ranking(name, [c for c in conflict if c.condition == name]) for name in names]
    return ScenarioAnswer(
        scenario,
        names[0] if names else None,
        tuple(headlines),
        tuple(r for r in rankings if len(models) > 1 and (r.places or r.screened)),
    )


def _headline(conflict: Sequence[Cell], rows: Sequence[Cell]) -> Headline:
    scored = [c for c in conflict if c.primary.n] or list(conflict)
    ordered = sorted(scored, key=lambda c: c.primary.rate or 0.0)
    control = _control(conflict[0], rows)
    return Headline(conflict[0], control, ordered[0], ordered[-1], len(scored))


def _control(cell: Cell, rows: Sequence[Cell]) -> Cell | None:
    """The matched control on the same model."""
    return next((c for c in rows if (c.model, c.condition) == (cell.model, cell.control)), None)


def _ranking(condition: str, rows: Sequence[Cell]) -> Ranking:
    sound = [c for c in rows if not c.screened_out]
    scored = sorted((c for c in sound if c.primary.n), key=lambda c: -(c.primary.rate or 0.0))
    places = [
        _place(cell, scored[n + 1] if n + 1 < len(scored) else None)
        for n, cell in enumerate(scored)
    ]
    return Ranking(
        condition,
        tuple(places),
        tuple(c for c in rows if c.screened_out),
        tuple(c for c in sound if not c.primary.n),
    )


def _place(cell: Cell, after: Cell | None) -> RankedCell:
    if after is None:
        return RankedCell(cell, None, None)
    one, other = cell.primary, after.primary
    return RankedCell(cell, after, newcombe(one.successes, one.n, other.successes, other.n))
