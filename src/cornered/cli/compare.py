"""`cornered compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, print_json
from cornered.cli._table import add_row, echo, plain_table, print_table, stdout_width

if TYPE_CHECKING:
    from cornered.analysis.compare import Comparison, ScenarioComparison
    from cornered.analysis.paired import Paired, StratumDifference
    from cornered.analysis.stats import Interval

WIDTH = 25
"""Characters of a forest plot in the terminal, from -100 to +100 points."""
ROOM_FOR_PLOT = 110
"""Columns from which there is room for it beside the numbers."""


@main.command()
@click.argument("one", metavar="A", type=click.Path(path_type=Path))
@click.argument("other", metavar="B", type=click.Path(path_type=Path))
@click.option("--a", "model_a", help="Which model of A, where it has several.")
@click.option("--b", "model_b", help="Which model of B, where it has several.")
@click.option(
    "--between",
    metavar="FACTOR=A,B",
    help="Compare two levels of a factor: conditions of A at the first, of B at the second.",
)
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
    between: str | None,
    figures: Path | None,
    as_json: bool,
) -> int:
    """Compare two models or two checkpoints, condition by condition: A and B are run folders.

    They may be one folder twice, with --a and --b for two of its models, or RUN/verdicts/NAME
    for other verdicts on the same trials. Differences are A minus B, over the conditions that
    both have; scenarios are never pooled, and controls stand apart.

    \b
      cornered compare runs/checkpoint-1 runs/checkpoint-2
      cornered compare runs/headline runs/headline --a openai/gpt-4.1 --b openai/gpt-5.5
      cornered compare runs/both runs/both --between surface=text,tools
    """
    from cornered.run.api import compare as compare_runs

    comparison = compare_runs(
        one, other, model_a=model_a, model_b=model_b, between=between, figures=figures
    )
    if as_json:
        print_json(comparison.as_dict())
    else:
        _print(comparison)
    return INCOMPLETE if any(s.bounds.unknown for s in comparison.scenarios) else DONE


def _print(comparison: Comparison) -> None:
    from cornered.analysis.compare import sentence

    echo("")
    for letter, side in (("A", comparison.a), ("B", comparison.b)):
        model = "" if side.name == side.model else f"  ({side.model})"
        echo(f"{letter}  {side.name}{model}")
    echo("")
    for scenario in comparison.scenarios:
        _print_scenario(scenario)
    for caution in comparison.cautions:
        echo(f"Caution: {caution}.")
    if comparison.alone:
        echo(f"Left out, as only one of A and B has them: {', '.join(comparison.alone)}.")
    echo("")
    for scenario in comparison.scenarios:
        echo(sentence(scenario, comparison.a.name, comparison.b.name))


def _print_scenario(of: ScenarioComparison) -> None:
    scale = f"{'-100':<{WIDTH // 2 - 1}}0{'+100':>{WIDTH // 2 + 1}}"
    head = f"{of.scenario}: {of.verdict}"
    rows = [_stratum_row(stratum, "") for stratum in of.conflict.strata]
    rows.append(_pooled_row(of.conflict))
    rows += [_stratum_row(stratum, " (control)") for stratum in of.control.strata]
    heads = [head, "A", "B", "A - B", "95 %", "Fisher, Holm", scale]
    drawn = len(heads) if stdout_width() >= ROOM_FOR_PLOT else len(heads) - 1
    table = plain_table(*heads[:drawn])
    for row in rows:
        add_row(table, *row[:drawn])
    print_table(table)
    odds, test, uneven = of.conflict.odds_ratio, of.conflict.p, of.conflict.heterogeneity
    tests = []
    if odds.value is not None and odds.interval is not None:
        tests.append(
            f"odds ratio {odds.value:.2f} ({odds.interval.low:.2f} to {odds.interval.high:.2f})"
        )
    if test.value is not None:
        tests.append(f"Cochran-Mantel-Haenszel p = {test.value:.2g}")
    if uneven.value is not None:
        tests.append(f"Breslow-Day p = {uneven.value:.2g}")
    if tests:
        echo("Pooled: " + "; ".join(tests) + ".")
    if of.by_draw and of.by_draw.difference:
        draws = of.by_draw
        echo(
            f"On the same draws: only A {draws.only_a}, only B {draws.only_b}, both {draws.both}, "
            f"neither {draws.neither}; McNemar p = {draws.p.value:.2g}."
        )
    echo("")


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
        f"{row.adjusted:.2g}" if row.adjusted is not None and not mark else "",
        forest(row.difference.value, row.difference.interval),
    ]


def _pooled_row(paired: Paired) -> list[str]:
    pooled = paired.difference
    if pooled.value is None or pooled.interval is None:
        return [f"pooled: {pooled.reason}", "", "", "–", "–", "", ""]
    return [
        "pooled (Mantel-Haenszel)",
        "",
        "",
        _points(pooled.value),
        _spread(pooled.interval),
        "",
        forest(pooled.value, pooled.interval, mark="◆"),
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
