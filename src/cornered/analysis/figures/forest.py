"""Differences of rates in percentage points, with the line of no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cornered.analysis.figures.grid import Grid, metric_name
from cornered.analysis.figures.marks import Figure, Kind, Mark, Row, alternative, marks_chart
from cornered.analysis.figures.names import counted, file_name, model_labels, points
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.rates import CONTROLS
from cornered.analysis.figures.theme import PUBLISHED, RATE
from cornered.analysis.stats import Interval
from cornered.analysis.wording import COUNTS_ONLY, LEAST_A_SIDE, contrast_sides
from cornered.text import visible

if TYPE_CHECKING:
    from cornered.analysis.estimands import Contrast, Side
    from cornered.analysis.paired import Paired
    from cornered.scenario.condition import Naming

DIFFERENCE = Kind("difference in percentage points", RATE)
POOLED = Kind("all conditions, each with equal weight", PUBLISHED, "diamond")
ENDS = (0.1, 0.25, 0.5, 1.0)
"""Where a scale of differences may end, so that both halves of it are as long."""


def _numbers(value: float, interval: Interval) -> str:
    return f"{points(value)} ({points(interval.low)} to {points(interval.high)})"


def _ticks(rows: Sequence[Row]) -> dict[float, str]:
    """A scale of percentage points around 0 that holds every interval, reaches cut off."""
    drawn = [m for row in rows for m in row.marks if m.value is not None]
    ends = [abs(end) for m in drawn if m.interval for end in (m.interval.low, m.interval.high)]
    most = max([0.0, *ends, *(abs(m.value or 0) for m in drawn)])
    end = next((e for e in ENDS if most <= e), ENDS[-1])
    return {v: points(v) for v in (-end, -end / 2, 0.0, end / 2, end)}


def _counts(side: Side) -> str:
    more = f" ({side.unscored} unscored)" if side.unscored else ""
    return f"{side.successes} of {side.n}{more}"


def _mark(contrast: Contrast, kind: Kind, what: str = "") -> Mark:
    value, interval = contrast.difference.value, contrast.difference.interval
    first, second = contrast.sides
    against = f"{_counts(first)} against {_counts(second)}"
    least = min(first.n, second.n)
    data = {
        "contrast": contrast.kind,
        "factor": visible(contrast.factor),
        "level": visible(contrast.level),
        "reference": visible(contrast.reference),
        "counts": what or "difference",
        "n": first.n,
        "against_n": second.n,
        "difference": value,
        "cells": contrast.cells,
    }
    if value is None or interval is None or least < COUNTS_ONLY:
        why = contrast.difference.reason if value is None else "fewer than 10 scored on a side"
        note = f"{why or contrast.note or 'not estimable'}"
        return Mark(kind, "not drawn", f"{what} {note}: {against}".strip(), note=note, data=data)
    words = [f"{what} {_numbers(value, interval)} points".strip(), against]
    if bounds := contrast.bounds:
        span = f"{points(bounds.low)} to {points(bounds.high)}"
        words.append(f"whatever the unscored were {span}")
    if contrast.spread and contrast.cells > 1:
        low, high = contrast.spread
        words.append(f"{points(low)} to {points(high)} in its {contrast.cells} conditions")
    words += [visible(contrast.note)] if contrast.note else []
    return Mark(
        kind,
        _numbers(value, interval),
        ", ".join(words),
        value,
        interval,
        contrast.bounds,
        few=least < LEAST_A_SIDE,
        data=data,
    )


def _row(contrast: Contrast, labels: Mapping[str, str], naming: Naming) -> Row:
    marks = [_mark(contrast, DIFFERENCE)]
    if contrast.control:
        marks.append(_mark(contrast.control, CONTROLS, "control"))
    if isinstance(contrast.model, tuple):
        one, other = (labels.get(model, visible(model)) for model in contrast.model)
        return Row("Models", f"{one} against {other}", tuple(marks))
    first, second = contrast_sides(contrast, naming)
    label = (
        f"{first}, beyond {second}" if contrast.kind == "interaction" else f"{first}, not {second}"
    )
    label += " (in the same draws)" if contrast.kind == "draw" else ""
    return Row(labels.get(contrast.model, visible(contrast.model)), visible(label), tuple(marks))


def effects_forest(grid: Grid, effects: Sequence[Contrast]) -> list[Figure]:
    """What each level of a factor changes in the rate of a model; none without contrasts.

    Args:
        grid: The cells of the scenario; scenarios are never pooled.
        effects: Its contrasts, from `run_effects`.
    """
    labels = model_labels(c.cell.model for c in grid.cells)
    panels: dict[str, list[Row]] = {}
    for contrast in effects:
        row = _row(contrast, labels, grid.cells[0].cell.choice.naming)
        panels.setdefault(row.group, []).append(row)
    metric, figures = metric_name(grid.cells), []
    for page, which in pages(list(panels.values()), lambda panel: sum(r.lines for r in panel)):
        marks = [m for row in page for m in row.marks]
        parts = [
            f"The {metric} rate with a level minus that with the other, in percentage points; each "
            "condition has equal weight, controls stand on a line of their own. Left of 0 is less. "
            "Lines: 95 % intervals (MOVER).",
            "Hollow: fewer than 20 scored trials on a side." if any(m.few for m in marks) else "",
            "Thin lines: where it lies whatever the unscored trials were."
            if any(m.reach for m in marks)
            else "",
        ]
        figures.append(
            Figure(
                file_name("effects", grid.scenario, which.number),
                f"What changes the {metric} rate in {visible(grid.scenario)}?{which.title}",
                " ".join(part for part in parts if part),
                marks_chart(page, _ticks(page), zero=True),
                alternative(page),
            )
        )
    return figures


def comparison(
    name: str, a: str, b: str, compared: Paired, hrefs: Mapping[str, str] | None = None
) -> Figure | None:
    """Two sides compared, by condition and over all; None if no condition is scored on both.

    Args:
        name: Name of the figure, such as a scenario.
        a: Name of the first side.
        b: Name of the second side.
        compared: From `paired.paired`; its strata are named by their conditions.
        hrefs: Links of the lines, by the name of their stratum.
    """
    rows = []
    for stratum in compared.strata:
        if stratum.difference is None:
            continue
        of, value, interval = stratum.stratum, stratum.difference.value, stratum.difference.interval
        label = visible(of.words or of.name.removeprefix(f"{name}/"))
        against = f"{of.k_a} of {of.n_a} against {of.k_b} of {of.n_b}"
        data = {"stratum": visible(of.name), "difference": value, "n": of.n_a, "against_n": of.n_b}
        href = (hrefs or {}).get(of.name, "")
        drawn = min(of.n_a, of.n_b) >= COUNTS_ONLY
        mark = Mark(
            DIFFERENCE,
            _numbers(value, interval) if drawn else "not drawn",
            f"{_numbers(value, interval)} points, {against}" if drawn else against,
            value if drawn else None,
            interval if drawn else None,
            few=min(of.n_a, of.n_b) < LEAST_A_SIDE,
            note="" if drawn else against,
            href=href,
            data=data,
        )
        rows.append(Row("", label, (mark,), href))
    if not rows:
        return None
    mean, span = compared.difference.value, compared.difference.interval
    if len(rows) > 1 and mean is not None and span is not None:
        words = _numbers(mean, span)
        data = {"stratum": "pooled", "difference": mean}
        pooled = Mark(POOLED, words, f"{words} points", mean, span, data=data)
        rows.append(Row("", f"all {compared.used} conditions", (pooled,)))
    ns = [n for s in compared.strata if s.difference for n in (s.stratum.n_a, s.stratum.n_b)]
    return Figure(
        file_name("compare", name),
        f"Which does more in {visible(name)}, {visible(a)} or {visible(b)}?",
        f"The rate of {visible(a)} minus that of {visible(b)} in each condition, in percentage "
        f"points; n {counted(ns)} scored trials. Lines: 95 % intervals (Newcombe; over all "
        "conditions MOVER). Hollow: fewer than 20 scored trials on a side; of fewer than 10 there "
        "are counts only.",
        marks_chart(rows, _ticks(rows), zero=True),
        alternative(rows),
    )
