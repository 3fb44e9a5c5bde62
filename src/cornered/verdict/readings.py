"""Readings of the reasoning: labels besides the verdict, each with its own rubric.

A model reads the whole answer, reasoning included, and names one value: what the subject thinks
of its situation, whether it calls its act wrong, what it plans. A failed reading has no value,
and a reason. No verdict depends on a reading.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from inspect_ai.model import ChatMessage, Model, ModelOutput, get_model, model_roles
from inspect_ai.scorer import Score, Scorer, Target, frequency, scorer
from inspect_ai.solver import TaskState
from pydantic import BaseModel, ConfigDict, Field, create_model

from cornered.enclosure import marked
from cornered.errors import ExperimentError, PackError
from cornered.ledger import AGENT, Event, Ledger, Place
from cornered.scenario import Levels, Pack, Renderer, Scenario, load_pack, one_turn
from cornered.scenario.factors import PACKS
from cornered.scenario.front_matter import read_headed
from cornered.surface.ask import MAX_TOKENS, ask
from cornered.surface.ledgers import trial_world
from cornered.surface.output import native_reasoning, transcribe
from cornered.surface.session import session_pieces, write_event
from cornered.text import shorten
from cornered.verdict.deeds import is_deed
from cornered.world import World

CANNOT_TELL = "cannot_tell"
READER_ROLES = ("reader", "judge")
"""The model roles of a reader; the first that is set reads."""
SHARED = PACKS / "shared"
LONGEST_TITLE = 300
"""Most characters of a part's heading, which may name mails and odd syntax."""


class _Head(BaseModel):
    """The front matter of a reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    """The question that it answers."""
    values: dict[str, str]
    """Value to when it fits."""


@dataclass(frozen=True)
class ReadingSpec:
    """The question of a reading and its values."""

    name: str
    about: str
    """The question, in one line."""
    values: Mapping[str, str]
    """Value to when it fits; `cannot_tell` is always possible besides."""
    template: str
    """Template name of the rubric."""

    @property
    def schema(self) -> type[BaseModel]:
        """The schema of a reader's answer."""
        value: Any = Literal[(*self.values, CANNOT_TELL)]
        return create_model(
            "ReadingAnswer",
            __config__=ConfigDict(extra="forbid", strict=True),
            reason=(str, Field(description="What decides, with the words, in one to three lines.")),
            value=(value, Field(description="The one value that fits, or cannot_tell.")),
        )


class Reading(BaseModel):
    """A reader's value for one reading, or the reason why there is none."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: str | None
    """One of the values of the reading; None where there is none, which is not a value."""
    reason: str = ""
    """The reader's own words, or the failure."""
    unscored: str | None = None
    """Why there is no value: cannot_tell, no_response, no_reader, grader_failed,
    invalid_response_format, judge_cut_off, refusal; of a debrief also subject_failed."""
    model: str = ""
    """The reader's model; empty where it was not asked."""
    attempts: int = 0
    """Number of calls: one, or two where the first answer was malformed."""


PartKind = Literal["thinking", "text", "action", "call", "look", "question", "reply"]
"""The kind of a part: an `action` was carried out, a `call` was not, a `look` reached nobody; a
debrief has a `question` and its `reply`."""


@dataclass(frozen=True)
class TranscriptPart:
    """A part of a transcript, for a reader."""

    kind: PartKind
    title: str
    """Its heading for the reader."""
    text: str
    event: Event | None = None
    """The event of an action, a call or a look."""


@cache
def _specs(folder: Path) -> Mapping[str, ReadingSpec]:
    specs = {}
    for path in sorted(folder.glob("[!_]*.md")):
        head, _, _ = read_headed(path, _Head)
        template = f"shared/{path.relative_to(SHARED)}"
        specs[path.stem] = ReadingSpec(path.stem, head.about, head.values, template)
    return specs


def known_readings() -> Mapping[str, ReadingSpec]:
    """The readings of a trial's answer, by name: the files of `shared/readings`."""
    return _specs(SHARED / "readings")


def debrief_readings() -> Mapping[str, ReadingSpec]:
    """The readings of a debrief, by name: the files of `shared/debrief/readings`."""
    return _specs(SHARED / "debrief" / "readings")


def answer_parts(
    text: str, ledger: Ledger, world: World, *, thought: str = ""
) -> tuple[TranscriptPart, ...]:
    """The parts of a whole answer, in order; only blank space between parts is left out.

    Args:
        text: The answer, reasoning in tags included.
        ledger: The ledger of the trial, with spans in that text.
        world: The world of the trial, which describes its events.
        thought: The content of the reasoning channel.
    """
    regions: list[tuple[int, int, PartKind, str, Event | None]] = [
        (place.start, place.end, "thinking", "Thinking", None) for place in ledger.reasoning
    ]
    for made in ledger.events:
        place = made.place
        if place and (made.done or not _within(place, ledger.reasoning)):
            regions.append((place.start, place.end, *_named(made, world), made))
    parts = [TranscriptPart("thinking", "Thinking, in a channel of its own", thought)]
    position = 0
    for start, end, kind, title, event in sorted(regions, key=lambda region: region[:4]):
        parts.append(TranscriptPart("text", "Text", text[position:start]))
        parts.append(TranscriptPart(kind, title, text[max(start, position) : end], event))
        position = max(position, end)
    parts.append(TranscriptPart("text", "Text", text[position:]))
    return tuple(replace(p, text=p.text.strip()) for p in parts if p.text.strip())


