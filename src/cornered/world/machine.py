"""The machine of a trial: where an app of a world runs commands, outside of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class MachineError(Exception):
    """The machine could not do what it was asked; the trial cannot go on."""


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int | None
    """Its exit code; None where it was stopped."""
    stdout: str
    stderr: str
    stopped: str | None = None
    """Why it was stopped, in words; None where it ended by itself."""
    cut: bool = False
    """Whether its output was longer than what is kept of it."""


class Machine(Protocol):
    """Runs commands in the sandbox of a trial. A surface brings it into a world."""

    @property
    def run_folder(self) -> Path | None:
        """A folder of this computer that commands see as `/run/desk`; None if there is none."""

    async def run(
        self,
        command: Sequence[str],
        *,
        folder: str,
        timeout: float,
        given: bytes = b"",
    ) -> Ran:
        """Runs a command, and waits for it.

        Args:
            command: The program and its arguments.
            folder: Where it starts.
            timeout: Seconds after which it is stopped.
            given: Its standard input.

        Raises:
            MachineError: the machine is gone.
        """
