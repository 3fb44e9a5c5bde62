"""Heat maps of two factors in a scenario's names, with a panel for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cornered.analysis.figures.canvas import (
    HATCHED,
    INK,
    ON_DARK,
    ON_PALE,
    PAPER,
    SHADES,
    SMALL,
    SOFT,
    WASH,
    WIDTH,
    Canvas,
    Figure,
)
from cornered.analysis.figures.grid import (
    Grid,
    PlottedCell,
    metric_name,
    metric_text,
    shared_text,
    trials_text,
)
from cornered.analysis.figures.headline import rate_data, rate_text
from cornered.analysis.figures.names import file_name, model_labels, trials_link
from cornered.analysis.figures.pages import pages
from cornered.analysis.stats import percent
from cornered.text import shorten, visible

DARK = 6
"""The first shade with pale text."""
LEFT, HIGH, GAP = 92.0, 34.0, 3.0


@dataclass(frozen=True)
class _Axes:
    """The two parts of a name that a heat map shows, by their index in it."""

    down: int
    across: int

    def column(self, of: PlottedCell) -> str:
        """The level that heads the column of a cell."""
        return of.named[self.across]

    def row(self, of: PlottedCell) -> str:
        """The level that heads the row of a cell."""
        return of.named[self.down]

    def others(self, of: PlottedCell) -> tuple[str, ...]:
        """The other parts of a cell's name, which are constant within a heat map."""
        return tuple(n for i, n in enumerate(of.named) if i not in (self.down, self.across))

    def size(self, cells: Sequence[PlottedCell]) -> tuple[int, int]:
        """The numbers of rows and of columns."""
        return len({self.row(c) for c in cells}), len({self.column(c) for c in cells})


def _axes(cells: Sequence[PlottedCell]) -> _Axes | None:
    """The first two parts of the name that vary; None if fewer vary."""
    parts = range(len(cells[0].named)) if cells else ()
    varied = [i for i in parts if len({c.named[i] for c in cells}) > 1]
    return _Axes(*varied[:2]) if len(varied) > 1 else None


def _in_order(cells: Sequence[PlottedCell], part: int) -> dict[str, PlottedCell]:
    """A cell for each level of a part, in the order of the vocabulary."""
    choices = {c.named[part]: c for c in cells}
    return dict(
        sorted(
            choices.items(),
            key=lambda item: item[1].cell.choice.naming.place(part, item[1].cell.choice.levels),
        )
    )


def _shade(rate: float) -> int:
    return min(len(SHADES) - 1, int(rate * len(SHADES)))


def _box(canvas: Canvas, plotted: PlottedCell, left: float, width: float) -> None:
    rate, cell = plotted.rate, plotted.cell
    shade = _shade(rate.rate or 0)
    fill = WASH if rate.rate is None else HATCHED if plotted.out else SHADES[shade]
    ink = INK if fill != SHADES[shade] else ON_DARK if shade >= DARK else ON_PALE
    canvas.bar(
        canvas.scale.at(left),
        canvas.scale.at(left + width),
        HIGH,
        fill,
        href=trials_link(cell.model, cell.condition),
        about=visible(f"{' / '.join(plotted.named)}: {rate_text(rate)}"),
        data={**rate_data(plotted, rate, plotted.metric), "screened_out": plotted.out},
    )
    if plotted.out:  # Text on a pattern is illegible.
        inner = canvas.scale.at(left + width / 2 - 30), canvas.scale.at(left + width / 2 + 30)
        canvas.line(*inner, canvas.y + HIGH / 2, canvas.y + HIGH / 2, PAPER, 26)
    middle = left + width / 2
    n = f"n {rate.n}" + (f" + {rate.unknown} ?" if rate.unknown else "")
    top = canvas.y + 12
    bold = percent(rate.rate)
    canvas.text(bold, middle, y=top, align="center", bold=True, colour=ink)
    canvas.text(n, middle, y=top + 13, align="center", size=SMALL, colour=ink)


