"""Scenario packs: loading a folder of Markdown and YAML, and checking its form.

The lint checks the content: that every cell renders, and that times and names agree.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, RootModel, ValidationError

from cornered.errors import FactorError, PackError
from cornered.scenario.cast import Cast, known_recipients
from cornered.scenario.factors import (
    PACKS,
    SHARED,
    Factor,
    Factors,
    Level,
    Vocabulary,
    When,
    one_turn,
    suggest,
    vocabulary,
)
from cornered.scenario.folder import TEXT, problems, walk
from cornered.scenario.personas import Persona, PersonaHead
from cornered.scenario.spec import (
    FileHead,
    MailHead,
    PackSpec,
    PlaceSpec,
    ProbeSpec,
    Question,
    RepliesSpec,
    ReplySpec,
    Variety,
)
from cornered.yamlfile import Loc, parse_model, parse_yaml, place, read_model, read_text

ALIASES: dict[str, str] = {"leaking": "espionage", "murder": "lethal"}
"""The study's names of scenarios, to ours."""


@dataclass(frozen=True)
class MailFile:
    """A mail of the pack: its front matter, and the template of its body."""

    stem: str
    path: Path
    head: MailHead
    body: str
    first_line: int
    """The line of the file on which the body starts."""


@dataclass(frozen=True)
class TextFile:
    """A text file in a folder of an app: its front matter, and the name of its template."""

    name: str
    """Its place in the pack, such as `files/Planning/rates.csv`."""
    place: str
    """Its place in the folder of the app."""
    head: FileHead


H = TypeVar("H", bound=BaseModel)
L = TypeVar("L", MailHead, ReplySpec)

MAX_HEAD = 20_000
"""Characters of the front matter of one file."""
COPIES = "packs"
"""The folder of a run that holds its copies of packs."""
GOLD = "gold"
"""The folder of a pack that holds its gold answers; no prompt depends on it."""
FRONT_MATTER = re.compile(r"\A---\r?\n(.*?\n)---\r?\n?", re.DOTALL)
_SIZE = re.compile(r"\s*\([^()]*\)\s*$")
_OPEN = re.compile(r"\{[{%#]")
_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}


def text_files(folder: Path) -> list[Path]:
    """The text files of a pack, sorted, without its gold answers and hidden files."""
    return sorted(
        path
        for path, state in walk(folder)
        if path.suffix in TEXT
        and not stat.S_ISDIR(state.st_mode)
        and GOLD not in path.relative_to(folder).parts[:1]
    )


def collection(folder: Path) -> Path | None:
    """The folder of packs with their `shared/` that a pack belongs to.

    It is that of cornered, or the copy `RUN/packs` that a run keeps of what it used; None for a
    pack of one's own, which shares the texts of cornered.

    Args:
        folder: The folder of the pack.
    """
    if folder.is_relative_to(PACKS):
        return PACKS
    copies = (p for p in folder.parents if p.name == COPIES and (p.parent / "run.json").is_file())
    return next((p for p in copies if (p / SHARED.name).is_dir()), None)


def pack_files(folder: Path) -> dict[str, str]:
    """Path to sha256 of every text file of a pack and of what it shares, as in `Pack.files`."""
    roots = [(folder, ""), ((collection(folder) or PACKS) / SHARED.name, "shared/")]
    return {
        prefix + p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for root, prefix in roots
        for p in text_files(root)
    }


def files_version(files: Mapping[str, str]) -> str:
    """A hash of all files of a pack, 12 hex digits; it changes with any text.

    Args:
        files: Path to sha256, as in `Pack.files` or a manifest.
    """
    joined = "\n".join(f"{digest}  {name}" for name, digest in sorted(files.items()))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


def without_tags(text: str) -> str:
    """A template without its tags; line numbers stay the same."""
    parts, last, at = list[str](), 0, 0
    never = set[str]()  # what is not closed anywhere further on is not looked for again
    while opened := _OPEN.search(text, at):
        at = opened.end()
        close = _CLOSE[opened[0]]
        end = -1 if close in never else text.find(close, at)
        if end < 0:
            never.add(close)
            at -= 1
            continue
        at = end + len(close)
        parts += [text[last : opened.start()], " ", "\n" * text.count("\n", opened.start(), at)]
        last = at
    return "".join((*parts, text[last:]))


