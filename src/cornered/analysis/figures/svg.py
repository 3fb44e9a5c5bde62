"""Figures as SVG: standalone files, and elements within the page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET

from cornered.analysis.figures import canvas as colours
from cornered.analysis.figures.canvas import (
    DOTTED,
    FONT,
    HATCHED,
    INK,
    SMALL,
    SOFT,
    Figure,
    wrapped,
)
from cornered.files import write_bytes, write_text

MARKS = ("path", "line", "text")
INHERITED = {
    "fill": "none",
    "stroke": "none",
    "stroke-width": "1",
    "stroke-dasharray": "none",
    "font-size": "12px",
    "font-weight": "400",
    "text-anchor": "start",
}
"""Attributes that a mark inherits from its group, and their defaults."""
LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
PAGE = "../report.html"
"""The page, relative to the folder of figures."""
PIXELS = 2
"""Scale of a PNG relative to its drawing."""
MARGIN = 8

VARIABLES = {
    colours.INK: "--ink",
    colours.SOFT: "--soft",
    colours.LINE: "--line",
    colours.WASH: "--wash",
    colours.PAPER: "--paper",
    colours.BAR: "--bar",
    colours.CONTROL: "--control",
    colours.COULD: "--could",
    colours.PUBLISHED: "--published",
    colours.AWARE_INK: "--aware",
    colours.ON_PALE: "--on-low",
    colours.ON_DARK: "--on-high",
    **{fill: f"--rung-{i}" for i, fill in enumerate(colours.RUNGS)},
    **{fill: f"--shade-{i}" for i, fill in enumerate(colours.SHADES)},
}
"""Names in `figures.css` of the colours of a drawing, so that the page can have a dark mode."""
NOISE = ("role", "style", "class", "aria-roledescription", "aria-hidden", "font-family")
"""Attributes that are dropped; the figure as a whole has one text alternative."""


def figure_css() -> str:
    """The style sheet for figures within a page: colours, light and dark, and widths."""
    return (Path(__file__).parent / "figures.css").read_text(encoding="utf-8")


def inline_svg(figure: Figure) -> str:
    """A figure as an SVG element for an HTML page with `figure_css()`.

    Text stays text, colours are the page's, links lead to its list of trials, and ids begin with
    the figure's name. There are no scripts, style attributes or external resources.
    """
    root = _drawing(figure)
    _without_background(root)
    for element in root.iter():
        for key in ("fill", "stroke"):
            if name := VARIABLES.get(element.get(key, "")):
                element.set(key, f"var({name})")
    root.set("class", "drawing")
    root.set("width", "100%")
    root.attrib.pop("height", None)
    return ET.tostring(root, encoding="unicode")


def write_figures(folder: Path, figures: Iterable[Figure]) -> list[Path]:
    """Writes each figure as NAME.svg and NAME.png, each atomically.

    Args:
        folder: The run folder; the files go into its `figures/`.
        figures: The figures; equal figures give the same bytes on the same machine.

    Returns:
        The paths, an SVG and a PNG for each figure in turn.
    """
    into = folder / "figures"
    into.mkdir(exist_ok=True)
    paths = []
    for figure in figures:
        drawing = ET.tostring(_standalone(figure), encoding="unicode")
        paths += [into / f"{figure.name}.svg", into / f"{figure.name}.png"]
        # Rendering the PNG is most of the work, and reports are often rewritten.
        if not (paths[-1].exists() and _holds(paths[-2], drawing + "\n")):
            write_bytes(paths[-1], _png(drawing))
            write_text(paths[-2], drawing + "\n")
    return paths


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_bytes() == text.encode()


def _png(drawing: str) -> bytes:
    import vl_convert

    picture: bytes = vl_convert.svg_to_png(drawing, scale=PIXELS)
    return picture


def _drawing(figure: Figure) -> ET.Element:
    """The drawing with its text alternative, links and patterns, in literal colours."""
    # A copy: each drawing is needed twice, as a file and within the page.
    return deepcopy(_drawn(figure.name, figure.title, figure.alt, json.dumps(figure.chart)))


@lru_cache(maxsize=128)
def _drawn(name: str, title_text: str, alt: str, spec: str) -> ET.Element:
    import vl_convert

    root = ET.fromstring(vl_convert.vegalite_to_svg(spec))
    _plain(root)
    _link(root)
    for element in root.iter():
        for colour, pattern in ((HATCHED, "hatch"), (DOTTED, "dots")):
            if element.get("fill") == colour:
                element.set("fill", f"url(#{name}-{pattern})")
    root.set("xmlns", SVG)
    root.set("font-family", FONT)
    # Marks without a link let the pointer through to marks below them.
    root.set("pointer-events", "none")
    _hoist(root)
    root.attrib.pop("version", None)
    # For a screen reader an `img` has no links within, so a drawing with links is a group.
    root.set("role", "group" if root.find(".//a") is not None else "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    title = ET.Element("title", id=f"{name}-title")
    title.text = title_text
    description = ET.Element("desc", id=f"{name}-desc")
    description.text = alt
    root[:0] = [title, description, _patterns(name)]
    return root


def _plain(root: ET.Element) -> None:
    """Drops namespaces, invisible elements and redundant attributes."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        for child in [c for c in element if c.get("display") == "none"]:
            element.remove(child)
        for key in ("d", "transform"):
            if key in element.attrib:
                element.set(key, LONG.sub(_rounded, element.attrib[key]))
        for key in NOISE:
            element.attrib.pop(key, None)


