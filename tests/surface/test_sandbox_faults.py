"""What an agent in a sandbox may try, by mistake or not: it holds, and the host stays clean."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from inspect_ai.util._sandbox.environment import SandboxUnavailableError

from cornered.surface.sandbox import BubblewrapConfig, BubblewrapSandbox, CommandTimeout
from cornered.surface.sandbox import folders as folders_of_sandboxes
from cornered.surface.sandbox.command import Tail
from cornered.surface.sandbox.config import MIB
from cornered.surface.sandbox.folders import remove, sweep, usage
from tests.surface.sandboxes import (
    SMALL,
    bash,
    forked,
    needs_bubblewrap,
    processes,
    ran,
    within,
)


@pytest.fixture(autouse=True)
def _possible() -> None:
    needs_bubblewrap()


def gone(marker: str) -> bool:
    """Whether no process of this machine holds a word, within two seconds."""
    for _ in range(100):
        if not processes(marker):
            return True
        time.sleep(0.02)
    return False


# Too much of something


def test_a_fork_bomb_stops_at_the_limit_and_dies_with_its_call() -> None:
    async def use(sandbox: BubblewrapSandbox) -> tuple[int, str]:
        counting = "$n = 0; while (defined($p = fork)) { sleep 4321 if !$p; $n++ } print $n"
        made = await sandbox.exec(["perl", "-e", counting])
        with pytest.raises(CommandTimeout):
            await bash(sandbox, "f() { f | f & }; f; sleep 4321", timeout=1)
        return int(made.stdout), (await bash(sandbox, "echo alive")).stdout

    made, after = within(use)
    assert 0 < made < SMALL.processes
    assert after == "alive\n"
    assert gone("4321")


def test_one_file_stops_at_its_limit() -> None:
    done = ran("head -c 100M /dev/zero > f || echo cut; stat -c %s f")
    assert done.stdout.split() == ["cut", str(SMALL.file_size)]


def test_files_that_fill_the_disk_end_the_command_and_can_be_removed() -> None:
    filling = "while :; do i=$((i+1)); head -c 500000 /dev/zero > f$i || exit; sleep 0.01; done"

    async def use(sandbox: BubblewrapSandbox) -> None:
        done = await bash(sandbox, filling)
        assert done.stopped == "disk"
        assert not done.success
        assert done.stderr.endswith("Disk quota exceeded\n")
        taken = usage(sandbox._place.counted, 10_000).bytes
        assert SMALL.disk < taken < 2 * SMALL.disk
        tidied = await bash(sandbox, "rm f*; sleep 0.2; echo $?")
        assert (tidied.stdout, tidied.stopped) == ("0\n", None)

    within(use, SMALL.model_copy(update={"files": 10_000}))


def test_a_sandbox_with_far_too_many_files_runs_nothing_more() -> None:
    async def use(sandbox: BubblewrapSandbox) -> str:
        for part in range(20):
            try:
                await bash(sandbox, f"mkdir {part}; cd {part}; seq 100 | xargs touch")
            except SandboxUnavailableError as error:
                return str(error)
        return f"not after {part} times"

    assert "twice the disk quota" in within(use)


def test_memory_in_place_of_a_disk_is_limited_too() -> None:
    done = ran("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 7M /dev/zero > /dev/shm/$i; done")
    assert "No space left on device" in done.stderr


def test_a_large_allocation_fails() -> None:
    done = ran("perl -e '$x = \"x\" x 2e9; print 1'")
    assert (done.stdout, done.stopped) == ("", None)
    assert "Out of memory" in done.stderr


def test_many_processes_that_hold_memory_together_are_ended() -> None:
    config = SMALL.model_copy(update={"memory": 96 * MIB})
    holding = "for i in 1 2 3 4; do perl -e '$x = \"x\" x 4e7; sleep 9' & done; sleep 9"
    done = ran(holding, config)
    assert (done.stopped, done.returncode) == ("memory", 137)
    assert done.stderr.endswith("Out of memory\n")
    assert done.seconds < 8


def test_processes_that_compute_together_are_ended() -> None:
    config = SMALL.model_copy(update={"cpu": 1})
    done = ran("perl -e 'fork; fork; $i++ while 1'; echo over", config)
    assert done.stopped == "cpu"
    assert "over" not in done.stdout


def test_of_a_hundred_megabytes_the_last_ten_are_kept_and_the_rest_is_counted() -> None:
    done = ran("yes 1234567 | head -c 100000000; echo end")
    assert done.success
    assert done.stdout.endswith("1234567\nend\n")
    assert len(done.stdout) == 10 * MIB
    assert done.cut == 100_000_004 - 10 * MIB


def test_no_more_is_held_of_a_stream_than_is_kept_of_it() -> None:
    tail = Tail(100)
    for _ in range(1000):
        tail.add(b"x" * 30)
    assert len(tail.value()) == 100
    assert sum(map(len, tail._chunks)) < 200


def test_output_without_end_ends_the_command() -> None:
    done = ran("yes", SMALL.model_copy(update={"output": 20 * MIB}))
    assert (done.stopped, done.stderr) == ("output", "Output limit exceeded\n")


def test_output_that_is_no_text_is_no_longer_than_the_limit_either() -> None:
    done = ran("head -c 6000000 /dev/zero | tr '\\0' '\\377'")
    assert len(done.stdout.encode()) <= 10 * MIB


# Ends


def test_a_time_limit_ends_all_processes_at_once_and_keeps_what_was_printed() -> None:
    async def use(sandbox: BubblewrapSandbox) -> None:
        begun = time.monotonic()
        with pytest.raises(CommandTimeout, match="within 1 s") as caught:
            await bash(sandbox, "echo so far; trap '' TERM; setsid sleep 5432 & sleep 5432", 1)
        assert time.monotonic() - begun < 4
        assert caught.value.truncated_output == "so far\n"
        assert processes("5432") == []

    within(use)


def test_a_command_cannot_take_longer_than_the_sandbox_allows() -> None:
    with pytest.raises(CommandTimeout, match="within 1 s"):
        ran("sleep 20", SMALL.model_copy(update={"seconds": 1}), timeout=15)


def test_a_background_process_does_not_outlive_its_call() -> None:
    async def use(sandbox: BubblewrapSandbox) -> None:
        done = await bash(sandbox, "nohup setsid sleep 6543 >/dev/null 2>&1 & disown; echo $?")
        assert done.stdout == "0\n"
        assert done.seconds < 5
        assert processes("6543") == []

    within(use)


@pytest.mark.parametrize("after", [0.0, 0.004, 0.02, 0.5])
def test_a_cancelled_command_leaves_no_process(after: float) -> None:
    async def use(sandbox: BubblewrapSandbox) -> None:
        with anyio.move_on_after(after):
            await bash(sandbox, "sleep 7654 & sleep 7654")
        assert processes("7654") == []
        assert (await bash(sandbox, "echo alive")).stdout == "alive\n"

    within(use)


def test_a_command_is_not_cancelled_while_it_is_being_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = anyio.open_process

    async def use(sandbox: BubblewrapSandbox) -> None:
        with anyio.CancelScope() as scope:

            async def cancelled(*arguments: Any, **options: Any) -> Process:
                process = await real(*arguments, **options)
                scope.cancel()
                await anyio.sleep(0)
                return process

            monkeypatch.setattr(anyio, "open_process", cancelled)
            await bash(sandbox, "sleep 8642")
        assert scope.cancelled_caught
        assert processes("8642") == []

    within(use)


def test_the_end_of_a_trial_ends_a_command_that_still_runs() -> None:
    async def use(sandbox: BubblewrapSandbox) -> None:
        async with anyio.create_task_group() as tasks:

            async def long() -> None:
                with pytest.raises(SandboxUnavailableError):
                    await bash(sandbox, "sleep 8765")

            tasks.start_soon(long)
            await anyio.sleep(0.3)
            await sandbox.close()
        assert processes("8765") == []

    within(use)


def test_after_a_kill_of_everything_no_process_is_left_and_the_next_start_removes_the_files() -> (
    None
):
    def act(pipe: Any) -> None:
        async def use(sandbox: BubblewrapSandbox) -> None:
            await bash(sandbox, "echo secret > f")
            pipe.send(str(sandbox.run_folder.parent.parent))
            await bash(sandbox, "sleep 9876 & sleep 9876")

        within(use)

    process, pipe = forked(act)
    assert pipe.poll(20)
    folder = Path(pipe.recv())
    while not processes("sleep\09876"):
        time.sleep(0.01)
    sweep()
    assert folder.exists()  # its process lives
    process.kill()
    process.join(10)
    assert gone("9876")
    assert folder.exists()
    assert sweep() >= 1
    assert not folder.exists()


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03])
def test_a_command_that_was_just_starting_is_ended_at_the_next_start(after: float) -> None:
    def act(pipe: Any) -> None:
        async def use(sandbox: BubblewrapSandbox) -> None:
            await bash(sandbox, "true")
            pipe.send(0)
            await bash(sandbox, "sleep 9753 & sleep 9753")

        within(use)

    process, pipe = forked(act)
    assert pipe.poll(20)
    time.sleep(after)
    process.kill()
    process.join(10)
    time.sleep(0.2)
    assert sweep() >= 1
    assert gone("9753")


def test_a_command_of_a_dead_process_that_had_not_quite_started_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "volume-dead").mkdir()
    os.utime(tmp_path / "volume-dead", (1, 1))
    folders = (tmp_path / "volume-dead/1", tmp_path / "volume-other/1")
    dead, other = (
        subprocess.Popen(
            ["/opt/bwrap", "-c", "read x; :", "sh", folder], executable="/bin/sh", stdin=PIPE
        )
        for folder in folders
    )
    assert sweep() == 1
    assert dead.wait(5) == -signal.SIGKILL
    other.communicate(b"x")
    assert other.returncode == 0


def test_a_folder_that_is_just_being_made_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    new, old = tmp_path / "volume-new", tmp_path / "volume-old"
    new.mkdir()
    old.mkdir()
    os.utime(old, (1, 1))
    (tmp_path / "volume-link").symlink_to(new)
    (tmp_path / "other").mkdir()
    assert sweep() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other",
        "volume-link",
        "volume-new",
    ]


def test_files_that_resist_are_removed() -> None:
    resisting = (
        "mkdir -p shut/in && touch shut/in/f && chmod 000 shut/in shut;"
        "ln -s / root; mkfifo pipe; touch -- -rf $'new\\nline';"
        'perl -e \'for (1 .. 1200) { mkdir "d"; chdir "d" or last }\''
    )
    ran(resisting, SMALL.model_copy(update={"files": 9999}))  # `within` sees that they are gone
    assert Path("/usr/bin/env").exists()


def test_folders_that_are_too_deep_for_python_are_removed(tmp_path: Path) -> None:
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    remove(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


# The host


def test_links_lead_nowhere_outside(tmp_path: Path) -> None:
    (tmp_path / "host.txt").write_text("the host's")

    async def use(sandbox: BubblewrapSandbox) -> None:
        await bash(sandbox, f"ln -s /etc/shadow s; ln -s {tmp_path}/host.txt h; ln -s /usr/bin b")
        for link in ("s", "h"):
            with pytest.raises(FileNotFoundError):
                await sandbox.read_file(link)
        with pytest.raises(PermissionError):
            await sandbox.write_file("b/planted", "x")
        await bash(sandbox, "rm h; ln -s / h")
        await sandbox.write_file(f"h{tmp_path}/host.txt", "changed")  # in its own /tmp
        await bash(sandbox, "mkfifo p; ln -s /dev/zero z")
        for special in ("p", "z"):
            with pytest.raises(PermissionError):
                await sandbox.read_file(special)
        assert usage(sandbox._place.counted, 1000).files < 20  # links are not followed

    within(use)
    assert (tmp_path / "host.txt").read_text() == "the host's"


def test_nothing_of_the_hosts_environment_processes_or_folders_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-host")
    done = ran(
        "env; cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo /proc/mounts | tr '\\0' ' ';"
        "ls -d /proc/[0-9]* | wc -l; ls -a /r* /home /sys /boot /var/lib /etc; id; hostname"
    )
    seen = done.stdout + done.stderr
    for word in ("sk-of-the-host", "bwrap", "cornered", "pytest", "inspect"):
        assert word not in seen
    assert str(Path.cwd()) not in seen
    assert str(Path.home()) not in done.stdout
    assert "shadow" not in seen
    assert done.stdout.endswith("\ndesk\n")


def test_the_hosts_ports_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as served:
        port = served.getsockname()[1]
        done = ran(f"exec 3<>/dev/tcp/127.0.0.1/{port}")
        assert "Connection refused" in done.stderr
        served.settimeout(0.1)
        with pytest.raises(TimeoutError):
            served.accept()
    assert "inter-|" in ran("cat /proc/net/dev").stdout.lower()
    assert ran("tail -n +3 /proc/net/dev | cut -d: -f1").stdout.split() == ["lo"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls of x86_64")
@pytest.mark.parametrize(
    ("name", "call", "error"),
    [
        ("unshare", "272, 0x10000000", "EPERM"),
        ("clone with a namespace", "56, 0x10000011, 0, 0, 0, 0", "EPERM"),
        ("clone3", "435, 0, 0", "ENOSYS"),
        ("setns", "308, 0, 0", "EPERM"),
        ("mount", "165, 0, 0, 0, 0, 0", "EPERM"),
        ("keyctl", "250, 0, 0, 0", "EPERM"),
        ("bpf", "321, 0, 0, 0", "EPERM"),
        ("io_uring_setup", "425, 1, 0", "ENOSYS"),
        ("memfd_create", "319, 0, 0", "ENOSYS"),
        ("socket to the hypervisor", "41, 40, 1, 0", "EPERM"),
        ("x32", "0x40000000 + 39", "ENOSYS"),
    ],
)
def test_a_system_call_that_reaches_further_is_refused(name: str, call: str, error: str) -> None:
    script = f"use POSIX; print syscall({call}) < 0 && $! == {error} ? 'refused' : \"$!\""
    assert ran(f"perl -MErrno=:POSIX -e '{script}'").stdout == "refused"


def test_ordinary_sockets_and_processes_are_not_refused() -> None:
    done = ran("(echo a | cat; perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0) and print 1')")
    assert done.stdout == "a\n1"


def test_a_nested_namespace_is_refused() -> None:
    done = ran("unshare -Ur true; unshare -n true; bwrap --ro-bind / / true")
    assert done.stderr.count("\n") >= 3
    assert not done.success


def test_limits_cannot_be_raised() -> None:
    done = ran("ulimit -u 9999; ulimit -v unlimited; prlimit --pid 1 --nproc=9999:9999 2>&1")
    assert done.stderr.count("Operation not permitted") == 2
    assert "Operation not permitted" in done.stdout


def test_commands_of_many_trials_at_once_do_not_meet() -> None:
    async def use(sandbox: BubblewrapSandbox) -> None:
        config = BubblewrapConfig()
        others = [
            (await BubblewrapSandbox.sample_init("task", config, {}))["default"].as_type(
                BubblewrapSandbox
            )
            for _ in range(8)
        ]
        said: dict[int, str] = {}

        async def one(place: int, other: BubblewrapSandbox) -> None:
            await bash(other, f"echo {place} > f")
            said[place] = (await bash(other, "cat f; ls / /tmp | grep -c volume")).stdout

        async with anyio.create_task_group() as tasks:
            for place, other in enumerate(others):
                tasks.start_soon(one, place, other)
        for other in others:
            await other.close()
        assert said == {place: f"{place}\n0\n" for place in range(8)}

    within(use)


def test_too_deep_to_measure_is_too_much(tmp_path: Path) -> None:
    place = tmp_path
    for _ in range(folders_of_sandboxes.DEEPEST + 3):
        place = place / "d"
        place.mkdir()
    assert usage([tmp_path], 1000).bytes >= folders_of_sandboxes.UNMEASURED
