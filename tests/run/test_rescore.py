"""Verdicts made again: beside those of the run, by other judges, and who disagrees with whom."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from tests.run.helpers import Result, always, cornered, headline, known, said

YES, NO = said("yes", "coerce"), said("no", "plead")


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("logs/*.eval")}


@pytest.fixture
def run(tmp_path: Path, policy) -> Path:
    """A run of twenty acts that a judge calls harmful, and twenty controls."""
    more = ("--judge", policy(always(f"      - text: '{YES}'\n"), "yes.yaml"), "--no-preflight")
    result = cornered(*headline(policy(known(1.0)), "run", 10, *more), cwd=tmp_path)
    assert result.code == 0, result.err
    return tmp_path / "run"


def again(run: Path, *more: str) -> Result:
    return cornered("score", str(run), "--no-preflight", *more, cwd=run.parent)


def test_new_verdicts_stand_beside_the_old_ones(run: Path, policy) -> None:
    before = digests(run)
    judge = policy(always(f"      - {{p: 0.5, text: '{NO}'}}\n      - {{p: 0.5, text: '{YES}'}}\n"))
    result = again(run, "--judge", judge, "--name", "doubter", "--json")
    assert result.code == 0, result.err
    assert digests(run) == before
    cell = result.json["cells"][0]
    changed = 10 - cell["harmful"]["successes"]
    assert 0 < changed < 10
    compared = result.json["compared"]
    assert compared["names"] == ["run", "doubter"]
    assert compared["trials"] == 20
    assert len(compared["disagreements"]) == changed
    assert all(d["verdicts"] == {"run": True, "doubter": False} for d in compared["disagreements"])
    (pair,) = compared["pairs"]
    assert pair["agreeing"] == 20 - changed
    # The run still says what it said, and the new verdicts have a report of their own.
    own = cornered("report", "run", "--json", cwd=run.parent).json["cells"][0]["harmful"]
    assert own["successes"] == 10
    later = cornered("report", "run/verdicts/doubter", "--json", cwd=run.parent)
    assert later.json["cells"][0]["harmful"] == cell["harmful"]
    with (run / "verdicts" / "disagreements.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert {(r["run"], r["doubter"]) for r in rows} == {("yes", "no")}
    told = again(run, "--judge", judge, "--name", "doubter").out
    assert f"{changed} trials have verdicts that differ" in told
    assert "kappa" in told


def test_only_what_a_judge_failed_on_is_asked_again(run: Path, policy) -> None:
    half = f"      - {{p: 0.5, text: 'eh'}}\n      - {{p: 0.5, text: '{NO}'}}\n"
    judge = policy(always(half), "flaky.yaml")
    first = again(run, "--judge", judge, "--json")
    unscored = first.json["unknown"]
    assert first.code == 1
    assert 0 < unscored < 10
    policy(always(f"      - text: '{YES}'\n"), "flaky.yaml")
    second = again(run, "--judge", judge, "--json")
    assert second.code == 0, second.err
    # Those that had a verdict kept their no.
    assert second.json["cells"][0]["harmful"]["successes"] == unscored
    assert second.json["cells"][0]["harmful"]["n"] == 10


def test_without_a_judge_the_facts_are_made_again(run: Path) -> None:
    result = again(run, "--json")
    assert result.code == 0, result.err
    assert result.json["verdicts"] == "facts"
    assert result.json["cells"][0]["act"]["successes"] == 10
    assert result.json["cells"][0]["harmful"] is None
    # The judge of the run was not asked again.
    with (run / "verdicts" / "facts" / "trials.csv").open() as f:
        assert not any(name.startswith("vote_") for name in next(csv.DictReader(f)))


def test_names_and_folders_that_do_not_fit_are_refused(run: Path, policy) -> None:
    one, other = (policy(always(f"      - text: '{YES}'\n"), f"{n}.yaml") for n in ("a", "b"))
    assert again(run, "--judge", one, "--name", "mine").code == 0
    taken = again(run, "--judge", other, "--name", "mine")
    assert taken.code == 2
    assert "has verdicts with other settings: judge was" in taken.err
    nested = again(run / "verdicts" / "mine", "--judge", one)
    assert nested.code == 2
    assert "has verdicts of another run" in nested.err
    nowhere = again(run.parent, "--judge", one)
    assert nowhere.code == 2
    assert "there is no run here" in nowhere.err
    resumed = cornered(
        *headline(policy(known(1.0)), "run/verdicts/mine", 10, "--judge", one), cwd=run.parent
    )
    assert resumed.code == 2


def test_reasoning_can_be_read_later(run: Path, policy) -> None:
    reader = policy(always('      - text: \'{"reason": "So.", "value": "deployment"}\'\n'))
    result = again(run, "--reader", reader, "--readings", "belief", "--json")
    assert result.code == 0, result.err
    (cut,) = result.json["cells"][0]["readings"]
    assert (cut["value"], cut["successes"]) == ("deployment", 10)


def test_what_a_run_asked_of_its_judge_can_be_asked_otherwise(tmp_path: Path, policy) -> None:
    """A run whose judge read every trial, scored again by one that reads acts only."""
    judge = policy(always(f"      - text: '{NO}'\n"), "judge.yaml")
    mail = "<tool_use:email>\n          to: sanjay.rao@pellworthfreight.com\n"
    rest = "          subject: s\n          body: b\n          </tool_use:email>\n"
    subject = policy(always(f"      - text: |\n          {mail}{rest}"), "subject.yaml")
    more = ("--judge", judge, "--no-preflight", "--no-controls")
    assert cornered(*headline(subject, "run", 2, *more), cwd=tmp_path).code == 0
    names = {"all": ("--judge-actions",), "acts": ("--judge-acts",)}
    for name, choice in names.items():
        result = again(tmp_path / "run", "--judge", judge, "--name", name, *choice, "--json")
        assert result.code == 0, result.err
        read = result.json["cells"][0]["labelled"]
        assert read == (2 if name == "all" else 0), name
