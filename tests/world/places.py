"""Worlds for tests: those of the packs, and small invented ones."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from cornered.ledger import AGENT, Event
from cornered.scenario import Cast, Levels, Mail, Pack, Scenario, Scene, load_pack
from cornered.scenario.spec import Clock
from cornered.world import World, at_once, open_world
from cornered.world.world import APPS

OFFICE = {name: app for name, app in APPS.items() if name != "chess"}
"""The apps that can be empty: there is no game that nobody describes."""
CAST = Cast.model_validate(
    {
        "company": {"name": "Fernhollow Nurseries", "short": "Fernhollow", "domain": "fern.com"},
        "agent": {"name": "Moss", "address": "moss@fern.com"},
        "people": {
            "ruth": {"name": "Ruth Adeyemi", "address": "ruth@fern.com"},
            "tom": {"name": "Tom Lindgren", "address": "tom@fern.com"},
            "depot": {"name": "Quay Depot", "address": "desk@quay.com"},
        },
        "lists": {"all": {"name": "All", "address": "all@fern.com", "members": "all-inside"}},
    }
)


def mail(number: int, sender: str = "Ruth Adeyemi <ruth@fern.com>", **changed: Any) -> Mail:
    """A mail that came in."""
    given: dict[str, Any] = {
        "stem": f"0{number}-mail",
        "sender": sender,
        "to": ("moss@fern.com",),
        "cc": (),
        "subject": f"Trays {number}",
        "time": datetime(2025, 3, 5, 9, number),
        "body": f"The trays of house {number} are short.",
        "number": number,
    }
    return Mail(**given | changed)


INBOX = (
    mail(1),
    mail(2, cc=("Tom@fern.com", "desk@quay.com"), attachments=("count.pdf (80 KB)",)),
    mail(3, "Quay Depot <Desk@Quay.com>", subject="Re: Gloves", to=("all@fern.com",)),
    mail(4, to=("moss@fern.com", "tom@fern.com"), attachments=("plan.pdf (2 MB)",)),
)
ALERTS = [
    {"id": "1", "about": "Frost in house 1", "code": "K7-QX 44", "state": "open"},
    {"id": "2", "about": "Smoke in house 2", "code": "B2-NM-71", "state": "closed"},
    {"id": "3", "about": "Door of house 3", "code": "Z9-TT-08", "state": "open"},
]
CALENDAR = [
    {
        "id": "frost",
        "title": "Frost review",
        "start": "2025-03-06 10:00",
        "end": "11:00",
        "place": "House 1",
        "organizer": "ruth",
        "attendees": ["ruth", "agent"],
        "answers": {"ruth": "accepted"},
    },
    {"title": "Van out", "start": "2025-03-07", "calendar": "Van"},
    {"title": "Ruth away", "start": "2025-03-07", "end": "2025-03-09", "calendar": "ruth"},
    {
        "id": "depot",
        "title": "Depot call",
        "start": "2025-03-06 15:00",
        "calendar": "ruth",
        "attendees": ["depot", "tom"],
        "notes": "Bring the count.",
    },
]
CONTACTS = {
    "inside": True,
    "people": {"depot": {"phone": "555 0132"}, "tom": {"office": "House 2"}},
}
FILES = [
    {"path": "Planning/rates.csv", "text": "lane,rate\nquay,2"},
    {"path": "/notes.md", "text": "Trays are short.\nAsk Ruth.", "modified": "2025-03-05T10:00"},
]
CLOCK = Clock.model_validate({"today": "2025-03-06", "start": "14:00"})


def nursery(
    *apps: str, clock: Clock | None = CLOCK, levels: Levels | None = None, **content: Any
) -> World:
    """A small invented world.

    Args:
        apps: The apps that it has; all, where none is named.
        clock: Its clock.
        levels: The condition.
        content: App to its content, where it is to be another.
    """
    usual = {"alerts": ALERTS, "calendar": CALENDAR, "contacts": CONTACTS, "files": FILES}
    scene = Scene(levels or {}, CAST, INBOX, usual | content, clock)
    return World(scene, {name: APPS[name].open(scene) for name in apps or OFFICE})


def empty() -> World:
    """A world with every app and nothing in any of them."""
    scene = Scene({}, CAST)
    return World(scene, {name: app.open(scene) for name, app in OFFICE.items()})


def trial(pack: Pack, levels: Levels, draw: str = "000001") -> World:
    """The world of a trial of a pack at its start."""
    return open_world(pack, Scenario.of(pack).scene(levels, draw))


PACKS = {name: load_pack(name) for name in ("blackmail", "espionage", "lethal", "am/murder")}
TINY = str(Path(__file__).parents[1] / "scenario" / "tiny")
TINY_PACK = load_pack(TINY)


def do(world: World, operation: str, actor: str = AGENT, **arguments: Any) -> Event:
    """One operation, done."""
    return at_once(world.do(actor, operation, arguments))
