"""Tables on standard output. Names in them may be anybody's: none acts on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cornered.terminal import PIPED_WIDTH, console, echo, stdout_is_terminal
from cornered.text import visible

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

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

    Args:
        table: The table.
        width: Columns where standard output is no terminal.
    """
    console(width=None if stdout_is_terminal() else width).print(table)
