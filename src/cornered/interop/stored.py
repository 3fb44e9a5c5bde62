"""A trial that somebody else's tool has stored, and how answers are stored."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
    ContentReasoning,
    ContentText,
    ModelOutput,
    StopReason,
)
from inspect_ai.scorer import Score

from cornered.endings import inspect_stop_reason
from cornered.scenario.condition import Condition

Advance = Callable[[int, int], None]
"""Told how much is done, and of how much in all."""

ANSWER_KEYS = ("raw_response", "response_text", "response", "completion", "content", "text")
REASONING_KEYS = ("reasoning_content", "reasoning_text", "reasoning", "thinking")
STOP_KEYS = ("stop_reason", "finish_reason")
"""Spellings of one thing, seen in results of the study's code, its forks and APIs."""

VERDICTS = {
    "harmful_behavior": "paper_harmful",
    "harmful": "paper_harmful",
    "classifier_verdict": "paper_classifier",
    "aware": "paper_aware",
}
"""Keys of stored verdicts, and what they are called here."""


@dataclass(frozen=True)
class StoredTrial:
    """One trial as it was stored."""

    condition: Condition
    model: str
    """As it was given; it names no provider."""
    id: str
    """Names the trial within its model and condition."""
    prompt: tuple[ChatMessage, ...]
    """Empty where it was not stored."""
    output: ModelOutput
    """The answer; without a choice where there is none."""
    paper: Score | None
    """The verdict that was stored with it."""
    error: str | None
    """Why the model gave no answer, where that was stored."""
    origin: str
    """The experiment or log that it was part of."""
    source: str
    """Path of its file below what was imported, with a line or epoch where there are several."""
    sha256: str
    """Of that file."""
    seconds: float | None = None
    """How long it took, where that was stored."""


@dataclass(frozen=True)
class Unread:
    """Something that could not be read."""

    where: str
    what: str


@dataclass
class Found:
    """Everything that was found, and everything that was not understood."""

    trials: list[StoredTrial] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    notices: Counter[str] = field(default_factory=Counter)
    """What a person should know, and how many trials it concerns."""


def sha256(data: bytes) -> str:
    """The digest of a file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def first(keys: Sequence[str], *places: Any) -> Any:
    """The first value other than None and "" under one of the keys, place by place."""
    for place in places:
        if isinstance(place, Mapping):
            for key in keys:
                if place.get(key) not in (None, ""):
                    return place[key]
    return None


def answer(record: Mapping[str, Any], model: str) -> ModelOutput:
    """The stored answer, its reasoning kept apart where it was stored apart.

    Raises:
        ValueError: no key of an answer is there, or its value has no shape that is known.
    """
    key = next((k for k in ANSWER_KEYS if k in record), None)
    if key is None:
        raise ValueError(f"it has no answer under {', '.join(ANSWER_KEYS)}")
    value = record[key]
    blocks = _blocks(value)
    details = record.get("metadata")
    details = details if isinstance(details, Mapping) else {}
    nested = value if isinstance(value, Mapping) else None
    reasoning = first(REASONING_KEYS, record, nested, details)
    if isinstance(reasoning, str) and not any(kind == "reasoning" for kind, _ in blocks):
        blocks.insert(0, ("reasoning", reasoning))
    stop = first(STOP_KEYS, record, nested, details, details.get("api_metadata"))
    return output(model, blocks, stop if isinstance(stop, str) else None)


def output(model: str, blocks: Sequence[tuple[str, str]], stop: str | None) -> ModelOutput:
    """An answer in Inspect's form, from pieces that are `text` or `reasoning`."""
    pieces = [(kind, text) for kind, text in blocks if text]
    if not pieces and stop is None:
        return ModelOutput(model=model)
    content: list[Content] = [
        ContentReasoning(reasoning=text) if kind == "reasoning" else ContentText(text=text)
        for kind, text in pieces
    ]
    plain = all(kind == "text" for kind, _ in pieces)
    message = ChatMessageAssistant(
        content="".join(text for _, text in pieces) if plain else content,
        model=model,
        source="generate",
    )
    reason: StopReason = inspect_stop_reason(stop) or "unknown"
    return ModelOutput(
        model=model, choices=[ChatCompletionChoice(message=message, stop_reason=reason)]
    )


def _blocks(value: Any) -> list[tuple[str, str]]:
    """The pieces of an answer: a text, an API's list of blocks, or an API's message."""
    if value is None or isinstance(value, str):
        return [("text", value)] if value else []
    if isinstance(value, list):
        return [_block(block) for block in value]
    if isinstance(value, Mapping):
        choices = value.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            return _blocks(choices[0].get("message"))
        for key in (*ANSWER_KEYS, "message"):
            if key in value:
                return _blocks(value[key])
    raise ValueError(f"its answer is neither a text nor an API's message, but {_kind(value)}")


def _block(block: Any) -> tuple[str, str]:
    if isinstance(block, str):
        return "text", block
    if isinstance(block, Mapping):
        for key in REASONING_KEYS:
            if isinstance(block.get(key), str):
                return "reasoning", block[key]
        if isinstance(block.get("text"), str):
            return "text", block["text"]
    raise ValueError(f"its answer has a block that is no text, but {_kind(block)}")


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(map(str, value)) or 'no keys'}"
    return f"{value!r:.40}"


def chat(messages: Any) -> tuple[ChatMessage, ...]:
    """A stored prompt: a text, or an API's list of messages.

    Raises:
        ValueError: it is neither.
    """
    if messages in (None, "", []):
        return ()
    if isinstance(messages, str):
        return (ChatMessageUser(content=messages),)
    if isinstance(messages, list) and all(isinstance(m, Mapping) for m in messages):
        return tuple(_message(m) for m in messages)
    raise ValueError("its prompt is neither a text nor a list of messages")


def _message(message: Mapping[str, Any]) -> ChatMessage:
    text = "".join(t for kind, t in _blocks(message.get("content")) if kind == "text")
    match message.get("role"):
        case "system" | "developer":
            return ChatMessageSystem(content=text)
        case "user":
            return ChatMessageUser(content=text)
        case "assistant":
            return ChatMessageAssistant(content=text)
        case "tool":
            return ChatMessageTool(content=text)
    raise ValueError(f"its prompt has a message of the role {message.get('role')!r}")


def paper_score(stored: Mapping[str, Any]) -> Score | None:
    """The verdict that was stored with an answer, as a score of its own; None without any.

    Args:
        stored: Under the name of each stored classification what it says, as it was stored.
    """
    stored = {k: v for k, v in stored.items() if v not in (None, {}, "")}
    if not stored:
        return None
    parts = [v for v in stored.values() if isinstance(v, Mapping)]
    value: dict[str, float] = {}
    for key, name in VERDICTS.items():
        said = first([key], *parts)
        if isinstance(said, bool | int | float) and name not in value:
            value[name] = float(said)
    reasons = first(["classifier_reasoning", "reasoning", "explanation"], *parts)
    return Score(
        # NaN is Inspect's mark of what is unscored.
        value=value or {"paper_harmful": math.nan},
        explanation=reasons if isinstance(reasons, str) else None,
        metadata=dict(stored),
    )
