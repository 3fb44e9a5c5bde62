"""One command of a sandbox as a process of the host: its output, its end, and what ends it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from cornered.surface.sandbox.config import MIB, BubblewrapConfig
from cornered.surface.sandbox.folders import Usage, lifeline, usage

FIRST_LOOK, LOOK_EVERY = 0.1, 0.25
"""Seconds until a running command is first looked at, and from then on."""
SHARE = 0.05
"""The most of the time that looking at a command may take."""
STARTED_WITHIN = 5.0
"""Seconds within which bubblewrap says that it has started, or is ended itself."""
SPARE_DISK = 512 * MIB
"""Free bytes of the host's disk below which commands that run are ended."""
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")

STOPPED = {
    "memory": "Out of memory",
    "cpu": "CPU time limit exceeded",
    "disk": "Disk quota exceeded",
    "spare": "No space left on device",
    "output": "Output limit exceeded",
}
"""Why a command was ended, to what the agent is told; `time` raises instead."""


class Tail:
    """The last bytes of a stream, and how many came before."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._held = 0
        self._chunks: deque[bytes] = deque()
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Take what came."""
        self._chunks.append(chunk)
        self.total += len(chunk)
        self._held += len(chunk)
        while self._held - len(self._chunks[0]) >= self._keep:
            self._held -= len(self._chunks.popleft())

    def clear(self, instead: bytes) -> None:
        """Forget what came, and hold something else."""
        self._chunks, self._held, self.total = deque([instead]), len(instead), len(instead)

    def value(self) -> bytes:
        """What is kept."""
        return b"".join(self._chunks)[-self._keep :]


@dataclass(frozen=True)
class Launch:
    """What is run, and within what."""

    arguments: Callable[[int, int | None], Sequence[str]]
    """The command line, given the file descriptors of the status and of the filter."""
    rules: bytes
    """The filter of system calls; empty where there is none."""
    input: bytes | None
    seconds: float
    keep: int
    """Bytes of each stream that are kept, from its end."""
    config: BubblewrapConfig
    folders: Sequence[Path]
    """What the disk quota counts."""
    used: Usage
    """What they held before."""


@dataclass
class Finished:
    """How a command ended."""

    stdout: Tail
    stderr: Tail
    returncode: int = -1
    started: bool = False
    """Whether it ran; if not, what bubblewrap said is in stderr."""
    stopped: str | None = None
    """A key of `STOPPED`, or `time`."""
    seconds: float = 0.0


@dataclass
class _Running:
    """A command that runs, and the file in which bubblewrap says so."""

    launch: Launch
    process: Process
    status: int
    finished: Finished
    stopping: anyio.Event = field(default_factory=anyio.Event)

    def child(self) -> int | None:
        """The host's number of the process 1 inside; None before the start and after the end."""
        first, *rest = os.pread(self.status, 4096, 0).split(b"\n")
        if not first.endswith(b"}") or any(b"exit-code" in line for line in rest):
            return None
        return int(json.loads(first)["child-pid"])

    def stop(self, reason: str) -> None:
        """Have it ended, and say why; the first reason stands."""
        if not self.stopping.is_set():
            self.finished.stopped = reason
            self.stopping.set()


async def run(launch: Launch) -> Finished:
    """Run a command to its end; when this returns or raises, none of its processes lives.

    Raises:
        OSError: a program of the host cannot be started.
    """
    finished = Finished(Tail(launch.keep), Tail(launch.keep))
    status = os.memfd_create("status")
    rules = os.memfd_create("rules") if launch.rules else None
    begun = time.monotonic()
    try:
        if rules is not None:
            os.write(rules, launch.rules)
            os.lseek(rules, 0, os.SEEK_SET)
        # Not cancelled half-way: bubblewrap's child would wait for ever for a dead parent.
        with anyio.CancelScope(shield=True):
            process = await anyio.open_process(
                [str(part) for part in launch.arguments(status, rules)],
                stdin=DEVNULL if launch.input is None else PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd="/",
                env={},
                pass_fds=[fd for fd in (status, rules, lifeline()) if fd is not None],
            )
        running = _Running(launch, process, status, finished)
        try:
            await _attend(running)
        finally:
            with anyio.CancelScope(shield=True):
                await _end(running)
                await _close(process)
        finished.returncode = process.returncode if process.returncode is not None else -1
        finished.started = b"exit-code" in os.pread(status, 4096, 0) or bool(finished.stopped)
    finally:
        os.close(status)
        if rules is not None:
            os.close(rules)
        finished.seconds = time.monotonic() - begun
    return finished


