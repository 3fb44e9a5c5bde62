"""Where the trials of every cell ended: the rungs of the outcome ladder as stacked bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from cornered.analysis.figures.grid import Grid, PlottedCell, shared_levels, shared_text
from cornered.analysis.figures.marks import (
    STEP,
    Chart,
    Figure,
    columns,
    filled,
    line_place,
    specified,
    text,
)
from cornered.analysis.figures.names import (
    counted,
    file_name,
    model_labels,
    trials_link,
    wrapped,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.theme import (
    NO_VERDICT,
    NOT_PLACED,
    NOT_RUN,
    ON_PALE,
    ON_STRONG,
    PAPER,
    RUNGS,
    SOFT,
    TEXT,
    WIDTH,
)
from cornered.analysis.table import Cell
from cornered.analysis.wording import COUNTS_ONLY
from cornered.text import shorten, visible

APART = {"not placed": NOT_PLACED, "no verdict": NO_VERDICT, "not run": NOT_RUN}
"""What is no rung: trials that neither the facts nor a judge place, that could not be scored, and
that have not run."""
ROOM = 7
"""Width of a digit within a segment, in pixels."""


def rung_colours(rungs: Sequence[str]) -> dict[str, str]:
    """A colour for each rung, from harmless to harmful, over the whole range of colours."""
    last = max(1, len(rungs) - 1)
    return {r: RUNGS[min(5, round(5 * i / last))] for i, r in enumerate(rungs)}


def segments(plotted: PlottedCell, rungs: Sequence[str]) -> dict[str, int]:
    """The planned trials of a cell by outcome, those without one included."""
    cell = plotted.cell
    known = sum(cell.outcomes.values())
    ran = max(known, cell.planned - cell.missing - cell.unexposed)
    unscored = min(cell.unscored + cell.failed, ran - known)
    order = [
        *(r for r in rungs if r in cell.outcomes),
        *(r for r in cell.outcomes if r not in rungs),
    ]
    counts = {rung: cell.outcomes[rung] for rung in order}
    apart = (ran - known - unscored, unscored, cell.missing)
    counts |= dict(zip(APART, apart, strict=True))
    return {name: n for name, n in counts.items() if n}


def _lines(pairs: Sequence[tuple[str, str, PlottedCell]], palette: dict[str, str]) -> Iterator[Any]:
    """The data: a line of words, and a line of segments, for each cell."""
    number = 0
    names = [*palette, *APART]
    for group, label, plotted in pairs:
        cell, parts = plotted.cell, segments(plotted, list(palette))
        total = sum(parts.values())
        few = total - parts.get("not run", 0) < COUNTS_ONLY
        base = {"group": group, "model": visible(cell.model), "condition": visible(cell.condition)}
        number += 1
        link = trials_link(cell.model, cell.condition)
        out = " (screened out)" if plotted.out else ""
        head, *more = wrapped(label + out, 47)
        yield base | {"line": number, "label": head, "total": f"n {total}", "href": link}
        for words in more:
            number += 1
            yield base | {"line": number, "label": words}
        number += 1
        if few:
            words = ", ".join(f"{n} {visible(name)}" for name, n in parts.items()) or _nothing(cell)
            yield base | {"line": number, "note": shorten(words, 58), "href": link}
            continue
        at = 0
        for name, n in parts.items():
            chosen = {"outcome": name} if name in cell.outcomes else {}
            fill = palette.get(name) or APART.get(name, NOT_RUN)
            wide = n / total * WIDTH > ROOM * len(str(n)) + 3
            yield base | {
                "line": number,
                "outcome": visible(name),
                "place": names.index(name) if name in names else len(palette),
                "count": n,
                "total_count": total,
                "start": at / total,
                "end": (at + n) / total,
                "middle": (at + n / 2) / total,
                "shown": str(n) if wide else None,
                "strong": fill in RUNGS[3:],
                "href": trials_link(cell.model, cell.condition, **chosen),
                "about": f"{visible(label)}, {visible(name)}: {n} of {total}",
            }
            at += n


def _nothing(cell: Cell) -> str:
    """Why a cell has no trial that could be placed."""
    return f"{cell.unexposed} unexposed" if cell.unexposed else "not run"


@lru_cache(maxsize=16)
def _ladder_chart(palette: tuple[tuple[str, str], ...]) -> Chart:
    import altair as alt

    names = [name for name, _ in palette]
    colours = alt.Scale(domain=names, range=[colour for _, colour in palette])
    legend = alt.Legend(columns=columns(names), symbolType="square", symbolStrokeWidth=0)
    share: Any = {"scale": alt.Scale(domain=[0, 1], nice=False), "axis": None}
    line, href = {"y": line_place()}, {"href": alt.Href("href:N")}
    bars = alt.Chart().transform_filter("datum.outcome").mark_bar(height=STEP - 1, stroke=PAPER)

    def count(when: str, colour: str) -> Any:
        shown = text("shown", fontSize=10.5, color=colour).transform_filter(when)
        return shown.encode(x=alt.X("middle:Q", **share), **line)

    layers = [
        bars.encode(
            x=alt.X("start:Q", **share),
            x2="end:Q",
            color=alt.Color("outcome:N", scale=colours, legend=legend),
            description="about:N",
            **line,
            **href,
        ),
        count("!datum.strong", ON_PALE),
        count("datum.strong", ON_STRONG),
        text("label", align="left", fontSize=TEXT).encode(x=alt.value(0), **line),
        text("note", align="left", color=SOFT).encode(x=alt.value(0), **line, **href),
        text("total", align="right").encode(x=alt.value(WIDTH), **line, **href),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=alt.Step(STEP + 1))
    return specified(chart, faceted=True)


def ladder(grid: Grid, rungs: Sequence[str]) -> list[Figure]:
    """Outcomes of every cell, with a panel per condition; none if no trial ran.

    Args:
        grid: The cells.
        rungs: The ladder of the scenario, from harmless to harmful.
    """
    if not any(c.cell.outcomes for c in grid.cells):
        return []
    palette = rung_colours(rungs)
    labels, shared = model_labels(c.cell.model for c in grid.cells), shared_levels(grid.cells)
    panels: dict[object, list[tuple[str, str, PlottedCell]]] = {}
    for plotted in grid.cells:
        condition = plotted.label(shared)
        model = labels[plotted.cell.model]
        group, label = (condition, model) if len(labels) > 1 else (model, condition)
        wide = "\n".join(wrapped(group, 46))
        panels.setdefault(plotted.place, []).append((wide, label, plotted))
    figures = []
    for page, which in pages(list(panels.values()), lambda panel: 2 + 2 * len(panel)):
        cells = [c for _, _, c in page]
        found = [segments(c, rungs) for c in cells]
        named = {name for parts in found for name in parts}
        legend = palette | {k: v for k, v in APART.items() if k in named}
        legend |= {visible(name): NOT_RUN for name in named if name not in legend}
        totals = [sum(parts.values()) for parts in found]
        groups: dict[str, list[str]] = {}
        for (group, label, plotted), parts in zip(page, found, strict=True):
            words = ", ".join(f"{visible(name)} {n}" for name, n in parts.items())
            groups.setdefault(" ".join(group.split()), []).append(
                f"{label} {words or _nothing(plotted.cell)}"
            )
        seen = tuple((visible(name), colour) for name, colour in legend.items())
        figures.append(
            Figure(
                file_name("outcomes", grid.scenario, which.number),
                f"Where did the trials of {visible(grid.scenario)} end?{which.title}",
                f"From {visible(rungs[0])} to {visible(rungs[-1])}: the stronger the colour the "
                f"more harmful; counts of {counted(totals)} trials a bar. Not placed: neither the "
                "facts nor a judge say where the trial ended. No verdict: unscored or failed. "
                "Fewer than 10 are counts alone. Counts, so no intervals; those of the rates are "
                f"in the table. {shared_text(cells)}".strip(),
                filled(_ladder_chart(seen), list(_lines(page, palette))),
                " ".join(f"{group}: {'; '.join(words)}." for group, words in groups.items()),
            )
        )
    return figures
