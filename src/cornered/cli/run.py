"""`cornered run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornered.cli._base import experiment_options, main, named_as_options, parse_levels, say
from cornered.cli._summary import print_summary

if TYPE_CHECKING:
    from rich.progress import TaskID

    from cornered.experiment import Experiment


@main.command()
@experiment_options
def run(
    target: str,
    levels: tuple[str, ...],
    models: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    max_connections: int | None,
    **settings: Any,
) -> int:
    """Run TARGET, an experiment file or a scenario, or resume it.

    The same command resumes an interrupted run; with a larger --samples it adds trials to the
    existing ones. Options override the experiment file.

    \b
      cornered run examples/first-look.yaml
      cornered run blackmail goal=explicit,none -m openai/gpt-4.1 -n 100
    """
    experiment = experiment_of(target, levels, models, settings)
    from cornered.run.report import Report
    from cornered.run.runner import run as run_experiment

    with _weights_bar() as on_weights:
        state = run_experiment(
            experiment,
            out or Path("runs") / experiment.name,
            max_connections=max_connections,
            on_weights=on_weights,
        )
    return print_summary(Report(state).write(again=False), as_json)


def experiment_of(
    target: str, words: Sequence[str], models: Sequence[str], settings: dict[str, Any]
) -> Experiment:
    """The experiment from the arguments of a command.

    Raises:
        ExperimentError: a file or an option is wrong, or factors were given with a file.
        FactorError: unknown scenario, factor or level, or an invalid combination.
    """
    from cornered.run.api import make_experiment

    with named_as_options():
        return make_experiment(target, parse_levels(words), settings | {"models": models})


class _weights_bar:  # noqa: N801 (reads as a function)
    """A bar on standard error while the embedded model is unpacked and checked."""

    def __enter__(self) -> Any:
        from cornered.terminal import progress_bar

        self._progress = progress_bar()
        self._task: TaskID | None = None
        return self._advance

    def _advance(self, done: int, total: int) -> None:
        if self._task is None:
            say("Unpacking and checking the embedded model (once).")
            self._progress.start()
            self._task = self._progress.add_task("weights", total=total)
        self._progress.update(self._task, completed=done)
        if done >= total:
            self._progress.stop()

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()
