"""What an office holds beside its mail: the content of its other apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornered.scenario.factors import Levels, When
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.load import SHELL
from cornered.scenario.pack import TextFile


@dataclass(frozen=True)
class _Part:
    """A text, and when it is there."""

    where: str
    """The file that it comes from."""
    template: str
    """The template; of a file of its own, its path in the pack."""
    conditions: tuple[When, ...]
    """All of them must hold."""
    is_file: bool = False
    """Whether it is a file of its own."""


def office_texts(reader: PackReader) -> Iterator[tuple[str, str, Levels, bool]]:
    """Calendars, contacts, files and alerts, once for each way in which they read.

    Yields:
        The file, the text, the levels, and that the agent reads it.

    Raises:
        PackError: a template cannot be rendered.
    """
    renderer = reader.renderer
    for part in _parts_of(reader):
        reads = (
            set(renderer.templates.reads(part.template))
            if part.is_file
            else set(renderer.templates.reads_in(part.template, part.where))
        )
        for when in part.conditions:
            reads |= when.root.keys()
        for levels in reader.cells(reads, part.conditions[-1] if part.conditions else None):
            if all(when.holds(levels) for when in part.conditions):
                text = (
                    renderer.text(part.template, levels)
                    if part.is_file
                    else renderer.fill(part.template, levels, part.where)
                )
                yield part.where, text, levels, True


def office_files(reader: PackReader) -> Iterator[Path]:
    """The files that those texts stand in, each once."""
    yield from dict.fromkeys(Path(part.where) for part in _parts_of(reader))


def _parts_of(reader: PackReader) -> Iterator[_Part]:
    for app, tree in reader.pack.apps.items():
        if app == SHELL:  # the machine and the checks of its files are no texts
            tree = [tree["files"], tree["deliver"]]
        yield from _parts(reader, tree, reader.file(reader.pack.spec.world[app]), ())


def _parts(
    reader: PackReader, tree: Any, where: str, conditions: tuple[When, ...]
) -> Iterator[_Part]:
    if isinstance(tree, str):
        yield _Part(where, tree, conditions)
    elif isinstance(tree, TextFile):
        own = (*conditions, tree.head.when)
        yield _Part(reader.file(tree.name), tree.head.path, own)
        yield _Part(reader.file(tree.name), tree.name, own, is_file=True)
    elif isinstance(tree, Mapping):
        if "when" in tree:
            conditions = (*conditions, When.model_validate(tree["when"]))
        for key, value in tree.items():
            if key != "when":
                yield from _parts(reader, value, where, conditions)
    elif isinstance(tree, list):
        for item in tree:
            yield from _parts(reader, item, where, conditions)
