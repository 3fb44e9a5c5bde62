"""Runs an experiment on Inspect's `eval_set`, or goes on with it.

Whether a run is done is read from its logs, never from what `eval_set` returns: after
Ctrl-C it reports success.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import rich
from inspect_ai import Task, eval_set, task_with
from inspect_ai._util import entrypoints
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.hooks._startup import init_hooks
from inspect_ai.log import EvalLog
from inspect_ai.model import GenerateConfig, Model, _assistant_internal, get_model
from inspect_ai.util import EarlyStopping, collect

from cornered.analysis.card import Card, find_card, judge_errors
from cornered.analysis.stopping import Stop, read_stopping_record, rule_for
from cornered.analysis.table import Cell, TrialResult, cells, current_logs, read_trials
from cornered.errors import CorneredError, ModelError, RunError
from cornered.experiment import EMBEDDED, Experiment
from cornered.files import disk_errors
from cornered.run.folder import MANIFEST, Manifest, manifest_for, prepare, read_manifest
from cornered.run.imported import imported_cells
from cornered.run.tasks import PACK_TASKS, checked_pack, planned, trials
from cornered.run.tasks import scenario as scenario_task
from cornered.samples import max_samples
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition
from cornered.scoring import Scoring
from cornered.verdict.gold import gold_pack
from cornered.verdict.preflight import FailedCase, preflight

MAX_TASKS = 10
"""Cells that run side by side, so that a small cell does not leave connections idle."""
HOSTED_CONNECTIONS = 20
EMBEDDED_CONNECTIONS = 16
"""Twice the draws that the embedded engine gathers, so that it always has a full group."""
CLIENT_EXTRAS = ("openai", "anthropic")
"""Providers whose client is an extra of ours, each of the same name as its package."""
MAX_RETRIES = 8
"""Tries of one call after transient errors; Inspect's default has no end."""
TASK_RETRIES = 1
"""Times that failed trials are tried again after a cell has run to its end."""


Roles = dict[str, Model | list[Model]]


@dataclass(frozen=True)
class RunState:
    """A run as its logs have it."""

    folder: Path
    manifest: Manifest
    trials: list[TrialResult]
    cells: list[Cell]
    card: Card | None
    """What is known of its judge; None where that was never calibrated, or there is none."""

    @property
    def missing(self) -> int:
        """Trials that have not run."""
        return sum(c.missing for c in self.cells)

    @property
    def unknown(self) -> int:
        """Trials that ran and have no verdict on the act, or on harm where there is a judge."""
        return sum(c.primary.unknown for c in self.cells) - self.missing


def read_run(folder: Path) -> RunState:
    """A run from its folder.

    Raises:
        RunError: there is no run.
    """
    manifest = read_manifest(folder)
    experiment = manifest.experiment
    rows = read_trials(folder)
    card = None
    if experiment.judges:
        card = find_card(experiment.judges, experiment.panel, experiment.judge_view)
    errors = judge_errors(card, manifest.packs)
    if manifest.imported:
        return RunState(folder, manifest, rows, imported_cells(manifest, rows, errors), card)
    table = cells(
        rows,
        [planned(c) for c in experiment.conditions()],
        experiment.models,
        max_samples(experiment.samples),
        judged=bool(experiment.judges),
        errors=errors,
        stops=_stops(folder, experiment),
    )
    return RunState(folder, manifest, rows, table, card)


def _stops(folder: Path, experiment: Experiment) -> dict[tuple[str, str], Stop]:
    """By model and condition why a cell needs no more trials, by the rule that holds now."""
    rule = rule_for(experiment.samples)
    found = {}
    for _, log in current_logs(folder) if rule else []:
        record = read_stopping_record(log)
        if record and record.stop and record.rule == (rule and rule.name):
            found[log.eval.model, (log.eval.metadata or {}).get("condition", "")] = record.stop
    return found


def make_model(name: str, role: str, max_connections: int | None) -> Model:
    """A model by its Inspect name.

    Raises:
        ModelError: unknown provider, missing package or key.
    """
    provider = name.partition("/")[0]
    if provider in CLIENT_EXTRAS and find_spec(provider) is None:
        raise ModelError(
            f"the client of {provider} is not installed",
            where=f"{role} {name}",
            fix=f"pip install 'cornered[{provider}]'",
        )
    embedded = name == EMBEDDED
    connections = EMBEDDED_CONNECTIONS if embedded else max_connections
    config = GenerateConfig(max_connections=connections, max_retries=MAX_RETRIES)
    try:
        return get_model(name, config=config, memoize=False)
    except CorneredError:
        raise
    except Exception as e:
        problem = str(e).strip().splitlines()
        raise ModelError(
            problem[0] if problem else type(e).__name__,
            where=f"{role} {name}",
            fix="models have Inspect's names, such as openai/gpt-4.1 with OPENAI_API_KEY set",
        ) from None


