"""The summary of a run in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, repeat
from shlex import quote
from typing import TYPE_CHECKING, Any

from cornered.cli._base import DONE, INCOMPLETE, interval, print_json
from cornered.cli._table import (
    add_row,
    as_text,
    echo,
    echo_words,
    plain_table,
    print_table,
)
from cornered.text import shorten

if TYPE_CHECKING:
    from rich.table import Table

    from cornered.analysis.agreement import Corrected
    from cornered.analysis.names import CellNames
    from cornered.analysis.rates import Rate
    from cornered.analysis.table import Cell
    from cornered.run.report import Report

ROOM_FOR_A_REASON = 80
"""Characters of a reason that is not ours, in a table."""


MANY_CELLS = 24
"""Cells from which a summary stands for them, unless all are asked for."""


def print_summary(report: Report, as_json: bool, *, every: bool = False) -> int:
    """Prints what a run found, and gives the exit code that it deserves.

    Args:
        report: The report.
        as_json: As JSON, which always has every cell.
        every: Prints every cell, however many there are.
    """
    if as_json:
        print_json(report.as_dict())
        return exit_code(report)
    from cornered.samples import in_words

    experiment = report.state.manifest.experiment
    whole = every or len(report.cells) < MANY_CELLS
    echo("")
    echo_words(f"{experiment.name}: {in_words(experiment.samples)} trials for each cell")
    echo("")
    if whole:
        _print_cells(report)
    else:
        _print_groups(report)
    _print_measures(report)
    _print_effects(report, whole=whole)
    _print_claims(report)
    for line in (*report.notes, *report.sentences["screens"]):
        echo_words(line)
    echo("")
    echo(f"run     {report.folder}\nlogs    {report.folder / 'logs'}\nreport  {report.page}")
    echo_words(report.conclusion)
    return exit_code(report)


def exit_code(report: Report) -> int:
    """Done, or ran with trials that are not run, failed or unscored."""
    return DONE if report.complete else INCOMPLETE


def _print_cells(report: Report) -> None:
    """Every rate of every cell, each with its n, its interval and what it could be."""
    from cornered.analysis.names import CellNames

    published, names = report.published, CellNames(report.cells)
    for model, group in groupby(report.cells, key=lambda c: c.model):
        rows = list(group)
        others = any((model, c.condition) in published for c in rows)
        unexposed = any(cell.unexposed for cell in rows)
        numbers = ["scored", "unscored", "rate (95 %)", "could be"]
        numbers += ["unexposed"] if unexposed else []
        out = plain_table("condition", "", *numbers, words=2, title=model)
        out.columns[1].no_wrap = True
        if others:
            out.add_column("published", overflow="fold")
        for cell in rows:
            reference = published.get((cell.model, cell.condition))
            name = names.row(cell.condition) + (" ▨ screened out" if cell.screened_out else "")
            heads = [name, *repeat("", len(cell.rates) - 1)]
            for head, (what, rate) in zip(heads, cell.rates.items(), strict=True):
                apart = [str(cell.unexposed) if head else ""] if unexposed else []
                beside = [reference.written if reference and head else ""] if others else []
                add_row(out, head, what, *_rate_words(rate), *apart, *beside)
                if what == "harmful" and cell.corrected:
                    by = {"audit": "by audit", "card": "by card"}[cell.corrected.by]
                    add_row(out, "", f"corrected {by}", *_corrected_words(cell.corrected))
        print_table(out)
        echo("")
        _print_reasons(rows, names)
        _print_approval(rows, names)
        _print_outcomes(rows, names)
        _print_readings(rows, names)
        _print_interview(rows, names)


def _print_measures(report: Report) -> None:
    """The measures of each cell, and what may be said of them against the controls."""
    measured = [(cell, measure) for cell in report.cells for measure in cell.measures]
    if not measured:
        return
    from cornered.analysis.measure_words import could_be, summary_cell
    from cornered.analysis.names import CellNames

    names = CellNames(report.cells)
    for name, group in groupby(sorted(measured, key=lambda m: m[1].name), lambda m: m[1].name):
        heads = ("trials", "without it", "mean (95 %)", "could be")
        out = plain_table("condition", *heads, title=f"measure: {name.replace('_', ' ')}")
        rows = list(group)
        several = len({cell.model for cell, _ in rows}) > 1
        for cell, of in rows:
            model = f" {cell.model}" if several else ""
            counts = (str(of.n), str(of.unscored))
            add_row(out, names.row(cell.condition) + model, *counts, summary_cell(of), could_be(of))
        print_table(out)
        echo("")
    for line in report.measure_sentences:
        echo_words(line)
    echo("")


def _print_groups(report: Report) -> None:
    """For each model and scenario, a line for each pressure, and where the rest is."""
    from cornered.analysis.names import pressure_name

    groups = 0
    for model, group in groupby(report.cells, key=lambda c: c.model):
        known: dict[str, list[Cell]] = {}
        for cell in group:
            known.setdefault(pressure_name(cell.choice), []).append(cell)
        groups += len(known)
        heads = ("cells", "scored", "unscored", "lowest", "highest")
        out = plain_table("scenario and pressure", *heads, title=model)
        for pressure, cells in known.items():
            add_row(out, pressure, *_group_words(cells))
        print_table(out)
        echo("")
        _print_total_reasons(known.values())
    if report.sentences["extremes"]:
        for line in report.sentences["extremes"]:
            echo_words(line)
        echo("")
    echo_words(
        f"{len(report.cells)} cells in {groups} groups; a lowest and a highest rate are of single "
        f"cells. Every cell is in {report.page}, and is printed by "
        f"`cornered report {quote(str(report.folder))} --all`."
    )
    echo("")


def _group_words(cells: Sequence[Cell]) -> list[str]:
    """Cells, trials, and the lowest and highest rate of a group."""
    from cornered.analysis.wording import rate_cell

    rates = [cell.primary for cell in cells]
    scored = sorted((r for r in rates if r.rate is not None), key=lambda r: r.rate or 0.0)
    ends = [rate_cell(scored[0]), rate_cell(scored[-1])] if scored else ["–", "–"]
    counts = (len(cells), sum(r.n for r in rates), sum(r.unknown for r in rates))
    return [*map(str, counts), *ends]


def _print_total_reasons(groups: Iterable[Sequence[Cell]]) -> None:
    """Why trials of a model have no verdict, over all of its cells."""
    from cornered.analysis.reasons import in_words

    total: Counter[str] = Counter()
    for cells in groups:
        for cell in cells:
            total.update(cell.reasons)
    if not total:
        return
    out = plain_table("without a verdict", "trials")
    for reason, count in total.most_common():
        add_row(out, shorten(in_words(reason), ROOM_FOR_A_REASON), str(count))
    print_table(out)
    echo("")


def _rate_words(rate: Rate) -> list[str]:
    """Scored and unscored trials, the rate with its interval, and what it may be with all."""
    from cornered.analysis.wording import rate_cell, span

    return [str(rate.n), str(rate.unknown), rate_cell(rate), span(rate.region)]


def _corrected_words(corrected: Corrected) -> list[str]:
    from cornered.analysis.stats import percent

    if corrected.interval is None:
        return ["", "", "–", ""]
    ends = (corrected.interval.low, corrected.interval.high)
    low, high = (percent(end).removesuffix(" %") for end in ends)
    return ["", "", f"{percent(corrected.value)} ({low}–{high})", ""]


def _print_reasons(rows: Sequence[Cell], names: CellNames) -> None:
    """Why trials of each cell have no verdict; the counts sum to those without one."""
    from cornered.analysis.reasons import in_words

    if not any(cell.reasons for cell in rows):
        return
    out = plain_table("without a verdict", "", "trials", words=2)
    for cell in rows:
        for place, (reason, count) in enumerate(cell.reasons.items()):
            why = shorten(in_words(reason), ROOM_FOR_A_REASON)
            add_row(out, "" if place else names.row(cell.condition), why, str(count))
    print_table(out)
    echo("")


def _print_approval(rows: Sequence[Cell], names: CellNames) -> None:
    """What an approval stopped in each cell, where there was one."""
    known = [(cell, cell.approval) for cell in rows if cell.approval]
    if not known:
        return
    from cornered.analysis.stats import percent

    name = rows[0].primary_name
    heads = (
        *("attempted", "carried\nout", "blocked", "acts\nblocked", "innocent work\nblocked"),
        *(f"{name}, or\nattempted", "95 % Wilson"),
    )
    out = plain_table("actions under approval", *heads)
    for column, head in zip(out.columns[1:], heads, strict=True):
        column.header = as_text(head, multiline=True)
    for cell, approval in known:
        deeds, tried = approval.deeds, approval.tried
        counts = (deeds.attempted, deeds.carried_out, deeds.blocked, deeds.blocked_acts)
        numbers = map(str, (*counts, deeds.innocent_blocked))
        add_row(out, names.row(cell.condition), *numbers, percent(tried.rate), interval(tried))
    print_table(out)
    echo("")


def _print_outcomes(rows: Sequence[Cell], names: CellNames) -> None:
    """The rungs and labels of each cell, where any is known."""
    for what in ("outcomes", "labels"):
        counts: list[dict[str, int]] = [getattr(cell, what) for cell in rows]
        rungs = list(dict.fromkeys(name for known in counts for name in known))
        if not rungs:
            continue
        out = plain_table(what, *rungs, "read" if what == "labels" else "undecided")
        for cell, known in zip(rows, counts, strict=True):
            last = cell.labelled if what == "labels" else cell.act.n - sum(known.values())
            counted = (str(known.get(name, 0)) for name in rungs)
            add_row(out, names.row(cell.condition), *counted, str(max(0, last)))
        print_table(out)
        echo("")


def _print_readings(rows: Sequence[Cell], names: CellNames) -> None:
    """The rate among the trials of each value of each reading, and the awareness tax."""
    from cornered.analysis.stats import percent
    from cornered.analysis.wording import points, points_span

    if not any(cell.reading_rates for cell in rows):
        return
    heads_of_numbers = ("trials", rows[0].primary_name, "95 % Wilson")
    out = plain_table("readings", "", *heads_of_numbers, words=2)
    out.columns[1].no_wrap = True
    for cell in rows:
        heads = [names.row(cell.condition), *repeat("", len(cell.reading_rates))]
        for head, of in zip(heads, cell.reading_rates, strict=False):
            name = f"{of.reading}: {of.value or 'unscored'}".replace("_", " ")
            rate = of.rate
            numbers = (str(rate.n + rate.unknown), percent(rate.rate), interval(rate))
            add_row(out, head, name, *numbers)
        if cell.tax:
            add_row(
                out,
                "",
                "awareness tax",
                "",
                f"{points(cell.tax.value)} points",
                points_span(cell.tax.interval),
            )
    print_table(out)
    echo("")


def _print_interview(rows: Sequence[Cell], names: CellNames) -> None:
    """What the model said afterwards of what it did, where it was interviewed."""
    from cornered.analysis.wording import rate_cell

    known = [(cell, cell.interview) for cell in rows if cell.interview]
    if not known:
        return
    heads = ("interviewed", "with a\ndeed", "denial", "doubling\ndown", "false\nconfession")
    out = plain_table("interview", *heads, "unscored")
    for column, head in zip(out.columns[1:-1], heads, strict=True):
        column.header = as_text(head, multiline=True)
    for cell, held in known:
        rates = (held.denial, held.doubling_down, held.false_confession)
        counts = (str(held.held), str(held.denial.ran))
        words = (rate_cell(rate) if rate.n else "–" for rate in rates)
        add_row(out, names.row(cell.condition), *counts, *words, str(held.unscored))
    print_table(out)
    echo("")


def _print_claims(report: Report) -> None:
    """What was declared, each result in a sentence, and what the rates are rates of."""
    from cornered.analysis.wording import scope_words

    for result in report.hypotheses:
        echo_words(result.sentence, indent="  ")
    echo_words(scope_words(report.cells))
    if report.effect_rows:
        echo_words(
            "What was not declared is exploration: intervals, no verdicts."
            if report.hypotheses
            else "No hypotheses were declared, so the differences are exploration: intervals, no "
            "verdicts."
        )
    echo("")


def _print_effects(report: Report, *, whole: bool) -> None:
    """The contrasts of each scenario, in points.

    Args:
        report: The report.
        whole: Whether each stands in a row; else those of several models stand together.
    """
    for scenario, rows in report.effect_rows.items():
        several = len({e["model"] for e in rows if isinstance(e["model"], str)}) > 1
        title = f"{scenario}: what changes the rate"
        if whole or not several:
            print_table(_each_effect(title, rows, several=several))
        else:
            print_table(_effects_over_models(title, rows))
        for note in dict.fromkeys(e["note"] for e in rows if e["note"]):
            echo_words(f"  {note}")
        echo("")


def _each_effect(title: str, rows: Sequence[Mapping[str, Any]], *, several: bool) -> Table:
    out = plain_table(title, "n", "points", "95 %", "conditions")
    for e in rows:
        model = f" ({e['model']})" if several and isinstance(e["model"], str) else ""
        add_row(out, _effect_words(e) + model, *_effect_numbers(e))
        if e["control"] and e["control"]["cells"]:
            add_row(out, "  the same in controls", *_effect_numbers(e["control"]))
    return out


def _effects_over_models(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each contrast, with its lowest and its highest difference over the models."""
    out = plain_table(title, "models", "lowest (95 %)", "highest (95 %)")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for e in rows:
        found.setdefault(_effect_words(e), []).append(e)
    for words, alike in found.items():
        known = sorted(
            (e for e in alike if e["difference"] is not None), key=lambda e: e["difference"]
        )
        ends = (known[:1], known[-1:] if len(known) > 1 else [])
        models = str(len(alike)) if isinstance(alike[0]["model"], str) else "both"
        add_row(out, words, models, *(_points_of(*e) if e else "–" for e in ends))
    return out


def _points_of(e: Mapping[str, Any]) -> str:
    """A difference with its interval, in points: `+12 (+3 to +21)`."""
    value, between = _difference(e)
    return f"{value} ({between})" if between != "–" else value


def _effect_words(e: Mapping[str, Any]) -> str:
    first, second = e["words"]
    return f"{first} {'beyond' if e['kind'] == 'interaction' else 'against'} {second}"


def _effect_numbers(e: Mapping[str, Any]) -> list[str]:
    sides = " / ".join(str(side["n"]) for side in e["sides"])
    return [sides, *_difference(e), str(e["cells"])]


def _difference(e: Mapping[str, Any]) -> tuple[str, str]:
    """A difference and its interval, in points."""
    from cornered.analysis.stats import Interval
    from cornered.analysis.wording import points, points_span

    value, low, high = e["difference"], e["difference_ci_low"], e["difference_ci_high"]
    between = "–" if low is None or high is None else points_span(Interval(low, high))
    return "–" if value is None else points(value), between
