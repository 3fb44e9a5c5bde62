"""The manifest of a run, `run.json`: everything that its trials depend on."""

from __future__ import annotations

import json
import platform
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.files import MANIFEST
from cornered.hypotheses import Hypothesis
from cornered.run.unlike import no_run


class Copies(BaseModel):
    """What a run folder holds of its packs, in `RUN/packs`."""

    model_config = ConfigDict(extra="forbid")

    names: dict[str, str]
    """Scenario, as the experiment names it, to the name of its pack, which is its folder here."""
    files: dict[str, str]
    """Path of each file to its sha256."""


class Origin(BaseModel):
    """Under what the trials of a run ran."""

    model_config = ConfigDict(extra="forbid")

    packs: dict[str, dict[str, str]]
    """By scenario, the sha256 of each of its files."""
    versions: dict[str, str]
    """Versions of cornered, Inspect and Python."""


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
    declared: list[Hypothesis] | None = None
    """The hypotheses when the first trials ran; None where that was not recorded."""
    copies: Copies | None = None
    """What the folder holds of its packs; None in a run of version 0.1.0."""


def versions() -> dict[str, str]:
    """The versions that a trial depends on."""
    return {
        "cornered": version("cornered"),
        "inspect_ai": version("inspect_ai"),
        "python": platform.python_version(),
    }


def _wrote(path: Path) -> str | None:
    """The version of cornered that wrote a manifest, where it is another than this one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["versions"]["cornered"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found != version("cornered") else None


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
        if (wrote := _wrote(path)) and not damaged:
            raise RunError(
                f"cornered {wrote} wrote it, and this is {version('cornered')} ({problem})",
                where=str(path),
                fix="read it with that version",
            ) from None
        raise RunError(
            f"cannot be read: {problem}"
            if damaged
            else f"is not as cornered writes it ({problem})",
            where=str(path),
            fix="restore it; or give the folder that `cornered run` named",
        ) from None
    except ValueError:  # a name with a NUL in it
        raise no_run(folder) from None
