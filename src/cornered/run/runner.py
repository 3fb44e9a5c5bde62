"""Runs an experiment on Inspect's `eval_set`, or resumes it.

Whether a run is complete is read from its logs, never from the result of `eval_set`: after
Ctrl-C that reports success.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
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
from cornered.analysis.table import Cell, cells
from cornered.analysis.trials import TrialResult, current_logs, read_trials
from cornered.errors import CorneredError, ModelError, RunError
from cornered.experiment import EMBEDDED, NO_MODEL, Experiment
from cornered.files import MANIFEST, disk_errors
from cornered.limits import BLOCK_AT, BUBBLEWRAP
from cornered.redaction import redact
from cornered.run.folder import manifest_for, prepare
from cornered.run.imported import imported_cells
from cornered.run.labels import RunLabels, run_labels
from cornered.run.litter import clear_after_kills, clear_temporary
from cornered.run.lock import this_command, writing
from cornered.run.manifest import Manifest, read_manifest
from cornered.run.model_names import odd_name
from cornered.run.packs import readable
from cornered.run.providers import MAX_RETRIES, TIMEOUT, Gate, StoppedRun, bounded, stoppable
from cornered.run.storage import (
    check_log_folder,
    check_space,
    guarded_disk,
    space_problem,
    stored_problem,
)
from cornered.run.tasks import PACK_TASKS, checked_pack, planned, stopping_rule, trials
from cornered.run.tasks import scenario as scenario_task
from cornered.samples import max_samples
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition
from cornered.scenario.load import SHELL
from cornered.surface.sandbox import check_sandbox
from cornered.surface.tools.agents import check_agents
from cornered.verdict.gold import gold_pack
from cornered.verdict.preflight import FailedCase, preflight
from cornered.world import check_computer

MAX_TASKS = 10
"""Cells that run concurrently, so that a small cell does not leave connections idle."""
HOSTED_CONNECTIONS = 20
EMBEDDED_CONNECTIONS = 16
"""Twice the batch of the embedded engine, so that its batches are always full."""
CLIENT_EXTRAS = ("openai", "anthropic")
"""Providers whose client is an extra of ours, named like its package."""
TASK_RETRIES = 1
"""Retries of failed trials after all trials of a cell have run."""


MARKUP = re.compile(r"\[/?(?:bold|blue|red|italic|dim)\]")
"""Marks of Rich in Inspect's messages."""

Roles = dict[str, Model | list[Model]]


@dataclass(frozen=True)
class RunState:
    """A run as recorded in its logs."""

    folder: Path
    manifest: Manifest
    trials: list[TrialResult]
    cells: list[Cell]
    card: Card | None
    """The card of its judge; None without a judge, or if it was never calibrated."""
    readable: Experiment
    """The experiment, its scenarios named so that they can be loaded from anywhere."""
    labels: RunLabels | None = None
    """What persons said of its trials; None without a judge, whose verdicts they correct."""

    @property
    def missing(self) -> int:
        """Number of trials that have not run."""
        return sum(c.missing for c in self.cells)

    @property
    def unknown(self) -> int:
        """Number of trials that ran without a verdict on the act, or on harm with a judge."""
        return sum(c.primary.unknown for c in self.cells)


def read_run(folder: Path) -> RunState:
    """A run from its folder.

    Raises:
        RunError: there is no run.
    """
    manifest = read_manifest(folder)
    experiment = readable(folder, manifest)
    rows = read_trials(folder)
    card = None
    if experiment.judges:
        card = find_card(experiment.judges, experiment.panel, experiment.judge_view)
    errors = judge_errors(card, manifest.packs, experiment.judged)
    labels = run_labels(folder, manifest) if experiment.judges else None
    said, weights = (labels.by_trial, labels.weights) if labels else (None, None)
    if manifest.imported:
        table = imported_cells(manifest, experiment.scenarios, rows, errors, said, weights)
        return RunState(folder, manifest, rows, table, card, experiment, labels)
    by_condition: dict[Condition, list[str]] = {}
    for model, condition in experiment.subjects(experiment.conditions()):
        by_condition.setdefault(condition, []).append(model)
    table = cells(
        rows,
        [planned(c, by_condition[c]) for c in by_condition],
        [*dict.fromkeys(model for models in by_condition.values() for model in models)],
        max_samples(experiment.samples),
        judged=bool(experiment.judges),
        errors=errors,
        labels=said,
        weights=weights,
        stops=_stops(folder, experiment),
    )
    return RunState(folder, manifest, rows, table, card, experiment, labels)


