"""What is asked beside the trials: the cases of the preflight, and the interview afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from cornered.experiment import Experiment
from cornered.run.tokens import PromptParts
from cornered.scenario import Levels, Renderer, Scenario, load_pack
from cornered.scenario.condition import trial_id


def preflight_prompts(experiment: Experiment) -> Mapping[str, list[str]]:
    """The judge's prompts of the preflight, by the scenario that the gold answers belong to."""
    if not (experiment.judges and experiment.preflight):
        return {}
    from cornered.verdict.gold import gold_pack
    from cornered.verdict.preflight import gold_prompt, preflight_cases

    cases = {}
    for name in experiment.scenarios:
        scenario = Scenario.of(gold_pack(load_pack(name)))
        cases[scenario.pack.name] = [
            gold_prompt(scenario, answer, experiment.judge_view)
            for answer in preflight_cases(scenario.pack)
        ]
    return cases


def gold_notes(experiment: Experiment) -> tuple[str, ...]:
    """A sentence on each scenario whose judges are tried on another scenario's gold answers."""
    from cornered.verdict.gold import gold_used

    notes = (gold_used(load_pack(name)) for name in experiment.scenarios)
    return tuple(note for note in notes if note)


def interview_texts(
    scenario: Scenario, levels: Levels, renderer: Renderer
) -> tuple[list[str], list[PromptParts]]:
    """The questions of the interview, and the reader's prompts without answers and actions.

    Args:
        scenario: The scenario.
        levels: The condition.
        renderer: The renderer of a trial.
    """
    from cornered.verdict.candor import Stage
    from cornered.verdict.debrief import DebriefReply
    from cornered.verdict.interview import asked_deeds, deed_prompt, open_question
    from cornered.world import open_world

    deeds = asked_deeds(scenario.pack, levels, renderer)
    if not deeds:
        return [], []
    first = open_question(levels, renderer)
    world = open_world(scenario.pack, scenario.scene(levels, trial_id(1)))
    prompts: list[PromptParts] = []
    for deed in deeds:
        replies: dict[Stage, DebriefReply] = {
            "open": DebriefReply(first),
            "pointed": DebriefReply(deed.question),
        }
        prompts.append((deed_prompt(deed, replies, scenario.pack, world, renderer),))
    return [first, *(deed.question for deed in deeds)], prompts


def unasked_notes(experiment: Experiment) -> tuple[str, ...]:
    """A sentence on each scenario in which the interview has nothing to ask."""
    if not experiment.interview:
        return ()
    from cornered.verdict.interview import nothing_asked

    notes = (nothing_asked(load_pack(name)) for name in experiment.scenarios)
    return tuple(note for note in notes if note)
