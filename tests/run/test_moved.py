"""A run folder is read in any place; verdicts of another pack or version say so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_samples

from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.run.folder import prepare
from cornered.run.manifest import read_manifest
from cornered.run.packs import readable, version_notes
from cornered.scenario import load_pack
from tests.run.helpers import Result, cornered, known, trials

CELL = ("goal=explicit", "threat=replacement", "reasoning=native")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four acts and four controls of a pack of one's own, run by a relative path and moved."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(load_pack("blackmail").folder, home / "mypack")
    (home / "agent.yaml").write_text(known(1.0))
    words = ("--reasoning-effort", "high", "--seed", "7", "--stop", "END", "--stop", "FIN")
    model = f"cornered/scripted/{home}/agent.yaml"
    result = cornered(
        "run", "./mypack", *CELL, "-m", model, "-n", "4", "--out", "run", *words, cwd=home
    )
    assert result.code == 0, result.err
    return home


@pytest.fixture
def moved(made: Path, tmp_path: Path) -> Path:
    """A copy of that run far from its pack."""
    return Path(shutil.copytree(made / "run", tmp_path / "elsewhere" / "run"))


def score(run: Path, *more: str) -> Result:
    result = cornered("score", "run", *more, "--json", cwd=run.parent)
    assert result.code == 0, result.err
    return result


def test_a_run_is_read_without_its_pack(moved: Path) -> None:
    reported = cornered("report", "run", "--json", cwd=moved.parent)
    assert reported.code == 0, reported.err
    assert reported.json["cells"][0]["act"]["successes"] == 4
    again = score(moved)
    assert again.json["cells"] == reported.json["cells"]
    compared = cornered("compare", "run", "run/verdicts/facts", "--json", cwd=moved.parent)
    assert compared.json["cautions"] == []
    audited = cornered("audit", "run", "--report", "--json", cwd=moved.parent)
    assert audited.json["population"] == 4
    # A set of verdicts is a run folder too, also by itself.
    alone = shutil.move(moved / "verdicts" / "facts", moved.parent / "alone")
    assert cornered("report", str(alone), "--json", cwd=moved.parent).code == 0
    gone = cornered("score", "run", "--pack", "current", cwd=moved.parent)
    assert gone.code == 2
    assert "the pack ./mypack of this run is not here" in gone.err


def test_an_edited_act_is_applied_when_asked_for_and_told_everywhere(moved: Path) -> None:
    pack = moved.parent / "mypack"
    shutil.copytree(load_pack("blackmail").folder, pack)
    spec = (pack / "pack.yaml").read_text()
    act = next(line for line in spec.splitlines() if line.startswith("act:"))
    (pack / "pack.yaml").write_text(spec.replace(act, "act: [reaches_press]"))
    ran = read_manifest(moved).packs["./mypack"]
    told = cornered("report", "run", "--json", cwd=moved.parent).json["notes"]
    assert any("The pack mypack has changed since the trials ran (pack.yaml)" in n for n in told)
    assert score(moved).json["cells"][0]["act"]["successes"] == 4
    result = score(moved, "--pack", "current").json
    assert result["cells"][0]["act"]["successes"] == 0
    assert result["verdicts"].startswith("facts-pack-")
    versions = result["versions"]
    before, now = (versions[side]["packs"]["mypack"] for side in ("trials", "verdicts"))
    assert before != now
    assert result["verdicts"].endswith(now)
    assert any(before in n and now in n and "pack.yaml" in n for n in result["notes"])
    folder = moved / "verdicts" / result["verdicts"]
    assert now in (folder / "report.html").read_text()
    (row, *_) = trials(folder)
    assert (row["pack_version"], row["verdict_pack_version"]) == (before, now)
    compared = cornered("compare", "run", str(folder), "--json", cwd=moved.parent).json
    assert any("what scored them" in caution for caution in compared["cautions"])
    assert not any("the text" in caution for caution in compared["cautions"])
    audited = cornered("audit", "run", "--report", "--json", cwd=moved.parent).json
    assert audited["notes"][result["verdicts"]] == result["notes"][:1]
    # The run itself is as it was, and one name never holds two versions.
    assert read_manifest(moved).packs["./mypack"] == ran
    taken = cornered("score", "run", "--pack", "mypack", "--name", "facts", cwd=moved.parent)
    assert "has verdicts of another version of mypack: pack.yaml has changed" in taken.err


def test_a_changed_or_missing_copy_is_named(moved: Path) -> None:
    judge = moved / "packs" / "mypack" / "judge.md"
    text = judge.read_text()
    judge.write_text(text + "\n")
    with pytest.raises(RunError, match=r"judge\.md: the run's own copy of this file"):
        readable(moved, read_manifest(moved))
    judge.unlink()
    with pytest.raises(RunError, match=r"judge\.md: a file of the run is missing"):
        readable(moved, read_manifest(moved))
    judge.write_text(text)
    manifest = json.loads((moved / "run.json").read_text())
    manifest["copies"]["names"]["./mypack"] = "../../mypack"
    (moved / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match="which is outside it"):
        readable(moved, read_manifest(moved))


def test_nothing_of_this_machine_is_in_the_manifest(moved: Path) -> None:
    manifest = json.loads((moved / "run.json").read_text())
    del manifest["experiment"]["models"]  # the scripted model is a file of this test
    assert "/home" not in json.dumps(manifest)
    assert str(moved.parents[1]) not in json.dumps(manifest)


def test_verdicts_of_another_version_of_cornered_say_so(
    moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = read_manifest(moved).versions | {"cornered": "9.9"}
    monkeypatch.setattr("cornered.run.rescore.versions", lambda: newer)
    result = score(moved).json
    assert result["verdicts"] == "facts-cornered-9.9"
    assert any("made by cornered 9.9" in note for note in result["notes"])
    assert trials(moved / "verdicts" / "facts-cornered-9.9")[0]["verdict_cornered_version"] == "9.9"


def test_a_run_of_a_pack_of_ours_is_read_with_its_own_shared_texts(moved: Path) -> None:
    """As after an upgrade: the copy is of other texts than those that are installed."""
    pack = load_pack(str(moved / "packs" / "mypack"))
    assert (pack.name, pack.shared) == ("mypack", moved / "packs" / "shared")
    assert pack.files == read_manifest(moved).packs["./mypack"]


def test_two_packs_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        shutil.copytree(load_pack("blackmail").folder, tmp_path / folder / "mypack")
    both = [str(tmp_path / folder / "mypack") for folder in ("a", "b")]
    with pytest.raises(RunError, match="are both called mypack"):
        prepare(tmp_path / "run", Experiment(name="x", scenarios=both))


def test_an_old_run_says_that_it_is_read_with_present_texts(tmp_path: Path) -> None:
    old = Path(__file__).parent / "data" / "v010" / "blackmail"
    (note,) = version_notes(old, read_manifest(old))
    assert "has no copy, so the present texts are read" in note


def test_settings_reach_the_subject_and_each_trial_has_a_seed(made: Path) -> None:
    logs = list_eval_logs(str(made / "run" / "logs"))
    config = read_eval_log(logs[0], header_only=True).eval.model_generate_config
    plan = read_eval_log(logs[0], header_only=True).plan.config
    assert (plan.reasoning_effort, plan.stop_seqs) == ("high", ["END", "FIN"])
    assert config.reasoning_effort is None
    seeds = [
        event.config.seed
        for sample in read_eval_log_samples(logs[0])
        for event in sample.events
        if event.event == "model"
    ]
    assert len(set(seeds)) == len(seeds) == 4
    assert read_manifest(made / "run").experiment.generation.reasoning_effort == "high"
    note = cornered("report", "run", "--json", cwd=made).json["notes"][0]
    assert note.startswith("Native reasoning: 0 of 8 trials")
    other = cornered("run", "./mypack", *CELL, "-n", "4", "--out", "run", cwd=made)
    assert other.code == 2


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({"reasoning_effort": "much"}, "reasoning_effort"),
        ({"top_p": 0}, "top_p"),
        ({"reasoning_effort": "low"}, "has no effect on cornered/embedded"),
    ],
)
def test_a_wrong_setting_is_one_line(setting: dict[str, Any], problem: str) -> None:
    import cornered as package

    with pytest.raises(package.CorneredError, match=problem) as caught:
        package.run("blackmail", **setting)
    assert "\n" not in str(caught.value)
