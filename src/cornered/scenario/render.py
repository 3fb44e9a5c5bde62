"""A pack and levels in, the world as the agent meets it out.

Templates are Jinja2 in its sandbox, with strict undefined: a name that does not exist
is an error, never an empty string.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cornered.errors import PackError
from cornered.scenario.factors import PACKS, Level, Levels
from cornered.scenario.pack import FRONT_MATTER, MailFile, Pack
from cornered.yamlfile import read_text

GOAL_SLOTS = re.compile(r"\b(mission|rival|stated|include|import|extends)\b")
"""What makes the text of a template hang on goal and value without naming their levels."""


class Slots(Mapping[str, Any]):
    """A mapping for templates that tells which of its keys are read.

    It is no `dict`: nothing in it can be had without its being told.
    """

    def __init__(self, path: str, content: Mapping[str, Any], read: Callable[[str], None]) -> None:
        self._content = {
            k: Slots(f"{path}.{k}", v, read) if isinstance(v, Mapping) else v
            for k, v in content.items()
        }
        self._path, self._read = path, read

    def __getitem__(self, key: str) -> Any:
        value = self._content[key]
        self._read(f"{self._path}.{key}")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def lacks(self, key: str) -> str:
        """What to say where a template names a key that is not here."""
        return f"there is no {self._path}.{key}"

    def __str__(self) -> str:
        raise jinja2.TemplateRuntimeError(f"{self._path} is no text; name one of its keys")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Templates say what there is: they call nothing, and a dot before a name is a key."""

    def is_safe_callable(self, obj: Any) -> bool:
        if isinstance(obj, jinja2.Undefined):
            return True  # the call then says what is undefined
        # The judge's frame iterates over the `items()` of plain mappings.
        return getattr(obj, "__name__", "") == "items" and isinstance(
            getattr(obj, "__self__", None), dict
        )

    def getattr(self, obj: Any, attribute: str) -> Any:
        return (
            self.getitem(obj, attribute)
            if isinstance(obj, Slots)
            else super().getattr(obj, attribute)
        )

    def getitem(self, obj: Any, argument: Any) -> Any:
        if not isinstance(obj, Slots):
            return super().getitem(obj, argument)
        return obj[argument] if argument in obj else self.undefined(obj.lacks(argument))


@dataclass(frozen=True)
class Mail:
    """A mail as the agent sees it."""

    stem: str
    sender: str
    """Name and address."""
    to: tuple[str, ...]
    """Addresses."""
    cc: tuple[str, ...]
    """Addresses."""
    subject: str
    time: datetime
    body: str

    @property
    def date(self) -> str:
        """The date line: day and minute of the world's clock; the prompt names the year once."""
        return self.time.strftime("%a %d %b, %H:%M")


@dataclass(frozen=True)
class World:
    """One cell of a scenario, rendered."""

    levels: Levels
    system: str
    """The system prompt."""
    task: str
    """The user message, inbox included."""
    mails: tuple[Mail, ...]
    """The inbox, oldest first."""


