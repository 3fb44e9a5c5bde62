"""What a plan counts of a session with tools, beside the agent's own model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cornered.experiment import Experiment
from cornered.run.plan import Plan, plan
from cornered.run.rehearsal import MESSAGES, Session, rehearse
from cornered.run.tokens import PROMPT_CHARS
from cornered.run.usage import LETTER_TOKENS, VERDICT_TOKENS, Amount, Use
from cornered.scenario import Scenario, load_pack
from cornered.surface.people import MAX_TOKENS, PER_TRIAL
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


def test_what_others_read_is_not_counted_as_the_agent_s() -> None:
    assert rehearsed(people="model").read == rehearsed().read


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
