"""An experiment file means exactly the conditions it says, or says what it cannot mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cornered.errors import ExperimentError, FactorError, PackError
from cornered.experiment import Experiment, load_experiment
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition, trial_id
from tests.scenario.conftest import PackOnDisk, tiny

__all__ = ["tiny"]  # the fixture

Write = Callable[[str], Path]
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def names(experiment: Experiment) -> list[str]:
    return [c.name.removeprefix("blackmail/") for c in experiment.conditions()]


def blackmail(**more: object) -> Experiment:
    return Experiment.model_validate({"name": "x", "scenarios": ["blackmail"], **more})


# Conditions.


def test_a_scenario_alone_is_the_headline_cell_and_its_control_on_the_embedded_model() -> None:
    experiment = blackmail()
    assert names(experiment) == ["explicit-america/replacement", "none/none"]
    assert experiment.models == ["cornered/embedded"]
    assert experiment.judge is None


def test_levels_are_crossed_in_the_order_of_the_file() -> None:
    factors = {"threat": ["replacement", "none"], "value": ["safety", "global"], "nudge": "off"}
    assert names(blackmail(factors=factors)) == [
        "explicit-safety/replacement+nudge=off",
        "explicit-global/replacement+nudge=off",
        "explicit-safety/none+nudge=off",
        "explicit-global/none+nudge=off",
        "none/none+nudge=off",
    ]


def test_blocks_are_joined_and_a_condition_that_two_of_them_mean_is_run_once() -> None:
    factors = [
        {"goal": ["explicit", "none"]},
        {"goal": "explicit", "value": ["america", "global"]},
        {"goal": "none", "threat": "none"},
    ]
    assert names(blackmail(factors=factors)) == [
        "explicit-america/replacement",
        "none/replacement",
        "explicit-global/replacement",
        "none/none",
    ]


def test_a_control_keeps_what_is_not_goal_or_threat_and_stands_once_and_last() -> None:
    factors = {"value": ["safety", "global"], "noise": [0, 10], "successor": "same"}
    listed = names(blackmail(factors=factors))
    assert listed[-2:] == ["none/none", "none/none+noise=10"]
    assert len(listed) == len(set(listed)) == 6


def test_a_control_that_the_grid_has_is_not_added_again() -> None:
    factors = {"goal": ["none", "explicit"], "threat": ["none", "replacement"]}
    listed = names(blackmail(factors=factors))
    assert sorted(listed) == [
        "explicit-america/none",
        "explicit-america/replacement",
        "none/none",
        "none/replacement",
    ]
    assert listed[0] == "none/none"


def test_controls_can_be_left_out() -> None:
    assert names(blackmail(controls=False)) == ["explicit-america/replacement"]


def test_a_control_knows_that_it_is_one() -> None:
    pack = load_pack("blackmail")
    headline = Condition.of(pack, {})
    assert not headline.is_control
    control = headline.matched_control(pack)
    assert control
    assert control.is_control
    assert control.name == control.control == headline.control
    assert control.matched_control(pack) == control
    for half in ({"goal": "none"}, {"threat": "none"}):
        assert not Condition.of(pack, half).is_control


def test_a_switch_can_be_true_or_false(write: Write) -> None:
    path = write("name: x\nscenarios: [blackmail]\nfactors: {nudge: [true, off]}\n")
    assert names(load_experiment(path))[:2] == [
        "explicit-america/replacement",
        "explicit-america/replacement+nudge=off",
    ]


def test_an_experiment_survives_being_written_down() -> None:
    experiment = blackmail(factors=[{"noise": [0, 5]}, {"nudge": False}], samples=3)
    again = Experiment.model_validate_json(experiment.model_dump_json())
    assert again == experiment
    assert again.conditions() == experiment.conditions()


def test_a_pack_of_ones_own_is_a_scenario(tiny: PackOnDisk) -> None:
    experiment = Experiment(name="x", scenarios=[str(tiny.folder)])
    assert [c.name for c in experiment.conditions()] == [
        "tiny/explicit-safety/replacement",
        "tiny/none/none",
    ]
    assert all(c.scenario == str(tiny.folder) for c in experiment.conditions())


def test_a_condition_that_can_have_no_control_says_how_to_go_on(
    tiny: PackOnDisk, write: Write
) -> None:
    tiny.edit("pack.yaml", "  nudge: all\n", "  nudge: all\n  mood: all\n  tone: all\n")
    tiny.edit("pack.yaml", "control: {goal: none", "control: {mood: calm, goal: none")
    tiny.write("factors.yaml", MOODS)
    text = f"name: x\nscenarios: [{tiny.folder}]\nfactors: {{nudge: off}}\n"
    with pytest.raises(ExperimentError, match=r"has no control .*; set `controls: false`"):
        load_experiment(write(text))
    path = write(f"{text}controls: false\n")
    (condition,) = load_experiment(path).conditions()
    assert condition.control is None
    assert not condition.is_control


def test_a_pack_without_a_control_has_conditions_and_no_more(
    tiny: PackOnDisk, write: Write
) -> None:
    tiny.edit("pack.yaml", "control: {goal: none, threat: none}\n", "")
    path = write(f"name: x\nscenarios: [{tiny.folder}]\nfactors: {{goal: [explicit, none]}}\n")
    conditions = load_experiment(path).conditions()
    assert [c.name for c in conditions] == [
        "tiny/explicit-safety/replacement",
        "tiny/none/replacement",
    ]
    assert not any(c.control or c.is_control for c in conditions)


MOODS = """\
mood:
  about: how the day is
  levels: {busy: many mails, calm: few}
  default: [{is: busy}]
