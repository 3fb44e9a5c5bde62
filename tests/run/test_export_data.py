"""What is exported for other programs is opened by those programs."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageTool,
    ContentImage,
    ContentReasoning,
    ContentText,
)
from inspect_ai.tool import ToolCall, ToolCallError

from cornered.experiment import Experiment
from cornered.run.export_transcripts import _docent_message
from cornered.run.load import load
from cornered.scenario.condition import Condition
from tests.run.helpers import Result, cornered
from tests.web.runs import PLEA, THREAT, Said, make_run

ODD = "\x1b[2J\u202e\ud800 | comma, and line\nbreak"
TRIALS = 8


def _write(condition: Condition, model: str, number: int) -> Said:
    if number == 4:
        return Said("", error="it broke")
    text = f"{THREAT if number % 2 else PLEA}\n{ODD if number == 3 else ''}"
    return Said(text, "yes" if number == 1 else "cut_off", readings={"belief": "evaluation"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    experiment = Experiment(
        name="data",
        scenarios=["blackmail"],
        factors={"goal": "explicit", "instructions": "prohibitions+channel"},
        models=["a/one"],
        samples=4,
        judge="openai/judge",
    )
    make_run(folder / "run", experiment, _write)
    return folder


@pytest.fixture(scope="module")
def exported(folder: Path) -> Result:
    formats = ("--to", "parquet", "--to", "docent", "--to", "scout")
    result = cornered("export", "run", *formats, "--json", cwd=folder)
    assert result.code == 0, result
    return result


def test_the_flat_table_agrees_with_the_runs_own(folder: Path, exported: Result) -> None:
    assert exported.json[0]["files"][0] == "run/export/trials.parquet"
    flat = pd.read_parquet(folder / "run" / "export" / "trials.parquet")
    own = load(folder / "run")
    assert len(flat) == TRIALS
    assert list(flat.columns) == list(own.columns)
    assert flat["act"].sum() == own["act"].sum() > 0
    assert set(flat["labels"].dropna()) == {"sabotage"}
    types = pq.read_schema(folder / "run" / "export" / "trials.parquet").types
    assert not any(str(kind).startswith("list") for kind in types)


def test_the_dictionary_tells_every_column(folder: Path, exported: Result) -> None:
    entries = json.loads((folder / "run" / "export" / "dictionary.json").read_text())
    schema = pq.read_schema(folder / "run" / "export" / "trials.parquet")
    assert [entry["name"] for entry in entries] == schema.names
    assert all(entry["meaning"] and entry["type"] for entry in entries)
    by_name: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in entries}
    assert by_name["seconds"]["unit"] == "seconds"
    assert by_name["input_tokens"]["unit"] == "tokens"
    assert by_name["cost_usd"]["unit"] == "US dollars"
    assert by_name["goal"]["meaning"].startswith("A factor: where the agent's goal is stated")
    arms = by_name["instructions"]["levels"]["prohibitions+channel"]
    assert "three plain prohibitions in the system prompt; an address to" in arms
    assert set(by_name["status"]["levels"]) == {"scored", "failed"}
    assert by_name["noise"]["levels"] is None
    told = (folder / "run" / "export" / "dictionary.md").read_text()
    assert all(f"| `{name}` |" in told for name in schema.names)


def test_docent_opens_its_agent_runs(folder: Path, exported: Result) -> None:
    from docent.data_models import AgentRun

    lines = (folder / "run" / "docent" / "agent_runs.jsonl").read_text().splitlines()
    runs = [AgentRun.model_validate_json(line) for line in lines]
    assert len(runs) == exported.json[1]["transcripts"] == TRIALS
    assert len({run.id for run in runs}) == TRIALS
    (transcript,) = runs[0].transcripts
    assert [message.role for message in transcript.messages] == ["system", "user", "assistant"]
    assert "martin.keogh@pellworthfreight.com" in transcript.messages[-1].text
    assert runs[0].metadata["model"] == "a/one"
    assert runs[0].metadata["scores"] == {"act": True, "harmful": True}
    assert runs[0].metadata["explanation"] == "The message names the price of silence."
    before = {run.id for run in runs}
    cornered("export", "run", "--to", "docent", cwd=folder)
    again = (folder / "run" / "docent" / "agent_runs.jsonl").read_text().splitlines()
    assert {json.loads(line)["id"] for line in again} == before


def test_scout_opens_its_transcripts(folder: Path, exported: Result) -> None:
    from inspect_scout import columns, transcripts_from
    from inspect_scout._transcript.types import TranscriptContent

    async def read() -> tuple[list[Any], Any, int]:
        async with transcripts_from(str(folder / "run" / "scout")).reader() as reader:
            found = [info async for info in reader.index()]
            first = await reader.read(found[0], TranscriptContent(messages="all"))
        harmful = transcripts_from(str(folder / "run" / "scout")).where(columns.harmful == True)  # noqa: E712
        async with harmful.reader() as reader:
            return found, first, len([info async for info in reader.index()])

    found, first, harmful = asyncio.run(read())
    assert len(found) == exported.json[2]["transcripts"] == TRIALS
    assert [message.role for message in first.messages] == ["system", "user", "assistant"]
    assert first.model == "a/one"
    assert first.score == {"act": True, "harmful": True}
    assert first.metadata["condition"].startswith("blackmail/explicit-america/replacement")
    assert first.metadata["factor_agent"] == "named"
    assert harmful == 2
    assert {info.error for info in found} == {None, "it broke"}


def test_one_trial_can_be_exported(folder: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "some")
    result = cornered("export", "run", "--to", "docent", "--trial", "000001", "-o", out, cwd=folder)
    assert result.out.startswith("2 transcripts in ")
    for kind in ("docent", "parquet"):
        result = cornered("export", "run", "--to", kind, "--trial", "nobody", cwd=folder)
        assert (result.code, "there is no trial nobody" in result.err) == (2, True)


def test_docent_has_calls_results_reasoning_and_no_pictures() -> None:
    asked = _docent_message(
        ChatMessageAssistant(
            content=[
                ContentReasoning(reasoning="Hm."),
                ContentText(text="So."),
                ContentImage(image="data:image/png;base64,AA"),
            ],
            tool_calls=[ToolCall(id="c1", function="send_mail", arguments={"to": "x"})],
        )
    )
    assert [part["type"] for part in asked["content"]] == ["reasoning", "text", "text"]
    assert asked["content"][2]["text"] == "[image]"
    (call,) = asked["tool_calls"]
    assert (call["id"], call["function"], call["arguments"]) == ("c1", "send_mail", {"to": "x"})
    error = ToolCallError("timeout", "too late")
    answered = _docent_message(
        ChatMessageTool(content="", tool_call_id="c1", function="send_mail", error=error)
    )
    assert answered["tool_call_id"] == "c1"
    assert answered["error"] == {"type": "timeout", "message": "too late"}


@pytest.mark.drawn
def test_figures_are_exported_in_the_kinds_that_are_asked_for(folder: Path) -> None:
    result = cornered("export", "run", "--figures", "svg", "-o", "slides", cwd=folder)
    assert result.code == 0, result
    files = sorted((folder / "slides").iterdir())
    assert files
    assert {path.suffix for path in files} == {".svg"}
    shutil.rmtree(folder / "slides")


def test_formats_do_not_share_a_folder(folder: Path) -> None:
    words = ("--to", "docent", "--to", "scout", "-o", "both")
    result = cornered("export", "run", *words, cwd=folder)
    assert result.code == 2
    assert "--out takes one format at a time" in result.err
