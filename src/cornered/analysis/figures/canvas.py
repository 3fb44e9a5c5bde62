"""A canvas that collects marks and turns them into one Vega-Lite chart.

The chart is one view with few layers: each further view would cost a tenth of a second. x is in
the units of the chart's scale; y is in pixels. Labels are above their bars, so that a figure is
as narrow as a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any, Literal

from cornered.text import shorten, visible

WIDTH = 330
"""Width between the margins, in pixels: a phone shows it nearly unscaled."""
FONT = "system-ui, sans-serif"
BIG, TEXT, SMALL = 13, 12, 10.5
"""Font sizes, in pixels."""

INK, SOFT, LINE, WASH, PAPER = "#1c1e21", "#5c636b", "#d8dce1", "#f1f3f6", "#ffffff"
BAR, CONTROL, COULD, PUBLISHED, AWARE_INK = "#0072b2", "#9ccbe8", "#b9bfc6", "#d55e00", "#a8407f"
"""After Okabe and Ito 2008: safe for the colour-blind. COULD marks what is unknown."""
ON_PALE, ON_DARK = "#1c1e22", "#fefefe"
"""Text on a pale fill, and on a dark one."""
RUNGS = ("#fff3c4", "#fed98e", "#fe9929", "#c2500a", "#993404", "#5c1a02")
"""After Brewer's yellow to brown: darker is more harmful, by lightness, so also for the
colour-blind. Text on the first three is dark."""
SHADES = ("#eef4fa", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#084594")
"""Brewer's blues: darker is more. Text on the first six is dark."""
HATCHED, DOTTED = "#c4beb1", "#e3e5e8"
"""Placeholders for patterns, which Vega-Lite lacks and `svg` fills in: screened out, unscored."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"

Align = Literal["left", "center", "right"]
Chart = dict[str, Any]
"""A Vega-Lite chart; a test validates it against the schema."""


@dataclass(frozen=True)
class Figure:
    """One figure of a report."""

    name: str
    """Safe as a file name and within ids."""
    title: str
    caption: str
    """The quantity, numbers of trials, kind of intervals, and levels that all cells share."""
    chart: Chart
    alt: str
    """The text alternative, with every number."""


@dataclass(frozen=True)
class Scale:
    """The scale along x: the values at its ends, and their positions in pixels."""

    low: float = 0.0
    high: float = 1.0
    left: float = 0.0
    right: float = WIDTH
    log: bool = False

    def at(self, pixel: float) -> float:
        """The value at a pixel."""
        share = (pixel - self.left) / (self.right - self.left)
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def pixel(self, value: float) -> float:
        """The pixel of a value."""
        if self.log:
            share = log(value / self.low) / log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)


Row = dict[str, Any]


@dataclass
class Canvas:
    """Marks in drawing order, and the current vertical position."""

    scale: Scale = field(default_factory=Scale)
    y: float = 0.0
    """The current position, in pixels from the top."""
    _bars: list[Row] = field(default_factory=list)
    _hatched: list[Row] = field(default_factory=list)
    _lines: list[Row] = field(default_factory=list)
    _points: list[Row] = field(default_factory=list)
    _texts: dict[tuple[Align, bool], list[Row]] = field(default_factory=dict)

    def bar(
        self,
        low: float,
        high: float,
        height: float,
        fill: str,
        *,
        y: float | None = None,
        href: str = "",
        about: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """A bar from low to high; outlined if the fill is a placeholder for a pattern.

        Args:
            low: Its left end, on the scale.
            high: Its right end, on the scale.
            height: Its height in pixels.
            fill: Its colour.
            y: Its upper edge in pixels; the current position if None.
            href: The target of its link; empty for none.
            about: Its tooltip.
            data: The numbers behind it.
        """
        top = self.y if y is None else y
        marks = self._hatched if fill in (HATCHED, DOTTED) else self._bars
        place = {"x": low, "x2": high, "y": top, "y2": top + height, "fill": fill}
        marks.append({**(data or {}), **place, "href": href or None, "about": about})

    def line(
        self,
        low: float,
        high: float,
        y: float,
        y2: float,
        colour: str = INK,
        width: float = 1.2,
        *,
        behind: bool = False,
    ) -> None:
        """A straight line.

        Args:
            low: x of its first end, on the scale.
            high: x of its second end, on the scale.
            y: y of its first end, in pixels.
            y2: y of its second end, in pixels.
            colour: Its colour.
            width: Its width in pixels.
            behind: Whether it is drawn behind all other lines.
        """
        line = {"x": low, "x2": high, "y": y, "y2": y2, "c": colour, "width": width}
        self._lines.insert(0 if behind else len(self._lines), line)

    def whisker(self, low: float, high: float, y: float, cap: float = 3) -> None:
        """An interval: a line with caps, and no cap at an end that is off the scale."""
        inside_low, inside_high = max(low, self.scale.low), min(high, self.scale.high)
        self.line(inside_low, inside_high, y, y, PAPER, 3.6)
        self.line(inside_low, inside_high, y, y)
        for end, inside in ((low, inside_low), (high, inside_high)):
            if end == inside:
                self.line(end, end, y - cap, y + cap)

    def point(
        self,
        x: float,
        y: float,
        shape: str,
        colour: str,
        *,
        fill: str | None = None,
        size: float = 60,
        href: str = "",
        about: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """A mark at a value; hollow if `fill` is `PAPER`."""
        self._points.append(
            {
                **(data or {}),
                "x": x,
                "y": y,
                "shape": shape,
                "c": colour,
                "fill": fill or colour,
                "size": size,
                "href": href or None,
                "about": about,
            }
        )

    def text(
        self,
        text: str,
        pixel: float,
        *,
        y: float | None = None,
        align: Align = "left",
        size: float = TEXT,
        bold: bool = False,
        colour: str = INK,
        href: str = "",
        about: str = "",
    ) -> None:
        """A line of text, vertically centred at y, at a pixel from the left."""
        self._texts.setdefault((align, bold), []).append(
            {
                "x": self.scale.at(pixel),
                "y": self.y if y is None else y,
                "text": text,
                "size": size,
                "c": colour,
                "href": href or None,
                "about": about,
            }
        )

    def lines_of_text(self, text: str, most: int = 64, **style: Any) -> None:
        """Wrapped text; moves the current position below it."""
        for line in wrapped(text, most):
            self.y += 7
            self.text(line, 0, **style)
            self.y += 8

    def heading(self, text: str) -> None:
        """The heading of a panel."""
        self.lines_of_text(text, 44, size=BIG, bold=True)
        self.y += 2

    def ticks(self, marks: Mapping[float, str]) -> None:
        """Tick labels by value; moves the current position below them."""
        self.y += 5
        ends: dict[float, Align] = {self.scale.low: "left", self.scale.high: "right"}
        for value, text in marks.items():
            align = ends.get(value, "center")
            self.text(text, self.scale.pixel(value), size=SMALL, colour=SOFT, align=align)
        self.y += 8

    def legend(self, items: Sequence[tuple[str, str, str]]) -> None:
        """The legend, from (kind, colour, words); a kind is bar, thin, line or a shape."""
        left = 0.0
        self.y += 8
        for kind, colour, meaning in items:
            words = shorten(meaning, 40)
            width = 20 + 5.6 * len(words)
            if left and left + width > WIDTH:
                left, self.y = 0.0, self.y + 16
            at, high = self.scale.at(left), self.scale.at(left + 12)
            if kind in ("bar", "thin"):
                height = 10 if kind == "bar" else 4
                self.bar(at, high, height, colour, y=self.y - height / 2)
            elif kind == "line":
                self.whisker(at, high, self.y)
            else:
                fill = PAPER if kind == "circle" else colour
                self.point(self.scale.at(left + 6), self.y, kind, colour, fill=fill, size=50)
            self.text(words, left + 17, size=SMALL, colour=SOFT)
            left += width + 8
        self.y += 16

    def chart(self) -> Chart:
        """The chart of all marks, with a layer and a dataset for each kind of mark."""
        words = {
            f"text-{align}{'-bold' * bold}": rows for (align, bold), rows in self._texts.items()
        }
        drawn = {"bars": self._bars, "hatched": self._hatched, "lines": self._lines}
        drawn |= {"points": self._points, **words}
        datasets: dict[str, list[Row]] = {}
        for name, rows in drawn.items():
            # Marks without a link need a layer without `href`, or Vega would link them too.
            with_link = [r for r in rows if r.get("href")]
            without = [
                {k: v for k, v in r.items() if k != "href"} for r in rows if not r.get("href")
            ]
            datasets |= {name: _seen(without), f"{name}-linked": _seen(with_link)}
        datasets = {name: rows for name, rows in datasets.items() if rows}
        return {
            "$schema": SCHEMA,
            "config": {"view": {"stroke": None}, "font": FONT},
            "background": PAPER,
            "padding": 8,
            "width": WIDTH,
            "height": max(1, round(self.y)),
            "layer": [_layer(name, self.scale) for name in datasets],
            "datasets": datasets,
        }


def _seen(rows: list[Row]) -> list[Row]:
    return [{k: visible(v) if isinstance(v, str) else v for k, v in r.items()} for r in rows]


def _layer(name: str, scale: Scale) -> dict[str, Any]:
    """The layer of a dataset, by its name: the mark, and the key of each channel.

    Written out, since Altair takes longer to import and build it than Vega takes to draw it.
    """
    what = name.partition("-")[0]
    encoding: dict[str, Any] = {
        "x": {
            "field": "x",
            "type": "quantitative",
            "axis": None,
            "scale": {
                "type": "log" if scale.log else "linear",
                "domain": [scale.low, scale.high],
                "range": [scale.left, scale.right],
                "nice": False,
                "zero": False,
            },
        },
        "y": _channel("y", "quantitative") | {"axis": None},
    }
    if name.endswith("-linked"):
        encoding["href"] = {"field": "href", "type": "nominal"}
    if what != "lines":
        encoding["description"] = {"field": "about", "type": "nominal"}
    if what in ("bars", "hatched", "lines"):
        encoding |= {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    mark: dict[str, Any]
    if what in ("bars", "hatched"):
        mark = {"type": "rect"}
        if what == "hatched":
            mark |= {"stroke": SOFT, "strokeDash": [3, 2], "strokeWidth": 1}
        encoding["fill"] = _channel("fill", "nominal")
    elif what == "lines":
        mark = {"type": "rule", "aria": False}
        encoding["stroke"] = _channel("c", "nominal")
        encoding["strokeWidth"] = _channel("width", "quantitative")
    elif what == "points":
        mark = {"type": "point", "strokeWidth": 1.5, "opacity": 1}
        encoding["size"] = _channel("size", "quantitative")
        encoding["fill"] = _channel("fill", "nominal")
        encoding["stroke"] = _channel("c", "nominal")
        encoding["shape"] = _channel("shape", "nominal")
    else:
        align = next(a for a in ("left", "center", "right") if f"-{a}" in name)
        weight = 600 if "-bold" in name else 400
        mark = {"type": "text", "align": align, "baseline": "middle", "fontWeight": weight}
        encoding["size"] = _channel("size", "quantitative")
        encoding["text"] = {"field": "text", "type": "nominal"}
        encoding["color"] = _channel("c", "nominal")
    return {"data": {"name": name}, "mark": mark, "encoding": encoding}


def _channel(field: str, kind: str) -> dict[str, Any]:
    """A channel without a scale: values are used literally."""
    return {"field": field, "type": kind, "scale": None}


def wrapped(text: str, most: int) -> list[str]:
    """A text in lines of at most `most` characters; longer words are shortened."""
    lines = [""]
    # The sign of a percentage stays with its number.
    words = visible(text).replace(" %", "\u00a0%").split(" ")
    for word in (shorten(w, most) for w in words if w):
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= most:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
