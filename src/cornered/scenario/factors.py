"""Factors and their levels: a vocabulary read from `packs/shared/factors.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from cornered.errors import FactorError, PackError
from cornered.yamlfile import read_model

PACKS = Path(__file__).resolve().parent.parent / "packs"

Level = str | int
"""A level: a word, or a whole number for a factor that counts."""
Levels = dict[str, Level]
"""One level for every factor, in the order of the vocabulary."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class When(RootModel[dict[str, list[Level]]]):
    """A conjunction: for each named factor, the level is one of those listed."""

    @field_validator("root", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return {k: _as_list(v) for k, v in value.items()} if isinstance(value, dict) else value

    def holds(self, levels: Mapping[str, Level]) -> bool:
        """Whether the levels satisfy every part."""
        return all(levels.get(factor) in allowed for factor, allowed in self.root.items())

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


class Factor(BaseModel):
    """One thing that an experiment can vary."""

    model_config = ConfigDict(extra="forbid")

    about: str
    """One line for people."""
    levels: dict[str, str] = {}
    """Level to its meaning; empty for a factor that counts."""
    count: bool = False
    """The level is a whole number from 0."""
    default: list[_Default]
    """The first rule that holds gives the level that stands where none is named."""
    only: list[_Only] = []
    """What cannot combine, and why."""
    traces: list[str] = []
    """Regular expressions that betray a level other than `none`."""


class _Vocabulary(RootModel[dict[str, Factor]]):
    pass


def suggest(word: str, known: Sequence[str]) -> str:
    """The known word that was probably meant, if one is near, and all that are known."""
    near = get_close_matches(word, known, n=1, cutoff=0.7)
    listed = ", ".join(known)
    return f"did you mean {near[0]}? (known: {listed})" if near else f"known: {listed}"


class Factors:
    """The vocabulary, narrowed to what one pack offers.

    Args:
        vocabulary: Factor name to factor, in the order of names and grids.
        offered: For each factor of the pack its levels; for a factor that counts, the
            largest number. Factors that are not named here keep their default.
        owner: The pack's name, for errors.
    """

    def __init__(
        self, vocabulary: Mapping[str, Factor], offered: Mapping[str, list[str] | int], owner: str
    ) -> None:
        self.vocabulary, self.offered, self.owner = vocabulary, offered, owner

    def parse(self, factor: str, level: Level) -> Level:
        """A level as it is kept: a word of the vocabulary, or a number.

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
                    f"{factor}={level} is no number of mails that {self.owner} has",
                    fix=f"give a whole number from 0 to {levels}",
                )
            return number
        word = {True: "on", False: "off"}.get(level, level) if isinstance(level, bool) else level
        if word not in levels:
            raise FactorError(
                f"{factor}={level}: {self.owner} has no such level", fix=suggest(str(word), levels)
            )
        return str(word)

    def default(self, factor: str, levels: Mapping[str, Level]) -> Level:
        """The level of a factor that is not named, given those of the factors before it.

        Where the pack has not got the vocabulary's default, its own first level that can be.
        """
        rules = self.vocabulary[factor]
        usual = next(d.is_ for d in rules.default if d.when.holds(levels))
        offered = self.offered.get(factor)
        if not isinstance(offered, list) or usual in offered:
            return usual
        barred = [only for only in rules.only if only.when.holds(levels)]
        possible = (v for v in offered if all(v in only.levels for only in barred))
        return next(possible, usual)

    def resolve(self, given: Mapping[str, Level]) -> Levels:
        """One level for every factor of the vocabulary, from those that are given.

        Raises:
            FactorError: unknown factor or level, or a combination that means nothing;
                the message says which and why.
        """
        named = {factor: self.parse(factor, level) for factor, level in given.items()}
        levels: Levels = {}
        for name in self.vocabulary:
            levels[name] = named.get(name, self.default(name, levels))
        for name, factor in self.vocabulary.items():
            for only in factor.only:
                if only.when.holds(levels) and levels[name] not in only.levels:
                    raise FactorError(
                        f"{name}={levels[name]} does not combine with "
                        + " ".join(f"{k}={levels[k]}" for k in only.when.root)
                        + f": {only.because}",
                        fix=f"{name} can be {' or '.join(map(str, only.levels))} there",
                    )
        return levels

    def every(self) -> Iterator[Levels]:
        """The whole grid of the pack: every combination that means something.

        A factor that counts is taken at 0 and at its largest number.
        """
        choices: list[list[Level]] = [
            sorted({0, offer}) if isinstance(offer, int) else [*offer]
            for offer in self.offered.values()
        ]
        for combination in product(*choices):
            try:
                yield self.resolve(dict(zip(self.offered, combination, strict=True)))
            except FactorError:
                continue

    def changed(self, levels: Mapping[str, Level]) -> Levels:
        """The levels that are not the default there."""
        return {k: v for k, v in levels.items() if self.default(k, levels) != v}


@cache
def vocabulary() -> dict[str, Factor]:
    """All factors, in the order in which conditions are named."""
    return read_model(PACKS / "shared" / "factors.yaml", _Vocabulary, error=PackError).root
