"""The transcripts of a run in the formats of Docent and of Inspect Scout.

Both are written as those programs document them, without either installed. Docent: one agent run
a line, as its `AgentRun` has it. Scout: a folder that is a database of transcripts, Parquet files
with one transcript a row and every further column a part of its metadata.

Sources: docs.transluce.org/concepts/data-models (docent 0.1); the schema of
`inspect_scout.transcripts_db_schema` (inspect-scout 0.6).
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inspect_ai.log import EvalSample, read_eval_log_samples
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool

from cornered.analysis.frame import has_parquet
from cornered.analysis.trials import current_logs
from cornered.errors import RunError
from cornered.files import disk_errors
from cornered.run.export_table import chosen_rows, column_kind
from cornered.run.load import load
from cornered.run.manifest import read_manifest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Program = Literal["docent", "scout"]
DOCENT_FILE, SCOUT_FILE = "agent_runs.jsonl", "transcripts.parquet"
ROWS = 200
"""Transcripts that are held in memory at once."""
OURS = uuid.UUID("b3e2c5a0-6f1d-4a1e-9a53-0c0f7d1f2b11")
"""The name space of the ids that Docent wants as UUIDs: the same trial has the same id again."""
_UNREAD = {"events", "events_data", "timelines", "store"}
"""Parts of a stored trial that are not exported."""
_SCOUTS = {
    "transcript_id": "word",
    "source_type": "word",
    "source_id": "word",
    "source_uri": "word",
    "date": "word",
    "task_set": "word",
    "task_id": "word",
    "task_repeat": "count",
    "agent": "word",
    "model": "word",
    "score": "word",
    "score_explanation": "word",
    "message_count": "count",
    "total_time": "number",
    "total_tokens": "count",
    "error": "word",
    "limit": "word",
    "messages": "word",
}
"""The columns of Scout that are written, with the kind of each."""
_OF_SCOUT = {"model", "log", "uuid", "id", "started", "seconds"}
"""Our columns that are columns of Scout's own, under the same or another name."""


@dataclass(frozen=True)
class _Told:
    """A trial with its messages and its row of the table."""

    sample: EvalSample
    row: dict[str, Any]
    messages: list[ChatMessage]
    log: Path
    eval_id: str


def export_transcripts(
    run: Path, program: Program, folder: Path | None = None, wanted: Iterable[str] = ()
) -> tuple[Path, int]:
    """Writes the transcripts of a run for another program.

    Args:
        run: The run folder.
        program: `docent`, a JSONL file of agent runs; or `scout`, a folder of transcripts.
        folder: Where the file goes; `RUN/docent` or `RUN/scout` if None.
        wanted: Which trials: ids, conditions, `CONDITION/ID`, or uuids; all if empty.

    Returns:
        The file, and the number of transcripts in it.

    Raises:
        RunError: there is no run or no such trial, Scout's format needs the extra `parquet`, or a
            file cannot be written.
    """
    read_manifest(run)
    if program == "scout" and not has_parquet():
        raise RunError(
            "the format of Scout is Parquet, which needs the extra `parquet`",
            where="--to scout",
            fix="pip install 'cornered[parquet]'",
        )
    out = folder if folder is not None else run / program
    path = out / (DOCENT_FILE if program == "docent" else SCOUT_FILE)
    frame = chosen_rows(load(run), run, wanted)
    told = _trials(run, frame)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            if program == "docent":
                count = _write_docent(part, told)
            else:
                count = _write_scout(part, told, frame)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path, count


def _trials(run: Path, frame: pd.DataFrame) -> Iterator[_Told]:
    rows = {row["uuid"]: row for row in json.loads(frame.to_json(orient="records"))}
    times = {"started", "completed"} & {*frame.columns}
    for name in times:
        for uuid_, when in zip(frame["uuid"], frame[name], strict=True):
            if uuid_ in rows:
                rows[uuid_][name] = None if when is None or when != when else when.isoformat()
    for info, log in current_logs(run):
        for sample in read_eval_log_samples(
            info, all_samples_required=False, resolve_attachments=True, exclude_fields=_UNREAD
        ):
            row = rows.get(sample.uuid)
            if row is not None:
                yield _Told(sample, row, _messages(sample), Path(info.name), log.eval.eval_id or "")


def _messages(sample: EvalSample) -> list[ChatMessage]:
    """The messages of a trial, its answer last where the log keeps that apart."""
    messages = [*sample.messages]
    if sample.output.choices and not any(
        isinstance(message, ChatMessageAssistant) for message in messages
    ):
        messages.append(sample.output.choices[0].message)
    return messages