def _within(place: Place, regions: Sequence[Place]) -> bool:
    return any(region.start <= place.start < region.end for region in regions)


def session_parts(messages: Sequence[ChatMessage], world: World) -> tuple[TranscriptPart, ...]:
    """The parts of a whole session, in order: what the agent thought, wrote and did in every turn.

    Results and answers are not its words, and are left out. Calls that stand in no message, as of
    an agent that is a program of its own, stand where they were made.

    Args:
        messages: The messages of the session.
        world: The world of the trial, at its end.
    """
    events = [event for event in world.ledger.events if event.actor == AGENT]
    by_call = {event.call: event for event in events if event.call}
    pieces = session_pieces(messages)
    written = {piece.call for piece in pieces if piece.call in by_call}
    apart = [event for event in events if event.call not in written]
    parts: list[TranscriptPart] = []

    def catch_up(number: int | None) -> None:
        while apart and (number is None or apart[0].number < number):
            event = apart.pop(0)
            kind, title = _named(event, world)
            parts.append(TranscriptPart(kind, title, write_event(event), event))

    for piece in pieces:
        event = by_call.get(piece.call or "")
        if piece.kind != "call":
            title = "Thinking" if piece.kind == "thinking" else "Text"
            parts.append(TranscriptPart(piece.kind, title, piece.text))
        elif event is None:
            parts.append(TranscriptPart("call", "A call that was not carried out", piece.text))
        else:
            catch_up(event.number)
            kind, title = _named(event, world)
            parts.append(TranscriptPart(kind, title, piece.text, event))
    catch_up(None)
    return tuple(parts)


def _named(event: Event, world: World) -> tuple[PartKind, str]:
    if event.actor == AGENT and not is_deed(event, world):
        return "look", f"It looked, and nobody was told ({world.view(event).title})"
    if event.status == "blocked":
        return "call", f"A call that an approval stopped ({event.result})"
    if not event.done:
        return "call", f"A call that was not carried out ({event.note})"
    along = "; ".join(enclosed.summary for enclosed in world.view(event).enclosed)
    return "action", f"An action that was carried out{f', sending on {along}' if along else ''}"


_CRITERION = re.compile(r"\b(YES|NO|CANNOT TELL)\b")


def _scene(rubric: str) -> str:
    """The judge's rubric before its criteria: the question and its background.

    The criteria begin with the first paragraph that has YES, NO or CANNOT TELL in capitals.
    """
    paragraphs = rubric.split("\n\n")
    criteria = (n for n, paragraph in enumerate(paragraphs) if _CRITERION.search(paragraph))
    return "\n\n".join(paragraphs[: next(criteria, None)])


def reading_prompt(
    spec: ReadingSpec, parts: Sequence[TranscriptPart], levels: Levels, renderer: Renderer
) -> str:
    """The whole prompt of a reader for one reading.

    It names no model and no lab, and does not mention the verdict.

    Args:
        spec: The reading.
        parts: The parts of the transcript to read.
        levels: The condition.
        renderer: The renderer of the pack, with the cast of the trial.
    """
    return renderer.text(
        "shared/reading.md",
        levels,
        place=renderer.place(levels),
        scene=_scene(renderer.rubric(levels)),
        parts=[{"title": shorten(p.title, LONGEST_TITLE), "text": marked(p.text)} for p in parts],
        carried_out=sum(part.kind == "action" for part in parts),
        about=spec.about,
        rubric=renderer.text(spec.template, levels),
        values=dict(spec.values),
    )


async def read(
    reader: Model, spec: ReadingSpec, prompt: str, *, max_tokens: int = MAX_TOKENS
) -> Reading:
    """Asks a reader for one reading; a failure gives a `Reading` without a value.

    Args:
        reader: The model that reads.
        spec: The reading.
        prompt: The prompt, from `reading_prompt`.
        max_tokens: Limit of its answer, in tokens, reasoning included.
    """
    reply = await ask(reader, prompt, spec.schema, max_tokens=max_tokens)
    answer: Any = reply.answer
    if answer is None:
        value, reason, unscored = None, reply.problem, reply.unscored
    elif answer.value == CANNOT_TELL:
        value, reason, unscored = None, answer.reason, CANNOT_TELL
    else:
        value, reason, unscored = answer.value, answer.reason, None
    return Reading(
        name=spec.name,
        value=value,
        reason=reason,
        unscored=unscored,
        model=reply.model,
        attempts=reply.attempts,
    )


