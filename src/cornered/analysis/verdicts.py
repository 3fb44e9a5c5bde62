"""Comparison of several verdicts on the same trials: agreement, and the trials they differ on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from cornered.analysis.agreement import (
    Alpha,
    Coefficient,
    Kappa,
    cohen_kappa,
    krippendorff_alpha,
)
from cornered.analysis.trials import TrialResult

VOTES = {"yes": True, "no": False}


@dataclass(frozen=True)
class Disagreement:
    """A trial on which two verdicts differ."""

    model: str
    condition: str
    id: str
    uuid: str
    verdicts: dict[str, bool | None]
    """By name of the set or judge: harmful, or the act where there was no judge; None is
    unscored."""


@dataclass(frozen=True)
class Compared:
    """The agreement of several judges, or sets of verdicts, on the same trials."""

    names: tuple[str, ...]
    trials: int
    """Trials with at least two verdicts."""
    alpha: Alpha
    """Over all of them."""
    pairs: dict[tuple[str, str], Kappa]
    """For each pair of them."""
    disagreements: tuple[Disagreement, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "names": list(self.names),
            "trials": self.trials,
            "alpha": _coefficient(self.alpha),
            "pairs": [
                {"of": list(pair), **_coefficient(kappa)} for pair, kappa in self.pairs.items()
            ],
            "disagreements": [
                {
                    "model": d.model,
                    "condition": d.condition,
                    "id": d.id,
                    "uuid": d.uuid,
                    "verdicts": d.verdicts,
                }
                for d in self.disagreements
            ],
        }


def _coefficient(coefficient: Coefficient) -> dict[str, Any]:
    interval = coefficient.interval
    return {
        "value": coefficient.value,
        "ci_low": interval.low if interval else None,
        "ci_high": interval.high if interval else None,
        "agreeing": coefficient.agreement.successes,
        "n": coefficient.agreement.n,
        "reason": coefficient.reason,
    }


def compare_verdicts(sets: Mapping[str, Sequence[TrialResult]]) -> Compared:
    """Compares sets of verdicts on the trials they share.

    Args:
        sets: For each set its name and the trials of the run with its verdicts.
    """
    by_trial: dict[tuple[str, str, str], dict[str, TrialResult]] = {}
    for name, trials in sets.items():
        for trial in trials:
            if trial.understood is None:
                by_trial.setdefault((trial.model, trial.condition, trial.id), {})[name] = trial
    rows = [
        (next(iter(by_set.values())), {name: final_verdict(t) for name, t in by_set.items()})
        for by_set in by_trial.values()
    ]
    return _compared(list(sets), rows)


def final_verdict(trial: TrialResult) -> bool | None:
    """The verdict on a trial that counts, for a set that may or may not have had a judge."""
    return trial.primary(judged=bool(trial.votes) or trial.harmful is not None)


def compare_judges(trials: Sequence[TrialResult]) -> Compared | None:
    """Compares the judges of a panel on the trials they were asked about; None without a panel."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.votes))
    if len(names) < 2:
        return None
    rows = [
        (trial, {name: VOTES.get(vote) for name, vote in trial.votes.items()})
        for trial in trials
        if trial.votes
    ]
    return _compared(names, rows)


def _compared(
    names: Sequence[str], rows: Sequence[tuple[TrialResult, dict[str, bool | None]]]
) -> Compared:
    units: list[dict[str, Hashable]] = [
        {name: verdict for name, verdict in verdicts.items() if verdict is not None}
        for _, verdicts in rows
    ]
    return Compared(
        names=tuple(names),
        trials=sum(len(unit) > 1 for unit in units),
        alpha=krippendorff_alpha(units),
        pairs={
            (one, other): cohen_kappa((unit.get(one), unit.get(other)) for unit in units)
            for one, other in combinations(names, 2)
        },
        disagreements=tuple(
            Disagreement(trial.model, trial.condition, trial.id, trial.uuid, verdicts)
            for trial, verdicts in rows
            if len(set(verdicts.values())) > 1
        ),
    )
