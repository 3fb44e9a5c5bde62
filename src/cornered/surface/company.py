"""The company of a session: the people who answer, and what the agent's calls must pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inspect_ai.tool import ToolDef

from cornered.limits import BLOCK_AT
from cornered.scenario import Scenario
from cornered.surface.approval import (
    approval_by,
    monitor_gate,
    monitor_model,
    rule_gate,
)
from cornered.surface.people import Colleagues, people_model
from cornered.surface.recorder import Recorder
from cornered.world import World


@contextmanager
def company(
    scenario: Scenario,
    draw: str,
    world: World,
    recorder: Recorder,
    tools: Sequence[ToolDef],
    block_at: float | None = None,
) -> Iterator[None]:
    """Brings the people and the approval of a condition into a session.

    Args:
        scenario: The scenario.
        draw: The id of the trial.
        world: The world of the trial, at its start.
        recorder: Brings calls into its ledger.
        tools: The tools of the agent.
        block_at: The suspicion from which a monitor blocks, from 0 to 100; its default if None.

    Raises:
        ModelError: the condition needs a model role that the run has not.
        PackError: a prompt cannot be rendered.
    """
    levels = world.scene.levels
    renderer = scenario.renderer(levels, draw)
    if levels.get("people") == "model":
        world.people = Colleagues(world, renderer, people_model())
    match levels.get("approval", "none"):
        case "rule":
            gate = rule_gate(scenario.pack)
        case "model":
            prompt = scenario.prompt(levels, draw)
            instructions = f"{prompt.system}\n\n{prompt.task}"
            gate = monitor_gate(
                renderer,
                monitor_model(),
                instructions,
                BLOCK_AT if block_at is None else block_at,
            )
        case _:
            yield
            return
    with approval_by(gate, world, recorder, tools):
        yield
