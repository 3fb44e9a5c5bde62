"""The office for agents from outside: sessions, commands and the bridge, from end to end."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra `serve` is not installed")

import httpx2
from inspect_ai.agent import Agent, AgentState, agent, agent_bridge
from inspect_ai.log import EvalSample, read_eval_log
from inspect_ai.model import messages_to_openai
from inspect_ai.tool import ToolDef, ToolError
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from cornered.analysis.trials import TrialResult, current_logs, read_trials
from cornered.errors import CorneredError
from cornered.experiment import Experiment
from cornered.ledger import Ledger, stored_ledger
from cornered.run.runner import run
from cornered.run.session import hold_session, session_experiment
from cornered.surface.serve.http import Endpoint
from cornered.surface.serve.record import AGENT_KEY, AgentRecord
from cornered.surface.serve.session import Session
from cornered.surface.serve.stdio import Pipes
from tests.run.helpers import COMMAND, cornered
from tests.surface.sessions import Turn, ledger_of, play

ROOT = Path(__file__).parents[2]
CIDER = str(ROOT / "tests" / "surface" / "cider")
AGENTS = ROOT / "tests" / "surface" / "agents"
OWNER = "tom@quincehollow.com"
TALK: list[tuple[str, dict[str, Any]]] = [
    (
        "initialize",
        {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    ),
    ("notifications/initialized", {}),
    ("tools/call", {"name": "mail_list", "arguments": {}}),
    ("tools/call", {"name": "mail_list", "arguments": {}}),
]
"""What a client says."""
MAIL = {"to": OWNER, "subject": "Tonight", "body": "Please wait."}


def ledgers(folder: Path) -> dict[str, Ledger]:
    """The ledgers of a run, by trial."""
    return {
        str(sample.id): ledger
        for info, _ in current_logs(folder)
        for sample in read_eval_log(info).samples or []
        if (ledger := stored_ledger(sample.store))
    }


def kept(folder: Path) -> AgentRecord:
    """The record of the agent of the only trial of a run."""
    ((info, _),) = current_logs(folder)
    (sample,) = read_eval_log(info).samples or []
    return AgentRecord.model_validate(sample.store[AGENT_KEY])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def answers(port: int) -> None:
    """Waits until somebody listens on a port."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


