"""The address book: people and lists of the place, as its pack writes them down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cornered.errors import PackError
from cornered.scenario import Cast, Scene
from cornered.world.app import App, Arguments, Refused, operation
from cornered.world.arguments import Line, Reference
from cornered.world.results import as_list, shortened


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonSpec(_Strict):
    """What the pack's file says of a person."""

    role: str | None = None
    phone: str = ""
    office: str = ""
    note: str = ""


class ListSpec(_Strict):
    """What the pack's file says of a mailing list."""

    note: str = ""


class BookSpec(_Strict):
    """`contacts.yaml`. False is an entry whose `when` does not hold."""

    inside: bool = False
    """Whether everybody inside is in the book, and every list."""
    leave_out: list[str] = []
    """People and lists inside who are not."""
    people: dict[str, PersonSpec | Literal[False] | None] = {}
    lists: dict[str, ListSpec | Literal[False] | None] = {}


@dataclass(frozen=True)
class Contact:
    """An entry of the book: a person, a desk or a list."""

    name: str
    address: str
    role: str = ""
    phone: str = ""
    office: str = ""
    note: str = ""
    members: tuple[str, ...] = ()
    """The names of a list's members, as far as they are in the book."""
    lists: tuple[str, ...] = ()
    """The names of the lists that reach this person."""

    @property
    def line(self) -> str:
        """The entry in one line."""
        about = self.role or ("list" if self.members else "")
        more = "  ".join(filter(None, (about, self.phone, self.office)))
        return f"{self.name} <{self.address}>{f'  {more}' if more else ''}"

    @property
    def rows(self) -> dict[str, str]:
        """Label to value, without empty ones."""
        rows = {
            "Name": self.name,
            "Address": self.address,
            "Role": self.role,
            "Phone": self.phone,
            "Office": self.office,
            "Note": self.note,
            "Members": ", ".join(self.members),
            "Lists": ", ".join(self.lists),
        }
        return {label: value for label, value in rows.items() if value}


class OneContact(Arguments):
    """An entry of the book."""

    contact: Reference = Field(description="A name or an address, such as Ann Lee.")

    def missing(self) -> str | None:
        """A name is needed."""
        return None if self.contact else "no name"


class Words(Arguments):
    """Words to search for."""

    words: Line = Field(description="Words that are all in the entry: name, address, role, list.")

    def missing(self) -> str | None:
        """A search needs words."""
        return None if self.words else "no words to search for"


class Contacts(App):
    """The address book of a world.

    Args:
        contacts: Its entries, in the order in which they are listed.
    """

    name: ClassVar[str] = "contacts"

    def __init__(self, contacts: Iterable[Contact]) -> None:
        self._contacts = tuple(contacts)

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The book in the pack's file.

        Raises:
            PackError: the file is malformed, or names somebody who is not in the cast.
        """
        spec = cls.content(
            scene,
            TypeAdapter(BookSpec),
            BookSpec(),
            fix="contacts.yaml has inside, leave_out, people (role, phone, office, note) and "
            "lists (note)",
        )
        cast = scene.cast
        for kind, named, known in (
            ("leave_out", spec.leave_out, {*cast.people, *cast.lists}),
            ("people", spec.people, {*cast.people}),
            ("lists", spec.lists, {*cast.lists}),
        ):
            if unknown := next((key for key in named if key not in known), None):
                raise PackError(f"contacts: {kind}: {unknown} is not in the cast")
        return cls(_entries(spec, cast))

    @operation(changes=False, looks=True, minutes=0.5)
    def list(self, actor: str, arguments: Arguments) -> str:
        """List the address book: name, address, and role."""
        del actor, arguments
        lines = [contact.line for contact in self._contacts]
        return as_list(lines, "The address book is empty.", "Search for words to see fewer.")

    @operation(changes=False, looks=True, minutes=0.5)
    def search(self, actor: str, arguments: Words) -> str:
        """List the entries that have all of these words."""
        del actor
        words = arguments.words.casefold().split()
        lines = [c.line for c in self._contacts if all(w in _text(c) for w in words)]
        return as_list(lines, "No entry has these words.", "Search for more words to see fewer.")

    @operation(changes=False, looks=True, minutes=0.5)
    def read(self, actor: str, arguments: OneContact) -> str:
        """Open an entry of the address book."""
        del actor
        contact = self._one(arguments.contact)
        return "\n".join(f"{label}: {value}" for label, value in contact.rows.items())

    def _one(self, reference: str) -> Contact:
        """The entry that a name or an address means."""
        name, _, address = reference.casefold().rpartition("<")
        keys = {" ".join(reference.casefold().split()), address.rstrip("> "), name.strip(' "')}
        for of in (_addresses, _names, _parts):
            found = [c for c in self._contacts if not keys.isdisjoint(of(c))]
            if len(found) == 1:
                return found[0]
            if found:
                names = ", ".join(c.name for c in found[:5])
                raise Refused(f"{shortened(reference, 80)} is the name of several: {names}")
        raise Refused(f"nobody in the address book is named {shortened(reference, 80)}")

    def state(self) -> dict[str, Any]:
        """Address to each entry."""
        return {contact.address: contact.rows for contact in self._contacts}


def _entries(spec: BookSpec, cast: Cast) -> Iterator[Contact]:
    shown = {*spec.people} | (
        {key for key, person in cast.people.items() if cast.inside(person.address)}
        if spec.inside
        else set()
    )
    hidden = {*spec.leave_out, *(key for key, one in spec.people.items() if one is False)}
    listed = [
        key
        for key in cast.lists
        if (spec.inside or key in spec.lists)
        and key not in hidden
        and spec.lists.get(key) is not False
    ]
    members = {key: cast.reached(cast.lists[key].address) for key in listed}
    in_book = [k for k, p in cast.people.items() if k in shown - hidden and p.address]
    for key in in_book:
        person = cast.people[key]
        own = spec.people.get(key) or PersonSpec()
        role = own.role
        if role is None:  # of outsiders, the cast's role is a note for authors
            role = str(person.slots.get("role", "")) if cast.inside(person.address) else ""
        yield Contact(
            name=person.name,
            address=person.address,
            role=role,
            phone=own.phone,
            office=own.office,
            note=own.note,
            lists=tuple(cast.lists[one].name for one in listed if key in members[one]),
        )
    for key in listed:
        entry = cast.lists[key]
        yield Contact(
            name=entry.name,
            address=entry.address,
            note=(spec.lists.get(key) or ListSpec()).note,
            members=tuple(cast.people[k].name for k in in_book if k in members[key]),
        )


def _addresses(contact: Contact) -> set[str]:
    return {contact.address.casefold()}


def _names(contact: Contact) -> set[str]:
    return {contact.name.casefold()}


def _parts(contact: Contact) -> set[str]:
    """First name, last name, and what stands before the @."""
    return {*contact.name.casefold().split(), contact.address.casefold().partition("@")[0]}


def _text(contact: Contact) -> str:
    return "\n".join(contact.rows.values()).casefold()
