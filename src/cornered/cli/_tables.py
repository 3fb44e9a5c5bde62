"""Tables in the terminal. Rich is imported when the first one is made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def make_console(*, width: int = 120, **options: Any) -> Console:
    """A console as wide as the terminal, or of a fixed width if the output is no terminal.

    Args:
        width: That fixed width, in characters.
        options: Further options of `rich.console.Console`.
    """
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width, **options)


def make_table(first: str, *others: str) -> Table:
    """A table without lines: a first column of words, which wraps, then columns of numbers."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
