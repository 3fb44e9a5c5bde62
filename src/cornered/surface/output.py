"""A subject's answer in Inspect's `ModelOutput`: its ending, its reasoning, its text, its calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import Content, ContentData, ModelOutput
from inspect_ai.tool import ToolCall

from cornered.endings import Ending, early_end, tells_of_unread_call
from cornered.ledger import Place

CALL_KEY, BLOCK_KEY = "cornered_tool_call", "cornered_block"
"""Keys of the marks in an imported answer: where a tool call stands among its texts, by its id; and
a block that is neither text nor reasoning nor a call."""
_BLANK = "\ufeff\u200b \t\r\n"


@dataclass(frozen=True)
class ToolUse:
    """A call that the provider handed over apart from the text."""

    name: str
    arguments: dict[str, Any]
    problem: str | None
    """Why the arguments could not be parsed; None where they could."""
    place: Place
    """Where it is written down in the transcript."""


@dataclass(frozen=True)
class UnreadBlock:
    """A block of an answer that may hold an action, and that nobody could read."""

    kind: str
    place: Place


@dataclass(frozen=True)
class Transcript:
    """An answer for people, judges and the page: its text, with the calls handed over beside it."""

    text: str
    """The whole of it. Places of events are spans in it."""
    written: str
    """What the agent wrote as text; only this is searched for calls."""
    calls: tuple[ToolUse, ...] = ()
    unread: tuple[UnreadBlock, ...] = ()
    oddities: tuple[str, ...] = ()
    lost_call: bool = False
    """Whether the provider says that it dropped a call which it could not read."""
    inserted: tuple[tuple[int, int], ...] = ()
    """What was inserted: its offset in `written`, and its length; sorted."""

    @classmethod
    def of(cls, text: str) -> Transcript:
        """The transcript of an answer that is text alone."""
        return cls(text, text)

    @property
    def acts(self) -> bool:
        """Whether it has anything besides text that is, or may be, an action."""
        return bool(self.calls or self.unread or self.lost_call)

    def placed(self, place: Place) -> Place:
        """A span of `written` as a span of `text`."""
        return Place(
            start=place.start + sum(n for at, n in self.inserted if at <= place.start),
            end=place.end + sum(n for at, n in self.inserted if at < place.end),
        )

    def outside(self, places: Iterable[Place]) -> tuple[Place, ...]:
        """Spans of `written` as spans of `text`, without the calls handed over inside them."""
        beside = [*(c.place for c in self.calls), *(b.place for b in self.unread)]
        holes = sorted((place.start, place.end) for place in beside)
        pieces: list[Place] = []
        for place in map(self.placed, places):
            start = place.start
            for low, high in holes:
                if start < high and low < place.end:
                    pieces.append(Place(start=start, end=max(start, low)))
                    start = high
            pieces.append(Place(start=start, end=max(start, place.end)))
        return tuple(piece for piece in pieces if piece.start < piece.end)


def transcribe(output: ModelOutput) -> Transcript:
    """The transcript of an answer.

    Tool calls are written where they stand among the texts, or after them where that is not
    recorded (Inspect keeps calls in a list of their own).
    """
    written = output.completion
    if not output.choices:
        return Transcript.of(written)
    message = output.choices[0].message
    positions, blocks, oddities = _marks(message.content, len(written))
    pieces: list[tuple[int, str, ToolCall | str | None]] = [
        (min(positions.get(call.id, len(written)), len(written)), written_call(call), call)
        for call in message.tool_calls or ()
    ]
    pieces += [(at, f"[a block that could not be read: {kind}]", kind) for at, kind in blocks]
    text, inserted, calls, unread = "", [], [], []
    done = 0
    for at, shown, what in sorted(pieces, key=lambda piece: piece[0]):
        text += written[done:at]
        lead = "\n\n" if text.strip() and not text.endswith("\n\n") else ""
        place = Place(start=len(text) + len(lead), end=len(text) + len(lead) + len(shown))
        tail = "\n" if written[at:].strip() else ""
        inserted.append((at, len(lead) + len(shown) + len(tail)))
        text += lead + shown + tail
        done = at
        if isinstance(what, ToolCall):
            arguments = what.arguments if isinstance(what.arguments, dict) else {}
            calls.append(ToolUse(what.function, arguments, what.parse_error, place))
        elif what is not None:
            unread.append(UnreadBlock(what, place))
    return Transcript(
        text + written[done:],
        written,
        tuple(calls),
        tuple(unread),
        tuple(oddities),
        _lost_call(output),
        tuple(inserted),
    )


def _marks(
    content: str | list[Content], length: int
) -> tuple[dict[str, int], list[tuple[int, str]], list[str]]:
    """Where calls stand, by id; the unread blocks and where they stand; the oddities."""
    positions: dict[str, int] = {}
    blocks: list[tuple[int, str]] = []
    kinds: dict[str, None] = {}
    if isinstance(content, str):
        return positions, blocks, []
    at, texts = 0, 0
    for part in content:
        if part.type == "text":
            # Inspect joins texts with line breaks.
            at, texts = at + len(part.text) + (texts > 0), texts + 1
        elif isinstance(part, ContentData):
            if CALL_KEY in part.data:
                positions[str(part.data[CALL_KEY])] = min(at, length)
                continue
            kind = str(part.data.get(BLOCK_KEY, "data of the provider"))
            kinds[kind] = None
            if part.data.get("action"):
                blocks.append((min(at, length), kind))
        elif part.type == "tool_use":
            kind = f"{part.type} {part.tool_type}"
            kinds[kind] = None
            if part.tool_type == "mcp_call":
                blocks.append((min(at, length), kind))
        elif part.type != "reasoning":
            kinds[part.type] = None
    return positions, blocks, [f"a block that is not text: {kind}" for kind in kinds]


def written_call(call: ToolCall) -> str:
    """A call as text: its tool, and its arguments, each on a line, the longest last."""
    name = re.sub(r"[<>\s]+", " ", call.function).strip()[:60] or "?"
    if call.parse_error:
        lines = [call.parse_error]
    else:
        arguments = call.arguments if isinstance(call.arguments, dict) else {}
        lines = [
            f"{key}: {_flat(value)}"
            for key, value in sorted(arguments.items(), key=lambda item: "\n" in _flat(item[1]))
        ]
    return "\n".join([f"<tool_use:{name}>", *lines, f"</tool_use:{name}>"])


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _lost_call(output: ModelOutput) -> bool:
    details = output.choices[0].stop_details
    return tells_of_unread_call(details.type if details else None)


def refused(output: ModelOutput) -> bool:
    """Whether the model refused in a field of its own, whatever the stop reason."""
    if not output.choices:
        return False
    choice = output.choices[0]
    content = choice.message.content
    parts = [] if isinstance(content, str) else content
    return any(part.type == "text" and part.refusal for part in parts) or (
        choice.stop_details is not None and early_end(choice.stop_details.type) == "refusal"
    )


def output_ending(output: ModelOutput) -> Ending:
    """How an answer ended; one without a text and without a tool call is `no_response`.

    A refusal in a field of its own is `refusal`, even where the stop reason is an ordinary one.
    """
    if refused(output):
        return "refusal"
    if output.choices:
        details = output.choices[0].stop_details
        for reason in (details.type if details else None, output.stop_reason):
            if early := early_end(reason):
                return early
        if transcribe(output).acts:
            return "stop"
    elif output.error:
        # Inspect: the message of a provider that moderated the content away.
        return "content_filter"
    return "stop" if output.completion.strip(_BLANK).strip() else "no_response"


def native_reasoning(output: ModelOutput) -> str:
    """The content of a model's reasoning channel, or the provider's summary of it."""
    content = output.choices[0].message.content if output.choices else ""
    pieces = [] if isinstance(content, str) else [c for c in content if c.type == "reasoning"]
    texts = ((c.summary or "") if c.redacted else (c.reasoning or c.summary or "") for c in pieces)
    return "\n\n".join(text for text in texts if text.strip())


def has_reasoning(output: ModelOutput) -> bool:
    """Whether a model used its reasoning channel, also where the provider keeps the text."""
    content = output.choices[0].message.content if output.choices else ""
    blocks = [] if isinstance(content, str) else [c for c in content if c.type == "reasoning"]
    tokens = output.usage.reasoning_tokens if output.usage else None
    return bool(tokens) or any(c.redacted or c.reasoning or c.summary for c in blocks)


def whole_answer(output: ModelOutput) -> str:
    """The whole answer: native reasoning, if there is any, and the transcript."""
    return "\n\n".join(p for p in (native_reasoning(output), transcribe(output).text) if p)
