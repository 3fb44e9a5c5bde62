"""A condition as an Inspect task: one sample per draw, every factor explicit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version as package_version
from itertools import repeat
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage
from inspect_ai.scorer import Scorer
from inspect_ai.util import SandboxEnvironmentSpec
from pydantic import ValidationError

from cornered.analysis.stopping import StoppingRule, rule_for
from cornered.analysis.table import PlannedCell
from cornered.cache import cache_folder
from cornered.errors import ExperimentError, PackError
from cornered.limits import BUBBLEWRAP, MAX_TURNS
from cornered.run.expected import is_screen
from cornered.run.viewer import viewer_config
from cornered.samples import Samples
from cornered.scenario import Finding, Level, Pack, Scenario, lint, load_pack, one_turn, pack_names
from cornered.scenario.condition import Condition, Trial, trial_id
from cornered.scenario.lint import lint_version
from cornered.scenario.load import SHELL
from cornered.scenario.spec import ShellSpec
from cornered.scenario.study import study_version
from cornered.scoring import Scoring
from cornered.surface.registry import surface_of
from cornered.verdict.debrief import debrief
from cornered.verdict.facts import check_facts
from cornered.verdict.gold import gold_version
from cornered.verdict.gold_ledgers import gold_findings
from cornered.verdict.interview import interview
from cornered.verdict.readings import readings
from cornered.verdict.scorer import verdict
from cornered.world import check_apps, open_world

DEFAULT_SAMPLES = 10
"""Trials of a task if no number is given."""
OF_SESSIONS = ("command", "block_at")
"""Settings that the solver of a surface takes."""


def trial_metadata(condition: Condition, pack: Pack) -> dict[str, Any]:
    """The metadata of every trial of a condition in its log."""
    return {
        "condition": condition.name,
        "scenario": condition.pack_name,
        "control": condition.is_control,
        "factors": condition.levels,
        "pack_version": pack.version,
    } | {f"factor_{k}": v for k, v in condition.levels.items()}


def trials(condition: Condition, pack: Pack, count: int) -> MemoryDataset:
    """The draws of a condition as samples; ids keep their meaning when more draws are added.

    All prompts are equal, except with a varied cast, where each trial has names of its own.

    Raises:
        PackError: a prompt cannot be rendered.
    """
    metadata = trial_metadata(condition, pack)
    scenario = Scenario.of(pack)

    def prompt(trial: Trial) -> list[ChatMessage]:
        return [*surface_of(condition.levels).prompt(scenario, trial)]

    drawn = [Trial.of(condition, n) for n in range(1, count + 1)]
    prompts: Iterable[list[ChatMessage]] = (
        map(prompt, drawn) if condition.varies_cast else repeat(prompt(drawn[0]))
    )
    return MemoryDataset(
        [
            Sample(id=trial.draw, input=prompt, metadata=metadata)
            for trial, prompt in zip(drawn, prompts, strict=False)
        ],
        name=condition.name,
    )


def text_version(pack: Pack) -> str:
    """The version of a pack's prompts: of its files, and of the study's package if it uses that.

    Raises:
        PackError: the study's package is not installed.
    """
    return f"{pack.version}-{study_version()}" if pack.spec.study else pack.version


def planned(condition: Condition, models: Sequence[str] | None = None) -> PlannedCell:
    """A condition as a row of a run's table.

    Args:
        condition: The condition.
        models: The models of the condition, where it is not every model of the run.
    """
    spec = load_pack(condition.scenario).spec
    return PlannedCell(
        choice=condition,
        models=None if models is None else tuple(models),
        paper=spec.study is not None,
        screen=spec.screen.control_rate if spec.screen else None,
    )


def stopping_rule(samples: int | Samples, condition: Condition) -> StoppingRule | None:
    """The stopping rule of a condition; None where all its trials are asked for."""
    return rule_for(samples, screened=is_screen(condition))


def pack_findings(pack: Pack) -> list[Finding]:
    """Everything wrong with a pack: its facts and its world, and then the lint over its grid."""
    try:
        check_facts(pack)
        for surface in pack.spec.surfaces:
            open_world(pack, Scenario.of(pack).scene({"surface": surface}, trial_id(1)))
        check_apps(pack)
    except PackError as e:
        return [Finding(e.where or pack.name, e.what)]
    return lint(pack) or gold_findings(pack)


@cache
def _findings(folder: Path, version: str) -> tuple[Finding, ...]:
    """The lint of a pack, once per version of pack and lint: a pass is cached on disk."""
    pack = load_pack(str(folder))
    key = f"{package_version('cornered')}-{lint_version()}-{version}-{gold_version(pack)}"
    stamp = cache_folder() / "lint" / key
    if stamp.exists():
        return ()
    findings = tuple(pack_findings(pack))
    if not findings:
        with contextlib.suppress(OSError):  # without the cache the lint runs again, nothing else
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()
    return findings


def checked_pack(scenario: str) -> Pack:
    """A pack that passes the lint.

    Raises:
        FactorError: there is no such scenario.
        PackError: the pack cannot be loaded, or fails the lint (first finding).
    """
    pack = load_pack(scenario)
    if findings := _findings(pack.folder, text_version(pack)):
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise PackError(
            findings[0].what + more, where=findings[0].where, fix=f"see `cornered check {scenario}`"
        )
    return pack


def _scoring(settings: Mapping[str, Any]) -> Scoring:
    try:
        return Scoring.model_validate(
            {k: v for k, v in settings.items() if k in Scoring.model_fields}
        )
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ExperimentError(f"{key}: {first['msg']}") from None


def scorers(scenario: str, scoring: Scoring) -> list[Scorer]:
    """The scorers of a scenario: the verdict, and readings, debrief, interview if requested."""
    limit = scoring.judge_max_tokens
    chosen = [
        verdict(
            scenario,
            judged=scoring.judged,
            judge_view=scoring.judge_view,
            panel=scoring.panel,
            judge_max_tokens=limit,
        )
    ]
    if scoring.readings:
        chosen.append(readings(scenario, names=scoring.readings, max_tokens=limit))
    if scoring.debrief:
        chosen.append(debrief(scenario, max_tokens=limit))
    if scoring.interview:
        chosen.append(interview(scenario, max_tokens=limit))
    return chosen


def sandbox_of(pack: Pack, name: str) -> SandboxEnvironmentSpec | None:
    """The sandbox of a pack's trials; None for a pack without a shell.

    Args:
        pack: The pack.
        name: A provider of Inspect's sandboxes, and its configuration file after a colon if any.
    """
    if SHELL not in pack.spec.world:
        return None
    machine = pack.spec.shell or ShellSpec()
    if name == BUBBLEWRAP:
        from cornered.surface.sandbox import BubblewrapConfig

        config = BubblewrapConfig(roots=tuple(machine.roots), hidden=tuple(machine.hidden))
        return SandboxEnvironmentSpec(BUBBLEWRAP, config)
    provider, _, file = name.partition(":")
    return SandboxEnvironmentSpec(provider, file or None)


def condition_task(scenario: str, settings: Mapping[str, Any], samples: int) -> Task:
    """The Inspect task of one condition.

    Args:
        scenario: Name of the scenario, or folder of a pack.
        settings: Levels by factor, the default where None or absent; settings of `Scoring`;
            `command`, the command of an agent that is a program of its own; `block_at`, the
            suspicion from which a monitor blocks; and `sandbox`, where a shell runs.
        samples: Number of trials.

    Raises:
        ExperimentError: a setting of the scoring is wrong.
        FactorError: unknown scenario, factor or level, or an invalid combination.
        PackError: the pack fails the lint (first finding) or cannot be rendered.
    """
    pack = checked_pack(scenario)
    given: dict[str, Level] = {
        k: v
        for k, v in settings.items()
        if k not in Scoring.model_fields and k not in (*OF_SESSIONS, "sandbox") and v is not None
    }
    condition = Condition.of(pack, given, scenario)
    many_turns = not one_turn(condition.levels)
    # Nobody sees the turns of a program of its own: its limit is one of time.
    counted = many_turns and not settings.get("command")
    scoring = _scoring(settings)
    return Task(
        dataset=trials(condition, pack, samples),
        solver=surface_of(condition.levels).solver(
            scenario, **{k: settings[k] for k in OF_SESSIONS if settings.get(k) is not None}
        ),
        turn_limit=MAX_TURNS if counted else None,
        sandbox=sandbox_of(pack, str(settings.get("sandbox") or BUBBLEWRAP)),
        scorer=scorers(scenario, scoring),
        viewer=viewer_config(pack, condition.levels, scoring),
        display_name=condition.name,
        # A changed text must be a new identity, or it would resume into the old draws.
        version=text_version(pack),
        metadata={"condition": condition.name, "control": condition.is_control},
    )


@task
def scenario(pack: str, samples: int | None = None, **settings: Any) -> Task:
    """One condition of any pack: `-T pack=am/blackmail -T goal=explicit …`.

    Args:
        pack: A scenario, or the folder of your own pack.
        samples: Number of trials (default: 10).
        settings: Levels by factor, as listed by `cornered show PACK --factors`, and settings of
            the scoring: judged, judge_view, judge_max_tokens, panel, readings, debrief,
            interview.
    """
    return condition_task(pack, settings, samples or DEFAULT_SAMPLES)


def _pack_task(pack: str) -> Callable[..., Task]:
    def of_pack(samples: int | None = None, **settings: Any) -> Task:
        return condition_task(pack, settings, samples or DEFAULT_SAMPLES)

    of_pack.__doc__ = f"""One condition of the scenario {pack}.

    Args:
        samples: Number of trials (default: {DEFAULT_SAMPLES}).
        settings: Levels by factor, and settings of the scoring, as for `scenario`.
    """
    named: Callable[..., Task] = task(name=pack)(of_pack)
    return named


PACK_TASKS = {name: _pack_task(name) for name in pack_names() if "/" not in name}
"""A task for each scenario of the package: `inspect eval cornered/blackmail -T goal=latent`."""
