"""The figures of a report: charts with their captions and text alternatives, as files and SVG.

Charts are made with Altair and drawn by vl-convert; both are imported when the first one is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cornered.analysis.figures.drawing import SUFFIXES, figure_css, inline_svg, write_figures
from cornered.analysis.figures.extra import NOT_DRAWN, can_draw, require_figures
from cornered.analysis.figures.forest import comparison, effects_forest
from cornered.analysis.figures.grid import Grid, grids
from cornered.analysis.figures.heat import heat_map
from cornered.analysis.figures.ladder import ladder
from cornered.analysis.figures.marks import Figure
from cornered.analysis.figures.measures import measure_figures
from cornered.analysis.figures.rates import Published, belief, headline, published_rates, variants
from cornered.analysis.table import Cell

if TYPE_CHECKING:
    from cornered.analysis.estimands import Contrast

__all__ = [
    "NOT_DRAWN",
    "SUFFIXES",
    "Figure",
    "can_draw",
    "comparison",
    "figure_css",
    "figures",
    "inline_svg",
    "require_figures",
    "write_figures",
]


def figures(
    cells: Iterable[Cell],
    published: Published,
    ladders: Mapping[str, Sequence[str]],
    effects: Mapping[str, Sequence[Contrast]] | None = None,
) -> list[Figure]:
    """Every figure for which a run has data, by scenario; none without the extra `figures`.

    Args:
        cells: The cells of the run; probes are left out.
        published: Published rates by model and condition, from `reference.beside`.
        ladders: By scenario, the rungs of its outcome ladder, from harmless to harmful.
        effects: By scenario, its contrasts, from `run_effects`.
    """
    if not can_draw():
        return []
    drawn = [
        figure
        for grid in grids(cells)
        for figure in _of(grid, published, ladders.get(grid.scenario, ()), effects or {})
    ]
    return _with_unique_names(drawn)


def _with_unique_names(drawn: Sequence[Figure]) -> list[Figure]:
    """The same figures under unique names, which serve as file names and ids."""
    unique: dict[str, Figure] = {}
    for figure in drawn:
        name = figure.name
        while name.lower() in unique:  # Some file systems ignore case.
            name += "_"
        unique[name.lower()] = replace(figure, name=name)
    return list(unique.values())


def _of(
    grid: Grid,
    published: Published,
    rungs: Sequence[str],
    effects: Mapping[str, Sequence[Contrast]],
) -> list[Figure]:
    return [
        *headline(grid, published),
        *variants(grid, published),
        *measure_figures(grid),
        *effects_forest(grid, effects.get(grid.scenario, ())),
        *heat_map(grid),
        *published_rates(grid, published),
        *belief(grid),
        *(ladder(grid, rungs) if rungs else []),
    ]
