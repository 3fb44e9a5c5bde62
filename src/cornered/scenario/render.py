"""Rendering a pack at given levels: the scene of a trial, and the agent's prompt."""

from __future__ import annotations

import copy
import hashlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from cornered.errors import PackError
from cornered.scenario.cast import Cast
from cornered.scenario.draw import drawn_cast
from cornered.scenario.factors import Level, Levels, When, one_turn, parts_of
from cornered.scenario.folder import MAX_FILE
from cornered.scenario.front_matter import FRONT_MATTER
from cornered.scenario.pack import MailFile, Pack, TextFile
from cornered.scenario.spec import PLAIN_MODE, Clock
from cornered.scenario.template_factors import Source, TemplateFactors
from cornered.scenario.templates import Slots, make_environment
from cornered.yamlfile import read_text

_NO_ROW: dict[str, str] = {}


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
    number: int
    """Its place in the inbox, from 1; the agent forwards it by this number."""
    attachments: tuple[str, ...] = ()
    """File names, with sizes."""
    answers: str = ""
    """The stem of the mail that it answers; empty where it answers none."""

    @property
    def date(self) -> str:
        """The date line: day and minute, without the year, which the prompt names once."""
        return self.time.strftime("%a %d %b, %H:%M")


@dataclass(frozen=True)
class AutomaticReply:
    """What somebody's mailbox answers by itself to a mail that reaches them."""

    key: str
    """The key of the person in the cast."""
    after: float
    """Minutes after the mail."""
    once: bool
    """Whether it is sent to the first mail only."""
    subject: str
    """Empty for that of the mail, as an automatic reply."""
    body: str


@dataclass(frozen=True)
class Scene:
    """The initial state of a trial's world: its cast, its mails, the content of its apps."""

    levels: Levels
    cast: Cast
    mails: tuple[Mail, ...] = ()
    """The inbox, oldest first; empty where there is none, or where it cannot be rendered."""
    apps: Mapping[str, Any] = field(default_factory=dict)
    """App other than mail to its initial content, as plain values."""
    clock: Clock | None = None
    arrivals: tuple[Mail, ...] = ()
    """The mails that arrive while the agent works, by time; they have no number yet."""
    replies: tuple[AutomaticReply, ...] = ()
    """The automatic replies of this trial."""
    attachments: Mapping[str, str] = field(default_factory=dict)
    """Name of an attachment, without its size, to its text; others cannot be shown."""


@dataclass(frozen=True)
class RenderedPrompt:
    """The agent's prompt at the start of a trial."""

    system: str
    """The system prompt."""
    task: str
    """The user message, the inbox included."""


