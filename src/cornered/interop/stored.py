"""Trials stored by other tools, and the forms in which they store answers."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    Content,
    ContentData,
    ContentReasoning,
    ContentText,
    ModelOutput,
    StopDetails,
    StopReason,
)
from inspect_ai.scorer import Score
from inspect_ai.tool import ToolCall

from cornered.endings import early_end, inspect_stop_reason, tells_of_unread_call
from cornered.interop.messages import (
    REASONING_KEYS,
    TEXT_KEYS,
    ApiAnswer,
    Piece,
    calls_beside,
    read_api_answer,
    read_stop,
)
from cornered.scenario.condition import Condition
from cornered.surface.output import BLOCK_KEY, CALL_KEY, native_reasoning, transcribe

ENVELOPE_KEYS = ("choices", "candidates", "output", "message", "api_response", "raw")
"""Keys of an API's answer within a record, besides those of a text."""
FEEDBACK_KEYS = ("promptFeedback", "prompt_feedback")
"""Keys of Gemini's word on a prompt that it did not answer."""

VERDICTS = {
    "harmful_behavior": "paper_harmful",
    "harmful": "paper_harmful",
    "classifier_verdict": "paper_classifier",
    "aware": "paper_aware",
}
"""Keys of stored verdicts, and our names for them."""


@dataclass(frozen=True)
class StoredTrial:
    """One trial as it was stored."""

    condition: Condition
    model: str
    """As stored, without a provider."""
    id: str
    """Unique within its model and condition."""
    prompt: tuple[ChatMessage, ...]
    """Empty where it was not stored."""
    output: ModelOutput
    """The answer; without a choice where there is none."""
    paper: Score | None
    """The verdict stored with it."""
    error: str | None
    """Why the model gave no answer, where that is stored."""
    origin: str
    """The experiment or log it was part of."""
    source: str
    """Path of its file relative to what was imported, with the line or epoch where one file holds
    several trials."""
    sha256: str
    """Of that file."""
    seconds: float | None = None
    """Duration, where that is stored."""
    unread: bool = False
    """Whether it could not be read, so that nobody knows what was answered."""


@dataclass(frozen=True)
class Unread:
    """A file, line or folder that could not be read."""

    where: str
    what: str
    condition: Condition | None = None
    """The condition of the trial that it would have been, where that is known."""
    model: str | None = None
    id: str = ""
    """The id of the trial; empty where that could not be read either."""

    @property
    def cell(self) -> tuple[Condition, str] | None:
        """The cell in whose bounds it counts; None where nobody can tell."""
        return (self.condition, self.model) if self.condition and self.model else None


@dataclass(frozen=True)
class Copy:
    """A stored trial that is there twice: the same id with the same answer."""

    id: str
    where: str
    of: str
    """Where it was met first."""


@dataclass
class StoredResults:
    """What was read from stored results, and what could not be read."""

    trials: list[StoredTrial] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    """Trials that were left out, since they are there already."""
    notices: Counter[str] = field(default_factory=Counter)
    """Notices for the user, each with the number of trials it concerns."""
    notes: list[str] = field(default_factory=list)
    """Whole sentences for the user."""


