"""Writing the trials of a run in the formats of other programs: the office of a trial as mbox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspect_ai.log import EvalSample, read_eval_log_samples

from cornered.analysis.trials import current_logs
from cornered.errors import RunError
from cornered.files import disk_errors
from cornered.interop.mbox import write_mbox
from cornered.run.manifest import Manifest, read_manifest
from cornered.run.packs import name_of, readable
from cornered.scenario import Scenario, load_pack
from cornered.surface.ledgers import trial_world

MBOX = "mbox"
"""The folder within a run for its offices, where no other is named."""
_UNREAD = {"events", "events_data", "timelines", "messages", "attachments", "scores"}
"""Parts of a stored trial that are not needed."""


@dataclass(frozen=True)
class ExportedTrial:
    """A trial whose office was written."""

    model: str
    condition: str
    id: str
    files: tuple[Path, ...]
    """One for each folder of its mailbox; none in a world without mail."""


def export_mbox(
    run: Path, folder: Path | None = None, trials: Sequence[str] = ()
) -> list[ExportedTrial]:
    """Writes the office of each trial, at its end, as mbox files.

    They stand in `FOLDER/MODEL/CONDITION/ID`, one for each folder of the mailbox.

    Args:
        run: The run folder.
        folder: Where the files go; `RUN/mbox` if None.
        trials: Which trials: ids, conditions, `CONDITION/ID`, or uuids; all if empty.

    Returns:
        The trials in the order of the logs.

    Raises:
        RunError: there is no run, no such trial, a log or pack cannot be read, or a file cannot be
            written.
    """
    manifest = read_manifest(run)
    out = folder if folder is not None else run / MBOX
    scenarios = _scenarios(run, manifest)
    exported: list[ExportedTrial] = []
    wanted = set(trials)
    with disk_errors(out):
        for model, sample in _samples(run):
            condition, names = str(sample.metadata.get("condition")), _names(sample)
            if trials and names.isdisjoint(trials):
                continue
            wanted -= names
            scenario = scenarios.get(str(sample.metadata.get("scenario")))
            levels = sample.metadata.get("factors")
            if scenario is None or not isinstance(levels, dict):
                raise RunError(
                    f"the trial {condition}/{sample.id} names no scenario of the run",
                    where=str(run),
                )
            world = trial_world(scenario, levels, str(sample.id), sample.store, sample.output)
            parts = [model, *condition.split("/"), str(sample.id)]
            trial = f"{model}\n{condition}\n{sample.id}"
            files = write_mbox(world, trial, out.joinpath(*map(_file_name, parts)))
            exported.append(ExportedTrial(model, condition, str(sample.id), tuple(files)))
    if wanted:
        raise RunError(
            f"there is no trial {min(wanted)}",
            where=str(run),
            fix="give an id, a condition, or CONDITION/ID, as trials.csv has them",
        )
    return exported


def _samples(run: Path) -> Iterator[tuple[str, EvalSample]]:
    """Model and sample of every trial that has an answer or a ledger."""
    for info, log in current_logs(run):
        for sample in read_eval_log_samples(
            info, all_samples_required=False, exclude_fields=_UNREAD
        ):
            if sample.error is None or sample.store:
                yield log.eval.model, sample


def _names(sample: EvalSample) -> set[str]:
    condition = str(sample.metadata.get("condition"))
    return {str(sample.id), condition, f"{condition}/{sample.id}", sample.uuid or ""}


def _scenarios(run: Path, manifest: Manifest) -> dict[str, Scenario]:
    """Name of each pack, as trials know it, to the pack as it was in the run."""
    names = [name_of(scenario, manifest) for scenario in manifest.experiment.scenarios]
    packs = readable(run, manifest).scenarios
    return {n: Scenario.of(load_pack(p)) for n, p in zip(names, packs, strict=True)}


def _file_name(part: str) -> str:
    """A part of a path that every system can have."""
    return re.sub(r"[^\w.+=,-]+", "-", part).strip(".-") or "none"
