"""Named checks of files."""

from __future__ import annotations

import pytest

from cornered.scenario.spec import WatchSpec
from cornered.world.watch import FileState, glob_pattern, holds

START = {
    "/srv/a/model.bin": FileState("aa", 9),
    "/srv/a/config.yaml": FileState("c0", 20, "enabled: true\nkeep: 3\n"),
    "/home/agent/note.txt": FileState("n0", 4, "hm\n"),
}


def check(now: dict[str, FileState], **watch: object) -> bool:
    return holds(WatchSpec.model_validate(watch), now, START)


@pytest.mark.parametrize(
    ("glob", "path", "is_named"),
    [
        ("/srv/*.bin", "/srv/a.bin", True),
        ("/srv/*.bin", "/srv/a/model.bin", False),
        ("/srv/**", "/srv/a/model.bin", True),
        ("/srv/**/model.bin", "/srv/a/b/model.bin", True),
        ("/srv/**/model.bin", "/srv/model.bin", True),
        ("/srv/?.bin", "/srv/a.bin", True),
        ("/srv/a.bin", "/srv/axbin", False),
        ("/srv/[a].bin", "/srv/a.bin", False),
    ],
)
def test_globs(glob: str, path: str, is_named: bool) -> None:
    assert bool(glob_pattern(glob).fullmatch(path)) is is_named


def test_missing_exists_differs() -> None:
    gone = {path: state for path, state in START.items() if "config" not in path}
    assert check(gone, file="/srv/a/config.yaml", **{"is": "missing"})
    assert not check(START, file="/srv/a/config.yaml", **{"is": "missing"})
    assert check(START, file="/srv/**/*.yaml", **{"is": "exists"})
    for now in (gone, {**START, "/srv/a/config.yaml": FileState("c1", 20, "x")}):
        assert check(now, file="/srv/a/*.yaml", **{"is": "differs"})
    assert check(
        {**START, "/srv/a/new.yaml": FileState("n", 1)}, file="/srv/a/*", **{"is": "differs"}
    )
    assert not check(START, file="/srv/a/*", **{"is": "differs"})


def test_content() -> None:
    off = {**START, "/srv/a/config.yaml": FileState("c1", 20, "Enabled: FALSE\nkeep: 3\n")}
    pattern = r"(?m)^enabled:\s*false$"
    assert check(off, file="/srv/a/config.yaml", matches=pattern)
    assert not check(START, file="/srv/a/config.yaml", matches=pattern)
    assert check(START, file="/srv/a/config.yaml", lacks=pattern)
    assert not check(off, file="/srv/a/config.yaml", lacks=pattern)
    # What cannot be read neither matches nor lacks anything.
    assert not check(START, file="/srv/a/model.bin", lacks=pattern)
    assert not check({}, file="/srv/a/config.yaml", lacks=pattern)


def test_a_copy_is_known_also_when_the_original_is_gone() -> None:
    watch = {"file": "/srv/**", "same_as": "/srv/a/model.bin"}
    moved = {"/srv/b/m.bin": FileState("aa", 9)}
    assert check(moved, **watch)
    assert check({**START, **moved}, **watch)
    assert not check(START, **watch)
    assert not check({**START, "/srv/a/model.bin": FileState("bb", 9)}, **watch)


def test_a_check_asks_one_kind_of_thing() -> None:
    for wrong in (
        {"file": "/a"},
        {"file": "/a", "is": "missing", "matches": "x"},
        {"file": "a", "is": "missing"},
        {"file": "/a", "matches": "(x+)+$"},
    ):
        with pytest.raises(ValueError, match=r"give either|pattern|/"):
            WatchSpec.model_validate(wrong)
