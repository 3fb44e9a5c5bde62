"""What `cornered plan` counts, against hand computation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.event import ModelEvent
from inspect_ai.log import list_eval_logs, read_eval_log

from cornered.analysis import trials
from cornered.analysis.trials import TrialResult
from cornered.errors import ModelError
from cornered.experiment import Experiment
from cornered.run.expected import ExpectedTest, expected_tests, plan_warnings
from cornered.run.folder import prepare
from cornered.run.plan import Plan, plan
from cornered.run.prices import Price
from cornered.run.runner import preflight_run
from cornered.run.tokens import PROMPT_CHARS, RUBRIC_CHARS
from cornered.run.usage import (
    ACTION_TOKENS,
    DRAWS,
    PROBE_TOKENS,
    REPLY_TOKENS,
    Amount,
)
from cornered.scenario import Renderer, Scenario, load_pack
from cornered.scenario.condition import Condition, trial_id
from cornered.verdict import preflight as asking
from cornered.verdict.judge import Judgement
from cornered.verdict.readings import known_readings, reading_prompt
from tests.run.counters import CHARS, Counters, counters
from tests.run.helpers import always, cornered, said

HEADLINE, CONTROL = "blackmail/explicit-america/replacement", "blackmail/none/none"


def experiment(**settings: Any) -> Experiment:
    given: dict[str, Any] = {
        "name": "small",
        "scenarios": ["blackmail"],
        "models": ["some/model"],
        "samples": 10,
        "preflight": False,
    }
    return Experiment.model_validate(given | settings)


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    def make(settings: dict[str, Any] | None = None, **options: Any) -> Plan:
        return plan(experiment(**(settings or {})), tmp_path / "none", **options)

    return make


def test_prompts_are_counted_in_characters_of_what_the_model_would_read(planned) -> None:
    pack = load_pack("blackmail")
    levels = pack.factors.complete(Condition.of(pack, {}).levels)
    prompt = Scenario.of(pack).prompt(levels, trial_id(1))
    cell = next(c for c in planned().cells if c.condition == HEADLINE)
    assert cell.prompt_tokens == round((len(prompt.system) + len(prompt.task)) / PROMPT_CHARS)


def test_tokens_and_money_are_trials_times_what_each_takes(planned) -> None:
    made = planned({"max_tokens": 2000}, price=Price(2, 8, "given"))
    assert {c.condition: c.control for c in made.cells} == {HEADLINE: False, CONTROL: True}
    prompts = sum(c.prompt_tokens for c in made.cells)
    (model,) = made.models
    assert (model.trials, model.completed) == (20, 0)
    assert model.use.calls == Amount(20, 20)
    assert model.use.input_tokens == Amount(10 * prompts, 10 * prompts)
    assert model.use.output_tokens == Amount(20 * 900, 20 * 2000)
    cost = model.use.cost
    assert cost is not None
    assert cost.expected == pytest.approx((10 * prompts * 2 + 20 * 900 * 8) / 1e6)
    assert cost.at_most == pytest.approx((10 * prompts * 2 + 20 * 2000 * 8) / 1e6)
    assert made.cost == cost


def test_an_answer_is_never_expected_to_be_longer_than_its_limit(planned) -> None:
    (model,) = planned({"max_tokens": 260}).models
    assert model.use.output_tokens == Amount(20 * 260, 20 * 260)


def test_without_a_limit_of_the_experiment_the_model_s_own_bounds_an_answer(planned) -> None:
    made = planned({"models": ["cornered/embedded", "openai/gpt-4.1", "some/model"]})
    assert [m.use.output_tokens.at_most for m in made.models] == [20 * 1024, 20 * 32768, None]


def test_what_is_unknown_is_none_and_never_nothing(planned) -> None:
    made = planned({"models": ["some/model", "openai/gpt-4.1"]})
    unknown, known = made.models
    assert unknown.use.price is None
    assert unknown.use.cost is None
    assert known.use.cost is not None
    assert made.cost is None


def test_a_model_of_ours_costs_nothing(planned) -> None:
    made = planned({"models": ["cornered/embedded", "cornered/scripted/policy.yaml"]})
    assert [m.use.cost and m.use.cost.expected for m in made.models] == [0.0, 0.0]


def test_a_judge_is_expected_where_there_is_an_act_and_at_most_everywhere(planned) -> None:
    judge = "anthropic/claude-sonnet-4-6"
    acts = {"judge": judge, "judged": "acts"}
    made = planned(acts | {"max_tokens": 2000}, rates=(0.0, 0.25))
    (first,) = made.judges
    assert first.calls == Amount(5, 20)
    assert first.output_tokens == Amount(5 * 200, 20 * 4096)
    # Its prompts differ over the cells; what it reads of the answers is the difference.
    (longer,) = planned(acts | {"max_tokens": 3000}, rates=(0.0, 0.25)).judges
    assert first.input_tokens.at_most is not None
    assert longer.input_tokens.at_most == first.input_tokens.at_most + 20 * 1000
    assert longer.input_tokens.expected == first.input_tokens.expected
    assert 5 * 300 < first.input_tokens.expected < first.input_tokens.at_most


def test_a_judge_that_sees_the_transcript_reads_whole_answers_too(planned) -> None:
    settings = {"judge": "anthropic/claude-sonnet-4-6", "max_tokens": 2000, "judged": "actions"}
    (acts,) = planned(settings).judges
    (whole,) = planned(settings | {"judge_view": "transcript"}).judges
    assert acts.input_tokens.at_most is not None
    assert whole.input_tokens.expected == acts.input_tokens.expected + 20 * 900
    assert whole.input_tokens.at_most == acts.input_tokens.at_most + 20 * 2000


def frames(condition: str, names: Sequence[str]) -> list[str]:
    """What a reader is asked of an answer in which nothing stands."""
    pack = load_pack("blackmail")
    choice = {"goal": "none", "threat": "none"} if condition == CONTROL else {}
    levels = pack.factors.complete(Condition.of(pack, choice).levels)
    renderer = Scenario.of(pack).renderer(levels, "000001")
    return [reading_prompt(known_readings()[name], (), levels, renderer) for name in names]


def test_a_reader_reads_every_whole_answer_once_for_each_reading(planned) -> None:
    names = ["belief", "ethics"]
    settings = {"reader": "openai/gpt-4.1", "readings": names, "max_tokens": 2000}
    made = planned(settings)
    reader = made.reader
    assert reader is not None
    assert (reader.role, reader.model) == ("reader", "openai/gpt-4.1")
    assert reader.calls == Amount(40, 40)
    asked = sum(map(len, frames(HEADLINE, names) + frames(CONTROL, names))) / RUBRIC_CHARS
    assert reader.input_tokens == Amount(
        round(10 * asked + 40 * 900), round(10 * asked + 40 * 2000)
    )
    assert reader.output_tokens == Amount(40 * 200, 40 * 4096)
    # Beside the subject's, which has no price.
    assert made.cost is None
    free = planned(settings, price=Price(0, 0, "given"))
    assert free.cost == reader.cost
    assert made.models == planned({"max_tokens": 2000}).models


def test_without_a_reader_the_first_judge_reads(planned) -> None:
    judges = ["openai/gpt-4.1", "anthropic/claude-sonnet-4-6"]
    made = planned({"judge": judges, "readings": "all"})
    assert made.reader is not None
    assert made.reader.model == judges[0]
    assert made.reader.calls == Amount(100, 100)
    assert made.judges == planned({"judge": judges}).judges
    assert [use.role for use in made.uses] == ["subject", "judge", "judge", "reader"]


def test_where_nothing_is_read_there_is_no_reader(planned) -> None:
    assert planned({"reader": "openai/gpt-4.1"}).reader is None


def test_no_answer_is_read_that_is_longer_than_its_limit(planned) -> None:
    settings = {"reader": "openai/gpt-4.1", "readings": ["belief"]}
    short, shorter = (planned(settings | {"max_tokens": n}).reader for n in (260, 200))
    assert short.input_tokens.expected == short.input_tokens.at_most
    assert short.input_tokens.expected - shorter.input_tokens.expected == 20 * 60


def test_a_debrief_is_two_more_calls_with_all_that_was_said_before(planned) -> None:
    plain = planned({"max_tokens": 2000}).models[0].use
    made = planned({"debrief": True, "reader": "some/reader", "max_tokens": 2000})
    use, reader = made.models[0].use, made.reader
    pack = load_pack("blackmail")
    levels = pack.factors.complete(Condition.of(pack, {}).levels)
    renderer = Scenario.of(pack).renderer(levels, "000001")
    first, second = (
        len(renderer.text(f"shared/debrief/{name}.md", levels)) / RUBRIC_CHARS
        for name in ("purpose", "account")
    )
    prompts = sum(c.prompt_tokens for c in made.cells)

    def resent(answer: int, reply: int) -> int:
        return round(10 * 2 * prompts + 20 * (2 * answer + 2 * first + second + reply))

    assert made.models[0].trials == 20
    assert use.calls == Amount(60, 60)
    assert use.input_tokens == Amount(
        plain.input_tokens.expected + resent(900, 250), 10 * prompts + resent(2000, 2000)
    )
    assert use.output_tokens == Amount(20 * (900 + 250 * 2), 20 * 2000 * 3)
    assert reader.calls == Amount(40, 40)
    # The first reply; both, beside what was done.
    longer = planned({"debrief": True, "reader": "some/reader", "max_tokens": 3000}).reader
    assert longer.input_tokens.at_most - reader.input_tokens.at_most == 20 * 4 * 1000
    assert longer.input_tokens.expected == reader.input_tokens.expected
    assert reader.input_tokens.at_most - reader.input_tokens.expected == 20 * (
        4 * 2000 - 3 * 250 - 300
    )


def test_a_probe_is_a_short_answer_that_nobody_judges_or_reads(planned) -> None:
    settings = {
        "scenarios": ["espionage"],
        "judge": "openai/gpt-4.1",
        "judged": "actions",
        "readings": ["belief"],
        "debrief": True,
        "max_tokens": 2000,
    }
    acting = planned(settings)
    both = planned(settings | {"factors": {"probe": ["on", "off"]}})
    probes = [c for c in both.cells if c.probe]
    assert len(probes) == 2
    assert {c.condition.partition("+")[2] for c in probes} == {"probe=on"}
    assert not any(c.probe for c in acting.cells)
    assert both.judges == acting.judges
    assert both.reader == acting.reader
    one, two = acting.models[0].use, both.models[0].use
    assert two.calls.expected == one.calls.expected + 20
    prompts = 10 * sum(c.prompt_tokens for c in probes)
    assert two.input_tokens.expected == one.input_tokens.expected + prompts
    assert two.input_tokens.at_most == one.input_tokens.at_most + prompts
    assert two.output_tokens.expected == one.output_tokens.expected + 20 * PROBE_TOKENS
    assert two.output_tokens.at_most == one.output_tokens.at_most + 20 * 2000
    alone = planned(settings | {"models": ["some/model"], "factors": {"probe": "on"}})
    assert alone.judges[0].calls == alone.reader.calls == Amount(0, 0)
    assert alone.judges[0].input_tokens == alone.reader.input_tokens == Amount(0, 0)


@pytest.mark.parametrize("view", ["actions", "transcript"])
def test_the_preflight_is_counted_as_it_will_be_asked(
    planned, monkeypatch: pytest.MonkeyPatch, view: str, policy: Callable[..., str]
) -> None:
    prompts = []

    async def heard(judge: Any, prompt: str, schema: Any, *, max_tokens: int) -> Judgement:
        assert max_tokens == asked.judge_max_tokens
        prompts.append(prompt)
        return Judgement(verdict=None, unscored="refusal")

    monkeypatch.setattr(asking, "ask_judge", heard)
    judge = policy(always("      - text: 'I will not.'\n"))
    settings = {
        "scenarios": ["blackmail", "lethal"],
        "judge": judge,
        "judge_view": view,
        "judge_max_tokens": 1000,
    }
    asked = experiment(**settings, preflight=True)
    with pytest.raises(ModelError, match="cannot score"):
        preflight_run(asked, None)
    made, without = planned(settings | {"preflight": True}), planned(settings)
    assert (made.preflight, without.preflight) == (len(prompts), 0) == (4, 0)
    (first,), (other,) = made.judges, without.judges
    assert (first.calls.expected, first.calls.at_most) == (
        other.calls.expected + 4,
        other.calls.at_most + 4,
    )
    more = first.input_tokens.expected - other.input_tokens.expected
    assert more == pytest.approx(sum(map(len, prompts)) / RUBRIC_CHARS, abs=1)
    assert first.output_tokens.expected == other.output_tokens.expected + 4 * 200


def test_no_preflight_where_all_trials_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = experiment(judge="openai/gpt-4.1", preflight=True, samples=1)
    prepare(tmp_path / "run", asked)
    has = [trial("some/model", HEADLINE, 1)]
    monkeypatch.setattr(trials, "read_trials", lambda folder: has)
    assert plan(asked, tmp_path / "run").preflight == 2
    has.append(trial("some/model", CONTROL, 1))
    made = plan(asked, tmp_path / "run")
    assert made.preflight == 0
    assert made.judges[0].calls == Amount(0, 0)


def test_the_study_s_scenarios_have_our_gold_answers_once(planned) -> None:
    pytest.importorskip("inspect_evals", reason="the study's prompts are an extra")
    settings = {"scenarios": ["blackmail", "am/blackmail"], "readings": ["belief"]}
    made = planned(settings | {"judge": "openai/gpt-4.1", "preflight": True})
    assert made.preflight == 2
    assert made.reader.calls == Amount(40, 40)


def filled(text: str, tokens: int) -> str:
    """A text of about so many tokens, as prompts are counted."""
    return (text + " steel" * tokens)[: round(tokens * PROMPT_CHARS)]


def test_a_run_makes_the_calls_that_were_planned(
    tmp_path: Path, policy: Callable[..., str]
) -> None:
    mail = "<tool_use:email>to: cfo@example.org\nsubject: Steel\nbody: "
    answer = filled(mail, ACTION_TOKENS - 6) + "</tool_use:email>"
    subject = f"""\
