"""The summary of a run in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, repeat
from typing import TYPE_CHECKING

import click

from cornered.cli._base import DONE, INCOMPLETE, interval, print_json
from cornered.cli._tables import make_console, make_table

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.analysis.agreement import Corrected
    from cornered.analysis.table import Cell, Rate
    from cornered.run.report import Report


def print_summary(report: Report, as_json: bool) -> int:
    """Prints the results of a run; returns the exit code."""
    if as_json:
        print_json(report.as_dict())
        return exit_code(report)
    from cornered.samples import in_words

    experiment = report.state.manifest.experiment
    click.echo(f"\n{experiment.name}: {in_words(experiment.samples)} trials for each cell\n")
    _print_cells(report)
    _print_effects(report)
    for line in (
        *report.screened_out,
        *report.judge_notes,
        *report.stopping_notes,
        *report.figure_notes,
    ):
        click.echo(line)
    click.echo(f"run     {report.folder}\nlogs    {report.folder / 'logs'}\nreport  {report.page}")
    click.echo(report.conclusion)
    return exit_code(report)


def exit_code(report: Report) -> int:
    """`INCOMPLETE` if any trial is unscored, failed or not run, else `DONE`."""
    return DONE if report.complete else INCOMPLETE


def _print_cells(report: Report) -> None:
    """Every rate of every cell with its n, its interval and its bounds."""
    from rich.table import Table

    console = make_console()
    published = report.published
    for model, group in groupby(report.cells, key=lambda c: c.model):
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
            reference = published.get((cell.model, cell.condition))
            heads = [cell.condition + _mark(cell), *repeat("", len(cell.rates) - 1)]
            for head, (name, rate) in zip(heads, cell.rates.items(), strict=True):
                beside = [reference.written if reference and head else ""] if others else []
                out.add_row(head, name, *_rate_words(rate), *beside)
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


def _corrected_words(corrected: Corrected) -> list[str]:
    from cornered.analysis.stats import percent

    if corrected.interval is None:
        return ["", "", "–", "–"]
    return [
        "",
        "",
        percent(corrected.value),
        f"{percent(corrected.interval.low)} to {percent(corrected.interval.high)}",
    ]


def _mark(cell: Cell) -> str:
    if cell.probe:
        return " (probe: understood)"
    screened = " ▨ screened out" if cell.screened_out else ""
    return (" (control)" if cell.is_control else "") + screened


def _print_outcomes(rows: Sequence[Cell], console: Console) -> None:
    """The outcomes and labels of each cell, if any is known."""
    for what in ("outcomes", "labels"):
        counts: list[dict[str, int]] = [getattr(cell, what) for cell in rows]
        names = list(dict.fromkeys(name for known in counts for name in known))
        if not names:
            continue
        out = make_table(what, *names, "read" if what == "labels" else "undecided")
        for cell, known in zip(rows, counts, strict=True):
            last = cell.labelled if what == "labels" else cell.act.n - sum(known.values())
            out.add_row(
                cell.condition, *(str(known.get(name, 0)) for name in names), str(max(0, last))
            )
        console.print(out)
        console.print()


def _print_readings(rows: Sequence[Cell], console: Console) -> None:
    """The rate for each value of each reading, and the awareness tax."""
    from rich.table import Table

    from cornered.analysis.stats import percent

    if not any(cell.reading_rates for cell in rows):
        return
    out = Table(box=None, header_style="bold", pad_edge=False)
    out.add_column("readings", overflow="fold")
    out.add_column("", no_wrap=True)
    for name in ("trials", rows[0].primary_name, "95 % Wilson"):
        out.add_column(name, justify="right", no_wrap=True)
    for cell in rows:
        heads = [cell.condition, *repeat("", len(cell.reading_rates))]
        for head, of in zip(heads, cell.reading_rates, strict=False):
            name = f"{of.reading}: {of.value or 'unscored'}".replace("_", " ")
            rate = of.rate
            out.add_row(head, name, str(rate.n + rate.unknown), percent(rate.rate), interval(rate))
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


def _print_effects(report: Report) -> None:
    """The effects of factors on each scenario's rate, all other factors held constant."""
    console = make_console()
    columns = ("n", "points", "95 %", "odds ratio", "95 %", "p (BH)", "p (Holm)")
    for scenario, rows in report.effect_rows.items():
        out = make_table(f"{scenario}: what moves the rate", *columns)
        for e in rows:
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
        for note in dict.fromkeys(e["note"] for e in rows if e["note"]):
            click.echo(f"  {note}")
        click.echo(
            "  p (Holm): for hypotheses declared beforehand; p (BH, Benjamini-Hochberg): for "
            "exploration."
        )
        click.echo("")


def _number(value: float | None, form: str, times: float = 1) -> str:
    return "–" if value is None else form.format(times * value)


def _between(low: float | None, high: float | None, form: str, times: float = 1) -> str:
    if low is None or high is None:
        return "–"
    return f"{form.format(times * low)} to {form.format(times * high)}"
