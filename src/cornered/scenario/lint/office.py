"""What an office holds beside its mail: the content of its apps, and the people who can answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cornered.scenario.factors import Levels, When
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.pack import TextFile

Part = tuple[str, str, tuple[When, ...]]
"""File, template, and the conditions that must all hold for it to be there."""


def office_texts(reader: PackReader) -> Iterator[tuple[str, str, Levels, bool]]:
    """Calendars, contacts, files, alerts and personas, once for each way in which they read.

    A persona is not shown to the agent. What the person then writes is, so that a persona may
    betray no more than a mail.

    Yields:
        The file, the text, the levels, and that the agent reads it.

    Raises:
        PackError: a template cannot be rendered.
    """
    for where, template, conditions in (*app_parts(reader), *_personas(reader)):
        reads = {*reader.renderer.reads_in(template, where), *_factors(conditions)}
        for levels in reader.cells(reads, conditions[-1] if conditions else None):
            if all(when.holds(levels) for when in conditions):
                yield where, reader.renderer.fill(template, levels, where), levels, True


def app_parts(reader: PackReader) -> Iterator[Part]:
    """Every text in the apps' content, with the conditions under which it is there."""
    for app, tree in reader.pack.apps.items():
        yield from _parts(reader, tree, reader.file(reader.pack.spec.world[app]), ())


def _parts(
    reader: PackReader, tree: Any, where: str, conditions: tuple[When, ...]
) -> Iterator[Part]:
    if isinstance(tree, str):
        yield where, tree, conditions
    elif isinstance(tree, TextFile):
        own = (*conditions, tree.head.when)
        yield reader.file(tree.name), tree.head.path, own
        yield reader.file(tree.name), reader.body(tree.name), own
    elif isinstance(tree, Mapping):
        if "when" in tree:
            conditions = (*conditions, When.model_validate(tree["when"]))
        for key, value in tree.items():
            if key != "when":
                yield from _parts(reader, value, where, conditions)
    elif isinstance(tree, list):
        for item in tree:
            yield from _parts(reader, item, where, conditions)


def _personas(reader: PackReader) -> Iterator[Part]:
    for persona in reader.pack.personas.values():
        name = persona.path.relative_to(reader.pack.folder).as_posix()
        yield str(persona.path), reader.body(name), (persona.head.when,)


def _factors(conditions: tuple[When, ...]) -> Iterator[str]:
    for when in conditions:
        yield from when.root
