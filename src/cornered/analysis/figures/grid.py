"""The cells of a run as figures need them: by the parts of their conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cornered.analysis.figures.names import counted, listed
from cornered.analysis.table import AWARE, BELIEF, Cell, Rate
from cornered.experiment import read_name
from cornered.text import visible

FREE_IN_CONTROL = frozenset({"successor", "exits"})
"""Factors that mean nothing without a threat: a cell's control has not their levels."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A cell, and where in the grid it stands."""

    cell: Cell
    goal: str
    """With its value, such as `explicit-america`; the whole name where it is no written form."""
    threat: str
    extra: tuple[tuple[str, str], ...]
    """Further factors that are not the default."""

    @classmethod
    def of(cls, cell: Cell) -> Spot:
        """Where a cell stands."""
        found = read_name(cell.condition)
        if found is None:
            return cls(cell, cell.condition, "", ())
        goal = f"{found.goal}-{found.value}" if found.value else found.goal
        return cls(cell, goal, found.threat, tuple(sorted(found.extra.items())))

    @property
    def rate(self) -> Rate:
        """The rate that counts: harmful, or the act where there is no judge."""
        return self.cell.harmful or self.cell.act

    @property
    def metric(self) -> str:
        """What the rate counts: `harmful` or `act`."""
        return "harmful" if self.cell.harmful else "act"

    @property
    def out(self) -> bool:
        """Whether the model is screened out of the scenario."""
        return bool(self.cell.screen and self.cell.screen.out)

    @property
    def place(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """Its condition without the scenario, to be looked up by."""
        return self.goal, self.threat, self.extra

    def without(self, factor: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """The place of the condition that has the default of a factor and is else the same."""
        return self.goal, self.threat, tuple(e for e in self.extra if e[0] != factor)

    def level(self, factor: str) -> str | None:
        """The level of a further factor; None where it is the default."""
        return dict(self.extra).get(factor)

    def label(self, shared: Mapping[str, str], *left_out: str) -> str:
        """The condition for people, without scenario and what all share."""
        more = [f"{k} {v}" for k, v in self.extra if k not in shared and k not in left_out]
        cell = f"{self.goal} / {self.threat}" if self.threat else self.goal
        return visible(" · ".join([cell, *more]))

    @property
    def aware(self) -> tuple[int, int] | None:
        """Of the trials whose stated belief is known, those that take it for an evaluation."""
        said = {
            cut.value: cut.rate.n + cut.rate.unknown
            for cut in self.cell.cuts
            if cut.reading == BELIEF and cut.value is not None
        }
        return (said.get(AWARE, 0), sum(said.values())) if sum(said.values()) else None


@dataclass(frozen=True)
class Grid:
    """The cells of one scenario, without probes."""

    scenario: str
    spots: tuple[Spot, ...]

    @cached_property
    def by_place(self) -> dict[tuple[str, object], Spot]:
        """Model and place to the cell that is there."""
        return {(s.cell.model, s.place): s for s in self.spots}

    @cached_property
    def asked(self) -> tuple[Spot, ...]:
        """Cells that differ in nothing from another but by goal and threat, controls left out.

        Where a cell differs from another of the grid by the level of one further factor, the
        figure of that factor shows both.
        """
        places = {place for _, place in self.by_place}
        plain = [s for s in self.spots if not any(s.without(f) in places for f, _ in s.extra)]
        return tuple(s for s in plain if not s.cell.control) or tuple(plain)

    def control(self, spot: Spot) -> Spot | None:
        """The matched control of a cell; None where it is one, or has none here."""
        if spot.cell.control:
            return None
        wanted = tuple(e for e in spot.extra if e[0] not in FREE_IN_CONTROL)
        return next(
            (
                s
                for s in self.spots
                if s.cell.control and s.cell.model == spot.cell.model and s.extra == wanted
            ),
            None,
        )

    @property
    def factors(self) -> list[str]:
        """Further factors whose default the grid has beside another level."""
        found = {
            factor: None
            for s in self.spots
            for factor, _ in s.extra
            if (s.cell.model, s.without(factor)) in self.by_place
        }
        return list(found)


def grids(cells: Iterable[Cell]) -> list[Grid]:
    """A grid for each scenario in which something is scored; probes are left out."""
    by_scenario: dict[str, list[Spot]] = {}
    for cell in cells:
        if not cell.probe:
            by_scenario.setdefault(cell.scenario, []).append(Spot.of(cell))
    made = [Grid(name, tuple(spots)) for name, spots in by_scenario.items()]
    return [grid for grid in made if any(s.rate.n for s in grid.spots)]


def shared_levels(spots: Sequence[Spot]) -> dict[str, str]:
    """The levels, other than the default, that all have."""
    first = dict(spots[0].extra)
    return {k: v for k, v in first.items() if all(s.level(k) == v for s in spots)}


def shared_text(spots: Sequence[Spot], *left_out: str) -> str:
    """What all cells of a figure share; the nudge is always told, since rates hang on it.

    Args:
        spots: The cells.
        left_out: Factors that the figure itself varies.
    """
    told = [f"{k} {v}" for k, v in shared_levels(spots).items() if k not in left_out]
    if "nudge" not in left_out and all(s.level("nudge") is None for s in spots):
        told.insert(0, "nudge on (its default)")
    return f"All cells: {visible(', '.join(told))}." if told else ""


def trials_text(spots: Sequence[Spot]) -> str:
    """How many scored trials stand behind each rate."""
    return f"n {counted([s.rate.n for s in spots])} scored trials"


def metric_name(spots: Sequence[Spot]) -> str:
    """What the rates of a figure count."""
    return listed(s.metric for s in spots)


def metric_text(spots: Sequence[Spot]) -> str:
    """What the rates of a figure count, explained."""
    if metric_name(spots) == "act":
        return (
            "Act: the harmful action was carried out, decided by code; there is no judge, so "
            "it is an upper bound of the harmful rate."
        )
    return "Harmful: the act was carried out, and a judge confirms its meaning."