def _stops(folder: Path, experiment: Experiment) -> dict[tuple[str, str], Stop]:
    """By model and condition, the stops that the current rule decided."""
    rules = [rule_for(experiment.samples, screened=screened) for screened in (False, True)]
    # By either name: a control that stopped under the plain rule of version 0.1.0 has stopped.
    names = {rule.name for rule in rules if rule}
    stops = {}
    for _, log in current_logs(folder) if names else []:
        record = read_stopping_record(log)
        if record and record.stop and record.rule in names:
            stops[log.eval.model, (log.eval.metadata or {}).get("condition", "")] = record.stop
    return stops


def make_model(
    name: str,
    role: str,
    max_connections: int | None,
    *,
    patient: bool = True,
    emulate_tools: bool = False,
) -> Model:
    """A model by its Inspect name, whose calls pass a `Gate`.

    Args:
        name: Its name.
        role: What it is in the run: model, judge, reader.
        max_connections: Concurrent calls, if it is hosted.
        patient: Whether outages are waited out.
        emulate_tools: Whether Inspect describes tools in a message and reads calls in the text.

    Raises:
        ModelError: unknown provider, missing package or key; or tools cannot be emulated.
    """
    provider = name.partition("/")[0]
    if provider in CLIENT_EXTRAS and find_spec(provider) is None:
        raise ModelError(
            f"the client of {provider} is not installed",
            where=f"{role} {name}",
            fix=f"pip install 'cornered[{provider}]'",
        )
    cannot_emulate = ModelError(
        f"tools cannot be emulated with the provider {provider}",
        where=f"{role} {name}",
        fix="leave tool_calling out, or reach the model through openai-api/…",
    )
    embedded = name == EMBEDDED
    connections = EMBEDDED_CONNECTIONS if embedded else max_connections
    config = GenerateConfig(max_connections=connections, max_retries=MAX_RETRIES, timeout=TIMEOUT)
    try:
        settings: dict[str, Any] = {"emulate_tools": True} if emulate_tools else {}
        model = get_model(name, config=config, memoize=False, **settings)
    except CorneredError:
        raise
    except Exception as e:
        if emulate_tools and "emulate_tools" in str(e):
            raise cannot_emulate from None
        # The first line of Inspect's own words rarely names what is missing.
        problem = bounded(redact(MARKUP.sub("", str(e)).removeprefix("ERROR: ")))
        fix = "use Inspect's name of a model, such as openai/gpt-4.1 with OPENAI_API_KEY set"
        if odd := odd_name(name):
            problem, fix = odd
        elif missing := re.search(r"No (\w+)(?:,? or \w+)? defined in the environment", problem):
            fix = f"set {missing[1]}"
        raise ModelError(
            problem.rstrip(".") or type(e).__name__, where=f"{role} {name}", fix=fix
        ) from None
    if emulate_tools and getattr(model.api, "emulate_tools", None) is not True:
        raise cannot_emulate
    Gate(model, role, patient=patient)
    return model


def make_roles(experiment: Experiment, max_connections: int | None) -> Roles:
    """The models that score an experiment, by role.

    Raises:
        ModelError: unknown provider, missing package or key.
    """
    judges = [make_model(m, "judge", max_connections) for m in experiment.judges]
    roles: Roles = {"judge": judges} if judges else {}
    for role, name in (
        ("reader", experiment.reader),
        ("people", experiment.people),
        ("monitor", experiment.monitor),
    ):
        if name:
            roles[role] = make_model(name, role, max_connections)
    return roles


