"""Factors and their levels, read from `packs/shared/factors.yaml`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, cached_property
from itertools import chain, combinations, product
from math import prod
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from cornered.errors import FactorError, PackError
from cornered.scenario.patterns import check_pattern
from cornered.yamlfile import read_model

PACKS = Path(__file__).resolve().parent.parent / "packs"
SHARED = PACKS / "shared"
"""The texts that all packs share."""

MAX_LEVELS, MAX_TOGETHER = 64, 12
"""Levels of a factor; of one whose levels can be in force together, since these combine."""
MAX_PHRASE = 60
"""Characters of the words for a level."""
MAX_COMBINATIONS = 200_000
"""Combinations of factors that depend on one another: each of them is tried."""

_NAME = re.compile(r"[A-Za-z0-9][\w./-]{0,99}")
"""A level of a factor that is open."""

Level = str | int
"""A level: a word, or a whole number for a factor that counts."""
Levels = dict[str, Level]
"""One level for every factor, in the order of the vocabulary."""


def parts_of(level: Level | None) -> tuple[str, ...]:
    """The levels in force together: two for `prohibitions+channel`, none for `none`."""
    return () if level in (None, "none") else tuple(str(level).split("+"))


def one_turn(levels: Mapping[str, Level]) -> bool:
    """Whether the agent answers once, in text, so that nothing can happen while it works."""
    return levels.get("surface", "text") == "text"


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class When(RootModel[dict[str, list[Level]]]):
    """A conjunction: for each named factor, the level is one of those listed."""

    @field_validator("root", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return {k: _as_list(v) for k, v in value.items()} if isinstance(value, dict) else value

    def holds(self, levels: Mapping[str, Level]) -> bool:
        """Whether the levels satisfy every factor; of levels in force together one is enough."""
        return all(
            not {levels.get(factor), *parts_of(levels.get(factor))}.isdisjoint(allowed)
            for factor, allowed in self.root.items()
        )

    def __str__(self) -> str:
        return ", ".join(f"{k}={'|'.join(map(str, v))}" for k, v in self.root.items())


class _Default(BaseModel):
    model_config = ConfigDict(extra="forbid")
    when: When = When({})
    is_: Level = Field(alias="is")


class _Only(BaseModel):
    model_config = ConfigDict(extra="forbid")
    when: When
    levels: list[Level]
    because: str


class _Apart(BaseModel):
    model_config = ConfigDict(extra="forbid")
    levels: list[str]
    because: str


class _Needs(BaseModel):
    model_config = ConfigDict(extra="forbid")
    level: str
    beside: str
    because: str


class Factor(BaseModel):
    """One thing that an experiment can vary."""

    model_config = ConfigDict(extra="forbid")

    about: str
    """One line for people."""
    by_scenario: dict[str, str] = {}
    """Scenario to what the factor means there, where its levels mean different things in
    different stories: such levels are compared within a scenario only."""
    levels: dict[str, str] = {}
    """Level to its meaning; empty for a factor that counts."""
    words: dict[str, str] = {}
    """Level to a noun phrase for sentences, such as `three prohibitions`; the key `*` stands for
    every other level, which takes the place of the `*` in its phrase."""
    count: bool = False
    """The level is a whole number from 0."""
    open: str = ""
    """The level is any name, such as that of an agent; this one stands for all in the grid."""
    in_prompt: bool = True
    """Whether its levels show in the prompt; those of other factors change what happens."""
    together: bool = False
    """Levels other than `none` may be in force at once, joined with +."""
    apart: list[_Apart] = []
    """Levels that exclude one another, and why."""
    needs: list[_Needs] = []
    """Levels that need another one in force with them, and why."""
    default: list[_Default]
    """The first rule that holds gives the level where none is named."""
    only: list[_Only] = []
    """Combinations that are not valid, and why."""
    traces: list[str] = []
    """Regular expressions whose match gives away a level other than `none`."""

    @field_validator("traces")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        return [check_pattern(pattern) for pattern in value]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        most = MAX_TOGETHER if self.together else MAX_LEVELS
        if len(self.levels) > most:
            where = " that can be in force together" if self.together else ""
            raise ValueError(f"has {len(self.levels)} levels{where}, and can have {most}")
        return self

    @model_validator(mode="after")
    def _phrases(self) -> Self:
        wild = self.count or self.open
        for level, phrase in self.words.items():
            if level != "*" and not wild and level not in self.levels:
                raise ValueError(f"words: there is no level {level}")
            if level == "*" and not (wild and phrase.count("*") == 1):
                raise ValueError("words: `*` is for a factor that counts or is open, and names it")
            if not phrase.strip() or len(phrase) > MAX_PHRASE or re.search(r"[=/\\+_\n;]", phrase):
                raise ValueError(
                    f"words: {level} needs a plain noun phrase of at most {MAX_PHRASE} characters, "
                    "without = / + _ ;"
                )
            if [*self.words.values()].count(phrase) > 1:
                raise ValueError(f"words: two levels are called {phrase!r}")
        return self

    def phrase(self, name: str, level: Level) -> str:
        """The level in plain words, as a noun phrase: `three prohibitions`, `40 unrelated mails`.

        Args:
            name: The name of this factor.
            level: The level, or several that are in force together.
        """
        if self.together and "+" in str(level):
            phrases = [self.phrase(name, part) for part in parts_of(level)]
            return f"{', '.join(phrases[:-1])} and {phrases[-1]}"
        if known := self.words.get(str(level)):
            return known
        if every := self.words.get("*"):
            return every.replace("*", str(level))
        return plain_phrase(name, level)

    def usual(self, levels: Mapping[str, Level]) -> Level:
        """The level that it has where none is named, given those of the factors before it."""
        return next(rule.is_ for rule in self.default if rule.when.holds(levels))

    def clash(self, parts: Sequence[str]) -> str | None:
        """Why these levels cannot be in force together; None where they can."""
        for rule in self.apart:
            both = [part for part in parts if part in rule.levels]
            if len(both) > 1:
                return f"{' and '.join(both)} do not combine: {rule.because}"
        for need in self.needs:
            if need.level in parts and need.beside not in parts:
                return f"{need.level} needs {need.beside} beside it: {need.because}"
        return None


def plain_phrase(factor: str, level: Level) -> str:
    """Words for a level that no vocabulary has words for: `no bonus`, `deadline tonight`."""
    name, said = factor.replace("_", " ").replace("-", " "), str(level).replace("-", " ")
    if level in ("none", "off", 0):
        return f"no {name}"
    return name if level == "on" else f"{said} {name}" if said.isdigit() else f"{name} {said}"


class Vocabulary(RootModel[dict[str, Factor]]):
    """`factors.yaml`: name to factor, in the order of condition names."""


def suggest(word: str, options: Sequence[str]) -> str:
    """The `fix` of an error about an unknown word: the closest option, and all options."""
    near = get_close_matches(word, options, n=1, cutoff=0.7)
    listed = ", ".join(options)
    return f"did you mean {near[0]}? (known: {listed})" if near else f"known: {listed}"


class Factors:
    """The vocabulary, narrowed to the factors and levels that a pack offers.

    Args:
        vocabulary: Factor name to factor, in the order of names and grids.
        offered: Factor of the pack to its levels; for a factor that counts, to the largest
            number. All other factors keep their default.
        owner: The pack's name, for errors.
    """

    def __init__(
        self, vocabulary: Mapping[str, Factor], offered: Mapping[str, list[str] | int], owner: str
    ) -> None:
        self.vocabulary, self.offered, self.owner = vocabulary, offered, owner
        self._names = tuple(vocabulary)

    def parse(self, factor: str, level: Level) -> Level:
        """A level as a word of the vocabulary, or as a number.

        Raises:
            FactorError: no such factor in this pack, or no such level of it.
        """
        if factor not in self.offered:
            reason = (
                f"{self.owner} has no factor {factor}"
                if factor in self.vocabulary
                else f"there is no factor {factor}"
            )
            raise FactorError(reason, fix=suggest(factor, list(self.offered)))
        levels = self.offered[factor]
        if isinstance(levels, int):
            try:
                number = int(str(level))
            except ValueError:
                number = -1
            if not 0 <= number <= levels:
                raise FactorError(
                    f"{factor}={level} is not a number of mails that {self.owner} has",
                    fix=f"give a whole number from 0 to {levels}",
                )
            return number
        if self.vocabulary[factor].open:
            if not _NAME.fullmatch(str(level)):
                raise FactorError(
                    f"{factor}={level} is no name", fix="use letters, digits and _ . - /"
                )
            return str(level)
        word = {True: "on", False: "off"}.get(level, level) if isinstance(level, bool) else level
        if self.vocabulary[factor].together:
            return self._parse_together(factor, str(word), levels)
        if word not in levels:
            raise FactorError(
                f"{factor}={level}: {self.owner} has no such level", fix=suggest(str(word), levels)
            )
        return str(word)

    def _parse_together(self, factor: str, word: str, offered: list[str]) -> str:
        """Levels joined with `+`, each once and in the order of the vocabulary."""
        parts = word.split("+")
        for part in parts:
            if part not in offered or (part == "none" and len(parts) > 1):
                raise FactorError(
                    f"{factor}={word}: {self.owner} has no such level",
                    fix=f"{suggest(part, offered)}; join several with +",
                )
        ordered = [level for level in offered if level in parts]
        if clash := self.vocabulary[factor].clash(ordered):
            fix = "leave one out, or add what it needs"
            raise FactorError(f"{factor}={word}: {clash}", fix=fix)
        return "+".join(ordered)

    def default(self, factor: str, levels: Mapping[str, Level]) -> Level:
        """The default level of a factor, given the levels of the factors before it.

        Where the pack does not offer the vocabulary's default, its first valid level.
        """
        rules = self.vocabulary[factor]
        usual = rules.usual(levels)
        offered = self.offered.get(factor)
        if not isinstance(offered, list) or usual in offered:
            return usual
        return next((v for v in offered if not self._barred(factor, v, levels)), usual)

    def _barred(self, factor: str, level: Level, levels: Mapping[str, Level]) -> _Only | None:
        """The rule that a level breaks beside the given levels; None where it is valid."""
        rules = (only for only in self.vocabulary[factor].only if only.when.holds(levels))
        return next((only for only in rules if level not in only.levels), None)

    def resolve(self, given: Mapping[str, Level]) -> Levels:
        """A level for every factor of the vocabulary: the given ones, and defaults.

        Raises:
            FactorError: unknown factor or level, or an invalid combination (which, why).
        """
        named = {factor: self.parse(factor, level) for factor, level in given.items()}
        levels = self.complete(named)
        for name in self.vocabulary:
            if only := self._barred(name, levels[name], levels):
                raise FactorError(
                    f"{name}={levels[name]} does not combine with "
                    + " ".join(f"{k}={levels[k]}" for k in only.when.root)
                    + f": {only.because}",
                    fix=f"{name} can be {' or '.join(map(str, only.levels))} there",
                )
        return levels

    def complete(self, levels: Mapping[str, Level]) -> Levels:
        """A level for every factor of the vocabulary, with defaults for the missing ones.

        Nothing is checked.

        Args:
            levels: The levels of a condition; a stored one may lack factors added since.
        """
        whole: Levels = {}
        if tuple(levels) == self._names:
            return dict(levels)
        # In the order of the vocabulary, which names have, whatever the order given.
        for name in self._names:
            if name in levels:
                whole[name] = levels[name]
            elif name in self._always:
                whole[name] = self._always[name]
            else:
                whole[name] = self.default(name, whole)
        return whole

    @cached_property
    def _always(self) -> Levels:
        """The defaults that are the same whatever the levels of the others."""
        always: Levels = {}
        for name, factor in self.vocabulary.items():
            first, offered = factor.default[0], self.offered.get(name)
            if not first.when.root and (not isinstance(offered, list) or first.is_ in offered):
                always[name] = first.is_
        return always

    def nearest(self, given: Mapping[str, Level], fixed: Mapping[str, Level]) -> Levels:
        """The levels of `given`, with those of `fixed` in their place.

        Levels of `given` that become invalid fall back to their defaults.

        Raises:
            FactorError: the pack does not offer the fixed levels.
        """
        wanted = {k: v for k, v in {**given, **fixed}.items() if k in self.offered}
        kept = {k: v for k, v in wanted.items() if k in fixed or not self._barred(k, v, wanted)}
        return self.resolve(kept)

    def _choices(self, name: str) -> list[Level]:
        """Every level of a factor of the pack; 0 and the largest of a factor that counts."""
        offer = self.offered[name]
        if isinstance(offer, int):
            return sorted({0, offer})
        rules = self.vocabulary[name]
        if not rules.together:
            return [*offer]
        arms = [level for level in offer if level != "none"]
        several = chain.from_iterable(combinations(arms, n) for n in range(1, len(arms) + 1))
        return ["none", *("+".join(parts) for parts in several if rules.clash(parts) is None)]

    @cached_property
    def groups(self) -> list[list[Levels]]:
        """The valid combinations within each group of factors that depend on one another.

        The grid is the product of the groups: a choice in one rules out nothing in another.
        """
        names = list(self.offered)
        linked = {name: {name} for name in names}
        for name in names:
            rules = self.vocabulary[name]
            whens = [only.when for only in rules.only] + [d.when for d in rules.default]
            others = {k for when in whens for k in when.root}
            together = set().union(*(linked[k] for k in (name, *others) if k in linked))
            for member in together:
                linked[member] = together
        groups = list({id(g): g for g in linked.values()}.values())
        return [self._valid([n for n in names if n in group]) for group in groups]

    def _valid(self, names: list[str]) -> list[Levels]:
        valid = []
        choices = list(map(self._choices, names))
        if prod(map(len, choices)) > MAX_COMBINATIONS:
            raise FactorError(
                f"{self.owner}: {', '.join(names)} depend on one another and have more than "
                f"{MAX_COMBINATIONS} combinations",
                fix="offer fewer of their levels",
            )
        for combination in product(*choices):
            choice = dict(zip(names, combination, strict=True))
            with contextlib.suppress(FactorError):
                self.resolve(choice)
                valid.append(choice)
        return valid

    def projected(
        self, names: Collection[str], fixed: Mapping[str, Level] | None = None
    ) -> Iterator[Levels]:
        """A cell for every valid combination of levels of these factors.

        Args:
            names: The factors.
            fixed: Levels that every cell has.
        """
        fixed = {k: v for k, v in (fixed or {}).items() if k in self.offered}
        parts = []
        for group in self.groups:
            shared = [n for n in (group[0] if group else ()) if n in names or n in fixed]
            if shared:
                fitting = (c for c in group if all(c.get(k, v) == v for k, v in fixed.items()))
                distinct = {tuple(choice[n] for n in shared): choice for choice in fitting}
                parts.append(list(distinct.values()))
        for choices in product(*parts):
            # Every group holds valid combinations only, so nothing is left to check.
            yield self.complete({k: v for choice in choices for k, v in choice.items()})

    def count(self, names: Collection[str]) -> int:
        """The number of cells that `projected` gives for these factors."""
        shared = ([n for n in (group[0] if group else ()) if n in names] for group in self.groups)
        return prod(
            len({tuple(choice[n] for n in of_group) for choice in group})
            for of_group, group in zip(shared, self.groups, strict=True)
            if of_group
        )

    def every(self) -> Iterator[Levels]:
        """The whole grid of the pack: every valid combination.

        A factor that counts has 0 and its largest number.
        """
        return self.projected(list(self.offered))

    @property
    def size(self) -> int:
        """The number of cells of the whole grid."""
        return prod(len(group) for group in self.groups)

    def changed(self, levels: Mapping[str, Level]) -> Levels:
        """The levels that differ from their default."""
        return {k: v for k, v in levels.items() if self.default(k, levels) != v}


@cache
def vocabulary(shared: Path = SHARED) -> dict[str, Factor]:
    """All shared factors, in the order of condition names.

    Args:
        shared: The folder of the shared texts.
    """
    return read_model(shared / "factors.yaml", Vocabulary, error=PackError).root
