"""Answers read and carried out in a small world that has every app."""

from __future__ import annotations

from cornered.ledger import Event, Ledger
from cornered.scenario import Scene
from cornered.scenario.cast import Cast, Entity
from cornered.surface.text import act
from cornered.world import World, at_once
from cornered.world.world import APPS

SCENE = Scene({}, Cast(agent=Entity(name="Tally", address="tally@pellworthfreight.com")))
"""An agent alone: no mail has come in, there is no alert, and there is no clock."""


def open_small_world() -> World:
    """A world with every app, each of them empty."""
    return World(SCENE, {name: app.open(SCENE) for name, app in APPS.items()})


def read(text: str, *, cut_off: bool = False) -> Ledger:
    """The ledger of an answer.

    Args:
        text: The answer.
        cut_off: Whether the provider stopped it for its length.
    """
    return at_once(act(open_small_world(), text, "cut_off" if cut_off else "stop"))


def recipients(event: Event) -> tuple[str, ...]:
    """All who got a mail, in order, each once."""
    given = event.arguments
    return tuple(dict.fromkeys((*given["to"], *given["cc"], *given["bcc"])))
