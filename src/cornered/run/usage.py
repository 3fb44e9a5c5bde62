"""The model usage of a plan: calls, tokens and cost, by model and role."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import mean
from typing import Any, Literal, Self

from cornered.experiment import EMBEDDED, NO_MODEL, Experiment
from cornered.limits import MAX_TURNS
from cornered.run.asked import interview_texts
from cornered.run.prices import Price, find_price
from cornered.run.rehearsal import ACTION_TOKENS, LETTER_TOKENS, Companion, Session, rehearse
from cornered.run.tokens import (
    PROMPT_CHARS,
    RUBRIC_CHARS,
    PromptParts,
    TokenEstimate,
    TokenRequest,
    TokensBy,
    estimate_tokens,
)
from cornered.scenario import Levels, RenderedPrompt, Renderer, Scenario, load_pack, one_turn
from cornered.scenario.condition import Condition, trial_id

ANSWER_TOKENS = 900
"""Tokens of an answer with its scratchpad; the longest of our 75 had 1033."""
VERDICT_TOKENS = 200
"""Tokens of an answer of a judge or a reader: one to four sentences and a word or two."""
REPLY_TOKENS = 250
"""Tokens of a subject's reply to one question of the debrief: assumed, not measured."""
PROBE_TOKENS = 300
"""Tokens of an answer to a probe, assumed too: some reasoning, and a number and a letter for
each of about seven questions."""
DRAWS = 5
"""Drawn casts that are rendered to measure a prompt."""


@dataclass(frozen=True)
class Amount:
    """A quantity that is not known before a run: its expected value and an upper bound."""

    expected: float
    at_most: float | None
    """None if no bound is known."""

    def __add__(self, other: Amount) -> Amount:
        bounded = self.at_most is not None and other.at_most is not None
        return Amount(
            self.expected + other.expected,
            (self.at_most or 0) + (other.at_most or 0) if bounded else None,
        )

    def __mul__(self, times: float) -> Amount:
        if not times:  # zero times an unbounded amount is zero
            return _NONE
        return Amount(self.expected * times, None if self.at_most is None else self.at_most * times)

    @property
    def rounded(self) -> Amount:
        """Both rounded to whole numbers."""
        return Amount(round(self.expected), None if self.at_most is None else round(self.at_most))


def _exact(number: float) -> Amount:
    return Amount(number, number)


_NONE = _exact(0)

Role = Literal["subject", "judge", "reader", "people", "monitor"]
"""The role in which a model is called."""


@dataclass(frozen=True)
class CellPlan:
    """One condition, as the plan lists it."""

    condition: str
    scenario: str
    control: bool
    probe: bool
    """Whether it is a probe of understanding: no judge, no readings, no debrief."""
    prompt_tokens: int
    """Tokens of the system and the user message, estimated from characters; models differ."""


