"""`cornered report` and `cornered view`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from cornered.cli._base import json_option, main
from cornered.cli._summary import print_summary


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@json_option
def report(folder: Path, as_json: bool) -> int:
    """Rewrite the report of RUN, a run folder, and print its summary.

    Writes report.html, the figures, and the tables trials.parquet, trials.csv and cells.csv.
    RUN/verdicts/NAME is a run folder too.

    \b
      cornered report runs/headline
    """
    from cornered.run.api import report as write_report

    return print_summary(write_report(folder), as_json)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("inspect_args", nargs=-1, type=click.UNPROCESSED)
def view(folder: Path, inspect_args: tuple[str, ...]) -> int:
    """Open Inspect's log viewer on RUN; further arguments go to `inspect view`.

    \b
      cornered view runs/headline --port 7676
    """
    from cornered.run.folder import read_manifest

    read_manifest(folder)
    log_dir = str(folder / "logs")
    command = [sys.executable, "-m", "inspect_ai", "view", "start", "--log-dir", log_dir]
    if os.name == "posix":  # become the viewer, so that a signal to us ends it
        os.execv(sys.executable, [*command, *inspect_args])
    return subprocess.call([*command, *inspect_args])
