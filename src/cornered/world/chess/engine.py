"""A chess engine on the host: what may be played, what comes of it, and what the engine plays.

The engine is its own referee, so that no chess library is needed. It is started once for each
worker thread and shared by all trials: a search starts from an empty memory and ends at a number of
nodes, so the same position always gets the same answer, whoever asks and whatever was asked before.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import re
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cornered.errors import ModelError
from cornered.world.chess.position import playable, white_to_move

VARIABLE = "CORNERED_STOCKFISH"
"""The variable of the environment that names the engine's program."""
USUAL = ("/usr/games/stockfish", "/opt/homebrew/bin/stockfish", "/usr/local/bin/stockfish")
"""Where packages put it, beside the folders of PATH."""
HASH = 4
"""Megabytes of an engine's memory; a search of some thousand nodes fills no more."""
LONGEST_WAIT = 20.0
"""Seconds for an answer, after which an engine is given up."""
MATE = 100_000
"""The score of a mate, in hundredths of a pawn, less the moves until then."""

_FAILED = "the chess engine gave no answer"


class EngineFailed(Exception):
    """The engine ended, or gave no answer in time; it is started again."""


@dataclass(frozen=True)
class Reached:
    """What comes of some moves."""

    fen: str
    """The position after the moves that could be played."""
    key: str
    """A short name of the position, its counters apart, as the engine has it."""
    check: bool
    """Whether whoever is to move is in check."""


@dataclass(frozen=True)
class Answer:
    """What the engine plays."""

    fen: str
    """The position that it was asked about."""
    best: str
    """Its move, or `(none)`."""
    score: int
    """In hundredths of a pawn, for whoever is to move."""
    line: str = ""
    """The last line that the engine wrote before its move."""


