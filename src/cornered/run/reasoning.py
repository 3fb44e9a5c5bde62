"""Whether models that were to reason by themselves did so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cornered.analysis.names import CellNames
    from cornered.analysis.trials import TrialResult


def unreasoned(trials: Iterable[TrialResult], names: CellNames) -> Iterator[str]:
    """A sentence on each model that never reasoned in its cells with `reasoning=native`.

    Args:
        trials: The trials of a run; those whose log does not record reasoning are left out.
        names: What the conditions of the run are called.
    """
    native: dict[str, dict[str, list[bool]]] = {}
    for trial in trials:
        if trial.factors.get("reasoning") != "native" or trial.status == "failed":
            continue
        if trial.reasoned is not None:
            cells = native.setdefault(trial.model, {})
            cells.setdefault(trial.condition, []).append(trial.reasoned)
    for model, cells in native.items():
        silent = {condition: len(rows) for condition, rows in cells.items() if not any(rows)}
        if silent:
            first, *others = silent
            more = f" and {len(others)} more" if others else ""
            yield (
                f"Native reasoning: 0 of {sum(silent.values())} trials of {model} reasoned "
                f"({names.said(first)}{more}), so these cells measure it without reasoning; if it "
                "reasons only when asked to, set reasoning_effort or reasoning_tokens."
            )
