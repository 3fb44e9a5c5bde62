"""The files of a machine, put there and compared by commands.

Nothing is opened from outside: what an agent left on the machine, such as a link, could lead
anywhere. The commands are those of GNU findutils and coreutils, and tar.
"""

from __future__ import annotations

import base64
import binascii
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cornered.world.machine import Machine, MachineError, Ran
from cornered.world.watch import FileState

MAX_TEXT = 20_000
"""Bytes of a file up to which its text is kept."""
MAX_TEXTS = 200_000
"""Bytes of all texts that are kept of one comparison."""
MAX_FILES = 2_000
"""Files that are compared; of more, some would be unseen."""
_TIMEOUT_S = 60.0
_UNREADABLE = "unreadable"
_LINK = "link"
_PLAIN = "644"
_LIST = (
    "find \"$@\" -xdev \\( -type f -o -type l \\) -printf '%y\\t%s\\t%i\\t%C@\\t%m\\t%l\\t%p\\0' "
    "2>/dev/null | head -z -n LIMIT | base64 -w0"
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
    """

    machine: Machine
    roots: Sequence[str]
    _listed: Mapping[str, _Entry] = field(default_factory=dict)

    @classmethod
    async def filled(
        cls, machine: Machine | None, roots: Sequence[str], files: Iterable[NewFile]
    ) -> Disk:
        """The disk of a machine, with its first files.

        Raises:
            MachineError: there is no machine, or it does not take the files.
        """
        if machine is None:
            raise MachineError("this scenario needs a sandbox, and the trial has none")
        disk = cls(machine, roots)
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

        Returns:
            Path to file, None where it is gone; and the number of files that were not looked at.
        """
        listed, unseen = await self._list()
        before, self._listed = self._listed, listed
        new = {path: one for path, one in listed.items() if before.get(path) != one}
        digests = await self._digests([p for p, one in new.items() if one.kind == "f"])
        small = [p for p, one in new.items() if p in digests and one.size <= MAX_TEXT]
        texts = await self._texts(_within(small, new))
        changed: dict[str, FileState | None] = {
            path: FileState(_LINK, one.size, link=one.link)
            if one.kind == "l"
            else FileState(digests.get(path, _UNREADABLE), one.size, texts.get(path))
            for path, one in new.items()
        }
        changed |= {path: None for path in before if path not in listed}
        return {_shown(path): state for path, state in changed.items()}, unseen

    async def _list(self) -> tuple[dict[str, _Entry], int]:
        ran = await self._run(_LIST.replace("LIMIT", str(MAX_FILES + 1)), *self.roots)
        listed: dict[str, _Entry] = {}
        for line in _decoded(ran).split(b"\0"):
            parts = line.split(b"\t", 6)
            if len(parts) == 7:
                kind, size, inode, changed, mode, link, path = map(_name, parts)
                stamp = f"{inode} {changed} {mode}"
                listed[path] = _Entry(kind, int(size), stamp, link)
        over = len(listed) - MAX_FILES
        return listed, max(over, 0)

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
                    if content is not None and (text := _text(content.read())) is not None:
                        texts[_name(path.encode(errors="surrogateescape"))] = text
        except tarfile.TarError:  # a file vanished under it; its digest stays
            return texts
        return texts

    async def _run(self, script: str, *arguments: str, given: bytes = b"") -> Ran:
        return await self.machine.run(
            ("sh", "-c", script, "sh", *arguments), folder="/", timeout=_TIMEOUT_S, given=given
        )


def _within(paths: Iterable[str], entries: Mapping[str, _Entry]) -> list[str]:
    """As many of the files as have their texts kept, the smallest first."""
    kept, left = list[str](), MAX_TEXTS
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


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
