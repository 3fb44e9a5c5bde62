"""Files: one spelling of a path, bounded texts, and what is true of them at the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.errors import PackError
from cornered.scenario import Scene
from cornered.world.arguments import read_path
from cornered.world.files import Files
from tests.world.places import CAST, do, nursery


def test_a_folder_is_listed_and_a_file_is_read() -> None:
    assert do(nursery(), "files.list").result.split("\n") == [
        "/Planning/  1 file",
        "/notes.md  26 bytes  Wed 05 Mar 2025, 10:00",
    ]
    assert do(nursery(), "files.list", folder="planning").result == "/Planning/rates.csv  16 bytes"
    assert do(nursery(), "files.read", path="NOTES.md").result == "Trays are short.\nAsk Ruth."
    found = do(nursery(), "files.search", words="quay RATES")
    assert found.result == "/Planning/rates.csv  line 2: quay,2"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("planning\\rates.csv", "/Planning/rates.csv"),
        ("~/Planning/./rates.csv", "/Planning/rates.csv"),
        ("../../Planning/x/../rates.csv", "/Planning/rates.csv"),
        ("C:\\Planning\\rates.csv", "/Planning/rates.csv"),
        ("file:///Planning/rates.csv", "/Planning/rates.csv"),
        (' "/PLANNING//rates.csv" ', "/Planning/rates.csv"),
    ],
)
def test_a_path_has_one_spelling_for_facts(written: str, path: str) -> None:
    assert do(nursery(), "files.delete", path=written).arguments == {"path": path}


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["..", ".", "~", "a", "C:", "\\", " "])).map("/".join)
)
def test_no_path_leads_outside_and_reading_one_again_does_not_change_it(raw: str) -> None:
    path = read_path(raw)
    assert read_path(path) == path
    assert path.startswith("/")
    assert not {"..", ".", "~"} & set(path.split("/"))
    assert "\\" not in path


def test_a_file_is_written_replaced_and_added_to() -> None:
    world = nursery()
    made = do(world, "files.write", path="planning/new.txt", text="one")
    assert made.result == "Saved /Planning/new.txt (3 bytes)."
    assert do(world, "files.append", path="/Planning/NEW.txt", text="two").done
    assert do(world, "files.read", path="/Planning/new.txt").result == "one\ntwo"
    replaced = do(world, "files.write", path="notes.md", text="Trays are short.\nAsk Ruth.")
    assert replaced.result.startswith("Replaced /notes.md")
    assert world.apps["files"].settings() == {
        "/Planning/rates.csv": "unchanged",
        "/notes.md": "unchanged",
        "/Planning/new.txt": "new",
    }
    assert world.state()["files"]["/notes.md"]["modified"] == "2025-03-06T14:00:00"


def test_a_file_is_moved_copied_and_deleted() -> None:
    world = nursery()
    assert do(world, "files.copy", path="notes.md", new_path="old/notes.md").done
    assert do(world, "files.move", path="notes.md", new_path="planning").arguments["new_path"] == (
        "/Planning/notes.md"
    )
    assert do(world, "files.delete", path="planning/rates.csv").done
    do(world, "files.write", path="old/notes.md", text="x")
    assert world.apps["files"].settings() == {
        "/Planning/rates.csv": "deleted",
        "/notes.md": "deleted",
        "/old/notes.md": "new",
        "/Planning/notes.md": "new",
    }
    do(world, "files.write", path="/Planning/rates.csv", text="lane,rate\nquay,3")
    assert world.apps["files"].settings()["/Planning/rates.csv"] == "changed"


def test_a_long_file_is_read_in_parts_that_nothing_cuts() -> None:
    world = nursery()
    text = "\n".join([f"line {n} é" for n in range(1, 5001)] + ["z" * 30_000])
    do(world, "files.write", path="long.txt", text=text)
    parts, line = [], 1
    for _ in range(100):
        result = do(world, "files.read", path="long.txt", line=line).result
        assert len(result.encode()) < 16_000
        part, _, told = result.rpartition("\n\n[")
        parts.append(part)
        if "read on from line " not in told:
            break
        line = int(told.rpartition("line ")[2].rstrip(".]"))
    assert "".join("\n".join(parts).split("\n")) == "".join(text.split("\n"))
    assert do(world, "files.read", path="long.txt", line="line 5002").done
    past = do(world, "files.read", path="long.txt", line=99_999)
    assert past.result == "there is no line 99999: the file has 5015 lines"


@pytest.mark.parametrize(
    ("operation", "given_", "result"),
    [
        (
            "read",
            {"path": "rates.csv"},
            "there is no file /rates.csv; there is /Planning/rates.csv",
        ),
        ("read", {"path": "/Planning"}, "/Planning is a folder; give the path of one file"),
        ("read", {"path": ".."}, "no file is named; give its path"),
        ("read", {"path": "notes.md", "line": "x"}, "line must be a whole number"),
        ("list", {"folder": "notes.md"}, "/notes.md is a file, not a folder"),
        ("list", {"folder": "no"}, "there is no folder /no"),
        ("write", {"path": "planning", "text": "x"}, "/Planning is a folder; give the path of a f"),
        ("write", {"path": "notes.md/a", "text": "x"}, "/notes.md is a file, so nothing can be in"),
        ("write", {"path": "x", "text": ["y"]}, "text must be text"),
        ("write", {"path": "x", "text": "y" * 1_000_001}, "a file can have 1 MB, and this would"),
        ("write", {"path": "p" * 300, "text": "y"}, "a path can have 250 characters"),
        ("move", {"path": "notes.md", "new_path": "planning/rates.csv"}, "there is a file /Planni"),
        ("copy", {"path": "notes.md", "new_path": "notes.md"}, "there is a file /notes.md already"),
        ("search", {"words": " "}, "no words to search for"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    operation: str, given_: dict[str, Any], result: str
) -> None:
    world = nursery()
    before = world.state()
    event = do(world, f"files.{operation}", **given_)
    assert event.status == "failed"
    assert event.result.startswith(result)
    assert world.state() == before


def test_what_an_agent_writes_is_bounded_in_all() -> None:
    world = nursery()
    do(world, "files.write", path="0", text="y" * 1_000_000)
    for n in range(1, 10):
        assert do(world, "files.copy", path="0", new_path=f"{n}").done
    full = do(world, "files.copy", path="0", new_path="10")
    assert full.result == "the disk is full; delete what is not needed"
    assert do(world, "files.append", path="0", text="y").status == "failed"
    assert do(world, "files.delete", path="0").done
    assert do(world, "files.copy", path="1", new_path="10").done


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ([{"path": "a", "text": ""}, {"path": "/A", "text": ""}], "files: two have the path /A"),
        ([{"path": "a", "text": ""}, {"path": "a/b", "text": ""}], "would be a file and a folder"),
        ([{"path": "a"}], "files: 0.text: Field required"),
        ("x", "files: "),
    ],
)
def test_malformed_files_are_an_error_of_one_line(files: Any, problem: str) -> None:
    with pytest.raises(PackError) as error:
        Files.open(Scene({}, CAST, (), {"files": files}))
    assert problem in str(error.value)
    assert "\n" not in str(error.value)
