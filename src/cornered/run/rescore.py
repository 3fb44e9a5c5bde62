"""Rescoring: further sets of verdicts on the stored transcripts of a run.

`RUN/verdicts/NAME` is a run folder of its own: the same trials, scored differently. The logs of
the run are only read.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Set
from dataclasses import replace
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
from cornered.analysis.trials import TrialResult, current_logs, read_trials
from cornered.errors import FactorError, RunError
from cornered.experiment import Experiment, valid_settings
from cornered.files import MANIFEST, Progress, disk_errors, write_text
from cornered.interop.conditions import ConditionFinder
from cornered.run.again import open_questions
from cornered.run.lock import this_command, writing
from cornered.run.manifest import Copies, Manifest, read_manifest, versions
from cornered.run.packs import (
    changed_files,
    copy_packs,
    name_of,
    origin,
    present_files,
    readable,
    version_notes,
)
from cornered.run.providers import StoppedRun, stoppable
from cornered.run.runner import (
    Roles,
    RunState,
    load_extensions,
    make_roles,
    preflight_run,
    read_run,
)
from cornered.run.tasks import scorers
from cornered.scenario import Pack, load_pack
from cornered.scenario.library import files_version
from cornered.scoring import Scoring

VERDICTS = "verdicts"
"""The folder within a run for later sets of verdicts."""
NO_MODEL = "none/none"
"""Inspect's name for no model: none is called under the name of the subject."""
OWN = "run"
"""The name of the run's own verdicts."""
RUN, CURRENT = "run", "current"
"""To score by the pack as it was in the run, or as it is now."""


UNASKED: dict[str, Any] = {
    "judge": None,
    "reader": None,
    "readings": [],
    "debrief": False,
    "interview": False,
}
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


def verdict_notes(run: Path) -> dict[str, list[str]]:
    """By set of verdicts, what a reader must know of its versions, a sentence each.

    Raises:
        RunError: there is no run.
    """
    folders = verdict_folders(run)
    notes = {name: version_notes(f, read_manifest(f)) for name, f in folders.items()}
    return {name: sentences for name, sentences in notes.items() if sentences}


def rescore(
    run: Path,
    settings: Mapping[str, Any],
    *,
    name: str | None,
    pack: str = RUN,
    preflight: bool,
    max_connections: int | None,
    advance: Progress,
) -> tuple[Path, RunState]:
    """Scores the trials of a run again, or resumes that.

    Trials that have a verdict in this set keep it, and so do those on which a judge cannot tell;
    those on which a judge or reader failed are scored again.

    Args:
        run: The run folder.
        settings: `judge` and settings of `Scoring` that differ from the run's.
        name: Name of the set of verdicts; by default that of its judges, with the version of the
            pack and of cornered where these are others than the run's.
        pack: What to score by: `run`, the pack as it was in the run; `current`, as it is now; or
            a folder with a pack.
        preflight: Ask each judge about clear cases first.
        max_connections: Concurrent calls to each hosted judge.
        advance: Progress callback, in trials.

    Returns:
        The folder of the verdicts, and its contents.

    Raises:
        RunError: there is no run, the name belongs to verdicts with other settings or of another
            version, or the pack does not fit the run.
        CorneredError: another error that the user can fix.
    """
    read_manifest(run)
    with writing(run, this_command()), stoppable() as stopped:
        return _rescore(run, settings, name, pack, preflight, max_connections, advance, stopped)


def _rescore(
    run: Path,
    settings: Mapping[str, Any],
    name: str | None,
    pack: str,
    preflight: bool,
    max_connections: int | None,
    advance: Progress,
    stopped: StoppedRun,
) -> tuple[Path, RunState]:
    """Scores trials again, as `rescore` describes."""
    load_extensions()
    manifest = read_manifest(run)
    if manifest.rescored:
        raise RunError(
            "has verdicts of another run", where=str(run), fix=f"give {run.parent.parent}"
        )
    given = manifest.experiment.model_dump() | UNASKED
    with valid_settings():
        experiment = Experiment.model_validate(given | dict(settings))
    chosen = _chosen(run, manifest, pack)
    made = _manifest(run, manifest, experiment, chosen)
    folder = run / VERDICTS / _folder_name(name or verdict_name(experiment) + _suffix(made))
    _check_name(folder, made)
    roles = make_roles(experiment, max_connections)
    if preflight and experiment.judges:
        scenarios = [str(p.folder) for p in chosen.values()]
        preflight_run(experiment.model_copy(update={"scenarios": scenarios}), max_connections)
    with disk_errors(folder):
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        made = made.model_copy(update={"copies": _copied(folder, manifest, chosen)})
        write_text(folder / MANIFEST, made.model_dump_json(indent=2) + "\n")
        by_name = _scenarios(readable(folder, made), made)
        logs = current_logs(run)
        asked = {uuid for questions in open_questions(folder).values() for uuid in questions}
        known = {t.uuid for t in read_trials(folder) if t.uuid not in asked}
        total = sum(log.eval.dataset.samples or 0 for _, log in logs)
        done = 0
        for info, log in logs:
            path = folder / "logs" / Path(info.name).name
            _rescore_log(info, log, path, experiment.scoring, by_name, roles, known, stopped)
            done += log.eval.dataset.samples or 0
            advance(done, total)
    stopped.raise_refusals()
    return folder, read_run(folder)


