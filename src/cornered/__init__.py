"""cornered: what a language-model agent does when it is cornered, measured.

    import cornered

    result = cornered.run("blackmail", goal=["explicit", "none"], model="openai/gpt-4.1")
    result.cells                                  # rates with intervals
    result.trials                                 # a data frame, a row a trial
    cornered.report("runs/headline")              # page, figures and tables again
    cornered.compare("runs/one", "runs/other")    # condition by condition; also models and arms
    cornered.load("runs/headline")                # the data frame of a run
    cornered.calibrate("openai/gpt-5.5")          # a judge against labelled answers

What a person can mend is raised as a `CorneredError`. Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cornered.analysis.compare import Comparison, Comparisons
    from cornered.errors import CorneredError
    from cornered.experiment import Experiment
    from cornered.run.api import calibrate, compare, report, run
    from cornered.run.load import load
    from cornered.run.report import Report

__all__ = [
    "Comparison",
    "Comparisons",
    "CorneredError",
    "Experiment",
    "Report",
    "calibrate",
    "compare",
    "load",
    "report",
    "run",
]

_WHERE = {
    "Comparison": "cornered.analysis.compare",
    "Comparisons": "cornered.analysis.compare",
    "CorneredError": "cornered.errors",
    "Experiment": "cornered.experiment",
    "Report": "cornered.run.report",
    "calibrate": "cornered.run.api",
    "compare": "cornered.run.api",
    "load": "cornered.run.load",
    "report": "cornered.run.api",
}


def __getattr__(name: str) -> Any:
    # Only when it is asked for, so that `import cornered` stays light.
    if name == "run":  # a room of the package, which can be called
        return import_module("cornered.run")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
