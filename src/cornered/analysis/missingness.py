"""What is missing in a run: trials that something ended, a judge's silence, unequal shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from cornered.analysis.multiplicity import holm
from cornered.analysis.names import CellNames
from cornered.analysis.stats import fisher, percent
from cornered.analysis.table import Cell
from cornered.scenario import Level
from cornered.scenario.condition import Condition

LEVEL = 0.05
"""Largest adjusted p of a difference that is noted."""
SHOWN = 3
"""Pairs of cells that a note names."""


@dataclass(frozen=True)
class ShareDifference:
    """Two cells that are compared, and whose shares of unscored trials differ beyond chance."""

    one: Cell
    other: Cell
    p: float
    """Fisher's exact test, two-sided."""
    p_adjusted: float
    """By Holm's method over all pairs of the run that are compared and could differ."""


def share_differences(table: Sequence[Cell]) -> list[ShareDifference]:
    """The compared cells whose shares of unscored trials differ beyond chance, clearest first.

    Compared are a cell and its matched control, one condition on two models, and two conditions of
    one model that differ in one factor. Where what is missing differs, so may what it would have
    been: neither rate nor interval allows for that, the regions do.

    A pair without an unscored trial cannot differ and is not in the family.

    Source: Fisher 1922, JRSS 85:87-94; Holm 1979, Scandinavian Journal of Statistics 6:65-70;
    Tarone 1990, Biometrics 46:515-522 (tests that cannot reject need no share of the level).
    """
    pairs = [pair for pair in _compared(table) if any(cell.primary.unknown for cell in pair)]
    values = [
        fisher(one.primary.unknown, one.primary.ran, other.primary.unknown, other.primary.ran).value
        for one, other in pairs
    ]
    found = [
        ShareDifference(one, other, p, adjusted)
        for (one, other), p, adjusted in zip(pairs, values, holm(values), strict=True)
        if p is not None and adjusted is not None and adjusted < LEVEL
    ]
    return sorted(found, key=lambda d: d.p_adjusted)


def _compared(table: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    known = [cell for cell in table if cell.primary.ran and not cell.probe]
    for one, other in combinations(known, 2):
        if one.scenario != other.scenario:
            continue
        if one.model != other.model:
            if one.condition == other.condition:
                yield one, other
        elif one.condition in (other.control, other.condition):
            yield other, one
        elif other.condition == one.control or _differing(one, other) == 1:
            yield one, other


def _differing(one: Cell, other: Cell) -> int:
    """In how many factors two conditions differ, those left out that follow from others."""
    levels, others = _named(one.choice), _named(other.choice)
    return sum(levels.get(f) != others.get(f) for f in {*levels, *others})


def _named(condition: Condition) -> dict[str, Level]:
    return {f: condition.levels[f] for f in condition.naming.factors} | dict(condition.extra)


def missing_notes(table: Sequence[Cell]) -> Iterator[str]:
    """What a reader must know of the trials without a verdict; a sentence or two each."""
    acts = sum(cell.acts_before for cell in table)
    harmful = sum(cell.harmful_before for cell in table)
    if acts or harmful:
        judged = f"; harmful to the judge: {harmful}" if any(c.harmful for c in table) else ""
        yield (
            f"Acts in trials that were cut off or ended early: {acts}{judged}. They are unscored, "
            "as are such trials without the act: counted by their outcome they would bend the rate."
        )
    if silent := sum(cell.silent for cell in table):
        yield (
            f"On {silent} whole {'trial' if silent == 1 else 'trials'} the judge gave no verdict. "
            "The harmful rate takes them to be like the others of their kind: acts per trial × "
            "yes per verdict."
        )
    if differing := share_differences(table):
        names = CellNames(table)
        named = "; ".join(_in_words(d, names) for d in differing[:SHOWN])
        more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        yield (
            f"Unscored shares differ beyond chance between compared cells: {named}{more} (Fisher, "
            "adjusted by Holm). Read their regions, not their rates."
        )


def panel_notes(table: Sequence[Cell]) -> Iterator[str]:
    """How far the rates of a panel depend on which of its judges one asks; a sentence."""
    ranges = [(cell, span) for cell in table if (span := cell.judge_range)]
    if not ranges:
        return
    widest = sorted(ranges, key=lambda found: found[1][0] - found[1][1])[:SHOWN]
    names = CellNames(table)
    named = "; ".join(
        f"{cell.model}, {names.said(cell.condition)}: {percent(low)} to {percent(high)}, the panel "
        f"{percent(cell.primary.rate)}"
        for cell, (low, high) in widest
    )
    yield f"By single judges of the panel, the widest ranges of the harmful rate: {named}."


def _in_words(found: ShareDifference, names: CellNames) -> str:
    one, other = found.one, found.other
    same = one.model == other.model
    sides = (
        f"{names.said(side.condition) if same else side.model} "
        f"({side.primary.unknown} of {side.primary.ran})"
        for side in (one, other)
    )
    p = "p < .001" if found.p_adjusted < 0.001 else f"p = {found.p_adjusted:.2g}"
    where = one.model if same else names.said(one.condition)
    return f"{where}: {' against '.join(sides)}, {p}"