def _chosen(run: Path, manifest: Manifest, pack: str) -> dict[str, Pack]:
    """The packs to score by, by their scenario as the run names it.

    Raises:
        RunError: a pack is not here, or it does not fit the run.
    """
    scenarios = manifest.experiment.scenarios
    if pack == RUN:
        return dict(zip(scenarios, map(load_pack, readable(run, manifest).scenarios), strict=True))
    if pack == CURRENT:
        if missing := next((s for s in scenarios if present_files(s) is None), None):
            raise RunError(
                f"the pack {missing} of this run is not here",
                where=str(run),
                fix="name its folder with --pack FOLDER, or use the run's own copy: --pack run",
            )
        packs = {scenario: load_pack(scenario) for scenario in scenarios}
    else:
        given = load_pack(pack)
        if len(scenarios) == 1:
            packs = {scenarios[0]: given}
        else:
            names = {s: name_of(s, manifest) for s in scenarios}
            if given.name not in names.values():
                raise RunError(
                    f"the run has no scenario called {given.name}",
                    where=str(run),
                    fix=f"its scenarios are {', '.join(names.values())}",
                )
            own = dict(zip(scenarios, readable(run, manifest).scenarios, strict=True))
            packs = {s: given if names[s] == given.name else load_pack(own[s]) for s in scenarios}
    for scenario, chosen in packs.items():
        _check_fits(run, name_of(scenario, manifest), manifest, chosen)
    return packs


def _check_fits(run: Path, name: str, manifest: Manifest, pack: Pack) -> None:
    """Checks that a pack offers every condition of a run.

    Raises:
        RunError: it does not.
    """
    finder = ConditionFinder(packs={name: pack})
    for condition in manifest.conditions:
        if condition.startswith(f"{name}/"):
            try:
                same = finder.find(condition).name == condition
                problem = "" if same else "it names that condition otherwise"
            except FactorError as e:
                problem = e.what
            if problem:
                raise RunError(
                    f"the pack {pack.folder} does not fit: {condition}: {problem}", where=str(run)
                )


def _copied(folder: Path, manifest: Manifest, chosen: Mapping[str, Pack]) -> Copies:
    """Copies the packs under the names that they have in the run, which its trials know."""
    return copy_packs(
        folder, {s: replace(pack, name=name_of(s, manifest)) for s, pack in chosen.items()}
    )


def _scenarios(experiment: Experiment, manifest: Manifest) -> dict[str, str]:
    """The name of each pack to the scenario by which it can be loaded."""
    names = [name_of(scenario, manifest) for scenario in manifest.experiment.scenarios]
    return dict(zip(names, experiment.scenarios, strict=True))


def _suffix(made: Manifest) -> str:
    """What tells apart verdicts of another version of the packs, or of cornered, by name."""
    before, now = made.origin, made
    if before is None:
        return ""
    suffix = ""
    if before.packs != now.packs:
        joined = "".join(files_version(now.packs[scenario]) for scenario in sorted(now.packs))
        one = joined if len(now.packs) == 1 else hashlib.sha256(joined.encode()).hexdigest()
        suffix += f"-pack-{one[:12]}"
    if before.versions.get("cornered") != now.versions.get("cornered"):
        suffix += f"-cornered-{now.versions.get('cornered')}"
    return suffix


def _folder_name(name: str) -> str:
    """The name, if it is that of a folder and no path to one.

    Raises:
        RunError: it is a path.
    """
    if name in (".", "..") or "/" in name or "\\" in name:
        raise RunError(
            f"{name} cannot be the name of a set of verdicts",
            where="--name",
            fix="give one without slashes; its folder is RUN/verdicts/NAME",
        )
    return name


def _check_name(folder: Path, made: Manifest) -> None:
    if not (folder / MANIFEST).exists():
        return
    old = read_manifest(folder)

    def refuse(what: str) -> RunError:
        return RunError(f"has verdicts {what}", where=str(folder), fix="choose another --name")

    for setting in ("judge", "reader", *Scoring.model_fields):
        before, now = getattr(old.experiment, setting), getattr(made.experiment, setting)
        if before != now:
            raise refuse(f"with other settings: {setting} was {before} and is now {now}")
    for scenario, files in made.packs.items():
        if changed := changed_files(old.packs.get(scenario, {}), files):
            name = name_of(scenario, made)
            raise refuse(f"of another version of {name}: {changed[0]} has changed")
    before, now = old.versions.get("cornered"), made.versions.get("cornered")
    if before != now:
        raise refuse(f"that cornered {before} made, and this is {now}")


def _manifest(
    run: Path, manifest: Manifest, experiment: Experiment, chosen: Mapping[str, Pack]
) -> Manifest:
    return manifest.model_copy(
        update={
            "experiment": experiment,
            "packs": {scenario: pack.files for scenario, pack in chosen.items()},
            "versions": versions(),
            "rescored": datetime.now(UTC).replace(microsecond=0),
            "origin": origin(run, manifest),
        }
    )


def _rescore_log(
    info: EvalLogInfo,
    header: EvalLog,
    path: Path,
    scoring: Scoring,
    scenarios: Mapping[str, str],
    roles: Roles,
    known: Set[str],
    stopped: StoppedRun,
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
    # Inspect merges the given roles into those of the log, which name the run's own judge.
    # It also wants a provider in the model's name, which an imported model's may lack.
    spec = header.eval.model_copy(update={"model_roles": {}, "model": NO_MODEL})
    scored = score(
        header.model_copy(update={"samples": samples, "eval": spec}),
        scorers(scenarios[samples[0].metadata["scenario"]], scoring),
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
    if stopped.error:
        raise stopped.error
    with tempfile.TemporaryDirectory(dir=path.parent.parent, prefix=".again.") as beside:
        whole = Path(beside) / path.name
        write_eval_log(scored, str(whole))
        os.replace(whole, path)
