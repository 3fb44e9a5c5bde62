"""The texts on a run's page: choice of trials, reading from the logs, packing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from inspect_ai.log import EvalSample, read_eval_log_sample
from markupsafe import Markup

from cornered.analysis.page.excerpts import MAX_EXCERPTS, Excerpt, Excerpts
from cornered.analysis.page.safe import packed
from cornered.analysis.page.sessions import session_pieces, session_summary
from cornered.analysis.page.shells import shell_steps
from cornered.analysis.reasons import in_words
from cornered.analysis.summaries import unreadable
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.endings import Ending
from cornered.ledger import Event
from cornered.scenario import Levels, Pack, Scenario, load_pack, one_turn
from cornered.surface.ledgers import trial_world
from cornered.verdict.candor import DeedAnswers
from cornered.verdict.course import find_course
from cornered.verdict.debrief import QUESTIONS
from cornered.verdict.facts import is_act
from cornered.verdict.readings import TranscriptPart, parts_in
from cornered.world import World

MAX_READ = 1_200
"""Most trials that are read for the page; all harmful ones are, however many."""
MAX_PACKED = 8_000_000
"""Most characters of packed texts; all harmful ones are there, however many."""
BATCH = 200
"""Trials that are read together, in the order of their logs."""
BLOCK = 400_000
"""Approximate characters of text per block, which the browser unpacks at once."""
LONGEST = 4_000_000
"""Most characters of one piece of a text; `cornered view` shows the rest."""
INTERESTS = ("harmful", "act", "act, not harmful", "unscored", "session", "other")
"""Why the text of a trial interests, the most interesting first."""
ASKED = {
    "purpose": "what the exchange was for",
    "account": "what it did",
    "open": "openly what it did",
}
"""What the questions of debrief and interview ask, in words."""
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
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many trials have no text here, by the reason why theirs would interest."""
    excerpts: tuple[Excerpt, ...] = ()
    """Of trials with the primary verdict, at most `MAX_EXCERPTS`; cells take turns."""
    boards: bool = False
    """Whether there are positions of chess."""

    @property
    def uuids(self) -> tuple[str, ...]:
        """The uuids of all trials whose text is on the page."""
        return tuple(uuid for members, _ in self.blocks for uuid in members)


def interest(trial: TrialResult) -> str:
    """Why the text of a trial interests: the first of `INTERESTS` that holds."""
    if trial.harmful or trial.harmful_before:
        return "harmful"
    if trial.act or trial.act_before:
        return "act, not harmful" if trial.harmful is False else "act"
    if trial.status != "scored":
        return "unscored"
    return "session" if trial.factors.get("surface", "text") != "text" else "other"


def chosen(trials: Sequence[TrialResult], most: int = MAX_READ) -> list[TrialResult]:
    """The trials whose text the page may show, most interesting first.

    All harmful trials, however many, and others in the order of `INTERESTS` until there are
    `most`. Among equally interesting ones the cells take turns, so that each has some.
    """
    kinds: dict[str, dict[tuple[str, str], list[TrialResult]]] = {name: {} for name in INTERESTS}
    for trial in trials:
        of_kind = kinds[interest(trial)]
        of_kind.setdefault((trial.model, trial.condition), []).append(trial)
    ordered: list[TrialResult] = []
    for name, by_cell in kinds.items():
        turns = zip_longest(*(sorted(rows, key=lambda t: t.id) for rows in by_cell.values()))
        found = [trial for turn in turns for trial in turn if trial is not None]
        ordered += found if name == "harmful" else found[: max(0, most - len(ordered))]
    return ordered


def _batches(ordered: Sequence[TrialResult]) -> Iterator[list[TrialResult]]:
    """Trials that are read together, at most `BATCH`; harmful ones apart, since all stay."""
    for _, of_kind in groupby(ordered, key=lambda t: interest(t) == "harmful"):
        group = list(of_kind)
        yield from (group[n : n + BATCH] for n in range(0, len(group), BATCH))


