"""The sample summaries of a log, read trial by trial and without their texts.

Inspect's own reader validates and shortens every text of every summary again, which takes ten
times as long as reading it, and holds a whole log in memory. Here only the fields that the
table needs are kept.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from inspect_ai.log import read_eval_log_sample_summaries
from pydantic import BaseModel

from cornered.endings import Ending, early_end
from cornered.errors import RunError

SUMMARIES = "summaries.json"
"""The archive member of a finished log that holds all summaries."""
JOURNAL = re.compile(r"_journal/summaries/(\d+)\.json")
"""The archive members of an unfinished log, in the order of their numbers."""
CHUNK = 1 << 20
"""Characters read at a time; longer than nearly every summary."""
BETWEEN = "[, \n\r\t"
"""What may precede an object of a JSON list."""


class TokenUsage(BaseModel):
    """Tokens that one model used in a trial."""

    input_tokens: int = 0
    input_tokens_cache_write: int | None = None
    input_tokens_cache_read: int | None = None
    output_tokens: int = 0
    reasoning_tokens: int | None = None

    @property
    def counts(self) -> tuple[int, int]:
        """Input tokens, cached ones included, and output tokens."""
        cached = (self.input_tokens_cache_write or 0) + (self.input_tokens_cache_read or 0)
        return self.input_tokens + cached, self.output_tokens


class ScoreSummary(BaseModel):
    """The score of one scorer."""

    value: Any = None
    answer: str | None = None
    explanation: str | None = None
    reason: str | None = None
    metadata: dict[str, Any] | None = None


class TrialSummary(BaseModel):
    """One trial, as summarised in a log."""

    id: int | str
    epoch: int
    metadata: dict[str, Any] = {}
    scores: dict[str, ScoreSummary] | None = None
    model_usage: dict[str, TokenUsage] = {}
    role_usage: dict[str, TokenUsage] | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    total_time: float | None = None
    uuid: str | None = None
    error: str | None = None
    completed: bool = False


def read_summaries(log: Path) -> Iterator[TrialSummary]:
    """The trials of a log in its order; of a trial that was retried, the last entry counts.

    Args:
        log: An `.eval` file; other formats are read by Inspect.

    Raises:
        RunError: the file cannot be read.
    """
    if log.suffix != ".eval":
        for other in read_eval_log_sample_summaries(log):
            yield TrialSummary.model_validate(other.model_dump())
        return
    try:
        # Importing Inspect has registered its compression with `ZipFile`.
        with ZipFile(log) as members:
            for name in _members(members):
                with members.open(name) as member:
                    yield from map(TrialSummary.model_validate, _elements(member))
    except Exception as e:  # raised by the archive, its compression, JSON or a field
        raise unreadable(log, e) from None


class SampleEnds:
    """How samples of one log ended, where its summaries do not say: logs of version 0.1.0.

    Such a log is opened once and its samples are read one at a time. A context manager.

    Args:
        log: An `.eval` file; of other formats nothing is read.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._open: ZipFile | None = None

    def __enter__(self) -> SampleEnds:
        return self

    def __exit__(self, *error: object) -> None:
        if self._open:
            self._open.close()

    def ending(self, id: int | str, epoch: int) -> Ending | None:
        """How a sample ended, by the stop reason of its answer; None where that is not stored.

        Raises:
            RunError: the log cannot be read.
        """
        if self._log.suffix != ".eval":
            return None
        try:
            self._open = self._open or ZipFile(self._log)
            output = json.loads(self._open.read(f"samples/{id}_epoch_{epoch}.json"))["output"]
            choices = output.get("choices") or []
        except KeyError:  # no such sample, or one without an answer
            return None
        except Exception as e:  # raised by the archive, its compression or JSON
            raise unreadable(self._log, e) from None
        return (early_end(choices[0].get("stop_reason")) or "stop") if choices else None


def unreadable(log: Path, error: Exception) -> RunError:
    """The error for a damaged log, or a file that is not a log."""
    problem = str(error).strip().splitlines() or [type(error).__name__]
    return RunError(
        f"cannot be read: {problem[0]}", where=str(log), fix="restore the file, or move it away"
    )


def _members(log: ZipFile) -> list[str]:
    names = set(log.namelist())
    if SUMMARIES in names:
        return [SUMMARIES]
    matches = (match for name in names if (match := JOURNAL.fullmatch(name)))
    return [match[0] for match in sorted(matches, key=lambda match: int(match[1]))]


def _elements(member: IO[bytes]) -> Iterator[Any]:
    """The objects of a JSON list, a few at a time in memory.

    Uses Python's decoder, since an unscored value is NaN, which other JSON readers reject.

    Raises:
        ValueError: the file is not a JSON list.
    """
    decode = json.JSONDecoder().raw_decode
    text = io.TextIOWrapper(member, encoding="utf-8")
    buffer, at = "", 0
    while True:
        while buffer[at : at + 1] in BETWEEN and at < len(buffer):
            at += 1
        if buffer.startswith("]", at):
            return
        try:
            element, at = decode(buffer, at)
        except ValueError:
            # Doubled each time, so that a long object is not decoded again too often.
            more = text.read(max(CHUNK, len(buffer)))
            if not more:
                raise
            buffer, at = buffer[at:] + more, 0
        else:
            yield element
