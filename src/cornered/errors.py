"""The one tree of errors: each is a single line that says what, where and what to do."""

from __future__ import annotations


class CorneredError(Exception):
    """Something a person can mend, told in one line.

    Args:
        what: What is wrong, without a full stop.
        where: The place: a file, `file:line`, a key, a scenario. Printed first.
        fix: What to do about it, as an imperative.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.fix:
            line += f"; {self.fix}"
        return " ".join(line.split())


class PackError(CorneredError):
    """A scenario pack that cannot be loaded, rendered or passed by the lint."""


class FactorError(CorneredError):
    """An unknown scenario, factor or level, or a combination that means nothing."""


class ExperimentError(CorneredError):
    """An experiment file that says something we cannot do."""


class RunError(CorneredError):
    """A run folder that belongs to something else, or a run that cannot start."""


class ModelError(CorneredError):
    """A model that cannot be had: no key, no package, no weights, no such policy."""


class InputError(CorneredError):
    """A file of other people's results that cannot be read."""
