"""`cornered.load`: the trials of a run as a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cornered.analysis.frame import stored_frame, trial_frame
from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.run.folder import read_manifest

if TYPE_CHECKING:
    import pandas as pd

    from cornered.analysis.table import TrialResult


def load(run: str | Path, verdicts: str | None = None) -> pd.DataFrame:
    """The trials of a run as a data frame, a row a trial.

    Read from its `trials.parquet` where that was made from the logs as they are, else from the
    logs. `cornered.analysis.frame.COLUMNS` says what each column means.

    Args:
        run: The run folder.
        verdicts: A set of verdicts that was made later, by the name of its folder in
            `RUN/verdicts`; the run's own where None.

    Returns:
        Trials in the order of the logs and their ids; no rows where nothing has run yet.

    Raises:
        RunError: there is no such run, no such set of verdicts, or a log cannot be read.
    """
    folder = Path(run)
    manifest = read_manifest(folder)
    if verdicts is not None:
        folder = _of_verdicts(folder, verdicts)
        manifest = read_manifest(folder)
    stored = stored_frame(folder)
    if stored is not None:
        return stored
    # Only now: it takes seconds to import Inspect.
    from cornered.analysis.table import read_trials

    return run_frame(read_trials(folder), manifest.experiment)


def run_frame(trials: Sequence[TrialResult], experiment: Experiment) -> pd.DataFrame:
    """The trials of a run as a data frame, what they cost by the list prices of today.

    Args:
        trials: Its trials.
        experiment: What was asked for.
    """
    from cornered.run.prices import find_price

    models = {model for trial in trials for model in trial.usage}
    found = {model: price for model in models if (price := find_price(model))}
    prices = {model: (price.input, price.output) for model, price in found.items()}
    return trial_frame(trials, experiment, prices)


def _of_verdicts(run: Path, name: str) -> Path:
    """The folder of a set of verdicts.

    Raises:
        RunError: there is none of this name.
    """
    from cornered.run.rescore import OWN, verdict_folders

    folders = verdict_folders(run)
    if name in folders:
        return folders[name]
    there = ", ".join(folder for folder in folders if folder != OWN)
    raise RunError(
        f"has no verdicts called {name}",
        where=str(run),
        fix=f"there are {there}" if there else "`cornered score` makes some",
    )
