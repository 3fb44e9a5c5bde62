"""Removal of what killed runs leave behind. Only the holder of the folder's lock may call it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from inspect_ai.log import list_eval_logs
from inspect_ai.log._recorders.buffer.buffer import cleanup_sample_buffers_for_log

from cornered.analysis.summaries import read_summaries
from cornered.analysis.trials import current_logs

WRITTEN = ("run.json", "report.html", "cells.csv", "trials.csv", "trials.parquet")
"""Files that are written beside themselves first, under a hidden name."""
TEMPORARY = (".again.", ".space.", *(f".{name}." for name in WRITTEN))
"""Beginnings of the names of temporary files and folders in a run folder."""


def clear_temporary(folder: Path) -> None:
    """Removes temporary files of commands that were killed while they wrote.

    Args:
        folder: The run folder; it need not exist.
    """
    for path in folder.glob(".*") if folder.is_dir() else ():
        if path.name.startswith(TEMPORARY):
            with contextlib.suppress(OSError):  # it is in nobody's way
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def clear_after_kills(folder: Path) -> None:
    """Removes, once a run is complete, what its killed processes left.

    That is Inspect's sample buffers, which hold prompts in the user's data folder, and unfinished
    logs whose trials are all in the log that took over. No other log is removed.

    Args:
        folder: The run folder, with all its trials.

    Raises:
        RunError: a log cannot be read.
    """
    current = {Path(info.name): log for info, log in current_logs(folder)}
    kept = {log.eval.task_id: _trials(path) for path, log in current.items()}
    for listed in list_eval_logs(str(folder / "logs")):
        path = Path(listed.name.removeprefix("file://"))
        cleanup_sample_buffers_for_log(str(path))
        if path not in current and _trials(path) <= kept.get(listed.task_id, frozenset()):
            path.unlink(missing_ok=True)


def _trials(log: Path) -> frozenset[str]:
    """The finished trials of a log, by their uuids."""
    return frozenset(s.uuid for s in read_summaries(log) if s.completed and s.uuid)
