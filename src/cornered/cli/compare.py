"""`cornered compare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.analysis.compare import Comparison, ScenarioComparison, Side
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

    They may be one folder twice, with --a and --b for two of its models, or RUN/verdicts/NAME
    for other verdicts on the same trials. Differences are A minus B, over the conditions that
    both have; scenarios are never pooled, and controls stand apart.

    \b
      cornered compare runs/checkpoint-1 runs/checkpoint-2
      cornered compare runs/headline runs/headline --a openai/gpt-4.1 --b openai/gpt-5.5
    """
    from cornered.analysis.compare import as_dict
    from cornered.analysis.compare import compare as compare_sides

    found = compare_sides(_side(one, model_a, other), _side(other, model_b, one))
    if figures:
        _draw(found, figures)
    if as_json:
        print_json(as_dict(found))
    else:
        _print(found)
    return INCOMPLETE if any(s.bounds.unknown for s in found.scenarios) else DONE


def _draw(found: Comparison, folder: Path) -> None:
    from cornered.analysis.figures import comparison, require_figures, write_figures
    from cornered.files import disk_errors

    require_figures()
    drawn = [
        comparison(s.scenario, found.a.name, found.b.name, s.conflict) for s in found.scenarios
    ]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_figures(folder, [figure for figure in drawn if figure])


def _side(folder: Path, model: str | None, against: Path) -> Side:
    from cornered.analysis.compare import side
    from cornered.run.runner import read_run

    state = read_run(folder)
    experiment = state.manifest.experiment
    made = {
        "the judge": " + ".join(experiment.judges),
        "what the judge is shown": experiment.judge_view if experiment.judges else "",
        "the temperature": str(experiment.temperature),
        "the longest answer": str(experiment.max_tokens or ""),
        "the text": ", ".join(
            f"{name} {_text(files)}" for name, files in sorted(state.manifest.packs.items())
        ),
    }
    name = model or folder.name
    if folder == against and not model:
        name = str(folder)
    return side(name, model, state.cells, state.trials, made)


def _text(files: dict[str, str]) -> str:
    """A short name of the texts that prompts come from: rubrics are no part of them."""
    import hashlib

    joined = "\n".join(f"{k} {v}" for k, v in sorted(files.items()) if "judge" not in k)
    return hashlib.sha256(joined.encode()).hexdigest()[:8]


def _print(found: Comparison) -> None:
    from rich.console import Console

    from cornered.analysis.compare import sentence

    console = Console(width=None if sys.stdout.isatty() else 120)
    click.echo(f"\nA  {found.a.name}  ({found.a.model})\nB  {found.b.name}  ({found.b.model})\n")
    for scenario in found.scenarios:
        _print_scenario(scenario, console)
    for caution in found.cautions:
        click.echo(f"Mind: {caution}.")
    if found.alone:
        click.echo(f"Left out, since only one has them: {', '.join(found.alone)}.")
    click.echo("")
    for scenario in found.scenarios:
        click.echo(sentence(scenario, found.a.name, found.b.name))


def _print_scenario(found: ScenarioComparison, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{found.scenario}: {found.verdict}", overflow="fold")
    for name in ("A", "B", "A - B", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{'-100':<{WIDTH // 2 - 1}}0{'+100':>{WIDTH // 2 + 1}}", no_wrap=True)
    table.add_column("Fisher, Holm", justify="right", no_wrap=True)
    for stratum in found.conflict.strata:
        table.add_row(*_stratum_row(stratum, ""))
    table.add_row(*_pooled_row(found.conflict))
    for stratum in found.control.strata:
        table.add_row(*_stratum_row(stratum, " (control)"))
    console.print(table)
    odds, test, uneven = found.conflict.odds_ratio, found.conflict.p, found.conflict.heterogeneity
    said = []
    if odds.value is not None and odds.interval is not None:
        said.append(
            f"odds ratio {odds.value:.2f} ({odds.interval.low:.2f} to {odds.interval.high:.2f})"
        )
    if test.value is not None:
        said.append(f"Cochran-Mantel-Haenszel p = {test.value:.2g}")
    if uneven.value is not None:
        said.append(f"Breslow-Day p = {uneven.value:.2g}")
    if said:
        click.echo("Pooled: " + "; ".join(said) + ".")
    if found.by_draw and found.by_draw.difference:
        draws = found.by_draw
        click.echo(
            f"On the same draws: only A {draws.only_a}, only B {draws.only_b}, both {draws.both}, "
            f"neither {draws.neither}; McNemar p = {draws.p.value:.2g}."
        )
    click.echo("")


def _points(value: float) -> str:
    return f"{100 * value:+.0f}"


def _spread(interval: Interval) -> str:
    return f"{_points(interval.low)} to {_points(interval.high)}"


def _stratum_row(found: StratumDifference, mark: str) -> list[str]:
    from cornered.analysis.stats import percent

    of = found.stratum
    rates = [
        f"{k} of {n}, {percent(k / n)}" if n else "–"
        for k, n in ((of.k_a, of.n_a), (of.k_b, of.n_b))
    ]
    if found.difference is None:
        return [of.name + mark, *rates, "–", "–", "", ""]
    return [
        of.name + mark,
        *rates,
        _points(found.difference.value),
        _spread(found.difference.interval),
        forest(found.difference.value, found.difference.interval),
        f"{found.adjusted:.2g}" if found.adjusted is not None and not mark else "",
    ]


def _pooled_row(found: Paired) -> list[str]:
    pooled = found.difference
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
