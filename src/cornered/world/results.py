"""Results of a bounded length: what is longer, Inspect cuts."""

from __future__ import annotations

from collections.abc import Sequence

MOST_BYTES = 12_000
"""Bytes of a result, of the 16 KB that Inspect hands on."""
MOST_LINES = 400
"""Lines of one part of a text."""
MOST_CHARS = 400
"""Characters of one line of a list."""


def as_list(lines: Sequence[str], nothing: str, more: str) -> str:
    """Lines as a result; how many are left out is said at its end.

    Args:
        lines: The lines.
        nothing: The result where there is none.
        more: What to do to see those left out.
    """
    shown, size = list[str](), 0
    for line in lines:
        line = shortened(line)
        size += len(line.encode()) + 1
        if size > MOST_BYTES:
            break
        shown.append(line)
    if len(shown) < len(lines):
        shown.append(f"… and {len(lines) - len(shown)} more. {more}".rstrip())
    return "\n".join(shown) or nothing


def shortened(text: str, most: int = MOST_CHARS) -> str:
    """A text of at most so many characters, on one line."""
    line = " ".join(text.split()) if "\n" in text or "\r" in text else text
    return line if len(line) <= most else f"{line[: most - 1]}…"


def page(text: str, first: int) -> tuple[str, int, int]:
    """A part of a text that fits into a result.

    A line that is too long for a page counts as several.

    Args:
        text: The text.
        first: The line to begin with, from 1.

    Returns:
        The part, its last line, and the number of lines of the text.
    """
    lines = [
        line[start : start + LONG_LINE]
        for line in text.split("\n")
        for start in range(0, max(1, len(line)), LONG_LINE)
    ]
    shown, size = list[str](), 0
    for line in lines[first - 1 :]:
        size += len(line.encode()) + 1
        if shown and (size > MOST_BYTES or len(shown) == MOST_LINES):
            break
        shown.append(line)
    return "\n".join(shown), first - 1 + len(shown), len(lines)


LONG_LINE = 2_000
"""Characters of a line that is shown whole."""
