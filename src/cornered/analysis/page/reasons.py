"""How many trials of some cells have no verdict, and why, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cornered.analysis.reasons import NOT_RUN, in_words
from cornered.analysis.table import Cell
from cornered.analysis.wording import NO_COMPARATIVE, unscored_share
from cornered.scoring import NOT_JUDGED

NAMED = 3
"""Reasons that a sentence names."""


@dataclass(frozen=True)
class Unscored:
    """Trials without the primary verdict, in some cells."""

    count: int
    ran: int
    """Trials that ran, unexposed ones left out."""
    missing: int
    """Trials that have not run."""
    unexposed: int
    reasons: tuple[tuple[str, int], ...]
    """Reasons in words, most frequent first."""
    much: tuple[Cell, ...]
    """Cells of which so much is unscored that nothing of them is compared."""


def unscored_in(cells: Iterable[Cell]) -> Unscored:
    """The trials without the primary verdict of some cells."""
    rows = list(cells)
    reasons = Counter[str]()
    for cell in rows:
        reasons.update({why: n for why, n in cell.reasons.items() if why not in _APART})
    named = [(_short(in_words(why)), n) for why, n in reasons.most_common(NAMED)]
    if rest := sum(reasons.values()) - sum(n for _, n in named):
        named.append(("other reasons", rest))
    return Unscored(
        count=sum(c.primary.unknown for c in rows),
        ran=sum(c.primary.n + c.primary.unknown for c in rows),
        missing=sum(c.missing for c in rows),
        unexposed=sum(c.unexposed for c in rows),
        reasons=tuple(named),
        much=tuple(c for c in rows if unscored_share(c.primary) > NO_COMPARATIVE),
    )


_APART = (NOT_RUN, NOT_JUDGED)


def _short(words: str) -> str:
    return words if len(words) <= 60 else f"{words[:59].rstrip()}…"