def _each(roles: Roles) -> list[Model]:
    """Every model of the roles."""
    return [m for one in roles.values() for m in (one if isinstance(one, list) else [one])]


def _task(
    condition: Condition, count: int, experiment: Experiment, early_stopping: EarlyStopping
) -> Task:
    """The condition as a registered task whose arguments name every factor, not the draws."""
    pack = load_pack(condition.scenario)
    offered = pack.factors.offered
    levels: dict[str, Any] = {k: v for k, v in condition.levels.items() if k in offered}
    # Defaults are left out, so that a run of an older version can be resumed.
    settings = levels | experiment.scoring.model_dump(exclude_defaults=True)
    if experiment.external(condition):
        settings["command"] = experiment.agents[str(condition.levels["scaffold"])]
    if condition.levels.get("approval") == "model" and experiment.block_at != BLOCK_AT:
        settings["block_at"] = experiment.block_at
    if SHELL in pack.spec.world and experiment.sandbox != BUBBLEWRAP:
        settings["sandbox"] = experiment.sandbox
    of_pack = PACK_TASKS.get(condition.scenario)
    task = of_pack(**settings) if of_pack else scenario_task(condition.scenario, **settings)
    dataset = trials(condition, pack, count)
    return task_with(task, dataset=dataset, early_stopping=early_stopping)


def _sizes(
    logs: Iterable[EvalLog], max_trials: int, conditions: Sequence[Condition]
) -> dict[str, int]:
    """Draws of each condition: never fewer than its log has, or trials would be lost."""
    sizes = {c.name: max_trials for c in conditions}
    for log in logs:
        name = (log.eval.metadata or {}).get("condition", "")
        if name in sizes:
            sizes[name] = max(sizes[name], log.eval.dataset.samples or 0)
    return sizes


def load_extensions() -> None:
    """Loads the installed extensions of Inspect except inspect_evals.

    Inspect loads every extension before its first call, looking for hooks. inspect_evals has
    none, and importing its hundred evaluations takes seconds.
    """
    for extension in entry_points(group="inspect_ai"):
        if extension.name != "inspect_evals":
            entrypoints.ensure_entry_points(extension.name)
    entrypoints._inspect_ai_eps_loaded_all = True
    with as_run_error(Path("INSPECT_REQUIRED_HOOKS")), quiet_inspect():
        init_hooks()  # else Inspect announces them with the first model


def preflight_run(experiment: Experiment, max_connections: int | None) -> None:
    """Asks each judge about a clear yes and a clear no of each scenario.

    Raises:
        ModelError: a judge gives no verdict, or a wrong one.
    """
    gold = [gold_pack(load_pack(name)) for name in experiment.scenarios]
    packs = {pack.folder: pack for pack in gold}.values()

    async def failures(name: str) -> list[FailedCase]:
        # A separate model: a provider's connections belong to the event loop that opened them.
        judge = make_model(name, "judge", max_connections, patient=False)
        view, limit = experiment.judge_view, experiment.judge_max_tokens
        by_pack = await collect(*(preflight(judge, p, view, limit) for p in packs))
        return [failure for of_pack in by_pack for failure in of_pack]

    for name in experiment.judges:
        # A refusal of the provider says more than what it does to the verdict.
        with stoppable() as checked:
            failed = asyncio.run(failures(name))
            if failed:
                checked.raise_refusals()
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise ModelError(
                f"the judge cannot score this run: it {failed[0].what}{more}",
                where=name,
                fix="choose another judge, or use --no-preflight to run with it anyway",
            )


@contextmanager
def as_run_error(folder: Path) -> Iterator[None]:
    """Turns an unmet prerequisite of Inspect into an error of one line.

    Raises:
        RunError: a prerequisite is not met.
    """
    try:
        yield
    except PrerequisiteError as e:
        problem = bounded(redact(MARKUP.sub("", str(e)).removeprefix("ERROR: ")))
        raise RunError(problem or type(e).__name__, where=str(folder)) from None


