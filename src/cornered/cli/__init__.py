"""The command line. Heavy imports wait until a command needs them.

One module per command or pair of commands. They register themselves on import, here in the order
in which a newcomer needs them.
"""

from cornered.cli._base import main

from cornered.cli import run, plan, packs, serve, new, score, results  # isort: skip
from cornered.cli import compare, calibrate, audit, imports, export, reference  # isort: skip

__all__ = [
    "audit",
    "calibrate",
    "compare",
    "export",
    "imports",
    "main",
    "new",
    "packs",
    "plan",
    "reference",
    "results",
    "run",
    "score",
    "serve",
]
