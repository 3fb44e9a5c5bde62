"""`cornered report` and `cornered view`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from cornered.cli._base import DONE, json_option, main
from cornered.cli._summary import print_summary
from cornered.terminal import echo


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="Print every cell, however many there are.")
@json_option
def report(folder: Path, every: bool, as_json: bool) -> int:
    """Rewrite the report of RUN, a run folder, and print its summary.

    Writes report.html, the figures, and the tables trials.parquet, trials.csv and cells.csv.
    RUN/verdicts/NAME is a run folder too. Of many cells a summary is printed, by scenario and
    pressure. The exit code is 0 where the report was written, also where trials are unscored.

    \b
      cornered report runs/headline
      cornered report runs/headline --all | less -S
    """
    from cornered.run.api import report as write_report

    print_summary(write_report(folder), as_json, every=every)
    return DONE


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--trial",
    "trials",
    multiple=True,
    metavar="TRIAL",
    help="Print a trial instead: an id, a condition, or CONDITION/ID; may be repeated.",
)
@click.argument("inspect_args", nargs=-1, type=click.UNPROCESSED)
def view(folder: Path, trials: tuple[str, ...], inspect_args: tuple[str, ...]) -> int:
    """Open Inspect's log viewer on RUN; further arguments go to `inspect view`.

    With --trial, print a trial as the report shows it: what the agent opened, sent and was sent,
    in order, with the act in its place.

    \b
      cornered view runs/headline --port 7676
      cornered view runs/headline --trial 000001
    """
    if trials:
        from cornered.run.told import tell_trials

        for line in tell_trials(folder, trials):
            echo(line)
        return DONE
    from cornered.nearest import nearest
    from cornered.run.manifest import read_manifest

    for word in inspect_args:
        if word.startswith("--") and nearest(word, ["--trial"]):
            raise click.UsageError(f"No such option {word}; did you mean --trial?")
    read_manifest(folder)
    log_dir = str(folder / "logs")
    command = [sys.executable, "-m", "inspect_ai", "view", "start", "--log-dir", log_dir]
    if os.name == "posix":  # become the viewer, so that a signal to us ends it
        os.execv(sys.executable, [*command, *inspect_args])
    return subprocess.call([*command, *inspect_args])
