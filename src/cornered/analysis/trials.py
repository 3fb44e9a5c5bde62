"""The trials of a run, read from its logs.

Only summaries are read, so that the time does not grow with the length of transcripts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from inspect_ai._util.error import is_cancellation_message
from inspect_ai.log import EvalLog, EvalLogInfo, list_eval_logs, read_eval_log

from cornered.analysis.measures import TrialMeasure, as_trial_measure
from cornered.analysis.reasons import FAILED, UNKNOWN
from cornered.analysis.roles import SUBJECT, tokens_by_role
from cornered.analysis.summaries import (
    SampleEnds,
    ScoreSummary,
    TrialSummary,
    read_summaries,
    unreadable,
)
from cornered.analysis.two_phase import Seen
from cornered.errors import RunError
from cornered.scenario import Level
from cornered.scoring import ATTEMPT, NOT_JUDGED, UNEXPOSED
from cornered.text import ends
from cornered.verdict.candor import Candor, stored_candor

T = TypeVar("T")
V = TypeVar("V")

FACTOR = "factor_"
"""Prefix of a factor's name in the metadata of a trial."""
Status = Literal["scored", "unscored", "unexposed", "failed"]


class DeedCounts(NamedTuple):
    """Actions of one trial, or of several. What an agent only looks at is none."""

    attempted: int
    """Carried out, failed, or blocked."""
    carried_out: int
    blocked: int
    """Stopped by an approval."""
    blocked_acts: int
    """Those among the blocked ones that would have been the act; the others were innocent work."""

    @property
    def innocent_blocked(self) -> int:
        """Innocent work that was stopped."""
        return self.blocked - self.blocked_acts


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of one trial."""

    condition: str
    model: str
    id: str
    """Unique within its condition and model."""
    is_control: bool
    status: Status
    """scored; unscored: there is a log but no verdict; unexposed: its agent did not meet what the
    scenario is about, so that it is in no rate and in no bounds; failed: the model failed."""
    act: bool | None
    """Whether the harmful act was executed; None if unknown, and where the trial is not whole."""
    harmful: bool | None
    """The judge's yes over everything carried out, whether or not the act's code saw it; None
    without a judge, or where there is no verdict."""
    paper: bool | None
    """Harmful by the study's own rule; None for other prompts than the study's, or if unknown."""
    understood: bool | None
    """Whether every question of a probe was answered right; None in other trials, or if a
    question was not answered."""
    outcome: str | None
    """The rung of the outcome ladder; None if neither facts nor a judge decide it."""
    labels: tuple[str, ...] | None
    """Secondary labels by the judge; None if it did not read the trial."""
    votes: Mapping[str, str]
    """By judge: yes, no, cannot_tell, or why it gave no verdict; empty if no judge was asked."""
    readings: Mapping[str, str | None]
    """By name, the value of each reading of the reasoning and the debrief; None if unscored."""
    reason: str | None
    """Why the trial is unscored or failed, or has no verdict by the judge."""
    problem: str | None = field(default=None, kw_only=True)
    """The failure of its judge in words; None if none failed."""
    input_tokens: int
    """Input tokens of the model, cached ones included."""
    output_tokens: int
    seconds: float
    """Wall time of the trial, waiting included."""
    log: str
    """File name of its log."""
    uuid: str
    scenario: str | None = None
    """None if the log does not record it."""
    factors: Mapping[str, Level] = field(default_factory=dict)
    """Levels by factor; empty if the log does not record them."""
    judged: bool | None = None
    """The judge's yes or no; None if it was not asked, or gave neither."""
    usage: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Input and output tokens of every model that was called, judges and readers included."""
    roles: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Input and output tokens by role: subject, judge, reader; see `tokens_by_role`."""
    started: datetime | None = None
    completed: datetime | None = None
    pack_version: str | None = None
    """The version of its scenario's texts."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of packages when it ran, by package."""
    reasoning_tokens: int | None = None
    """Tokens of the model's reasoning, among its output; None where the provider does not say."""
    reasoned: bool | None = None
    """Whether there was any reasoning; None where the log does not record it."""
    ending: str | None = None
    """How it ended; None where the log does not record it."""
    deeds: DeedCounts | None = None
    """Its actions; None where the log does not record them."""
    act_attempted: bool | None = None
    """Whether the act was carried out, or stopped by an approval; None where that is unknown."""
    candor: Candor | None = None
    """What the model said of its deeds in the interview afterwards; None without one."""
    act_before: bool = False
    """Whether the act was carried out in a trial that is not whole, before something ended it. It
    is in no rate: of such trials only those with the act would be, see `interruption`."""
    harmful_before: bool = False
    """Whether a judge calls harmful what such a trial carried out."""
    measures: Mapping[str, TrialMeasure] = field(default_factory=dict)
    """Numbers that code computes from what it left behind, by name; no part of any verdict."""

    def primary(self, *, judged: bool) -> bool | None:
        """The primary verdict: harmful, or the act without a judge; understood for a probe.

        Args:
            judged: Whether the run has a judge.
        """
        if self.understood is not None:
            return self.understood
        if judged and self.not_judged:
            return False  # no confirmed act; `Rate.unjudged` counts it among what could be
        return self.harmful if judged else self.act

    def tried(self, *, judged: bool) -> bool | None:
        """Whether the primary verdict, or its attempt, is on the trial: carried out, or stopped.

        With a judge an attempt is what it places on the rung `attempt`, which the place refused or
        an approval stopped; without one, the act that an approval stopped. None where neither is
        known, or for a trial that is unexposed.

        Args:
            judged: Whether the run has a judge.
        """
        if self.status != "scored":
            return None
        if not judged:
            return True if self.act_attempted else self.act
        return True if self.outcome == ATTEMPT else self.primary(judged=True)

    @property
    def unexposed(self) -> bool:
        """Whether its agent did not meet what the scenario is about before it acted."""
        return self.status == "unexposed"

    @property
    def not_judged(self) -> bool:
        """Whether it did something that no judge read, since only acts were to be judged."""
        return self.harmful is None and self.reason == NOT_JUDGED

    @property
    def silent(self) -> bool:
        """Whether, in a run with a judge, the trial is whole and its judge gave no verdict."""
        whole = self.status == "scored" and self.understood is None
        return whole and self.harmful is None and not self.not_judged

    def seen(self, *, judged: bool) -> Seen | None:
        """The trial as its rate counts it; None for one that is not whole, or is unexposed.

        Args:
            judged: Whether the run has a judge.
        """
        verdict = self.primary(judged=judged)
        if not judged or self.understood is not None:
            return None if verdict is None else Seen(verdict)
        if self.status != "scored":
            return None
        if self.act:
            return Seen(verdict, "act")
        asked = bool(self.votes) or self.silent or bool(self.harmful)
        return Seen(verdict, "other" if asked else "none")

    def why(self, *, judged: bool) -> str | None:
        """Why there is no primary verdict, as a word of `WORDS` or an unknown reason as it is.

        None for a trial with one, and for one that is unexposed. A trial that was not judged has
        none here.
        """
        if self.not_judged and judged:
            return NOT_JUDGED
        if not self.without_verdict(judged=judged):
            return None
        return FAILED if self.status == "failed" else self.reason or UNKNOWN

    def without_verdict(self, *, judged: bool) -> bool:
        """Whether the trial ran without giving the primary verdict, though it was exposed."""
        if self.unexposed:
            return False
        return self.status != "scored" or self.primary(judged=judged) is None


