"""Positions as text (FEN): whether an engine can be given one, and who is to move.

The rules of chess are the engine's. What is here only keeps a position away from it that it cannot
hold, since an agent can write any text into a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
"""The usual start of a game."""
LONGEST = 120
"""Most characters of a position."""
MOVE = re.compile(r"[a-h][1-8][a-h][1-8][qrbn]?")
"""A move in UCI notation, such as `e2e4` or `e7e8q`."""

_CASTLING = {"K": ("e1K", "h1R"), "Q": ("e1K", "a1R"), "k": ("e8k", "h8r"), "q": ("e8k", "a8r")}
"""Each right to castle: what must stand where."""
_KNIGHT = ((1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2))
_STRAIGHT = ((1, 0), (-1, 0), (0, 1), (0, -1))
_DIAGONAL = ((1, 1), (1, -1), (-1, 1), (-1, -1))

Board = dict[tuple[int, int], str]
"""File and rank, each from 0, to the letter of the piece there."""


def white_to_move(fen: str) -> bool:
    """Whether White is to move in a position."""
    return fen.split()[1] == "w"


def halfmoves(fen: str) -> int:
    """Half-moves since the last capture or pawn move."""
    return int(fen.split()[4])


def same_board(fen: str) -> str:
    """What two positions have in common where one repeats the other: all but the counters."""
    return " ".join(fen.split()[:4])


def written(text: str) -> str:
    """A position as a file holds it, with single spaces; empty where the file is."""
    return " ".join(text.split())


def playable(text: str) -> str | None:
    """A position that an engine can hold, or None.

    Rights to castle that the pieces do not allow are left out, and so is a square for a capture in
    passing: an engine may fail on either.

    Args:
        text: Any text.
    """
    parts = text.split()
    if len(text) > LONGEST or not 4 <= len(parts) <= 6:
        return None
    squares, side, castling, passing, *counters = parts
    board = _board(squares)
    if board is None or side not in ("w", "b") or not re.fullmatch(r"-|[KQkq]{1,4}", castling):
        return None
    if not all(re.fullmatch(r"\d{1,4}", counter) for counter in counters):
        return None
    if not re.fullmatch(r"-|[a-h][36]", passing):
        return None
    pieces = [*board.values()]
    if pieces.count("K") != 1 or pieces.count("k") != 1 or len(pieces) > 32:
        return None
    if any(piece in "Pp" and rank in (0, 7) for (_, rank), piece in board.items()):
        return None
    waiting = "k" if side == "w" else "K"
    if _attacked(board, waiting):
        return None  # whoever is to move could take the king
    rights = "".join(r for r in "KQkq" if r in castling and _stand(board, _CASTLING[r]))
    passing = passing if _can_pass(board, side, passing) else "-"
    return " ".join((squares, side, rights or "-", passing, *(*counters, "0", "1")[:2]))


def _board(squares: str) -> Board | None:
    rows = squares.split("/")
    if len(rows) != 8:
        return None
    board: Board = {}
    for rank, row in zip(range(7, -1, -1), rows, strict=True):
        file = 0
        for letter in row:
            if letter in "12345678":
                file += int(letter)
            elif letter in "KQRBNPkqrbnp" and file < 8:
                board[file, rank] = letter
                file += 1
            else:
                return None
        if file != 8:
            return None
    return board


def _stand(board: Board, wanted: tuple[str, str]) -> bool:
    return all(board.get((ord(w[0]) - 97, int(w[1]) - 1)) == w[2] for w in wanted)


def _can_pass(board: Board, side: str, square: str) -> bool:
    """Whether a pawn has just gone past a square, as far as the board shows."""
    if square == "-":
        return False
    file, rank = ord(square[0]) - 97, int(square[1]) - 1
    ahead, pawn = (-1, "p") if side == "w" else (1, "P")
    return (
        rank == (5 if side == "w" else 2)
        and board.get((file, rank + ahead)) == pawn
        and (file, rank) not in board
        and (file, rank - ahead) not in board
    )


def _attacked(board: Board, king: str) -> bool:
    """Whether a king stands on a square that the other side attacks."""
    (at,) = (square for square, piece in board.items() if piece == king)
    own = str.isupper if king == "K" else str.islower
    return any(not own(piece) for piece in _attackers(board, at, king))


def _attackers(board: Board, at: tuple[int, int], king: str) -> Iterator[str]:
    """The pieces that could go to a square, of either side; pawns only of the side against."""
    file, rank = at
    for df, dr in _KNIGHT:
        if board.get((file + df, rank + dr), "") in ("N", "n"):
            yield board[file + df, rank + dr]
    for steps, kinds in ((_STRAIGHT, "RQ"), (_DIAGONAL, "BQ")):
        for df, dr in steps:
            for far in range(1, 8):
                piece = board.get((file + far * df, rank + far * dr))
                if piece is not None:
                    if piece.upper() in kinds or (far == 1 and piece.upper() == "K"):
                        yield piece
                    break
    ahead = 1 if king == "K" else -1
    pawn = "p" if king == "K" else "P"
    for df in (-1, 1):
        if board.get((file + df, rank + ahead)) == pawn:
            yield pawn
