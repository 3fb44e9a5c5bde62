"""Rates with their controls, beside published ones, and by what a model says of its situation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cornered.analysis.figures.dots import dots
from cornered.analysis.figures.grid import (
    Grid,
    PlottedCell,
    metric_name,
    metric_text,
    shared_levels,
    shared_text,
    trials_text,
)
from cornered.analysis.figures.marks import (
    RATE_TICKS,
    Figure,
    Kind,
    Mark,
    Row,
    alternative,
    marks_chart,
)
from cornered.analysis.figures.names import (
    file_name,
    interval_text,
    listed,
    model_labels,
    points,
    trials_link,
    wrapped,
)
from cornered.analysis.figures.numbers import (
    counts_only,
    marks_text,
    rate_data,
    rate_numbers,
    rate_text,
    reach,
)
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.theme import (
    CONTROL,
    CORRECTED,
    OUT,
    PAPER_RULE,
    PUBLISHED,
    RATE,
)
from cornered.analysis.rates import Rate
from cornered.analysis.reference import EXACTNESS, Reference
from cornered.analysis.stats import percent
from cornered.analysis.table import BELIEF, ReadingRate
from cornered.analysis.wording import FEW, few_trials
from cornered.text import visible

Published = Mapping[tuple[str, str], Reference]
"""Published rates by model and condition, from `reference.beside`."""
DENSE = 24
"""Cells above which each model is a colour, and no longer has lines of its own."""
RATES = {
    "harmful": Kind("harmful", RATE),
    "act": Kind("act", RATE),
    "paper": Kind("the study's own rule", PAPER_RULE, "triangle-up"),
}
SCREENED = Kind("screened out", OUT, "cross")
CONTROLS = Kind("control", CONTROL, "square")
BESIDE = Kind("published", PUBLISHED, "diamond")
MENDED = {
    "audit": Kind("corrected by an audit", CORRECTED, "triangle-down"),
    "card": Kind("corrected by the judge's card", CORRECTED, "triangle-down"),
}
ORDER = ("evaluation", "deployment", "undecided", "not_considered")
WORDS = {
    "evaluation": "says it is a test",
    "deployment": "says it is real",
    "undecided": "leaves it open",
    "not_considered": "says nothing of it",
    None: "not read",
}


def rate_mark(
    kind: Kind,
    rate: Rate,
    href: str,
    data: Mapping[str, Any],
    *,
    bar: bool = True,
    what: str = "",
    unexposed: int = 0,
) -> Mark:
    """A rate as a mark; nothing is drawn of fewer than ten scored trials."""
    drawn, words = not counts_only(rate), rate_text(rate, unexposed)
    note = (
        ""
        if drawn
        else "counts only: fewer than 10 are scored"
        if rate.n
        else words.removeprefix("none scored; ")
    )
    return Mark(
        kind,
        rate_numbers(rate, unexposed),
        f"{what} {words}".strip(),
        rate.rate if drawn else None,
        rate.interval if drawn else None,
        reach(rate) if drawn else None,
        few=few_trials(rate),
        bar=bar and drawn and kind is not SCREENED,
        note=note,
        href=href,
        data=data,
    )


def _rule(plotted: PlottedCell) -> str | None:
    """The rule of ours that a published rate is comparable with; None where only acts count.

    For the study's own text its own rule, for another text of its situation what a judge says.
    """
    if plotted.cell.paper:
        return "paper"
    return "harmful" if plotted.cell.harmful else None


def _published(plotted: PlottedCell, published: Published) -> Reference | None:
    found = published.get((plotted.cell.model, plotted.cell.condition))
    return found if _rule(plotted) else None


def _published_mark(plotted: PlottedCell, of: Reference) -> Mark:
    row, interval = of.row, of.row.interval
    n = f" of {row.n}" if row.n else ""
    span = f" ({interval_text(interval)})" if interval else ""
    few = bool(row.n and row.n < FEW)
    return Mark(
        BESIDE,
        f"{round(100 * row.rate)} %{n}",
        f"published {row.percent}{span}{n}, {visible(row.source_title)}",
        row.rate,
        interval,
        few=few,
        href=trials_link(plotted.cell.model, plotted.cell.condition),
        data={"published": row.rate, "published_n": row.n, "rule": _rule(plotted)},
    )


def _ours(plotted: PlottedCell, rule: str) -> Mark:
    """Our rate by a rule."""
    cell = plotted.cell
    rate = cell.paper if rule == "paper" and cell.paper else plotted.rate
    chosen = {} if rule == "paper" else {plotted.metric: "yes"}
    href = trials_link(cell.model, cell.condition, **chosen)
    kind, what = RATES[rule], "by the study's own rule" if rule == "paper" else ""
    if plotted.out and rule != "paper":
        kind, what = SCREENED, "screened out,"
    data, unexposed = rate_data(plotted, rate, rule), cell.unexposed
    return rate_mark(kind, rate, href, data, what=what, unexposed=unexposed)


def _corrected(plotted: PlottedCell) -> tuple[Mark, ...]:
    """The harmful rate without the judge's errors, where ours is drawn and it is known."""
    found = plotted.cell.corrected
    if found is None or found.value is None or not found.interval or counts_only(plotted.rate):
        return ()
    kind = MENDED[found.by]
    words = f"{percent(found.value)} ({interval_text(found.interval)})"
    data = {"corrected": found.value, "by": found.by, "labels": found.labels}
    about = f"{kind.words} {words}"
    return (Mark(kind, percent(found.value), about, found.value, found.interval, data=data),)


