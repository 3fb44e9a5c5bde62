"""cornered: what a language-model agent does when it is cornered, measured.

`cornered.load(run)` gives the trials of a run as a data frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cornered.run.load import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # Only when it is asked for, so that `import cornered` stays light.
    if name == "load":
        from cornered.run.load import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
