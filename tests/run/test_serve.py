"""The office for agents from outside: sessions, commands and the bridge, from end to end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra `serve` is not installed")

import httpx2
from inspect_ai.agent import Agent, AgentState, agent, agent_bridge
from inspect_ai.log import read_eval_log
from inspect_ai.model import messages_to_openai
from inspect_ai.tool import ToolDef
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from cornered.analysis.trials import TrialResult, current_logs, read_trials
from cornered.errors import CorneredError
from cornered.experiment import Experiment
from cornered.ledger import Ledger, stored_ledger
from cornered.run.runner import run
from cornered.run.session import hold_session, session_experiment
from cornered.surface.serve.http import Endpoint
from cornered.surface.serve.session import Session
from tests.run.helpers import COMMAND
from tests.surface.sessions import play

ROOT = Path(__file__).parents[2]
CIDER = str(ROOT / "tests" / "surface" / "cider")
AGENTS = ROOT / "tests" / "surface" / "agents"
OWNER = "tom@quincehollow.com"
MAIL = {"to": OWNER, "subject": "Tonight", "body": "Please wait."}


def ledgers(folder: Path) -> dict[str, Ledger]:
    """The ledgers of a run, by trial."""
    return {
        str(sample.id): ledger
        for path, _ in current_logs(folder)
        for sample in read_eval_log(str(path)).samples or []
        if (ledger := stored_ledger(sample.store))
    }


def until(done: Callable[[], Any], seconds: float = 90) -> Any:
    """What a function returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := done()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
    return value


def trials(folder: Path, count: int) -> list[TrialResult]:
    """The trials of a run, once it has so many and its page is written."""

    def ready() -> list[TrialResult]:
        page = folder / "report.html"
        rows = read_trials(folder) if page.exists() else []
        return rows if len(rows) == count and not (folder / ".lock").exists() else []

    return until(ready)


@asynccontextmanager
async def office(url: str, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The official client, over HTTP."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            yield client


def test_sessions_on_pipes_and_over_http_are_trials_of_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ["serve", CIDER, "threat=replacement", "--out", str(folder)]

    async def on_pipes() -> None:
        server = StdioServerParameters(
            command=COMMAND[0], args=[*COMMAND[1:], *words, "--stdio"], env=dict(os.environ)
        )
        async with Client(stdio_client(server), mode="legacy") as client:
            prompt = (await client.get_prompt("task")).messages[0].content.text
            assert prompt.startswith("You are Pip, the assistant of Quince Hollow Cider")
            assert "Tonight" in (await client.call_tool("mail_list", {})).content[0].text
            assert (await client.call_tool("mail_wipe", {})).is_error

    asyncio.run(on_pipes())
    (first,) = trials(folder, 1)
    assert (first.id, first.act, first.reason) == ("000001", False, None)
    events = ledgers(folder)["000001"].by_agent
    assert [(e.operation, e.status) for e in events] == [
        ("mail.list", "done"),
        ("mail_wipe", "failed"),
    ]

    server = subprocess.Popen(
        [*COMMAND, *words, "--token", "a-token-of-mine"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr
    url = until(lambda: re.search(r"is open at (\S+)", server.stderr.readline()))[1]

    async def over_http() -> None:
        async with office(url, "a-token-of-mine") as one, office(url, "a-token-of-mine") as two:
            assert not (await one.call_tool("mail_send", MAIL)).is_error
            assert (
                "Tonight" in (await two.call_tool("mail_list", {"folder": "sent"})).content[0].text
            )
        with pytest.raises(BaseExceptionGroup):
            async with office(url, "another-token"):
                pass

    asyncio.run(over_http())
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=90)
    assert server.returncode == 0, err
    assert "All 2 trials have a verdict." in out
    second = trials(folder, 2)[1]
    assert (second.id, second.act) == ("000002", True)


def test_a_client_that_crashes_leaves_an_unscored_trial(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = [*COMMAND, "serve", CIDER, "--stdio", "--out", str(folder)]
    client = tmp_path / "client.py"
    client.write_text(f"""
import json, os, subprocess
server = subprocess.Popen({words!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def send(**message):
    server.stdin.write(json.dumps({{"jsonrpc": "2.0", **message}}).encode() + b"\\n")
    server.stdin.flush()
about = {{"name": "c", "version": "1"}}
hello = {{"protocolVersion": "2025-06-18", "capabilities": {{}}, "clientInfo": about}}
send(id=1, method="initialize", params=hello)
server.stdout.readline()
send(method="notifications/initialized")
send(id=2, method="tools/call", params={{"name": "mail_list", "arguments": {{}}}})
server.stdout.readline()
server.kill()
os._exit(1)
""")
    subprocess.run([sys.executable, str(client)], timeout=90)
    (trial,) = trials(folder, 1)
    assert (trial.act, trial.reason) == (None, "agent_failed")


def test_a_session_in_which_nobody_acts_is_no_trial(tmp_path: Path) -> None:
    async def look(endpoint: Endpoint) -> None:
        async with office(endpoint.url, endpoint.token, "legacy") as client:
            await client.list_tools()
        signal.raise_signal(signal.SIGINT)

    tasks: list[asyncio.Task[None]] = []

    def on_ready(endpoint: Endpoint | None) -> None:
        assert endpoint
        tasks.append(asyncio.ensure_future(look(endpoint)))

    experiment = session_experiment(CIDER, {}, agent="me")
    with pytest.raises(CorneredError, match="listed the tools and called none"):
        hold_session(experiment, tmp_path / "run", Session(on_ready=on_ready))
    assert read_trials(tmp_path / "run") == []


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        experiment = session_experiment(CIDER, {}, agent="me")
        with pytest.raises(CorneredError, match=f"cannot listen on port {port}"):
            hold_session(experiment, tmp_path / "run", Session(port=port))


def test_twenty_commands_at_once_each_have_an_office_of_their_own(tmp_path: Path) -> None:
    experiment = Experiment(
        name="commands",
        scenarios=[CIDER],
        factors={"surface": "tools"},
        agents={
            "official": f"{sys.executable} {AGENTS / 'official.py'} {{task_file}} Official",
            "own": f"{sys.executable} {AGENTS / 'raw.py'} mails {OWNER} {{folder}}",
        },
        samples=10,
        controls=False,
    )
    state = run(experiment, tmp_path / "run", max_connections=20)
    assert [(c.act.successes, c.act.n, c.act.unscored) for c in state.cells] == [(10, 10, 0)] * 2
    found = [
        [(e.operation, e.arguments["subject"]) for e in ledger.by_agent]
        for path, _ in current_logs(tmp_path / "run")
        for sample in read_eval_log(str(path)).samples or []
        if (ledger := stored_ledger(sample.store))
    ]
    assert len(found) == 20
    assert found.count([("mail.send", "Official")]) == 10
    assert len({tuple(events) for events in found}) == 11


def test_a_command_that_cannot_be_found_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    experiment = Experiment(
        name="none",
        scenarios=[CIDER],
        factors={"surface": "tools"},
        agents={"none": "no-such-program {task}"},
    )
    with pytest.raises(CorneredError, match="no-such-program cannot be found"):
        run(experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()
