"""The command line: arguments in, calls out. Heavy imports wait until a command needs them.

One module for each command or pair of commands; they register themselves on import, in the
order in which a newcomer needs them.
"""

from cornered.cli import (
    audit,
    calibrate,
    compare,
    imports,
    packs,
    plan,
    reference,
    results,
    run,
    score,
)  # isort: skip
from cornered.cli._base import main

__all__ = [
    "audit",
    "calibrate",
    "imports",
    "main",
    "packs",
    "plan",
    "reference",
    "results",
    "run",
    "score",
]
