"""How a run was made: what its page says of it, from the experiment as it was resolved."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ruamel.yaml import YAML

from cornered.analysis.card import Card, Grade, rubric_version
from cornered.analysis.table import Cell, TrialResult
from cornered.experiment import Experiment
from cornered.text import shorten


@dataclass(frozen=True)
class Methods:
    """How a run was made, as its page says it."""

    begun: datetime
    """UTC."""
    versions: Mapping[str, str]
    """Of what the trials hang on, by name."""
    packs: Mapping[str, Mapping[str, str]]
    """For each scenario its files and their sha256."""
    card: Card | None
    """What is known of the judge."""
    command: str
    """The command that makes such a run, with `EXPERIMENT.yaml` for the file on the page."""
    source: str = ""
    """Where the trials came from, of a run that was not made here."""


@dataclass(frozen=True)
class GradeLine:
    """What a judge's card says of one scenario."""

    scenario: str
    grade: Grade | None
    """None where it says nothing under this rubric."""


def grades(methods: Methods) -> list[GradeLine]:
    """What the judge's card says of each scenario of the run."""
    card = methods.card
    return [
        GradeLine(name, card.grade(name, rubric_version(files)) if card else None)
        for name, files in methods.packs.items()
    ]


def as_yaml(experiment: Experiment) -> str:
    """The experiment with every setting, as a file that `cornered run` reads."""
    plain: dict[str, Any] = experiment.model_dump(mode="json")
    out = io.StringIO()
    writer = YAML()
    writer.default_flow_style = None
    writer.width = 100
    writer.dump(plain, out)
    return out.getvalue()


@dataclass(frozen=True)
class Excluded:
    """Trials that are in no rate, and why."""

    why: str
    trials: int


def excluded(
    table: Sequence[Cell], trials: Sequence[TrialResult], *, judged: bool
) -> list[Excluded]:
    """The trials that are in no rate, by reason, most frequent first; those not run last."""
    probes = {(c.model, c.condition) for c in table if c.probe}
    reasons = Counter(
        f"{t.status if t.status != 'scored' else 'the act, without a verdict'}"
        f": {shorten(' '.join(t.reason.split()), 160) if t.reason else 'no reason given'}"
        for t in trials
        if t.without_verdict(judged=judged and (t.model, t.condition) not in probes)
    )
    listed = [Excluded(why, n) for why, n in reasons.most_common(20)]
    if rest := sum(reasons.values()) - sum(e.trials for e in listed):
        listed.append(Excluded("other reasons", rest))
    if missing := sum(c.missing for c in table):
        listed.append(Excluded("not run", missing))
    return listed


def dates(trials: Sequence[TrialResult]) -> tuple[datetime, datetime] | None:
    """When the first trial began and the last ended; None where the logs do not say."""
    begun = [t.started for t in trials if t.started]
    ended = [t.completed for t in trials if t.completed]
    return (min(begun), max(ended)) if begun and ended else None


def unknown(table: Sequence[Cell]) -> int:
    """Trials without the verdict that counts."""
    return sum(c.primary.unknown for c in table)
