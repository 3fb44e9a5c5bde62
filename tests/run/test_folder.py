"""Which folders a run may go on in, and what is said where it may not."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.files import disk_errors, write_text
from cornered.run.folder import prepare
from cornered.run.manifest import read_manifest
from cornered.scenario import load_pack


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    pack = tmp_path / "mypack"
    shutil.copytree(load_pack("blackmail").folder, pack)
    return Experiment(
        name="mine",
        scenarios=[str(pack)],
        factors={"goal": ["explicit", "latent"]},
        models=["a/one", "a/two"],
        samples=5,
    )


def changed(experiment: Experiment, **update: object) -> Experiment:
    return Experiment.model_validate(experiment.model_dump() | update)


def test_the_same_experiment_goes_on(tmp_path: Path, experiment: Experiment) -> None:
    first = prepare(tmp_path / "run", experiment)
    assert prepare(tmp_path / "run", experiment) == first


def test_a_run_may_grow(tmp_path: Path, experiment: Experiment) -> None:
    prepare(tmp_path / "run", experiment)
    larger = changed(
        experiment,
        models=["a/one", "a/two", "a/three"],
        samples=9,
        factors={"goal": ["explicit", "latent", "swap"]},
    )
    assert prepare(tmp_path / "run", larger).experiment.samples == 9
    assert read_manifest(tmp_path / "run").experiment.models[-1] == "a/three"


def test_fewer_samples_give_up_no_trial(tmp_path: Path, experiment: Experiment) -> None:
    prepare(tmp_path / "run", experiment)
    assert prepare(tmp_path / "run", changed(experiment, samples=2)).experiment.samples == 5


def test_what_a_judge_reads_matters_only_with_a_judge(
    tmp_path: Path, experiment: Experiment
) -> None:
    of_first_edition = experiment.model_dump() | {"judge_all": False}
    of_first_edition.pop("judged")
    for judge, goes_on in ((None, True), ("a/judge", False)):
        old = Experiment.model_validate(of_first_edition | {"judge": judge})
        assert old.judged == "acts"
        folder = tmp_path / f"run-{goes_on}"
        prepare(folder, old)
        now = changed(old, judged="actions")
        if goes_on:
            prepare(folder, now)
            continue
        with pytest.raises(RunError, match="judged was acts and is now actions"):
            prepare(folder, now)


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"name": "yours"}, "it is a run of mine, not of yours"),
        ({"judge": "a/judge"}, "judge was none and is now a/judge"),
        ({"temperature": 0.5}, "temperature was 1.0 and is now 0.5"),
        ({"max_tokens": 10}, "max_tokens was none and is now 10"),
        ({"models": ["a/one"]}, "it has trials of a/two"),
        ({"factors": {"goal": "explicit"}}, "it has the condition mypack/latent-america"),
    ],
)
def test_another_experiment_is_refused(
    tmp_path: Path, experiment: Experiment, update: dict[str, object], said: str
) -> None:
    prepare(tmp_path / "run", experiment)
    before = (tmp_path / "run" / "run.json").read_text()
    with pytest.raises(RunError, match=said):
        prepare(tmp_path / "run", changed(experiment, **update))
    assert (tmp_path / "run" / "run.json").read_text() == before


def test_changed_texts_are_refused_by_file(tmp_path: Path, experiment: Experiment) -> None:
    prepare(tmp_path / "run", experiment)
    mail = tmp_path / "mypack" / "mails" / "110-furnace.md"
    mail.write_text(mail.read_text() + "\nPS\n")
    with pytest.raises(RunError, match=r"mails/110-furnace.md .* has changed since the run began"):
        prepare(tmp_path / "run", experiment)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, experiment: Experiment) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(RunError, match="holds other files and no run"):
        prepare(tmp_path / "thesis", experiment)
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_a_damaged_manifest_is_said(tmp_path: Path, experiment: Experiment) -> None:
    prepare(tmp_path / "run", experiment)
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json: cannot be read"):
        prepare(tmp_path / "run", experiment)


def test_a_full_disk_is_one_line_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(RunError, match="the disk is full; make room"), disk_errors(tmp_path):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
