"""How a table is laid out in so many columns of a terminal: pure text, nothing is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

GAP = "  "
"""Between two columns."""
INDENT = "  "
"""Before what belongs to the line above."""
NARROWEST = 16
"""Cells of a terminal that a column of words has at least, where its words are longer."""
MOST_LINES = 2
"""Lines that a cell of words may take before its name rather stands above the numbers."""
_PIECE = re.compile(r"[^\s/+=,]*[/+=,]+|[^\s/+=,]+|\s+")
"""A word with the sign after it at which a line may end; or the space between two."""
_WORD = re.compile(r"\S+|\s+")
_HELD = re.compile(
    r"(?<=\d) (?=(?:%|points?\b|pp\b|of \d|to [−+<±-]?[.\d]|[–×/·] ?\d))"  # 40 %, 5 of 10, 1 to 2
    r"|(?<=%) (?=to [−+<±-]?[.\d])"  # 1 % to 2 %
    r"|(?<=\bto) (?=[−+<±-]?[.\d])|(?<=\bof) (?=\d)"
    r"|(?<=\w) (?=[=<>≤≥] [−+.\d])|(?<=[=<>≤≥±×]) (?=[−+]?[.\d])"  # p = .03, ± 10 %
)
"""The spaces within a number, an interval, a count or a p value: no line ends there."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    head: str
    cells: tuple[str, ...]
    is_words: bool
    """Whether it holds words, from the left; else numbers, from the right."""
    wraps: bool = True
    """Whether its words may wrap."""

    @property
    def width(self) -> int:
        """Cells of a terminal that it takes where nothing wraps."""
        return max(_width(text) for text in (self.head, *self.cells))

    @property
    def narrowest(self) -> int:
        """Cells that it takes at least, with no word broken."""
        texts = (self.head, *self.cells) if self.is_words and self.wraps else (self.head,)
        words = max((cells(p) for text in texts for p in _pieces(text)), default=0)
        if self.is_words and self.wraps:
            return words
        return max(words, *map(_width, self.cells), 0)


class Line(NamedTuple):
    """A line of a table."""

    text: str
    is_head: bool = False


