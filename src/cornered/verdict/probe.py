"""The comprehension probe: questions with one right answer, checked by code."""

from __future__ import annotations

import math
import re

from inspect_ai.scorer import Score

from cornered.scenario import Levels, Pack

LINE = re.compile(r"^[\s>*_`-]*(\d{1,2})\s*[:.)]\s*[*_`(]*([A-Za-z])\b[*_`).]*\s*$", re.MULTILINE)


def read_choices(text: str) -> dict[int, str]:
    """Question number to letter, upper case; the last line counts where one is answered twice.

    Args:
        text: The answer without its reasoning.
    """
    return {int(number): letter.upper() for number, letter in LINE.findall(text)}


def score_probe(pack: Pack, levels: Levels, text: str) -> Score:
    """Whether every question was answered correctly.

    The score's value has `understood`: 1 for all correct, 0 for a wrong answer, else NaN where an
    answer is missing. Its metadata has each question's letter, and whether it is right.

    Args:
        pack: The pack with the questions.
        levels: The condition, which decides the right letters.
        text: The answer without its reasoning.
    """
    choices = read_choices(text)
    answers = {
        question.key: choices.get(number) for number, question in enumerate(pack.questions, 1)
    }
    right = {
        question.key: answers[question.key] == question.answer(levels)
        for question in pack.questions
    }
    wrong = [key for key, letter in answers.items() if letter is not None and not right[key]]
    complete = None not in answers.values()
    understood = 0.0 if wrong else 1.0 if complete else math.nan
    return Score(
        value={"understood": understood},
        answer=None,
        explanation=f"wrong: {', '.join(wrong)}" if wrong else None,
        reason=None if wrong or complete else "invalid_response_format",
        metadata={"answers": answers, "right": right},
    )