def sha256(data: bytes) -> str:
    """The SHA-256 digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def first(keys: Sequence[str], *mappings: Any) -> Any:
    """The first value under one of the keys that is neither None nor "", mapping by mapping."""
    for mapping in mappings:
        if isinstance(mapping, Mapping):
            for key in keys:
                if mapping.get(key) not in (None, ""):
                    return mapping[key]
    return None


def answer(record: Mapping[str, Any], model: str) -> ModelOutput:
    """The stored answer, with its reasoning, its tool calls, and the blocks that are neither.

    A call counts wherever it is stored: in the answer, in an API's object beside a text, or
    under `tool_calls`. One that is there twice is one.

    Raises:
        ValueError: the record has no answer, or one of an unknown form.
    """
    keys = [k for k in TEXT_KEYS if k in record]
    objects: list[Any] = [record[k] for k in keys if isinstance(record[k], Mapping | list)]
    objects += [{k: record[k]} for k in ENVELOPE_KEYS if isinstance(record.get(k), Mapping | list)]
    objects += [{k: record[k]} for k in FEEDBACK_KEYS if k in record]
    details = record.get("metadata")
    details = details if isinstance(details, Mapping) else {}
    apart = [*calls_beside(record), *calls_beside(details)]
    refusal = record.get("refusal")
    if not (keys or objects or apart or isinstance(refusal, str)):
        raise ValueError(f"it has no answer under {', '.join(TEXT_KEYS)}")
    value = next((record[k] for k in keys if record[k] not in (None, "", [])), None)
    if value is None and objects:
        value = objects[0]
    main = read_api_answer(value)
    pieces = list(main.pieces)
    further = [_further(other) for other in objects if other is not value]
    for group in (apart, *(other.pieces for other in further)):
        _add(pieces, [p for p in group if p.kind in ("call", "refusal") or p.action])
    if isinstance(refusal, str) and refusal:
        _add(pieces, [Piece("refusal", refusal)])
    nested = value if isinstance(value, Mapping) else None
    reasoning = first(REASONING_KEYS, record, nested, details)
    if isinstance(reasoning, str) and not any(p.kind == "reasoning" for p in pieces):
        pieces.insert(0, Piece("reasoning", reasoning))
    beside = {k: v for k, v in record.items() if k not in (*TEXT_KEYS, *ENVELOPE_KEYS, "status")}
    stops = [
        read_stop(beside),
        main.stop,
        *(other.stop for other in further),
        read_stop(details),
        read_stop(details.get("api_metadata")),
    ]
    return output(model, pieces, _weightiest(stops))


def _further(value: Any) -> ApiAnswer:
    """Another object beside the answer; one of an unknown form holds none."""
    try:
        return read_api_answer(value)
    except ValueError:
        return ApiAnswer(())


def _add(pieces: list[Piece], more: Sequence[Piece]) -> None:
    """Adds parts that are not there yet; two equal ones stay two."""
    known = list(pieces)
    for piece in more:
        twin = next((k for k in known if _same(piece, k)), None)
        if twin is None:
            pieces.append(piece)
        else:
            known.remove(twin)


def _same(one: Piece, other: Piece) -> bool:
    return (one.kind, one.text, one.name, one.arguments, one.problem) == (
        other.kind,
        other.text,
        other.name,
        other.arguments,
        other.problem,
    )


def _weightiest(stops: Sequence[str | None]) -> str | None:
    """The first stop reason that tells of an early end or a lost call, else the first."""
    stated = [stop for stop in stops if stop]
    weighty = (stop for stop in stated if early_end(stop) or tells_of_unread_call(stop))
    return next(weighty, stated[0] if stated else None)


def output(model: str, pieces: Sequence[Piece], stop: str | None) -> ModelOutput:
    """A stored answer as Inspect's `ModelOutput`.

    Args:
        model: Name of the model.
        pieces: Its parts, in order.
        stop: The stop reason in the provider's words; None where it was not stored.
    """
    content, calls = _contents(pieces)
    if not content and stop is None:
        return ModelOutput(model=model)
    plain = all(isinstance(part, ContentText) and not part.refusal for part in content)
    message = ChatMessageAssistant(
        content="".join(part.text for part in content if isinstance(part, ContentText))
        if plain
        else content,
        tool_calls=calls or None,
        model=model,
        source="generate",
    )
    reason: StopReason = inspect_stop_reason(stop) or "unknown"
    refusals = [p.text for p in pieces if p.kind == "refusal"]
    # Inspect's reasons are fewer than the providers': the word itself is kept where it matters.
    told = stop if early_end(stop) or tells_of_unread_call(stop) else None
    details = StopDetails(
        type="refusal" if refusals else told, explanation="\n".join(refusals) or None
    )
    return ModelOutput(
        model=model,
        choices=[
            ChatCompletionChoice(
                message=message,
                stop_reason=reason,
                stop_details=details if details.type else None,
            )
        ],
    )


def _contents(pieces: Sequence[Piece]) -> tuple[list[Content], list[ToolCall]]:
    """The parts as Inspect's contents, and the calls, whose places among them are marked."""
    content: list[Content] = []
    calls: list[ToolCall] = []
    for piece in pieces:
        last = content[-1] if content else None
        match piece.kind:
            case "text" if not piece.text:
                continue
            case "text" if isinstance(last, ContentText) and not last.refusal:
                # One text that was stored in parts: Inspect would join them with line breaks.
                content[-1] = ContentText(text=last.text + piece.text)
            case "text" | "refusal":
                content.append(
                    ContentText(text=piece.text, refusal=piece.kind == "refusal" or None)
                )
            case "reasoning":
                content.append(ContentReasoning(reasoning=piece.text, redacted=not piece.text))
            case "call":
                call_id = f"call-{len(calls) + 1}"
                content.append(ContentData(data={CALL_KEY: call_id}))
                calls.append(
                    ToolCall(
                        id=call_id,
                        function=piece.name,
                        arguments=dict(piece.arguments or {}),
                        parse_error=piece.problem,
                    )
                )
            case "other":
                data = {BLOCK_KEY: piece.text, "action": piece.action}
                content.append(ContentData(data=data | {"content": dict(piece.content or {})}))
    return content, calls


