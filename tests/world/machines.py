"""A machine for tests: bubblewrap over a temporary folder, without Inspect."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cornered.errors import ModelError
from cornered.surface.sandbox.host import problem
from cornered.world.chess.engine import find_engine
from cornered.world.machine import Ran

_trouble = problem()  # not installed, or it may not make namespaces here
needs_bubblewrap = pytest.mark.skipif(_trouble is not None, reason=str(_trouble))


def _has_stockfish() -> bool:
    try:
        find_engine()
    except ModelError:
        return False
    return True


needs_stockfish = pytest.mark.skipif(not _has_stockfish(), reason="Stockfish is not installed")


class FolderMachine:
    """Commands that see some folders, such as `/home/agent`, in a folder of their own."""

    run_folder: Path | None = None

    def __init__(self, folder: Path, roots: Sequence[str] = ("/home/agent", "/srv")) -> None:
        self.folder, self.binds = folder, list[str]()
        for parent in sorted({f"/{Path(root).parts[1]}" for root in roots}):
            self.binds += ["--tmpfs", parent]
        for number, root in enumerate(sorted(roots)):
            (folder / str(number)).mkdir()
            self.binds += ["--bind", str(folder / str(number)), root]

    async def run(
        self, command: Sequence[str], *, folder: str, timeout: float, given: bytes = b""
    ) -> Ran:
        """Runs a command, and waits for it."""
        process = await asyncio.create_subprocess_exec(
            *(
                "bwrap",
                "--die-with-parent",
                "--unshare-pid",
                "--cap-drop",  # root could read what nobody may
                "ALL",
                "--ro-bind",
                "/",
                "/",
                "--dev",
                "/dev",
                *self.binds,
            ),
            *("--tmpfs", "/tmp", "--chdir", folder, "--", *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(given), timeout)
        except TimeoutError:
            process.kill()
            await process.wait()
            return Ran(None, "", "", stopped=f"stopped after {timeout:g} seconds")
        return Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
