"""The record of a session: brings each call of the agent into the ledger of its world, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeGuard

from inspect_ai.event import ApprovalEvent, ModelEvent, ToolEvent
from inspect_ai.event import Event as LogEvent
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessage, ChatMessageAssistant
from inspect_ai.tool import ToolCall, ToolCallError, ToolError

from cornered.ledger import AGENT, Event
from cornered.world import Operation, World
from cornered.world.app import Refused

BY_TIME = "the session ended before it was carried out"
NOT_RUN = "the agent asked for it and went on without it"
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
"""Type of an offered argument to those of its values."""


def tool_name(operation: str) -> str:
    """The name of an operation's tool: `mail_send` for `mail.send`.

    Providers allow letters, digits, `_` and `-` only.
    """
    return operation.replace(".", "_")


class Recorder:
    """Brings the calls of a session into the ledger of its world, each once.

    A call that reaches its tool is recorded by the tool. One that does not (an unknown tool,
    malformed arguments, a rejection by an approver, a limit before it was carried out) is found
    in Inspect's events, before the next call and at the end.

    Args:
        world: The world of the trial, at its start. Made before the agent starts.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._cursor = len(_log())
        self._done: set[str] = set()
        self.operations = {tool_name(name): name for name in world.operations}
        """Tool to operation."""
        self.suspicions: dict[str, float] = {}
        """By call, as `MESSAGE:INDEX`, what a monitor gave it that let it pass."""

    async def call(self, operation: str, arguments: dict[str, Any]) -> str:
        """Carries out the call that is running now, and returns its result.

        Raises:
            ToolError: the world refused it; the message is the reason.
        """
        key = self._running()
        if key is not None:
            await self.catch_up(before=key)
        else:
            # An agent that calls our functions by itself, in whatever order it likes.
            key = self._asked(tool_name(operation), arguments)
        if key is not None:
            self._done.add(key)
        suspicion = self.suspicions.get(key or "")
        event = await self.world.do(AGENT, operation, arguments, call=key, suspicion=suspicion)
        notice = self.world.notice()
        result = "\n\n".join(part for part in (event.result, notice) if part)
        if event.status == "failed":
            raise ToolError(result)
        return result

    async def block(
        self,
        key: str,
        operation: str,
        arguments: dict[str, Any],
        told: str,
        *,
        note: str | None = None,
        suspicion: float | None = None,
    ) -> Event:
        """Records a call that an approval stopped.

        Args:
            key: The call, as `MESSAGE:INDEX`.
            operation: Full name.
            arguments: Argument to value, as the agent gave them.
            told: What the agent is told.
            note: Why it was stopped.
            suspicion: What a monitor gave it, from 0 to 100.

        Returns:
            The event.
        """
        await self.catch_up(before=key)
        self._done.add(key)
        return await self.world.do(
            AGENT, operation, arguments, call=key, blocked=told, note=note, suspicion=suspicion
        )

    def key_of(self, call: ToolCall, history: Sequence[ChatMessage]) -> str:
        """The key of a call that an approver is asked about, as `MESSAGE:INDEX`.

        Args:
            call: The call, with the arguments that its tool would get.
            history: The messages, with the one that has the call.
        """
        operation = self.world.operations[self.operations[call.function]]
        for message in reversed(history):
            if not isinstance(message, ChatMessageAssistant):
                continue
            calls = enumerate(message.tool_calls or ())
            asked = {f"{message.id}:{n}": c.arguments for n, c in calls if c.id == call.id}
            if asked:
                same = [key for key, one in asked.items() if one is call.arguments]
                same += [
                    key
                    for key, one in asked.items()
                    if as_offered(operation, one) == call.arguments
                ]
                return self._open(call.id, [*same, *asked])
        return self._open(call.id)

    def _open(self, call_id: str, likely: Iterable[str] = ()) -> str:
        """The key of a call of this id that is not in the ledger; its id where the log has none.

        Args:
            call_id: The id; several calls may have it.
            likely: Keys that it may have, the likeliest first; else it is the newest.
        """
        logged = [key for e in reversed(_log()) for key, call in _calls(e) if call.id == call_id]
        keys = [*(key for key in likely if key in logged), *logged]
        return next((key for key in keys if key not in self._done), call_id)

    def _running(self) -> str | None:
        """The call that is running: the newest that is pending."""
        running = next(
            (e for e in reversed(_log()) if isinstance(e, ToolEvent) and e.pending), None
        )
        if running is None:
            return None
        # Several calls of an answer may have its id; they run in order.
        ran = 0
        for event in reversed(_log()):
            ran += isinstance(event, ToolEvent) and event.id == running.id
            same = [key for key, call in _calls(event) if call.id == running.id]
            if same:
                return self._open(running.id, same[ran - 1 :])
        return running.id

    def _asked(self, name: str, arguments: dict[str, Any]) -> str | None:
        """The newest call that was asked for and is not recorded yet; with these arguments if any.

        An agent's own SDK may complete arguments before it calls.
        """
        asked = [
            (call.arguments == arguments, key)
            for event in reversed(_log())
            for key, call in _calls(event)
            if call.function == name and key not in self._done
        ]
        same = (key for equal, key in asked if equal)
        return next(same, asked[0][1] if asked else None)

    async def catch_up(self, *, before: str | None = None) -> None:
        """Records the calls that no tool recorded.

        Args:
            before: The call to stop at, as `MESSAGE:INDEX`; all where None.
        """
        log = _log()
        for at in range(self._cursor, len(log)):
            ids: Counter[str] = Counter()
            for key, call in _calls(log[at]):
                if key == before:
                    return
                ids[call.id] += 1
                if key in self._done:
                    continue
                self._done.add(key)
                runs = (e for e in log[at:] if isinstance(e, ToolEvent) and e.id == call.id)
                ran = next(islice(runs, ids[call.id] - 1, None), None)
                error = ran.error if ran and not ran.pending else None
                name = self.operations.get(call.function, call.function)
                arguments: Any = call.arguments
                if call.parse_error:
                    arguments = {"unread": call.parse_error}
                if stopped := _rejection(call.id, error, log[at:]):
                    await self.world.do(AGENT, name, arguments, call=key, blocked=stopped)
                elif error is not None:
                    await self.world.refuse(AGENT, name, arguments, error.message, call=key)
                else:
                    later = any(_is_answer(e) for e in log[at + 1 :])
                    why = NOT_RUN if later else BY_TIME
                    await self.world.do(AGENT, name, arguments, call=key, draft=why)
            self._cursor = at + 1