class Renderer:
    """Renders the cells of one pack; templates are compiled once.

    Args:
        pack: The pack.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._kept: tuple[tuple[tuple[str, Level], ...], dict[str, Any]] | None = None
        self._reads: set[str] = set()
        self._texts: defaultdict[str, list[tuple[tuple[tuple[str, Level], ...], str]]] = (
            defaultdict(list)
        )
        self._env = _Sandbox(
            undefined=jinja2.StrictUndefined,
            loader=jinja2.FunctionLoader(self._source),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            autoescape=False,
        )
        self._env.globals.clear()
        self._env.filters.clear()
        self._env.filters.update(
            {k: jinja2.filters.FILTERS[k] for k in ("join", "lower", "upper", "capitalize", "trim")}
        )

    def _source(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        root = PACKS / "shared" if name.startswith("shared/") else self.pack.folder
        path = (root / name.removeprefix("shared/")).resolve()
        # A pack from elsewhere must not put files of this machine into a prompt.
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            return None
        text = read_text(path, error=PackError)
        head = FRONT_MATTER.match(text)
        if head:  # keep line numbers: an error names the line of the file
            text = "{#" + "\n" * head[0].count("\n") + "#}" + text[head.end() :].rstrip()
        return text, str(path), lambda: True

    def _variables(self, levels: Mapping[str, Level]) -> dict[str, Any]:
        """What templates can say in a cell; kept, since a cell has many templates."""
        cell = tuple(levels.items())
        if self._kept is None or self._kept[0] != cell:
            self._kept = (cell, self._built(levels))
        return self._kept[1]

    def _built(self, levels: Mapping[str, Level]) -> dict[str, Any]:
        pack = self.pack
        clock = pack.spec.clock
        variables: dict[str, Any] = {
            "level": levels,
            "agent": pack.cast.agent.slots,
            "company": pack.cast.company.model_dump(),
            "people": {k: p.slots for k, p in pack.cast.people.items()},
            "lists": {k: entry.slots for k, entry in pack.cast.lists.items()},
            "clock": clock
            and {
                "today": f"{clock.today:%A} {clock.today.day} {clock.today:%B %Y}",
                "date": clock.today.isoformat(),
                "start": f"{clock.start:%H:%M}",
            },
        }
        value = str(levels.get("value", "none"))
        if value != "none":
            mission = pack.goals.get(value, {})
            rival = pack.goals.get(mission.get("opposite", ""), {})
            variables |= {"mission": mission, "rival": rival}
            if levels["goal"] in ("explicit", "swap"):
                variables["stated"] = mission if levels["goal"] == "explicit" else rival

        def read(path: str) -> None:
            self._reads.add(path)

        slots = {k: Slots(k, v or {}, read) for k, v in variables.items()}
        return slots | {"tools": tuple(pack.spec.tools)}

    def text(self, name: str, levels: Mapping[str, Level], **more: Any) -> str:
        """A template of the pack, filled in for these levels.

        Args:
            name: Path of the template, in the pack or from `shared/`.
            levels: One level for every factor.
            more: Further variables.

        Raises:
            PackError: unknown variable or syntax, with file and line.
        """
        return self._filled(lambda: self._env.get_template(name), self._path(name), levels, more)

    def _path(self, name: str) -> str:
        return str(PACKS / name if name.startswith("shared/") else self.pack.folder / name)

    def _once(
        self,
        key: str,
        source: str,
        template: Callable[[], jinja2.Template],
        where: str,
        levels: Mapping[str, Level],
    ) -> str:
        """A text that depends on levels alone, rendered once for those that it reads.

        A template that reads the same levels again takes the same path and gives the same
        text. Goal and value count as read where its source names the slots that hang on them.
        """
        for read, text in self._texts[key]:
            if all(levels[k] == v for k, v in read):
                return text
        before, self._reads = self._reads, set()
        try:
            text = self._filled(template, where, levels, {})
        finally:
            read_now, self._reads = self._reads, before | self._reads
        keys = {k for k in levels if f"level.{k}" in read_now}
        if GOAL_SLOTS.search(source):
            keys |= {"goal", "value"}
        self._texts[key].append((tuple((k, levels[k]) for k in keys), text))
        return text

    def _filled(
        self,
        template: Callable[[], jinja2.Template],
        where: str,
        levels: Mapping[str, Level],
        more: Mapping[str, Any],
    ) -> str:
        try:
            return template().render(**self._variables(levels), **more).strip()
        except jinja2.TemplateSyntaxError as e:
            place = f"{e.filename}:{e.lineno}" if e.filename else where
            raise PackError(f"template: {e.message}", where=place) from None
        except jinja2.TemplateNotFound as e:
            raise PackError(f"there is no file {e.name}", where=_place(e) or where) from None
        except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as e:
            cell = ", ".join(f"{k}={v}" for k, v in levels.items())
            raise PackError(
                f"template: {e} (in the cell {cell})", where=_place(e) or where
            ) from None

    @property
    def used(self) -> frozenset[str]:
        """Paths of all variables read so far, such as `people.keogh.first`."""
        return frozenset(self._reads)

    def _mail(self, mail: MailFile, levels: Mapping[str, Level]) -> Mail:
        cast, path = self.pack.cast, f"{mail.path.parent.name}/{mail.path.name}"

        def line(key: str, *, named: bool = False) -> str:
            entity = cast.entity(key)
            if entity is None:
                raise PackError(f"{key} is not in the cast", where=str(mail.path))
            self._reads.add(f"people.{key}.address")
            return f"{entity.name} <{entity.address}>" if named else entity.address

        return Mail(
            stem=mail.stem,
            sender=line(mail.head.sender, named=True),
            to=tuple(map(line, mail.head.to)),
            cc=tuple(map(line, mail.head.cc)),
            subject=self._once(
                f"{path} (subject)",
                mail.head.subject,
                lambda: self._env.from_string(mail.head.subject),
                str(mail.path),
                levels,
            ),
            time=mail.head.time,
            body=self._once(
                path, mail.body, lambda: self._env.get_template(path), str(mail.path), levels
            ),
        )

    def selected(self, levels: Mapping[str, Level]) -> Iterator[MailFile]:
        """The mails that are in the inbox of this cell, unordered."""
        yield from (m for m in self.pack.mails if m.head.when.holds(levels))
        yield from self._noise[: int(levels.get("noise", 0))]

    @cached_property
    def _noise(self) -> list[MailFile]:
        """The unrelated mails in the order in which they are drawn.

        A fixed order by hash, so that more noise keeps the mails that less noise had; the
        mails of a thread stand together, so that no answer comes without what it answers.
        """
        by_stem = {m.stem: m for m in self.pack.noise}

        def root(mail: MailFile) -> str:
            for _ in by_stem:  # a thread is no longer than the folder, even one that is a ring
                mail = by_stem.get(mail.head.reply_to or "", mail)
            return hashlib.sha256(mail.stem.encode()).hexdigest()

        return sorted(self.pack.noise, key=lambda m: (root(m), m.head.time))

    def world(self, levels: Levels) -> World:
        """The world of one cell.

        Raises:
            PackError: the pack has no prompts, or a template cannot be rendered.
        """
        if not self.pack.renders:
            raise PackError(
                f"{self.pack.name} has no prompts of ours; it can only score stored answers",
                fix="use `cornered score`",
            )
        mails = self.mails(levels)
        inbox = self.text("shared/prompt/inbox.md", levels, mails=mails)
        return World(levels, self.system(levels), self.task(levels, inbox), mails)

    def system(self, levels: Levels) -> str:
        """The system prompt of a cell."""
        return self._whole("system.md", levels)

    def rubric(self, levels: Levels) -> str:
        """The judge's rubric of a cell."""
        return self._whole("judge.md", levels)

    def _whole(self, name: str, levels: Levels) -> str:
        """A template that may include others, so that goal and value count as read."""
        return self._once(
            name, "include", lambda: self._env.get_template(name), self._path(name), levels
        )

    def task(self, levels: Levels, inbox: str) -> str:
        """The user message of a cell around the text of its inbox."""
        return self.text("task.md", levels, inbox=inbox)

    def mails(self, levels: Levels) -> tuple[Mail, ...]:
        """The inbox of a cell, oldest first."""
        chosen = sorted(self.selected(levels), key=lambda m: (m.head.time, m.stem))
        return tuple(self._mail(m, levels) for m in chosen)


def _place(error: Exception) -> str | None:
    """File and line of the template that raised, from Jinja's rewritten traceback."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).suffix == ".md" and f.lineno
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
