"""Values with their intervals: the chart that rates and differences share.

Every line of the chart is a row of its data. A line holds words, or a mark with its interval and
its numbers; facets hold the lines of a model or of a condition, and Vega-Lite does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cornered.analysis.figures.names import wrapped
from cornered.analysis.figures.theme import LINE, PALE, PAPER, SOFT, TEXT, WIDTH, theme
from cornered.analysis.stats import Interval
from cornered.text import visible

if TYPE_CHECKING:
    import altair as alt

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
    parts = _Parts(
        tuple(kinds),
        tuple(ticks.items()),
        WIDTH - round(BROAD * numbers + 8),
        step,
        # 0 is an end of an interval, as good as any other.
        frozenset(
            name
            for line in lines
            for name in OPTIONAL
            if line.get(name) is not None and line[name] is not False and line[name] != ""
        ),
        zero=zero,
        linked=all(line.get("href") for line in lines if line.get("kind")),
        faceted=any(line["group"] for line in lines),
    )
    return filled(_lines_chart(parts), lines)


OPTIONAL = ("bar", "reach_low", "low", "few", "label", "note", "numbers")
"""Layers by the field that they show. The ground and the points are always there, with the axis and
the legend."""


@dataclass(frozen=True)
class _Parts:
    """What charts of marks differ in, other than their data."""

    kinds: tuple[Kind, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int
    step: int
    there: frozenset[str]
    """The optional layers that have something to draw: of an empty one nothing is seen, and it
    takes as long to draw as any."""
    zero: bool
    linked: bool
    faceted: bool


@lru_cache(maxsize=64)
def _lines_chart(parts: _Parts) -> Chart:
    """A chart without its data: Altair takes longer to build one than Vega takes to draw it."""
    import altair as alt

    x = scaled(dict(parts.ticks), zero=parts.zero)
    colour, shape = _legend(parts.kinds)
    small = parts.step < STEP
    line = {"y": line_place()}
    href = {"href": alt.Href("href:N")} if parts.linked else {}
    lift = {"dy": -3 if small else 0}
    drawn: Any = alt.Chart().transform_filter("isValid(datum.value)").encode(**line)
    point = drawn.encode(x=x("value"))

    def rule(low: str, high: str, strokes: float) -> Any:
        strokes = strokes - 0.4 if small else strokes
        ends = {"x": x(low), "x2": alt.X2(high)}
        return drawn.mark_rule(strokeWidth=strokes).encode(color=colour, **ends)

    # Under words there is no grid.
    words = alt.Chart().transform_filter("datum.label || datum.note || datum.blank")
    ground = words.mark_bar(height=STEP, color=PAPER).encode(
        x=alt.value(0), x2=alt.value(WIDTH), **line
    )
    bar = point.transform_filter("datum.bar").mark_bar(height=9, color=PALE)
    told = {"description": alt.Description("about:N")}
    layers = {
        "ground": ground,
        "bar": bar.encode(**told),
        "reach_low": rule("reach_low", "reach_high", 1.2),
        "low": rule("low", "high", 2.4),
        "value": point.mark_point(filled=True, size=40 if small else 56).encode(
            color=colour, shape=shape, **told, **(href if small else {})
        ),
        "few": point.transform_filter("datum.few").mark_point(
            filled=True, size=10 if small else 16, color=PAPER
        ),
        "label": text("label", align="left", fontSize=TEXT, **lift).encode(x=alt.value(0), **line),
        "note": text("note", align="left", color=SOFT, **lift).encode(x=alt.value(0), **line),
        "numbers": text("numbers", align="right", **lift).encode(
            x=alt.value(WIDTH), **line, **({} if small else href)
        ),
    }
    shown = [one for name, one in layers.items() if name in parts.there or name not in OPTIONAL]
    chart = alt.layer(*shown).properties(width=parts.width, height=alt.Step(parts.step))
    return specified(chart, faceted=parts.faceted)


def text(of: str, **look: Any) -> Any:
    """A layer with the words of a field, where there are any."""
    import altair as alt

    words = alt.Chart().transform_filter(f"datum.{of}").mark_text(**look)
    return words.encode(text=alt.Text(f"{of}:N"))


def line_place() -> Any:
    """The channel of the lines of a facet."""
    import altair as alt

    return alt.Y("line:O", axis=None, scale=alt.Scale(padding=0))


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


def scaled(ticks: Mapping[float, str], *, zero: bool = False) -> Callable[[str], alt.X]:
    """Channels along x by their field, with a labelled axis above each facet."""
    import altair as alt

    words = "{" + ",".join(f"'{value:g}':'{word}'" for value, word in ticks.items()) + "}"
    axis = alt.Axis(
        orient="top",
        values=[*ticks],
        labelExpr=f"{words}[datum.value]",
        labelFlush=True,
        labelOverlap=False,
        title=None,
        gridColor=alt.condition("datum.value == 0", alt.value(SOFT), alt.value(LINE))
        if zero
        else LINE,
    )
    scale = alt.Scale(domain=[min(ticks), max(ticks)], nice=False, clamp=True)
    return lambda name: alt.X(f"{name}:Q", scale=scale, axis=axis)


def _legend(kinds: Sequence[Kind]) -> tuple[alt.Color, alt.Shape]:
    """Colour and shape by kind, with one legend for both; none where there is but one kind."""
    import altair as alt

    names = [k.words for k in kinds]
    legend = alt.Legend(columns=columns(names)) if len(kinds) > 1 else None
    colours = alt.Scale(domain=names, range=[k.colour for k in kinds])
    shapes = alt.Scale(domain=names, range=[k.shape for k in kinds])
    return (
        alt.Color("kind:N", scale=colours, legend=legend),
        alt.Shape("kind:N", scale=shapes, legend=legend),
    )


def columns(words: Sequence[str]) -> int:
    """The columns of a legend, so that no line of it is wider than a drawing."""
    widest = max(map(len, words), default=1) * BROAD + 32
    return max(1, min(len(words), int(WIDTH // widest)))


def specified(chart: Any, *, faceted: bool) -> Chart:
    """The specification of a chart in our theme, without its data.

    Args:
        chart: The chart; each row of its data has a `line` and, for facets, a `group`.
        faceted: Whether there is a facet for each group, with lines of its own.
    """
    import altair as alt

    lines = chart.properties(data=alt.NamedData("lines"))
    if faceted:
        lines = chart.facet(row=group_row(), data=alt.NamedData("lines"))
        lines = lines.resolve_scale(y="independent").resolve_axis(x="independent")
    with theme():
        made: Chart = lines.to_dict(validate=False)
        return made


def group_row() -> Any:
    """The facets: a row for each group, in the order of their lines, under its heading."""
    import altair as alt

    return alt.Row(
        "group:N",
        sort=alt.EncodingSortField("line", op="min"),
        title=None,
        header=alt.Header(labelExpr="split(datum.label, '\\n')"),
    )


def filled(chart: Chart, lines: Sequence[Mapping[str, Any]]) -> Chart:
    """A specification with its data."""
    seen = [
        {k: visible(v, multiline=True) if isinstance(v, str) else v for k, v in line.items()}
        for line in lines
    ]
    return {**chart, "datasets": {"lines": seen}}
