"""What an experiment takes, before it is run: trials, tokens, money, and what its n can show.

Calls no model. Inspect ships no prices, so they are a dated file of ours; tokens are counted by
the provider where it does that for whoever has a key, else from characters.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from statistics import mean

from pydantic import BaseModel, ConfigDict, Field, RootModel
from scipy.optimize import brentq
from scipy.stats import binom, fisher_exact

from cornered.analysis.stats import wilson
from cornered.errors import ExperimentError
from cornered.experiment import EMBEDDED, Experiment, trial_id
from cornered.run.folder import MANIFEST, manifest_for
from cornered.run.tokens import (
    PROMPT_CHARS,
    RUBRIC_CHARS,
    Gauge,
    Prompt,
    Reading,
    TokensBy,
    gauge,
)
from cornered.scenario import World, Worlds, load_pack

ANSWER_TOKENS = 900
"""An answer with its scratchpad; the longest of 75 that we have had 1033."""
ACTION_TOKENS = 300
"""The executed actions of an answer, as the judge reads them."""
VERDICT_TOKENS = 200
"""A judge's answer: one to four sentences and two words."""
RATES = (0.0, 0.1, 0.5)
"""Shares of trials with the act, at which the precision is told."""
POWER, LEVEL = 0.8, 0.05
DRAWS = 5
"""Varied casts that are rendered to measure a prompt."""
POINTS = 60
"""Counts at which a binomial distribution is summed; a larger one is thinned evenly."""


There = Counter[tuple[str, str]]
"""Trials that a run folder has, by model and condition."""


@dataclass(frozen=True)
class Price:
    """What a model costs, in US dollars for a million tokens."""

    input: float
    output: float
    source: str
    """The page that says so; "given" for a price of the user's."""
    read: date | None = None
    stretch: float = 1.0
    """Tokens that its tokenizer makes of what makes one on most others."""

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """US dollars for so many tokens."""
        return (tokens_in * self.input + tokens_out * self.output) / 1_000_000


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


@dataclass(frozen=True)
class CellPlan:
    """One condition."""

    condition: str
    scenario: str
    control: bool
    prompt_tokens: int
    """Tokens of its prompt, system and user message, from characters; a model's own differ."""


@dataclass(frozen=True)
class Use:
    """What is asked of one model, as subject or as judge, in trials that are still to run."""

    model: str
    calls: Amount
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


@dataclass(frozen=True)
class Plan:
    """What an experiment takes and what it can show."""

    experiment: str
    samples: int
    """Trials of each cell and model."""
    cells: tuple[CellPlan, ...]
    models: tuple[ModelPlan, ...]
    judges: tuple[Use, ...]
    sights: tuple[Sight, ...]
    zero_upper: float
    """Upper end of the 95 % Wilson interval of no act in n trials."""
    answer_tokens: int
    """Length of an answer that the expectations assume."""
    judged: float
    """Share of trials that a judge is asked about, that they assume: those with an act, or all."""

    @property
    def uses(self) -> tuple[Use, ...]:
        """Every use of a model, the judges' last."""
        return (*(m.use for m in self.models), *self.judges)

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
    n = experiment.samples
    measured = _measured(experiment)
    work = {m: _left(m, n, there, measured) for m in experiment.models}
    all_work = _summed(work.values())
    gauges = gauge(
        [_reading(m, PROMPT_CHARS, work[m], lambda x: x.prompt) for m in work]
        + [_reading(m, RUBRIC_CHARS, all_work, lambda x: x.rubric) for m in experiment.judges],
        offline=offline,
    )
    models = tuple(
        _model_plan(m, n, work[m], g, experiment.max_tokens, answer_tokens, price)
        for m, g in zip(work, gauges, strict=False)
    )
    judged = 1.0 if experiment.judge_all else max(rates)
    answers = sum((m.use.output_tokens for m in models), Amount(0, 0)).at_most
    reads = _Reads(judged, answer_tokens, answers, experiment.judge_view == "transcript")
    judges = tuple(
        _judge_use(m, all_work, g, reads)
        for m, g in zip(experiment.judges, gauges[len(work) :], strict=True)
    )
    none = wilson(0, n)
    assert none is not None  # n is at least 1
    return Plan(
        experiment=experiment.name,
        samples=n,
        cells=tuple(x.cell for x in measured),
        models=models,
        judges=judges,
        sights=tuple(
            Sight(rate, expected_half_width(n, rate), smallest_difference(n, rate))
            for rate in rates
        ),
        zero_upper=none.high,
        answer_tokens=answer_tokens,
        judged=judged,
    )


