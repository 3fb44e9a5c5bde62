"""`cornered compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, print_json
from cornered.cli._tables import make_console

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.analysis.compare import Comparison, ScenarioComparison
    from cornered.analysis.paired import Paired, StratumDifference
    from cornered.analysis.stats import Interval

WIDTH = 25
"""Characters of a forest plot in the terminal, from -100 to +100 points."""


@main.command()
@click.argument("one", metavar="A", type=click.Path(path_type=Path))
@click.argument("other", metavar="B", type=click.Path(path_type=Path))
@click.option("--a", "model_a", help="Which model of A, where it has several.")
@click.option("--b", "model_b", help="Which model of B, where it has several.")
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the forest plots, as SVG and PNG.",
)
@json_option
def compare(
    one: Path,
    other: Path,
    model_a: str | None,
    model_b: str | None,
    figures: Path | None,
    as_json: bool,
) -> int:
    """Compare two models or two checkpoints, condition by condition: A and B are run folders.

    They may be the same folder twice, with --a and --b for two of its models, or
    RUN/verdicts/NAME for another set of verdicts. Differences are A minus B, over the conditions
    that both have. Scenarios are never pooled; controls are listed separately.

    \b
      cornered compare runs/checkpoint-1 runs/checkpoint-2
      cornered compare runs/x runs/x --a openai/gpt-4.1 --b openai/gpt-5.5
    """
    from cornered.run.api import compare as compare_runs

    comparison = compare_runs(one, other, model_a=model_a, model_b=model_b, figures=figures)
    if as_json:
        print_json(comparison.as_dict())
    else:
        _print(comparison)
    return INCOMPLETE if any(s.bounds.unknown for s in comparison.scenarios) else DONE


def _print(comparison: Comparison) -> None:

    from cornered.analysis.compare import sentence

    console = make_console()
    a, b = comparison.a, comparison.b
    click.echo(f"\nA  {a.name}  ({a.model})\nB  {b.name}  ({b.model})\n")
    for scenario in comparison.scenarios:
        _print_scenario(scenario, console)
    for caution in comparison.cautions:
        click.echo(f"Mind: {caution}.")
    if comparison.alone:
        click.echo(f"Left out, since only one has them: {', '.join(comparison.alone)}.")
    click.echo("")
    for scenario in comparison.scenarios:
        click.echo(sentence(scenario, a.name, b.name))


def _print_scenario(scenario: ScenarioComparison, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{scenario.scenario}: {scenario.verdict}", overflow="fold")
    for name in ("A", "B", "A - B", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{'-100':<{WIDTH // 2 - 1}}0{'+100':>{WIDTH // 2 + 1}}", no_wrap=True)
    table.add_column("Fisher, Holm", justify="right", no_wrap=True)
    pooled = scenario.conflict
    for stratum in pooled.strata:
        table.add_row(*_stratum_row(stratum, ""))
    table.add_row(*_pooled_row(pooled))
    for stratum in scenario.control.strata:
        table.add_row(*_stratum_row(stratum, " (control)"))
    console.print(table)
    odds, test, heterogeneity = pooled.odds_ratio, pooled.p, pooled.heterogeneity
    statistics = []
    if odds.value is not None and odds.interval is not None:
        statistics.append(
            f"odds ratio {odds.value:.2f} ({odds.interval.low:.2f} to {odds.interval.high:.2f})"
        )
    if test.value is not None:
        statistics.append(f"Cochran-Mantel-Haenszel p = {test.value:.2g}")
    if heterogeneity.value is not None:
        statistics.append(f"Breslow-Day p = {heterogeneity.value:.2g}")
    if statistics:
        click.echo("Pooled: " + "; ".join(statistics) + ".")
    draws = scenario.by_draw
    if draws and draws.difference:
        click.echo(
            f"On the same draws: only A {draws.only_a}, only B {draws.only_b}, both {draws.both}, "
            f"neither {draws.neither}; McNemar p = {draws.p.value:.2g}."
        )
    click.echo("")


def _points(value: float) -> str:
    return f"{100 * value:+.0f}"


def _spread(interval: Interval) -> str:
    return f"{_points(interval.low)} to {_points(interval.high)}"


def _stratum_row(row: StratumDifference, mark: str) -> list[str]:
    from cornered.analysis.stats import percent

    of = row.stratum
    rates = [
        f"{k} of {n}, {percent(k / n)}" if n else "–"
        for k, n in ((of.k_a, of.n_a), (of.k_b, of.n_b))
    ]
    if row.difference is None:
        return [of.name + mark, *rates, "–", "–", "", ""]
    return [
        of.name + mark,
        *rates,
        _points(row.difference.value),
        _spread(row.difference.interval),
        forest(row.difference.value, row.difference.interval),
        f"{row.adjusted:.2g}" if row.adjusted is not None and not mark else "",
    ]


def _pooled_row(comparison: Paired) -> list[str]:
    pooled = comparison.difference
    if pooled.value is None or pooled.interval is None:
        return [f"pooled: {pooled.reason}", "", "", "–", "–", "", ""]
    return [
        "pooled (Mantel-Haenszel)",
        "",
        "",
        _points(pooled.value),
        _spread(pooled.interval),
        forest(pooled.value, pooled.interval, mark="◆"),
        "",
    ]


def forest(value: float, interval: Interval, mark: str = "●") -> str:
    """An interval as a line of characters, 0 in the middle."""

    def place(rate: float) -> int:
        return round((rate + 1) / 2 * (WIDTH - 1))

    line = [" "] * WIDTH
    line[place(0)] = "│"
    for at in range(place(interval.low), place(interval.high) + 1):
        line[at] = "─"
    line[place(value)] = mark
    return "".join(line)
