"""What this machine has for sandboxes: its programs, the user, and whether bubblewrap works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from cornered.surface.sandbox.arguments import (
    ETC_LINKS,
    ETC_OF_HOST,
    PATH,
    RUN,
    bubblewrap,
    etc_files,
)
from cornered.surface.sandbox.config import BubblewrapConfig
from cornered.surface.sandbox.folders import lifeline, new_folder, remove
from cornered.surface.sandbox.syscalls import seccomp_filter

ROOTS_USER = 61_000
"""Who runs sandboxes where we are root, an ordinary user of nobody: inside, the user 1000 would
be root on files of the host."""
FORBIDS_NAMESPACES = (0, 8)
"""The version from which bubblewrap can forbid further user namespaces; the filter does too."""
PROBE_SECONDS = 20
OTHERWISE = "choose sandbox: docker"
IN_A_CONTAINER = (
    "if this is a container, start it with --security-opt seccomp=unconfined "
    f"--security-opt systempaths=unconfined, or {OTHERWISE}"
)


@dataclass(frozen=True)
class Place:
    """The folders of one sandbox on the host."""

    folder: Path
    mounts: Mapping[str, Path]
    """Path inside to folder."""
    counted: tuple[Path, ...]
    """Those that the agent can write."""

    @property
    def run(self) -> Path:
        """What is seen as /run/desk."""
        return self.mounts[RUN]


def prepare(config: BubblewrapConfig) -> Place:
    """Make the folders of a sandbox.

    Raises:
        OSError: they cannot be made.
    """
    folder = new_folder()
    outer = [root for root in dict.fromkeys(config.roots) if _outer(root, config) == root]
    written = {inside: folder / str(place) for place, inside in enumerate(("/tmp", *outer))}
    etc, run = folder / "etc", folder / "run"
    for made in (*written.values(), etc, run):
        made.mkdir(exist_ok=False)
        made.chmod(0o755)
    written["/tmp"].chmod(0o1777)
    for root in config.roots:
        inside = _outer(root, config)
        _make(written[inside], PurePosixPath(root).relative_to(inside))
    _fill_etc(etc, config)
    if owner() is not None:
        for made in (folder, *written.values()):
            _give(made)
    return Place(folder, {**written, "/etc": etc, RUN: run}, tuple(written.values()))


def _outer(root: str, config: BubblewrapConfig) -> str:
    """The outermost of the writable folders in which one is."""
    return min((one for one in config.roots if PurePosixPath(root).is_relative_to(one)), key=len)


def _make(base: Path, inner: PurePosixPath) -> None:
    """Make folders in a folder."""
    for part in inner.parts:
        base = base / part
        if not base.is_dir():
            base.mkdir()
            base.chmod(0o755)
            _give(base)


def _fill_etc(etc: Path, config: BubblewrapConfig) -> None:
    for name, text in etc_files(config).items():
        (etc / name).write_text(text, encoding="utf-8")
        (etc / name).chmod(0o644)
    for name, target in ETC_LINKS.items():
        (etc / name).symlink_to(target)
    for name in ETC_OF_HOST:  # what they are mounted on
        if os.path.isdir(f"/etc/{name}"):
            (etc / name).mkdir()
        elif os.path.exists(f"/etc/{name}"):
            (etc / name).touch()
    for root in config.roots:
        if root.startswith("/etc/"):
            (etc / PurePosixPath(root).relative_to("/etc")).mkdir(parents=True, exist_ok=True)


def _give(path: Path) -> None:
    """Give a folder or socket to who runs the sandbox."""
    user = owner()
    if user is not None:
        os.chown(path, user, user, follow_symlinks=False)


def share_sockets(run: Path) -> None:
    """Let the sandbox connect to the sockets that stand in its run folder."""
    if owner() is not None:
        for entry in os.scandir(run):
            if entry.stat(follow_symlinks=False).st_uid != owner():
                _give(Path(entry.path))


def owner() -> int | None:
    """The user that runs sandboxes; None where it is the one that runs this process."""
    return ROOTS_USER if os.geteuid() == 0 else None


def command_line(
    config: BubblewrapConfig,
    place: Place,
    command: Sequence[str],
    cwd: str,
    env: Mapping[str, str],
    status: int,
    rules: int | None,
) -> list[str]:
    """Everything that this machine has to run for a command of a sandbox."""
    user = owner()
    drop = [] if user is None else [
        _program("setpriv") or "setpriv", f"--reuid={user}", f"--regid={user}",
        "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--",
    ]  # fmt: skip
    inside = bubblewrap(
        config,
        place.mounts,
        command,
        program=_program("bwrap") or "bwrap",
        cwd=cwd,
        env=env,
        status=status,
        lifeline=lifeline(),
        rules=rules,
        forbid_namespaces=_version() >= FORBIDS_NAMESPACES,
    )
    return [*drop, *inside]


@cache
def rules() -> bytes:
    """The filter of system calls for this machine."""
    return seccomp_filter()


def problem() -> tuple[str, str] | None:
    """Why bubblewrap cannot be used here, and what to do; None where it can.

    A sandbox is made and left again to know it.
    """
    if not sys.platform.startswith("linux"):
        return "bubblewrap works on Linux only", OTHERWISE
    if _program("bwrap") is None:
        return (
            "bubblewrap is not installed",
            f"install the package bubblewrap (apt-get install bubblewrap), or {OTHERWISE}",
        )
    missing = [name for name in ("setpriv", "prlimit") if _program(name) is None]
    if missing:
        return f"{' and '.join(missing)} not found", f"install util-linux, or {OTHERWISE}"
    said = _try()
    return None if said is None else _reading(said)


def _try() -> str | None:
    """What bubblewrap says when it cannot make a sandbox; None where it can."""
    config = BubblewrapConfig()
    try:
        place = prepare(config)
    except OSError as error:  # a full disk, or no user 61000 where we are root of a container
        return f"its folders cannot be made: {error.strerror}"
    status, filtered = os.memfd_create("status"), os.memfd_create("rules")
    try:
        os.write(filtered, rules())
        os.lseek(filtered, 0, os.SEEK_SET)
        given = filtered if rules() else None
        done = subprocess.run(
            command_line(config, place, ["true"], config.home, {}, status, given),
            pass_fds=[status, filtered, lifeline()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env={},
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it does not end"
    finally:
        os.close(status)
        os.close(filtered)
        remove(place.folder)
    if done.returncode == 0:
        return None
    return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"


def _reading(said: str) -> tuple[str, str]:
    """What the words of bubblewrap mean, and what to do."""
    line = said.splitlines()[0]
    if (
        _setting("/proc/sys/user/max_user_namespaces") == 0
        or "ENOSPC" in said
        or ("No space left on device" in said and "namespace" in said)
    ):
        return (
            "bubblewrap may not create user namespaces here (user.max_user_namespaces is 0)",
            f"raise it with sysctl, or {OTHERWISE}",
        )
    if _setting("/proc/sys/kernel/unprivileged_userns_clone") == 0:
        return (
            "bubblewrap may not create user namespaces here "
            "(kernel.unprivileged_userns_clone is 0)",
            f"set it to 1 with sysctl, or {OTHERWISE}",
        )
    if _setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1 and re.search(
        r"uid map|RTM_NEWADDR|[Pp]ermission|permitted", said
    ):
        return (
            "bubblewrap may not create user namespaces here (AppArmor)",
            f"load a profile for bwrap with `userns,`, or {OTHERWISE}",
        )
    if re.search(r"mount proc|permi(tted|ssion)|uid map|RTM_NEWADDR", said, re.IGNORECASE):
        return f"bubblewrap may not make a sandbox here ({line})", IN_A_CONTAINER
    return f"bubblewrap cannot make a sandbox here ({line})", OTHERWISE


def _setting(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


@cache
def _version() -> tuple[int, ...]:
    """Version of bubblewrap."""
    said = subprocess.run(
        [_program("bwrap") or "bwrap", "--version"], capture_output=True, text=True, check=False
    ).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:3]))


@cache
def _program(name: str) -> str | None:
    """Path of a program of the host: where the system has it, then on the user's path."""
    return shutil.which(name, path=f"{PATH}:/usr/sbin:/sbin") or shutil.which(name)
