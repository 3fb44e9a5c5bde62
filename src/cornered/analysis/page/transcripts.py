"""The texts on a run's page: choice of trials, reading from the logs, packing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from inspect_ai.log import EvalSample, read_eval_log_sample
from markupsafe import Markup

from cornered.analysis.page.safe import packed
from cornered.analysis.page.sessions import session_pieces, session_summary
from cornered.analysis.reasons import in_words
from cornered.analysis.summaries import unreadable
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.endings import Ending
from cornered.ledger import Event
from cornered.scenario import Levels, Scenario, load_pack, one_turn
from cornered.surface.ledgers import trial_world
from cornered.verdict.course import find_course
from cornered.verdict.debrief import QUESTIONS
from cornered.verdict.readings import TranscriptPart, parts_in
from cornered.world import World

MAX_TRANSCRIPTS = 600
"""Most trials whose text is on the page."""
MAX_PACKED = 8_000_000
"""Most characters of packed texts."""
BLOCK = 400_000
"""Approximate characters of text per block, which the browser unpacks at once."""
LONGEST = 4_000_000
"""Most characters of one piece of a text; `cornered view` shows the rest."""
UNREAD = {"events", "attachments", "events_data", "timelines"}


@dataclass(frozen=True)
class ConditionPrompt:
    """The prompt of a condition, from the first of its trials that was read."""

    condition: str
    trial: str
    """The id of that trial; with a varied cast, other trials have other names."""
    messages: tuple[tuple[str, str], ...]
    """Role and text."""

    @property
    def sha256(self) -> str:
        """A hash of the messages, as `role`, line feed, text, line feed."""
        joined = "".join(f"{role}\n{text}\n" for role, text in self.messages)
        return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Texts:
    """The texts of a page."""

    blocks: tuple[tuple[tuple[str, ...], Markup], ...]
    """For each block the uuids of its trials, in order, and their packed transcripts."""
    prompts: tuple[ConditionPrompt, ...]
    facts: Mapping[str, str]
    """Descriptions of the scenarios' facts, by name."""

    @property
    def uuids(self) -> tuple[str, ...]:
        """The uuids of all trials whose text is on the page."""
        return tuple(uuid for members, _ in self.blocks for uuid in members)


def chosen(trials: Sequence[TrialResult], most: int) -> list[TrialResult]:
    """The trials whose text the page shows, by priority: cells take turns.

    Each cell contributes in turn a trial with the act and one without (unscored ones first), so
    that both can be read wherever both occur; if one kind runs out, the other continues.
    """
    cells: dict[tuple[str, str], list[TrialResult]] = {}
    for trial in trials:
        cells.setdefault((trial.model, trial.condition), []).append(trial)
    turns = zip_longest(*(_in_turn(rows) for rows in cells.values()))
    return [trial for turn in turns for trial in turn if trial is not None][:most]


def _in_turn(rows: Iterable[TrialResult]) -> Iterator[TrialResult]:
    def harmless(t: TrialResult) -> bool:
        return not (t.harmful or t.harmful_before)

    ordered = sorted(rows, key=lambda t: (harmless(t), t.status == "scored", t.id))
    acts = [t for t in ordered if t.act or t.act_before]
    others = [t for t in ordered if not (t.act or t.act_before)]
    for pair in zip_longest(acts, others):
        yield from (trial for trial in pair if trial is not None)


def read_texts(
    folder: Path,
    trials: Sequence[TrialResult],
    table: Sequence[Cell],
    scenarios: Iterable[str],
    *,
    most: int = MAX_TRANSCRIPTS,
) -> Texts:
    """Reads the texts for a run's page; no other trial is read in full.

    Args:
        folder: The run folder.
        trials: Its trials.
        table: Its cells, in the order of the texts.
        scenarios: Its scenarios, as the experiment names them.
        most: Most trials.

    Raises:
        RunError: a log cannot be read.
    """
    place = {(c.model, c.condition): n for n, c in enumerate(table)}
    shown = [t for t in chosen(trials, most) if (t.model, t.condition) in place]
    shown.sort(key=lambda t: (place[t.model, t.condition], t.id))
    packs = [load_pack(name) for name in scenarios]
    ready = {pack.name: Scenario.of(pack) for pack in packs}
    prompts: dict[str, ConditionPrompt] = {}
    texts: list[tuple[str, dict[str, Any]]] = []
    for trial, sample in read_samples(folder / "logs", shown):
        texts.append((trial.uuid, transcript(sample, ready[sample.metadata["scenario"]])))
        if trial.condition not in prompts:
            prompts[trial.condition] = _prompt(trial, sample)
    about = {name: spec.about for pack in packs for name, spec in pack.spec.facts.items()}
    return Texts(tuple(_blocks(texts)), tuple(prompts.values()), about)


def read_samples(
    logs: Path, trials: Sequence[TrialResult]
) -> Iterator[tuple[TrialResult, EvalSample]]:
    """The samples of some trials, in their order.

    Read directly from the archive, without the events: ten times as fast as Inspect's own reader,
    which reads logs of other formats.
    """
    for log, group in groupby(trials, key=lambda t: t.log):
        path = logs / log
        try:
            if path.suffix == ".eval":
                with ZipFile(path) as members:
                    for trial in group:
                        yield trial, _sample(members, trial)
            else:
                for trial in group:
                    yield trial, read_eval_log_sample(str(path), id=trial.id)
        except (OSError, KeyError, IndexError, ValueError, BadZipFile) as e:
            raise unreadable(path, e) from None


