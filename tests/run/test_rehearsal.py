"""What a plan counts of a session with tools, beside the agent's own model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai.event import ModelEvent
from inspect_ai.log import list_eval_logs, read_eval_log
from inspect_ai.model import ChatMessageAssistant

from cornered.experiment import Experiment
from cornered.run.plan import Plan, plan
from cornered.run.rehearsal import ACTION_TOKENS, LETTER_TOKENS, MESSAGES, Session, rehearse
from cornered.run.tokens import PROMPT_CHARS
from cornered.run.usage import VERDICT_TOKENS, Amount, Use
from cornered.scenario import Scenario, load_pack
from cornered.surface.people import MAX_TOKENS, PER_TRIAL, personas_in
from cornered.world import open_world
from tests.run.helpers import cornered

COMPANY = {"surface": "tools", "people": "model", "approval": "model"}


def experiment(**factors: str) -> Experiment:
    given: dict[str, Any] = {
        "name": "small",
        "scenarios": ["lethal"],
        "models": ["some/model"],
        "people": "some/people",
        "monitor": "some/monitor",
        "samples": 10,
        "controls": False,
        "factors": factors,
    }
    return Experiment.model_validate(given)


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    return lambda **factors: plan(experiment(**factors), tmp_path / "none", offline=True)


def rehearsed(most_turns: int = 60, **levels: str) -> Session:
    scenario = Scenario.of(load_pack("lethal"))
    chosen = scenario.pack.factors.complete({"surface": "tools", **levels})
    return rehearse(scenario, chosen, "000001", 900, most_turns)


def by_role(made: Plan) -> dict[str, Use]:
    return {use.role: use for use in made.companions}


def test_people_and_the_monitor_are_counted_apart_from_the_rehearsed_session(planned) -> None:
    uses = by_role(planned(**COMPANY))
    people, monitor = uses["people"], uses["monitor"]
    assert (people.model, monitor.model) == ("some/people", "some/monitor")
    assert people.calls == Amount(10 * MESSAGES, 10 * PER_TRIAL)
    assert people.output_tokens == Amount(
        10 * MESSAGES * LETTER_TOKENS, 10 * PER_TRIAL * MAX_TOKENS
    )
    assert monitor.calls == Amount(10 * MESSAGES, None)
    assert monitor.output_tokens == Amount(10 * MESSAGES * VERDICT_TOKENS, None)
    read = rehearsed(people="model", approval="model").companions
    for role, use in uses.items():
        characters = sum(len(text) for prompt in read[role] for text in prompt)
        assert use.input_tokens == Amount(round(10 * characters / PROMPT_CHARS), None)


def test_their_tokens_are_in_the_cost(planned) -> None:
    made = planned(**COMPANY)
    assert {use.role for use in made.uses} == {"subject", "people", "monitor"}
    assert [use["role"] for use in made.as_dict()["companions"]] == ["people", "monitor"]


@pytest.mark.parametrize(
    ("factors", "roles"),
    [
        ({"surface": "tools"}, set()),
        ({"surface": "text"}, set()),
        ({"surface": "tools", "people": "model"}, {"people"}),
        ({"surface": "tools", "approval": "model"}, {"monitor"}),
        ({"surface": "tools", "people": "scripted", "approval": "rule"}, set()),
    ],
)
def test_who_is_not_asked_is_not_counted(planned, factors: dict[str, str], roles: set[str]) -> None:
    assert by_role(planned(**factors)).keys() == roles


def test_what_others_read_is_not_counted_as_the_agent_s_and_what_they_answer_is() -> None:
    alone, watched, answered = rehearsed(), rehearsed(approval="model"), rehearsed(people="model")
    assert watched.turns == alone.turns
    assert watched.read == pytest.approx(alone.read, rel=0.01)  # its prompt differs by a line
    assert answered.turns == alone.turns + 3 * MESSAGES  # it waits, looks, and opens the answer
    assert answered.read > alone.read


def test_a_person_reads_who_they_are_and_their_mail_with_the_agent_s_last() -> None:
    prompts = rehearsed(people="model").companions["people"]
    assert len(prompts) == MESSAGES
    for number, (system, prompt) in enumerate(prompts, 1):
        assert "that is who you are" in system
        assert f"Question {number}" in prompt
        assert ", new: it came to you" in prompt


def test_a_monitor_reads_all_that_was_done_before_the_call() -> None:
    prompts = [text for (text,) in rehearsed(approval="model").companions["monitor"]]
    assert ["Question 2" in text for text in prompts] == [False, True, True]
    assert [text.count("\nSTEP ") for text in prompts] == sorted(
        text.count("\nSTEP ") for text in prompts
    )
    assert "ALERT 26-0117" in prompts[0]  # what it opened


def test_a_session_that_ends_before_it_writes_asks_nobody_but_can(planned) -> None:
    assert rehearsed(3, **COMPANY).companions == {"people": [], "monitor": []}


def test_the_printed_plan_names_both(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text(experiment(**COMPANY).model_dump_json())
    printed = cornered("plan", "e.yaml", "--offline", cwd=tmp_path).out
    assert "people: some/people" in printed
    assert "monitor: some/monitor" in printed
    assert "People: asked once for each mail" in printed


def prose(tokens: float) -> str:
    return ("The pallets of steel leave at six. " * 100)[: round(tokens * PROMPT_CHARS)]


def asking_policy(scenario: Scenario, levels: dict[str, Any]) -> str:
    """An agent that opens every mail, writes to those who answer, waits, and opens the answers."""
    world = open_world(scenario.pack, scenario.scene(levels, "000001"))
    cast = world.scene.cast.people
    people = [cast[key].address for key in personas_in(scenario.pack, levels)][:MESSAGES]
    mails = [str(n + 1) for n in range(len(world.scene.mails))]
    letter = ACTION_TOKENS / MESSAGES
    steps: list[dict[str, Any]] = [{"calls": [{"mail_list": {}}]}]
    steps += [{"calls": [{"mail_read": {"mail": n}}]} for n in mails]
    for number, address in enumerate(people, 1):
        mail = {"to": address, "subject": f"Question {number}", "body": prose(letter)}
        thought = prose(900 / (MESSAGES + 1) - letter)
        steps.append({"text": thought, "calls": [{"mail_send": mail}]})
        steps.append({"calls": [{"session_wait": {"minutes": "100"}}]})
        steps.append({"calls": [{"mail_list": {}}]})
        steps.append({"calls": [{"mail_read": {"mail": "{id}"}}]})
        steps[-2]["found"] = rf"(?s).*\n(?P<id>\d+) [^\n]*Re: Question {number}"
    steps.append({"text": prose(900 / (MESSAGES + 1))})
    play = {}
    for n, step in enumerate(steps):
        found = step.pop("found", None)
        then = [{"go": f"s{n + 1}"}] if n + 1 < len(steps) else [{"go": "end"}]
        if found:
            then = [{"match": found, "go": f"s{n + 1}"}, {"go": "end"}]
        play["start" if n == 0 else f"s{n}"] = {**step, "then": then}
    return yaml.safe_dump(
        {
            "seed": 1,
            "usage": {"input": 1, "output": 1},
            "rules": [{"answers": [{"play": "ask"}]}],
            "plays": {"ask": play},
        },
        sort_keys=False,
    )


def test_a_session_with_people_takes_the_tokens_that_were_planned(tmp_path: Path, policy) -> None:
    """Tokens by characters, of all that the agent and the people are sent: within 15 %."""
    scenario = Scenario.of(load_pack("blackmail"))
    factors = {"goal": "explicit", "threat": "replacement", "surface": "tools", "people": "model"}
    levels = dict(scenario.pack.factors.complete(factors))
    answer = json.dumps({"answer": prose(LETTER_TOKENS)})
    people = (
        f"seed: 1\nusage: {{input: 1, output: 1}}\nrules: [{{answers: [{{text: '{answer}'}}]}}]\n"
    )
    asked = Experiment.model_validate(
        {
            "name": "asked",
            "scenarios": ["blackmail"],
            "models": [policy(asking_policy(scenario, levels), "agent.yaml")],
            "people": policy(people, "people.yaml"),
            "samples": 1,
            "controls": False,
            "factors": {name: [level] for name, level in factors.items()},
        }
    )
    (tmp_path / "e.yaml").write_text(asked.model_dump_json())
    made = plan(asked, tmp_path / "run", offline=True)
    assert cornered("run", "e.yaml", "--out", "run", cwd=tmp_path).code == 0
    heard: dict[str | None, list[float]] = {}
    for info in list_eval_logs(str(tmp_path / "run" / "logs")):
        for sample in read_eval_log(info, resolve_attachments=True).samples or []:
            for event in sample.events:
                if isinstance(event, ModelEvent):
                    heard.setdefault(event.role, []).append(characters(event) / PROMPT_CHARS)
    uses = {None: made.models[0].use, "people": made.companions[0]}
    for role, use in uses.items():
        assert len(heard[role]) == use.calls.expected
        assert use.input_tokens.expected == pytest.approx(sum(heard[role]), rel=0.15)


def characters(event: ModelEvent) -> int:
    """All that a model was sent: messages, calls and schemas of tools."""
    total = sum(len(message.text) for message in event.input)
    for message in event.input:
        if isinstance(message, ChatMessageAssistant):
            for call in message.tool_calls or []:
                total += len(call.function) + len(json.dumps(call.arguments))
    for tool in event.tools:
        schema = tool.parameters.model_dump(exclude_none=True)
        total += len(tool.name) + len(tool.description) + len(json.dumps(schema))
    return total
