"""Verdicts made again on stored transcripts, kept beside those that a run has.

`RUN/verdicts/NAME` is a run folder of its own: the same trials, scored otherwise. The logs of
the run are only read.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspect_ai import score
from inspect_ai.log import (
    EvalLog,
    EvalLogInfo,
    read_eval_log,
    read_eval_log_samples,
    recompute_metrics,
    write_eval_log,
)

from cornered.analysis.card import card_name
from cornered.analysis.table import TrialResult, current_logs, read_trials
from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.files import Progress, disk_errors, write_text
from cornered.run.folder import MANIFEST, Manifest, read_manifest, versions
from cornered.run.runner import (
    Roles,
    RunState,
    load_extensions,
    make_roles,
    preflight_run,
    read_run,
)
from cornered.run.tasks import scorers
from cornered.scenario import load_pack
from cornered.scoring import Scoring

VERDICTS = "verdicts"
"""The folder of a run that has the verdicts made later."""
OWN = "run"
"""The name of the verdicts that the run itself made."""


UNASKED: dict[str, Any] = {"judge": None, "reader": None, "readings": [], "debrief": False}
"""What verdicts made again have not unless it is asked for; the subject is never asked again."""


def verdict_name(experiment: Experiment) -> str:
    """What verdicts are called: by their judges and what those are shown, or `facts`."""
    if not experiment.judges:
        return "facts"
    return card_name(experiment.judges, experiment.panel, experiment.judge_view)[: -len(".json")]


def verdict_folders(run: Path) -> dict[str, Path]:
    """Every set of verdicts of a run by name, its own first."""
    later = sorted(p.parent for p in (run / VERDICTS).glob(f"*/{MANIFEST}"))
    return {OWN: run} | {folder.name: folder for folder in later}


def all_verdicts(run: Path) -> dict[str, list[TrialResult]]:
    """The trials of a run under every set of its verdicts, its own first.

    Raises:
        RunError: there is no run.
    """
    read_manifest(run)
    return {name: read_trials(folder) for name, folder in verdict_folders(run).items()}


def rescore(
    run: Path,
    settings: Mapping[str, Any],
    *,
    name: str | None,
    preflight: bool,
    max_connections: int | None,
    advance: Progress,
) -> tuple[Path, RunState]:
    """Scores the trials of a run again, or goes on with it.

    Trials that have a verdict of this name keep it; those that have none, for a judge failed,
    are scored again.

    Args:
        run: The run folder.
        settings: `judge` and those of `Scoring`, where they are to differ from the run's.
        name: What the verdicts are called; by default for their judges.
        preflight: Ask each judge about plain cases first.
        max_connections: Calls in flight for each hosted judge.
        advance: Told of progress, in trials.

    Returns:
        The folder of the verdicts, and what is in it.

    Raises:
        RunError: there is no run, or the name belongs to verdicts made otherwise.
        CorneredError: anything else that a person can mend.
    """
    load_extensions()
    manifest = read_manifest(run)
    if manifest.rescored:
        raise RunError(
            "has verdicts of another run", where=str(run), fix=f"give {run.parent.parent}"
        )
    given = manifest.experiment.model_dump() | UNASKED
    experiment = Experiment.model_validate(given | dict(settings))
    folder = run / VERDICTS / (name or verdict_name(experiment))
    _check_name(folder, experiment)
    roles = make_roles(experiment, max_connections)
    if preflight and experiment.judges:
        preflight_run(experiment, max_connections)
    with disk_errors(folder):
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        write_text(folder / MANIFEST, _manifest(manifest, experiment).model_dump_json(indent=2))
        logs = current_logs(run)
        judged = bool(experiment.judges)
        known = {t.uuid for t in read_trials(folder) if t.primary(judged=judged) is not None}
        total = sum(log.eval.dataset.samples or 0 for _, log in logs)
        done = 0
        for info, log in logs:
            _rescore_log(
                info, log, folder / "logs" / Path(info.name).name, experiment, roles, known
            )
            done += log.eval.dataset.samples or 0
            advance(done, total)
    return folder, read_run(folder)


def _check_name(folder: Path, experiment: Experiment) -> None:
    if not (folder / MANIFEST).exists():
        return
    old = read_manifest(folder).experiment
    for setting in ("judge", *Scoring.model_fields):
        before, now = getattr(old, setting), getattr(experiment, setting)
        if before != now:
            raise RunError(
                f"has verdicts made otherwise: {setting} was {before} and is now {now}",
                where=str(folder),
                fix="choose another --name",
            )


def _manifest(manifest: Manifest, experiment: Experiment) -> Manifest:
    packs = {name: load_pack(name).files for name in experiment.scenarios}
    return manifest.model_copy(
        update={
            "experiment": experiment,
            "packs": packs,
            "versions": versions(),
            "rescored": datetime.now(UTC).replace(microsecond=0),
        }
    )


def _rescore_log(
    info: EvalLogInfo,
    header: EvalLog,
    path: Path,
    experiment: Experiment,
    roles: Roles,
    known: Set[str],
) -> None:
    """One cell; what of it is scored already, by the uuids of its trials, is kept."""
    kept = {}
    if path.exists():
        kept = {s.uuid: s for s in read_eval_log(str(path)).samples or [] if s.uuid in known}
    fields = {"events", "events_data", "timelines"}
    stored = read_eval_log_samples(info, all_samples_required=False, exclude_fields=fields)
    samples = [sample for sample in stored if sample.uuid not in kept]
    if not samples:
        return
    # By the name of its pack, since a pack of one's own is asked for by its folder.
    named = {load_pack(scenario).name: scenario for scenario in experiment.scenarios}
    # Inspect lays the given roles over those of the log: the judge of the run is none of ours.
    spec = header.eval.model_copy(update={"model_roles": {}})
    scored = score(
        header.model_copy(update={"samples": samples, "eval": spec}),
        scorers(named[samples[0].metadata["scenario"]], experiment.scoring),
        model="none/none",
        model_roles=roles or None,
        action="overwrite",
        display="none",
        copy=False,
    )
    scored.samples = sorted([*kept.values(), *(scored.samples or [])], key=lambda s: str(s.id))
    if kept:
        recompute_metrics(scored)
    write_eval_log(scored, str(path))
