"""Sessions in which persons label trials of a run, and their agreement with its verdicts."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from inspect_ai.log import EvalSample, read_eval_log_sample, read_eval_log_sample_summaries

from cornered.analysis.agreement import Kappa, cohen_kappa
from cornered.analysis.audited import drawn_from, kind_of
from cornered.analysis.card import rubric_version
from cornered.analysis.trials import TrialResult, current_logs
from cornered.analysis.verdicts import VOTES, final_verdict
from cornered.errors import RunError
from cornered.files import disk_errors
from cornered.run.labels import AUDIT, Draw, Label, Person, read_person
from cornered.run.lock import this_command, writing
from cornered.run.manifest import Manifest, read_manifest
from cornered.run.packs import readable, verdict_versions
from cornered.run.rescore import OWN, all_verdicts, verdict_folders, verdict_notes
from cornered.scenario import Pack, Scenario, load_pack, one_turn
from cornered.scoring import UNEXPOSED, View
from cornered.surface.ledgers import trial_world
from cornered.surface.session import all_written
from cornered.verdict.deeds import Deeds, find_deeds
from cornered.verdict.history import answers_in, find_history
from cornered.verdict.judge import JudgeVerdict
from cornered.world import EventView, World

ActStatus = Literal["act", "no act"]
"""Agreement is reported separately for each, so that draws of acts and draws of all do not mix."""
NAME = re.compile(r"\w[\w.@+-]*")
"""What can be the name of a person, and of a file."""


@dataclass(frozen=True)
class Case:
    """A trial as a person labels it, blind to its model and condition."""

    scenario: str
    rubric: str
    """The question and its criteria, in paragraphs."""
    rubric_version: str
    actions: tuple[EventView, ...]
    """The executed actions."""
    attempts: tuple[tuple[EventView, str], ...]
    """What was attempted and refused, or stopped by an approval, each with the reason."""
    answers: tuple[tuple[int, EventView], ...]
    """What others answered while it worked, each with the number of actions before it."""
    transcript: str | None
    """Everything the agent wrote; None where it is not shown."""


@dataclass(frozen=True)
class Revealed:
    """The verdict of one set on a trial."""

    name: str
    """Of the set of verdicts."""
    verdict: bool | None
    votes: Mapping[str, str]
    reason: str
    """As the judges gave it."""


@dataclass(frozen=True)
class LabelDisagreement:
    """A trial on which two raters disagree."""

    model: str
    condition: str
    id: str
    uuid: str
    one: bool
    other: bool


@dataclass(frozen=True)
class Raters:
    """A person, and the rater with whom the person is compared."""

    one: str
    """The person."""
    other: str
    """The name of a set of verdicts, or of another person."""
    person: bool
    """Whether the other is a person."""
    judge: str | None = None
    """One judge of that set; None for the set's final verdict, or for a person."""


