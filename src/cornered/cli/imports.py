"""`cornered import`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import INCOMPLETE, json_option, main, say
from cornered.cli._summary import print_summary

if TYPE_CHECKING:
    from cornered.files import Progress
    from cornered.interop.results import Format


@main.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(("study", "inspect", "jsonl")),
    help="What PATH holds (default: recognised from its files).",
)
@click.option("--scenario", help="Scenario of conditions that name none.")
@click.option("--condition", help="Condition of answers that name none.")
@click.option("--model", help="Model of answers that name none.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder (default: runs/import-NAME)."
)
@json_option
def import_results(
    path: Path,
    kind: Format | None,
    scenario: str | None,
    condition: str | None,
    model: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Make a run folder from the stored results of other tools; call no model.

    PATH is a results folder of the 2025 study's code (results/…/CONDITION/…/response.json),
    a log or folder of logs of Inspect's port of it (inspect_evals/agentic_misalignment; each
    epoch becomes a trial), or JSONL with `id` and `response_text` on each line, and optionally
    `model`, `condition`, `stop_reason`, `reasoning_text` and `messages`.

    Stored answers are scored by our rule; a verdict stored with them is kept as a separate
    score, `paper`. Results that cannot be read are listed on standard error, and the exit code
    is 1.

    \b
      cornered import results/my_experiment
      cornered import logs/ --format inspect --out runs/port
      cornered import a.jsonl --model gpt-4o --condition am/blackmail/none/none
    """
    from cornered.interop.results import read_results, recognise
    from cornered.run.imported import import_name, write_import
    from cornered.run.report import read_report

    kind = kind or recognise(path)
    with _bar("Reading") as advance:
        results = read_results(
            path, kind, scenario=scenario, condition=condition, model=model, advance=advance
        )
    for unread in results.unread:
        say(f"not read: {unread.where}: {unread.what}")
    for notice, count in results.notices.items():
        say(f"note: {count} of {len(results.trials)} trials {notice}")
    name = import_name(path)
    folder = out or Path("runs") / name
    with _bar("Scoring") as advance:
        written = write_import(
            results, folder, source=str(path), kind=kind, name=name, advance=advance
        )
    if not written:
        say(f"{folder} has these results already; nothing was added")
    code = print_summary(read_report(folder).write(), as_json)
    return INCOMPLETE if results.unread else code


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal."""
    from cornered.terminal import progress_bar

    with progress_bar(quiet=True) as progress:
        task = progress.add_task(what, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance
