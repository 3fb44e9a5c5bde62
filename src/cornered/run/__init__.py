"""Experiments on Inspect's `eval_set`: tasks, run folders, resume, reports.

`cornered.run` is both this package and the function that runs an experiment, so the module is
callable.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """This package; calling it runs an experiment."""

    @property
    def __wrapped__(self) -> Any:
        """The function, for `help` and `inspect.signature`."""
        from cornered.run.api import run

        return run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs an experiment; see `cornered.run.api.run`."""
        return self.__wrapped__(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
