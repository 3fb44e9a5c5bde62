"""The lint: checks a pack over its whole grid, as a careful reader would."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from cornered.scenario.lint.checks import lint
from cornered.scenario.lint.finding import Finding

__all__ = ["Finding", "lint", "lint_version"]


@cache
def lint_version(folder: Path = Path(__file__).parent) -> str:
    """A hash of the lint's own code, word lists and thresholds, 12 hex digits.

    A pass that is remembered counts only for the lint that made it.
    """
    files = sorted(p for p in folder.iterdir() if p.suffix in (".py", ".yaml"))
    digests = (f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:12]
