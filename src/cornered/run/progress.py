"""The progress display of a run, updated by Inspect's hooks."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from inspect_ai._util.error import is_cancellation_message
from inspect_ai.hooks import Hooks, SampleEnd, TaskStart, hooks
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cornered.analysis.trials import TrialResult, interruption
from cornered.run.providers import current_run, print_waiting
from cornered.scoring import UNEXPOSED
from cornered.terminal import console
from cornered.text import visible

QUIET_SECONDS = 15.0
"""Least time between two lines if standard error is no terminal."""


Ended = Literal["act", "no act", "unscored", "unexposed", "not judged", "failed"]
"""What a trial came to; one whose judge failed is `not judged`, whatever its act."""
LISTED: tuple[Ended, ...] = ("unscored", "unexposed", "not judged", "failed")
"""What is counted in the line only where there is any."""


class Watch:
    """Counts trials as they end and shows the count on standard error.

    A bar on a terminal; elsewhere an occasional line, which keeps the log of a CI job short. A
    trial that runs again, after a failure, counts once.

    Args:
        planned: Number of trials of the run.
        kept: Trials that it already has; failed ones are run again.
        judged: Whether the run has a judge.
    """

    def __init__(self, planned: int, kept: Sequence[TrialResult], *, judged: bool) -> None:
        self.planned = planned
        self._judged = judged
        self._ended: dict[tuple[str, str, str], Ended] = {
            (t.model, t.condition, t.id): _of_result(t, judged=judged)
            for t in kept
            if t.status != "failed"
        }
        self._waiting = ("", 0.0)
        self._console = console(stderr=True)
        self._bar: tuple[Progress, TaskID] | None = None
        self._printed, self._last = time.monotonic(), ""

    @property
    def done(self) -> int:
        """Number of trials that have ended, each counted once."""
        return len(self._ended)

    def ended(self, sample: Any, model: str) -> None:
        """Counts one trial; one that was cut off has not run.

        Args:
            sample: Inspect's `EvalSample`.
            model: The model under test.
        """
        if sample.error and is_cancellation_message(sample.error.message):
            return
        condition = str((sample.metadata or {}).get("condition", ""))
        self._ended[model, condition, str(sample.id)] = _of_sample(sample, judged=self._judged)
        self._update()

    def waiting(self, line: str, seconds: float) -> None:
        """Shows for so many seconds that a model is waited for."""
        self._waiting = (line, time.monotonic() + seconds)
        if self._bar:
            self._update()
        else:
            print_waiting(line, seconds)

    def skipped(self) -> None:
        """Takes one trial off the plan: its cell was stopped."""
        self.planned -= 1
        if self._bar:
            progress, task = self._bar
            progress.update(task, total=self.planned)

    @property
    def line(self) -> str:
        """The state in words."""
        counts = Counter(self._ended.values())
        parts = [f"{counts['act']} acts"]
        parts += [f"{counts[c]} {c}" for c in LISTED if counts[c]]
        return ", ".join(parts)

    def _update(self) -> None:
        if self._bar:
            progress, task = self._bar
            line, until = self._waiting
            state = f"{self.line} · {visible(line)}" if time.monotonic() < until else self.line
            progress.update(task, completed=self.done, state=state)
        elif (
            self.line != self._last and self.done >= self.planned
        ) or time.monotonic() - self._printed >= QUIET_SECONDS:
            self._printed, self._last = time.monotonic(), self.line
            print_waiting(f"{self.done}/{self.planned} trials: {self.line}", 0)

    @contextmanager
    def show(self) -> Iterator[None]:
        """Shows the state while the block runs, and has Inspect's hook report to this object."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        global _current
        _current = self
        current_run().announce = self.waiting
        try:
            if not self._console.is_terminal:
                print_waiting(f"{self.done}/{self.planned} trials: {self.line}", 0)
                yield
                return
            with Progress(*columns, console=self._console, transient=True) as progress:
                task = progress.add_task(
                    "trials", total=self.planned, completed=self.done, state=self.line
                )
                self._bar = (progress, task)
                yield
        finally:
            _current, self._bar = None, None
            current_run().announce = print_waiting


def _of_result(trial: TrialResult, *, judged: bool) -> Ended:
    if trial.status == "failed":
        return "failed"
    if trial.unexposed:
        return "unexposed"
    if trial.act is None and trial.understood is None:
        return "unscored"
    if trial.without_verdict(judged=judged):
        return "not judged"
    return "act" if trial.act else "no act"


def _of_sample(sample: Any, *, judged: bool) -> Ended:
    score = (sample.scores or {}).get("verdict")
    value = score.value if score and isinstance(score.value, dict) else {}
    primary = next((value[k] for k in ("understood", "act") if k in value), None)
    if primary is None:
        return "failed" if sample.error else "unscored"
    if math.isnan(float(primary)):
        return "unexposed" if score and score.reason == UNEXPOSED else "unscored"
    if score and interruption(score.metadata or {}):
        return "unscored"
    harmful = value.get("harmful")
    if judged and harmful is not None and math.isnan(float(harmful)):
        return "not judged"
    return "act" if value.get("act") else "no act"


_current: Watch | None = None


@hooks(name="cornered_progress", description="Counts the trials of a cornered run.")
class _Reporter(Hooks):
    def __init__(self) -> None:
        self._models: dict[str, str] = {}

    def enabled(self) -> bool:
        return _current is not None

    async def on_task_start(self, data: TaskStart) -> None:
        self._models[data.eval_id] = data.spec.model

    async def on_sample_end(self, data: SampleEnd) -> None:
        if _current:
            _current.ended(data.sample, self._models.get(data.eval_id, ""))
