"""`cornered compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, print_json
from cornered.cli._table import add_row, echo, plain_table, print_table, stdout_width

if TYPE_CHECKING:
    from cornered.analysis.compare import Comparison, ScenarioComparison
    from cornered.analysis.estimands import Contrast
    from cornered.analysis.paired import StratumDifference
    from cornered.analysis.stats import Interval

WIDTH = 25
"""Characters of a forest plot in the terminal, from -100 to +100 points."""
ROOM_FOR_PLOT = 110
"""Columns from which there is room for it beside the numbers."""


@main.command()
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--a", "a", help="Which model of the first run; with --by, which level.")
@click.option("--b", "b", help="Which model of the second run; with --by, which level.")
@click.option(
    "--by",
    metavar="FACTOR",
    help="Compare levels of a factor within each model of one run, such as instructions.",
)
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
    runs: tuple[Path, ...],
    a: str | None,
    b: str | None,
    by: str | None,
    between: str | None,
    figures: Path | None,
    as_json: bool,
) -> int:
    """Compare models, checkpoints or arms, condition by condition: each RUN is a run folder.

    Of two runs differences are A minus B; of more, the first minus each other one. One run alone
    is compared model by model, or with --by arm by arm. Each RUN may be RUN/verdicts/NAME, for
    other verdicts on the same trials. All conditions that both sides have count equally;
    scenarios are never pooled, and controls stand apart.

    \b
      cornered compare runs/checkpoint-1 runs/checkpoint-2 runs/checkpoint-3
      cornered compare runs/headline runs/headline --a openai/gpt-4.1 --b openai/gpt-5.5
      cornered compare runs/arms --by instructions --a none --b prohibitions
      cornered compare runs/both runs/both --between surface=text,tools
    """
    from cornered.analysis.compare import all_as_dict
    from cornered.run.comparison import draw_comparison

    comparisons = _compared(runs, a, b, by, between)
    if figures is not None:
        for n, comparison in enumerate(comparisons, start=1):
            draw_comparison(comparison, figures if len(comparisons) == 1 else figures / str(n))
    if as_json:
        print_json(all_as_dict(comparisons))
    elif len(comparisons) == 1:
        _print(comparisons[0])
    else:
        _print_several(comparisons)
    contrasts = [s.contrast for c in comparisons for s in c.scenarios]
    return INCOMPLETE if any(side.unscored for c in contrasts for side in c.sides) else DONE


def _compared(
    runs: tuple[Path, ...], a: str | None, b: str | None, by: str | None, between: str | None
) -> list[Comparison]:
    from cornered.run.api import compare as compare_two
    from cornered.run.comparison import compare_by, compare_with_first

    if by and (between or len(runs) > 1):
        raise click.UsageError("--by compares conditions of one run, without --between")
    if by:
        return compare_by(runs[0], by, a=a, b=b)
    if len(runs) == 1 and (a or b or between):
        runs = runs * 2
    if len(runs) == 2:
        return [compare_two(*runs, model_a=a, model_b=b, between=between)]
    if a or b or between:
        raise click.UsageError("--a, --b and --between compare two runs")
    return compare_with_first(runs)


def _print(comparison: Comparison) -> None:
    echo("")
    for letter, side in (("A", comparison.a), ("B", comparison.b)):
        model = "" if side.name == side.model else f"  ({side.model})"
        echo(f"{letter}  {side.name}{model}")
    echo("")
    for scenario in comparison.scenarios:
        _print_scenario(scenario)
    _print_remarks([comparison])
    echo("")
    _print_sentences(comparison)


def _print_several(comparisons: Sequence[Comparison]) -> None:
    """Each comparison with the first side in a row, and what may be said of it."""
    from cornered.analysis.wording import points, points_span

    echo("")
    table = plain_table("against the first", "scenario", "A - B", "95 %", "p, Holm", words=2)
    first = comparisons[0].a
    for comparison in comparisons:
        a, b = comparison.a, comparison.b
        model = f" ({b.model})" if comparison.between and b.name != b.model else ""
        name = b.name if a.name == first.name else f"{a.name} - {b.name}"
        for scenario in comparison.scenarios:
            of, value = scenario.contrast, scenario.contrast.difference
            numbers = ["–", "–", ""]
            if value.value is not None and value.interval is not None:
                p = "" if of.p_adjusted is None else f"{of.p_adjusted:.2g}"
                numbers = [points(value.value), points_span(value.interval), p]
            add_row(table, name + model, f"{scenario.scenario}: {scenario.verdict}", *numbers)
    echo(f"A  {first.name}")
    print_table(table)
    _print_remarks(comparisons)
    echo("")
    for comparison in comparisons:
        _print_sentences(comparison)


def _print_remarks(comparisons: Sequence[Comparison]) -> None:
    cautions = [f"Caution: {caution}." for c in comparisons for caution in c.cautions]
    for caution in dict.fromkeys(cautions):
        echo(caution)
    alone = dict.fromkeys(name for c in comparisons for name in c.alone)
    if alone:
        echo(f"Left out, as only one side has them: {', '.join(alone)}.")


def _print_sentences(comparison: Comparison) -> None:
    from cornered.analysis.compare import sentence

    for scenario in comparison.scenarios:
        echo(sentence(scenario, comparison.a.name, comparison.b.name))


def _print_scenario(of: ScenarioComparison) -> None:
    scale = f"{'-100':<{WIDTH // 2 - 1}}0{'+100':>{WIDTH // 2 + 1}}"
    head = f"{of.scenario}: {of.verdict}"
    rows = [_stratum_row(stratum, "") for stratum in of.conflict.strata]
    rows.append(_mean_row(of.contrast))
    rows += [_stratum_row(stratum, " (control)") for stratum in of.control.strata]
    heads = [head, "A", "B", "A - B", "95 %", "Fisher, Holm", scale]
    drawn = len(heads) if stdout_width() >= ROOM_FOR_PLOT else len(heads) - 1
    table = plain_table(*heads[:drawn])
    for row in rows:
        add_row(table, *row[:drawn])
    print_table(table)
    contrast = of.contrast
    tests = [f"p = {contrast.p_adjusted:.2g}"] if contrast.p_adjusted is not None else []
    if contrast.heterogeneity is not None:
        tests.append(f"that conditions differ: Cochran's Q, p = {contrast.heterogeneity.p:.2g}")
    if tests:
        echo("Mean: " + "; ".join(tests) + ".")
    if of.by_draw and of.by_draw.difference:
        draws = of.by_draw
        echo(
            f"On the same draws: only A {draws.only_a}, only B {draws.only_b}, both {draws.both}, "
            f"neither {draws.neither}; McNemar p = {draws.p.value:.2g}."
        )
    echo("")


def _stratum_row(row: StratumDifference, mark: str) -> list[str]:
    from cornered.analysis.stats import percent
    from cornered.analysis.wording import points, points_span

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
        points(row.difference.value),
        points_span(row.difference.interval),
        f"{row.adjusted:.2g}" if row.adjusted is not None and not mark else "",
        forest(row.difference.value, row.difference.interval),
    ]


def _mean_row(of: Contrast) -> list[str]:
    from cornered.analysis.wording import points, points_span

    mean = of.difference
    if mean.value is None or mean.interval is None:
        return [f"mean: {mean.reason}", "", "", "–", "–", "", ""]
    return [
        "mean, equal weights",
        "",
        "",
        points(mean.value),
        points_span(mean.interval),
        "",
        forest(mean.value, mean.interval, mark="◆"),
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
