"""Conditions (a level for every factor) and trials (one draw of a condition)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cornered.errors import FactorError
from cornered.scenario.factors import Factor, Factors, Level, Levels
from cornered.scenario.pack import Pack


@dataclass(frozen=True)
class Naming:
    """How the conditions of a pack are named."""

    parts: tuple[tuple[str, ...], ...]
    """The factors of each part of a name; the levels of one part are joined with `-`."""
    ranks: Mapping[str, Mapping[Level, int]]
    """Factor to level to its rank in the vocabulary; empty for a factor that counts."""
    vocabulary: Mapping[str, Factor] = field(default_factory=dict, compare=False, repr=False)
    """The factors of the pack, which have the words for their levels."""

    @classmethod
    def of(cls, pack: Pack) -> Naming:
        """The naming that `name` of a `pack.yaml` asks for."""
        parts = tuple(tuple(part.split("-")) for part in pack.spec.name)
        factors = [factor for part in parts for factor in part]
        return cls(
            parts,
            {f: {v: i for i, v in enumerate(pack.vocabulary[f].levels)} for f in factors},
            pack.vocabulary,
        )

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that every name shows, in order."""
        return tuple(factor for part in self.parts for factor in part)

    def written(self, levels: Mapping[str, Level]) -> tuple[str, ...]:
        """The parts of a name, such as `explicit-america` and `replacement`.

        The first level of a part is always shown; of the others, `none` is left out.
        """
        return tuple(
            "-".join(
                str(levels[factor])
                for n, factor in enumerate(part)
                if n == 0 or levels[factor] != "none"
            )
            for part in self.parts
        )

    def place(self, part: int, levels: Mapping[str, Level]) -> tuple[int, ...]:
        """A sort key for the levels of a part, in the order of the vocabulary."""
        return tuple(
            self.ranks[factor].get(levels[factor], len(self.ranks[factor]))
            if self.ranks[factor]
            else int(levels[factor])
            for factor in self.parts[part]
        )


@dataclass(frozen=True)
class Condition:
    """A level for every factor that a scenario offers."""

    scenario: str
    """The scenario as requested: its name, or the folder of your own pack."""
    pack_name: str
    """The name of the pack."""
    chosen: tuple[tuple[str, Level], ...]
    """Each factor that the pack offers and its level, in the order of the vocabulary."""
    name: str
    """The written form, such as `blackmail/explicit-america/replacement+noise=40`."""
    control: str | None
    """The name of the matched control: its own name where it is the control itself, None where
    the pack has none."""
    extra: tuple[tuple[str, Level], ...] = field(compare=False)
    """The non-default levels of factors that a name shows only where they are not the default."""
    naming: Naming = field(compare=False, repr=False)
    """How the pack names its conditions."""

    @classmethod
    def of(cls, pack: Pack, given: Mapping[str, Level], scenario: str | None = None) -> Condition:
        """The condition with the given levels; all other factors have their default.

        Args:
            pack: The scenario.
            given: Factor to level.
            scenario: The scenario as requested; the pack's name where None.

        Raises:
            FactorError: unknown factor or level, or an invalid combination.
        """
        naming = Naming.of(pack)
        levels = pack.factors.resolve(given)
        control = _control_levels(pack, levels)
        return cls(
            scenario=scenario or pack.name,
            pack_name=pack.name,
            chosen=tuple(_offered(pack.factors, levels).items()),
            name=_name(pack, naming, levels),
            control=None if control is None else _name(pack, naming, control),
            extra=tuple(_extra(pack.factors, naming, levels).items()),
            naming=naming,
        )

    @cached_property
    def levels(self) -> Levels:
        """Factor to level, for every factor that the pack offers. Do not change it."""
        return dict(self.chosen)

    @property
    def is_control(self) -> bool:
        """Whether it is the matched control of its scenario."""
        return self.control == self.name

    @property
    def is_probe(self) -> bool:
        """Whether the agent answers questions about its situation instead of acting in it."""
        return self.levels.get("probe") == "on"

    @property
    def varies_cast(self) -> bool:
        """Whether each trial has a cast of its own, drawn from its seed."""
        return self.levels.get("cast") == "varied"

    @cached_property
    def named(self) -> tuple[str, ...]:
        """The parts that every name has, such as `explicit-america`, `replacement`."""
        return self.naming.written(self.levels)

    def matched_control(self, pack: Pack) -> Condition | None:
        """The matched control; None where the pack has none.

        Raises:
            FactorError: the pack's control does not combine with this condition.
        """
        if pack.spec.control is None:
            return None
        try:
            levels = pack.factors.nearest(self.levels, pack.spec.control)
        except FactorError as e:
            raise FactorError(
                f"{self.name} has no control ({e.what})", fix="set `controls: false`"
            ) from None
        return Condition.of(pack, _offered(pack.factors, levels), self.scenario)


def _offered(factors: Factors, levels: Mapping[str, Level]) -> Levels:
    return {factor: level for factor, level in levels.items() if factor in factors.offered}


def _extra(factors: Factors, naming: Naming, levels: Levels) -> Levels:
    changed = factors.changed(levels)
    return {factor: level for factor, level in changed.items() if factor not in naming.factors}


def _name(pack: Pack, naming: Naming, levels: Levels) -> str:
    extra = "".join(f"+{k}={v}" for k, v in _extra(pack.factors, naming, levels).items())
    return "/".join([pack.name, *naming.written(levels)]) + extra


def _control_levels(pack: Pack, levels: Levels) -> Levels | None:
    """The levels of the matched control; None where there is none."""
    if pack.spec.control is None:
        return None
    try:
        return pack.factors.nearest(levels, pack.spec.control)
    except FactorError:
        return None


@dataclass(frozen=True)
class Trial:
    """One draw of a condition: a seeded instance of a scenario."""

    condition: Condition
    draw: str
    """The id of the trial, which seeds everything drawn for it."""

    @classmethod
    def of(cls, condition: Condition, number: int) -> Trial:
        """The n-th trial of a condition, from 1."""
        return cls(condition, trial_id(number))


def trial_id(number: int) -> str:
    """The id of the n-th trial of a condition, from 1; independent of the number of trials."""
    return f"{number:06d}"
