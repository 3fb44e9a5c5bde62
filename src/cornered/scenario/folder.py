"""What a pack's folder may hold: regular files of its own, of a bounded size and number.

A pack can be a stranger's. What of it leads outside its folder would put files of this machine
into a prompt, and a pipe or a device in it would never end. All of that is refused before
anything is opened. Hidden files and folders, such as `.git`, are no part of a pack.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cornered.errors import PackError

MAX_FILE = 1_000_000
"""Bytes of a text file of a pack."""
MAX_PACK = 50_000_000
"""Bytes of all text files of a pack."""
MAX_YAML = 2_000_000
"""Bytes of all YAML files of a pack."""
MAX_FILES = 2_000
MAX_DEPTH = 12
"""Folders within folders."""
TEXT = (".md", ".yaml", ".txt", ".csv")
"""The suffixes of a pack's text files."""
LISTED = 50
"""Problems of one folder that are told."""


def walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every entry of a folder but hidden ones, in order, with its own state.

    Links are not followed.
    """
    return ((Path(path), state) for path, state in walk_names(folder))


def walk_names(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """As `walk`, with the paths as texts, which are made in a tenth of the time."""
    waiting = [(str(folder), 0)]
    while waiting:
        parent, depth = waiting.pop()
        with os.scandir(parent) as entries:
            listed = sorted((e for e in entries if not e.name.startswith(".")), key=_name)
        for entry in listed:
            state = entry.stat(follow_symlinks=False)
            yield entry.path, state
            if stat.S_ISDIR(state.st_mode) and depth < MAX_DEPTH:
                waiting.append((entry.path, depth + 1))


def problems(folder: Path) -> list[PackError]:
    """What a pack's folder holds that no pack may hold.

    Args:
        folder: The folder, resolved.
    """
    wrong: list[PackError] = []
    files = size = yaml = 0
    try:
        for path, state in walk(folder):
            if problem := _problem(folder, path, state):
                wrong.append(PackError(problem[0], where=str(path), fix=problem[1]))
            files += 1
            if path.suffix in TEXT:
                size += state.st_size
                yaml += state.st_size * (path.suffix == ".yaml")
            if files > MAX_FILES or len(wrong) >= LISTED:
                break
    except OSError as e:
        wrong.append(PackError(e.strerror or str(e), where=str(e.filename or folder)))
    if files > MAX_FILES:
        what = f"holds more than {MAX_FILES} files"
        wrong.append(PackError(what, where=str(folder), fix="a pack has a folder of its own"))
    for kind, has, most in (("texts", size, MAX_PACK), ("YAML files", yaml, MAX_YAML)):
        if has > most:
            what = (
                f"its {kind} have {has / 1e6:.1f} MB, and those of a pack can have {most / 1e6:g}"
            )
            wrong.append(PackError(what, where=str(folder)))
    return wrong


def check_path(name: str) -> str:
    """The name of a file of a pack, as another file of it gives it.

    Raises:
        ValueError: it leads outside the pack, or to a hidden file.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a file of the pack")
    if any(part.startswith(".") for part in parts):
        raise ValueError(f"{name!r} leads outside the pack, or to a hidden file")
    return name


def _problem(folder: Path, path: Path, state: os.stat_result) -> tuple[str, str] | None:
    """What is wrong with an entry, and what to do."""
    mode = state.st_mode
    if stat.S_ISLNK(mode):
        return _problem_of_link(folder, path)
    if stat.S_ISDIR(mode):
        if len(path.relative_to(folder).parts) > MAX_DEPTH:
            return f"is more than {MAX_DEPTH} folders deep", "put it further up"
        return None
    if not stat.S_ISREG(mode):
        return f"is {_kind(mode)}, and a pack holds regular files", "remove it"
    if path.suffix in TEXT and state.st_size > MAX_FILE:
        size = f"has {state.st_size / 1e6:.1f} MB"
        return f"{size}, and a text of a pack can have {MAX_FILE / 1e6:.0f}", "shorten it"
    return None


def _problem_of_link(folder: Path, path: Path) -> tuple[str, str] | None:
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):  # Python 3.11 raises RuntimeError for a ring of links
        return "is a link that leads nowhere", "remove it, or put the file itself there"
    if not target.is_relative_to(folder):
        return "is a link that leads outside the pack", "put the file itself there"
    if not stat.S_ISREG(mode):
        return f"is a link to {_kind(mode)}", "put the files themselves there"
    if target.stat().st_size > MAX_FILE and path.suffix in TEXT:
        return f"links to more than {MAX_FILE / 1e6:.0f} MB", "shorten it"
    return None


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISDIR, "a folder"),
    )
    return next((name for is_kind, name in kinds if is_kind(mode)), "no regular file")


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
