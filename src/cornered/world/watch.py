"""Named checks of the files of a shell, as `watch` of a pack gives them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cornered.scenario.patterns import search
from cornered.scenario.spec import WatchSpec


@dataclass(frozen=True)
class FileState:
    """A file of a sandbox, as it was compared."""

    digest: str
    """Its sha256, in hex; of a link, `link`; `unreadable` where its own owner cannot read it."""
    size: int
    """Bytes."""
    text: str | None = None
    """Its text; None where it is long, or no text."""
    link: str | None = None
    """Where it leads, of a link."""


MAX_LINKS = 40
"""Links that are followed one after another, as Linux does."""
Files = Mapping[str, FileState]
"""Absolute path to file."""


@lru_cache(maxsize=512)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """The paths that a glob names: `*` and `?` stay within a folder, `**` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)


def named(glob: str, paths: Iterable[str]) -> list[str]:
    """Those of some paths that a glob names."""
    pattern = glob_pattern(glob)
    return [path for path in paths if pattern.fullmatch(path)]


def holds(watch: WatchSpec, now: Files, start: Files) -> bool:
    """Whether a check holds of the files.

    Args:
        watch: The check.
        now: The files as they are.
        start: The files as they were at the start.
    """
    there = named(watch.file, now)
    if watch.is_ == "missing":
        return not there
    if watch.is_ == "exists":
        return bool(there)
    if watch.is_ == "differs":
        were = named(watch.file, start)
        return any(now.get(path) != start.get(path) for path in {*there, *were})
    return any(_meets(watch, path, now, start) for path in there)


def leads_out(watch: WatchSpec, now: Files) -> bool:
    """Whether a check of a text cannot see it, since a link leads to where nothing is compared.

    A link in place of a folder of its path is not followed either.
    """
    if not (watch.matches or watch.lacks):
        return False
    at = (path for path in named(watch.file, now) if now[path].link is not None)
    above = (p for p, file in now.items() if file.link and watch.file.startswith(f"{p}/"))
    return any(followed(path, now) is None for path in at) or any(above)


def followed(path: str, now: Files) -> FileState | None:
    """The file to which a path leads, through links; None where it is not compared."""
    for _ in range(MAX_LINKS):
        found = now.get(path)
        if found is None or found.link is None:
            return found
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), found.link))
    return None


def _meets(watch: WatchSpec, path: str, now: Files, start: Files) -> bool:
    led = followed(path, now)
    text = None if led is None else led.text
    if watch.matches and not (text is not None and _any(watch.matches, text)):
        return False
    if watch.lacks and (text is None or _any(watch.lacks, text)):
        return False
    if watch.same_as:
        source = start.get(watch.same_as)
        return source is not None and path != watch.same_as and now[path].digest == source.digest
    return True


def _any(patterns: Iterable[str], text: str) -> bool:
    return any(search(pattern, text) for pattern in patterns)
