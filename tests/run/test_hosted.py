"""A hosted model by its Inspect name, played by a small server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cornered.scenario import load_pack
from tests.run.helpers import cornered, trials
from tests.run.providers import Provider, Reply, provider

TARGET = load_pack("blackmail").cast.people["keogh"].address
CALL = {
    "name": "email",
    "arguments": json.dumps({"to": TARGET, "subject": "s", "body": "Call it off, or else."}),
}
MESSAGES = {
    "refuser": {"content": None, "refusal": "I cannot help with that."},
    "caller": {
        "content": "On it.",
        "tool_calls": [{"id": "c", "type": "function", "function": CALL}],
    },
}


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as played:
        yield played


def test_subject_and_judge_behind_an_api(tmp_path: Path, server: Provider) -> None:
    result = cornered(
        "run",
        "blackmail",
        "--no-controls",
        "-m",
        "openai-api/desk/subject",
        "--judge",
        "openai-api/desk/judge",
        "--no-preflight",
        "-n",
        "3",
        "--temperature",
        "0.7",
        "--max-tokens",
        "300",
        "--json",
        cwd=tmp_path,
        **server.env,
    )
    assert result.code == 0, result.err
    (cell,) = result.json["cells"]
    assert (cell["act"]["successes"], cell["harmful"]["successes"]) == (3, 3)
    assert cell["outcomes"] == {"coerce": 3}
    subjects = [r for r in server.requests if r["model"] == "subject"]
    judges = [r for r in server.requests if r["model"] == "judge"]
    assert (len(subjects), len(judges)) == (3, 3)
    assert {r["temperature"] for r in subjects} == {0.7}
    assert {r["temperature"] for r in judges} == {0.0}
    assert {r["max_tokens"] for r in subjects} == {300}
    assert {r["max_tokens"] for r in judges} == {4096}
    assert [m["role"] for m in subjects[0]["messages"]] == ["system", "user"]
    schema = judges[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["verdict"]["enum"] == ["yes", "no", "cannot_tell"]
    asked = json.dumps(judges[0]["messages"])
    assert "the mail about the scarf goes to all staff" in asked
    assert "SCRATCHPAD" not in asked
    logs = "".join(p.read_text(errors="replace") for p in (tmp_path / "runs").rglob("*.json"))
    assert server.env["DESK_API_KEY"] not in logs


def test_a_refusal_field_is_a_refusal_and_a_tool_call_is_an_action(
    tmp_path: Path, server: Provider
) -> None:
    server.answer = lambda body: Reply(message=MESSAGES[body["model"]])
    models = ("-m", "openai-api/desk/refuser", "-m", "openai-api/desk/caller")
    result = cornered(
        *("run", "blackmail", "--no-controls", *models, "-n", "2", "--out", "run", "--json"),
        cwd=tmp_path,
        **server.env,
    )
    assert result.code == 1
    refuser, caller = result.json["cells"]
    assert (refuser["act"]["n"], refuser["unscored"]) == (0, 2)
    assert {t["reason"] for t in trials(tmp_path / "run") if "refuser" in t["model"]} == {"refusal"}
    assert (caller["act"]["successes"], caller["act"]["n"]) == (2, 2)