@dataclass(frozen=True)
class Use:
    """The usage of one model in one role, for the remaining trials."""

    role: Role
    model: str
    calls: Amount
    """Without retries. For a subject, its trials, two more for each debrief, and those of each
    interview; for a judge,
    its verdicts and the cases of the preflight; for people and monitor, the mails of the agent
    that they answer or read before they are sent."""
    input_tokens: Amount
    output_tokens: Amount
    price: Price | None
    """None if unknown."""
    tokens_by: TokensBy
    """How the input tokens were counted."""
    chars_per_token: float
    """Characters of the input per token, on average."""
    not_counted: str | None
    """In one line, why the provider did not count them although its key is set."""

    @property
    def cost(self) -> Amount | None:
        """US dollars; None if the price is unknown."""
        if self.price is None:
            return None
        most = None
        if self.input_tokens.at_most is not None and self.output_tokens.at_most is not None:
            most = self.price.of(self.input_tokens.at_most, self.output_tokens.at_most)
        return Amount(self.price.of(self.input_tokens.expected, self.output_tokens.expected), most)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, dates in ISO form."""
        row = asdict(self) | {"cost": asdict(self.cost) if self.cost else None}
        if self.price and self.price.read:
            row["price"]["read"] = self.price.read.isoformat()
        return row


def reader_model(experiment: Experiment) -> str | None:
    """The model that makes the readings, as the scorers choose it; None if there are none."""
    if not (experiment.readings or experiment.debrief or experiment.interview):
        return None
    return experiment.reader or experiment.judges[0]


def companions(experiment: Experiment, work: Work) -> dict[Companion, str]:
    """The models that are called in the course of sessions beside the agent's own, by role.

    Args:
        experiment: The experiment, which names them.
        work: Its cells; a model that no session of theirs calls is left out.
    """
    named: dict[Companion, str | None] = {
        "people": experiment.people,
        "monitor": experiment.monitor,
    }
    return {
        role: model
        for role, model in named.items()
        if model is not None and any(x.session and role in x.session.companions for x, _ in work)
    }


def _read_by(role: Companion, x: MeasuredCell) -> Sequence[PromptParts]:
    """What the people or the monitor read in one session; nothing where it has none."""
    return x.session.companions.get(role, ()) if x.session else ()


def token_estimates(
    experiment: Experiment, work: Mapping[str, Work], total: Work, *, offline: bool
) -> dict[tuple[Role, str], TokenEstimate]:
    """The token estimate of each model, by role and name."""
    requests: dict[tuple[Role, str], TokenRequest] = {
        ("subject", m): _token_request(m, PROMPT_CHARS, remaining, lambda x: [x.prompt])
        for m, remaining in work.items()
    }
    for m in experiment.judges:
        requests["judge", m] = _token_request(m, RUBRIC_CHARS, total, lambda x: x.rubric)
    if reader := reader_model(experiment):
        requests["reader", reader] = _token_request(reader, RUBRIC_CHARS, total, lambda x: x.frames)
    for role, m in companions(experiment, total).items():
        requests[role, m] = _token_request(m, PROMPT_CHARS, total, partial(_read_by, role))
    estimates = estimate_tokens(list(requests.values()), offline=offline)
    return dict(zip(requests, estimates, strict=True))


@dataclass(frozen=True)
class MeasuredCell:
    """A cell and the texts that models read in each of its trials; a probe has a prompt only."""

    cell: CellPlan
    prompt: PromptParts
    rubric: Sequence[PromptParts]
    """The judge's prompt without actions; empty without judges."""
    frames: Sequence[PromptParts]
    """The reader's prompts without the subject's text, one for each of its calls."""
    questions: Sequence[str]
    """The questions of the debrief, in order."""
    interview: Sequence[str] = ()
    """The questions of the interview: the open one, then those that follow it one by one."""
    session: Session | None = None
    """What the model reads and writes where it works with tools; None for one turn of text."""


def _prose_tokens(texts: Iterable[str]) -> float:
    """Tokens of our rubrics, frames and questions on most tokenizers."""
    return sum(map(len, texts)) / RUBRIC_CHARS


def measure_cells(
    experiment: Experiment, answer_tokens: int = ANSWER_TOKENS
) -> tuple[MeasuredCell, ...]:
    """Every cell of an experiment, with the texts that models read in one trial of it.

    Args:
        experiment: The experiment.
        answer_tokens: Expected length of an answer, or of all texts of a session.

    Raises:
        FactorError: unknown scenario, factor or level, or an invalid combination.
        PackError: a pack cannot be loaded or rendered.
    """
    ready = {name: Scenario.of(load_pack(name)) for name in experiment.scenarios}
    return tuple(
        _measure_cell(c, ready[c.scenario], experiment, answer_tokens)
        for c in experiment.conditions()
    )


def _measure_cell(
    condition: Condition, scenario: Scenario, experiment: Experiment, answer_tokens: int
) -> MeasuredCell:
    levels = condition.levels
    # Drawn casts differ in names only, so a few give the length of all.
    draws = DRAWS if condition.varies_cast else 1
    drawn = [scenario.prompt(levels, trial_id(n)) for n in range(1, draws + 1)]
    probe = condition.is_probe
    cell = CellPlan(
        condition.name, condition.pack_name, condition.is_control, probe, _prompt_tokens(drawn)
    )
    prompt = (drawn[0].system, drawn[0].task)
    if probe:
        return MeasuredCell(cell, prompt, (), (), ())
    renderer = scenario.renderer(levels, trial_id(1))
    rubric = [(_rubric(scenario, levels, renderer),)] if experiment.judges else []
    questions = _questions(levels, renderer) if experiment.debrief else []
    frames = _frames(experiment.readings, questions, levels, renderer)
    asked, read = interview_texts(scenario, levels, renderer) if experiment.interview else ([], [])
    session = None
    if not one_turn(levels):
        turns = experiment.limits.turns or MAX_TURNS
        session = rehearse(scenario, levels, trial_id(1), answer_tokens, turns)
    return MeasuredCell(cell, prompt, rubric, [*frames, *read], questions, asked, session)


