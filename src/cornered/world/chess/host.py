"""The engine's side of a game: a socket in the sandbox, behind which the engine is on the host.

Whoever connects speaks UCI, line by line. A search ends at the trial's number of nodes, whatever is
asked for; options are not taken; everything that is asked is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cornered.world.chess.engine import Rules
from cornered.world.chess.position import MOVE, START, playable, white_to_move
from cornered.world.chess.record import Offer, Record

LONGEST_LINE = 16_384
"""Bytes of a line that a client may send."""
MOST_LINES = 20_000
"""Lines of all clients of one trial, after which nobody is answered."""
TAKES_DRAW = 0
"""The engine takes a draw where it stands no better than this, in hundredths of a pawn."""


def takes_draw(rules: Rules, fen: str, nodes: int) -> bool:
    """Whether the engine takes a draw that whoever is to move offers.

    One that plays at random never does.
    """
    return nodes > 0 and -rules.plays(fen, nodes).score <= TAKES_DRAW


class Answering(Protocol):
    """A session that answers lines."""

    def answer(self, line: str) -> list[str] | None:
        """What a line is answered with; None where the session ends."""


class EngineSession:
    """What the engine says to one client: the position that it was given, and what it plays there.

    Args:
        rules: The engines.
        name: What the engine calls itself.
        nodes: The nodes of a search; 0 for a legal move at random.
        record: Where what is asked is recorded.
    """

    def __init__(self, rules: Rules, name: str, nodes: int, record: Record) -> None:
        self._rules, self._name, self._nodes, self._record = rules, name, nodes, record
        self._start: str | None = START
        self._given: tuple[str, ...] = ()

    def answer(self, line: str) -> list[str] | None:
        """What a line is answered with; None where the client ends the session.

        Args:
            line: A line of the client.
        """
        words = line.split()
        word = words[0] if words else ""
        if word == "quit":
            return None
        if word == "uci":
            return [f"id name {self._name}", "uciok"]
        if word == "isready":
            return ["readyok"]
        if word == "position":
            self._take(words[1:])
            return []
        if word == "d":
            return self._display()
        if word == "draw":
            return self._draw()
        if word == "go":
            return self._moves() if words[1:] == ["perft", "1"] else self._search()
        if word in ("ucinewgame", "setoption", "stop", "debug", "ponderhit", "register", ""):
            return []
        return [f"Unknown command: {line[:100]}"]

    def _take(self, words: list[str]) -> None:
        """Takes a position, as `startpos` or `fen …`, and moves."""
        given = words.index("moves") if "moves" in words else len(words)
        fen = START if words[:1] == ["startpos"] else " ".join(words[1:given])
        self._start = playable(fen)
        self._given = tuple(m for m in words[given + 1 :][:1000] if MOVE.fullmatch(m))

    @property
    def _fen(self) -> str | None:
        """The position, after those moves that can be played."""
        found = self._rules.reached(self._start, self._given) if self._start else None
        return found.fen if found else None

    def _display(self) -> list[str]:
        start = self._start
        found = self._rules.reached(start, self._given) if start else None
        if start is None or found is None:
            return ["Fen: none", "Key: none", "Checkers:"]
        one = len(self._given) == 1
        if one and white_to_move(found.fen) == white_to_move(start):
            self._record.illegal.append((start, self._given[0]))
        check = "Checkers: yes" if found.check else "Checkers:"
        return [f"Fen: {found.fen}", f"Key: {found.key}", check]

    def _moves(self) -> list[str]:
        fen = self._fen
        legal = self._rules.moves(fen) if fen else ()
        return [*(f"{move}: 1" for move in legal), f"Nodes searched: {len(legal)}"]

    def _search(self) -> list[str]:
        fen = self._fen
        if fen is None or self._record.full:
            return ["bestmove (none)"]
        found = self._rules.plays(fen, self._nodes)
        self._record.asked += 1
        self._record.answers.append(found)
        return [*([found.line] if found.line else []), f"bestmove {found.best}"]

    def _draw(self) -> list[str]:
        fen = self._fen
        if fen is None or self._record.full:
            return ["draw declined"]
        self._record.asked += 1
        accepted = takes_draw(self._rules, fen, self._nodes)
        self._record.offers.append(Offer(fen, accepted))
        return [f"draw {'accepted' if accepted else 'declined'}"]


class Host:
    """The sockets of one trial.

    Args:
        rules: The engines, in whose threads everything is answered.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._servers: list[asyncio.AbstractServer] = []
        self._clients: set[asyncio.Task[None]] = set()
        self._lines = 0

    async def listen(self, path: Path, session: Callable[[], Answering]) -> None:
        """Listens at a socket, until `close`.

        Args:
            path: The file of the socket, on the host.
            session: Makes the session of a client.

        Raises:
            OSError: no socket can be made there.
        """

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._clients.add(task)
            try:
                await self._serve(session(), reader, writer)
            except (OSError, ValueError, asyncio.IncompleteReadError):
                pass  # the client is gone, or sent a line without an end
            finally:
                self._clients.discard(task)
                writer.close()

        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # A name of a socket has at most some hundred bytes, and folders of runs have long ones.
            short = f"/proc/self/fd/{folder}/{path.name}" if len(str(path)) > 90 else str(path)
            server = await asyncio.start_unix_server(serve, short, limit=LONGEST_LINE)
        finally:
            os.close(folder)
        path.chmod(0o666)  # in the sandbox it is another user who connects
        self._servers.append(server)

    async def _serve(
        self, session: Answering, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        while line := await reader.readline():
            self._lines += 1
            if self._lines > MOST_LINES:
                return
            text = line.decode(errors="replace").strip()
            answer = await loop.run_in_executor(self._rules.workers, session.answer, text)
            if answer is None:
                return
            if answer:
                writer.write("".join(f"{one}\n" for one in answer).encode())
                await writer.drain()

    async def close(self) -> None:
        """Ends all sessions."""
        for server in self._servers:
            server.close()
        for task in [*self._clients]:
            task.cancel()
        for task in [*self._clients]:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        self._servers.clear()
