"""The ledger of a finished trial: from its store, or read from its stored answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai.model import ModelOutput

from cornered.ledger import stored_ledger
from cornered.scenario import Levels, Scenario
from cornered.surface.registry import surface_of
from cornered.world import World, at_once, open_world


def trial_world(
    scenario: Scenario, levels: Levels, draw: str, store: Mapping[str, Any], output: ModelOutput
) -> World:
    """The world of a trial at its end, with its ledger.

    The ledger comes from the store. Trials of version 0.1.0 and imported answers have none
    there; for them the surface reads the answer.

    Args:
        scenario: The scenario.
        levels: The condition of the trial.
        draw: The id of the trial.
        store: The sample's store, as a mapping.
        output: The answer of the agent.
    """
    world = open_world(scenario.pack, scenario.scene(levels, draw))
    ledger = stored_ledger(store)
    if ledger is not None:
        return world.replay(ledger)
    at_once(surface_of(levels).read(world, output))
    return world
