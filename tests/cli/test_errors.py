"""What a user meets who gives a wrong word: one line that says what it is, and what was meant."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from cornered.cli import main
from cornered.experiment import Experiment
from cornered.run.folder import prepare

POLICY = "seed: 1\nusage: {input: 1, output: 1}\nrules:\n  - answers:\n      - text: No.\n"
SMALL = """\
name: small
scenarios: [blackmail]
models: [cornered/scripted/pol.yaml]
samples: 2
"""


def _log(path: Path, task: str, **metadata: str) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.json", json.dumps({"eval": {"task": task, "metadata": metadata}}))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that has no trials yet, and with what is no run."""
    place = tmp_path_factory.mktemp("place")
    (place / "pol.yaml").write_text(POLICY)
    experiment = Experiment(
        name="small",
        scenarios=["blackmail"],
        factors={"goal": "explicit"},
        models=["cornered/scripted/pol.yaml"],
        samples=2,
    )
    prepare(place / "runs" / "small", experiment)
    (place / "runs" / "small" / "logs").mkdir()
    (place / "empty").mkdir()
    (place / "port").mkdir()
    (place / "other").mkdir()
    (place / "other" / "run.json").write_text('{"a": 1}')
    (place / "note.txt").write_text("hi")
    (place / "answers.jsonl").write_text("{}")
    (place / "exp.yaml").write_text(SMALL + "factors: {goal: explicit}\n")
    (place / "loop").symlink_to("loop")
    _log(place / "port" / "one.eval", "agentic_misalignment")
    _log(place / "ours.eval", "blackmail", condition="blackmail/none/none")
    (place / "cut.eval").write_text("PK")
    return place


def say(place: Path, monkeypatch: pytest.MonkeyPatch, *args: str) -> str:
    """The one line of an error, with exit code 2."""
    monkeypatch.chdir(place)
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    return line


NO_RUNS = {
    "runs/smal": "did you mean runs/small?",
    "small": "did you mean runs/small?",
    "runs": "a folder that holds runs; give one: runs/small",
    "runs/small/logs": "a part of one; give runs/small",
    "runs/small/run.json": "a file of one; give runs/small",
    "empty": "the folder is empty",
    "note.txt": "it is a file, and a run is a folder",
    "port/one.eval": "a log of Inspect (task agentic_misalignment); "
    "`cornered import port/one.eval`",
    "port": "`cornered import port` makes a run of it",
    "ours.eval": "a log of a run of cornered (blackmail/none/none), without the run",
    "cut.eval": "a log of Inspect that cannot be read",
    "answers.jsonl": "stored answers; `cornered import answers.jsonl`",
    "exp.yaml": "`cornered run exp.yaml` runs an experiment",
    "blackmail": "the name of a scenario; `cornered run blackmail` runs it",
    "loop": "a link that leads nowhere",
    "other": "is not as cornered writes it (experiment: Field required)",
    "https://example.com/x": "is an address",
    ".": "a folder that holds runs; give one: other, runs/small",
}


@pytest.mark.parametrize("path", NO_RUNS)
def test_what_is_no_run_is_named_with_what_to_do(place: Path, monkeypatch, path: str) -> None:
    assert NO_RUNS[path] in say(place, monkeypatch, "report", path)


@pytest.mark.parametrize(
    "command",
    [
        ("view",),
        ("audit",),
        ("score", "--judge", "a/b"),
        ("export", "--mbox"),
        ("compare", "runs/small"),
    ],
)
def test_every_command_on_a_run_says_it(place: Path, monkeypatch, command: tuple[str, ...]) -> None:
    (place / "runs" / "smal").mkdir(exist_ok=True)
    (place / "runs" / "smal").rmdir()
    first, *others = command
    words = (first, "runs/smal", *others)
    if first == "score":
        words = ("score", "runs/smal")
    assert "did you mean runs/small?" in say(place, monkeypatch, *words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run small", "there is no scenario small"),
        (
            "run runs/small",
            "is the folder of a run, not of a scenario; `cornered report runs/small`",
        ),
        ("show exp.yaml", "is a file, not a scenario; `cornered run exp.yaml`"),
        ("check ./blackmale", "./blackmale: no such folder"),
        ("run exp.yml", "exp.yml: no such file; did you mean exp.yaml?"),
        ("import answer.jsonl", "did you mean answers.jsonl?"),
        ("import runs/small", "is a run of cornered, and no results of another tool"),
        ("score note.txt", "needs the scenario that it answers; `cornered score note.txt --sc"),
        ("run blackmail -m opneai/gpt-4.1", "no provider opneai; did you mean openai/gpt-4.1?"),
        ("run blackmail -m gpt-4.1", "model gpt-4.1: names no provider; write openai/gpt-4.1"),
        ("run blackmail -m cornered/embeded", "did you mean cornered/embedded?"),
        (
            "run blackmail -m cornered/scripted/poll.yaml",
            "did you mean cornered/scripted/pol.yaml?",
        ),
        ("run blackmail goal=explicit goal=none", "goal is set twice; write goal=explicit,none"),
        ("run blackmail =none", "=none does not set a factor"),
        (
            "run blackmail --out note.txt goal=none -m cornered/scripted/pol.yaml",
            "is a file, and a",
        ),
        ("calibrate --judge cornered/scripted/pol.yaml --scenario am/murder", "those of lethal"),
        ("run empty", "it has no pack.yaml; give the name of a scenario, or the folder of a pack"),
        ("compare runs/small runs/small --a a/b", "a/b: the run has no trials of a/b"),
        ("audit runs/small --notes none.jsonl", "none.jsonl: cannot be read (No such file"),
        ("import exp.yml", "did you mean exp.yaml?"),
        ("view runs/small --trail 1", "No such option --trail; did you mean --trial?"),
    ],
)
def test_what_was_meant_is_asked(place: Path, monkeypatch, line: str, said: str) -> None:
    assert said in say(place, monkeypatch, *line.split())


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("smaples: 3", "smaples: unknown key; did you mean samples?"),
        ("model: a/b", "did you mean models?"),
        ("max-tokens: 5", "did you mean max_tokens?"),
        ("Judge: a/b", "did you mean judge?"),
        ("limits: {mesages: 3}", "limits.mesages: unknown key; did you mean messages?"),
        ("quite: else", "quite: unknown key; known keys are about, agents,"),
    ],
)
def test_an_unknown_key_names_the_nearest(place: Path, monkeypatch, key: str, near: str) -> None:
    (place / "bad.yaml").write_text(SMALL + key + "\n")
    assert near in say(place, monkeypatch, "run", "bad.yaml")