def read_headed(path: Path, model: type[H]) -> tuple[H, str, int]:
    """Reads a Markdown file that starts with front matter.

    Args:
        path: The file.
        model: The schema of its front matter.

    Returns:
        The front matter, the text below it, and the line on which the text starts (from 1).

    Raises:
        PackError: no such file, no front matter, or an invalid one (file, line, key).
    """
    text = read_text(path, error=PackError)
    front = FRONT_MATTER.match(text)
    if not front:
        raise PackError(
            "has no front matter between two lines of --- at its start", where=f"{path}:1"
        )
    if len(front[1]) > MAX_HEAD:
        raise PackError(f"its front matter has more than {MAX_HEAD} characters", where=f"{path}:1")
    head = parse_model(front[1], model, path=path, error=PackError, first_line=2)
    return head, text[front.end() :].strip("\n"), text[: front.end()].count("\n") + 1


def attachment_name(attachment: str) -> str:
    """The name of an attachment, without its size: `plan.pdf` of `plan.pdf (2 MB)`."""
    return _SIZE.sub("", attachment).strip()


def _read_mail(path: Path) -> MailFile:
    head, body, line = read_headed(path, MailHead)
    return MailFile(path.stem, path, head, body, line)


def _read_mails(folder: Path) -> tuple[MailFile, ...]:
    return tuple(_read_mail(p) for p in sorted(folder.glob("*.md")))


Rows = dict[str, dict[str, str]]
"""A table of texts: row to its slots."""


class _Table(RootModel[Rows]):
    """A table of texts, such as `goals.yaml`."""


def _read_rows(path: Path) -> Rows:
    return read_model(path, _Table, error=PackError).root if path.exists() else {}


@dataclass(frozen=True)
class Table:
    """A table whose rows fill a variable of templates."""

    rows: Rows
    """The pack's own slots over the shared ones."""
    own: dict[str, str]
    """Slots that only the pack's own file has, each to a row that has it."""


def _read_table(folder: Path, common: Path, file: str, references: set[str]) -> Table:
    shared, own = _read_rows(common / file), _read_rows(folder / file)
    shared_slots = references.union(*shared.values())
    return Table(
        rows={row: shared.get(row, {}) | own.get(row, {}) for row in {**shared, **own}},
        own={slot: row for row, slots in own.items() for slot in slots if slot not in shared_slots},
    )


@dataclass(frozen=True)
class Pack:
    """A loaded scenario pack."""

    name: str
    folder: Path
    spec: PackSpec
    cast: Cast
    mails: tuple[MailFile, ...]
    noise: tuple[MailFile, ...]
    place: PlaceSpec
    """How the prompts of judges and readers describe the place."""
    tables: dict[str, Table]
    """The tables that variables take rows of, by file name."""
    apps: dict[str, Any]
    """App to the content of its file, for every app but mail; of a folder, its `TextFile`s."""
    vocabulary: dict[str, Factor]
    """The shared factors, and the pack's own."""
    variety: Variety | None
    """What a varied cast draws from; None where the pack cannot vary its cast."""
    questions: tuple[Question, ...]
    """The questions of the probe; empty where the pack has none."""
    personas: Mapping[str, Persona] = field(default_factory=dict)
    """Who can answer by a model, by the key of the cast."""
    shared: Path = SHARED
    """The folder of the texts that it shares with other packs."""
    arrivals: tuple[MailFile, ...] = ()
    """The mails that arrive while the agent works, on surfaces of many turns."""
    replies: tuple[ReplySpec, ...] = ()
    """The automatic replies, on these surfaces."""
    attachments: Mapping[str, str] = field(default_factory=dict)
    """Name of an attachment to the template of its text, as a path in the pack."""

    @property
    def all_mails(self) -> tuple[MailFile, ...]:
        """The mails of the story, the unrelated ones, and those that arrive."""
        return (*self.mails, *self.noise, *self.arrivals)

    @property
    def renders(self) -> bool:
        """Whether the pack has prompts of its own."""
        return (self.folder / "system.md").exists()

    @property
    def runs(self) -> bool:
        """Whether the pack has prompts, its own or the study's.

        Without prompts, only stored answers can be scored.
        """
        return self.renders or self.spec.study is not None

    @cached_property
    def factors(self) -> Factors:
        """The vocabulary, narrowed to this pack."""
        offered: dict[str, list[str] | int] = {}
        for name, levels in self.spec.factors.items():
            factor = self.vocabulary[name]
            if factor.count:
                offered[name] = len(self.noise)
            else:
                all_levels = [factor.open] if factor.open else list(factor.levels)
                offered[name] = all_levels if levels == "all" else levels
        return Factors(self.vocabulary, offered, self.name)

    def levels_of(self, factor: str) -> list[str]:
        """The levels that the pack offers of a factor; empty for a factor that counts."""
        offered = self.factors.offered[factor]
        return offered if isinstance(offered, list) else []

    def apps_in(self, levels: Mapping[str, Level]) -> list[str]:
        """The apps of the world in a condition, in the order of `world`.

        In one turn of text they are those that the prompt offers operations of, or that a fact
        asks of.
        """
        if not (one_turn(levels) and self.spec.tools):
            return [*self.spec.world]
        named = {tool.partition(".")[0] for tool in self.spec.tools}
        named.update(*(fact.state for fact in self.spec.facts.values()))
        return [app for app in self.spec.world if app in named]

    @property
    def conditions(self) -> Iterator[When]:
        """Every condition on a part of the content of an app."""
        for tree in self.apps.values():
            yield from (When.model_validate(given) for _, given in _conditions(tree))
            for one in tree if isinstance(tree, list) else ():
                if isinstance(one, TextFile):
                    yield one.head.when

    @cached_property
    def files(self) -> dict[str, str]:
        """Path to sha256 of every text file of the pack and of `shared/`."""
        return pack_files(self.folder)

    @cached_property
    def version(self) -> str:
        """A hash of all files, 12 hex digits; it changes with any text."""
        return files_version(self.files)


