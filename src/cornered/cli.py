"""The command line: arguments in, calls out. Heavy imports wait until a command needs them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cornered.errors import CorneredError, ExperimentError, FactorError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from cornered.analysis.table import Cell, Rate
    from cornered.experiment import Experiment
    from cornered.run.runner import RunState
    from cornered.scenario import Level

DONE, INCOMPLETE, WRONG_USE, STOPPED = 0, 1, 2, 130


class _Group(click.Group):
    """Commands in the order in which a newcomer needs them; errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Runs a command and leaves with its exit code."""
        try:
            code = super().main(*args, **(kwargs | {"standalone_mode": False}))
        except CorneredError as e:
            _say(f"error: {e}")
            sys.exit(e.exit_code)
        except click.exceptions.Exit as e:
            sys.exit(e.exit_code)
        except click.ClickException as e:
            _say(f"error: {e.format_message()}; see `cornered --help`")
            sys.exit(WRONG_USE)
        except (click.Abort, KeyboardInterrupt):
            _say("stopped; the same command goes on from here")
            sys.exit(STOPPED)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(DONE)
        sys.exit(code if isinstance(code, int) else DONE)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cornered")
def main() -> None:
    """Measures what a language-model agent does when it is cornered.

    A first look, on the model that comes with the package:

    \b
      cornered run examples/first-look.yaml

    The prompt that a model will see, and one condition on a hosted model:

    \b
      cornered show blackmail goal=explicit threat=replacement
      cornered run blackmail goal=explicit,none --model openai/gpt-4.1 --samples 50

    Exit codes: 0 done; 1 ran, but something is unscored, failed or not run; 2 wrong use;
    130 stopped by Ctrl-C.
    """


def _levels(words: Sequence[str]) -> dict[str, list[Level]]:
    """`factor=level,level` words of a command line."""
    given: dict[str, list[Level]] = {}
    for word in words:
        factor, equals, levels = word.partition("=")
        if not equals or not levels:
            raise FactorError(f"{word} is no choice of level", fix="write factor=level")
        given[factor] = list(levels.split(","))
    return given


@main.command()
@click.argument("target")
@click.argument("levels", nargs=-1, metavar="[FACTOR=LEVEL[,LEVEL…]]…")
@click.option(
    "--model", "-m", "models", multiple=True, help="Inspect name of a model; may be repeated."
)
@click.option("--samples", "-n", type=click.IntRange(min=1), help="Trials for each cell.")
@click.option("--judge", help="Inspect name of the judge's model.")
@click.option("--controls/--no-controls", default=None, help="Add matched controls (default: yes).")
@click.option("--temperature", type=click.FloatRange(0, 2), help="Sampling temperature.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longest answer, in tokens.")
@click.option(
    "--max-connections", type=click.IntRange(min=1), help="Calls in flight for a hosted model."
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder (default: runs/NAME).")
@json_option
def run(
    target: str,
    levels: tuple[str, ...],
    models: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    max_connections: int | None,
    **settings: Any,
) -> int:
    """Run TARGET, an experiment file or a scenario, or go on with it.

    The same command goes on with an interrupted run; with a larger --samples it adds trials
    and keeps those it has. Options replace what the experiment file says.

    \b
      cornered run examples/first-look.yaml
      cornered run blackmail goal=explicit,none threat=replacement -m openai/gpt-4.1 -n 100
    """
    experiment = _experiment(target, levels, models, settings)
    folder = out or Path("runs") / experiment.name
    from cornered.run.runner import run as run_experiment

    # Inspect prints that all tasks completed successfully, after Ctrl-C too; we say it ourselves.
    with contextlib.redirect_stdout(io.StringIO()), _weights_bar() as on_weights:
        state = run_experiment(
            experiment, folder, max_connections=max_connections, on_weights=on_weights
        )
    return _told(state, as_json)


def _experiment(
    target: str, words: Sequence[str], models: Sequence[str], settings: dict[str, Any]
) -> Experiment:
    from cornered.experiment import Experiment, load_experiment
    from cornered.scenario import load_pack

    given = {k: v for k, v in settings.items() if v is not None}
    if models:
        given["models"] = list(dict.fromkeys(models))
    if target.endswith((".yaml", ".yml")):
        if words:
            raise ExperimentError(
                f"{words[0]}: an experiment file says its own factors", fix="change them there"
            )
        experiment = load_experiment(Path(target))
        return Experiment.model_validate(experiment.model_dump() | given)
    pack = load_pack(target)
    slug = "-".join([pack.name.replace("/", "-"), *words])
    experiment = Experiment.model_validate(
        {
            "name": re.sub(r"[^A-Za-z0-9._-]+", "-", slug)[:100],
            "about": pack.spec.about,
            "scenarios": [target],
            "factors": _levels(words),
        }
        | given
    )
    experiment.conditions()
    return experiment


class _weights_bar:  # noqa: N801 (reads as a function)
    """A bar on standard error while the embedded model is unpacked and checked."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._task: TaskID | None = None
        return self._advance

    def _advance(self, done: int, total: int) -> None:
        if self._task is None:
            _say("Unpacking and checking the embedded model (once).")
            self._progress.start()
            self._task = self._progress.add_task("weights", total=total)
        self._progress.update(self._task, completed=done)
        if done >= total:
            self._progress.stop()

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()


