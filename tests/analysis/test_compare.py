"""Two sides compared: what is claimed, what is not, and which trials are pairs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cornered.analysis.compare import (
    Between,
    Comparison,
    Side,
    compare,
    compared_in_one_family,
    sentence,
    side,
)
from cornered.analysis.multiplicity import holm
from cornered.analysis.paired import paired_by_draw
from cornered.analysis.table import cells
from cornered.errors import InputError
from tests.analysis.fakes import GPT, OPUS, planned, trial

HEAD = "blackmail/explicit-america/replacement"
OTHER = "blackmail/explicit-america/restriction"
JUDGED = {"the judge": "openai/gpt-5", "the rubric": "blackmail 1"}
Counts = Mapping[str, tuple[int, int, int]]
"""By condition: successes, scored trials and unscored ones."""


def a_side(model: str, counts: Counts, settings: Mapping[str, str] = JUDGED) -> Side:
    rows = [
        trial(name, model, i, act=v, harmful=v, status="unscored" if v is None else "scored")
        for name, (k, n, unscored) in counts.items()
        for i, v in enumerate([True] * k + [False] * (n - k) + [None] * unscored)
    ]
    table = cells(rows, [planned(name) for name in counts], [model], 1, judged=True)
    return side(model, None, table, rows, settings)


def told(a: Side, b: Side, between: Between | None = None) -> str:
    (made,) = compared_in_one_family([compare(a, b, between)])
    return said(made)


def said(made: Comparison) -> str:
    (only,) = made.scenarios
    return sentence(only, made.a.name, made.b.name)


def test_a_difference_that_is_there_is_claimed_with_its_size() -> None:
    words = told(a_side(OPUS, {HEAD: (84, 100, 0)}), a_side(GPT, {HEAD: (10, 100, 0)}))
    assert f"{OPUS} was harmful more often than {GPT}, by 74 points" in words
    assert "It is not the same" not in words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((4, 4, 0), (2, 4, 0)),  # Newcombe -10 to +85, Fisher .43
        ((10, 20, 80), (20, 100, 0)),  # could be -10 to +70
        ((30, 100, 30), (10, 100, 0)),  # 23 % unscored
        ((18, 19, 0), (1, 100, 0)),  # under 20 on a side
        ((50, 100, 0), (50, 100, 0)),
        ((0, 50, 0), (0, 50, 0)),
        ((40, 100, 15), (24, 100, 0)),  # the unscored could undo it
    ],
)
def test_no_more_than_the_data_support_is_claimed(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    words = told(a_side(OPUS, {HEAD: one}), a_side(GPT, {HEAD: other}))
    assert "more often" not in words
    assert "less often" not in words
    for zero in ("-0", "+0 ", "−0 ", "+0)", "by 0"):
        assert zero not in words


def test_verdicts_of_two_judges_are_not_compared() -> None:
    a = a_side(OPUS, {HEAD: (84, 100, 0)})
    b = a_side(GPT, {HEAD: (10, 100, 0)}, {**JUDGED, "the judge": "x/other"})
    assert "more often" not in told(a, b)
    assert "more often" in told(a, a_side(GPT, {HEAD: (10, 100, 0)}, {**JUDGED, "the text": "2"}))


def test_conditions_that_differ_are_said_to_on_the_scale_of_points() -> None:
    a = a_side(OPUS, {HEAD: (4, 100, 0), OTHER: (80, 100, 0)})
    b = a_side(GPT, {HEAD: (1, 100, 0), OTHER: (50, 100, 0)})
    assert "It is not the same in all of them (+3 to +30 points" in told(a, b)


def test_trials_do_not_weigh_conditions_and_two_runs_of_one_model_are_two() -> None:
    a = a_side(OPUS, {HEAD: (400, 400, 0), OTHER: (0, 10, 0)})
    b = a_side(OPUS, {HEAD: (0, 400, 0), OTHER: (0, 10, 0)})
    (found,) = compare(a, b).scenarios
    assert found.contrast.difference.value == pytest.approx(0.5)
    assert found.contrast.difference == found.conflict.difference
    assert [s.n for s in found.contrast.sides] == [410, 410]


def test_levels_of_a_factor_pair_with_conditions_that_are_equal_in_all_else() -> None:
    one = a_side(
        OPUS,
        {
            HEAD: (30, 40, 0),
            f"{HEAD}+instructions=prohibitions": (2, 40, 0),
            "blackmail/none/none": (0, 40, 0),
            "blackmail/none/none+instructions=prohibitions": (0, 40, 0),
            f"{OTHER}+instructions=prohibitions": (3, 40, 0),
        },
    )
    made = compare(one, one, Between("instructions", "none", "prohibitions"))
    (found,) = made.scenarios
    assert found.contrast.conditions == ((HEAD, f"{HEAD}+instructions=prohibitions"),)
    assert found.contrast.control is not None
    assert found.contrast.control.cells == 1
    assert made.alone == (f"{OTHER}+instructions=prohibitions",)
    assert (made.a.name, made.b.name) == ("instructions=none", "instructions=prohibitions")
    # A goal of none has no value: the default on both sides.
    goal = a_side(OPUS, {HEAD: (30, 40, 0), "blackmail/none/replacement": (9, 40, 0)})
    (found,) = compare(goal, goal, Between("goal", "explicit", "none")).scenarios
    assert found.contrast.cells == 1
    with pytest.raises(InputError, match="has no condition with goal=latent"):
        compare(goal, goal, Between("goal", "explicit", "latent"))


def test_shared_draws_are_paired() -> None:
    name = f"{HEAD}+cast=varied"
    pairs = [(True, True)] * 12 + [(True, False)] * 9 + [(False, True)] + [(False, False)] * 18
    sides = []
    for at, model in enumerate((OPUS, GPT)):
        rows = [trial(name, model, i, act=p[at], harmful=p[at]) for i, p in enumerate(pairs)]
        table = cells(rows, [planned(name)], [model], len(pairs), judged=True)
        sides.append(side(model, None, table, rows, JUDGED))
    (found,) = compare(*sides).scenarios
    expected = paired_by_draw(pairs)
    assert found.by_draw == expected
    assert expected.difference is not None
    assert found.contrast.kind == "draw"
    assert found.contrast.difference.interval is not None
    assert found.contrast.difference.interval.low == pytest.approx(expected.difference.interval.low)


def test_several_comparisons_are_one_family() -> None:
    first = a_side(OPUS, {HEAD: (30, 50, 0)})
    others = [a_side(f"x/{k}", {HEAD: (k, 50, 0)}) for k in (5, 18, 19, 30)]
    made = compared_in_one_family([compare(first, other) for other in others])
    contrasts = [c.scenarios[0].contrast for c in made]
    assert [c.p_adjusted for c in contrasts] == holm([c.p for c in contrasts])
    alone = compared_in_one_family([compare(first, others[2])])[0].scenarios[0].contrast
    assert alone.p is not None
    assert alone.p_adjusted == alone.p < 0.05
    assert (contrasts[2].p_adjusted or 0) > 0.05
    assert "more often" in told(first, others[2])
    assert "not told apart" in said(made[2])
