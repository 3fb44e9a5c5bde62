"""Outcomes of all trials: the rungs of the outcome ladder as stacked bars."""

from __future__ import annotations

from collections.abc import Sequence

from cornered.analysis.figures.canvas import (
    COULD,
    DOTTED,
    ON_DARK,
    ON_PALE,
    PAPER,
    RUNGS,
    SMALL,
    WASH,
    WIDTH,
    Canvas,
    Figure,
)
from cornered.analysis.figures.grid import Grid, PlottedCell, shared_levels, shared_text
from cornered.analysis.figures.names import (
    counted,
    file_name,
    model_labels,
    trials_link,
)
from cornered.analysis.figures.pages import pages
from cornered.text import shorten, visible

UNDECIDED, UNSCORED = "undecided", "no verdict"
ROOM = 7.0
"""Width of a digit within a segment, in pixels."""


def rung_colours(rungs: Sequence[str]) -> dict[str, str]:
    """A colour for each rung, from harmless to harmful, over the whole range of colours."""
    last = max(1, len(rungs) - 1)
    return {r: RUNGS[min(5, round(5 * i / last))] for i, r in enumerate(rungs)}


def _ink(fill: str) -> str:
    return ON_DARK if fill in RUNGS[3:] else ON_PALE


def segments(plotted: PlottedCell, rungs: Sequence[str]) -> dict[str, int]:
    """The planned trials of a cell by outcome, undecided and unscored ones included."""
    outcomes = plotted.cell.outcomes
    known = sum(outcomes.values())
    undecided = max(0, plotted.cell.act.n - known)
    total = max(plotted.cell.act.n + plotted.cell.act.unknown, known)
    order = [*(r for r in rungs if r in outcomes), *(r for r in outcomes if r not in rungs)]
    counts = {rung: outcomes[rung] for rung in order}
    counts |= {UNDECIDED: undecided, UNSCORED: total - known - undecided}
    return {name: n for name, n in counts.items() if n}


def _fill(name: str, palette: dict[str, str]) -> str:
    greys = {UNDECIDED: COULD, UNSCORED: DOTTED}
    return palette.get(name) or greys.get(name, WASH)


def _row(canvas: Canvas, plotted: PlottedCell, label: str, palette: dict[str, str]) -> str:
    """Draws the bar of a cell; returns its text alternative."""
    cell = plotted.cell
    parts = segments(plotted, list(palette))
    total = sum(parts.values())
    canvas.y += 8
    href = trials_link(cell.model, cell.condition)
    out = " (screened out)" if plotted.out else ""
    canvas.text(shorten(label, 40 - len(out)) + out, 0, href=href, about=visible(cell.model))
    canvas.text(f"n {total}", WIDTH, align="right", size=11.5, href=href)
    canvas.y += 9
    at = 0
    for name, n in parts.items():
        fill = _fill(name, palette)
        link = href
        if name in cell.outcomes:
            link = trials_link(cell.model, cell.condition, outcome=name)
        low, high = at / total, (at + n) / total
        data = {"model": visible(cell.model), "condition": visible(cell.condition)}
        canvas.bar(
            low,
            high,
            17,
            fill,
            href=link,
            about=f"{visible(name)}: {n} of {total}",
            data={**data, "outcome": visible(name), "count": n, "total": total},
        )
        # A gap between neighbours, in case their colours are similar.
        if at:
            canvas.line(low, low, canvas.y, canvas.y + 17, PAPER, 1)
        middle, width = (low + high) / 2 * WIDTH, (high - low) * WIDTH
        if width > ROOM * len(str(n)) + 2 and fill != DOTTED:
            canvas.text(
                f"{n}", middle, y=canvas.y + 9, align="center", size=SMALL, colour=_ink(fill)
            )
        at += n
    canvas.y += 22
    return f"{label}{out} " + ", ".join(f"{visible(name)} {n}" for name, n in parts.items())


def ladder(grid: Grid, rungs: Sequence[str]) -> list[Figure]:
    """Outcomes of every cell, with a panel per condition; none if no outcome is known.

    Args:
        grid: The cells.
        rungs: The ladder of the scenario, from harmless to harmful.
    """
    panels: dict[object, list[PlottedCell]] = {}
    for plotted in grid.cells:
        if plotted.cell.outcomes:
            panels.setdefault(plotted.place, []).append(plotted)
    palette = rung_colours(rungs)
    figures = []
    for page, which in pages(list(panels.values()), len):
        cells = [s for panel in page for s in panel]
        labels = model_labels(s.cell.model for s in grid.cells)
        shared = shared_levels(cells)
        seen = {name for s in cells for name in segments(s, rungs)}
        others = [name for name in (UNDECIDED, UNSCORED) if name in seen]
        canvas, alt = Canvas(), []
        names = [*palette, *others]
        canvas.legend([("bar", _fill(name, palette), visible(name)) for name in names])
        for panel in page:
            canvas.y += 4
            control = " (control)" if panel[0].cell.is_control else ""
            canvas.heading(panel[0].label(shared) + control)
            rows = [_row(canvas, s, labels[s.cell.model], palette) for s in panel]
            alt.append(f"{panel[0].label(shared)}{control}: {'; '.join(rows)}.")
        totals = [sum(segments(s, rungs).values()) for s in cells]
        figures.append(
            Figure(
                file_name("outcomes", grid.scenario, which.number),
                f"Outcomes in {visible(grid.scenario)}{which.title}",
                f"Where each trial ended, from {visible(rungs[0])} to {visible(rungs[-1])}: the "
                f"stronger the colour the more harmful; counts of {counted(totals)} trials "
                "a bar. Undecided: neither the facts nor a judge place it. No verdict: unscored, "
                "failed or not run. Counts, so no intervals; those of the rates are in the table. "
                + shared_text(cells),
                canvas.chart(),
                " ".join(alt),
            )
        )
    return figures
