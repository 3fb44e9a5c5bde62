"""What an office holds beside its mail: the content of its other apps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
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
    for part in _parts_of(reader):
        for levels in reader.cells(
            _reads(reader, part), part.conditions[-1] if part.conditions else None
        ):
            if (text := _text_in(reader, part, levels)) is not None:
                yield part.where, text, levels, True


def machine_texts(
    reader: PackReader, factor: str
) -> Iterator[tuple[set[str], Callable[[Levels], str | None]]]:
    """The texts of a shell that hang on a factor, for who wants to compare its levels.

    Yields:
        The factors that a text hangs on, and what gives it in a cell: None where it is not there.
    """
    for part in _parts_of(reader, [SHELL]):
        reads = _reads(reader, part)
        if factor in reads:
            yield reads, partial(_text_in, reader, part)


def _reads(reader: PackReader, part: _Part) -> set[str]:
    """The factors on which a text hangs."""
    templates = reader.renderer.templates
    reads = set(
        templates.reads(part.template)
        if part.is_file
        else templates.reads_in(part.template, part.where)
    )
    return reads.union(*(when.root for when in part.conditions))


def _text_in(reader: PackReader, part: _Part, levels: Levels) -> str | None:
    """A text in a cell; None where it is not there."""
    if not all(when.holds(levels) for when in part.conditions):
        return None
    if part.is_file:
        return reader.renderer.text(part.template, levels)
    return reader.renderer.fill(part.template, levels, part.where)


def office_files(reader: PackReader) -> Iterator[Path]:
    """The files that those texts stand in, each once."""
    yield from dict.fromkeys(Path(part.where) for part in _parts_of(reader))


def _parts_of(reader: PackReader, apps: Collection[str] | None = None) -> Iterator[_Part]:
    for app, tree in reader.pack.apps.items():
        if apps is not None and app not in apps:
            continue
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
