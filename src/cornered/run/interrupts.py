"""Ctrl-C: the first lets the trials in flight finish, the second cancels them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import anyio
from anyio._backends._asyncio import find_root_task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSpec
from inspect_ai.log._samples import active_samples
from inspect_ai.scorer import SampleScore
from inspect_ai.util import EarlyStop, EarlyStopping
from pydantic import JsonValue

from cornered.errors import CorneredError
from cornered.run.providers import StoppedRun, print_waiting

POLL = 0.2
"""Seconds between two looks at the trials in flight, once no new one is started."""
AGAIN = 3.0
"""Seconds after which a trial that must not start cancels everything once more."""
LOOK = 1.0
"""Seconds between two looks at the disk."""
HANGUP = getattr(signal, "SIGHUP", None)
"""Sent when the terminal is closed; Windows has none."""


class Interrupts:
    """Ends Inspect's event loop, at once or when no trial is in flight any more.

    Args:
        run: The run; a refusal of a provider ends it at once.
        problem: Why no further trial may start, such as a full disk; None where it may.
    """

    def __init__(self, run: StoppedRun, problem: Callable[[], CorneredError | None]) -> None:
        self.draining = False
        self._problem = problem
        self._looked = time.monotonic()
        self._run = run
        self._loop: asyncio.AbstractEventLoop | None = None
        self._root: asyncio.Task[Any] | None = None
        self._before: dict[signal.Signals, Any] = {}

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Puts the handlers of signals back at the end.

        That the run was stopped for an error is no Ctrl-C: who stopped it raises the error.
        """
        self._run.on_stop = self.cancel
        try:
            yield
        except (KeyboardInterrupt, asyncio.CancelledError):
            if self._run.error is None:
                raise KeyboardInterrupt from None
        finally:
            self._run.on_stop = lambda: None
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before.clear()

    def begin(self) -> None:
        """Takes over the signals, within the event loop, which has a handler of its own by then."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        self._loop, self._root = loop, find_root_task()
        theirs = signal.getsignal(signal.SIGINT)
        if not callable(theirs) or theirs in (signal.default_int_handler, self._on_interrupt):
            return  # not in the main thread, or Ctrl-C is ignored: nothing to take over
        try:
            signal.signal(signal.SIGINT, self._on_interrupt)
        except ValueError:  # not in the main thread
            return
        self._before[signal.SIGINT] = signal.default_int_handler
        if HANGUP is not None and signal.getsignal(HANGUP) is signal.SIG_DFL:
            self._before[HANGUP] = signal.signal(HANGUP, self._on_hangup)

    def cancel(self) -> None:
        """Cancels everything in flight; finished trials are in the logs.

        The root task of the loop is cancelled, as Python's own handler of Ctrl-C does, whatever
        handlers of signals there are.
        """
        if self._loop and self._root and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._root.cancel)

    async def admit(self) -> None:
        """Returns if a trial may start; after Ctrl-C, or a refusal, it never does."""
        if time.monotonic() - self._looked >= LOOK and not self._run.error:
            self._looked = time.monotonic()
            if problem := self._problem():
                self._run.stop(problem)
        while self._root and (self.draining or self._run.error):
            # A task that ends while it is cancelled may swallow that, and be tried again.
            await anyio.sleep(AGAIN)
            if self._run.error or not _in_flight():
                self.cancel()

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.draining or self._loop is None:
            self.cancel()
            return
        self.draining = True
        count = len(_in_flight())
        if count:
            print_waiting(
                f"stopping: {count} trials in flight finish first; Ctrl-C again cancels them", 0
            )
        self._loop.call_soon_threadsafe(self._leave_when_idle)

    def _on_hangup(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.draining = True
        self.cancel()

    def _leave_when_idle(self) -> None:
        if not _in_flight():
            self.cancel()
        elif self._loop:
            self._loop.call_later(POLL, self._leave_when_idle)


def _in_flight() -> list[Any]:
    with contextlib.suppress(RuntimeError):  # the list changes while it is read in a handler
        return [s for s in active_samples() if s.started is not None and s.completed is None]
    return [None]


class Doorkeeper:
    """An early-stopping manager that starts no trial after Ctrl-C.

    Args:
        manager: The manager that decides otherwise.
        interrupts: The signals of the run.
    """

    def __init__(self, manager: EarlyStopping, interrupts: Interrupts) -> None:
        self._manager, self._interrupts = manager, interrupts

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """As the manager."""
        self._interrupts.begin()
        return await self._manager.start_task(task, samples, epochs)

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """As the manager; a trial that it lets through waits for ever after Ctrl-C."""
        stop = await self._manager.schedule_sample(id, epoch)
        if stop is None:
            await self._interrupts.admit()
        return stop

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """As the manager."""
        await self._manager.complete_sample(id, epoch, scores)

    async def complete_task(self) -> dict[str, JsonValue]:
        """As the manager."""
        return await self._manager.complete_task()
