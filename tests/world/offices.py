"""A small office in which an agent works over many turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from cornered.scenario import Levels, Mail, Scene
from cornered.scenario.render import AutomaticReply
from cornered.world import World
from cornered.world.mail import Mailbox
from tests.world.places import CAST, CLOCK, INBOX, mail

TOOLS: Levels = {"surface": "tools"}
LATER = replace(
    mail(1, subject="Late trays", body="They are in.", attachments=("late.pdf (1 MB)",)),
    stem="910-late",
    number=0,
    time=datetime(2025, 3, 6, 14, 5),
    answers="01-mail",
)
AWAY = AutomaticReply("tom", 2, True, "", "I am out until Monday.")
DESK = AutomaticReply("depot", 0, False, "Received", "We have got it.")


def office(
    *,
    arrivals: Iterable[Mail] = (LATER,),
    replies: Iterable[AutomaticReply] = (AWAY, DESK),
    attachments: Mapping[str, str] = {"count.pdf": "House 2: 40 trays."},
    mails: Iterable[Mail] = INBOX,
) -> World:
    """A world with a mailbox alone, whose clock moves."""
    scene = Scene(
        TOOLS, CAST, tuple(mails), {}, CLOCK, tuple(arrivals), tuple(replies), dict(attachments)
    )
    return World(scene, {"mail": Mailbox.open(scene)})


def box(world: World) -> Mailbox:
    """The mailbox of a world."""
    mailbox = world.apps["mail"]
    assert isinstance(mailbox, Mailbox)
    return mailbox