def cells(text: str) -> int:
    """Cells of a terminal that a line takes; a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrap(text: str, width: int, indent: str = "", *, at_signs: bool = True) -> list[str]:
    """Lines of at most so many cells, broken after a space, `/`, `+`, `=` or a comma.

    A word that is longer than a line is broken where the line ends: nothing is lost.

    Args:
        text: A text; its own line breaks stay.
        width: Cells of a terminal.
        indent: What stands before every line but the first.
        at_signs: Whether lines end at signs too. If not, as in sentences, they end at spaces only,
            and at none within a number, an interval or a count: `31 to 50 %` stays together.
    """
    found: list[str] = []
    for part in text.split("\n"):
        begin = part[: len(part) - len(part.lstrip(" "))]
        later = indent + begin if found else max(begin, indent, key=len)
        pieces = _PIECE.findall(part) if at_signs else _held_words(part, width - cells(later))
        found += _wrap_line(pieces, width, later)
    return found


def _held_words(text: str, room: int) -> list[str]:
    """Words and the spaces between them; what belongs together is one word where it fits a line."""
    found: list[str] = []
    for piece in _WORD.findall(_HELD.sub("\0", text)):
        whole = piece.replace("\0", " ")
        found += [whole] if cells(whole) <= room else _WORD.findall(whole)
    return found


def lay_out(columns: Sequence[Column], width: int | None) -> list[Line]:
    """The lines of a table.

    The first of these that fits: every row in one line; heads and words wrapped; what stands in
    the first column above the numbers of its row; each number beside its head.

    Args:
        columns: The columns; a row with nothing in the first one belongs to the row above.
        width: Cells of a terminal; None where lines have no end, as in a pipe: nothing wraps.
    """
    if width is None:
        return _grid([_in_one_line(column) for column in columns], None)
    if _total([c.width for c in columns]) <= width:
        return _grid(columns, [c.width for c in columns])
    widths = _shared(columns, width)
    if widths is not None and _is_legible(columns, widths):
        return _grid(columns, widths)
    return _names_above(columns, width)


def _in_one_line(column: Column) -> Column:
    one = tuple(" ".join(text.split("\n")) for text in (column.head, *column.cells))
    return replace(column, head=one[0], cells=one[1:])


def _width(text: str) -> int:
    return max(map(cells, text.split("\n")))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _pieces(text: str) -> list[str]:
    return [piece for piece in _PIECE.findall(text) if piece.strip()]


def _wrap_line(pieces: Sequence[str], width: int, indent: str) -> list[str]:
    lines, line, room = [], "", max(1, width)
    for piece in pieces:
        if cells(line + piece.rstrip()) <= room:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
            line = indent if cells(indent) < room // 2 else ""
        if not piece.strip():
            continue
        line += piece
        while cells(line) > room:
            head = _fitting(line, room)
            lines.append(line[:head])
            line = line[head:]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _fitting(text: str, room: int) -> int:
    """How many characters of a text fit; at least one."""
    end = min(len(text), room)
    while end > 1 and cells(text[:end]) > room:
        end -= 1
    return end


def _shared(columns: Sequence[Column], width: int) -> list[int] | None:
    """Widths of the columns that fit together; None if no words are short enough for that."""
    widths = [column.narrowest for column in columns]
    widths = [
        max(w, min(NARROWEST, c.width)) if c.is_words and c.wraps else w
        for w, c in zip(widths, columns, strict=True)
    ]
    left = width - _total(widths)
    if left < 0:
        return None
    while left > 0:  # to the column that would have to break the most
        wanting = [c.width / w if w else 0 for c, w in zip(columns, widths, strict=True)]
        at = wanting.index(max(wanting))
        if wanting[at] <= 1:
            break
        widths[at] += 1
        left -= 1
    return widths


def _is_legible(columns: Sequence[Column], widths: Sequence[int]) -> bool:
    """Whether the names in the first column are in few lines, or the other words need more."""
    first, *others = columns
    lines = max((len(wrap(text, widths[0])) for text in first.cells), default=1)
    words = [c for c in others if c.is_words and c.wraps]
    return lines <= MOST_LINES or len(words) > 1


def _grid(columns: Sequence[Column], widths: Sequence[int] | None) -> list[Line]:
    """Rows side by side; every column in its width, None for that of its longest text."""
    widths = [c.width for c in columns] if widths is None else widths
    rows = zip(*(column.cells for column in columns), strict=True)
    lines = [Line(text, is_head=True) for text in _row(columns, [c.head for c in columns], widths)]
    lines = [line for line in lines if line.text.strip()]
    return lines + [Line(text) for row in rows for text in _row(columns, row, widths)]


def _row(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """The lines of a row; a head of numbers stands at its foot, beside them."""
    parts = [
        wrap(text, width, INDENT if column.is_words else "")
        for text, width, column in zip(texts, widths, columns, strict=True)
    ]
    height = max(map(len, parts))
    for n in range(height):
        line = []
        for part, width, column in zip(parts, widths, columns, strict=True):
            text = part[n] if n < len(part) else ""
            space = " " * (width - cells(text))
            line.append(text + space if column.is_words else space + text)
        yield GAP.join(line).rstrip()


def _names_above(columns: Sequence[Column], width: int) -> list[Line]:
    """What stands in the first column above the rest of its row."""
    first, others = columns[0], [c for c in columns[1:] if c.head or any(c.cells)]
    heads = [Line(text, is_head=True) for text in wrap(first.head, width) if text]
    room = width - len(INDENT)
    if not others:
        return heads + [Line(t) for name in first.cells for t in wrap(name, width, INDENT)]
    widths = [c.width for c in others]
    if _total(widths) > room:
        shared = _shared(others, room)
        if shared is None:
            return heads + _beside_heads(first, others, width)
        widths = shared
    lines = [Line(INDENT + t, True) for t in _row(others, [c.head for c in others], widths)]
    for name, *texts in zip(first.cells, *(c.cells for c in others), strict=True):
        if name:
            lines += [Line(text) for text in wrap(name, width, INDENT)]
        lines += [Line(INDENT + text) for text in _row(others, texts, widths)]
    return heads + [line for line in lines if line.text.strip()]


def _beside_heads(first: Column, others: Sequence[Column], width: int) -> list[Line]:
    """Every number beside its head: `n 50 · rate 40 %`."""
    lines: list[Line] = []
    for name, *texts in zip(first.cells, *(c.cells for c in others), strict=True):
        if name:
            lines += [Line(text) for text in wrap(name, width, INDENT)]
        pairs = [
            " ".join(f"{column.head} {text}".split())
            for column, text in zip(others, texts, strict=True)
            if text.strip()
        ]
        line = INDENT
        for n, pair in enumerate(pairs):
            added = pair + (" ·" if n < len(pairs) - 1 else "")
            if line.strip() and cells(f"{line} {added}") > width:
                lines += [Line(text) for text in wrap(line, width, INDENT * 2)]
                line = INDENT * 2 + added
            else:
                line = f"{line} {added}" if line.strip() else line + added
        lines += [Line(text) for text in wrap(line, width, INDENT * 2) if text.strip()]
    return lines
