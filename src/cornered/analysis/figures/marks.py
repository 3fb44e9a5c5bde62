"""Values with their intervals: the chart that rates and differences share.

Every line of the chart is a row of its data. A line holds words, or a mark with its interval and
its numbers; facets hold the lines of a model or of a condition, and Vega-Lite does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cornered.analysis.figures.names import wrapped
from cornered.analysis.figures.theme import LINE, PALE, PAPER, SOFT, TEXT, THEME, WIDTH
from cornered.analysis.stats import Interval
from cornered.text import visible

Chart = dict[str, Any]
"""A Vega-Lite specification."""
STEP = 15
"""Height of a line, in pixels."""
BROAD = 6.1
"""Mean width of a character of small type, in pixels."""


RATE_TICKS = {0.0: "0", 0.25: "25", 0.5: "50", 0.75: "75", 1.0: "100 %"}
"""The scale of a rate."""


@dataclass(frozen=True)
class Figure:
    """One figure of a report."""

    name: str
    """Safe as a file name and within ids."""
    title: str
    """The question that it answers."""
    caption: str
    """The quantity, numbers of trials, kind of intervals, and levels that all cells share."""
    chart: Chart
    """Without its title and its caption, which the page shows beside it."""
    alt: str
    """The text alternative, with every number."""


@dataclass(frozen=True)
class Kind:
    """What a mark shows, as the legend has it."""

    words: str
    colour: str
    shape: str = "circle"


@dataclass(frozen=True)
class Mark:
    """A value, with its interval and its numbers."""

    kind: Kind
    numbers: str
    """At the right end of its line."""
    about: str
    """In words, for who points at it, and for the text alternative."""
    value: float | None = None
    """None: nothing is drawn, and `note` says why."""
    interval: Interval | None = None
    reach: Interval | None = None
    """Where it lies whatever the unscored trials were; None where all are scored."""
    few: bool = False
    """Whether it is of few trials, and hollow."""
    bar: bool = False
    note: str = ""
    href: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The numbers behind it, for who reads the chart's data."""


@dataclass(frozen=True)
class Row:
    """A label above its marks."""

    group: str
    """The heading of its facet; may have several lines."""
    label: str
    marks: tuple[Mark, ...]
    href: str = ""

    @property
    def about(self) -> str:
        """The row in words."""
        return "; ".join(
            [f"{self.label} {self.marks[0].about}", *(m.about for m in self.marks[1:])]
        )

    @property
    def lines(self) -> int:
        """The lines that it takes."""
        return len(_label(self.label)) + len(self.marks)