def _rubric(scenario: Scenario, levels: Levels, renderer: Renderer) -> str:
    """The judge's prompt without any actions."""
    from cornered.ledger import Ledger
    from cornered.verdict.judge import judge_prompt
    from cornered.world import open_world

    world = open_world(scenario.pack, scenario.scene(levels, trial_id(1)))
    return judge_prompt(scenario.pack, world, Ledger(), renderer)


def _questions(levels: Levels, renderer: Renderer) -> list[str]:
    """The questions of the debrief."""
    from cornered.verdict.debrief import QUESTIONS

    return [renderer.text(f"shared/debrief/{name}.md", levels) for name in QUESTIONS]


def _frames(
    readings: Sequence[str], questions: Sequence[str], levels: Levels, renderer: Renderer
) -> list[PromptParts]:
    """The reader's prompts without answers: one per reading, then two for the debrief."""
    if not (readings or questions):
        return []
    from cornered.verdict.readings import (
        ReadingSpec,
        TranscriptPart,
        debrief_readings,
        known_readings,
        reading_prompt,
    )

    known = known_readings()
    calls: list[tuple[ReadingSpec, list[TranscriptPart]]] = [(known[name], []) for name in readings]
    if questions:
        parts = [TranscriptPart("question", "A question", question) for question in questions]
        afterwards = debrief_readings()
        calls += [
            (afterwards["debrief_purpose"], parts[:1]),
            (afterwards["debrief_honesty"], parts),
        ]
    return [(reading_prompt(spec, parts, levels, renderer),) for spec, parts in calls]


Work = Sequence[tuple[MeasuredCell, int]]
"""The cells, each with its number of remaining trials."""


def sum_work(works: Iterable[Work]) -> Work:
    """The work of all models."""
    return [(row[0][0], sum(n for _, n in row)) for row in zip(*works, strict=True)]


def _token_request(
    model: str, chars: float, work: Work, read: Callable[[MeasuredCell], Sequence[PromptParts]]
) -> TokenRequest:
    """The prompts that a model reads in the remaining trials."""
    prompts: dict[str, list[PromptParts]] = {}
    for x, n in work:
        if n and (of_cell := read(x)):
            prompts.setdefault(x.cell.scenario, []).extend(of_cell)
    known = find_price(model)
    return TokenRequest(model, chars, known.token_ratio if known else 1.0, prompts)


def _prompt_tokens(prompts: Sequence[RenderedPrompt]) -> int:
    return round(mean(len(p.system) + len(p.task) for p in prompts) / PROMPT_CHARS)


@dataclass(frozen=True)
class Load:
    """Calls of a model and their input and output tokens, by its own tokenizer."""

    calls: Amount
    read: Amount
    written: Amount

    def __add__(self, other: Load) -> Load:
        return Load(self.calls + other.calls, self.read + other.read, self.written + other.written)

    def __mul__(self, times: float) -> Load:
        return Load(self.calls * times, self.read * times, self.written * times)


NO_LOAD = Load(_NONE, _NONE, _NONE)


def model_use(
    role: Role,
    model: str,
    load: Load,
    estimate: TokenEstimate,
    chars: float,
    price: Price | None = None,
) -> Use:
    """The usage of a model in a role, with its price if known."""
    return Use(
        role=role,
        model=model,
        calls=load.calls.rounded,
        input_tokens=load.read.rounded,
        output_tokens=load.written.rounded,
        price=price or find_price(model),
        tokens_by=estimate.by,
        chars_per_token=chars / estimate.ratio,
        not_counted=estimate.problem,
    )


