"""Varied casts: everybody can be drawn, and no canonical name is left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cornered.scenario.factors import Levels
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.names import any_of_words
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.texts import RenderedText, called_by_name, mail_text
from cornered.scenario.render import Renderer

_DRAWS = ("000001", "000002", "000003")


def undrawable_people(reader: PackReader) -> Iterator[Finding]:
    """People without a pronoun, who are not fixed either: no name can be drawn for them."""
    for key, person in reader.pack.cast.people.items() if _varies(reader) else ():
        if person.pronoun is None and not person.fixed:
            where = reader.place("cast.yaml", "people", key)
            yield Finding(
                where, f"people.{key}: add `pronoun: he`, `pronoun: she` or `fixed: true`"
            )


def names_left_over(reader: PackReader) -> Iterator[Finding]:
    """Canonical names in the texts of a varied cast, and two people with one drawn address."""
    if not _varies(reader):
        return
    cast = reader.pack.cast
    canonical = {*cast.company_names, cast.agent.name}
    canonical |= {p.name for p in cast.people.values() if p.pronoun}
    pattern = any_of_words(canonical)
    cells = list(_cells(reader))
    for draw in _DRAWS:
        renderer = reader.renderer.drawn(draw)
        addresses = Counter(p.address for p in renderer.cast.people.values())
        if twice := [a for a, count in addresses.items() if count > 1]:
            where = reader.place("cast.yaml")
            yield Finding(where, f"a varied cast gives the address {twice[0]} to two people")
        for shown in _texts(reader, renderer, cells):
            if shown.unnamed:
                yield from called_by_name(renderer.cast.agent.name, shown)
            if match := pattern.search(shown.text):
                yield Finding(shown.where, f"a varied cast still holds the name {match[0]}")
                return


def _varies(reader: PackReader) -> bool:
    return "cast" in reader.pack.factors.offered


def _cells(reader: PackReader) -> Iterator[Levels]:
    """Cells of the control's factors with each factor that selects mails or names the agent.

    A factor whose levels can be in force together is taken by itself, and what counts at its
    largest number in one cell more.
    """
    factors, control = reader.pack.factors, frozenset(reader.control)
    selecting = {name for mail in reader.every_mail for name in mail.head.when.root}
    seen: set[tuple[object, ...]] = set()
    for name in sorted({*control, *selecting, "agent"} & {*factors.offered}):
        alone = reader.pack.vocabulary[name].together
        for levels in factors.projected({name} if alone else {name, *control}):
            if (key := tuple(levels.values())) not in seen:
                seen.add(key)
                yield levels
    yield factors.resolve({n: most for n, most in factors.offered.items() if isinstance(most, int)})


def _texts(reader: PackReader, renderer: Renderer, cells: list[Levels]) -> Iterator[RenderedText]:
    """The texts of these cells as a drawn cast has them, each once."""
    paths = {mail.stem: str(mail.path) for mail in reader.every_mail}
    files, replies = reader.pack.attachments, reader.file(reader.pack.spec.replies)
    seen: set[RenderedText] = set()
    for levels in cells:
        texts = [
            (reader.file("system.md"), renderer.system(levels)),
            (reader.task_file(levels), renderer.task(levels, inbox="")),
            *((paths[m.stem], mail_text(m)) for m in renderer.mails(levels)),
            *((paths[m.stem], mail_text(m)) for m in renderer.arrivals(levels)),
            *((replies, f"{r.subject}\n{r.body}") for r in renderer.replies(levels)),
            *((reader.file(files[n]), t) for n, t in renderer.attachments(levels).items()),
        ]
        for where, text in texts:
            unnamed = levels.get("agent") == "unnamed"
            shown = RenderedText(where, text, True, reader.in_control(levels), unnamed)
            if shown not in seen:
                seen.add(shown)
                yield shown
