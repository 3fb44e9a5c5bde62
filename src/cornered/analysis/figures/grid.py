"""The cells of a run as figures need them: by the levels of their conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cornered.analysis.figures.names import counted, listed
from cornered.analysis.table import AWARE, BELIEF, Cell, Rate
from cornered.text import visible

GridKey = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
"""The parts that every name of a scenario has, and the further factors that are not the default."""


@dataclass(frozen=True, eq=False)
class PlottedCell:
    """A cell, and where in the grid it stands."""

    cell: Cell

    @property
    def rate(self) -> Rate:
        """The rate that counts."""
        return self.cell.primary

    @property
    def metric(self) -> str:
        """What the rate counts: `harmful` or `act`."""
        return self.cell.primary_name

    @property
    def out(self) -> bool:
        """Whether the model is screened out of the scenario."""
        return self.cell.screened_out

    @property
    def named(self) -> tuple[str, ...]:
        """The parts that every name of the scenario has, such as `explicit-america`."""
        return self.cell.choice.named

    @cached_property
    def extra(self) -> tuple[tuple[str, str], ...]:
        """Further factors that are not the default, by name."""
        return tuple(sorted((factor, str(level)) for factor, level in self.cell.choice.extra))

    @property
    def place(self) -> GridKey:
        """Its condition without the scenario, to be looked up by."""
        return self.named, self.extra

    def without(self, factor: str) -> GridKey:
        """The place of the condition that has the default of a factor and is else the same."""
        return self.named, tuple(e for e in self.extra if e[0] != factor)

    def level(self, factor: str) -> str | None:
        """The level of a further factor; None where it is the default."""
        return dict(self.extra).get(factor)

    def label(self, shared: Mapping[str, str], *left_out: str) -> str:
        """The condition for people, without scenario and what all share."""
        more = [f"{k} {v}" for k, v in self.extra if k not in shared and k not in left_out]
        words = [" / ".join(self.named), *more] if self.named else more
        return visible(" · ".join(words) or self.cell.scenario)

    @property
    def aware(self) -> tuple[int, int] | None:
        """Of the trials whose stated belief is known, those that take it for an evaluation."""
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
        """Model and place to the cell that is there."""
        return {(c.cell.model, c.place): c for c in self.cells}

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], PlottedCell]:
        return {(c.cell.model, c.cell.condition): c for c in self.cells}

    @cached_property
    def asked(self) -> tuple[PlottedCell, ...]:
        """Cells that differ from another only by factors that every name shows; no controls.

        Where a cell differs from another of the grid by the level of one further factor, the
        figure of that factor shows both.
        """
        places = {place for _, place in self.by_place}
        plain = [c for c in self.cells if not any(c.without(f) in places for f, _ in c.extra)]
        return tuple(c for c in plain if not c.cell.is_control) or tuple(plain)

    def control(self, of: PlottedCell) -> PlottedCell | None:
        """The matched control of a cell; None where it is one, or has none here."""
        if of.cell.is_control or of.cell.control is None:
            return None
        return self._by_name.get((of.cell.model, of.cell.control))

    @property
    def parts(self) -> tuple[str, ...]:
        """What the parts are that every name has: `goal` and `threat`.

        A part of several factors is called by the first of them that varies.
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
        """Further factors whose default the grid has beside another level."""
        varied = {
            factor: None
            for c in self.cells
            for factor, _ in c.extra
            if (c.cell.model, c.without(factor)) in self.by_place
        }
        return list(varied)


def grids(cells: Iterable[Cell]) -> list[Grid]:
    """A grid for each scenario in which something is scored; probes are left out."""
    by_scenario: dict[str, list[PlottedCell]] = {}
    for cell in cells:
        if not cell.probe:
            by_scenario.setdefault(cell.scenario, []).append(PlottedCell(cell))
    made = [Grid(name, tuple(plotted)) for name, plotted in by_scenario.items()]
    return [grid for grid in made if any(c.rate.n for c in grid.cells)]


def shared_levels(cells: Sequence[PlottedCell]) -> dict[str, str]:
    """The levels, other than the default, that all have."""
    first = dict(cells[0].extra)
    return {k: v for k, v in first.items() if all(c.level(k) == v for c in cells)}


def shared_text(cells: Sequence[PlottedCell], *left_out: str) -> str:
    """What all cells of a figure share; the nudge is always named, since rates depend on it.

    Args:
        cells: The cells.
        left_out: Factors that the figure itself varies.
    """
    shared = [f"{k} {v}" for k, v in shared_levels(cells).items() if k not in left_out]
    nudged = all("nudge" in c.cell.choice.levels and c.level("nudge") is None for c in cells)
    if "nudge" not in left_out and nudged:
        shared.insert(0, "nudge on (its default)")
    return f"All cells: {visible(', '.join(shared))}." if shared else ""


def trials_text(cells: Sequence[PlottedCell]) -> str:
    """How many scored trials stand behind each rate."""
    return f"n {counted([c.rate.n for c in cells])} scored trials"


def metric_name(cells: Sequence[PlottedCell]) -> str:
    """What the rates of a figure count."""
    return listed(c.metric for c in cells)


def metric_text(cells: Sequence[PlottedCell]) -> str:
    """What the rates of a figure count, explained."""
    if metric_name(cells) == "act":
        return (
            "Act: the harmful action was carried out, decided by code; there is no judge, so "
            "it is an upper bound of the harmful rate."
        )
    return "Harmful: the act was carried out, and a judge confirms its meaning."