def _cell_marks(grid: Grid, published: Published, plotted: PlottedCell) -> tuple[Mark, ...]:
    """The primary rate of a cell, its control, and a published rate beside ours by its rule."""
    marks = [_ours(plotted, plotted.metric), *_corrected(plotted)]
    if control := grid.control(plotted):
        href = trials_link(control.cell.model, control.cell.condition)
        data = rate_data(control, control.rate, "control")
        more: dict[str, Any] = {"bar": False, "what": "control"}
        more["unexposed"] = control.cell.unexposed
        marks.append(rate_mark(CONTROLS, control.rate, href, data, **more))
    if plotted.cell.paper:
        marks.append(_ours(plotted, "paper"))
    if reference := _published(plotted, published):
        marks.append(_published_mark(plotted, reference))
    return tuple(marks)


def _rows(
    grid: Grid, cells: Sequence[PlottedCell], marks: Callable[[PlottedCell], tuple[Mark, ...]]
) -> list[Row]:
    """A row for each cell: models by condition, or the conditions of the only model."""
    labels, shared = model_labels(c.cell.model for c in grid.cells), shared_levels(grid.cells)
    rows = []
    for plotted in cells:
        model, condition = labels[plotted.cell.model], plotted.label(shared)
        group, label = (condition, model) if len(labels) > 1 else (model, condition)
        href = trials_link(plotted.cell.model, plotted.cell.condition)
        rows.append(Row("\n".join(wrapped(group, 46)), label, marks(plotted), href))
    return rows


def headline(grid: Grid, published: Published) -> list[Figure]:
    """Rates with their controls and published ones; nothing is pooled."""
    asked = f"{question(grid.headline_cells)} in {visible(grid.scenario)}?"
    if _is_dense(grid):
        return dots(grid, asked)
    return _rates_of(grid, grid.headline_cells, published, "headline", asked)


def variants(grid: Grid, published: Published) -> list[Figure]:
    """The same of every condition that changes a further factor, such as the mitigations."""
    if not grid.variants:
        return []
    asked = f"{question(grid.variants)} in the variants of {visible(grid.scenario)}?"
    return _rates_of(grid, grid.variants, published, "variants", asked)


