"""Whether a run's results can be stored: looked at before a call is paid, and while it runs."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspect_ai._util.appdirs import inspect_data_dir
from inspect_ai.log import EvalLog

from cornered.errors import CorneredError, RunError
from cornered.files import disk_errors
from cornered.run.providers import bounded
from cornered.text import visible

URL_CHARACTERS = "#?%"
"""Characters with a meaning of their own in URLs, which Inspect takes paths of logs for."""
SPARE = 2 << 20
"""Bytes that must be free besides a second copy of the largest log, which rewriting it takes."""
_FULL = ("no space left", "disk quota", "disk is full", "database or disk is full")


def check_log_folder(folder: Path) -> None:
    """Checks that Inspect can write logs in a folder.

    Raises:
        RunError: its path has a character that Inspect's paths cannot have.
    """
    with disk_errors(folder):
        path = str(folder.resolve())
    if odd := next((char for char in URL_CHARACTERS if char in path), None):
        raise RunError(
            f"logs cannot be written to a path with {odd}",
            where=visible(path),
            fix="choose a folder without it with --out",
        )


def check_space(folder: Path) -> None:
    """Checks that a log can be written in a folder, by writing.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    with disk_errors(folder):
        handle, path = tempfile.mkstemp(dir=folder, prefix=".space.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(b"\0" * (64 << 10))
        finally:
            os.unlink(path)
    if problem := space_problem(folder):
        raise problem


def space_problem(folder: Path) -> RunError | None:
    """The error if the next write of a log may fill the disk; None if there is room."""
    logs = [log.stat().st_size for log in _logs(folder)]
    # Inspect keeps what it has not yet written to a log in a database of the user's.
    for place, needed in ((folder, SPARE + max(logs, default=0)), (_buffer(), SPARE)):
        try:
            free = shutil.disk_usage(place).free
        except OSError:
            continue
        if free < needed:
            return _full(place, f"{free >> 10} kB are free")
    return None


def _buffer() -> Path:
    return inspect_data_dir("samplebuffer")


def stored_problem(folder: Path, logs: list[EvalLog]) -> RunError | None:
    """The error that kept a log from being finished, if there is one.

    Args:
        folder: The run folder.
        logs: Logs as Inspect's `eval_set` gives them.
    """
    for log in logs:
        if log.status != "error" or log.error is None:
            continue
        words = bounded(log.error.message, 300)
        if any(sign in words.lower() for sign in _FULL):
            return _full(folder, words)
        name = (log.eval.metadata or {}).get("condition", log.eval.task)
        return RunError(
            f"{name} ({log.eval.model}) stopped: {words}",
            where=str(folder),
            fix="finished trials are kept; the same command goes on",
        )
    return None


@contextmanager
def guarded_disk(folder: Path) -> Iterator[None]:
    """Turns the error of a full disk into one line, however it was wrapped.

    Raises:
        RunError: the disk is full.
    """
    try:
        yield
    except CorneredError:
        raise
    except Exception as e:
        if problem := full_disk(folder, e):
            raise problem from None
        raise


def full_disk(folder: Path, error: BaseException) -> RunError | None:
    """The error of a full disk, if this is one, however Inspect wrapped it."""
    cause: BaseException | None = error
    while cause is not None:
        full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or any(sign in str(cause).lower() for sign in _FULL):
            return _full(folder, bounded(str(cause), 200))
        cause = cause.__cause__ or cause.__context__
    return None


def _full(folder: Path, words: str) -> RunError:
    return RunError(
        f"the disk is full ({words})",
        where=str(folder),
        fix="make room and give the same command again; finished trials are kept",
    )


def _logs(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in (folder / "logs").iterdir() if path.is_file()]
    return []
