"""The world of a trial: its apps, their operations, and the ledger of what was done."""

from cornered.world.app import App, Enclosed, EventView, Operation, operation
from cornered.world.world import World, at_once, check_apps, check_computer, open_world

__all__ = [
    "App",
    "Enclosed",
    "EventView",
    "Operation",
    "World",
    "at_once",
    "check_apps",
    "check_computer",
    "open_world",
    "operation",
]
