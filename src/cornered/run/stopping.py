"""Stops a cell while it runs, as Inspect's early stopping.

Trials in flight at a stop finish and count. Inspect runs one task on several models with one
manager, and does not say which a call is about: each has its own context, so the cell of a
call is kept in a context variable.
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

from cornered.analysis.stopping import MANAGER, Course, Record, Rule, Stop, recorded
from cornered.analysis.table import TrialResult


@dataclass
class Before:
    """What a run folder has of one cell, before it is gone on with."""

    verdicts: dict[str, bool | None] = field(default_factory=dict)
    """By trial id what counts for the cell's rate; None for an unscored trial."""
    failed: set[str] = field(default_factory=set)
    """Trials whose model failed; Inspect tries them again."""
    record: Record | None = None
    """What its log says of a rule; None where there was none, or the cell has not ended."""

    def stop(self, rule: Rule | None) -> Stop | None:
        """What the same rule decided before; another one decides afresh."""
        same = self.record and self.record.rule == (rule and rule.name)
        return self.record.stop if self.record and same else None

    def planned(self, rule: Rule | None, most: int) -> int:
        """Trials that the cell will have, as far as is known: `most`, or those it stopped at."""
        return len(self.verdicts) + len(self.failed) if self.stop(rule) else most


Cells = Mapping[tuple[str, str], Before]
"""By model and condition; one that is not there is empty."""


def cells_before(logs: Iterable[EvalLog], trials: Iterable[TrialResult], *, judged: bool) -> Cells:
    """What a run folder has.

    Args:
        logs: The header of each task's log that counts, as of `current_logs`.
        trials: Its rows.
        judged: Whether the run has a judge.
    """
    found: dict[tuple[str, str], Before] = defaultdict(Before)
    for log in logs:
        condition = (log.eval.metadata or {}).get("condition", "")
        found[log.eval.model, condition].record = recorded(log)
    for trial in trials:
        cell = found[trial.model, trial.condition]
        if trial.status == "failed":
            cell.failed.add(trial.id)
        else:
            verdict = trial.harmful if judged else trial.act
            cell.verdicts[trial.id] = verdict if trial.understood is None else trial.understood
    return found


def dataset_size(size: int, condition: str, rule: Rule | None, cells: Cells) -> int:
    """Samples that a task needs so that Inspect goes on with it where the rule has changed.

    Inspect takes a stopped task for complete as long as its dataset has not grown, whatever
    the rule is now. So there is one sample more, which `Stopping` leaves out.

    Args:
        size: Samples otherwise: those asked for, and no fewer than its logs have.
        condition: Name of the condition.
        rule: The rule now; None where all trials are asked for.
        cells: What the run folder has.
    """
    stopped = (b for (_, name), b in cells.items() if name == condition and b.record)
    return size + any(b.record and b.record.stop and not b.stop(rule) for b in stopped)


class Stopping:
    """Inspect's early stopping for one condition, on any number of models.

    The rule sees the trials by id, see `Course`: a look waits for those before it. A failed
    trial is passed over, but tried again when the run goes on, stopped or not. What was
    decided stands, also when the run goes on in another process by the same rule.

    Args:
        condition: Its name.
        rule: When to stop; None to run all.
        most: Trials that are asked for; what the dataset has beyond them is left out.
        cells: What the run folder has.
        on_stop: Called once for each trial that `Before.planned` counted and that is not run.
    """

    def __init__(
        self,
        condition: str,
        rule: Rule | None,
        most: int,
        cells: Cells,
        on_stop: Callable[[], None],
    ) -> None:
        self._condition = condition
        self._rule = rule
        self._most = most
        self._before = cells
        self._on_stop = on_stop
        self._cells: dict[str, _Cell] = {}

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Takes up the cell of a model where it was left."""
        del epochs  # a trial is a sample, never an epoch
        if task.model not in self._cells:
            there = self._before.get((task.model, self._condition), Before())
            self._cells[task.model] = _Cell(self._rule, self._most, there)
        cell = self._cells[task.model]
        cell.begin([str(sample.id) for sample in samples])
        _current.set(cell)
        return MANAGER

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Whether a trial is left out."""
        cell = _current.get()
        if cell is None or cell.takes(str(id)):
            return None
        if cell.is_news(str(id)):
            self._on_stop()
        return EarlyStop(id=id, epoch=epoch, reason=cell.stop.decision if cell.stop else "most")

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """Takes a verdict, of a trial that has run or that the run has already."""
        del epoch
        if cell := _current.get():
            cell.settle(str(id), counted(scores))

    async def complete_task(self) -> dict[str, JsonValue]:
        """What the log says of the cell."""
        cell = _current.get()
        name = self._rule.name if self._rule else None
        record = Record(rule=name, stop=cell.stop if cell else None)
        found: dict[str, JsonValue] = record.model_dump(mode="json")
        return found


class _Cell:
    """One condition on one model."""

    def __init__(self, rule: Rule | None, most: int, there: Before) -> None:
        self._rule = rule
        self._most = most
        self._verdicts = dict(there.verdicts)
        self._begun = {*there.verdicts, *there.failed}
        self._places: dict[str, int] = {}
        self._course = Course(rule)
        self._left_out: set[str] = set()
        self.stop = there.stop(rule)
        self._foreseen = self.stop is not None

    def begin(self, ids: Sequence[str]) -> None:
        """Sees these trials from the first on; those that failed are open again."""
        self._places = {id: place for place, id in enumerate(ids)}
        self._course = Course(self._rule)
        for id, verdict in self._verdicts.items():
            self._see(id, verdict)

    def takes(self, id: str) -> bool:
        """Whether a trial is run; one that was begun before is never given up."""
        if id not in self._begun and (self.stop or self._places.get(id, 0) >= self._most):
            return False
        self._begun.add(id)
        return True

    def is_news(self, id: str) -> bool:
        """Whether it was not known before that this trial is not run."""
        news = bool(self.stop) and not self._foreseen and id not in self._left_out
        self._left_out.add(id)
        return news

    def settle(self, id: str, verdict: bool | None) -> None:
        """A trial has ended; None where it could not be scored."""
        self._verdicts[id] = verdict
        self._see(id, verdict)

    def fail(self, id: str) -> None:
        """Passes a trial over: it has no verdict, and those after it need not wait."""
        self._see(id, None)

    def _see(self, id: str, verdict: bool | None) -> None:
        if id in self._places:
            self._course.settle(self._places[id], verdict)
            self.stop = self.stop or self._course.stop


_current: ContextVar[_Cell | None] = ContextVar("cornered_cell", default=None)


@hooks(name="cornered_stopping", description="Tells a cornered run which trials failed.")
class _Failures(Hooks):
    """Early stopping hears of scored trials only."""

    def enabled(self) -> bool:
        return _current.get() is not None

    async def on_sample_end(self, data: SampleEnd) -> None:
        cell = _current.get()
        if cell and data.sample.error and not data.sample.scores:
            cell.fail(str(data.sample.id))


def counted(scores: Mapping[str, SampleScore]) -> bool | None:
    """What counts for the rate of a cell: harmful, or the act where there is no judge.

    Of a probe it is whether the agent understood. None for an unscored trial.
    """
    found = scores.get("verdict")
    value: Any = found.score.value if found else None
    if not isinstance(value, dict):
        return None
    named = next((value[k] for k in ("harmful", "act", "understood") if k in value), math.nan)
    return None if math.isnan(named) else bool(named)
