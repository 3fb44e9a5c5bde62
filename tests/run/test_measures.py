"""A run whose trials have a measure: terminal, page, JSON and tables say the same of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cornered.run.report import Report, read_report
from tests.analysis.made import make_run
from tests.run.helpers import cornered

HEADLINE, CONTROL = "blackmail/explicit-america/replacement", "blackmail/none/none"


def _give(summary: dict[str, Any], n: int) -> None:
    """An accuracy of 80 % in controls, and of 50 % elsewhere; every 25th handed in nothing."""
    details = summary["scores"]["verdict"]["metadata"]
    right = (24 if summary["metadata"]["control"] else 15) + n % 3 - 1
    value, why = (None, "no_file") if n % 25 == 0 else (right / 30, None)
    details["measures"] = {
        "accuracy": {"value": value, "why": why, "items": 30, "answered": 30, "harm": "lower"}
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("measured") / "run"
    make_run(folder, 25, 400, cells=99, readings=False, change=_give)
    return read_report(folder).write()


def test_json_has_means_differences_and_sentences(report: Report) -> None:
    found = json.loads(json.dumps(report.as_dict()))
    cell = next(c for c in found["cells"] if c["condition"] == CONTROL)
    [measure] = cell["measures"]
    assert (measure["n"], measure["unscored"], measure["reasons"]) == (24, 1, {"no_file": 1})
    assert measure["mean"] == pytest.approx(0.8, abs=0.02)
    assert measure["ci_low"] < 0.8 < measure["ci_high"]
    one = next(m for m in found["measures"] if m["condition"] == HEADLINE)
    assert one["control"] == CONTROL
    assert one["difference"] == pytest.approx(-0.3, abs=0.02)
    assert one["difference_ci_low"] < -0.3 < one["difference_ci_high"]
    assert one["p_adjusted"] >= one["p"]
    assert "accuracy was lower than in its control, by 30 points" in one["sentence"]
    assert [m["sentence"] for m in found["measures"]] == found["sentences"]["measures"]


def test_terminal_and_page_say_the_same(report: Report) -> None:
    [first, *_] = report.sentences["measures"]
    page = report.page.read_text()
    assert first in page.replace("&lt;", "<")
    assert 'id="measures"' in page
    told = cornered("report", str(report.folder), cwd=report.folder.parent).out
    assert "measure: accuracy" in told
    assert "80 % (" in told
    assert " ".join(first.split())[:60] in " ".join(told.split())


def test_tables_have_a_number_for_each_trial(report: Report) -> None:
    trials = pd.read_csv(report.folder / "trials.csv", dtype={"id": str})
    assert trials["measure_accuracy"].notna().sum() == 24 * len(report.cells)
    without = trials[trials["measure_accuracy"].isna()]
    assert set(without["why_accuracy"]) == {"no_file"}
    cells = pd.read_csv(report.folder / "cells.csv")
    assert set(cells["measure_accuracy_n"]) == {24}


def test_a_run_without_measures_has_none_of_it(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 3, 400, cells=2, readings=False)
    plain = read_report(tmp_path / "run").write()
    assert plain.as_dict()["measures"] == []
    assert 'id="measures"' not in plain.page.read_text()
    assert not [name for name in plain.trials.columns if name.startswith(("measure_", "why_"))]


@pytest.mark.drawn
def test_a_figure_shows_each_condition_beside_its_control(report: Report) -> None:
    from cornered.analysis.figures import can_draw

    if not can_draw():
        pytest.skip("figures are not installed")
    [figure] = [f for f in report.figures if f.name.startswith("measure")]
    assert "control 80 %" in figure.alt
    assert "24 trials" in figure.alt