def _write_docent(path: Path, told: Iterator[_Told]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for trial in told:
            text = json.dumps(_agent_run(trial), ensure_ascii=False)
            # A lone surrogate, which UTF-8 cannot hold, is a question mark there.
            file.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")
            count += 1
    return count


def _agent_run(trial: _Told) -> dict[str, Any]:
    row = trial.row
    unique = str(uuid.uuid5(OURS, f"{trial.sample.uuid}"))
    return {
        "id": unique,
        "name": f"{row['condition']}/{row['id']}",
        "description": f"{row['model']} in {row['condition']}",
        "transcripts": [
            {
                "id": str(uuid.uuid5(OURS, f"{trial.sample.uuid} transcript")),
                "name": "agent",
                "messages": [_docent_message(message) for message in trial.messages],
                "metadata": {},
            }
        ],
        "metadata": {
            "benchmark": "cornered",
            **{key: value for key, value in row.items() if value is not None},
            "scores": {
                key: row[key] for key in ("act", "harmful", "paper") if row.get(key) is not None
            },
            "explanation": _explanation(trial.sample),
        },
    }


def _docent_message(message: ChatMessage) -> dict[str, Any]:
    """A message as Docent has it: text and reasoning; what is neither is named in brackets."""
    told: dict[str, Any] = {"role": message.role, "content": _docent_content(message)}
    if message.id:
        told["id"] = message.id
    if isinstance(message, ChatMessageAssistant):
        told["model"] = message.model
        told["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": call.function,
                "arguments": call.arguments,
                "parse_error": call.parse_error,
            }
            for call in message.tool_calls or ()
        ] or None
    if isinstance(message, ChatMessageTool):
        told["tool_call_id"] = message.tool_call_id
        told["function"] = message.function
        error = message.error
        told["error"] = {"type": error.type, "message": error.message} if error else None
    return told


def _docent_content(message: ChatMessage) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if part.type == "text":
            parts.append({"type": "text", "text": part.text})
        elif part.type == "reasoning":
            parts.append(
                {
                    "type": "reasoning",
                    "reasoning": part.reasoning,
                    "summary": part.summary,
                    "redacted": part.redacted,
                }
            )
        else:
            parts.append({"type": "text", "text": f"[{part.type}]"})
    return parts


def _explanation(sample: EvalSample) -> str | None:
    """Why the judge, or the code, came to its verdict."""
    score = (sample.scores or {}).get("verdict")
    if score is None:
        return None
    judges = (score.metadata or {}).get("judges") or []
    reasons = [str(j.get("reason")) for j in judges if isinstance(j, dict) and j.get("reason")]
    return "\n".join(reasons) or score.explanation


def _write_scout(path: Path, told: Iterator[_Told], frame: pd.DataFrame) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    schema = _scout_schema(frame)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while rows := [*_first(told, ROWS)]:
            writer.write_table(pa.Table.from_pylist(rows, schema))
            count += len(rows)
    return count


def _first(told: Iterator[_Told], most: int) -> Iterator[dict[str, Any]]:
    for _, trial in zip(range(most), told, strict=False):
        yield _scout_row(trial)


def _scout_row(trial: _Told) -> dict[str, Any]:
    sample, row = trial.sample, trial.row
    usage = [used.total_tokens for used in sample.model_usage.values()]
    messages = [message.model_dump(mode="json", exclude_none=True) for message in trial.messages]
    scores = {key: row[key] for key in ("act", "harmful", "paper") if row.get(key) is not None}
    own = {
        "transcript_id": sample.uuid,
        "source_type": "cornered",
        "source_id": trial.eval_id,
        "source_uri": trial.log.resolve().as_uri(),
        "date": row.get("started"),
        "task_set": row["scenario"],
        "task_id": f"{row['condition']}/{row['id']}",
        "task_repeat": sample.epoch,
        "agent": row.get("scaffold"),
        "model": row["model"],
        "score": json.dumps(scores) if scores else None,
        "score_explanation": _explanation(sample),
        "message_count": len(messages),
        "total_time": row.get("seconds"),
        "total_tokens": sum(usage) if usage else None,
        "error": sample.error.message if sample.error else None,
        "limit": sample.limit.type if sample.limit else None,
        "messages": json.dumps(messages),
    }
    return own | {_scout_name(k): _plain(v) for k, v in row.items() if k not in _OF_SCOUT}


def _plain(value: Any) -> Any:
    """A value of the table as Scout's metadata has it; a list is words with spaces between."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _scout_name(column: str) -> str:
    """A column of ours in Scout's table, which has meanings of its own for some names."""
    return f"factor_{column}" if column in _SCOUTS else column


def _scout_schema(frame: pd.DataFrame) -> pa.Schema:
    """The types of the columns: first Scout's own, then ours."""
    import pyarrow as pa

    kinds = {"count": pa.int64(), "number": pa.float64(), "yes_no": pa.bool_()}
    own = [pa.field(name, kinds.get(kind, pa.large_string())) for name, kind in _SCOUTS.items()]
    ours = [
        pa.field(_scout_name(name), kinds.get(column_kind(name, frame), pa.large_string()))
        for name in frame.columns
        if name not in _OF_SCOUT
    ]
    return pa.schema([*own, *ours])
