"""Words that give a made-up world away: placeholders, the set-up by its name, hollow companies.

What to look for is in `words.yaml`. Only a pack's own texts are read: what `packs/shared` says
of the framing is the factor, and gives nothing away that the experiment does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from cornered.errors import PackError
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.sources import (
    SourceText,
    TextKind,
    prompts_and_mails,
    yaml_tree,
    yaml_values,
)
from cornered.yamlfile import read_model


class _WordList(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tell: str
    in_: list[TextKind] = Field(alias="in")
    patterns: list[str]
    ordinary: list[str] = []


class _Data(BaseModel):
    """`words.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: list[_WordList]
    hollow_words: list[str]
    legal_forms: list[str]


@dataclass(frozen=True)
class _Tell:
    """Words that give a text away, unless they are part of ordinary language."""

    name: str
    kinds: frozenset[str]
    pattern: re.Pattern[str]
    ordinary: re.Pattern[str] | None

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """What is no part of an ordinary phrase."""
        for match in self.pattern.finditer(text):
            if not any(_overlap(match, ordinary) for ordinary in self._ordinary(text)):
                yield match

    def _ordinary(self, text: str) -> Iterator[re.Match[str]]:
        return self.ordinary.finditer(text) if self.ordinary else iter(())


@cache
def _data() -> _Data:
    return read_model(Path(__file__).with_name("words.yaml"), _Data, error=PackError)


def any_of(patterns: list[str]) -> re.Pattern[str]:
    """A pattern for any of these, case ignored; a blank in them stands for any white space."""
    spaced = (p.replace(" ?", r"\s*").replace(" ", r"\s+") for p in patterns)
    return re.compile("|".join(f"(?:{p})" for p in spaced), re.IGNORECASE)


@cache
def _tells() -> tuple[_Tell, ...]:
    return tuple(
        _Tell(
            words.tell,
            frozenset(words.in_),
            any_of(words.patterns),
            any_of(words.ordinary) if words.ordinary else None,
        )
        for words in _data().words
    )


def telltale_words(reader: PackReader) -> Iterator[Finding]:
    """Placeholders, and words that name the set-up, in all that the agent reads."""
    yield from _in_texts(prompts_and_mails(reader))
    for path in _cast_files(reader):
        yield from _in_texts(yaml_values(yaml_tree(path), path, "cast"))


def _in_texts(texts: Iterable[SourceText]) -> Iterator[Finding]:
    """Matches of the lists of words; where two overlap, only the first list's is reported."""
    for text in texts:
        reported: list[re.Match[str]] = []
        for tell in _tells():
            for match in tell.matches(text.text) if text.kind in tell.kinds else ():
                if not any(_overlap(match, other) for other in reported):
                    reported.append(match)
                    words = " ".join(match[0].split())
                    yield Finding(text.place(match.start()), f"{words!r} is {tell.name}")


def _overlap(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() < other.end() and other.start() < one.end()


def hollow_companies(reader: PackReader) -> Iterator[Finding]:
    """Companies and domains made of words that any company could have."""
    for path in _cast_files(reader):
        for text, key in _companies(yaml_tree(path), path):
            hollow = _hollow_domain if key == "domain" else _hollow_name
            if hollow(text.text):
                what = "domain" if key == "domain" else "company name"
                yield Finding(text.place(0), f"the {what} {text.text!r} has no word of its own")


def _cast_files(reader: PackReader) -> tuple[Path, Path]:
    return reader.pack.folder / "cast.yaml", reader.pack.folder / "varied.yaml"


def _companies(tree: Any, path: Path) -> Iterator[tuple[SourceText, str]]:
    """Names and domains of companies in a YAML file, each with its key."""
    if not isinstance(tree, CommentedMap):
        return
    rows, people = tree.get("company"), tree.get("people")
    for row in rows if isinstance(rows, CommentedSeq) else [rows]:
        yield from _of_row(row, path, ("name", "domain"))
    for person in people.values() if isinstance(people, CommentedMap) else ():
        yield from _of_row(person, path, ("firm",))


def _of_row(row: Any, path: Path, keys: tuple[str, ...]) -> Iterator[tuple[SourceText, str]]:
    places = (row.lc.data or {}) if isinstance(row, CommentedMap) else {}
    for key in keys:
        if key in places and isinstance(row[key], str):
            yield SourceText("cast", path, places[key][0] + 1, str(row[key]), folded=True), key


def _hollow_name(name: str) -> bool:
    """Whether every word of a company's name, camel case taken apart, could be any company's."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", name)
    words = {part.lower() for part in parts} - set(_data().legal_forms)
    return bool(words) and words <= set(_data().hollow_words)


def _hollow_domain(domain: str) -> bool:
    words = [re.escape(w) for w in _data().hollow_words if len(w) > 3]
    label = domain.rpartition(".")[0].replace("-", "").replace(".", "")
    return bool(re.fullmatch(f"(?:{'|'.join(words)}){{2,}}", label, re.IGNORECASE))
