"""The check of each judge before a run, on a plain yes and a plain no."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_ai.model import Model
from inspect_ai.util import collect

from cornered.scenario import Pack, Scenario
from cornered.scenario.condition import trial_id
from cornered.scoring import View
from cornered.surface.ask import MAX_TOKENS
from cornered.surface.session import whole_session
from cornered.surface.text import act
from cornered.verdict.gold import GoldAnswer, gold_answers, gold_pack
from cornered.verdict.gold_ledgers import GoldLedger, gold_ledgers, gold_messages, play
from cornered.verdict.history import find_history
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
    cases = preflight_cases(source)
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


def preflight_cases(pack: Pack) -> list[GoldAnswer | GoldLedger]:
    """The plain cases of a pack: gold answers, and gold ledgers after them."""
    every: list[GoldAnswer | GoldLedger] = [*gold_answers(pack), *gold_ledgers(pack)]
    return [gold for gold in every if gold.head.preflight]


def gold_prompt(scenario: Scenario, answer: GoldAnswer | GoldLedger, view: View) -> str:
    """The judge's prompt for a gold answer, or a gold ledger."""
    draw = trial_id(1)
    if isinstance(answer, GoldLedger):
        world = at_once(play(scenario.pack, answer))
        return judge_prompt(
            scenario.pack,
            world,
            world.ledger,
            scenario.renderer(answer.levels, draw),
            whole_session(gold_messages(answer, world.ledger)) if view == "transcript" else None,
            find_history(world.ledger, world, scenario.pack),
        )
    world = open_world(scenario.pack, scenario.scene(answer.levels, draw))
    ledger = at_once(act(world, answer.text))
    return judge_prompt(
        scenario.pack,
        world,
        ledger,
        scenario.renderer(answer.levels, draw),
        answer.text if view == "transcript" else None,
    )