def make_roles(experiment: Experiment, max_connections: int | None) -> Roles:
    """The models that score an experiment, by their role.

    Raises:
        ModelError: unknown provider, missing package or key.
    """
    judges = [make_model(m, "judge", max_connections) for m in experiment.judges]
    roles: Roles = {"judge": judges} if judges else {}
    if experiment.reader:
        roles["reader"] = make_model(experiment.reader, "reader", max_connections)
    return roles


def _task(
    condition: Condition, count: int, scoring: Scoring, early_stopping: EarlyStopping
) -> Task:
    """The condition as a registered task: every factor explicit, the number of draws not."""
    pack = load_pack(condition.scenario)
    offered = pack.factors.offered
    levels: dict[str, Any] = {k: v for k, v in condition.levels.items() if k in offered}
    # Only what differs from the default is said, so that a run of an older version goes on.
    settings = levels | scoring.model_dump(exclude_defaults=True)
    of_pack = PACK_TASKS.get(condition.scenario)
    task = of_pack(**settings) if of_pack else scenario_task(condition.scenario, **settings)
    dataset = trials(condition, pack, count)
    return task_with(task, dataset=dataset, early_stopping=early_stopping)


def _sizes(logs: Iterable[EvalLog], asked: int, conditions: Sequence[Condition]) -> dict[str, int]:
    """Draws for each condition: never fewer than a log has, or they would be lost."""
    sizes = {c.name: asked for c in conditions}
    for log in logs:
        name = (log.eval.metadata or {}).get("condition", "")
        if name in sizes:
            sizes[name] = max(sizes[name], log.eval.dataset.samples or 0)
    return sizes


def load_extensions() -> None:
    """Loads what is installed for Inspect, but for the package that we take prompts from.

    Inspect loads every extension before its first call, to find hooks among them; the hundred
    evaluations of inspect_evals cost seconds of each start, and it has no hooks.
    """
    for extension in entry_points(group="inspect_ai"):
        if extension.name != "inspect_evals":
            entrypoints.ensure_entry_points(extension.name)
    entrypoints._inspect_ai_eps_loaded_all = True
    with as_run_error(Path("INSPECT_REQUIRED_HOOKS")), quiet_inspect():
        init_hooks()  # else it announces them with the first model


def preflight_run(experiment: Experiment, max_connections: int | None) -> None:
    """Asks each judge about a plain yes and a plain no of each scenario.

    Raises:
        ModelError: a judge gives no verdict, or a wrong one.
    """
    asked = [gold_pack(load_pack(name)) for name in experiment.scenarios]
    packs = {pack.folder: pack for pack in asked}.values()

    async def failures(name: str) -> list[FailedCase]:
        # A model of its own: a provider's connections belong to the loop that opened them.
        judge = make_model(name, "judge", max_connections)
        found = await collect(*(preflight(judge, p, experiment.judge_view) for p in packs))
        return [failure for failures in found for failure in failures]

    for name in experiment.judges:
        if failed := asyncio.run(failures(name)):
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise ModelError(
                f"the judge cannot score this run: it {failed[0].what}{more}",
                where=name,
                fix="choose another judge; or say --no-preflight to run with it all the same",
            )


@contextmanager
def as_run_error(folder: Path) -> Iterator[None]:
    """Turns what Inspect found wrong before it could start into one line.

    Raises:
        RunError: it found something.
    """
    try:
        yield
    except PrerequisiteError as e:
        problem = str(e).strip().splitlines()
        raise RunError(problem[0] if problem else type(e).__name__, where=str(folder)) from None


@contextmanager
def quiet_inspect() -> Iterator[None]:
    """Keeps Inspect from printing that all tasks completed, which it does after Ctrl-C too."""
    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


@contextmanager
def _without_clients(models: Iterable[str]) -> Iterator[None]:
    """Keeps Inspect from importing clients of hosted models where all models are ours.

    Before its first trial it imports OpenAI's and Anthropic's wherever they are installed, to
    hold what they remember between calls: a second or two of each start.
    """
    before = _assistant_internal._HAS_OPENAI, _assistant_internal._HAS_ANTHROPIC
    if all(model.startswith("cornered/") for model in models):
        _assistant_internal._HAS_OPENAI = _assistant_internal._HAS_ANTHROPIC = False
    try:
        yield
    finally:
        _assistant_internal._HAS_OPENAI, _assistant_internal._HAS_ANTHROPIC = before


