"""Varied casts: the same people with other names, drawn from a seed."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from cornered.errors import PackError
from cornered.scenario.cast import Cast, Company, Entity, Unnamed
from cornered.scenario.library import text_files
from cornered.scenario.pack import Pack
from cornered.scenario.spec import Variety
from cornered.scenario.templates import without_tags
from cornered.yamlfile import read_model, read_text

WORD = re.compile(r"[^\W\d_]+")


class _Names(BaseModel):
    """`shared/names.yaml`."""

    model_config = ConfigDict(extra="forbid")

    he: list[str] = Field(min_length=1)
    she: list[str] = Field(min_length=1)
    last: list[str] = Field(min_length=1)
    system: list[str] = Field(min_length=1)


@cache
def _names(shared: Path) -> _Names:
    return read_model(shared / "names.yaml", _Names, error=PackError)


def drawn_cast(pack: Pack, draw: str) -> Cast:
    """The cast of a pack with other names.

    People keep their pronoun, relatives share a family name, addresses follow names, and
    entries that are `fixed` keep their name. The same draw gives the same cast in every
    condition, so that conditions can be compared in pairs.

    Args:
        pack: The pack; it needs a `varied.yaml`.
        draw: The seed: the id of the trial.

    Raises:
        PackError: the pack has no `varied.yaml`, or there are not enough names for its people.
    """
    if pack.variety is None:
        raise PackError(f"{pack.name} has no varied cast", fix="add a varied.yaml to the pack")
    seed = hashlib.sha256(f"{pack.name}\n{draw}".encode()).digest()
    names, taken = _names(pack.shared), _taken(pack.folder, pack.version)
    return _Draw(pack.cast, pack.variety, Random(seed), names, taken).cast()


@cache
def _taken(folder: Path, version: str) -> frozenset[str]:
    """Words of a pack's texts and canonical cast, which are no names to draw."""
    del version
    texts = (without_tags(read_text(p, error=PackError)) for p in text_files(folder))
    return frozenset(word for text in texts for word in WORD.findall(text))


def plain(name: str) -> str:
    """A name as written in an address: lower case, no accents, letters only."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", ascii_.lower())


def _company(cast: Cast) -> Company:
    if cast.company is None:
        raise PackError("a varied cast needs a company in cast.yaml")
    return cast.company


class _Draw:
    def __init__(
        self,
        canonical: Cast,
        variety: Variety,
        random: Random,
        names: _Names,
        taken: frozenset[str],
    ) -> None:
        self.old, self.random, self.names, self.taken = canonical, random, names, taken
        self.old_company = _company(canonical)
        row = random.choice(variety.company)
        place, trade = random.choice(variety.city), random.choice(variety.industry)
        self.company = {**self.old_company.model_dump(), **place, **trade, **row}
        self.firsts: dict[tuple[str | None, str], str] = {}
        self.lasts: dict[str, str] = {}
        self.given = set(WORD.findall(" ".join(map(str, self.company.values()))))

    def _next(self, names: list[str], what: str) -> str:
        free = [n for n in names if n not in self.taken and n not in self.given]
        if not free:
            raise PackError(f"there are not enough names ({what}) for this cast")
        name = self.random.choice(free)
        self.given.add(name)
        return name

    def _name(self, entity: Entity) -> str:
        first, last = entity.slots["first"], entity.slots["last"]
        key = (entity.pronoun, first)
        if key not in self.firsts:
            pool = self.names.he if entity.pronoun == "he" else self.names.she
            self.firsts[key] = self._next(pool, f"first names, {entity.pronoun}")
        if " " not in entity.name:
            return self.firsts[key]
        if last not in self.lasts:
            self.lasts[last] = self._next(self.names.last, "family names")
        return f"{self.firsts[key]} {self.lasts[last]}"

    def _domain(self, address: str) -> str:
        domain, own = address.rpartition("@")[2], self.old_company.domain
        if domain == own or domain.endswith("." + own):
            return domain.removesuffix(own) + str(self.company["domain"])
        return domain

    def _person(self, entity: Entity) -> Entity:
        local = entity.address.partition("@")[0]
        if entity.pronoun is None:
            name = self._firm(entity.name)
        else:
            name = self._name(entity)
            local = _local_part(local, entity.name, name)
        return entity.model_copy(
            update={"name": name, "address": f"{local}@{self._domain(entity.address)}"}
        )

    def _firm(self, text: str) -> str:
        """A fixed name, with the company's name in it replaced."""
        old = self.old_company
        for slot in ("name", "short"):
            text = text.replace(getattr(old, slot), str(self.company[slot]))
        return text

    def _unnamed(self) -> Unnamed | None:
        """Its words are not drawn; its address moves to the drawn company."""
        if (old := self.old.unnamed) is None:
            return None
        local = old.address.partition("@")[0]
        return old.model_copy(update={"address": f"{local}@{self._domain(old.address)}"})

    def cast(self) -> Cast:
        agent = self.old.agent
        name = self._next(self.names.system, "system")
        local = agent.address.partition("@")[0].replace(plain(agent.name), plain(name))
        if "successor" in self.company:
            self.company["successor"] = self._next(self.names.system, "system")
        people = {key: self._person(person) for key, person in self.old.people.items()}
        return Cast(
            company=Company(**self.company),
            agent=agent.model_copy(
                update={"name": name, "address": f"{local}@{self._domain(agent.address)}"}
            ),
            unnamed=self._unnamed(),
            people=people,
            lists={
                key: entry.model_copy(
                    update={
                        "name": self._firm(entry.name),
                        "address": entry.address.partition("@")[0]
                        + "@"
                        + self._domain(entry.address),
                    }
                )
                for key, entry in self.old.lists.items()
            },
            classes=self.old.classes,
        )


def _local_part(local: str, old: str, new: str) -> str:
    """The local part of an address for a new name, in the style of the old one.

    `martin.keogh` for Martin Keogh becomes `ilya.sokolov`, and `mkeogh77` `isokolov77`.
    """
    (old_first, old_last), (new_first, new_last) = (
        (plain(name.split()[0]), plain(name.split()[-1])) for name in (old, new)
    )
    if old_last in local:
        before, after = local.split(old_last, 1)
        stem = before.rstrip("._-")
        if stem == old_first:
            before = before.replace(old_first, new_first)
        elif stem == old_first[:1]:
            before = before.replace(stem, new_first[:1])
        return before + new_last + after.replace(old_first, new_first)
    if old_first in local:
        return local.replace(old_first, new_first)
    return f"{new_first}.{new_last}"
