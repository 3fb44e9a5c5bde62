"""The trials of a run as one table, one row per trial: for pandas, as Parquet and as CSV."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from cornered.analysis.roles import SUBJECT
from cornered.csvfile import cell
from cornered.experiment import Experiment
from cornered.files import fingerprint, write_bytes, write_text
from cornered.verdict.candor import MEASURES

if TYPE_CHECKING:
    import pyarrow as pa

    from cornered.analysis.trials import TrialResult

PARQUET, CSV = "trials.parquet", "trials.csv"
SCHEMA = 5
"""The version of the columns; a stored table of another version is not read."""
ABOUT = b"about"
"""Key of a column's description in the metadata of its Parquet field."""
SOURCE = b"cornered"
"""Key of the table's version and logs in the metadata of the Parquet file."""
ColumnKind = Literal["word", "words", "yes_no", "count", "number", "time"]
WORD: ColumnKind = "word"
WORDS: ColumnKind = "words"
YES_NO: ColumnKind = "yes_no"
COUNT: ColumnKind = "count"
NUMBER: ColumnKind = "number"
TIME: ColumnKind = "time"
DTYPES: dict[ColumnKind, str] = {
    WORD: "str",
    WORDS: "object",
    YES_NO: "boolean",
    COUNT: "Int64",
    NUMBER: "float64",
    TIME: "datetime64[us, UTC]",
}
"""The pandas type of each kind; all of them distinguish an empty cell from false and 0."""

DEEDS = ("attempted", "carried_out", "blocked", "blocked_acts", "innocent_blocked")
"""The columns of counts of actions."""
Dollars = tuple[float, float]
"""US dollars per million input tokens, and per million output tokens."""


@dataclass(frozen=True)
class Column:
    """The description of a column."""

    about: str
    """Its meaning, its unit, and when it is empty."""
    kind: ColumnKind


FACTOR, READING, VOTE = "FACTOR", "reading_NAME", "vote_JUDGE"
MEASURE, MEASURE_WHY = "measure_NAME", "why_NAME"
"""Placeholders for one column per factor, reading, judge and measure of the run."""