def find_reader() -> Model | None:
    """The model of the role `reader`, else of the role `judge`; None where neither is set."""
    role = next((role for role in READER_ROLES if role in model_roles()), None)
    return get_model(role=role) if role else None


def unread(names: Iterable[str], why: str | None, reason: str = "") -> list[Reading]:
    """Readings without a value, for a reason (`unscored`) and a failure in words, if any."""
    return [Reading(name=name, value=None, unscored=why, reason=reason[:500]) for name in names]


def readings_score(readings: Sequence[Reading], **metadata: Any) -> Score:
    """Readings as a score, whose value has each reading's value, or NaN without one.

    Its metadata has `unscored` (reading without a value to its reason) and `readings` (every
    reading in full).

    Args:
        readings: At least one.
        metadata: Further metadata.
    """
    unscored = {r.name: r.unscored for r in readings if r.unscored}
    return Score(
        # None would be counted as a value; NaN is Inspect's mark of an unscored one.
        value={r.name: math.nan if r.value is None else r.value for r in readings},
        explanation="\n".join(f"{r.name}: {r.value or r.unscored}. {r.reason}" for r in readings),
        reason=next(iter(unscored.values()), None),
        metadata={
            "unscored": unscored,
            "readings": {r.name: r.model_dump() for r in readings},
            **metadata,
        },
    )


def readable_pack(scenario: str) -> Pack:
    """Loads a pack that has a rubric, from which readers learn the harmful act.

    Raises:
        FactorError: there is no such scenario.
        PackError: the pack cannot be loaded, or has no judge.md.
    """
    pack = load_pack(scenario)
    if not (pack.folder / "judge.md").is_file():
        raise PackError(
            "there is no judge.md, which readings need to describe the harmful act",
            where=str(pack.folder),
        )
    return pack


@scorer(name="readings", metrics={"*": [frequency()]})
def readings(scenario: str, names: list[str], max_tokens: int = MAX_TOKENS) -> Scorer:
    """Readings of a trial's answer, reasoning included; never part of the verdict.

    The score's value has each reading's value as a word, or NaN; see `readings_score`. `reasoned`
    in its metadata says whether there was any reasoning; without it, silence says little. A probe
    has no readings and no score.

    Args:
        scenario: Name of the scenario, or folder of the pack.
        names: Names of readings, as in `known_readings`; at least one.
        max_tokens: Limit of the reader's answer, in tokens, reasoning included.

    Model roles:
        reader: Reads; the role `judge` does where it is not set.

    Raises:
        ExperimentError: an unknown reading, or no reading is named.
        FactorError: there is no such scenario.
        PackError: the pack cannot be loaded, or has no judge.md.
    """
    available = known_readings()
    if wrong := [name for name in names if name not in available]:
        raise ExperimentError(
            f"there is no reading {wrong[0]}", fix=f"one of {', '.join(available)}"
        )
    if not names:
        raise ExperimentError("no reading is named", fix=f"one of {', '.join(available)}")
    specs = {name: available[name] for name in names}
    ready = Scenario.of(readable_pack(scenario))

    async def score(state: TaskState, target: Target) -> Score | None:
        del target
        levels: Levels = state.metadata["factors"]
        if levels.get("probe") == "on":
            return None
        draw = str(state.sample_id)
        parts = trial_parts(state, ready)
        reader = find_reader()
        if reader is None or not parts:
            return readings_score(unread(specs, "no_response" if reader else "no_reader"))
        renderer = ready.renderer(levels, draw)
        # One after the other, so that a trial is reproducible; trials run in parallel anyway.
        made = [
            await read(
                reader, spec, reading_prompt(spec, parts, levels, renderer), max_tokens=max_tokens
            )
            for spec in specs.values()
        ]
        reasoned = any(part.kind == "thinking" for part in parts)
        return readings_score(made, reasoned=reasoned)

    return score


def world_of(state: TaskState, scenario: Scenario) -> World:
    """The world of a trial at its end.

    Args:
        state: The trial, at its end.
        scenario: The scenario of the trial.
    """
    levels, store = state.metadata["factors"], dict(state.store.items())
    return trial_world(scenario, levels, str(state.sample_id), store, state.output)


def trial_parts(state: TaskState, scenario: Scenario) -> tuple[TranscriptPart, ...]:
    """The parts of all that the agent wrote in a trial; empty where there is nothing.

    Args:
        state: The trial, at its end.
        scenario: The scenario of the trial.
    """
    return parts_in(world_of(state, scenario), state.messages, state.output)


def parts_in(
    world: World, messages: Sequence[ChatMessage], output: ModelOutput
) -> tuple[TranscriptPart, ...]:
    """The parts of all that the agent wrote in a trial, on any surface.

    Args:
        world: The world of the trial, at its end.
        messages: The messages of the trial.
        output: Its last answer.
    """
    if not one_turn(world.scene.levels):
        return session_parts(messages, world)
    thought = native_reasoning(output)
    return answer_parts(transcribe(output).text, world.ledger, world, thought=thought)
