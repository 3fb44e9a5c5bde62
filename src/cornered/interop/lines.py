"""Stored answers in JSONL, one per line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornered.errors import CorneredError
from cornered.files import Progress
from cornered.interop.conditions import ConditionFinder, reason
from cornered.interop.stored import (
    StoredResults,
    StoredTrial,
    Unread,
    answer,
    chat,
    first,
    sha256,
)


def read_lines(
    files: list[tuple[Path, str]],
    cells: ConditionFinder,
    *,
    model: str | None,
    condition: str | None,
    advance: Progress,
) -> StoredResults:
    """Reads every answer of JSONL files.

    A line has `id` and an answer (`response_text`), and may have `model`, `scenario`,
    `condition`, `stop_reason`, `reasoning_text`, and `prompt` or `messages`. Labels are not
    imported; a notice counts them.

    Args:
        files: Each file, with its name in the trials' metadata.
        cells: Finds conditions.
        model: The model of lines that name none.
        condition: The condition of lines that name none.
        advance: Progress callback, in bytes.
    """
    results = StoredResults()
    total, done = sum(path.stat().st_size for path, _ in files), 0
    for path, name in files:
        data = path.read_bytes()
        digest = sha256(data)
        for number, line in enumerate(data.split(b"\n"), 1):
            done += len(line) + 1
            if line.strip():
                where = f"{name}:{number}"
                try:
                    record = _record(line)
                    trial = _trial(record, cells, where, digest, model, condition)
                except (CorneredError, ValueError) as e:
                    what = reason(e) if isinstance(e, CorneredError) else str(e)
                    results.unread.append(Unread(where, what))
                    continue
                results.trials.append(trial)
                if any("label" in key for key in record):
                    results.notices["have labels, which were not imported"] += 1
            if number % 100 == 0:
                advance(min(done, total), total)
        advance(min(done, total), total)
    return results


def _record(line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as e:
        raise ValueError(f"is not JSON ({e})") from None
    if not isinstance(record, dict):
        raise ValueError("is not a JSON object")
    return record


def _trial(
    record: Mapping[str, Any],
    cells: ConditionFinder,
    where: str,
    digest: str,
    model: str | None,
    condition: str | None,
) -> StoredTrial:
    name, cell = record.get("model") or model, record.get("condition") or condition
    if not isinstance(record.get("id"), str | int) or record["id"] == "":
        raise ValueError("has no id")
    if not isinstance(name, str):
        raise ValueError("names no model; give it with --model")
    if not isinstance(cell, str):
        raise ValueError("names no condition; give it with --condition")
    scenario = record.get("scenario")
    output = answer(record, name)
    error = record.get("error")
    return StoredTrial(
        condition=cells.find(cell, scenario if isinstance(scenario, str) else None),
        model=name,
        id=str(record["id"]),
        prompt=chat(first(("messages", "prompt"), record)),
        output=output,
        paper=None,
        error=error if isinstance(error, str) and error and not output.completion else None,
        origin=where.rpartition(":")[0],
        source=where,
        sha256=digest,
    )
