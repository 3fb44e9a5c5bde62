"""The progress display of a run, updated by Inspect's hooks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from inspect_ai.hooks import Hooks, SampleEnd, hooks
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

from cornered.analysis.table import TrialResult
from cornered.terminal import console, say

QUIET_SECONDS = 15.0
"""Least time between two lines if standard error is no terminal."""


class Watch:
    """Counts trials as they end and shows the count on standard error.

    A bar on a terminal; elsewhere an occasional line, which keeps the log of a CI job short.

    Args:
        planned: Number of trials of the run.
        kept: Trials that it already has; failed ones are run again.
    """

    def __init__(self, planned: int, kept: Sequence[TrialResult]) -> None:
        self.planned = planned
        self.done = sum(t.status != "failed" for t in kept)
        self.acts = sum(t.act is True for t in kept)
        self.unscored = sum(t.status == "unscored" for t in kept)
        self.failed = 0
        self._console = console(stderr=True)
        self._bar: tuple[Progress, TaskID] | None = None
        self._printed = time.monotonic()

    def ended(self, sample: Any) -> None:
        """Counts one trial.

        Args:
            sample: Inspect's `EvalSample`.
        """
        self.done += 1
        score = (sample.scores or {}).get("verdict")
        act = score.value.get("act") if score and isinstance(score.value, dict) else None
        if sample.error or act is None:
            self.failed += 1
        elif act != act:
            self.unscored += 1
        else:
            self.acts += int(act)
        self._update()

    def skipped(self) -> None:
        """Takes one trial off the plan: its cell was stopped."""
        self.planned -= 1
        if self._bar:
            progress, task = self._bar
            progress.update(task, total=self.planned)

    @property
    def line(self) -> str:
        """The state in words."""
        parts = [f"{self.acts} acts"]
        if self.unscored:
            parts.append(f"{self.unscored} unscored")
        if self.failed:
            parts.append(f"{self.failed} failed")
        return ", ".join(parts)

    def _update(self) -> None:
        if self._bar:
            progress, task = self._bar
            progress.update(task, completed=self.done, state=self.line)
        elif self.done >= self.planned or time.monotonic() - self._printed >= QUIET_SECONDS:
            self._printed = time.monotonic()
            say(f"{self.done}/{self.planned} trials: {self.line}")

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
        try:
            if not self._console.is_terminal:
                say(f"{self.done}/{self.planned} trials: {self.line}")
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


_current: Watch | None = None


@hooks(name="cornered_progress", description="Counts the trials of a cornered run.")
class _Reporter(Hooks):
    def enabled(self) -> bool:
        return _current is not None

    async def on_sample_end(self, data: SampleEnd) -> None:
        if _current:
            _current.ended(data.sample)
