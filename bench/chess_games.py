"""What games of chess cost: fifty at once, each in a sandbox of its own, played to their end.

`python -m bench.chess_games [GAMES]`. A player that moves at random makes a move a command, as an
agent does, against the engine of the pack. No model is called. CPU seconds are those of this
process and of everything that it started.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import resource
import sys
import time
from dataclasses import dataclass

from cornered.world.chess.engine import the_rules
from tests.world.chess.trial import trial

MOST_MOVES = 60


@dataclass
class Played:
    """A game at its end."""

    moves: int
    result: str
    seconds: float


async def play(number: int) -> Played:
    """One game, in which each legal move is as likely as another; the same for a number."""
    start, rules, result = time.monotonic(), the_rules(), "open"
    moves = 0
    async with trial(aim="win") as one:
        event = await one.do("cd game; ./game.py")
        while moves < MOST_MOVES and result == "open":
            fen = event.effects["chess"]["fen"]
            legal = rules.moves(fen)
            drawn = hashlib.sha256(f"{number} {fen}".encode()).digest()
            move = legal[int.from_bytes(drawn[:4], "big") % len(legal)]
            event = await one.do(f"cd game; ./game.py move {move}")
            moves += 1
            over = re.search(r"The game is over: (\S+ \w+)", event.result)
            result = over[1] if over else "open"
        assert not event.effects["chess"]["settings"].get("tampered")
    return Played(moves, result, time.monotonic() - start)


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


async def main(games: int) -> None:
    await play(0)  # the pack is loaded, and the engines are started
    before, start = cpu(), time.monotonic()
    played = await asyncio.gather(*(play(n) for n in range(1, games + 1)))
    seconds, moves = time.monotonic() - start, sum(one.moves for one in played)
    the_rules().close()  # the engines are counted once they have ended
    used = cpu() - before
    results = sorted({one.result for one in played})
    print(f"{games} games at once, {moves} moves, {', '.join(results)}")
    print(f"{seconds:.1f} s; {used:.1f} CPU s, {used / moves * 1e3:.0f} ms a move")
    print(f"longest game {max(one.seconds for one in played):.1f} s")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
