"""CSV tables that people open in a spreadsheet: no cell of them is a formula.

A spreadsheet computes a cell that begins with `=`, `+`, `-` or `@`, and so runs what a model
name or an imported id says. Such a cell gets an apostrophe before it, as spreadsheets themselves
mark a text; `cell_text` takes it off again. Numbers stay numbers. JSON and Parquet hold the
texts unchanged.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cornered.text import visible

MARK = "'"
"""What stands before a text that would be a formula."""
_SIGNS = frozenset("=+-@＝＋－＠﹦﹢﹣﹫⁼⁺⁻−")
"""Signs that begin a formula, and what a spreadsheet may take for them."""
_BREAKS = frozenset(";\t\r\n\v\f\x85\u2028\u2029")
"""Where another cell begins for a reader that splits at other marks than we do."""
_RUN = re.compile(r"[\s;\"'`‘’“”\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]+")
"""Characters before a sign that a reader may drop."""


def cell(value: Any) -> Any:
    """A value for a cell: a text is visible and no formula, anything else is as it was."""
    return guarded(visible(value, multiline=True)) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """A text with an apostrophe wherever a reader could begin a formula in it.

    `unguarded(guarded(text))` is `text`, whatever the text.
    """
    parts, last = list[str](), 0
    for place in _places(text):
        parts += [text[last:place], MARK]
        last = place
    return "".join((*parts, text[last:]))


def unguarded(text: str) -> str:
    """A text without the apostrophes of `guarded`."""
    parts, last = list[str](), 0
    for place in _places(text):
        if text[place : place + 1] == MARK:
            parts.append(text[last:place])
            last = place + 1
    return "".join((*parts, text[last:]))


def write_rows(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, missing: str = ""
) -> str:
    """Rows as CSV.

    Args:
        columns: The heads, in order.
        rows: Column to value; texts of any origin.
        missing: The cell of a column that a row lacks.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell(column) for column in columns])
    writer.writerows([[cell(row.get(column, missing)) for column in columns] for row in rows])
    return out.getvalue()


def _places(text: str) -> Iterator[int]:
    """Where an apostrophe goes: before each cell, for any reader, that begins with a sign.

    An apostrophe there changes none of these places, so that it can be taken off again.
    """
    first = -1
    if text[:1] in _SIGNS or text.lstrip("\"'")[:1] in ("\t", "\r", "\n"):
        first = 0
        if text:
            yield 0
    for run in _RUN.finditer(text):
        if text[run.end() : run.end() + 1] not in _SIGNS:
            continue
        if run.start() == 0 and first:
            yield 0
        for place in range(run.start(), run.end()):
            if text[place] in _BREAKS:
                yield place + 1