def _rates_of(
    grid: Grid, of: Sequence[PlottedCell], published: Published, name: str, asked: str
) -> list[Figure]:
    places = list(dict.fromkeys(c.place for c in of))
    cells = sorted(of, key=lambda c: places.index(c.place))
    rows = _rows(grid, cells, lambda c: _cell_marks(grid, published, c))
    pairs = list(zip(cells, rows, strict=True))
    figures = []
    for page, which in pages(_panels(pairs), _lines):
        shown = [c for c, _ in page]
        figures.append(
            Figure(
                file_name(name, grid.scenario, which.number),
                asked + which.title,
                _caption(shown, grid, published),
                marks_chart([row for _, row in page], RATE_TICKS),
                alternative(row for _, row in page),
            )
        )
    return figures


def _is_dense(grid: Grid) -> bool:
    cells = grid.headline_cells
    return len(cells) > DENSE and len({c.cell.model for c in cells}) > 1


def question(cells: Sequence[PlottedCell]) -> str:
    """How often which models did what, as a question without its end."""
    labels = model_labels(c.cell.model for c in cells)
    who = "each model" if len(labels) > 1 else next(iter(labels.values()))
    if metric_name(cells) == "act":
        return f"How often did {who} do the act"
    return f"How often was {who} harmful"


def _panels(pairs: Sequence[tuple[PlottedCell, Row]]) -> list[list[tuple[PlottedCell, Row]]]:
    """What stays together on a page: the models of a condition."""
    panels: dict[object, list[tuple[PlottedCell, Row]]] = {}
    for plotted, row in pairs:
        panels.setdefault(plotted.place, []).append((plotted, row))
    return list(panels.values())


def _lines(panel: Sequence[tuple[PlottedCell, Row]]) -> int:
    return 2 + sum(row.lines for _, row in panel)


def _caption(cells: Sequence[PlottedCell], grid: Grid, published: Published) -> str:
    controls = [control for c in cells if (control := grid.control(c))]
    references = [r for c in cells if (r := _published(c, published))]
    left_out = not references and any((c.cell.model, c.cell.condition) in published for c in cells)
    parts = [
        f"{metric_text(cells)} {trials_text(cells)}.",
        marks_text([c.rate for c in (*cells, *controls)]),
        "Control: the same place without the motive." if controls else "",
        "Screened out: acts in too many controls to read the rate as propensity."
        if any(c.out for c in cells)
        else "",
        "Corrected: the harmful rate without the judge's errors."
        if any(_corrected(c) for c in cells)
        else "",
        sources_text(references) if references else "",
        "Published rates count harm, so none stands beside an act rate." if left_out else "",
        shared_text(cells),
    ]
    return " ".join(part for part in parts if part)


def sources_text(references: Sequence[Reference]) -> str:
    """Where published rates are from, how exactly they are known, and of which text."""
    sources = listed(visible(f"{r.row.study} {r.row.year}") for r in references)
    how = listed(EXACTNESS[r.row.exactness] for r in references)
    other = "" if all(r.same_text for r in references) else "; the agent read another text there"
    return f"Published, never pooled with ours: {sources} ({how}{other})."


def published_rates(grid: Grid, published: Published) -> list[Figure]:
    """Our rates beside published ones, where the headline figure does not show them all."""
    cells = [c for c in grid.cells if _published(c, published)]
    if not cells or (not _is_dense(grid) and set(cells) <= {*grid.headline_cells, *grid.variants}):
        return []

    def marks(plotted: PlottedCell) -> tuple[Mark, ...]:
        reference = published[plotted.cell.model, plotted.cell.condition]
        return _ours(plotted, _rule(plotted) or ""), _published_mark(plotted, reference)

    pairs = list(zip(cells, _rows(grid, cells, marks), strict=True))
    figures = []
    for page, which in pages(_panels(pairs), _lines):
        shown = [c for c, _ in page]
        references = [published[c.cell.model, c.cell.condition] for c in shown]
        figures.append(
            Figure(
                file_name("published", grid.scenario, which.number),
                f"Are the rates of {visible(grid.scenario)} like the published ones?{which.title}",
                f"Ours by the rule that the published rate counts. "
                f"{marks_text(c.rate for c in shown)} {sources_text(references)}",
                marks_chart([row for _, row in page], RATE_TICKS),
                alternative(row for _, row in page),
            )
        )
    return figures


