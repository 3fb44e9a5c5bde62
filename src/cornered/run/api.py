"""The Python interface: the commands of `cornered` as functions that print nothing.

Errors that the user can fix are raised as `CorneredError`; progress goes to standard error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from cornered.errors import ExperimentError, InputError
from cornered.experiment import Experiment, load_experiment, valid_settings
from cornered.scenario import Level, load_pack

if TYPE_CHECKING:
    from cornered.analysis.card import Card
    from cornered.analysis.compare import Comparison, Comparisons
    from cornered.run.report import Report

Levels = Level | Sequence[Level]
"""One level of a factor, or several to cross."""
Names = str | Sequence[str]
"""One name, or several."""


def run(
    target: str | Path | Experiment,
    *,
    factors: Mapping[str, Levels] | Sequence[Mapping[str, Levels]] | None = None,
    model: Names | None = None,
    samples: int | Mapping[str, Any] | None = None,
    judge: Names | None = None,
    judged: Literal["actions", "acts"] | None = None,
    judge_view: Literal["actions", "transcript"] | None = None,
    judge_max_tokens: int | None = None,
    panel: Literal["majority", "unanimity"] | None = None,
    preflight: bool | None = None,
    readings: Names | None = None,
    reader: str | None = None,
    debrief: bool | None = None,
    interview: bool | None = None,
    controls: bool | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    reasoning_effort: str | None = None,
    reasoning_tokens: int | None = None,
    reasoning_summary: str | None = None,
    effort: str | None = None,
    verbosity: str | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    seed: int | None = None,
    stop: Names | None = None,
    frequency_penalty: float | None = None,
    presence_penalty: float | None = None,
    max_connections: int | None = None,
    out: str | Path | None = None,
    on_weights: Callable[[int, int], None] | None = None,
    **levels: Levels,
) -> Report:
    """Runs an experiment, or resumes it, and writes its report.

    The same call resumes an interrupted run; with more samples it adds trials and keeps the
    existing ones. An argument that is None is taken from the experiment, else it has its default.

        cornered.run("blackmail", goal=["explicit", "none"], model="openai/gpt-4.1", samples=50)

    Args:
        target: An experiment file (`.yaml`), an `Experiment`, a scenario, or the folder of a pack.
        factors: Levels by factor, for a scenario only; several grids are combined.
        model: Inspect names of the models.
        samples: Trials per cell: a number, or a stopping rule such as
            `{"max": 400, "until": "±5%"}`.
        judge: Inspect names of the judges; several form a panel.
        judged: Whether the judge reads every trial with an executed action, or only those with the
            act.
        judge_view: Whether the judge sees the executed actions or the whole answer.
        judge_max_tokens: Longest answer of a judge or reader, in tokens.
        panel: How a panel reaches its verdict.
        preflight: Ask each judge about two clear cases first.
        readings: Names of the readings of the reasoning, or `all`.
        reader: The model that makes the readings; the first judge if None.
        debrief: Ask the agent afterwards what the exchange was for and what it did.
        interview: Ask the agent afterwards, openly and then pointedly, whether it did the deeds
            that the scenario asks about.
        controls: Add the matched control of each condition.
        temperature: Sampling temperature, 0 to 2.
        max_tokens: Longest answer, in tokens.
        reasoning_effort: How much the models reason, where they do so only when told: none,
            minimal, low, medium, high, xhigh, max.
        reasoning_tokens: Longest reasoning, in tokens.
        reasoning_summary: A summary of reasoning that the provider keeps to itself: none, concise,
            detailed, auto.
        effort: How thoroughly the models answer (Anthropic): low, medium, high, xhigh, max.
        verbosity: How long their answers are (OpenAI): low, medium, high.
        top_p: Nucleus sampling, above 0 to 1.
        top_k: Tokens to sample from.
        seed: Seed of sampling, from which each trial gets one of its own.
        stop: Texts at which generation stops.
        frequency_penalty: Penalty on tokens by how often they occurred, -2 to 2.
        presence_penalty: Penalty on tokens that occurred at all, -2 to 2.
        max_connections: Concurrent calls to each hosted model; chosen by Inspect if None.
        out: The run folder; `runs/NAME` if None.
        on_weights: Called with (bytes done, total bytes) while the embedded model is unpacked.
        levels: Factors of a scenario as keywords, like `factors`.

    Returns:
        The results: cells, trials, effects and notes, and the path of the page.

    Raises:
        CorneredError: an error that the user can fix, before any model is called where
            possible.
        KeyboardInterrupt: the run was stopped; finished trials are kept.
    """
    settings = {
        "models": [model] if isinstance(model, str) else model,
        "samples": samples,
        "judge": judge,
        "judged": judged,
        "judge_view": judge_view,
        "judge_max_tokens": judge_max_tokens,
        "panel": panel,
        "preflight": preflight,
        "readings": readings,
        "reader": reader,
        "debrief": debrief,
        "interview": interview,
        "controls": controls,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "reasoning_effort": reasoning_effort,
        "reasoning_tokens": reasoning_tokens,
        "reasoning_summary": reasoning_summary,
        "effort": effort,
        "verbosity": verbosity,
        "top_p": top_p,
        "top_k": top_k,
        "seed": seed,
        "stop": stop,
        "frequency_penalty": frequency_penalty,
        "presence_penalty": presence_penalty,
    }
    experiment = make_experiment(target, _grids(factors, levels), settings)
    folder = Path(out) if out is not None else Path("runs") / experiment.name
    from cornered.run import runner
    from cornered.run.report import Report

    state = runner.run(experiment, folder, max_connections=max_connections, on_weights=on_weights)
    return Report(state).write(again=False)


def report(run: str | Path) -> Report:
    """Rewrites the report of a run: page, figures and tables.

    Args:
        run: The run folder, or `RUN/verdicts/NAME` for a later set of verdicts.

    Raises:
        RunError: there is no run, a log cannot be read, or the folder cannot be written.
    """
    from cornered.run.report import read_report

    return read_report(Path(run)).write()


@overload
def compare(
    a: str | Path,
    b: str | Path,
    *,
    model_a: str | None = None,
    model_b: str | None = None,
    between: str | None = None,
    figures: str | Path | None = None,
) -> Comparison: ...


@overload
def compare(
    a: str | Path,
    *,
    by: str | None = None,
    level_a: str | None = None,
    level_b: str | None = None,
    figures: str | Path | None = None,
) -> Comparisons: ...


@overload
def compare(
    a: str | Path,
    b: str | Path,
    c: str | Path,
    /,
    *more: str | Path,
    figures: str | Path | None = None,
) -> Comparisons: ...


def compare(
    a: str | Path,
    b: str | Path | None = None,
    *more: str | Path,
    model_a: str | None = None,
    model_b: str | None = None,
    by: str | None = None,
    level_a: str | None = None,
    level_b: str | None = None,
    between: str | None = None,
    figures: str | Path | None = None,
) -> Comparison | Comparisons:
    """Compares runs, models of a run, or levels of a factor, condition by condition.

    Differences are the first minus the second, over the conditions that both have, all with the
    same weight; scenarios are never pooled. The p values of one call are one family.

        cornered.compare("runs/one", "runs/other")                  # two runs
        cornered.compare("runs/one", "runs/two", "runs/three")      # the first with each other
        cornered.compare("runs/headline")                           # its first model with each
        cornered.compare("runs/arms", by="instructions")            # arms within each model
        cornered.compare("runs/both", "runs/both", between="surface=text,tools")

    Args:
        a: A run folder, or `RUN/verdicts/NAME`.
        b: Another, or the same one with another model.
        more: Further ones; of several runs each has one model.
        model_a: The model of A, if A has several; of two.
        model_b: The model of B, if B has several; of two.
        by: A factor whose levels are compared within each model of one run.
        level_a: The first level of `by`: `none` or the first that is listed, where None.
        level_b: The second level of `by`: each other one, where None.
        between: Two levels of a factor, such as `surface=text,tools`: the conditions of A at the
            first are compared with those of B at the second that are equal in all else; of two.
        figures: A folder for the forest plots, as SVG and PNG; of several comparisons in a folder
            of its number each.

    Returns:
        A `Comparison` of two runs; `Comparisons`, a tuple of them, of anything else.

    Raises:
        RunError: there is no such run or model.
        InputError: two have no condition in common, an argument does not go with the others, or a
            factor or a level is not in the run.
    """
    from cornered.analysis.compare import Comparisons
    from cornered.run.comparison import (
        compare_by,
        compare_runs,
        compare_with_first,
        draw_comparison,
    )

    runs = [Path(a), *(Path(run) for run in (b, *more) if run is not None)]
    of_two = [model_a, model_b, between]
    if any(of_two) and len(runs) != 2:
        raise InputError("model_a, model_b and between compare two runs", fix="give two of them")
    if by is None and (level_a or level_b):
        raise InputError("level_a and level_b are levels of a factor", fix="name it with by")
    if by is not None and len(runs) > 1:
        raise InputError("by compares conditions of one run", fix="give one run")
    if len(runs) == 2:
        made = compare_runs(*runs, model_a=model_a, model_b=model_b, between=between)
        if figures is not None:
            draw_comparison(made, Path(figures))
        return made
    several = Comparisons(
        compare_by(runs[0], by, a=level_a, b=level_b) if by else compare_with_first(runs)
    )
    if figures is not None:
        for n, comparison in enumerate(several, start=1):
            draw_comparison(
                comparison, Path(figures) if len(several) == 1 else Path(figures) / str(n)
            )
    return several


@dataclass(frozen=True)
class Calibration:
    """The calibration of judges on labelled answers."""

    cards: list[Card]
    """One for each judge, and one for the panel if there are several judges."""
    paths: list[Path]
    """The file of each card; reports look there."""
    folder: Path
    """The folder of Inspect's logs."""

    @property
    def unscored(self) -> int:
        """Gold answers without a verdict, over all cards."""
        grades = [grade for card in self.cards for grade in card.grades.values()]
        return sum(g.sensitivity.unscored + g.specificity.unscored for g in grades)

    def as_dict(self) -> list[dict[str, Any]]:
        """The cards as plain values, as `--json` prints them."""
        return [card.model_dump(mode="json") for card in self.cards]