def test_a_nested_key_of_a_union_names_the_nearest(place: Path, monkeypatch) -> None:
    (place / "bad.yaml").write_text(SMALL.replace("samples: 2", "samples: {max: 3, untill: 5%}"))
    assert "did you mean until?" in say(place, monkeypatch, "run", "bad.yaml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("report", "the argument RUN is missing; usage: cornered report [OPTIONS] RUN; see `corn"),
        ("reprot x", "there is no command reprot; did you mean report?; usage: cornered [OPTIONS]"),
        (
            "score x --jugde a/b",
            "No such option --jugde; did you mean --judge?; usage: cornered score",
        ),
        ("report x --mbox", "No such option --mbox; it is one of `cornered export`"),
        ("plan blackmail -m", "requires an argument; usage: cornered plan [OPTIONS] TARGET"),
        ("plan blackmail -n ten", "--samples: ten is no whole number; usage: cornered plan"),
        (
            "import x --format inspcet",
            "inspcet is none of study, inspect, jsonl; did you mean inspect?",
        ),
        ("calibrate", "the option --judge is missing; usage: cornered calibrate --judge TEXT"),
    ],
)
def test_a_usage_error_shows_the_commands_own_usage(
    place: Path, monkeypatch, line: str, said: str
) -> None:
    error = say(place, monkeypatch, *line.split())
    assert said in error
    command = line.split()[0]
    if command in main.commands:
        assert f"see `cornered {command} --help`" in error


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("black\u202email", "⟨U+202E⟩ is a sign that turns the direction of writing"),
        ("black\x1bmail", "␛ is a control character"),
        ("black\udcffmail", "⟨U+DCFF⟩ is half a character, or a byte that is no UTF-8"),
        ("black\u200bmail", "⟨U+200B⟩ is a character that nobody can see"),
    ],
)
def test_a_name_that_cannot_be_read_is_explained(
    place: Path, monkeypatch, name: str, said: str
) -> None:
    for command in ("show", "report", "check"):
        assert said in say(place, monkeypatch, command, name)


def test_a_judge_for_a_finished_run_points_to_score(place: Path, monkeypatch) -> None:
    words = ("run", "exp.yaml", "--judge", "cornered/scripted/pol.yaml")
    said = say(place, monkeypatch, *words)
    assert (
        "judge was none and is now cornered/scripted/pol.yaml; `cornered score runs/small" in said
    )
    assert "--judge cornered/scripted/pol.yaml` makes verdicts on its trials" in said


def test_a_second_model_says_to_name_both(place: Path, monkeypatch) -> None:
    said = say(place, monkeypatch, "run", "exp.yaml", "-m", "mockllm/model")
    assert "name both: the same command with -m cornered/scripted/pol.yaml -m mockllm/model" in said


def test_two_experiments_of_one_name_are_told_apart(place: Path, monkeypatch) -> None:
    (place / "again.yaml").write_text(SMALL.replace("blackmail", "espionage"))
    said = say(place, monkeypatch, "run", "again.yaml")
    assert "both are called small, and have no condition in common; give this one another" in said
    (place / "again.yaml").write_text(SMALL + "factors: {goal: none}\n")
    said = say(place, monkeypatch, "run", "again.yaml")
    assert "explicit-america/replacement, which is no longer asked for; ask for it too; or" in said


def test_the_package_is_a_command() -> None:
    command = [sys.executable, "-m", "cornered", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "0." in done.stdout


def test_a_set_of_verdicts_stands_in_its_run(place: Path, monkeypatch) -> None:
    """A name with slashes would put its folder anywhere."""
    for name in ("../x", "..", "a/b", "/tmp/x", "a\\b"):
        said = say(place, monkeypatch, "score", "runs/small", "--name", name)
        assert "cannot be the name of a set of verdicts; give one without slashes" in said
    assert not (place / "runs" / "small" / "x").exists()


def test_a_run_of_another_version_says_which(place: Path, monkeypatch) -> None:
    manifest = json.loads((place / "runs" / "small" / "run.json").read_text())
    manifest |= {"versions": {"cornered": "9.9.0"}, "later": 1}
    (place / "newer").mkdir(exist_ok=True)
    (place / "newer" / "run.json").write_text(json.dumps(manifest))
    said = say(place, monkeypatch, "report", "newer")
    assert "newer/run.json: cornered 9.9.0 wrote it, and this is 0." in said
    assert said.endswith("read it with that version")
