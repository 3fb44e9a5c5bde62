"""Time in tests, measured so that a slow or a busy machine changes no outcome.

CPU time of this process, never the clock on the wall; ratios, or a yardstick that is measured at
the same moment. What is slow must be slow three times in a row.
"""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable
from typing import Any

TRIES = 3
YARDSTICK = 0.0125
"""CPU seconds of the yardstick on the machine that bounds were set on."""


def cpu_seconds(work: Callable[..., Any], *args: Any) -> float:
    """CPU seconds of one call."""
    gc.freeze()  # what other tests left behind is not ours to be collected over and over
    begin = time.process_time()
    try:
        work(*args)
        return time.process_time() - begin
    finally:
        gc.unfreeze()


def _yardstick() -> None:
    for number in range(40):
        list(re.finditer(r"\w+|\W", f"{number} of the many words; " * 50))


def assert_took(seconds: float, most: float) -> None:
    """CPU seconds that were measured just now are at most so many of a usual machine."""
    slowness = 1.0
    if seconds > most:
        slowness = cpu_seconds(_yardstick) / YARDSTICK
    assert seconds <= most * max(1.0, slowness), f"{seconds} s on a machine {slowness} times slower"


def assert_within(most: float, work: Callable[[], Any]) -> None:
    """The work, which can be done again, takes at most so many CPU seconds of a usual machine."""
    for left in reversed(range(TRIES)):
        seconds = cpu_seconds(work)
        if seconds <= most or not left:
            assert_took(seconds, most)
            return


def assert_linear(small: Callable[[], Any], large: Callable[[], Any]) -> None:
    """Eight times the work takes about eight times as long; were it quadratic, it took 64 times.

    Args:
        small: The work.
        large: Eight times as much of it.
    """
    ratios = []
    for _ in range(TRIES):
        # What takes less than a millisecond cannot be measured.
        ratios.append((cpu_seconds(large) - 0.025) / max(cpu_seconds(small), 0.001))
        if ratios[-1] < 20:
            return
    raise AssertionError(f"not linear: {ratios}")
