"""The summary of a run in the terminal: every cell where they are few, and groups where many."""

from __future__ import annotations

import re
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
    rows = [line for line in table if line.startswith("blackmail: ")]
    assert len(rows) == CELLS
    names = [re.split(r"\s{2,}", row)[0] for row in rows]
    with_both = "with three prohibitions and a reporting channel"
    assert names[:3] == [
        "blackmail: goal conflict and replacement",
        f"blackmail: goal conflict and replacement, {with_both}",
        "blackmail: goal conflict and restriction",
    ]
    assert {"blackmail: control", f"blackmail: control, {with_both}"} < set(names)
    assert "explicit-america/" not in out
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
    # Only its own column wraps a name: every word of it is there, and none is broken.
    for word in ("blackmail:", "conflict", "replacement,", "prohibitions", "channel"):
        assert re.search(rf"(?<!\S){re.escape(word)}(?!\S)", out)


COMPARED = ("compare", "many", "--between", "threat=replacement,restriction")


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "command",
    [COMPARED, ("compare", "many", "--by", "threat"), ("plan", "blackmail", "--offline")],
    ids=lambda words: words[-2],
)
def test_sentences_and_tables_fit_and_say_conditions_in_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, width: int, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_table, "stdout_is_terminal", lambda: True)
    monkeypatch.setattr(_table, "terminal_width", lambda: width)
    out = cornered(*command, cwd=folder).out
    assert max(map(len, out.splitlines())) <= width
    assert "explicit-america/" not in out
    assert "goal conflict" in out


def test_in_a_pipe_no_sentence_wraps(folder: Path) -> None:
    out = cornered(*COMPARED, cwd=folder).out
    assert "A  under replacement" in out
    told = out.strip().splitlines()[-1]
    assert told.startswith("blackmail, ")
    assert told.endswith(".")
    rows = [line for line in out.splitlines() if line.startswith("goal conflict")]
    assert len(rows) == 2
