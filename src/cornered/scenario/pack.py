"""A scenario pack, loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cornered.scenario.cast import Cast
from cornered.scenario.factors import SHARED, Factor, Factors, Level, When, one_turn
from cornered.scenario.library import files_version, pack_files
from cornered.scenario.personas import Persona
from cornered.scenario.spec import (
    FileHead,
    MailHead,
    PackSpec,
    PlaceSpec,
    Question,
    ReplySpec,
    Variety,
)
from cornered.yamlfile import Loc

_SIZE = re.compile(r"\s*\([^()]*\)\s*$")
Rows = dict[str, dict[str, str]]
"""A table of texts: row to its slots."""


@dataclass(frozen=True)
class MailFile:
    """A mail of the pack: its front matter, and the template of its body."""

    stem: str
    path: Path
    head: MailHead
    body: str
    first_line: int
    """The line of the file on which the body starts."""


@dataclass(frozen=True)
class TextFile:
    """A text file in a folder of an app: its front matter, and the name of its template."""

    name: str
    """Its place in the pack, such as `files/Planning/rates.csv`."""
    place: str
    """Its place in the folder of the app."""
    head: FileHead


@dataclass(frozen=True)
class Table:
    """A table whose rows fill a variable of templates."""

    rows: Rows
    """The pack's own slots over the shared ones."""
    own: dict[str, str]
    """Slots that only the pack's own file has, each to a row that has it."""


@dataclass(frozen=True)
class Pack:
    """A loaded scenario pack."""

    name: str
    folder: Path
    spec: PackSpec
    cast: Cast
    mails: tuple[MailFile, ...]
    noise: tuple[MailFile, ...]
    place: PlaceSpec
    """How the prompts of judges and readers describe the place."""
    tables: dict[str, Table]
    """The tables that variables take rows of, by file name."""
    apps: dict[str, Any]
    """App to the content of its file, for every app but mail; of a folder, its `TextFile`s."""
    vocabulary: dict[str, Factor]
    """The shared factors, and the pack's own."""
    variety: Variety | None
    """What a varied cast draws from; None where the pack cannot vary its cast."""
    questions: tuple[Question, ...]
    """The questions of the probe; empty where the pack has none."""
    personas: Mapping[str, Persona] = field(default_factory=dict)
    """Who can answer by a model, by the key of the cast."""
    shared: Path = SHARED
    """The folder of the texts that it shares with other packs."""
    arrivals: tuple[MailFile, ...] = ()
    """The mails that arrive while the agent works, on surfaces of many turns."""
    replies: tuple[ReplySpec, ...] = ()
    """The automatic replies, on these surfaces."""
    attachments: Mapping[str, str] = field(default_factory=dict)
    """Name of an attachment to the template of its text, as a path in the pack."""

    @property
    def all_mails(self) -> tuple[MailFile, ...]:
        """The mails of the story, the unrelated ones, and those that arrive."""
        return (*self.mails, *self.noise, *self.arrivals)

    @property
    def renders(self) -> bool:
        """Whether the pack has prompts of its own."""
        return (self.folder / "system.md").exists()

    @property
    def runs(self) -> bool:
        """Whether the pack has prompts, its own or the study's.

        Without prompts, only stored answers can be scored.
        """
        return self.renders or self.spec.study is not None

    @cached_property
    def factors(self) -> Factors:
        """The vocabulary, narrowed to this pack."""
        offered: dict[str, list[str] | int] = {}
        for name, levels in self.spec.factors.items():
            factor = self.vocabulary[name]
            if factor.count:
                offered[name] = len(self.noise)
            else:
                all_levels = [factor.open] if factor.open else list(factor.levels)
                offered[name] = all_levels if levels == "all" else levels
        return Factors(self.vocabulary, offered, self.name)

    def levels_of(self, factor: str) -> list[str]:
        """The levels that the pack offers of a factor; empty for a factor that counts."""
        offered = self.factors.offered[factor]
        return offered if isinstance(offered, list) else []

    def apps_in(self, levels: Mapping[str, Level]) -> list[str]:
        """The apps of the world in a condition, in the order of `world`.

        In one turn of text they are those that the prompt offers operations of, or that a fact
        asks of.
        """
        if not one_turn(levels) or not self.spec.tools:
            return [*self.spec.world]
        named = {tool.partition(".")[0] for tool in self.spec.tools}
        named.update(*(fact.state for fact in self.spec.facts.values()))
        return [app for app in self.spec.world if app in named]

    @property
    def conditions(self) -> Iterator[When]:
        """Every condition on a part of the content of an app."""
        for tree in self.apps.values():
            yield from (When.model_validate(given) for _, given in conditions_in(tree))
            yield from (file.head.when for file in text_files_in(tree))

    @cached_property
    def files(self) -> dict[str, str]:
        """Path to sha256 of every text file of the pack and of `shared/`."""
        return pack_files(self.folder)

    @cached_property
    def version(self) -> str:
        """A hash of all files, 12 hex digits; it changes with any text."""
        return files_version(self.files)


def conditions_in(tree: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    """Every `when` in the YAML of an app, with its place."""
    if isinstance(tree, Mapping):
        if "when" in tree:
            yield (*loc, "when"), tree["when"]
        for key, value in tree.items():
            yield from conditions_in(value, (*loc, str(key)))
    elif isinstance(tree, list):
        for n, item in enumerate(tree):
            yield from conditions_in(item, (*loc, n))


def text_files_in(tree: Any) -> Iterator[TextFile]:
    """Every text file in the content of an app."""
    if isinstance(tree, TextFile):
        yield tree
    elif isinstance(tree, Mapping | list):
        for part in tree.values() if isinstance(tree, Mapping) else tree:
            yield from text_files_in(part)


def attachment_name(attachment: str) -> str:
    """The name of an attachment, without its size: `plan.pdf` of `plan.pdf (2 MB)`."""
    return _SIZE.sub("", attachment).strip()
