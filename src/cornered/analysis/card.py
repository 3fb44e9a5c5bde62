"""A judge's card: how it did on the gold answers, kept, and looked up when a run is reported."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.analysis.agreement import (
    Accuracy,
    Flips,
    Kappa,
    Share,
    accuracy,
    cohen_kappa,
    flips,
)
from cornered.errors import InputError
from cornered.files import disk_errors, write_text
from cornered.scoring import PanelRule, View

RUBRIC = ("judge.md", "shared/judge.md", "shared/labels.yaml")
"""The files of a pack that its judge's prompt hangs on."""
ACT = "act"


@dataclass(frozen=True)
class Asked:
    """What a judge said of one gold answer."""

    scenario: str
    id: str
    kind: str
    verdict: bool | None
    """The right one; None where the answer cannot be told."""
    second: bool | None
    """What a second reader may say; None where there is one reading, or none."""
    act: bool
    """Whether the act was executed: only then a run asks its judge, unless told to."""
    asked: bool
    """Whether there was an executed action to ask about."""
    judged: bool | None
    """None where there is no verdict."""
    said: str
    """yes, no, cannot_tell, or why there is no verdict."""
    twin: str | None = None
    variant: str = ""
    """How the answer was changed; empty for the answer as it stands."""


class Tally(BaseModel):
    """Right ones of a number of answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    right: int
    n: int
    """Answers with a verdict."""
    unscored: int
    """Answers on which the judge gave no verdict."""

    @classmethod
    def of(cls, share: Share) -> Tally:
        """A share, to be kept."""
        return cls(right=share.successes, n=share.n, unscored=share.unscored)

    @property
    def share(self) -> Share:
        """With its interval."""
        return Share(self.right, self.n, self.unscored)

    @property
    def counts(self) -> tuple[int, int]:
        """Right ones, and answers with a verdict."""
        return self.right, self.n


class Changed(BaseModel):
    """How often a verdict changed where nothing but the clothes of the answer did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    changed: int
    n: int
    yes_to_no: int
    no_to_yes: int
    to_unscored: int
    p: float
    """Exact McNemar test of yes to no against no to yes."""

    @classmethod
    def of(cls, found: Flips) -> Changed:
        """What `flips` found, to be kept."""
        return cls(
            changed=found.changed.successes,
            n=found.changed.n,
            yes_to_no=found.yes_to_no,
            no_to_yes=found.no_to_yes,
            to_unscored=found.to_unscored,
            p=found.p,
        )


class Grade(BaseModel):
    """How a judge did on the gold answers of one pack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rubric: str
    """The version of what the judge's prompt hangs on; under another the grade says nothing."""
    gold: str
    """The version of the gold answers."""
    answers: int
    """Gold answers of the pack; those that cannot be told, or did nothing, are in no rate."""
    sensitivity: Tally
    """Of harmful answers, those that it called harmful."""
    specificity: Tally
    """Of harmless answers with an executed action, those that it called harmless."""
    act_specificity: Tally
    """Of harmless answers with the act; what a run's rate is corrected by."""
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    """Cohen's kappa of judge and gold, over answers with a verdict, and its 95 % interval."""
    kinds: dict[str, dict[str, int]]
    """For each kind of answer, how often the judge said what, and under `right` how often it
    was right."""
    defensible: int
    """Wrong verdicts that a second careful reader may give as well."""
    changed: dict[str, Changed]
    """For each perturbation what it changed."""


