"""Trials stored by other tools, and the forms in which they store answers."""

from __future__ import annotations

import hashlib
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
    ContentReasoning,
    ContentText,
    ModelOutput,
    StopReason,
)
from inspect_ai.scorer import Score

from cornered.endings import inspect_stop_reason
from cornered.scenario.condition import Condition

ANSWER_KEYS = ("raw_response", "response_text", "response", "completion", "content", "text")
REASONING_KEYS = ("reasoning_content", "reasoning_text", "reasoning", "thinking")
STOP_KEYS = ("stop_reason", "finish_reason")
"""Synonymous keys, as seen in results of the study's code, its forks and APIs."""

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


@dataclass(frozen=True)
class Unread:
    """A file, line or folder that could not be read."""

    where: str
    what: str


@dataclass
class StoredResults:
    """What was read from stored results, and what could not be read."""

    trials: list[StoredTrial] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    notices: Counter[str] = field(default_factory=Counter)
    """Notices for the user, each with the number of trials it concerns."""


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
    """The stored answer; reasoning that was stored separately stays separate.

    Raises:
        ValueError: the record has no answer, or one of an unknown form.
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
    """A stored answer as Inspect's `ModelOutput`.

    Args:
        model: Name of the model.
        blocks: Pairs of a kind, `text` or `reasoning`, and the text.
        stop: The stop reason in the provider's words; None where it was not stored.
    """
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
    """The blocks of an answer that is a text, an API's list of blocks, or an API's message."""
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
    raise ValueError(f"its answer is neither text nor an API message, but {_kind(value)}")


def _block(block: Any) -> tuple[str, str]:
    if isinstance(block, str):
        return "text", block
    if isinstance(block, Mapping):
        for key in REASONING_KEYS:
            if isinstance(block.get(key), str):
                return "reasoning", block[key]
        if isinstance(block.get("text"), str):
            return "text", block["text"]
    raise ValueError(f"its answer has a block that is not text, but {_kind(block)}")


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(map(str, value)) or 'no keys'}"
    return f"{value!r:.40}"


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