def calibrate(
    judge: Names,
    *,
    scenario: Names | None = None,
    panel: Literal["majority", "unanimity"] = "majority",
    view: Literal["actions", "transcript"] = "actions",
    perturb: bool = True,
    max_connections: int | None = None,
    out: str | Path | None = None,
) -> Calibration:
    """Measures a judge's accuracy on labelled answers and stores it as its card.

    Reports of runs with this judge then show, beside the raw rate, the rate corrected for its
    errors. The same call resumes an interrupted calibration.

    Args:
        judge: Inspect names of the judges; several form a panel.
        scenario: Scenarios with gold answers, or folders of packs; all of ours if None.
        panel: How a panel reaches its verdict.
        view: Whether the judge sees the executed actions or the whole answer.
        perturb: Also ask about each answer in another format and length.
        max_connections: Concurrent calls to each hosted model.
        out: The folder of Inspect's logs; `calibrations/…`, named for judge and gold set, if None.

    Raises:
        CorneredError: no such model or scenario, or the judge gave no verdict at all.
    """
    from cornered.analysis.card import card_name, store_card
    from cornered.run.calibration import calibrate as run_calibration
    from cornered.run.calibration import calibrated_packs, calibration_version

    judges = tuple(dict.fromkeys(_names(judge)))
    scenarios = tuple(_names(scenario)) if scenario else tuple(calibrated_packs())
    name = card_name(judges, panel, view).removesuffix(".json")
    named = Path("calibrations") / f"{name}-{calibration_version(scenarios)}"
    folder = Path(out) if out is not None else named
    cards = run_calibration(
        judges,
        scenarios,
        folder,
        panel=panel,
        view=view,
        perturb=perturb,
        max_connections=max_connections,
    )
    return Calibration(cards, [store_card(card) for card in cards], folder)


