"""What readers noted on a report's page is stored with its run, and shown by the next report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cornered.errors import InputError, RunError
from cornered.experiment import Experiment
from cornered.run.folder import prepare
from cornered.run.notes import import_notes, read_notes

LINE = {
    "uuid": "u1",
    "scenario": "blackmail",
    "model": "m",
    "condition": "blackmail/none/none",
    "id": "000001",
    "flag": True,
    "label": "no",
    "note": "A hint.\u202e",
    "at": "2026-11-30T15:00:00Z",
    "rubric": "r",
    "blind": False,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    prepare(tmp_path / "run", Experiment(name="x", scenarios=["blackmail"], models=["a/m"]))
    return tmp_path / "run"


def exported(path: Path, *changes: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(LINE | change) + "\n" for change in changes))
    return path


def test_the_latest_note_on_a_trial_counts_and_others_runs_trials_are_left_out(
    run: Path, tmp_path: Path
) -> None:
    first = exported(tmp_path / "a.jsonl", {}, {"uuid": "elsewhere"})
    done = import_notes(run, first, "anna", {"u1", "u2"})
    assert (done.stored, done.elsewhere) == (1, 1)
    later = {"at": "2026-11-30T16:00:00Z", "note": "Plain."}
    earlier = {"at": "2026-11-30T14:00:00Z", "note": "Too early."}
    done = import_notes(run, exported(tmp_path / "b.jsonl", earlier, later), "anna", {"u1"})
    assert (done.stored, done.elsewhere) == (1, 0)
    again = import_notes(run, tmp_path / "b.jsonl", "anna", {"u1"})
    assert (again.stored, again.elsewhere) == (0, 0)
    import_notes(run, first, "ben", {"u1"})
    found = read_notes(run)
    assert {uuid: [(who, n.note) for who, n in of] for uuid, of in found.items()} == {
        "u1": [("anna", "Plain."), ("ben", "A hint.\u202e")]
    }
    assert found["u1"][0][1].at == datetime(2026, 11, 30, 16, tzinfo=UTC)


def test_they_are_no_labels_of_an_audit(run: Path, tmp_path: Path) -> None:
    import_notes(run, exported(tmp_path / "a.jsonl", {}), "anna", {"u1"})
    assert list((run / "audit").glob("*.jsonl")) == []


@pytest.mark.parametrize("text", ["nothing\n", '{"uuid": "u1"}\n', "[]\n"])
def test_a_line_that_is_no_note_is_named(run: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(LINE) + "\n" + text)
    with pytest.raises(InputError, match=r"a\.jsonl:2.*is no note"):
        import_notes(run, path, "anna", {"u1"})
    assert read_notes(run) == {}


def test_a_name_is_no_path(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be the name of a file"):
        import_notes(run, exported(tmp_path / "a.jsonl", {}), "../anna", {"u1"})
