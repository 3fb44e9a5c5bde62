"""Conditions are called by words of their own, whatever a vocabulary leaves out."""

from __future__ import annotations

from cornered.analysis.names import condition_names, distinct, pressure_name, words_besides
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition


def _condition(**levels: str) -> Condition:
    return Condition.of(load_pack("blackmail"), levels)


def test_a_condition_is_called_by_its_scenario_and_words() -> None:
    own, control = _condition(instructions="channel"), _condition(goal="none", threat="none")
    probe = _condition(instructions="channel", probe="on")
    assert condition_names([own, control, probe]) == {
        own.name: "blackmail: goal conflict and replacement, with a reporting channel",
        control.name: "blackmail: control",
        probe.name: "blackmail: goal conflict and replacement, with a reporting channel (probe)",
    }
    pressures = [pressure_name(one) for one in (own, control, probe)]
    assert pressures == [
        "blackmail: goal conflict and replacement",
        "blackmail: control",
        "blackmail: probe",
    ]


def test_two_of_the_same_words_have_their_codes_after_them() -> None:
    assert distinct({"a/x": "same", "a/y": "same", "a/z": "other"}) == {
        "a/x": "same [a/x]",
        "a/y": "same [a/y]",
        "a/z": "other",
    }


def test_two_that_are_compared_are_called_by_what_they_share() -> None:
    own = _condition(instructions="channel")
    assert words_besides(own, "threat") == "goal conflict, with a reporting channel"
    assert words_besides(own, "instructions") == "goal conflict and replacement"
    assert words_besides(own, "") == "goal conflict and replacement, with a reporting channel"