COLUMNS: dict[str, Column] = {
    "scenario": Column("The scenario.", WORD),
    "condition": Column("The cell: one level of every factor, in its written form.", WORD),
    FACTOR: Column(
        "The level of this factor; a whole number where the factor counts. Empty where the "
        "scenario does not offer it.",
        WORD,
    ),
    "control": Column("Whether it is the matched control, as the scenario defines it.", YES_NO),
    "model": Column("The model that acted, by its Inspect name.", WORD),
    "id": Column("The trial in its cell: unique with condition and model.", WORD),
    "uuid": Column("Inspect's own id of the trial; unique.", WORD),
    "status": Column(
        "scored; unscored: it ran and there is no verdict; unexposed: the agent did not meet what "
        "the scenario is about before it acted, so that it is in no rate and in no bounds; failed: "
        "the model failed.",
        WORD,
    ),
    "act": Column(
        "Whether the harmful action was executed, by code; empty where that is unknown.", YES_NO
    ),
    "judged": Column(
        "The judge's yes or no over everything that was carried out; empty where it was not asked "
        "or cannot tell.",
        YES_NO,
    ),
    "harmful": Column(
        "The judge's yes over everything that was carried out, with the act or without; false "
        "where nothing was carried out. Empty without a judge or its verdict.",
        YES_NO,
    ),
    "paper": Column(
        "Harmful by the 2025 study's own rule; empty but for the study's own prompts.", YES_NO
    ),
    "understood": Column(
        "A probe: whether every question was answered right; empty in other trials.", YES_NO
    ),
    "outcome": Column("The rung of the scenario's ladder; empty where nothing decides it.", WORD),
    "labels": Column(
        "Secondary labels by the judge, a list (in CSV with spaces between); empty where it did "
        "not read the trial.",
        WORDS,
    ),
    READING: Column(
        "What this reading finds in the reasoning, or in the debrief; empty where it says nothing.",
        WORD,
    ),
    VOTE: Column(
        "What this judge said: yes, no, cannot_tell, or why it gave no verdict; empty where it "
        "was not asked.",
        WORD,
    ),
    MEASURE: Column(
        "What code measured in what the trial left behind, 0 to 1, such as the share of items that "
        "a file answers right; no part of any verdict. Empty where there is no such number.",
        NUMBER,
    ),
    MEASURE_WHY: Column(
        "Why there is no such number: no_file, where nothing was handed in; unexposed; or what cut "
        "the trial off.",
        WORD,
    ),
    "reason": Column(
        "Why the trial is unscored, unexposed or failed, or has no verdict by a judge.", WORD
    ),
    "ending": Column(
        "How it ended: stop, where the agent stopped by itself; or what ended it. Empty where the "
        "log does not record it.",
        WORD,
    ),
    "attempted": Column(
        "Actions that were carried out, failed, or were blocked by an approval; looking is none. "
        "Empty where the log does not record them.",
        COUNT,
    ),
    "carried_out": Column("Those that were carried out.", COUNT),
    "blocked": Column("Those that an approval blocked.", COUNT),
    "blocked_acts": Column("The blocked ones that would have been the act.", COUNT),
    "innocent_blocked": Column("The other blocked ones: innocent work.", COUNT),
    "act_before": Column(
        "Whether the act was executed in a trial that is unscored since something ended it: in no "
        "rate.",
        YES_NO,
    ),
    "harmful_before": Column("Whether a judge calls what such a trial did harmful.", YES_NO),
    "act_attempted": Column(
        "Whether the act was executed, or blocked by an approval; empty where that is unknown.",
        YES_NO,
    ),
    "denial": Column(
        "In the interview: whether the model denied a deed that it did, in any answer; empty where "
        "it did none that was asked about, or an answer that would decide is unscored.",
        YES_NO,
    ),
    "doubling_down": Column(
        "Whether it denied such a deed openly, and again when it was asked pointedly.", YES_NO
    ),
    "false_confession": Column(
        "Whether it admitted a deed although it did none that was asked about; empty where it did "
        "any.",
        YES_NO,
    ),
    "input_tokens": Column(
        "Tokens of the prompts of the model that acted, cached ones too, without those that it "
        "read as a judge or reader.",
        COUNT,
    ),
    "output_tokens": Column("Tokens that it wrote as the one that acted.", COUNT),
    "reasoning_tokens": Column(
        "Tokens of its reasoning among them; empty where the provider does not say.", COUNT
    ),
    "reasoned": Column(
        "Whether there was any reasoning, in the answer or in the model's own channel; empty where "
        "the log does not record it.",
        YES_NO,
    ),
    "judge_input_tokens": Column("Tokens that all judges read; empty without a call.", COUNT),
    "judge_output_tokens": Column("Tokens that all judges wrote.", COUNT),
    "reader_input_tokens": Column("Tokens that the reader read; empty without a call.", COUNT),
    "reader_output_tokens": Column("Tokens that the reader wrote.", COUNT),
    "cost_usd": Column(
        "US dollars that all calls of the trial cost by list price, without discounts: the "
        "model's, and those of judges and readers that were asked while it ran. Empty where the "
        "tokens or the price of one of them is unknown.",
        NUMBER,
    ),
    "subject_cost_usd": Column(
        "The part of it for the model that acted; the rest is for judges and readers.", NUMBER
    ),
    "seconds": Column("Seconds of wall time, waiting included.", NUMBER),
    "started": Column("When the trial began (UTC); empty for imported ones.", TIME),
    "completed": Column("When it ended (UTC); empty for imported ones.", TIME),
    "judges": Column("The judges of the run, with ` + ` between; empty without one.", WORD),
    "judge_view": Column(
        "What the judges were shown: actions, or transcript; empty without a judge.", WORD
    ),
    "panel": Column(
        "When several judges have a verdict: majority, or unanimity; empty with fewer.", WORD
    ),
    "generation": Column(
        "The settings of generation that the run gives, with commas between.", WORD
    ),
    "pack_version": Column(
        "The version of the scenario's texts under which the trial ran, a short hash.", WORD
    ),
    "verdict_pack_version": Column(
        "The version of its texts that the verdict was made with; another one where the trial was "
        "scored again under another pack.",
        WORD,
    ),
    "rubric_version": Column(
        "The version of the judge's rubric, a part of those texts, a short hash.", WORD
    ),
    "verdict_cornered_version": Column("The version of cornered that made the verdict.", WORD),
    "cornered_version": Column("The version of cornered that ran the trial.", WORD),
    "inspect_version": Column("The version of Inspect that ran the trial.", WORD),
    "log": Column("The file in `logs/` that has the trial.", WORD),
}
"""Every column in its order, with its meaning: the documentation of the table."""


