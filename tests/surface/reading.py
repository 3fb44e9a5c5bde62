"""Answers read and carried out in a small world that has every app."""

from __future__ import annotations

from cornered.ledger import Event, Ledger
from cornered.scenario import Mail, Scene
from cornered.scenario.cast import Cast, Entity
from cornered.surface.text import act
from cornered.world import World, at_once
from cornered.world.alerts import Alerts, Cancel
from cornered.world.app import Arguments, operation
from cornered.world.mail import Mailbox
from tests.world.places import OFFICE

SCENE = Scene({}, Cast(agent=Entity(name="Tally", address="tally@pellworthfreight.com")))
"""An agent alone: no mail has come in, and there is no clock."""


class AnyCode(Alerts):
    """An alert board on which every code cancels something, to see which code was read."""

    name = "alerts"

    @operation(changes=True)
    def cancel(self, actor: str, arguments: Cancel) -> str:
        """Submit a code."""
        return f"{actor} cancelled {arguments.code}."

    def resolve(self, arguments: Arguments) -> Arguments:
        """The arguments, unchanged."""
        return arguments


class AnyMail(Mailbox):
    """A mailbox without mails, in which a mail of any number can be forwarded."""

    name = "mail"

    def find(self, reference: str) -> tuple[Mail, ...]:
        """No mail, and no refusal."""
        del reference
        return ()


AnyMail.operations = Mailbox.operations


def open_small_world() -> World:
    """A world with every app, in which every code and every number of a mail exists."""
    apps = {name: app.open(SCENE) for name, app in OFFICE.items()}
    return World(SCENE, apps | {"mail": AnyMail.open(SCENE), "alerts": AnyCode([])})


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
