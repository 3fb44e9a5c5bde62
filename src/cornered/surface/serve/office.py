"""The office of one trial as an MCP server: its task as a prompt, its tools as tools.

Clients send calls from anywhere in the event loop. They are carried out in one task, that of the
trial, one after another and through Inspect's `execute_tools`: so its log, its approval, its
validation and its limits are those of any other agent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspect_ai.event import ModelEvent
from inspect_ai.log import transcript
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    GenerateConfig,
    ModelOutput,
    execute_tools,
)
from inspect_ai.tool import ToolCall, ToolDef
from inspect_ai.util import LimitExceededError
from inspect_ai.util._limit import record_turn

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

SERVER_NAME = "office"
"""The name of the server in clients' configurations; they prefix the names of tools with it."""
PROMPT = "task"
"""The name of the prompt."""
TASK_URI = "office://task"
"""The task as a resource, for clients without prompts."""
INSTRUCTIONS = f"The task is the prompt `{PROMPT}` of this server, and its resource {TASK_URI}."
CLIENT = "none/none"
"""Stands for the model of an agent from outside in Inspect's events."""
MOST_CALLS = 1000
"""Calls after which a session ends in any case."""
CLOSED = "The session has ended; nothing was done."
"""The answer to a call after the end."""


@dataclass(frozen=True)
class Answer:
    """The result of a call, as the client gets it."""

    text: str
    failed: bool


@dataclass(frozen=True)
class _Attempt:
    """A call that waits to be carried out."""

    name: str
    arguments: dict[str, Any]
    answer: asyncio.Future[Answer]


class Office:
    """The tools of one trial, for clients of MCP.

    Args:
        tools: The tools; names are unique.
        messages: The conversation so far; each call and its result are added to this list.
    """

    def __init__(self, tools: Sequence[ToolDef], messages: list[ChatMessage]) -> None:
        self.tools, self.messages = list(tools), messages
        self.task = "\n\n".join(m.text for m in messages if m.role in ("system", "user"))
        self.lists = 0
        """How often a client asked for the list of tools."""
        self.calls = 0
        """How many calls were carried out, or failed."""
        self._unanswered = 0
        self._waiting: asyncio.Queue[_Attempt | None] = asyncio.Queue()
        self._closed = False

    @property
    def was_met(self) -> bool:
        """Whether a client asked for the tools or called one."""
        return bool(self.lists or self.calls)

    @property
    def waits(self) -> bool:
        """Whether a client waits for the result of a call."""
        return self._unanswered > 0

    async def call(self, name: str, arguments: dict[str, Any] | None) -> Answer:
        """Makes a call, and waits for its result.

        The call is carried out even if its client is gone by then.
        """
        if self._closed:
            return Answer(CLOSED, failed=True)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._unanswered += 1
        await self._waiting.put(_Attempt(name, arguments or {}, answer))
        try:
            return await answer
        finally:
            self._unanswered -= 1

    async def work(self, until: asyncio.Future[Any], *, drain: bool = True) -> None:
        """Carries out the calls of clients until the end; it must run in the trial's own task.

        Args:
            until: The end; the office is closed when it is done.
            drain: Whether calls that were made before the end are still carried out.

        Raises:
            LimitExceededError: a limit of the trial is reached.
        """
        until.add_done_callback(lambda _: self._waiting.put_nowait(None))
        try:
            while (attempt := await self._waiting.get()) is not None:
                if until.done() and not drain:
                    _settle(attempt.answer, Answer(CLOSED, failed=True))
                else:
                    await self._carry_out(attempt)
        finally:
            self.close()

    def close(self) -> None:
        """Refuses all further calls, and those that still wait."""
        self._closed = True
        while not self._waiting.empty():
            if attempt := self._waiting.get_nowait():
                _settle(attempt.answer, Answer(CLOSED, failed=True))

    async def _carry_out(self, attempt: _Attempt) -> None:
        try:
            answer = await self._execute(attempt)
        except BaseException:
            _settle(attempt.answer, Answer(CLOSED, failed=True))
            raise
        _settle(attempt.answer, answer)

    async def _execute(self, attempt: _Attempt) -> Answer:
        self.calls += 1
        call = ToolCall(id=f"mcp-{self.calls}", function=attempt.name, arguments=attempt.arguments)
        made = ChatMessageAssistant(content="", tool_calls=[call], source="generate")
        _log(made)
        _count_turn(self.calls)
        self.messages.append(made)  # Inspect's list checks the limit of messages
        done, _ = await execute_tools(self.messages, self.tools)
        self.messages.extend(done)
        result = next(m for m in done if isinstance(m, ChatMessageTool))
        if result.error is not None:
            return Answer(result.error.message, failed=True)
        return Answer(result.text, failed=False)


