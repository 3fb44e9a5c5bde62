"""Where a shell's commands run: our sandbox of bubblewrap, and whether another can be had."""

from cornered.surface.sandbox.check import check_sandbox
from cornered.surface.sandbox.config import BubblewrapConfig
from cornered.surface.sandbox.provider import BubblewrapSandbox, CommandResult, CommandTimeout

__all__ = [
    "BubblewrapConfig",
    "BubblewrapSandbox",
    "CommandResult",
    "CommandTimeout",
    "check_sandbox",
]
