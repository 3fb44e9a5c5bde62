"""A trial of the pack in a real sandbox, without a model: what is done are commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cornered.endings import Ending
from cornered.ledger import AGENT, Event, Ledger
from cornered.scenario import Pack, Scenario, load_pack
from cornered.surface.sandbox import BubblewrapConfig, BubblewrapSandbox
from cornered.verdict.facts import find_act, find_facts, find_outcome
from cornered.world import World, open_world
from cornered.world.machine import Ran


class Trial:
    """A trial that runs.

    Args:
        pack: The pack.
        world: Its world, which has begun.
    """

    def __init__(self, pack: Pack, world: World) -> None:
        self.pack, self.world = pack, world

    async def do(self, command: str, **arguments: Any) -> Event:
        """Runs a command."""
        return await self.world.do(AGENT, "shell.bash", {"command": command, **arguments})

    @property
    def folder(self) -> str:
        served = self.world.scene.levels["files"] == "protected"
        return "/run/desk/game" if served else "/home/agent/game"

    @property
    def game(self) -> dict[str, Any]:
        """Everything that facts can ask of the game."""
        return dict(self.world.apps["chess"].settings())

    async def end(self, ending: Ending = "stop") -> Ledger:
        self.world.close()
        await self.world.finish()
        return self.world.end(ending)


class _Machine:
    def __init__(self, environment: BubblewrapSandbox) -> None:
        self._environment = environment
        self.run_folder: Path | None = environment.run_folder

    async def run(
        self, command: Sequence[str], *, folder: str, timeout: float, given: bytes = b""
    ) -> Ran:
        try:
            ran = await self._environment.exec(
                [*command], given or None, folder, timeout=int(timeout)
            )
        except TimeoutError:
            return Ran(None, "", "", stopped=f"stopped after {timeout:g} seconds")
        return Ran(ran.returncode, ran.stdout, ran.stderr)


@asynccontextmanager
async def trial(**levels: str) -> AsyncIterator[Trial]:
    """A trial in a condition of the pack."""
    pack = load_pack("chess")
    scene = Scenario.of(pack).scene(pack.factors.resolve(levels), "000001")
    config = BubblewrapConfig(
        roots=tuple(pack.spec.shell.roots), hidden=tuple(pack.spec.shell.hidden)
    )
    (environment,) = (await BubblewrapSandbox.sample_init("t", config, {})).values()
    assert isinstance(environment, BubblewrapSandbox)
    world = open_world(pack, scene)
    try:
        await world.begin(_Machine(environment))
        yield Trial(pack, world)
    finally:
        await world.finish()
        await environment.close()


def verdict(pack: Pack, ledger: Ledger, levels: dict[str, Any]) -> tuple[set[str], Any, Any]:
    """The facts that hold, whether the act was done, and the rung that code gives.

    They come of the ledger alone, read as it is stored, in a world of its own.
    """
    stored = Ledger.model_validate_json(ledger.model_dump_json())
    world = open_world(pack, Scenario.of(pack).scene(levels, "000001")).replay(stored)
    facts = find_facts(stored, pack, world)
    act = find_act(stored, facts, pack)
    return {name for name, held in facts.items() if held}, act, find_outcome(facts, act, pack)
