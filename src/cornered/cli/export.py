"""`cornered export`."""

from __future__ import annotations

from pathlib import Path

import click

from cornered.cli._base import json_option, main, print_json
from cornered.terminal import echo


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--mbox", "as_mbox", is_flag=True, help="The mailbox of each trial, as mbox files.")
@click.option(
    "--trial",
    "trials",
    multiple=True,
    metavar="TRIAL",
    help="An id, a condition, or CONDITION/ID; may be repeated (default: every trial).",
)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="Where files go (default: RUN/mbox)."
)
@json_option
def export(
    folder: Path, as_mbox: bool, trials: tuple[str, ...], out: Path | None, as_json: bool
) -> None:
    """Write the trials of RUN in the formats of other programs.

    With --mbox, the mailbox of each trial at its end: inbox, sent mail, drafts and further
    folders, one mbox file each, in FOLDER/MODEL/CONDITION/ID. Any mail program opens them.

    \b
      cornered export runs/headline --mbox
      cornered export runs/headline --mbox --trial 000001 -o offices
    """
    if not as_mbox:
        raise click.UsageError("say what to write: --mbox")
    from cornered.run.export import MBOX, export_mbox

    exported = export_mbox(folder, out, trials)
    if as_json:
        print_json(
            [
                {
                    "model": trial.model,
                    "condition": trial.condition,
                    "id": trial.id,
                    "files": [str(path) for path in trial.files],
                }
                for trial in exported
            ]
        )
        return
    files = sum(len(trial.files) for trial in exported)
    echo(f"{len(exported)} trials, {files} mbox files in {out or folder / MBOX}")
