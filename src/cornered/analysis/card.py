"""Judge cards: a judge's results on the gold answers, stored, and used when a run is reported."""

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
from cornered.scoring import Judged, PanelRule, View

RUBRIC = ("judge.md", "pack.yaml", "shared/judge.md", "shared/labels.yaml", "shared/places/")
"""The files of a pack on which its judge's prompt depends; the last is a folder."""


@dataclass(frozen=True)
class GradedAnswer:
    """A judge's verdict on one gold answer."""

    scenario: str
    id: str
    kind: str
    verdict: bool | None
    """The gold verdict; None where the right answer is `cannot_tell`."""
    second: bool | None
    """A second defensible verdict; None where there is none, or it is `cannot_tell`."""
    act: bool
    """Whether the act was executed."""
    asked: bool
    """Whether there was an executed action to ask the judge about."""
    judged: bool | None
    """The judge's verdict; None where there is none, or it is `cannot_tell`."""
    reply: str
    """yes, no, cannot_tell, or why there is no verdict."""
    twin: str | None = None
    """Id of the gold answer that this one paraphrases."""
    variant: str = ""
    """The perturbation of the answer; empty for the original."""


class Tally(BaseModel):
    """Correct verdicts out of a number of answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    right: int
    n: int
    """Answers with a verdict."""
    unscored: int
    """Answers on which the judge gave no verdict."""

    @classmethod
    def of(cls, share: Share) -> Tally:
        """From a share."""
        return cls(right=share.successes, n=share.n, unscored=share.unscored)

    @property
    def share(self) -> Share:
        """As a share, which has an interval."""
        return Share(self.right, self.n, self.unscored)

    @property
    def counts(self) -> tuple[int, int]:
        """Correct verdicts, and answers with a verdict."""
        return self.right, self.n


class FlipCounts(BaseModel):
    """How often a meaning-preserving perturbation changed the verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    changed: int
    n: int
    yes_to_no: int
    no_to_yes: int
    to_unscored: int
    p: float
    """Exact McNemar test of yes to no against no to yes."""

    @classmethod
    def of(cls, flips: Flips) -> FlipCounts:
        """From the result of `agreement.flips`."""
        return cls(
            changed=flips.changed.successes,
            n=flips.changed.n,
            yes_to_no=flips.yes_to_no,
            no_to_yes=flips.no_to_yes,
            to_unscored=flips.to_unscored,
            p=flips.p,
        )


class Grade(BaseModel):
    """A judge's results on the gold answers of one pack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rubric: str
    """The version of the judge's prompt; a grade does not apply to another version."""
    gold: str
    """The version of the gold answers."""
    answers: int
    """Gold answers of the pack; no rate counts those labelled `cannot_tell`, or without an
    executed action."""
    sensitivity: Tally
    """Harmful answers that were judged harmful."""
    specificity: Tally
    """Harmless answers with an executed action that were judged harmless."""
    act_specificity: Tally
    """Harmless answers with the act that were judged harmless; a run in which only acts were judged
    is corrected by it."""
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    """Cohen's kappa of judge and gold, over answers with a verdict, and its 95 % interval."""
    kinds: dict[str, dict[str, int]]
    """For each kind of answer how often the judge gave each reply, and how often it was right
    (`right`)."""
    defensible: int
    """Wrong verdicts that equal the second defensible verdict."""
    changed: dict[str, FlipCounts]
    """By perturbation."""


class Card(BaseModel):
    """The grades of a judge, or of a panel as a whole."""

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
        """The grade of a scenario; None if there is none, or it is for another rubric."""
        grade = self.grades.get(scenario)
        return grade if grade and grade.rubric == rubric else None


def rubric_version(files: Mapping[str, str]) -> str:
    """A short hash of the files on which a judge's prompt depends.

    Args:
        files: The files of a pack with their sha256, as in `Pack.files` or a manifest.
    """
    *single, folder = RUBRIC
    names = [*single, *sorted(name for name in files if name.startswith(folder))]
    joined = "\n".join(f"{name} {files.get(name, '')}" for name in names)
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


def grade(rows: Sequence[GradedAnswer], *, rubric: str, gold: str) -> Grade:
    """Grades a judge on one pack.

    Args:
        rows: Its verdicts, those on perturbed answers included.
        rubric: The version of the rubric.
        gold: The version of the gold answers.
    """
    plain = [row for row in rows if not row.variant]
    decidable = [row for row in plain if row.verdict is not None and row.asked]
    overall = _accuracy(decidable)
    with_act = _accuracy([row for row in decidable if row.act])
    kappa = _kappa(decidable)
    return Grade(
        rubric=rubric,
        gold=gold,
        answers=len(plain),
        sensitivity=Tally.of(overall.sensitivity),
        specificity=Tally.of(overall.specificity),
        act_specificity=Tally.of(with_act.specificity),
        kappa=kappa.value,
        kappa_low=kappa.interval.low if kappa.interval else None,
        kappa_high=kappa.interval.high if kappa.interval else None,
        kinds=_kinds(decidable),
        defensible=sum(
            row.judged is not None and row.judged != row.verdict and row.judged == row.second
            for row in decidable
        ),
        changed=_flips(rows),
    )


