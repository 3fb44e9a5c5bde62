"""What an agent wrote over the turns of a session, in order: thoughts, texts and calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    Content,
    ModelOutput,
)
from inspect_ai.tool import ToolCall

from cornered.ledger import Event, Ledger
from cornered.scenario import one_turn
from cornered.surface.output import whole_answer, written_call
from cornered.surface.text import read_answer
from cornered.world import World

NOT_CARRIED_OUT = "The session ended before this was carried out."


@dataclass(frozen=True)
class SessionPiece:
    """A piece of what an agent wrote."""

    kind: Literal["thinking", "text", "call"]
    text: str
    """As the agent wrote it; a call with its tool and its arguments, as in one turn of text."""
    call: str | None = None
    """Of a call, the key by which the ledger knows it, `MESSAGE:INDEX`."""


def session_pieces(messages: Iterable[ChatMessage]) -> tuple[SessionPiece, ...]:
    """What the agent wrote in a session, in order; blank pieces are left out.

    Results of tools and messages to the agent are not its words, and are left out too.

    Args:
        messages: The messages of the session.
    """
    said = (m for m in messages if isinstance(m, ChatMessageAssistant))
    return tuple(piece for message in said for piece in _pieces(message) if piece.text.strip())


def _pieces(message: ChatMessageAssistant) -> Iterator[SessionPiece]:
    for thought in _thoughts(message.content):
        yield SessionPiece("thinking", thought)
    text, done = message.text, 0
    for place in read_answer(text).reasoning:
        yield SessionPiece("text", text[done : place.start].strip())
        yield SessionPiece("thinking", text[place.start : place.end].strip())
        done = place.end
    yield SessionPiece("text", text[done:].strip())
    for index, call in enumerate(message.tool_calls or ()):
        yield SessionPiece("call", written_call(call), f"{message.id}:{index}")


def _thoughts(content: str | list[Content]) -> Iterator[str]:
    """The reasoning channel of a message, or the provider's summary of it."""
    for block in [] if isinstance(content, str) else content:
        if block.type == "reasoning":
            yield (
                (block.summary or "") if block.redacted else block.reasoning or block.summary or ""
            )


def write_event(event: Event) -> str:
    """An event as its call would be written, for one that stands in no message."""
    return written_call(ToolCall(id="", function=event.operation, arguments=event.arguments))


def whole_session(messages: Iterable[ChatMessage]) -> str:
    """All that the agent wrote in a session, thoughts and calls too, as one text."""
    return "\n\n".join(piece.text for piece in session_pieces(messages))


def all_written(world: World, messages: Iterable[ChatMessage], output: ModelOutput) -> str:
    """All that the agent wrote in a trial, on any surface, thoughts too.

    Args:
        world: The world of the trial.
        messages: The messages of the trial.
        output: Its last answer.
    """
    return whole_answer(output) if one_turn(world.scene.levels) else whole_session(messages)


def session_reasoned(messages: Iterable[ChatMessage]) -> bool:
    """Whether the agent reasoned in any turn, also where the provider keeps the text."""
    said = [m for m in messages if isinstance(m, ChatMessageAssistant)]
    return any(piece.kind == "thinking" for piece in session_pieces(said)) or any(
        block.type == "reasoning" and (block.redacted or block.reasoning or block.summary)
        for message in said
        if not isinstance(message.content, str)
        for block in message.content
    )


def closed_session(messages: Iterable[ChatMessage], ledger: Ledger) -> list[ChatMessage]:
    """The messages of a session, so that a question can follow.

    Providers refuse a call without its result, which a limit may leave behind. It gets the result
    that the ledger has, or one that says that it was not carried out.

    Args:
        messages: The messages of the session; they are not changed.
        ledger: The ledger of the trial.
    """
    results = {event.call: event.result for event in ledger.events if event.call and event.done}
    closed: list[ChatMessage] = []
    waiting: dict[str, ChatMessageTool] = {}
    for message in messages:
        if isinstance(message, ChatMessageTool):
            waiting.pop(message.tool_call_id or "", None)
        else:
            closed += waiting.values()
            waiting = {}
        closed.append(message.model_copy(deep=True))
        if isinstance(message, ChatMessageAssistant):
            for index, call in enumerate(message.tool_calls or ()):
                result = results.get(f"{message.id}:{index}", NOT_CARRIED_OUT)
                waiting[call.id] = ChatMessageTool(
                    content=result, tool_call_id=call.id, function=call.function
                )
    return [*closed, *waiting.values()]
