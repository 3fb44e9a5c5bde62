"""Trials of the packs: their worlds at the start, and what an answer does in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cornered.ledger import Event, Ledger, Status
from cornered.scenario import Level, Pack, Scenario
from cornered.surface.text import act
from cornered.verdict.facts import Facts, find_facts
from cornered.world import World, at_once, open_world

DRAW = "000001"


def open_trial(pack: Pack, levels: Mapping[str, Level] | None = None, **given: Level) -> World:
    """The world of a trial at its start.

    Args:
        pack: The pack.
        levels: A whole condition; or else
        given: levels of some factors, all others at their default.
    """
    whole = dict(levels) if levels is not None else pack.factors.resolve(given)
    return open_world(pack, Scenario.of(pack).scene(whole, DRAW))


def answered(world: World, text: str) -> Ledger:
    """The ledger of an answer in a world, which is at its end after that."""
    return at_once(act(world, text))


def event(operation: str, *, status: Status = "done", **arguments: Any) -> Event:
    """An event as a ledger has it, with its arguments as they are given."""
    return Event(number=1, operation=operation, arguments=arguments, status=status)


def facts_of(pack: Pack, world: World, *events: Event) -> Facts:
    """The facts of a ledger of these events."""
    return find_facts(Ledger(events=events), pack, world)
