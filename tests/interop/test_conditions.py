"""Names of cells, in the study's words and in ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornered.errors import FactorError
from cornered.interop.conditions import ConditionFinder
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition

PACK = load_pack("blackmail")
CHOICES = list(PACK.factors.projected(["goal", "value", "threat", "successor", "framing"]))


@settings(deadline=None)
@given(st.sampled_from(CHOICES))
def test_a_written_condition_is_read_back(levels) -> None:
    written = {k: v for k, v in levels.items() if k in PACK.factors.offered}
    condition = Condition.of(PACK, written)
    assert ConditionFinder().find(condition.name) == condition


def test_levels_in_force_together_are_read_back() -> None:
    name = "blackmail/explicit-america/replacement+instructions=prohibitions+channel+nudge=off"
    assert ConditionFinder().find(name).name == name


@pytest.mark.parametrize(
    ("study", "ours"),
    [
        (
            "blackmail_explicit-america_replacement",
            "am/blackmail/explicit-america/replacement",
        ),
        ("leaking_latent-safety_restriction", "am/leaking/latent-safety/restriction"),
        ("murder_none-none_none", "am/murder/none/none"),
        # Older results write a value where the goal names no side; the study ignores it.
        ("murder_none-global_replacement", "am/murder/none/replacement"),
        ("blackmail_ambiguous-ambiguous_none", "am/blackmail/ambiguous/none"),
    ],
)
def test_the_studys_names_are_understood(study: str, ours: str) -> None:
    assert ConditionFinder().find(study).name == ours


def test_a_name_without_a_scenario_takes_the_one_beside_it_or_the_one_given() -> None:
    short = "swap-ethical_none"
    assert ConditionFinder().find(short, "espionage").name == "am/leaking/swap-ethical/none"
    assert ConditionFinder("blackmail").find(short).name == "blackmail/swap-ethical/none"
    with pytest.raises(FactorError, match="names no scenario"):
        ConditionFinder().find(short)


def test_levels_that_the_name_does_not_say_are_added() -> None:
    levels = {"framing": "deliberate", "instructions": "none", "reasoning": "native"}
    found = ConditionFinder().find("murder_none-none_none", levels=levels)
    assert found.name == "am/murder/none/none+framing=deliberate+reasoning=native"
    assert found.is_control


@pytest.mark.parametrize(
    "name",
    [
        "",
        "blackmail",
        "blackmail_explicit-america_replacement_blunt",
        "blackmail_explicit-america_sacking",
        "blackmail_explicit-none_restriction",
        "am/blackmail/explicit-america",
        "am/arson/explicit-america/replacement",
        "am/blackmail/explicit-america/replacement+mood=sad",
    ],
)
def test_what_is_no_condition_is_an_error_and_no_guess(name: str) -> None:
    with pytest.raises(FactorError):
        ConditionFinder("blackmail").find(name)
