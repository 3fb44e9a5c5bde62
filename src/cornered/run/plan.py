"""What an experiment takes, before it is run: trials, tokens, money, and what its n can show.

Calls no model. Inspect ships no prices, so they are a dated file of ours; tokens are counted by
the provider where it does that for whoever has a key, else from characters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Literal, Self

from cornered.analysis.power import expected_half_width, power_of_difference, smallest_difference
from cornered.analysis.stats import wilson
from cornered.analysis.stopping import expected_trials, rule_for
from cornered.experiment import EMBEDDED, Experiment
from cornered.run.folder import MANIFEST, manifest_for
from cornered.run.prices import Price, find_price
from cornered.run.tokens import (
    PROMPT_CHARS,
    RUBRIC_CHARS,
    Gauge,
    Prompt,
    Reading,
    TokensBy,
    gauge,
)
from cornered.samples import max_samples
from cornered.scenario import Levels, RenderedPrompt, Renderer, Scenario, load_pack
from cornered.scenario.condition import Condition, trial_id

ANSWER_TOKENS = 900
"""An answer with its scratchpad; the longest of 75 that we have had 1033."""
ACTION_TOKENS = 300
"""The executed actions of an answer, as the judge reads them."""
VERDICT_TOKENS = 200
"""An answer of a judge or a reader: one to four sentences and a word or two."""
REPLY_TOKENS = 250
"""What a subject says to one question of the debrief: an assumption, nothing was measured."""
PROBE_TOKENS = 300
"""An answer to a probe, an assumption too: some thought, and a number and a letter for each of
about seven questions."""
RATES = (0.0, 0.1, 0.5)
"""Shares of trials with the act, at which the precision is told."""
RISE = 0.1
"""The rise of a rate, ten percentage points, whose power is told."""
DRAWS = 5
"""Varied casts that are rendered to measure a prompt."""


There = Counter[tuple[str, str]]
"""Trials that a run folder has, by model and condition."""


@dataclass(frozen=True)
class Amount:
    """A number that is not known before a run: what is expected, and its bound."""

    expected: float
    at_most: float | None
    """None where nothing bounds it that we know."""

    def __add__(self, other: Amount) -> Amount:
        bounded = self.at_most is not None and other.at_most is not None
        return Amount(
            self.expected + other.expected,
            (self.at_most or 0) + (other.at_most or 0) if bounded else None,
        )

    def __mul__(self, times: float) -> Amount:
        if not times:  # none of what has no bound is bounded
            return _NONE
        return Amount(self.expected * times, None if self.at_most is None else self.at_most * times)

    @property
    def rounded(self) -> Amount:
        """The nearest whole numbers."""
        return Amount(round(self.expected), None if self.at_most is None else round(self.at_most))


def _exact(number: float) -> Amount:
    return Amount(number, number)


_NONE = _exact(0)

Role = Literal["subject", "judge", "reader"]
"""What a model is asked as."""


@dataclass(frozen=True)
class CellPlan:
    """One condition."""

    condition: str
    scenario: str
    control: bool
    probe: bool
    """Whether questions are asked there: no judge, no readings, no debrief."""
    prompt_tokens: int
    """Tokens of its prompt, system and user message, from characters; a model's own differ."""


@dataclass(frozen=True)
class Use:
    """What is asked of one model in one role, for trials that are still to run."""

    role: Role
    model: str
    calls: Amount
    """Without second tries. A subject's are its trials and two more for each debrief; a judge's
    are its verdicts and the cases of the preflight."""
    input_tokens: Amount
    output_tokens: Amount
    price: Price | None
    """None where it is unknown."""
    tokens_by: TokensBy
    """Who counted the tokens of what it reads."""
    chars_per_token: float
    """Characters of it that were taken for one token, on average."""
    not_counted: str | None
    """In one line, why its provider did not count them though there is a key."""

    @property
    def cost(self) -> Amount | None:
        """US dollars; None where no price is known."""
        if self.price is None:
            return None
        most = None
        if self.input_tokens.at_most is not None and self.output_tokens.at_most is not None:
            most = self.price.of(self.input_tokens.at_most, self.output_tokens.at_most)
        return Amount(self.price.of(self.input_tokens.expected, self.output_tokens.expected), most)


