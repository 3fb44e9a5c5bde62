"""The plan of an experiment: trials, tokens, cost, and the precision of its rates.

Calls no model. Inspect ships no prices, so ours are a dated file. Tokens are counted by the
provider if it has a counting service and its key is set, else estimated from characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cornered.analysis.power import expected_half_width, power_of_difference, smallest_difference
from cornered.analysis.stats import wilson
from cornered.analysis.stopping import expected_trials, rule_for
from cornered.experiment import NO_MODEL, Experiment
from cornered.files import MANIFEST
from cornered.run.asked import gold_notes, preflight_prompts, unasked_notes
from cornered.run.expected import ExpectedTest, expected_tests, is_screen, plan_warnings
from cornered.run.folder import manifest_for
from cornered.run.prices import Price
from cornered.run.tokens import PROMPT_CHARS
from cornered.run.usage import (
    ANSWER_TOKENS,
    Amount,
    CellPlan,
    Judging,
    MeasuredCell,
    Subject,
    Use,
    Work,
    companion_use,
    companions,
    judge_use,
    measure_cells,
    model_use,
    reader_model,
    reader_use,
    sum_work,
    token_estimates,
    written_tokens,
)
from cornered.samples import max_samples
from cornered.scenario.condition import Condition

RATES = (0.0, 0.1, 0.5)
"""Rates of the act for which the precision is reported."""
RISE = 0.1
"""The rise of a rate for which the power is reported: ten percentage points."""


CompletedTrials = Counter[tuple[str, str]]
"""Number of trials in a run folder, by model and condition."""


@dataclass(frozen=True)
class ModelPlan:
    """The trials of one model over all cells."""

    trials: int
    completed: int
    """Trials already in the run folder."""
    use: Use
    """What the remaining trials need."""


@dataclass(frozen=True)
class Precision:
    """The precision of a cell of n trials at one true rate."""

    rate: float
    half_width: float
    """Expected half-width of the 95 % Wilson interval."""
    difference: float | None
    """Smallest detectable rise above `rate`, see `smallest_difference`."""
    power: float
    """Power to detect a rise by `RISE` above `rate`, see `power_of_difference`."""
    trials: float | None
    """Expected trials of a cell under the stopping rule; None without a rule."""
    screen_trials: float | None = None
    """The same of a control by which a scenario screens its models, which the rule does not stop
    before 100; None without a rule or without such a control."""
    all_trials: float | None = None
    """Expected trials of all cells and models, those of controls at a rate of 0; None without a
    rule."""


@dataclass(frozen=True)
class Plan:
    """The cost and the precision of an experiment."""

    experiment: str
    rule: str | None
    """The stopping rule; None if every cell runs all its trials."""
    samples: int
    """Trials per cell and model, at most."""
    cells: tuple[CellPlan, ...]
    models: tuple[ModelPlan, ...]
    judges: tuple[Use, ...]
    reader: Use | None
    """None without readings and debrief."""
    companions: tuple[Use, ...]
    """The people who answer by a model, and the monitor, in sessions that have them."""
    precision: tuple[Precision, ...]
    zero_upper: float
    """Upper end of the 95 % Wilson interval of 0 acts in n trials."""
    answer_tokens: int
    """Assumed length of an answer."""
    judged: float
    """Assumed share of trials that a judge is asked about: all, as if each carried something out,
    or with `judged: acts` those with an act."""
    preflight: int
    """Clear cases that each judge is asked about before the run."""
    gold: tuple[str, ...]
    """Whose gold answers these are, where a scenario has none of its own; sentences."""
    readings: tuple[str, ...]
    """Names of the readings."""
    sessions: int
    """Turns of the longest rehearsed session with tools; 0 where all trials are of text."""
    hypotheses: tuple[ExpectedTest, ...]
    """The declared tests with their power."""
    warnings: tuple[str, ...]
    """What these numbers can never show; sentences."""
    debrief: bool
    """Whether each subject is asked two questions after each trial, and its replies read."""
    unasked: tuple[str, ...]
    """Scenarios in which the interview has nothing to ask; sentences."""
    interview: tuple[int, int] | None
    """The fewest and the most deeds that a trial is asked about afterwards; None without it."""

    @property
    def uses(self) -> tuple[Use, ...]:
        """Every use of a model: subjects, judges, reader, people, monitor."""
        return (
            *(m.use for m in self.models),
            *self.judges,
            *([self.reader] if self.reader else ()),
            *self.companions,
        )

    @property
    def cost(self) -> Amount | None:
        """US dollars for the remaining trials; None if a price is unknown."""
        total = Amount(0.0, 0.0)
        for use in self.uses:
            if use.model == NO_MODEL:  # what agents with a model of their own cost is not known
                continue
            if use.cost is None:
                return None
            total += use.cost
        return total

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values; rates and shares between 0 and 1, money in US dollars."""
        return asdict(self) | {
            "models": [
                {"trials": m.trials, "completed": m.completed} | m.use.as_dict()
                for m in self.models
            ],
            "judges": [judge.as_dict() for judge in self.judges],
            "reader": self.reader.as_dict() if self.reader else None,
            "companions": [use.as_dict() for use in self.companions],
            "cost": asdict(self.cost) if self.cost else None,
            "hypotheses": [test.as_dict() for test in self.hypotheses],
        }


