"""Stored results of other tools: recognising their format and reading their trials.

No model is called and nothing is written here; `cornered.run.imported` writes the run folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cornered.errors import InputError
from cornered.files import MANIFEST
from cornered.interop.conditions import ConditionFinder
from cornered.nearest import nearest_path

if TYPE_CHECKING:
    from cornered.files import Progress
    from cornered.interop.stored import StoredResults

Format = Literal["study", "inspect", "jsonl"]
FORMATS: dict[Format, str] = {
    "study": "results folders of the study's code",
    "inspect": "Inspect logs of the study's port",
    "jsonl": "stored answers, one JSON object per line",
}
"""Descriptions of the formats that can be read."""

NOTHING_THERE = "there is no such file or folder"

RESPONSE = re.compile(r"response[\w-]*\.json")
"""An answer in a results folder."""


def recognise(path: Path) -> Format:
    """The format of a file or folder.

    Raises:
        InputError: the path does not exist, or holds nothing that can be read.
    """
    if path.is_dir() and (path / MANIFEST).is_file():
        raise InputError(
            "is a run of cornered, and no results of another tool",
            where=str(path),
            fix=f"`cornered report {path}` shows it",
        )
    if path.is_file():
        kind = _format_of_file(path)
        if kind is None:
            raise _unknown(path, "unknown format")
        return kind
    if not path.exists():
        near = nearest_path(path)
        raise InputError(
            NOTHING_THERE,
            where=str(path),
            fix=f"did you mean {near}?" if near else "give a file or a folder of results",
        )
    for file in _files(path):
        if kind := _format_of_file(file):
            return kind
    raise _unknown(path, "no results in this folder")


def _unknown(path: Path, what: str) -> InputError:
    listed = "; ".join(f"{kind}: {about}" for kind, about in FORMATS.items())
    return InputError(what, where=str(path), fix=f"known formats are {listed}")


def _files(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(names):
            yield Path(folder) / name


def _format_of_file(path: Path) -> Format | None:
    if RESPONSE.fullmatch(path.name):
        return "study"
    if path.suffix == ".eval":
        return "inspect"
    if path.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if path.suffix == ".json" and path.name != "logs.json":  # Inspect's listing of logs
        with path.open("rb") as f:
            start = f.read(4096)
        # An Inspect log in JSON begins with these keys.
        return "inspect" if b'"version"' in start and b'"eval"' in start else None
    return None


def _check_options(kind: Format, given: dict[str, str | None]) -> None:
    """Rejects options that do not apply to the format, rather than ignore them."""
    allowed = {"jsonl": tuple(given), "study": ("--model",), "inspect": ()}[kind]
    for option, value in given.items():
        if value is not None and option not in allowed:
            raise InputError(
                f"does not apply to {FORMATS[kind]}, which say this themselves", where=option
            )


def read_results(
    path: Path,
    kind: Format,
    *,
    scenario: str | None = None,
    model: str | None = None,
    condition: str | None = None,
    advance: Progress,
) -> StoredResults:
    """Reads every stored trial below a path.

    Args:
        path: A file or a folder.
        kind: Its format.
        scenario: The scenario of conditions that name none.
        model: The model of answers that name none.
        condition: The condition of lines that name none.
        advance: Progress callback.

    Raises:
        InputError: there is no file of this format, or an option does not apply to it.
    """
    _check_options(kind, {"--scenario": scenario, "--condition": condition, "--model": model})
    from cornered.interop.copies import drop_copies, identity, notes_on
    from cornered.interop.inspect_logs import read_logs
    from cornered.interop.lines import read_lines
    from cornered.interop.stored import Unread
    from cornered.interop.study_results import read_study

    root = path.resolve()
    # A single file is of the given format, whatever its name.
    formats = {root: kind} if root.is_file() else {f: _format_of_file(f) for f in _files(root)}
    base = root.parent if root.is_file() else root
    files = [(f, f.relative_to(base).as_posix()) for f, format in formats.items() if format == kind]
    if not files:
        what = f"there are no {FORMATS[kind]}" if root.exists() else NOTHING_THERE
        raise InputError(what, where=str(path))
    cells = ConditionFinder(scenario)
    match kind:
        case "study":
            results = read_study(files, base, cells, model=model, advance=advance)
            # Their ids begin anew in every experiment; only what they say is compared.
            results.notes += notes_on(
                [replace(identity(trial), id=trial.source) for trial in results.trials]
            )
        case "inspect":
            results = read_logs(files, cells, advance=advance)
        case "jsonl":
            results = read_lines(files, cells, model=model, condition=condition, advance=advance)
            results.notes += drop_copies(results)
    for other, count in Counter(formats.values()).items():
        if other not in (kind, None):
            results.unread.append(
                Unread(str(path), f"{count} files were skipped: {FORMATS[other]}")
            )
    return results
