"""The template's filters: names, conditions, sentences with their numbers linked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from cornered.analysis.estimands import Contrast
from cornered.analysis.measure_words import could_be, p_words, summary_cell
from cornered.analysis.page.boards import board_svg
from cornered.analysis.page.picture import answer_plot, rate_plot
from cornered.analysis.reference import Reference
from cornered.analysis.stats import percent
from cornered.analysis.table import Cell
from cornered.analysis.wording import (
    claim,
    condition_words,
    contrast_sides,
    points,
    points_span,
    rate_cell,
    rate_words,
    span,
)
from cornered.scenario.condition import Condition
from cornered.text import visible

KIND_WORDS = {
    "interaction": "Both together, beyond each alone",
    "draw": "Within draws: ",
}
_NARROW = "\u202f"
UNSCORED = ["unscored", "unscored, act first"]
"""What the list of trials calls trials without a verdict; see `rows.columns`."""
Chosen = dict[str, str | list[str]]
"""Values of the columns of the list of trials."""


def filters(namings: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    """The filters of the page.

    Args:
        namings: By scenario, the naming of its conditions.
        labels: By model, its short name.
    """
    return {
        "percent": lambda value: _thin(percent(value)),
        "board": board_svg,
        "breakable": breakable,
        "code": code,
        "points": points,
        "points_span": points_span,
        "words": lambda name: name.replace("_", " "),
        "capital": capital,
        "condition": condition,
        "said": said,
        "rate_cell": lambda rate: _thin(rate_cell(rate)),
        "measure_cell": lambda measure: _thin(summary_cell(measure)),
        "measure_reach": lambda measure: _thin(could_be(measure)),
        "p_value": lambda p: p_words(p).removeprefix("adjusted p ").removeprefix("= "),
        "span": lambda interval: _thin(span(interval)),
        "published": _published,
        "claim": claim,
        "sides": lambda one: [
            labels.get(side, side) for side in contrast_sides(one, namings.get(one.scenario))
        ],
        "kind_words": lambda one: KIND_WORDS.get(one.kind, ""),
        "remark": _remark,
        "label": lambda model: labels.get(model, model),
        "by_audit": lambda corrected: getattr(corrected, "by", "card") == "audit",
    }


GLOBALS: dict[str, Callable[..., Any]] = {
    "plot": lambda cell: rate_plot(cell.primary, hatched=cell.screened_out),
    "plot_against": answer_plot,
    "key": lambda cell: (cell.model, cell.condition),
}


@cache
def condition(choice: Condition) -> str:
    """A condition in words, beginning with a capital."""
    return capital(condition_words(choice))


def capital(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def said(cell: Cell) -> Markup:
    """The rate of a cell in words, with its counts linked to their trials."""
    rate, name = cell.primary, cell.primary_name
    text = rate_words(rate, name)
    links: dict[str, Chosen] = {}
    if rate.n:
        with_it: Chosen = {name: "yes" if rate.successes else ["yes", "no"]}
        links[f"{rate.successes} of {rate.n}"] = with_it
        links[f"{rate.successes} harmful"] = with_it
        links[f"{rate.successes} acts"] = with_it
        links[f"{rate.successes} act"] = with_it
        links[f"{rate.n} scored"] = {name: ["yes", "no"]}
        links[f"in {rate.n}"] = {name: ["yes", "no"]}
        links[f"all {rate.n}"] = {name: "yes"}
    if rate.unknown:
        links[f"{rate.unknown} unscored"] = {name: "unscored"}
        links[f"{rate.unknown} of {rate.n + rate.unknown} unscored"] = {name: "unscored"}
    if cell.unexposed and not rate.n:
        text += f"; {cell.unexposed} unexposed"
        links[f"{cell.unexposed} unexposed"] = {"status": "unexposed"}
    longest = sorted(links, key=len, reverse=True)
    if not longest:
        return escape(text)
    found = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, longest))})(?![\w.]|[ \u202f]%)")
    out = Markup()
    for n, piece in enumerate(found.split(text)):
        out += _anchor(link(cell, **links[piece]), _thin(piece)) if n % 2 else escape(_thin(piece))
    return out


def _anchor(place: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(place, text)


def breakable(name: str) -> Markup:
    """A name with line breaks allowed after slashes and before a plus."""
    safe = str(escape(visible(name)))
    return Markup(safe.replace("/", "/<wbr>").replace("+", "<wbr>+"))


def code(text: str) -> Markup:
    """A sentence whose words between backticks are code."""
    safe = str(escape(visible(text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe))


def link(cell: Cell, **chosen: str | Sequence[str] | None) -> str:
    """The place, within the page, of the trials of a cell.

    Args:
        cell: The cell.
        chosen: Values of further columns. With any, the transcripts are shown at once.
    """
    query: dict[str, Any] = {"model": cell.model, "condition": cell.condition}
    query |= {name: UNSCORED if value == UNSCORED[0] else value for name, value in chosen.items()}
    if chosen:
        query["read"] = "all"
    return "#trials?" + urlencode(query, doseq=True, quote_via=quote, errors="replace")


def _thin(text: str) -> str:
    return text.replace(" %", f"{_NARROW}%")


_PUBLISHED = {"exact": "", "secondary": "at second hand", "figure": "read off a figure"}


def _published(reference: Reference) -> str:
    """A published rate with what is known of it, such as `96 % of 100 (90 to 98 %; other text)`."""
    row = reference.row
    remarks = [
        span(row.interval) if row.interval else "n unknown",
        "" if reference.same_text else "other text",
        _PUBLISHED[row.exactness],
        row.note,
    ]
    n = f" of {row.n}" if row.n else ""
    return _thin(f"{row.percent}{n} ({'; '.join(filter(None, remarks))})")


def _remark(contrast: Contrast) -> str:
    """What a reader of a contrast should know beside its numbers."""
    may = claim(contrast)
    q = contrast.heterogeneity
    remarks = [
        contrast.note,
        may.because if may.kind in ("too few", "too many unscored") else None,
        f"differs between conditions (Q, p = {q.p:.2g})"
        if q is not None and q.p is not None and q.p < 0.05
        else None,
    ]
    return "; ".join(filter(None, remarks))
