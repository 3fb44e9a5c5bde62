"""The surface `tools`: an agent works in the world by tool calls, until it stops by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import anyio
from inspect_ai._util.exception import TerminateSampleError
from inspect_ai.agent import as_solver
from inspect_ai.log._samples import sample_active
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ModelOutput,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import LimitExceededError, sample_limits
from inspect_ai.util._anyio import inner_exception

from cornered.endings import Ending
from cornered.ledger import STORE_KEY, Doubt, Ledger
from cornered.scenario import Scenario, load_pack
from cornered.surface import Surface
from cornered.surface.company import company
from cornered.surface.output import output_ending
from cornered.surface.recorder import Recorder
from cornered.surface.serve.record import agent_record
from cornered.surface.text.answer import read_answer
from cornered.surface.tools.agents import make_agent
from cornered.surface.tools.machine import machine_of_trial
from cornered.surface.tools.tools import tool_defs
from cornered.world import World, open_world

FINISH_S = 60.0
"""Seconds that the end of a trial has for what lies outside of its world."""
LIMITS: dict[str, Ending] = {
    "message": "message_limit",
    "token": "token_limit",
    "turn": "turn_limit",
    "time": "time_limit",
    "working": "time_limit",
    "cost": "cost_limit",
    "operator": "operator",
}
"""Inspect's name of a limit to the ending that it is."""


@solver
def tools_surface(pack: str, command: str | None = None, block_at: float | None = None) -> Solver:
    """Lets an agent work in the world of a trial, and stores the ledger.

    Args:
        pack: Name of the scenario, or folder of the pack.
        command: The command of the agent, where it is a program of its own.
        block_at: The suspicion from which a monitor blocks, from 0 to 100; its default if None.
    """
    scenario = Scenario.of(load_pack(pack))

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        levels = state.metadata["factors"]
        world = open_world(scenario.pack, scenario.scene(levels, str(state.sample_id)))
        recorder = Recorder(world)
        tools = tool_defs(world, recorder)
        ending: Ending = "agent_failed"
        try:
            await world.begin(machine_of_trial())
            agent = make_agent(str(levels.get("scaffold", "react")), tools, command)
            with company(scenario, str(state.sample_id), world, recorder, tools, block_at):
                state = await as_solver(agent)(state, generate)
            outside = agent_record()
            if outside is None:
                ending = session_ending(state.messages, state.output)
            else:
                ending = outside.ending or "agent_failed"
        except BaseException as e:
            ending = broken_off(e)
            raise
        finally:
            world.close()
            with anyio.CancelScope(shield=True):
                await recorder.catch_up()
                with anyio.move_on_after(FINISH_S):
                    await world.finish()
            doubts = unread_calls(state.messages, world) if ending == "stop" else ()
            doubts += unseen_files(world)
            ledger = world.end(ending, doubts=doubts)
            state.store.set(STORE_KEY, ledger.model_dump(mode="json"))
        return state

    return solve


def broken_off(error: BaseException) -> Ending:
    """How a session ended that an exception ended.

    Inspect cancels an agent at a limit of time, and where the user stops the trial: it is then
    scored as it is if that is what the user chose, and otherwise run again.

    Args:
        error: What came out of the agent.
    """
    if isinstance(error, Exception):
        error = inner_exception(error)  # agents run their calls in groups of tasks
    elif isinstance(error, asyncio.CancelledError):
        trial = sample_active()
        if trial and trial.limit_exceeded_error:
            error = trial.limit_exceeded_error
        else:
            left = sample_limits().time.remaining
            stopped = (trial and trial.interrupt_action) or left is None or left > 0
            return "operator" if stopped else "time_limit"
    if isinstance(error, LimitExceededError):
        return LIMITS.get(error.type, "operator")
    return "operator" if isinstance(error, TerminateSampleError) else "agent_failed"


def session_ending(messages: Sequence[ChatMessage], output: ModelOutput) -> Ending:
    """How a session ended that no limit ended.

    An empty last answer is a stop where the agent did something before it.
    """
    ending = output_ending(output)
    called = any(isinstance(m, ChatMessageAssistant) and m.tool_calls for m in messages)
    return "stop" if ending == "no_response" and called else ending


def unread_calls(messages: Iterable[ChatMessage], world: World) -> tuple[Doubt, ...]:
    """A doubt where the last answer, which calls no tool, has text that looks like a call.

    A model without tool calling writes its calls as text. What was carried out before may be told
    again in text, and is no doubt.
    """
    last = next((m for m in reversed([*messages]) if isinstance(m, ChatMessageAssistant)), None)
    if last is None or last.tool_calls:
        return ()
    answer = read_answer(last.text)
    sent = {_told(event.arguments) for event in world.ledger.attempted}
    calls = [call for call in answer.attempts if call.draft is None]
    new = [call for call in calls if _told(_plain(call.arguments)) not in sent]
    return (Doubt(kind="unread_call"),) if new or answer.doubts else ()


def unseen_files(world: World) -> tuple[Doubt, ...]:
    """A doubt where a command changed more files than could be compared."""
    unseen = any(event.effects.get("unseen") for event in world.ledger.events)
    return (Doubt(kind="unseen_files"),) if unseen else ()


def _plain(arguments: Any) -> dict[str, Any]:
    return (
        arguments.model_dump(mode="json") if hasattr(arguments, "model_dump") else dict(arguments)
    )


def _told(arguments: dict[str, Any]) -> str:
    """What identifies a deed that is told again: its text, or its code."""
    text = str(arguments.get("body") or arguments.get("code") or arguments)
    return "".join(text.split()).lower()


class ToolsSurface(Surface):
    """The surface `tools`."""

    name = "tools"

    def solver(
        self, pack: str, command: str | None = None, block_at: float | None = None
    ) -> Solver:
        """The registered solver `cornered/tools_surface`."""
        # What is not given is left out of the log.
        given: dict[str, Any] = {"command": command or None, "block_at": block_at}
        return tools_surface(pack, **{k: v for k, v in given.items() if v is not None})

    async def read(self, world: World, output: ModelOutput) -> Ledger:
        """The ledger of a session that stored none: nothing can be said of it."""
        del output
        return world.end("agent_failed")


TOOLS = ToolsSurface()
