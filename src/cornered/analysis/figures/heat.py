"""Rates by two factors of a scenario's names, with a panel for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cornered.analysis.figures.grid import (
    Grid,
    PlottedCell,
    metric_name,
    metric_text,
    shared_text,
    trials_text,
)
from cornered.analysis.figures.marks import Chart, Figure, filled, group_row, text
from cornered.analysis.figures.names import (
    file_name,
    interval_text,
    model_labels,
    trials_link,
    wrapped,
)
from cornered.analysis.figures.numbers import (
    counts_only,
    rate_data,
    rate_numbers,
    rate_text,
    reach,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.theme import (
    INK,
    NOT_RUN,
    ON_PALE,
    ON_STRONG,
    SHADES,
    WIDTH,
    theme,
)
from cornered.analysis.stats import percent
from cornered.analysis.wording import level_words
from cornered.text import visible

STRONG = 6
"""The first shade with pale type."""
LEFT, HIGH, LINE = 100, 36, 14
"""Room for the words of rows, the least height of a row, and a line of its words, in pixels."""


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


@lru_cache(maxsize=16)
def _heat_chart(across: tuple[str, ...], down: tuple[str, ...], names: tuple[str, str]) -> Chart:
    import altair as alt

    words: Any = {
        "labelExpr": "split(datum.label, '\\n')",
        "labelLimit": 200,
        "labelPadding": 4,
    }
    top = alt.Axis(orient="top", labelAngle=0, title=names[0], titleAnchor="start", **words)
    left = alt.Axis(title=None, labelColor=INK, **words)
    edges = [i / len(SHADES) for i in range(1, len(SHADES))]
    shade = alt.Scale(type="threshold", domain=edges, range=list(SHADES))
    place: Any = {
        "x": alt.X("column:N", sort=list(across), axis=top, scale=alt.Scale(padding=0.02)),
        "y": alt.Y("row:N", sort=list(down), axis=left, scale=alt.Scale(padding=0.04)),
        "href": alt.Href("href:N"),
    }
    box = alt.Chart().mark_rect().encode(description="about:N", **place)

    def words_of(when: str, colour: str) -> list[Any]:
        looks: dict[str, Any] = {
            "rate_words": {"dy": -7, "fontWeight": 600},
            "span": {"dy": 8, "fontSize": 10.5},
        }
        return [
            text(of, color=colour, **look).transform_filter(when).encode(**place)
            for of, look in looks.items()
        ]

    layers = [
        box.transform_filter("datum.shaded").encode(
            color=alt.Color("rate:Q", scale=shade, legend=None)
        ),
        box.transform_filter("!datum.shaded").encode(color=alt.value(NOT_RUN)),
        *words_of("datum.strong", ON_STRONG),
        *words_of("!datum.strong", ON_PALE),
    ]
    high = max(HIGH, *(LINE * (words.count("\n") + 1) + 4 for words in down))
    width = alt.Step((WIDTH - LEFT) / len(across))
    chart: Any = alt.layer(*layers).properties(width=width, height=alt.Step(high))
    with theme():
        made: Chart = (
            chart.facet(row=group_row(), data=alt.NamedData("lines"))
            .resolve_axis(x="independent")
            .to_dict(validate=False)
        )
        return made


def _words(plotted: PlottedCell, part: int, most: int) -> str:
    """A part of a name in words, a line for each factor or word that needs one."""
    lines = [line for phrase in plotted.part(part) for line in wrapped(phrase, most)]
    return "\n".join(lines)


def _boxes(
    panels: Sequence[tuple[str, Sequence[PlottedCell]]], axes: _Axes, most: int
) -> Iterator[dict[str, Any]]:
    for order, (heading, cells) in enumerate(panels):
        for plotted in cells:
            rate, cell = plotted.rate, plotted.cell
            shaded = not counts_only(rate) and not plotted.out
            words = rate_numbers(rate, cell.unexposed) if counts_only(rate) else percent(rate.rate)
            span = interval_text(reach(rate) or rate.interval).removesuffix(" %")
            if counts_only(rate):
                apart = {"unscored": rate.unknown, "unexposed": cell.unexposed}
                span = ", ".join(f"{n} {name}" for name, n in apart.items() if n)
            yield rate_data(plotted, rate, plotted.metric) | {
                "group": heading,
                "line": order,
                "row": _words(plotted, axes.down, 15),
                "column": _words(plotted, axes.across, most),
                "shaded": shaded,
                "strong": shaded and int((rate.rate or 0) * len(SHADES)) >= STRONG,
                "rate_words": words,
                "span": span,
                "about": visible(f"{plotted.label()}: {rate_text(rate, cell.unexposed)}"),
                "href": trials_link(cell.model, cell.condition),
            }


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
    headed = [
        (_heading(p[0], grid, axes), p)
        for p in panels.values()
        if min(axes.size(p)) > 1 and len(p) > 2
    ]
    down, across = (visible(grid.parts[i]) for i in (axes.down, axes.across))
    figures = []
    for page, which in pages([[one] for one in headed], lambda p: 3 + 3 * axes.size(p[0][1])[0]):
        cells = [c for _, panel in page for c in panel]
        columns, rows = _in_order(cells, axes.across), _in_order(cells, axes.down)
        most = int((WIDTH - LEFT) / len(columns) / 6.2)
        chart = _heat_chart(
            tuple(_words(c, axes.across, most) for c in columns.values()),
            tuple(_words(c, axes.down, 15) for c in rows.values()),
            (across, down),
        )
        parts = [
            f"{metric_name(cells).capitalize()} rate of each model by {across} (across) and {down} "
            f"(down), {trials_text(cells)}; the stronger the colour the more. {metric_text(cells)}",
            "Without colour: fewer than 10 scored trials, or screened out by its controls."
            if any(c.out or counts_only(c.rate) for c in cells)
            else "",
            "Below each rate its 95 % interval (Wilson)"
            + (
                "; with unscored trials, where it lies whatever they were."
                if any(reach(c.rate) for c in cells)
                else "."
            ),
            shared_text(cells),
        ]
        figures.append(
            Figure(
                file_name(f"{across}-{down}", grid.scenario, which.number),
                f"Is it the {across} or the {down} in {visible(grid.scenario)}?{which.title}",
                " ".join(part for part in parts if part),
                filled(chart, list(_boxes(page, axes, most))),
                " ".join(_alternative(heading, panel) for heading, panel in page),
            )
        )
    return figures


def _alternative(heading: str, cells: Sequence[PlottedCell]) -> str:
    words = (f"{c.label()} {rate_text(c.rate, c.cell.unexposed)}" for c in cells)
    return f"{' '.join(heading.split())}: {'; '.join(words)}."


def _heading(plotted: PlottedCell, grid: Grid, axes: _Axes) -> str:
    """The model of a panel, and the levels that all its cells share."""
    labels = model_labels(c.cell.model for c in grid.cells)
    varied = len({axes.others(c) for c in grid.cells}) > 1
    parts = [i for i in range(len(plotted.named)) if i not in (axes.down, axes.across)]
    choice = plotted.cell.choice
    shared = [
        *(phrase for i in parts if varied for phrase in plotted.part(i)),
        *(level_words(factor, level, choice.naming) for factor, level in choice.extra),
    ]
    words = ", ".join([labels[plotted.cell.model], *map(visible, shared)])
    return "\n".join(wrapped(words + (" (screened out)" if plotted.out else ""), 34))
