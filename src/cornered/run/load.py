"""`cornered.load`: the trials of a run as a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cornered.analysis.frame import stored_frame, trial_frame
from cornered.errors import RunError
from cornered.run.manifest import Manifest, read_manifest
from cornered.run.packs import verdict_versions

if TYPE_CHECKING:
    import pandas as pd

    from cornered.analysis.trials import TrialResult


def load(run: str | Path, verdicts: str | None = None) -> pd.DataFrame:
    """The trials of a run as a data frame, one row per trial.

    Read from `trials.parquet` if that is up to date with the logs, else from the logs.
    `cornered.analysis.frame.COLUMNS` describes the columns.

    Args:
        run: The run folder.
        verdicts: A later set of verdicts, by the name of its folder in `RUN/verdicts`; the
            run's own verdicts if None.

    Returns:
        Trials in the order of the logs and of their ids; no rows if nothing has run yet.

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
    # Imported late: Inspect takes seconds to import.
    from cornered.analysis.trials import read_trials

    return run_frame(read_trials(folder), manifest)


def run_frame(trials: Sequence[TrialResult], manifest: Manifest) -> pd.DataFrame:
    """The trials of a run as a data frame, with their cost at the prices on file.

    Args:
        trials: The trials of the run.
        manifest: The manifest of the run.
    """
    from cornered.run.prices import find_price

    models = {model for trial in trials for model in trial.usage}
    known = {model: price for model in models if (price := find_price(model))}
    prices = {model: (price.input, price.output) for model, price in known.items()}
    made = verdict_versions(manifest)
    return trial_frame(
        trials,
        manifest.experiment,
        prices,
        pack_versions=made.packs,
        rubric_versions=made.rubrics,
        cornered_version=made.cornered,
    )


def _of_verdicts(run: Path, name: str) -> Path:
    """The folder of a set of verdicts.

    Raises:
        RunError: there is no set of this name.
    """
    from cornered.run.rescore import OWN, verdict_folders

    folders = verdict_folders(run)
    if name in folders:
        return folders[name]
    names = ", ".join(folder for folder in folders if folder != OWN)
    raise RunError(
        f"has no verdicts called {name}",
        where=str(run),
        fix=f"there are {names}" if names else "`cornered score` makes some",
    )
