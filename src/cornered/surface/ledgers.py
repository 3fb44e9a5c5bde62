"""The ledger of a trial that has run: from its store, or read from its stored answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai.model import ModelOutput

from cornered.ledger import stored_ledger
from cornered.scenario import Levels, Scenario
from cornered.surface.text import TEXT
from cornered.world import World, at_once, open_world


def trial_world(
    scenario: Scenario, levels: Levels, draw: str, store: Mapping[str, Any], output: ModelOutput
) -> World:
    """The world of a trial as it was at the end.

    The ledger is the one in the store; a trial of version 0.1.0 and an imported answer have
    none, and their answer is read by the surface that they were given on.

    Args:
        scenario: The scenario.
        levels: The condition of the trial.
        draw: The id of the trial.
        store: What the sample's store holds.
        output: The answer of the agent.
    """
    world = open_world(scenario.pack, scenario.scene(levels, draw))
    ledger = stored_ledger(store)
    if ledger is not None:
        return world.replay(ledger)
    at_once(TEXT.read(world, output))
    return world
