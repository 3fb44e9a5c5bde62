"""The command line of bubblewrap for one command, and the few files of a sandbox's /etc."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from cornered.surface.sandbox.config import MIB, BubblewrapConfig

UID = 1000
"""The user inside."""
RUN = "/run/desk"
"""Where the run folder of the host is seen."""
PATH = "/usr/local/bin:/usr/bin:/bin"
SHARED_MEMORY = 64 * MIB
"""Bytes of /dev/shm, which is new for each command."""
OPEN_FILES = 256
HIDDEN_PROC = (
    "cmdline", "config.gz", "diskstats", "iomem", "ioports", "kallsyms", "kcore", "key-users",
    "keys", "modules", "partitions", "sched_debug", "swaps", "sysrq-trigger", "timer_list",
    "vmallocinfo",
)  # fmt: skip
"""Files of /proc that tell of the host and that no program of a shell needs."""


def etc_files(config: BubblewrapConfig) -> dict[str, str]:
    """Name to text of the files in /etc: one ordinary user, and no name server."""
    return {
        "passwd": "root:x:0:0:root:/root:/bin/bash\n"
        f"{config.user}:x:{UID}:{UID}::{config.home}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": f"root:x:0:\n{config.user}:x:{UID}:\nnogroup:x:65534:\n",
        "hosts": f"127.0.0.1\tlocalhost\n127.0.1.1\t{config.host}\n::1\tlocalhost\n",
        "hostname": f"{config.host}\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "rc": RC,
    }


RC = """\
read -t 0 -u "$1" && exit 1
eval "exec $1<&-"
shift
exec 3>&2 2>/dev/null
(exec -- "$@" 2>&3 3>&-)
exit $?
"""
"""Process 1: it runs the command, and says nothing itself.

The command cannot be process 1, to which signals of its own children, and its own, do nothing.
Bubblewrap's would show its arguments, and with them the folders of the host, to everybody who
reads /proc/1/cmdline.

Bubblewrap ends its child with itself, and itself with us, but only when both have got so far.
Then is this run, and it sees whether we live: the pipe of which we hold the other end is readable
only when we are dead. From then on bubblewrap's own way holds. What slips through, since a
process dies in steps, is ended when the next one starts.
"""


ETC_LINKS = {"os-release": "../usr/lib/os-release", "localtime": "../usr/share/zoneinfo/UTC"}
ETC_OF_HOST = ("alternatives", "ld.so.cache")
"""What programs in /usr need of the host's /etc."""


def user_environment(config: BubblewrapConfig) -> dict[str, str]:
    """The environment variables of every command."""
    return {
        "HOME": config.home,
        "USER": config.user,
        "LOGNAME": config.user,
        "SHELL": "/bin/bash",
        "PATH": PATH,
        "LANG": "C.UTF-8",
    }


def bubblewrap(
    config: BubblewrapConfig,
    mounts: Mapping[str, Path],
    command: Sequence[str],
    *,
    program: str,
    cwd: str,
    env: Mapping[str, str],
    status: int,
    lifeline: int,
    rules: int | None,
    forbid_namespaces: bool = True,
) -> list[str]:
    """Everything from `bwrap` on.

    Args:
        config: The sandbox's.
        mounts: Path inside to folder of the host. All can be written but `/etc` and `/run/desk`.
        command: What to run, and its arguments.
        program: Path of bubblewrap.
        cwd: Where, an absolute path inside.
        env: Environment variables beside those of the user.
        status: File descriptor for what bubblewrap says of the start and the end.
        lifeline: File descriptor of a pipe whose other end closes when this process dies.
        rules: File descriptor of the filter of system calls; None where there is none.
        forbid_namespaces: Whether bubblewrap can forbid further user namespaces.
    """
    return [
        program, "--as-pid-1", "--die-with-parent", "--new-session",
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
        "--unshare-cgroup-try", "--uid", str(UID), "--gid", str(UID), "--hostname", config.host,
        "--cap-drop", "ALL", *(["--disable-userns"] if forbid_namespaces else []),
        *_system(config),
        *_folders(mounts),
        # The root and /dev are held in memory, which no quota counts.
        "--remount-ro", "/dev", "--remount-ro", "/",
        "--chdir", cwd, "--clearenv",
        *_each("--setenv", {**user_environment(config), "PWD": cwd, **env}),
        "--json-status-fd", str(status),
        *(["--seccomp", str(rules)] if rules is not None else []),
        "--", *_limits(config), "/bin/bash", "/etc/rc", str(lifeline), *command,
    ]  # fmt: skip


def _system(config: BubblewrapConfig) -> Iterator[str]:
    """The read-only system, without what is hidden."""
    yield from ("--ro-bind", "/usr", "/usr")
    for path in config.hidden:
        real = os.path.realpath(path)
        if not real.startswith("/usr/") or not os.path.exists(real):
            continue
        if os.path.isdir(real):
            yield from ("--tmpfs", real, "--remount-ro", real)
        else:
            yield from ("--ro-bind", "/dev/null", real)
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.isdir(f"/usr/{name}"):
            yield from ("--symlink", f"usr/{name}", f"/{name}")
    yield from ("--proc", "/proc")
    for name in hidden_proc():
        yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    yield from ("--dev", "/dev", "--perms", "1777", "--size", str(SHARED_MEMORY))
    yield from ("--tmpfs", "/dev/shm")


@cache
def hidden_proc() -> tuple[str, ...]:
    """Those of the files to be hidden in /proc that this kernel has."""
    return tuple(name for name in HIDDEN_PROC if os.path.exists(f"/proc/{name}"))


def _folders(mounts: Mapping[str, Path]) -> Iterator[str]:
    """The folders of this sandbox, outer before inner; bubblewrap would make parents private."""
    parents = {"/opt", "/srv", "/mnt", "/var", "/var/log"}
    for inside in mounts:
        parents.update(str(parent) for parent in PurePosixPath(inside).parents)
    made = {*mounts, "/"}
    for inside in sorted(parents - made):
        if not inside.startswith("/etc/"):  # made in the folder itself, which is read-only here
            yield from ("--perms", "0755", "--dir", inside)
    if not any(inside.startswith("/var/tmp") for inside in mounts):
        yield from ("--symlink", "/tmp", "/var/tmp")
    for inside in sorted(mounts):
        read_only = inside in ("/etc", RUN)
        yield from ("--ro-bind" if read_only else "--bind", str(mounts[inside]), inside)
        if inside == "/etc":
            for name in ETC_OF_HOST:
                yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _limits(config: BubblewrapConfig) -> list[str]:
    """Limits of the kernel, set inside: outside they would count the user's other processes."""
    return [
        "/usr/bin/prlimit", f"--nproc={config.processes}", f"--as={config.memory}",
        f"--fsize={config.file_size}", f"--nofile={OPEN_FILES}", f"--cpu={config.cpu}",
        "--core=0", "--memlock=0", "--msgqueue=0", "--",
    ]  # fmt: skip


def _each(option: str, pairs: Mapping[str, str]) -> Iterator[str]:
    for name, value in pairs.items():
        yield from (option, name, value)