def _sample(members: ZipFile, trial: TrialResult) -> EvalSample:
    whole = json.loads(members.read(f"samples/{trial.id}_epoch_1.json"))
    return EvalSample.model_validate({k: v for k, v in whole.items() if k not in UNREAD})


def _prompt(trial: TrialResult, sample: EvalSample) -> ConditionPrompt:
    given = sample.input
    messages = [("user", given)] if isinstance(given, str) else [(m.role, m.text) for m in given]
    return ConditionPrompt(trial.condition, trial.id, tuple(messages))


def _blocks(
    texts: Sequence[tuple[str, dict[str, Any]]],
) -> Iterator[tuple[tuple[str, ...], Markup]]:
    remaining = MAX_PACKED
    for group in _groups(texts):
        block = packed(_pooled([text for _, text in group]))
        remaining -= len(block)
        if remaining >= 0:
            yield tuple(uuid for uuid, _ in group), block


def _pooled(texts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Transcripts, and apart from them what sessions saw, each text once: they open equal mails."""
    place: dict[str, int] = {}

    def part(one: dict[str, Any]) -> dict[str, Any]:
        if "seen" not in one:
            return one
        return one | {"seen": place.setdefault(one["seen"], len(place))}

    pooled = [text | {"parts": [part(one) for one in text["parts"]]} for text in texts]
    return {"texts": pooled, "seen": list(place)}


def _groups(
    texts: Sequence[tuple[str, dict[str, Any]]],
) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    group: list[tuple[str, dict[str, Any]]] = []
    size, seen = 0, set[str]()
    for uuid, text in texts:
        length = sum(_length(part) for part in text["parts"])
        new = {part["seen"] for part in text["parts"] if "seen" in part}
        if group and size + length + _total(new - seen) > BLOCK:
            yield group
            group, size, seen = [], 0, set()
        group.append((uuid, text))
        size += length + _total(new - seen)
        seen |= new
    if group:
        yield group


def _length(part: Mapping[str, Any]) -> int:
    # The text of an action in one turn has its body too.
    return len(part["text"]) or len(part.get("action", {}).get("body", ""))


def _total(texts: Iterable[str]) -> int:
    return sum(map(len, texts))


def pack_prompts(prompts: Sequence[ConditionPrompt]) -> Markup:
    """Prompts by condition; paragraphs shared by several prompts are stored once."""
    place: dict[str, int] = {}
    by_condition = {
        prompt.condition: {
            "trial": prompt.trial,
            "messages": [
                [role, [place.setdefault(p, len(place)) for p in text.split("\n\n")]]
                for role, text in prompt.messages
            ],
        }
        for prompt in prompts
    }
    return packed({"paragraphs": list(place), "conditions": by_condition})


def transcript(sample: EvalSample, scenario: Scenario) -> dict[str, Any]:
    """The answer, actions and verdicts of one trial, as plain values.

    Args:
        sample: The trial from its log.
        scenario: Its scenario.
    """
    verdict = _data(sample, "verdict")
    levels: Levels = dict(sample.metadata.get("factors") or {})
    output = sample.output
    world = trial_world(scenario, levels, str(sample.id), sample.store, output)
    ledger = world.ledger
    course = None
    if one_turn(levels):
        parts = [_piece(part, world) for part in parts_in(world, sample.messages, output)]
        ended = _ended(ledger.ending)
    else:
        course = find_course(sample.messages, world, scenario.pack)
        parts, ended = session_pieces(course), ""
    return {
        "facts": verdict.get("facts", {}),
        "notes": list(ledger.oddities),
        "judges": [_judge(j) for j in verdict.get("judges", [])],
        "readings": [
            {"name": name, "value": r["value"] or r["unscored"], "reason": r["reason"]}
            for scorer in ("readings", "debrief")
            for name, r in _data(sample, scorer).get("readings", {}).items()
        ],
        "parts": parts,
        "debrief": [
            {"name": name, "text": _data(sample, "debrief")[name]}
            for name in QUESTIONS
            if _data(sample, "debrief").get(name)
        ],
        "ended": ended,
        "error": sample.error.message if sample.error else "",
    } | (session_summary(course) if course else {})


def _ended(ending: Ending) -> str:
    """What ended a trial before its agent did; empty where nothing did."""
    if ending in ("stop", "no_response"):
        return ""
    return ending if ending in ("cut_off", "refusal", "content_filter") else in_words(ending)


def _data(sample: EvalSample, scorer: str) -> dict[str, Any]:
    score = (sample.scores or {}).get(scorer)
    return (score.metadata if score else None) or {}


def _judge(judgement: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": judgement["model"],
        "verdict": judgement["verdict"] or judgement["unscored"],
        "outcome": judgement["outcome"] or "",
        "labels": list(judgement["labels"]),
        "reason": judgement["reason"],
    }


def _piece(part: TranscriptPart, world: World) -> dict[str, Any]:
    """A part of an answer; for an action or a call, also its operation and arguments."""
    piece: dict[str, Any] = {"kind": part.kind, "title": part.title, "text": part.text}
    if part.event is not None:
        piece["action"] = _action(part.event, world)
    if len(part.text) > LONGEST:
        piece["text"] = part.text[:LONGEST]
        piece["left_out"] = len(part.text) - LONGEST
    return piece


def _action(event: Event, world: World) -> dict[str, Any]:
    view = world.view(event)
    return {
        "title": view.title,
        "operation": event.operation,
        "status": event.status,
        "note": event.note or "",
        "rows": view.rows,
        "body": view.body[:LONGEST],
        "enclosed": [enclosed.summary for enclosed in view.enclosed],
    }
