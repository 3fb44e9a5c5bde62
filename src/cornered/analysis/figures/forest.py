"""Forest plots of differences and effects: points with intervals, and a line of no effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from cornered.analysis.figures.canvas import (
    BAR,
    COULD,
    LINE,
    PAPER,
    SMALL,
    SOFT,
    WASH,
    WIDTH,
    Canvas,
    Figure,
    Scale,
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
    counted,
    file_name,
    model_labels,
    points,
    trials_link,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.stats import newcombe, percent
from cornered.text import shorten, visible

if TYPE_CHECKING:
    from cornered.analysis.estimands import Contrast
    from cornered.analysis.paired import Paired

TITLES = {"instructions": "Mitigation arms", "framing": "Framing"}
"""Titles of factors that have a special one."""


@dataclass(frozen=True)
class Line:
    """One line of a forest plot."""

    label: str
    value: float | None
    """None if undefined; `note` then gives the reason."""
    low: float
    high: float
    text: str
    """The numbers, for display."""
    note: str = ""
    href: str = ""
    pooled: bool = False
    out: bool = False
    """Whether its model is screened out."""
    data: Mapping[str, Any] | None = None


def _draw(canvas: Canvas, line: Line, null: float) -> str:
    """Draws a line, with the null value marked; returns its text alternative."""
    alt = f"{line.label} {line.text}" + (f" ({line.note})" if line.note else "")
    canvas.y += 8
    *above, last = wrapped(line.label, max(16, 46 - len(line.text)))
    for words in above:
        canvas.text(words, 0, bold=line.pooled)
        canvas.y += 14
    canvas.text(last, 0, bold=line.pooled)
    canvas.text(line.text, WIDTH, align="right", size=11.5, href=line.href)
    canvas.y += 14
    scale = canvas.scale
    canvas.bar(scale.low, scale.high, 12, WASH, y=canvas.y - 6)
    canvas.line(null, null, canvas.y - 6, canvas.y + 6, SOFT, 1)
    if line.value is not None:
        canvas.whisker(line.low, line.high, canvas.y)
        canvas.point(
            min(max(line.value, scale.low), scale.high),
            canvas.y,
            "diamond" if line.pooled else "square" if line.out else "circle",
            COULD if line.out else BAR,
            fill=PAPER if line.out else None,
            size=130 if line.pooled else 60,
            href=line.href,
            about=alt,
            data=line.data,
        )
    canvas.y += 9
    for words in wrapped(line.note, 60) if line.note else []:
        canvas.y += 5
        canvas.text(words, 0, size=SMALL, colour=SOFT)
        canvas.y += 8
    canvas.y += 2
    return alt


def _points_scale(lines: Sequence[Line]) -> tuple[Scale, dict[float, str]]:
    """A scale of percentage points that holds all intervals and 0, in steps of 25."""
    ends = [0.0, *(e for line in lines if line.value is not None for e in (line.low, line.high))]
    low = max(-1.0, -ceil(-min(ends) * 4 - 1e-9) / 4)
    high = min(1.0, ceil(max(ends) * 4 - 1e-9) / 4)
    low, high = (low, high) if low < high else (-0.25, 0.25)
    step = 0.5 if high - low > 1.3 else 0.25
    steps = [i * step for i in range(-4, 5) if low <= i * step <= high]
    ticks = {v: points(v) for v in dict.fromkeys([low, *steps, high])}
    ticks[high] += " points"
    return Scale(low, high, 4, WIDTH - 4), ticks


def _difference(plotted: PlottedCell, other: PlottedCell, label: str) -> Line | None:
    """A cell minus the one at the default of a factor; None if either has no trials."""
    a, b = plotted.rate, other.rate
    difference = newcombe(a.successes, a.n, b.successes, b.n)
    if difference is None:
        return None
    low, high = difference.interval.low, difference.interval.high
    out = plotted.out
    return Line(
        label,
        difference.value,
        low,
        high,
        f"{points(difference.value)} ({points(low)} to {points(high)})",
        f"{percent(a.rate)} of {a.n} against {percent(b.rate)} of {b.n}"
        + ("; screened out" if out else ""),
        trials_link(plotted.cell.model, plotted.cell.condition),
        out=out,
        data={
            "model": visible(plotted.cell.model),
            "condition": visible(plotted.cell.condition),
            "against": visible(other.cell.condition),
            "difference": difference.value,
            "low": low,
            "high": high,
            "n": a.n,
            "against_n": b.n,
        },
    )


def _by_model(
    canvas: Canvas, panel: Sequence[tuple[PlottedCell, Line]], labels: Mapping[str, str]
) -> list[str]:
    """Draws the lines of a panel, each model under its name; returns their text alternatives."""
    alt, model = [], ""
    for plotted, line in panel:
        if plotted.cell.model != model:
            model = plotted.cell.model
            canvas.y += 3
            canvas.lines_of_text(shorten(labels[model], 48), size=11.5, bold=True, colour=SOFT)
        alt.append(f"{labels[model]}, {_draw(canvas, line, 0)}")
    return alt


def differences(grid: Grid, factor: str) -> list[Figure]:
    """Each level of a factor against its default, all else equal; a panel for each such cell.

    Controls are left out: they have next to no harm that a factor could change.

    Args:
        grid: The cells.
        factor: A factor that names show only if it is not at its default, such as `framing`.
    """
    labels = model_labels(s.cell.model for s in grid.cells)
    panels: dict[object, list[tuple[PlottedCell, Line]]] = {}
    for plotted in (s for s in grid.cells if not s.cell.is_control):
        other = grid.by_place.get((plotted.cell.model, plotted.without(factor)))
        level = plotted.level(factor)
        if level is None or other is None:
            continue
        if line := _difference(plotted, other, visible(level)):
            panels.setdefault(plotted.without(factor), []).append((plotted, line))
    figures = []
    name = {"instructions": "arms"}.get(factor, factor)
    for page, which in pages(list(panels.values()), len):
        cells = [s for panel in page for s, _ in panel]
        lines = [line for panel in page for _, line in panel]
        shared = shared_levels(cells)
        scale, ticks = _points_scale(lines)
        canvas, alt = Canvas(scale), []
        for panel in page:
            first = panel[0][0]
            heading = first.label(shared, factor)
            canvas.y += 4
            canvas.heading(heading)
            canvas.ticks(ticks)
            alt.append(f"{heading}: {'. '.join(_by_model(canvas, panel, labels))}.")
        out = " Hollow square: screened out by its controls." if any(s.out for s in cells) else ""
        figures.append(
            Figure(
                file_name(name, grid.scenario, which.number),
                f"{TITLES.get(factor, visible(factor).capitalize())} in "
                f"{visible(grid.scenario)}{which.title}",
                f"{metric_name(cells).capitalize()} rate with each level of {visible(factor)} "
                "minus the rate without it (the default), all else equal, in percentage points; "
                f"left of the line is less harm; {trials_text(cells)}; "
                f"whiskers: Newcombe, 95 %.{out} {metric_text(cells)} "
                f"{shared_text(cells, factor)}".strip(),
                canvas.chart(),
                " ".join(alt),
            )
        )
    return figures


def _effect(effect: Contrast) -> Line:
    model = effect.model if isinstance(effect.model, str) else " minus ".join(effect.model)
    label = model if effect.kind == "model" else f"{effect.factor} {effect.level} ({model})"
    value, interval = effect.difference.value, effect.difference.interval
    if value is None or interval is None:
        reason = effect.difference.reason or effect.note or ""
        return Line(visible(label), None, 0, 0, "not estimable", visible(reason))
    low, high = interval.low, interval.high
    notes = [f"n {effect.sides[0].n} against {effect.sides[1].n}"]
    notes += [effect.note] if effect.note else []
    return Line(
        visible(label),
        value,
        low,
        high,
        f"{points(value)} ({points(low)} to {points(high)})",
        visible(" · ".join(notes)),
        data={
            "kind": effect.kind,
            "factor": visible(effect.factor),
            "level": visible(effect.level),
            "reference": visible(effect.reference),
            "difference": value,
            "low": low,
            "high": high,
            "n": effect.sides[0].n,
        },
    )


def effects_forest(scenario: str, effects: Sequence[Contrast], metric: str) -> Figure | None:
    """The contrasts of a scenario in percentage points; None without any.

    Args:
        scenario: Name of the scenario; scenarios are never pooled.
        effects: From `run_effects`.
        metric: The verdict that the rate counts: `harmful` or `act`.
    """
    if not effects:
        return None
    lines = [_effect(e) for e in effects]
    scale, ticks = _points_scale(lines)
    canvas = Canvas(scale)
    canvas.ticks(ticks)
    alt = [_draw(canvas, line, 0) for line in lines]
    return Figure(
        file_name("effects", scenario),
        f"Effects of factors in {visible(scenario)}",
        f"The {metric} rate with each level minus that with its reference, in percentage points, "
        "each condition with equal weight, controls left out; whiskers: MOVER, 95 %.",
        canvas.chart(),
        "; ".join(alt) + ".",
    )


def comparison(
    name: str, a: str, b: str, compared: Paired, hrefs: Mapping[str, str] | None = None
) -> Figure | None:
    """Two sides compared, by condition and pooled; None if no condition is scored on both.

    Args:
        name: Name of the figure, such as a scenario.
        a: Name of the first side.
        b: Name of the second side.
        compared: From `paired.paired`; its strata are named by their conditions.
        hrefs: Links of the lines, by the name of their stratum.
    """
    lines = []
    for stratum in compared.strata:
        if stratum.difference is None:
            continue
        of, value, interval = stratum.stratum, stratum.difference.value, stratum.difference.interval
        adjusted = "" if stratum.adjusted is None else f" · p {_p(stratum.adjusted)} after Holm"
        lines.append(
            Line(
                visible(of.name.removeprefix(f"{name}/")),
                value,
                interval.low,
                interval.high,
                f"{points(value)} ({points(interval.low)} to {points(interval.high)})",
                f"{percent(of.k_a / of.n_a)} of {of.n_a} against "
                f"{percent(of.k_b / of.n_b)} of {of.n_b}{adjusted}",
                (hrefs or {}).get(of.name, ""),
                data={
                    "stratum": visible(of.name),
                    "difference": value,
                    "low": interval.low,
                    "high": interval.high,
                    "n": of.n_a,
                    "against_n": of.n_b,
                },
            )
        )
    if not lines:
        return None
    if len(lines) > 1:
        lines.append(_pooled(compared))
    scale, ticks = _points_scale(lines)
    canvas = Canvas(scale)
    canvas.ticks(ticks)
    for line in lines:
        if line.pooled:
            canvas.y += 4
            canvas.line(scale.low, scale.high, canvas.y, canvas.y, LINE, 1)
            canvas.y += 2
        _draw(canvas, line, 0)
    ns = counted(
        [n for s in compared.strata if s.difference for n in (s.stratum.n_a, s.stratum.n_b)]
    )
    return Figure(
        file_name("compare", name),
        f"{visible(a)} minus {visible(b)}: {visible(name)}",
        f"The rate of {visible(a)} minus that of {visible(b)} in each condition, in percentage "
        f"points; n {ns} scored trials each; whiskers: Newcombe, 95 %. Diamond: pooled over "
        f"the {compared.used} conditions with equal weights, by MOVER.",
        canvas.chart(),
        "; ".join(f"{line.label} {line.text} ({line.note})" for line in lines) + ".",
    )


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.2g}"


def _pooled(compared: Paired) -> Line:
    value, interval = compared.difference.value, compared.difference.interval
    if value is None or interval is None:
        return Line(
            "pooled", None, 0, 0, "not estimable", compared.difference.reason or "", pooled=True
        )
    low, high = interval.low, interval.high
    p = (
        ""
        if compared.heterogeneity.value is None
        else f"; that they differ: p {_p(compared.heterogeneity.value)}"
    )
    return Line(
        "pooled",
        value,
        low,
        high,
        f"{points(value)} ({points(low)} to {points(high)})",
        f"{compared.used} conditions{p}",
        pooled=True,
        data={"stratum": "pooled", "difference": value, "low": low, "high": high},
    )