tone:
  about: how mails are written
  levels: {dry: as a report, warm: as a letter, plain: as it comes}
  default: [{when: {mood: busy}, is: dry}, {is: warm}]
  only:
    - {when: {mood: calm, nudge: "off"}, levels: [plain], because: nobody writes so on such a day}
"""
"""Factors by which a condition without the nudge can have no control in a calm mood."""


def test_trials_are_numbered_so_that_more_of_them_keep_the_first() -> None:
    assert [trial_id(n) for n in (1, 12, 1_000_000)] == ["000001", "000012", "1000000"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.name)
def test_the_examples_mean_something(path: Path) -> None:
    assert load_experiment(path).conditions()


# Mistakes.

HEAD = "name: x\nscenarios: [blackmail]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: expected keys and values"),
        ("# nothing\n", ":1: expected keys and values"),
        ("- name: x\n", ":1: expected keys and values"),
        ("blackmail\n", ":1: expected keys and values"),
        (
            HEAD + "sampels: 4\n",
            ":3: sampels: unknown key; did you mean samples?",
        ),
        (
            "scenario: [blackmail]\nname: x\n",
            ":1: scenario: unknown key (and 1 more); did you mean scenarios?",
        ),
        ("scenarios: [blackmail]\n", ":1: name: this key is missing"),
        ("name: x\n", ":1: scenarios: this key is missing"),
        ("name: x\nscenarios: []\n", ":2: scenarios: has too few entries"),
        ("name: x\nscenarios: blackmail\n", ":2: scenarios: must be a list"),
        ("name: a b\nscenarios: [blackmail]\n", ":1: name: string should match pattern"),
        ("name: ../x\nscenarios: [blackmail]\n", ":1: name: string should match pattern"),
        (HEAD + "samples: many\n", ":3: samples: input should be a valid integer"),
        (HEAD + "samples: 0\n", ":3: samples: input should be greater than or equal to 1, not 0"),
        (HEAD + "models: [a/b, c/d, a/b]\n", ":3: models: a/b is named twice"),
        (HEAD + "samples: 4\nsamples: 5\n", ':4: found duplicate key "samples"'),
        (HEAD + "factors:\n\tgoal: none\n", ":4: found character '\\t'"),
        (HEAD + "factors: [\n", ":4: "),
        (HEAD + "factors: explicit\n", ":3: factors: must be a mapping of keys"),
        (HEAD + "factors: []\n", ":3: factors: has too few entries"),
        (HEAD + "factors:\n  goal: []\n", ":4: factors.goal: has too few entries"),
        (HEAD + "factors:\n  goal:\n", ":4: factors.goal: a level is a word or a whole number"),
        (HEAD + "factors:\n  - goal: none\n  - noise: [0, 1.5]\n", ":5: factors[1].noise[1]: a"),
        (
            "name: x\nscenarios:\n  - blackmail\n  - blackmial\n",
            ":4: there is no scenario blackmial; did you mean blackmail?",
        ),
        (
            HEAD + "factors:\n  goal: none\n  thread: none\n",
            ":5: there is no factor thread; did you mean threat?",
        ),
        (
            HEAD + "factors:\n  goal:\n  - none\n  - explict\n",
            ":6: goal=explict: blackmail has no such level; did you mean explicit?",
        ),
        (
            HEAD + "factors:\n  - goal: none\n  - threat: restrict\n",
            ":5: threat=restrict: blackmail has no such level; did you mean restriction?",
        ),
        (HEAD + "factors: {noise: 9999}\n", ":3: noise=9999 is not a number of mails"),
        (
            HEAD + "factors:\n  goal: [explicit, none]\n  value: america\n",
            ":3: value=america does not combine with goal=none: a goal of this type names no "
            "side; value can be none there; or give `factors` as a list of blocks",
        ),
        (
            HEAD + "factors:\n  - value: america\n  - {threat: none, successor: same}\n",
            ":5: successor=same does not combine with threat=none",
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(write: Write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(ExperimentError) as error:
        load_experiment(path)
    assert str(error.value).startswith(str(path) + message)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"gone.yaml: no such file"):
        load_experiment(tmp_path / "gone.yaml")
    with pytest.raises(ExperimentError, match="is a folder, a file was expected"):
        load_experiment(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: x\nabout: Tomás".encode("latin-1"))
    with pytest.raises(ExperimentError, match=r"latin.yaml: not UTF-8 \(byte 18\)"):
        load_experiment(path)


def test_a_pack_that_does_not_load_is_told_by_its_own_file(tiny: PackOnDisk, write: Write) -> None:
    tiny.edit("pack.yaml", "act: reaches_owner", "act: nothing")
    lines = (tiny.folder / "pack.yaml").read_text(encoding="utf-8").splitlines()
    where = f"tiny/pack.yaml:{lines.index('act: nothing') + 1}"
    with pytest.raises(PackError, match=rf"{where}: act: there is no fact nothing"):
        load_experiment(write(f"name: x\nscenarios: [{tiny.folder}]\n"))


def test_in_code_the_same_slips_are_factor_errors() -> None:
    with pytest.raises(FactorError, match="there is no scenario lethl"):
        Experiment(name="x", scenarios=["lethl"]).conditions()
    with pytest.raises(FactorError, match="there is no factor thread"):
        blackmail(factors={"thread": "none"}).conditions()