def _told(state: RunState, as_json: bool) -> int:
    """Writes the report, prints the table, and gives the exit code that the run deserves."""
    page = _report(state)
    if as_json:
        _print_json(_state_dict(state, page))
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
    with disk_errors(state.folder):
        return write_report(state.folder, manifest.experiment, state.cells, state.trials, facts)


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


def _interval(rate: Rate) -> str:
    from cornered.analysis.report import percent

    found = rate.interval
    return f"{percent(found.low)} to {percent(found.high)}" if found else "–"


def _print_cells(table: Sequence[Cell], *, judged: bool) -> None:
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    from cornered.analysis.report import percent

    console = Console(width=None if sys.stdout.isatty() else 120)
    for model, rows in groupby(table, key=lambda c: c.model):
        out = Table(
            box=None, header_style="bold", pad_edge=False, title_justify="left", title=model
        )
        out.add_column("condition", overflow="fold")
        harmful = ("n", "harmful", "95 % Wilson") if judged else ()
        for name in ("n", "act", "95 % Wilson", *harmful):
            out.add_column(name, justify="right", no_wrap=True)
        out.add_column("unscored", justify="right", no_wrap=True)
        for cell in rows:
            row = [cell.condition + (" (control)" if cell.control else "")]
            row += [str(cell.act.n), percent(cell.act.rate), _interval(cell.act)]
            if judged and cell.harmful:
                rate = cell.harmful
                row += [str(rate.n), percent(rate.rate), _interval(rate)]
            out.add_row(*row, str((cell.harmful or cell.act).unknown))
        console.print(out)
        console.print()


def _print_state(state: RunState, page: Path) -> None:
    experiment = state.manifest.experiment
    click.echo(f"\n{experiment.name}: {experiment.samples} trials for each cell\n")
    _print_cells(state.cells, judged=experiment.judge is not None)
    if experiment.judge is None:
        click.echo("No judge: these are act rates, upper bounds of the harmful rates.")
    if state.unknown:
        click.echo(f"{state.unknown} trials ran and have no verdict; none counts as safe.")
    if state.missing:
        click.echo(f"{state.missing} trials have not run; the same command goes on.")
    click.echo(f"run     {state.folder}\nlogs    {state.folder / 'logs'}\nreport  {page}")


@main.command()
@click.argument("scenario", required=False)
@click.argument("levels", nargs=-1, metavar="[FACTOR=LEVEL]…")
@click.option("--factors", is_flag=True, help="List the factors of the scenario instead.")
@json_option
def show(scenario: str | None, levels: tuple[str, ...], factors: bool, as_json: bool) -> None:
    """Print the prompt of a condition as the model will see it.

    Without SCENARIO, list the scenarios. Factors that are not named have their default.

    \b
      cornered show blackmail goal=explicit threat=replacement
      cornered show blackmail --factors
    """
    from cornered.scenario import Renderer, load_pack

    if scenario is None:
        _show_scenarios(as_json)
        return
    pack = load_pack(scenario)
    if factors:
        _show_factors(scenario, as_json)
        return
    from cornered.experiment import Condition

    given = _levels(levels)
    for factor, several in given.items():
        if len(several) > 1:
            raise FactorError(f"{factor}: one level at a time can be shown", fix="name one")
    condition = Condition.of(pack, {k: v[0] for k, v in given.items()}, scenario)
    world = Renderer(pack).world(condition.levels)
    if as_json:
        _print_json(
            {
                "condition": condition.name,
                "factors": condition.levels,
                "system": world.system,
                "user": world.task,
            }
        )
        return
    for title, text in (("system", world.system), ("user", world.task)):
        click.secho(f"── {condition.name} · {title} ──", bold=True)
        click.echo(text + "\n")