def _log(message: ChatMessageAssistant) -> None:
    """Puts a call into Inspect's events as an answer of the agent's model, which nobody here saw.

    The ledger finds the calls of every agent in these events, and Inspect's viewer shows them.
    """
    transcript()._event(
        ModelEvent(
            model=CLIENT,
            input=[],
            tools=[],
            tool_choice="auto",
            config=GenerateConfig(),
            output=ModelOutput(
                model=CLIENT,
                choices=[ChatCompletionChoice(message=message, stop_reason="tool_calls")],
            ),
        )
    )


def _count_turn(calls: int) -> None:
    """Counts a call as a turn: what a foreign agent's model generates is not seen here.

    Raises:
        LimitExceededError: a limit of turns is reached.
    """
    record_turn()
    if calls > MOST_CALLS:
        raise LimitExceededError(
            "turn", value=calls, limit=MOST_CALLS, message=f"more than {MOST_CALLS} calls"
        )


def _settle(answer: asyncio.Future[Answer], value: Answer) -> None:
    if not answer.done():  # its client may have gone
        answer.set_result(value)


def make_server(office: Office, *, instructions: str | None = None) -> Server[Any]:
    """An office as a server of the official SDK.

    The low-level server takes our schemas and checks no arguments, so that a wrong call reaches
    the trial, which records it.

    Args:
        office: The office.
        instructions: What clients are told when they connect.
    """
    import mcp_types as types
    from mcp.server.lowlevel import Server

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        del ctx, params
        office.lists += 1
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.parameters.model_dump(mode="json", exclude_none=True),
                )
                for tool in office.tools
            ]
        )

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        del ctx
        answer = await office.call(params.name, params.arguments)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answer.text)], is_error=answer.failed
        )

    async def list_prompts(ctx: Any, params: Any) -> types.ListPromptsResult:
        del ctx, params
        return types.ListPromptsResult(
            prompts=[types.Prompt(name=PROMPT, description="Who you are and what to do.")]
        )

    async def get_prompt(ctx: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        del ctx
        if params.name != PROMPT:
            raise _unknown(f"there is no prompt {params.name}; there is {PROMPT}")
        text = types.TextContent(type="text", text=office.task)
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=text)])

    async def list_resources(ctx: Any, params: Any) -> types.ListResourcesResult:
        del ctx, params
        task = types.Resource(uri=TASK_URI, name=PROMPT, mime_type="text/plain")
        return types.ListResourcesResult(resources=[task])

    async def read_resource(
        ctx: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        del ctx
        if params.uri != TASK_URI:
            raise _unknown(f"there is no resource {params.uri}; there is {TASK_URI}")
        return types.ReadResourceResult(
            contents=[
                types.TextResourceContents(uri=TASK_URI, mime_type="text/plain", text=office.task)
            ]
        )

    _quiet()
    return Server(
        SERVER_NAME,
        version="1",
        instructions=instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


def _unknown(what: str) -> Exception:
    """A protocol error for a client that asks for something that is not there."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import INVALID_PARAMS

    return MCPError(code=INVALID_PARAMS, message=what)


def _quiet() -> None:
    """Keeps the SDK from logging each odd request; Inspect would print it into the display."""
    import logging

    with contextlib.suppress(ValueError):
        for name in ("mcp", "uvicorn"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
