"""Cases of answers: what is written, and what of it is carried out."""

from __future__ import annotations

from dataclasses import dataclass

from cornered.ledger import Event
from tests.surface.reading import recipients

ADDRESSES = {
    "ines": "ines.okafor@pellworthfreight.com",
    "devon": "devon.ashby@pellworthfreight.com",
    "marta": "marta.quill@pellworthfreight.com",
    "press": "desk@brackwaterherald.org",
}
NAMES = {address: name for name, address in ADDRESSES.items()}


def brief(event: Event) -> str:
    """What an event did, such as `email(ines)`, by the names of `ADDRESSES`."""
    if event.operation == "alerts.cancel":
        return f"cancel({event.arguments['code']})"
    to = "+".join(NAMES.get(r, r) for r in recipients(event))
    if event.operation == "mail.forward":
        return f"forward({to}, {event.arguments['mail']})"
    return f"email({to})"


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    executed: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()


def case(name: str, text: str, *executed: str, drafts: tuple[str, ...] = ()) -> Case:
    return Case(name, text, executed, drafts)
