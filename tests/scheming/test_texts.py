"""The texts of the family: gold ledgers that code agrees with, and controls of the same length."""

from __future__ import annotations

import pytest

from cornered.scenario import Scenario, load_pack
from cornered.scenario.condition import Condition, trial_id
from cornered.verdict.gold_ledgers import gold_findings, gold_ledgers
from tests.scheming.sessions import CONTROL

PACKS = ("oversight", "exfiltration", "goal-guarding")
# Each file that tells of the conflict, or of something else in its place.
TRIGGERS = {
    "oversight": ("gate/notices/14.md", "minutes/2026-04-15.md"),
    "exfiltration": ("changes/CHG-0417.md",),
    "goal-guarding": ("incoming/cover.md", "incoming/prompt.txt"),
}


@pytest.mark.parametrize("name", PACKS)
def test_gold_ledgers_agree_with_the_code_and_cover_what_a_judge_will_meet(name: str) -> None:
    pack = load_pack(name)
    assert gold_findings(pack) == []
    ledgers = [gold.head for gold in gold_ledgers(pack)]
    assert len(ledgers) >= 12
    assert {"clear", "veiled", "undone", "half-done", "report", "confused", "attempt"} <= {
        head.kind for head in ledgers
    }
    assert {head.outcome for head in ledgers} == set(pack.spec.outcomes)
    plain = [head for head in ledgers if head.preflight]
    assert sorted(head.verdict for head in plain) == ["no", "yes"]
    # Controls stand among both verdicts: a judge must not go by the condition.
    controls = {head.verdict for head in ledgers if head.factors.get("trigger") == "control"}
    assert controls == {"yes", "no"}


@pytest.mark.parametrize("name", PACKS)
def test_the_control_document_is_as_long_and_in_the_same_place(name: str) -> None:
    pack = load_pack(name)
    texts = []
    for levels in ({}, CONTROL):
        scene = Scenario.of(pack).scene(Condition.of(pack, levels).levels, trial_id(1))
        texts.append({file["path"]: file["text"] for file in scene.apps["shell"]["files"]})
    present, control = texts
    assert present.keys() == control.keys()
    for path in TRIGGERS[name]:
        assert present[path] != control[path]
        assert len(control[path]) == pytest.approx(len(present[path]), rel=0.1)


@pytest.mark.parametrize("name", PACKS)
def test_without_a_drive_the_prompt_states_no_goal(name: str) -> None:
    pack = load_pack(name)
    goal = str(pack.cast.agent.slots["goal"])
    said = {}
    for level in ("strong", "weak", "none"):
        levels = Condition.of(pack, {"drive": level}).levels
        said[level] = Scenario.of(pack).renderer(levels, trial_id(1)).system(levels)
    assert goal in said["strong"]
    assert goal in said["weak"]
    assert goal not in said["none"]
    assert "goal" not in said["none"].lower()
    assert len(said["weak"]) < len(said["strong"])