@dataclass(frozen=True)
class _Measured:
    """A cell, and what is read in each of its trials."""

    cell: CellPlan
    prompt: Prompt
    rubric: Prompt
    """The judge's prompt without actions."""

    @property
    def rubric_tokens(self) -> int:
        """From characters, as the cell's `prompt_tokens` are."""
        return round(len(self.rubric[0]) / RUBRIC_CHARS)


def _measured(experiment: Experiment) -> tuple[_Measured, ...]:
    rooms = {name: Worlds(load_pack(name)) for name in experiment.scenarios}
    measured = []
    for c in experiment.conditions():
        worlds, levels = rooms[c.scenario], c.levels
        # A varied cast differs by names only: a few draws tell the length of all.
        draws = DRAWS if levels["cast"] == "varied" else 1
        drawn = [worlds.world(levels, trial_id(n)) for n in range(1, draws + 1)]
        cell = CellPlan(c.name, c.pack_name, c.is_control, _prompt_tokens(drawn))
        rubric = _rubric(worlds, drawn[0]) if experiment.judges else ""
        measured.append(_Measured(cell, (drawn[0].system, drawn[0].task), (rubric,)))
    return tuple(measured)


_Work = Sequence[tuple[_Measured, int]]
"""The cells, and the trials of each that are still to run."""


def _left(model: str, samples: int, there: There, measured: Iterable[_Measured]) -> _Work:
    return [(x, max(0, samples - there[model, x.cell.condition])) for x in measured]


def _summed(works: Iterable[_Work]) -> _Work:
    """The work of all models."""
    return [(row[0][0], sum(n for _, n in row)) for row in zip(*works, strict=True)]


def _reading(
    model: str, chars: float, work: _Work, prompt: Callable[[_Measured], Prompt]
) -> Reading:
    """What a model is to read in trials that are still to run."""
    prompts: dict[str, list[Prompt]] = {}
    for x, n in work:
        if n:
            prompts.setdefault(x.cell.scenario, []).append(prompt(x))
    known = find_price(model)
    return Reading(model, chars, known.stretch if known else 1.0, prompts)


def _there(folder: Path) -> There:
    """The trials that a run folder has; failed ones are tried again."""
    from cornered.analysis.table import read_trials

    if not (folder / MANIFEST).exists():
        return Counter()
    return Counter((t.model, t.condition) for t in read_trials(folder) if t.status != "failed")


def _prompt_tokens(worlds: Sequence[World]) -> int:
    return round(mean(len(w.system) + len(w.task) for w in worlds) / PROMPT_CHARS)


def _model_plan(
    model: str,
    samples: int,
    work: _Work,
    gauge: Gauge,
    max_tokens: int | None,
    answer_tokens: int,
    price: Price | None,
) -> ModelPlan:
    calls = sum(n for _, n in work)
    tokens = round(sum(n * x.cell.prompt_tokens * gauge.of(x.cell.scenario) for x, n in work))
    most = max_tokens or answer_limit(model)
    answer = min(round(answer_tokens * gauge.stretch), most or math.inf)
    return ModelPlan(
        trials=samples * len(work),
        there=samples * len(work) - calls,
        use=Use(
            model,
            Amount(calls, calls),
            Amount(tokens, tokens),
            Amount(calls * answer, None if most is None else calls * most),
            price or find_price(model),
            gauge.by,
            PROMPT_CHARS / gauge.stretch,
            gauge.problem,
        ),
    )


def _rubric(worlds: Worlds, world: World) -> str:
    """A judge's prompt without the actions that it reads."""
    from cornered.ledger import Ledger
    from cornered.verdict.judge import judge_prompt

    renderer = worlds.renderer(world.levels, trial_id(1))
    return judge_prompt(worlds.pack, world, Ledger(), renderer)


@dataclass(frozen=True)
class _Reads:
    """What a judge reads of the answers."""

    judged: float
    """Expected share of trials that it is asked about."""
    answer_tokens: int
    """Expected length of an answer."""
    answers: float | None
    """Tokens of all answers at most; None where nothing bounds them that we know."""
    whole: bool
    """Whether it reads whole answers beside the actions."""

    def tokens(self, calls: int) -> Amount:
        """Tokens of what it reads in so many trials, on most tokenizers."""
        actions = min(ACTION_TOKENS, self.answer_tokens)
        each = actions + self.answer_tokens if self.whole else actions
        most = None if self.answers is None else self.answers * (2 if self.whole else 1)
        return Amount(self.judged * calls * each, most)


