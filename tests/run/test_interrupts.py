"""A run that is stopped ends, whatever its tasks make of the cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

import pytest

from cornered.errors import RunError
from cornered.run import interrupts
from cornered.run.interrupts import Doorkeeper, Interrupts
from cornered.run.providers import StoppedRun


class Everybody:
    """A manager that lets every trial through."""

    async def start_task(self, *args: Any) -> str:
        return "all"

    async def schedule_sample(self, *args: Any) -> None:
        return None


HANDLERS = [signal.default_int_handler, signal.SIG_IGN, lambda number, frame: None]
"""Those of an ordinary process, of one in the background, and of somebody else's."""


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_stop_ends_the_run_and_is_repeated_where_a_task_swallows_it(
    monkeypatch: pytest.MonkeyPatch, handler: Any
) -> None:
    monkeypatch.setattr(interrupts, "AGAIN", 0.05)
    stopped = StoppedRun()
    signals = Interrupts(stopped, lambda: None)
    door: Any = Doorkeeper(Everybody(), signals)  # type: ignore[arg-type]

    async def task() -> None:
        await door.start_task(None, [], 1)
        stopped.stop(RunError("the provider refuses"))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(5)
        await door.schedule_sample("000001", 1)  # the task is tried again
        raise AssertionError("a trial was started after the stop")

    before = signal.signal(signal.SIGINT, handler)
    try:
        with signals.handled():
            asyncio.run(asyncio.wait_for(task(), 20))
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.error is not None
