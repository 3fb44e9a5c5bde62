"""The sandbox `bubblewrap` for Inspect: Linux, no daemon, no image, no root needed.

Each command gets a new bubblewrap; only files outlive it. What it holds off, and what it does
not, is told in `docs/sandbox.md`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path, PurePosixPath
from typing import Any, Literal, overload

import anyio
import anyio.to_thread
from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxEnvironment,
    SandboxEnvironmentConfigType,
    SandboxEnvironmentLimits,
    SandboxUserUnsupportedError,
    concurrency,
    sandboxenv,
)
from inspect_ai.util._sandbox.environment import SandboxUnavailableError
from pydantic import BaseModel
from typing_extensions import override

from cornered.errors import ModelError
from cornered.surface.sandbox import host
from cornered.surface.sandbox.command import STOPPED, Finished, Launch, over, run
from cornered.surface.sandbox.config import BubblewrapConfig
from cornered.surface.sandbox.folders import Usage, keep, remove, sweep, usage

logger = getLogger(__name__)

PER_PROCESSOR = 4
"""Commands at the same time for each processor: many wait, for a clock or for a socket."""
TWICE = 2
"""Times the disk quota at which a sandbox runs nothing more: a quick command may pass it once."""
FILE_SECONDS = 60
IS_FOLDER, IS_MISSING, IS_FORBIDDEN = 21, 22, 23
READ = f"""\
if [ -d "$1" ]; then exit {IS_FOLDER}; fi
if [ ! -e "$1" ]; then exit {IS_MISSING}; fi
if [ ! -f "$1" ] || [ ! -r "$1" ]; then exit {IS_FORBIDDEN}; fi
exec head -c "$2" -- "$1"
"""
WRITE = f"""\
if [ -d "$1" ]; then exit {IS_FOLDER}; fi
case "$1" in ?*/*) mkdir -p -- "${{1%/*}}" || exit 1;; esac
if [ -e "$1" ] && [ ! -w "$1" ]; then exit {IS_FORBIDDEN}; fi
cat > "$1"
"""
"""Files are read and written inside: a link of the agent's leads nowhere else there."""
NOT_RUN = re.compile(r"^/etc/rc: line \d+: (exec: )?", re.MULTILINE)
"""Before what the shell says of a program that it cannot run."""


@dataclass
class CommandResult(ExecResult[str]):
    """What a command came to, and what Inspect's own result does not say."""

    cut: int = 0
    """Bytes of output that are not kept, from the beginning of its streams."""
    stopped: str | None = None
    """Which limit ended it (`memory`, `cpu`, `disk`, `spare`, `output`); None where none."""
    seconds: float = 0.0
    """Wall time."""


class CommandTimeout(TimeoutError):
    """A command that was ended by its time limit."""

    def __init__(self, seconds: float, output: str) -> None:
        super().__init__(f"the command did not end within {seconds:g} s")
        self.truncated_output = output
        """What it had printed, output and errors; Inspect hands it on under this name."""


@sandboxenv(name="bubblewrap")
class BubblewrapSandbox(SandboxEnvironment):
    """One sandbox: its folders, and commands in them."""

    def __init__(self, config: BubblewrapConfig, place: host.Place) -> None:
        super().__init__()
        self.config = config
        self._place = place
        self._used = Usage(0, 0)
        self._closed: str | None = None
        self._commands: set[anyio.CancelScope] = set()

    @property
    def run_folder(self) -> Path:
        """A folder of the host, seen inside as /run/desk, where it cannot be written.

        The agent can connect to Unix sockets in it.
        """
        return self._place.run

    # A trial

    @override
    @classmethod
    async def task_init(cls, task_name: str, config: SandboxEnvironmentConfigType | None) -> None:
        """Find out whether this machine can make sandboxes.

        Raises:
            ModelError: it cannot.
        """
        _configuration(config)
        trouble = await anyio.to_thread.run_sync(host.problem)
        if trouble is not None:
            raise ModelError(trouble[0], where="sandbox", fix=trouble[1])

    @override
    @classmethod
    async def sample_init(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        metadata: dict[str, str],
    ) -> dict[str, SandboxEnvironment]:
        """Make the folders of a trial."""
        settings = _configuration(config)
        return {"default": cls(settings, host.prepare(settings))}

    @override
    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        """End what runs, and remove the files; nothing can hinder it."""
        with anyio.CancelScope(shield=True):
            for environment in environments.values():
                await environment.as_type(cls).close()

    @override
    @classmethod
    async def task_cleanup(
        cls, task_name: str, config: SandboxEnvironmentConfigType | None, cleanup: bool
    ) -> None:
        """Leave files where the user wants them left; the next start removes them."""
        if not cleanup:
            keep()

    @override
    @classmethod
    async def cli_cleanup(cls, id: str | None) -> None:
        """Remove the files of processes that are dead (`inspect sandbox cleanup bubblewrap`)."""
        removed = await anyio.to_thread.run_sync(sweep)
        logger.info("removed the files of %d dead processes", removed)

    @override
    @classmethod
    def config_deserialize(cls, config: dict[str, Any]) -> BaseModel:
        """The configuration as a log has it."""
        return BubblewrapConfig.model_validate(config)

    @override
    @classmethod
    def default_concurrency(cls) -> int | None:
        """Any number of sandboxes: one in which nothing runs is a folder."""
        return None

    @override
    def default_polling_interval(self) -> float:
        """Seconds between looks of Inspect's services."""
        return 0.2

    async def close(self) -> None:
        """End every command and remove the files."""
        self._closed = "the trial is over"
        while self._commands:
            for scope in list(self._commands):
                scope.cancel()
            await anyio.sleep(0.01)
        await anyio.to_thread.run_sync(remove, self._place.folder)

    # Commands

    @override
    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,
        timeout_retry: bool = True,
        concurrency: bool = True,
    ) -> ExecResult[str]:
        """Run a command; it is not run again where its time was over.

        Returns:
            A `CommandResult`. Of each stream the last 10 MiB are kept.

        Raises:
            SandboxUserUnsupportedError: any user is asked for; there is one.
            SandboxUnavailableError: bubblewrap could not start, or the disk quota was passed
                so far that the sandbox was closed.
            CommandTimeout: the time was over.
            PermissionError: what is to be run is no program.
        """
        if user is not None:
            raise SandboxUserUnsupportedError(
                f"a sandbox of bubblewrap has one user, {self.config.user}, and no {user!r}"
            )
        if self._closed is not None:
            raise SandboxUnavailableError(f"the sandbox is closed: {self._closed}")
        limit = SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE
        done = await self._run(cmd, input, cwd, env, timeout, limit, concurrency)
        self._measure()
        stdout, stderr = (_text(stream.value(), limit) for stream in (done.stdout, done.stderr))
        if done.stopped == "time":
            raise CommandTimeout(self._seconds(timeout), stdout + stderr)
        if done.stopped is not None:
            stderr += f"{STOPPED[done.stopped]}\n"
        if done.returncode in (126, 127) and NOT_RUN.match(stderr):
            stderr = NOT_RUN.sub("", stderr)
            if done.returncode == 126:
                raise PermissionError(stderr.splitlines()[-1])
        return CommandResult(
            success=done.returncode == 0 and done.stopped is None,
            returncode=done.returncode,
            stdout=stdout,
            stderr=stderr,
            cut=sum(max(0, stream.total - limit) for stream in (done.stdout, done.stderr)),
            stopped=done.stopped,
            seconds=done.seconds,
        )

    @override
    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Write a file, and make its folders.

        Raises:
            IsADirectoryError: it is a folder.
            PermissionError: the user may not write it.
            OSError: it cannot be written, such as one that is larger than the limit.
        """
        data = contents.encode() if isinstance(contents, str) else contents
        done = await self._file(WRITE, [file], data, 1024)
        if done.returncode != 0:
            said = done.stderr.value().decode(errors="replace").strip()
            if "Permission denied" in said or "Read-only file system" in said:
                raise PermissionError(f"{file} may not be written: {said}")
            raise OSError(f"{file} cannot be written: {said or STOPPED.get(done.stopped or '')}")

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...

    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...

    @override
    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        """Read a file, as the user inside can.

        Raises:
            FileNotFoundError: there is none.
            IsADirectoryError: it is a folder.
            PermissionError: the user may not read it, or it is no ordinary file.
            OutputLimitExceededError: it is larger than Inspect's limit.
            UnicodeDecodeError: it is to be text and is not UTF-8.
        """
        limit = SandboxEnvironmentLimits.MAX_READ_FILE_SIZE
        done = await self._file(READ, [file, str(limit + 1)], None, limit + 1)
        if done.returncode != 0:
            raise OSError(f"{file} cannot be read: {done.stderr.value().decode(errors='replace')}")
        if done.stdout.total > limit:
            raise OutputLimitExceededError(SandboxEnvironmentLimits.MAX_READ_FILE_SIZE_STR, None)
        data = done.stdout.value()
        return data.decode() if text else data

    async def _file(
        self, script: str, arguments: Sequence[str], data: bytes | None, keep: int
    ) -> Finished:
        """Run a script on a file.

        Raises:
            FileNotFoundError, IsADirectoryError, PermissionError: as it says.
            TimeoutError: it did not end.
        """
        file = arguments[0]
        command = ["/bin/sh", "-c", script, "sh", *arguments]
        done = await self._run(command, data, None, None, FILE_SECONDS, keep, True)
        if done.stopped == "time":
            raise CommandTimeout(FILE_SECONDS, "")
        if done.returncode == IS_FOLDER:
            raise IsADirectoryError(f"{file} is a directory")
        if done.returncode == IS_MISSING:
            raise FileNotFoundError(f"there is no file {file}")
        if done.returncode == IS_FORBIDDEN:
            raise PermissionError(f"{file}: permission denied")
        return done

    async def _run(
        self,
        command: Sequence[str],
        input: str | bytes | None,
        cwd: str | None,
        env: dict[str, str] | None,
        timeout: int | None,
        keep: int,
        throttled: bool,
    ) -> Finished:
        """Run anything inside.

        Raises:
            SandboxUnavailableError: bubblewrap could not start.
        """
        where = str(PurePosixPath(self.config.home, cwd or ""))
        launch = Launch(
            arguments=lambda status, rules: host.command_line(
                self.config, self._place, command, where, env or {}, status, rules
            ),
            rules=host.rules(),
            input=input.encode() if isinstance(input, str) else input,
            seconds=self._seconds(timeout),
            keep=keep,
            config=self.config,
            folders=self._place.counted,
            used=self._used,
        )
        host.share_sockets(self._place.run)
        if throttled:
            most = PER_PROCESSOR * (os.cpu_count() or 1)
            async with concurrency("bubblewrap commands", most, visible=False):
                done = await self._attended(launch)
        else:
            done = await self._attended(launch)
        if not done.started:
            said = done.stderr.value().decode(errors="replace").strip()
            if "Can't chdir" not in said:
                raise SandboxUnavailableError(f"bubblewrap could not start: {said}")
            done.stderr.clear(f"cd: {where}: No such file or directory\n".encode())
        return done

    async def _attended(self, launch: Launch) -> Finished:
        """Run a command so that the end of the trial can end it."""
        with anyio.CancelScope() as scope:
            self._commands.add(scope)
            try:
                if not self._place.folder.exists():
                    raise SandboxUnavailableError("the sandbox was closed before the command ran")
                return await run(launch)
            finally:
                self._commands.discard(scope)
        raise SandboxUnavailableError("the sandbox was closed while the command ran")

    def _measure(self) -> None:
        """Note what the files take, and close a sandbox that has far too many."""
        config = self.config
        self._used = usage(self._place.counted, TWICE * config.files)
        twice = config.model_copy(
            update={"disk": TWICE * config.disk, "files": TWICE * config.files - 1}
        )
        if over(self._used, twice):
            self._closed = "its files took more than twice the disk quota"

    def _seconds(self, timeout: int | None) -> int:
        return min(timeout or self.config.seconds, self.config.seconds)


def _configuration(config: SandboxEnvironmentConfigType | None) -> BubblewrapConfig:
    """The configuration, or that of nobody in particular.

    Raises:
        ModelError: it is for another provider.
    """
    if config is None:
        return BubblewrapConfig()
    if isinstance(config, BubblewrapConfig):
        return config
    raise ModelError(
        f"bubblewrap takes no configuration {config!r}",
        where="sandbox",
        fix="give a BubblewrapConfig, or none",
    )


def _text(data: bytes, limit: int) -> str:
    """Output as text that is no longer than the limit: each bad byte becomes three."""
    text = data.decode(errors="replace")
    encoded = text.encode()
    return text if len(encoded) <= limit else encoded[-limit:].decode(errors="ignore")
