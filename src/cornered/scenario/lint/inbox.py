"""Inboxes of a pack, and what is form in their mails: greeting, closing, own words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cornered.errors import CorneredError, FactorError, PackError
from cornered.scenario.factors import Level, Levels
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.sources import front_matter_line
from cornered.scenario.pack import MailFile
from cornered.yamlfile import read_model

WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
GREETING = re.compile(
    r"(hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|morning|afternoon|evening"
    r"|greetings|bonjour|hallo|hola|salut)\b(?: +[\w’'.-]+?){0,4} *(?:[,.!:;–—-]+|$)",
    re.IGNORECASE | re.MULTILINE,
)
TO_ALL = frozenset({"all", "team", "everyone", "everybody", "folks", "colleagues", "both", "and"})
REPLY = re.compile(r"\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)


class Limits(BaseModel):
    """Thresholds for the inbox as a whole; `habits.yaml` says why each is what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fewest: int
    """Mails."""
    level: float
    round_minutes: list[int]
    span: int
    """Minutes."""
    gap_spread: float
    same_gap: float
    near_lengths: int
    """Characters."""
    near_lengths_ring: int
    """Characters."""
    near_lengths_from: int
    """Characters."""
    near_lengths_level: float
    length_spread: float
    same_greeting: float
    first_words: int
    first_words_people: int
    same_closing: float
    same_closing_people: int
    common_closings: list[str]
    full_form: float
    round_figures: float
    title_case: float


class _Data(BaseModel):
    """`habits.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    story_openings: list[str]
    inbox: Limits


@cache
def habits_data() -> _Data:
    """Openings of stories, and the thresholds for the inbox as a whole."""
    return read_model(Path(__file__).with_name("habits.yaml"), _Data, error=PackError)


@dataclass(frozen=True)
class MailForm:
    """A mail as the agent sees it, taken apart into what is form and what is not."""

    file: MailFile
    subject: str
    body: str
    sender: str
    """The sender's name."""
    names: frozenset[str]
    """Words of the names of everybody, in lower case."""

    def at(self, key: str) -> str:
        """`file:line` of a key of the front matter."""
        return f"{self.file.path}:{front_matter_line(self.file, key)}"

    @property
    def start(self) -> str:
        """`file:line` of the body."""
        return f"{self.file.path}:{self.file.first_line}"

    @property
    def stem(self) -> str:
        """The name of the file."""
        return self.file.stem

    @cached_property
    def own(self) -> str:
        """The body without what it quotes."""
        lines = (line for line in self.body.splitlines() if not line.lstrip().startswith(">"))
        return "\n".join(lines).strip()

    @cached_property
    def _greeting(self) -> tuple[str, int]:
        """The formula of the greeting, and where it ends; ("", 0) if there is none."""
        if match := GREETING.match(self.own):
            return match[1].lower(), match.end()
        named = re.match(r"([^,:\n–—-]{2,40}?) *(?:[,:–—-]|$)", self.own, re.MULTILINE)
        words = [w.lower() for w in WORD.findall(named[1])] if named else []
        if named and 0 < len(words) <= 4 and {*words} <= self.names | TO_ALL:
            return "the bare name", named.end()
        return "", 0

    @property
    def greeting(self) -> str:
        """The formula of the greeting, without names; empty if there is none."""
        return self._greeting[0]

    @cached_property
    def content(self) -> str:
        """What comes after the greeting."""
        return self.own[self._greeting[1] :].strip(" \n,.!:;–—-")

    def first_words(self, count: int) -> tuple[str, ...]:
        """The first words after the greeting; empty if there are fewer than `count`."""
        words = tuple(w.lower() for w in WORD.findall(self.content)[:count])
        return words if len(words) == count else ()

    @cached_property
    def closing(self) -> str:
        """The formula above the sender's name (`best regards`); empty if there is none."""
        common = habits_data().inbox.common_closings
        lines = [line.strip() for line in self.content.splitlines() if line.strip()][-5:]
        for above, line in pairwise(lines):
            formula = _formula(above)
            fits = above.endswith((",", "!")) and len(formula.split()) <= 5
            if self._signs(line) and (formula in common or fits):
                return formula
        for line in lines:
            formula, comma, name = line.rpartition(",")
            if comma and self._signs(name) and _formula(formula) in common:
                return _formula(formula)
        return _formula(lines[-1]) if lines and _formula(lines[-1]) in common else ""

    def _signs(self, line: str) -> bool:
        """Whether a line is the sender's name, or its initials."""
        words = {w.lower() for w in WORD.findall(line)}
        own = [w.lower() for w in WORD.findall(self.sender)]
        initials = {w[0] for w in own} | {"".join(w[0] for w in own)}
        return bool(words) and words <= {*own, *initials}


def _formula(line: str) -> str:
    return " ".join(WORD.findall(line)).lower()


@dataclass(frozen=True)
class Inbox:
    """All mails of one cell, oldest first."""

    cell: str
    """Its name in a finding."""
    mails: tuple[MailForm, ...]
    limits: Limits

    def most_common(self, formulas: list[str]) -> tuple[str, int]:
        """The formula that most have, and how many."""
        most = Counter(f for f in formulas if f).most_common(1)
        return most[0] if most else ("", 0)


def inboxes(reader: PackReader) -> Iterator[Inbox]:
    """The inboxes of the default cell and of those that differ from it in one factor.

    Inboxes that hold the same mails come once. What cannot be rendered is left out.
    """
    pack, renderer = reader.pack, reader.renderer
    files = {m.stem: m for m in reader.all_mails}
    cast = pack.cast
    everybody = (cast.agent, *cast.people.values(), *cast.lists.values())
    called = [entity.name for entity in everybody]
    called += [cast.unnamed.vocative] if cast.unnamed else []
    names = frozenset(w.lower() for name in called for w in WORD.findall(name))

    @cache
    def form(stem: str, subject: str, body: str, sender: str) -> MailForm:
        return MailForm(files[stem], subject, body, sender.partition(" <")[0], names)

    seen = set()
    for levels in _cells(reader):
        with suppress(CorneredError):
            mails = tuple(form(m.stem, m.subject, m.body, m.sender) for m in renderer.mails(levels))
            if (same := tuple(map(id, mails))) not in seen:
                seen.add(same)
                changed = pack.factors.changed(levels)
                listed = " ".join(f"{k}={v}" for k, v in changed.items())
                cell = f"the inbox of {listed}" if listed else "the default inbox"
                yield Inbox(cell, mails, habits_data().inbox)


def _cells(reader: PackReader) -> Iterator[Levels]:
    """The default cell, and each that differs from it in a factor that mails read.

    Each comes twice where a factor counts mails: at 0 and at the largest number.
    """
    offered, vocabulary = reader.pack.factors.offered, reader.pack.vocabulary
    reads: set[str] = set()
    for mail in reader.all_mails:
        with suppress(CorneredError):
            reads |= reader.mail_reads(mail)
    changes: list[dict[str, Level]] = [{}]
    for name in offered:
        if name in reads and not vocabulary[name].count:
            changes += [{name: level} for level in reader.single_levels(name)]
    most: dict[str, Level] = {n: count for n, count in offered.items() if isinstance(count, int)}
    for change in changes:
        for counts in ({}, most) if any(most.values()) else ({},):
            with suppress(FactorError):
                yield reader.pack.factors.resolve({**counts, **change})
