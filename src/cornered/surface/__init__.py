"""Surfaces: how an agent acts in a world. They turn its answers into operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, ModelOutput
from inspect_ai.solver import Solver

from cornered.ledger import Ledger
from cornered.scenario import Scenario
from cornered.scenario.condition import Trial
from cornered.world import World


class Surface(Protocol):
    """One way of acting in a world."""

    name: str
    """The level of the factor `surface`."""

    def prompt(self, scenario: Scenario, trial: Trial) -> Sequence[ChatMessage]:
        """The agent's first messages in a trial: its system prompt and its task.

        Raises:
            PackError: a template cannot be rendered.
        """
        rendered = scenario.prompt(trial.condition.levels, trial.draw)
        return [
            ChatMessageSystem(content=rendered.system),
            ChatMessageUser(content=rendered.task),
        ]

    def solver(
        self, pack: str, command: str | None = None, block_at: float | None = None
    ) -> Solver:
        """A solver that lets the agent act, and stores the ledger in the sample's store.

        Args:
            pack: Name of the scenario, or folder of the pack.
            command: The command of the agent, where it is a program of its own.
            block_at: The suspicion from which a monitor blocks, from 0 to 100; its default if
                None.
        """

    async def read(self, world: World, output: ModelOutput) -> Ledger:
        """The ledger of an answer, for logs that store no ledger."""
