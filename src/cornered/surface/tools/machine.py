"""The sandbox of a trial, as Inspect gives it, for the apps of a world that run commands."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from inspect_ai.util import OutputLimitExceededError, sandbox
from inspect_ai.util._sandbox.events import SandboxEnvironmentProxy

from cornered.world.machine import Ran


class SandboxMachine:
    """Runs commands in a sandbox of Inspect.

    Args:
        environment: The sandbox.
    """

    def __init__(self, environment: SandboxEnvironmentProxy) -> None:
        self._environment = environment

    @property
    def run_folder(self) -> Path | None:
        """The folder that the sandbox sees as `/run/desk`; None where its provider has none."""
        return getattr(self._environment._sandbox, "run_folder", None)

    async def run(
        self, command: Sequence[str], *, folder: str, timeout: float, given: bytes = b""
    ) -> Ran:
        """Runs a command, and waits for it; what it may not do is said in the result.

        The calls of the ledger are in the log already, so none is logged as an event of its own.
        """
        try:
            with self._environment.no_events():
                ran = await self._environment.exec(
                    list(command),
                    input=given or None,
                    cwd=folder,
                    timeout=max(1, round(timeout)),
                    timeout_retry=False,
                )
        except TimeoutError as e:
            printed = getattr(e, "truncated_output", None) or ""
            return Ran(None, printed, "", stopped=f"stopped after {timeout:g} seconds")
        except OutputLimitExceededError as e:
            return Ran(
                None, e.truncated_output or "", "", stopped="stopped: too much output", cut=True
            )
        except UnicodeDecodeError:
            return Ran(None, "", "", stopped="its output was no text")
        except PermissionError as e:
            return Ran(126, "", str(e))
        except OSError as e:
            if e.errno != errno.E2BIG:
                raise
            return Ran(126, "", "bash: Argument list too long")
        # What our own provider tells beside Inspect's result.
        limit = getattr(ran, "stopped", None)
        return Ran(
            ran.returncode,
            ran.stdout,
            ran.stderr,
            stopped=f"stopped at its limit of {limit}" if limit else None,
            cut=bool(getattr(ran, "cut", 0)),
        )


def machine_of_trial() -> SandboxMachine | None:
    """The machine of the trial that runs now; None where its task has no sandbox."""
    try:
        environment = sandbox()
    except ProcessLookupError:
        return None
    assert isinstance(environment, SandboxEnvironmentProxy)  # Inspect gives no other
    return SandboxMachine(environment)
