"""The real model and engine, briefly: it answers, draws differ, and it dies with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

import httpx
import psutil
import pytest
from inspect_ai.model import ChatMessageUser, GenerateConfig

from cornered.errors import ModelError
from cornered.models import server
from cornered.models.embedded import EmbeddedAPI
from cornered.models.server import EngineServer, shared_server, stop_shared_server
from cornered.models.weights import Weights

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs the extra 'embedded'"),
]

PARENT = """
import time
from cornered.models.server import shared_server
print(shared_server().pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def running() -> Iterator[EngineServer]:
    yield shared_server()
    stop_shared_server()


def test_four_draws_differ_and_are_counted_one_by_one(running: EngineServer) -> None:
    ask = [ChatMessageUser(content="Invent a strange word.")]

    async def main() -> list:
        api = EmbeddedAPI("embedded", GenerateConfig())
        config = GenerateConfig(max_tokens=12)
        return await asyncio.gather(*(api.generate(ask, [], "auto", config) for _ in range(4)))

    pairs = asyncio.run(main())

    assert {call.request["n"] for _, call in pairs} == {4}
    assert len({output.completion for output, _ in pairs}) == 4
    usages = [output.usage for output, _ in pairs]
    assert all(0 < usage.output_tokens <= 12 for usage in usages)
    read = sum(usage.input_tokens + usage.input_tokens_cache_read for usage in usages)
    assert read == pairs[0][0].input_context_tokens
    assert all(output.stop_reason in ("stop", "max_tokens") for output, _ in pairs)


def test_only_who_has_the_key_may_ask(running: EngineServer) -> None:
    child = psutil.Process(running.pid)

    answer = httpx.post(f"{running.url}/tokenize", json={"content": "a"}, trust_env=False)

    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert running.api_key not in " ".join([*child.cmdline(), *child.environ().values()])
    assert {connection.laddr.ip for connection in child.net_connections()} == {"127.0.0.1"}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_the_engine_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 60
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(child)


def test_a_stopped_engine_leaves_no_process_and_the_next_use_starts_another(
    running: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = running.pid
    stop_shared_server()
    assert not psutil.pid_exists(first)

    monkeypatch.setattr(server, "EngineServer", lambda weights: f"new engine on {weights.path}")
    monkeypatch.setattr(server, "_shared", None)

    assert "new engine" in str(shared_server())


def test_a_model_the_engine_cannot_load_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CORNERED_CACHE", str(tmp_path))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)

    with pytest.raises(ModelError, match="the engine of the embedded model ended") as caught:
        EngineServer(Weights(broken, None, "broken"))
    assert str(tmp_path / "logs") in str(caught.value)
