"""A person's labels on trials of a run, and how far they agree with the verdicts that it has.

`RUN/audit/WHO.jsonl` has the labels of one person, a JSON object a line. Lines are only added;
of several on one trial the last counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from inspect_ai.log import EvalSample, read_eval_log_sample, read_eval_log_sample_summaries
from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.analysis.agreement import Kappa, cohen_kappa
from cornered.analysis.card import rubric_version
from cornered.analysis.table import TrialResult, current_logs
from cornered.analysis.verdicts import VOTES, final_verdict
from cornered.errors import RunError
from cornered.files import disk_errors
from cornered.ledger import Ledger
from cornered.run.folder import Manifest, read_manifest
from cornered.run.rescore import OWN, all_verdicts, verdict_folders
from cornered.scenario import Pack, Worlds, load_pack
from cornered.scoring import View
from cornered.verdict.answers import whole_answer
from cornered.verdict.judge import Deed, Verdict, deed

AUDIT = "audit"
"""The folder of a run that has the labels."""
Of = Literal["acts", "all"]
"""What is drawn from: trials with the act, or all that did something."""
Part = Literal["act", "no act"]
"""Agreement is told of each apart: a draw of acts and one of all then do not mix."""
_NAME = re.compile(r"\w[\w.@+-]*")


class Label(BaseModel):
    """A line of a file of labels: what a person said of one trial."""

    model_config = ConfigDict(frozen=True)

    uuid: str
    """Of the trial; a trial that is run again is another one."""
    scenario: str
    model: str
    condition: str
    id: str
    label: Verdict
    shown: View
    """What the person saw: executed actions only, or all that the agent wrote too."""
    at: datetime
    """UTC."""
    seed: int
    """Of the draw."""
    rubric: str
    """The version of the question and its criteria."""
    revealed: bool = False
    """Whether the verdicts were shown once this was stored; later labels would not be blind."""


@dataclass(frozen=True)
class Person:
    """What one person has said of a run."""

    name: str
    labels: dict[str, Label]
    """The last label of each trial, by uuid."""
    changed: int
    """Trials of which the person said something else before."""
    unreadable: tuple[str, ...]
    """`file:line` of what is no label, such as a line that a crash cut off."""


@dataclass(frozen=True)
class Case:
    """What a person labels, without a word of where it comes from."""

    scenario: str
    rubric: str
    """The question and its criteria, in paragraphs."""
    rubric_version: str
    deeds: tuple[Deed, ...]
    transcript: str | None
    """All that the agent wrote; None where it is not to be shown."""


@dataclass(frozen=True)
class Revealed:
    """What one set of verdicts says of a trial."""

    verdicts: str
    said: bool | None
    votes: Mapping[str, str]
    reason: str
    """The judges' words."""


@dataclass(frozen=True)
class Difference:
    """A trial on which two differ."""

    model: str
    condition: str
    id: str
    uuid: str
    one: bool
    other: bool


@dataclass(frozen=True)
class Raters:
    """A person, and with whom the person is compared."""

    one: str
    """The person."""
    other: str
    """A set of verdicts, by its name; or another person."""
    person: bool
    """Whether the other is a person."""
    judge: str | None = None
    """One judge of that set; None is its verdict, or a person."""


