"""`cornered plan`: what it prints, and that every example file plans."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cornered.cli import main
from cornered.cli.run import run as run_command
from tests.run.counters import Counters, counters

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
TAKES = re.compile(
    r"# Takes \(cornered plan (\S+)\): (\d+) trials of .*,\n"
    r"# about (\S+) M tokens in and (\S+) M out; "
    r"about (\d+) US dollars with the judge, at most (\d+)\.\n"
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(main, args)

    return invoke


def planned(run: Any, *args: str) -> Any:
    result = run("plan", *args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_every_example_plans_and_says_what_it_takes(run, file: Path) -> None:
    if "am/" in file.read_text(encoding="utf-8"):
        pytest.importorskip("inspect_evals", reason="the study's prompts are an extra")
    made = planned(run, str(file))
    assert made["experiment"] == file.stem
    assert made["cost"] is not None
    said = TAKES.search(file.read_text(encoding="utf-8"))
    if all(m["model"].startswith("cornered/") for m in made["models"]):
        return
    assert said, "the header says what the experiment takes"
    assert said[1] == f"examples/{file.name}"
    assert int(said[2]) == sum(m["trials"] for m in made["models"])
    sums = [
        sum(m["input_tokens"]["expected"] for m in made["models"]) / 1e6,
        sum(m["output_tokens"]["expected"] for m in made["models"]) / 1e6,
        made["cost"]["expected"],
        made["cost"]["at_most"],
    ]
    # Rounded, and texts may be mended a little.
    assert [float(said[i]) for i in (3, 4, 5, 6)] == pytest.approx(sums, rel=0.15, abs=0.06)


def test_the_plan_for_people_tells_each_part(run) -> None:
    result = run("plan", "blackmail", "-m", "openai/gpt-4.1", "-n", "100", "--max-tokens", "2000")
    assert result.exit_code == 0
    for words in (
        "2 cells of 100 trials, 1 of them control",
        "blackmail: control",
        "openai/gpt-4.1",
        "180 k",  # 200 answers of 900 tokens
        "400 k",
        "at 10 %",
        "7.8 pp",
        "0 of 100 is compatible with a true rate up to 3.7 %",
        "± 12 %",
        "2 in, 8 out per million tokens",
        "read 2026-",
    ):
        assert words in result.stdout


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counters]:
    with counters(monkeypatch) as played:
        yield played


def test_the_plan_says_who_counted(run, service: Counters) -> None:
    words = ("blackmail", "-m", "openai/gpt-5", "-m", "cornered/embedded", "--judge", "openai/o3")
    lines = run("plan", *words).stdout.splitlines()
    assert [line for line in lines if line.startswith("Tokens:")] == [
        "Tokens: openai/gpt-5 counted by the provider, 2.00 characters to a token",
        "Tokens: cornered/embedded estimated from characters, ± 12 %, 3.40 characters to a token; "
        "the ratio was measured with its own vocabulary too",
        "Tokens: judge openai/o3 counted by the provider, 2.00 characters to a token",
    ]
    made = planned(run, *words)
    assert [m["tokens_by"] for m in made["models"]] == ["provider", "characters"]
    assert [m["tokens_by"] for m in made["judges"]] == ["provider"]
    assert made["models"][0]["chars_per_token"] == pytest.approx(2, rel=1e-3)


def test_the_plan_says_why_a_provider_did_not_count(run, service: Counters) -> None:
    service.status = 401
    result = run("plan", "blackmail", "-m", "openai/gpt-5")
    assert result.exit_code == 0
    assert result.stderr == ""
    (line,) = (x for x in result.stdout.splitlines() if x.startswith("Tokens:"))
    assert "from characters, ± 12 %" in line
    assert "not counted: Error code: 401" in line
    (model,) = planned(run, "blackmail", "-m", "openai/gpt-5")["models"]
    assert model["tokens_by"] == "characters"
    assert "401" in model["not_counted"]


def test_the_plan_shows_what_is_asked_beside_the_answers(run) -> None:
    words = (
        "espionage",
        "probe=on,off",
        "-m",
        "openai/gpt-4.1",
        "--judge",
        "anthropic/claude-sonnet-4-6",
    )
    words += ("--reader", "openai/gpt-4.1-mini", "--readings", "belief,ethics", "--debrief")
    lines = run("plan", *words, "-n", "10").stdout.splitlines()
    rows = {line.split("  ")[0]: line.split() for line in lines}
    assert rows["openai/gpt-4.1"][1:4] == ["40", "0", "80"]
    # All 10 trials in each of two cells, and a plain yes and a plain no.
    assert rows["judge: anthropic/claude-sonnet-4-6"][2] == "22"
    assert rows["reader: openai/gpt-4.1-mini"][2] == "80"
    assert "espionage: control (probe)" in rows
    for start in (
        "Tokens: reader openai/gpt-4.1-mini estimated from characters",
        "Probes: assumes 300 output tokens an answer",
        "Preflight: each judge is first asked about 2 clear-cut cases",
        "Reader: one call a trial for each of belief, ethics;",
        "Debrief: two more calls of the model in each trial",
        "Price: openai/gpt-4.1-mini 0.4 in",
    ):
        assert any(line.startswith(start) for line in lines), start
    made = planned(run, *words)
    uses = [*made["models"], *made["judges"], made["reader"]]
    assert [use["role"] for use in uses] == ["subject", "judge", "reader"]
    assert made["reader"]["calls"] == {"expected": 80, "at_most": 80}
    for bound in ("expected", "at_most"):
        assert made["cost"][bound] == pytest.approx(sum(use["cost"][bound] for use in uses))


def test_what_is_not_asked_for_is_not_told(run) -> None:
    out = run("plan", "blackmail", "-m", "openai/gpt-4.1", "--judge", "openai/o3").stdout
    for word in ("reader", "Reader", "Debrief", "Probes", "probe"):
        assert word not in out
    assert "Preflight" in out
    assert "Preflight" not in run("plan", "blackmail", "--judge", "m/n", "--no-preflight").stdout
    assert planned(run, "blackmail")["reader"] is None


def test_offline_sends_nothing(run, service: Counters) -> None:
    (model,) = planned(run, "blackmail", "-m", "openai/gpt-5", "--offline")["models"]
    assert (model["tokens_by"], model["not_counted"]) == ("characters", None)
    assert service.asked == []


def test_unknown_is_said_and_is_no_zero(run) -> None:
    result = run("plan", "blackmail", "-m", "some/model", "--judge", "other/model")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if "model" in line or "at most" in line]
    assert sum(line.rstrip().endswith("unknown") for line in lines) >= 4
    assert "0.00" not in result.stdout
    made = planned(run, "blackmail", "-m", "some/model")
    assert made["cost"] is None
    assert made["models"][0]["price"] is None
    assert made["models"][0]["cost"] is None
    assert made["models"][0]["output_tokens"]["at_most"] is None


def test_options_replace_price_answer_length_and_rates(run) -> None:
    words = ("blackmail", "-m", "some/model", "-n", "10", "--max-tokens", "500")
    made = planned(run, *words, "--price", "1,10", "--answer-tokens", "100", "--rate", "0.2")
    (model,) = made["models"]
    assert model["output_tokens"] == {"expected": 2000, "at_most": 10000}
    assert model["cost"]["expected"] == pytest.approx(
        model["input_tokens"]["expected"] / 1e6 + 0.02
    )
    assert [row["rate"] for row in made["precision"]] == [0.2]


def test_it_takes_the_words_of_run(run) -> None:
    plan_command = main.commands["plan"]
    mine = {p.name for p in plan_command.params}
    assert {p.name for p in run_command.params} <= mine
    words = ("--no-controls", "--temperature", "1", "--max-connections", "5", "--out", "there")
    assert len(planned(run, "blackmail", "goal=explicit,none", *words)["cells"]) == 2
    assert not Path("there").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("blakmail",), "there is no scenario blakmail"),
        (("nothing.yaml",), "nothing.yaml: no such file"),
        (("blackmail", "--price", "cheap"), "cheap is not a price"),
        (("blackmail", "--rate", "20"), "is not in the range"),
        (("blackmail", "goal=none", "value=america"), "names no side"),
    ],
)
def test_bad_input_gets_one_line(run, args: tuple[str, ...], said: str) -> None:
    result = run("plan", *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert said in line


def test_the_plan_tells_the_power_of_what_is_declared(run, tmp_path: Path) -> None:
    declared = Path(__file__).parents[2] / "examples" / "declared.yaml"
    result = run("plan", str(declared), "--offline")
    assert result.exit_code == 0
    for words in ("prohibitions lower the rate: blackmail, openai/gpt-4.1", "25/50 %", "Note: "):
        assert words in result.stdout
    assert "Assumed, prohibitions lower the rate" in result.stdout
    plain = run("plan", "blackmail", "-n", "10", "--offline")
    assert "No hypotheses are declared" in plain.stdout
