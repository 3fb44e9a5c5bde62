"""Asking again what has no verdict because its judge or reader failed, and nothing else.

The subject is not called, a verdict that there is stays, and so does a judge's *cannot tell*. A
log is replaced only once the new one is whole.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspect_ai import score
from inspect_ai.log import (
    EvalLog,
    EvalSample,
    read_eval_log,
    recompute_metrics,
    write_eval_log,
)
from inspect_ai.model import Model
from inspect_ai.scorer import Score, Scorer, mean, scorer

from cornered.analysis.summaries import ScoreSummary, TrialSummary, read_summaries
from cornered.analysis.trials import current_logs
from cornered.experiment import Experiment
from cornered.scenario import load_pack
from cornered.scoring import Scoring
from cornered.verdict.debrief import DebriefReply, debrief_again
from cornered.verdict.interview import (
    INTERVIEW,
    JUDGE_FAILED,
    DeedJudgement,
    interview_again,
    interview_score,
    stored_replies,
)
from cornered.verdict.judge import Judgement
from cornered.verdict.kept import Kept, trial_key
from cornered.verdict.readings import Reading, readings, readings_score
from cornered.verdict.scorer import score_with

ANSWERS = ("yes", "no", "cannot_tell")
"""What a judge that did not fail says."""
NO_FAILURES = frozenset({"cannot_tell", "no_response", "no_reader", "subject_failed"})
"""Why a reading may be missing although its reader did not fail."""
SCORERS = ("readings", "debrief", INTERVIEW)
PAPER = "paper"


@dataclass(frozen=True)
class OpenQuestions:
    """What is to be asked again of one trial."""

    verdict: bool = False
    """Its judge failed."""
    readings: tuple[str, ...] = ()
    """Readings whose reader failed."""
    debrief: tuple[str, ...] = ()
    """Readings of the debrief whose reader failed; the subject is not asked again."""
    interview: tuple[str, ...] = ()
    """Facts of the interview whose judge failed; the subject is not asked again."""

    def __bool__(self) -> bool:
        return bool(self.verdict or self.readings or self.debrief or self.interview)


Asked = dict[Path, dict[str, OpenQuestions]]
"""By log and uuid of a trial, what is to be asked again."""


def open_questions(folder: Path) -> Asked:
    """What has no verdict or reading because a judge or reader failed.

    Logs that a killed run left unfinished are left out until the run is resumed.

    Raises:
        RunError: a log cannot be read.
    """
    asked: Asked = {}
    for info, log in current_logs(folder):
        if log.status == "started":
            continue
        path = Path(info.name)
        trials = {s.uuid: q for s in read_summaries(path) if s.uuid and (q := _of_trial(s))}
        if trials:
            asked[path] = trials
    return asked


def _of_trial(summary: TrialSummary) -> OpenQuestions:
    scores = summary.scores or {}
    return OpenQuestions(
        verdict=_verdict_failed(scores.get("verdict")),
        readings=_failed_readings(scores.get("readings")),
        # A refusal here is the subject's own.
        debrief=_failed_readings(scores.get("debrief"), frozenset({"refusal"})),
        interview=_failed_deeds(scores.get(INTERVIEW)),
    )


def _verdict_failed(summary: ScoreSummary | None) -> bool:
    if summary is None or not isinstance(summary.value, dict):
        return False
    details = summary.metadata or {}
    votes, paper = details.get("votes"), details.get(PAPER)
    voted = votes.values() if isinstance(votes, dict) else ()
    if _is_nan(summary.value.get("harmful")) and any(v not in ANSWERS for v in voted):
        return True
    return (
        _is_nan(summary.value.get(PAPER))
        and isinstance(paper, dict)
        and paper.get("unscored") in ("grader_failed", "refusal")
        and bool(paper.get("model"))
    )


def _failed_readings(
    summary: ScoreSummary | None, besides: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    unscored = ((summary.metadata if summary else None) or {}).get("unscored")
    if not isinstance(unscored, dict):
        return ()
    return tuple(n for n, why in unscored.items() if why not in NO_FAILURES | besides)


def _failed_deeds(summary: ScoreSummary | None) -> tuple[str, ...]:
    """The facts of an interview on whose answers the judge failed."""
    unscored = ((summary.metadata if summary else None) or {}).get("unscored")
    if not isinstance(unscored, dict):
        return ()
    failed = (name.partition(", ")[0] for name, why in unscored.items() if why in JUDGE_FAILED)
    return tuple(dict.fromkeys(failed))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def ask_again(
    experiment: Experiment,
    roles: Mapping[str, Model | list[Model]],
    asked: Asked,
    folder: Path,
) -> None:
    """Asks judges and readers again, and rewrites the logs with what they say.

    Args:
        experiment: The experiment of the run.
        roles: Its judges and reader.
        asked: What to ask, from `open_questions`.
        folder: The run folder, where the new logs are written before they replace the old.
    """
    for path, trials in asked.items():
        log = read_eval_log(str(path))
        _ask_log(log, trials, experiment, roles)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".again.") as beside:
            whole = Path(beside) / path.name
            write_eval_log(log, str(whole))
            os.replace(whole, path)


def _ask_log(
    log: EvalLog,
    trials: Mapping[str, OpenQuestions],
    experiment: Experiment,
    roles: Mapping[str, Model | list[Model]],
) -> None:
    samples = {s.uuid: s for s in log.samples or [] if s.uuid in trials}
    if not samples:
        return
    named = {load_pack(name).name: name for name in experiment.scenarios}
    scenario = named[next(iter(samples.values())).metadata["scenario"]]
    groups: dict[tuple[str, tuple[str, ...]], list[EvalSample]] = defaultdict(list)
    for uuid, sample in samples.items():
        questions = trials[str(uuid)]
        if questions.verdict:
            groups["verdict", ()].append(sample)
        for name in SCORERS:
            if failed := getattr(questions, name):
                groups[name, failed].append(sample)
    for (name, failed), group in groups.items():
        again = _scorer(name, failed, scenario, experiment.scoring, group)
        for sample, new in _scored(log, group, again, roles):
            scores = dict(sample.scores or {})
            scores[name] = MERGED[name](scores[name], new)
            noted = (scores[name].metadata or {}) | {"asked_again": _now()}
            scores[name] = scores[name].model_copy(update={"metadata": noted})
            sample.scores = scores
    recompute_metrics(log)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _scorer(
    name: str,
    failed: tuple[str, ...],
    scenario: str,
    scoring: Scoring,
    samples: Sequence[EvalSample],
) -> Scorer:
    if name == "verdict":
        return verdict_again(scenario, scoring, {_key(s): _kept(s) for s in samples})
    if name == "readings":
        return readings(scenario, names=list(failed), max_tokens=scoring.judge_max_tokens)
    if name == INTERVIEW:
        answered = {_key(s): dict(stored_replies(_details(s, INTERVIEW))) for s in samples}
        return interview_again(
            scenario, facts=failed, replies=answered, max_tokens=scoring.judge_max_tokens
        )
    replies = {_key(s): _replies(s) for s in samples}
    return debrief_again(
        scenario, names=failed, replies=replies, max_tokens=scoring.judge_max_tokens
    )


def _scored(
    log: EvalLog,
    samples: Sequence[EvalSample],
    again: Scorer,
    roles: Mapping[str, Model | list[Model]],
) -> Iterator[tuple[EvalSample, Score]]:
    """Each trial with its new score."""
    # Inspect merges the given roles into those of the log, which name the same judges.
    spec = log.eval.model_copy(update={"model_roles": {}})
    copies = [sample.model_copy(deep=True, update={"scores": {}}) for sample in samples]
    scored = score(
        log.model_copy(update={"samples": copies, "eval": spec}),
        [again],
        model="none/none",
        model_roles=dict(roles) or None,
        action="overwrite",
        display="none",
        copy=False,
    )
    by_uuid = {s.uuid: s for s in scored.samples or []}
    for sample in samples:
        new = by_uuid.get(sample.uuid)
        if new and new.scores:
            yield sample, next(iter(new.scores.values()))


def _key(sample: EvalSample) -> str:
    return trial_key(sample.id, sample.epoch)


def _merged(old: Score, new: Score) -> Score:
    """Readings where those that were asked again replace the old."""
    before, after = old.metadata or {}, new.metadata or {}
    both = {**before.get("readings", {}), **after.get("readings", {})}
    rest = {k: v for k, v in before.items() if k not in ("readings", "unscored", "asked_again")}
    return readings_score([Reading.model_validate(both[name]) for name in both], **rest)


def _merged_deeds(old: Score, new: Score) -> Score:
    """An interview where what was read again replaces what was not read before."""
    before = old.metadata or {}
    both = {
        judgement.fact: judgement
        for score in (old, new)
        for judgement in map(
            DeedJudgement.model_validate, (score.metadata or {}).get("judgements", [])
        )
    }
    rest = {k: before[k] for k in ("replies", "reasoning") if k in before}
    return interview_score([*both.values()], **rest)


MERGED = {
    "verdict": lambda _, new: new,
    "readings": _merged,
    "debrief": _merged,
    INTERVIEW: _merged_deeds,
}
"""By scorer, the score of the old one and the new one."""


def _details(sample: EvalSample, name: str) -> dict[str, Any]:
    return ((sample.scores or {})[name].metadata) or {}


def _kept(sample: EvalSample) -> Kept:
    """What the judges of a trial said, but for those that failed."""
    details = _details(sample, "verdict")
    judgements = [Judgement.model_validate(judge) for judge in details.get("judges", [])]
    paper = details.get(PAPER)
    return Kept(
        {j.model: j for j in judgements if j.verdict is not None},
        paper if isinstance(paper, dict) and paper.get("text") and not paper["unscored"] else None,
    )


@scorer(name="verdict_again", metrics={"*": [mean()]})
def verdict_again(scenario: str, scoring: Scoring, kept: Mapping[str, Kept]) -> Scorer:
    """The verdict of a trial, where judges that have given theirs are not asked.

    Args:
        scenario: Name of the scenario, or folder of the pack.
        scoring: The settings of the run.
        kept: By `trial_key`, what its judges said.
    """
    return score_with(scenario, scoring, kept)


def _replies(sample: EvalSample) -> dict[str, DebriefReply]:
    """What the subject said in the debrief, as it was kept."""
    details = _details(sample, "debrief")
    return {
        name: DebriefReply("", str(details[name]), str(details.get(f"{name}_reasoning", "")))
        for name in ("purpose", "account")
        if details.get(name)
    }
