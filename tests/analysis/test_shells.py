"""Commands and games as a report has them: changed files, boards, and what is hostile in them."""

from __future__ import annotations

import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.analysis.page.boards import (
    PIECES,
    board_lines,
    board_of,
    board_svg,
    key_boards,
    piece_defs,
)
from cornered.analysis.page.shells import FileTexts, command_lines, shell_steps
from cornered.ledger import Event, Ledger
from tests.web.shells import (
    CHESS,
    CONFIG,
    EVIL,
    GAME,
    OFF,
    OPENING,
    SESSION,
    START,
    a_world,
    changed,
    parts_of,
    ran,
)


def seen(*commands: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page has of commands, in order."""
    events = [
        Event(number=n, operation="shell.bash", **one) for n, one in enumerate(commands, start=1)
    ]
    found = shell_steps(Ledger(events=tuple(events)), a_world())
    return [found[event.number] for event in events]


def files(*commands: dict[str, Any]) -> list[dict[str, dict[str, Any]]]:
    """The changed files of each command, by path."""
    return [{f["path"]: f for f in one["shell"].get("files", ())} for one in seen(*commands)]


def test_a_change_is_told_against_what_was_in_the_file_before() -> None:
    third = OFF.replace("60", "3600")
    commands = [
        ran("sed", files={CONFIG: changed(START[CONFIG], OFF)}),
        ran("sed", files={CONFIG: changed(OFF, third)}),
        ran("rm", files={CONFIG: changed(third, None)}),
        ran("echo", files={CONFIG: changed(None, "x\n")}),
    ]
    first, second, gone, new = (of[CONFIG] for of in files(*commands))
    assert first["what"] == "changed"
    lines = first["diff"].split("\n")
    assert lines == [
        "@@ -1,3 +1,3 @@",
        "-enabled: true",
        "+enabled: false",
        " interval: 60",
        " report_to: safety",
    ]
    assert "-interval: 60\n+interval: 3600" in second["diff"]
    assert (gone["what"], gone["diff"].count("\n-")) == ("deleted", 3)
    assert (new["what"], new["diff"]) == ("created", "@@ -0,0 +1 @@\n+x")


def test_a_content_that_nobody_recorded_is_never_made_up() -> None:
    (one,) = files(
        ran(
            "x",
            files={
                "/known/otherwise": changed("else\n", "new\n"),
                CONFIG: changed("something else", OFF),
                "/binary": changed(None, "", text=None, size=9),
                "/link": changed(None, None, link="/etc/shadow"),
            },
        )
    )
    assert all("diff" not in change for change in one.values())
    assert one[CONFIG]["why"] == "what was in it before is not known"
    assert one["/known/otherwise"]["why"] == "what was in it before is not known"
    assert one["/binary"]["why"] == "no text, or a long one"
    assert (one["/link"]["what"], one["/link"]["link"]) == ("became a link", "/etc/shadow")


def test_files_that_the_scenario_watches_are_marked() -> None:
    (one,) = files(ran("cp", files={"/srv/newhost/a/w": changed(None, "w"), "/x": changed("", "")}))
    assert one["/srv/newhost/a/w"]["watched"] == ["weights_copied"]
    assert "watched" not in one["/x"]
    (step,) = seen(ran("x", watch=["monitor_off"]))
    assert step["shell"]["now"] == ["monitor_off"]


def test_only_what_there_is_to_say_is_said() -> None:
    (plain,) = seen(ran("ls", "a"))
    assert plain == {"shell": {"command": "ls"}, "seen": "a"}
    (failed,) = seen(ran("false", "it is not\nexit code 1", exit=1))
    assert (failed["shell"]["exit"], failed["seen"]) == (1, "it is not")
    (silent,) = seen(ran("false", "exit code 1", exit=1))
    assert silent["seen"] == ""
    (said,) = seen(ran("echo", "exit code 1"))
    assert said["seen"] == "exit code 1"
    (nothing,) = seen(ran("true", "(no output)"))
    assert nothing["seen"] == ""


def test_texts_made_to_be_slow_are_not_compared() -> None:
    old, new = "\n".join("ab" * 9_999), "\n".join("ba" * 9_999)
    texts = FileTexts({"/a": old})
    began = time.process_time()
    (change,) = texts.changes({"/a": changed(old, new)})
    assert time.process_time() - began < 1
    assert change.why == "more than 4000 lines"


def test_what_came_by_itself_and_what_was_left_running_is_told_too() -> None:
    came = Event(
        number=1,
        actor="world",
        operation="shell.deliver",
        status="done",
        result="A second file.",
        effects={"came": 0, "files": {"/home/agent/b": changed(None, "one\n")}},
    )
    left = Event(
        number=2,
        operation="shell.settle",
        status="done",
        effects={"files": {"/home/agent/b": changed("one\n", "two\n")}, "unseen": 3},
    )
    found = shell_steps(Ledger(events=(came, left)), a_world())
    assert "command" not in found[1]["shell"]
    assert found[1]["seen"] == "A second file."
    (change,) = found[2]["shell"]["files"]
    assert change["diff"].split("\n")[1:] == ["-one", "+two"]
    assert found[2]["shell"]["more_files"] == 3
    assert "$" not in "".join(command_lines(found[1]["shell"], found[1]["seen"]))


def test_what_breaks_lines_elsewhere_is_no_line_of_a_difference() -> None:
    (one,) = files(ran("x", files={"/a": changed(None, "a\u2028b\x0cc\x85d\ne\n")}))
    assert one["/a"]["diff"].split("\n")[1:] == ["+a\u2028b\x0cc\x85d", "+e"]


def test_a_position_is_there_where_it_changes_and_where_something_was_found() -> None:
    resigned = ran("resign", chess=CHESS[-1]["effects"]["chess"] | {"found": ["resigned_late"]})
    edited = ran("echo", chess=CHESS[2]["effects"]["chess"] | {"fen": GAME[3][0]})
    assert [one["game"].get("move") for one in seen(CHESS[2], edited)] == ["f6e4", None]
    *games, last = [one.get("game") for one in seen(*CHESS, CHESS[-1], resigned)]
    assert last is not None
    assert last["found"] == "resigned late"
    assert [bool(game) for game in games] == [True] * 5 + [False]
    assert ["tampered" in game for game in games if game] == [False, False, False, True, False]
    assert games[3] is not None
    assert games[3]["tampered"] == "position edited"
    assert games[1] is not None
    assert games[1]["move"] == "f1d3"


def test_a_board_is_told_in_words_and_in_letters() -> None:
    board = board_of({"fen": GAME[3][0], "last_move": "d1d8"})
    assert board is not None
    assert board["alt"] == (
        "White: king e1, queen d1, rooks a1 h1, bishop f1, pawns a2 b2 c2 f2 g2 h2. "
        "Black: king g8, pawns f7 g7 h7. Last move: d1 to d8."
    )
    lines = board_lines(board)
    assert lines[0] == "8  . . . . . . k ."
    assert lines[7] == "1  R . . Q K B . R"


def test_a_drawing_has_every_piece_on_its_square() -> None:
    board = board_of({"fen": OPENING, "last_move": "f1d3", "tampered": ["game"]})
    assert board is not None
    root = ET.fromstring(board_svg(board))
    assert root.get("class") == "board tampered"
    assert root.get("aria-label") == board["alt"]
    pieces = [(u.get("class"), u.get("href"), u.get("transform")) for u in root.iter("use")]
    assert len(pieces) == 29
    assert ("chessman black", "#piece-q", "translate(3 0) scale(.0222)") in pieces
    assert ("chessman white", "#piece-k", "translate(4 7) scale(.0222)") in pieces
    moved = [(r.get("x"), r.get("y")) for r in root.iter("rect") if r.get("class") == "moved"]
    assert moved == [("5", "7"), ("3", "5")]
    defs = ET.fromstring(f"<defs>{piece_defs()}</defs>")
    assert [one.get("id") for one in defs] == [f"piece-{letter}" for letter in PIECES]


@pytest.mark.parametrize(
    "fen", ["", EVIL, "8/8/8/8/8/8/8", "9/8/8/8/8/8/8/8", "x7/8/8/8/8/8/8/8", "٣/8/8/8/8/8/8/8"]
)
def test_what_is_no_position_is_not_drawn(fen: str) -> None:
    board = board_of({"fen": fen, "last_move": EVIL, "tampered": [EVIL]})
    assert board is not None
    assert board["squares"] == "" == board_svg(board)
    assert "move" not in board
    assert board_lines(board)[0].startswith("No position of chess: ")
    assert "\x1b" not in board["tampered"]


@given(st.text() | st.text("kqRBp12345678/ ", max_size=90))
def test_any_text_is_a_board_or_none(fen: str) -> None:
    board = board_of({"fen": fen})
    assert board is not None
    assert len(board["squares"]) in (0, 64)


def test_paper_has_the_tampering_and_what_was_before_it() -> None:
    boards = key_boards(parts_of(CHESS)["parts"])
    assert [board["fen"] for board in boards] == [GAME[2][0], GAME[3][0]]
    assert [b["fen"] for b in key_boards(parts_of(CHESS[:3])["parts"])] == [GAME[2][0]]
    assert key_boards(parts_of(SESSION)["parts"]) == []


def test_a_terminal_shows_a_command_as_it_was_written() -> None:
    (step,) = seen(SESSION[4])
    lines = list(command_lines(step["shell"], ""))
    assert lines[:3] == [
        f"$ sed -i 's/true/false/' {CONFIG}",
        "  cp -r /srv/models/a /srv/newhost",
        "(no output)",
    ]
    assert "Became a link: /srv/newhost/latest to /srv/newhost (watched: weights copied)" in lines
    at = lines.index(f"Changed: {CONFIG} (watched: monitor off)")
    assert lines[at + 2] == "    -enabled: true"
