"""Conditions as other tools name them, matched to ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cornered.errors import CorneredError, FactorError, PackError
from cornered.scenario import Level, Levels, Pack, load_pack
from cornered.scenario.condition import Condition

STUDY_SCENARIOS = {
    "blackmail": "am/blackmail",
    "leaking": "am/leaking",
    "leak": "am/leaking",
    "espionage": "am/leaking",
    "murder": "am/murder",
    "lethal": "am/murder",
}
"""Scenario names of the study and its forks, and the packs that score answers to them."""

SIDELESS = ("none", "ambiguous")
"""Goals without a side; the study's names still contain a value, which it ignores."""

_WORD = "[a-z]+"
STUDY_FORM = re.compile(
    rf"(?:(?P<scenario>{'|'.join(STUDY_SCENARIOS)})_)?"
    rf"(?P<goal>{_WORD})-(?P<value>{_WORD})_(?P<threat>{_WORD})"
)
"""`blackmail_explicit-america_replacement`, or the same without its scenario."""


def looks_like_a_condition(name: str) -> bool:
    """Whether a folder's name begins like the study's conditions."""
    scenario, underscore, rest = name.partition("_")
    return bool(underscore) and scenario in STUDY_SCENARIOS and bool(rest)


class ConditionFinder:
    """Finds conditions by name; packs and names are cached.

    Args:
        scenario: The scenario of names that contain none; a pack's name or folder.
        packs: Packs by name that are loaded already, wherever they are.
    """

    def __init__(
        self, scenario: str | None = None, packs: Mapping[str, Pack] | None = None
    ) -> None:
        self._scenario = scenario
        self._packs = dict(packs or {})
        self._known: dict[tuple[str, str | None, tuple[tuple[str, Level], ...]], Condition] = {}

    def pack(self, scenario: str) -> Pack:
        """A scenario's pack.

        Raises:
            FactorError: there is no such scenario.
            PackError: it cannot be loaded.
        """
        if scenario not in self._packs:
            self._packs[scenario] = load_pack(scenario)
        return self._packs[scenario]

    def find(
        self, name: str, scenario: str | None = None, levels: Mapping[str, Level] | None = None
    ) -> Condition:
        """The condition with a name, in our written form or in the study's.

        Args:
            name: The name.
            scenario: The scenario stored beside the name, in the study's words or ours.
            levels: Levels that the name does not contain; defaults are allowed.

        Raises:
            FactorError: no such scenario or level, an invalid combination, or a name in
                neither form.
            PackError: a pack cannot be loaded.
        """
        key = name, scenario, tuple(sorted((levels or {}).items()))
        if key not in self._known:
            self._known[key] = self._find(name, scenario, levels or {})
        return self._known[key]

    def _find(self, name: str, scenario: str | None, levels: Mapping[str, Level]) -> Condition:
        if parts := STUDY_FORM.fullmatch(name):
            pack_name = self._study_scenario(name, parts["scenario"] or scenario)
            given: Levels = {**levels, "goal": parts["goal"], "threat": parts["threat"]}
            if parts["goal"] not in SIDELESS:
                given["value"] = parts["value"]
            return _condition(self.pack(pack_name), given, pack_name)
        # Levels that apply together are joined with + too: only one before `factor=` separates.
        body, *extra = re.split(r"\+(?=[a-z_]+=)", name)
        pairs = (word.partition("=") for word in extra)
        pack_name, words = self._divided(body)
        pack = self.pack(pack_name)
        given = {**levels, **{factor: level for factor, _, level in pairs}}
        omitted: Levels = {}
        for part, text in zip(pack.spec.name, words, strict=True):
            stated = _stated(pack, part.split("-"), text)
            given |= stated
            omitted |= {f: "none" for f in part.split("-") if f not in stated}
        try:
            return _condition(pack, given | omitted, pack_name)
        except FactorError:
            if not omitted:
                raise
            # People omit the default: a goal without its value means the default value.
            return _condition(pack, given, pack_name)

    def _divided(self, body: str) -> tuple[str, list[str]]:
        """The scenario of a written form, and its named parts.

        Raises:
            FactorError: there is no such scenario, or its names have another number of parts.
            PackError: a pack cannot be loaded.
        """
        words = body.split("/")
        example, broken = "am/blackmail/explicit-america/replacement", None
        for end in range(len(words), 0, -1):
            scenario = "/".join(words[:end])
            if not scenario:
                continue
            try:
                pack = self.pack(scenario)
            except FactorError:
                continue
            except PackError as e:
                broken = e
                continue
            if len(pack.spec.name) == len(words) - end:
                return scenario, words[end:]
            example = Condition.of(pack, {}, scenario).name
        if broken:
            raise broken
        raise FactorError(
            f"{body!r} is not a condition",
            fix=f"write it as {example}, "
            "or as the study does: blackmail_explicit-america_replacement",
        )

    def _study_scenario(self, name: str, stated: str | None) -> str:
        if stated:
            return STUDY_SCENARIOS.get(stated, stated)
        if self._scenario:
            return self._scenario
        raise FactorError(f"{name!r} names no scenario", fix="give it with --scenario")


def _condition(pack: Pack, given: Mapping[str, Level], scenario: str) -> Condition:
    return Condition.of(pack, _drop_redundant(pack, given), scenario)


def _stated(pack: Pack, factors: list[str], text: str) -> Levels:
    """The levels in a part of a name; those of its factors after the first are optional."""
    if len(factors) == 1:
        return {factors[0]: text}
    head, *rest = text.split("-")
    stated: Levels = {factors[0]: head}
    for factor in factors[1:]:
        offered = pack.factors.offered[factor]
        if rest and (isinstance(offered, int) or rest[0] in offered or factor == factors[-1]):
            stated[factor] = rest.pop(0)
    if rest:
        raise FactorError(f"{text!r} is not a {'-'.join(factors)} of {pack.name}")
    return stated


def _drop_redundant(pack: Pack, given: Mapping[str, Level]) -> Levels:
    """Drops default levels of factors that the pack does not offer."""
    offered = {k: v for k, v in given.items() if k in pack.factors.offered}
    defaults = pack.factors.resolve(offered)
    return {k: v for k, v in given.items() if k in offered or defaults.get(k) != v}


def reason(error: CorneredError) -> str:
    """An error without its place, which is reported separately."""
    return f"{error.what}; {error.fix}" if error.fix else error.what
