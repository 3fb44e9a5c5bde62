"""Where the files of sandboxes are on the host, how much there is, and that they go away.

Each process has a folder of its own, with a file that it holds locked as long as it lives. The
kernel lets go of the lock whatever ends the process, so that the next start knows whose folders
are left.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "volume-"
"""The agent can read the folder's name in /proc/self/mountinfo: it says nothing."""
LOCK = "lock"
GRACE = 3600
"""Seconds before a folder without a lock is left over rather than just being made."""
DEEPEST = 64
"""Folders in folders; what is deeper cannot be measured."""
UNMEASURED = 1 << 62
"""Bytes and files of folders that are too deep."""

_own: tuple[int, Path, int] | None = None
"""This process (its number, for a fork is another), its folder, and the lock."""
_line: tuple[int, int, int] | None = None
"""This process, and the ends of a pipe that nobody writes to."""
_kept = False


@dataclass(frozen=True)
class Usage:
    """What files take on disk."""

    bytes: int
    files: int


def new_folder() -> Path:
    """An empty folder for a sandbox, in that of this process.

    Raises:
        OSError: it cannot be made.
    """
    return Path(tempfile.mkdtemp(dir=_process_folder(), prefix=""))


def lifeline() -> int:
    """The end of a pipe that becomes readable when this process dies."""
    global _line
    if _line is None or _line[0] != os.getpid():
        if _line is not None:  # those of the process that we are a fork of
            os.close(_line[1])
            os.close(_line[2])
        _line = (os.getpid(), *os.pipe2(os.O_CLOEXEC))
    return _line[1]


def remove(folder: Path) -> None:
    """Remove a folder with all that an agent may have made in it.

    Folders without rights and folders that are too deep for Python are no hindrance. No symbolic
    link is followed.
    """
    with suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        subprocess.run(
            [*command, "--", str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def keep() -> None:
    """Leave this process's folder at its end; the next start removes it."""
    global _kept
    _kept = True


def sweep() -> int:
    """Remove the folders of processes that are dead; returns how many."""
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _own is not None and folder == _own[1]:
            continue
        with suppress(OSError):
            if _left_over(folder):
                _end_commands(folder)
                remove(folder)
                removed += 1
    return removed


def _end_commands(folder: Path) -> None:
    """End commands that outlived their process: those that had just been starting.

    Bubblewrap ends with its parent, but not in its first moments: its child then waits for ever,
    or runs. The one names the folder, the other has it mounted.
    """
    ours = os.stat("/proc/self/ns/mnt").st_ino
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program, *arguments = (place / "cmdline").read_bytes().split(b"\0")
            inside = any(part.startswith(os.fsencode(f"{folder}/")) for part in arguments)
            starting = inside and program.endswith(b"bwrap")
            if starting or (
                (place / "ns/mnt").stat().st_ino != ours
                and os.fsencode(f"/{folder.name}/") in (place / "mountinfo").read_bytes()
            ):
                os.kill(int(place.name), signal.SIGKILL)


def usage(folders: Sequence[Path], most: int) -> Usage:
    """What folders take on disk; counting ends at a number of files.

    Args:
        folders: The folders, which the agent may be changing.
        most: Files and folders after which no more are counted.
    """
    total = files = 0
    for folder in folders:
        with suppress(OSError):
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            found = _measure(opened, most - files, DEEPEST)
            total, files = total + found.bytes, files + found.files
    return Usage(min(total, UNMEASURED), min(files, UNMEASURED))


def _measure(folder: int, most: int, depth: int) -> Usage:
    """What an open folder takes; it is closed. Links are not followed, however fast they come."""
    total = files = 0
    inner: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if files > most:
                    return Usage(total, files)
                files += 1
                with suppress(OSError):  # removed meanwhile
                    info = entry.stat(follow_symlinks=False)
                    total += info.st_blocks * 512
                    if stat.S_ISDIR(info.st_mode):
                        inner.append(entry.name)
        for name in inner:
            if depth == 0:
                return Usage(UNMEASURED, UNMEASURED)
            if files > most:
                break
            with suppress(OSError):
                opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                found = _measure(opened, most - files, depth - 1)
                total, files = total + found.bytes, files + found.files
    finally:
        os.close(folder)
    return Usage(total, files)


def _process_folder() -> Path:
    """This process's folder; the first call makes it and removes those of dead processes."""
    global _own
    if _own is None or _own[0] != os.getpid():
        sweep()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        folder.chmod(0o711)  # where we are root, the user of the sandboxes must get through
        lock = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "new").rename(folder / LOCK)  # whoever finds the file finds it locked
        _own = (os.getpid(), folder, lock)
        atexit.register(_end, *_own)
    return _own[1]


def _end(process: int, folder: Path, lock: int) -> None:
    """Remove this process's folder at its end."""
    if process == os.getpid():
        if not _kept:
            remove(folder)
        os.close(lock)


def _left_over(folder: Path) -> bool:
    """Whether a folder is ours and its process dead.

    Raises:
        OSError: it goes away meanwhile.
    """
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        return False
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - info.st_mtime > GRACE
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