def _panel(canvas: Canvas, label: str, cells: Sequence[PlottedCell], axes: _Axes) -> str:
    """Draws the heat map of a model; returns its text alternative."""
    columns = _in_order(cells, axes.across)
    places = {(axes.row(c), axes.column(c)): c for c in cells}
    width = (WIDTH - LEFT) / len(columns)
    canvas.y += 4
    out = cells[0].out and " (screened out)"
    canvas.heading(shorten(label, 27 if out else 42) + (out or ""))
    canvas.y += 5
    for i, column in enumerate(columns):
        middle = LEFT + (i + 0.5) * width
        canvas.text(
            shorten(column, int(width / 6)), middle, align="center", size=SMALL, colour=SOFT
        )
    canvas.y += 9
    words = []
    for row, example in _in_order(cells, axes.down).items():
        for k, line in enumerate(_row_lines(example, axes.down)):
            canvas.text(line, 0, y=canvas.y + 10 + 13 * k, size=11.5)
        for i, column in enumerate(columns):
            if plotted := places.get((row, column)):
                _box(canvas, plotted, LEFT + i * width + GAP / 2, width - GAP)
                words.append(f"{row} / {column} {rate_text(plotted.rate)}")
        canvas.y += HIGH + GAP
    canvas.y += 4
    return f"{label}{out or ''}: {'; '.join(words)}."


def _row_lines(plotted: PlottedCell, part: int) -> list[str]:
    """The heading of a row: the level of its first factor, and below it those of the others."""
    choice = plotted.cell.choice
    head = str(choice.levels[choice.naming.parts[part][0]])
    rest = plotted.named[part].removeprefix(head).removeprefix("-")
    return [shorten(head, 14), *([shorten(rest, 14)] if rest else [])]


def heat_map(grid: Grid) -> list[Figure]:
    """The first two parts of the name that vary, one against the other, for each model.

    None if the run has fewer than two levels of either.
    """
    headline = set(grid.headline_cells)
    candidates = [c for c in grid.cells if c in headline or c.cell.is_control]
    axes = _axes(candidates)
    if axes is None:
        return []
    panels: dict[object, list[PlottedCell]] = {}
    for plotted in candidates:
        key = plotted.cell.model, axes.others(plotted), plotted.extra
        panels.setdefault(key, []).append(plotted)
    shown = [p for p in panels.values() if min(axes.size(p)) > 1 and len(p) > 2]
    down, across = (visible(grid.parts[i]) for i in (axes.down, axes.across))
    figures = []
    for page, which in pages(shown, lambda panel: 2 + axes.size(panel)[0]):
        cells = [c for panel in page for c in panel]
        canvas, words = Canvas(), []
        canvas.text(shorten(down, 14), 0, y=8, size=SMALL, colour=SOFT)
        canvas.text(f"{shorten(across, 30)} →", LEFT, y=8, size=SMALL, colour=SOFT)
        canvas.y = 14
        for panel in page:
            words.append(_panel(canvas, _heading(panel[0], grid, axes), panel, axes))
        figures.append(
            Figure(
                file_name(f"{across}-{down}", grid.scenario, which.number),
                f"{across.capitalize()} and {down} in {visible(grid.scenario)}{which.title}",
                f"{metric_name(cells).capitalize()} rate of each model by {across} (across) and "
                f"{down} (down), {trials_text(cells)}; the stronger the colour the more. "
                f"{metric_text(cells)} Unscored trials stand after the plus. "
                + ("Hatched: screened out by its controls. " if any(c.out for c in cells) else "")
                + "Intervals (Wilson, 95 %) are in the table and in the text alternative. "
                + shared_text(cells),
                canvas.chart(),
                " ".join(words),
            )
        )
    return figures


def _heading(plotted: PlottedCell, grid: Grid, axes: _Axes) -> str:
    """The model of a heat map, and the levels that all its cells share."""
    labels = model_labels(c.cell.model for c in grid.cells)
    varied = len({axes.others(c) for c in grid.cells}) > 1
    shared = [
        *(axes.others(plotted) if varied else ()),
        *(f"{factor} {level}" for factor, level in plotted.extra),
    ]
    return " · ".join([labels[plotted.cell.model], *map(visible, shared)])
