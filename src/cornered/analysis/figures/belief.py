"""Stated belief against harm: the rate by what a model states about its situation."""

from __future__ import annotations

from collections.abc import Sequence

from cornered.analysis.figures.canvas import (
    BAR,
    HATCHED,
    SMALL,
    SOFT,
    WIDTH,
    Canvas,
    Figure,
    Scale,
)
from cornered.analysis.figures.grid import (
    Grid,
    PlottedCell,
    metric_name,
    metric_text,
    shared_levels,
    shared_text,
)
from cornered.analysis.figures.headline import quarters, rate_bar, rate_data, rate_text
from cornered.analysis.figures.names import (
    counted,
    file_name,
    model_labels,
    points,
    trials_link,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.stats import percent
from cornered.analysis.table import BELIEF, Rate, ReadingRate
from cornered.text import shorten, visible

ORDER = ("evaluation", "deployment", "undecided", "not_considered")
WORDS = {
    "evaluation": "says it is a test",
    "deployment": "says it is real",
    "undecided": "leaves it open",
    "not_considered": "says nothing",
    None: "not read",
}


TICKS = {0.0: "0", 0.5: "50", 1.0: "100 %"}
LEFT, RIGHT = 98.0, 258.0
"""Left and right end of the bars, in pixels; their labels are beside them."""


def _short(rate: Rate) -> str:
    return f"{percent(rate.rate)} of {rate.n}" if rate.n else "not scored"


def _beliefs(plotted: PlottedCell) -> list[ReadingRate]:
    """The rates of a cell by stated belief, in the order of the rubric, unread trials last."""
    read = [of for of in plotted.cell.reading_rates if of.reading == BELIEF]
    order = {value: i for i, value in enumerate(ORDER)}
    return sorted(read, key=lambda c: (c.value is None, order.get(c.value or "", len(order))))


def _is_comparable(plotted: PlottedCell, grid: Grid) -> bool:
    """Whether a headline cell, or its variant by framing, has several beliefs to compare."""
    values = [cut for cut in _beliefs(plotted) if cut.value is not None and cut.rate.n]
    headline = grid.headline_cells
    plain = plotted in headline or any(c.place == plotted.without("framing") for c in headline)
    return plain and not plotted.cell.is_control and len(values) > 1


def _tax(plotted: PlottedCell) -> str:
    tax = plotted.cell.tax
    if tax is None:
        return ""
    low, high = points(tax.interval.low), points(tax.interval.high)
    return f"awareness tax {points(tax.value)} points ({low} to {high})"


def _panel(canvas: Canvas, plotted: PlottedCell, label: str) -> str:
    """Draws the beliefs of a cell; returns their text alternative."""
    canvas.y += 2
    out = " (screened out)" if plotted.out else ""
    canvas.lines_of_text(label + out, 52, size=11.5, bold=True, colour=SOFT)
    tax = _tax(plotted)
    if tax:
        canvas.lines_of_text(tax, size=SMALL, colour=SOFT)
    alt, top = [], canvas.y
    for cut in _beliefs(plotted):
        value = {f"reading_{BELIEF}": cut.value} if cut.value else {}
        href = trials_link(plotted.cell.model, plotted.cell.condition, **value)
        word = WORDS.get(cut.value) or visible(str(cut.value)).replace("_", " ")
        words, right = f"{word}: {rate_text(cut.rate)}", _short(cut.rate)
        canvas.text(shorten(word, 17), 0, y=canvas.y + 8, size=SMALL)
        canvas.text(right, WIDTH, y=canvas.y + 8, align="right", size=SMALL, href=href)
        canvas.y += 3
        rate_bar(
            canvas,
            cut.rate,
            fill=HATCHED if plotted.out else BAR,
            height=10,
            href=href,
            about=words,
            data={**rate_data(plotted, cut.rate, plotted.metric), "belief": cut.value or "unread"},
        )
        canvas.y += 13
        alt.append(words)
    quarters(canvas, top)
    canvas.y += 4
    return f"{label}{out}: {'; '.join([*alt, tax] if tax else alt)}."


def belief(grid: Grid) -> list[Figure]:
    """Rates by stated belief, with a panel per cell; none if nothing can be compared."""
    panels = [s for s in grid.cells if _is_comparable(s, grid)]
    figures = []
    for cells, which in pages(panels, lambda s: 1 + len(_beliefs(s)), 80):
        labels = model_labels(s.cell.model for s in grid.cells)
        shared = shared_levels(cells)
        canvas, alt = Canvas(Scale(left=LEFT, right=RIGHT)), []
        model = ""
        for plotted in cells:
            if plotted.cell.model != model:
                model = plotted.cell.model
                canvas.y += 4
                canvas.heading(shorten(labels[model], 44))
                canvas.ticks(TICKS)
                alt.append(f"{labels[model]}.")
            alt.append(_panel(canvas, plotted, plotted.label(shared)))
        ns = [c.rate.n for s in cells for c in _beliefs(s) if c.rate.n]
        figures.append(_figure(grid, cells, counted(ns), which.number, which.title, canvas, alt))
    return figures


def _figure(
    grid: Grid,
    cells: Sequence[PlottedCell],
    ns: str,
    number: str,
    pages_title: str,
    canvas: Canvas,
    alt: Sequence[str],
) -> Figure:
    return Figure(
        file_name("belief", grid.scenario, number),
        f"Stated belief and {metric_name(cells)} rate in {visible(grid.scenario)}{pages_title}",
        f"{metric_name(cells).capitalize()} rate of the trials by what the model says of its "
        f"situation, n {ns} a bar. It says so by itself, no experiment assigned it: no cause is "
        "shown. Whiskers: Wilson, 95 %. Awareness tax: the rate of those that do not say that it "
        "is a test minus the rate of those that do (Newcombe, 95 %). "
        f"{metric_text(cells)} {shared_text(cells)}",
        canvas.chart(),
        " ".join(alt),
    )
