"""The cells of a run arranged for figures, by the levels of their conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cornered.analysis.figures.names import counted, listed
from cornered.analysis.rates import Rate
from cornered.analysis.table import AWARE, BELIEF, Cell
from cornered.analysis.wording import condition_words, level_words
from cornered.text import visible

GridKey = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
"""The named parts of a condition, and its further factors that are not at their default."""


@dataclass(frozen=True, eq=False)
class PlottedCell:
    """A cell and its place in the grid."""

    cell: Cell

    @property
    def rate(self) -> Rate:
        """The primary rate."""
        return self.cell.primary

    @property
    def metric(self) -> str:
        """The verdict that the rate counts: `harmful` or `act`."""
        return self.cell.primary_name

    @property
    def out(self) -> bool:
        """Whether the model is screened out of the scenario."""
        return self.cell.screened_out

    @property
    def named(self) -> tuple[str, ...]:
        """The parts that every name in the scenario has, such as `explicit-america`."""
        return self.cell.choice.named

    @cached_property
    def extra(self) -> tuple[tuple[str, str], ...]:
        """Further factors that are not at their default, sorted by name."""
        return tuple(sorted((factor, str(level)) for factor, level in self.cell.choice.extra))

    @property
    def place(self) -> GridKey:
        """Its condition without the scenario, as a key."""
        return self.named, self.extra

    def without(self, factor: str) -> GridKey:
        """The place of the same condition at the default of a factor."""
        return self.named, tuple(e for e in self.extra if e[0] != factor)

    def level(self, factor: str) -> str | None:
        """The level of a further factor; None at its default."""
        return dict(self.extra).get(factor)

    def label(self, shared: Mapping[str, str] | None = None) -> str:
        """The condition in words, without the scenario and the levels that all cells share."""
        kept = tuple((f, v) for f, v in self.cell.choice.extra if f not in (shared or {}))
        words = condition_words(replace(self.cell.choice, extra=kept))
        return visible(words or self.cell.scenario)

    def part(self, number: int) -> list[str]:
        """A part of its name in words, a phrase for each factor; `none` of those after the first
        is left out."""
        choice = self.cell.choice
        first, *more = choice.naming.parts[number]
        factors = [first, *(f for f in more if choice.levels[f] != "none")]
        return [visible(level_words(f, choice.levels[f], choice.naming)) for f in factors]

    @property
    def aware(self) -> tuple[int, int] | None:
        """Trials that state it is an evaluation, and all whose stated belief is known."""
        trials = {
            of.value: of.rate.n + of.rate.unknown
            for of in self.cell.reading_rates
            if of.reading == BELIEF and of.value is not None
        }
        total = sum(trials.values())
        return (trials.get(AWARE, 0), total) if total else None


@dataclass(frozen=True)
class Grid:
    """The cells of one scenario, without probes."""

    scenario: str
    cells: tuple[PlottedCell, ...]

    @cached_property
    def by_place(self) -> dict[tuple[str, GridKey], PlottedCell]:
        """Cells by model and place."""
        return {(c.cell.model, c.place): c for c in self.cells}

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], PlottedCell]:
        return {(c.cell.model, c.cell.condition): c for c in self.cells}

    @cached_property
    def headline_cells(self) -> tuple[PlottedCell, ...]:
        """The cells of the headline figure: no controls, and no variants by one further factor."""
        places = {place for _, place in self.by_place}
        plain = [c for c in self.cells if not any(c.without(f) in places for f, _ in c.extra)]
        return tuple(c for c in plain if not c.cell.is_control) or tuple(plain)

    @property
    def variants(self) -> tuple[PlottedCell, ...]:
        """The other cells but the controls: each differs from another by one further factor."""
        plain = {*self.headline_cells}
        return tuple(c for c in self.cells if c not in plain and not c.cell.is_control)

    def control(self, of: PlottedCell) -> PlottedCell | None:
        """The matched control of a cell; None if it is a control, or has none in the grid."""
        if of.cell.is_control or of.cell.control is None:
            return None
        return self._by_name.get((of.cell.model, of.cell.control))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that every name has, such as `goal` and `threat`.

        A part of several factors is named after the first of them that varies.
        """
        naming = self.cells[0].cell.choice.naming
        return tuple(
            next(
                (f for f in part if len({c.cell.choice.levels[f] for c in self.cells}) > 1),
                part[0],
            )
            for part in naming.parts
        )

    @property
    def factors(self) -> list[str]:
        """Further factors of which the grid has the default and another level."""
        varied = {
            factor: None
            for c in self.cells
            for factor, _ in c.extra
            if (c.cell.model, c.without(factor)) in self.by_place
        }
        return list(varied)


def grids(cells: Iterable[Cell]) -> list[Grid]:
    """A grid for each scenario; probes are left out."""
    by_scenario: dict[str, list[PlottedCell]] = {}
    for cell in cells:
        if not cell.probe:
            by_scenario.setdefault(cell.scenario, []).append(PlottedCell(cell))
    return [Grid(name, tuple(plotted)) for name, plotted in by_scenario.items()]


def shared_levels(cells: Sequence[PlottedCell]) -> dict[str, str]:
    """The levels that all cells share, other than defaults."""
    first = dict(cells[0].extra) if cells else {}
    return {k: v for k, v in first.items() if all(c.level(k) == v for c in cells)}


def shared_text(cells: Sequence[PlottedCell]) -> str:
    """The levels that all cells of a figure share, always with the nudge: rates depend on it.

    Empty where there is nothing to say.
    """
    naming = cells[0].cell.choice.naming
    shared = [level_words(factor, level, naming) for factor, level in shared_levels(cells).items()]
    if all("nudge" in c.cell.choice.levels and c.level("nudge") is None for c in cells):
        shared.insert(0, f"{level_words('nudge', 'on', naming)} (as by default)")
    return f"All cells: {visible(', '.join(shared))}." if shared else ""


def trials_text(cells: Sequence[PlottedCell]) -> str:
    """The number of scored trials behind each rate."""
    return f"n {counted([c.rate.n for c in cells])} scored trials"


def metric_name(cells: Sequence[PlottedCell]) -> str:
    """The verdict that the rates of a figure count."""
    return listed(c.metric for c in cells)


def metric_text(cells: Sequence[PlottedCell]) -> str:
    """An explanation of the verdict that the rates of a figure count."""
    if metric_name(cells) == "act":
        return (
            "Act: the action that the scenario names was carried out, decided by code. There is "
            "no judge, so an act need not be harmful."
        )
    return "Harmful: a judge's yes over everything that was carried out."
