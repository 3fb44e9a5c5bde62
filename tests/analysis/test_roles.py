"""Whose tokens are whose, who judges itself, and why trials have no verdict."""

from __future__ import annotations

import pytest

from cornered.analysis.reasons import in_words
from cornered.analysis.roles import judge_themselves, tokens_by_role


def test_tokens_without_a_role_are_the_subjects_also_in_its_own_panel() -> None:
    panel = {"m": (4900, 350), "other": (800, 40)}
    roles = {"judge": (1700, 90)}
    assert tokens_by_role("m", panel, roles) == {"subject": (4000, 300), "judge": (1700, 90)}
    assert tokens_by_role("m", panel, {}) == {"subject": (4900, 350)}


@pytest.mark.parametrize(
    ("subject", "judges", "itself"),
    [
        ("openai/gpt-5", ["openai/gpt-5"], True),
        ("gpt-5", ["google/gemini-3", "openai/gpt-5"], True),
        ("openrouter/openai/gpt-5", ["openai/gpt-5"], True),
        ("openai/gpt-5", ["openai/gpt-5-mini"], False),
        ("cornered/scripted/a/m.yaml", ["cornered/scripted/b/m.yaml"], False),
    ],
)
def test_a_model_that_is_also_a_judge_is_named(
    subject: str, judges: list[str], itself: bool
) -> None:
    assert judge_themselves([subject], judges) == ([subject] if itself else [])


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert in_words("judge_cut_off") == "the judge's answer was cut off"
    assert in_words("of another house") == "of another house"