async def _attend(running: _Running) -> None:
    """Feed, read and watch a command until it has ended or something ends it."""
    process, launch = running.process, running.launch
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process.stdout, running.finished.stdout, running)
        tasks.start_soon(_read, process.stderr, running.finished.stderr, running)
        if process.stdin is not None:
            tasks.start_soon(_feed, process.stdin, launch.input or b"")
        async with anyio.create_task_group() as watches:
            watches.start_soon(_time, running)
            watches.start_soon(_watch, running)
            watches.start_soon(_stop, running)
            await process.wait()
            watches.cancel_scope.cancel()


async def _time(running: _Running) -> None:
    await anyio.sleep(running.launch.seconds)
    running.stop("time")


async def _stop(running: _Running) -> None:
    await running.stopping.wait()
    await _end(running)


async def _end(running: _Running) -> None:
    """End a command with all its processes, and wait until they are gone.

    The process 1 is what is killed: the kernel then kills all others inside, and only when none
    is left does bubblewrap end.
    """
    process = running.process
    with anyio.move_on_after(STARTED_WITHIN):
        while process.returncode is None and running.child() is None:
            if b"exit-code" in os.pread(running.status, 4096, 0):
                break
            await anyio.sleep(0.002)
    child = running.child()
    if child is not None and (process.returncode is None or _is_first(child)):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)
    with anyio.move_on_after(STARTED_WITHIN):
        await process.wait()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.move_on_after(STARTED_WITHIN):
            await process.wait()


def _is_first(process: int) -> bool:
    """Whether a process is the first of a sandbox; where bubblewrap was killed, it may live on."""
    with suppress(OSError):
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
        numbers = [line.split() for line in lines if line.startswith("NSpid:")]
        return bool(numbers) and len(numbers[0]) > 2 and numbers[0][-1] == "1"
    return False


async def _read(stream: ByteReceiveStream | None, into: Tail, running: _Running) -> None:
    assert stream is not None
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async for chunk in stream:
            into.add(chunk)
            if into.total > running.launch.config.output:
                running.stop("output")


async def _feed(stream: ByteSendStream, data: bytes) -> None:
    """Give the input; a command that does not want it is no fault."""
    with suppress(OSError, anyio.ClosedResourceError, anyio.BrokenResourceError):
        await stream.send(data)
    with suppress(OSError, anyio.ClosedResourceError, anyio.BrokenResourceError):
        await stream.aclose()


async def _close(process: Process) -> None:
    """Close the pipes; a command that was cancelled has not been read to its end."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(Exception):
                await stream.aclose()
    transport = getattr(process, "_transport", None)  # asyncio's, which holds the pipes open
    if transport is not None:
        with suppress(Exception):
            transport.close()


async def _watch(running: _Running) -> None:
    """End a command that takes more memory, CPU or disk than it may, over all its processes."""
    await anyio.sleep(FIRST_LOOK)
    while True:
        begun = time.perf_counter()
        reason = _excess(running)
        if reason is not None:
            running.stop(reason)
        await anyio.sleep(max(LOOK_EVERY, (time.perf_counter() - begun) / SHARE))


def _excess(running: _Running) -> str | None:
    """What a command has too much of; None where nothing."""
    launch = running.launch
    child = running.child()
    if child is not None:
        memory, cpu = resources(child)
        if memory > launch.config.memory:
            return "memory"
        if cpu > launch.config.cpu:
            return "cpu"
    now = usage(launch.folders, launch.config.files)
    if over(now, launch.config) and grown(now, launch.used):
        return "disk"
    space = os.statvfs(launch.folders[0])
    if space.f_bavail * space.f_frsize < SPARE_DISK:
        return "spare"
    return None


def over(used: Usage, config: BubblewrapConfig) -> bool:
    """Whether files take more than they may."""
    return used.bytes > config.disk or used.files > config.files


def grown(now: Usage, before: Usage) -> bool:
    """Whether files take more than before; what is too much may still be removed."""
    return now.bytes > before.bytes or now.files > before.files


def resources(root: int) -> tuple[int, float]:
    """Private memory, in bytes, and CPU, in seconds, of a process and all its descendants.

    Args:
        root: The host's number of the process. Descendants that have ended count for CPU if
            they were waited for.
    """
    memory, cpu = 0, 0.0
    waiting, seen = [root], set[int]()
    while waiting:
        process = waiting.pop()
        if process in seen:
            continue
        seen.add(process)
        with suppress(OSError, ValueError, IndexError):  # ended meanwhile
            place = Path(f"/proc/{process}")
            _, resident, shared = (place / "statm").read_text().split()[:3]
            memory += (int(resident) - int(shared)) * PAGE
            times = (place / "stat").read_text().rpartition(")")[2].split()[11:15]
            cpu += sum(map(int, times)) / TICKS
            for thread in (place / "task").iterdir():
                waiting.extend(map(int, (thread / "children").read_text().split()))
    return memory, cpu
