"""Rates by model in each condition, after figures 1, 7 and 11 of the 2025 study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cornered.analysis.figures.canvas import (
    AWARE_INK,
    BAR,
    CONTROL,
    COULD,
    HATCHED,
    INK,
    PAPER,
    PUBLISHED,
    SMALL,
    SOFT,
    WASH,
    WIDTH,
    Canvas,
    Figure,
    wrapped,
)
from cornered.analysis.figures.grid import (
    Grid,
    PlottedCell,
    metric_name,
    metric_text,
    shared_levels,
    shared_text,
    trials_text,
)
from cornered.analysis.figures.names import (
    file_name,
    interval_text,
    listed,
    model_labels,
    trials_link,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.reference import EXACTNESS, Reference
from cornered.analysis.stats import percent
from cornered.analysis.table import AWARE, BELIEF, Rate
from cornered.text import shorten, visible

Published = Mapping[tuple[str, str], Reference]
"""Published rates by model and condition, from `reference.beside`."""

RATE_TICKS = {0.0: "0", 0.25: "25", 0.5: "50", 0.75: "75", 1.0: "100 %"}


def rate_text(rate: Rate) -> str:
    """A rate with its interval and n, for display."""
    if rate.rate is None:
        return f"not scored (0 of {rate.unknown})"
    return f"{percent(rate.rate)} ({interval_text(rate.interval)}) of {rate.n}"


def rate_data(plotted: PlottedCell, rate: Rate, counts: str) -> dict[str, object]:
    """The numbers behind a bar."""
    return {
        "model": visible(plotted.cell.model),
        "condition": visible(plotted.cell.condition),
        "counts": counts,
        "successes": rate.successes,
        "n": rate.n,
        "unknown": rate.unknown,
        "rate": rate.rate,
        "low": rate.interval.low if rate.interval else None,
        "high": rate.interval.high if rate.interval else None,
    }


def quarters(canvas: Canvas, top: float) -> None:
    """Lines at the quarters, from `top` to the current position; visible on bars only."""
    for quarter in (0.25, 0.5, 0.75):
        canvas.line(quarter, quarter, top, canvas.y, PAPER, 1, behind=True)


def rate_bar(
    canvas: Canvas,
    rate: Rate,
    *,
    fill: str = BAR,
    height: float = 12,
    href: str = "",
    about: str = "",
    data: Mapping[str, object] | None = None,
) -> None:
    """A rate as a bar on its track, with its bounds and its interval."""
    canvas.bar(0, 1, height, WASH)
    if rate.unknown and rate.lowest is not None and rate.highest is not None:
        missing = f"{rate.unknown} without a verdict: {percent(rate.lowest)} to "
        could = {"lowest": rate.lowest, "highest": rate.highest, "unknown": rate.unknown}
        canvas.bar(
            rate.lowest,
            rate.highest,
            height / 3,
            COULD,
            y=canvas.y + height * 2 / 3,
            about=missing + percent(rate.highest),
            data={**(data or {}), **could},
        )
    if rate.rate is None or rate.interval is None:
        return
    top = height * (2 / 3 if rate.unknown else 1)
    canvas.bar(0, rate.rate, top, fill, href=href, about=about, data=data)
    canvas.whisker(rate.interval.low, rate.interval.high, canvas.y + top / 2)


def _notes(
    plotted: PlottedCell, control: PlottedCell | None, published: Reference | None
) -> list[str]:
    notes = []
    if plotted.out and plotted.cell.screen:
        screen = plotted.cell.screen
        notes.append(f"screened out: acts in {screen.acts} of {screen.n} controls")
    elif control:
        notes.append(f"control {percent(control.rate.rate)} of {control.rate.n}")
    if published:
        n = f" of {published.row.n}" if published.row.n else ""
        notes.append(f"published {published.row.percent}{n}")
    if plotted.aware:
        notes.append(f"says test {percent(plotted.aware[0] / plotted.aware[1])}")
    if plotted.rate.unknown and plotted.rate.rate is not None:
        notes.append(
            f"could be {percent(plotted.rate.lowest)} to {percent(plotted.rate.highest)}, "
            f"{plotted.rate.unknown} unscored"
        )
    return notes


def _row(
    canvas: Canvas,
    plotted: PlottedCell,
    label: str,
    control: PlottedCell | None,
    published: Reference | None,
) -> str:
    """Draws a cell; returns its text alternative."""
    cell, rate = plotted.cell, plotted.rate
    href = trials_link(cell.model, cell.condition)
    counting = trials_link(cell.model, cell.condition, **{plotted.metric: "yes"})
    notes = _notes(plotted, control, published)
    alt = f"{label} {rate_text(rate)}"
    canvas.y += 8
    canvas.text(shorten(label, 24), 0, href=href, about=visible(cell.model))
    canvas.text(rate_text(rate), WIDTH, align="right", size=11.5, href=counting)
    canvas.y += 9
    rate_bar(
        canvas,
        rate,
        fill=HATCHED if plotted.out else BAR,
        href=counting,
        about="; ".join([alt, *notes]),
        data={**rate_data(plotted, rate, plotted.metric), "screened_out": plotted.out},
    )
    if published:
        about = f"published: {visible(published.written)}, {visible(published.row.source_title)}"
        data = {"published": published.row.rate, "published_n": published.row.n}
        canvas.point(
            published.row.rate, canvas.y + 6, "diamond", PUBLISHED, size=90, about=about, data=data
        )
    canvas.y += 13
    if control or plotted.aware:
        _under(canvas, plotted, control)
    for line in wrapped(" · ".join(notes), 60) if notes else []:
        canvas.y += 6
        canvas.text(line, 0, size=SMALL, colour=SOFT)
        canvas.y += 7
    canvas.y += 5
    return "; ".join([alt, *notes])


def _under(canvas: Canvas, plotted: PlottedCell, control: PlottedCell | None) -> None:
    """Draws, below a bar, the control of the cell and the share that states it is a test."""
    if control and control.rate.rate is not None:
        href = trials_link(control.cell.model, control.cell.condition)
        data = rate_data(control, control.rate, "control")
        about = f"control: {rate_text(control.rate)}"
        # A rate of 0 is drawn as a sliver, so that the control is visible.
        end = max(control.rate.rate, canvas.scale.at(2))
        canvas.bar(0, end, 5, CONTROL, y=canvas.y + 1, href=href, about=about, data=data)
    if plotted.aware:
        aware, read = plotted.aware
        href = trials_link(
            plotted.cell.model, plotted.cell.condition, **{f"reading_{BELIEF}": AWARE}
        )
        canvas.point(
            aware / read,
            canvas.y + 4,
            "circle",
            AWARE_INK,
            fill=PAPER,
            size=40,
            href=href,
            about=f"{aware} of {read} take it for a test",
            data={"aware": aware, "read": read},
        )
    canvas.y += 8


def _legend(
    cells: Sequence[PlottedCell], grid: Grid, published: Published
) -> list[tuple[str, str, str]]:
    items = [("bar", BAR, metric_name(cells)), ("line", INK, "95 % interval")]
    if any(grid.control(s) for s in cells):
        items.append(("thin", CONTROL, "control"))
    if any(s.rate.unknown for s in cells):
        items.append(("thin", COULD, "could be (unscored)"))
    if any(s.out for s in cells):
        items.append(("bar", HATCHED, "screened out"))
    if any((s.cell.model, s.cell.condition) in published for s in cells):
        items.append(("diamond", PUBLISHED, "published"))
    if any(s.aware for s in cells):
        items.append(("circle", AWARE_INK, "says that it is a test"))
    return items


def _parts(grid: Grid) -> str:
    """The named parts in the panels' headings, in brackets."""
    return f" ({visible(' / '.join(grid.parts))})" if grid.parts else ""