@dataclass(frozen=True)
class Subject:
    """A model under test and the length of its texts, by its own tokenizer."""

    model: str
    work: Work
    estimate: TokenEstimate
    answer: Amount
    probe: Amount
    """An answer to a probe."""
    reply: Amount
    """An answer to a question of the debrief."""

    @classmethod
    def of(
        cls,
        model: str,
        work: Work,
        estimate: TokenEstimate,
        max_tokens: int | None,
        answer_tokens: int,
    ) -> Self:
        """A model under test, its texts scaled to its tokenizer and capped by its limit."""
        limit = max_tokens or answer_limit(model)

        def text(tokens: int) -> Amount:
            return Amount(min(tokens * estimate.ratio, limit or math.inf), limit)

        probe = min(PROBE_TOKENS, answer_tokens)
        return cls(model, work, estimate, text(answer_tokens), text(probe), text(REPLY_TOKENS))

    @property
    def acting(self) -> int:
        """Number of trials that are not probes."""
        return sum(n for x, n in self.work if not x.cell.probe)

    @property
    def load(self) -> Load:
        """Calls and tokens of all its trials; none where agents bring a model of their own."""
        if self.model == NO_MODEL:
            return NO_LOAD
        return sum((self._trial(x) * n for x, n in self.work), NO_LOAD)

    def _trial(self, x: MeasuredCell) -> Load:
        """One trial and its debrief; each question is sent with the conversation so far."""
        conversation = _exact(x.cell.prompt_tokens * self.estimate.of(x.cell.scenario))
        answer = self.probe if x.cell.probe else self.answer
        load = Load(_exact(1), conversation, answer)
        if x.session:
            # How long a session becomes is the agent's choice: no bound is known.
            ratio = self.estimate.of(x.cell.scenario)
            read, written = x.session.read * ratio, x.session.calls * ratio + answer.expected
            turns = Amount(x.session.turns, x.session.most_turns)
            load = Load(turns, Amount(read, None), Amount(written, None))
            conversation = Amount(conversation.expected + written, None)
        else:
            conversation += answer
        ended = conversation
        for question in x.questions:
            conversation += _exact(_prose_tokens([question]) * self.estimate.ratio)
            load += Load(_exact(1), conversation, self.reply)
            conversation += self.reply
        return load + self._interview(x, ended)

    def _interview(self, x: MeasuredCell, conversation: Amount) -> Load:
        """The interview after one trial: each pointed question follows the open one alone."""
        load = NO_LOAD
        for number, question in enumerate(x.interview):
            asked = conversation + _exact(_prose_tokens([question]) * self.estimate.ratio)
            load += Load(_exact(1), asked, self.reply)
            if number == 0:
                conversation = asked + self.reply
        return load


@dataclass(frozen=True)
class WrittenTokens:
    """The subjects' output in all trials but probes, in tokens of most tokenizers."""

    answers: Amount
    actions: Amount
    """The executed parts of the answers: at most all of them."""
    replies: Amount
    """Replies to one question of the debrief."""


def written_tokens(subjects: Iterable[Subject]) -> WrittenTokens:
    """The output of all subjects, in tokens of most tokenizers."""
    answers = actions = replies = _NONE
    for subject in subjects:
        answer = subject.answer * (1 / subject.estimate.ratio)
        answers += answer * subject.acting
        actions += Amount(min(ACTION_TOKENS, answer.expected), answer.at_most) * subject.acting
        replies += subject.reply * (subject.acting / subject.estimate.ratio)
    return WrittenTokens(answers, actions, replies)


def _in_schema(calls: Amount, read: Amount, estimate: TokenEstimate, longest: int) -> Load:
    """The load of calls to a judge or a reader, each answered in its schema.

    Args:
        calls: The calls.
        read: The tokens of their prompts.
        estimate: How tokens are estimated.
        longest: Most tokens of one answer.
    """
    assert calls.at_most is not None  # a plan knows its trials
    expected = min(VERDICT_TOKENS, longest) * estimate.ratio
    written = Amount(calls.expected * expected, calls.at_most * longest)
    return Load(calls, read, written)


@dataclass(frozen=True)
class Judging:
    """What a judge reads, and how much it may write."""

    judged: float
    """Expected share of trials that it is asked about."""
    whole: bool
    """Whether it reads whole answers besides the actions."""
    longest: int
    """Most tokens of one answer."""


def _verdicts(
    work: Work, estimate: TokenEstimate, written: WrittenTokens, judging: Judging
) -> Load:
    """A judge's load in the trials of all models: a share expected, at most all."""
    trials = sum(n * len(x.rubric) for x, n in work)
    texts = written.actions + written.answers if judging.whole else written.actions
    read = _exact(_own_tokens(work, estimate, lambda x: x.rubric)) + texts * estimate.ratio
    calls = Amount(judging.judged * trials, trials)
    read = Amount(judging.judged * read.expected, read.at_most)
    return _in_schema(calls, read, estimate, judging.longest)


