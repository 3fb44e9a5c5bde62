"""`cornered compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, print_json
from cornered.cli._table import (
    add_row,
    echo,
    echo_words,
    plain_table,
    print_table,
    stdout_width,
)

if TYPE_CHECKING:
    from cornered.analysis.compare import Comparison, ScenarioComparison
    from cornered.analysis.estimands import Contrast
    from cornered.analysis.paired import StratumDifference
    from cornered.analysis.stats import Estimate, Interval

WIDTH = 25
"""Characters of a forest plot in the terminal, from -100 to +100 points."""
ROOM_FOR_PLOT = 110
"""Columns from which there is room for it beside the numbers."""
SHOWN = 5
"""Conditions of one side only that are named; the JSON has all of them."""


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
    for n, side in enumerate((comparison.a, comparison.b)):
        model = "" if side.name == side.model else f"  ({side.model})"
        echo_words(f"{'AB'[n]}  {_name(comparison, n)}{model}", indent="   ")
    echo("")
    for scenario in comparison.scenarios:
        _print_scenario(scenario)
    if _print_remarks([comparison]):
        echo("")
    _print_sentences(comparison)


def _print_several(comparisons: Sequence[Comparison]) -> None:
    """Each comparison with the first side in a row, and what may be said of it."""
    from cornered.analysis.wording import points, points_span

    echo("")
    table = plain_table("against A", "scenario", "A−B", "95 %", "p, Holm", words=2)
    first = comparisons[0].a
    for comparison in comparisons:
        for scenario in comparison.scenarios:
            of, value = scenario.contrast, scenario.contrast.difference
            numbers = ["–", "–", ""]
            if value.value is not None and value.interval is not None:
                p = "" if of.p_adjusted is None else _p(of.p_adjusted)
                numbers = [points(value.value), points_span(value.interval), p]
            what = f"{scenario.scenario}: {scenario.verdict}"
            add_row(table, _against(comparison, scenario, first.name), what, *numbers)
    echo_words(f"A  {_name(comparisons[0], 0)}", indent="   ")
    print_table(table)
    _print_remarks(comparisons)
    echo("")
    for comparison in comparisons:
        _print_sentences(comparison)


def _name(comparison: Comparison, n: int) -> str:
    """What the n-th side is called: its level in words, where all scenarios have the same."""
    words = {_level(comparison, scenario, n) for scenario in comparison.scenarios}
    own = words.pop() if len(words) == 1 else ""
    return own or (comparison.a, comparison.b)[n].name


def _against(comparison: Comparison, scenario: ScenarioComparison, first: str) -> str:
    """The second side of a comparison; both, where the first is not that of all."""
    a, b = comparison.a, comparison.b
    if words := _level(comparison, scenario, 1):
        return f"{words} ({b.model})" if b.name != b.model else words
    return b.name if a.name == first else f"{a.name} - {b.name}"


def _level(comparison: Comparison, scenario: ScenarioComparison, n: int) -> str:
    """The level that the n-th side has in words; empty where models or runs are compared."""
    if not scenario.words or not comparison.between:
        return ""
    words = scenario.words[n]
    factor = comparison.between.factor.replace("_", " ")
    return f"without {factor}" if words == "without" else words


def _print_remarks(comparisons: Sequence[Comparison]) -> bool:
    """Prints what is to be known of the sides, if anything is; gives whether it is."""
    from cornered.analysis.names import CellNames

    cautions = [f"Caution: {caution}." for c in comparisons for caution in c.cautions]
    for caution in dict.fromkeys(cautions):
        echo_words(caution)
    alone = list(dict.fromkeys(name for c in comparisons for name in c.alone))
    if alone:
        more = f"; and {len(alone) - SHOWN} more, see --json" if len(alone) > SHOWN else ""
        names = CellNames(cell for c in comparisons for of in (c.a, c.b) for cell in of.cells)
        shown = "; ".join(map(names.said, alone[:SHOWN]))
        echo_words(f"Left out, as only one side has them: {shown}{more}.")
    return bool(cautions or alone)


def _print_sentences(comparison: Comparison) -> None:
    from cornered.analysis.compare import sentence

    for scenario in comparison.scenarios:
        echo_words(sentence(scenario, comparison.a.name, comparison.b.name))


def _print_scenario(of: ScenarioComparison) -> None:
    scale = f"{'-100':<{WIDTH // 2 - 1}}0{'+100':>{WIDTH // 2 + 1}}"
    head = f"{of.scenario}: {of.verdict}"
    rows = [_stratum_row(stratum) for stratum in of.conflict.strata]
    rows.append(_mean_row(of.contrast))
    rows += [_stratum_row(stratum, is_control=True) for stratum in of.control.strata]
    heads = [head, "A", "B", "A−B", "95 %", "p, Holm", scale]
    drawn = len(heads) if stdout_width() >= ROOM_FOR_PLOT else len(heads) - 1
    table = plain_table(*heads[:drawn])
    for row in rows:
        add_row(table, *row[:drawn])
    print_table(table)
    contrast = of.contrast
    tests = [f"p {_p(contrast.p_adjusted, '= ')}"] if contrast.p_adjusted is not None else []
    if contrast.heterogeneity is not None:
        same = _p(contrast.heterogeneity.p, "= ")
        tests.append(f"that conditions differ: Cochran's Q, p {same}")
    if tests:
        strata = [row.stratum for row in of.conflict.strata]
        silent = any(of.rate_a or of.rate_b for of in strata)
        each = "the judge was silent on some trials, so by its interval" if silent else "Fisher"
        echo_words(f"Mean: {'; '.join(tests)}. Of one condition: {each}.")
    if of.by_draw and of.by_draw.difference:
        draws = of.by_draw
        echo_words(
            f"On the same draws: only A {draws.only_a}, only B {draws.only_b}, both {draws.both}, "
            f"neither {draws.neither}; McNemar p {_p(draws.p.value, '= ')}."
        )
    echo("")


def _stratum_row(row: StratumDifference, *, is_control: bool = False) -> list[str]:
    from cornered.analysis.wording import points, points_span

    of = row.stratum
    mark = " (control)" if is_control and not of.label.startswith("control") else ""
    rates = [
        _counted(of.k_a, of.n_a, of.rate_a),
        _counted(of.k_b, of.n_b, of.rate_b),
    ]
    if row.difference is None:
        return [of.label + mark, *rates, "–", "–", "", ""]
    return [
        of.label + mark,
        *rates,
        points(row.difference.value),
        points_span(row.difference.interval),
        _p(row.adjusted) if row.adjusted is not None and not is_control else "",
        forest(row.difference.value, row.difference.interval),
    ]


def _counted(successes: int, n: int, known: Estimate | None) -> str:
    """Successes of n, with the rate where it is one: `41 of 50, 82 %`.

    Where a judge was silent on some trials the rate is more than successes of scored trials:
    `85 %, n = 50`.
    """
    from cornered.analysis.stats import percent
    from cornered.analysis.wording import COUNTS_ONLY

    if not n:
        return "–"
    if n < COUNTS_ONLY:
        return f"{successes} of {n}"
    if known is not None:
        return f"{percent(known.value)}, n = {n}" if known.value is not None else "–"
    return f"{successes} of {n}, {percent(successes / n)}"


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


def _p(value: float | None, equals: str = "") -> str:
    """A p value in two digits; a smaller one than .001 is only that."""
    if value is None:
        return f"{equals}–"
    return "< .001" if value < 0.001 else f"{equals}{value:.2g}"


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
