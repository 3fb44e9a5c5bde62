"""`cornered run`."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornered.cli._base import experiment_options, main, parse_levels, say, valid_experiment
from cornered.cli._table import tell_run
from cornered.errors import ExperimentError

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
    """Run TARGET, an experiment file or a scenario, or go on with it.

    The same command goes on with an interrupted run; with a larger --samples it adds trials
    and keeps those it has. Options replace what the experiment file says.

    \b
      cornered run examples/first-look.yaml
      cornered run blackmail goal=explicit,none threat=replacement -m openai/gpt-4.1 -n 100
    """
    experiment = make_experiment(target, levels, models, settings)
    folder = out or Path("runs") / experiment.name
    from cornered.run.runner import run as run_experiment

    # Inspect prints that all tasks completed successfully, after Ctrl-C too; we say it ourselves.
    with contextlib.redirect_stdout(io.StringIO()), _weights_bar() as on_weights:
        state = run_experiment(
            experiment, folder, max_connections=max_connections, on_weights=on_weights
        )
    return tell_run(state, as_json)


def make_experiment(
    target: str, words: Sequence[str], models: Sequence[str], settings: dict[str, Any]
) -> Experiment:
    """The experiment that the words of a command line mean.

    Args:
        target: An experiment file (`.yaml`), a scenario, or the folder of a pack.
        words: `factor=level,level` choices; only for a scenario.
        models: Inspect names of the models that replace those of the file.
        settings: Further keys of the experiment; None leaves what there is.

    Raises:
        ExperimentError: the file is wrong, or words were given beside it.
        FactorError: unknown scenario, factor or level, or an invalid combination.
    """
    from cornered.experiment import Experiment, load_experiment
    from cornered.scenario import load_pack

    given = {k: v for k, v in settings.items() if v is not None and v != ()}
    given |= {k: list(v) for k, v in given.items() if isinstance(v, tuple)}
    if models:
        given["models"] = list(dict.fromkeys(models))
    if target.endswith((".yaml", ".yml")):
        if words:
            raise ExperimentError(
                f"{words[0]}: an experiment file says its own factors", fix="change them there"
            )
        experiment = load_experiment(Path(target))
        with valid_experiment():
            return Experiment.model_validate(experiment.model_dump() | given)
    pack = load_pack(target)
    slug = "-".join([pack.name.replace("/", "-"), *words])
    settings = {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", slug)[:100],
        "about": pack.spec.about,
        "scenarios": [target],
        "factors": parse_levels(words),
    }
    with valid_experiment():
        experiment = Experiment.model_validate(settings | given)
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
            say("Unpacking and checking the embedded model (once).")
            self._progress.start()
            self._task = self._progress.add_task("weights", total=total)
        self._progress.update(self._task, completed=done)
        if done >= total:
            self._progress.stop()

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()
