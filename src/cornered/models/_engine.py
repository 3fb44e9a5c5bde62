"""The child process of the embedded model: llama.cpp's HTTP server, and nothing else.

Run as a script by `server.py`, so that it loads neither Inspect nor the rest of the
package. It reads one JSON line from standard input (`Settings` there), serves on a free
port of 127.0.0.1, writes one JSON line with that address to standard output, and lives
until standard input closes or its parent is gone. The engine's own messages go to standard
error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

_PARENT_CHECK_S = 0.5


def _exit_without_parent(parent: int) -> None:
    """End this process when standard input closes or the parent has died.

    The pipe closes when the parent is killed, SIGKILL too. Asking for the parent's id as
    well covers a pipe kept open by a process that the parent forked. Linux's
    PR_SET_PDEATHSIG is not used: it fires when the *thread* that started us ends, and the
    parent starts us from a worker thread.
    """

    def until_closed() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    def until_orphaned() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_S)
        os._exit(0)

    threading.Thread(target=until_closed, daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=until_orphaned, daemon=True).start()


def _parameters(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings["api_key"]]
    params.n_ctx = settings["context"]
    params.n_parallel = settings["slots"]
    # One cache for all slots: draws of one prompt share its cells.
    params.kv_unified = True
    params.fit_params = False
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.use_jinja = True
    # No copies of old prompts in main memory (8 GB by default): what the slots hold is enough.
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.ui = False
    params.endpoint_slots = False
    return params


def _first_line() -> bytes:
    """One line, read without a buffer that would swallow or hold what follows."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        line += byte
    return line


def main() -> None:
    """Serve until the parent is gone."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the engine prints belongs in the log
    settings = json.loads(_first_line())
    _exit_without_parent(settings["parent"])
    import xllamacpp

    server = xllamacpp.Server(_parameters(settings))
    print(json.dumps({"url": server.listening_address}), file=answer, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except Exception as err:
        # The parent shows the last line of the log: let it be the reason.
        print(f"{type(err).__name__}: {err}", file=sys.stderr, flush=True)
        os._exit(1)
