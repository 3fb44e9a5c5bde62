"""Whether the sandbox that somebody names can be had, asked before any trial starts."""

from __future__ import annotations

import shutil
import subprocess

from pydantic import BaseModel

from cornered.errors import ModelError
from cornered.nearest import did_you_mean
from cornered.surface.sandbox import host
from cornered.surface.sandbox.config import BubblewrapConfig

PACKAGES = {
    "k8s": "inspect-k8s-sandbox",
    "podman": "inspect-podman",
    "modal": "inspect-sandboxes",
    "daytona": "inspect-sandboxes",
    "ec2": "git+https://github.com/UKGovernmentBEIS/inspect_ec2_sandbox.git",
    "proxmox": "git+https://github.com/UKGovernmentBEIS/inspect_proxmox_sandbox.git",
}
"""Providers that are not Inspect's own, to what `pip install` takes."""
DOCKER_SECONDS = 20


def check_sandbox(name: str, config: BaseModel | str | None = None) -> None:
    """See that a sandbox can be had.

    Args:
        name: A provider of Inspect's.
        config: Its configuration, if any.

    Raises:
        ModelError: it is unknown, not installed, or cannot work on this machine.
    """
    if name == "local":
        raise _error(
            "local is no sandbox: the agent would run commands on this machine as you",
            "choose bubblewrap or docker",
        )
    if name == "bubblewrap":
        _check_configuration(config)
        trouble = host.problem()
    elif name == "docker":
        trouble = _docker_problem()
    else:
        trouble = _unknown(name)
    if trouble is not None:
        raise _error(*trouble)


def _check_configuration(config: BaseModel | str | None) -> None:
    if config is not None and not isinstance(config, BubblewrapConfig):
        raise _error(f"bubblewrap takes no configuration {config!r}", "give a BubblewrapConfig")


def _docker_problem() -> tuple[str, str] | None:
    """Why there is no Docker, and what to do; None where there is."""
    fix = "install Docker Engine (https://docs.docker.com/engine/install/), or choose bubblewrap"
    if shutil.which("docker") is None:
        return "docker is not installed", fix
    for command, what in (
        (["docker", "version", "--format", "{{.Server.Version}}"], "the Docker engine"),
        (["docker", "compose", "version"], "Docker Compose"),
    ):
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DOCKER_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return f"{what} does not answer", fix
        if done.returncode != 0:
            said = (done.stderr.strip() or "it says nothing").splitlines()[0]
            if what == "Docker Compose":
                return "Docker Compose is not installed", fix
            return f"{what} does not answer ({said})", "start it, or choose bubblewrap"
    return None


def _unknown(name: str) -> tuple[str, str] | None:
    """What is wrong with a name that is not known; None where Inspect knows it."""
    from inspect_ai._util.registry import registry_find, registry_info, registry_unqualified_name
    from inspect_ai.util._sandbox.registry import registry_has_sandboxenv

    if registry_has_sandboxenv(name):
        return None
    if name in PACKAGES:
        return (
            f"the sandbox {name} needs a package that is not installed",
            f"pip install {PACKAGES[name]}",
        )
    found = registry_find(lambda info: info.type == "sandboxenv")
    names = {registry_unqualified_name(registry_info(one)) for one in found}
    known = sorted({*names, *PACKAGES, "bubblewrap", "docker"} - {"local"})
    return (
        f"there is no sandbox {name}",
        did_you_mean(name, known) or f"choose one of {', '.join(known)}",
    )


def _error(what: str, fix: str) -> ModelError:
    return ModelError(what, where="sandbox", fix=fix)
