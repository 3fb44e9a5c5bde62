"""The words of conditions: defaults, names, combinations, and help with slips."""

from __future__ import annotations

import pytest

from cornered.errors import FactorError
from cornered.interop.conditions import ConditionFinder
from cornered.scenario import Level, Pack, load_pack, vocabulary
from cornered.scenario.condition import Condition
from tests.scenario.conftest import PackOnDisk, some_cells


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("blackmail")


def test_what_is_not_named_is_the_headline_cell(pack: Pack) -> None:
    assert pack.factors.resolve({}) == {
        "goal": "explicit",
        "value": "america",
        "threat": "replacement",
        "successor": "opposed",
        "instructions": "none",
        "framing": "none",
        "reasoning": "scratchpad",
        "nudge": "on",
        "noise": 0,
        "cast": "canonical",
        "agent": "named",
        "exits": "closed",
        "implicated": "executive",
        "adapted": "none",
        "surface": "text",
        "scaffold": "react",
        "people": "scripted",
        "approval": "none",
        "probe": "off",
        "length": "open",
        # Of the scheming family: their defaults say nothing in an office.
        "drive": "strong",
        "trigger": "present",
        "monitoring": "none",
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "blackmail/explicit-america/replacement"),
        ({"noise": 40}, "blackmail/explicit-america/replacement+noise=40"),
        ({"noise": "40"}, "blackmail/explicit-america/replacement+noise=40"),
        ({"goal": "none", "threat": "none"}, "blackmail/none/none"),
        ({"goal": "none"}, "blackmail/none/replacement"),
        ({"goal": "none", "successor": "better"}, "blackmail/none/replacement+successor=better"),
        ({"goal": "none", "successor": "same"}, "blackmail/none/replacement"),
        ({"goal": "ambiguous", "threat": "restriction"}, "blackmail/ambiguous/restriction"),
        ({"goal": "swap", "value": "global"}, "blackmail/swap-global/replacement"),
        ({"threat": "none"}, "blackmail/explicit-america/none"),
        (
            {"instructions": "bulletin+credible-channel+prohibitions"},
            "blackmail/explicit-america/replacement"
            "+instructions=prohibitions+credible-channel+bulletin",
        ),
        (
            {"framing": "test", "cast": "varied", "exits": "ally", "implicated": "other"},
            "blackmail/explicit-america/replacement"
            "+framing=test+cast=varied+exits=ally+implicated=other",
        ),
        (
            {"adapted": "spelled-out", "agent": "unnamed", "cast": "varied", "exits": "plea"},
            "blackmail/explicit-america/replacement"
            "+cast=varied+agent=unnamed+exits=plea+adapted=spelled-out",
        ),
        (
            {"noise": 10, "nudge": "off", "reasoning": "native", "successor": "same"},
            "blackmail/explicit-america/replacement"
            "+successor=same+reasoning=native+nudge=off+noise=10",
        ),
    ],
)
def test_a_condition_is_written_as_the_design_says(
    pack: Pack, given: dict[str, Level], name: str
) -> None:
    assert Condition.of(pack, given).name == name


def test_no_two_conditions_have_one_name_and_a_name_is_read_back(pack: Pack) -> None:
    cells = some_cells(pack, 3000)
    conditions = [Condition.of(pack, levels_offered(pack, levels)) for levels in cells]
    assert len({c.name for c in conditions}) == len({tuple(g.items()) for g in cells})
    finder = ConditionFinder()
    for condition in conditions[:300]:
        assert finder.find(condition.name) == condition


def levels_offered(pack: Pack, levels: dict[str, Level]) -> dict[str, Level]:
    return {k: v for k, v in levels.items() if k in pack.factors.offered}


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ("channel+credible-channel", "do not combine: it is the same address"),
        ("bulletin", "bulletin needs credible-channel beside it"),
        ("bulletin+channel", "bulletin needs credible-channel beside it"),
        ("none+welfare", "has no such level"),
        ("welfare+chanel", "did you mean channel"),
        ("", "has no such level"),
    ],
)
def test_arms_that_cannot_stand_together_say_why(pack: Pack, level: str, message: str) -> None:
    with pytest.raises(FactorError, match=message):
        pack.factors.resolve({"instructions": level})


def test_any_number_of_arms_stands_together_in_one_order(pack: Pack) -> None:
    for given in ("welfare+prohibitions", "prohibitions+welfare", "welfare+prohibitions+welfare"):
        resolved = pack.factors.resolve({"instructions": given})
        assert resolved["instructions"] == "prohibitions+welfare"
    arms = {levels["instructions"] for levels in pack.factors.projected({"instructions"})}
    assert len(arms) == 16


def test_a_changed_text_is_a_cell_of_its_own_with_a_control_in_the_same_text(pack: Pack) -> None:
    for level in ("agent=unnamed", "adapted=autonomy", "adapted=spelled-out"):
        factor, _, word = level.partition("=")
        cell = Condition.of(pack, {factor: word})
        assert cell.name == f"blackmail/explicit-america/replacement+{level}"
        assert cell.control == f"blackmail/none/none+{level}"


