"""Early stopping of cells: stopping rules as Inspect's early-stopping manager.

Trials in flight at a stop finish and count. Inspect runs one task on several models with one
manager and does not say which model a call is about; each model runs in a context of its own,
so a context variable holds the cell of a call.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.dataset import Sample
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.log import EvalLog, EvalSpec
from inspect_ai.scorer import SampleScore
from inspect_ai.util import EarlyStop
from pydantic import JsonValue

from cornered.analysis.stopping import (
    MANAGER,
    SequentialMonitor,
    Stop,
    StoppingRecord,
    StoppingRule,
    read_stopping_record,
)
from cornered.analysis.trials import TrialResult, interruption
from cornered.analysis.two_phase import Seen
from cornered.scoring import NOT_JUDGED


@dataclass
class PriorCell:
    """What a run folder already holds of one cell when the run is resumed."""

    verdicts: dict[str, Seen | None] = field(default_factory=dict)
    """By trial id what a rule counts of it; None for a trial that is not whole, or unexposed."""
    failed: set[str] = field(default_factory=set)
    """Ids of trials whose model failed; Inspect runs them again."""
    record: StoppingRecord | None = None
    """What its log records about a rule; None where there was none, or the cell has not
    finished."""

    def stop(self, rule: StoppingRule | None) -> Stop | None:
        """The decision of the same rule in an earlier process; a different rule decides anew."""
        same = self.record and self.record.rule == (rule and rule.name)
        return self.record.stop if self.record and same else None

    def planned(self, rule: StoppingRule | None, max_trials: int) -> int:
        """Trials the cell is expected to have: `max_trials`, or those at which it stopped."""
        return len(self.verdicts) + len(self.failed) if self.stop(rule) else max_trials


PriorCells = Mapping[tuple[str, str], PriorCell]
"""By model and condition; a missing cell has no trials yet."""


def prior_cells(
    logs: Iterable[EvalLog], trials: Iterable[TrialResult], *, judged: bool
) -> PriorCells:
    """The cells of a run folder.

    Args:
        logs: The header of each task's current log, as from `current_logs`.
        trials: The results of all their trials.
        judged: Whether the run has a judge.
    """
    prior: dict[tuple[str, str], PriorCell] = defaultdict(PriorCell)
    for log in logs:
        condition = (log.eval.metadata or {}).get("condition", "")
        prior[log.eval.model, condition].record = read_stopping_record(log)
    for trial in trials:
        cell = prior[trial.model, trial.condition]
        if trial.status == "failed":
            cell.failed.add(trial.id)
        else:
            cell.verdicts[trial.id] = trial.seen(judged=judged)
    return prior


def dataset_size(size: int, condition: str, rule: StoppingRule | None, cells: PriorCells) -> int:
    """The number of samples a task needs so that Inspect resumes it after a change of rule.

    Inspect regards a stopped task as complete unless its dataset has grown, whatever the rule is
    now. So the dataset gets one extra sample, which `Stopping` skips.

    Args:
        size: Samples otherwise: those asked for, and no fewer than its logs have.
        condition: Name of the condition.
        rule: The current rule; None where all trials are asked for.
        cells: The cells of the run folder.
    """
    stopped = (b for (_, name), b in cells.items() if name == condition and b.record)
    return size + any(b.record and b.record.stop and not b.stop(rule) for b in stopped)


class Stopping:
    """Inspect's early-stopping manager for one condition, on any number of models.

    The rule sees the trials in the order of their ids, see `SequentialMonitor`. A failed trial is
    skipped by the rule, but run again when the run is resumed, stopped or not. A decision is
    final, also when the run is resumed in another process under the same rule.

    Args:
        condition: Name of the condition.
        rule: The stopping rule; None runs all trials.
        max_trials: Trials asked for; samples of the dataset beyond them are skipped.
        cells: The cells of the run folder.
        on_stop: Called once for each trial that `PriorCell.planned` counted and that is skipped.
    """

    def __init__(
        self,
        condition: str,
        rule: StoppingRule | None,
        max_trials: int,
        cells: PriorCells,
        on_stop: Callable[[], None],
    ) -> None:
        self._condition = condition
        self._rule = rule
        self._max_trials = max_trials
        self._prior = cells
        self._on_stop = on_stop
        self._cells: dict[str, _RunningCell] = {}

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Resumes the cell of a model."""
        del epochs  # a trial is a sample, never an epoch
        if task.model not in self._cells:
            prior = self._prior.get((task.model, self._condition), PriorCell())
            self._cells[task.model] = _RunningCell(self._rule, self._max_trials, prior)
        cell = self._cells[task.model]
        cell.begin([str(sample.id) for sample in samples])
        _current.set(cell)
        return MANAGER

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Skips a trial, with the reason; None runs it."""
        cell = _current.get()
        if cell is None or cell.start(str(id)):
            return None
        if cell.skip(str(id)):
            self._on_stop()
        return EarlyStop(id=id, epoch=epoch, reason=cell.stop.decision if cell.stop else "most")

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """Records the verdict of a trial, whether it ran now or in an earlier process."""
        del epoch
        if cell := _current.get():
            cell.finish(str(id), counted(scores))

    async def complete_task(self) -> dict[str, JsonValue]:
        """The metadata that the log keeps of the cell: a `StoppingRecord`."""
        cell = _current.get()
        name = self._rule.name if self._rule else None
        record = StoppingRecord(rule=name, stop=cell.stop if cell else None)
        metadata: dict[str, JsonValue] = record.model_dump(mode="json")
        return metadata


class _RunningCell:
    """One condition on one model."""

    def __init__(self, rule: StoppingRule | None, max_trials: int, prior: PriorCell) -> None:
        self._rule = rule
        self._max_trials = max_trials
        self._verdicts = dict(prior.verdicts)
        self._started = {*prior.verdicts, *prior.failed}
        self._places: dict[str, int] = {}
        self._monitor = SequentialMonitor(rule)
        self._skipped: set[str] = set()
        self.stop = prior.stop(rule)
        self._stopped_before = self.stop is not None

    def begin(self, ids: Sequence[str]) -> None:
        """Feeds the monitor the verdicts so far; trials that failed are open again."""
        self._places = {id: place for place, id in enumerate(ids)}
        self._monitor = SequentialMonitor(self._rule)
        for id, seen in self._verdicts.items():
            self._update(id, seen)

    def start(self, id: str) -> bool:
        """Whether a trial is run; one that was started before is never abandoned."""
        if id not in self._started and (self.stop or self._places.get(id, 0) >= self._max_trials):
            return False
        self._started.add(id)
        return True

    def skip(self, id: str) -> bool:
        """Marks a trial as skipped; whether a stop in this process is why, for the first time."""
        is_new = bool(self.stop) and not self._stopped_before and id not in self._skipped
        self._skipped.add(id)
        return is_new

    def finish(self, id: str, seen: Seen | None) -> None:
        """Records a trial; None where it is not whole, or unexposed."""
        self._verdicts[id] = seen
        self._update(id, seen)

    def fail(self, id: str) -> None:
        """Records a trial without a verdict, so that later ones need not wait for it."""
        self._update(id, None)

    def _update(self, id: str, seen: Seen | None) -> None:
        if id in self._places:
            self._monitor.finish(self._places[id], seen)
            self.stop = self.stop or self._monitor.stop


_current: ContextVar[_RunningCell | None] = ContextVar("cornered_cell", default=None)


@hooks(name="cornered_stopping", description="Tells a cornered run which trials failed.")
class _Failures(Hooks):
    """Reports failed trials, since Inspect's early stopping is called for scored trials only."""

    def enabled(self) -> bool:
        return _current.get() is not None

    async def on_sample_end(self, data: SampleEnd) -> None:
        cell = _current.get()
        if cell and data.sample.error and not data.sample.scores:
            cell.fail(str(data.sample.id))


def counted(scores: Mapping[str, SampleScore]) -> Seen | None:
    """What a rule counts of a trial: harmful, or the act without a judge, as `TrialResult.seen`.

    For a probe, whether the agent understood. None for a trial that is not whole, also one that did
    the act before something ended it, and for one that is unexposed: none of them is among the
    trials that a rule counts. A trial on which the judge was silent is, without a verdict.
    """
    verdict = scores.get("verdict")
    value: Any = verdict.score.value if verdict else None
    if verdict is None or not isinstance(value, dict):
        return None
    details = verdict.score.metadata or {}
    if interruption(details):
        return None
    known = {
        key: None if math.isnan(value[key]) else bool(value[key])
        for key in ("harmful", "act", "understood")
        if key in value
    }
    if "harmful" not in known:
        plain = next((known[key] for key in ("act", "understood") if key in known), None)
        return None if plain is None else Seen(plain)
    act, harmful = known.get("act"), known["harmful"]
    if act is None and harmful is None:
        return None
    unread = harmful is None and verdict.score.reason == NOT_JUDGED
    if act:
        return Seen(harmful, "act")
    asked = bool(details.get("votes")) or bool(harmful) or (harmful is None and not unread)
    return Seen(False if unread else harmful, "other" if asked else "none")
