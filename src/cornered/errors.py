"""All errors of the package; each prints as one line: where, what, what to do."""

from __future__ import annotations


class CorneredError(Exception):
    """An error that the user can fix, in one line.

    Args:
        what: What is wrong, without a full stop.
        where: A file, `file:line`, a key or a scenario; printed first.
        fix: What to do, as an imperative.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(str(self))

    @property
    def advice(self) -> str:
        """What is wrong and what to do, without the place."""
        return f"{self.what}; {self.fix}" if self.fix else self.what

    def __str__(self) -> str:
        line = f"{self.where}: {self.advice}" if self.where else self.advice
        return " ".join(line.split())


class PackError(CorneredError):
    """A scenario pack that cannot be loaded or rendered, or that fails the lint."""


class FactorError(CorneredError):
    """An unknown scenario, factor or level, or an invalid combination."""


class ExperimentError(CorneredError):
    """An invalid experiment file, or settings that cannot be run."""


class RunError(CorneredError):
    """A run folder of another experiment, or a run that cannot start."""


class ModelError(CorneredError):
    """An unavailable model: no key, no package, no weights, no such policy."""


class InputError(CorneredError):
    """A file to import that cannot be read."""
