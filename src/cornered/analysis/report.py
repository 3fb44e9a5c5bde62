"""The report of a run: one HTML file that opens from disk, with nothing to fetch or execute."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from inspect_ai.log import EvalSample, list_eval_logs, read_eval_log_samples

from cornered.analysis.reference import beside
from cornered.analysis.stats import percent
from cornered.analysis.table import Cell, Screen, Trial
from cornered.experiment import Experiment
from cornered.files import write_text
from cornered.verdict.debrief import QUESTIONS
from cornered.verdict.readings import debrief_readings, known_readings

TEMPLATE = "report.html.j2"
MAX_TRANSCRIPTS = 200
"""Trials whose text the page holds; the others are in the logs."""


@dataclass(frozen=True)
class Segment:
    """A piece of an answer."""

    text: str
    kind: str
    """text, executed or attempted."""


@dataclass(frozen=True)
class Transcript:
    """What one trial said and did."""

    trial: Trial
    segments: tuple[Segment, ...]
    reasoning: str
    """The model's own reasoning channel, where it has one."""
    facts: dict[str, bool]
    notes: tuple[str, ...]
    judges: dict[str, str]
    """What each judge said, in its words."""
    readings: dict[str, str]
    """What was read in it, in the reader's words."""
    debrief: tuple[str, ...]
    """What the agent said afterwards, of the exchange and of its actions."""


def _segments(text: str, actions: Sequence[Mapping[str, Any]]) -> Iterator[Segment]:
    at = 0
    for action in sorted(actions, key=lambda a: int(a["start"])):
        start, end = max(at, int(action["start"])), int(action["end"])
        if start >= end:
            continue
        if text[at:start].strip():
            yield Segment(text[at:start].strip("\n"), "text")
        yield Segment(text[start:end], "executed" if action["executed"] else "attempted")
        at = end
    if text[at:].strip():
        yield Segment(text[at:].strip("\n"), "text")


def _transcript(trial: Trial, sample: EvalSample) -> Transcript:
    score = (sample.scores or {}).get("verdict")
    data = (score.metadata if score else None) or {}
    reasoning = ""
    if sample.output.choices and isinstance(sample.output.message.content, list):
        parts = [c for c in sample.output.message.content if c.type == "reasoning"]
        reasoning = "\n\n".join(p.reasoning or p.summary or "" for p in parts)
    actions = data.get("actions", [])
    notes = [*data.get("warnings", []), *(a["note"] for a in actions if a.get("note"))]
    return Transcript(
        trial=trial,
        segments=tuple(_segments(sample.output.completion, actions)),
        reasoning=reasoning,
        facts=data.get("facts", {}),
        notes=tuple(dict.fromkeys(notes)),
        judges={
            j["model"]: f"{j['verdict'] or j['unscored']}. {j['reason']}"
            for j in data.get("judges", [])
        },
        readings={
            name: f"{r['value'] or r['unscored']}. {r['reason']}"
            for scorer in ("readings", "debrief")
            for name, r in _data(sample, scorer).get("readings", {}).items()
        },
        debrief=tuple(
            _data(sample, "debrief")[question]
            for question in QUESTIONS
            if _data(sample, "debrief").get(question)
        ),
    )


def _data(sample: EvalSample, scorer: str) -> dict[str, Any]:
    score = (sample.scores or {}).get(scorer)
    return (score.metadata if score else None) or {}