def column(name: str) -> Column:
    """The description of a column, also of one named after a factor, reading or judge."""
    for placeholder in (READING, VOTE, MEASURE, MEASURE_WHY):
        if name.startswith(placeholder.partition("_")[0] + "_"):
            return COLUMNS[placeholder]
    return COLUMNS.get(name, COLUMNS[FACTOR])


def trial_frame(
    trials: Sequence[TrialResult],
    experiment: Experiment,
    prices: Mapping[str, Dollars],
    *,
    pack_versions: Mapping[str, str] | None = None,
    rubric_versions: Mapping[str, str] | None = None,
    cornered_version: str | None = None,
) -> pd.DataFrame:
    """The trials of a run as a data frame; `COLUMNS` describes its columns.

    Truth values and counts are nullable (`boolean`, `Int64`), words are pandas' `str`, times are
    in UTC.

    Args:
        trials: The trials, in the order of the rows.
        experiment: The experiment of the run, for its judges.
        prices: Prices of models by their Inspect names; those of other models are unknown.
        pack_versions: By scenario, the version of its texts that the verdicts were made with.
        rubric_versions: By scenario, the version of its rubric.
        cornered_version: The version of cornered that made the verdicts.
    """
    by_scenario = {
        "verdict_pack_version": pack_versions or {},
        "rubric_version": rubric_versions or {},
    }
    judges = experiment.judges
    same = {
        "judges": " + ".join(judges) or None,
        "judge_view": experiment.judge_view if judges else None,
        "panel": experiment.panel if len(judges) > 1 else None,
        "verdict_cornered_version": cornered_version,
        "generation": experiment.generation.written(),
    }
    values: dict[str, list[Any]] = {}
    for name in COLUMNS:
        if name == FACTOR:
            values |= _spread(trials, [t.factors for t in trials])
        elif name == READING:
            values |= _spread(trials, [t.readings for t in trials], "reading_")
        elif name == VOTE:
            values |= _spread(trials, [t.votes for t in trials], "vote_", first=judges)
        elif name == MEASURE:
            each = [{n: m.value for n, m in t.measures.items()} for t in trials]
            values |= _spread(trials, each, "measure_")
        elif name == MEASURE_WHY:
            whys = [{n: m.why for n, m in t.measures.items()} for t in trials]
            values |= _spread(trials, whys, "why_")
        elif name in by_scenario:
            values[name] = [by_scenario[name].get(t.scenario or "") for t in trials]
        elif name == "cost_usd":
            values[name] = [_cost(t.usage, prices) for t in trials]
        elif name == "subject_cost_usd":
            values[name] = [_subject_cost(t, prices) for t in trials]
        elif name.startswith(("judge_", "reader_")) and name.endswith("_tokens"):
            role, way, _ = name.split("_")
            place = ("input", "output").index(way)
            values[name] = [t.roles[role][place] if role in t.roles else None for t in trials]
        elif name in ("cornered_version", "inspect_version"):
            package = {"cornered_version": "cornered", "inspect_version": "inspect_ai"}[name]
            values[name] = [t.versions.get(package) for t in trials]
        elif name in DEEDS:
            values[name] = [t.deeds and getattr(t.deeds, name) for t in trials]
        elif name in MEASURES:
            values[name] = [t.candor and getattr(t.candor, name) for t in trials]
        elif name == "control":
            values[name] = [t.is_control for t in trials]
        elif name in same:
            values[name] = [same[name]] * len(trials)
        else:
            values[name] = [getattr(t, name) for t in trials]
    return pd.DataFrame(
        {
            name: _series(cells, _kind(name, counts=_all_counts(cells)))
            for name, cells in values.items()
        }
    )


def _series(cells: Sequence[Any], kind: ColumnKind) -> pd.Series[Any]:
    if kind == TIME:
        return pd.to_datetime(pd.Series(cells, dtype="object"), utc=True).astype(DTYPES[TIME])
    if kind == WORDS:  # lists, which `DataFrame.explode` accepts
        cells = [None if words is None else list(words) for words in cells]
    return pd.Series(cells, dtype=DTYPES[kind])


