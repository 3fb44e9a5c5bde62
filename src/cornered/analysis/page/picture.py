"""Drawings on the page: the figures, and small plots of one rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from markupsafe import Markup

from cornered.analysis.table import Rate
from cornered.text import visible

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
    """A rate with its interval and bounds on a line from 0 to 100 %; None if it is undefined."""
    if rate.rate is None or rate.interval is None or rate.lowest is None or rate.highest is None:
        return None

    def x(value: float) -> str:
        return f"{4 + 132 * value:.1f}"

    def bar(name: str, low: float, high: float, y: float, height: float) -> str:
        width = f"{132 * (high - low):.1f}"
        return (
            f'<rect class="{name}" x="{x(low)}" y="{y}" width="{width}" height="{height}" rx="1"/>'
        )

    ground = (
        '<rect fill="url(#hatch)" x="4" y="3" width="132" height="14"/>'
        if hatched
        else '<line class="ground" x1="4" x2="136" y1="10" y2="10"/>'
        '<line class="ground" x1="70" x2="70" y1="7" y2="13"/>'
    )
    could = bar("could", rate.lowest, rate.highest, 8, 4) if rate.unknown else ""
    return Markup(
        '<svg class="plot" viewBox="0 0 140 20" width="140" height="20" aria-hidden="true">'
        f"{ground}{could}{bar('reach', rate.interval.low, rate.interval.high, 6.5, 7)}"
        f'<circle class="point" cx="{x(rate.rate)}" cy="10" r="4"/></svg>'
    )
