"""`cornered new`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from cornered.cli._base import main
from cornered.terminal import echo


@main.command()
@click.argument("name", metavar="NAME")
def new(name: str) -> None:
    """Write a small working scenario pack into the new folder NAME.

    It passes `cornered check` and runs. Comments explain each key; change it file by file.

    \b
      cornered new depot
      cornered check depot
      cornered show depot threat=replacement
    """
    from cornered.scenario.new import write_new_pack

    folder = quote(str(write_new_pack(Path(name))))
    echo(f"{folder}: a pack that works")
    echo(f"next    cornered check {folder}")
    echo(f"        cornered show {folder} threat=replacement")