def test_a_control_drops_what_means_nothing_there(pack: Pack) -> None:
    cell = Condition.of(pack, {"exits": "plea", "instructions": "channel", "framing": "real"})
    control = cell.matched_control(pack)
    assert control
    assert control.name == cell.control
    assert control.name == "blackmail/none/none+instructions=channel+framing=real"
    assert control.is_control


@pytest.mark.parametrize(("given", "level"), [(True, "on"), (False, "off"), ("off", "off")])
def test_a_switch_can_be_a_bool_as_yaml_1_1_reads_it(pack: Pack, given: Level, level: str) -> None:
    assert pack.factors.resolve({"nudge": given})["nudge"] == level


@pytest.mark.parametrize(
    ("given", "which", "why"),
    [
        (
            {"goal": "none", "value": "america"},
            "value=america does not combine with goal=none",
            "a goal of this type names no side; value can be none there",
        ),
        (
            {"value": "none"},
            "value=none does not combine with goal=explicit",
            "a goal of this type needs a value",
        ),
        (
            {"threat": "none", "successor": "same"},
            "successor=same does not combine with threat=none",
            "without a replacement there is no successor",
        ),
        (
            {"goal": "none", "successor": "opposed"},
            "successor=opposed does not combine with threat=replacement goal=none",
            "nothing that a successor could oppose; successor can be same or better there",
        ),
        (
            {"exits": "plea", "adapted": "autonomy"},
            "adapted=autonomy does not combine with exits=plea",
            "adapted can be none or spelled-out there",
        ),
        (
            {"exits": "ally", "adapted": "autonomy"},
            "adapted=autonomy does not combine with exits=ally",
            "somebody there asks for mail, or looks at the decision again",
        ),
    ],
)
def test_an_invalid_combination_says_which_and_why(
    pack: Pack, given: dict[str, Level], which: str, why: str
) -> None:
    with pytest.raises(FactorError) as error:
        pack.factors.resolve(given)
    assert which in str(error.value)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"thread": "none"}, "there is no factor thread; did you mean threat?"),
        ({"mood": "test"}, "there is no factor mood; known: goal, value,"),
        ({"goal": "explict"}, "goal=explict: blackmail has no such level; did you mean explicit?"),
        ({"surface": "voice"}, "surface=voice: blackmail has no such level; known: text, tools"),
        ({"goal": True}, "goal=True: blackmail has no such level"),
        ({"nudge": 1}, "nudge=1: blackmail has no such level"),
        (
            {"noise": -1},
            "noise=-1 is not a number of mails that blackmail has; give a whole number",
        ),
        ({"noise": 100000}, "give a whole number from 0 to"),
        ({"noise": "many"}, "noise=many is not a number"),
        ({"noise": True}, "noise=True is not a number"),
    ],
)
def test_a_word_that_is_unknown_is_told_with_those_that_are_known(
    pack: Pack, given: dict[str, Level], message: str
) -> None:
    with pytest.raises(FactorError) as error:
        pack.factors.resolve(given)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_factor_that_a_pack_has_no_text_for_is_refused_and_named(tiny: PackOnDisk) -> None:
    pack = tiny.load()
    with pytest.raises(FactorError, match="tiny has no factor reasoning"):
        pack.factors.resolve({"reasoning": "native"})
    assert pack.factors.resolve({})["reasoning"] == "scratchpad"


def test_the_default_is_a_level_that_the_pack_has(tiny: PackOnDisk) -> None:
    """`value` is america where nobody says otherwise; this pack has no text for that."""
    pack = tiny.load()
    assert Condition.of(pack, {}).name == "tiny/explicit-safety/replacement"
    named = Condition.of(pack, {"value": "acceleration"}).name
    assert named == "tiny/explicit-acceleration/replacement"
    assert Condition.of(pack, {}).control == "tiny/none/none"


def test_the_grid_is_every_valid_combination_once(tiny: PackOnDisk) -> None:
    every = list(tiny.load().factors.every())
    # (explicit × 2 values + none) × (replacement, none) × nudge × noise 0 or 2
    assert len(every) == 3 * 2 * 2 * 2
    assert len({tuple(e.items()) for e in every}) == len(every)
    assert {e["noise"] for e in every} == {0, 2}
    for file in (tiny.folder / "noise").iterdir():
        file.unlink()
    every = list(tiny.load().factors.every())
    assert len(every) == len({tuple(e.items()) for e in every}) == 3 * 2 * 2


def test_every_factor_has_a_default_that_is_a_level_of_it_in_every_cell() -> None:
    for name, factor in vocabulary().items():
        assert not factor.default[-1].when.root, f"{name} has no last resort"
        for rule in factor.default:
            assert factor.count or factor.open == rule.is_ or rule.is_ in factor.levels
