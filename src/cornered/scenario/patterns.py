"""Regular expressions of packs, which must not take for ever.

Python's engine tries every way in which a pattern can match. Where a repeated part can itself
match in several ways, these ways double with each character. Such patterns are refused. Others
can still take time with the square or the cube of a text, so that a search has a time limit.
"""

from __future__ import annotations

import re
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cornered.errors import PackError

MAX_LENGTH = 1_000
"""Characters of a pattern."""
MANY = 16
"""Repetitions from which a part counts as repeated without end."""
MAX_REPEATS = 6
"""Parts of one pattern that repeat without end, one after another."""
SECONDS = 5.0
"""The longest search of one text."""
MAX_CHOICES = 16
"""Parts of one pattern that may be there or not, or read in two ways: each doubles the ways."""
SHORT = 200
"""Characters of a text that need no time limit."""


def check_pattern(pattern: str) -> str:
    """A regular expression that can be searched for.

    Raises:
        ValueError: it is none, is too long, or may take for ever.
    """
    shown = repr(pattern if len(pattern) < 80 else pattern[:79] + "…")
    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"{shown} is longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning would show the pattern as it is
            tree = _parsed(pattern)
            re.compile(pattern)
    except (re.error, OverflowError) as e:
        raise ValueError(f"{shown} is not a valid regular expression ({e})") from None
    except RecursionError:
        raise ValueError(f"{shown} is nested too deeply") from None
    repeats = list(_repeats(tree, times=1))
    if any(within for _, within in repeats):
        raise ValueError(
            f"{shown} repeats a part that itself repeats or has a choice, which can take for "
            "ever: write it without the outer or the inner repetition"
        )
    endless = sum(is_endless for is_endless, _ in repeats)
    if endless > MAX_REPEATS:
        raise ValueError(f"{shown} has more than {MAX_REPEATS} parts that repeat without end")
    if len(repeats) - endless > MAX_CHOICES:
        raise ValueError(f"{shown} has more than {MAX_CHOICES} parts that are optional or a choice")
    return pattern


def search(pattern: str, text: str) -> re.Match[str] | None:
    """The first match of a pattern, ignoring case.

    Raises:
        PackError: the search took longer than `SECONDS`; told only in the main thread, where
            Python can stop it.
    """
    if len(text) <= SHORT or threading.current_thread() is not threading.main_thread():
        return re.search(pattern, text, re.IGNORECASE)
    with _time_limit(pattern):
        return re.search(pattern, text, re.IGNORECASE)


@contextmanager
def _time_limit(pattern: str) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield  # Windows has no such timer, and somebody else's is not ours to take
        return

    def stop(number: int, frame: Any) -> None:
        del number, frame
        raise PackError(
            f"the pattern {pattern[:80]!r} took longer than {SECONDS:g} s on one text",
            fix="write a simpler one",
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _parsed(pattern: str) -> Any:
    from re import _parser  # type: ignore[attr-defined]  # the only parser of these patterns

    return _parser.parse(pattern, re.IGNORECASE)


def _repeats(tree: Any, *, times: int) -> Iterator[tuple[bool, bool]]:
    """Each part that can be read in several ways: whether it repeats, and is in a repeated one.

    Args:
        tree: A parsed pattern.
        times: How often, at most, this part of it can be repeated.
    """
    is_repeated = times >= MANY
    for name, value in tree:
        kind = str(name)
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, part = int(value[0]), int(value[1]), value[2]
            if least != most:
                yield most >= MANY, is_repeated or (times > 1 and times * most >= MANY)
            yield from _repeats(part, times=times * min(max(most, 1), MANY))
        elif kind == "BRANCH":
            if not _differ(value[1]):
                yield False, is_repeated
            for branch in value[1]:
                yield from _repeats(branch, times=times)
        elif kind == "GROUPREF":
            yield False, is_repeated
        else:
            for part in _parts(kind, value):
                yield from _repeats(part, times=times)


def _parts(kind: str, value: Any) -> list[Any]:
    """The patterns within a group or an assertion; none in anything else."""
    if kind == "SUBPATTERN":
        return [value[3]]
    if kind in ("ASSERT", "ASSERT_NOT"):
        return [value[1]]
    if kind == "ATOMIC_GROUP":
        return [value]
    return [part for part in value[1:] if part] if kind == "GROUPREF_EXISTS" else []


def _differ(branches: Any) -> bool:
    """Whether no two branches can begin with the same character."""
    firsts = [str(branch[0]) if len(branch) else "" for branch in branches]
    literal = all(first.startswith("(LITERAL,") for first in firsts)
    return literal and len({first.lower() for first in firsts}) == len(firsts)
