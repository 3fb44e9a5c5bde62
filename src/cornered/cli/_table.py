"""The table of a run in the terminal, and its report."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import DONE, INCOMPLETE, interval, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.analysis.agreement import Corrected
    from cornered.analysis.table import Cell, Rate
    from cornered.analysis.verdicts import Compared
    from cornered.run.runner import RunState


def tell_run(state: RunState, as_json: bool) -> int:
    """Writes the report, prints the table, and gives the exit code that the run deserves."""
    page = _report(state)
    if as_json:
        print_json(_state_dict(state, page))
    else:
        _print_state(state, page)
    return INCOMPLETE if state.missing or state.unknown else DONE


def _report(state: RunState) -> Path:
    from cornered.analysis.report import write_report
    from cornered.files import disk_errors
    from cornered.scenario import load_pack

    manifest = state.manifest
    facts = {
        "Begun": f"{manifest.created:%Y-%m-%d %H:%M} UTC",
        "Versions": ", ".join(f"{k} {v}" for k, v in manifest.versions.items()),
        "Texts": ", ".join(
            f"{name} {load_pack(name).version}" for name in manifest.experiment.scenarios
        ),
        "Tokens": f"{sum(t.input_tokens for t in state.trials)} in, "
        f"{sum(t.output_tokens for t in state.trials)} out",
    }
    packs = [load_pack(name) for name in manifest.experiment.scenarios]
    ladders = {pack.name: list(pack.spec.outcomes) for pack in packs}
    with disk_errors(state.folder):
        return write_report(
            state.folder,
            manifest.experiment,
            state.cells,
            state.trials,
            facts,
            ladders,
            _notes(state) if manifest.experiment.judges else (),
        )


def _notes(state: RunState) -> list[str]:
    from cornered.analysis.verdicts import compare_judges

    if not state.manifest.experiment.judges:
        return [judge_line(state)]
    compared = compare_judges(state.trials)
    found = [agreement_line(compared)] if compared else []
    return [judge_line(state), *found, *_beyond_the_act(state)]


def _beyond_the_act(state: RunState) -> list[str]:
    """What says that the act may be drawn too narrowly: harm that a judge sees without it."""
    seen = [t for t in state.trials if t.act is False and "yes" in t.votes.values()]
    if not seen:
        return []
    which = ", ".join(f"{t.condition} {t.id}" for t in seen[:5])
    more = f" and {len(seen) - 5} more" if len(seen) > 5 else ""
    return [
        f"A judge calls {len(seen)} trials harmful in which the act was not executed; they are in "
        f"no rate and worth a look: {which}{more}."
    ]


def _state_dict(state: RunState, page: Path) -> dict[str, Any]:
    return {
        "experiment": state.manifest.experiment.model_dump(mode="json"),
        "cells": [c.as_dict() for c in state.cells],
        "missing": state.missing,
        "unknown": state.unknown,
        "run": str(state.folder),
        "logs": str(state.folder / "logs"),
        "report": str(page),
    }


def _print_cells(table: Sequence[Cell]) -> None:
    """Every rate of every cell, each with its n, its interval and what it could be."""
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    from cornered.analysis.reference import beside

    console = Console(width=None if sys.stdout.isatty() else 120)
    published = beside(table)
    for model, group in groupby(table, key=lambda c: c.model):
        rows = list(group)
        others = any((model, c.condition) in published for c in rows)
        out = Table(
            box=None, header_style="bold", pad_edge=False, title_justify="left", title=model
        )
        out.add_column("condition", overflow="fold")
        out.add_column("", no_wrap=True)
        for name in ("n", "unscored", "rate", "95 % Wilson", "could be"):
            out.add_column(name, justify="right", no_wrap=True)
        if others:
            out.add_column("published", overflow="fold")
        for cell in rows:
            found = published.get((cell.model, cell.condition))
            heads = [cell.condition + _mark(cell), *repeat("", len(cell.rates) - 1)]
            for head, (name, rate) in zip(heads, cell.rates.items(), strict=True):
                said = [found.written if found and head else ""] if others else []
                out.add_row(head, name, *_rate_words(rate), *said)
                if name == "harmful" and cell.corrected:
                    out.add_row("", "corrected", *_corrected_words(cell.corrected))
        console.print(out)
        console.print()
        _print_outcomes(rows, console)
        _print_readings(rows, console)


def _rate_words(rate: Rate) -> list[str]:
    from cornered.analysis.stats import percent

    bounds = f"{percent(rate.lowest)} to {percent(rate.highest)}"
    return [str(rate.n), str(rate.unknown), percent(rate.rate), interval(rate), bounds]


def _corrected_words(found: Corrected) -> list[str]:
    from cornered.analysis.stats import percent

    if found.interval is None:
        return ["", "", "–", "–"]
    return [
        "",
        "",
        percent(found.value),
        f"{percent(found.interval.low)} to {percent(found.interval.high)}",
    ]


def _mark(cell: Cell) -> str:
    if cell.probe:
        return " (probe: understood)"
    screened = " ▨ screened out" if cell.screen and cell.screen.out else ""
    return (" (control)" if cell.control else "") + screened


def _print_outcomes(rows: Sequence[Cell], console: Console) -> None:
    """The rungs and labels of each cell, where any is known."""
    from rich.table import Table

    for what in ("outcomes", "labels"):
        counts: list[dict[str, int]] = [getattr(cell, what) for cell in rows]
        names = list(dict.fromkeys(name for known in counts for name in known))
        if not names:
            continue
        out = Table(box=None, header_style="bold", pad_edge=False)
        out.add_column(what, overflow="fold")
        for name in (*names, "read" if what == "labels" else "undecided"):
            out.add_column(name, justify="right", no_wrap=True)
        for cell, known in zip(rows, counts, strict=True):
            last = cell.labelled if what == "labels" else cell.act.n - sum(known.values())
            out.add_row(
                cell.condition, *(str(known.get(name, 0)) for name in names), str(max(0, last))
            )
        console.print(out)
        console.print()


def _print_readings(rows: Sequence[Cell], console: Console) -> None:
    """The rate among the trials of each value of each reading, and the awareness tax."""
    from rich.table import Table

    from cornered.analysis.stats import percent

    if not any(cell.cuts for cell in rows):
        return
    out = Table(box=None, header_style="bold", pad_edge=False)
    out.add_column("readings", overflow="fold")
    out.add_column("", no_wrap=True)
    for name in ("trials", "harmful" if rows[0].harmful else "act", "95 % Wilson"):
        out.add_column(name, justify="right", no_wrap=True)
    for cell in rows:
        heads = [cell.condition, *repeat("", len(cell.cuts))]
        for head, cut in zip(heads, cell.cuts, strict=False):
            said = f"{cut.reading}: {cut.value or 'unscored'}".replace("_", " ")
            rate = cut.rate
            out.add_row(head, said, str(rate.n + rate.unknown), percent(rate.rate), interval(rate))
        if cell.tax:
            low, high = cell.tax.interval.low, cell.tax.interval.high
            out.add_row(
                "",
                "awareness tax",
                "",
                f"{100 * cell.tax.value:+.0f} points",
                f"{100 * low:+.0f} to {100 * high:+.0f}",
            )
    console.print(out)
    console.print()


def _print_state(state: RunState, page: Path) -> None:
    from cornered.analysis.report import screened_out
    from cornered.analysis.stats import percent

    experiment = state.manifest.experiment
    click.echo(f"\n{experiment.name}: {experiment.samples} trials for each cell\n")
    _print_cells(state.cells)
    for model, scenario, screen in screened_out(state.cells):
        click.echo(
            f"{model} did the act of {scenario} in {screen.acts} of {screen.n} controls "
            f"(at most {percent(screen.limit)} may be): screened out, its rates there are no "
            "propensity."
        )
    for note in _notes(state):
        click.echo(note)
    click.echo(f"run     {state.folder}\nlogs    {state.folder / 'logs'}\nreport  {page}")
    click.echo(_last_line(state))


def judge_line(state: RunState) -> str:
    """What is known of how the verdicts of a run were made, and how good they are."""
    experiment = state.manifest.experiment
    if not experiment.judges:
        return "No judge: these are act rates, upper bounds of the harmful rates."
    names = " + ".join(experiment.judges)
    rule = f" (a panel: {experiment.panel})" if len(experiment.judges) > 1 else ""
    shown = {
        "actions": "shown executed actions only",
        "transcript": "shown the whole answer, reasoning too",
    }[experiment.judge_view]
    graded = sorted({cell.scenario for cell in state.cells if cell.corrected})
    others = sorted({cell.scenario for cell in state.cells} - set(graded))
    said = f"Judge: {names}{rule}, {shown}."
    if graded and state.card:
        said += (
            f" Corrected by its card of {state.card.created:%Y-%m-%d} ({', '.join(graded)}): "
            "the rate if it made no mistakes."
        )
    if others:
        said += (
            f" No card of it for {', '.join(others)} under this rubric: its errors are unknown; "
            "`cornered calibrate` measures them."
        )
    return said


def agreement_line(compared: Compared) -> str:
    """How far the judges of a panel agree."""
    alpha = compared.alpha
    said = f"{alpha.agreement.successes} of {alpha.agreement.n} acts"
    if alpha.value is None or alpha.interval is None:
        return f"The judges agree on {said} ({alpha.reason})."
    low, high = alpha.interval.low, alpha.interval.high
    pairs = "; ".join(
        f"kappa of {one} and {other} {k.value:.2f} ({k.interval.low:.2f} to {k.interval.high:.2f})"
        for (one, other), k in compared.pairs.items()
        if k.value is not None and k.interval is not None
    )
    return (
        f"The judges agree on {said}: Krippendorff's alpha {alpha.value:.2f} "
        f"({low:.2f} to {high:.2f}){'; ' + pairs if pairs else ''}."
    )


def _last_line(state: RunState) -> str:
    """What everybody should read: how many trials have a verdict, and why the others have not."""
    planned = sum(cell.planned for cell in state.cells)
    if not state.unknown and not state.missing:
        return f"All {planned} trials have a verdict."
    why = Counter(
        t.reason if t.reason and len(t.reason) < 40 else t.status
        for t in state.trials
        if t.without_verdict(judged=bool(state.manifest.experiment.judges))
    )
    if state.missing:
        why["not run"] = state.missing
    reasons = ", ".join(f"{n} {reason}" for reason, n in why.most_common())
    again = "; the same command goes on" if state.missing else ""
    return (
        f"{state.unknown + state.missing} of {planned} trials have no verdict ({reasons}); "
        f"none counts as safe{again}."
    )
