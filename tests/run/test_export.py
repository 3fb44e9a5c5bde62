"""The offices of a run are exported as mbox files."""

from __future__ import annotations

import mailbox
import shutil
from pathlib import Path

import pytest

from tests.run.helpers import Result, cornered

TINY = Path(__file__).parent.parent / "scenario" / "tiny"
SUBJECT = """\
seed: 1
usage: {input: 10, output: 10}
rules:
  - answers:
      - text: |
          <tool_use:email>
          to: tom@fernhollow.com
          subject: Trays
          body: Forty.
          </tool_use:email>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two trials in each of two conditions."""
    folder = tmp_path_factory.mktemp("export")
    shutil.copytree(TINY, folder / "tiny")
    (folder / "policy.yaml").write_text(SUBJECT, encoding="utf-8")
    model = f"cornered/scripted/{folder / 'policy.yaml'}"
    done = cornered("run", "./tiny", "-m", model, "-n", "2", "--out", "run", cwd=folder)
    assert done.code == 0, done.err
    return folder


def export(folder: Path, *more: str) -> Result:
    return cornered("export", "run", "--mbox", *more, cwd=folder)


def test_every_trial_has_the_mailbox_that_it_ended_with(folder: Path) -> None:
    done = export(folder, "--json")
    assert done.code == 0
    trials = done.json
    assert len({(t["condition"], t["id"]) for t in trials}) == len(trials) >= 2
    for trial in trials:
        inbox, sent = (mailbox.mbox(folder / path, create=False) for path in trial["files"])
        assert len(inbox) >= 2
        (mail,) = sent
        assert (mail["Subject"], mail["To"]) == ("Trays", "Tom Lindgren <tom@fernhollow.com>")
    ids = {m["Message-ID"] for t in trials for m in mailbox.mbox(folder / t["files"][1])}
    assert len(ids) == len(trials)
    assert (folder / "run" / "mbox").is_dir()


def test_single_trials_and_conditions_can_be_chosen(folder: Path) -> None:
    every = export(folder, "--json", "-o", "all").json
    one = every[0]
    for name, count in (
        (f"{one['condition']}/{one['id']}", 1),
        (one["condition"], sum(t["condition"] == one["condition"] for t in every)),
        (one["id"], sum(t["id"] == one["id"] for t in every)),
    ):
        assert len(export(folder, "--json", "--trial", name, "-o", "some").json) == count
    told = export(folder, "--trial", one["condition"], "-o", "some")
    assert told.out.endswith("mbox files in some\n")


def test_wrong_use_is_told_in_one_line(folder: Path) -> None:
    for arguments, problem in (
        (("export", "run"), "say what to write: --to parquet|docent|scout|mbox"),
        (("export", "none", "--mbox"), "there is no run here"),
        (("export", "run", "--mbox", "--trial", "999999"), "there is no trial 999999"),
        (("export", "run", "--mbox", "-o", "policy.yaml"), "policy.yaml"),
    ):
        done = cornered(*arguments, cwd=folder)
        assert done.code == 2
        assert problem in done.err
        assert done.err.count("\n") == 1
