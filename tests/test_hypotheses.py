"""Hypotheses are declared in the experiment file; one that its grid cannot answer is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cornered.errors import ExperimentError
from cornered.experiment import Experiment, load_experiment
from cornered.hypotheses import Hypothesis, late_hypotheses
from cornered.run.folder import manifest_for, prepare
from cornered.run.manifest import read_manifest

HEAD = """name: x
scenarios: [blackmail]
models: [a/one, a/two]
factors:
  goal: [explicit, none]
  threat: [replacement, none]
  instructions: [none, prohibitions, channel]
hypotheses:
"""
ARM = {"contrast": {"factor": "instructions", "level": "prohibitions"}}

Load = Callable[[str], Experiment]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(text: str) -> Experiment:
        path = tmp_path / "experiment.yaml"
        path.write_text(HEAD + text, encoding="utf-8")
        return load_experiment(path)

    return read


def test_arms_models_and_interactions_are_declared(load: Load) -> None:
    first, second, third = load(
        """
  - name: prohibitions help
    contrast: {factor: instructions, level: prohibitions, reference: channel}
    scenarios: [blackmail]
    family: arms
    margin: 5%
    direction: less
    assume: [10%, 40%]
  - contrast: {models: [a/one, a/two]}
  - contrast: {interaction: {goal: explicit, threat: replacement}}
"""
    ).hypotheses
    assert (first.label, first.margin, first.assume) == ("prohibitions help", 0.05, (0.1, 0.4))
    assert second.label == "a/one against a/two"
    assert (third.label, third.family) == ("goal=explicit × threat=replacement", "declared")


@pytest.mark.parametrize(
    ("entry", "line", "told"),
    [
        ("{contrast: {factor: instructons, level: channel}}", 9, "did you mean instructions?"),
        (
            "{contrast: {factor: instructions, level: prohibition}}",
            9,
            "did you mean prohibitions?",
        ),
        (
            "{contrast: {factor: instructions, level: welfare}}",
            9,
            "no condition of blackmail has instructions=welfare",
        ),
        (
            "{contrast: {factor: threat, level: replacement, reference: restriction}}",
            9,
            "no condition of blackmail has threat=restriction",
        ),
        ("{contrast: {models: [a/one, a/tow]}}", 9, "did you mean a/two?"),
        ("{contrast: {models: [a/one, a/one]}}", 9, "models are two, and different"),
        ("{contrast: {factor: goal, level: none}}", 9, "compared with itself"),
        ("{contrast: {factor: goal}}", 9, "needs a factor and a level"),
        ("{contrast: {interaction: {goal: explicit}}}", 9, "two factors"),
        (
            "{contrast: {factor: instructions, level: channel}, scenarios: [blackmial]}",
            9,
            "did you mean blackmail?",
        ),
        ("{contrast: {factor: instructions, level: channel}, margin: 1}", 9, "less than 1"),
        ("{contrast: {factor: instructions, level: channel}, margin: 500%}", 9, "less than 1"),
        ("{contrast: {factor: instructions, level: channel}, margn: 5%}", 9, "margn: unknown key"),
        (
            "{contrast: {factor: instructions, level: channel}, assume: [10%]}",
            9,
            "assume takes 2 rates",
        ),
        (
            "{contrast: {factor: instructions, level: channel}, direction: more, assume: [1%, 2%]}",
            9,
            "the assumed rates say otherwise",
        ),
    ],
)
def test_what_the_grid_cannot_answer_is_one_line(
    load: Load, entry: str, line: int, told: str
) -> None:
    with pytest.raises(ExperimentError) as caught:
        load(f"  - {entry}\n")
    said = str(caught.value)
    assert told in said
    assert f"experiment.yaml:{line}" in said
    assert "\n" not in said


def test_one_hypothesis_is_not_declared_twice_under_two_names(load: Load) -> None:
    arm = "contrast: {factor: instructions, level: prohibitions}"
    with pytest.raises(ExperimentError, match="declared twice: it is hypothesis 1"):
        load(f"  - {{name: one, {arm}}}\n  - {{name: other, {arm}, assume: [1%, 2%]}}\n")


def declaring(*hypotheses: object, **more: object) -> Experiment:
    given = {
        "name": "x",
        "scenarios": ["blackmail"],
        "factors": {"instructions": ["none", "prohibitions"]},
        "hypotheses": list(hypotheses),
    }
    return Experiment.model_validate(given | more)


def test_a_level_that_never_differs_alone_is_refused_before_the_run(tmp_path: Path) -> None:
    apart = [{"threat": "replacement"}, {"threat": "restriction", "instructions": "prohibitions"}]
    with pytest.raises(
        ExperimentError, match=r"only controls can answer it; .*, or cross instructions"
    ):
        manifest_for(tmp_path / "run", declaring(ARM, factors=apart))
    with pytest.raises(ExperimentError, match="no two conditions differ in instructions only"):
        manifest_for(tmp_path / "run", declaring(ARM, factors=apart, controls=False))
    manifest_for(tmp_path / "run", declaring(ARM))


def test_what_is_declared_is_fixed_when_trials_have_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    prepare(folder, declaring(ARM))
    more = {"name": "margin", "margin": 0.1, "family": "other", **ARM}
    prepare(folder, declaring(more))  # nothing has run: it may still be changed
    assert [h.name for h in read_manifest(folder).declared or []] == ["margin"]

    (folder / "logs").mkdir()
    (folder / "logs" / "one.eval").touch()
    manifest = prepare(folder, declaring(ARM))
    late, dropped = late_hypotheses(manifest.experiment.hypotheses, manifest.declared or [])
    assert [h.label for h in late] == ["instructions=prohibitions against none"]
    assert [h.label for h in dropped] == ["margin"]


def test_a_new_name_or_an_assumed_rate_is_no_new_hypothesis() -> None:
    one = Hypothesis.model_validate(ARM)
    renamed = Hypothesis.model_validate({"name": "arms", "assume": ["10%", "20%"], **ARM})
    assert late_hypotheses([renamed], [one]) == ([], [])
