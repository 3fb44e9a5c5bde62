"""`samples: {max: …, until: …}` in whole runs, and what moves a rate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cornered as package
from tests.run.helpers import Result, cornered, known

HEADLINE = "blackmail/explicit-america/replacement"


def run(tmp_path: Path, model: str, samples: Any, **more: Any) -> Result:
    experiment = {
        "name": "stopping",
        "scenarios": ["blackmail"],
        "models": [model],
        "samples": samples,
        **more,
    }
    (tmp_path / "e.yaml").write_text(json.dumps(experiment))
    return cornered("run", "e.yaml", "--out", "run", "--json", cwd=tmp_path)


def test_a_cell_stops_when_its_interval_is_narrow_and_says_why(tmp_path: Path, policy) -> None:
    model = policy(known(0.5))
    samples = {"max": 120, "until": "±10%"}
    result = run(tmp_path, model, samples)
    assert result.code == 0, result.err
    cells = {c["condition"]: c for c in result.json["cells"]}
    control, headline = cells["blackmail/none/none"], cells[HEADLINE]
    # Nothing in forty is known to ten points; a half is not before some ninety trials.
    assert 40 <= control["planned"] < 90 <= headline["planned"] <= 120
    assert control["missing"] == headline["missing"] == 0
    assert "was no wider than ±10" in control["stopped"]
    for cell in cells.values():
        assert (cell["act"]["ci_high"] - cell["act"]["ci_low"]) / 2 <= 0.1
    told = cornered("report", "run", cwd=tmp_path).out.replace("\n", " ")
    assert "at most 120, until ±10 % trials for each cell" in told
    assert f"was stopped after {control['planned']} of 120 trials" in told
    assert "was stopped after" in (tmp_path / "run" / "report.html").read_text()
    # The same command finds nothing left to do; a narrower one goes on.
    again = run(tmp_path, model, samples)
    assert [c["planned"] for c in again.json["cells"]] == [c["planned"] for c in cells.values()]
    narrower = run(tmp_path, model, {"max": 120, "until": "±7%"})
    grown = {c["condition"]: c["planned"] for c in narrower.json["cells"]}
    assert grown["blackmail/none/none"] >= control["planned"]
    assert grown[HEADLINE] == 120


@pytest.mark.parametrize(
    ("samples", "problem"),
    [
        ({"max": 10}, "give either until"),
        ({"max": 10, "until": "wide"}, "give a percentage"),
        ({"until": "5%"}, "max"),
        (0, "samples"),
    ],
)
def test_a_rule_that_means_nothing_is_told_in_one_line(
    tmp_path: Path, policy, samples: Any, problem: str
) -> None:
    result = run(tmp_path, policy(known(0.5)), samples)
    assert result.code == 2
    assert problem in result.err
    assert "e.yaml:1" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_what_moves_the_rate_is_told_by_factor(tmp_path: Path, policy) -> None:
    factors = {"goal": ["explicit", "none"], "nudge": ["on", "off"]}
    result = run(tmp_path, policy(known(0.8)), 30, factors=factors)
    effects = {(e["factor"], e["level"]): e for e in result.json["effects"]["blackmail"]}
    goal, nudge = effects["goal", "explicit"], effects["nudge", "off"]
    assert (goal["kind"], goal["reference"], goal["cells"]) == ("arm", "none", 2)
    assert goal["difference_ci_low"] > 0.5
    assert goal["p"] <= goal["p_holm"] < 0.001
    assert nudge["reference"] == "on"
    assert nudge["difference_ci_low"] < 0 < nudge["difference_ci_high"]
    told = cornered("report", "run", cwd=tmp_path).out
    assert "under goal conflict against under no goal conflict" in told
    frame = package.load(tmp_path / "run")
    by_goal = frame[~frame["control"]].groupby("goal")["act"].mean()
    assert by_goal["explicit"] > 0.6 > by_goal["none"]