def alternative(rows: Iterable[Row]) -> str:
    """The text alternative of rows, by group."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row.about)
    return " ".join(
        f"{' '.join(group.split())}: {'. '.join(words)}." if group else f"{'. '.join(words)}."
        for group, words in groups.items()
    )


def marks_chart(rows: Sequence[Row], ticks: Mapping[float, str], *, zero: bool = False) -> Chart:
    """Rows of marks along one scale, with a facet for each group.

    Args:
        rows: The rows; groups in the order of their first row.
        ticks: The values of the scale that are labelled; its ends are the first and the last.
        zero: Whether 0 is the line of no difference.
    """
    kinds = {m.kind.words: m.kind for row in rows for m in row.marks}
    return lines_chart(list(_lines(rows)), list(kinds.values()), ticks, zero=zero)


def lines_chart(
    lines: Sequence[Mapping[str, Any]],
    kinds: Sequence[Kind],
    ticks: Mapping[float, str],
    *,
    zero: bool = False,
    step: int = STEP,
) -> Chart:
    """A chart of lines that are data already.

    Args:
        lines: For each its `group` and `line`, and what stands there: a `label`, a `note`,
            `numbers`, or a mark (`kind`, `value`, `few`, `bar`, `about`, `href` and `spans`);
            `blank` where nothing does.
        kinds: Every kind of mark.
        ticks: As in `marks_chart`.
        zero: As in `marks_chart`.
        step: The height of a line; where it is lower than type, words take two lines.
    """
    numbers = max((len(line.get("numbers") or "") for line in lines), default=0)
    faceted = any(line["group"] for line in lines)
    chart = {
        "width": WIDTH - round(BROAD * numbers + 8),
        "height": {"step": step},
        "layer": _layers(lines, kinds, scaled(ticks, zero=zero), small=step < STEP),
    }
    return filled(specified(chart, faceted=faceted), lines)


def _layers(
    lines: Sequence[Mapping[str, Any]],
    kinds: Sequence[Kind],
    x: Callable[[str], Chart],
    *,
    small: bool,
) -> list[Chart]:
    """The layers of a chart of lines; one that would be empty is left out, for each takes time.

    The points are always there, with the axis and the legend.
    """
    linked = all(line.get("href") for line in lines if line.get("kind"))
    colour, shape = _legend(kinds)
    href = {"href": field_of("href")} if linked else {}
    about, lift = {"description": field_of("about")}, {"dy": -3} if small else {}
    value = "isValid(datum.value)"

    def rule(low: str, high: str, width: float) -> Chart:
        mark = {"type": "rule", "strokeWidth": width - 0.4 if small else width}
        ends = {"x": x(low), "x2": {"field": high}}
        return layer(mark, {"color": colour, **ends, **LINE_PLACE}, value)

    def point(size: int, more: Chart, *when: str, **look: Any) -> Chart:
        mark = {"type": "point", "filled": True, "size": size, **look}
        return layer(mark, {"x": x("value"), **more, **LINE_PLACE}, value, *when)

    def words(of: str, place: int, more: Chart, **look: Any) -> Chart:
        return text(of, {"x": {"value": place}, **more, **LINE_PLACE}, **look)

    # Under words there is no grid.
    ground = layer(
        {"type": "bar", "height": STEP, "color": PAPER},
        {"x": {"value": 0}, "x2": {"value": WIDTH}, **LINE_PLACE},
        "datum.label || datum.note || datum.blank",
    )
    bar = {"type": "bar", "height": 9, "color": PALE}
    layers = {
        "ground": ground,
        "bar": layer(bar, {"x": x("value"), **about, **LINE_PLACE}, value, "datum.bar"),
        "reach_low": rule("reach_low", "reach_high", 1.2),
        "low": rule("low", "high", 2.4),
        "value": point(
            40 if small else 56,
            {"color": colour, "shape": shape, **about, **(href if small else {})},
        ),
        "few": point(10 if small else 16, {}, "datum.few", color=PAPER),
        "label": words("label", 0, {}, align="left", fontSize=TEXT, **lift),
        "note": words("note", 0, {}, align="left", color=SOFT, **lift),
        "numbers": words("numbers", WIDTH, {} if small else href, align="right", **lift),
    }
    there = {"ground", "value"} | {
        # 0 is an end of an interval, as good as any other.
        name
        for line in lines
        for name, found in line.items()
        if found is not None and found is not False and found != ""
    }
    return [one for name, one in layers.items() if name in there]


def layer(mark: Chart, encoding: Chart, *when: str) -> Chart:
    """A layer of a chart, of the rows for which all conditions hold."""
    return {"mark": mark, "encoding": encoding, "transform": [{"filter": one} for one in when]}


def field_of(name: str) -> Chart:
    """A channel with the words of a field."""
    return {"field": name, "type": "nominal"}


def text(of: str, encoding: Chart, *when: str, **look: Any) -> Chart:
    """A layer with the words of a field, where there are any."""
    return layer({"type": "text", **look}, {"text": field_of(of), **encoding}, f"datum.{of}", *when)


LINE_PLACE: Chart = {
    "y": {"field": "line", "type": "ordinal", "axis": None, "scale": {"padding": 0}}
}
"""The channel of the lines of a facet."""


def _lines(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    number = 0
    for row in rows:
        for words in _label(row.label):
            number += 1
            yield {"group": row.group, "line": number, "label": words}
        for mark in row.marks:
            number += 1
            line = {"group": row.group, "line": number, "note": visible(mark.note)}
            yield {
                **mark.data,
                **line,
                **spans(mark.interval, mark.reach),
                "numbers": visible(mark.numbers),
                "value": mark.value,
                "kind": mark.kind.words,
                "about": visible(f"{row.label} {mark.about}"),
                "few": mark.few,
                "bar": mark.bar,
                "href": mark.href or row.href,
            }


def spans(interval: Interval | None, reach: Interval | None) -> dict[str, float | None]:
    """The ends of an interval and of a region, as data."""
    return {
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "reach_low": reach.low if reach else None,
        "reach_high": reach.high if reach else None,
    }


def _label(words: str) -> list[str]:
    return wrapped(words, 54) if words else []


def scaled(ticks: Mapping[float, str], *, zero: bool = False) -> Callable[[str], Chart]:
    """Channels along x by their field, with a labelled axis above each facet."""
    words = "{" + ",".join(f"'{value:g}':'{word}'" for value, word in ticks.items()) + "}"
    none = {"condition": {"test": "datum.value == 0", "value": SOFT}, "value": LINE}
    axis = {
        "orient": "top",
        "values": [*ticks],
        "labelExpr": f"{words}[datum.value]",
        "labelFlush": True,
        "labelOverlap": False,
        "title": None,
        "gridColor": none if zero else LINE,
    }
    scale = {"domain": [min(ticks), max(ticks)], "nice": False, "clamp": True}
    return lambda name: {"field": name, "type": "quantitative", "scale": scale, "axis": axis}


def _legend(kinds: Sequence[Kind]) -> tuple[Chart, Chart]:
    """Colour and shape by kind, with one legend for both; none where there is but one kind."""
    names = [k.words for k in kinds]
    legend = {"columns": columns(names)} if len(kinds) > 1 else None
    colours = {"domain": names, "range": [k.colour for k in kinds]}
    shapes = {"domain": names, "range": [k.shape for k in kinds]}
    kind = field_of("kind")
    return kind | {"scale": colours, "legend": legend}, kind | {"scale": shapes, "legend": legend}


def columns(words: Sequence[str]) -> int:
    """The columns of a legend, so that no line of it is wider than a drawing."""
    widest = max(map(len, words), default=1) * BROAD + 32
    return max(1, min(len(words), int(WIDTH // widest)))


def specified(chart: Chart, *, faceted: bool) -> Chart:
    """The specification of a chart in our theme, without its data.

    Args:
        chart: Size and layers; each row of its data has a `line` and, for facets, a `group`.
        faceted: Whether there is a facet for each group, with lines of its own.
    """
    data = {"data": {"name": "lines"}}
    if not faceted:
        return {**THEME, **data, **chart}
    own = {"scale": {"y": "independent"}, "axis": {"x": "independent"}}
    return {**THEME, **data, "facet": {"row": GROUP_ROW}, "spec": chart, "resolve": own}


GROUP_ROW: Chart = {
    "field": "group",
    "type": "nominal",
    "sort": {"field": "line", "op": "min"},
    "title": None,
    "header": {"labelExpr": "split(datum.label, '\\n')"},
}
"""The facets: a row for each group, in the order of their lines, under its heading."""


def filled(chart: Chart, lines: Sequence[Mapping[str, Any]]) -> Chart:
    """A specification with its data."""
    seen = [
        {k: visible(v, multiline=True) if isinstance(v, str) else v for k, v in line.items()}
        for line in lines
    ]
    return {**chart, "datasets": {"lines": seen}}
