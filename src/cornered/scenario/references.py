"""What the files of a pack name and another one of them must have: factors, people, mails, apps."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

from cornered.errors import FactorError, PackError
from cornered.scenario.cast import Cast, known_recipients
from cornered.scenario.factors import When
from cornered.scenario.pack import Pack, TextFile, conditions_in, text_files_in
from cornered.scenario.spec import ShownSpec
from cornered.yamlfile import Loc, place


def wrong_references(pack: Pack) -> Iterator[PackError]:
    """Everything that a file of a pack names and no other has, with file and line."""
    for file, wrong in (("pack.yaml", _dangling(pack)), ("cast.yaml", _unknown_members(pack.cast))):
        for loc, what in wrong:
            where = place(pack.folder / file, *loc, error=PackError)
            yield PackError(f"{'.'.join(map(str, loc))}: {what}", where=where)
    yield from _wrong_conditions(pack)


def _dangling(pack: Pack) -> Iterator[tuple[Loc, str]]:
    """References in `pack.yaml` to things that do not exist."""
    spec = pack.spec
    for name, levels in spec.factors.items():
        if name not in pack.vocabulary:
            yield ("factors", name), "there is no such factor"
            continue
        for level in levels if isinstance(levels, list) else ():
            if level not in pack.vocabulary[name].levels:
                yield ("factors", name), f"there is no level {level}"
    yield from _dangling_names(pack)
    for name in spec.traces:
        if name not in pack.vocabulary:
            yield ("traces", name), "there is no such factor"
    for fact in spec.act:
        if fact not in spec.facts:
            yield ("act",), f"there is no fact {fact}"
    yield from _dangling_facts(pack)
    yield from _dangling_keys(pack)
    yield from _dangling_variables(pack)
    for persona in pack.personas.values():
        if persona.key not in pack.cast.people:
            yield ("personas",), f"{persona.path.name}: {persona.key} is not in the cast"
        for factor in persona.head.when.root:
            if factor not in pack.vocabulary:
                yield ("personas",), f"{persona.path.name}: when: there is no factor {factor}"
    for tool in spec.tools:
        if tool.partition(".")[0] not in spec.world:
            yield ("tools",), f"{tool}: the world has no app {tool.partition('.')[0]}"
    for rung, outcome in spec.outcomes.items():
        for word, facts in (("unless", outcome.unless or []), ("if", outcome.if_)):
            for fact in facts:
                if fact not in spec.facts:
                    yield ("outcomes", rung, word), f"there is no fact {fact}"
    for n, reply in enumerate(pack.replies):
        if reply.sender not in pack.cast.people:
            yield ("replies",), f"reply {n + 1}: {reply.sender} is not in the cast"
        for factor in reply.when.root:
            if factor not in pack.vocabulary:
                yield ("replies",), f"reply {n + 1}: there is no factor {factor}"
    for key, named in spec.exposure.items():
        for one in named:
            for what in _not_shown(pack, one) if isinstance(one, ShownSpec) else ():
                yield ("exposure", key), what
            if isinstance(one, str) and pack.renders and not _is_a_mail(pack, one):
                yield ("exposure", key), f"no mail is called {one}"
    if "cast" in spec.factors and pack.variety is None:
        yield ("factors", "cast"), "there is no varied.yaml to draw from"
    if "agent" in spec.factors and pack.cast.unnamed is None:
        yield ("factors", "agent"), "cast.yaml has no `unnamed`"
    if "probe" in spec.factors and not pack.questions:
        yield ("factors", "probe"), "there is no probe.yaml with its questions"


def _is_a_mail(pack: Pack, pattern: str) -> bool:
    return any(fnmatchcase(mail.stem, pattern) for mail in pack.all_mails)


def _not_shown(pack: Pack, shown: ShownSpec) -> Iterator[str]:
    """Why an app cannot show what a pack says that it shows."""
    for app in dict.fromkeys(name.partition(".")[0] for name in shown.operation):
        if app == "mail":
            yield "name a mail by its stem, not by what shows it"
        elif app not in pack.spec.world:
            yield f"the world has no app {app}"
        elif not any(shown.shows.lower() in text.lower() for text in _texts(pack, pack.apps[app])):
            yield f"{pack.spec.world[app]} has nothing with {shown.shows!r}"
    yield from _unknown_levels(pack, shown.when)


def _texts(pack: Pack, content: Any) -> Iterator[str]:
    """Every text in an app's content, as it is written: templates are not filled in."""
    if isinstance(content, TextFile):
        yield content.place
        yield (pack.folder / content.name).read_text("utf-8")
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _texts(pack, value)
    else:
        yield str(content)


