"""Figures as files, and as SVG elements within the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from cornered.analysis.figures.marks import Chart, Figure
from cornered.analysis.figures.names import wrapped
from cornered.analysis.figures.theme import FONT, colour_css
from cornered.files import write_bytes, write_text

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
PAGE = "../report.html"
"""The page, relative to the folder of figures."""
PIXELS = 2
"""Scale of a PNG relative to its drawing."""
SUFFIXES = (".svg", ".png", ".vl.json")
"""The files of a figure."""
HEADS, CAPTION = "mark-group role-title", "mark-text role-title-subtitle"
"""Vega's classes of titles, also of facets, and of a caption, which only the whole chart has."""
HEAD = "head"
"""Our class of the chart's title and caption, until it is written."""
LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
NOISE = ("role", "class", "style", "version", "font-family", "aria-roledescription", "aria-hidden")
"""Attributes that are dropped: the figure as a whole has one text alternative."""


def figure_css() -> str:
    """The style sheet for figures within a page: colours, light and dark, and widths."""
    return (
        colour_css("svg.drawing ")
        + "svg.drawing{display:block;width:100%;max-width:30rem;height:auto;overflow:visible}\n"
        "svg.drawing a:hover text{text-decoration:underline}\n"
        "svg.drawing a:focus-visible{outline:2px solid}\n"
    )


def inline_svg(figure: Figure) -> str:
    """A figure as an SVG element for an HTML page with `figure_css()`.

    Text stays text, links lead to the page's list of trials, and ids begin with the figure's
    name. There are no scripts, style attributes or external resources.
    """
    root = _drawn(figure)
    for ground in root.findall("rect"):
        root.remove(ground)
    for parent in list(root.iter()):
        for title in [c for c in parent if c.get("class") == HEAD]:
            parent.remove(title)
    # The page has title and caption beside the drawing: the view begins below them.
    head = titled(figure)["title"]
    top = 19 * len(head["text"]) + 14 * len(head["subtitle"]) + 13
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    root.set("viewBox", f"0 {top} {width:g} {height - top:g}")
    root.set("class", "drawing")
    root.set("width", "100%")
    root.attrib.pop("height", None)
    return _written(root)


def titled(figure: Figure) -> Chart:
    """The specification of a figure that stands alone, below its title and its caption."""
    words = {"text": wrapped(figure.title, 42), "subtitle": wrapped(figure.caption, 60)}
    return {**figure.chart, "title": words, "description": figure.alt}


def write_figures(folder: Path, figures: Iterable[Figure]) -> list[Path]:
    """Writes each figure as NAME.svg, NAME.png and NAME.vl.json, each atomically.

    The SVG is light or dark as its viewer is; the PNG is light.

    Args:
        folder: The run folder; the files go into its `figures/`.
        figures: The figures; equal figures give the same bytes on the same machine.

    Returns:
        The paths, three for each figure in turn.
    """
    into = folder / "figures"
    into.mkdir(exist_ok=True)
    paths = []
    for figure in figures:
        svg, png, spec = (into / f"{figure.name}{suffix}" for suffix in SUFFIXES)
        paths += [svg, png, spec]
        written = json.dumps(titled(figure), indent=1, ensure_ascii=False) + "\n"
        # Drawing is most of the work, and reports are often rewritten.
        if svg.exists() and png.exists() and spec.exists() and _holds(spec, written):
            continue
        drawing = _standalone(figure)
        write_bytes(png, _png(drawing))
        write_text(svg, _with_style(drawing))
        write_text(spec, written)
    return paths


def _holds(path: Path, text: str) -> bool:
    return path.read_bytes() == text.encode()


def _png(drawing: str) -> bytes:
    import vl_convert

    picture: bytes = vl_convert.svg_to_png(drawing, scale=PIXELS)
    return picture


def _standalone(figure: Figure) -> str:
    root = _drawn(figure)
    for a in root.iter("a"):
        a.set("href", PAGE + a.get("href", ""))
    return _written(root)


def _written(root: ET.Element) -> str:
    for element in root.iter():
        if element.get("class") == HEAD:
            del element.attrib["class"]
    return ET.tostring(root, encoding="unicode")


def _with_style(drawing: str) -> str:
    head, end, rest = drawing.partition("<title")
    return f"{head}<style>{colour_css()}</style>{end}{rest}\n"


def _drawn(figure: Figure) -> ET.Element:
    """The drawing of a figure, with its text alternative."""
    root = ET.fromstring(_rendered(json.dumps(titled(figure))))
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        for child in [c for c in element if c.get("display") == "none"]:
            element.remove(child)
        for key in ("d", "transform"):
            if key in element.attrib:
                element.set(key, LONG.sub(_rounded, element.attrib[key]))
        is_head = element.get("class") == HEADS and any(
            of.get("class") == CAPTION for of in element.iter()
        )
        for key in NOISE:
            element.attrib.pop(key, None)
        if is_head:
            element.set("class", HEAD)
        if element.get("opacity") == "1":
            del element.attrib["opacity"]
    linked = _link(root)
    root.set("xmlns", SVG)
    root.set("font-family", FONT)
    # For a screen reader an `img` has no links within, so a drawing with links is a group.
    root.set("role", "group" if linked else "img")
    root.set("aria-labelledby", f"{figure.name}-title {figure.name}-desc")
    root.attrib.pop("aria-label", None)
    title = ET.Element("title", id=f"{figure.name}-title")
    title.text = figure.title
    description = ET.Element("desc", id=f"{figure.name}-desc")
    description.text = figure.alt
    root[:0] = [title, description]
    return root


@lru_cache(maxsize=128)
def _rendered(spec: str) -> str:
    import vl_convert

    drawing: str = vl_convert.vegalite_to_svg(spec)
    return drawing


def _link(root: ET.Element) -> bool:
    """Points links into the page, and gives marks their words; whether there are links.

    Of the links to the same trials one is in the tab order.
    """
    seen: set[Any] = set()
    links = list(root.iter("a"))
    for a in links:
        # Vega resolves a relative link against its own site.
        target = a.attrib.pop(XLINK)
        a.set("href", target[target.index("#") :])
        if a.get("href") in seen:
            a.set("tabindex", "-1")
        seen.add(a.get("href"))
    for parent in list(root.iter()):
        for mark in parent:
            label = mark.attrib.pop("aria-label", "")
            if label and label != mark.text and mark.tag in ("path", "rect", "line"):
                title = ET.Element("title")
                title.text = label
                (parent if parent.tag == "a" else mark).insert(0, title)
    return bool(links)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