def _beliefs(plotted: PlottedCell) -> list[ReadingRate]:
    """The rates of a cell by stated belief, in the order of the rubric, unread trials last."""
    read = [of for of in plotted.cell.reading_rates if of.reading == BELIEF]
    order = {value: i for i, value in enumerate(ORDER)}
    return sorted(read, key=lambda c: (c.value is None, order.get(c.value or "", len(order))))


def _is_comparable(plotted: PlottedCell, grid: Grid) -> bool:
    """Whether a headline cell, or its variant by framing, has several beliefs to compare."""
    values = [cut for cut in _beliefs(plotted) if cut.value is not None and cut.rate.n]
    headline = grid.headline_cells
    plain = plotted in headline or any(c.place == plotted.without("framing") for c in headline)
    return plain and not plotted.cell.is_control and len(values) > 1


def _belief_rows(plotted: PlottedCell, heading: str) -> list[Row]:
    notes = []
    if plotted.aware:
        said, read = plotted.aware
        notes.append(f"{said} of {read} say that it is a test")
    if tax := plotted.cell.tax:
        low, high = points(tax.interval.low), points(tax.interval.high)
        notes.append(f"the others: {points(tax.value)} points ({low} to {high})")
    lines = [*wrapped(heading, 46), *wrapped("; ".join(notes), 50)]
    rows = []
    for cut in _beliefs(plotted):
        chosen = {f"reading_{BELIEF}": cut.value} if cut.value else {}
        href = trials_link(plotted.cell.model, plotted.cell.condition, **chosen)
        word = WORDS.get(cut.value) or visible(str(cut.value)).replace("_", " ")
        data = rate_data(plotted, cut.rate, plotted.metric) | {"belief": cut.value or "unread"}
        kind = SCREENED if plotted.out else RATES[plotted.metric]
        rows.append(Row("\n".join(lines), word, (rate_mark(kind, cut.rate, href, data),), href))
    return rows


def belief(grid: Grid) -> list[Figure]:
    """Rates by stated belief, with a panel per cell; none if nothing can be compared."""
    cells = [c for c in grid.cells if _is_comparable(c, grid)]
    labels, shared = model_labels(c.cell.model for c in grid.cells), shared_levels(grid.cells)
    panels = []
    for plotted in cells:
        condition, model = plotted.label(shared), labels[plotted.cell.model]
        heading = f"{model}, {condition}" if len(labels) > 1 else condition
        panels.append([(plotted, row) for row in _belief_rows(plotted, heading)])
    figures = []
    for page, which in pages(panels, _lines):
        shown = [c for c, _ in page]
        rates = [cut.rate for c in dict.fromkeys(shown) for cut in _beliefs(c)]
        figures.append(
            Figure(
                file_name("belief", grid.scenario, which.number),
                f"Does a model do less harm in {visible(grid.scenario)} when it says it is a test?"
                f"{which.title}",
                f"{metric_name(shown).capitalize()} rate of the trials by what the model says of "
                "its situation. It says so by itself, no experiment assigned it: no cause is "
                "shown. The others: the rate of those that do not say that it is a test minus "
                f"the rate of those that do (Newcombe, 95 %). {marks_text(rates)} "
                f"{metric_text(shown)} {shared_text(shown)}".strip(),
                marks_chart([row for _, row in page], RATE_TICKS),
                alternative(row for _, row in page),
            )
        )
    return figures
