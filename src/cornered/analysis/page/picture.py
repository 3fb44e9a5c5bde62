"""Drawings on the page: the figures, and small plots of one rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

from cornered.analysis.rates import Rate
from cornered.analysis.stats import Interval
from cornered.analysis.wording import COUNTS_ONLY
from cornered.text import visible

if TYPE_CHECKING:
    from cornered.analysis.page.answer import Measured

_SHAPES = ("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "use")
_WORDS = ("text", "tspan", "title", "desc", "a")
_PAINTS = ("defs", "pattern", "clipPath", "linearGradient", "radialGradient", "stop", "mask")
ELEMENTS = frozenset((*_SHAPES, *_WORDS, *_PAINTS, "marker", "symbol"))
_HERE = re.compile(r"#[^\s]*")
_URL = re.compile(r"url\(\s*['\"]?(?!#|['\"]#)", re.IGNORECASE)
_NAMED = re.compile(r"\{.*\}")


@dataclass(frozen=True)
class Picture:
    """A figure of the page."""

    name: str
    """Letters, digits, dashes and underscores; unique among the figures."""
    title: str
    caption: str
    """Numbers of trials, kind of intervals, and levels that all cells share."""
    alt: str
    """The text alternative, with every number."""
    svg: str
    """A whole SVG document. The page drops everything but drawing and text: scripts, styles,
    foreign content and external references. Links lead to places on the page."""


def drawing(picture: Picture) -> Markup:
    """The SVG of a figure, reduced to harmless elements and links within the page.

    Raises:
        ValueError: the figure is not SVG.
    """
    try:
        root = ET.fromstring(picture.svg)
    except ET.ParseError as e:
        raise ValueError(f"the figure {picture.name} is not SVG: {e}") from None
    drawn = _clean(root)
    if drawn is None or drawn.tag != "svg":
        raise ValueError(f"the figure {picture.name} is not SVG")
    for words in [child for child in drawn if child.tag in ("title", "desc")]:
        drawn.remove(words)  # the page shows both next to the figure
    links = list(drawn.iter("a"))
    for link in links:
        link.set("aria-label", _link_words(link))
    for name in ("aria-label", "aria-roledescription", "aria-labelledby"):
        drawn.attrib.pop(name, None)
    # For a screen reader an `img` has no links within, so a drawing with links is a group.
    drawn.set("role", "group" if links else "img")
    drawn.set("aria-labelledby", f"figure-{picture.name}-title")
    drawn.set("aria-describedby", f"figure-{picture.name}-alt")
    for name in ("width", "height"):
        if "viewBox" in drawn.attrib:
            drawn.attrib.pop(name, None)
    return Markup(ET.tostring(drawn, encoding="unicode", method="html"))


def _clean(element: ET.Element) -> ET.Element | None:
    tag = _NAMED.sub("", element.tag) if isinstance(element.tag, str) else ""
    if tag not in ELEMENTS:
        return None
    copy = ET.Element(tag)
    for name, value in element.attrib.items():
        plain = _NAMED.sub("", name)
        if plain == "href" and not _HERE.fullmatch(value):
            continue
        if plain == "style" or plain.lower().startswith("on") or _URL.search(value):
            continue
        if plain in ("role", "aria-roledescription") and tag != "svg":
            continue
        if plain == "target" or (plain in ("aria-label", "tabindex") and tag != "a"):
            continue
        copy.set(plain, visible(value, multiline=True))
    copy.text = visible(element.text, multiline=True) if element.text else None
    for child in element:
        kept = _clean(child)
        if kept is not None:
            kept.tail = visible(child.tail, multiline=True) if child.tail else None
            copy.append(kept)
    if tag == "a" and "aria-label" not in copy.attrib:
        label = next((e.get("aria-label") for e in element.iter() if e.get("aria-label")), None)
        if label:
            copy.set("aria-label", visible(label))
    return copy


def _link_words(link: ET.Element) -> str:
    words = link.get("aria-label") or " ".join("".join(link.itertext()).split())
    return words or "The trials behind this mark"


def rate_plot(rate: Rate, *, hatched: bool) -> Markup | None:
    """A rate with its interval and region on a line from 0 to 100 %.

    None if nothing is scored; of under 10 scored trials there are counts only, and no mark.
    """
    if rate.rate is None or rate.n < COUNTS_ONLY:
        return None
    marks = _ground(hatched=hatched, middle=10) + _rate_marks(rate, 10)
    return _plot(marks, 20)


def answer_plot(measured: Measured) -> Markup:
    """A rate with the published rate above it, and below it the corrected one and the control, from
    0 to 100 %.
    """
    rate = measured.cell.primary
    marks = _ground(hatched=measured.cell.screened_out, middle=14)
    if measured.published:
        row = measured.published.row
        if row.interval:
            marks += _line("published", row.interval, 4)
        marks += _diamond(row.rate, 4)
    if rate.rate is not None and rate.n >= COUNTS_ONLY:
        marks += _rate_marks(rate, 14)
    corrected = measured.cell.corrected
    lower = 0
    if corrected and corrected.value is not None and corrected.interval and rate.n >= COUNTS_ONLY:
        lower = 9
        marks += _line("corrected", corrected.interval, 23) + _triangle(corrected.value, 23)
    control = measured.control.primary if measured.control else None
    if control and control.rate is not None and control.n >= COUNTS_ONLY and control.interval:
        y = 24 + lower
        marks += _line("control", control.interval, y)
        marks += f'<circle class="control-point" cx="{_x(control.rate)}" cy="{y}" r="3"/>'
    return _plot(marks, 28 + lower)


def _x(value: float) -> str:
    return f"{5 + 170 * value:.1f}"


def _plot(marks: str, height: int) -> Markup:
    return Markup(
        f'<svg class="plot" viewBox="0 0 180 {height}" width="180" height="{height}" '
        f'aria-hidden="true">{marks}</svg>'
    )


def _ground(*, hatched: bool, middle: int) -> str:
    if hatched:
        return f'<rect fill="url(#hatch)" x="5" y="{middle - 7}" width="170" height="14"/>'
    ticks = "".join(
        f'<line class="ground" x1="{_x(at)}" x2="{_x(at)}" y1="{middle - 4}" y2="{middle + 4}"/>'
        for at in (0.0, 0.5, 1.0)
    )
    return f'<line class="ground" x1="5" x2="175" y1="{middle}" y2="{middle}"/>{ticks}'


def _bar(name: str, of: Interval, y: float, height: float) -> str:
    return (
        f'<rect class="{name}" x="{_x(of.low)}" y="{y}" width="{170 * (of.high - of.low):.1f}" '
        f'height="{height}" rx="1"/>'
    )


def _line(name: str, of: Interval, y: float) -> str:
    return f'<line class="{name}" x1="{_x(of.low)}" x2="{_x(of.high)}" y1="{y}" y2="{y}"/>'


def _diamond(value: float, y: float) -> str:
    x = 5 + 170 * value
    around = f"{x:.1f},{y - 4} {x + 4:.1f},{y} {x:.1f},{y + 4} {x - 4:.1f},{y}"
    return f'<polygon class="published-point" points="{around}"/>'


def _triangle(value: float, y: float) -> str:
    x = 5 + 170 * value
    around = f"{x - 4:.1f},{y - 3} {x + 4:.1f},{y - 3} {x:.1f},{y + 4}"
    return f'<polygon class="corrected-point" points="{around}"/>'


def _rate_marks(rate: Rate, y: float) -> str:
    region = rate.region
    could = _bar("could", region, y - 2, 4) if rate.unknown and region else ""
    reach = _bar("reach", rate.interval, y - 3.5, 7) if rate.interval else ""
    point = f'<circle class="point" cx="{_x(rate.rate or 0.0)}" cy="{y}" r="4"/>'
    return could + reach + point
