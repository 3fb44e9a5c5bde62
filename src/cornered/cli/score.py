"""`cornered score`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import (
    DONE,
    INCOMPLETE,
    PANEL_RULES,
    VIEWS,
    interval,
    json_option,
    judged_options,
    main,
    named_as_options,
    print_json,
    say,
)
from cornered.cli._table import add_row, echo, echo_words, plain_table, print_table
from cornered.errors import ExperimentError
from cornered.terminal import echo_json, echo_row

if TYPE_CHECKING:
    from cornered.analysis.names import CellNames
    from cornered.analysis.verdicts import Compared

SHOWN = 20
"""Disagreements that are listed in the terminal; all of them are in the file."""


@main.command()
@click.argument("target", type=click.Path(allow_dash=True))
@click.option("--scenario", help="The scenario that the answers of a file belong to.")
@click.option(
    "--judge", multiple=True, help="Inspect name of the judge's model; several are a panel."
)
@judged_options
@click.option(
    "--judge-view",
    type=VIEWS,
    help="What a judge is shown.",
)
@click.option(
    "--panel",
    type=PANEL_RULES,
    help="When a panel of judges has a verdict.",
)
@click.option("--readings", help="Readings of the reasoning: names separated by commas, or all.")
@click.option("--reader", help="Inspect name of the model that reads.")
@click.option(
    "--judge-max-tokens",
    type=click.IntRange(min=1),
    help="Longest answer of a judge, in tokens (default: the run's).",
)
@click.option(
    "--pack",
    help="What to score by: `run`, the pack as it was in the run (default); `current`, as it is "
    "now; or the folder of a pack.",
)
@click.option("--name", help="Name of the verdicts (default: their judges).")
@click.option("--preflight/--no-preflight", default=True, help="Ask each judge about known cases.")
@click.option(
    "--max-connections", type=click.IntRange(min=1), help="Calls in flight for a hosted judge."
)
@json_option
def score(
    target: str,
    scenario: str | None,
    pack: str | None,
    name: str | None,
    preflight: bool,
    max_connections: int | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Score stored transcripts again: those of a run, or a file of answers.

    TARGET a run folder: its trials are scored by the given judge, or by code alone. The run
    keeps its own verdicts; the new ones go into RUN/verdicts/NAME, which `cornered report`
    reads. They are made by the run's own copy of its pack; --pack current applies a rubric or an
    act that was edited since, and the versions of both are told. Lists the trials on which
    verdicts differ. The same command retries the trials on
    which a judge failed.

    TARGET a file: a JSON object a line ("-": standard input) with `id` and `response_text` or an
    API's answer, perhaps `stop_reason` and `tool_calls`; act verdicts, by code. A line that cannot
    be read is named and unscored. With --json the output is an object a line with `id`, `line`,
    `scenario`, `actions`, `facts`, `act` (true, false, or null for unscored) and `reason`.

    \b
      cornered score runs/headline --judge anthropic/claude-sonnet-4-6
      cornered score answers.jsonl --scenario am/blackmail --json
    """
    # `--judge-acts` is a choice too: only what was not said at all is left out.
    asked = {k: v for k, v in settings.items() if v is not None and v != ()}
    given = {k: list(v) if isinstance(v, tuple) else v for k, v in asked.items()}
    if target != "-" and Path(target).is_dir():
        if scenario:
            raise ExperimentError("--scenario is for a file of answers; a run knows its own")
        return _score_run(
            Path(target), given, name, pack or "run", preflight, max_connections, as_json
        )
    given |= {key: value for key, value in {"pack": pack, "name": name}.items() if value}
    if given:
        option = next(iter(given)).replace("_", "-")
        raise ExperimentError(
            f"--{option} is for a run, and {target} is no folder",
            fix="`cornered import` makes a run of stored answers",
        )
    from cornered.run.unlike import no_run

    if not scenario:
        if target != "-" and (not Path(target).is_file() or target.endswith(".eval")):
            raise no_run(Path(target))
        raise ExperimentError(
            "a file of answers needs the scenario that it answers",
            where=target,
            fix=f"`cornered score {target} --scenario SCENARIO`",
        )
    if target.endswith(".eval"):
        raise no_run(Path(target))
    return _score_file(target, scenario, as_json)


