"""Writes imported trials into a run folder, as logs like those of our own runs.

The folder is built under a temporary name and then renamed, so that a crash leaves nothing that
looks like an import.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ModelName, ModelOutput
from inspect_ai.scorer import Score, Scorer, Target
from inspect_ai.solver import TaskState

from cornered.analysis.audited import Labels, Weights
from cornered.analysis.stats import wilson
from cornered.analysis.table import Cell, JudgeErrors, cells
from cornered.analysis.trials import TrialResult
from cornered.errors import InputError, RunError
from cornered.experiment import Experiment, FactorGrid
from cornered.files import MANIFEST, Progress, disk_errors, write_text
from cornered.interop.conditions import ConditionFinder
from cornered.interop.results import FORMATS, Format
from cornered.interop.stored import StoredResults, StoredTrial, Unread
from cornered.ledger import STORE_KEY, Doubt, Ledger
from cornered.run.lock import this_command, writing
from cornered.run.manifest import Imported, Manifest, read_manifest, versions
from cornered.run.packs import copy_packs
from cornered.run.tasks import planned, trial_metadata
from cornered.scenario import Pack, Scenario, load_pack
from cornered.scenario.condition import Condition
from cornered.surface.ledgers import trial_world
from cornered.verdict.scorer import score_with

TAG = "imported"
"""Tag of the logs, which tells them from logs of models called here."""
NO_MODEL = ModelName("none/none")
"""No model is called, and the real name of the model may name no provider."""

Group = tuple[Condition, str]


def import_name(path: Path) -> str:
    """The name of a run imported from a path."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().stem).strip("-.")
    return f"import-{plain or 'results'}"[:100]


