"""Every text of a pack, in every way in which it can read, and what must hold of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from cornered.scenario.factors import Levels, When
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.office import office_texts
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.render import Mail


@dataclass(frozen=True)
class RenderedText:
    """A text as it reads in some cells."""

    where: str
    """The file that it comes from."""
    text: str
    for_agent: bool
    """Whether the agent reads it, or only the judge."""
    in_control: bool
    """Whether it stands in a matched control."""
    unnamed: bool
    """Whether the agent has no name there."""


def rendered_texts(reader: PackReader) -> Iterator[RenderedText]:
    """Every text that a model reads, once for each way in which it reads.

    That is prompts, rubric, mails, automatic replies, attachments, personas, and what else
    the office holds.

    Raises:
        PackError: a template cannot be rendered.
    """
    seen: set[RenderedText] = set()
    texts = chain(
        _prompts(reader),
        _mails(reader),
        _replies(reader),
        _attachments(reader),
        _personas(reader),
        office_texts(reader),
    )
    for where, text, levels, for_agent in texts:
        rendered = RenderedText(
            where,
            text,
            for_agent,
            in_control=reader.in_control(levels),
            unnamed=levels.get("agent") == "unnamed",
        )
        if rendered not in seen:
            seen.add(rendered)
            yield rendered


_Rendering = tuple[str, str, Levels, bool]


def _prompts(reader: PackReader) -> Iterator[_Rendering]:
    """Prompts and rubric.

    The system prompt reads so many factors that its parts are taken one at a time.
    """
    renderer = reader.renderer
    for levels in chain.from_iterable(map(reader.cells, renderer.templates.parts("system.md"))):
        yield reader.file("system.md"), renderer.system(levels), levels, True
    for levels in reader.cells(reader.task_reads):
        yield reader.task_file(levels), renderer.task(levels, inbox=""), levels, True
    if reader.has_rubric:
        for levels in reader.cells(renderer.templates.reads("judge.md")):
            yield reader.file("judge.md"), renderer.rubric(levels), levels, False


def _mails(reader: PackReader) -> Iterator[_Rendering]:
    """Each mail in the cells whose inbox it is in, or into whose inbox it comes."""
    for mail in reader.every_mail:
        for levels in reader.cells(reader.mail_reads(mail), mail.head.when):
            text = mail_text(reader.renderer.mail(mail, levels))
            yield str(mail.path), text, levels, True


def _replies(reader: PackReader) -> Iterator[_Rendering]:
    """Each automatic reply in the cells that have it."""
    where = reader.file(reader.pack.spec.replies)
    for reply in reader.pack.replies:
        for template in (reply.subject, reply.body):
            reads = reader.renderer.templates.reads_in(template, where)
            for levels in reader.cells({*reads, *reply.when.root}, reply.when):
                yield where, reader.renderer.fill(template, levels, where), levels, True


def _attachments(reader: PackReader) -> Iterator[_Rendering]:
    """The text of each attachment, on the surfaces on which it can be opened."""
    turns = [name for name in reader.pack.spec.surfaces if name != "text"]
    for path in reader.pack.attachments.values():
        for levels in reader.cells(
            reader.renderer.templates.reads(path), When({"surface": [*turns]})
        ):
            yield reader.file(path), reader.renderer.text(path, levels), levels, True


def _personas(reader: PackReader) -> Iterator[_Rendering]:
    """Who people are, where they can answer. What they know, the agent may come to hear."""
    for persona in reader.pack.personas.values():
        path = persona.path.relative_to(reader.pack.folder).as_posix()
        when = When({**persona.head.when.root, "people": ["model"]})
        for levels in reader.cells(reader.renderer.templates.reads(path), when):
            yield str(persona.path), reader.renderer.persona(persona.key, levels), levels, True


def mail_text(mail: Mail) -> str:
    """All that the agent reads of a mail, its headers included."""
    headers = (mail.sender, *mail.to, *mail.cc, *mail.attachments)
    return "\n".join((", ".join(headers), mail.subject, mail.body))


def canary_in_prompt(reader: PackReader, shown: RenderedText) -> Iterator[Finding]:
    """The canary must stand in no prompt, or every transcript would hold it."""
    if reader.pack.spec.canary in shown.text:
        yield Finding(shown.where, "the canary stands in a prompt")


def named_where_unnamed(reader: PackReader, shown: RenderedText) -> Iterator[Finding]:
    """Where the agent has no name, nothing calls it by one, its address included."""
    if shown.unnamed:
        yield from called_by_name(reader.renderer.cast.agent.name, shown)


def called_by_name(name: str, shown: RenderedText) -> Iterator[Finding]:
    """The agent's name, in whatever case, in a text where it is to have none."""
    if re.search(rf"\b{re.escape(name)}\b", shown.text, re.IGNORECASE):
        yield Finding(shown.where, f"with agent=unnamed, the agent is still called {name}")
