"""The five functions from Python, with the scripted model; and what their imports cost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import cornered
from cornered.errors import CorneredError
from tests.run.helpers import cornered as command
from tests.run.helpers import known

HEADLINE = {"goal": ["explicit"], "threat": ["replacement"]}


@pytest.fixture
def result(policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cornered.Report:
    monkeypatch.chdir(tmp_path)
    return cornered.run(
        "blackmail",
        factors={"goal": ["explicit"]},
        threat=["replacement"],
        model=policy(known(0.5)),
        samples=4,
    )


def test_a_run_gives_cells_trials_and_folder_and_prints_nothing(
    result: cornered.Report, capfd: pytest.CaptureFixture[str]
) -> None:
    assert capfd.readouterr().out == ""
    assert [c.condition for c in result.cells] == [
        "blackmail/explicit-america/replacement",
        "blackmail/none/none",
    ]
    assert result.cells[0].act.n == 4
    assert isinstance(result.trials, pd.DataFrame)
    assert len(result.trials) == 8
    assert result.complete
    assert result.conclusion == "All 8 trials have a verdict."
    assert result.folder == Path("runs/blackmail-goal-explicit-threat-replacement")
    assert result.page.exists()


def test_the_command_prints_what_the_functions_give(
    result: cornered.Report, tmp_path: Path
) -> None:
    again = cornered.report(result.folder)
    assert again.as_dict() == result.as_dict()
    printed = command("report", str(result.folder), "--json", cwd=tmp_path)
    assert printed.json == json.loads(json.dumps(result.as_dict()))
    loaded = cornered.load(result.folder)
    pd.testing.assert_frame_equal(loaded, result.trials)


def test_an_experiment_and_a_file_run_as_well(policy, tmp_path: Path) -> None:
    experiment = cornered.Experiment(
        name="mine", scenarios=["blackmail"], factors=HEADLINE, models=[policy(known(1.0))]
    )
    one = cornered.run(experiment, samples=2, controls=False, out=tmp_path / "one")
    assert one.cells[0].act.successes == 2
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"name: mine\nscenarios: [blackmail]\nfactors: {{goal: none}}\n"
        f"models: [{experiment.models[0]}]\nsamples: 2\ncontrols: false\n"
    )
    two = cornered.run(file, out=tmp_path / "two")
    assert [c.condition for c in two.cells] == ["blackmail/none/replacement"]
    with pytest.raises(CorneredError, match="an experiment file has its own factors"):
        cornered.run(file, goal="none")


def test_two_runs_are_compared_as_the_command_does(policy, tmp_path: Path) -> None:
    for name, rate in (("a", 0.0), ("b", 1.0)):
        model = policy(known(rate), f"{name}.yaml")
        cornered.run("blackmail", **HEADLINE, model=model, samples=4, out=tmp_path / name)
    compared = cornered.compare(tmp_path / "a", tmp_path / "b", figures=tmp_path / "drawn")
    assert compared.scenarios[0].conflict.difference.value == -1
    assert [p.suffix for p in sorted((tmp_path / "drawn" / "figures").iterdir())] == [
        ".png",
        ".svg",
        ".json",
    ]
    printed = command("compare", "a", "b", "--json", cwd=tmp_path)
    assert printed.json["scenarios"] == json.loads(json.dumps(compared.as_dict()))["scenarios"]


def test_a_judge_is_calibrated_as_the_command_does(
    policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORNERED_CARDS", str(tmp_path / "cards"))
    answer = json.dumps({"reason": "So.", "verdict": "yes", "outcome": "coerce", "labels": []})
    rules = f"rules:\n  - answers:\n      - text: '{answer}'\n"
    judge = policy(f"seed: 1\nusage: {{input: 9, output: 9}}\n{rules}", "judge.yaml")
    made = cornered.calibrate(judge, scenario="blackmail", perturb=False, out=tmp_path / "logs")
    (card,) = made.cards
    assert card.grades["blackmail"].sensitivity.right == card.grades["blackmail"].sensitivity.n
    assert made.paths[0].is_relative_to(tmp_path / "cards")
    words = ("calibrate", "--judge", judge, "--scenario", "blackmail", "--no-perturb", "--json")
    printed = command(*words, "--out", str(tmp_path / "logs"), cwd=tmp_path)
    assert [row["grades"] for row in printed.json] == [row["grades"] for row in made.as_dict()]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cornered.run("blackmal"), "blackmal"),
        (lambda: cornered.run("blackmail", goal="explicite"), "explicite"),
        (lambda: cornered.run("blackmail", temperature=9), "temperature"),
        (lambda: cornered.report("no-such-run"), "there is no run here"),
        (lambda: cornered.load("no-such-run"), "there is no run here"),
        (lambda: cornered.compare("no-such-run", "no-other"), "there is no run here"),
        (lambda: cornered.calibrate("cornered/none"), "no model cornered/none"),
    ],
)
def test_what_a_person_can_mend_is_a_cornered_error(call, said: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorneredError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_finished_run_makes_no_model_and_draws_nothing_again(
    result: cornered.Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished run needs none")

    models = result.state.manifest.experiment.models
    written = result.page.stat().st_mtime_ns
    with monkeypatch.context() as patched:
        for name in ("make_model", "eval_set", "_task"):
            patched.setattr(f"cornered.run.runner.{name}", never)
        patched.setattr("cornered.run.report._write_files", never)
        again = cornered.run("blackmail", **HEADLINE, model=models, samples=4)
        assert again.as_dict() == result.as_dict()
        with pytest.raises(AssertionError, match="needs none"):
            cornered.run("blackmail", **HEADLINE, model=models, samples=5)
    assert result.page.stat().st_mtime_ns == written
    more = cornered.run("blackmail", **HEADLINE, model=models, samples=5)
    assert len(more.trials) == 10
    assert result.page.stat().st_mtime_ns > written


def test_a_page_that_is_lost_is_written_again(result: cornered.Report) -> None:
    result.page.unlink()
    models = result.state.manifest.experiment.models
    cornered.run("blackmail", **HEADLINE, model=models, samples=4)
    assert result.page.exists()


HEAVY = ("inspect_ai", "pandas", "pyarrow", "altair", "vl_convert", "scipy.stats", "scipy.optimize")


def imported(code: str, cwd: Path) -> set[str]:
    """Which of the heavy modules a process has after some code."""
    watch = (
        f"import sys; {code}; sys.stderr.write(' '.join(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch], cwd=cwd, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split("\n")[-1].split())


def test_what_is_not_needed_is_not_imported(tmp_path: Path) -> None:
    run = "from cornered.cli import main\ntry: main({})\nexcept SystemExit: pass"
    assert imported("import cornered; dir(cornered)", tmp_path) == set()
    for words in (["--help"], ["plan", "blackmail", "--offline"], ["show", "blackmail"]):
        code = f"exec({run.format(words)!r})"
        assert imported(code, tmp_path) == set(), words


def test_a_finished_run_imports_neither_what_draws_nor_what_judges(
    result: cornered.Report, tmp_path: Path
) -> None:
    model = result.state.manifest.experiment.models[0]
    words = ["run", "blackmail", "goal=explicit", "threat=replacement", "-n", "4", "-m", model]
    run = f"from cornered.cli import main\ntry: main({words})\nexcept SystemExit: pass"
    assert imported(f"exec({run!r})", tmp_path) == {"inspect_ai"}
