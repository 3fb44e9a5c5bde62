"""What cells and conditions are called where people read them: words, and no two alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from cornered.analysis.wording import condition_words, pressure_words
from cornered.scenario.condition import Condition

if TYPE_CHECKING:
    from cornered.analysis.table import Cell


def distinct(words: Mapping[str, str]) -> dict[str, str]:
    """The same words by code, with the code after those that two codes share."""
    shared = {text for text, count in Counter(words.values()).items() if count > 1}
    return {code: f"{text} [{code}]" if text in shared else text for code, text in words.items()}


def condition_names(conditions: Iterable[Condition]) -> dict[str, str]:
    """By its code what each condition is called: `blackmail: goal conflict and replacement`."""
    return distinct({one.name: f"{one.pack_name}: {_words(one)}" for one in conditions})


def pressure_name(condition: Condition) -> str:
    """A scenario and what presses on the agent in it: conditions of one pressure share it."""
    words = "probe" if condition.is_probe else pressure_words(condition)
    return f"{condition.pack_name}: {words}"


def words_besides(condition: Condition, factor: str) -> str:
    """A condition in words whatever its level of a factor, as two that are compared share them."""
    naming = condition.naming
    parts = (tuple(f for f in part if f != factor) for part in naming.parts)
    extra = tuple(pair for pair in condition.extra if pair[0] != factor)
    rest = replace(naming, parts=tuple(filter(None, parts)))
    words = _words(replace(condition, extra=extra, naming=rest)).removeprefix(", ")
    return words or "all else at its default"


class CellNames:
    """What the cells of a run are called: their condition, and their model where it has several.

    Args:
        cells: All cells of the run.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        known = list(cells)
        self._names = condition_names(cell.choice for cell in known)
        self._several = len({cell.model for cell in known}) > 1

    def row(self, code: str) -> str:
        """A condition by its code at the head of a row; one that the run has not keeps its code."""
        return self._names.get(code, code)

    def said(self, code: str) -> str:
        """A condition by its code in a sentence: `blackmail, goal conflict and replacement`."""
        return self.row(code).replace(": ", ", ", 1)

    def cell(self, cell: Cell) -> str:
        """A cell in a sentence, with its model in brackets where the run has several."""
        words = self.said(cell.condition)
        return f"{words} ({cell.model})" if self._several else words


def _words(condition: Condition) -> str:
    if not condition.is_probe:
        return condition_words(condition)
    extra = tuple(pair for pair in condition.extra if pair[0] != "probe")
    return f"{condition_words(replace(condition, extra=extra))} (probe)"
