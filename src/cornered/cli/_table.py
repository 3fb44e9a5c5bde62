"""The table of a run in the terminal, and its report."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import repeat
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import DONE, INCOMPLETE, interval, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.analysis.agreement import Corrected
    from cornered.analysis.effects import Effect
    from cornered.analysis.figures import Figure
    from cornered.analysis.page import Methods
    from cornered.analysis.table import Cell, Rate
    from cornered.analysis.verdicts import Compared
    from cornered.run.runner import RunState


def tell_run(state: RunState, as_json: bool) -> int:
    """Writes the report, prints the table, and gives the exit code that the run deserves."""
    page, effects = _report(state)
    if as_json:
        print_json(_state_dict(state, page, effects))
    else:
        _print_state(state, page, effects)
    return INCOMPLETE if state.missing or state.unknown else DONE


Effects = dict[str, "list[Effect]"]
"""By scenario what moved its rate."""


def _report(state: RunState) -> tuple[Path, Effects]:
    from cornered.analysis.figures import inline_svg, write_figures
    from cornered.analysis.frame import write_tables
    from cornered.analysis.page import Picture, write_report
    from cornered.files import disk_errors
    from cornered.run.effects import run_effects
    from cornered.run.load import run_frame
    from cornered.scenario import load_pack

    manifest = state.manifest
    packs = [load_pack(name) for name in manifest.experiment.scenarios]
    ladders = {pack.name: list(pack.spec.outcomes) for pack in packs}
    with disk_errors(state.folder):
        frame = run_frame(state.trials, manifest.experiment)
        write_tables(state.folder, frame)
        effects = run_effects(frame, manifest.experiment)
        drawn = _figures(state, ladders, effects)
        write_figures(state.folder, drawn)
        page = write_report(
            state.folder,
            manifest.experiment,
            state.cells,
            state.trials,
            _methods(state),
            ladders,
            notes=[
                *(_notes(state) if manifest.experiment.judges else ()),
                *stopped_notes(state),
                *_figure_notes(),
            ],
            pictures=[Picture(f.name, f.title, f.caption, f.alt, inline_svg(f)) for f in drawn],
        )
    return page, effects


def _figures(
    state: RunState, ladders: Mapping[str, Sequence[str]], effects: Effects
) -> list[Figure]:
    from cornered.analysis.figures import figures
    from cornered.analysis.reference import beside

    return figures(state.cells, beside(state.cells), ladders, effects)


def _figure_notes() -> list[str]:
    from cornered.analysis.figures import NOT_DRAWN, can_draw

    return [] if can_draw() else [NOT_DRAWN]


def _methods(state: RunState) -> Methods:
    from cornered.analysis.page import Methods

    manifest = state.manifest
    command, source = "cornered run EXPERIMENT.yaml", ""
    if imported := manifest.imported:
        command = f"cornered import {quote(imported.source)} --format {quote(imported.format)}"
        source = (
            f"Imported from {imported.source} ({imported.format}, sha256 {imported.sha256}); "
            "no model was called here"
        )
    elif manifest.rescored:
        command += f"\ncornered score {quote(str(state.folder.parent.parent))}{_scored_by(state)}"
        source = f"Verdicts made again on {manifest.rescored:%Y-%m-%d %H:%M} UTC, on stored trials"
    return Methods(
        begun=manifest.created,
        versions=manifest.versions,
        packs=manifest.packs,
        card=state.card,
        command=command,
        source=source,
    )


def _scored_by(state: RunState) -> str:
    """The options that make these verdicts again."""
    experiment = state.manifest.experiment
    words = [f"--judge {quote(judge)}" for judge in experiment.judges]
    if experiment.judges and experiment.judge_view != "actions":
        words.append(f"--judge-view {experiment.judge_view}")
    if len(experiment.judges) > 1:
        words.append(f"--panel {experiment.panel}")
    if experiment.judge_all:
        words.append("--judge-all")
    if experiment.readings:
        words.append(f"--readings {','.join(experiment.readings)}")
    if experiment.reader:
        words.append(f"--reader {quote(experiment.reader)}")
    return "".join(f" {word}" for word in (*words, f"--name {quote(state.folder.name)}"))


def _notes(state: RunState) -> list[str]:
    from cornered.analysis.verdicts import compare_judges

    if not state.manifest.experiment.judges:
        return [judge_line(state)]
    compared = compare_judges(state.trials)
    found = [agreement_line(compared)] if compared else []
    return [judge_line(state), *found, *_beyond_the_act(state)]


def stopped_notes(state: RunState) -> list[str]:
    """Which cells have fewer trials than were asked for at most, and why; and which ran to the
    end of them without an answer."""
    from cornered.samples import Samples

    samples = state.manifest.experiment.samples
    if not isinstance(samples, Samples):
        return []
    found = [
        f"{c.condition} ({c.model}) was stopped after {c.planned} of {samples.max} trials: "
        f"{c.stopped.why}."
        for c in state.cells
        if c.stopped
    ]
    undecided = [c for c in state.cells if not c.stopped and not c.missing]
    if samples.above is not None:
        found += [
            f"{c.condition} ({c.model}) has all its trials and is not clearly above or below "
            f"{100 * samples.above:g} %."
            for c in undecided
        ]
    return found


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


def _state_dict(state: RunState, page: Path, effects: Effects) -> dict[str, Any]:
    return {
        "experiment": state.manifest.experiment.model_dump(mode="json"),
        "cells": [c.as_dict() for c in state.cells],
        "effects": {scenario: _effect_dicts(found) for scenario, found in effects.items()},
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


def _effect_dicts(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    from cornered.analysis.multiplicity import benjamini_hochberg, holm

    values = [e.p for e in effects]
    return [
        {
            "factor": e.factor,
            "level": e.level,
            "reference": e.reference,
            "n": e.n,
            "odds_ratio": e.odds_ratio,
            "odds_ratio_ci_low": e.interval.low if e.interval else None,
            "odds_ratio_ci_high": e.interval.high if e.interval else None,
            "difference": e.difference.value,
            "difference_ci_low": e.difference.interval.low if e.difference.interval else None,
            "difference_ci_high": e.difference.interval.high if e.difference.interval else None,
            "p": e.p,
            "p_holm": of_declared,
            "p_bh": of_found,
            "note": e.note,
        }
        for e, of_declared, of_found in zip(
            effects, holm(values), benjamini_hochberg(values), strict=True
        )
    ]


def _print_effects(effects: Effects) -> None:
    """What moved each scenario's rate, all other factors held as they are."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    for scenario, found in effects.items():
        if not found:
            continue
        out = Table(box=None, header_style="bold", pad_edge=False)
        out.add_column(f"{scenario}: what moves the rate", overflow="fold")
        for name in ("n", "points", "95 %", "odds ratio", "95 %", "p (BH)", "p (Holm)"):
            out.add_column(name, justify="right", no_wrap=True)
        for e in _effect_dicts(found):
            out.add_row(
                f"{e['factor']}: {e['level']} against {e['reference']}",
                str(e["n"]),
                _number(e["difference"], "{:+.0f}", 100),
                _between(e["difference_ci_low"], e["difference_ci_high"], "{:+.0f}", 100),
                _number(e["odds_ratio"], "{:.2g}"),
                _between(e["odds_ratio_ci_low"], e["odds_ratio_ci_high"], "{:.2g}"),
                _number(e["p_bh"], "{:.2g}"),
                _number(e["p_holm"], "{:.2g}"),
            )
        console.print(out)
        for note in dict.fromkeys(e.note for e in found if e.note):
            click.echo(f"  {note}")
        click.echo(
            "  Holm: where these were declared as hypotheses; BH (Benjamini-Hochberg): where one "
            "looks what there is."
        )
        click.echo("")


def _number(value: float | None, form: str, times: float = 1) -> str:
    return "–" if value is None else form.format(times * value)


def _between(low: float | None, high: float | None, form: str, times: float = 1) -> str:
    if low is None or high is None:
        return "–"
    return f"{form.format(times * low)} to {form.format(times * high)}"


def _print_state(state: RunState, page: Path, effects: Effects) -> None:
    from cornered.analysis.page import screened_out
    from cornered.analysis.stats import percent
    from cornered.samples import in_words

    experiment = state.manifest.experiment
    click.echo(f"\n{experiment.name}: {in_words(experiment.samples)} trials for each cell\n")
    _print_cells(state.cells)
    _print_effects(effects)
    for model, scenario, screen in screened_out(state.cells):
        click.echo(
            f"{model} did the act of {scenario} in {screen.acts} of {screen.n} controls "
            f"(at most {percent(screen.limit)} may be): screened out, its rates there are no "
            "propensity."
        )
    for note in _notes(state):
        click.echo(note)
    for note in (*stopped_notes(state), *_figure_notes()):
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