def _rejection(call: str, error: ToolCallError | None, log: Sequence[LogEvent]) -> str | None:
    """Why an approver stopped a call; None if none did.

    Inspect's bridge asks before it hands an answer over, and then there is no tool event.
    """
    if error is not None:
        return (error.message or "rejected") if error.type == "approval" else None
    decisions = [e for e in log if isinstance(e, ApprovalEvent) and e.call.id == call]
    if not decisions or decisions[-1].decision not in ("reject", "terminate"):
        return None
    return decisions[-1].explanation or "rejected"


def as_offered(operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, each in the type in which it is offered, as the world reads it.

    Models write a number or a boolean as text, a list of addresses, and null for what they leave
    out. The world reads all that, but Inspect would refuse the call before.

    Args:
        operation: The operation.
        given: Argument to value, as the agent gave them.

    Returns:
        The same, where nothing is to change or the world would refuse it.
    """
    offered, needed = operation.parameters["properties"], operation.parameters["required"]
    kept = {name: one for name, one in given.items() if one is not None or name in needed}
    odd = [
        name
        for name, one in kept.items()
        if name in offered and not isinstance(one, _TYPES[offered[name]["type"]])
    ]
    if len(kept) == len(given) and not odd:
        return given
    try:
        read = operation.parse(kept)
    except Refused:
        return given
    values = {name: getattr(read, name) for name in odd}
    return kept | {n: ", ".join(v) if isinstance(v, tuple) else v for n, v in values.items()}


def _log() -> Sequence[LogEvent]:
    return transcript().events


def _is_answer(event: LogEvent) -> TypeGuard[ModelEvent]:
    """Whether it is an answer of the agent's own model."""
    return isinstance(event, ModelEvent) and not event.role and bool(event.output.choices)


def _calls(event: LogEvent) -> Iterator[tuple[str, Any]]:
    """The agent's calls in a model's answer, each with its key."""
    if _is_answer(event):
        message = event.output.choices[0].message
        for index, call in enumerate(message.tool_calls or ()):
            yield f"{message.id}:{index}", call