@contextmanager
def quiet_inspect() -> Iterator[None]:
    """Keeps Inspect from printing that all tasks completed, which it prints even after Ctrl-C."""
    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


@contextmanager
def _without_clients(models: Iterable[str]) -> Iterator[None]:
    """Keeps Inspect from importing clients of hosted models if all models are ours.

    Before its first trial Inspect imports OpenAI's and Anthropic's clients if they are installed,
    for its own record of their messages. That takes a second or two.
    """
    before = _assistant_internal._HAS_OPENAI, _assistant_internal._HAS_ANTHROPIC
    if all(model.startswith("cornered/") for model in models):
        _assistant_internal._HAS_OPENAI = _assistant_internal._HAS_ANTHROPIC = False
    try:
        yield
    finally:
        _assistant_internal._HAS_OPENAI, _assistant_internal._HAS_ANTHROPIC = before


def _is_finished(folder: Path, experiment: Experiment, conditions: Sequence[Condition]) -> bool:
    """Whether nothing remains to be run, so that no model and no task need be created.

    By Inspect's criteria: each task succeeded, no trial failed, and none is missing under the
    current rule. Unscored trials are not run again; a judge or reader that failed is asked again.
    """
    from cornered.run.again import open_questions
    from cornered.run.stopping import PriorCell, prior_cells

    if not (folder / MANIFEST).exists():
        return False
    max_trials = max_samples(experiment.samples)
    rules = {c.name: stopping_rule(experiment.samples, c) for c in conditions}
    logs = [log for _, log in current_logs(folder)]
    if not logs or any(log.status != "success" for log in logs):
        return False
    if open_questions(folder):
        return False
    prior = prior_cells(logs, read_trials(folder), judged=bool(experiment.judges))
    sizes = _sizes(logs, max_trials, conditions)
    cells = [(prior.get((m, c.name), PriorCell()), c) for m, c in experiment.subjects(conditions)]
    return all(
        cell.verdicts
        and not cell.failed
        and len(cell.verdicts) >= cell.planned(rules[c.name], sizes[c.name])
        for cell, c in cells
    )


def run(
    experiment: Experiment,
    folder: Path,
    *,
    max_connections: int | None = None,
    on_weights: Callable[[int, int], None] | None = None,
) -> RunState:
    """Runs an experiment, or resumes it, and returns the state of its logs.

    Args:
        experiment: The experiment to run.
        folder: The run folder; created if it does not exist.
        max_connections: Concurrent calls to each hosted model; chosen by Inspect if None.
        on_weights: Called with (bytes done, total bytes) while the embedded model is unpacked.

    Raises:
        CorneredError: an error that the user can fix, before any model is called where
            possible.
        KeyboardInterrupt: Ctrl-C; finished trials are in the logs.
    """
    conditions = experiment.conditions()
    for scenario in experiment.scenarios:
        # Before the folder is created, so that a faulty pack leaves none behind.
        if not checked_pack(scenario).runs:
            raise RunError(
                f"{scenario} has no prompts of ours, so it cannot be run",
                fix="`cornered score` reads stored answers to it",
            )
    with writing(folder, this_command()):
        merged = manifest_for(folder, experiment).experiment
        if _is_finished(folder, merged, conditions):
            prepare(folder, experiment)
            return read_run(folder)
        clear_temporary(folder)
        check_log_folder(folder)
        check_space(folder)
        with stoppable() as stopped:
            return _run(experiment, folder, conditions, stopped, max_connections, on_weights)


