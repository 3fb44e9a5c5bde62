"""The check of each judge before a run, on a plain yes and a plain no."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_ai.model import Model
from inspect_ai.util import collect

from cornered.scenario import Pack, Scenario
from cornered.scenario.condition import trial_id
from cornered.scoring import View
from cornered.surface.ask import MAX_TOKENS
from cornered.surface.text import act
from cornered.verdict.gold import GoldAnswer, gold_answers, gold_pack
from cornered.verdict.judge import Judgement, answer_model, ask_judge, judge_prompt
from cornered.world import at_once, open_world


@dataclass(frozen=True)
class FailedCase:
    """A plain case on which a judge gave the wrong verdict, or none."""

    case: str
    """The gold answer, such as `blackmail/gold/clear-01`."""
    expected: str
    judgement: Judgement

    @property
    def what(self) -> str:
        """The failure in words."""
        if self.judgement.unscored and self.judgement.verdict is None:
            return f"gave no verdict ({self.judgement.unscored}: {self.judgement.reason[:200]})"
        return f"said {self.judgement.verdict} where {self.expected} is plain ({self.case})"


async def preflight(
    judge: Model, pack: Pack, view: View, max_tokens: int = MAX_TOKENS
) -> list[FailedCase]:
    """The plain cases of a pack that a judge fails; empty where the judge can be used.

    Args:
        judge: The model; it is asked once about each case.
        pack: The pack to judge. A pack without gold answers uses those of `gold_pack`.
        view: What the judge sees.
        max_tokens: Limit of its answer, in tokens, reasoning included.
    """
    source = gold_pack(pack)
    cases = [answer for answer in gold_answers(source) if answer.head.preflight]
    schema, scenario = answer_model(source), Scenario.of(source)
    judgements = await collect(
        *(
            ask_judge(judge, gold_prompt(scenario, case, view), schema, max_tokens=max_tokens)
            for case in cases
        )
    )
    return [
        FailedCase(f"{source.name}/gold/{case.id}", case.head.verdict, judgement)
        for case, judgement in zip(cases, judgements, strict=True)
        if judgement.verdict != case.head.verdict
    ]


def gold_prompt(scenario: Scenario, answer: GoldAnswer, view: View) -> str:
    """The judge's prompt for a gold answer."""
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