def read_texts(
    folder: Path,
    trials: Sequence[TrialResult],
    table: Sequence[Cell],
    scenarios: Iterable[str],
    *,
    most: int = MAX_READ,
    room: int = MAX_PACKED,
) -> Texts:
    """Reads the texts for a run's page; no other trial is read in full.

    Args:
        folder: The run folder.
        trials: Its trials.
        table: Its cells, in the order of the texts.
        scenarios: Its scenarios, as the experiment names them.
        most: Most trials; more where more are harmful.
        room: Most characters of packed texts; more where harmful ones need more.

    Raises:
        RunError: a log cannot be read.
    """
    place = {(c.model, c.condition): n for n, c in enumerate(table)}
    packs = [load_pack(name) for name in scenarios]
    ready = {pack.name: Scenario.of(pack) for pack in packs}
    listed = [t for t in trials if (t.model, t.condition) in place]
    prompts: dict[str, ConditionPrompt] = {}
    blocks: list[tuple[tuple[str, ...], Markup]] = []
    cut, boards = Excerpts(), False
    for batch in _batches(chosen(listed, most)):
        always = interest(batch[0]) == "harmful"
        if room <= 0 and not always:
            break
        short = {t.uuid for t in batch[:MAX_EXCERPTS]}  # before the cells' turns are undone
        batch.sort(key=lambda t: (place[t.model, t.condition], t.id))
        texts: list[tuple[str, dict[str, Any]]] = []
        for trial, sample in read_samples(folder / "logs", batch):
            text = transcript(sample, ready[sample.metadata["scenario"]])
            texts.append((trial.uuid, text))
            boards = boards or any("game" in part for part in text["parts"])
            if trial.uuid in short:
                cut.add(trial, text)
            if trial.condition not in prompts:
                prompts[trial.condition] = _prompt(trial, sample)
        for members, block in _blocks(texts):
            room -= len(block)
            if always or room >= 0:
                blocks.append((members, block))
    unread = {t.condition: t for t in listed if t.condition not in prompts}
    for trial, sample in read_samples(folder / "logs", list(unread.values())):
        prompts[trial.condition] = _prompt(trial, sample)
    order = dict.fromkeys(c.condition for c in table)
    about = {name: spec.about for pack in packs for name, spec in pack.spec.facts.items()}
    there = {uuid for members, _ in blocks for uuid in members}
    left_out = Counter(interest(t) for t in listed if t.uuid not in there)
    return Texts(
        blocks=tuple(blocks),
        prompts=tuple(prompts[name] for name in order if name in prompts),
        facts=about,
        left_out={name: left_out[name] for name in INTERESTS if left_out[name]},
        excerpts=cut.excerpts,
        boards=boards,
    )


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
    for group in _groups(texts):
        yield tuple(uuid for uuid, _ in group), packed(_pooled([text for _, text in group]))


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
    if shell := part.get("shell"):
        changed = sum(len(file.get("diff", "")) for file in shell.get("files", ()))
        return len(shell.get("command", "")) + changed
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
        pack = scenario.pack
        parts = [_piece(part, world, pack) for part in parts_in(world, sample.messages, output)]
        ended = _ended(ledger.ending)
    else:
        course = find_course(sample.messages, world, scenario.pack)
        parts, ended = session_pieces(course, shell_steps(ledger, world)), ""
    return {
        "facts": verdict.get("facts", {}),
        "notes": list(ledger.oddities),
        "judges": [_judge(j) for j in verdict.get("judges", [])],
        "readings": [
            {"name": name, "value": r["value"] or r["unscored"], "reason": r["reason"]}
            for scorer in ("readings", "debrief")
            for name, r in _data(sample, scorer).get("readings", {}).items()
        ]
        + _deeds_asked(sample),
        "parts": parts,
        "debrief": [
            {"name": name, "asked": ASKED[name], "text": _data(sample, "debrief")[name]}
            for name in QUESTIONS
            if _data(sample, "debrief").get(name)
        ]
        + _interviewed(sample),
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


def _deeds_asked(sample: EvalSample) -> list[dict[str, Any]]:
    """What the interview's judge says of each deed, as a reading."""
    return [
        {
            "name": f"interview {judged['fact']}",
            "value": DeedAnswers(judged["done"], judged["open"], judged["pointed"]).word,
            "reason": judged["reason"],
        }
        for judged in _data(sample, "interview").get("judgements", [])
    ]


def _interviewed(sample: EvalSample) -> list[dict[str, Any]]:
    """What the subject answered in the interview."""
    replies = _data(sample, "interview").get("replies", {})
    return [
        {
            "name": name,
            "asked": ASKED.get(name, f"about one deed: {name.replace('_', ' ')}"),
            "text": text,
        }
        for name, text in replies.items()
    ]


def _judge(judgement: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": judgement["model"],
        "verdict": judgement["verdict"] or judgement["unscored"],
        "outcome": judgement["outcome"] or "",
        "labels": list(judgement["labels"]),
        "reason": judgement["reason"],
    }


def _piece(part: TranscriptPart, world: World, pack: Pack) -> dict[str, Any]:
    """A part of an answer; for an action or a call, also its operation and arguments."""
    piece: dict[str, Any] = {"kind": part.kind, "title": part.title, "text": part.text}
    if part.event is not None:
        piece["action"] = _action(part.event, world)
        if part.event.status in ("done", "blocked") and is_act(part.event, pack, world):
            piece["act"] = True
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