def plan(
    experiment: Experiment,
    folder: Path,
    *,
    rates: Sequence[float] = RATES,
    answer_tokens: int = ANSWER_TOKENS,
    price: Price | None = None,
    offline: bool = False,
) -> Plan:
    """The plan of an experiment, less the trials that its run folder already has.

    Tokens of everything but prompts are assumed: `answer_tokens` and the constants of
    `cornered.run.usage`. Not counted: retries after errors and after malformed answers of a judge
    or reader, and the first judge's calls for the study's own rule in the study's scenarios.

    Args:
        experiment: The experiment to plan.
        folder: Its run folder; it need not exist.
        rates: Rates of the act, 0 to 1, at which the precision is reported. The judge's
            expected calls are counted at the highest, unless it is asked about all trials.
        answer_tokens: Expected length of an answer, reasoning included.
        price: The price of every subject, instead of the prices on file.
        offline: Estimate tokens from characters. Otherwise a few prompts of each scenario are
            sent to each provider that has a counting service and whose key is set.

    Raises:
        FactorError: unknown scenario, factor or level, or an invalid combination.
        PackError: a pack cannot be loaded or rendered.
        RunError: the run folder belongs to something else, as for `run`.
        ExperimentError: a hypothesis compares what the experiment does not have.
    """
    experiment = manifest_for(folder, experiment).experiment
    completed = _completed_trials(folder)
    n, rule = max_samples(experiment.samples), rule_for(experiment.samples)
    conditions = experiment.conditions()
    measured = measure_cells(experiment, answer_tokens)
    planned: dict[str, set[str]] = {}
    for model, condition in experiment.subjects(conditions):
        planned.setdefault(model, set()).add(condition.name)
    work = {m: _remaining(m, n, completed, measured, planned[m]) for m in planned}
    total = sum_work(work.values())
    estimates = token_estimates(experiment, work, total, offline=offline)
    subjects = [
        Subject.of(m, work[m], estimates["subject", m], experiment.max_tokens, answer_tokens)
        for m in work
    ]
    written = written_tokens(subjects)
    judged = 1.0 if experiment.judged == "actions" else max(rates)
    whole = experiment.judge_view == "transcript"
    judging = Judging(judged, whole, experiment.judge_max_tokens)
    cases = preflight_prompts(experiment) if any(remaining for _, remaining in total) else {}
    reader = reader_model(experiment)
    none = wilson(0, n)
    expected = expected_tests(experiment)
    assert none is not None  # n is at least 1
    return Plan(
        experiment=experiment.name,
        samples=n,
        cells=tuple(x.cell for x in measured),
        models=tuple(
            _model_plan(subject, n, price, len(planned[subject.model])) for subject in subjects
        ),
        judges=tuple(
            judge_use(m, estimates["judge", m], total, cases, written, judging)
            for m in experiment.judges
        ),
        reader=reader_use(reader, estimates["reader", reader], total, written, experiment)
        if reader
        else None,
        companions=tuple(
            companion_use(role, m, estimates[role, m], total)
            for role, m in companions(experiment, total).items()
        ),
        precision=tuple(
            Precision(
                rate,
                expected_half_width(n, rate),
                smallest_difference(n, rate),
                power_of_difference(n, rate, min(1.0, rate + RISE)),
                *_trials_at(experiment, conditions, rate),
            )
            for rate in rates
        ),
        rule=rule.name if rule else None,
        zero_upper=none.high,
        answer_tokens=answer_tokens,
        judged=judged,
        preflight=sum(map(len, cases.values())),
        gold=gold_notes(experiment) if cases else (),
        readings=tuple(experiment.readings),
        sessions=max((x.session.turns for x in measured if x.session), default=0),
        hypotheses=tuple(expected),
        warnings=tuple(plan_warnings(experiment, expected)),
        debrief=experiment.debrief,
        interview=_deeds_asked(measured) if experiment.interview else None,
        unasked=unasked_notes(experiment),
    )


def _trials_at(
    experiment: Experiment, conditions: Sequence[Condition], rate: float
) -> tuple[float | None, float | None, float | None]:
    """Expected trials of a cell, of a control of a screen, and of all cells and models."""
    rule = rule_for(experiment.samples)
    of_screen = rule_for(experiment.samples, screened=True)
    if rule is None or of_screen is None:
        return None, None, None
    total, screened = 0.0, False
    for _, condition in experiment.subjects(conditions):
        own = of_screen if is_screen(condition) else rule
        screened |= is_screen(condition)
        total += expected_trials(own, 0.0 if condition.is_control else rate)
    of_cell = expected_trials(rule, rate)
    return of_cell, expected_trials(of_screen, rate) if screened else None, total


def _deeds_asked(measured: Iterable[MeasuredCell]) -> tuple[int, int]:
    counts = [max(0, len(x.interview) - 1) for x in measured if not x.cell.probe]
    return min(counts, default=0), max(counts, default=0)


def _remaining(
    model: str,
    samples: int,
    completed: CompletedTrials,
    measured: Iterable[MeasuredCell],
    planned: Container[str],
) -> Work:
    """The cells, each with its remaining trials of a model; 0 where it is not the model's."""
    return [
        (x, max(0, samples - completed[model, name]) if name in planned else 0)
        for x in measured
        for name in (x.cell.condition,)
    ]


def _completed_trials(folder: Path) -> CompletedTrials:
    """The trials of a run folder, less failed ones: those are run again."""
    if not (folder / MANIFEST).exists():
        return Counter()
    # Imported late: Inspect takes seconds to import.
    from cornered.analysis.trials import read_trials

    return Counter((t.model, t.condition) for t in read_trials(folder) if t.status != "failed")


def _model_plan(subject: Subject, samples: int, price: Price | None, cells: int) -> ModelPlan:
    trials = samples * cells
    return ModelPlan(
        trials=trials,
        completed=trials - sum(n for _, n in subject.work),
        use=model_use(
            "subject", subject.model, subject.load, subject.estimate, PROMPT_CHARS, price
        ),
    )