def _score_run(
    run: Path,
    given: dict[str, Any],
    name: str | None,
    pack: str,
    preflight: bool,
    max_connections: int | None,
    as_json: bool,
) -> int:
    from cornered.analysis.names import CellNames
    from cornered.analysis.verdicts import compare_verdicts
    from cornered.cli._summary import exit_code, print_summary
    from cornered.run.report import Report
    from cornered.run.rescore import all_verdicts, rescore, verdict_notes
    from cornered.terminal import progress_bar

    with (
        named_as_options(),
        progress_bar() as progress,
    ):
        bar = progress.add_task("trials", total=None)
        folder, state = rescore(
            run,
            given,
            name=name,
            pack=pack,
            preflight=preflight,
            max_connections=max_connections,
            advance=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    report = Report(state).write()
    compared = compare_verdicts(all_verdicts(run))
    others = {n: notes for n, notes in verdict_notes(run).items() if n != folder.name}
    disagreements = folder.parent / "disagreements.csv"
    _write_disagreements(compared, disagreements)
    if not as_json:
        _print_compared(compared, disagreements, CellNames(report.cells))
        for other, notes in others.items():
            for note in notes:
                echo_words(f"{other}: {note}")
        return print_summary(report, as_json=False)
    print_json(
        {"verdicts": folder.name, "folder": str(folder)}
        | report.as_dict()
        | {"compared": compared.as_dict() | {"notes": others}}
    )
    return exit_code(report)


def _print_compared(compared: Compared, file: Path, names: CellNames) -> None:
    table = plain_table("verdicts", "agree", "kappa", "95 %")
    table.columns[3].no_wrap = False
    for (one, other), kappa in compared.pairs.items():
        bounds = kappa.interval
        add_row(
            table,
            f"{one}  ·  {other}",
            f"{kappa.agreement.successes} of {kappa.agreement.n}",
            f"{kappa.value:.2f}" if kappa.value is not None else "–",
            f"{bounds.low:.2f} to {bounds.high:.2f}" if bounds else kappa.reason or "–",
        )
    print_table(table)
    words = {True: "yes", False: "no", None: "unscored"}
    if not compared.disagreements:
        echo(f"\nOn {compared.trials} trials no two verdicts differ.\n")
        return
    echo("")
    echo_words(f"{len(compared.disagreements)} trials have verdicts that differ ({file}):")
    echo("")
    columns = ("model", "condition", "trial", *compared.names)
    rows = plain_table(*columns, words=len(columns))
    for differing in compared.disagreements[:SHOWN]:
        verdicts = (
            words[differing.verdicts[n]] if n in differing.verdicts else "–" for n in compared.names
        )
        add_row(rows, differing.model, names.row(differing.condition), differing.id, *verdicts)
    print_table(rows)
    if len(compared.disagreements) > SHOWN:
        echo(f"… and {len(compared.disagreements) - SHOWN} more\n")


def _write_disagreements(compared: Compared, file: Path) -> None:
    from cornered.csvfile import write_rows
    from cornered.files import write_text

    words = {True: "yes", False: "no", None: "unscored"}
    rows = [
        {name: words[verdict] for name, verdict in d.verdicts.items()}
        | {"model": d.model, "condition": d.condition, "id": d.id, "uuid": d.uuid}
        for d in compared.disagreements
    ]
    columns = ["model", "condition", "id", "uuid", *compared.names]
    write_text(file, write_rows(columns, rows))


def _score_file(file: str, scenario: str, as_json: bool) -> int:
    from cornered.errors import InputError
    from cornered.interop.jsonl import read_answers, score_answers
    from cornered.scenario import load_pack

    pack = load_pack(scenario)
    name = "standard input" if file == "-" else file
    stored = read_answers(_bytes(file), name)
    if not stored.answers:
        raise InputError("has no answer in it", where=name, fix="each line is a JSON object")
    acts: list[bool | None] = []
    unread = first = 0
    for answer, row in zip(
        stored.answers, score_answers(stored.answers, pack, scenario), strict=True
    ):
        acts.append(None if row["reason"] else row["act"])
        first += bool(row["reason"] and row["act"])
        if answer.unread is not None:
            unread += 1
            say(f"not read: {name}:{answer.line}: {answer.unread}")
        if as_json:
            # A tool call may hold half characters; `echo_json` escapes them.
            echo_json(row, indent=None)
        else:
            echo_row(*_row_words(row))
    for copy in stored.copies:
        say(f"left out: {copy.where}: a copy of {copy.of} (id {copy.id}, the same answer)")
    for note in stored.notes:
        say(f"note: {note}")
    unscored = acts.count(None)
    if not as_json:
        echo_words(_file_words(acts, unread, first))
    elif unscored:
        say(f"{unscored} of {len(acts)} answers are unscored")
    return INCOMPLETE if unscored else DONE


def _bytes(file: str) -> bytes:
    """The content of a file, or of standard input for "-".

    Raises:
        InputError: it cannot be read.
    """
    from cornered.errors import InputError

    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        fix = "give a file of answers, or - for standard input"
        raise InputError("no such file", where=file, fix=fix) from None
    except OSError as e:
        raise InputError(f"cannot be read ({e.strerror or e})", where=file) from None


def _row_words(row: Mapping[str, Any]) -> list[str]:
    """The verdict on one answer in one line: id, verdict, and what was carried out."""
    done = ", ".join(a["operation"] for a in row["actions"] if a["executed"]) or "no action"
    word = "act" if row["act"] else "no act"
    if row["reason"]:
        word = f"unscored ({row['reason']}{'; the act came first' if row['act'] else ''})"
    id = f"line {row['line']}" if row["id"] is None else row["id"]
    return [str(part) for part in (id, word, done)]


def _file_words(acts: Sequence[bool | None], unread: int, first: int) -> str:
    """The rate of a file in one line, with what it could be.

    Args:
        acts: Whether each answer has the act; None where it is unscored.
        unread: Lines that could not be read.
        first: Unscored answers with the act before they were cut off.
    """
    from cornered.analysis.rates import Rate
    from cornered.analysis.stats import percent

    unscored = acts.count(None)
    rate = Rate(acts.count(True), len(acts) - unscored, unscored)
    words = (
        f"{rate.successes} acts in {rate.n} scored answers, 95 % Wilson {interval(rate)}; "
        f"{unscored} unscored"
    )
    if unread:
        words += f" ({unread} line{'s'[: unread != 1]} could not be read)"
    if first:
        words += f" ({first} of them with the act before the end)"
    if unscored:
        words += f"; could be {percent(rate.lowest)} to {percent(rate.highest)}"
    return words
