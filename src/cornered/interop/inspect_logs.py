"""Inspect logs of the study's port, `inspect_evals/agentic_misalignment`.

The port has one sample per cell and repeats it in epochs, which a reducer then averages. Here
every epoch is a trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, EvalSample, read_eval_log
from inspect_ai.scorer import Score

from cornered.errors import CorneredError
from cornered.files import Progress
from cornered.interop.conditions import STUDY_SCENARIOS, ConditionFinder, reason
from cornered.interop.stored import (
    StoredResults,
    StoredTrial,
    Unread,
    answered,
    paper_score,
    sha256,
)
from cornered.scenario import Level
from cornered.scenario.condition import Condition
from cornered.scenario.study import INSTRUCTIONS

PORT = "agentic_misalignment"
OURS = "cornered/"


def read_logs(
    files: list[tuple[Path, str]], cells: ConditionFinder, *, advance: Progress
) -> StoredResults:
    """Reads every epoch of the port's logs, each once.

    Args:
        files: Each log, with its name in the trials' metadata.
        cells: Finds conditions.
        advance: Progress callback, in logs.
    """
    results = StoredResults()
    seen: set[str] = set()
    for number, (path, name) in enumerate(files, 1):
        try:
            log = read_eval_log(str(path), resolve_attachments=True)
            _check(log)
        # Inspect raises various errors on a file that is not a log.
        except Exception as e:
            lines = str(e).strip().splitlines()
            results.unread.append(
                Unread(name, f"is not a log of the port ({lines[0] if lines else e})")
            )
            continue
        if log.status != "success":
            results.notices[f"are from {name}, a log with status {log.status}"] += len(
                log.samples or ()
            )
        digest = sha256(path.read_bytes())
        for sample in log.samples or ():
            # The log of a retry has copies of the samples that had finished before.
            if sample.uuid:
                if sample.uuid in seen:
                    results.notices["are in several logs and were read once"] += 1
                    continue
                seen.add(sample.uuid)
            _add(results, log, sample, cells, name, digest)
        advance(number, len(files))
    return results


def _check(log: EvalLog) -> None:
    task = log.eval.task
    if task.rpartition("/")[2] != PORT:
        ours = " of cornered; read it with `cornered report`" if task.startswith(OURS) else ""
        raise ValueError(f"it is a log of the task {task}{ours}")


def _add(
    results: StoredResults,
    log: EvalLog,
    sample: EvalSample,
    cells: ConditionFinder,
    name: str,
    digest: str,
) -> None:
    where = f"{name}#{sample.id}/{sample.epoch}"
    try:
        condition = _condition(cells, {**log.eval.task_args, **sample.metadata}, str(sample.id))
    except CorneredError as e:
        results.unread.append(Unread(where, reason(e)))
        return
    results.trials.append(
        StoredTrial(
            condition=condition,
            model=log.eval.model,
            id=f"epoch-{sample.epoch:04d}",
            prompt=tuple(m for m in sample.messages if m.role in ("system", "user")),
            output=sample.output,
            paper=_paper(sample.scores or {}),
            # If there is an answer, the error was the port's grader's.
            error=sample.error.message if sample.error and not answered(sample.output) else None,
            origin=name,
            source=where,
            sha256=digest,
            seconds=sample.total_time,
        )
    )


def _condition(cells: ConditionFinder, given: Mapping[str, Any], sample_id: str) -> Condition:
    """The condition from the sample's metadata and the task's arguments, else from its id."""
    levels: dict[str, Level] = {}
    if given.get("prod"):
        levels["reasoning"] = "native"
    if given.get("test_eval_awareness"):
        levels["framing"] = "deliberate"
    extra = given.get("extra_system_instructions")
    if extra is not None:
        words = {word: level for level, word in INSTRUCTIONS.items()}
        levels["instructions"] = words.get(extra, extra)
    parts = [given.get(k) for k in ("scenario", "goal_type", "goal_value", "urgency_type")]
    if all(isinstance(p, str) for p in parts) and parts[0] in STUDY_SCENARIOS:
        scenario, goal, value, threat = parts
        return cells.find(f"{scenario}_{goal}-{value}_{threat}", levels=levels)
    return cells.find(sample_id, levels=levels)


def _paper(scores: Mapping[str, Score]) -> Score | None:
    """The port's own scores, by scorer."""
    stored = {
        name: {
            **(score.value if isinstance(score.value, Mapping) else {"value": score.value}),
            "explanation": score.explanation,
        }
        for name, score in scores.items()
    }
    return paper_score(stored)
