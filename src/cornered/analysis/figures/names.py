"""Labels of models and conditions in figures, and the targets of their links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

from cornered.analysis.stats import Interval, percent
from cornered.text import shorten, visible


def model_labels(models: Iterable[str]) -> dict[str, str]:
    """Labels of models: the last part of the name if that is unique, else the whole name."""
    names = dict.fromkeys(models)
    last = {name: name.rpartition("/")[2] or name for name in names}
    counts = list(last.values())
    return {n: visible(part if counts.count(part) == 1 else n) for n, part in last.items()}


def file_name(*parts: str) -> str:
    """A name for files and ids: letters, digits, dashes and underscores, at most 80."""
    words = (re.sub(r"[^A-Za-z0-9_]+", "-", part).strip("-") for part in parts)
    return "-".join(word for word in words if word)[:80]


def trials_link(model: str, condition: str, **more: str) -> str:
    """The link, within the page, to the list of trials of a cell.

    Args:
        model: Its name in the run.
        condition: Name of the condition.
        more: Further filters: `outcome`, `act`, `harmful`, `reading_NAME`.
    """
    query = {"model": model, "condition": condition, **more}
    return "#trials?" + urlencode(query, quote_via=quote, errors="replace")


def interval_text(interval: Interval | None) -> str:
    """An interval of a rate for display; empty if there is none."""
    if interval is None:
        return ""
    return f"{percent(interval.low).removesuffix(' %')} to {percent(interval.high)}"


def points(value: float) -> str:
    """A difference of rates in percentage points, with its sign, such as `−12`."""
    rounded = round(100 * value)
    return f"{'−' if rounded < 0 else '+' if rounded > 0 else ''}{abs(rounded)}"


def counted(numbers: Sequence[int]) -> str:
    """A number, or the range of several, such as `98 to 100`."""
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def listed(values: Iterable[str]) -> str:
    """The distinct values, separated by commas."""
    return ", ".join(dict.fromkeys(values))


def wrapped(text: str, most: int) -> list[str]:
    """A text in lines of at most `most` characters; longer words are shortened."""
    lines = [""]
    # The sign of a percentage stays with its number.
    words = visible(text).replace(" %", "\u00a0%").split(" ")
    for word in (shorten(w, most) for w in words if w):
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= most:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
