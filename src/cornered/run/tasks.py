"""A condition as an Inspect task: one sample per draw, everything explicit."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import generate

from cornered._registry import verdict
from cornered.cache import cache_folder
from cornered.errors import PackError
from cornered.experiment import Condition, trial_id
from cornered.scenario import Finding, Level, Pack, Renderer, World, lint, load_pack


def trials(condition: Condition, world: World, pack: Pack, count: int) -> MemoryDataset:
    """The draws of a condition as samples: equal prompts, ids that stay when more are added."""
    metadata: dict[str, Any] = {
        "condition": condition.name,
        "scenario": condition.pack_name,
        "control": condition.is_control,
        "factors": condition.levels,
        "pack_version": pack.version,
    } | {f"factor_{k}": v for k, v in condition.levels.items()}
    prompt: list[ChatMessage] = [
        ChatMessageSystem(content=world.system),
        ChatMessageUser(content=world.task),
    ]
    return MemoryDataset(
        [Sample(id=trial_id(n), input=prompt, metadata=metadata) for n in range(1, count + 1)],
        name=condition.name,
    )


@cache
def _findings(folder: Path, version: str) -> tuple[Finding, ...]:
    """The lint of a pack, once for each text of it: what has passed is remembered on disk."""
    stamp = cache_folder() / "lint" / f"{package_version('cornered')}-{version}"
    if stamp.exists():
        return ()
    findings = tuple(lint(load_pack(str(folder))))
    if not findings:
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time only
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()
    return findings


def checked_pack(scenario: str) -> Pack:
    """A pack that passes the lint.

    Raises:
        FactorError: there is no such scenario.
        PackError: it cannot be loaded, or fails the lint (first finding).
    """
    pack = load_pack(scenario)
    if findings := _findings(pack.folder, pack.version):
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise PackError(
            findings[0].what + more, where=findings[0].where, fix=f"see `cornered check {scenario}`"
        )
    return pack


def condition_task(scenario: str, given: Mapping[str, Level | None], samples: int) -> Task:
    """The Inspect task of one condition.

    Args:
        scenario: Name of the scenario, or folder of a pack.
        given: Factor to level; factors that are None or absent have their default.
        samples: Number of trials.

    Raises:
        FactorError: unknown scenario, factor or level, or an invalid combination.
        PackError: the pack fails the lint (first finding) or cannot be rendered.
    """
    pack = checked_pack(scenario)
    condition = Condition.of(pack, {k: v for k, v in given.items() if v is not None}, scenario)
    world = Renderer(pack).world(condition.levels)
    return Task(
        dataset=trials(condition, world, pack, samples),
        solver=generate(),
        scorer=verdict(scenario),
        display_name=condition.name,
        # A changed text must be a new identity, or it would resume into the old draws.
        version=pack.version,
        metadata={"condition": condition.name, "control": condition.is_control},
    )