@dataclass(frozen=True)
class RaterAgreement:
    """The agreement of a person with another rater, on trials with or without the act."""

    raters: Raters
    act_status: ActStatus
    kappa: Kappa
    """Cohen's; its `agreement` is the raw agreement. Pairs that lack a verdict are in neither."""
    counts: dict[tuple[bool, bool], int]
    """How often each pair of verdicts occurred, the person's first."""
    differences: tuple[LabelDisagreement, ...]
    cannot_tell: int
    """Trials that the person labelled `cannot_tell`; in no other number but `unscored`."""
    unscored: dict[JudgeVerdict, int]
    """The person's labels on trials on which the other gave no verdict, or `cannot_tell`."""
    absent: int
    """Labelled trials that the other was never asked about."""
    other_rubric: int
    """Trials that the person and the judge read under different versions of the criteria."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values, rates between 0 and 1."""
        share, interval = self.kappa.agreement, self.kappa.interval
        return {
            "of": [self.raters.one, self.raters.other],
            "person": self.raters.person,
            "judge": self.raters.judge,
            "part": self.act_status,
            "n": share.n,
            "agreeing": share.successes,
            "rate": share.rate,
            "ci_low": share.interval.low if share.interval else None,
            "ci_high": share.interval.high if share.interval else None,
            "kappa": self.kappa.value,
            "kappa_low": interval.low if interval else None,
            "kappa_high": interval.high if interval else None,
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
    """A random sample of the trials of a run for one person to label, and the labels so far.

    The order of the draw depends only on the seed and the name of each trial: a larger sample
    continues a smaller one, and trials added later do not reorder the others; of a balanced draw,
    not those of their kind.

    Args:
        run: The run folder.
        who: The name of the person.
        count: Number of trials to draw; all, if there are fewer.
        seed: Seed of the draw.
        of: The population of the draw, and whether it is balanced by verdict.
        view: What the person sees of each trial.

    Raises:
        RunError: there is no run, it has no trial to draw from, or the person's name is not a
            valid file name.
    """

    def __init__(self, run: Path, *, who: str, count: int, seed: int, of: Draw, view: View) -> None:
        manifest = read_manifest(run)
        if manifest.rescored:
            raise RunError(
                "has verdicts of another run", where=str(run), fix=f"give {run.parent.parent}"
            )
        if not NAME.fullmatch(who):
            raise RunError(
                f"{who!r} cannot be the name of a file of labels",
                fix="give another one with --who, of letters, digits, dots and dashes",
            )
        self.run, self.who, self.seed, self.of, self.view = run, who, seed, of, view
        self.sets = all_verdicts(run)
        """Every set of verdicts of the run, its own first."""
        self._readable = readable(run, manifest)
        self._scenarios: dict[str, Scenario] = {}
        population = _population(run, self.sets[OWN], of)
        if not population:
            raise RunError(_nothing(self.sets[OWN], of), where=str(run), fix=_instead(of))
        self.population = len(population)
        """How many trials there are to draw from."""
        order = in_balance(population, seed) if of == "balanced" else in_order(population, seed)
        self.drawn = tuple(order[:count])
        self._chances = _chances(population, self.drawn, of)
        self.labels = read_person(self._file).labels
        """This person's labels by uuid, including those on trials outside this sample."""

    @property
    def _file(self) -> Path:
        return self.run / AUDIT / f"{self.who}.jsonl"

    @contextmanager
    def labelling(self) -> Iterator[None]:
        """Holds this person's labels, which are read again, while they are added to.

        The lock is the person's, not the run's: others may label the run and score it again
        meanwhile. Without it, two sessions of one person ask for the same labels, and the later
        answers count, whether or not the verdicts were shown before them.

        Raises:
            RunError: the person labels this run elsewhere, or the labels cannot be written.
        """
        with writing(self._file, this_command(), beside=True):
            self.labels = read_person(self._file).labels
            yield
        with suppress(OSError):  # it holds labels
            self._file.parent.rmdir()

    def next_unlabelled(self, after: int) -> int | None:
        """The index of the next drawn trial without a label; None where there is none."""
        places = range(after + 1, len(self.drawn))
        return next((n for n in places if self.drawn[n].uuid not in self.labels), None)

    def case(self, trial: TrialResult) -> Case:
        """A trial as it is shown to the person.

        Raises:
            CorneredError: the scenario of the trial no longer exists, or cannot be loaded.
        """
        # The ledger stands in the store; what the agent wrote over many turns, in the messages.
        sample = _read(self.run, trial)
        scenario, levels = str(sample.metadata["scenario"]), sample.metadata["factors"]
        ready = self._of_scenario(scenario)
        world = trial_world(ready, levels, trial.id, sample.store, sample.output)
        deeds = find_deeds(world.ledger, ready.pack, world)
        return Case(
            scenario=scenario,
            rubric=ready.renderer(levels, trial.id).rubric(levels),
            rubric_version=rubric_version(ready.pack.files),
            actions=tuple(world.view(event) for event in deeds.done),
            attempts=tuple(
                (world.view(event), event.result) for event in (*deeds.failed, *deeds.blocked)
            ),
            answers=_answers(world, ready.pack, deeds),
            transcript=all_written(world, sample.messages, sample.output)
            if self.view == "transcript"
            else None,
        )

    def store(self, trial: TrialResult, case: Case, label: JudgeVerdict, *, revealed: bool) -> None:
        """Stores the person's label on a trial, flushed to disk before it returns.

        Raises:
            RunError: the file cannot be written.
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
            drawn=self.of,
            chance=self._chances.get(drawn_from(trial)),
            revealed=revealed,
        )
        _append(self._file, line.model_dump_json())
        self.labels[trial.uuid] = line

    def reveal(self, trial: TrialResult) -> list[Revealed]:
        """The verdict of every set that has one on a trial."""
        folders = verdict_folders(self.run)
        revealed = []
        for name, trials in self.sets.items():
            same = next((t for t in trials if t.uuid == trial.uuid), None)
            if same is None:
                continue
            score = (_read(folders[name], same, "messages", "output", "store").scores or {}).get(
                "verdict"
            )
            reason = (score.explanation if score else None) or same.reason or ""
            revealed.append(Revealed(name, final_verdict(same), same.votes, reason))
        return revealed

    @cached_property
    def notes(self) -> dict[str, list[str]]:
        """By set of verdicts, what a reader must know of its versions, a sentence each."""
        return verdict_notes(self.run)

    @cached_property
    def _packs(self) -> dict[str, Pack]:
        # By the pack's name, since an external pack is asked for by its folder.
        packs = (load_pack(scenario) for scenario in self._readable.scenarios)
        return {pack.name: pack for pack in packs}

    def _of_scenario(self, scenario: str) -> Scenario:
        if scenario not in self._scenarios:
            self._scenarios[scenario] = Scenario.of(self._packs[scenario])
        return self._scenarios[scenario]


def _answers(world: World, pack: Pack, deeds: Deeds) -> tuple[tuple[int, EventView], ...]:
    if one_turn(world.scene.levels):
        return ()
    history = find_history(world.ledger, world, pack)
    return tuple(
        (sum(deed.number < event.number for deed in deeds.done), world.view(event))
        for event in answers_in(world, history)
    )


def in_order(trials: Iterable[TrialResult], seed: int) -> list[TrialResult]:
    """Trials in the pseudo-random order in which they are drawn."""

    def place(trial: TrialResult) -> str:
        named = json.dumps([seed, trial.model, trial.condition, trial.id])
        return hashlib.sha256(named.encode()).hexdigest()

    return sorted(trials, key=place)


def in_balance(trials: Iterable[TrialResult], seed: int) -> list[TrialResult]:
    """Trials in the order in which a draw that is balanced by verdict takes them.

    It goes in rounds, and takes one trial of each kind in each: with the act or without, and
    harmful, harmless or silent to the judge, as long as there are any. Within a kind it takes the
    models and scenarios in turn, and of each its trials in pseudo-random order. Within a round too
    the order is pseudo-random, so that a place says nothing about a verdict.
    """
    shuffled = in_order((t for t in trials if kind_of(t) is not None), seed)
    rank = {t.uuid: n for n, t in enumerate(shuffled)}
    of_stratum, of_kind = Counter[Any](), Counter[Any]()
    turn: dict[str, int] = {}
    for trial in shuffled:
        turn[trial.uuid] = of_stratum[drawn_from(trial)]
        of_stratum[drawn_from(trial)] += 1
    rounds: dict[str, int] = {}
    for trial in sorted(shuffled, key=lambda t: (turn[t.uuid], rank[t.uuid])):
        rounds[trial.uuid] = of_kind[kind_of(trial)]
        of_kind[kind_of(trial)] += 1
    return sorted(shuffled, key=lambda t: (rounds[t.uuid], rank[t.uuid]))


def _chances(
    population: Sequence[TrialResult], drawn: Sequence[TrialResult], of: Draw
) -> Mapping[Any, float]:
    """The probability with which a draw takes a trial, by the stratum that it is in."""
    there = Counter(drawn_from(t) for t in population)
    if of != "balanced":
        return dict.fromkeys(there, len(drawn) / len(population))
    taken = Counter(drawn_from(t) for t in drawn)
    return {stratum: taken[stratum] / n for stratum, n in there.items()}


def _population(run: Path, trials: Sequence[TrialResult], of: Draw) -> list[TrialResult]:
    if of == "acts":
        return [t for t in trials if t.act]
    active = {
        summary.uuid
        for info, _ in current_logs(run)
        for summary in read_eval_log_sample_summaries(info)
        if summary.scores and "verdict" in summary.scores
        if (summary.scores["verdict"].metadata or {}).get("executed")
    }
    every = [t for t in trials if t.uuid in active and t.status != UNEXPOSED]
    return [t for t in every if kind_of(t) is not None] if of == "balanced" else every


def _nothing(trials: Sequence[TrialResult], of: Draw) -> str:
    what = "with the act" if of == "acts" else "that did anything"
    return f"has no trial {what} to draw from ({len(trials)} trials)"


def _instead(of: Draw) -> str | None:
    return "--all draws from every trial that did something" if of == "acts" else None


def _read(folder: Path, trial: TrialResult, *without: str) -> EvalSample:
    """A trial from its log, without unneeded fields."""
    fields = {"events", "events_data", "timelines", "attachments", *without}
    log = str(folder / "logs" / trial.log)
    return read_eval_log_sample(log, uuid=trial.uuid, exclude_fields=fields)


def _append(path: Path, line: str) -> None:
    """Appends a line, also after one cut off by a crash, and flushes it to disk."""
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


def agreements(audit: Audit, people: Sequence[Person]) -> list[RaterAgreement]:
    """The agreement of people with each set of verdicts, with each judge, and with each other.

    Over all their labels, whatever the sample. Trials with and without the act are reported
    separately: a number over both would depend on how many of each were drawn.

    Args:
        audit: The audit of the run.
        people: The people who have labelled it.
    """
    own = {t.uuid: t for t in audit.sets[OWN]}
    agreements = [
        agreement
        for person in people
        for name, folder in verdict_folders(audit.run).items()
        for agreement in _with_set(person, name, own, audit.sets[name], read_manifest(folder))
    ]
    for one, other in combinations(people, 2):
        agreements += _between(one, other, own)
    return agreements


@dataclass(frozen=True)
class _Pair:
    """A trial that a person has labelled, with another rater's verdict."""

    trial: TrialResult
    label: JudgeVerdict
    other: bool | None
    """None where there is no verdict."""
    asked: bool = True
    """Whether the other was asked about the trial at all."""
    same_rubric: bool = True
    """Whether both read the same version of the criteria."""


def _with_set(
    person: Person,
    name: str,
    own: Mapping[str, TrialResult],
    trials: Sequence[TrialResult],
    manifest: Manifest,
) -> list[RaterAgreement]:
    rubrics = verdict_versions(manifest).rubrics
    by_uuid = {t.uuid: t for t in trials}
    labels = [label for uuid, label in person.labels.items() if uuid in own]
    judges = dict.fromkeys(judge for t in trials for judge in t.votes)

    def pair(label: Label, judge: str | None) -> _Pair:
        trial = by_uuid.get(label.uuid)
        if trial is None or (judge and judge not in trial.votes):
            return _Pair(own[label.uuid], label.label, None, asked=False)
        verdict = VOTES.get(trial.votes[judge]) if judge else final_verdict(trial)
        same = not trial.votes or label.rubric == rubrics.get(label.scenario)
        return _Pair(own[label.uuid], label.label, verdict, same_rubric=same)

    return [
        agreement
        for judge in (None, *judges)
        for agreement in _by_act_status(
            Raters(person.name, name, person=False, judge=judge),
            [pair(label, judge) for label in labels],
        )
    ]


def _between(one: Person, other: Person, own: Mapping[str, TrialResult]) -> list[RaterAgreement]:
    shared = [
        (own[uuid], label, other.labels[uuid])
        for uuid, label in one.labels.items()
        if uuid in other.labels and uuid in own
    ]
    pairs = [
        _Pair(trial, a.label, VOTES.get(b.label), same_rubric=a.rubric == b.rubric)
        for trial, a, b in shared
    ]
    return _by_act_status(Raters(one.name, other.name, person=True), pairs)


def _by_act_status(raters: Raters, pairs: Sequence[_Pair]) -> list[RaterAgreement]:
    """The agreement with and without the act, where the other was asked about any such trial."""
    by_status: dict[ActStatus, list[_Pair]] = {"act": [], "no act": []}
    for pair in pairs:
        by_status["act" if pair.trial.act else "no act"].append(pair)
    return [
        _agreement(raters, status, rows)
        for status, rows in by_status.items()
        if any(row.asked for row in rows)
    ]


def _agreement(raters: Raters, status: ActStatus, rows: Sequence[_Pair]) -> RaterAgreement:
    asked = [row for row in rows if row.asked]
    complete = [
        (row.trial, VOTES[row.label], row.other)
        for row in asked
        if row.label in VOTES and row.other is not None
    ]
    met = Counter((label, verdict) for _, label, verdict in complete)
    unscored = Counter(row.label for row in asked if row.other is None)
    words: tuple[JudgeVerdict, ...] = ("yes", "no", "cannot_tell")
    return RaterAgreement(
        raters=raters,
        act_status=status,
        kappa=cohen_kappa((label, verdict) for _, label, verdict in complete),
        counts={(a, b): met[a, b] for a in (True, False) for b in (True, False)},
        differences=tuple(
            LabelDisagreement(trial.model, trial.condition, trial.id, trial.uuid, label, verdict)
            for trial, label, verdict in complete
            if label != verdict
        ),
        cannot_tell=sum(row.label == "cannot_tell" for row in asked),
        unscored={word: unscored[word] for word in words},
        absent=len(rows) - len(asked),
        other_rubric=sum(not row.same_rubric for row in asked),
    )