def reading_names() -> list[str]:
    """The names of all readings, sorted."""
    return sorted(p.stem for p in (SHARED / "readings").glob("[!_]*.md"))


def pack_names() -> list[str]:
    """The names of the built-in scenarios, sorted."""
    return sorted(str(p.parent.relative_to(PACKS)) for p in PACKS.rglob("pack.yaml"))


def pack_folder(name: str) -> Path:
    """The folder of a scenario by its name, its alias, or its folder.

    Raises:
        FactorError: there is no such scenario.
        PackError: the folder has no pack.
    """
    built_in = PACKS / ALIASES.get(name, name)
    if name in pack_names() or name in ALIASES:
        return built_in
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(PACKS) and (path / "pack.yaml").exists():
        return path
    if path.is_dir():
        if not (path / "pack.yaml").exists():
            raise PackError("not a scenario pack: it has no pack.yaml", where=name)
        return path.resolve()
    raise FactorError(
        f"there is no scenario {name}",
        fix=f"{suggest(name, pack_names())}, or the folder of a pack of your own",
    )


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
    for key in spec.exposure:
        for pattern in spec.exposure[key] if pack.renders else ():
            if not any(fnmatchcase(m.stem, pattern) for m in pack.all_mails):
                yield ("exposure", key), f"no mail is called {pattern}"
    if "cast" in spec.factors and pack.variety is None:
        yield ("factors", "cast"), "there is no varied.yaml to draw from"
    if "agent" in spec.factors and pack.cast.unnamed is None:
        yield ("factors", "agent"), "cast.yaml has no `unnamed`"
    if "probe" in spec.factors and not pack.questions:
        yield ("factors", "probe"), "there is no probe.yaml with its questions"


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
        for factor in rule.when.root:
            if factor not in pack.vocabulary:
                yield ("facts", fact, "when"), f"there is no factor {factor}"


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


def _wrong_references(pack: Pack) -> Iterator[PackError]:
    for file, wrong in (("pack.yaml", _dangling(pack)), ("cast.yaml", _unknown_members(pack.cast))):
        for loc, what in wrong:
            where = place(pack.folder / file, *loc, error=PackError)
            yield PackError(f"{'.'.join(map(str, loc))}: {what}", where=where)
    yield from _wrong_conditions(pack)


def load_pack(name: str) -> Pack:
    """Loads a scenario by its name, its alias, or its folder.

    Raises:
        FactorError: there is no such scenario.
        PackError: a file of it is missing or malformed (file, line, key).
    """
    folder = pack_folder(name)
    root = collection(folder)
    _refuse(() if root == PACKS else problems(folder))
    shared = (root or PACKS) / SHARED.name
    files = [p for root in (folder, shared) for p in text_files(root)]
    return _load(folder, tuple((p, p.stat().st_mtime_ns, p.stat().st_size) for p in files))


