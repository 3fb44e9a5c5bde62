"""A run folder: `run.json` describes the run, `logs/` holds Inspect's logs.

Another experiment never overwrites anything in it. Whether an experiment may resume in a folder
is decided here, from the `run.json` written when the run began.
"""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shlex import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.files import LOCK, disk_errors, write_text
from cornered.generation import Generation
from cornered.run.packs import Copies, Origin, changed_files, check_names, copy_packs
from cornered.run.unlike import no_run
from cornered.samples import merge_samples
from cornered.scenario import Pack, load_pack
from cornered.scoring import Scoring

MANIFEST = "run.json"
FIXED = (
    "judge",
    "reader",
    "people",
    "monitor",
    "block_at",
    "limits",
    "tool_calling",
    *Scoring.model_fields,
    *Generation.model_fields,
)
"""Settings shared by every trial of a run; models, factors and samples may grow."""
OF_JUDGES = ("judged", "judge_view", "panel")
"""Settings that have no effect without a judge."""
RESCORED = ("judge", "reader", *Scoring.model_fields)
"""Settings under which the trials of a run can be scored again."""


class Imported(BaseModel):
    """The source of imported trials."""

    model_config = ConfigDict(extra="forbid")

    source: str
    """The file or folder, as it was given."""
    format: str
    """Its format, a name that `cornered import --format` takes."""
    sha256: str
    """A hash of all trials: equal when the same results are imported again."""
    trials: int
    """Number of trials that were read."""
    unread: int
    """Number of files, lines or folders that could not be read."""
    unplaced: int = 0
    """Those of them whose cell nobody can tell, so that they stand in no rate's bounds."""
    copies: int = 0
    """Number of trials that were left out, since they are there already."""


class Manifest(BaseModel):
    """`run.json`: everything that the trials of a run depend on."""

    model_config = ConfigDict(extra="forbid")

    experiment: Experiment
    """The experiment in its latest form."""
    conditions: list[str]
    """The names of all conditions that the run has or will have."""
    packs: dict[str, dict[str, str]]
    """By scenario, the sha256 of each of its files when the run began."""
    versions: dict[str, str]
    """Versions of cornered, Inspect and Python when the run began."""
    created: datetime
    """When the run began (UTC)."""
    imported: Imported | None = None
    """None if the trials were run here."""
    rescored: datetime | None = None
    """When another run's trials were rescored (UTC); None for a run with its own trials."""
    origin: Origin | None = None
    """Under what those trials ran; None for a run with its own trials. `packs` and `versions`
    are then those of the verdicts."""
    copies: Copies | None = None
    """What the folder holds of its packs; None in a run of version 0.1.0."""


def versions() -> dict[str, str]:
    """The versions that a trial depends on."""
    return {
        "cornered": version("cornered"),
        "inspect_ai": version("inspect_ai"),
        "python": platform.python_version(),
    }


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder.

    Raises:
        RunError: there is no run here, or its `run.json` cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeEncodeError):
        raise no_run(folder) from None
    except UnicodeDecodeError:
        raise RunError("cannot be read: not UTF-8", where=str(path), fix="restore it") from None
    except ValidationError as e:
        first = e.errors()[0]
        key = ".".join(map(str, first["loc"]))
        problem = f"{key}: {first['msg']}" if key else first["msg"]
        damaged = first["type"] == "json_invalid"
        raise RunError(
            f"cannot be read: {problem}"
            if damaged
            else f"is not as cornered writes it ({problem})",
            where=str(path),
            fix="restore it; or give the folder that `cornered run` named",
        ) from None
    except ValueError:  # a name with a NUL in it
        raise no_run(folder) from None


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
    """
    packs = {name: load_pack(name) for name in experiment.scenarios}
    check_names(packs)
    conditions = [c.name for c in experiment.conditions()]
    if (folder / MANIFEST).exists():
        old = read_manifest(folder)
        _check_same(folder, old, experiment, packs, conditions)
        samples = merge_samples(experiment.samples, old.experiment.samples)
        return old.model_copy(
            update={
                # Trials that a run has are never given up.
                "experiment": experiment.model_copy(update={"samples": samples}),
                "conditions": conditions,
                "packs": {name: pack.files for name, pack in packs.items()},
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