def _judge_use(model: str, work: _Work, gauge: Gauge, reads: _Reads) -> Use:
    """What a judge is asked in the trials of all models."""
    from cornered.verdict.ask import MAX_TOKENS

    calls = sum(n for _, n in work)
    asking = sum(n * x.rubric_tokens * gauge.of(x.cell.scenario) for x, n in work)
    read = reads.tokens(calls)
    most = None if read.at_most is None else round(asking + gauge.stretch * read.at_most)
    return Use(
        model,
        Amount(round(reads.judged * calls), calls),
        Amount(round(reads.judged * asking + gauge.stretch * read.expected), most),
        Amount(round(gauge.stretch * reads.judged * calls * VERDICT_TOKENS), MAX_TOKENS * calls),
        find_price(model),
        gauge.by,
        RUBRIC_CHARS / gauge.stretch,
        gauge.problem,
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


class _PriceList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    read: date
    stretch: float = Field(default=1.0, gt=0)
    models: dict[str, tuple[float, float]]


class _Prices(RootModel[list[_PriceList]]):
    pass


SNAPSHOT = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})\Z")


@cache
def _prices() -> dict[str, Price]:
    from cornered.yamlfile import parse_yaml, read_text

    path = Path(__file__).with_name("prices.yaml")
    text = read_text(path, error=ExperimentError)
    lists = _Prices.model_validate(parse_yaml(text, path=path, error=ExperimentError)).root
    return {
        name: Price(*dollars, source=given.source, read=given.read, stretch=given.stretch)
        for given in lists
        for name, dollars in given.models.items()
    }


def find_price(model: str) -> Price | None:
    """What a model costs, by its Inspect name; None where that is unknown.

    A model of ours runs on this machine and costs nothing.
    """
    if model.startswith("cornered/"):
        return Price(0.0, 0.0, "runs on this machine")
    return _prices().get(model) or _prices().get(SNAPSHOT.sub("", model))


def parse_price(text: str) -> Price:
    """A price as `IN,OUT`, US dollars for a million tokens.

    Raises:
        ExperimentError: it is something else.
    """
    try:
        given, out = (float(part) for part in text.split(","))
        if not (0 <= given < math.inf and 0 <= out < math.inf):
            raise ValueError
    except ValueError:
        raise ExperimentError(
            f"{text} is no price", fix="give two numbers, IN,OUT: US dollars per million tokens"
        ) from None
    return Price(given, out, "given")


def _likely(n: int, rate: float) -> list[tuple[int, float]]:
    """The counts that n trials may give at a rate, with their probabilities."""
    first, last = (int(k) for k in binom.interval(1 - 1e-9, n, rate))
    counts = range(first, last + 1, max(1, (last - first) // POINTS))
    chances = [float(p) for p in binom.pmf(list(counts), n, rate)]
    return [(k, p / sum(chances)) for k, p in zip(counts, chances, strict=True)]


@cache
def expected_half_width(n: int, rate: float) -> float:
    """Half the width of the 95 % Wilson interval, on average over what n trials may give."""
    total = 0.0
    for count, chance in _likely(n, rate):
        interval = wilson(count, n)
        assert interval is not None  # n is at least 1
        total += chance * (interval.high - interval.low) / 2
    return total


@cache
def smallest_difference(n: int, rate: float) -> float | None:
    """The smallest rise above a rate that n trials against n find with 80 % power.

    Found means that Fisher's exact test, two-sided at 5 %, rejects equality. SciPy has the
    test and no power of it; this is the sum over both binomials, solved for the higher rate.

    Args:
        n: Trials of each of the two cells.
        rate: The rate in the one cell, 0 to 1; a control's is 0.

    Returns:
        The difference of the two rates; None where not even a rise to 1 is found.
    """
    outcomes: list[tuple[int, float]] = []
    gap = 1
    for count, chance in _likely(n, rate):
        gap = _least_gap(count, n, gap)
        outcomes.append((count + gap, chance))

    def lack(other: float) -> float:
        return POWER - sum(p * float(binom.sf(limit - 1, n, other)) for limit, p in outcomes)

    if lack(1.0) > 0:
        return None
    return float(brentq(lack, rate, 1.0)) - rate


def _least_gap(count: int, n: int, guess: int) -> int:
    """How many more than `count` of n are the fewest that differ from it; past n where none do.

    Searched from a guess: the gap moves slowly with the count, and each test takes a millisecond.
    """

    def differs(gap: int) -> bool:
        more = count + gap
        table = [[more, n - more], [count, n - count]]
        return more <= n and bool(fisher_exact(table).pvalue <= LEVEL)

    gap = min(guess, n - count + 1)
    while gap > 1 and differs(gap - 1):
        gap -= 1
    while count + gap <= n and not differs(gap):
        gap += 1
    return gap
