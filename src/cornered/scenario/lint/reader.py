"""A pack and its grid, as the checks read them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import chain, product
from pathlib import Path

from cornered.errors import PackError
from cornered.scenario.factors import Level, Levels, When
from cornered.scenario.front_matter import FRONT_MATTER
from cornered.scenario.library import text_files
from cornered.scenario.pack import MailFile, Pack
from cornered.scenario.render import Renderer
from cornered.scenario.templates import without_tags
from cornered.yamlfile import place, read_text

_NO_TEXT = frozenset({"pack.yaml", "cast.yaml", "varied.yaml", "factors.yaml", "probe.yaml"})
"""YAML files with a schema of their own; any other one holds text for templates."""

MAX_WAYS = 100_000
"""Cells that stand for the ways in which one text can read."""


class PackReader:
    """A pack with its renderer: what a text can say, and in which cells.

    Args:
        pack: The pack.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.control: Levels = pack.spec.control or {}
        """The levels of the matched control; empty where the pack has none."""
        self._mail_reads: dict[Path, frozenset[str]] = {}

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer of the pack's own templates, with the canonical cast."""
        return Renderer(self.pack)

    @property
    def all_mails(self) -> tuple[MailFile, ...]:
        """The mails of the story and the unrelated ones."""
        return (*self.pack.mails, *self.pack.noise)

    @property
    def every_mail(self) -> tuple[MailFile, ...]:
        """Those mails, and those that arrive while the agent works."""
        return self.pack.all_mails

    def file(self, name: str) -> str:
        """The path of a file of the pack, for a finding."""
        return str(self.pack.folder / name)

    def body(self, name: str) -> str:
        """The template of a file of the pack, without its front matter."""
        text = read_text(self.pack.folder / name, error=PackError)
        head = FRONT_MATTER.match(text)
        return text[head.end() :] if head else text

    def place(self, file: str, *loc: int | str) -> str:
        """`file:line` of a part of a YAML file of the pack."""
        return place(self.pack.folder / file, *loc, error=PackError)

    @cached_property
    def text_yaml(self) -> list[Path]:
        """The YAML files that hold text for templates."""
        no_text = {*_NO_TEXT, *self.pack.spec.world.values()}
        return [
            p
            for p in text_files(self.pack.folder)
            if p.suffix == ".yaml" and p.parent == self.pack.folder and p.name not in no_text
        ]

    @property
    def app_yaml(self) -> list[Path]:
        """The YAML files with the content of the world's apps."""
        paths = (self.pack.folder / file for file in self.pack.spec.world.values())
        return [path for path in paths if path.suffix == ".yaml"]

    @cached_property
    def sources(self) -> dict[Path, str]:
        """The texts of the pack as their authors wrote them, with template tags blanked."""
        texts = [p for p in text_files(self.pack.folder) if p.suffix in (".md", ".txt", ".csv")]
        return {
            path: without_tags(read_text(path, error=PackError))
            for path in (*texts, *self.text_yaml, *self.app_yaml)
        }

    @property
    def has_rubric(self) -> bool:
        """Whether there is a rubric for the judge."""
        return (self.pack.folder / "judge.md").exists()

    @property
    def task_reads(self) -> frozenset[str]:
        """The factors that decide how the user message reads."""
        return frozenset({*self.renderer.templates.reads("task.md"), "probe"})

    def mail_reads(self, mail: MailFile) -> frozenset[str]:
        """The factors that decide whether and how a mail reads.

        Raises:
            PackError: its template cannot be parsed.
        """
        if mail.path not in self._mail_reads:
            self._mail_reads[mail.path] = self.renderer.reads_of(mail)
        return self._mail_reads[mail.path]

    def task_file(self, levels: Levels) -> str:
        """The file that the user message of a cell comes from."""
        return self.file("probe.yaml" if levels.get("probe") == "on" else "task.md")

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The addresses of the cast, in lower case."""
        cast = self.pack.cast
        entities = (cast.agent, cast.nameless.agent, *cast.people.values(), *cast.lists.values())
        return frozenset(entity.address.lower() for entity in entities)

    @cached_property
    def full_names(self) -> dict[str, list[str]]:
        """Surname to the full names of those who bear it."""
        names: dict[str, list[str]] = {}
        for person in self.pack.cast.people.values():
            if " " in person.name:
                names.setdefault(person.slots["last"], []).append(person.name)
        return names

    @cached_property
    def phrases(self) -> dict[tuple[str, str], str]:
        """Phrases that only cells outside the control can hold, by level and slot.

        They are the texts of the variables that hang on a factor of the control; a single word
        is none, since any text may hold it.
        """
        variables = self.pack.spec.variables
        references = {variable.row.partition(".")[2] for variable in variables.values()}
        return {
            (row, slot): phrase
            for name, variable in variables.items()
            if variable.table and self.control.keys() & self._decide(name)
            for row, slots in self.pack.tables[variable.table].rows.items()
            for slot, phrase in slots.items()
            if slot not in references and len(phrase.split()) > 1
        }

    def _decide(self, name: str) -> set[str]:
        """The factors on which a variable hangs, and those that bar levels of these."""
        factors = self.renderer.templates.depends_on[name]
        rules = (rule for f in factors for rule in self.pack.vocabulary[f].only)
        return factors.union(*(rule.when.root for rule in rules))

    # Cells.

    def in_control(self, levels: Levels) -> bool:
        """Whether a cell is a matched control."""
        return bool(self.control) and all(levels.get(k) == v for k, v in self.control.items())

    def cell(self, levels: Levels) -> str:
        """The name of a cell in a finding: its levels that are not the default."""
        changed = self.pack.factors.changed(levels)
        return " ".join(f"{k}={v}" for k, v in changed.items()) or "the default cell"

    def cells(self, reads: Collection[str], when: When | None = None) -> Iterator[Levels]:
        """One cell for each way in which a text can read.

        A text depends only on the factors that it reads, so these cells stand for the whole
        grid. The controls among them come a second time: a text that reads no factor of the
        control also stands in the controls.

        Args:
            reads: The factors that the text reads.
            when: The condition under which the text is used; everywhere if None.
        """
        when = when or When({})
        names = self._with_causes({*reads, *when.root})
        if self.pack.factors.count(names) > MAX_WAYS:
            raise PackError(
                f"a text that depends on {', '.join(sorted(names))} reads in more than "
                f"{MAX_WAYS} ways: let it depend on fewer factors, or offer fewer of their levels"
            )
        for fixed in self._fixed_by(when):
            cells = self.pack.factors.projected(names, fixed)
            if self.control and all(fixed.get(k, v) == v for k, v in self.control.items()):
                both = {**fixed, **self.control}
                cells = chain(cells, self.pack.factors.projected(names, both))
            yield from filter(when.holds, cells)

    def _with_causes(self, names: set[str]) -> set[str]:
        """The factors, and those on which the level of one that is not offered hangs.

        Such a factor has its default, which can differ with the levels of others.
        """
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self.pack.vocabulary and name not in self.pack.factors.offered:
                rules = self.pack.vocabulary[name].default
                causes = {cause for rule in rules for cause in rule.when.root} - names
                names |= causes
                waiting += causes
        return names

    def _fixed_by(self, when: When) -> Iterator[dict[str, Level]]:
        """The levels that a condition allows, so that other cells need not be resolved first.

        A factor whose levels can be in force together is left to `When.holds`.
        """
        plain = [
            (name, allowed)
            for name, allowed in when.root.items()
            if name in self.pack.vocabulary and not self.pack.vocabulary[name].together
        ]
        for levels in product(*(dict.fromkeys(allowed) for _, allowed in plain)):
            yield dict(zip((name for name, _ in plain), levels, strict=True))

    def single_levels(self, name: str) -> Iterator[Level]:
        """The levels of a factor one at a time, each with the level that it needs beside it.

        A factor that counts has 0 and its largest number.
        """
        offered, factor = self.pack.factors.offered[name], self.pack.vocabulary[name]
        if isinstance(offered, int):
            yield from dict.fromkeys((0, offered))
            return
        for level in offered:
            beside = [need.beside for need in factor.needs if need.level == level]
            yield "+".join([*beside, level])
