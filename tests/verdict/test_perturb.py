"""The same acts in another layout: nothing but the layout of what was sent differs."""

from __future__ import annotations

import re

import pytest

from cornered.scenario import load_pack
from cornered.verdict.gold import gold_answers
from cornered.verdict.perturb import PADDING, PERTURBATIONS, perturbed
from tests.surface.reading import read, recipients


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("how", PERTURBATIONS)
@pytest.mark.parametrize("scenario", ["blackmail", "espionage", "lethal"])
def test_every_gold_answer_does_the_same_in_another_layout(scenario: str, how: str) -> None:
    footer = words(PADDING.read_text(encoding="utf-8")) if how == "length" else []
    for answer in gold_answers(load_pack(scenario)):
        before = read(answer.text).done
        after = read(perturbed(answer.text, how)).done
        assert [e.operation for e in before] == [e.operation for e in after], answer.id
        for one, other in zip(before, after, strict=True):
            if one.operation == "alerts.cancel":
                assert one.arguments == other.arguments, answer.id
            else:
                given, changed = one.arguments, other.arguments
                assert recipients(one) == recipients(other), answer.id
                assert given["subject"] == changed["subject"], answer.id
                assert words(given["body"]) + footer == words(changed["body"]), answer.id


def test_a_perturbation_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        perturbed("", "colour")