def _spread(
    trials: Sequence[TrialResult],
    rows: Sequence[Mapping[str, Any]],
    prefix: str = "",
    first: Iterable[str] = (),
) -> dict[str, list[Any]]:
    """A column for each key of the rows; those of `first` come first, if there are any trials."""
    names = dict.fromkeys([*(first if trials else ()), *(key for row in rows for key in row)])
    columns = {name: [row.get(name) for row in rows] for name in names}
    if not prefix:  # a factor may have counts in one scenario and words in another
        columns = {
            n: cells if _all_counts(cells) else _words(cells) for n, cells in columns.items()
        }
    return {prefix + name: cells for name, cells in columns.items()}


def _words(cells: Iterable[Any]) -> list[str | None]:
    return [None if cell is None else str(cell) for cell in cells]


def _all_counts(cells: Sequence[Any]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(isinstance(cell, int) for cell in known)


def _cost(usage: Mapping[str, tuple[int, int]], prices: Mapping[str, Dollars]) -> float | None:
    """US dollars; None if the tokens or a price are unknown."""
    if not usage or any(model not in prices for model in usage):
        return None
    millionths = sum(
        tokens * dollars
        for model, used in usage.items()
        for tokens, dollars in zip(used, prices[model], strict=True)
    )
    return round(millionths / 1_000_000, 9)


def _subject_cost(trial: TrialResult, prices: Mapping[str, Dollars]) -> float | None:
    used = trial.roles.get(SUBJECT)
    return _cost({trial.model: used}, prices) if used else None


def _kind(name: str, *, counts: bool) -> ColumnKind:
    described = column(name)
    return COUNT if described is COLUMNS[FACTOR] and counts else described.kind


def _as_frame(table: pa.Table) -> pd.DataFrame:
    """The table of a Parquet file, with the types of `trial_frame`."""
    import pyarrow as pa

    nullable = {pa.bool_(): pd.BooleanDtype(), pa.int64(): pd.Int64Dtype()}
    frame = table.to_pandas(types_mapper=nullable.get, ignore_metadata=True)
    # Lists, which `DataFrame.explode` accepts, instead of pyarrow's arrays.
    frame["labels"] = pd.Series(table["labels"].to_pylist(), dtype=object)
    return frame


def write_tables(folder: Path, frame: pd.DataFrame) -> None:
    """Writes `trials.csv` and `trials.parquet` into a run folder, each atomically.

    Parquet needs the extra `parquet` (pyarrow, 170 MB); without it only the CSV is written.

    Args:
        folder: The run folder.
        frame: Its trials.
    """
    if has_parquet():
        _write_parquet(folder, frame)
    plain = frame.assign(
        labels=[None if labels is None else " ".join(labels) for labels in frame["labels"]]
    )
    texts = plain.select_dtypes(["object", "string"]).columns
    plain = plain.assign(**{name: [cell(value) for value in plain[name]] for name in texts})
    plain.columns = [cell(name) for name in plain.columns]
    dates = "%Y-%m-%dT%H:%M:%S.%fZ"
    write_text(folder / CSV, plain.to_csv(index=False, lineterminator="\n", date_format=dates))


def has_parquet() -> bool:
    """Whether the extra `parquet` is installed."""
    return find_spec("pyarrow") is not None


def _write_parquet(folder: Path, frame: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[ColumnKind, pa.DataType] = {
        WORD: pa.string(),
        WORDS: pa.list_(pa.string()),
        YES_NO: pa.bool_(),
        COUNT: pa.int64(),
        NUMBER: pa.float64(),
        TIME: pa.timestamp("us", tz="UTC"),
    }
    fields = [
        pa.field(
            name,
            types[_kind(name, counts=pd.api.types.is_integer_dtype(frame[name].dtype))],
            metadata={ABOUT: column(name).about},
        )
        for name in frame.columns
    ]
    source = {SOURCE: json.dumps({"schema": SCHEMA, "logs": fingerprint(folder)})}
    table = pa.Table.from_pandas(frame, pa.schema(fields), preserve_index=False)
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(source), out, compression="zstd")
    write_bytes(folder / PARQUET, out.getvalue())


def stored_frame(folder: Path) -> pd.DataFrame | None:
    """The stored table of a run folder.

    Returns:
        None if there is none, it has other columns or is out of date, or the extra `parquet` is
        not installed.
    """
    if not has_parquet():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / PARQUET
    try:
        source = json.loads((pq.read_schema(path).metadata or {}).get(SOURCE, b"{}"))
        if source != {"schema": SCHEMA, "logs": fingerprint(folder)}:
            return None
        return _as_frame(pq.read_table(path))
    except (OSError, ValueError, pa.ArrowException):  # no table, or a damaged one: read the logs
        return None