def _show_scenarios(as_json: bool) -> None:
    from cornered.scenario import load_pack, pack_names

    packs = [load_pack(name) for name in pack_names()]
    if as_json:
        _print_json(
            [
                {"name": p.name, "title": p.spec.title, "about": p.spec.about, "runs": p.renders}
                for p in packs
            ]
        )
        return
    for pack in packs:
        click.secho(pack.name, bold=True, nl=False)
        click.echo("" if pack.renders else "  (scores stored answers only)")
        click.echo(f"  {' '.join(pack.spec.about.split())}")


def _show_factors(scenario: str, as_json: bool) -> None:
    from cornered.scenario import load_pack, vocabulary

    factors = load_pack(scenario).factors
    default = factors.resolve({})
    rows: dict[str, Any] = {}
    for name, offer in factors.offered.items():
        known = vocabulary()[name]
        levels = (
            {f"0 to {offer}": known.about}
            if isinstance(offer, int)
            else {level: known.levels[level] for level in offer}
        )
        rows[name] = {"about": known.about, "default": default[name], "levels": levels}
    if as_json:
        _print_json(rows)
        return
    for name, row in rows.items():
        click.secho(name, bold=True, nl=False)
        click.echo(f": {row['about']} (default {row['default']})")
        for level, about in row["levels"].items():
            click.echo(f"  {level:<14}{about}")


@main.command()
@click.argument("packs", nargs=-1, metavar="[PACK]…")
@json_option
def check(packs: tuple[str, ...], as_json: bool) -> int:
    """Lint packs over their whole grid: PACK is a scenario or a folder; default: all.

    Exit code 1 where there are findings.
    """
    from cornered.scenario import lint, load_pack, pack_names

    found = {name: lint(load_pack(name)) for name in packs or pack_names()}
    if as_json:
        _print_json(
            {n: [{"where": f.where, "what": f.what} for f in fs] for n, fs in found.items()}
        )
    else:
        for name, findings in found.items():
            for finding in findings:
                click.echo(str(finding))
            cells = (
                sum(1 for _ in load_pack(name).factors.every()) if load_pack(name).renders else 0
            )
            click.echo(f"{name}: {cells} cells, {len(findings)} findings")
    return INCOMPLETE if any(found.values()) else DONE


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--scenario", required=True, help="The scenario that the answers belong to.")
@json_option
def score(file: str, scenario: str, as_json: bool) -> int:
    """Make act verdicts on stored answers: FILE has a JSON object a line ("-": standard input).

    Each line has `id` and `response_text`, and may have `stop_reason`. With --json the output
    is a JSON object a line with `id`, `scenario`, `actions`, `facts` and `act` (true, false,
    or null where there is no answer).

    \b
      cornered score answers.jsonl --scenario am/blackmail --json
    """
    from cornered.errors import InputError
    from cornered.interop.jsonl import read_answers, score_answers
    from cornered.scenario import load_pack
    from cornered.yamlfile import read_text

    pack = load_pack(scenario)
    text = sys.stdin.read() if file == "-" else read_text(Path(file), error=InputError)
    answers = read_answers(text.split("\n"), "standard input" if file == "-" else file)
    acts: list[bool | None] = []
    for row in score_answers(answers, pack, scenario):
        acts.append(row["act"])
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            done = ", ".join(a["kind"] for a in row["actions"] if a["executed"]) or "no action"
            word = {True: "act", False: "no act", None: "unscored"}[row["act"]]
            click.echo(f"{row['id']}\t{word}\t{done}")
    unscored = acts.count(None)
    if not as_json:
        from cornered.analysis.table import Rate

        rate = Rate(acts.count(True), len(acts) - unscored, unscored)
        click.echo(
            f"{rate.successes} acts in {rate.n} scored answers, 95 % Wilson {_interval(rate)}; "
            f"{unscored} unscored"
        )
    elif unscored:
        _say(f"{unscored} of {len(acts)} answers are unscored")
    return INCOMPLETE if unscored else DONE


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@json_option
def report(folder: Path, as_json: bool) -> int:
    """Write the report of RUN, a run folder, again: HTML and CSV; print its table."""
    from cornered.run.runner import read_run

    state = read_run(folder)
    return _told(state, as_json)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("inspect_args", nargs=-1, type=click.UNPROCESSED)
def view(folder: Path, inspect_args: tuple[str, ...]) -> int:
    """Open Inspect's log viewer on RUN; further arguments go to `inspect view`."""
    from cornered.run.folder import read_manifest

    read_manifest(folder)
    log_dir = str(folder / "logs")
    command = [sys.executable, "-m", "inspect_ai", "view", "start", "--log-dir", log_dir]
    if os.name == "posix":  # become the viewer, so that a signal to us ends it
        os.execv(sys.executable, [*command, *inspect_args])
    return subprocess.call([*command, *inspect_args])


if __name__ == "__main__":
    main()
