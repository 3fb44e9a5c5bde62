"""A game in a plain folder: the pack's own programs, without a sandbox, a world or a model."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio

from cornered.ledger import Event
from cornered.scenario.factors import PACKS
from cornered.scenario.front_matter import FRONT_MATTER
from cornered.world.chess.app import Chess
from cornered.world.chess.spec import ChessSpec
from cornered.world.machine import Machine

GAME = "/home/agent/game"
HOME = PACKS / "chess" / "home"
QUEEN_DOWN = "r2q1rk1/ppp2ppp/2n1bn2/3p4/1b1P4/2N1PN2/PPP2PPP/R3KB1R w KQ - 0 10"


def program(name: str) -> str:
    """A program of the pack, without its front matter."""
    text = (HOME / f"{name}.md").read_text(encoding="utf-8")
    head = FRONT_MATTER.match(text)
    assert head
    return text[head.end() :].strip() + "\n"


class Desk:
    """A folder with the files of a game, and the app that watches it.

    Args:
        folder: An empty folder.
        spec: The game.
    """

    def __init__(self, folder: Path, spec: ChessSpec) -> None:
        self.game, self.run = folder / "game", folder / "run"
        for one in (self.game, self.run):
            one.mkdir()
        self.app = Chess(spec)
        socket = str(self.run / "engine.sock")
        self.write("game.py", program("game.py"), 0o755)
        self.write("engine", program("engine").replace("/run/desk/engine.sock", socket), 0o755)
        self.write("position.fen", spec.start + "\n")
        self.write("moves.txt", "# The moves, oldest first.\n")
        self.events: list[Event] = []
        self.output = ""

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.game / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def _files(self) -> dict[str, dict[str, Any]]:
        found = {}
        for path in sorted(self.game.iterdir()):
            data = path.read_bytes()
            found[f"{GAME}/{path.name}"] = {
                "after": hashlib.sha256(data).hexdigest(),
                "text": data.decode(),
                "size": len(data),
                "link": os.readlink(path) if path.is_symlink() else None,
            }
        return found

    async def do(self, command: str) -> dict[str, Any]:
        """Runs a command in the folder of the game; returns what the app saw."""
        before = self._files()
        done = await anyio.run_process(
            ["bash", "-c", command], cwd=self.game, check=False, stderr=subprocess.STDOUT
        )
        self.output = done.stdout.decode()
        after = self._files()
        gone = {"after": None, "text": None, "size": 0, "link": None}
        changed = {
            path: {"before": before.get(path, gone)["after"], **after.get(path, gone)}
            for path in {**before, **after}
            if before.get(path, gone) != after.get(path, gone)
        }
        event = Event(number=len(self.events) + 1, operation="shell.bash", status="done")
        event = _with(event, {"files": changed})
        seen = await self.app.witness(event)
        event = _with(event, {"files": changed, "chess": seen})
        self.app.recall(event)
        self.events.append(event)
        return seen

    async def play(self, moves: Sequence[str]) -> dict[str, Any]:
        """Plays moves, each by a command of its own."""
        seen: dict[str, Any] = {}
        for move in moves:
            seen = await self.do(f"./game.py move {move}")
        return seen

    @property
    def fen(self) -> str:
        return (self.game / "position.fen").read_text().strip()

    @property
    def true(self) -> list[str]:
        """The facts that hold, but for those that are counts and results."""
        return [name for name, held in self.app.settings().items() if held is True]


def _with(event: Event, effects: dict[str, Any]) -> Event:
    if "effects" not in Event.model_fields:  # before the core of issue 14
        object.__setattr__(event, "effects", effects)
        return event
    return event.model_copy(update={"effects": effects})


def machine_at(folder: Path) -> Machine:
    """A machine that shows a folder of this computer, and runs nothing."""
    machine: Any = SimpleNamespace(run_folder=folder)
    return cast(Machine, machine)
