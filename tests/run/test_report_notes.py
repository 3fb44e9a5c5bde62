"""Notes beside the rates name conditions in words, and are few where cells are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cornered.analysis.stopping import Stop
from cornered.analysis.table import Cell
from cornered.experiment import Experiment
from cornered.run.hypotheses import planned_cells
from cornered.run.report_notes import exposure_notes, stopping_notes

SETTINGS: dict[str, Any] = {
    "name": "x",
    "scenarios": ["blackmail"],
    "factors": {"threat": ["replacement", "restriction"], "instructions": ["none", "channel"]},
    "samples": {"max": 120, "above": "1%"},
}


def _cells(*models: str) -> tuple[Experiment, list[Cell]]:
    experiment = Experiment(**SETTINGS, models=list(models))
    return experiment, planned_cells(experiment)


def _stopped(cell: Cell, n: int) -> Cell:
    return replace(cell, planned=n, missing=0, stopped=Stop("above", n, 9, "its rate is above 1 %"))


def _notes(experiment: Experiment, cells: Sequence[Cell]) -> list[str]:
    state: Any = SimpleNamespace(manifest=SimpleNamespace(experiment=experiment), cells=cells)
    return list(stopping_notes(state))


def test_a_stopped_cell_is_named_in_words_and_its_model_where_there_are_several() -> None:
    experiment, cells = _cells("a/one")
    words = "blackmail, goal conflict and replacement, with a reporting channel"
    at = next(n for n, c in enumerate(cells) if "channel" in c.condition and not c.is_control)
    cells[at] = _stopped(cells[at], 40)
    end = ", was stopped after 40 of 120 trials: its rate is above 1 %."
    assert _notes(experiment, cells) == [words + end]
    experiment, cells = _cells("a/one", "a/two")
    at = next(n for n, c in enumerate(cells) if "channel" in c.condition and not c.is_control)
    cells[at] = _stopped(cells[at], 40)
    assert _notes(experiment, cells) == [f"{words} (a/one){end}"]


def test_of_many_stopped_cells_there_is_one_sentence() -> None:
    experiment, cells = _cells("a/one", "a/two")
    cells = [_stopped(cell, 40 + n) for n, cell in enumerate(cells)]
    (note,) = _notes(experiment, cells)
    assert note == (
        f"{len(cells)} of {len(cells)} cells were stopped early, after 40 to {39 + len(cells)} of "
        f"120 trials: {len(cells)} above the threshold; cells.csv names them."
    )
    undecided = [replace(cell, stopped=None) for cell in cells]
    (note,) = _notes(experiment, undecided)
    assert note.startswith(f"{len(cells)} of {len(cells)} cells have all their trials")


@pytest.mark.parametrize("count", [1, 7])
def test_unexposed_trials_are_told_by_cell_in_words(count: int) -> None:
    _, cells = _cells("a/one", "a/two")
    seen = [replace(c, unexposed=3, planned=5, missing=0) for c in cells[:count]] + cells[count:]
    (note,) = exposure_notes(seen)
    assert note.startswith(f"{3 * count} trials are unexposed")
    assert "By cell: blackmail, goal conflict and replacement (a/one): 3 of 5" in note
    assert ("; and 2 more cells" in note) == (count == 7)
    assert "explicit-america" not in note
