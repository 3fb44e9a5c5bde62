"""Which conditions of a model differ in one factor only, or make a square of two factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cornered.analysis.table import Cell
from cornered.scenario.condition import Condition

Pair = tuple[Cell, Cell]
Square = tuple[Cell, Cell, Cell, Cell]
"""Both levels, the second only, the first only, neither."""
NONE = "none"


def references(cells: Sequence[Cell]) -> dict[str, str]:
    """The reference level of each factor that varies: `none`, else the first that is listed.

    A level that other factors force, such as `none` for the value of a goal, is no reference: no
    condition differs from one with another level in this factor only.

    Args:
        cells: The cells of one model in one scenario, in the order of the experiment.
    """
    found = {}
    for factor, levels in varied(cells).items():
        first = first_or_none(levels)
        for reference in (first, *(level for level in levels if level != first)):
            if level_pairs(cells, factor, reference):
                found[factor] = reference
                break
    return found


def first_or_none(levels: Sequence[str]) -> str:
    """`none` among the levels of a factor, else the first that is listed."""
    return NONE if NONE in levels else levels[0]


def level_pairs(cells: Sequence[Cell], factor: str, reference: str) -> dict[str, list[Pair]]:
    """By level the pairs of cells with it and with the reference that are equal in all else.

    Args:
        cells: The cells of one model in one scenario.
        factor: The factor.
        reference: Its reference level.
    """
    plain = at_level(cells, factor, reference)
    levels = varied(cells).get(factor, [])
    found = {
        level: matched(at_level(cells, factor, level), plain, factor)
        for level in levels
        if level != reference
    }
    return {level: pairs for level, pairs in found.items() if pairs}


def at_level(cells: Sequence[Cell], factor: str, level: str) -> list[Cell]:
    """The cells with a level of a factor."""
    return [cell for cell in cells if _level(cell.choice, factor) == level]


def matched(first: Sequence[Cell], second: Sequence[Cell], factor: str) -> list[Pair]:
    """The pairs of cells that are equal in all but one factor.

    Factors that are at their default on both sides count as equal, since a default may depend on
    the factor that differs: a goal of none has no value.

    Args:
        first: Cells with one level of the factor.
        second: Cells of the same scenario with another.
        factor: The factor.
    """
    others = [name for name in varied([*first, *second]) if name != factor]
    pairs = []
    for cell in first:
        found = [other for other in second if _equal(cell.choice, other.choice, factor, others)]
        # Where several agree but for defaults, the one that is equal in every level is meant.
        exact = [o for o in found if _apart(cell.choice, o.choice) == {factor}]
        pairs += [(cell, other) for other in exact or found]
    return pairs


def control_pairs(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Pairs of which neither cell is a control, and those of which one or both are."""
    own = [pair for pair in pairs if not any(cell.is_control for cell in pair)]
    return own, [pair for pair in pairs if any(cell.is_control for cell in pair)]


def squares(cells: Sequence[Cell]) -> dict[tuple[str, str, str], list[Square]]:
    """The conditions that have both levels, either, and neither, by factors and levels.

    The two factors are those in whose parts of the name a condition and its control differ, such
    as goal and threat.

    Args:
        cells: The cells of one model in one scenario.

    Returns:
        By names (`goal × threat`, `explicit × replacement`, `none × none`) the four cells of each
        square.
    """
    by_place = {_place(cell.choice): cell for cell in cells}
    by_name = {cell.condition: cell for cell in cells}
    found: dict[tuple[str, str, str], list[Square]] = {}
    for both in cells:
        neither = by_name.get(both.control or "")
        if neither is None or both.is_control:
            continue
        first, second = both.choice.named, neither.choice.named
        apart = [
            at for at, parts in enumerate(zip(first, second, strict=True)) if len({*parts}) > 1
        ]
        if len(apart) != 2:
            continue
        one_only = by_place.get(_place(both.choice, {apart[1]: second[apart[1]]}))
        other_only = by_place.get(_place(both.choice, {apart[0]: second[apart[0]]}))
        if one_only is None or other_only is None:
            continue
        factors = [both.choice.naming.parts[at][0] for at in apart]
        names = (
            " × ".join(factors),
            " × ".join(str(_level(both.choice, f)) for f in factors),
            " × ".join(str(_level(neither.choice, f)) for f in factors),
        )
        found.setdefault(names, []).append((both, other_only, one_only, neither))
    return found


def _place(
    choice: Condition, changed: Mapping[int, str] = {}
) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
    """The parts of a name, some of them changed, and the levels that are not at their default."""
    named = tuple(changed.get(at, part) for at, part in enumerate(choice.named))
    return named, frozenset((factor, str(level)) for factor, level in choice.extra)


def varied(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """By factor its levels in the order of the cells, for each factor with several."""
    levels: dict[str, dict[str, None]] = {}
    for cell in cells:
        for factor, level in cell.choice.levels.items():
            levels.setdefault(factor, {})[str(level)] = None
    return {factor: [*of] for factor, of in levels.items() if len(of) > 1}


def _level(choice: Condition, factor: str) -> str | None:
    level = choice.levels.get(factor)
    return None if level is None else str(level)


def _apart(one: Condition, other: Condition) -> set[str]:
    return {
        factor
        for factor in {*one.levels, *other.levels}
        if _level(one, factor) != _level(other, factor)
    }


def _equal(one: Condition, other: Condition, factor: str, others: Sequence[str]) -> bool:
    """Whether two conditions are equal in all factors but one and those that depend on it."""
    companions = _companions(one, factor)
    changed = {name for choice in (one, other) for name, _ in choice.extra}
    named = set(one.naming.factors)
    for name in others:
        first, second = _level(one, name), _level(other, name)
        if first == second:
            continue
        if name in companions and NONE in (first, second):
            continue
        if name in named or name in changed:
            return False
    return True


def _companions(choice: Condition, factor: str) -> tuple[str, ...]:
    """The factors that only specify the factor, such as the value of a goal."""
    for part in choice.naming.parts:
        if part[0] == factor:
            return part[1:]
    return ()
