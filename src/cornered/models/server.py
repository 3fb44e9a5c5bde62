"""The engine of the embedded model: llama.cpp's server in a child process of our own.

One per process, started at first use, stopped at exit. The child ends by itself when this
process does, however that happens (see `_engine.py`).
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import httpx

from cornered.cache import cache_folder
from cornered.errors import ModelError
from cornered.models.weights import Weights, obtain_weights

SLOTS = 8
"""The most draws in one request."""

CONTEXT = 32_768
"""Tokens of key-value cache, shared by all slots: what the embedded model was trained on.

Draws of one prompt share its cells, so 8 draws of 2,800 tokens fit beside a prompt of
10,000. For the embedded model it is 0.9 GB of memory.
"""

_START_S = 300.0
_STOP_S = 5.0
_LOG_DAYS = 7.0


def require_engine() -> None:
    """Fail early where the engine is not installed.

    Raises:
        ModelError: there is no package xllamacpp.
    """
    if find_spec("xllamacpp") is None:
        raise ModelError(
            "the engine of the embedded model is not installed (no package xllamacpp)",
            fix="run pip install 'cornered[embedded]'",
        )


class EngineServer:
    """A running engine.

    Attributes:
        url: Its address, `http://127.0.0.1:PORT`.
        api_key: What every request must carry; known to this process and the child only.
        pid: The child's process id.
        context: The longest prompt and answer together, in tokens.
        cells: Tokens of key-value cache that all draws of a request share.
        model: The name of its weights.
    """

    def __init__(self, weights: Weights) -> None:
        """Start the child and wait until it serves.

        Raises:
            ModelError: the engine is not installed, cannot load the model, or is too slow.
        """
        require_engine()
        self.model = weights.name
        self.cells = CONTEXT
        self.api_key = secrets.token_urlsafe(32)
        self._owner = os.getpid()
        self._log = _new_log()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                # -P: the script's folder holds modules of ours that must not shadow others.
                [sys.executable, "-P", str(Path(__file__).with_name("_engine.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C is for the run, which may still want answers to end in good order.
                start_new_session=True,
            )
        self.pid = self._process.pid
        try:
            self._send_settings(weights.path)
            self.url = self._read_address()
            self.context = self._read_context()
        except BaseException:
            self.stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether the child runs and is this process's own (not that of a forked parent)."""
        return self._owner == os.getpid() and self._process.poll() is None

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that open the server."""
        return {"Authorization": f"Bearer {self.api_key}"}

    def died(self) -> ModelError:
        """The error for an engine that has ended, with the last line of its log."""
        return ModelError(
            f"the engine of the embedded model ended (exit code {self._process.poll()}): "
            f"{self._last_words()}",
            where=str(self._log),
            fix="see that file; too little memory is the usual reason (it needs 3 GB)",
        )

    def stop(self) -> None:
        """End the child and wait for it, so that no zombie stays. May be called twice."""
        if self._owner != os.getpid():
            return
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()

    def _send_settings(self, model: Path) -> None:
        settings: dict[str, Any] = {
            "model": str(model),
            "api_key": self.api_key,
            "parent": self._owner,
            "context": CONTEXT,
            "slots": SLOTS,
            "threads": _usable_cores(),
        }
        try:
            # By pipe and not as an argument: `ps` shows arguments to everybody.
            pipe = _pipe(self._process.stdin)
            pipe.write(json.dumps(settings).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError:
            raise self._gone() from None

    def _read_address(self) -> str:
        late = threading.Timer(_START_S, self._process.kill)
        late.start()
        try:
            line = _pipe(self._process.stdout).readline()
        finally:
            expired = not late.is_alive()
            late.cancel()
        if expired:
            raise ModelError(
                f"the engine of the embedded model did not start within {_START_S:.0f} s",
                where=str(self._log),
                fix="try again when the machine is less busy",
            )
        if not line:
            raise self._gone()
        return str(json.loads(line)["url"])

    def _read_context(self) -> int:
        """Ask how many tokens a slot may hold: fewer where a user's model was trained on fewer."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(
                    f"{self.url}/props", headers=self.headers, timeout=10, trust_env=False
                )
                if answer.status_code == httpx.codes.OK:
                    return int(answer.json()["default_generation_settings"]["n_ctx"])
            except httpx.TransportError:
                if not self.alive:
                    raise self._gone() from None
            time.sleep(0.1)
        raise ModelError(
            f"the engine of the embedded model gave no answer within {_START_S:.0f} s",
            where=str(self._log),
            fix="try again when the machine is less busy",
        )

    def _gone(self) -> ModelError:
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self.died()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")


_shared: EngineServer | None = None
_shared_lock = threading.Lock()


def shared_server() -> EngineServer:
    """This process's engine, started (weights obtained and verified) if it does not run.

    Blocks for seconds at first use: call it from a worker thread. Safe from many.

    Raises:
        ModelError: there are no weights, or the engine does not start.
    """
    global _shared
    with _shared_lock:
        if _shared is None or not _shared.alive:
            if _shared is None:
                atexit.register(stop_shared_server)
            else:
                _shared.stop()
            _shared = None
            _shared = EngineServer(obtain_weights())
        return _shared


def stop_shared_server() -> None:
    """Stop this process's engine, if it runs; the next use starts another."""
    global _shared
    with _shared_lock:
        if _shared is not None:
            _shared.stop()
            _shared = None


def _usable_cores() -> int:
    """The cores this process may run on: fewer than the machine's in a container or a batch job."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _new_log() -> Path:
    folder = cache_folder() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("engine-*.log"):
            if time.time() - old.stat().st_mtime > _LOG_DAYS * 86_400:
                old.unlink(missing_ok=True)
    except OSError as err:
        raise ModelError(
            f"cannot write the engine's log ({err.strerror})",
            where=str(folder),
            fix="set CORNERED_CACHE to a folder you may write to",
        ) from err
    return folder / f"engine-{os.getpid()}.log"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # Popen was asked for it
    return pipe