@dataclass(frozen=True)
class ModelPlan:
    """The trials of one model over all cells."""

    trials: int
    there: int
    """Those that the run folder has."""
    use: Use
    """What the others take."""


@dataclass(frozen=True)
class Sight:
    """What a cell of n trials shows where a share `rate` of them has the act."""

    rate: float
    half_width: float
    """Expected half-width of the 95 % Wilson interval."""
    difference: float | None
    """Smallest rise above `rate` that is found, see `smallest_difference`."""
    power: float
    """Chance that a rise by `RISE` above `rate` is found, see `power_of_difference`."""
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
    sights: tuple[Sight, ...]
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
    there = _there(folder)
    n, rule = max_samples(experiment.samples), rule_for(experiment.samples)
    measured = _measured(experiment)
    work = {m: _left(m, n, there, measured) for m in experiment.models}
    total = _summed(work.values())
    gauges = _gauges(experiment, work, total, offline=offline)
    subjects = [
        _Subject.of(m, work[m], gauges["subject", m], experiment.max_tokens, answer_tokens)
        for m in work
    ]
    written = _written(subjects)
    judged = 1.0 if experiment.judge_all else max(rates)
    share = _Share(judged, experiment.judge_view == "transcript")
    cases = _plain_cases(experiment) if any(left for _, left in total) else {}
    reader = _reader(experiment)
    none = wilson(0, n)
    assert none is not None  # n is at least 1
    return Plan(
        experiment=experiment.name,
        samples=n,
        cells=tuple(x.cell for x in measured),
        models=tuple(_model_plan(subject, n, price) for subject in subjects),
        judges=tuple(
            _judge_use(m, gauges["judge", m], total, cases, written, share)
            for m in experiment.judges
        ),
        reader=_reader_use(reader, gauges["reader", reader], total, written, experiment)
        if reader
        else None,
        sights=tuple(
            Sight(
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


def _reader(experiment: Experiment) -> str | None:
    """The model that reads, as the scorers find it; None where nothing is to be read."""
    if not (experiment.readings or experiment.debrief):
        return None
    return experiment.reader or experiment.judges[0]


def _gauges(
    experiment: Experiment, work: Mapping[str, _Work], total: _Work, *, offline: bool
) -> dict[tuple[Role, str], Gauge]:
    """How the tokens of each model are counted, by its role and name."""
    asked: dict[tuple[Role, str], Reading] = {
        ("subject", m): _reading(m, PROMPT_CHARS, left, lambda x: [x.prompt])
        for m, left in work.items()
    }
    for m in experiment.judges:
        asked["judge", m] = _reading(m, RUBRIC_CHARS, total, lambda x: x.rubric)
    if reader := _reader(experiment):
        asked["reader", reader] = _reading(reader, RUBRIC_CHARS, total, lambda x: x.frames)
    return dict(zip(asked, gauge(list(asked.values()), offline=offline), strict=True))


@dataclass(frozen=True)
class _Measured:
    """A cell, and what is read in each of its trials; of a probe only its prompt is."""

    cell: CellPlan
    prompt: Prompt
    rubric: Sequence[Prompt]
    """A judge's prompt without actions; none without judges."""
    frames: Sequence[Prompt]
    """A reader's prompts without what the subject writes, one for each of its calls."""
    questions: Sequence[str]
    """Those of the debrief, in order."""


def _prose(texts: Iterable[str]) -> float:
    """Tokens of our rubrics, frames and questions on most tokenizers."""
    return sum(map(len, texts)) / RUBRIC_CHARS


def _measured(experiment: Experiment) -> tuple[_Measured, ...]:
    rooms = {name: Scenario.of(load_pack(name)) for name in experiment.scenarios}
    return tuple(_measure(c, rooms[c.scenario], experiment) for c in experiment.conditions())


def _measure(condition: Condition, scenario: Scenario, experiment: Experiment) -> _Measured:
    levels = scenario.complete(condition.levels)
    # A varied cast differs by names only: a few draws tell the length of all.
    draws = DRAWS if condition.varies_cast else 1
    drawn = [scenario.prompt(levels, trial_id(n)) for n in range(1, draws + 1)]
    probe = condition.is_probe
    cell = CellPlan(
        condition.name, condition.pack_name, condition.is_control, probe, _prompt_tokens(drawn)
    )
    prompt = (drawn[0].system, drawn[0].task)
    if probe:
        return _Measured(cell, prompt, (), (), ())
    renderer = scenario.renderer(levels, trial_id(1))
    rubric = [(_rubric(scenario, levels, renderer),)] if experiment.judges else []
    questions = _questions(levels, renderer) if experiment.debrief else []
    frames = _frames(experiment.readings, questions, levels, renderer)
    return _Measured(cell, prompt, rubric, frames, questions)


def _rubric(scenario: Scenario, levels: Levels, renderer: Renderer) -> str:
    """A judge's prompt without the actions that it reads."""
    from cornered.ledger import Ledger
    from cornered.verdict.judge import judge_prompt
    from cornered.world import open_world

    world = open_world(scenario.pack, scenario.scene(levels, trial_id(1)))
    return judge_prompt(scenario.pack, world, Ledger(), renderer)


def _questions(levels: Levels, renderer: Renderer) -> list[str]:
    """What the subject is asked afterwards."""
    from cornered.verdict.debrief import QUESTIONS

    return [renderer.text(f"shared/debrief/{name}.md", levels) for name in QUESTIONS]


def _frames(
    readings: Sequence[str], questions: Sequence[str], levels: Levels, renderer: Renderer
) -> list[Prompt]:
    """A reader's prompts without answers: of each reading, then of the debrief's two."""
    if not (readings or questions):
        return []
    from cornered.verdict.readings import (
        Part,
        ReadingSpec,
        debrief_readings,
        known_readings,
        reading_prompt,
    )

    known = known_readings()
    asked: list[tuple[ReadingSpec, list[Part]]] = [(known[name], []) for name in readings]
    if questions:
        parts = [Part("question", "A question", question) for question in questions]
        afterwards = debrief_readings()
        asked += [
            (afterwards["debrief_purpose"], parts[:1]),
            (afterwards["debrief_honesty"], parts),
        ]
    return [(reading_prompt(spec, parts, levels, renderer),) for spec, parts in asked]


def _plain_cases(experiment: Experiment) -> Mapping[str, list[str]]:
    """What each judge is asked before the run, by the scenario whose gold answers are taken."""
    if not (experiment.judges and experiment.preflight):
        return {}
    from cornered.verdict.gold import gold_answers, gold_pack
    from cornered.verdict.preflight import gold_prompt

    cases = {}
    for name in experiment.scenarios:
        scenario = Scenario.of(gold_pack(load_pack(name)))
        cases[scenario.pack.name] = [
            gold_prompt(scenario, answer, experiment.judge_view)
            for answer in gold_answers(scenario.pack)
            if answer.head.preflight
        ]
    return cases


_Work = Sequence[tuple[_Measured, int]]
"""The cells, and the trials of each that are still to run."""


def _left(model: str, samples: int, there: There, measured: Iterable[_Measured]) -> _Work:
    return [(x, max(0, samples - there[model, x.cell.condition])) for x in measured]


def _summed(works: Iterable[_Work]) -> _Work:
    """The work of all models."""
    return [(row[0][0], sum(n for _, n in row)) for row in zip(*works, strict=True)]


def _reading(
    model: str, chars: float, work: _Work, read: Callable[[_Measured], Sequence[Prompt]]
) -> Reading:
    """What a model is to read in trials that are still to run."""
    prompts: dict[str, list[Prompt]] = {}
    for x, n in work:
        if n and (found := read(x)):
            prompts.setdefault(x.cell.scenario, []).extend(found)
    known = find_price(model)
    return Reading(model, chars, known.stretch if known else 1.0, prompts)


def _there(folder: Path) -> There:
    """The trials that a run folder has; failed ones are tried again."""
    from cornered.analysis.table import read_trials

    if not (folder / MANIFEST).exists():
        return Counter()
    return Counter((t.model, t.condition) for t in read_trials(folder) if t.status != "failed")


def _prompt_tokens(prompts: Sequence[RenderedPrompt]) -> int:
    return round(mean(len(p.system) + len(p.task) for p in prompts) / PROMPT_CHARS)


@dataclass(frozen=True)
class _Load:
    """Calls of a model, and all tokens that they read and write, as it counts them."""

    calls: Amount
    read: Amount
    written: Amount

    def __add__(self, other: _Load) -> _Load:
        return _Load(self.calls + other.calls, self.read + other.read, self.written + other.written)

    def __mul__(self, times: float) -> _Load:
        return _Load(self.calls * times, self.read * times, self.written * times)


_NO_LOAD = _Load(_NONE, _NONE, _NONE)


def _use(
    role: Role, model: str, load: _Load, gauge: Gauge, chars: float, price: Price | None = None
) -> Use:
    return Use(
        role=role,
        model=model,
        calls=load.calls.rounded,
        input_tokens=load.read.rounded,
        output_tokens=load.written.rounded,
        price=price or find_price(model),
        tokens_by=gauge.by,
        chars_per_token=chars / gauge.stretch,
        not_counted=gauge.problem,
    )


@dataclass(frozen=True)
class _Subject:
    """A model under test; what it writes, each text in its own tokens."""

    model: str
    work: _Work
    gauge: Gauge
    answer: Amount
    probe: Amount
    """An answer to a probe."""
    reply: Amount
    """An answer to a question of the debrief."""

    @classmethod
    def of(
        cls, model: str, work: _Work, gauge: Gauge, max_tokens: int | None, answer_tokens: int
    ) -> Self:
        most = max_tokens or answer_limit(model)

        def text(tokens: int) -> Amount:
            return Amount(min(tokens * gauge.stretch, most or math.inf), most)

        probe = min(PROBE_TOKENS, answer_tokens)
        return cls(model, work, gauge, text(answer_tokens), text(probe), text(REPLY_TOKENS))

    @property
    def acting(self) -> int:
        """Trials that are no probes."""
        return sum(n for x, n in self.work if not x.cell.probe)

    @property
    def load(self) -> _Load:
        """What it is asked in all of its trials."""
        return sum((self._trial(x) * n for x, n in self.work), _NO_LOAD)

    def _trial(self, x: _Measured) -> _Load:
        """One trial and its debrief, in which each question goes with all that was said before."""
        said = _exact(x.cell.prompt_tokens * self.gauge.of(x.cell.scenario))
        answer = self.probe if x.cell.probe else self.answer
        load = _Load(_exact(1), said, answer)
        said += answer
        for question in x.questions:
            said += _exact(_prose([question]) * self.gauge.stretch)
            load += _Load(_exact(1), said, self.reply)
            said += self.reply
        return load


def _model_plan(subject: _Subject, samples: int, price: Price | None) -> ModelPlan:
    trials = samples * len(subject.work)
    return ModelPlan(
        trials=trials,
        there=trials - sum(n for _, n in subject.work),
        use=_use("subject", subject.model, subject.load, subject.gauge, PROMPT_CHARS, price),
    )


@dataclass(frozen=True)
class _Written:
    """What the subjects write in all trials but probes, in tokens of most tokenizers."""

    answers: Amount
    actions: Amount
    """Those parts of the answers that were carried out: at most all."""
    replies: Amount
    """To one question of the debrief."""


def _written(subjects: Iterable[_Subject]) -> _Written:
    answers = actions = replies = _NONE
    for subject in subjects:
        answer = subject.answer * (1 / subject.gauge.stretch)
        answers += answer * subject.acting
        actions += Amount(min(ACTION_TOKENS, answer.expected), answer.at_most) * subject.acting
        replies += subject.reply * (subject.acting / subject.gauge.stretch)
    return _Written(answers, actions, replies)


def _in_schema(calls: Amount, read: Amount, gauge: Gauge) -> _Load:
    """So many calls of a judge or a reader, each answered in its schema."""
    from cornered.verdict.ask import MAX_TOKENS

    assert calls.at_most is not None  # a plan knows its trials
    said = Amount(calls.expected * VERDICT_TOKENS * gauge.stretch, calls.at_most * MAX_TOKENS)
    return _Load(calls, read, said)


@dataclass(frozen=True)
class _Share:
    """What a judge is shown of all trials."""

    judged: float
    """Expected share of trials that it is asked about."""
    whole: bool
    """Whether it reads whole answers beside the actions."""


def _verdicts(work: _Work, gauge: Gauge, written: _Written, share: _Share) -> _Load:
    """What a judge is asked in the trials of all models: expected in a share, at most in all."""
    trials = sum(n * len(x.rubric) for x, n in work)
    texts = written.actions + written.answers if share.whole else written.actions
    read = _exact(_asking(work, gauge, lambda x: x.rubric)) + texts * gauge.stretch
    calls = Amount(share.judged * trials, trials)
    return _in_schema(calls, Amount(share.judged * read.expected, read.at_most), gauge)


def _preflight(cases: Mapping[str, Sequence[str]], gauge: Gauge) -> _Load:
    """What a judge is asked before the run: each plain case once."""
    read = sum(_prose(prompts) * gauge.of(scenario) for scenario, prompts in cases.items())
    return _in_schema(_exact(sum(map(len, cases.values()))), _exact(read), gauge)


def _judge_use(
    model: str,
    gauge: Gauge,
    work: _Work,
    cases: Mapping[str, Sequence[str]],
    written: _Written,
    share: _Share,
) -> Use:
    load = _verdicts(work, gauge, written, share) + _preflight(cases, gauge)
    return _use("judge", model, load, gauge, RUBRIC_CHARS)


def _reader_use(
    model: str, gauge: Gauge, work: _Work, written: _Written, experiment: Experiment
) -> Use:
    """What a reader is asked in the trials of all models, each of which is taken to be answered.

    For each reading it reads the whole answer. For the debrief it reads the first reply, and
    then both beside the actions.
    """
    calls = sum(n * len(x.frames) for x, n in work)
    texts = written.answers * len(experiment.readings)
    if experiment.debrief:
        texts += written.replies * 3 + written.actions
    read = _exact(_asking(work, gauge, lambda x: x.frames)) + texts * gauge.stretch
    return _use("reader", model, _in_schema(_exact(calls), read, gauge), gauge, RUBRIC_CHARS)


def _asking(work: _Work, gauge: Gauge, read: Callable[[_Measured], Sequence[Prompt]]) -> float:
    """Tokens of what is ours in the prompts of a judge or a reader."""
    return sum(
        n * _prose(text for prompt in read(x) for text in prompt) * gauge.of(x.cell.scenario)
        for x, n in work
    )


def answer_limit(model: str) -> int | None:
    """The longest answer of a model where the experiment sets none, in tokens.

    Source: Inspect's table of models, by exact name; its own look-up also takes the nearest.

    Returns:
        None where it is not known.
    """
    if model == EMBEDDED:
        from cornered.models.embedded import DEFAULT_MAX_TOKENS

        return DEFAULT_MAX_TOKENS
    from inspect_ai.model._model_data.model_data import read_model_info

    info = read_model_info().get(model)
    return info.output_tokens if info else None