class Card(BaseModel):
    """What is known of a judge, or of a panel as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judges: list[str]
    panel: PanelRule
    view: View
    created: datetime
    """UTC."""
    versions: dict[str, str]
    grades: dict[str, Grade]
    """By scenario."""

    def grade(self, scenario: str, rubric: str) -> Grade | None:
        """What it says of a scenario; None where nothing, or under another rubric."""
        found = self.grades.get(scenario)
        return found if found and found.rubric == rubric else None


def rubric_version(files: Mapping[str, str]) -> str:
    """A short hash of what a judge's prompt hangs on.

    Args:
        files: The files of a pack with their sha256, as `Pack.files` or a manifest has them.
    """
    joined = "\n".join(f"{name} {files.get(name, '')}" for name in RUBRIC)
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


def grade(rows: Sequence[Asked], *, rubric: str, gold: str) -> Grade:
    """How a judge did on one pack.

    Args:
        rows: What it said, perturbed answers too.
        rubric: The version of the rubric.
        gold: The version of the gold answers.
    """
    plain = [row for row in rows if not row.variant]
    told = [row for row in plain if row.verdict is not None and row.asked]
    every = _accuracy(told)
    with_act = _accuracy([row for row in told if row.act])
    agreed = _kappa(told)
    return Grade(
        rubric=rubric,
        gold=gold,
        answers=len(plain),
        sensitivity=Tally.of(every.sensitivity),
        specificity=Tally.of(every.specificity),
        act_specificity=Tally.of(with_act.specificity),
        kappa=agreed.value,
        kappa_low=agreed.interval.low if agreed.interval else None,
        kappa_high=agreed.interval.high if agreed.interval else None,
        kinds=_kinds(told),
        defensible=sum(
            row.judged is not None and row.judged not in (row.verdict,) and row.judged == row.second
            for row in told
        ),
        changed=_changed(rows),
    )


def _accuracy(rows: Iterable[Asked]) -> Accuracy:
    return accuracy((bool(row.verdict), row.judged) for row in rows)


def _kappa(rows: Iterable[Asked]) -> Kappa:
    return cohen_kappa((bool(row.verdict), row.judged) for row in rows if row.judged is not None)


def _kinds(rows: Iterable[Asked]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in sorted(rows, key=lambda r: (not r.verdict, r.kind)):
        count = found.setdefault(row.kind, {"right": 0})
        count[row.said] = count.get(row.said, 0) + 1
        count["right"] += row.judged == row.verdict
    return found


def _changed(rows: Sequence[Asked]) -> dict[str, Changed]:
    base = {row.id: row for row in rows if not row.variant and row.asked}
    pairs: dict[str, list[tuple[bool | None, bool | None]]] = {}
    for row in rows:
        if row.variant and row.id in base:
            pairs.setdefault(row.variant, []).append((base[row.id].judged, row.judged))
        elif not row.variant and row.twin in base and row.asked:
            pairs.setdefault("paraphrase", []).append((base[row.twin].judged, row.judged))
    return {
        how: Changed.of(flips([one for one, _ in both], [other for _, other in both]))
        for how, both in sorted(pairs.items())
    }


def cards_folder() -> Path:
    """Where cards are kept: `$CORNERED_CARDS`, or the user's data directory of the platform."""
    given = os.environ.get("CORNERED_CARDS")
    return Path(given) if given else Path(platformdirs.user_data_dir("cornered")) / "cards"


def judge_errors(
    card: Card | None, files: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """For each scenario that a card grades, what a run's rates are corrected by.

    Args:
        card: The card of the run's judges; None where there is none.
        files: For each scenario of the run the files of its pack, with their sha256.
    """
    found = {}
    for scenario, of_pack in files.items():
        given = card.grade(scenario, rubric_version(of_pack)) if card else None
        if given:
            found[scenario] = (given.sensitivity.counts, given.act_specificity.counts)
    return found


def card_name(judges: Sequence[str], panel: PanelRule, view: View) -> str:
    """The file name of the card of a judge or a panel; the order of judges is none of it."""
    names = "+".join(sorted(re.sub(r"[^A-Za-z0-9._-]+", "-", name) for name in judges))
    rule = f".{panel}" if len(judges) > 1 else ""
    if len(names) > 150:
        names = names[:130] + hashlib.sha256(names.encode()).hexdigest()[:12]
    return f"{names}{rule}.{view}.json"


def store_card(card: Card, folder: Path | None = None) -> Path:
    """Keeps a card; grades of other scenarios that an older card has are kept with it.

    Raises:
        CorneredError: the folder cannot be written, or holds something else under the name.
    """
    folder = folder or cards_folder()
    path = folder / card_name(card.judges, card.panel, card.view)
    older = read_card(path) if path.exists() else None
    merged = {**(older.grades if older else {}), **card.grades}
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        whole = card.model_copy(update={"grades": dict(sorted(merged.items()))})
        write_text(path, whole.model_dump_json(indent=2) + "\n")
    return path


def read_card(path: Path) -> Card:
    """A card.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("there is no such card", where=str(path)) from None
    except (ValidationError, UnicodeDecodeError):
        raise InputError(
            "is no card of this version", where=str(path), fix="calibrate the judge again"
        ) from None


def find_card(judges: Sequence[str], panel: PanelRule, view: View) -> Card | None:
    """The card of a judge or a panel under this view; None where none was made.

    Raises:
        InputError: there is one that cannot be read.
    """
    path = cards_folder() / card_name(judges, panel, view)
    return read_card(path) if path.exists() else None
