"""Flags, labels and notes that a reader of the page made, and exported from it.

They are kept apart from the labels of `cornered audit`: the reader chose the trials and saw the
verdicts, so they are no random sample and not blind, and correct no rate. The next report shows
them beside their trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cornered.errors import InputError, RunError
from cornered.files import disk_errors, write_text
from cornered.nearest import nearest_path
from cornered.run.audit import NAME
from cornered.run.labels import AUDIT
from cornered.run.lock import this_command, writing
from cornered.run.manifest import read_manifest
from cornered.verdict.judge import JudgeVerdict

_EXPECTED = "give what “Export notes” on the page wrote"
NOTES = "notes"
"""The folder, in that of the audit, with a file for each reader."""


class Note(BaseModel):
    """One line of an export: what a reader noted on one trial."""

    model_config = ConfigDict(frozen=True)

    uuid: str = Field(min_length=1)
    scenario: str
    model: str
    condition: str
    id: str
    flag: bool
    label: JudgeVerdict | None
    """Whether it is harmful, as the reader sees it; None where the reader does not say."""
    note: str = Field(max_length=20_000)
    at: datetime
    """UTC, when it was changed last."""
    rubric: str
    """The version of the question and its criteria."""
    blind: bool
    """False: the verdicts stood beside the text."""


@dataclass(frozen=True)
class Imported:
    """What an import stored."""

    stored: int
    """Notes of this run, new or changed."""
    elsewhere: int
    """Notes on trials that are not in this run; left out."""


def import_notes(run: Path, file: Path, who: str, known: set[str]) -> Imported:
    """Stores a reader's notes with a run; of several on one trial the latest counts.

    Args:
        run: The run folder.
        file: What the page exported, a JSON object a line.
        who: The name of the reader.
        known: The uuids of the run's trials.

    Raises:
        InputError: the file cannot be read, or has a line that is no note.
        RunError: there is no run, or the name is no valid file name.
    """
    read_manifest(run)
    if not NAME.fullmatch(who):
        raise RunError(
            f"{who!r} cannot be the name of a file of notes",
            fix="give another one with --who, of letters, digits, dots and dashes",
        )
    given = _read(file)
    own = [note for note in given if note.uuid in known]
    path = run / AUDIT / NOTES / f"{who}.jsonl"
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path, this_command(), beside=True), disk_errors(path):
        before = {note.uuid: note for note in _read(path)} if path.exists() else {}
        after = dict(before)
        for note in own:
            if note.uuid not in after or after[note.uuid].at <= note.at:
                after[note.uuid] = note
        changed = sum(before.get(uuid) != note for uuid, note in after.items())
        if changed:
            write_text(path, "".join(f"{note.model_dump_json()}\n" for note in after.values()))
    return Imported(changed, len(given) - len(own))


def read_notes(run: Path) -> Mapping[str, list[tuple[str, Note]]]:
    """By uuid of a trial, each reader's name and note, sorted by name.

    Raises:
        InputError: a file cannot be read.
    """
    found: dict[str, list[tuple[str, Note]]] = {}
    for path in sorted((run / AUDIT / NOTES).glob("*.jsonl")):
        for note in _read(path):
            found.setdefault(note.uuid, []).append((path.stem, note))
    return found


def _read(file: Path) -> list[Note]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise InputError("is no text in UTF-8", where=str(file), fix=_EXPECTED) from None
    except OSError as e:
        near = None if file.exists() else nearest_path(file)
        fix = f"did you mean {near}?" if near else _EXPECTED
        raise InputError(f"cannot be read ({e.strerror})", where=str(file), fix=fix) from None
    notes = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            notes.append(Note.model_validate_json(line))
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise InputError(
                f"is no note: {key + ': ' if key else ''}{first['msg']}",
                where=f"{file}:{number}",
                fix=_EXPECTED,
            ) from None
    return notes
