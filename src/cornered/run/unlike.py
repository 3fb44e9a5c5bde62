"""What stands at a path where a run folder was expected, in one line with what to do."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from cornered.errors import RunError
from cornered.files import LOGS, MANIFEST
from cornered.nearest import nearest_path
from cornered.scenario.library import ALIASES, pack_names

SHOWN_RUNS = 4
"""Runs of a folder that an error names."""
_EXPECTED = "give the folder that `cornered run` named"


def no_run(path: Path) -> RunError:
    """The error about a path that is no run folder: what it is, and what to do with it."""
    what, fix = _what(path)
    return RunError(what, where=str(path), fix=fix)


def _what(path: Path) -> tuple[str, str]:
    try:
        if path.is_dir():
            return _folder(path)
        if path.exists():
            return _file(path)
        if path.is_symlink():
            return "there is no run here: it is a link that leads nowhere", _EXPECTED
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) else "no system has such a name"
        return f"there is no run here ({reason})", _EXPECTED
    return _missing(path)


def _missing(path: Path) -> tuple[str, str]:
    what = "there is no run here: no such file or folder"
    if "://" in str(path) or str(path).startswith(("http:/", "https:/", "s3:/")):
        return "is an address; a run is a folder of this machine", "copy it here, and name it"
    for near in filter(None, (nearest_path(path), Path("runs") / path)):
        if _is_run(near) or (near.parent == path.parent and near.exists()):
            return what, f"did you mean {near}?"
    if str(path) in (*pack_names(), *ALIASES):
        return (
            "there is no run here: this is the name of a scenario",
            f"`cornered run {path}` runs it",
        )
    return what, _EXPECTED


def _folder(path: Path) -> tuple[str, str]:
    above = _run_above(path)
    if above is not None:
        return "there is no run here: it is a part of one", f"give {above}"
    entries = sorted(path.iterdir())
    inner = sorted((path / "runs").iterdir()) if (path / "runs").is_dir() else []
    runs = [entry for entry in (*entries, *inner) if entry.is_dir() and _is_run(entry)]
    if runs:
        what = "there is no run here: it is a folder that holds runs"
        return what, f"give one: {_named(runs)}"
    if not entries:
        return "there is no run here: the folder is empty", _EXPECTED
    if (path / "pack.yaml").exists():
        return (
            "there is no run here: it is the pack of a scenario",
            f"`cornered run ./{path}` runs it",
        )
    logs = [entry for entry in entries if entry.suffix == ".eval"]
    if logs:
        what, fix = _log(logs[0])
        return (
            f"there is no run here: it is a folder of logs, such as {logs[0].name}, {what}",
            fix.replace(quote(str(logs[0])), quote(str(path))),
        )
    return f"there is no run here (no {MANIFEST})", _EXPECTED


def _named(runs: Sequence[Path]) -> str:
    more = f" and {len(runs) - SHOWN_RUNS} more" if len(runs) > SHOWN_RUNS else ""
    return ", ".join(map(str, runs[:SHOWN_RUNS])) + more


def _file(path: Path) -> tuple[str, str]:
    above = _run_above(path)
    if above is not None:
        return "there is no run here: it is a file of one", f"give {above}"
    if path.suffix in LOGS and _looks_like_log(path):
        what, fix = _log(path)
        return f"there is no run here: it is {what}", fix
    if path.suffix in (".yaml", ".yml"):
        return (
            "there is no run here: it is a file of settings",
            f"`cornered run {quote(str(path))}` runs an experiment",
        )
    if path.suffix == ".jsonl":
        return "there is no run here: it is a file of stored answers", _import(path)
    return "there is no run here: it is a file, and a run is a folder", _EXPECTED


def _looks_like_log(path: Path) -> bool:
    if path.suffix == ".eval":
        return True
    with path.open("rb") as file:
        return b'"eval"' in file.read(4096)


def _log(path: Path) -> tuple[str, str]:
    """What a log is, and what to do: one of ours belongs to the folder of its run."""
    try:
        with zipfile.ZipFile(path) as file:
            name = "header.json" if "header.json" in file.namelist() else "_journal/start.json"
            header = json.loads(file.read(name))["eval"]
        task, condition = str(header.get("task")), (header.get("metadata") or {}).get("condition")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        if path.suffix == ".json":
            return "a log of Inspect", _import(path)
        return "a log of Inspect that cannot be read", "restore it"
    if condition:
        return (
            f"a log of a run of cornered ({condition}), without the run",
            f"give the folder that has {MANIFEST} and logs/",
        )
    return f"a log of Inspect (task {task})", _import(path)


def _import(path: Path) -> str:
    return f"`cornered import {quote(str(path))}` makes a run of it"


def _is_run(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def _run_above(path: Path) -> Path | None:
    return next((p for p in (path.parent, path.parent.parent) if _is_run(p)), None)