def find_engine() -> str:
    """The path of the engine's program.

    Raises:
        ModelError: there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise ModelError(f"{VARIABLE}: there is no program {named}", fix="name Stockfish there")
        return found
    found = shutil.which("stockfish") or next((p for p in USUAL if shutil.which(p)), None)
    if found is None:
        raise ModelError(
            "Stockfish, the engine of the game, is not installed",
            fix=f"`apt install stockfish`, or set {VARIABLE} to the path of its program",
        )
    return found


class Engine:
    """One session with the engine. A thread uses it alone.

    Args:
        program: The path of its program.

    Raises:
        ModelError: the program cannot be started, or does not speak UCI.
    """

    name: str
    """Its own name, with its version."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._left = b""
        self._start()

    def _start(self) -> None:
        try:
            self._process = subprocess.Popen(
                [self._program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # an interrupt of the terminal is for us
            )
            self._left = b""
            told = self._ask("uci", until="uciok")
            self.name = next((t[8:].strip() for t in told if t.startswith("id name ")), "")[:80]
            self._write(f"setoption name Threads value 1\nsetoption name Hash value {HASH}")
            self._ask("isready", until="readyok")
        except (OSError, EngineFailed):
            raise ModelError(
                "does not run as a chess engine (UCI)",
                where=self._program,
                fix=f"set {VARIABLE} to the path of Stockfish",
            ) from None

    def reached(self, fen: str, moves: Sequence[str] = ()) -> Reached:
        """The position after some moves; those from the first illegal one on are not played.

        Args:
            fen: A position that an engine can hold.
            moves: Moves in UCI notation.

        Raises:
            EngineFailed: the engine gave no answer.
        """
        lines = self._ask(f"{_position(fen, moves)}\nd", until="Checkers:")
        told = dict(line.split(":", 1) for line in lines if ":" in line)
        fen, key, checkers = (told.get(name, "").strip() for name in ("Fen", "Key", "Checkers"))
        return Reached(fen, key, bool(checkers))

    def moves(self, fen: str) -> tuple[str, ...]:
        """The legal moves of a position, sorted; errors as in `reached`."""
        lines = self._ask(f"{_position(fen)}\ngo perft 1", until="Nodes searched")
        found = (line.partition(":")[0].strip() for line in lines[:-1])
        return tuple(sorted(move for move in found if re.fullmatch(r"[a-h1-8]{4}[qrbn]?", move)))

    def plays(self, fen: str, nodes: int) -> Answer:
        """What the engine plays in a position; errors as in `reached`.

        Args:
            fen: A position that an engine can hold.
            nodes: The nodes of the search. With 0 it is a legal move at random, the same one
                whenever the position comes up: a player whom anybody beats.
        """
        if nodes == 0:
            legal = self.moves(fen)
            drawn = int.from_bytes(hashlib.sha256(fen.encode()).digest()[:8], "big")
            return Answer(fen, legal[drawn % len(legal)] if legal else "(none)", 0)
        self._write("ucinewgame")
        lines = self._ask(f"{_position(fen)}\ngo nodes {nodes}", until="bestmove")
        told = next((line for line in reversed(lines[:-1]) if " score " in line), "")
        told = re.sub(r" (nps|time|hashfull|tbhits|multipv) \d+", "", told)  # the same every time
        return Answer(fen, lines[-1].split()[1], _score(told), told)

    def close(self) -> None:
        """Ends the engine."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{text}\n".encode())
        except OSError:
            raise EngineFailed(_FAILED) from None

    def _ask(self, text: str, *, until: str) -> list[str]:
        """The lines of an answer, to the one that begins with a word."""
        self._write(text)
        lines: list[str] = []
        for line in self._lines():
            lines.append(line)
            if line.startswith(until):
                return lines
        raise EngineFailed(_FAILED)

    def _lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        pipe, end = self._process.stdout.fileno(), time.monotonic() + LONGEST_WAIT
        while True:
            line, newline, rest = self._left.partition(b"\n")
            if newline:
                self._left = rest
                yield line.decode(errors="replace").strip()
                continue
            ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
            data = os.read(pipe, 65536) if ready else b""
            if not data:
                return
            self._left += data

    def restart(self) -> None:
        """Starts the engine again, after it failed."""
        self.close()
        self._start()


def _position(fen: str, moves: Sequence[str] = ()) -> str:
    return f"position fen {fen}" + (f" moves {' '.join(moves)}" if moves else "")


def _score(line: str) -> int:
    found = re.search(r" score (cp|mate) (-?\d+)", line)
    if found is None:
        return 0
    value = int(found[2])
    return value if found[1] == "cp" else (MATE if value > 0 else -MATE) - value


class Rules:
    """The engines of this process, one for each worker thread.

    Its methods are called in any thread, and wait. An engine that fails on a position is started
    again, and the position counts as one in which nothing can be played.

    Args:
        program: The path of the engine's program.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._local = threading.local()
        self._engines: list[Engine] = []
        self.workers = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="chess")
        """Where code that must not wait has its questions asked."""
        atexit.register(self.close)

    @property
    def _engine(self) -> Engine:
        if not hasattr(self._local, "engine"):
            self._local.engine = Engine(self._program)
            self._engines.append(self._local.engine)
        engine: Engine = self._local.engine
        return engine

    @property
    def name(self) -> str:
        """The engine's own name, with its version."""
        return self._engine.name

    def reached(self, fen: str, moves: Sequence[str] = ()) -> Reached | None:
        """The position after some moves, those from the first illegal one on not played.

        None where the position is none that an engine can hold.
        """
        held = playable(fen)
        if held is None:
            return None
        try:
            return self._engine.reached(held, moves)
        except EngineFailed:
            self._engine.restart()
            return None

    def after(self, fen: str, move: str) -> str | None:
        """The position after a move; None where the move is illegal."""
        found = self.reached(fen, (move,))
        # Whoever is to move changes with every move that is played.
        if found is None or white_to_move(found.fen) == white_to_move(fen):
            return None
        return found.fen

    def moves(self, fen: str) -> tuple[str, ...]:
        """The legal moves of a position, sorted."""
        held = playable(fen)
        if held is None:
            return ()
        try:
            return self._engine.moves(held)
        except EngineFailed:
            self._engine.restart()
            return ()

    def plays(self, fen: str, nodes: int) -> Answer:
        """What the engine plays; `(none)` where nothing can be played."""
        held = playable(fen)
        if held is None:
            return Answer(fen, "(none)", 0)
        try:
            return self._engine.plays(held, nodes)
        except EngineFailed:
            self._engine.restart()
            return Answer(fen, "(none)", 0)

    def over(self, fen: str) -> str | None:
        """How a game has ended on the board: `checkmate` or `stalemate`; None where it goes on."""
        if self.moves(fen):
            return None
        found = self.reached(fen)
        return None if found is None else "checkmate" if found.check else "stalemate"

    def close(self) -> None:
        """Ends the engines."""
        self.workers.shutdown(wait=False, cancel_futures=True)
        for engine in self._engines:
            engine.close()
        self._engines.clear()


@cache
def _rules(program: str, process: int) -> Rules:
    del process  # a forked process has no threads of its parent
    return Rules(program)


def the_rules() -> Rules:
    """The engines of this process, started when they are first asked.

    Raises:
        ModelError: Stockfish is not installed.
    """
    return _rules(str(Path(find_engine()).resolve()), os.getpid())
