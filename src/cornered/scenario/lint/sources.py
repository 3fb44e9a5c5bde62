"""The texts of a pack as their authors wrote them, each with the line on which it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from cornered.errors import PackError
from cornered.scenario.front_matter import FRONT_MATTER
from cornered.scenario.lint.office import office_files
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.pack import MailFile
from cornered.scenario.templates import without_tags
from cornered.yamlfile import parse_yaml, read_text

INCLUDE = re.compile(r"""\{%[-+]?\s*include\s+["']([^"']+)["']""")

TextKind = Literal["prompts", "mails", "cast"]
"""Where a text is read: what is a tell in a prompt can be office life in a mail."""


@dataclass(frozen=True)
class SourceText:
    """A text of the pack, with its template tags blanked."""

    kind: TextKind
    path: Path
    line: int
    """The line of the file on which the text starts."""
    text: str
    folded: bool = False
    """All of it counts as on that line."""

    def place(self, offset: int) -> str:
        """`file:line` of the character at an offset."""
        below = 0 if self.folded else self.text.count("\n", 0, offset)
        return f"{self.path}:{self.line + below}"


def prompts_and_mails(reader: PackReader) -> Iterator[SourceText]:
    """What the agent reads and people are told: prompts, mails, personas, the content of apps."""
    folder, mails = reader.pack.folder, reader.every_mail
    prompts = [folder / "system.md", folder / "task.md"]
    for mail in mails:
        yield from _front_matter(mail)
        yield SourceText("mails", mail.path, mail.first_line, _template(mail.path))
    attachments = [folder / path for path in reader.pack.attachments.values()]
    for path in (p.path for p in reader.pack.personas.values()):
        yield SourceText("mails", path, 1, _template(path))
    for path in office_files(reader):
        if path.suffix == ".yaml":
            yield from yaml_values(yaml_tree(path), path, "mails")
        else:
            yield SourceText("mails", path, 1, _template(path))
    for path in (*attachments, *_included(folder, [*(m.path for m in mails), *attachments])):
        yield SourceText("mails", path, 1, _template(path))
    for path in (*prompts, *_included(folder, prompts)):
        yield SourceText("prompts", path, 1, _template(path))
    for path in reader.text_yaml:
        kind: TextKind = "mails" if path.name == reader.pack.spec.replies else "prompts"
        yield from yaml_values(yaml_tree(path), path, kind)


def _split(path: Path) -> tuple[str, str]:
    """Front matter and body of a file; both empty if it cannot be read, which others report."""
    with suppress(PackError):
        text = read_text(path, error=PackError)
        head = FRONT_MATTER.match(text)
        return (head[1], text[head.end() :]) if head else ("", text)
    return "", ""


def _template(path: Path) -> str:
    """The words of a template."""
    return without_tags(_split(path)[1])


def _included(folder: Path, roots: list[Path]) -> list[Path]:
    """The files of the pack that these templates include, and those that they include.

    The shared texts are left out: what they say of the framing is the factor itself.
    """
    included: dict[Path, None] = {}
    waiting = list(roots)
    while waiting:
        for name in INCLUDE.findall(_split(waiting.pop())[1]):
            path = folder / name
            if not name.startswith("shared/") and path not in included and path.is_file():
                included[path] = None
                waiting.append(path)
    return list(included)


def _front_matter(mail: MailFile) -> Iterator[SourceText]:
    """Subject and names of attachments."""
    for key, values in (("subject", [mail.head.subject]), ("attachments", mail.head.attachments)):
        for value in values:
            line = front_matter_line(mail, key)
            yield SourceText("mails", mail.path, line, without_tags(value), folded=True)


def front_matter_line(mail: MailFile, key: str) -> int:
    """The line of the mail's file on which a key of its front matter stands."""
    lines = _split(mail.path)[0].splitlines()
    return next((n for n, line in enumerate(lines, 2) if line.startswith(f"{key}:")), 1)


def yaml_tree(path: Path) -> Any:
    """A YAML file as ruamel's tree; None if there is none or it cannot be read."""
    if path.is_file():
        with suppress(PackError):
            return parse_yaml(read_text(path, error=PackError), path=path, error=PackError)
    return None


def yaml_values(tree: Any, path: Path, kind: TextKind) -> Iterator[SourceText]:
    """The texts that stand as values in a YAML file, without keys and comments."""
    for line, value in _scalars(tree, 0):
        yield SourceText(kind, path, line + 1, without_tags(value), folded=True)


def _scalars(tree: Any, line: int) -> Iterator[tuple[int, str]]:
    """Every text in a YAML tree with its 0-based line."""
    if isinstance(tree, CommentedMap):
        places = tree.lc.data or {}
        for key, value in tree.items():
            yield from _scalars(value, places[key][0] if key in places else line)
    elif isinstance(tree, CommentedSeq):
        for number, value in enumerate(tree):
            yield from _scalars(value, tree.lc.item(number)[0])
    elif isinstance(tree, str):
        yield line, str(tree)
