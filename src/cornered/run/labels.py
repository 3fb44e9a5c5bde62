"""The labels of persons on the trials of a run, and how far the persons agree.

`RUN/audit/WHO.jsonl` holds the labels of one person, one JSON object per line. Lines are only
appended; of several labels on one trial the last counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.analysis.agreement import Alpha, krippendorff_alpha
from cornered.analysis.audited import label_weights
from cornered.analysis.trials import read_trials
from cornered.analysis.verdicts import VOTES
from cornered.files import disk_errors
from cornered.run.manifest import Manifest
from cornered.run.packs import verdict_versions
from cornered.scoring import View
from cornered.verdict.judge import JudgeVerdict

AUDIT = "audit"
"""The folder of a run that holds the labels."""
Draw = Literal["acts", "all", "balanced"]
"""The population of a draw: trials with the act, or all with an executed action; balanced: the
latter, as many of each kind (act or not, and what the judge said) as there are."""


class Label(BaseModel):
    """One line of a label file: a person's label on one trial."""

    model_config = ConfigDict(frozen=True)

    uuid: str
    """Of the trial; a trial that is run again is a new one."""
    scenario: str
    model: str
    condition: str
    id: str
    label: JudgeVerdict
    shown: View
    """What the person saw: executed actions only, or also everything the agent wrote."""
    at: datetime
    """UTC."""
    seed: int
    """Of the draw."""
    rubric: str
    """The version of the question and its criteria."""
    drawn: Draw | None = None
    """What was drawn from when it was labelled; None in labels of before 2026-12."""
    chance: float | None = None
    """The known probability with which that draw took a trial of this kind, 0 to 1."""
    revealed: bool = False
    """Whether the verdicts were shown after this label, so that a later one would not be blind."""


@dataclass(frozen=True)
class Person:
    """The labels of one person on a run."""

    name: str
    labels: dict[str, Label]
    """The last label of each trial, by uuid."""
    changed: int
    """Trials whose label the person changed."""
    unreadable: tuple[str, ...]
    """`file:line` of lines that are not labels, such as one cut off by a crash."""


def read_people(run: Path) -> list[Person]:
    """Everybody who has labelled trials of a run, sorted by name."""
    return [read_person(path) for path in sorted((run / AUDIT).glob("*.jsonl"))]


def read_person(path: Path) -> Person:
    """Reads the labels in a file; none, where there is no file.

    Raises:
        RunError: the file cannot be read.
    """
    with disk_errors(path):
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    labels: dict[str, Label] = {}
    changed: set[str] = set()
    unreadable = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label = Label.model_validate_json(line)
        except ValidationError:
            unreadable.append(f"{path}:{number}")
            continue
        if label.uuid in labels and labels[label.uuid].label != label.label:
            changed.add(label.uuid)
        labels[label.uuid] = label
    return Person(path.stem, labels, len(changed), tuple(unreadable))


@dataclass(frozen=True)
class RunLabels:
    """What persons said of the trials of a run, as far as it corrects a set of verdicts."""

    people: tuple[str, ...]
    """Those with a label that is used."""
    by_trial: Mapping[str, float]
    """By uuid, the share of the persons who call the trial harmful; of those who could tell."""
    agreement: Alpha
    """Krippendorff's alpha of the persons, over trials that several of them labelled."""
    other_rubric: int
    """Labels that are left out: given by other criteria than the judge read."""
    unsure: int
    """Trials of which nobody could tell; left out."""
    differing: int = 0
    """Trials that some persons call harmful and others harmless; each weighs the same, so that a
    trial on which two differ counts as half a harmful one."""
    weights: Mapping[str, float] | None = None
    """By uuid what a label weighs, where the trials were drawn by other verdicts than these; None
    where all of a kind weigh the same."""

    @property
    def note(self) -> str | None:
        """Who labelled how much, and how far they agree, in words; None without labels."""
        if not self.by_trial:
            return None
        many = f"{len(self.by_trial)} {'trial' if len(self.by_trial) == 1 else 'trials'}"
        words = f"Corrected by labels of {', '.join(self.people)} on {many} of this run."
        alpha, both = self.agreement, self.agreement.agreement.n
        if len(self.people) > 1 and both:
            words += f" They agree on {alpha.agreement.successes} of {both} that several labelled"
            known = alpha.value is not None and alpha.interval is not None
            words += (
                f": Krippendorff's alpha {alpha.value:.2f} ({alpha.interval.low:.2f} to "
                f"{alpha.interval.high:.2f})."
                if known and alpha.interval
                else "."
            )
        if self.differing:
            words += f" {self.difference_words}"
        if self.other_rubric:
            words += f" {self.other_rubric} labels by other criteria are left out."
        return words

    @property
    def difference_words(self) -> str:
        """What the correction does with labels that differ, in a sentence."""
        on = "trial on which they" if self.differing == 1 else "trials on which they"
        return (
            f"{self.differing} {on} differ: each person weighs the same, so that a trial counts "
            "as the share of them who call it harmful."
        )


def run_labels(folder: Path, manifest: Manifest) -> RunLabels:
    """The labels that correct the verdicts of a run, or of a set of verdicts of a run.

    Left out are labels that were given by other criteria than the judge read, and `cannot_tell`.

    Args:
        folder: The run folder, or that of a set of verdicts, whose labels are those of its run.
        manifest: Its manifest.

    Raises:
        RunError: a file of labels cannot be read.
    """
    people = read_people(folder.parent.parent if manifest.rescored else folder)
    rubrics = verdict_versions(manifest).rubrics if people else {}
    said: dict[str, dict[str, bool | None]] = {}
    other = 0
    for person in people:
        for uuid, label in person.labels.items():
            if label.rubric == rubrics.get(label.scenario):
                said.setdefault(uuid, {})[person.name] = VOTES.get(label.label)
            else:
                other += 1
    known = {uuid: [v for v in of.values() if v is not None] for uuid, of in said.items()}
    by_trial = {uuid: sum(of) / len(of) for uuid, of in known.items() if of}
    weights = None
    if by_trial and manifest.rescored:  # other verdicts than those by which trials were drawn
        weights = label_weights(read_trials(folder.parent.parent), by_trial)
    return RunLabels(
        people=tuple(p.name for p in people if any(p.name in of for of in said.values())),
        by_trial=by_trial,
        agreement=krippendorff_alpha([said[uuid] for uuid in said]),
        other_rubric=other,
        unsure=sum(not of for of in known.values()),
        differing=sum(0 < share < 1 for share in by_trial.values()),
        weights=weights,
    )
