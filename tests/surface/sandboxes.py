"""Sandboxes for tests, and what is left of them on the host."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest

from cornered.surface.sandbox import (
    BubblewrapConfig,
    BubblewrapSandbox,
    CommandResult,
    folders,
    host,
)
from cornered.surface.sandbox.config import MIB

T = TypeVar("T")
SMALL = BubblewrapConfig(
    memory=512 * MIB, processes=64, file_size=8 * MIB, disk=16 * MIB, files=300, seconds=20
)


@functools.cache
def trouble() -> str | None:
    """Why there are no sandboxes here; None where there are."""
    found = host.problem()
    return None if found is None else "; ".join(found)


def needs_bubblewrap() -> None:
    """Skip a test where this machine cannot make a sandbox, and say why."""
    if trouble() is not None:
        pytest.skip(f"{trouble()}")


def within(use: Callable[[BubblewrapSandbox], Awaitable[T]], config: BubblewrapConfig = SMALL) -> T:
    """Make a sandbox, use it, and clean it up as Inspect does."""

    async def used() -> T:
        environments = await BubblewrapSandbox.sample_init("task", config, {})
        sandbox = environments["default"].as_type(BubblewrapSandbox)
        try:
            return await use(sandbox)
        finally:
            await BubblewrapSandbox.sample_cleanup("task", config, environments, False)
            assert not sandbox.run_folder.parent.exists()

    return anyio.run(used)


async def bash(
    sandbox: BubblewrapSandbox, script: str, timeout: int | None = None
) -> CommandResult:
    """What a script comes to."""
    done = await sandbox.exec(["bash", "-c", script], timeout=timeout)
    assert isinstance(done, CommandResult)
    return done


def ran(script: str, config: BubblewrapConfig = SMALL, timeout: int | None = None) -> CommandResult:
    """What a script comes to in a new sandbox."""
    return within(lambda sandbox: bash(sandbox, script, timeout), config)


def processes(marker: str) -> list[int]:
    """The processes of this machine whose command line holds a word."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                if marker.encode() in (place / "cmdline").read_bytes():
                    found.append(int(place.name))
            except OSError:  # ended meanwhile
                continue
    return found


def forked(act: Callable[[Any], None], user: int | None = None) -> tuple[Any, Any]:
    """Run a function in a process of its own, which is quicker than a new Python.

    Args:
        act: Gets the end of a pipe, on which it can send.
        user: Who the process is to be; needs root.

    Returns:
        The process, and our end of the pipe.
    """
    ours, theirs = get_context("fork").Pipe()

    def body() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        try:
            act(theirs)
        finally:  # a fork leaves out what is to be done at an exit
            if folders._own is not None and folders._own[0] == os.getpid():
                folders._end(*folders._own)

    process = get_context("fork").Process(target=body)
    process.start()
    return process, ours