def answered(output: ModelOutput) -> bool:
    """Whether there is a text, or something besides it that is or may be an action."""
    return bool(output.completion) or transcribe(output).acts


def stored_error(record: Mapping[str, Any]) -> str | None:
    """The error that is stored in the place of an answer; None without one."""
    error = record.get("error")
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("type")
    return error if isinstance(error, str) and error else None


def fingerprint(output: ModelOutput) -> str:
    """A hash of what the model answered, the same for copies of an answer."""
    stop = output.stop_reason if output.choices else None
    parts = [transcribe(output).text, native_reasoning(output), stop]
    return sha256(json.dumps(parts).encode())


def chat(messages: Any) -> tuple[ChatMessage, ...]:
    """A stored prompt as messages; it may be a text or an API's list of messages.

    Raises:
        ValueError: it is neither.
    """
    if messages in (None, "", []):
        return ()
    if isinstance(messages, str):
        return (ChatMessageUser(content=messages),)
    if isinstance(messages, list) and all(isinstance(m, Mapping) for m in messages):
        return tuple(_message(m) for m in messages)
    raise ValueError("its prompt is neither text nor a list of messages")


def _message(message: Mapping[str, Any]) -> ChatMessage:
    pieces = read_api_answer(message.get("content")).pieces
    text = "".join(p.text for p in pieces if p.kind == "text")
    match message.get("role"):
        case "system" | "developer":
            return ChatMessageSystem(content=text)
        case "user" | "human":
            return ChatMessageUser(content=text)
        case "assistant" | "model" | "ai":
            return ChatMessageAssistant(content=text)
        case "tool" | "function":
            return ChatMessageTool(content=text)
    raise ValueError(f"its prompt has a message with the unknown role {message.get('role')!r}")


def paper_score(stored: Mapping[str, Any]) -> Score | None:
    """The verdicts stored with an answer, as a score of their own; None where there are none.

    Args:
        stored: The stored classifications by name, unchanged.
    """
    stored = {k: v for k, v in stored.items() if v not in (None, {}, "")}
    if not stored:
        return None
    parts = [v for v in stored.values() if isinstance(v, Mapping)]
    value: dict[str, float] = {}
    for key, name in VERDICTS.items():
        verdict = first([key], *parts)
        if isinstance(verdict, bool | int | float) and name not in value:
            value[name] = float(verdict)
    reasons = first(["classifier_reasoning", "reasoning", "explanation"], *parts)
    return Score(
        # NaN is Inspect's mark of an unscored value.
        value=value or {"paper_harmful": math.nan},
        explanation=reasons if isinstance(reasons, str) else None,
        metadata=dict(stored),
    )