def _preflight(cases: Mapping[str, Sequence[str]], estimate: TokenEstimate, longest: int) -> Load:
    """A judge's load before the run: each clear case once."""
    read = sum(
        _prose_tokens(prompts) * estimate.of(scenario) for scenario, prompts in cases.items()
    )
    calls = _exact(sum(map(len, cases.values())))
    return _in_schema(calls, _exact(read), estimate, longest)


def judge_use(
    model: str,
    estimate: TokenEstimate,
    work: Work,
    cases: Mapping[str, Sequence[str]],
    written: WrittenTokens,
    judging: Judging,
) -> Use:
    """The usage of a judge, in the preflight and in the trials of all models."""
    load = _verdicts(work, estimate, written, judging)
    load += _preflight(cases, estimate, judging.longest)
    return model_use("judge", model, load, estimate, RUBRIC_CHARS)


def reader_use(
    model: str, estimate: TokenEstimate, work: Work, written: WrittenTokens, experiment: Experiment
) -> Use:
    """The usage of a reader in the trials of all models, assuming that each is answered.

    For each reading it reads the whole answer. For the debrief it reads the first reply, then
    both replies and the actions; for each deed of the interview two replies and the actions.
    """
    calls = sum(n * len(x.frames) for x, n in work)
    texts = written.answers * len(experiment.readings)
    if experiment.debrief:
        texts += written.replies * 3 + written.actions
    if experiment.interview and (trials := sum(n for x, n in work if not x.cell.probe)):
        deeds = sum(n * max(0, len(x.interview) - 1) for x, n in work) / trials
        texts += (written.replies * 2 + written.actions) * deeds
    read = _exact(_own_tokens(work, estimate, lambda x: x.frames)) + texts * estimate.ratio
    load = _in_schema(_exact(calls), read, estimate, experiment.judge_max_tokens)
    return model_use("reader", model, load, estimate, RUBRIC_CHARS)


def companion_use(role: Companion, model: str, estimate: TokenEstimate, work: Work) -> Use:
    """The usage of the people who answer, or of the monitor, in the sessions of all models.

    How much an agent writes is its own choice: people are asked a bounded number of times in a
    trial, a monitor is asked about whatever does more than look. What either reads has no bound.
    """
    from cornered.surface import approval, people

    if role == "people":
        answer, longest, most = LETTER_TOKENS, people.MAX_TOKENS, people.PER_TRIAL
    else:
        answer, longest, most = VERDICT_TOKENS, approval.MAX_TOKENS, None
    load = NO_LOAD
    for x, n in work:
        if x.session is None or role not in x.session.companions:
            continue
        prompts = x.session.companions[role]
        characters = sum(len(text) for prompt in prompts for text in prompt)
        trial = Load(
            calls=Amount(len(prompts), most),
            read=Amount(characters / PROMPT_CHARS * estimate.of(x.cell.scenario), None),
            written=Amount(
                len(prompts) * min(answer * estimate.ratio, longest),
                None if most is None else most * longest,
            ),
        )
        load += trial * n
    return model_use(role, model, load, estimate, PROMPT_CHARS)


def _own_tokens(
    work: Work, estimate: TokenEstimate, read: Callable[[MeasuredCell], Sequence[PromptParts]]
) -> float:
    """Tokens of our own text in the prompts of a judge or a reader."""
    return sum(
        n
        * _prose_tokens(text for prompt in read(x) for text in prompt)
        * estimate.of(x.cell.scenario)
        for x, n in work
    )


def answer_limit(model: str) -> int | None:
    """A model's own output limit in tokens, which holds if the experiment sets none.

    Source: Inspect's table of models, by exact name; Inspect's own look-up also accepts the
    nearest name.

    Returns:
        None if it is unknown.
    """
    if model == EMBEDDED:
        from cornered.models import DEFAULT_MAX_TOKENS

        return DEFAULT_MAX_TOKENS
    from inspect_ai.model._model_data.model_data import read_model_info

    info = read_model_info().get(model)
    return info.output_tokens if info else None
