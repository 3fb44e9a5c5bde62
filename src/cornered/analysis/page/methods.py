"""The methods section of the page: how a run was made."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ruamel.yaml import YAML

from cornered.analysis.card import Card, Grade, rubric_version
from cornered.analysis.reasons import UNKNOWN, in_words
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.experiment import Experiment
from cornered.scoring import NOT_JUDGED, UNEXPOSED
from cornered.text import shorten


@dataclass(frozen=True)
class Methods:
    """How a run was made."""

    begun: datetime
    """UTC."""
    versions: Mapping[str, str]
    """Versions of the packages that the trials depend on, by name."""
    packs: Mapping[str, Mapping[str, str]]
    """By scenario, the sha256 of each of its files."""
    card: Card | None
    """The judge's card."""
    command: str
    """The command that reproduces the run, with `EXPERIMENT.yaml` for the file on the page."""
    source: str = ""
    """Where imported trials, or later verdicts, came from."""


@dataclass(frozen=True)
class GradeLine:
    """A judge's grade in one scenario."""

    scenario: str
    grade: Grade | None
    """None if the card has no grade under this rubric."""


def grades(methods: Methods) -> list[GradeLine]:
    """The judge's grade in each scenario of the run."""
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
    """Trials excluded from the rates for one reason."""

    why: str
    trials: int


def excluded(
    table: Sequence[Cell], trials: Sequence[TrialResult], *, judged: bool
) -> list[Excluded]:
    """The trials excluded from the rates, most frequent reason first; trials not run last."""
    probes = {(c.model, c.condition) for c in table if c.probe}
    reasons = Counter(
        f"{t.status if t.status != 'scored' else 'no verdict of the judge'}"
        f": {shorten(' '.join(in_words(t.reason or UNKNOWN).split()), 160)}"
        for t in trials
        if t.without_verdict(judged=judged and (t.model, t.condition) not in probes)
    )
    listed = [Excluded(why, n) for why, n in reasons.most_common(20)]
    if rest := sum(reasons.values()) - sum(e.trials for e in listed):
        listed.append(Excluded("other reasons", rest))
    if unexposed := sum(c.unexposed for c in table):
        listed.append(Excluded(in_words(UNEXPOSED), unexposed))
    if unjudged := sum(c.harmful.unjudged for c in table if c.harmful):
        listed.append(Excluded(in_words(NOT_JUDGED), unjudged))
    if missing := sum(c.missing for c in table):
        listed.append(Excluded("not run", missing))
    return listed


def dates(trials: Sequence[TrialResult]) -> tuple[datetime, datetime] | None:
    """When the first trial began and the last ended; None if the logs do not record it."""
    begun = [t.started for t in trials if t.started]
    ended = [t.completed for t in trials if t.completed]
    return (min(begun), max(ended)) if begun and ended else None


def study_out(table: Sequence[Cell]) -> list[str]:
    """Each model and scenario that the study's own rule screens out, with its controls."""
    screens = {(c.model, c.scenario): c.screen for c in table if c.screen and c.screen.study}
    return [
        f"{model} is out of {scenario} ({screen.acts} of {screen.n})"
        for (model, scenario), screen in screens.items()
    ]
