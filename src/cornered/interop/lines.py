"""Stored answers in JSONL, one per line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cornered.errors import CorneredError
from cornered.files import Progress
from cornered.interop.conditions import ConditionFinder, reason
from cornered.interop.records import Record, read_records
from cornered.interop.stored import (
    StoredResults,
    StoredTrial,
    Unread,
    answer,
    answered,
    chat,
    first,
    sha256,
    stored_error,
)
from cornered.scenario.condition import Condition


def read_lines(
    files: list[tuple[Path, str]],
    cells: ConditionFinder,
    *,
    model: str | None,
    condition: str | None,
    advance: Progress,
) -> StoredResults:
    """Reads every answer of JSONL files.

    A line has `id` and an answer (`response_text`, or an API's object), and may have `model`,
    `scenario`, `condition`, `stop_reason`, `reasoning_text`, `tool_calls`, and `prompt` or
    `messages`. Labels are not imported; a notice counts them. A line that cannot be read stops
    nothing: it is recorded, in the cell that it names, or in the only cell of its file.

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
        trials: list[StoredTrial] = []
        unread: list[Unread] = []
        for count, record in enumerate(read_records(data), 1):
            where = f"{name}:{record.place}"
            try:
                if record.problem:
                    raise ValueError(record.problem)
                trials.append(_trial(record.value, cells, where, digest, model, condition))
            except (CorneredError, ValueError, RecursionError) as e:
                what = reason(e) if isinstance(e, CorneredError) else str(e)
                unread.append(_unread(record, cells, where, what, model, condition))
                continue
            if record.repaired:
                results.notices["had half characters (lone surrogates), which were replaced"] += 1
            if any("label" in key for key in record.value):
                results.notices["have labels, which were not imported"] += 1
            if count % 100 == 0:
                advance(min(done + len(data) // 2, total), total)
        results.trials += trials
        results.unread += _in_only_cell(unread, trials)
        done += len(data)
        advance(min(done, total), total)
    return results


def _in_only_cell(unread: list[Unread], trials: list[StoredTrial]) -> list[Unread]:
    """Lines without a cell of their own belong to that of their file, where it has only one."""
    known = {(trial.condition, trial.model) for trial in trials}
    if len(known) != 1:
        return unread
    ((condition, model),) = known
    return [
        replace(line, condition=condition, model=model)
        if line.condition in (None, condition) and line.model in (None, model)
        else line
        for line in unread
    ]


def _unread(
    record: Record,
    cells: ConditionFinder,
    where: str,
    what: str,
    model: str | None,
    condition: str | None,
) -> Unread:
    name, id = record.value.get("model") or model, record.value.get("id")
    try:
        cell = _condition(record.value, cells, condition)
    except (CorneredError, ValueError):
        cell = None
    return Unread(
        where, what, cell, name if isinstance(name, str) else None, str(id)[:200] if id else ""
    )


def _condition(
    record: Mapping[str, Any], cells: ConditionFinder, condition: str | None
) -> Condition:
    cell, scenario = record.get("condition") or condition, record.get("scenario")
    if not isinstance(cell, str):
        raise ValueError("names no condition; give it with --condition")
    return cells.find(cell, scenario if isinstance(scenario, str) else None)


def _trial(
    record: Mapping[str, Any],
    cells: ConditionFinder,
    where: str,
    digest: str,
    model: str | None,
    condition: str | None,
) -> StoredTrial:
    name = record.get("model") or model
    id = trial_id(record)
    if not isinstance(name, str):
        raise ValueError("names no model; give it with --model")
    if not isinstance(record.get("condition") or condition, str):
        raise ValueError("names no condition; give it with --condition")
    output = answer(record, name)
    return StoredTrial(
        condition=_condition(record, cells, condition),
        model=name,
        id=id,
        prompt=chat(first(("messages", "prompt"), record)),
        output=output,
        paper=None,
        error=None if answered(output) else stored_error(record),
        origin=where.rpartition(":")[0],
        source=where,
        sha256=digest,
    )


def trial_id(record: Mapping[str, Any]) -> str:
    """The id of a record, as a text.

    Raises:
        ValueError: it has none.
    """
    id = record.get("id")
    if not isinstance(id, str | int) or isinstance(id, bool) or not str(id).strip():
        raise ValueError("has no id")
    return str(id)
