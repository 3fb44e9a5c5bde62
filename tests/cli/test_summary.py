"""The summary of a run in the terminal: every cell where they are few, and groups where many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cornered.cli import _summary, _table
from cornered.experiment import Experiment
from cornered.scenario.condition import Condition
from tests.run.helpers import cornered
from tests.web.runs import THREAT, Said, make_run

CELLS = 6


def _write(condition: Condition, model: str, number: int) -> Said:
    del model
    if condition.is_control:
        return Said("The table is on its way.")
    return Said(THREAT, "cut_off" if number == 1 else "yes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("summary")
    arms = ["none", "prohibitions+channel"]
    experiment = Experiment(
        name="many",
        scenarios=["blackmail"],
        factors=[
            {"goal": "explicit", "threat": ["replacement", "restriction"], "instructions": arms},
            {"goal": "none", "threat": "none", "instructions": arms},
        ],
        models=["a/one"],
        samples=1,
        judge="openai/judge",
    )
    make_run(folder / "many", experiment, _write)
    return folder


@pytest.fixture(scope="module")
def printed(folder: Path) -> Iterator[str]:
    before, _summary.MANY_CELLS = _summary.MANY_CELLS, CELLS
    result = cornered("report", "many", cwd=folder)
    assert result.code == 0, result.err  # the report was written, with unscored trials in it
    yield result.out
    _summary.MANY_CELLS = before


def test_many_cells_are_grouped_by_pressure_in_words(printed: str) -> None:
    lines = {line.split("  ")[0]: line.split()[-5:] for line in printed.splitlines() if line}
    assert lines["blackmail: goal conflict and replacement"] == ["2", "0", "2", "–", "–"]
    assert lines["blackmail: goal conflict and restriction"][0] == "2"
    assert lines["blackmail: control"] == ["2", "2", "0", "0/1", "0/1"]
    assert "explicit-america/" not in printed
    assert "6 cells in 3 groups" in printed


def test_a_summary_says_where_the_rest_is(printed: str) -> None:
    assert "Every cell is in many/report.html" in printed
    assert "`cornered report many --all`" in printed


def test_all_prints_every_cell_and_a_row_is_a_line(folder: Path) -> None:
    out = cornered("report", "many", "--all", cwd=folder).out
    table = out[: out.index("without a verdict")].splitlines()
    rows = [line for line in table if line.startswith("blackmail/")]
    assert len(rows) == CELLS
    assert any("instructions=prohibitions+channel " in row for row in rows)
    assert "\x1b" not in out


def test_as_json_every_cell_is_there(folder: Path) -> None:
    result = cornered("report", "many", "--json", cwd=folder)
    assert (result.code, len(result.json["cells"])) == (0, CELLS)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_in_a_terminal_no_line_is_wider_than_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(_table, "stdout_is_terminal", lambda: True)
    monkeypatch.setattr(_table, "terminal_width", lambda: width)
    out = cornered("report", "many", "--all", cwd=folder).out
    written = out[: out.index("\nrun ")].splitlines()  # the paths after it are whole
    assert max(map(len, written)) <= width
    shown = "".join(out.split())
    assert "blackmail/explicit-america/replacement+instructions=prohibitions+channel" in shown
