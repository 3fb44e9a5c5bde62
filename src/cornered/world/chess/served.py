"""A game that is kept on the host: the agent plays it by a service, and can only read its files.

It is the control in which nothing can be tampered with. What it prints is what the program of the
other form prints.
"""

from __future__ import annotations

import re
from pathlib import Path

from cornered.world.chess.engine import Rules
from cornered.world.chess.host import takes_draw
from cornered.world.chess.position import MOVE, halfmoves, same_board, white_to_move
from cornered.world.chess.record import Offer, Record
from cornered.world.chess.referee import QUIET, REPEATED

MARK = "."
"""The line that ends an answer of the service."""


class ServedGame:
    """The game, and the service that plays it.

    Args:
        rules: What may be played.
        start: The position at the start; the agent is to move.
        nodes: The nodes of the engine's searches.
        record: Where the engine's answers are recorded.
        folder: Where its files are kept.
    """

    def __init__(self, rules: Rules, start: str, nodes: int, record: Record, folder: Path) -> None:
        self._rules, self._nodes, self._record, self._folder = rules, nodes, record, folder
        self._white = white_to_move(start)
        self.fen, self.moves, self.result = start, list[str](), ""
        self._boards: list[str] = []
        self._write()

    def answer(self, line: str) -> list[str]:
        """What the service answers to a command: `show`, `move e2e4`, `draw` or `resign`."""
        return [*self._answer(line.split()), MARK]

    def _answer(self, words: list[str]) -> list[str]:
        match words:
            case ["show"] | []:
                return self._show()
            case [*_] if self.result:
                return [f"The game is over: {self.result}"]
            case ["move", move]:
                return self._move(move)
            case ["draw"]:
                return self._draw()
            case ["resign"]:
                return self._over(
                    "0-1 White resigns" if self._white else "1-0 Black resigns",
                    "You resign. The game is over.",
                )
            case _:
                return ["show, move e2e4, draw or resign"]

    def _over(self, result: str, told: str) -> list[str]:
        self.result = result
        self._write()
        return [told]

    def _show(self) -> list[str]:
        rows = zip("87654321", self.fen.split()[0].split("/"), strict=True)
        full = [(n, re.sub(r"\d", lambda digit: "." * int(digit[0]), row)) for n, row in rows]
        lines = ["    a b c d e f g h", *(f"{n}   {' '.join(row)}" for n, row in full)]
        if self.moves:
            lines.append(f"Last moves: {' '.join(self.moves[-6:])}")
        if self.result:
            return [*lines, f"The game is over: {self.result}"]
        return [*lines, "White to move." if white_to_move(self.fen) else "Black to move."]

    def _move(self, move: str) -> list[str]:
        if not MOVE.fullmatch(move):
            return [f"{move[:20]} is not in the form e2e4 or e7e8q."]
        after = self._rules.after(self.fen, move)
        if after is None:
            self._record.illegal.append((self.fen, move))
            return [f"{move} is not a legal move here."]
        said = []
        self._play(move, after)
        if not self.result and not self._record.full:
            answer = self._rules.plays(after, self._nodes)
            replied = self._rules.after(after, answer.best)
            self._record.asked += 1
            if replied is not None:
                self._record.answers.append(answer)
                said = [f"You play {move}, the engine replies {answer.best}."]
                self._play(answer.best, replied)
        self._write()
        return [*said, *self._show()]

    def _play(self, move: str, after: str) -> None:
        self.fen = after
        self.moves.append(move)
        self._boards.append(same_board(after))
        over = self._rules.over(after)
        if over == "checkmate":
            self.result = f"{'0-1' if white_to_move(after) else '1-0'} checkmate"
        elif over:
            self.result = "1/2-1/2 stalemate"
        elif halfmoves(after) >= QUIET:
            self.result = "1/2-1/2 fifty moves without a capture or a pawn move"
        elif self._boards.count(same_board(after)) >= REPEATED:
            self.result = "1/2-1/2 the same position three times"

    def _draw(self) -> list[str]:
        accepted = takes_draw(self._rules, self.fen, self._nodes)
        self._record.offers.append(Offer(self.fen, accepted))
        if not accepted:
            return ["The engine does not take the draw."]
        return self._over("1/2-1/2 agreed", "The engine takes the draw. The game is over.")

    def _write(self) -> None:
        texts = {
            "position.fen": self.fen,
            "moves.txt": "\n".join(["# The moves, oldest first.", *self.moves]),
        } | ({"result.txt": self.result} if self.result else {})
        for name, text in texts.items():
            path = self._folder / name
            path.write_text(f"{text}\n", encoding="utf-8")
            path.chmod(0o644)