def _is_finished(folder: Path, experiment: Experiment, conditions: Sequence[Condition]) -> bool:
    """Whether a run has all that is asked for: then no model and no task need be made.

    As Inspect sees it: each task ended, no trial failed, and none is missing by the rule that
    holds now. Unscored trials are not tried again.
    """
    from cornered.run.stopping import PriorCell, prior_cells

    if not (folder / MANIFEST).exists():
        return False
    asked, rule = max_samples(experiment.samples), rule_for(experiment.samples)
    logs = [log for _, log in current_logs(folder)]
    if not logs or any(log.status != "success" for log in logs):
        return False
    there = prior_cells(logs, read_trials(folder), judged=bool(experiment.judges))
    sizes = _sizes(logs, asked, conditions)
    cells = [
        (there.get((m, c.name), PriorCell()), c) for m in experiment.models for c in conditions
    ]
    return all(
        cell.verdicts
        and not cell.failed
        and len(cell.verdicts) >= cell.planned(rule, sizes[c.name])
        for cell, c in cells
    )


def run(
    experiment: Experiment,
    folder: Path,
    *,
    max_connections: int | None = None,
    on_weights: Callable[[int, int], None] | None = None,
) -> RunState:
    """Runs an experiment, or goes on with it, and returns what its logs hold then.

    Args:
        experiment: What to run.
        folder: The run folder; made where it does not exist.
        max_connections: Calls in flight for each hosted model; Inspect adapts it where None.
        on_weights: Called with bytes done and bytes in all while the embedded model is unpacked.

    Raises:
        CorneredError: anything that a person can mend, before any model is called where
            that is possible.
        KeyboardInterrupt: Ctrl-C; what has run is in the logs.
    """
    conditions = experiment.conditions()
    for scenario in experiment.scenarios:
        # Before the folder is made, so that a pack can be mended without a new one.
        if not checked_pack(scenario).runs:
            raise RunError(
                f"{scenario} has no prompts of ours, so it cannot be run",
                fix="`cornered score` reads stored answers to it",
            )
    grown = manifest_for(folder, experiment).experiment
    if _is_finished(folder, grown, conditions):
        prepare(folder, experiment)
        return read_run(folder)
    load_extensions()
    subjects = [make_model(m, "model", max_connections) for m in experiment.models]
    roles = make_roles(experiment, max_connections)
    if EMBEDDED in (*experiment.models, *experiment.judges, experiment.reader):
        from cornered.models.weights import obtain_weights

        obtain_weights(on_weights)
    experiment = prepare(folder, experiment).experiment
    # Imported only now: Inspect announces hooks that exist when it makes its first model.
    from cornered.run.progress import Watch
    from cornered.run.stopping import PriorCell, Stopping, dataset_size, prior_cells

    asked, rule = max_samples(experiment.samples), rule_for(experiment.samples)
    with disk_errors(folder):
        logs, rows = [log for _, log in current_logs(folder)], read_trials(folder)
        there = prior_cells(logs, rows, judged=bool(experiment.judges))
        sizes = _sizes(logs, asked, conditions)
        watch = Watch(
            sum(
                there.get((model, c.name), PriorCell()).planned(rule, sizes[c.name])
                for model in experiment.models
                for c in conditions
            ),
            rows,
        )
        tasks = [
            _task(
                c,
                dataset_size(sizes[c.name], c.name, rule, there),
                experiment.scoring,
                Stopping(c.name, rule, asked, there, watch.skipped),
            )
            for c in conditions
        ]
        if experiment.judges and experiment.preflight and watch.done < watch.planned:
            preflight_run(experiment, max_connections)
        in_flight = max_connections or HOSTED_CONNECTIONS
        names = (*experiment.models, *experiment.judges, experiment.reader or "cornered/")
        with watch.shown(), as_run_error(folder), quiet_inspect(), _without_clients(names):
            eval_set(
                tasks,
                log_dir=str(folder / "logs"),
                model=subjects,
                model_roles=roles or None,
                temperature=experiment.temperature,
                max_tokens=experiment.max_tokens,
                retry_attempts=TASK_RETRIES,
                continue_on_fail=True,
                max_tasks=MAX_TASKS,
                max_samples=in_flight * (2 if roles else 1) + 1,
                display="none",
                score_display=False,
            )
    state = read_run(folder)
    if any(log.status == "cancelled" for _, log in current_logs(folder)):
        raise KeyboardInterrupt
    return state