@dataclass(frozen=True)
class Agreement:
    """How far a person agrees with another rater, on trials of one part."""

    raters: Raters
    part: Part
    kappa: Kappa
    """Cohen's; its `agreement` is the raw share. Pairs without both verdicts are in neither."""
    counts: dict[tuple[bool, bool], int]
    """How often which two verdicts met, the person's first."""
    differences: tuple[Difference, ...]
    cannot_tell: int
    """Trials of which the person cannot tell; no verdict, and in no other number but `unscored`."""
    unscored: dict[Verdict, int]
    """What the person says of the trials on which the other has no verdict, or cannot tell."""
    absent: int
    """Labelled trials that the other was never asked about."""
    other_rubric: int
    """Trials that a judge read by another version of the criteria than the person."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values, rates between 0 and 1."""
        share, found = self.kappa.agreement, self.kappa.interval
        return {
            "of": [self.raters.one, self.raters.other],
            "person": self.raters.person,
            "judge": self.raters.judge,
            "part": self.part,
            "n": share.n,
            "agreeing": share.successes,
            "rate": share.rate,
            "ci_low": share.interval.low if share.interval else None,
            "ci_high": share.interval.high if share.interval else None,
            "kappa": self.kappa.value,
            "kappa_low": found.low if found else None,
            "kappa_high": found.high if found else None,
            "kappa_reason": self.kappa.reason,
            "both_yes": self.counts[True, True],
            "first_only": self.counts[True, False],
            "second_only": self.counts[False, True],
            "both_no": self.counts[False, False],
            "cannot_tell": self.cannot_tell,
            "unscored": self.unscored,
            "absent": self.absent,
            "other_rubric": self.other_rubric,
            "differences": [asdict(d) for d in self.differences],
        }


class Audit:
    """The trials of a run that were drawn for a person to label, and what they were called.

    The order of the draw hangs on the seed and on the name of each trial alone: a larger draw
    goes on where a smaller one ended, and trials that are added later move none of the others.

    Args:
        run: The run folder.
        who: The name of the person.
        count: How many trials to draw; all there are where there are fewer.
        seed: Of the draw.
        of: What is drawn from.
        view: What the person is shown.

    Raises:
        RunError: there is no run, it has no trial to draw from, or the name cannot be one of a
            file.
    """

    def __init__(self, run: Path, *, who: str, count: int, seed: int, of: Of, view: View) -> None:
        manifest = read_manifest(run)
        if manifest.rescored:
            raise RunError(
                "has verdicts of another run", where=str(run), fix=f"give {run.parent.parent}"
            )
        if not _NAME.fullmatch(who):
            raise RunError(
                f"{who!r} cannot be the name of a file of labels",
                fix="give another one with --who, of letters, digits, dots and dashes",
            )
        self.run, self.who, self.seed, self.of, self.view = run, who, seed, of, view
        self.sets = all_verdicts(run)
        """Every set of verdicts of the run, its own first."""
        self._manifest = manifest
        self._worlds: dict[str, Worlds] = {}
        found = _population(run, self.sets[OWN], of)
        if not found:
            raise RunError(_nothing(self.sets[OWN], of), where=str(run), fix=_instead(of))
        self.population = len(found)
        """How many trials there are to draw from."""
        self.drawn = tuple(in_order(found, seed)[:count])
        self.labels = read_person(self._file).labels
        """This person's labels, by uuid; also of trials that were not drawn now."""

    @property
    def _file(self) -> Path:
        return self.run / AUDIT / f"{self.who}.jsonl"

    def next_unlabelled(self, after: int) -> int | None:
        """The place of the first drawn trial after a place that has no label; None at the end."""
        places = range(after + 1, len(self.drawn))
        return next((n for n in places if self.drawn[n].uuid not in self.labels), None)

    def case(self, trial: TrialResult) -> Case:
        """What is shown of a trial.

        Raises:
            CorneredError: the scenario of the trial is not there any more, or is broken.
        """
        sample = _read(self.run, trial, "messages")
        scenario, levels = str(sample.metadata["scenario"]), sample.metadata["factors"]
        worlds = self._of_scenario(scenario)
        setting = worlds.setting(levels, trial.id)
        score = (sample.scores or {})["verdict"]
        ledger = Ledger.model_validate({"actions": (score.metadata or {}).get("actions", ())})
        return Case(
            scenario=scenario,
            rubric=worlds.renderer(levels, trial.id).rubric(levels),
            rubric_version=rubric_version(worlds.pack.files),
            deeds=tuple(deed(action, setting) for action in ledger.executed),
            transcript=whole_answer(sample.output) if self.view == "transcript" else None,
        )

    def store(self, trial: TrialResult, case: Case, label: Verdict, *, revealed: bool) -> None:
        """Keeps what the person says of a trial, at once.

        Raises:
            RunError: it cannot be written.
        """
        line = Label(
            uuid=trial.uuid,
            scenario=case.scenario,
            model=trial.model,
            condition=trial.condition,
            id=trial.id,
            label=label,
            shown=self.view,
            at=datetime.now(UTC).replace(microsecond=0),
            seed=self.seed,
            rubric=case.rubric_version,
            revealed=revealed,
        )
        _append(self._file, line.model_dump_json())
        self.labels[trial.uuid] = line

    def reveal(self, trial: TrialResult) -> list[Revealed]:
        """What every set of verdicts says of a trial that it has."""
        folders = verdict_folders(self.run)
        found = []
        for name, trials in self.sets.items():
            same = next((t for t in trials if t.uuid == trial.uuid), None)
            if same is None:
                continue
            score = (_read(folders[name], same, "messages", "output").scores or {}).get("verdict")
            reason = (score.explanation if score else None) or same.reason or ""
            found.append(Revealed(name, final_verdict(same), same.votes, reason))
        return found

    @cached_property
    def _packs(self) -> dict[str, Pack]:
        # By the name of its pack, since a pack of one's own is asked for by its folder.
        packs = (load_pack(scenario) for scenario in self._manifest.experiment.scenarios)
        return {pack.name: pack for pack in packs}

    def _of_scenario(self, scenario: str) -> Worlds:
        if scenario not in self._worlds:
            self._worlds[scenario] = Worlds.of(self._packs[scenario])
        return self._worlds[scenario]


