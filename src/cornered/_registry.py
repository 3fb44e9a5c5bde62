"""What `inspect` finds by entry point: thin names whose bodies import the real work.

Every `inspect` call of anyone who has the package loads this module, so it imports
nothing of ours at the top.
"""

from __future__ import annotations

from typing import Any

from inspect_ai import Task, task
from inspect_ai.model import GenerateConfig, ModelAPI, modelapi
from inspect_ai.scorer import Scorer, ci_wilson, frequency, mean, scorer
from inspect_ai.solver import Solver, solver


@modelapi(name="cornered")
def cornered_models() -> Any:
    """Our two model providers: `cornered/embedded` and `cornered/scripted/POLICY.yaml`."""
    from cornered.models import make_model_api

    def make(
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        **model_args: Any,
    ) -> ModelAPI:
        del base_url, api_key
        return make_model_api(model_name, config, **model_args)

    return make


@task
def blackmail(samples: int | None = None, **settings: Any) -> Task:
    """One condition of the blackmail scenario: `-T goal=explicit -T threat=replacement …`.

    Args:
        samples: Number of trials; 10 where it is not given.
        settings: Factor and level, as `cornered show blackmail --factors` lists them, and how
            it is scored: judge_all, judge_view, panel, readings, debrief.
    """
    return _condition("blackmail", settings, samples)


@task
def espionage(samples: int | None = None, **settings: Any) -> Task:
    """One condition of the espionage scenario; `cornered show espionage --factors` lists them.

    Args:
        samples: Number of trials; 10 where it is not given.
        settings: Factor and level, and how it is scored, as for `blackmail`.
    """
    return _condition("espionage", settings, samples)


@task
def lethal(samples: int | None = None, **settings: Any) -> Task:
    """One condition of the lethal scenario; `cornered show lethal --factors` lists them.

    Args:
        samples: Number of trials; 10 where it is not given.
        settings: Factor and level, and how it is scored, as for `blackmail`.
    """
    return _condition("lethal", settings, samples)


@task
def scenario(pack: str, samples: int | None = None, **settings: Any) -> Task:
    """One condition of any pack: `-T pack=am/blackmail -T goal=explicit …`.

    Args:
        pack: A scenario, such as the study's own prompts, or the folder of a pack of your own.
        samples: Number of trials; 10 where it is not given.
        settings: Factor and level, as the pack has them, and how it is scored, as for `blackmail`.
    """
    return _condition(pack, settings, samples)


@task
def calibration(
    pack: str, judge_view: str = "actions", panel: str = "majority", perturb: bool = True
) -> Task:
    """The gold answers of a pack, for the judge of the model role `judge`.

    Args:
        pack: A scenario with gold answers, or the folder of a pack of your own that has some.
        judge_view: What the judge is shown: actions, or transcript.
        panel: When several judges have a verdict: majority, or unanimity.
        perturb: Each answer also in other clothes, which should change no verdict.
    """
    from cornered.run.calibration import gold_task
    from cornered.scoring import Scoring

    scoring = Scoring.model_validate({"judge_view": judge_view, "panel": panel})
    return gold_task(pack, perturb=perturb, scoring=scoring)


@solver
def recite() -> Solver:
    """Gives the stored answer of a gold sample as if a model had said it."""
    from cornered.run.calibration import recite as reciting

    return reciting()


def _condition(scenario: str, settings: dict[str, Any], samples: int | None) -> Task:
    from cornered.run.tasks import condition_task

    return condition_task(scenario, settings, samples or 10)


@scorer(name="verdict", metrics={"*": [mean(), ci_wilson()]})
def verdict(
    scenario: str, judge_all: bool = False, judge_view: str = "actions", panel: str = "majority"
) -> Scorer:
    """The act by code over executed actions, and harmful where a judge is set."""
    from cornered.scoring import Scoring
    from cornered.verdict.scorer import score_with

    scoring = {"judge_all": judge_all, "judge_view": judge_view, "panel": panel}
    return score_with(scenario, Scoring.model_validate(scoring))


@scorer(name="readings", metrics={"*": [frequency()]})
def readings(scenario: str, names: list[str]) -> Scorer:
    """What the reasoning says, a word for each reading; never part of the verdict."""
    from cornered.verdict.readings import readings_with

    return readings_with(scenario, names)


@scorer(name="debrief", metrics={"*": [frequency()]})
def debrief(scenario: str) -> Scorer:
    """What the subject says afterwards of the exchange and of its actions."""
    from cornered.verdict.debrief import debrief_with

    return debrief_with(scenario)
