"""One run, one writer: a lock file in the run folder that names its holder.

The kernel holds the lock and lets it go when its process ends, however it ends. Where a file
system has no locks, and on another host, what the file says of its holder decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cornered.errors import RunError
from cornered.files import LOCK, MANIFEST, disk_errors
from cornered.run.providers import print_waiting
from cornered.text import visible

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HEARTBEAT = 30.0
"""Seconds between two signs of life of a holder: the time of the file."""
DEAD_AFTER = 600.0
"""Seconds without one after which a holder on another host is held for dead."""
VERDICTS = "verdicts"


@dataclass(frozen=True)
class Holder:
    """Who holds a run folder."""

    host: str
    pid: int
    started: float
    """When its process began, in seconds since 1970."""
    command: str
    since: str
    """When it took the lock (UTC)."""

    @classmethod
    def this_process(cls, command: str) -> Holder:
        """The holder that this process would be."""
        pid = os.getpid()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(socket.gethostname(), pid, _started(pid) or 0.0, command, since)

    @property
    def is_here(self) -> bool:
        """Whether its process is, or was, on this host."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether its process, on this host, still runs; another with its number is another."""
        started = _started(self.pid)
        return started is not None and (not self.started or abs(started - self.started) < 2)

    def __str__(self) -> str:
        command = visible(self.command)[:60]
        return f"{command} (process {self.pid} on {visible(self.host)}, since {self.since})"


def _started(pid: int) -> float | None:
    """When a process began; None if there is none of this number."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.AccessDenied:  # it runs, as somebody else
        return 0.0
    except psutil.Error:
        return None


_held: dict[Path, tuple[int, int]] = {}
"""By lock file, the thread of this process that holds it, and how many times."""


def run_root(folder: Path) -> Path:
    """The run folder that is locked: a set of verdicts is a part of its run."""
    outer = folder.parent.parent
    if folder.parent.name == VERDICTS and (outer / MANIFEST).exists():
        return outer
    return folder


@contextmanager
def writing(folder: Path, command: str, *, beside: bool = False) -> Iterator[None]:
    """Holds a run folder while it is written; the folder is made if it does not exist.

    The same thread may hold it more than once. A folder that was made for this and is still
    empty at the end is removed again.

    Args:
        folder: The run folder, or a set of verdicts within one.
        command: What writes, such as `cornered run`; others are shown it.
        beside: Whether the lock lies beside the folder, which is built elsewhere and moved here.

    Raises:
        RunError: another process or thread writes here, or the folder cannot be written.
    """
    folder = run_root(folder)
    with disk_errors(folder):
        made = not beside and not folder.exists()
        (folder.parent if beside else folder).mkdir(parents=True, exist_ok=True)
        path = folder.resolve() / LOCK
        if beside:
            path = path.parent.with_name(f".{path.parent.name}{LOCK}")
    thread, count = _held.get(path, (threading.get_ident(), 0))
    if thread != threading.get_ident():
        raise _refused(folder, "another thread of this process")
    if count:
        _held[path] = (thread, count + 1)
        try:
            yield
        finally:
            _held[path] = (thread, count)
        return
    with disk_errors(folder):
        handle = _acquire(folder, path, Holder.this_process(command))
    _held[path] = (thread, 1)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        del _held[path]
        # A disk may be gone; the kernel lets the lock go all the same.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)
        if made:
            with contextlib.suppress(OSError):  # it is in use now
                folder.rmdir()


def _beat(path: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT):
        with contextlib.suppress(OSError):
            os.utime(path)


def _acquire(folder: Path, path: Path, holder: Holder) -> int:
    """Takes the lock, and gives the open file that holds it.

    Raises:
        RunError: it is held.
        OSError: the file cannot be written.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            locked = _lock(handle)
            if locked is not False and not _is_same(handle, path):
                os.close(handle)  # its last holder took it away in between
                continue
            before = _read(handle)
            if locked is False:
                # A holder writes its name at once after it has the lock.
                before = before or _read_again(handle)
                raise _refused(folder, str(before) if before else "another process")
            _check_before(folder, before, os.fstat(handle).st_mtime, locked=locked is True)
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(asdict(holder)).encode(), 0)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(handle)
            raise
        return handle


def _lock(handle: int) -> bool | None:
    """Whether the kernel gave us the lock; None where it has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _is_same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _check_before(folder: Path, before: Holder | None, beat: float, *, locked: bool) -> None:
    """Whether the lock of an earlier holder, who did not let it go, may be taken over.

    Raises:
        RunError: the holder may be at work.
    """
    if before is None:
        return
    if not before.is_here:
        silent = time.time() - beat
        if silent < DEAD_AFTER:
            raise _refused(
                folder, str(before), f"if that has ended, delete {visible(str(folder / LOCK))}"
            )
        ended = f"gave no sign of life for {silent / 60:.0f} minutes"
    elif before.is_alive and not locked:
        raise _refused(folder, str(before))
    else:
        ended = "ended without letting it go"
    print_waiting(f"{folder}: took over the lock of {before}, which {ended}", 0)


def _refused(folder: Path, holder: str, fix: str = "wait until it ends, or stop it") -> RunError:
    return RunError(f"is being written by {holder}", where=str(folder), fix=fix)


def _read(handle: int) -> Holder | None:
    """The holder that the file names; None if it names none."""
    try:
        record: Any = json.loads(os.pread(handle, 1 << 16, 0))
        return Holder(
            str(record["host"]),
            int(record["pid"]),
            float(record["started"]),
            str(record["command"]),
            str(record["since"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _read_again(handle: int) -> Holder | None:
    time.sleep(0.1)
    return _read(handle)


def this_command() -> str:
    """The command of this process, as others are shown it."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    name = " ".join(words)
    return name.replace("__main__.py", "cornered")
