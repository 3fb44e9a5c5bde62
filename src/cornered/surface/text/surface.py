"""The text surface: the agent answers once, and its calls are carried out."""

from __future__ import annotations

import hashlib

from inspect_ai.model import (
    GenerateConfigArgs,
    ModelOutput,
)
from inspect_ai.model._generate_config import active_generate_config
from inspect_ai.solver import Generate, Solver, TaskState, solver

from cornered.endings import Ending
from cornered.ledger import AGENT, STORE_KEY, Ledger
from cornered.scenario import Scenario, load_pack
from cornered.surface import Surface
from cornered.surface.output import Transcript, output_ending, transcribe
from cornered.surface.text.answer import read_answer
from cornered.surface.text.tool_calls import all_doubts, merge_calls, settle_ending
from cornered.world import World, open_world


async def act(world: World, text: str | Transcript, ending: Ending = "stop") -> Ledger:
    """Reads an answer, and carries its calls out in order.

    Args:
        world: The world of the trial, at its start.
        text: The answer; a transcript where tool calls were handed over beside its text.
        ending: How it ended. After an early end, a call still open at the end was not made.

    Returns:
        The ledger of the trial, with places in the transcript.
    """
    whole = text if isinstance(text, Transcript) else Transcript.of(text)
    answer = read_answer(whole.written, cut_off=ending not in ("stop", "no_response"))
    calls = merge_calls(answer.attempts, whole)
    for call in calls:
        await world.do(
            AGENT, call.name, call.arguments, call.place, draft=call.draft, note=call.note
        )
    return world.end(
        settle_ending(ending, answer.ended, whole),
        oddities=(*answer.oddities, *whole.oddities),
        reasoning=whole.outside(answer.reasoning),
        doubts=all_doubts(answer.doubts, calls, whole),
    )


@solver
def text_surface(pack: str) -> Solver:
    """Lets the agent answer once, carries its calls out, and stores the ledger.

    Args:
        pack: Name of the scenario, or folder of the pack.
    """
    scenario = Scenario.of(load_pack(pack))

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        # Inspect would answer a tool call that no tool was offered for, and ask again without end.
        state = await generate(state, tool_calls="none", **trial_seed(str(state.sample_id)))
        scene = scenario.scene(state.metadata["factors"], str(state.sample_id))
        ledger = await TEXT.read(open_world(scenario.pack, scene), state.output)
        state.store.set(STORE_KEY, ledger.model_dump(mode="json"))
        return state

    return solve


def trial_seed(draw: str) -> GenerateConfigArgs:
    """The seed of one trial, drawn from the seed of the run; nothing where it has none.

    With one seed for all, a provider returns one answer to all trials of a cell.

    Args:
        draw: The id of the trial.
    """
    seed = active_generate_config().seed
    if seed is None:
        return {}
    digest = hashlib.sha256(f"{seed}\n{draw}".encode()).digest()
    return {"seed": int.from_bytes(digest[:4]) >> 1}


class TextSurface(Surface):
    """The surface `text`."""

    name = "text"

    def solver(
        self, pack: str, command: str | None = None, block_at: float | None = None
    ) -> Solver:
        """The registered solver `cornered/text_surface`; no agent is around the model."""
        del command, block_at
        return text_surface(pack)

    async def read(self, world: World, output: ModelOutput) -> Ledger:
        """The ledger of an answer, carried out in the world."""
        return await act(world, transcribe(output), output_ending(output))


TEXT = TextSurface()