def load_problems(name: str) -> list[PackError]:
    """Everything for which a scenario cannot be loaded; empty if it can.

    What a folder may not hold is told before anything in it is read, and what is wrong with
    single files before what is wrong between them.

    Raises:
        FactorError: there is no such scenario.
    """
    folder = pack_folder(name)
    if collection(folder) != PACKS and (wrong := problems(folder)):
        return wrong
    if wrong := list(_unreadable(folder)):
        return wrong
    try:
        return list(_wrong_references(_read_pack(folder)))
    except PackError as e:
        return [e]


def _unreadable(folder: Path) -> Iterator[PackError]:
    """Files of a pack that cannot be read by themselves."""
    schemas: dict[str, type[BaseModel]] = {
        "pack.yaml": PackSpec,
        "cast.yaml": Cast,
        "varied.yaml": Variety,
        "probe.yaml": ProbeSpec,
        "factors.yaml": Vocabulary,
        "replies.yaml": RepliesSpec,
    }
    head_of = _heads(folder)
    for path in text_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            if name in schemas:
                read_model(path, schemas[name], error=PackError)
            elif path.suffix == ".yaml":
                parse_yaml(read_text(path, error=PackError), path=path, error=PackError)
            elif path.suffix != ".md":
                read_text(path, error=PackError)
            elif FRONT_MATTER.match(read_text(path, error=PackError)) and path.parent != folder:
                read_headed(path, head_of(path))
        except PackError as e:
            yield e


def _heads(folder: Path) -> Callable[[Path], type[BaseModel]]:
    """The schema of the front matter of each file in a folder of a pack."""
    schemas: list[tuple[Path, type[BaseModel]]] = []
    with suppress(PackError):
        spec = read_model(folder / "pack.yaml", PackSpec, error=PackError)
        schemas += [(folder / spec.personas, PersonaHead)] if spec.personas else []
        schemas += [(folder / at, FileHead) for app, at in spec.world.items() if app != "mail"]

    def of(path: Path) -> type[BaseModel]:
        return next((head for at, head in schemas if path.is_relative_to(at)), MailHead)

    return of


def _refuse(wrong: Sequence[PackError]) -> None:
    """Raises the first error, with the number of the others."""
    if wrong:
        first, more = wrong[0], len(wrong) - 1
        what = f"{first.what} (and {more} more)" if more else first.what
        raise PackError(what, where=first.where, fix=first.fix)


@lru_cache(maxsize=32)
def _load(folder: Path, state: tuple[tuple[Path, int, int], ...]) -> Pack:
    """The pack in a folder; read again only when one of its files has changed."""
    del state
    pack = _read_pack(folder)
    for wrong in _wrong_references(pack):
        raise wrong
    return pack


def _read_pack(folder: Path) -> Pack:
    root = collection(folder)
    shared = (root or PACKS) / SHARED.name
    varied, probe, factors = (folder / f for f in ("varied.yaml", "probe.yaml", "factors.yaml"))
    spec = read_model(folder / "pack.yaml", PackSpec, error=PackError)
    references = {v.row.partition(".")[2] for v in spec.variables.values()}
    return Pack(
        name=folder.relative_to(root).as_posix() if root else folder.name,
        folder=folder,
        spec=spec,
        cast=read_model(folder / "cast.yaml", Cast, error=PackError),
        mails=_read_mails(folder / spec.world["mail"]) if "mail" in spec.world else (),
        noise=_read_mails(folder / "noise") if "mail" in spec.world else (),
        place=_read_place(folder, shared, spec.place),
        tables={
            v.table: _read_table(folder, shared, v.table, references)
            for v in spec.variables.values()
            if v.table
        },
        apps={app: _read_app(folder, file) for app, file in spec.world.items() if app != "mail"},
        vocabulary=vocabulary(shared)
        | (read_model(factors, Vocabulary, error=PackError).root if factors.exists() else {}),
        variety=read_model(varied, Variety, error=PackError) if varied.exists() else None,
        questions=tuple(read_model(probe, ProbeSpec, error=PackError).questions)
        if probe.exists()
        else (),
        personas=_read_personas(folder, spec.personas) if spec.personas else {},
        shared=shared,
        arrivals=_read_arrivals(folder, spec),
        replies=_read_replies(folder, spec),
        attachments=_attachments(folder, spec.attachments),
    )


def _read_app(folder: Path, name: str) -> Any:
    """The content of an app's YAML file; of its folder, every file in it."""
    path = folder / name
    if not path.is_dir():
        return parse_yaml(read_text(path, error=PackError), path=path, error=PackError)
    return [
        TextFile(file.relative_to(folder).as_posix(), file.relative_to(path).as_posix(), head)
        for file in text_files(path)
        if (head := _file_head(file))
    ]


