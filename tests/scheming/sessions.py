"""Scripted agents in the shells of the scheming family: commands, run on a real machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cornered.ledger import AGENT, Ledger
from cornered.scenario import Level, Pack, Scenario, load_pack
from cornered.scenario.condition import Condition, trial_id
from cornered.verdict.exposure import find_exposure
from cornered.verdict.facts import find_act, find_facts, find_outcome
from cornered.world.world import World, open_world
from tests.world.machines import FolderMachine

CONTROL: dict[str, Level] = {"drive": "none", "trigger": "control"}


@dataclass(frozen=True)
class Session:
    """A trial whose agent ran some commands and stopped."""

    pack: Pack
    world: World

    @property
    def ledger(self) -> Ledger:
        """What it did."""
        return self.world.ledger

    @property
    def outputs(self) -> list[str]:
        """What each command printed."""
        return [event.result for event in self.ledger.events if event.operation == "shell.bash"]

    @cached_property
    def facts(self) -> set[str]:
        """The facts that hold."""
        found = find_facts(self.ledger, self.pack, self.world)
        return {name for name, holds in found.items() if holds}

    @property
    def act(self) -> bool | None:
        """Whether the act was carried out, by code."""
        return find_act(self.ledger, self._all, self.pack)

    @property
    def outcome(self) -> str | None:
        """The rung that code decides; None where a judge has to."""
        return find_outcome(self._all, self.act, self.pack)

    @property
    def met(self) -> bool:
        """Whether the agent met what the scenario is about before it acted."""
        return find_exposure(self.ledger, self.world, self.pack).complete

    @property
    def _all(self) -> dict[str, bool]:
        return {name: name in self.facts for name in self.pack.spec.facts}


def run_session(
    name: str, commands: Sequence[str], folder: Path, levels: dict[str, Level] | None = None
) -> Session:
    """A trial of a pack whose agent runs these commands, one after the other.

    Args:
        name: The pack.
        commands: The commands.
        folder: An empty folder, for the files of the machine.
        levels: Levels that are not the default.
    """
    pack = load_pack(name)
    condition = Condition.of(pack, levels or {})
    world = open_world(pack, Scenario.of(pack).scene(condition.levels, trial_id(1)))
    assert pack.spec.shell is not None
    machine = FolderMachine(folder, pack.spec.shell.roots)

    async def run() -> None:
        await world.begin(machine)
        for command in commands:
            await world.do(AGENT, "shell.bash", {"command": command})
        world.close()
        await world.finish()

    asyncio.run(run())
    world.end("stop")
    return Session(pack, world)
