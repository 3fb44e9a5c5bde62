"""Atomic writes of files, errors of the disk in one line, and the fingerprint of a run."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cornered.errors import RunError

Progress = Callable[[int, int], None]
"""Called while files are read or written: (done, total), in the unit that its caller names."""
MANIFEST, LOGS = "run.json", (".eval", ".json")
"""The sources of the tables and the report of a run: its manifest, and suffixes of its logs."""
LOCK = ".lock"
"""The file in a run folder that says who writes there."""
TAIL = 4096
"""Bytes at the end of a log that identify it: they hold the checksums of its last zip members,
the header and summaries among them."""


def fingerprint(folder: Path) -> str:
    """A sha256 (hex) over the sources of a run's tables; equal for a copy of the folder."""
    digest = hashlib.sha256()
    logs = (folder / "logs").rglob("*")
    for path in [folder / MANIFEST, *sorted(p for p in logs if p.suffix in LOGS)]:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL))
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name} {size}\n".encode() + file.read())
    return digest.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Writes a file atomically: a crash leaves the old one."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file atomically: a crash leaves the old one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the disk into one line.

    Raises:
        RunError: the disk is full, or a file or folder cannot be read or written.
    """
    try:
        yield
    except (ConnectionError, TimeoutError, BlockingIOError, ChildProcessError):
        raise  # of the network or a process, not of the disk
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                "the disk is full",
                where=str(folder),
                fix="make room and give the same command again; finished trials are kept",
            ) from None
        if e.errno is None:
            raise
        if e.errno == errno.EEXIST and folder.is_file():
            raise RunError(
                "is a file, and a folder was expected",
                where=str(folder),
                fix="choose another folder with --out",
            ) from None
        name = e.filename if isinstance(e.filename, str) else str(folder)
        other = f" ({name})" if Path(name) != folder else ""
        problem = (e.strerror or str(e)) + other
        raise RunError(problem, where=str(folder), fix="check --out") from None
    except RuntimeError as e:
        if "Symlink loop" not in str(e):  # as pathlib of Python before 3.13 has it
            raise
        raise RunError("is a loop of symlinks", where=str(folder), fix="check --out") from None