def write_import(
    results: StoredResults, folder: Path, *, source: str, kind: Format, name: str, advance: Progress
) -> bool:
    """Writes a run folder of stored trials, scored by our rule.

    Args:
        results: The stored trials.
        folder: The run folder; created if it does not exist.
        source: Where they came from, to be shown.
        kind: Their format.
        name: Name of the run.
        advance: Progress callback, in trials.

    Returns:
        False if the folder already holds exactly these trials; nothing is written then.

    Raises:
        RunError: the folder holds something else, or cannot be written.
        InputError: there are no trials.
    """
    if not results.trials:
        many = f"{len(results.unread)} failure{'s'[: len(results.unread) != 1]}"
        raise InputError(
            f"no trial could be read ({many})",
            where=source,
            fix="correct what is named above, or choose another --format",
        )
    groups = _groups([*results.trials, *map(_as_trial, _placed(results))])
    digest = _digest(groups)
    if _holds(folder, digest):
        return False
    manifest = _manifest(groups, results, source, kind, name, digest)
    with (
        writing(folder, this_command(), beside=True),
        disk_errors(folder),
        _built_beside(folder) as work,
    ):
        (work / "logs").mkdir()
        done = 0
        for (condition, model), trials in groups.items():
            log = _log(condition, model, trials, manifest)
            file = f"{re.sub('[:+]', '-', log.eval.created)}_import_{log.eval.task_id}.eval"
            write_eval_log(log, str(work / "logs" / file))
            done += len(trials)
            advance(min(done, len(results.trials)), len(results.trials))
        packs = {scenario: load_pack(scenario) for scenario in manifest.packs}
        manifest = manifest.model_copy(update={"copies": copy_packs(work, packs)})
        write_text(work / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
    return True


def imported_cells(
    manifest: Manifest,
    scenarios: Sequence[str],
    trials: Sequence[TrialResult],
    errors: Mapping[str, JudgeErrors],
    labels: Labels | None = None,
    weights: Weights | None = None,
) -> list[Cell]:
    """The cells of an imported run: those with trials; none of their trials is missing.

    Args:
        manifest: The manifest of the run.
        scenarios: Its scenarios, named so that they can be loaded.
        trials: Its trials.
        errors: By scenario, the judge's error rates if known.
        labels: What persons said of its trials.
        weights: What each label weighs, where the trials were drawn by other verdicts.
    """
    packs = {scenario: load_pack(scenario) for scenario in scenarios}
    places = {pack.name: scenario for scenario, pack in packs.items()}
    finder = ConditionFinder(packs={pack.name: pack for pack in packs.values()})
    conditions = (finder.find(name) for name in manifest.conditions)
    named = [planned(replace(c, scenario=places[c.pack_name])) for c in conditions]
    judged = bool(manifest.experiment.judges)
    models = manifest.experiment.models
    table = cells(
        trials, named, models, 0, judged=judged, errors=errors, labels=labels, weights=weights
    )
    return [cell for cell in table if cell.planned]


def _placed(results: StoredResults) -> list[Unread]:
    """What could not be read, where its cell is known."""
    return [unread for unread in results.unread if unread.cell]


def _as_trial(unread: Unread) -> StoredTrial:
    """What could not be read, as a trial that failed: it stands in the bounds of its cell."""
    if unread.condition is None or unread.model is None:
        raise ValueError(f"the cell of {unread.where} is unknown")
    return StoredTrial(
        condition=unread.condition,
        model=unread.model,
        id=unread.id or unread.where,
        prompt=(),
        output=ModelOutput(model=unread.model),
        paper=None,
        error=f"not read: {unread.what}",
        origin=unread.where.rpartition(":")[0] or unread.where,
        source=unread.where,
        sha256="",
        unread=True,
    )


def _groups(trials: Sequence[StoredTrial]) -> dict[Group, list[StoredTrial]]:
    """The trials by condition and model, with unique ids; controls last."""
    groups: dict[Group, list[StoredTrial]] = {}
    for trial in trials:
        groups.setdefault((trial.condition, trial.model), []).append(trial)
    ordered = sorted(groups.items(), key=lambda item: item[0][0].is_control)
    return {key: _with_unique_ids(members) for key, members in ordered}


def _with_unique_ids(trials: list[StoredTrial]) -> list[StoredTrial]:
    """Trials of a cell; those that share an id get their path as a prefix of it."""
    count = Counter(t.id for t in trials)
    return [replace(t, id=f"{t.source} {t.id}") if count[t.id] > 1 else t for t in trials]


def _digest(groups: Mapping[Group, Sequence[StoredTrial]]) -> str:
    rows = sorted(
        (condition.name, model, trial.id, trial.source, trial.sha256)
        for (condition, model), trials in groups.items()
        for trial in trials
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _holds(folder: Path, digest: str) -> bool:
    """Whether the folder already holds exactly these trials.

    Raises:
        RunError: it holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not (folder / MANIFEST).is_file():
        raise RunError(
            "holds other files and no run", where=str(folder), fix="choose a new folder with --out"
        )
    old = read_manifest(folder).imported
    if old is None:
        what = "holds a run that was not imported"
    elif old.sha256 != digest:
        what = f"holds another import ({old.trials} trials, from {old.source})"
    else:
        return True
    raise RunError(
        what, where=str(folder), fix="choose another folder with --out, or move this one away"
    )


@contextmanager
def _built_beside(folder: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to `folder` when the block ends."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield work
        work.chmod(0o755)
        if folder.exists():  # an empty one; `_holds` refuses others
            folder.rmdir()
        os.replace(work, folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _manifest(
    groups: Mapping[Group, Sequence[StoredTrial]],
    results: StoredResults,
    source: str,
    kind: Format,
    name: str,
    digest: str,
) -> Manifest:
    now = datetime.now(UTC).replace(microsecond=0)
    conditions = list(dict.fromkeys(condition for condition, _ in groups))
    packs = {c.scenario: load_pack(c.scenario) for c in conditions}
    unread = len(results.unread)
    unplaced = unread - len(_placed(results))
    left_out = f" {unread} files, lines or folders could not be read." if unread else ""
    if unplaced:
        left_out += f" The cell of {unplaced} of them is unknown, so that no rate's bounds hold it."
    if results.copies:
        left_out += f" {len(results.copies)} copies of trials were left out."
    experiment = Experiment(
        name=name,
        about=f"Imported on {now:%Y-%m-%d %H:%M} UTC from {source} ({FORMATS[kind]}): "
        f"{len(results.trials)} stored trials, scored again by code; no model was called. "
        f"How they were sampled is the source's to say.{left_out}",
        scenarios=list(packs),
        factors=_blocks(conditions, packs),
        models=list(dict.fromkeys(model for _, model in groups)),
        samples=max(map(len, groups.values())),
        controls=False,
    )
    return Manifest(
        experiment=experiment,
        conditions=[c.name for c in conditions],
        packs={scenario: pack.files for scenario, pack in packs.items()},
        versions=versions(),
        created=now,
        imported=Imported(
            source=source,
            format=kind,
            sha256=digest,
            trials=len(results.trials),
            unread=unread,
            unplaced=unplaced,
            copies=len(results.copies),
        ),
    )


def _blocks(conditions: Sequence[Condition], packs: Mapping[str, Pack]) -> list[FactorGrid]:
    """A grid for each condition, with its levels that are not the default."""
    blocks: list[FactorGrid] = []
    for condition in conditions:
        pack = packs[condition.scenario]
        block: FactorGrid = {
            factor: level
            for factor, level in pack.factors.changed(
                pack.factors.resolve(condition.levels)
            ).items()
            if factor in pack.factors.offered
        }
        if block not in blocks:
            blocks.append(block)
    return blocks


def _log(
    condition: Condition, model: str, trials: Sequence[StoredTrial], manifest: Manifest
) -> EvalLog:
    pack = load_pack(condition.scenario)
    metadata = trial_metadata(condition, pack)
    scenario = Scenario.of(pack)
    stores = [_store(scenario, trial, condition) for trial in trials]
    verdicts = asyncio.run(_verdicts(score_with(condition.scenario), trials, stores, metadata))
    samples = [
        _sample(trial, verdict, store, metadata)
        for trial, verdict, store in zip(trials, verdicts, stores, strict=True)
    ]
    ids = [sample.id for sample in samples]
    key = _short(manifest.imported.sha256 if manifest.imported else "", condition.name, model)
    created = manifest.created.isoformat()
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=created,
            task=condition.pack_name,
            task_id=key,
            eval_id=_short(key, "eval"),
            run_id=_short(key, "run"),
            task_version=pack.version,
            task_display_name=condition.name,
            task_args=dict(condition.levels),
            dataset=EvalDataset(
                name=condition.name, samples=len(samples), sample_ids=ids, shuffled=False
            ),
            model=model,
            config=EvalConfig(epochs=1),
            packages=manifest.versions,
            tags=[TAG],
            metadata={
                "condition": condition.name,
                "control": condition.is_control,
                "imported": manifest.imported.model_dump() if manifest.imported else None,
            },
        ),
        results=EvalResults(
            total_samples=len(samples),
            completed_samples=sum(sample.error is None for sample in samples),
            scores=_summary(samples),
        ),
        stats=EvalStats(started_at=created, completed_at=created),
        samples=samples,
    )


def _store(scenario: Scenario, trial: StoredTrial, condition: Condition) -> dict[str, Any]:
    """The sample's store, as if the trial had been run here."""
    if trial.unread:
        # Whoever scores it again sees that it may hold anything.
        unread = Ledger(doubts=(Doubt(kind="unread_call"),))
        return {STORE_KEY: unread.model_dump(mode="json")}
    world = trial_world(scenario, condition.levels, trial.id, {}, trial.output)
    return {STORE_KEY: world.ledger.model_dump(mode="json")}


async def _verdicts(
    scorer: Scorer,
    trials: Sequence[StoredTrial],
    stores: Sequence[dict[str, Any]],
    metadata: dict[str, Any],
) -> list[Score]:
    scores = []
    for trial, store in zip(trials, stores, strict=True):
        state = TaskState(
            model=NO_MODEL,
            sample_id=trial.id,
            epoch=1,
            input=list(trial.prompt),
            messages=list(trial.prompt),
            output=trial.output,
            metadata=metadata,
            store=store,
        )
        score = await scorer(state, Target(""))
        if score is None:
            raise TypeError("the scorer gave no score")
        scores.append(score.model_copy(update={"reason": "unread"}) if trial.unread else score)
    return scores


def _sample(
    trial: StoredTrial, verdict: Score, store: dict[str, Any], metadata: Mapping[str, Any]
) -> EvalSample:
    scores = {"verdict": verdict} | ({"paper": trial.paper} if trial.paper else {})
    messages = [trial.output.message] if trial.output.choices else []
    usage = trial.output.usage
    return EvalSample(
        id=trial.id,
        epoch=1,
        input=list(trial.prompt),
        target="",
        messages=[*trial.prompt, *messages],
        output=trial.output,
        scores=scores,
        store=store,
        metadata={
            **metadata,
            "source": trial.source,
            "source_sha256": trial.sha256,
            "source_experiment": trial.origin,
        },
        error=EvalError(message=trial.error, traceback="", traceback_ansi="")
        if trial.error
        else None,
        model_usage={trial.model: usage} if usage else {},
        total_time=trial.seconds,
        uuid=_short(trial.model, trial.condition.name, trial.id, trial.source, trial.sha256),
    )


def _short(*parts: str) -> str:
    """A stable id, as long as Inspect's own."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:22]


def _summary(samples: Sequence[EvalSample]) -> list[EvalScore]:
    """Mean and Wilson bounds of each value of each score, for Inspect's viewer."""
    columns: dict[tuple[str, str], list[float]] = {}
    for sample in samples:
        for scorer, score in (sample.scores or {}).items():
            for name, value in (score.value if isinstance(score.value, dict) else {}).items():
                if isinstance(value, bool | int | float):
                    columns.setdefault((scorer, name), []).append(float(value))
    return [
        _column(scorer, name, values, len(samples)) for (scorer, name), values in columns.items()
    ]


def _column(scorer: str, name: str, values: Sequence[float], total: int) -> EvalScore:
    known = [v for v in values if not math.isnan(v)]
    metrics = {"mean": sum(known) / len(known) if known else math.nan}
    if bounds := wilson(sum(v > 0 for v in known), len(known)):
        metrics |= {"ci_wilson_lower": bounds.low, "ci_wilson_upper": bounds.high}
    return EvalScore(
        name=name,
        scorer=scorer,
        scored_samples=len(known),
        unscored_samples=total - len(known),
        metrics={k: EvalMetric(name=k, value=v) for k, v in metrics.items()},
    )
