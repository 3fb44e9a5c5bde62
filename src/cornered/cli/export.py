"""`cornered export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import json_option, main, print_json
from cornered.terminal import echo

if TYPE_CHECKING:
    from cornered.run.export_figures import FigureKind

FORMATS = ("parquet", "docent", "scout", "mbox")
"""What `--to` takes."""


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    help="What to write; may be repeated.",
)
@click.option(
    "--figures",
    multiple=True,
    type=click.Choice(["svg", "png", "vega"]),
    help="The figures, as SVG, PNG or Vega-Lite JSON; may be repeated.",
)
@click.option("--mbox", "as_mbox", is_flag=True, help="The same as --to mbox.")
@click.option(
    "--trial",
    "trials",
    multiple=True,
    metavar="TRIAL",
    help="An id, a condition, or CONDITION/ID; may be repeated (default: every trial).",
)
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    help="Where files go (default: a folder of its own in RUN for each format).",
)
@json_option
def export(
    folder: Path,
    formats: tuple[str, ...],
    figures: tuple[FigureKind, ...],
    as_mbox: bool,
    trials: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the trials of RUN, or its figures, for other programs.

    \b
      parquet  one flat table, a row per trial, and a dictionary of its columns
      docent   agent_runs.jsonl: a Docent AgentRun on each line
      scout    a folder of transcripts that Inspect Scout scans
      mbox     the mailbox of each trial at its end, in FOLDER/MODEL/CONDITION/ID

    \b
      cornered export runs/headline --to parquet
      cornered export runs/headline --to docent --to scout
      cornered export runs/headline --figures png -o slides
      cornered export runs/headline --to mbox --trial 000001 -o offices
    """
    chosen = list(dict.fromkeys([*formats, *(["mbox"] if as_mbox else [])]))
    if not chosen and not figures:
        raise click.UsageError(f"say what to write: --to {'|'.join(FORMATS)}, or --figures")
    if figures and trials:
        raise click.UsageError("--trial does not combine with --figures: they show every trial")
    if out is not None and len(chosen) + bool(figures) > 1:
        raise click.UsageError("--out takes one format at a time")
    found = [_write(kind, folder, out, trials) for kind in chosen]
    if figures:
        found.append(_figures(folder, out, figures))
    if not as_json:
        for _, line in found:
            echo(line)
    elif chosen == ["mbox"] and not figures:  # as in version 0.2.0
        print_json(found[0][0]["trials"])
    else:
        print_json([made for made, _ in found])


def _write(
    kind: str, folder: Path, out: Path | None, trials: tuple[str, ...]
) -> tuple[dict[str, Any], str]:
    """Writes a format; what was written as plain values, and in a line."""
    if kind == "mbox":
        return _mbox(folder, out, trials)
    if kind == "parquet":
        from cornered.run.export_table import export_table

        paths = [str(path) for path in export_table(folder, out, trials)]
        return {"format": kind, "files": paths}, f"{paths[0]}, its columns in {paths[2]}"
    from cornered.run.export_transcripts import export_transcripts

    path, count = export_transcripts(folder, "docent" if kind == "docent" else "scout", out, trials)
    files = {"format": kind, "files": [str(path)], "transcripts": count}
    return files, f"{count} transcripts in {path}"


def _mbox(folder: Path, out: Path | None, trials: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    from cornered.run.export import MBOX, export_mbox

    exported = export_mbox(folder, out, trials)
    count = sum(len(trial.files) for trial in exported)
    written = [
        {
            "model": trial.model,
            "condition": trial.condition,
            "id": trial.id,
            "files": [str(path) for path in trial.files],
        }
        for trial in exported
    ]
    line = f"{len(exported)} trials, {count} mbox files in {out or folder / MBOX}"
    return {"format": "mbox", "trials": written}, line


def _figures(
    folder: Path, out: Path | None, kinds: tuple[FigureKind, ...]
) -> tuple[dict[str, Any], str]:
    from cornered.run.export_figures import FIGURES, export_figures

    files = [str(path) for path in export_figures(folder, kinds, out)]
    where = out or folder / FIGURES
    line = f"{len(files)} figures in {where}" if files else "The run has nothing to draw."
    return {"format": "figures", "files": files}, line
