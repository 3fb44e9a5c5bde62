"""What somebody may have meant: the known word, key, option or file nearest to what was given."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

NEAR = 0.72
"""The share of equal characters from which a word may be a misspelling of another."""
MANY = 2_000
"""Entries of a folder that are looked through for a name."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is nearest to one that is not known; None where none is near.

    Capitals, and a dash for an underscore, are no difference; a word that is the beginning of
    another, as a singular is, is near.

    Args:
        word: What was given.
        known: The words that there are.
    """
    wanted = _plain(word)
    found: tuple[float, str] | None = None
    for one in known:
        other = _plain(one)
        score = SequenceMatcher(None, wanted, other).ratio()
        if other == wanted:
            score = 2
        elif len(wanted) > 2 and other.startswith(wanted):
            score = max(score, NEAR)
        if score >= NEAR and (found is None or score > found[0]):
            found = (score, one)
    return found[1] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean …?`, of the nearest known word; None where none is near."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else None


def nearest_path(path: Path) -> Path | None:
    """The file or folder beside a missing one whose name is nearest; None where none is near."""
    try:
        if not path.name or not path.parent.is_dir():
            return None
        names = [entry.name for _, entry in zip(range(MANY), path.parent.iterdir(), strict=False)]
    except (OSError, ValueError):  # a name that no system can have, or a folder that is not ours
        return None
    near = nearest(path.name, sorted(name for name in names if not name.startswith(".")))
    return path.with_name(near) if near else None


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-").replace(" ", "-")