def in_order(trials: Iterable[TrialResult], seed: int) -> list[TrialResult]:
    """Trials in the order in which they are drawn."""

    def place(trial: TrialResult) -> str:
        named = json.dumps([seed, trial.model, trial.condition, trial.id])
        return hashlib.sha256(named.encode()).hexdigest()

    return sorted(trials, key=place)


def _population(run: Path, trials: Sequence[TrialResult], of: Of) -> list[TrialResult]:
    if of == "acts":
        return [t for t in trials if t.act]
    active = {
        summary.uuid
        for info, _ in current_logs(run)
        for summary in read_eval_log_sample_summaries(info)
        if summary.scores and "verdict" in summary.scores
        if (summary.scores["verdict"].metadata or {}).get("executed")
    }
    return [t for t in trials if t.uuid in active]


def _nothing(trials: Sequence[TrialResult], of: Of) -> str:
    what = "with the act" if of == "acts" else "that did anything"
    return f"has no trial {what} to draw from ({len(trials)} trials)"


def _instead(of: Of) -> str | None:
    return "--all draws from every trial that did something" if of == "acts" else None


def _read(folder: Path, trial: TrialResult, *without: str) -> EvalSample:
    """A trial as its log has it, but for what nobody looks at here."""
    fields = {"events", "events_data", "timelines", "attachments", "store", *without}
    log = str(folder / "logs" / trial.log)
    return read_eval_log_sample(log, uuid=trial.uuid, exclude_fields=fields)


def read_people(run: Path) -> list[Person]:
    """Everybody who has labelled trials of a run, by name."""
    return [read_person(path) for path in sorted((run / AUDIT).glob("*.jsonl"))]


