"""What an experiment takes, before it is run: trials, tokens, money, and what its n can show.

Calls no model. Inspect ships no prices, so they are a dated file of ours; tokens are counted by
the provider where it does that for whoever has a key, else from characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cornered.analysis.power import expected_half_width, power_of_difference, smallest_difference
from cornered.analysis.stats import wilson
from cornered.analysis.stopping import expected_trials, rule_for
from cornered.experiment import Experiment
from cornered.run.folder import MANIFEST, manifest_for
from cornered.run.prices import Price
from cornered.run.tokens import PROMPT_CHARS
from cornered.run.usage import (
    ANSWER_TOKENS,
    Amount,
    CellPlan,
    JudgedShare,
    MeasuredCell,
    Subject,
    Use,
    Work,
    judge_use,
    measure_cells,
    model_use,
    preflight_prompts,
    reader_model,
    reader_use,
    sum_work,
    token_estimates,
    written_tokens,
)
from cornered.samples import max_samples

RATES = (0.0, 0.1, 0.5)
"""Rates of the act for which the precision is given."""
RISE = 0.1
"""The rise of a rate, ten percentage points, whose power is given."""


CompletedTrials = Counter[tuple[str, str]]
"""Trials that a run folder has, by model and condition."""


@dataclass(frozen=True)
class ModelPlan:
    """The trials of one model over all cells."""

    trials: int
    completed: int
    """Those that the run folder has."""
    use: Use
    """What the others take."""


@dataclass(frozen=True)
class Precision:
    """How precisely a cell of n trials is known at one true rate."""

    rate: float
    half_width: float
    """Expected half-width of the 95 % Wilson interval."""
    difference: float | None
    """Smallest rise above `rate` that is detected, see `smallest_difference`."""
    power: float
    """Chance that a rise by `RISE` above `rate` is detected, see `power_of_difference`."""
    trials: float | None
    """Trials of a cell that a rule stops, on average; None where there is no rule."""


@dataclass(frozen=True)
class Plan:
    """What an experiment takes and what it can show."""

    experiment: str
    rule: str | None
    """What stops a cell before it has all its trials; None where nothing does."""
    samples: int
    """Trials of each cell and model."""
    cells: tuple[CellPlan, ...]
    models: tuple[ModelPlan, ...]
    judges: tuple[Use, ...]
    reader: Use | None
    """None where nothing is read beside the verdict."""
    precision: tuple[Precision, ...]
    zero_upper: float
    """Upper end of the 95 % Wilson interval of no act in n trials."""
    answer_tokens: int
    """Length of an answer that the expectations assume."""
    judged: float
    """Share of trials that a judge is asked about, that they assume: those with an act, or all."""
    preflight: int
    """Plain cases that each judge is asked about before the run."""
    readings: tuple[str, ...]
    """What is read in each trial."""
    debrief: bool
    """Whether each subject is asked two questions after each trial, and its answers read."""

    @property
    def uses(self) -> tuple[Use, ...]:
        """Every use of a model: subjects, judges, reader."""
        return (
            *(m.use for m in self.models),
            *self.judges,
            *([self.reader] if self.reader else ()),
        )

    @property
    def cost(self) -> Amount | None:
        """US dollars for all that is still to run; None where some price is unknown."""
        total = Amount(0.0, 0.0)
        for use in self.uses:
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
            "cost": asdict(self.cost) if self.cost else None,
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
    """What an experiment takes, over and above what its run folder has.

    Tokens, where they are not of prompts, are assumed: `answer_tokens` and the constants of this
    module. Calls are counted once: a malformed answer of a judge or a reader, which is asked for
    again, and second tries after errors are not in it, nor is the study's own rule, for which the
    first judge is asked in the study's scenarios.

    Args:
        experiment: What would be run.
        folder: Where; it need not exist.
        rates: Shares of trials with the act, 0 to 1, at which the precision is told. The
            highest is the one at which the judge's expected calls are counted, unless it is
            asked about all.
        answer_tokens: Expected length of an answer, reasoning included.
        price: What every subject costs, instead of the prices on file.
        offline: Count from characters; else a few prompts of each scenario are sent to the
            counting service of each model's provider that has one and whose key is set.

    Raises:
        FactorError: unknown scenario, factor or level, or an invalid combination.
        PackError: a pack cannot be loaded or rendered.
        RunError: the run folder belongs to something else, as for `run`.
    """
    experiment = manifest_for(folder, experiment).experiment
    completed = _completed_trials(folder)
    n, rule = max_samples(experiment.samples), rule_for(experiment.samples)
    measured = measure_cells(experiment)
    work = {m: _left(m, n, completed, measured) for m in experiment.models}
    total = sum_work(work.values())
    estimates = token_estimates(experiment, work, total, offline=offline)
    subjects = [
        Subject.of(m, work[m], estimates["subject", m], experiment.max_tokens, answer_tokens)
        for m in work
    ]
    written = written_tokens(subjects)
    judged = 1.0 if experiment.judge_all else max(rates)
    share = JudgedShare(judged, experiment.judge_view == "transcript")
    cases = preflight_prompts(experiment) if any(left for _, left in total) else {}
    reader = reader_model(experiment)
    none = wilson(0, n)
    assert none is not None  # n is at least 1
    return Plan(
        experiment=experiment.name,
        samples=n,
        cells=tuple(x.cell for x in measured),
        models=tuple(_model_plan(subject, n, price) for subject in subjects),
        judges=tuple(
            judge_use(m, estimates["judge", m], total, cases, written, share)
            for m in experiment.judges
        ),
        reader=reader_use(reader, estimates["reader", reader], total, written, experiment)
        if reader
        else None,
        precision=tuple(
            Precision(
                rate,
                expected_half_width(n, rate),
                smallest_difference(n, rate),
                power_of_difference(n, rate, min(1.0, rate + RISE)),
                expected_trials(rule, rate) if rule else None,
            )
            for rate in rates
        ),
        rule=rule.name if rule else None,
        zero_upper=none.high,
        answer_tokens=answer_tokens,
        judged=judged,
        preflight=sum(map(len, cases.values())),
        readings=tuple(experiment.readings),
        debrief=experiment.debrief,
    )


def _left(
    model: str, samples: int, completed: CompletedTrials, measured: Iterable[MeasuredCell]
) -> Work:
    return [(x, max(0, samples - completed[model, x.cell.condition])) for x in measured]


def _completed_trials(folder: Path) -> CompletedTrials:
    """The trials that a run folder has; failed ones are tried again."""
    if not (folder / MANIFEST).exists():
        return Counter()
    # Only now: it takes seconds to import Inspect.
    from cornered.analysis.table import read_trials

    return Counter((t.model, t.condition) for t in read_trials(folder) if t.status != "failed")


def _model_plan(subject: Subject, samples: int, price: Price | None) -> ModelPlan:
    trials = samples * len(subject.work)
    return ModelPlan(
        trials=trials,
        completed=trials - sum(n for _, n in subject.work),
        use=model_use(
            "subject", subject.model, subject.load, subject.estimate, PROMPT_CHARS, price
        ),
    )
