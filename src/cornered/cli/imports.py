"""`cornered import`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import INCOMPLETE, json_option, main, print_json, say
from cornered.cli._summary import exit_code, print_summary

if TYPE_CHECKING:
    from cornered.files import Progress
    from cornered.interop.results import Format
    from cornered.interop.stored import StoredResults


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
    epoch becomes a trial), or JSONL with `id` and `response_text` (or an API's whole answer) on
    each line, and optionally `model`, `condition`, `stop_reason`, `reasoning_text`, `tool_calls`
    and `messages`.

    Stored answers are scored by our rule; a verdict stored with them is kept as a separate
    score, `paper`. Tool calls stored beside a text are actions. Results that cannot be read are
    listed on standard error, count in the bounds of their cell, and the exit code is 1. Copies
    (the same id with the same answer) are listed and left out.

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
    for copy in results.copies:
        say(f"left out: {copy.where}: a copy of {copy.of} (id {copy.id}, the same answer)")
    for notice, count in results.notices.items():
        say(f"note: {count} of {len(results.trials)} trials {notice}")
    for note in results.notes:
        say(f"note: {note}")
    name = import_name(path)
    folder = out or Path("runs") / name
    with _bar("Scoring") as advance:
        written = write_import(
            results, folder, source=str(path), kind=kind, name=name, advance=advance
        )
    if not written:
        say(f"{folder} has these results already; nothing was added")
    report = read_report(folder).write()
    if as_json:
        print_json(report.as_dict() | {"import": _as_dict(results)})
        code = exit_code(report)
    else:
        code = print_summary(report, as_json=False)
    return INCOMPLETE if results.unread else code


def _as_dict(results: StoredResults) -> dict[str, Any]:
    """What was read, and what was not, as plain values."""
    return {
        "trials": len(results.trials),
        "unread": [
            {
                "where": unread.where,
                "what": unread.what,
                "id": unread.id or None,
                "model": unread.model,
                "condition": unread.condition.name if unread.condition else None,
            }
            for unread in results.unread
        ],
        "copies": [{"id": c.id, "where": c.where, "of": c.of} for c in results.copies],
        "notes": [f"{count} trials {notice}" for notice, count in results.notices.items()]
        + results.notes,
    }


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal."""
    from cornered.terminal import progress_bar

    with progress_bar(quiet=True) as progress:
        task = progress.add_task(what, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance
