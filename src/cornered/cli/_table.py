"""Tables on standard output. Names in them may be anybody's: none acts on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cornered.cli._layout import Column, Line, lay_out, wrap
from cornered.terminal import echo, stdout_is_terminal, terminal_width
from cornered.text import visible

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

WIDE = 10_000
"""Columns of a pipe or a file, where every row is one line."""

__all__ = [
    "add_row",
    "as_text",
    "echo",
    "echo_words",
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
    """Columns that a table has: those of the terminal, and in a pipe as many as it needs."""
    return terminal_width() if stdout_is_terminal() else WIDE


def print_table(table: Table) -> None:
    """Prints a table to standard output.

    In a pipe every row is one line. In a terminal nothing is cut off: words wrap at spaces, `/`
    and `+`; where the numbers leave a name no room it stands above them; and where the numbers
    have no room either, each stands beside its head. See `lay_out`.
    """
    columns = [
        Column(
            str(column.header),
            tuple(map(str, column.cells)),
            is_words=column.justify == "left",
            wraps=not column.no_wrap,
        )
        for column in table.columns
    ]
    lines = lay_out(columns, stdout_width() if stdout_is_terminal() else None)
    if table.title is not None:
        lines = [*(Line(t, is_head=True) for t in wrap(str(table.title), stdout_width())), *lines]
    for line in lines:
        echo(line.text, bold=line.is_head and stdout_is_terminal())


def echo_words(text: str, *, indent: str = "", head: str = "") -> None:
    """Prints a sentence, wrapped by words in a terminal and in one line elsewhere.

    No number, interval or count is broken.

    Args:
        text: The sentence.
        indent: What stands before every line but the first.
        head: What it begins with, shown bold in a terminal.
    """
    first, *others = wrap(visible(text), stdout_width(), indent, at_signs=False)
    if head and first.startswith(head):
        echo(head, bold=True, nl=False)
        first = first[len(head) :]
    for line in (first, *others):
        echo(line)
