"""What is drawn, collected mark by mark and made into one chart.

One view with few layers: each view that is put beside another costs a tenth of a second. Along x
a chart has its own scale, in what it measures; down the page places are pixels, since labels
stand above their bars so that a figure stays as narrow as a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any, Literal

from cornered.text import shorten, visible

WIDTH = 330
"""Pixels between the margins: a phone shows them nearly at their own size."""
FONT = "system-ui, sans-serif"
BIG, TEXT, SMALL = 13, 12, 10.5
"""Sizes of text, in pixels."""

INK, SOFT, LINE, WASH, PAPER = "#1c1e21", "#5c636b", "#d8dce1", "#f1f3f6", "#ffffff"
BAR, CONTROL, COULD, PUBLISHED, AWARE_INK = "#0072b2", "#9ccbe8", "#b9bfc6", "#d55e00", "#a8407f"
"""After Okabe and Ito 2008: that the colour-blind tell apart. COULD is what is unknown."""
ON_PALE, ON_DARK = "#1c1e22", "#fefefe"
"""Text upon a pale fill, and upon a dark one."""
RUNGS = ("#fff3c4", "#fed98e", "#fe9929", "#c2500a", "#993404", "#5c1a02")
"""After Brewer's yellow to brown: the darker the more harmful; read by lightness, so by the
colour-blind too. Text upon the first three is dark."""
SHADES = ("#eef4fa", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#084594")
"""Brewer's blues: the darker the more. Text upon the first six is dark."""
HATCHED, DOTTED = "#c4beb1", "#e3e5e8"
"""Stand for patterns, which a chart has not and its drawing has: screened out, and unscored."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"

Align = Literal["left", "center", "right"]
Chart = dict[str, Any]
"""A chart in Vega-Lite, which a test checks against its schema."""


@dataclass(frozen=True)
class Figure:
    """One figure of a report."""

    name: str
    """Safe as the name of a file and within ids."""
    title: str
    caption: str
    """What is shown, of how many trials, with which intervals, and what all its cells share."""
    chart: Chart
    alt: str
    """The same for those who do not see it, with every number."""


@dataclass(frozen=True)
class Scale:
    """The scale along x: what stands at its ends, and where these are, in pixels."""

    low: float = 0.0
    high: float = 1.0
    left: float = 0.0
    right: float = WIDTH
    log: bool = False

    def at(self, pixel: float) -> float:
        """The value that stands at a pixel."""
        share = (pixel - self.left) / (self.right - self.left)
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def pixel(self, value: float) -> float:
        """The pixel at which a value stands."""
        if self.log:
            share = log(value / self.low) / log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)


Row = dict[str, Any]


@dataclass
class Canvas:
    """Marks in the order in which they are drawn, and how far down the page they reach."""

    scale: Scale = field(default_factory=Scale)
    y: float = 0.0
    """Where the next thing begins, in pixels from the top."""
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
        """A bar from low to high; in pattern and outline where the fill stands for a pattern.

        Args:
            low: Its beginning, on the scale.
            high: Its end.
            height: In pixels.
            fill: Its colour.
            y: Its upper edge; where the canvas is where None.
            href: Where it leads.
            about: What it says, for a pointer that rests on it.
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
        """A straight line, its ends on the scale and in pixels down the page.

        Args:
            low: Where it begins, on the scale.
            high: Where it ends.
            y: Where it begins, in pixels.
            y2: Where it ends.
            colour: Its colour.
            width: In pixels.
            behind: Whether it is behind all other lines.
        """
        line = {"x": low, "x2": high, "y": y, "y2": y2, "c": colour, "width": width}
        self._lines.insert(0 if behind else len(self._lines), line)

    def whisker(self, low: float, high: float, y: float, cap: float = 3) -> None:
        """An interval: a line with caps; without the cap where it leaves the scale."""
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
        """A mark at a value; hollow where `fill` is the paper."""
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
        """A line of text, its middle at y, at a pixel from the left."""
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
        """Text over as many lines as it needs; moves the canvas below it."""
        for line in wrapped(text, most):
            self.y += 7
            self.text(line, 0, **style)
            self.y += 8

    def heading(self, text: str) -> None:
        """The heading of a panel."""
        self.lines_of_text(text, 44, size=BIG, bold=True)
        self.y += 2

    def ticks(self, marks: Mapping[float, str]) -> None:
        """What stands at which place of the scale, in words; the canvas goes below it."""
        self.y += 5
        ends: dict[float, Align] = {self.scale.low: "left", self.scale.high: "right"}
        for value, text in marks.items():
            align = ends.get(value, "center")
            self.text(text, self.scale.pixel(value), size=SMALL, colour=SOFT, align=align)
        self.y += 8

    def legend(self, items: Sequence[tuple[str, str, str]]) -> None:
        """What the marks mean: (kind, colour, words); a kind is bar, thin, line or a shape."""
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
        """The chart of all that was drawn: a layer for each kind of mark, and its rows."""
        words = {
            f"text-{align}{'-bold' * bold}": rows for (align, bold), rows in self._texts.items()
        }
        drawn = {"bars": self._bars, "hatched": self._hatched, "lines": self._lines}
        drawn |= {"points": self._points, **words}
        datasets: dict[str, list[Row]] = {}
        for name, rows in drawn.items():
            # Where nothing is linked there is to be no link.
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
    """The layer of a set of rows, by its name: what mark they are, and which key is which channel.

    Written out: Altair takes longer to import and to build this than Vega takes to draw it.
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
    """A channel whose values are drawn as they are."""
    return {"field": field, "type": kind, "scale": None}


def wrapped(text: str, most: int) -> list[str]:
    """A text in lines of at most so many characters; a word longer than that is shortened."""
    lines = [""]
    # The sign of a percentage stays with its number.
    for word in (shorten(w, most) for w in text.replace(" %", "\u00a0%").split(" ") if w):
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= most:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