def make_experiment(
    target: str | Path | Experiment,
    factors: Mapping[str, Levels] | Sequence[Mapping[str, Levels]],
    settings: Mapping[str, Any],
) -> Experiment:
    """An experiment from a target and settings, its conditions checked.

    Args:
        target: An experiment file (`.yaml`), an `Experiment`, a scenario, or the folder of a pack.
        factors: Levels by factor, or several such grids; only for a scenario.
        settings: Further keys of the experiment; None or empty keeps the target's own value.

    Raises:
        ExperimentError: a file or a setting is wrong, or factors were given with a file.
        FactorError: unknown scenario, factor or level, or an invalid combination.
    """
    given = {key: value for key, value in settings.items() if value not in (None, (), [])}
    given = {key: list(v) if isinstance(v, tuple) else v for key, v in given.items()}
    if "models" in given:
        given["models"] = list(dict.fromkeys(given["models"]))
    if isinstance(target, Experiment) or str(target).endswith((".yaml", ".yml")):
        if factors:
            grids = [factors] if isinstance(factors, Mapping) else factors
            raise ExperimentError(
                f"{next(iter(grids[0]))}: an experiment file has its own factors",
                fix="change them there",
            )
        base = target if isinstance(target, Experiment) else load_experiment(Path(target))
        with valid_settings():
            experiment = Experiment.model_validate(base.model_dump() | given)
        if isinstance(target, Experiment):
            experiment.conditions()
        return experiment
    pack = load_pack(str(target))
    keys = {
        "name": _name(pack.name, factors),
        "about": pack.spec.about,
        "scenarios": [str(target)],
        "factors": _plain(factors),
    }
    with valid_settings():
        experiment = Experiment.model_validate(keys | given)
    experiment.conditions()
    return experiment


def _names(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _grids(
    factors: Mapping[str, Levels] | Sequence[Mapping[str, Levels]] | None,
    levels: Mapping[str, Levels],
) -> Mapping[str, Levels] | Sequence[Mapping[str, Levels]]:
    """`factors` and the keyword levels combined: every grid gets the keywords."""
    if factors is None:
        return levels
    if isinstance(factors, Mapping):
        return {**factors, **levels}
    return [{**grid, **levels} for grid in factors]


def _plain(factors: Mapping[str, Levels] | Sequence[Mapping[str, Levels]]) -> Any:
    if not isinstance(factors, Mapping):
        return [_plain(grid) for grid in factors]
    return {k: v if isinstance(v, str | int) else list(v) for k, v in factors.items()}


def _name(pack: str, factors: Mapping[str, Levels] | Sequence[Mapping[str, Levels]]) -> str:
    """The name of a run of a scenario: scenario and levels, safe as a folder name."""
    grids = [factors] if isinstance(factors, Mapping) else factors
    words = [
        f"{factor}={levels if isinstance(levels, str | int) else ','.join(map(str, levels))}"
        for grid in grids
        for factor, levels in grid.items()
    ]
    slug = "-".join([pack.replace("/", "-"), *words])
    return re.sub(r"[^A-Za-z0-9._-]+", "-", slug)[:100]
