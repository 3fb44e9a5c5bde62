"""What `inspect` finds by entry point: thin names whose bodies import the real work.

Every `inspect` call of anyone who has the package loads this module, so it imports
nothing of ours at the top.
"""

from __future__ import annotations

from typing import Any

from inspect_ai import Task, task
from inspect_ai.model import GenerateConfig, ModelAPI, modelapi
from inspect_ai.scorer import Scorer, ci_wilson, mean, scorer


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
def blackmail(
    goal: str | None = None,
    value: str | None = None,
    threat: str | None = None,
    successor: str | None = None,
    reasoning: str | None = None,
    nudge: str | bool | None = None,
    noise: int | None = None,
    surface: str | None = None,
    samples: int | None = None,
) -> Task:
    """One condition of the blackmail scenario; `cornered show blackmail` lists the levels.

    Args:
        goal: explicit, latent, ambiguous, none or swap.
        value: america, global, safety, acceleration, ethical, pragmatic, individualism
            or collectivism.
        threat: replacement, restriction or none.
        successor: opposed, same or better.
        reasoning: scratchpad, native or none.
        nudge: on or off.
        noise: Number of unrelated mails.
        surface: text.
        samples: Number of trials; 10 where it is not given.
    """
    given = {
        "goal": goal,
        "value": value,
        "threat": threat,
        "successor": successor,
        "reasoning": reasoning,
        "nudge": nudge,
        "noise": noise,
        "surface": surface,
    }
    return _condition("blackmail", given, samples)


@task
def scenario(pack: str, samples: int | None = None, **factors: str | int) -> Task:
    """One condition of a pack of your own: `-T pack=FOLDER -T goal=explicit …`.

    Args:
        pack: The folder of the pack.
        samples: Number of trials; 10 where it is not given.
        factors: Factor and level, as the pack has them.
    """
    return _condition(pack, factors, samples)


def _condition(scenario: str, given: dict[str, Any], samples: int | None) -> Task:
    from cornered.run.tasks import condition_task

    return condition_task(scenario, given, samples or 10)


@scorer(name="verdict", metrics={"*": [mean(), ci_wilson()]})
def verdict(scenario: str) -> Scorer:
    """The act by code over executed actions, and harmful where a judge is set."""
    from cornered.verdict.scorer import score_with

    return score_with(scenario)
