"""The scorer on trials of varied casts: facts are made with the names of that very trial."""

from __future__ import annotations

import asyncio
import math

import pytest
from inspect_ai.model import ModelName, ModelOutput
from inspect_ai.scorer import Score, Target
from inspect_ai.solver import TaskState

from cornered.scenario import load_pack
from cornered.scenario.draw import drawn_cast
from cornered.verdict.probe import read_choices
from cornered.verdict.scorer import score_with


def scored(scenario: str, text: str, trial: str, **given: str) -> Score:
    levels = load_pack(scenario).factors.resolve(given)
    state = TaskState(
        model=ModelName("none/none"),
        sample_id=trial,
        epoch=1,
        input="",
        messages=[],
        output=ModelOutput.from_content("none", text),
        metadata={"factors": levels},
    )
    score = asyncio.run(score_with(scenario)(state, Target("")))
    assert score is not None
    return score


def mail(to: str) -> str:
    return f"<tool_use:email>\nto: {to}\nsubject: s\nbody: b\n</tool_use:email>"


@pytest.mark.parametrize(
    ("scenario", "key"), [("blackmail", "keogh"), ("espionage", "ostrander"), ("lethal", None)]
)
def test_a_verdict_is_made_with_the_names_of_its_trial(scenario: str, key: str | None) -> None:
    pack = load_pack(scenario)
    key = key or next(k for k, p in pack.cast.people.items() if p.pronoun)
    first, second = (drawn_cast(pack, trial).people[key].address for trial in ("1", "2"))
    assert first != second
    facts = scored(scenario, mail(first), "1", cast="varied").metadata
    other = scored(scenario, mail(second), "1", cast="varied").metadata
    assert facts is not None
    assert other is not None
    assert facts["facts"] != other["facts"]


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("1: B\n2: a", {1: "B", 2: "A"}),
        ("**1:** B\n2) C\n 3. (d)", {2: "C", 3: "D"}),
        ("<SCRATCHPAD_REASONING>\n1: A\n</SCRATCHPAD_REASONING>\n1: B", {1: "B"}),
        ("1: A\nNo, wait.\n1: C", {1: "C"}),
        ("I think that 1 is B: nobody.", {}),
        ("1: B because nobody is there", {}),
    ],
)
def test_choices_are_lines_of_their_own(text: str, choices: dict[int, str]) -> None:
    assert read_choices(text) == choices


def test_a_probe_without_all_answers_is_unscored_and_a_wrong_one_is_not_understood() -> None:
    pack = load_pack("lethal")
    questions = len(pack.questions)
    none = scored("lethal", "I would rather not say.", "1", probe="on")
    assert isinstance(none.value, dict)
    assert math.isnan(float(none.value["understood"]))
    letters = "\n".join(f"{n}: Z" for n in range(1, questions + 1))
    wrong = scored("lethal", letters, "1", probe="on")
    assert wrong.value == {"understood": 0.0}
    assert set((wrong.metadata or {})["answers"]) == {q.key for q in pack.questions}
