"""The sandbox of bubblewrap: what a trial does in it, what Inspect asks of it, and its errors."""

from __future__ import annotations

import functools
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import inspect_ai.util._sandbox.self_check as self_check
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import SandboxUserUnsupportedError, sandbox
from pydantic import ValidationError

from cornered.errors import ModelError
from cornered.surface.sandbox import (
    BubblewrapConfig,
    BubblewrapSandbox,
    CommandResult,
    CommandTimeout,
    check_sandbox,
    host,
)
from cornered.surface.sandbox.arguments import RUN
from cornered.surface.sandbox.config import MIB
from cornered.surface.sandbox.syscalls import AUDIT_ARCH, RETURN, seccomp_filter
from tests.surface.sandboxes import SMALL, bash, forked, needs_bubblewrap, processes, ran, within

NOT_OURS = {
    "test_exec_as_user": "there is one user",
    # They wait for seconds; test_sandbox_faults.py looks at the host's processes instead.
    "test_exec_timeout_kills_process": "ours is quicker",
    "test_exec_timeout_kills_child_processes": "ours is quicker",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[BubblewrapSandbox]:
    """One sandbox for all of Inspect's checks."""
    needs_bubblewrap()
    environments = anyio.run(BubblewrapSandbox.sample_init, "task", None, {})
    yield environments["default"].as_type(BubblewrapSandbox)
    anyio.run(BubblewrapSandbox.sample_cleanup, "task", None, environments, False)


@pytest.mark.parametrize("name", sorted({*self_check.__all__} - {*NOT_OURS}))
def test_it_does_what_inspect_asks_of_a_sandbox(shared: BubblewrapSandbox, name: str) -> None:
    anyio.run(getattr(self_check, name), shared)


# What a trial is like


def test_a_command_sees_a_user_a_machine_and_folders_and_nothing_of_the_host() -> None:
    needs_bubblewrap()
    config = BubblewrapConfig(
        roots=("/home/mika", "/srv/models", "/etc/oversight", "/srv/models/small"),
        user="mika",
        host="atlas-3",
    )
    done = ran(
        "whoami; hostname; pwd; ls -d /srv/models/small; echo x > /etc/oversight/a && "
        "echo x > /srv/models/a && echo x > /tmp/a && echo $HOME; ls -A ~ | wc -l",
        config,
    )
    assert done.stdout.split() == [
        *("mika", "atlas-3", "/home/mika", "/srv/models/small", "/home/mika", "0"),
    ]
    assert done.stderr == ""


def test_only_files_outlive_a_command() -> None:
    needs_bubblewrap()

    async def use(sandbox: BubblewrapSandbox) -> str:
        await bash(sandbox, "export A=1; echo kept > f; echo lost > /dev/shm/f")
        return (await bash(sandbox, "cat f; echo $A; ls /dev/shm")).stdout.strip()

    assert within(use) == "kept"


def test_the_system_and_the_root_cannot_be_written() -> None:
    needs_bubblewrap()
    done = ran(
        "for f in / /dev /usr /usr/bin /etc /run /run/desk /srv /home /opt; do touch $f/x; done"
    )
    assert done.stderr.count("Read-only file system") == 10


def test_what_is_hidden_cannot_be_run_or_read() -> None:
    needs_bubblewrap()
    config = BubblewrapConfig(hidden=("/usr/share/perl5", "/usr/bin/env", "/usr/no/such/folder"))
    done = ran("ls -A /usr/share/perl5 | wc -l; /usr/bin/env; head -c1 /usr/bin/env", config)
    assert done.stdout.strip() == "0"
    assert done.stderr.count("Permission denied") == 2


def test_the_agent_connects_to_a_socket_of_the_host_and_cannot_replace_it() -> None:
    needs_bubblewrap()

    async def use(sandbox: BubblewrapSandbox) -> str:
        served = socket.socket(socket.AF_UNIX)
        served.bind(str(sandbox.run_folder / "engine"))
        served.listen()

        def answer() -> None:
            connection, _ = served.accept()
            connection.sendall(connection.recv(100).upper())
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        script = (
            f"use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(Peer => '{RUN}/engine') or die $!;"
            "$s->send('position'); print <$s>"
        )
        said = await sandbox.exec(["perl", "-e", script])
        thread.join(5)
        served.close()
        gone = await bash(sandbox, f"rm {RUN}/engine")
        assert "Read-only file system" in gone.stderr
        return said.stdout + said.stderr

    assert within(use) == "POSITION"


def test_signals_of_the_agents_own_processes_work() -> None:
    needs_bubblewrap()
    assert ran("kill -TERM $$").returncode == 143
    assert ran("sleep 30 & kill $!; wait $!; echo $?").stdout.strip() == "143"
    assert ran("echo $$ $(cat /proc/1/comm)").stdout.split() == ["2", "bash"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_runs_sandboxes_as_an_ordinary_user() -> None:
    needs_bubblewrap()

    async def use(sandbox: BubblewrapSandbox) -> set[int]:
        await bash(sandbox, "mkdir -p a/b; touch a/b/c; ln -s c a/b/d")
        home = sandbox._place.mounts["/home/agent"]
        return {path.lstat().st_uid for path in [home, *home.rglob("*")]}

    assert within(use) == {host.ROOTS_USER}


@pytest.mark.skipif(os.geteuid() != 0, reason="is an ordinary user already")
def test_an_ordinary_user_can_do_the_same() -> None:
    needs_bubblewrap()

    def act(pipe: Any) -> None:
        async def use(sandbox: BubblewrapSandbox) -> list[Any]:
            await sandbox.write_file("a/b", "text")
            done = await bash(sandbox, "mkdir -m 000 shut; id -un; cat a/b; unshare -Ur true")
            with pytest.raises(CommandTimeout):
                await bash(sandbox, "setsid sleep 4711 & sleep 4711", timeout=1)
            assert processes("4711") == []
            return [done.stdout, done.returncode, sandbox._place.mounts["/tmp"].stat().st_uid]

        try:
            pipe.send(within(use))
        except BaseException as error:
            pipe.send(repr(error))

    process, pipe = forked(act, user=61_234)
    assert pipe.poll(30)
    assert pipe.recv() == ["agent\ntext", 1, 61_234]
    process.join(10)


# With Inspect


@solver
def working(script: str) -> Solver:
    """An agent that runs one command, and notes what came."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        own = sandbox().as_type(BubblewrapSandbox)
        state.metadata["folder"] = str(own.run_folder.parent)
        FOLDERS.append(own.run_folder.parent)
        state.metadata["said"] = (await sandbox().exec(["bash", "-c", script])).stdout
        return state

    return solve


FOLDERS: list[Path] = []


def evaluated(script: str, tmp_path: Path, **limits: Any) -> EvalLog:
    FOLDERS.clear()
    task = Task(
        dataset=[Sample(input="x", files={"notes.txt": "twelve"}, setup="echo done > setup.txt")],
        solver=working(script),
        sandbox=("bubblewrap", SMALL),  # type: ignore[arg-type]
        **limits,
    )
    (log,) = eval(
        task, model="mockllm/model", log_dir=str(tmp_path), display="none", log_realtime=False
    )
    return log


def test_a_trial_of_inspect_runs_in_it_and_its_log_can_be_read_again(tmp_path: Path) -> None:
    needs_bubblewrap()
    log = evaluated("cat notes.txt setup.txt", tmp_path)
    assert log.status == "success"
    assert log.samples is not None
    assert log.samples[0].metadata["said"] == "twelvedone\n"
    stored = read_eval_log(log.location).eval.sandbox
    assert stored is not None
    assert stored.config == SMALL
    assert not FOLDERS[0].exists()


def test_a_trial_that_is_cut_off_leaves_no_files(tmp_path: Path) -> None:
    needs_bubblewrap()
    log = evaluated("echo x > f; sleep 30", tmp_path, time_limit=2)
    assert log.samples is not None
    assert log.samples[0].limit is not None
    assert len(FOLDERS) == 1
    assert not FOLDERS[0].exists()


def test_another_user_is_refused_as_inspect_wants_it() -> None:
    needs_bubblewrap()
    with pytest.raises(SandboxUserUnsupportedError, match="root"):
        within(functools.partial(BubblewrapSandbox.exec, cmd=["id"], user="root"))


# Configuration


def test_a_configuration_is_the_same_after_a_way_through_json() -> None:
    config = BubblewrapConfig(roots=("/home/agent", "/srv/x"), hidden=("/usr/games",), disk=MIB)
    again = BubblewrapSandbox.config_deserialize(json.loads(config.model_dump_json()))
    assert again == config
    assert hash(again) == hash(config)


@pytest.mark.parametrize(
    "root", ["work", "/", "/usr/local/app", "/proc/x", "/home/../etc", "/etc", "/tmp"]
)
def test_a_root_that_cannot_be_made_is_refused(root: str) -> None:
    with pytest.raises(ValidationError):
        BubblewrapConfig(roots=("/home/agent", root))


def test_a_hidden_path_that_is_nowhere_to_be_seen_is_refused() -> None:
    with pytest.raises(ValidationError, match="only what is under /usr"):
        BubblewrapConfig(hidden=("/home/agent/x",))


# The filter of system calls


@pytest.mark.parametrize("machine", AUDIT_ARCH)
def test_every_way_through_the_filter_ends(machine: str) -> None:
    steps = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    assert steps[-1][0] == RETURN
    for place, (code, yes, no, _) in enumerate(steps):
        if code != RETURN:
            assert place + 1 + max(yes, no) < len(steps)


def test_an_unknown_processor_has_no_filter() -> None:
    assert seccomp_filter("riscv64") == b""


# Errors before a run


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_program", lambda name: None if name == "bwrap" else "/bin/x")


def test_without_bubblewrap_one_line_says_what_to_install(absent: None) -> None:
    with pytest.raises(ModelError) as caught:
        check_sandbox("bubblewrap")
    assert str(caught.value) == (
        "sandbox: bubblewrap is not installed; install the package bubblewrap "
        "(apt-get install bubblewrap), or choose sandbox: docker"
    )


def test_inspects_own_start_says_the_same(absent: None) -> None:
    with pytest.raises(ModelError, match="install the package bubblewrap"):
        anyio.run(BubblewrapSandbox.task_init, "task", None)


def test_not_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(ModelError, match="works on Linux only; choose sandbox: docker"):
        check_sandbox("bubblewrap")


@pytest.mark.parametrize(
    ("said", "settings", "expected"),
    [
        (
            "bwrap: Creating new namespace failed: No space left on device",
            {"max_user_namespaces": 0},
            "user.max_user_namespaces is 0); raise it with sysctl",
        ),
        (
            "bwrap: setting up uid map: Permission denied",
            {"apparmor_restrict_unprivileged_userns": 1},
            "(AppArmor); load a profile for bwrap",
        ),
        (
            "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
            {"apparmor_restrict_unprivileged_userns": 1},
            "(AppArmor); load a profile for bwrap",
        ),
        (
            "bwrap: No permissions to create new namespace",
            {"unprivileged_userns_clone": 0},
            "unprivileged_userns_clone is 0); set it to 1",
        ),
        (
            "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
            {},
            "systempaths=unconfined",
        ),
        ("bwrap: something else\nand more", {}, "(bwrap: something else); choose sandbox: docker"),
    ],
)
def test_a_refusal_of_the_machine_is_read(
    monkeypatch: pytest.MonkeyPatch, said: str, settings: dict[str, int], expected: str
) -> None:
    monkeypatch.setattr(host, "_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr(host, "_try", lambda: said)
    monkeypatch.setattr(host, "_setting", lambda path: settings.get(Path(path).name))
    with pytest.raises(ModelError) as caught:
        check_sandbox("bubblewrap")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folders_that_cannot_be_made_are_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(config: BubblewrapConfig) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host, "_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr(host, "prepare", full)
    with pytest.raises(ModelError, match="its folders cannot be made: No space left on device"):
        check_sandbox("bubblewrap")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bubblewarp", "there is no sandbox bubblewarp; did you mean bubblewrap?"),
        ("dokcer", "did you mean docker?"),
        ("xyz", "choose one of bubblewrap, daytona, docker, ec2, k8s, modal, podman, proxmox"),
        ("k8s", "needs a package that is not installed; pip install inspect-k8s-sandbox"),
        ("local", "the agent would run commands on this machine as you; choose bubblewrap"),
    ],
)
def test_a_sandbox_that_cannot_be_had_is_one_line(name: str, expected: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_sandbox(name)
    assert expected in str(caught.value)


def test_docker_is_missing_or_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ModelError, match="docker is not installed; install Docker Engine"):
        check_sandbox("docker")
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    fake = tmp_path / "docker"
    fake.write_text("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(
        ModelError, match=r"does not answer \(Cannot connect to the Docker daemon\).*start it"
    ):
        check_sandbox("docker")
    fake.write_text('#!/bin/sh\ntest "$1" = version\n')
    with pytest.raises(ModelError, match="Docker Compose is not installed"):
        check_sandbox("docker")
    fake.write_text("#!/bin/sh\ntrue\n")
    check_sandbox("docker")


def test_where_bubblewrap_works_nothing_is_said() -> None:
    needs_bubblewrap()
    check_sandbox("bubblewrap", SMALL)


def test_a_result_says_what_inspects_does_not() -> None:
    assert CommandResult(True, 0, "", "").cut == 0