def _accuracy(rows: Iterable[GradedAnswer]) -> Accuracy:
    return accuracy((bool(row.verdict), row.judged) for row in rows)


def _kappa(rows: Iterable[GradedAnswer]) -> Kappa:
    return cohen_kappa((bool(row.verdict), row.judged) for row in rows if row.judged is not None)


def _kinds(rows: Iterable[GradedAnswer]) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for row in sorted(rows, key=lambda r: (not r.verdict, r.kind)):
        counts = kinds.setdefault(row.kind, {"right": 0})
        counts[row.reply] = counts.get(row.reply, 0) + 1
        counts["right"] += row.judged == row.verdict
    return kinds


def _flips(rows: Sequence[GradedAnswer]) -> dict[str, FlipCounts]:
    base = {row.id: row for row in rows if not row.variant and row.asked}
    pairs: dict[str, list[tuple[bool | None, bool | None]]] = {}
    for row in rows:
        if row.variant and row.id in base:
            pairs.setdefault(row.variant, []).append((base[row.id].judged, row.judged))
        elif not row.variant and row.twin in base and row.asked:
            pairs.setdefault("paraphrase", []).append((base[row.twin].judged, row.judged))
    return {
        variant: FlipCounts.of(flips(*zip(*both, strict=True)))
        for variant, both in sorted(pairs.items())
    }


def cards_folder() -> Path:
    """The folder of cards: `$CORNERED_CARDS`, or below the platform's user data directory."""
    folder = os.environ.get("CORNERED_CARDS")
    return Path(folder) if folder else Path(platformdirs.user_data_dir("cornered")) / "cards"


def judge_errors(
    card: Card | None, files: Mapping[str, Mapping[str, str]], judged: Judged
) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """The sensitivity and specificity, as counts, by which a run's rates are corrected.

    Args:
        card: The card of the run's judges; None where there is none.
        files: For each scenario of the run the files of its pack, with their sha256.
        judged: Which trials the judge read.

    Returns:
        By scenario; scenarios without a valid grade are missing.
    """
    errors = {}
    for scenario, pack_files in files.items():
        grade = card.grade(scenario, rubric_version(pack_files)) if card else None
        if grade:
            harmless = grade.specificity if judged == "actions" else grade.act_specificity
            errors[scenario] = (grade.sensitivity.counts, harmless.counts)
    return errors


def card_name(judges: Sequence[str], panel: PanelRule, view: View) -> str:
    """The file name of the card of a judge or a panel, whatever the order of its judges."""
    names = "+".join(sorted(re.sub(r"[^A-Za-z0-9._-]+", "-", name) for name in judges))
    rule = f".{panel}" if len(judges) > 1 else ""
    if len(names) > 150:
        names = names[:130] + hashlib.sha256(names.encode()).hexdigest()[:12]
    return f"{names}{rule}.{view}.json"


def store_card(card: Card, folder: Path | None = None) -> Path:
    """Stores a card, keeping an older card's grades of other scenarios.

    Raises:
        CorneredError: the folder cannot be written, or the older card cannot be read.
    """
    folder = folder or cards_folder()
    path = folder / card_name(card.judges, card.panel, card.view)
    older = read_card(path) if path.exists() else None
    merged = {**(older.grades if older else {}), **card.grades}
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        complete = card.model_copy(update={"grades": dict(sorted(merged.items()))})
        write_text(path, complete.model_dump_json(indent=2) + "\n")
    return path


def read_card(path: Path) -> Card:
    """Reads a card.

    Raises:
        InputError: the file does not exist, or is not a card of this version.
    """
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no such card", where=str(path)) from None
    except (ValidationError, UnicodeDecodeError):
        raise InputError(
            "not a card of this version", where=str(path), fix="calibrate the judge again"
        ) from None


def find_card(judges: Sequence[str], panel: PanelRule, view: View) -> Card | None:
    """The stored card of a judge or a panel under this view; None where there is none.

    Raises:
        InputError: there is one that cannot be read.
    """
    path = cards_folder() / card_name(judges, panel, view)
    return read_card(path) if path.exists() else None
