"""Rates of many cells: a line for each condition, and a colour for each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cornered.analysis.figures.grid import (
    Grid,
    PlottedCell,
    metric_text,
    shared_levels,
    shared_text,
    trials_text,
)
from cornered.analysis.figures.marks import RATE_TICKS, Figure, Kind, lines_chart, spans
from cornered.analysis.figures.names import counted, file_name, model_labels, trials_link, wrapped
from cornered.analysis.figures.numbers import (
    counts_only,
    marks_text,
    rate_data,
    rate_text,
    reach,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.theme import MODELS
from cornered.analysis.wording import few_trials
from cornered.text import visible

STEP = 9
"""Height of the line of a model, in pixels; words take two."""
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "triangle-right")
Line = tuple[str, str, list[PlottedCell]]
"""The heading, the label, and the cells of a condition, one for each model."""


def dots(grid: Grid, question: str) -> list[Figure]:
    """The rates of many cells, grouped by the first part of their names, controls in each group.

    Args:
        grid: The cells of the scenario.
        question: What the figures answer.
    """
    labels, shared = model_labels(c.cell.model for c in grid.cells), shared_levels(grid.cells)
    groups: dict[str, dict[object, Line]] = {}
    controls: dict[str, dict[object, Line]] = {}
    for plotted in grid.headline_cells:
        group = ", ".join(plotted.part(0)) if len(plotted.named) > 1 else ""
        line: Line = (group, plotted.label(shared), [])
        groups.setdefault(group, {}).setdefault(plotted.place, line)[2].append(plotted)
        if control := grid.control(plotted):
            line = (group, control.label(shared), [])
            of = controls.setdefault(group, {}).setdefault(control.place, line)[2]
            of += [] if control in of else [control]
    panels = [[*of.values(), *controls.get(group, {}).values()] for group, of in groups.items()]
    kinds = [
        Kind(label, MODELS[i % len(MODELS)], SHAPES[(i // len(MODELS) + i) % len(SHAPES)])
        for i, label in enumerate(labels.values())
    ]
    figures = []
    for page, which in pages(
        [panel[i : i + 24] for panel in panels for i in range(0, len(panel), 24)],
        lambda panel: 3 + len(panel) * (3 + len(labels)),
        most=140,
    ):
        cells = [c for _, _, of in page for c in of]
        alt: dict[str, list[str]] = {}
        for group, label, of in page:
            words = "; ".join(
                f"{labels[c.cell.model]} {rate_text(c.rate, c.cell.unexposed)}" for c in of
            )
            alt.setdefault(group, []).append(f"{label}: {words}.")
        figures.append(
            Figure(
                file_name("headline", grid.scenario, which.number),
                question + which.title,
                f"{metric_text(cells)} {trials_text(cells)}. Each line is a condition, each colour "
                f"a model. {marks_text(c.rate for c in cells)} "
                + (
                    f"Screened out by their controls: {_out(cells, labels)}. "
                    if any(c.out for c in cells)
                    else ""
                )
                + shared_text(cells),
                lines_chart(list(_lines(page, labels)), kinds, RATE_TICKS, step=STEP),
                " ".join(f"{group}: {' '.join(of)}".strip(": ") for group, of in alt.items()),
            )
        )
    return figures


def _out(cells: Sequence[PlottedCell], labels: Mapping[str, str]) -> str:
    return ", ".join(dict.fromkeys(labels[c.cell.model] for c in cells if c.out))


def _lines(groups: Sequence[Line], labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    line = 0
    for group, label, cells in groups:
        few = [c for c in cells if counts_only(c.rate)]
        for words in wrapped(label, 46):
            line += 2
            yield {"group": group, "line": line - 1, "blank": True}
            yield {"group": group, "line": line, "label": words}
        yield {"group": group, "line": line, "numbers": f"n {counted([c.rate.n for c in cells])}"}
        for plotted in (c for c in cells if c not in few):
            line += 1
            rate, cell = plotted.rate, plotted.cell
            yield rate_data(plotted, rate, plotted.metric) | {
                "group": group,
                "line": line,
                "kind": labels[cell.model],
                "value": rate.rate,
                **spans(rate.interval, reach(rate)),
                "few": few_trials(rate) or plotted.out,
                "about": visible(
                    f"{labels[cell.model]}, {label} {rate_text(rate, cell.unexposed)}"
                ),
                "href": trials_link(cell.model, cell.condition, **{plotted.metric: "yes"}),
            }
        counts = ", ".join(f"{labels[c.cell.model]} {c.rate.successes} of {c.rate.n}" for c in few)
        for words in wrapped(counts, 52) if few else []:
            line += 2
            yield {"group": group, "line": line - 1, "blank": True}
            yield {"group": group, "line": line, "note": words}
