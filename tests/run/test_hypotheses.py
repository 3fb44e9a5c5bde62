"""A report gives exactly the declared hypotheses, and calls everything else exploration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cornered.cli._summary import print_summary
from cornered.run.api import report as write_report
from cornered.run.report import Report, read_report
from tests.analysis.made import make_run

FRAMING = {"contrast": {"factor": "framing", "level": "real"}, "name": "being real helps"}
NUDGE = {"contrast": {"factor": "nudge", "level": "off", "reference": "on"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cells of 25 trials of blackmail: framing by nudge."""
    folder = tmp_path_factory.mktemp("made") / "run"
    make_run(folder, 25, 400, cells=4, readings=False)
    return folder


def declared(folder: Path, now: list[dict[str, Any]], first: list[dict[str, Any]]) -> Report:
    path = folder / "run.json"
    manifest = json.loads(path.read_text())
    manifest["experiment"]["hypotheses"] = now
    manifest["declared"] = first
    path.write_text(json.dumps(manifest))
    return read_report(folder)


def test_the_report_gives_what_was_declared_and_explores_the_rest(made: Path) -> None:
    report = declared(made, [FRAMING], [FRAMING]).as_dict()
    [tested] = report["hypotheses"]
    assert (tested["name"], tested["family_size"], tested["late"]) == ("being real helps", 1, False)
    assert tested["claim"] == "not told apart"
    [said] = report["sentences"]["hypotheses"]
    assert said.startswith(
        "being real helps: blackmail: openai/gpt-4.1, with the statement that it is real against "
        "without: not told apart; "
    )
    explored = report["sentences"]["exploration"]
    assert any(words.endswith("exploration, no verdict.") for words in explored)
    assert not any("often" in words or "told apart" in words for words in explored)
    assert not any("with the statement that it is real against without" in w for w in explored)
    assert "The one hypothesis: p is not adjusted." in report["notes"]
    assert len(report["sentences"]["cells"]) == len(report["cells"])


def test_page_and_terminal_say_the_same_sentences(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declared(made, [FRAMING], [FRAMING])
    report = write_report(made)
    print_summary(report, as_json=False)
    [said] = report.sentences["hypotheses"]
    assert said in capsys.readouterr().out
    page = report.page.read_text()
    assert said in page
    assert report.sentences["scope"][0] in page


def test_a_change_after_the_data_is_told(made: Path) -> None:
    report = declared(made, [FRAMING, NUDGE], [FRAMING])
    first, late = report.hypotheses
    assert (first.late, late.late) == (False, True)
    assert first.family_size == 1
    assert late.sentence.endswith("exploration, no verdict. Declared after data.")
    assert any(
        "Declared after data, and so exploration" in note for note in report.hypothesis_notes
    )
    changed = declared(made, [FRAMING | {"margin": 0.1}], [FRAMING]).hypothesis_notes
    assert changed == ["Changed after data, and so exploration: being real helps."]
    dropped = declared(made, [], [FRAMING]).hypothesis_notes
    assert dropped == ["Declared, and dropped after data: being real helps."]
