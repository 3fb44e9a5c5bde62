"""The trials of a run as one flat Parquet file, with a data dictionary as JSON and Markdown."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornered.analysis.frame import (
    COLUMNS,
    COUNT,
    FACTOR,
    NUMBER,
    TIME,
    WORD,
    WORDS,
    YES_NO,
    ColumnKind,
    column,
    has_parquet,
)
from cornered.errors import RunError
from cornered.files import disk_errors, write_bytes, write_text
from cornered.run.load import load
from cornered.run.manifest import read_manifest
from cornered.run.packs import readable
from cornered.scenario import load_pack

if TYPE_CHECKING:
    import pandas as pd

TABLE = "export"
"""The folder within a run for its flat table, where no other is named."""
MOST_LEVELS = 40
"""Different words of a column that the dictionary lists."""
TYPES: dict[ColumnKind, str] = {
    WORD: "text",
    WORDS: "text: words with spaces between",
    YES_NO: "true or false",
    COUNT: "whole number",
    NUMBER: "number",
    TIME: "time in UTC",
}
"""How the dictionary calls the types of columns."""


def export_table(run: Path, folder: Path | None = None, wanted: Iterable[str] = ()) -> list[Path]:
    """Writes `trials.parquet`, `dictionary.json` and `dictionary.md`.

    Every column is a plain value: a list of labels is words with spaces between. A cell is empty
    (null) where a value is unknown; the dictionary says what that means for each column.

    Args:
        run: The run folder.
        folder: Where the files go; `RUN/export` if None.
        wanted: Which trials: ids, conditions, `CONDITION/ID`, or uuids; all if empty.

    Raises:
        RunError: there is no run or no such trial, the extra `parquet` is not installed, or a file
            cannot be written.
    """
    if not has_parquet():
        raise RunError(
            "Parquet needs the extra `parquet`",
            where="--to parquet",
            fix="pip install 'cornered[parquet]'; trials.csv is there without it",
        )
    out = folder if folder is not None else run / TABLE
    frame = chosen_rows(load(run), run, wanted)
    entries = dictionary(run, frame)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        paths = [out / name for name in ("trials.parquet", "dictionary.json", "dictionary.md")]
        write_bytes(paths[0], _parquet(_flat(frame), entries))
        write_text(paths[1], json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
        write_text(paths[2], _markdown(run.resolve().name, entries))
    return paths


def chosen_rows(frame: pd.DataFrame, run: Path, wanted: Iterable[str]) -> pd.DataFrame:
    """The rows of the trials that are asked for; all where none is.

    Raises:
        RunError: there is no such trial.
    """
    asked = set(wanted)
    if not asked:
        return frame
    names = [
        {str(row.id), str(row.condition), f"{row.condition}/{row.id}", str(row.uuid)}
        for row in frame.itertuples()
    ]
    if missing := asked - set().union(*names):
        raise RunError(
            f"there is no trial {min(missing)}",
            where=str(run),
            fix="give an id, a condition, or CONDITION/ID, as trials.csv has them",
        )
    return frame[[bool(asked & known) for known in names]]


def dictionary(run: Path, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What each column of the flat table means, in their order.

    Each entry has `name`, `meaning`, `type`, `unit` (None where it has none) and `levels`: by
    value what it means, or None where the vocabulary does not say; None for columns of free text
    and of numbers.
    """
    words, abouts = _words_of_levels(run)
    return [
        {
            "name": name,
            "meaning": _meaning(name, abouts),
            "type": TYPES[column_kind(name, frame)],
            "unit": _unit(name, column_kind(name, frame)),
            "levels": _levels(name, frame, words),
        }
        for name in frame.columns
    ]


def column_kind(name: str, frame: pd.DataFrame) -> ColumnKind:
    """The kind of a column of a table of trials; a factor's is that of its levels."""
    is_count = column(name) is COLUMNS[FACTOR] and str(frame[name].dtype) == "Int64"
    return COUNT if is_count else column(name).kind


def _unit(name: str, kind: ColumnKind) -> str | None:
    if name.endswith("tokens"):
        return "tokens"
    if name.endswith("cost_usd"):
        return "US dollars"
    if name == "seconds":
        return "seconds"
    if name in ("attempted", "carried_out", "blocked", "blocked_acts", "innocent_blocked"):
        return "actions"
    return {TIME: "UTC", COUNT: "count"}.get(kind)


def _meaning(name: str, abouts: Mapping[str, str]) -> str:
    if column(name) is COLUMNS[FACTOR] and name in abouts:
        return f"A factor: {abouts[name]}. Empty where the scenario does not offer it."
    return column(name).about


def _words_of_levels(run: Path) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """By factor, what each of its levels means, and what it is; from the packs of the run."""
    levels: dict[str, dict[str, str]] = {}
    abouts: dict[str, str] = {}
    for name in readable(run, read_manifest(run)).scenarios:
        for factor, known in load_pack(name).factors.vocabulary.items():
            abouts.setdefault(factor, known.about)
            for level, about in known.levels.items():
                levels.setdefault(factor, {}).setdefault(str(level), str(about))
    return levels, abouts


def _levels(
    name: str, frame: pd.DataFrame, words: Mapping[str, Mapping[str, str]]
) -> dict[str, str | None] | None:
    if column_kind(name, frame) != WORD or name in ("id", "uuid", "reason", "log"):
        return None
    values = [str(value) for value in frame[name].dropna().unique()]
    if len(values) > MOST_LEVELS:
        return None
    known = words.get(name, {}) if column(name) is COLUMNS[FACTOR] else {}
    return {value: _about(value, known) for value in values}


def _about(value: str, known: Mapping[str, str]) -> str | None:
    """What a level means; of several that are in force together, each."""
    parts = [known[part] for part in value.split("+") if part in known]
    return "; ".join(parts) or None


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    joined = [None if words is None else " ".join(words) for words in frame["labels"]]
    return frame.assign(labels=joined)


def _parquet(frame: pd.DataFrame, entries: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, pa.DataType] = {
        TYPES[YES_NO]: pa.bool_(),
        TYPES[COUNT]: pa.int64(),
        TYPES[NUMBER]: pa.float64(),
        TYPES[TIME]: pa.timestamp("us", tz="UTC"),
    }
    fields = [
        pa.field(
            entry["name"],
            types.get(entry["type"], pa.string()),
            metadata={"meaning": entry["meaning"], "unit": entry["unit"] or ""},
        )
        for entry in entries
    ]
    table = pa.Table.from_pandas(frame, pa.schema(fields), preserve_index=False)
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), out, compression="zstd")
    return out.getvalue()


def _markdown(run: str, entries: list[dict[str, Any]]) -> str:
    lines = [
        f"# The columns of trials.parquet ({run})",
        "",
        "One row per trial. An empty cell (null) is unknown: neither false nor 0.",
        "",
        "| column | meaning | type | unit | levels |",
        "|---|---|---|---|---|",
    ]
    for entry in entries:
        levels = entry["levels"] or {}
        told = "; ".join(f"`{k}`: {v}" if v else f"`{k}`" for k, v in levels.items())
        cells = (f"`{entry['name']}`", entry["meaning"], entry["type"], entry["unit"] or "", told)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