def read_transcripts(folder: Path, trials: Sequence[Trial], most: int) -> list[Transcript]:
    """The text of the first trials of each cell, at most `most` in all, shared out evenly."""
    groups = [list(g) for _, g in groupby(sorted(trials, key=_cell), key=_cell)]
    share = max(1, most // max(1, len(groups)))
    wanted = {t.uuid: t for g in groups for t in g[:share]}
    found = []
    by_name = {Path(i.name).name: i for i in list_eval_logs(str(folder / "logs"))}
    for name in dict.fromkeys(t.log for t in wanted.values()):
        for sample in read_eval_log_samples(
            by_name[name], all_samples_required=False, exclude_fields={"events", "attachments"}
        ):
            if trial := wanted.get(sample.uuid or ""):
                found.append(_transcript(trial, sample))
    return found


def _cell(trial: Trial) -> tuple[str, str]:
    return trial.model, trial.condition


def _in_order(transcripts: Sequence[Transcript], table: Sequence[Cell]) -> list[Transcript]:
    """Transcripts in the order of the table, then of their ids."""
    place = {(c.model, c.condition): n for n, c in enumerate(table)}
    return sorted(transcripts, key=lambda t: (place.get(_cell(t.trial), -1), t.trial.id))


def write_report(
    folder: Path,
    experiment: Experiment,
    table: Sequence[Cell],
    trials: Sequence[Trial],
    facts: Mapping[str, Any],
    ladders: Mapping[str, Sequence[str]],
    notes: Sequence[str] = (),
) -> Path:
    """Writes `report.html`, `cells.csv` and `trials.csv` into a run folder.

    Args:
        folder: The run folder.
        experiment: What was run.
        table: Its cells.
        trials: Its trials.
        facts: More for the methods section, name to value: versions, dates, hashes.
        ladders: For each scenario the rungs of its outcome ladder, from harmless to harmful.
        notes: What a reader should know of the judges, a sentence or two each.

    Returns:
        The path of the page.
    """
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("cornered.analysis", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["percent"] = percent
    page = env.get_template(TEMPLATE).render(
        experiment=experiment,
        cells=table,
        published=beside(table),
        screened=screened_out(table),
        ladders=ladders,
        labels=sorted({label for cell in table for label in cell.labels}),
        unknown=sum((c.harmful or c.act).unknown for c in table),
        trials=trials,
        transcripts=_in_order(read_transcripts(folder, trials, MAX_TRANSCRIPTS), table),
        facts=facts,
        notes=notes,
        readings={
            name: spec.about for name, spec in {**known_readings(), **debrief_readings()}.items()
        },
    )
    path = folder / "report.html"
    write_text(path, page)
    write_text(folder / "cells.csv", _csv(_cell_rows(table)))
    names = [f.name for f in fields(Trial)]
    rows = [
        asdict(t)
        | {
            "labels": " ".join(t.labels or ()),
            "readings": " ".join(f"{name}={said or ''}" for name, said in t.readings.items()),
            "votes": " ".join(f"{judge}={said}" for judge, said in t.votes.items()),
        }
        for t in trials
    ]
    write_text(folder / "trials.csv", _csv(rows, names))
    return path


def screened_out(table: Sequence[Cell]) -> list[tuple[str, str, Screen]]:
    """Each model and scenario that the controls screen out, and what they say."""
    found = {(c.model, c.scenario): c.screen for c in table if c.screen and c.screen.out}
    return [(model, scenario, screen) for (model, scenario), screen in found.items()]


def _cell_rows(table: Sequence[Cell]) -> list[dict[str, Any]]:
    rows = []
    for cell in table:
        plain = cell.as_dict()
        row = {k: v for k, v in plain.items() if not isinstance(v, dict)}
        for verdict in ("act", "harmful", "paper"):
            row |= {f"{verdict}_{k}": v for k, v in (plain[verdict] or {}).items()}
        row |= {f"outcome_{rung}": n for rung, n in cell.outcomes.items()}
        row |= {f"label_{label}": n for label, n in cell.labels.items()}
        if cell.screen:
            row |= {"screen_acts": cell.screen.acts, "screen_n": cell.screen.n}
            row["screened_out"] = cell.screen.out
        for cut in cell.cuts:
            name = f"reading_{cut.reading}_{cut.value or 'unscored'}"
            row |= {f"{name}_n": cut.rate.n + cut.rate.unknown, f"{name}_rate": cut.rate.rate}
        if cell.tax:
            row["awareness_tax"] = cell.tax.value
        left_out = ("harmful", "paper", "screen", "readings")
        rows.append({k: v for k, v in row.items() if k not in left_out})
    return rows


def _csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> str:
    out = io.StringIO()
    columns = names or list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