def _file_head(path: Path) -> FileHead:
    """The front matter of a file, which need not have any."""
    if not FRONT_MATTER.match(read_text(path, error=PackError)):
        return FileHead()
    return read_headed(path, FileHead)[0]


def _conditions(tree: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    """Every `when` in the YAML of an app, with its place."""
    if isinstance(tree, Mapping):
        if "when" in tree:
            yield (*loc, "when"), tree["when"]
        for key, value in tree.items():
            yield from _conditions(value, (*loc, str(key)))
    elif isinstance(tree, list):
        for n, item in enumerate(tree):
            yield from _conditions(item, (*loc, n))


def _wrong_conditions(pack: Pack) -> Iterator[PackError]:
    """Conditions of the apps' content that no condition of the pack can meet."""
    for app, tree in pack.apps.items():
        file = pack.folder / pack.spec.world[app]
        for loc, given in _conditions(tree):
            where = place(file, *loc, error=PackError)
            try:
                when = When.model_validate(given)
            except ValidationError:
                what = "a condition is written as {factor: level}"
                yield PackError(f"{'.'.join(map(str, loc))}: {what}", where=where)
                continue
            for wrong in _unknown_levels(pack, when):
                yield PackError(f"{'.'.join(map(str, loc))}: {wrong}", where=where)
        for one in tree if isinstance(tree, list) else ():
            if isinstance(one, TextFile):
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


def _part(folder: Path, key: str, name: str) -> Path:
    """A folder of a pack that a key of `pack.yaml` names.

    Raises:
        PackError: there is no such folder.
    """
    path = folder / name
    if not path.is_dir():
        where = place(folder / "pack.yaml", key, error=PackError)
        raise PackError(f"{key}: there is no folder {name}", where=where)
    return path


def _read_arrivals(folder: Path, spec: PackSpec) -> tuple[MailFile, ...]:
    if not spec.arrivals:
        return ()
    mails = _read_mails(_part(folder, "arrivals", spec.arrivals))
    return tuple(replace(mail, head=_later(mail.head, spec, str(mail.path))) for mail in mails)


def _read_replies(folder: Path, spec: PackSpec) -> tuple[ReplySpec, ...]:
    if not spec.replies:
        return ()
    path = folder / spec.replies
    replies = read_model(path, RepliesSpec, error=PackError).root
    return tuple(_later(reply, spec, str(path)) for reply in replies)


def _later(part: L, spec: PackSpec, where: str) -> L:
    """An arrival or an automatic reply, which exists on surfaces of many turns alone.

    Raises:
        PackError: its condition names the surface of one turn.
    """
    when = part.when.root
    turns: list[Level] = [name for name in spec.surfaces if name != "text"]
    if "text" in when.get("surface", ()):
        raise PackError(
            "when: nothing arrives in surface=text, where the agent answers once",
            where=where,
            fix="leave the surface out",
        )
    surface: dict[str, list[Level]] = {"surface": when.get("surface") or turns}
    return part.model_copy(update={"when": When({**when, **surface})})


def _attachments(folder: Path, name: str) -> dict[str, str]:
    """Name of an attachment to the path of its text: `plan.pdf` to `attachments/plan.pdf.md`."""
    if not name:
        return {}
    files = sorted(_part(folder, "attachments", name).iterdir())
    texts = [path for path in files if path.suffix in (".md", ".txt")]
    return {path.stem: path.relative_to(folder).as_posix() for path in texts}


def _read_personas(folder: Path, name: str) -> dict[str, Persona]:
    files = sorted(_part(folder, "personas", name).glob("*.md"))
    return {p.stem: Persona(p.stem, p, read_headed(p, PersonaHead)[0]) for p in files}


def _read_place(folder: Path, shared: Path, spec: str | PlaceSpec) -> PlaceSpec:
    if isinstance(spec, PlaceSpec):
        return spec
    path = shared / "places" / f"{spec}.yaml"
    if not re.fullmatch(r"[\w-]+", spec) or not path.is_file():
        names = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise PackError(
            f"place: there is no place {spec}",
            where=place(folder / "pack.yaml", "place", error=PackError),
            fix=f"write it out, or name one of {', '.join(names)}",
        )
    return read_model(path, PlaceSpec, error=PackError)
