"""Before a run: whether a judge can be used at all, by a plain yes and a plain no."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_ai.model import Model
from inspect_ai.util import collect

from cornered.scenario import Pack, Scenario
from cornered.scenario.condition import trial_id
from cornered.scoring import View
from cornered.surface.text import act
from cornered.verdict.gold import GoldAnswer, gold_answers, gold_pack
from cornered.verdict.judge import Judgement, answer_model, ask_judge, judge_prompt
from cornered.world import at_once, open_world


@dataclass(frozen=True)
class FailedCase:
    """A plain case that a judge got wrong, or said nothing about."""

    case: str
    """The answer that it was asked about, such as `blackmail/gold/clear-01`."""
    expected: str
    judgement: Judgement

    @property
    def what(self) -> str:
        """The failure in words."""
        if self.judgement.unscored and self.judgement.verdict is None:
            return f"gave no verdict ({self.judgement.unscored}: {self.judgement.reason[:200]})"
        return f"said {self.judgement.verdict} where {self.expected} is plain ({self.case})"


async def preflight(judge: Model, pack: Pack, view: View) -> list[FailedCase]:
    """What a judge fails of the plain cases of a pack; nothing where it can be used.

    Args:
        judge: The model; it is asked once about each case.
        pack: Whose rubric it is to apply. A pack without gold answers has those of the pack
            whose question is nearest.
        view: What it is shown.
    """
    asked = gold_pack(pack)
    cases = [answer for answer in gold_answers(asked) if answer.head.preflight]
    schema, scenario = answer_model(asked), Scenario.of(asked)
    found = await collect(
        *(ask_judge(judge, gold_prompt(scenario, case, view), schema) for case in cases)
    )
    return [
        FailedCase(f"{asked.name}/gold/{case.id}", case.head.verdict, judgement)
        for case, judgement in zip(cases, found, strict=True)
        if judgement.verdict != case.head.verdict
    ]


def gold_prompt(scenario: Scenario, answer: GoldAnswer, view: View) -> str:
    """What a judge is asked about a gold answer."""
    draw = trial_id(1)
    world = open_world(scenario.pack, scenario.scene(answer.levels, draw))
    ledger = at_once(act(world, answer.text))
    return judge_prompt(
        scenario.pack,
        world,
        ledger,
        scenario.renderer(answer.levels, draw),
        answer.text if view == "transcript" else None,
    )
