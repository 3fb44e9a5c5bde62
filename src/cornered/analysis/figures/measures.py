"""Means of a measure in each condition, beside the matched control."""

from __future__ import annotations

from cornered.analysis.figures.grid import Grid, PlottedCell
from cornered.analysis.figures.marks import (
    RATE_TICKS,
    Figure,
    Kind,
    Mark,
    Row,
    alternative,
    marks_chart,
)
from cornered.analysis.figures.names import (
    counted,
    file_name,
    interval_text,
    model_labels,
    trials_link,
    wrapped,
)
from cornered.analysis.figures.theme import CONTROL, RATE
from cornered.analysis.measure_words import summary_cell
from cornered.analysis.measures import MeasureSummary
from cornered.analysis.stats import Interval, percent
from cornered.analysis.wording import COUNTS_ONLY, FEW
from cornered.text import visible

OWN, CONTROLS = Kind("condition", RATE), Kind("control", CONTROL, "square")
MOST = 20
"""Conditions of one figure; of more, the table has them all."""


def measure_figures(grid: Grid) -> list[Figure]:
    """A figure for each measure of a scenario; none where no trial has one."""
    plotted = [*grid.headline_cells, *grid.variants]
    names = dict.fromkeys(m.name for c in plotted for m in c.cell.measures if m.n)
    return [_figure(grid, plotted, name) for name in names]


def _figure(grid: Grid, plotted: list[PlottedCell], name: str) -> Figure:
    words = name.replace("_", " ")
    labels = model_labels(c.cell.model for c in grid.cells)
    shown = [c for c in plotted if _of(c, name)][:MOST]
    rows = []
    for one in shown:
        marks = [_mark(one, name, OWN)]
        control = grid.control(one)
        marks += [_mark(control, name, CONTROLS)] if control and _of(control, name) else []
        condition, model = one.label(), labels[one.cell.model]
        group, label = (condition, model) if len(labels) > 1 else (model, condition)
        link = trials_link(one.cell.model, one.cell.condition)
        rows.append(Row("\n".join(wrapped(group, 46)), label, tuple(marks), link))
    counts = [m.n for one in shown if (m := _of(one, name))]
    left = f" The first {MOST} conditions." if len(plotted) > MOST else ""
    return Figure(
        file_name("measure", f"{grid.scenario}-{name}", ""),
        f"What was the {words} in {visible(grid.scenario)}, beside its control?",
        f"Mean {words} of the trials that handed something in, {counted(counts)} in each "
        "condition; lines are 95 % intervals (Wilson’s with the effective number of trials), thin "
        "ones say where the mean would be with the others at 0 or at 1. Hollow: fewer than "
        f"{FEW} trials.{left}",
        marks_chart(rows, RATE_TICKS),
        alternative(rows),
    )


def _of(plotted: PlottedCell, name: str) -> MeasureSummary | None:
    return next((m for m in plotted.cell.measures if m.name == name), None)


def _mark(plotted: PlottedCell, name: str, kind: Kind) -> Mark:
    measure = _of(plotted, name)
    if measure is None:
        return Mark(kind, "", f"{kind.words}: no {name}", note="nothing was measured")
    drawn = measure.n >= COUNTS_ONLY
    ends = (measure.lowest, measure.highest)
    reach = Interval(*ends) if measure.unscored and None not in ends else None  # type: ignore[arg-type]
    about = f"{percent(measure.mean)} ({interval_text(measure.interval)}) in {measure.n} trials"
    return Mark(
        kind,
        summary_cell(measure),
        f"control {about}" if kind is CONTROLS else about,
        measure.mean if drawn else None,
        measure.interval if drawn else None,
        reach if drawn else None,
        few=measure.n < FEW,
        note="" if drawn else f"fewer than {COUNTS_ONLY} trials have it",
        href=trials_link(plotted.cell.model, plotted.cell.condition),
        data={"measure": name, "mean": measure.mean, "n": measure.n, "unscored": measure.unscored},
    )