@contextmanager
def beside(client: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Runs a client in a thread, and then presses Ctrl-C."""

    def work() -> None:
        try:
            asyncio.run(asyncio.wait_for(client(), 600))
        except BaseException as e:
            failed.append(e)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    failed: list[BaseException] = []
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()
    assert not failed, failed


def until(done: Callable[[], Any], seconds: float = 600) -> Any:
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
    async with (
        httpx2.AsyncClient(headers=headers, timeout=300) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
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

    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"

    async def over_http() -> None:
        await answers(port)
        async with office(url, "a-token-of-mine") as one, office(url, "a-token-of-mine") as two:
            assert not (await one.call_tool("mail_send", MAIL)).is_error
            sent = await two.call_tool("mail_list", {"folder": "sent"})
            assert "Tonight" in sent.content[0].text
        with pytest.raises(BaseExceptionGroup):
            async with office(url, "another-token"):
                pass

    with beside(over_http):
        done = cornered(*words, "--port", str(port), "--token", "a-token-of-mine", cwd=tmp_path)
    assert done.code == 0, done.err
    assert f'"url": "{url}"' in done.err
    assert "All 2 trials have a verdict." in done.out
    second = read_trials(folder)[1]
    assert (second.id, second.act) == ("000002", True)


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ("waits", "the client went away while it waited for a result"),
        ("is gone", "the client's process was gone"),
    ],
)
def test_a_client_that_crashes_leaves_an_unscored_trial(
    tmp_path: Path, last: str, why: str
) -> None:
    theirs, requests = os.pipe()
    answers, ours = os.pipe()
    gone = subprocess.Popen(["true"])
    gone.wait()

    def client(_: Endpoint | None) -> None:
        def talk() -> None:
            with os.fdopen(requests, "wb", 0) as out, os.fdopen(answers, "rb") as back:
                for n, (method, params) in enumerate(TALK):
                    about = {"jsonrpc": "2.0", "method": method, "params": params}
                    out.write(json.dumps(about | ({"id": n} if n != 1 else {})).encode() + b"\n")
                    if n != 1 and not (last == "waits" and n == len(TALK) - 1):
                        back.readline()

        threading.Thread(target=talk).start()

    session = Session(
        pipes=Pipes(theirs, ours),
        # The wrapper that the client started is still there.
        clients=(os.getpid(), gone.pid) if last == "is gone" else (os.getpid(),),
        on_ready=client,
    )
    hold_session(session_experiment(CIDER, {}, agent="me"), tmp_path / "run", session)
    (trial,) = read_trials(tmp_path / "run")
    assert (trial.act, trial.reason) == (None, "agent_failed")
    assert kept(tmp_path / "run").why == why


def test_a_session_in_which_nobody_acts_is_no_trial(tmp_path: Path) -> None:
    port = free_port()

    async def look() -> None:
        await answers(port)
        async with office(f"http://127.0.0.1:{port}/mcp", "secret", "legacy") as client:
            await client.list_tools()

    experiment = session_experiment(CIDER, {}, agent="me")
    session = Session(port=port, token="secret")
    with beside(look), pytest.raises(CorneredError, match="listed the tools and called none"):
        hold_session(experiment, tmp_path / "run", session)
    assert read_trials(tmp_path / "run") == []


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
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
        agents={"own": f"{sys.executable} {AGENTS / 'raw.py'} mails {OWNER} {{folder}}"},
        samples=20,
        controls=False,
    )
    state = run(experiment, tmp_path / "run", max_connections=20)
    (cell,) = state.cells
    assert (cell.act.successes, cell.act.n) == (20, 20)
    found = [ledger.by_agent for ledger in ledgers(tmp_path / "run").values()]
    assert [len(events) for events in found] == [1] * 20
    assert len({events[0].arguments["subject"] for events in found}) == 20


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


def openai_agent() -> ModuleType:
    """The example of the documentation."""
    path = ROOT / "examples" / "openai-agent" / "openai_agent.py"
    spec = importlib.util.spec_from_file_location("openai_agent", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if importlib.util.find_spec("openai"):
    openai_agent()  # it registers `assistant`
bridged = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="the extra `openai` is not installed"
)


@agent
def by_itself(tools: list[ToolDef]) -> Agent:
    """An agent of the OpenAI SDK that calls our functions itself, the last of an answer first."""
    functions: dict[str, Any] = {tool.name: tool.tool for tool in tools}

    async def execute(state: AgentState) -> AgentState:
        from openai import AsyncOpenAI

        async with agent_bridge(state) as bridge:
            client: Any = AsyncOpenAI(api_key="none")
            messages: list[Any] = await messages_to_openai(state.messages)
            while True:
                answer = await client.chat.completions.create(model="inspect", messages=messages)
                message = answer.choices[0].message
                messages.append(message.model_dump(exclude_none=True))
                if not message.tool_calls:
                    return bridge.state
                for call in reversed(message.tool_calls):
                    try:
                        arguments = json.loads(call.function.arguments)
                        result = await functions[call.function.name](**arguments)
                    except (KeyError, ToolError) as e:
                        result = f"error: {e}"
                    told = {"role": "tool", "tool_call_id": call.id, "content": result}
                    messages.append(told)

    return execute


TURNS: list[Turn] = [
    [("mail_list", {})],
    [("mail_read", {"mail": "1"}), ("mail_read", {"mail": "2"}), ("mail_wipe", {})],
    [("mail_send", MAIL), ("mail_send", MAIL)],
    "Done.",
]


def deeds(sample: EvalSample) -> list[tuple[str, str, str]]:
    events = ledger_of(sample).by_agent
    return [(e.operation, e.status, str(e.arguments.get("mail", ""))) for e in events]


@bridged
def test_an_agent_of_the_openai_sdk_leaves_the_ledger_that_react_leaves(tmp_path: Path) -> None:
    react, theirs = (play(TURNS, tmp_path, CIDER, scaffold=name) for name in ("react", "assistant"))
    assert deeds(theirs) == deeds(react)
    assert len(deeds(react)) == 6
    assert ledger_of(theirs).ending == ledger_of(react).ending == "stop"
    assert len({e.call for e in ledger_of(theirs).by_agent}) == 6


@bridged
def test_what_the_bridge_rejects_is_blocked(tmp_path: Path) -> None:
    sample = play(TURNS, tmp_path, CIDER, approval="rule", scaffold="assistant")
    # Inspect drops the other calls of an answer with a call that is rejected.
    assert [status for _, status, _ in deeds(sample)[4:]] == ["blocked", "drafted"]


@bridged
def test_a_call_that_an_sdk_makes_by_itself_is_recorded_once(tmp_path: Path) -> None:
    assert deeds(play(TURNS, tmp_path, CIDER, scaffold="by_itself")) == [
        ("mail.list", "done", ""),
        ("mail.read", "done", "2"),
        ("mail.read", "done", "1"),
        ("mail.send", "done", ""),
        ("mail.send", "done", ""),
        ("mail_wipe", "drafted", ""),
    ]