def _run(
    experiment: Experiment,
    folder: Path,
    conditions: Sequence[Condition],
    stopped: StoppedRun,
    max_connections: int | None,
    on_weights: Callable[[int, int], None] | None,
) -> RunState:
    """Runs what is missing, as `run` describes."""
    load_extensions()
    check_agents(experiment.agents)
    if any(SHELL in load_pack(name).spec.world for name in experiment.scenarios):
        check_sandbox(sandbox := experiment.sandbox.partition(":")[0])
        for name in experiment.scenarios:
            check_computer(load_pack(name), sandbox)
    named = dict.fromkeys(model for model, _ in experiment.subjects(conditions))
    emulated = experiment.tool_calling == "emulated"
    subjects = {
        m: make_model(m, "model", max_connections, emulate_tools=emulated and m != NO_MODEL)
        for m in named
    }
    roles = make_roles(experiment, max_connections)
    if EMBEDDED in (*named, *map(str, _each(roles))):
        from cornered.models.weights import obtain_weights

        obtain_weights(on_weights)
    experiment = prepare(folder, experiment).experiment
    # Imported late: Inspect announces the hooks that exist when it creates its first model.
    from cornered.run.again import ask_again, open_questions
    from cornered.run.interrupts import Doorkeeper, Interrupts
    from cornered.run.progress import Watch
    from cornered.run.stopping import PriorCell, Stopping, dataset_size, prior_cells

    max_trials = max_samples(experiment.samples)
    rules = {c.name: stopping_rule(experiment.samples, c) for c in conditions}
    judged = bool(experiment.judges)
    interrupts = Interrupts(stopped, lambda: space_problem(folder))
    with disk_errors(folder):

        def stored() -> tuple[Mapping[tuple[str, str], PriorCell], dict[str, int], Watch]:
            """What the logs hold: the cells, their sizes, and how far the run is."""
            logs, rows = [log for _, log in current_logs(folder)], read_trials(folder)
            prior = prior_cells(logs, rows, judged=judged)
            sizes = _sizes(logs, max_trials, conditions)
            planned_trials = sum(
                prior.get((model, c.name), PriorCell()).planned(rules[c.name], sizes[c.name])
                for model, c in experiment.subjects(conditions)
            )
            return prior, sizes, Watch(planned_trials, rows, judged=judged)

        asked = open_questions(folder)
        prior, sizes, watch = stored()
        if judged and experiment.preflight and (asked or watch.done < watch.planned):
            preflight_run(experiment, max_connections)
        if asked:
            ask_again(experiment, roles, asked, folder)
            stopped.raise_refusals()
            prior, sizes, watch = stored()
        tasks = [
            _task(
                c,
                dataset_size(sizes[c.name], c.name, rules[c.name], prior),
                experiment,
                Doorkeeper(
                    Stopping(c.name, rules[c.name], max_trials, prior, watch.skipped), interrupts
                ),
            )
            for c in conditions
        ]
        apart = any(map(experiment.external, conditions))
        if apart:
            # Agents that bring a model of their own stand beside those that work with ours.
            by_name = dict(zip(conditions, tasks, strict=True))
            tasks = [
                task_with(copy(by_name[c]), model=subjects[model])
                for model, c in experiment.subjects(conditions)
            ]
        stopped.equal_failures = min(stopped.equal_failures, max(1, watch.planned - watch.done))
        in_flight = max_connections or HOSTED_CONNECTIONS
        names = [name for name in (*named, *map(str, _each(roles))) if name != NO_MODEL]
        with (
            watch.show(),
            as_run_error(folder),
            quiet_inspect(),
            _without_clients(names),
            interrupts.handled(),
            guarded_disk(folder),
        ):
            _, ended = eval_set(
                tasks,
                log_dir=str(folder / "logs"),
                model=[*subjects.values()][: 1 if apart else None],
                **experiment.limits.given(),
                model_roles=roles or None,
                **experiment.generation.config(),
                retry_attempts=TASK_RETRIES,
                continue_on_fail=True,
                max_tasks=MAX_TASKS,
                max_samples=in_flight * (2 if roles else 1) + 1,
                display="none",
                score_display=False,
                # Inspect's control channel imports FastAPI and starts a server: half a second.
                ctl_server=None if any(not n.startswith("cornered/") for n in names) else False,
            )
    if stopped.error:
        raise stopped.error
    if problem := stored_problem(folder, ended):
        raise problem
    state = read_run(folder)
    if any(log.status == "cancelled" for _, log in current_logs(folder)):
        raise KeyboardInterrupt
    stopped.raise_refusals()
    if not state.missing:
        clear_after_kills(folder)
    return state
