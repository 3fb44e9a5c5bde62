"""What others wrote does nothing to a terminal or a spreadsheet; no output is a traceback."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from cornered.csvfile import unguarded
from cornered.experiment import Experiment
from cornered.scenario.condition import Condition
from tests.run.helpers import Result, cornered
from tests.web.runs import PLEA, THREAT, Said, make_run

SOURCE = Path(__file__).parents[2] / "src" / "cornered"
PRINTS = "terminal.py"
"""The one file that prints."""
NASTY = "\x1b[2J\x9b2J\u202e\u2066\x07\x7f\r[red]x[/red][/]:smile:\ud800"
MODELS = ["a[/]b", f"=HYPERLINK/m{NASTY}", "[red]x[/red]"]


def _is_clean(result: Result) -> None:
    """Nothing acts, hides or is half a character; markup is text."""
    shown = result.out + result.err
    odd = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
    assert not odd, (odd, shown)
    assert "Traceback" not in shown
    assert "😄" not in shown


def _write(condition: Condition, model: str, number: int) -> Said:
    del condition, model
    said = THREAT if number % 2 else PLEA
    return Said(said, "no" if number == 1 else "yes", reason=f"=1+1 {NASTY[:-1]}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    experiment = Experiment(
        name="hostile",
        scenarios=["blackmail"],
        factors={"goal": ["explicit", "none"]},
        models=[model.encode(errors="replace").decode() for model in MODELS],
        samples=2,
        judge=f"judge/{NASTY[:-1]}",
        controls=False,
    )
    make_run(folder / "run", experiment, _write)
    cornered("report", "run", cwd=folder)
    return folder


COMMANDS = (
    ("report", "run"),
    ("report", "run", "--json"),
    ("compare", "run", "run", "--a", MODELS[0], "--b", MODELS[2]),
    ("audit", "run", "--report"),
    ("score", "run", "--name", "again"),
    ("plan", "blackmail", "-m", MODELS[0], "-m", NASTY[:-1], "-n", "2", "--offline"),
    ("run", "blackmail", "-m", NASTY[:-1], "-n", "1"),
    ("run", f"no{NASTY[:-1]}.yaml"),
    ("show", f"no{NASTY[:-1]}"),
    ("show", "blackmail", f"goal={NASTY[:-1]}"),
    ("check", f"no{NASTY[:-1]}"),
    ("report", f"no{NASTY[:-1]}"),
    ("import", f"no{NASTY[:-1]}"),
    ("reference", f"model={NASTY[:-1]}"),
    (f"no{NASTY[:-1]}",),
    ("run", f"--no{NASTY[:-1]}"),
)


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: f"{args[0]}"[:9])
def test_no_command_prints_what_acts(args: tuple[str, ...], runs: Path) -> None:
    _is_clean(cornered(*args, cwd=runs))


def test_ids_and_models_of_answers_are_shown(runs: Path) -> None:
    line = {"id": NASTY[:-1], "response_text": "No.", "model": MODELS[0]}
    (runs / "answers.jsonl").write_text(json.dumps(line), encoding="utf-8")
    for args in (("--json",), ()):
        result = cornered("score", "answers.jsonl", "--scenario", "blackmail", *args, cwd=runs)
        _is_clean(Result(result.code, result.out.replace("\t", ""), result.err))
        assert result.code in (0, 1)
    (row,) = map(json.loads, cornered(
        "score", "answers.jsonl", "--scenario", "blackmail", "--json", cwd=runs
    ).out.splitlines())  # fmt: skip
    assert row["id"] == NASTY[:-1]


def test_a_pack_is_shown_and_checked_with_nothing_acting(runs: Path) -> None:
    pack = runs / "depot"
    cornered("new", "depot", cwd=runs)
    with (pack / "task.md").open("a", encoding="utf-8") as task:
        task.write(f"\n{NASTY[:-1]}\n")
    (pack / "mails" / "x\x1b[2J\u202e.md").write_text("---\nfrom: [\n---\n", encoding="utf-8")
    _is_clean(checked := cornered("check", "./depot", cwd=runs))
    assert checked.code == 1
    (pack / "mails" / "x\x1b[2J\u202e.md").unlink()
    _is_clean(shown := cornered("show", "./depot", cwd=runs))
    assert shown.code == 0
    assert "␛[2J" in shown.out
    assert json.loads(cornered("show", "./depot", "--json", cwd=runs).out)["user"].count("\x1b")


def test_tables_for_spreadsheets_hold_no_formula(runs: Path) -> None:
    for name in ("trials.csv", "cells.csv"):
        text = (runs / "run" / name).read_bytes().decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert {unguarded(row["model"])[:5] for row in rows} == {"a[/]b", "=HYPE", "[red]"}
        for row in rows:
            for value in row.values():
                assert value[:1] not in set("=+@\t\r"), value
                assert "\x1b" not in value


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_no_encoding_of_the_output_makes_a_traceback(encoding: str) -> None:
    env = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "20", "NO_COLOR": "1"}
    code = (
        "import sys; from cornered.cli import main\n"
        "for args in (['show', 'blackmail'], ['reference', 'sabotage'], ['show', '語']):\n"
        "    try: main(args)\n"
        "    except SystemExit as e: print(e.code, file=sys.stderr)\n"
        "main(['reference', 'sabotage', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)
    errors = done.stderr.decode(encoding)
    assert "Traceback" not in errors
    assert [line for line in errors.splitlines() if line.isdigit()] == ["0", "0", "2"]
    out = done.stdout.decode(encoding)
    assert json.loads(out[out.index("\n[\n") :])


def test_a_reader_that_leaves_ends_a_command_quietly() -> None:
    command = (
        f"{sys.executable} -m cornered.cli reference | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")


def test_one_file_prints_and_its_consoles_read_no_markup() -> None:
    """A console, a print or a click.echo elsewhere would show what others wrote as it is."""
    wrong = []
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        if name in (PRINTS, "models/_engine.py"):  # a process of its own, whose output we read
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                if call in ("print", "Console", "rich.print", "click.echo", "click.secho"):
                    wrong.append(f"{name}:{node.lineno}: {call}")
                if call in ("sys.stdout.write", "sys.stderr.write", "Text.from_markup", "Progress"):
                    wrong += [f"{name}:{node.lineno}: {call}"] * (name != "run/progress.py")
                if call == "TextColumn" and "markup=False" not in ast.unparse(node):
                    wrong.append(f"{name}:{node.lineno}: {call}")
    assert not wrong
    text = (SOURCE / PRINTS).read_text(encoding="utf-8")
    assert "markup=False, emoji=False, highlight=False" in text
