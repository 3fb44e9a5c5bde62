"""The one way to a terminal: what is printed passes here, and nothing in it acts.

Names, answers, file names and errors may be anybody's. Here they become visible, rich reads no
markup in them, and an output that cannot show a character gets another one.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import shutil
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from cornered.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PIPED_WIDTH = 120
"""Columns where an output is no terminal."""
BROKEN_PIPE = 141
"""The exit code of a program whose reader went away, as of one that SIGPIPE ends."""
PLAIN = {
    "–": "-",
    "—": "-",
    "─": "-",
    "…": "...",
    "·": "|",
    "±": "+/-",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "▨": "#",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "⟨": "<",
    "⟩": ">",
    "\xa0": " ",
    "\u202f": " ",
}
"""Characters of our own lines, as ASCII where an output has no other."""
_PLAINLY = "cornered.plainly"
_HIDDEN_IN_JSON = re.compile(r"[^\x00-\x7e]")


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of codecs: ASCII for our signs, and code points for the rest."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    chars = error.object[error.start : error.end]
    return "".join(
        PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in chars
    ), error.end


codecs.register_error(_PLAINLY, _plainly)


def make_safe() -> None:
    """Lets standard output and error show any text, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        # A closed stream is None, and a test may put in one that cannot be changed.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_PLAINLY)


def leave_pipe() -> None:
    """Sends what is still to be printed nowhere: its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            try:
                os.dup2(nowhere, stream.fileno())
            except (OSError, ValueError, AttributeError):
                continue
    os.close(nowhere)


def echo(line: str = "", *, bold: bool = False, nl: bool = True) -> None:
    """Prints to standard output; line breaks stay."""
    shown = visible(line, multiline=True)
    # Given no file, click writes UTF-8 where the encoding is ASCII.
    click.echo(click.style(shown, bold=True) if bold else shown, file=sys.stdout, nl=nl)


def echo_row(*cells: str) -> None:
    """Prints a line of cells to standard output, with tabs between them and none within."""
    click.echo("\t".join(map(visible, cells)), file=sys.stdout)


def say(line: str) -> None:
    """Prints to standard error; line breaks stay."""
    click.echo(visible(line, multiline=True), file=sys.stderr, err=True)


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Prints JSON to standard output: any text is unchanged for who parses it.

    Characters that act on a terminal or cannot be seen are escaped, as JSON can.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=not _is_unicode(sys.stdout))
    click.echo(_HIDDEN_IN_JSON.sub(_escaped, text), file=sys.stdout)


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console of rich that reads no markup, no emoji codes and no numbers in a text.

    Args:
        stderr: Whether it prints to standard error.
        width: Its columns; None for those of the terminal.
    """
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich itself would leave, with 1

    return Plain(
        stderr=stderr, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def progress_bar(*, quiet: bool = False) -> Progress:
    """A bar on standard error that goes when it is done.

    Args:
        quiet: Shows nothing where standard error is no terminal.
    """
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    shown = console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(markup=False),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=quiet and not shown.is_terminal,
    )


def stdout_is_terminal() -> bool:
    """Whether standard output is a terminal; a closed one is none."""
    return sys.stdout is not None and sys.stdout.isatty()


def terminal_width() -> int:
    """Columns of the terminal; `COLUMNS` in the environment goes first."""
    return max(20, shutil.get_terminal_size((80, 24)).columns)


def _is_unicode(stream: IO[str] | None) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if visible(char) == char:
        return char
    return "\\u007f" if char == "\x7f" else json.dumps(char)[1:-1]