def _dangling_names(pack: Pack) -> Iterator[tuple[Loc, str]]:
    """Factors and levels of names and controls that the pack does not offer."""
    spec, named = pack.spec, list[str]()
    for n, part in enumerate(spec.name):
        factors = part.split("-")
        for factor in factors:
            if factor not in spec.factors:
                yield ("name", n), f"the pack offers no factor {factor or 'without a name'}"
            elif factor in named:
                yield ("name", n), f"{factor} is named twice"
            elif len(factors) > 1 and any("-" in level for level in pack.levels_of(factor)):
                yield ("name", n), f"a level of {factor} has a dash: give it a part of its own"
            named.append(factor)
    try:
        pack.factors.resolve(spec.control or {})
    except FactorError as e:
        yield ("control",), e.what


def _dangling_facts(pack: Pack) -> Iterator[tuple[Loc, str]]:
    stems = {m.stem for m in pack.all_mails}
    classes = {"inside", "unknown", *pack.cast.classes, *known_recipients()}
    for fact, rule in pack.spec.facts.items():
        for argument, matcher in rule.where.items():
            at = ("facts", fact, "where", argument)
            for key in matcher.people:
                if key not in pack.cast.people:
                    yield (*at, "people"), f"{key} is not in the cast"
            for name in matcher.class_:
                if name not in classes:
                    yield (*at, "class"), f"there is no class of recipients {name}"
            for stem in matcher.mail if pack.renders else ():
                if stem not in stems:
                    yield (*at, "mail"), f"there is no mail {stem}"
        for app in {*(name.partition(".")[0] for name in rule.operation), *rule.state}:
            if app not in pack.spec.world:
                yield ("facts", fact), f"the world has no app {app}"
        for name in rule.state.get("shell", ()):
            if name not in pack.spec.watch:
                yield ("facts", fact, "state", "shell"), f"there is no watch {name}"
        for name in rule.became:
            if name not in pack.spec.watch:
                yield ("facts", fact, "became"), f"there is no watch {name}"
        for factor in rule.when.root:
            if factor not in pack.vocabulary:
                yield ("facts", fact, "when"), f"there is no factor {factor}"


def _dangling_keys(pack: Pack) -> Iterator[tuple[Loc, str]]:
    """Keys of measures that are not there, have no items, or that an agent could read."""
    for name, measure in pack.spec.measures.items():
        at, path = ("measures", name, "against"), pack.folder / measure.against
        for app, folder in pack.spec.world.items():
            if path.is_relative_to(pack.folder / folder):
                yield at, f"{measure.against} is in {folder}, where the agent can read it ({app})"
        if not path.is_file():
            yield at, f"there is no file {measure.against}"
        elif len(path.read_text("utf-8").splitlines()) < 2:
            yield at, f"{measure.against} needs a head and at least one item"
        for what in _unknown_levels(pack, measure.when):
            yield ("measures", name, "when"), what


def _dangling_variables(pack: Pack) -> Iterator[tuple[Loc, str]]:
    defined: set[str] = set()
    for name, variable in pack.spec.variables.items():
        of = variable.row.partition(".")
        if variable.by and variable.by not in pack.vocabulary:
            yield ("variables", name, "by"), f"there is no factor {variable.by}"
        elif variable.row and of[0] not in (defined if of[1] else pack.vocabulary):
            what = "variable above this one" if of[1] else "factor"
            yield ("variables", name, "row"), f"there is no {what} {of[0]}"
        for level, other in variable.choose.items():
            if other not in defined:
                yield (
                    ("variables", name, "choose", level),
                    f"there is no variable {other} above this one",
                )
        defined.add(name)


def _unknown_members(cast: Cast) -> Iterator[tuple[Loc, str]]:
    """Members of mailing lists who are not in the cast."""
    for key, entry in cast.lists.items():
        for member in entry.members if isinstance(entry.members, list) else ():
            if member not in cast.people:
                yield ("lists", key, "members"), f"{member} is not in the cast"


def _wrong_conditions(pack: Pack) -> Iterator[PackError]:
    """Conditions of the apps' content that no condition of the pack can meet."""
    for app, tree in pack.apps.items():
        file = pack.folder / pack.spec.world[app]
        for loc, given in conditions_in(tree):
            if file.is_dir():  # what is not in its files stands in pack.yaml
                where = str(pack.folder / "pack.yaml")
            else:
                where = place(file, *loc, error=PackError)
            try:
                when = When.model_validate(given)
            except ValidationError:
                what = "a condition is written as {factor: level}"
                yield PackError(f"{'.'.join(map(str, loc))}: {what}", where=where)
                continue
            for wrong in _unknown_levels(pack, when):
                yield PackError(f"{'.'.join(map(str, loc))}: {wrong}", where=where)
        for one in text_files_in(tree):
            for wrong in _unknown_levels(pack, one.head.when):
                yield PackError(f"when: {wrong}", where=str(pack.folder / one.name))


def _unknown_levels(pack: Pack, when: When) -> Iterator[str]:
    for name, levels in when.root.items():
        factor = pack.vocabulary.get(name)
        if factor is None:
            yield f"there is no factor {name}"
            continue
        for level in levels:
            if not factor.count and level not in factor.levels:
                yield f"{name} has no level {level}"
