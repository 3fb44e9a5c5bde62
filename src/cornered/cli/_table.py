"""Tables on standard output. Names in them may be anybody's: none acts on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cornered.terminal import PIPED_WIDTH, console, echo, stdout_is_terminal
from cornered.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_NAME = "\ue000"
"""Stands in a table for a name that is put in afterwards; no visible text holds it."""
LONGEST_LINE = 10_000
"""Columns that no row of numbers needs."""

__all__ = [
    "PIPED_WIDTH",
    "add_row",
    "as_text",
    "echo",
    "plain_table",
    "print_table",
    "stdout_width",
]


def as_text(text: str, *, multiline: bool = False) -> Text:
    """Text of any origin for a cell or a title; square brackets are no markup."""
    from rich.text import Text

    return Text(visible(text, multiline=multiline), overflow="fold")


def plain_table(*columns: str, words: int = 1, title: str | None = None) -> Table:
    """A table without lines.

    Args:
        columns: Their heads.
        words: How many columns, from the left, hold words, which wrap; the others hold numbers.
        title: The line above it.
    """
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, title_justify="left")
    table.title = None if title is None else as_text(title)
    for n, column in enumerate(columns):
        is_words = n < words
        justify: Literal["left", "right"] = "left" if is_words else "right"
        table.add_column(as_text(column), justify=justify, overflow="fold", no_wrap=not is_words)
    return table


def add_row(table: Table, *texts: str) -> None:
    """Adds a row of texts."""
    table.add_row(*map(as_text, texts))


def stdout_width() -> int:
    """Columns that a table has."""
    return console().width if stdout_is_terminal() else PIPED_WIDTH


def print_table(table: Table, *, width: int = PIPED_WIDTH) -> None:
    """Prints a table to standard output.

    Where a name in the first column would be broken, as that of a condition of many factors, each
    stands whole on a line of its own, above its numbers.

    Args:
        table: The table.
        width: Columns where standard output is no terminal.
    """
    out = console(width=None if stdout_is_terminal() else width)
    names = [str(cell) for cell in table.columns[0].cells]
    shown = "\n".join(_lines(table, out, out.width))
    if all(word in shown for name in names for word in name.split()):
        out.print(table)
    else:
        _print_names_above(table, names, out)


def _lines(table: Table, out: Console, width: int) -> list[str]:
    lines = out.render_lines(table, out.options.update(width=width), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def _print_names_above(table: Table, names: Sequence[str], out: Console) -> None:
    """Prints a table with what stands in its first column above its rows."""
    from rich.table import Table

    first, *others = table.columns
    numbers = Table("", *(column.copy() for column in others), box=None, pad_edge=False)
    rows = zip(*(column.cells for column in others), strict=True)
    for name, row in zip(names, rows, strict=True):
        if name:
            numbers.add_row(_NAME)
        numbers.add_row("", *row)
    for head in filter(None, (table.title, first.header)):
        echo(str(head), bold=True)
    whole = (name for name in names if name)
    is_head = True
    # In fewer columns rich would drop the end of a number.
    for line in _lines(numbers, out, LONGEST_LINE):
        is_head = is_head and _NAME not in line
        echo(next(whole) if _NAME in line else line, bold=is_head)
