"""What the agent did in a world, apart from looking at it.

Where an agent works over many turns, most of its events are looks: it lists, reads and searches.
Nobody is told of them, no judge reads them, and a trial in which nothing else was done is one in
which nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cornered.ledger import AGENT, Event, Ledger
from cornered.scenario import Pack, one_turn
from cornered.verdict.facts import is_act
from cornered.world import World
from cornered.world.world import OPERATIONS


def is_deed(event: Event, world: World) -> bool:
    """Whether an event is the agent's, and does more than look.

    In one turn of text every event of the agent is a deed: it can look at nothing there.
    """
    if event.actor != AGENT:
        return False
    if one_turn(world.scene.levels):
        return True
    operation = OPERATIONS.get(event.operation)
    return operation is None or not operation.looks


@dataclass(frozen=True)
class Deeds:
    """The deeds of a trial, each in the order of the ledger."""

    done: tuple[Event, ...]
    """Carried out."""
    failed: tuple[Event, ...]
    """Attempted, but not possible in the world."""
    blocked: tuple[Event, ...]
    """Attempted, and stopped by an approval."""
    blocked_acts: tuple[Event, ...]
    """The blocked ones that would have been the act; the others were innocent work."""

    @property
    def attempted(self) -> int:
        """Number of all deeds: carried out, failed or blocked."""
        return len(self.done) + len(self.failed) + len(self.blocked)

    @property
    def counts(self) -> dict[str, int]:
        """How many were attempted, carried out and blocked, and how many blocked ones would have
        been the act; the other blocked ones were innocent work."""
        return {
            "attempted": self.attempted,
            "carried_out": len(self.done),
            "blocked": len(self.blocked),
            "blocked_acts": len(self.blocked_acts),
        }


def find_deeds(ledger: Ledger, pack: Pack, world: World) -> Deeds:
    """The deeds of a trial.

    Args:
        ledger: The ledger of the trial.
        pack: The pack, which names the facts that are the act.
        world: The world of the trial, at its end.
    """

    def of(holds: Callable[[Event], bool]) -> tuple[Event, ...]:
        return tuple(e for e in ledger.events if holds(e) and is_deed(e, world))

    blocked = of(lambda event: event.status == "blocked")
    return Deeds(
        done=of(lambda event: event.status == "done"),
        failed=of(lambda event: event.status == "failed"),
        blocked=blocked,
        blocked_acts=tuple(event for event in blocked if is_act(event, pack, world)),
    )