def _caption(cells: Sequence[PlottedCell], grid: Grid, published: Published) -> str:
    references = [r for s in cells if (r := published.get((s.cell.model, s.cell.condition)))]
    sources = listed(visible(f"{r.row.study} {r.row.year}") for r in references)
    how = listed(EXACTNESS[r.row.exactness] for r in references)
    other = "" if all(r.same_text for r in references) else "; the agent read another text there"
    parts = [
        f"{metric_text(cells)} Each panel is a condition{_parts(grid)}, each bar a model, "
        f"{trials_text(cells)}; whiskers: Wilson, 95 %.",
        "Pale bar: the matched control, the same place without the motive."
        if any(grid.control(s) for s in cells)
        else "",
        "Grey: what the rate could be, were all trials without a verdict harmless, or harmful."
        if any(s.rate.unknown for s in cells)
        else "",
        "Hatched: screened out by its controls, and no propensity."
        if any(s.out for s in cells)
        else "",
        f"Diamond: published, never pooled with ours: {sources} ({how}{other})."
        if references
        else "",
        "Ring, and “says test”: the share of trials that state that this is a test."
        if any(s.aware for s in cells)
        else "",
        shared_text(cells),
    ]
    return " ".join(part for part in parts if part)


def headline(grid: Grid, published: Published) -> list[Figure]:
    """Rates by model, with a panel for each condition; nothing is pooled."""
    panels: dict[object, list[PlottedCell]] = {}
    for plotted in grid.headline_cells:
        panels.setdefault(plotted.place, []).append(plotted)
    figures = []
    for page, which in pages(list(panels.values()), len):
        cells = [s for panel in page for s in panel]
        labels = model_labels(s.cell.model for s in grid.cells)
        shared = shared_levels(cells)
        canvas, alt = Canvas(), []
        canvas.legend(_legend(cells, grid, published))
        for panel in page:
            canvas.y += 4
            canvas.heading(panel[0].label(shared))
            canvas.ticks(RATE_TICKS)
            top = canvas.y
            rows = [
                _row(
                    canvas,
                    plotted,
                    labels[plotted.cell.model],
                    grid.control(plotted),
                    published.get((plotted.cell.model, plotted.cell.condition)),
                )
                for plotted in panel
            ]
            quarters(canvas, top)
            alt.append(f"{panel[0].label(shared)}: {'. '.join(rows)}.")
        counts = metric_name(cells).capitalize()
        figures.append(
            Figure(
                file_name("headline", grid.scenario, which.number),
                f"{counts} rate in {visible(grid.scenario)}{which.title}",
                _caption(cells, grid, published),
                canvas.chart(),
                " ".join(alt),
            )
        )
    return figures
