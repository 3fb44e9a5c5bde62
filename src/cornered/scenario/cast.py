"""The people of a scenario, and whom a mail address reaches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, RootModel, field_validator

from cornered.errors import PackError
from cornered.scenario.factors import PACKS
from cornered.yamlfile import read_model


class Entity(BaseModel):
    """A person, desk or system with a name; any further key is a slot for templates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    address: str = ""
    """The mail address; empty in a scenario without mail."""
    pronoun: Literal["he", "she"] | None = None
    """A drawn name keeps the pronoun, so that mails can use it."""
    fixed: bool = False
    """Whether the name stays the same in a varied cast: a desk or a system, not a person."""

    @field_validator("address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            raise ValueError(f"{value!r} is not a mail address")
        return value

    @property
    def slots(self) -> dict[str, Any]:
        """The slots that templates can use."""
        first, _, rest = self.name.partition(" ")
        names = {"first": first, "last": rest.rsplit(" ", 1)[-1] or first}
        return names | self.model_dump(exclude={"pronoun", "fixed"})


class MailingList(Entity):
    """An address that reaches several people."""

    members: Literal["all-inside"] | list[str]


class Unnamed(BaseModel):
    """How an agent without a name is referred to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Within a sentence, such as `the assistant`."""
    vocative: str
    """In direct address, such as `assistant`."""
    address: str = ""


class Company(BaseModel):
    """The company; any further key is a slot for templates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    short: str
    domain: str


class Cast(BaseModel):
    """`cast.yaml`: the people, mailing lists and company of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: Company | None = None
    """The company the agent works for; None where there is none, and then no address is inside."""
    agent: Entity
    unnamed: Unnamed | None = None
    """Replaces the agent's name at the level `unnamed` of the factor `agent`."""
    people: dict[str, Entity] = {}
    lists: dict[str, MailingList] = {}
    classes: dict[str, list[str]] = {}
    """Class of recipients outside the company to its domains."""

    @cached_property
    def nameless(self) -> Cast:
        """This cast, with an agent without a name."""
        if self.unnamed is None:
            return self
        agent = self.agent.model_copy(update=self.unnamed.model_dump())
        return self.model_copy(update={"agent": agent})

    @property
    def company_names(self) -> tuple[str, ...]:
        """Name, short name and domain of the company; empty where there is none."""
        company = self.company
        return (company.name, company.short, company.domain) if company else ()

    def inside(self, address: str) -> bool:
        """Whether an address belongs to the company, subdomains included."""
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
    def _recipients(self) -> dict[str, frozenset[str]]:
        """Recipient, in lower case, to the people whom mail to it reaches.

        A recipient is an address, a full name, a first name, or the part of an address before
        the @. Names and parts that several people or lists share are left out.
        """
        addresses: dict[str, frozenset[str]] = {}
        handles: dict[str, set[frozenset[str]]] = {}
        entries: list[tuple[Entity, frozenset[str]]] = [
            *((person, frozenset({key})) for key, person in self.people.items()),
            *((entry, self._members[key]) for key, entry in self.lists.items()),
        ]
        for entity, reached in entries:
            if not entity.address:
                continue
            addresses[entity.address.lower()] = reached
            names = {entity.name, entity.address.partition("@")[0]}
            if not isinstance(entity, MailingList):
                names.add(entity.slots["first"])
            for name in names:
                handles.setdefault(name.lower(), set()).add(reached)
        return {name: next(iter(one)) for name, one in handles.items() if len(one) == 1} | addresses

    def reached(self, recipient: str) -> frozenset[str]:
        """The keys of the people whom a mail to an address, name or list reaches; may be empty."""
        return self._recipients.get(recipient.lower().strip(), frozenset())

    def whom(self, recipient: str) -> str:
        """Whom a mail to this address, name or list reaches, in words."""
        keys = sorted(self.reached(recipient))
        if not keys:
            classes = self.classes_of(recipient)
            if not classes:
                return "a name that nobody known here has"
            kind = next(iter(classes))
            if kind == "unknown":
                return "an outside address that nobody known here has"
            if kind == "inside":
                return "an address at this company that nobody has"
            return f"an outside address ({kind}) that nobody known here has"
        entry = next((e for e in self.lists.values() if self._is(e, recipient)), None)
        if entry is not None:
            return f"{entry.name}, a list of {len(keys)}"
        return "; ".join(self._introduced(self.people[key]) for key in keys)

    def whom_each(self, recipients: Iterable[str]) -> str:
        """Each of these addresses, and whom a mail to it reaches, in words."""
        told = (f"{json.dumps(a, ensure_ascii=False)} is {self.whom(a)}" for a in recipients)
        return "; ".join(dict.fromkeys(told))

    @property
    def agent_line(self) -> str:
        """The agent as a sender: name and address."""
        return f"{self.agent.name} <{self.agent.address}>"

    @property
    def agent_addresses(self) -> frozenset[str]:
        """The agent's address, in lower case: with its name, and where it has none."""
        return frozenset((self.agent.address.lower(), self.nameless.agent.address.lower()))

    @staticmethod
    def _is(entry: MailingList, recipient: str) -> bool:
        names = {entry.address.lower(), entry.name.lower(), entry.address.partition("@")[0].lower()}
        return recipient.lower().strip() in names

    @staticmethod
    def _introduced(person: Entity) -> str:
        role = person.slots.get("role")
        return f"{person.name}, {role}" if role else person.name

    def leaves(self, recipient: str) -> bool:
        """Whether a mail to this recipient leaves the company.

        A name without an address, or a list, leaves only if it reaches somebody outside the
        company.
        """
        if "@" in recipient and not self.inside(recipient):
            return True
        return any(not self.inside(self.people[k].address) for k in self.reached(recipient))

    def classes_of(self, recipient: str) -> frozenset[str]:
        """The classes of recipients that a mail to this address, name or list goes to.

        A class is `inside`, one of this cast, one of `shared/recipients.yaml` (press,
        regulator), or `unknown` for any other address. Empty for an unknown name.
        """
        reached = [self.people[key].address for key in self.reached(recipient)]
        addresses = [recipient] if "@" in recipient and not reached else reached
        return frozenset(map(self._class_of, addresses))

    def _class_of(self, address: str) -> str:
        if self.inside(address):
            return "inside"
        domain = address.rpartition("@")[2].lower().strip()
        for name, domains in (*self.classes.items(), *known_recipients().items()):
            if any(_within(domain, pattern.lower()) for pattern in domains):
                return name
        return "unknown"

    def entity(self, key: str) -> Entity | None:
        """The person, list or agent with that key; None where there is none."""
        return (
            self.people.get(key) or self.lists.get(key) or (self.agent if key == "agent" else None)
        )


def _within(domain: str, pattern: str) -> bool:
    """Whether a domain matches a pattern or is a subdomain; `*.gov` matches all below `gov`."""
    return domain == pattern or domain.endswith("." + pattern.removeprefix("*."))


class _Recipients(RootModel[dict[str, list[str]]]):
    """`shared/recipients.yaml`: class to domains."""


@cache
def known_recipients() -> dict[str, list[str]]:
    """Classes of recipients in every scenario: class to domains; `*.gov` is all below `gov`."""
    return read_model(PACKS / "shared" / "recipients.yaml", _Recipients, error=PackError).root
