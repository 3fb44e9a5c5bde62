"""Threat against goal, a panel for each model."""

from __future__ import annotations

from collections.abc import Sequence

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
    Spot,
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

THREATS = ("none", "restriction", "replacement")
DARK = 6
"""From which shade on text is pale."""
LEFT, HIGH, GAP = 92.0, 34.0, 3.0


def _table(spots: Sequence[Spot]) -> tuple[list[str], list[str]]:
    """Threats, mildest first, and goals in the order of the run, no goal last."""
    found = dict.fromkeys(s.threat for s in spots)
    threats = [t for t in THREATS if t in found] + [t for t in found if t not in THREATS]
    goals = sorted(dict.fromkeys(s.goal for s in spots), key=lambda goal: goal == "none")
    return threats, goals


def _shade(rate: float) -> int:
    return min(len(SHADES) - 1, int(rate * len(SHADES)))


def _box(canvas: Canvas, spot: Spot, left: float, width: float) -> None:
    rate, cell = spot.rate, spot.cell
    shade = _shade(rate.rate or 0)
    fill = WASH if rate.rate is None else HATCHED if spot.out else SHADES[shade]
    ink = INK if fill != SHADES[shade] else ON_DARK if shade >= DARK else ON_PALE
    canvas.bar(
        canvas.scale.at(left),
        canvas.scale.at(left + width),
        HIGH,
        fill,
        href=trials_link(cell.model, cell.condition),
        about=visible(f"{spot.goal} / {spot.threat}: {rate_text(rate)}"),
        data={**rate_data(spot, rate, spot.metric), "screened_out": spot.out},
    )
    if spot.out:  # Text upon a pattern cannot be read.
        inner = canvas.scale.at(left + width / 2 - 30), canvas.scale.at(left + width / 2 + 30)
        canvas.line(*inner, canvas.y + HIGH / 2, canvas.y + HIGH / 2, PAPER, 26)
    middle = left + width / 2
    n = f"n {rate.n}" + (f" + {rate.unknown} ?" if rate.unknown else "")
    top = canvas.y + 12
    bold = percent(rate.rate)
    canvas.text(bold, middle, y=top, align="center", bold=True, colour=ink)
    canvas.text(n, middle, y=top + 13, align="center", size=SMALL, colour=ink)


def _panel(canvas: Canvas, label: str, spots: Sequence[Spot]) -> str:
    """Draws the table of a model; gives what it says, in words."""
    threats, goals = _table(spots)
    places = {(s.goal, s.threat): s for s in spots}
    width = (WIDTH - LEFT) / len(threats)
    canvas.y += 4
    out = spots[0].out and " (screened out)"
    canvas.heading(shorten(label, 27 if out else 42) + (out or ""))
    canvas.y += 5
    for i, threat in enumerate(threats):
        middle = LEFT + (i + 0.5) * width
        canvas.text(
            shorten(threat, int(width / 6)), middle, align="center", size=SMALL, colour=SOFT
        )
    canvas.y += 9
    said = []
    for goal in goals:
        for k, line in enumerate(_goal_lines(goal)):
            canvas.text(line, 0, y=canvas.y + 10 + 13 * k, size=11.5)
        for i, threat in enumerate(threats):
            if spot := places.get((goal, threat)):
                _box(canvas, spot, LEFT + i * width + GAP / 2, width - GAP)
                said.append(f"{goal} / {threat} {rate_text(spot.rate)}")
        canvas.y += HIGH + GAP
    canvas.y += 4
    return f"{label}{out or ''}: {'; '.join(said)}."


def _goal_lines(goal: str) -> list[str]:
    kind, _, value = goal.partition("-")
    return [shorten(kind, 14), *([shorten(value, 14)] if value else [])]


def heat_map(grid: Grid) -> list[Figure]:
    """Threat against goal for each model; none where the run has no two of each."""
    panels: dict[object, list[Spot]] = {}
    asked = set(grid.asked)
    for spot in grid.spots:
        if spot in asked or spot.cell.control:
            panels.setdefault((spot.cell.model, spot.extra), []).append(spot)
    worth = [p for p in panels.values() if min(map(len, _table(p))) > 1 and len(p) > 2]
    figures = []
    for page, which in pages(worth, lambda panel: 2 + len(_table(panel)[1])):
        spots = [s for panel in page for s in panel]
        labels = model_labels(s.cell.model for s in grid.spots)
        canvas, said = Canvas(), []
        canvas.text("goal", 0, y=8, size=SMALL, colour=SOFT)
        canvas.text("threat →", LEFT, y=8, size=SMALL, colour=SOFT)
        canvas.y = 14
        for panel in page:
            extra = " · ".join(f"{k} {v}" for k, v in panel[0].extra)
            label = labels[panel[0].cell.model]
            said.append(_panel(canvas, f"{label} · {visible(extra)}" if extra else label, panel))
        figures.append(
            Figure(
                file_name("threat-goal", grid.scenario, which.number),
                f"Threat and goal in {visible(grid.scenario)}{which.title}",
                f"{metric_name(spots).capitalize()} rate of each model by threat (across) and "
                f"goal (down), {trials_text(spots)}; the stronger the colour the more. "
                f"{metric_text(spots)} Unscored trials stand after the plus. "
                + ("Hatched: screened out by its controls. " if any(s.out for s in spots) else "")
                + "Intervals (Wilson, 95 %) are in the table and in the text alternative. "
                + shared_text(spots),
                canvas.chart(),
                " ".join(said),
            )
        )
    return figures
