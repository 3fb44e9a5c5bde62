"""Rescoring: further sets of verdicts on the stored transcripts of a run.

`RUN/verdicts/NAME` is a run folder of its own: the same trials, scored differently. The logs of
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
"""The folder within a run for later sets of verdicts."""
NO_MODEL = "none/none"
"""Inspect's name for no model: none is called under the name of the subject."""
OWN = "run"
"""The name of the run's own verdicts."""


UNASKED: dict[str, Any] = {"judge": None, "reader": None, "readings": [], "debrief": False}
"""Settings that are not inherited from the run; the subject is never called again."""


def verdict_name(experiment: Experiment) -> str:
    """The default name of a set of verdicts: its judges, panel rule and view, or `facts`."""
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
    """Scores the trials of a run again, or resumes that.

    Trials that have a verdict in this set keep it; those without one, such as after a failure of
    the judge, are scored again.

    Args:
        run: The run folder.
        settings: `judge` and settings of `Scoring` that differ from the run's.
        name: Name of the set of verdicts; by default that of its judges.
        preflight: Ask each judge about clear cases first.
        max_connections: Concurrent calls to each hosted judge.
        advance: Progress callback, in trials.

    Returns:
        The folder of the verdicts, and its contents.

    Raises:
        RunError: there is no run, or the name belongs to verdicts with other settings.
        CorneredError: another error that the user can fix.
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
                f"has verdicts with other settings: {setting} was {before} and is now {now}",
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
    """Scores one cell; trials that already have a verdict, by their uuids, keep it."""
    kept = {}
    if path.exists():
        kept = {s.uuid: s for s in read_eval_log(str(path)).samples or [] if s.uuid in known}
    fields = {"events", "events_data", "timelines"}
    stored = read_eval_log_samples(info, all_samples_required=False, exclude_fields=fields)
    samples = [sample for sample in stored if sample.uuid not in kept]
    if not samples:
        return
    # By the name of the pack: an external pack is named by its folder in the experiment.
    named = {load_pack(scenario).name: scenario for scenario in experiment.scenarios}
    # Inspect merges the given roles into those of the log, which name the run's own judge.
    # It also wants a provider in the model's name, which an imported model's may lack.
    spec = header.eval.model_copy(update={"model_roles": {}, "model": NO_MODEL})
    scored = score(
        header.model_copy(update={"samples": samples, "eval": spec}),
        scorers(named[samples[0].metadata["scenario"]], experiment.scoring),
        model=NO_MODEL,
        model_roles=roles or None,
        action="overwrite",
        display="none",
        copy=False,
    )
    scored.eval.model = header.eval.model
    scored.samples = sorted([*kept.values(), *(scored.samples or [])], key=lambda s: str(s.id))
    if kept:
        recompute_metrics(scored)
    write_eval_log(scored, str(path))
