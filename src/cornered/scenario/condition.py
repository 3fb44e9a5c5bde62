"""Conditions and trials: one choice of level for every factor, and one draw of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cornered.errors import FactorError
from cornered.scenario.factors import Factors, Level, Levels
from cornered.scenario.pack import Pack


@dataclass(frozen=True)
class Naming:
    """How the conditions of a pack are named."""

    parts: tuple[tuple[str, ...], ...]
    """The factors of each part of a name; the levels of one part are joined with `-`."""
    ranks: Mapping[str, Mapping[Level, int]]
    """For each of these factors the place of a level in the vocabulary; none where it counts."""

    @classmethod
    def of(cls, pack: Pack) -> Naming:
        """How a pack names its conditions."""
        parts = tuple(tuple(part.split("-")) for part in pack.spec.name)
        factors = [factor for part in parts for factor in part]
        return cls(
            parts,
            {f: {v: i for i, v in enumerate(pack.vocabulary[f].levels)} for f in factors},
        )

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that every name shows, in order."""
        return tuple(factor for part in self.parts for factor in part)

    def written(self, levels: Mapping[str, Level]) -> tuple[str, ...]:
        """The parts of a name, such as `explicit-america` and `replacement`.

        Within a part the first level always stands; of the others `none` is left out.
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
        """Where the levels of a part stand among others, in the order of the vocabulary."""
        return tuple(
            self.ranks[factor].get(levels[factor], len(self.ranks[factor]))
            if self.ranks[factor]
            else int(levels[factor])
            for factor in self.parts[part]
        )


@dataclass(frozen=True)
class Condition:
    """One choice of level for every factor that a scenario offers."""

    scenario: str
    """The scenario as it was asked for: its name, or the folder of a pack of one's own."""
    pack_name: str
    """The scenario's name."""
    chosen: tuple[tuple[str, Level], ...]
    """Each factor that the pack offers and its level, in the order of the vocabulary."""
    name: str
    """The written form, such as `blackmail/explicit-america/replacement+noise=40`."""
    control: str | None
    """The name of the matched control; its own name where it is the control itself, None where
    there is none."""
    extra: tuple[tuple[str, Level], ...] = field(compare=False)
    """The factors that the name shows only where their level is not the default, and is not."""
    naming: Naming = field(compare=False, repr=False)
    """How the pack names its conditions."""

    @classmethod
    def of(cls, pack: Pack, given: Mapping[str, Level], scenario: str | None = None) -> Condition:
        """The condition that the given levels mean; all others have their default.

        Args:
            pack: The scenario.
            given: Factor to level.
            scenario: What the scenario was asked for by; the pack's name where None.

        Raises:
            FactorError: unknown factor or level, or a combination that means nothing.
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
        """The level of every factor that the pack offers; not to be changed."""
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
        """Whether each trial has names of its own draw."""
        return self.levels.get("cast") == "varied"

    @cached_property
    def named(self) -> tuple[str, ...]:
        """The parts of the name that every name has, such as `explicit-america`, `replacement`."""
        return self.naming.written(self.levels)

    def matched_control(self, pack: Pack) -> Condition | None:
        """The condition that `control` names; None where the pack has no control.

        Raises:
            FactorError: the pack has a control, but not one that matches this condition.
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
    """One draw of a condition: one seeded instance of a scenario."""

    condition: Condition
    draw: str
    """Its id, which is the seed of whatever is drawn for it."""


def trial_id(number: int) -> str:
    """The id of the n-th trial of a condition, from 1; stable however many there are."""
    return f"{number:06d}"