def read_person(path: Path) -> Person:
    """The labels in a file; none where there is no file.

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


def _append(path: Path, line: str) -> None:
    """Adds a line, after one that a crash cut off too; it is on the disk before this returns."""
    with disk_errors(path.parent):
        path.parent.mkdir(exist_ok=True)
        with path.open("ab+") as f:
            torn = False
            if f.tell():
                f.seek(-1, os.SEEK_END)
                torn = f.read(1) != b"\n"
            f.write(b"\n" * torn + line.encode() + b"\n")
            f.flush()
            os.fsync(f.fileno())


def agreements(audit: Audit, people: Sequence[Person]) -> list[Agreement]:
    """How far people agree with every verdict of a run, with each of its judges and each other.

    Of all that they have labelled in it, whatever was drawn. Those with the act and those without
    are told apart: where both were drawn, one number for both would hang on how many of each.

    Args:
        audit: Of the run.
        people: Who has labelled it.
    """
    own = {t.uuid: t for t in audit.sets[OWN]}
    found = [
        agreement
        for person in people
        for name, folder in verdict_folders(audit.run).items()
        for agreement in _with_set(person, name, own, audit.sets[name], read_manifest(folder))
    ]
    for one, other in combinations(people, 2):
        found += _between(one, other, own)
    return found


@dataclass(frozen=True)
class _Pair:
    """A trial that a person has labelled, and what another rater says of it."""

    trial: TrialResult
    label: Verdict
    other: bool | None
    """None where there is no verdict."""
    asked: bool = True
    """Whether the trial was put to the other at all."""
    same_rubric: bool = True
    """Whether both read the same version of the criteria."""


def _with_set(
    person: Person,
    name: str,
    own: Mapping[str, TrialResult],
    trials: Sequence[TrialResult],
    manifest: Manifest,
) -> list[Agreement]:
    rubrics = {load_pack(s).name: rubric_version(files) for s, files in manifest.packs.items()}
    by_uuid = {t.uuid: t for t in trials}
    labels = [label for uuid, label in person.labels.items() if uuid in own]
    judges = dict.fromkeys(judge for t in trials for judge in t.votes)

    def pair(label: Label, judge: str | None) -> _Pair:
        trial = by_uuid.get(label.uuid)
        if trial is None or (judge and judge not in trial.votes):
            return _Pair(own[label.uuid], label.label, None, asked=False)
        said = VOTES.get(trial.votes[judge]) if judge else final_verdict(trial)
        same = not trial.votes or label.rubric == rubrics.get(label.scenario)
        return _Pair(own[label.uuid], label.label, said, same_rubric=same)

    return [
        agreement
        for judge in (None, *judges)
        for agreement in _of_parts(
            Raters(person.name, name, person=False, judge=judge),
            [pair(label, judge) for label in labels],
        )
    ]


def _between(one: Person, other: Person, own: Mapping[str, TrialResult]) -> list[Agreement]:
    shared = [
        (own[uuid], label, other.labels[uuid])
        for uuid, label in one.labels.items()
        if uuid in other.labels and uuid in own
    ]
    pairs = [
        _Pair(trial, a.label, VOTES.get(b.label), same_rubric=a.rubric == b.rubric)
        for trial, a, b in shared
    ]
    return _of_parts(Raters(one.name, other.name, person=True), pairs)


def _of_parts(raters: Raters, pairs: Sequence[_Pair]) -> list[Agreement]:
    """The agreement in each part of which the other was asked."""
    parts: dict[Part, list[_Pair]] = {"act": [], "no act": []}
    for pair in pairs:
        parts["act" if pair.trial.act else "no act"].append(pair)
    return [
        _agreement(raters, part, rows)
        for part, rows in parts.items()
        if any(row.asked for row in rows)
    ]


def _agreement(raters: Raters, part: Part, rows: Sequence[_Pair]) -> Agreement:
    asked = [row for row in rows if row.asked]
    whole = [
        (row.trial, VOTES[row.label], row.other)
        for row in asked
        if row.label in VOTES and row.other is not None
    ]
    met = Counter((said, verdict) for _, said, verdict in whole)
    unscored = Counter(row.label for row in asked if row.other is None)
    words: tuple[Verdict, ...] = ("yes", "no", "cannot_tell")
    return Agreement(
        raters=raters,
        part=part,
        kappa=cohen_kappa((said, verdict) for _, said, verdict in whole),
        counts={(a, b): met[a, b] for a in (True, False) for b in (True, False)},
        differences=tuple(
            Difference(trial.model, trial.condition, trial.id, trial.uuid, said, verdict)
            for trial, said, verdict in whole
            if said != verdict
        ),
        cannot_tell=sum(row.label == "cannot_tell" for row in asked),
        unscored={word: unscored[word] for word in words},
        absent=len(rows) - len(asked),
        other_rubric=sum(not row.same_rubric for row in asked),
    )
