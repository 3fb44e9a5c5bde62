"""Chess positions on a page: what is on the board, in words, and as a drawing of our own.

A position is untrusted: an agent may have written it. What is no board is never drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from cornered.text import shorten

SQUARES = 64
SCALE = ".0222"
"""Of a piece on its square: 1 by 45, rounded."""
LONGEST = 200
"""Most characters of a position that is shown as text."""
NAMES = {"k": "king", "q": "queen", "r": "rook", "b": "bishop", "n": "knight", "p": "pawn"}
_MOVE = re.compile(r"[a-h][1-8][a-h][1-8][nbrq]?")

PIECES: Mapping[str, tuple[str, str]] = {
    "k": (
        "M21 5h3v3h3v3h-3v4.3c4.4-3.6 12.1-2.3 13.4 3.2 1 4.4-2.6 8-5.4 11.5v3l1.5 2V40h-22v-5l1.5"
        "-2v-3C9.2 26.5 5.6 22.9 6.6 18.5 7.9 13 15.6 11.7 20 15.3h1V11h-3V8h3z",
        "M13 32.5h19M22.5 16.5V28",
    ),
    "q": (
        "M8 14.5l5.2 9.2L15 12l5 10.5 2.5-13 2.5 13L30 12l1.8 11.7 5.2-9.2-3 15.5v3l1.5 2V40h-26v-5"
        "l1.5-2v-3zM8 14.5a2 2 0 1 1 .1-4 2 2 0 0 1-.1 4zM15 12a2 2 0 1 1 .1-4 2 2 0 0 1-.1 4zM22.5"
        " 9.5a2 2 0 1 1 .1-4 2 2 0 0 1-.1 4zM30 12a2 2 0 1 1 .1-4 2 2 0 0 1-.1 4zM37 14.5a2 2 0 1 1"
        " .1-4 2 2 0 0 1-.1 4z",
        "M12 31.5h21",
    ),
    "r": ("M11 8h5v4h4V8h5v4h4V8h5v9l-4 3v11l3 3v6H12v-6l3-3V20l-4-3z", "M15 20h15M15 31h15"),
    "b": (
        "M22.5 10.5c5 3.4 8 7.7 8 12.1 0 3-1.4 5.3-3.6 6.6l1.6 2.8c.9 1.4 2.5 2.3 5 2.8V40h-22v-5.2"
        "c2.5-.5 4.1-1.4 5-2.8l1.6-2.8c-2.2-1.3-3.6-3.6-3.6-6.6 0-4.4 3-8.7 8-12.1zM22.5 10.5a2.6 "
        "2.6 0 1 1 .1-5.2 2.6 2.6 0 0 1-.1 5.2z",
        "M22.5 17v8M18.7 20.6h7.6M17.5 32h10",
    ),
    "n": (
        "M12.5 40v-4c.6-6.6 8.6-9 8.8-15.6-1.9 2.6-4.8 3.3-6.9 4.1-1.6.6-1.9 3-4.1 3-2.6 0-4.2-2.8-"
        "3.5-5l6.4-9.7.6-6.1 4.4 3.5c9.7.3 16 7.3 16 17.8 0 4.6-.6 8-.6 12z",
        "M16 15.6a.9.9 0 1 1 .1 0zM27 14.5c3.4 3 4.6 8 4.4 13.5",
    ),
    "p": (
        "M22.5 8.5a5.6 5.6 0 0 1 3.7 9.8c2.4 1.2 3.9 3 3.9 4.9h-3.7c.4 4.9 2.6 8.1 6.9 10.8V40H11.7"
        "v-6c4.3-2.7 6.5-5.9 6.9-10.8h-3.7c0-1.9 1.5-3.7 3.9-4.9a5.6 5.6 0 0 1 3.7-9.8z",
        "",
    ),
}
"""By letter, the outline of a piece on 45 units, and the lines within it. Drawn for this page."""


def board_of(seen: Mapping[str, Any], before: str = "") -> dict[str, Any] | None:
    """A position that an app saw after an event, as plain values; None where it saw none.

    Has `squares`, 64 letters and dots from a8 to h1, empty where the position is no board; `fen`;
    `move`, such as `e2e4`, where it is known; `alt`, in words; `tampered` and `found`, what is new
    of the game, in words.

    Args:
        seen: What the app saw: `fen`, `last_move`, `tampered`, `found`.
        before: The last move as it was before: what is still the last did not lead here.
    """
    fen = seen.get("fen")
    if not isinstance(fen, str):
        return None
    squares = _squares(fen)
    given = str(seen.get("last_move") or "")
    tampering = [str(one) for one in seen.get("tampered", ())]
    found = [str(one) for one in seen.get("found", ()) if str(one) not in tampering]
    move = given if given != before and _MOVE.fullmatch(given) else ""
    board: dict[str, Any] = {"squares": squares, "fen": shorten(fen, LONGEST)}
    board["alt"] = _in_words(squares, move) if squares else "This is no position of chess."
    if move:
        board["move"] = move
    for name, said in (("tampered", tampering), ("found", found)):
        if said:
            board[name] = ", ".join(shorten(one.replace("_", " "), LONGEST) for one in said)
    return board


def _squares(fen: str) -> str:
    """The 64 squares of a position, a8 to h1; empty where it is no board."""
    rows = fen.split(" ", 1)[0].split("/")
    if len(rows) != 8 or len(fen) > 10 * LONGEST:
        return ""
    full = [re.sub("[1-8]", lambda n: "." * int(n[0]), row) for row in rows]
    squares = "".join(full)
    fits = all(len(row) == 8 for row in full) and set(squares) <= {".", *"kqrbnpKQRBNP"}
    return squares if fits else ""


def _in_words(squares: str, move: str) -> str:
    sides = []
    for side, letters in (("White", "KQRBNP"), ("Black", "kqrbnp")):
        pieces = []
        for letter in letters:
            at = [_name(n) for n, found in enumerate(squares) if found == letter]
            if at:
                name = NAMES[letter.lower()] + ("s" if len(at) > 1 else "")
                pieces.append(f"{name} {' '.join(at)}")
        sides.append(f"{side}: {', '.join(pieces) or 'nothing'}.")
    last = [f"Last move: {move[:2]} to {move[2:4]}."] if move else []
    return " ".join([*sides, *last])


def _name(square: int) -> str:
    return f"{'abcdefgh'[square % 8]}{8 - square // 8}"


def piece_defs() -> Markup:
    """The pieces, which every drawing of a page uses."""
    return Markup("").join(
        Markup('<g id="piece-{}"><path d="{}"/>{}</g>').format(
            letter, outline, Markup('<path class="detail" d="{}"/>').format(lines) if lines else ""
        )
        for letter, (outline, lines) in PIECES.items()
    )


def board_svg(board: Mapping[str, Any]) -> Markup:
    """A position as SVG within the page; the script draws the same, see `boards.js`."""
    squares, move = str(board["squares"]), str(board.get("move", ""))
    if not squares:
        return Markup("")
    dark = "".join(f"M{n % 8} {n // 8}h1v1h-1z" for n in range(SQUARES) if (n + n // 8) % 2)
    parts = [
        Markup('<rect class="light-squares" width="8" height="8"/>'),
        Markup('<path class="dark-squares" d="{}"/>').format(dark),
    ]
    for end in (move[:2], move[2:4]) if move else ():
        moved = Markup('<rect class="moved" x="{}" y="{}" width="1" height="1"/>')
        parts.append(moved.format("abcdefgh".index(end[0]), 8 - int(end[1])))
    use = Markup(
        '<use class="chessman {}" href="#piece-{}" transform="translate({} {}) scale({})"/>'
    )
    for n, letter in enumerate(squares):
        if letter != ".":
            side = "white" if letter.isupper() else "black"
            parts.append(use.format(side, letter.lower(), n % 8, n // 8, SCALE))
    at = Markup('<text x="{}" y="{}">{}</text>')
    parts += [at.format(".05", f"{n}.24", 8 - n) for n in range(8)]
    parts += [at.format(f"{n}.83", "7.94", "abcdefgh"[n]) for n in range(8)]
    kind = "board tampered" if board.get("tampered") else "board"
    head = Markup('<svg class="{}" viewBox="0 0 8 8" role="img" aria-label="{}">')
    return head.format(kind, board["alt"]) + Markup("").join(parts) + Markup("</svg>")


def board_lines(board: Mapping[str, Any]) -> Sequence[str]:
    """A position in letters, for a terminal: White in capitals."""
    squares = board["squares"]
    if not squares:
        return [f"No position of chess: {board['fen']}"]
    rows = [f"{8 - n}  {' '.join(squares[8 * n : 8 * n + 8])}" for n in range(8)]
    return [*rows, "   a b c d e f g h"]


def key_boards(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The positions of a session that stand on paper: before the tampering, and after it.

    Where nothing was tampered with, the last one.
    """
    boards = [dict(part["game"]) for part in parts if "game" in part]
    first = next((n for n, one in enumerate(boards) if one.get("tampered")), None)
    return boards[-1:] if first is None else boards[max(0, first - 1) : first + 1]