def _hoist(root: ET.Element) -> None:
    """Moves the most common attributes of marks to their group, which halves the size."""
    for group in root.iter("g"):
        marks = [m for child in group for m in (child if child.tag == "a" else [child])]
        for key, default in INHERITED.items():
            if marks and all(m.tag in MARKS for m in marks):
                most = Counter(m.get(key, default) for m in marks).most_common(1)[0][0]
                for mark in marks:
                    if mark.get(key, default) == most:
                        mark.attrib.pop(key, None)
                    else:
                        mark.set(key, mark.get(key, default))
                group.set(key, most)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _link(root: ET.Element) -> None:
    """Points links into the page; skips a bar in tab order if its number has the same link."""
    named = set()
    for a in root.iter("a"):
        # Vega resolves a relative link against its own site.
        target = a.attrib.pop(XLINK)
        a.set("href", target[target.index("#") :])
        if a.find("text") is not None:
            named.add(a.get("href"))
        a.set("pointer-events", "auto")
    for a in root.iter("a"):
        if a.find("text") is None and a.get("href") in named:
            a.set("tabindex", "-1")
    for parent in list(root.iter()):
        for mark in parent:
            label = mark.attrib.pop("aria-label", "")
            if label and label != mark.text:
                title = ET.Element("title")
                title.text = label
                (parent if parent.tag == "a" else mark).insert(0, title)


def _patterns(name: str) -> ET.Element:
    defs = ET.Element("defs")
    box = {"width": "6", "height": "6", "patternUnits": "userSpaceOnUse"}
    hatch = ET.SubElement(defs, "pattern", {"id": f"{name}-hatch", **box})
    ET.SubElement(hatch, "rect", width="6", height="6", fill=colours.PAPER)
    ET.SubElement(
        hatch, "path", {"d": "M-1,1l2,-2M0,6l6,-6M5,7l2,-2", "stroke": SOFT, "stroke-width": "1.3"}
    )
    dots = ET.SubElement(defs, "pattern", {"id": f"{name}-dots", **box})
    ET.SubElement(dots, "rect", width="6", height="6", fill=colours.PAPER)
    for at in ("1.5", "4.5"):
        ET.SubElement(dots, "circle", cx=at, cy=at, r="0.9", fill=SOFT)
    return defs


def _without_background(root: ET.Element) -> None:
    for child in [c for c in root if c.tag == "rect"]:
        root.remove(child)


def _standalone(figure: Figure) -> ET.Element:
    """The drawing below its title and caption, with links to the page in the run folder."""
    root = _drawing(figure)
    _without_background(root)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    head = list(_head(figure))
    top = float(head[-1].get("y", "0")) + 6
    body = ET.Element("g", transform=f"translate(0,{top:g})")
    for child in [c for c in root if c.tag == "g"]:
        root.remove(child)
        body.append(child)
    for a in body.iter("a"):
        a.set("href", PAGE + a.get("href", ""))
    size = {"width": f"{width:g}", "height": f"{height + top:g}"}
    background = ET.Element("rect", {"fill": colours.PAPER, **size})
    root.extend([background, *head, body])
    for key, value in size.items():
        root.set(key, value)
    root.set("viewBox", f"0 0 {width:g} {height + top:g}")
    return root


def _head(figure: Figure) -> Iterator[ET.Element]:
    y = 8.0
    for line in wrapped(figure.title, 38):
        y += 18
        yield _text(line, y, 15, INK, "600")
    y += 4
    for line in wrapped(figure.caption, 62):
        y += 13
        yield _text(line, y, SMALL, SOFT, "400")


def _text(line: str, y: float, size: float, colour: str, weight: str) -> ET.Element:
    style = {"font-size": f"{size:g}px", "font-weight": weight}
    element = ET.Element("text", {"x": f"{MARGIN}", "y": f"{y:g}", "fill": colour, **style})
    element.text = line
    return element
