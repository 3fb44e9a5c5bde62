"""A run folder: which experiment it is of, and whether another may go on in it.

`run.json` describes the run, `logs/` holds Inspect's logs. Another experiment never overwrites
anything in it. Whether an experiment may resume in a folder
is decided here, from the `run.json` written when the run began.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.files import LOCK, MANIFEST, disk_errors, write_text
from cornered.generation import Generation
from cornered.run.manifest import Manifest, read_manifest, versions
from cornered.run.packs import changed_files, check_names, copy_packs
from cornered.samples import merge_samples
from cornered.scenario import Pack, load_pack
from cornered.scoring import Scoring

FIXED = (
    "judge",
    "reader",
    "people",
    "monitor",
    "block_at",
    "limits",
    "sandbox",
    "tool_calling",
    *Scoring.model_fields,
    *Generation.model_fields,
)
"""Settings shared by every trial of a run; models, factors and samples may grow."""
OF_JUDGES = ("judged", "judge_view", "panel")
"""Settings that have no effect without a judge."""
RESCORED = ("judge", "reader", *Scoring.model_fields)
"""Settings under which the trials of a run can be scored again."""


def prepare(folder: Path, experiment: Experiment) -> Manifest:
    """Prepares the folder for an experiment, or checks that it belongs to this experiment.

    Raises:
        RunError: the folder belongs to something else (which setting, which file).
    """
    manifest = manifest_for(folder, experiment)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        packs = {name: load_pack(name) for name in experiment.scenarios}
        manifest = manifest.model_copy(update={"copies": copy_packs(folder, packs)})
        write_text(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
    return manifest


def manifest_for(folder: Path, experiment: Experiment) -> Manifest:
    """The manifest of a folder after an experiment has run in it; nothing is written.

    A run may grow: more models, more conditions, more samples. Fewer samples keep the earlier
    number. It may not otherwise shrink, nor change the settings that its trials share.

    Raises:
        RunError: the folder belongs to something else (which setting, which file).
        ExperimentError: a hypothesis compares what the experiment does not have.
    """
    packs = {name: load_pack(name) for name in experiment.scenarios}
    check_names(packs)
    if experiment.hypotheses:
        # Imported here: it needs SciPy, and few experiments need it.
        from cornered.run.hypotheses import experiment_tests, planned_cells

        experiment.check_hypotheses()
        experiment_tests(experiment, planned_cells(experiment))
    conditions = [c.name for c in experiment.conditions()]
    if (folder / MANIFEST).exists():
        old = read_manifest(folder)
        _check_same(folder, old, experiment, packs, conditions)
        samples = merge_samples(experiment.samples, old.experiment.samples)
        ran = any((folder / "logs").glob("*.eval"))
        return old.model_copy(
            update={
                # Trials that a run has are never given up.
                "experiment": experiment.model_copy(update={"samples": samples}),
                "conditions": conditions,
                "packs": {name: pack.files for name, pack in packs.items()},
                # Declared is only what there was before any trial could be seen.
                "declared": (old.declared or []) if ran else experiment.hypotheses,
            }
        )
    if folder.exists() and (not folder.is_dir() or any(p.name != LOCK for p in folder.iterdir())):
        raise RunError(
            "holds other files and no run",
            where=str(folder),
            fix="choose an empty or new folder with --out",
        )
    return Manifest(
        experiment=experiment,
        conditions=conditions,
        packs={name: pack.files for name, pack in packs.items()},
        versions=versions(),
        created=datetime.now(UTC).replace(microsecond=0),
        declared=experiment.hypotheses,
    )


def _check_same(
    folder: Path,
    old: Manifest,
    experiment: Experiment,
    packs: dict[str, Pack],
    conditions: list[str],
) -> None:
    def refuse(what: str, fix: str = "choose another folder with --out") -> RunError:
        return RunError(f"belongs to another experiment: {what}", where=str(folder), fix=fix)

    if old.imported:
        raise refuse(f"its trials were imported from {old.imported.source}")
    if old.rescored:
        raise refuse(f"it has verdicts on the trials of {folder.parent.parent}")
    if old.experiment.name != experiment.name:
        raise refuse(f"it is a run of {old.experiment.name}, not of {experiment.name}")
    if not {*old.conditions} & {*conditions}:
        raise refuse(
            f"both are called {experiment.name}, and have no condition in common",
            fix="give this one another name, or another folder with --out",
        )
    unused = () if experiment.judges else OF_JUDGES
    for setting in FIXED:
        if setting in unused:
            continue
        before, now = getattr(old.experiment, setting), getattr(experiment, setting)
        if before != now and setting in RESCORED and experiment.judges:
            raise refuse(
                f"{setting} was {_shown(before)} and is now {_shown(now)}",
                fix=f"{_score_command(folder, experiment)} makes verdicts on its trials; or start "
                "a new run with --out",
            )
        if before != now:
            raise refuse(f"{setting} was {_shown(before)} and is now {_shown(now)}")
    for name, command in old.experiment.agents.items():
        if name in experiment.agents and experiment.agents[name] != command:
            raise refuse(f"the command of the agent {name} has changed")
    for model in old.experiment.models:
        if model not in experiment.models:
            both = dict.fromkeys([*old.experiment.models, *experiment.models])
            raise refuse(
                f"it has trials of {model}, which is no longer named",
                fix="name both: the same command with "
                + " ".join(f"-m {quote(name)}" for name in both)
                + "; or start a new run with --out",
            )
    for name in old.conditions:
        if name not in conditions:
            raise refuse(
                f"it has the condition {name}, which is no longer asked for",
                fix="ask for it too; or give this experiment another name, or another folder "
                "with --out",
            )
    for scenario, files in old.packs.items():
        if scenario not in packs:
            raise refuse(
                f"it has trials of the scenario {scenario}, which is no longer named",
                fix=f"name it {scenario} again, or start a new run with --out",
            )
        for file in changed_files(files, packs[scenario].files):
            raise refuse(
                f"{file} of the scenario {scenario} has changed since the run began",
                fix="undo that change, or start a new run with --out",
            )


def _shown(value: object) -> str:
    if value is None or value == [] or value == ():
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _score_command(folder: Path, experiment: Experiment) -> str:
    """The command that scores the trials of a run with the judges of an experiment."""
    judges = " ".join(f"--judge {quote(name)}" for name in experiment.judges)
    return f"`cornered score {quote(str(folder))} {judges}`"
