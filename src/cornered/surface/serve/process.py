"""A command of the user's as a process: its own group, a time limit, the end of its output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

KEPT = 20_000
"""Bytes of the output that are kept: its end."""
GRACE = 2.0
"""Seconds between asking a group of processes to end and ending it."""
REST = 0.5
"""Seconds in which what is left of the output is read after the end."""
_CHUNK = 1 << 16


@dataclass
class Process:
    """A running command."""

    ended: asyncio.Future[int]
    """Its exit code, minus the signal where one ended it."""
    _tail: bytearray

    @property
    def output(self) -> str:
        """The end of what it printed to standard output and error."""
        return bytes(self._tail[-KEPT:]).decode("utf-8", "replace")


@asynccontextmanager
async def running(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Runs a command without a shell; at the end of the context its whole group is ended.

    Args:
        arguments: The program and its arguments.
        folder: Its working directory.
        environment: Its whole environment.

    Raises:
        OSError: it cannot be started.
        ValueError: an argument has a NUL in it.
    """
    ours, theirs = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    tail = bytearray()
    reading = asyncio.create_task(_read(ours, tail))
    # Not the end of its output: a grandchild may hold that open for ever.
    ended = asyncio.ensure_future(process.wait())
    try:
        yield Process(ended, tail)
    finally:
        await _end(process.pid, ended)
        with anyio.CancelScope(shield=True), anyio.move_on_after(REST):
            await asyncio.wait({reading})
        reading.cancel()


async def _end(group: int, ended: asyncio.Future[int]) -> None:
    """Ends a group of processes, even where this is cancelled meanwhile."""
    try:
        if _signal(group, signal.SIGTERM):
            with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE):
                while _signal(group, 0):
                    await anyio.sleep(0.02)
    finally:
        _signal(group, signal.SIGKILL)
    with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE):
        await asyncio.wait({ended})


def _signal(group: int, number: int) -> bool:
    """Whether there was somebody in the group to get the signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


async def _read(descriptor: int, tail: bytearray) -> None:
    """Reads all output, and keeps its end: more would fill the memory, less stop the command."""
    reader = asyncio.StreamReader(limit=_CHUNK)
    pipe = os.fdopen(descriptor, "rb", 0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while chunk := await reader.read(_CHUNK):
            tail += chunk
            if len(tail) > 8 * _CHUNK:
                del tail[:-KEPT]
    finally:
        transport.close()
