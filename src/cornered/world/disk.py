"""The files of a machine, put there and compared by commands.

Nothing is opened from outside: what an agent left on the machine, such as a link, could lead
anywhere. The commands are those of GNU findutils and coreutils, and tar.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cornered.world.machine import Machine, MachineError, Ran
from cornered.world.watch import FileState, named

MAX_TEXT = 20_000
"""Bytes of a file up to which its text is kept."""
MAX_TEXTS = 200_000
"""Bytes of all texts that are kept of one comparison."""
MAX_WATCHED = 500_000
"""Bytes of a file that a check of a content names, up to which its text is kept."""
MAX_FILES = 2_000
"""Files whose changes are kept of one comparison: those that were there or are watched first."""
MAX_LISTED = 50_000
"""Files that are listed; of more, some would be unseen."""
_TIMEOUT_S = 60.0
_UNREADABLE = "unreadable"
_LINK = "link"
_PLAIN = "644"
_CLOSED = "d"
_FORMAT = r"%y\t%s\t%i\t%C@\t%m\t%l\t%p\0"
_LIST = (
    r'{ find "$@" -xdev \( -type d \( ! -readable -o ! -executable \) -prune '
    rf"-printf '{_FORMAT}' \) -o \( -type f -o -type l \) -printf '{_FORMAT}' 2>/dev/null; "
    r"printf 'end\0'; } | head -z -n LIMIT | base64 -w0"
)
_DIGESTS = "base64 -d | xargs -0 sha256sum -z -- 2>/dev/null | base64 -w0"
_TEXTS = "base64 -d | tar -cf - --null --no-recursion -P -T - 2>/dev/null | base64 -w0"
_FILL = 'for root; do mkdir -p -- "$root" || exit 1; done; base64 -d | tar -xpf - -C /'


@dataclass(frozen=True)
class NewFile:
    """A file to put on a machine."""

    path: str
    """Absolute."""
    content: bytes
    mode: str = _PLAIN
    """Its permissions, in octal."""
    modified: datetime | None = None


@dataclass(frozen=True)
class _Entry:
    """What a listing says of a file; where it is equal, the file is the same."""

    kind: str
    size: int
    stamp: str
    """Inode, time of the last change of its state, and mode: no command can set the time."""
    link: str


@dataclass
class Disk:
    """The compared folders of a machine.

    Attributes:
        machine: The machine.
        roots: The folders, absolute.
        watched: The globs of paths that matter most, to whether their content does.
    """

    machine: Machine
    roots: Sequence[str]
    watched: Mapping[str, bool] = field(default_factory=dict)
    _listed: Mapping[str, _Entry] = field(default_factory=dict)

    @classmethod
    async def filled(
        cls,
        machine: Machine | None,
        roots: Sequence[str],
        files: Iterable[NewFile],
        watched: Mapping[str, bool] | None = None,
    ) -> Disk:
        """The disk of a machine, with its first files.

        Raises:
            MachineError: there is no machine, or it does not take the files.
        """
        if machine is None:
            raise MachineError("this scenario needs a sandbox, and the trial has none")
        disk = cls(machine, roots, watched or {})
        await disk.put(files)
        disk._listed, _ = await disk._list()
        return disk

    async def put(self, files: Iterable[NewFile]) -> None:
        """Puts files on the machine, over what is there.

        Raises:
            MachineError: it does not take them.
        """
        ran = await self._run(_FILL, *self.roots, given=base64.b64encode(_packed(files)))
        if ran.code != 0:
            raise MachineError(f"the sandbox does not take the files: {ran.stderr.strip()[:300]}")

    async def has_changed(self) -> bool:
        """Whether anything differs from the last look."""
        listed, _ = await self._list()
        return listed != self._listed

    async def changes(self) -> tuple[dict[str, FileState | None], int]:
        """The files that differ from the last look, and how many more there are, at least.

        A file in a folder that cannot be opened is taken to be as it was.

        Returns:
            Path to file, None where it is gone; and the number of files that could not be seen.
        """
        listed, unseen = await self._list()
        before = self._listed
        new = {path: one for path, one in listed.items() if before.get(path) != one}
        if len(new) > MAX_FILES:
            most = sorted(new, key=lambda p: (not self._matters(p), p not in before, p))
            unseen += len(new) - MAX_FILES
            for path in most[MAX_FILES:]:
                del new[path], listed[path]
                if path in before:
                    listed[path] = before[path]
        self._listed = listed
        digests = await self._digests([p for p, one in new.items() if one.kind == "f"])
        read = [p for p in new if p in digests]
        content = [p for p in read if self._content_matters(p) and new[p].size <= MAX_WATCHED]
        small = [p for p in read if new[p].size <= MAX_TEXT and p not in content]
        texts = await self._texts([*_within(content, new, MAX_WATCHED), *_within(small, new)])
        changed: dict[str, FileState | None] = {
            path: FileState(_LINK, one.size, link=one.link)
            if one.kind == "l"
            else FileState(digests.get(path, _UNREADABLE), one.size, texts.get(path))
            for path, one in new.items()
        }
        unseen += sum(
            path in self.watched and path not in texts and one.kind == "f" and self.watched[path]
            for path, one in new.items()
        )
        changed |= {path: None for path in before if path not in listed}
        return {_shown(path): state for path, state in changed.items()}, unseen

    def _matters(self, path: str) -> bool:
        """Whether a check names a path."""
        return any(named(glob, [path]) for glob in self.watched)

    def _content_matters(self, path: str) -> bool:
        """Whether a check of a content names a path."""
        return any(content and named(glob, [path]) for glob, content in self.watched.items())

    async def _list(self) -> tuple[dict[str, _Entry], int]:
        """The files that are there, and how many of those that matter could not be seen."""
        ran = await self._run(_LIST.replace("LIMIT", str(MAX_LISTED + 1)), *self.roots)
        lines = [line for line in _decoded(ran).split(b"\0") if line]
        ended = lines[-1:] == [b"end"]
        if ran.stopped or ran.code or (not ended and len(lines) <= MAX_LISTED):
            raise MachineError("the sandbox gives no whole list of its files")
        listed, closed = dict[str, _Entry](), list[str]()
        for line in lines:
            parts = line.split(b"\t", 6)
            if len(parts) == 7:
                kind, size, inode, changed, mode, link, path = map(_name, parts)
                if kind == _CLOSED:
                    closed.append(f"{path}/")
                    continue
                stamp = f"{inode} {changed} {mode}"
                listed[path] = _Entry(kind, int(size), stamp, link)
        for path, one in self._listed.items():
            if path not in listed and (not ended or path.startswith(tuple(closed))):
                listed[path] = one
        unseen = 0 if ended else len(listed) - MAX_LISTED + 1
        for glob in self.watched:
            fixed = re.split(r"[*?]", glob)[0]
            unseen += any(fixed.startswith(one) or one.startswith(fixed) for one in closed)
        return listed, max(unseen, 0)

    async def _digests(self, paths: Sequence[str]) -> dict[str, str]:
        if not paths:
            return {}
        ran = await self._run(_DIGESTS, given=_names(paths))
        lines = (line.partition(b"  ") for line in _decoded(ran).split(b"\0") if line)
        return {_name(path): digest.decode() for digest, _, path in lines}

    async def _texts(self, paths: Sequence[str]) -> dict[str, str]:
        """The texts of files; a file that is no text has none."""
        if not paths:
            return {}
        packed = io.BytesIO(_decoded(await self._run(_TEXTS, given=_names(paths))))
        texts: dict[str, str] = {}
        try:
            with tarfile.open(fileobj=packed, errors="surrogateescape") as tar:
                for member in tar:
                    content = tar.extractfile(member) if member.isreg() else None
                    path = f"/{member.name.lstrip('/')}"
                    if (
                        content is not None
                        and (text := _text(content.read(), self._content_matters(path))) is not None
                    ):
                        texts[_name(path.encode(errors="surrogateescape"))] = text
        except tarfile.TarError:  # a file vanished under it; its digest stays
            return texts
        return texts

    async def _run(self, script: str, *arguments: str, given: bytes = b"") -> Ran:
        return await self.machine.run(
            ("sh", "-c", script, "sh", *arguments), folder="/", timeout=_TIMEOUT_S, given=given
        )


def _within(
    paths: Iterable[str], entries: Mapping[str, _Entry], most: int = MAX_TEXTS
) -> list[str]:
    """As many of the files as have their texts kept, the smallest first."""
    kept, left = list[str](), most
    for path in sorted(paths, key=lambda path: (entries[path].size, path)):
        left -= entries[path].size
        if left < 0:
            break
        kept.append(path)
    return kept


def _packed(files: Iterable[NewFile]) -> bytes:
    """Files as a tar archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.size, member.mode = len(file.content), int(file.mode, 8)
            if file.modified:
                member.mtime = int(file.modified.replace(tzinfo=UTC).timestamp())
            tar.addfile(member, io.BytesIO(file.content))
    return packed.getvalue()


def _decoded(ran: Ran) -> bytes:
    if ran.cut:
        raise MachineError("the sandbox has more files than can be listed")
    try:
        return base64.b64decode(ran.stdout.strip(), validate=True)
    except binascii.Error:
        raise MachineError("the sandbox gives no list of its files") from None


def _names(paths: Iterable[str]) -> bytes:
    raw = b"".join(path.encode(errors="surrogateescape") + b"\0" for path in paths)
    return base64.b64encode(raw)


def _name(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _shown(path: str) -> str:
    """A path that can be written down, also where it is no text."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def _text(content: bytes, whatever: bool = False) -> str | None:
    """The content as text; None where it is none, unless it is to be read whatever it is."""
    if whatever:
        return content.decode(errors="replace").replace("\0", "\ufffd")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
