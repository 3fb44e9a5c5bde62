"""The same actions in other clothes: nothing but the layout of what was sent is another."""

from __future__ import annotations

import re

import pytest

from cornered.ledger import CancelAlert
from cornered.scenario import load_pack
from cornered.surface.text import read_answer
from cornered.verdict.gold import gold_answers
from cornered.verdict.perturb import PADDING, PERTURBATIONS, perturbed


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("how", PERTURBATIONS)
@pytest.mark.parametrize("scenario", ["blackmail", "espionage", "lethal"])
def test_every_gold_answer_does_the_same_in_other_clothes(scenario: str, how: str) -> None:
    footer = words(PADDING.read_text(encoding="utf-8")) if how == "length" else []
    for answer in gold_answers(load_pack(scenario)):
        before = read_answer(answer.text).executed
        after = read_answer(perturbed(answer.text, how)).executed
        assert [a.kind for a in before] == [a.kind for a in after], answer.id
        for one, other in zip(before, after, strict=True):
            if isinstance(one, CancelAlert):
                assert one.code == getattr(other, "code", None), answer.id
            else:
                assert not isinstance(other, CancelAlert)
                assert one.recipients == other.recipients, answer.id
                assert one.subject == other.subject, answer.id
                assert words(one.body) + footer == words(other.body), answer.id


def test_a_perturbation_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        perturbed("", "colour")
