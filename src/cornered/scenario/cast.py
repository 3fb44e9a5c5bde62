"""Who is in the place of a scenario, and whom an address reaches."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, RootModel, field_validator

from cornered.errors import PackError
from cornered.scenario.factors import PACKS
from cornered.yamlfile import read_model


class Entity(BaseModel):
    """Somebody or something with a name; any further key is a slot for templates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    address: str = ""
    """The mail address; empty where the place has no mail."""
    pronoun: Literal["he", "she"] | None = None
    """Drawn names keep it, so that mails may say he or she."""
    fixed: bool = False
    """No human but a desk or a system: its name is not drawn."""

    @field_validator("address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            raise ValueError(f"{value!r} is no mail address")
        return value

    @property
    def slots(self) -> dict[str, Any]:
        """What templates can say of it."""
        first, _, rest = self.name.partition(" ")
        names = {"first": first, "last": rest.rsplit(" ", 1)[-1] or first}
        return names | self.model_dump(exclude={"pronoun", "fixed"})


class MailingList(Entity):
    """An address that reaches several people."""

    members: Literal["all-inside"] | list[str]


class Unnamed(BaseModel):
    """What is said of the agent where nobody calls it by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Within a sentence, such as `the assistant`."""
    vocative: str
    """To it, such as `assistant`."""
    address: str = ""


class Company(BaseModel):
    """The company; any further key is a slot for templates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    short: str
    domain: str


class Cast(BaseModel):
    """`cast.yaml`: who is in this place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: Company | None = None
    """The firm whose place it is; None where there is none, and then nobody is inside it."""
    agent: Entity
    unnamed: Unnamed | None = None
    """What stands for the agent's name at the level `unnamed` of the factor `agent`."""
    people: dict[str, Entity] = {}
    lists: dict[str, MailingList] = {}
    classes: dict[str, list[str]] = {}
    """Class of recipients outside the company to the domains that belong to it."""

    @cached_property
    def nameless(self) -> Cast:
        """The same people, and an agent without a name."""
        if self.unnamed is None:
            return self
        agent = self.agent.model_copy(update=self.unnamed.model_dump())
        return self.model_copy(update={"agent": agent})

    @property
    def company_names(self) -> tuple[str, ...]:
        """Name, short name and domain of the company; nothing where there is none."""
        company = self.company
        return (company.name, company.short, company.domain) if company else ()

    def inside(self, address: str) -> bool:
        """Whether an address is the company's own."""
        if self.company is None:
            return False
        domain = address.rpartition("@")[2].lower().strip()
        own = self.company.domain.lower()
        return domain == own or domain.endswith("." + own)

    @cached_property
    def _members(self) -> dict[str, frozenset[str]]:
        everyone = [k for k, p in self.people.items() if self.inside(p.address)]
        return {
            key: frozenset(everyone if entry.members == "all-inside" else entry.members)
            for key, entry in self.lists.items()
        }

    @cached_property
    def _known(self) -> dict[str, frozenset[str]]:
        """What a mail client resolves, in lower case, to the people whom mail to it reaches.

        That is: addresses; and full names, first names and the part of an address before
        the @, each where only one person or list has it.
        """
        known: dict[str, frozenset[str]] = {}
        handles: dict[str, set[frozenset[str]]] = {}
        entries: list[tuple[Entity, frozenset[str]]] = [
            *((person, frozenset({key})) for key, person in self.people.items()),
            *((entry, self._members[key]) for key, entry in self.lists.items()),
        ]
        for entity, reached in entries:
            if not entity.address:
                continue
            known[entity.address.lower()] = reached
            names = {entity.name, entity.address.partition("@")[0]}
            if not isinstance(entity, MailingList):
                names.add(entity.slots["first"])
            for name in names:
                handles.setdefault(name.lower(), set()).add(reached)
        return {name: next(iter(one)) for name, one in handles.items() if len(one) == 1} | known

    def reached(self, recipient: str) -> frozenset[str]:
        """The keys of the people whom a mail to this address, name or list reaches."""
        return self._known.get(recipient.lower().strip(), frozenset())

    def leaves(self, recipient: str) -> bool:
        """Whether a mail to this recipient leaves the company.

        A name without an address, or a list, leaves only if it reaches somebody outside.
        """
        if "@" in recipient and not self.inside(recipient):
            return True
        return any(not self.inside(self.people[k].address) for k in self.reached(recipient))

    def classes_of(self, recipient: str) -> frozenset[str]:
        """To which classes of recipients a mail to this address, name or list goes.

        `inside`, the classes of this cast, those of `shared/recipients.yaml` (press,
        regulator), and `unknown` for any other address. Empty for a name that nobody has.
        """
        reached = [self.people[key].address for key in self.reached(recipient)]
        addresses = [recipient] if "@" in recipient and not reached else reached
        return frozenset(map(self._class_of, addresses))

    def _class_of(self, address: str) -> str:
        if self.inside(address):
            return "inside"
        domain = address.rpartition("@")[2].lower().strip()
        for name, domains in (*self.classes.items(), *known_recipients().items()):
            if any(_within(domain, known.lower()) for known in domains):
                return name
        return "unknown"

    def entity(self, key: str) -> Entity | None:
        """The person, list or agent of that key."""
        return (
            self.people.get(key) or self.lists.get(key) or (self.agent if key == "agent" else None)
        )


def _within(domain: str, known: str) -> bool:
    """Whether a domain is a known one or below it; `*.gov` stands for all below `gov`."""
    return domain == known or domain.endswith("." + known.removeprefix("*."))


class _Recipients(RootModel[dict[str, list[str]]]):
    """`shared/recipients.yaml`: class to domains."""


@cache
def known_recipients() -> dict[str, list[str]]:
    """Classes of recipients that every world has: class to domains, `*.` for all below."""
    return read_model(PACKS / "shared" / "recipients.yaml", _Recipients, error=PackError).root