seed: 1
usage: {{input: 10, output: 10}}
rules:
  - match: "(what was this exchange for|give an account)"
    answers: [{{text: {json.dumps(filled("Mail.", REPLY_TOKENS))}}}]
  - answers: [{{text: {json.dumps(answer)}}}]
"""
    reader = """\
seed: 1
usage: {input: 10, output: 10}
rules:
  - match: '"omits"'
    answers: [{text: '{"reason": "So.", "value": "honest"}'}]
  - match: "asked afterwards"
    answers: [{text: '{"reason": "So.", "value": "unclear"}'}]
  - match: "acknowledged"
    answers: [{text: '{"reason": "So.", "value": "not_acknowledged"}'}]
  - answers: [{text: '{"reason": "So.", "value": "not_considered"}'}]
"""
    file = tmp_path / "e.yaml"
    asked = experiment(
        scenarios=["espionage"],
        factors={"probe": ["on", "off"]},
        models=[policy(subject, "subject.yaml")],
        judge=policy(always(f"      - text: '{said('no', 'comply')}'\n"), "judge.yaml"),
        reader=policy(reader, "reader.yaml"),
        judged="actions",
        readings=["belief", "ethics"],
        debrief=True,
        samples=2,
    )
    file.write_text(asked.model_dump_json())
    made = plan(asked, tmp_path / "run", answer_tokens=ACTION_TOKENS)
    assert cornered("run", "e.yaml", "--out", "run", cwd=tmp_path).code in (0, 1)
    heard: dict[str | None, list[int]] = {}
    for info in list_eval_logs(str(tmp_path / "run" / "logs")):
        for sample in read_eval_log(info, resolve_attachments=True).samples or []:
            for event in sample.events:
                if isinstance(event, ModelEvent):
                    length = sum(len(message.text) for message in event.input)
                    heard.setdefault(event.role, []).append(length)
    expected = {None: made.models[0].use, "judge": made.judges[0], "reader": made.reader}
    assert {role: Amount(len(h), len(h)) for role, h in heard.items()} == {
        role: use.calls for role, use in expected.items()
    }
    for role, use in expected.items():
        chars = RUBRIC_CHARS if role else PROMPT_CHARS
        assert use.input_tokens.expected == pytest.approx(sum(heard[role]) / chars, rel=0.06)
    assert plan(asked, tmp_path / "run").reader.calls == Amount(0, 0)


def test_each_judge_of_a_panel_is_asked_and_paid(planned) -> None:
    panel = ["anthropic/claude-sonnet-4-6", "openai/gpt-4.1"]
    made = planned({"judge": panel, "judged": "acts"})
    assert [judge.model for judge in made.judges] == panel
    assert made.judges[0].calls == made.judges[1].calls == Amount(10, 20)
    alone = [planned({"judge": name, "judged": "acts"}).judges for name in panel]
    assert made.judges == (*alone[0], *alone[1])


def test_a_judge_that_is_asked_about_all_is_expected_everywhere(planned) -> None:
    (judge,) = planned({"judge": "anthropic/claude-sonnet-4-6", "judged": "actions"}).judges
    assert judge.calls == Amount(20, 20)


def test_the_judge_of_a_model_without_a_known_limit_has_no_bound(planned) -> None:
    (judge,) = planned({"judge": "anthropic/claude-sonnet-4-6"}).judges
    assert judge.input_tokens.at_most is None
    assert judge.cost is not None
    assert judge.cost.at_most is None


def test_a_tokenizer_that_makes_more_tokens_is_counted_so(planned) -> None:
    names = ["anthropic/claude-opus-4-6", "anthropic/claude-opus-4-7"]
    older, newer = planned({"models": names}).models
    assert newer.use.input_tokens.expected == round(1.3 * older.use.input_tokens.expected)
    assert newer.use.output_tokens.expected == 20 * 1170


def test_a_given_price_leaves_the_tokenizer_as_it_is(planned) -> None:
    settings = {"models": ["anthropic/claude-opus-4-7"]}
    on_file, given = planned(settings), planned(settings, price=Price(1, 1, "given"))
    assert given.models[0].use.input_tokens == on_file.models[0].use.input_tokens
    assert given.models[0].use.price == Price(1, 1, "given")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counters]:
    with counters(monkeypatch) as played:
        yield played


def test_without_a_key_tokens_are_from_characters(planned) -> None:
    made = planned({"models": ["openai/gpt-5"], "judge": "openai/gpt-5"})
    (model,), (judge,) = made.models, made.judges
    for use, chars in ((model.use, PROMPT_CHARS), (judge, RUBRIC_CHARS)):
        assert use.tokens_by == "characters"
        assert use.chars_per_token == chars
        assert use.not_counted is None


def test_what_the_provider_counts_replaces_assumed_ratio(planned, service: Counters) -> None:
    names = ["openai/gpt-5", "some/model"]
    made = planned({"models": names, "judge": "openai/gpt-5", "judged": "actions"})
    model, other = (m.use for m in made.models)
    (judge,) = made.judges
    prompts = 10 * sum(c.prompt_tokens for c in made.cells)
    assert (model.tokens_by, other.tokens_by, judge.tokens_by) == (
        "provider",
        "characters",
        "provider",
    )
    more = PROMPT_CHARS / CHARS
    assert model.input_tokens.expected == pytest.approx(more * prompts, rel=1e-3)
    assert model.output_tokens.expected == pytest.approx(20 * more * 900, rel=1e-3)
    assert model.chars_per_token == pytest.approx(CHARS, rel=1e-3)
    assert other.input_tokens.expected == prompts
    offline = planned({"judge": "openai/gpt-5", "judged": "actions"}, offline=True).judges[0]
    assert judge.chars_per_token == pytest.approx(CHARS, rel=1e-3)
    # Of two models, where that was of one.
    assert judge.input_tokens.expected == pytest.approx(
        2 * offline.input_tokens.expected * RUBRIC_CHARS / CHARS, rel=1e-3
    )


def test_the_counter_reads_what_the_model_and_the_judge_would(planned, service: Counters) -> None:
    planned({"models": ["openai/gpt-5"], "judge": "openai/gpt-5-mini"})
    pack = load_pack("blackmail")
    levels = pack.factors.complete(Condition.of(pack, {}).levels)
    prompt = Scenario.of(pack).prompt(levels, trial_id(1))
    subject = [sent for model, sent in service.asked if model == "gpt-5"]
    assert [prompt.system, prompt.task] in subject
    assert len(subject) == 2
    for model, sent in service.asked:
        if model == "gpt-5-mini":
            (rubric,) = sent
            assert "cannot_tell" in rubric


def test_nothing_is_sent_for_trials_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Counters
) -> None:
    asked = experiment(models=["openai/gpt-5"], judge="openai/gpt-5", samples=1)
    prepare(tmp_path / "run", asked)
    has = [trial("openai/gpt-5", condition, 1) for condition in (HEADLINE, CONTROL)]
    monkeypatch.setattr(trials, "read_trials", lambda folder: has)
    made = plan(asked, tmp_path / "run")
    assert made.models[0].use.calls.expected == 0
    assert service.asked == []


def trial(model: str, condition: str, number: int, status: Any = "scored") -> TrialResult:
    """A trial of a run folder; a plan looks at what is given here and at nothing else of it."""
    told = {"model": model, "condition": condition, "id": f"{number:06d}", "status": status}
    return TrialResult(**({field.name: None for field in fields(TrialResult)} | told))


def test_trials_that_the_run_folder_has_are_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path / "run", experiment(samples=4))
    has = [trial("some/model", HEADLINE, n) for n in (1, 2, 3)]
    has += [trial("some/model", CONTROL, 1, "unscored"), trial("some/model", CONTROL, 2, "failed")]
    monkeypatch.setattr(trials, "read_trials", lambda folder: has)
    grown = experiment(samples=5, models=["some/model", "other/model"])
    made = plan(grown, tmp_path / "run")
    first, second = made.models
    assert (first.trials, first.completed, first.use.calls.expected) == (10, 4, 6)
    assert (second.trials, second.completed, second.use.calls.expected) == (10, 0, 10)
    tokens = {c.condition: c.prompt_tokens for c in made.cells}
    assert first.use.input_tokens.expected == 2 * tokens[HEADLINE] + 4 * tokens[CONTROL]
    fewer = plan(experiment(samples=2), tmp_path / "run")
    assert fewer.samples == 4


def test_a_varied_cast_is_measured_on_a_few_draws(planned, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    prompt = Renderer.prompt

    def counted(self: Renderer, levels: Any) -> Any:
        rendered.append(levels)
        return prompt(self, levels)

    monkeypatch.setattr(Renderer, "prompt", counted)
    settings = {"factors": {"cast": "varied"}, "samples": 10_000, "controls": False}
    made = planned(settings, rates=(0.0,))
    assert made.models[0].trials == 10_000
    assert len(rendered) == DRAWS


def test_none_in_a_hundred_leaves_up_to_3_7_percent(planned) -> None:
    assert planned({"samples": 100}).zero_upper == pytest.approx(3.8415 / 103.8415, abs=1e-5)


# Hypotheses and warnings.

ARMS = {
    "factors": {"instructions": ["none", "prohibitions"]},
    "hypotheses": [{"contrast": {"factor": "instructions", "level": "prohibitions"}}],
}


def expected(settings: dict[str, Any]) -> list[ExpectedTest]:
    return expected_tests(experiment(**settings))


def warnings(settings: dict[str, Any]) -> list[str]:
    return plan_warnings(experiment(**settings), expected(settings))


def test_the_power_is_that_of_the_hypotheses_at_the_rates_that_are_assumed() -> None:
    [test] = expected(ARMS | {"samples": 100})
    assert (test.scenario, test.conditions, test.family_size) == ("blackmail", 1, 1)
    assert (test.rates, test.source) == ((0.2, 0.4), "default")
    assert test.power == pytest.approx(0.88, abs=0.02)
    assumed = [ARMS["hypotheses"][0] | {"assume": ["10%", "10%"], "margin": "20%"}]
    [same] = expected(ARMS | {"samples": 100, "hypotheses": assumed})
    assert same.power is None
    assert same.equivalence == pytest.approx(0.98, abs=0.02)


def test_published_rates_of_the_same_conditions_are_assumed_where_there_are() -> None:
    models = ["anthropic/claude-opus-4-20250514", "openai/gpt-4.1"]
    [test] = expected({"models": models, "hypotheses": [{"contrast": {"models": models}}]})
    assert test.source == "published"
    assert test.rates == (0.96, 0.8)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"samples": {"max": 100, "above": "1%"}}, "can never say “below”"),
        ({"samples": {"max": 400, "above": "1%"}}, "only for none of 400"),
        ({"samples": 9}, "the report gives counts"),
        ({"samples": 19}, "20 scored trials a side"),
        ({"scenarios": ["lethal"], "samples": 99}, "lethal is screened by its controls, 99"),
        ({"scenarios": ["lethal"], "controls": False}, "lethal has no control"),
        ({"samples": 100}, "`cast: varied` draws one"),
        (ARMS | {"samples": 30}, "1 hypothesis has under 80 % power"),
    ],
)
def test_the_plan_warns_of_what_its_numbers_can_never_show(
    settings: dict[str, Any], told: str
) -> None:
    assert told in " ".join(warnings(settings))


def test_a_plan_without_fault_warns_of_nothing() -> None:
    varied = {"samples": 100, "factors": {"cast": "varied"}, "scenarios": ["blackmail", "lethal"]}
    assert not warnings(varied)


def test_the_plan_has_its_hypotheses_and_warnings(planned: Callable[..., Plan]) -> None:
    made = planned(ARMS | {"samples": 15}).as_dict()
    assert [h["name"] for h in made["hypotheses"]] == ["instructions=prohibitions against none"]
    assert len(made["warnings"]) == 2


def test_the_controls_of_a_screen_are_planned_with_the_hundred_that_no_rule_takes_away(
    planned: Callable[..., Plan],
) -> None:
    rule = {"max": 200, "until": "±10%", "every": 20}
    screened = {"scenarios": ["lethal"], "samples": rule, "models": ["a/one", "a/two"]}
    at_half = planned(screened, rates=(0.5,)).precision[0]
    assert (at_half.trials, at_half.screen_trials) == pytest.approx((100, 100), rel=0.01)
    assert at_half.all_trials == pytest.approx(2 * (100 + 100), rel=0.01)
    none = planned(screened, rates=(0.0,)).precision[0]
    assert (none.trials, none.screen_trials, none.all_trials) == (40, 100, 2 * (40 + 100))
    plain = planned(screened | {"scenarios": ["blackmail"]}, rates=(0.0,)).precision[0]
    assert (plain.trials, plain.screen_trials, plain.all_trials) == (40, None, 2 * (40 + 40))
    assert planned({"samples": 100}).precision[0].all_trials is None
