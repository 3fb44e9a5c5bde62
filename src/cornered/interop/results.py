"""Other people's results, recognised by their form and read into trials.

Nothing is called and nothing is written here; `cornered.run.imported` writes the run folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cornered.errors import InputError
from cornered.interop.conditions import ConditionFinder

if TYPE_CHECKING:
    from cornered.interop.stored import Advance, Found

Format = Literal["study", "inspect", "jsonl"]
FORMATS: dict[Format, str] = {
    "study": "results folders of the study's code",
    "inspect": "Inspect logs of the study's port",
    "jsonl": "stored answers, a JSON object a line",
}
"""What can be read, for people."""

NOTHING_THERE = "there is no such file or folder"

RESPONSE = re.compile(r"response[\w-]*\.json")
"""An answer in a results folder."""


def recognise(path: Path) -> Format:
    """The format of a file or folder.

    Raises:
        InputError: there is nothing there, or nothing that can be read.
    """
    if path.is_file():
        kind = _format_of_file(path)
        if kind is None:
            raise _unknown(path, "its form is not known")
        return kind
    if not path.exists():
        raise InputError(NOTHING_THERE, where=str(path))
    for file in _files(path):
        if kind := _format_of_file(file):
            return kind
    raise _unknown(path, "there are no results in it")


def _unknown(path: Path, what: str) -> InputError:
    listed = "; ".join(f"{kind}: {about}" for kind, about in FORMATS.items())
    return InputError(what, where=str(path), fix=f"known forms are {listed}")


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
        # An Inspect log in JSON begins with these three keys.
        return "inspect" if b'"version"' in start and b'"eval"' in start else None
    return None


def _check_options(kind: Format, given: dict[str, str | None]) -> None:
    """Refuses options that the format has no use for, rather than pass over them."""
    taken = {"jsonl": tuple(given), "study": ("--model",), "inspect": ()}[kind]
    for option, value in given.items():
        if value is not None and option not in taken:
            raise InputError(f"{FORMATS[kind]} say this themselves", where=option)


def read_results(
    path: Path,
    kind: Format,
    *,
    scenario: str | None = None,
    model: str | None = None,
    condition: str | None = None,
    advance: Advance,
) -> Found:
    """Every stored trial below a path.

    Args:
        path: A file or a folder.
        kind: Its format.
        scenario: The scenario of conditions that do not say one.
        model: The model of answers that do not say one.
        condition: The condition of lines that do not say one.
        advance: Told of progress.

    Raises:
        InputError: there is no file of this format, or it says itself what is given here.
    """
    _check_options(kind, {"--scenario": scenario, "--condition": condition, "--model": model})
    from cornered.interop.inspect_logs import read_logs
    from cornered.interop.lines import read_lines
    from cornered.interop.stored import Unread
    from cornered.interop.study_results import read_study

    root = path.resolve()
    # A file that is named is what it is said to be, whatever it is called.
    forms = {root: kind} if root.is_file() else {f: _format_of_file(f) for f in _files(root)}
    base = root.parent if root.is_file() else root
    files = [(f, f.relative_to(base).as_posix()) for f, form in forms.items() if form == kind]
    if not files:
        what = f"there are no {FORMATS[kind]}" if root.exists() else NOTHING_THERE
        raise InputError(what, where=str(path))
    cells = ConditionFinder(scenario)
    match kind:
        case "study":
            found = read_study(files, base, cells, model=model, advance=advance)
        case "inspect":
            found = read_logs(files, cells, advance=advance)
        case "jsonl":
            found = read_lines(files, cells, model=model, condition=condition, advance=advance)
    for other, count in Counter(forms.values()).items():
        if other not in (kind, None):
            found.unread.append(Unread(str(path), f"{count} files were left: {FORMATS[other]}"))
    return found
