"""What a log says of each of its trials in short, without the texts.

Inspect's own reader checks and shortens again every text of every summary, which takes ten
times as long as reading it, and holds those of a whole log at once. Here a log is read trial by
trial, and only what the table has is kept.
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

from cornered.errors import RunError

SUMMARIES = "summaries.json"
"""The member of a finished log that has them all."""
JOURNAL = re.compile(r"_journal/summaries/(\d+)\.json")
"""The members of a log that is not finished, in the order of their numbers."""
CHUNK = 1 << 20
"""Characters that are read at a time; longer than nearly every summary."""
BETWEEN = "[, \n\r\t"
"""What stands between the objects of a list, and before the first."""


class Usage(BaseModel):
    """Tokens that a trial took of one model."""

    input_tokens: int = 0
    input_tokens_cache_write: int | None = None
    input_tokens_cache_read: int | None = None
    output_tokens: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Of prompts, cached ones too, and of answers."""
        cached = (self.input_tokens_cache_write or 0) + (self.input_tokens_cache_read or 0)
        return self.input_tokens + cached, self.output_tokens


class Scored(BaseModel):
    """What one scorer gave a trial."""

    value: Any = None
    answer: str | None = None
    reason: str | None = None
    metadata: dict[str, Any] | None = None


class Summary(BaseModel):
    """One trial, as the summaries of a log have it."""

    id: int | str
    epoch: int
    metadata: dict[str, Any] = {}
    scores: dict[str, Scored] | None = None
    model_usage: dict[str, Usage] = {}
    started_at: datetime | None = None
    completed_at: datetime | None = None
    total_time: float | None = None
    uuid: str | None = None
    error: str | None = None
    completed: bool = False


def read_summaries(log: Path) -> Iterator[Summary]:
    """The trials of a log, in its order; one that was tried again may come twice, the last counts.

    Args:
        log: An `.eval` file; any other is left to Inspect's own reader.

    Raises:
        RunError: the file cannot be read.
    """
    if log.suffix != ".eval":
        for other in read_eval_log_sample_summaries(log):
            yield Summary.model_validate(other.model_dump())
        return
    try:
        # Inspect has taught `ZipFile` its compression by the time that this module is imported.
        with ZipFile(log) as members:
            for name in _members(members):
                with members.open(name) as member:
                    yield from map(Summary.model_validate, _elements(member))
    except Exception as e:  # whatever the archive, its compression, JSON and the fields raise
        raise unreadable(log, e) from None


def unreadable(log: Path, error: Exception) -> RunError:
    """The error of a log that is no log, or a damaged one."""
    problem = str(error).strip().splitlines() or [type(error).__name__]
    return RunError(
        f"cannot be read: {problem[0]}", where=str(log), fix="restore the file, or move it away"
    )


def _members(log: ZipFile) -> list[str]:
    names = set(log.namelist())
    if SUMMARIES in names:
        return [SUMMARIES]
    numbered = (match for name in names if (match := JOURNAL.fullmatch(name)))
    return [match[0] for match in sorted(numbered, key=lambda match: int(match[1]))]


def _elements(member: IO[bytes]) -> Iterator[Any]:
    """The objects of a list in JSON, never more than a few at a time in memory.

    By Python's own decoder, since an unscored value is NaN, which other readers refuse.

    Raises:
        ValueError: it is something else.
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
            # Twice as much each time, so that a long object is not tried again too often.
            more = text.read(max(CHUNK, len(buffer)))
            if not more:
                raise
            buffer, at = buffer[at:] + more, 0
        else:
            yield element