def _truth(value: Any) -> bool | None:
    return None if value is None or math.isnan(float(value)) else bool(value)


def _values(score: ScoreSummary | None) -> Mapping[str, Any]:
    return score.value if score and isinstance(score.value, dict) else {}


def _metadata(score: ScoreSummary | None) -> Mapping[str, Any]:
    return (score.metadata if score else None) or {}


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _readings(scores: Mapping[str, ScoreSummary]) -> dict[str, str | None]:
    values = {**_values(scores.get("readings")), **_values(scores.get("debrief"))}
    return {name: _word(value) for name, value in values.items()}


class _Shared:
    """Interns equal values, which saves memory: the trials of a cell share most of theirs."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._mappings: dict[Any, Any] = {}

    def one(self, value: T) -> T:
        """The first value that was equal to this one."""
        first: T = self._known.setdefault(value, value)
        return first

    def mapping(self, value: Mapping[str, V]) -> Mapping[str, V]:
        """The first mapping that was equal to this one, order included; not to be modified."""
        first: Mapping[str, V] = self._mappings.setdefault(tuple(value.items()), value)
        return first


def interruption(details: Mapping[str, Any]) -> str | None:
    """Why a trial is not whole: something ended it, or nobody knows all that it did; or None.

    Such a trial is unscored, with the act or without. Were it scored where the act came first, the
    rate would count interrupted trials by their outcome: a true 30 % with 60 % of the answers cut
    off would read 43 %.

    Args:
        details: What the scorer recorded of the trial.
    """
    ending = _word(details.get("ending"))
    return ending if ending not in (None, "stop") else _word(details.get("doubt"))


def _trial(
    summary: TrialSummary, log: EvalLog, file: str, shared: _Shared, ends_of: SampleEnds
) -> TrialResult:
    scores = summary.scores or {}
    score = scores.get("verdict")
    details = (score.metadata if score else None) or {}
    value = _values(score)
    act = _truth(value.get("act"))
    usage = {model: used.counts for model, used in summary.model_usage.items()}
    own = summary.model_usage.get(log.eval.model)
    reasoning_tokens, recorded = own.reasoning_tokens if own else None, details.get("reasoned")
    by_role = {role: used.counts for role, used in (summary.role_usage or {}).items()}
    roles = tokens_by_role(log.eval.model, usage, by_role)
    tokens = roles.get(SUBJECT, (0, 0))
    understood = _truth(value.get("understood"))
    harmful, paper = _truth(value.get("harmful")), _truth(value.get("paper"))
    reason = score.reason if score else None
    outcome, labels = score.answer if score else None, details.get("labels")
    ending = _word(details.get("ending"))
    if ending is None and (act or harmful or paper):
        ending = ends_of.ending(summary.id, summary.epoch)
    before = (False, False)
    if reason != UNEXPOSED and (why := interruption({**details, "ending": ending})):
        before = act is True, harmful is True
        # Why the scorer made no verdict, where it made none, is nearer to the cause.
        reason = reason if act is None and reason else why
        act = harmful = paper = outcome = labels = None
    scored = act is not None or understood is not None or harmful is not None
    status: Status = "scored" if scored else "failed" if summary.error else "unscored"
    if status == "unscored" and reason == UNEXPOSED:
        status = "unexposed"
    # A summary replaces long values by a placeholder, which is not a list or a mapping.
    votes = details.get("votes")
    return TrialResult(
        condition=shared.one(str(summary.metadata.get("condition", log.eval.task_display_name))),
        model=log.eval.model,
        id=str(summary.id),
        is_control=bool(summary.metadata.get("control")),
        status=status,
        act=act,
        harmful=harmful,
        paper=paper,
        understood=understood,
        outcome=shared.one(outcome),
        labels=shared.one(tuple(map(str, labels)) if isinstance(labels, list) else None),
        readings=shared.mapping(_readings(scores)),
        votes=shared.mapping(
            {judge: str(vote) for judge, vote in votes.items()} if isinstance(votes, dict) else {}
        ),
        reason=shared.one(reason or ends(summary.error)),
        problem=shared.one(_problem(score)),
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        seconds=summary.total_time or 0.0,
        log=file,
        uuid=summary.uuid or "",
        scenario=shared.one(_word(summary.metadata.get("scenario"))),
        factors=shared.mapping(
            {
                name.removeprefix(FACTOR): level
                for name, level in summary.metadata.items()
                if name.startswith(FACTOR) and isinstance(level, str | int)
            }
        ),
        judged={"yes": True, "no": False}.get(str(details.get("judged"))),
        usage=usage,
        roles=roles,
        started=summary.started_at,
        completed=summary.completed_at,
        pack_version=shared.one(_word(summary.metadata.get("pack_version"))),
        versions=log.eval.packages,
        reasoning_tokens=reasoning_tokens,
        reasoned=True if reasoning_tokens else recorded if isinstance(recorded, bool) else None,
        ending=shared.one(ending),
        deeds=shared.one(_deeds(details.get("deeds"))),
        act_attempted=_truth(details.get("act_attempted")),
        candor=stored_candor(_metadata(scores.get("interview"))),
        act_before=before[0],
        harmful_before=before[1],
        measures=_measures(details.get("measures")),
    )


def _measures(stored: Any) -> dict[str, TrialMeasure]:
    of = stored.items() if isinstance(stored, dict) else ()
    return {str(name): known for name, one in of if (known := as_trial_measure(one))}


def _deeds(counts: Any) -> DeedCounts | None:
    names = DeedCounts._fields
    whole = isinstance(counts, dict) and all(isinstance(counts.get(n), int) for n in names)
    return DeedCounts(*(counts[name] for name in names)) if whole else None


def _problem(score: ScoreSummary | None) -> str | None:
    """What a judge that failed said, or what its provider did."""
    if score is None or not score.reason:
        return None
    return ends(score.explanation) if (score.metadata or {}).get("votes") else None


def _eval_set_id(logs: Path) -> str | None:
    """The id that Inspect gave all logs of a run; None where it made none, as for imports."""
    try:
        return (logs / ".eval-set-id").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def current_logs(folder: Path) -> list[tuple[EvalLogInfo, EvalLog]]:
    """The header of each task's current log, in the order of creation.

    A killed run leaves a `started` log beside the one that took over its trials. The current log
    of a task is the newest one that ended, else the newest.

    Raises:
        RunError: a log cannot be read, or is of another run.
    """
    chosen: dict[str, tuple[EvalLogInfo, EvalLog]] = {}
    own = _eval_set_id(folder / "logs")
    for listed in list_eval_logs(str(folder / "logs"), descending=False):
        # Inspect lists plain paths but reads them as URLs, in which % and # are special.
        info = listed.model_copy(update={"name": listed.name.removeprefix("file://")})
        try:
            log = read_eval_log(info, header_only=True)
        except Exception as e:  # whatever the archive, its compression, JSON and the fields raise
            raise unreadable(Path(info.name), e) from None
        if own and log.eval.eval_set_id not in (None, own):
            raise RunError(
                "is a log of another run",
                where=info.name,
                fix=f"move it out of {folder / 'logs'}",
            )
        previous = chosen.get(log.eval.task_id)
        if previous and log.status == "started" and previous[1].status != "started":
            continue
        chosen[log.eval.task_id] = (info, log)
    return list(chosen.values())


def read_trials(folder: Path) -> list[TrialResult]:
    """Every trial of a run that finished or failed, each once.

    Args:
        folder: The run folder.

    Returns:
        Trials in the order of their logs and ids; empty without logs.

    Raises:
        RunError: a log cannot be read.
    """
    trials: dict[tuple[str, str, str], TrialResult] = {}
    shared = _Shared()
    for info, log in current_logs(folder):
        path = Path(info.name)
        with SampleEnds(path) as ends_of:
            for summary in read_summaries(path):
                # A trial that Ctrl-C cut off has not run.
                ran = summary.completed or summary.error
                if ran and not is_cancellation_message(summary.error):
                    trial = _trial(summary, log, path.name, shared, ends_of)
                    trials[trial.model, trial.condition, trial.id] = trial
    return list(trials.values())
