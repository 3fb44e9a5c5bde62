"""Levels that are offered and change nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

from cornered.errors import FactorError
from cornered.scenario.factors import Level, Levels
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.load import SHELL
from cornered.scenario.pack import TextFile, text_files_in
from cornered.scenario.study import study_scene

_DRAW = "000001"


def ignored_levels(reader: PackReader) -> Iterator[Finding]:
    """Levels of one factor that make the same prompt in every cell that can have either.

    An experiment would take them for two conditions, and find no effect.
    """
    prompts = _Prompts(reader)
    for name in reader.pack.factors.offered:
        if not reader.pack.vocabulary[name].in_prompt:
            continue
        alike: list[list[Level]] = []
        for level in reader.single_levels(name):
            same = next((s for s in alike if not prompts.differ(name, s[0], level)), None)
            if same is None:
                alike.append([level])
            else:
                same.append(level)
        for levels in alike:
            if len(levels) > 1:
                yield Finding(
                    reader.place("pack.yaml", "factors", name),
                    f"factors.{name}: {' and '.join(map(str, levels))} make the same prompt in "
                    "every cell; write a text for each, or offer one",
                )


class _Prompts:
    """The prompts of a pack, to be compared."""

    def __init__(self, reader: PackReader) -> None:
        self.reader = reader
        self.factors = reader.pack.factors
        self.of = cache(self._of)

    def differ(self, name: str, one: Level, other: Level) -> bool:
        """Whether two levels make different prompts in some cell, or share no cell at all.

        The cells of the factors that decide whether the two can be had come first: they are few,
        and nearly always tell.
        """
        shared = False
        for reads in chain([{name, *self._decisive(name)}], self._reads(name)):
            for cell, beside in self._pairs(name, one, other, reads):
                shared = True
                if self.of(*cell.items()) != self.of(*beside.items()):
                    return True
            if not shared:
                return True
        return False

    def _pairs(
        self, name: str, one: Level, other: Level, reads: Collection[str]
    ) -> Iterator[tuple[Levels, Levels]]:
        """Cells that have one of the levels, each with the same cell at the other level."""
        for here, there in ((one, other), (other, one)):
            for cell in self.factors.projected(reads, {name: here}):
                # Where the levels do not go together with the same others, there is no pair.
                with suppress(FactorError):
                    yield cell, self.factors.nearest(cell, {name: there})

    def _decisive(self, name: str) -> set[str]:
        """The factors on which it hangs which levels of this one can be had."""
        return {factor for only in self.factors.vocabulary[name].only for factor in only.when.root}

    def _reads(self, name: str) -> Iterator[Collection[str]]:
        """The factors that a text reads together, for each text that reads this one."""
        if self.reader.pack.spec.study:
            yield self.factors.offered
            return
        reader = self.reader
        yield from (
            reads for reads in reader.renderer.templates.parts("system.md") if name in reads
        )
        texts = {reader.task_reads, *map(reader.mail_reads, reader.all_mails)}
        files = text_files_in(reader.pack.apps.get(SHELL))
        texts |= {frozenset({*one.head.when.root, *self._file_reads(one)}) for one in files}
        yield from (reads for reads in texts if name in reads)

    def _file_reads(self, file: TextFile) -> Collection[str]:
        """The factors that the text and the path of a file read."""
        templates = self.reader.renderer.templates
        where = self.reader.file(file.name)
        return {*templates.reads(file.name), *templates.reads_in(file.head.path, where)}

    def _of(self, *cell: tuple[str, Level]) -> tuple[Any, ...]:
        """All that the agent reads in a cell; spaces and line breaks tell nothing apart."""
        levels = dict(cell)
        if self.reader.pack.spec.study:
            scene = self.reader.renderer.scene(levels)
            prompt = study_scene(self.reader.pack, levels, scene)[1]
            return _folded(prompt.system), _folded(prompt.task)
        renderer = self.reader.renderer.for_trial(levels, _DRAW)
        mails = (replace(mail, body=_folded(mail.body)) for mail in renderer.mails(levels))
        prompts = renderer.system(levels), renderer.task(levels, inbox="")
        return *map(_folded, prompts), *mails, *self._files(levels)

    def _files(self, levels: Levels) -> Iterator[tuple[str, str]]:
        """Path and text of each file of a shell; where there is one, it is what the agent works on.

        The rest of an office is left out: what only stands beside the mail tells no levels apart.
        """
        if SHELL not in self.reader.pack.apps:
            return
        shell = self.reader.renderer.scene(levels).apps[SHELL]
        for file in chain(shell["files"], *(one["files"] for one in shell["deliver"])):
            yield file["path"], _folded(file["text"])


def _folded(text: str) -> str:
    """A text with single spaces in place of spaces and line breaks."""
    return " ".join(text.split())