class Renderer:
    """Renders the cells of one pack; templates are compiled once.

    Args:
        pack: The pack.
        draw: The seed of a varied cast, such as the id of a trial. None is the canonical cast,
            whatever the level of the factor `cast`.
    """

    def __init__(self, pack: Pack, draw: str | None = None) -> None:
        self.pack = pack
        self.cast = pack.cast if draw is None else drawn_cast(pack, draw)
        """The cast; here the agent has its name, whatever the levels."""
        self._kept: tuple[tuple[tuple[str, Level], ...], dict[str, Any]] | None = None
        self._used: set[str] = set()
        self._texts: dict[tuple[str, tuple[Level, ...]], str] = {}
        self._row_slots: dict[tuple[str, int], tuple[Mapping[str, str], Slots]] = {}
        self._templates: dict[str, jinja2.Template] = {}
        self._env = make_environment(self._source)
        self.templates = TemplateFactors(pack, self._env, self._source)
        """Which factors the templates read."""

    def drawn(self, draw: str) -> Renderer:
        """This renderer with a varied cast; it shares the compiled templates."""
        other = copy.copy(self)
        other.cast = drawn_cast(self.pack, draw)
        other._kept, other._texts = None, {}
        other.__dict__.pop("_constant", None)
        return other

    def for_trial(self, levels: Levels, draw: str) -> Renderer:
        """The renderer of one trial, with a cast of its own where the condition varies it."""
        return self.drawn(draw) if levels.get("cast") == "varied" else self

    def cast_in(self, levels: Mapping[str, Level]) -> Cast:
        """The cast of a cell; in some cells the agent has no name."""
        return self.cast.nameless if levels.get("agent") == "unnamed" else self.cast

    def _source(self, name: str) -> Source | None:
        root = self.pack.shared if name.startswith("shared/") else self.pack.folder
        path = (root / name.removeprefix("shared/")).resolve()
        # A third-party pack must not put files of this machine into a prompt.
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            return None
        if path.stat().st_size > MAX_FILE:
            raise PackError(f"has more than {MAX_FILE / 1e6:g} MB", where=str(path))
        text = read_text(path, error=PackError)
        head = FRONT_MATTER.match(text)
        if head:  # keep line numbers, which errors name
            text = "{#" + "\n" * head[0].count("\n") + "#}" + text[head.end() :].rstrip()
        return text, str(path), lambda: True

    @cached_property
    def _constant(self) -> dict[str, Any]:
        """The template variables that are equal in every cell."""
        cast, clock = self.cast, self.pack.spec.clock
        mappings: dict[str, Any] = {
            "company": cast.company and cast.company.model_dump(),
            "people": {k: p.slots for k, p in cast.people.items()},
            "lists": {k: entry.slots for k, entry in cast.lists.items()},
            "clock": clock
            and {
                "today": f"{clock.today:%A, %B} {clock.today.day}, {clock.today.year}",
                "date": clock.today.isoformat(),
                "start": f"{clock.start:%H:%M}",
            },
        }
        return {k: self._slots(k, v or {}) for k, v in mappings.items()} | {
            "tools": tuple(self.pack.spec.tools)
        }

    def _slots(self, path: str, content: Mapping[str, Any]) -> Slots:
        return Slots(path, content, self._used.add)

    def _variables(self, levels: Mapping[str, Level]) -> dict[str, Any]:
        """The template variables of a cell; kept, since a cell has many templates."""
        cell = tuple(levels.items())
        if self._kept is None or self._kept[0] != cell:
            agent = self.cast_in(levels).agent
            more: dict[str, Any] = {
                "agent": self._slots("agent", {"vocative": agent.name} | agent.slots),
                "level": self._slots("level", levels),
                "arms": parts_of(levels.get("instructions")),
            }
            more |= {k: self._row(k, v) for k, v in self._rows(levels).items()}
            self._kept = (cell, self._constant | more)
        return self._kept[1]

    def _row(self, name: str, content: Mapping[str, str]) -> Slots:
        """A variable with a row of its table; kept, since many cells have the same rows."""
        kept = self._row_slots.get((name, id(content)))
        if kept is None:
            kept = self._row_slots[name, id(content)] = content, self._slots(name, content)
        return kept[1]  # while the row is kept too, no other has its id

    def _rows(self, levels: Mapping[str, Level]) -> dict[str, dict[str, str]]:
        """The pack's own variables that exist at these levels, with their slots."""
        rows: dict[str, dict[str, str]] = {}
        for name, variable in self.pack.spec.variables.items():
            if variable.by:
                chosen = variable.choose.get(str(levels.get(variable.by)))
                if chosen in rows:
                    rows[name] = rows[chosen]
                continue
            of, _, slot = variable.row.partition(".")
            row = rows.get(of, {}).get(slot) if slot else str(levels.get(of, "none"))
            if row not in (None, "none"):
                rows[name] = self.pack.tables[variable.table].rows.get(row or "", _NO_ROW)
        return rows

    def text(self, name: str, levels: Mapping[str, Level], **more: Any) -> str:
        """A template of the pack, rendered at these levels.

        Args:
            name: Path of the template, in the pack or from `shared/`.
            levels: One level for every factor.
            more: Further template variables.

        Raises:
            PackError: unknown variable or syntax, with file and line.
        """
        self.templates.reads(name)  # raises for a missing include, and for one that never ends
        return self._filled(
            lambda: self._env.get_template(name), self.templates.path(name), levels, more
        )

    def _once(self, name: str, levels: Mapping[str, Level]) -> str:
        """A text that depends on levels alone, rendered once for each choice of those it reads."""
        levels = self.pack.factors.complete(levels)
        key = name, tuple(levels[k] for k in self.templates.reads(name))
        if key not in self._texts:
            self._texts[key] = self.text(name, levels)
        return self._texts[key]

    def _filled(
        self,
        template: Callable[[], jinja2.Template],
        where: str,
        levels: Mapping[str, Level],
        more: Mapping[str, Any],
    ) -> str:
        levels = self.pack.factors.complete(levels)
        try:
            with self._env.counting():
                text = template().render(**self._variables(levels), **more).strip()
            text.encode()
            return text
        except UnicodeEncodeError:
            raise PackError("template: holds half a character (a surrogate)", where=where) from None
        except (RecursionError, SyntaxError) as e:  # Python cannot compile it
            if isinstance(e, SyntaxError) and not isinstance(e, jinja2.TemplateError):
                raise PackError("template: is nested too deeply", where=where) from None
            raise PackError(
                "template: includes itself, or is nested too deeply", where=where
            ) from None
        except MemoryError:
            raise PackError("template: is too large for the memory", where=where) from None
        except jinja2.TemplateSyntaxError as e:
            place = f"{e.filename}:{e.lineno}" if e.filename else where
            raise PackError(f"template: {e.message}", where=place) from None
        except jinja2.TemplateNotFound as e:
            raise PackError(f"there is no file {e.name}", where=_place(e) or where) from None
        except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as e:
            offered = self.pack.factors.offered
            cell = ", ".join(f"{k}={v}" for k, v in levels.items() if k in offered)
            raise PackError(
                f"template: {e} (in the cell {cell})", where=_place(e) or where
            ) from None

    @property
    def used(self) -> frozenset[str]:
        """Paths of all variables read so far, such as `people.keogh.first`."""
        return frozenset(self._used)

    def _subject(self, mail: MailFile, levels: Mapping[str, Level]) -> str:
        if "{" not in mail.head.subject:
            return mail.head.subject
        name = f"{mail.stem} (subject)"
        reads = self.templates.reads_text(name, mail.head.subject, str(mail.path))
        key = name, tuple(levels[k] for k in reads)
        if key not in self._texts:
            self._texts[key] = self._filled(
                lambda: self._env.from_string(mail.head.subject), str(mail.path), levels, {}
            )
        return self._texts[key]

    def reads_of(self, mail: MailFile) -> frozenset[str]:
        """The factors that a mail depends on, by its conditions, headers and body."""
        head = mail.head
        headers = self.templates.reads_in(head.subject, str(mail.path))
        named = {"agent"} if "agent" in (head.sender, *head.to, *head.cc) else set[str]()
        body = self.templates.reads(_body(mail))
        return frozenset({*head.when.root, *headers, *named, *body})

    def mail(self, mail: MailFile, levels: Mapping[str, Level], number: int = 1) -> Mail:
        """A mail of a cell.

        Raises:
            PackError: it names somebody who is not in the cast, or it cannot be rendered.
        """

        def line(key: str, *, named: bool = False) -> str:
            entity = self.cast_in(levels).entity(key)
            if entity is None:
                raise PackError(f"{key} is not in the cast", where=str(mail.path))
            self._used.add(f"people.{key}.address")
            return f"{entity.name} <{entity.address}>" if named else entity.address

        return Mail(
            stem=mail.stem,
            sender=line(mail.head.sender, named=True),
            to=tuple(map(line, mail.head.to)),
            cc=tuple(map(line, mail.head.cc)),
            subject=self._subject(mail, levels),
            time=mail.head.time,
            body=self._once(_body(mail), levels),
            number=number,
            attachments=tuple(mail.head.attachments),
            answers=mail.head.reply_to or "",
        )

    def selected(self, levels: Mapping[str, Level]) -> Iterator[MailFile]:
        """The mails in the inbox of a cell, unordered."""
        yield from (m for m in self.pack.mails if m.head.when.holds(levels))
        yield from self._noise[: int(levels.get("noise", 0))]

    @cached_property
    def _noise(self) -> list[MailFile]:
        """The unrelated mails, in the order in which they are added to an inbox.

        The order is by hash, so that more noise keeps the mails that less noise has. Mails of
        a thread are adjacent, so that no reply comes without the mail it answers.
        """
        by_stem = {m.stem: m for m in self.pack.noise}

        def root(mail: MailFile) -> str:
            for _ in by_stem:  # bounds the walk where a thread is a ring
                mail = by_stem.get(mail.head.reply_to or "", mail)
            return hashlib.sha256(mail.stem.encode()).hexdigest()

        return sorted(self.pack.noise, key=lambda m: (root(m), m.head.time))

    def prompt(self, levels: Levels) -> RenderedPrompt:
        """The agent's prompt in one cell.

        Raises:
            PackError: the pack has no prompts, or a template cannot be rendered.
        """
        if not self.pack.renders:
            raise PackError(
                f"{self.pack.name} has no prompts of its own and can only score stored answers",
                fix="use `cornered score`",
            )
        inbox = self.inbox(levels, self.mails(levels))
        return RenderedPrompt(system=self.system(levels), task=self.task(levels, inbox))

    def scene(self, levels: Levels) -> Scene:
        """The scene of a cell, from the pack's own files."""
        return Scene(
            levels,
            self.cast_in(levels),
            self.mails(levels) if self.pack.renders else (),
            {
                app: self._app(self.pack.apps[app], levels, self._app_file(app))
                for app in self.pack.apps_in(levels)
                if app in self.pack.apps
            },
            self.pack.spec.clock,
            self.arrivals(levels),
            self.replies(levels),
            self.attachments(levels),
        )

    def arrivals(self, levels: Levels) -> tuple[Mail, ...]:
        """The mails that arrive while the agent works, by time."""
        chosen = (mail for mail in self.pack.arrivals if mail.head.when.holds(levels))
        ordered = sorted(chosen, key=lambda m: (m.head.time, m.stem))
        return tuple(self.mail(mail, levels, 0) for mail in ordered)

    def replies(self, levels: Levels) -> tuple[AutomaticReply, ...]:
        """The automatic replies; none where nobody is to answer."""
        if levels.get("people") == "none":
            return ()
        where = str(self.pack.folder / self.pack.spec.replies)
        return tuple(
            AutomaticReply(
                reply.sender,
                reply.after,
                reply.once,
                self.fill(reply.subject, levels, where),
                self.fill(reply.body, levels, where),
            )
            for reply in self.pack.replies
            if reply.when.holds(levels)
        )

    def attachments(self, levels: Levels) -> dict[str, str]:
        """Name of each attachment that can be opened to its text."""
        if one_turn(levels):
            return {}
        return {name: self._once(path, levels) for name, path in self.pack.attachments.items()}

    def _app_file(self, app: str) -> str:
        return str(self.pack.folder / self.pack.spec.world[app])

    def _app(self, tree: Any, levels: Levels, where: str) -> Any:
        """The initial content of an app; every text in its file is a template.

        A part with the key `when` is there only where that holds: otherwise a list lacks it, and
        a mapping has False in its place.
        """
        if isinstance(tree, str):
            return self._text_once(tree, levels, where)
        if isinstance(tree, Mapping):
            kept = {str(key): value for key, value in tree.items() if key != "when"}
            return {
                key: self._app(value, levels, where) if _is_there(value, levels) else False
                for key, value in kept.items()
            }
        if isinstance(tree, list):
            return [self._app(item, levels, where) for item in tree if _is_there(item, levels)]
        if isinstance(tree, TextFile):
            where = str(self.pack.folder / tree.name)
            return {
                "path": self._text_once(tree.head.path or tree.place, levels, where),
                "text": self._once(tree.name, levels),
                "modified": tree.head.modified,
            } | ({"mode": tree.head.mode} if tree.head.mode != PLAIN_MODE else {})
        return tree

    def _text_once(self, source: str, levels: Levels, where: str) -> str:
        """A text of a YAML file, rendered once for each choice of the factors that it reads."""
        if "{" not in source:
            return str(source)
        name = f"{where}\n{source}"
        reads = self.templates.reads_text(name, source, where)
        levels = self.pack.factors.complete(levels)
        key = name, tuple(levels[k] for k in reads)
        if key not in self._texts:
            self._texts[key] = self.fill(source, levels, where)
        return self._texts[key]

    def place(self, levels: Levels) -> dict[str, str]:
        """The place as judges and readers see it: the keys of `PlaceSpec`, rendered."""
        where = str(self.pack.folder / "pack.yaml")
        return {
            key: self.fill(text, levels, where) if "{" in text else text
            for key, text in self.pack.place.model_dump(exclude={"labels"}).items()
        }

    def fill(self, source: str, levels: Levels, where: str) -> str:
        """A template from a YAML file, rendered.

        Args:
            source: The template.
            levels: One level for every factor.
            where: The file, for errors.
        """
        return self._filled(lambda: self._compiled(source), where, levels, {})

    def _compiled(self, source: str) -> jinja2.Template:
        """The template of a text, compiled once for all casts."""
        if source not in self._templates:
            self._templates[source] = self._env.from_string(source)
        return self._templates[source]

    def inbox(self, levels: Levels, mails: tuple[Mail, ...]) -> str:
        """The text of the inbox."""
        return self.text("shared/prompt/inbox.md", levels, mails=mails)

    def system(self, levels: Levels) -> str:
        """The system prompt of a cell."""
        return self._once("system.md", levels)

    def rubric(self, levels: Levels) -> str:
        """The judge's rubric of a cell."""
        return self._once("judge.md", levels)

    def task(self, levels: Levels, inbox: str) -> str:
        """The user message with an inbox; in a probe, with its questions."""
        if levels.get("probe") != "on":
            return self.text("task.md", levels, inbox=inbox)
        return self.text(
            "shared/prompt/probe.md", levels, inbox=inbox, questions=self.questions(levels)
        )

    def persona(self, key: str, levels: Levels) -> str:
        """Who somebody is who can answer by a model.

        Raises:
            KeyError: the pack has no persona of that key.
            PackError: it cannot be rendered.
        """
        path = self.pack.personas[key].path
        return self._once(path.relative_to(self.pack.folder).as_posix(), levels)

    def questions(self, levels: Levels) -> list[dict[str, Any]]:
        """The questions of the probe, rendered: `key`, `ask`, `options` (letter to answer)."""
        where = str(self.pack.folder / "probe.yaml")
        return [
            {
                "key": question.key,
                "ask": self.fill(question.ask, levels, where),
                "options": {
                    letter: self.fill(text, levels, where)
                    for letter, text in question.options.items()
                },
            }
            for question in self.pack.questions
        ]

    def mails(self, levels: Levels) -> tuple[Mail, ...]:
        """The inbox of a cell, oldest first."""
        chosen = sorted(self.selected(levels), key=lambda m: (m.head.time, m.stem))
        return tuple(self.mail(m, levels, n) for n, m in enumerate(chosen, 1))


def _is_there(part: Any, levels: Levels) -> bool:
    """Whether a part of an app's content is there in a cell, by its `when`."""
    if isinstance(part, TextFile):
        return part.head.when.holds(levels)
    if isinstance(part, Mapping) and "when" in part:
        return When.model_validate(part["when"]).holds(levels)
    return True


def _body(mail: MailFile) -> str:
    """The template name of a mail's body."""
    return f"{mail.path.parent.name}/{mail.path.name}"


def _place(error: Exception) -> str | None:
    """File and line of the template that raised, from Jinja's rewritten traceback."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).suffix in (".md", ".txt", ".csv") and f.lineno
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
