"""What the lint reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One defect of a pack."""

    where: str
    """The file, as `file` or `file:line`."""
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"
