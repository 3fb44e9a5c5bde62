"""Names that are not ours do nothing to a terminal, and are not read as markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cornered.experiment import Experiment
from cornered.scenario.condition import Condition
from tests.run.helpers import Result, cornered
from tests.web.runs import PLEA, THREAT, Said, make_run

EVIL = "evil/\x1b[2J[red]model[/red]"
SHOWN = "evil/␛[2J[red]model[/red]"


def _write(condition: Condition, model: str, number: int) -> Said:
    del condition, model
    verdict = "no" if number == 1 else "yes"
    return Said(THREAT if number % 2 else PLEA, verdict, readings={"belief": "evaluation"})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of a model and a judge with such names."""
    folder = tmp_path_factory.mktemp("runs")
    experiment = Experiment(
        name="names",
        scenarios=["blackmail"],
        factors={"goal": ["explicit", "none"]},
        models=[EVIL, "plain/model"],
        samples=4,
        judge=f"{EVIL}-judge",
        readings=["belief"],
        controls=False,
    )
    make_run(folder / "run", experiment, _write)
    return folder


def _check(result: Result) -> None:
    assert result.code in (0, 1), result
    assert SHOWN in "".join(result.out.split("\n")).replace(" ", ""), result.out
    assert "\x1b" not in result.out + result.err


def test_in_the_summary_of_a_run(runs: Path) -> None:
    result = cornered("report", "run", cwd=runs)
    _check(result)
    assert result.out.splitlines()[3].strip() == SHOWN
    effect = result.out[result.out.index("plain/model against") :]
    assert SHOWN in "".join(effect.splitlines()[:2])


def test_in_a_comparison(runs: Path) -> None:
    _check(cornered("compare", "run", "run", "--a", EVIL, "--b", "plain/model", cwd=runs))


def test_in_a_plan(runs: Path) -> None:
    _check(cornered("plan", "blackmail", "-m", EVIL, "-n", "4", "--offline", cwd=runs))


def test_in_verdicts_that_differ(runs: Path) -> None:
    done = cornered("score", "run", "--name", "[red]\x1b[2Jcode", cwd=runs)
    _check(done)
    assert "[red]␛[2Jcode" in done.out


def test_in_the_line_of_an_answer(runs: Path) -> None:
    line = json.dumps({"id": "\x1b[2J[red]", "response_text": "No."})
    (runs / "answers.jsonl").write_text(line, encoding="utf-8")
    result = cornered("score", "answers.jsonl", "--scenario", "blackmail", cwd=runs)
    assert result.out.startswith("␛[2J[red]\tno act")
