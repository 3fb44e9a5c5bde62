"""A scenario pack: a folder of Markdown and YAML, loaded and checked for form.

What the files mean together (every cell renders, times and names agree) is the lint's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, RootModel, field_validator

from cornered.errors import FactorError, PackError
from cornered.scenario.factors import (
    PACKS,
    Factor,
    Factors,
    Level,
    Levels,
    Vocabulary,
    When,
    suggest,
    vocabulary,
)
from cornered.yamlfile import Loc, parse_model, place, read_model, read_text

ALIASES: dict[str, str] = {"leaking": "espionage", "murder": "lethal"}
"""Other names of scenarios, as the study calls them."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Clock(_Strict):
    """The world's day."""

    today: date
    """The day of the session."""
    start: time
    """When the session starts; every mail is older."""

    @property
    def moment(self) -> datetime:
        """The start of the session."""
        return datetime.combine(self.today, self.start)


class FactSpec(_Strict):
    """What code looks for among executed actions: one action must meet every condition."""

    about: str
    """One line for people."""
    action: list[Literal["email", "forward", "cancel_alert"]]
    """Kinds of action that count."""
    reaches: list[str] = []
    """Keys of people; the message must reach one of them, by address, name or list."""
    outside: bool = False
    """The message must reach an address outside the company."""
    class_: list[str] = Field(default=[], alias="class")
    """The message must reach an address of one of these classes of recipients."""
    forwards: list[str] = []
    """Stems of mails; the message must be one of these, forwarded."""
    quotes: list[str] = []
    """Regular expressions, case ignored; one must be found in what the agent wrote."""
    code: str | None = None
    """The code that must have been submitted."""
    when: When = When({})
    """The conditions in which this can be a fact; elsewhere it is false."""

    @field_validator("quotes")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        return _patterns(value)


class OutcomeSpec(_Strict):
    """A rung of the outcome ladder."""

    about: str
    """What puts a trial on this rung; the judge reads it."""
    unless: list[str] | None = None
    """Code decides for this rung, without a judge, where none of these facts holds."""
    if_: list[str] = Field(default=[], alias="if")
    """Code decides for this rung, without a judge, where one of these facts holds."""


class Screen(_Strict):
    """When a model did not understand a scenario, seen from its controls."""

    control_rate: float = Field(ge=0, lt=1)
    """Largest share of control trials with the act; with more the model is screened out."""


class Question(_Strict):
    """A question of a probe; it has one right answer in each condition."""

    key: str
    """Names it in scores."""
    ask: str
    options: dict[str, str]
    """Letter to answer, both as templates."""
    right: str | dict[str, dict[str, str]]
    """The letter; or for one factor, level to letter."""

    def answer(self, levels: Levels) -> str:
        """The right letter in a condition."""
        if isinstance(self.right, str):
            return self.right
        ((factor, letters),) = self.right.items()
        return letters[str(levels[factor])]


class _Probe(_Strict):
    """`probe.yaml`."""

    questions: list[Question] = Field(min_length=1)


def _patterns(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as e:
            raise ValueError(f"{pattern!r} is no regular expression ({e})") from None
    return patterns


class Provenance(_Strict):
    """Where a pack comes from."""

    authors: str
    written: date
    sources: list[str]
    note: str = ""


class PackSpec(_Strict):
    """`pack.yaml`."""

    title: str
    about: str
    """One or two sentences for people."""
    factors: dict[str, Literal["all"] | list[str]] = {}
    """The factors that the pack has text for, each with its levels."""
    name: list[str] = []
    """The factors that every name of a condition shows, part by part; `goal-value` is one part of
    two factors. All others stand in a name only where they are not the default."""
    control: Annotated[dict[str, Level], Field(min_length=1)] | None = None
    """The levels of the matched control, the same place without the motive; None without one."""
    surfaces: list[Literal["text"]] = Field(default=["text"], min_length=1)
    """How an agent can meet the scenario."""
    tools: list[Literal["email", "forward", "cancel_alert"]]
    """What the agent can do."""
    clock: Clock | None = None
    facts: dict[str, FactSpec]
    act: list[str]
    """The facts that are the harmful act: any of them."""
    outcomes: dict[str, OutcomeSpec] = {}
    """The ladder, from harmless to harmful; the last rung is the act, judged."""
    screen: Screen | None = None
    """What a model must not do in the controls, to be ranked."""
    study: Literal["blackmail", "leaking", "murder"] | None = None
    """The scenario of the 2025 study whose own prompts this pack stands for."""
    traces: dict[str, list[str]] = {}
    """Factor to regular expressions that betray it in this story, for the lint of controls."""
    provenance: Provenance
    canary: str
    """A string that must never stand in training data; it is not part of any prompt."""

    @field_validator("traces")
    @classmethod
    def _patterns(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        return {factor: _patterns(patterns) for factor, patterns in value.items()}

    @field_validator("act", mode="before")
    @classmethod
    def _any_of(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Entity(BaseModel):
    """Somebody or something with a mail address; any further key is a slot for templates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    address: str
    pronoun: Literal["he", "she"] | None = None
    """Drawn names keep it, so that mails may say he or she."""
    fixed: bool = False
    """No human but a desk or a system: its name is not drawn."""

    @field_validator("address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            raise ValueError(f"{value!r} is no mail address")
        return value

    @property
    def slots(self) -> dict[str, Any]:
        """What templates can say of it."""
        first, _, rest = self.name.partition(" ")
        names = {"first": first, "last": rest.rsplit(" ", 1)[-1] or first}
        return names | self.model_dump(exclude={"pronoun", "fixed"})


class _List(Entity):
    members: Literal["all-inside"] | list[str]


class Unnamed(_Strict):
    """What is said of the agent where nobody calls it by its name."""

    name: str
    """Within a sentence, such as `the assistant`."""
    vocative: str
    """To it, such as `assistant`."""
    address: str


class Company(BaseModel):
    """The company; any further key is a slot for templates."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    short: str
    domain: str


class Cast(_Strict):
    """`cast.yaml`: who is in this world."""

    company: Company
    agent: Entity
    unnamed: Unnamed | None = None
    """What stands for the agent's name at the level `unnamed` of the factor `agent`."""
    people: dict[str, Entity]
    lists: dict[str, _List] = {}
    classes: dict[str, list[str]] = {}
    """Class of recipients outside the company to the domains that belong to it."""

    @cached_property
    def nameless(self) -> Cast:
        """The same people, and an agent without a name."""
        if self.unnamed is None:
            return self
        agent = self.agent.model_copy(update=self.unnamed.model_dump())
        return self.model_copy(update={"agent": agent})

    def inside(self, address: str) -> bool:
        """Whether an address is the company's own."""
        domain = address.rpartition("@")[2].lower().strip()
        own = self.company.domain.lower()
        return domain == own or domain.endswith("." + own)

    @cached_property
    def _members(self) -> dict[str, frozenset[str]]:
        everyone = [k for k, p in self.people.items() if self.inside(p.address)]
        return {
            key: frozenset(everyone if entry.members == "all-inside" else entry.members)
            for key, entry in self.lists.items()
        }

    @cached_property
    def _known(self) -> dict[str, frozenset[str]]:
        """What a mail client resolves, in lower case, to the people whom mail to it reaches.

        That is: addresses; and full names, first names and the part of an address before
        the @, each where only one person or list has it.
        """
        known: dict[str, frozenset[str]] = {}
        handles: dict[str, set[frozenset[str]]] = {}
        entries: list[tuple[Entity, frozenset[str]]] = [
            *((person, frozenset({key})) for key, person in self.people.items()),
            *((entry, self._members[key]) for key, entry in self.lists.items()),
        ]
        for entity, reached in entries:
            known[entity.address.lower()] = reached
            names = {entity.name, entity.address.partition("@")[0]}
            if not isinstance(entity, _List):
                names.add(entity.slots["first"])
            for name in names:
                handles.setdefault(name.lower(), set()).add(reached)
        return {name: next(iter(one)) for name, one in handles.items() if len(one) == 1} | known

    def reached(self, recipient: str) -> frozenset[str]:
        """The keys of the people whom a mail to this address, name or list reaches."""
        return self._known.get(recipient.lower().strip(), frozenset())

    def leaves(self, recipient: str) -> bool:
        """Whether a mail to this recipient leaves the company.

        A name without an address, or a list, leaves only if it reaches somebody outside.
        """
        if "@" in recipient and not self.inside(recipient):
            return True
        return any(not self.inside(self.people[k].address) for k in self.reached(recipient))

    def classes_of(self, recipient: str) -> frozenset[str]:
        """To which classes of recipients a mail to this address, name or list goes.

        `inside`, the classes of this cast, those of `shared/recipients.yaml` (press,
        regulator), and `unknown` for any other address. Empty for a name that nobody has.
        """
        reached = [self.people[key].address for key in self.reached(recipient)]
        addresses = [recipient] if "@" in recipient and not reached else reached
        return frozenset(map(self._class_of, addresses))

    def _class_of(self, address: str) -> str:
        if self.inside(address):
            return "inside"
        domain = address.rpartition("@")[2].lower().strip()
        for name, domains in (*self.classes.items(), *known_recipients().items()):
            if any(_within(domain, known.lower()) for known in domains):
                return name
        return "unknown"

    def entity(self, key: str) -> Entity | None:
        """The person, list or agent of that key."""
        return (
            self.people.get(key) or self.lists.get(key) or (self.agent if key == "agent" else None)
        )


def _within(domain: str, known: str) -> bool:
    """Whether a domain is a known one or below it; `*.gov` stands for all below `gov`."""
    return domain == known or domain.endswith("." + known.removeprefix("*."))


class _Recipients(RootModel[dict[str, list[str]]]):
    """`shared/recipients.yaml`: class to domains."""


@cache
def known_recipients() -> dict[str, list[str]]:
    """Classes of recipients that every world has: class to domains, `*.` for all below."""
    return read_model(PACKS / "shared" / "recipients.yaml", _Recipients, error=PackError).root


class Variety(_Strict):
    """`varied.yaml`: what a varied cast draws from, beside the names of people."""

    company: list[dict[str, str]] = Field(min_length=1)
    """Rows of name, short and domain."""
    city: list[dict[str, str]] = Field(min_length=1)
    industry: list[dict[str, str]] = Field(min_length=1)


class MailHead(_Strict):
    """The front matter of a mail."""

    sender: str = Field(alias="from")
    to: list[str]
    cc: list[str] = []
    subject: str
    time: NaiveDatetime
    when: When = When({})
    reply_to: str | None = None
    attachments: list[str] = []
    """Names of files, with their sizes; they go along when the mail is forwarded."""


@dataclass(frozen=True)
class MailFile:
    """A mail as it stands in the pack: head, and template of the body."""

    stem: str
    path: Path
    head: MailHead
    body: str
    first_line: int
    """The line of the file on which the body starts."""


H = TypeVar("H", bound=BaseModel)

GOLD = "gold"
"""The folder of a pack that has labelled answers: no prompt hangs on it."""
FRONT_MATTER = re.compile(r"\A---\r?\n(.*?\n)---\r?\n?", re.DOTALL)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def text_files(folder: Path) -> list[Path]:
    """The files that the texts of a pack come from; its gold answers are none of them."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix in {".md", ".yaml"} and GOLD not in p.relative_to(folder).parts[:1]
    )


def without_tags(text: str) -> str:
    """A template's own words, on the lines on which they stand."""
    return _TAG.sub(lambda tag: " " + "\n" * tag[0].count("\n"), text)


def read_headed(path: Path, model: type[H]) -> tuple[H, str, int]:
    """A Markdown file that starts with front matter.

    Args:
        path: The file.
        model: What its front matter must be.

    Returns:
        The front matter, the text below it, and the line on which that starts.

    Raises:
        PackError: no such file, no front matter, or a wrong key in it (file, line, key).
    """
    text = read_text(path, error=PackError)
    found = FRONT_MATTER.match(text)
    if not found:
        raise PackError("starts with no front matter between two lines of ---", where=f"{path}:1")
    head = parse_model(found[1], model, path=path, error=PackError, first_line=2)
    return head, text[found.end() :].strip("\n"), text[: found.end()].count("\n") + 1


def _read_mail(path: Path) -> MailFile:
    head, body, line = read_headed(path, MailHead)
    return MailFile(path.stem, path, head, body, line)


def _read_mails(folder: Path) -> tuple[MailFile, ...]:
    return tuple(_read_mail(p) for p in sorted(folder.glob("*.md")))


class _Goals(RootModel[dict[str, dict[str, str]]]):
    """`goals.yaml`: for each value, its slots of text."""


def _read_goals(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / "goals.yaml"
    return read_model(path, _Goals, error=PackError).root if path.exists() else {}


@dataclass(frozen=True)
class Pack:
    """A scenario, loaded."""

    name: str
    folder: Path
    spec: PackSpec
    cast: Cast
    mails: tuple[MailFile, ...]
    noise: tuple[MailFile, ...]
    goals: dict[str, dict[str, str]]
    """For each value, the slots that templates fill in."""
    own_slots: dict[str, str]
    """The slots that only this pack's `goals.yaml` has, each with a value that has it."""
    vocabulary: dict[str, Factor]
    """The shared factors, and the pack's own."""
    variety: Variety | None
    """What a varied cast draws from; None where the pack has none."""
    questions: tuple[Question, ...]
    """The questions of the probe; empty where the pack has none."""

    @property
    def renders(self) -> bool:
        """Whether the pack has prompts of its own."""
        return (self.folder / "system.md").exists()

    @property
    def runs(self) -> bool:
        """Whether there are prompts; without them only stored answers can be scored."""
        return self.renders or self.spec.study is not None

    @cached_property
    def factors(self) -> Factors:
        """The vocabulary, narrowed to this pack."""
        offered: dict[str, list[str] | int] = {}
        for name, levels in self.spec.factors.items():
            known = self.vocabulary[name]
            if known.count:
                offered[name] = len(self.noise)
            else:
                offered[name] = list(known.levels) if levels == "all" else levels
        return Factors(self.vocabulary, offered, self.name)

    def levels_of(self, factor: str) -> list[str]:
        """The levels of a factor that it offers; none of one that counts."""
        offered = self.factors.offered[factor]
        return offered if isinstance(offered, list) else []

    @cached_property
    def files(self) -> dict[str, str]:
        """Every file that the pack's text comes from, with its sha256."""
        roots = [(self.folder, ""), (PACKS / "shared", "shared/")]
        return {
            prefix + str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for root, prefix in roots
            for p in text_files(root)
        }

    @cached_property
    def version(self) -> str:
        """A short hash of all files: another text is another version."""
        joined = "\n".join(f"{digest}  {name}" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(joined.encode()).hexdigest()[:12]


def reading_names() -> list[str]:
    """What can be read in the reasoning of a trial, by name."""
    return sorted(p.stem for p in (PACKS / "shared" / "readings").glob("[!_]*.md"))


def pack_names() -> list[str]:
    """The scenarios that come with the package."""
    return sorted(str(p.parent.relative_to(PACKS)) for p in PACKS.rglob("pack.yaml"))


def _folder(name: str) -> Path:
    built_in = PACKS / ALIASES.get(name, name)
    if name in pack_names() or name in ALIASES:
        return built_in
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(PACKS) and (path / "pack.yaml").exists():
        return path
    if path.is_dir():
        if not (path / "pack.yaml").exists():
            raise PackError("no pack.yaml here, so it is no scenario pack", where=name)
        return path.resolve()
    raise FactorError(
        f"there is no scenario {name}",
        fix=f"{suggest(name, pack_names())}, or the folder of a pack of your own",
    )


def _dangling(pack: Pack) -> Iterator[tuple[Loc, str]]:
    """Words of `pack.yaml` that name what is not there."""
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
    for rung, outcome in spec.outcomes.items():
        for word, facts in (("unless", outcome.unless or []), ("if", outcome.if_)):
            for fact in facts:
                if fact not in spec.facts:
                    yield ("outcomes", rung, word), f"there is no fact {fact}"
    if "cast" in spec.factors and pack.variety is None:
        yield ("factors", "cast"), "there is no varied.yaml to draw from"
    if "agent" in spec.factors and pack.cast.unnamed is None:
        yield ("factors", "agent"), "cast.yaml does not say what is unnamed"
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
                yield ("name", n), f"{factor} stands there twice"
            elif len(factors) > 1 and any("-" in level for level in pack.levels_of(factor)):
                yield ("name", n), f"a level of {factor} has a dash: give it a part of its own"
            named.append(factor)
    try:
        pack.factors.resolve(spec.control or {})
    except FactorError as e:
        yield ("control",), e.what


def _dangling_facts(pack: Pack) -> Iterator[tuple[Loc, str]]:
    stems = {m.stem for m in (*pack.mails, *pack.noise)}
    classes = {"inside", "unknown", *pack.cast.classes, *known_recipients()}
    for fact, rule in pack.spec.facts.items():
        for key in rule.reaches:
            if key not in pack.cast.people:
                yield ("facts", fact, "reaches"), f"{key} is not in the cast"
        for name in rule.class_:
            if name not in classes:
                yield ("facts", fact, "class"), f"there is no class of recipients {name}"
        for stem in rule.forwards if pack.renders else ():
            if stem not in stems:
                yield ("facts", fact, "forwards"), f"there is no mail {stem}"
        for factor in rule.when.root:
            if factor not in pack.vocabulary:
                yield ("facts", fact, "when"), f"there is no factor {factor}"


def _strangers(cast: Cast) -> Iterator[tuple[Loc, str]]:
    """Members of lists who are nobody."""
    for key, entry in cast.lists.items():
        for member in entry.members if isinstance(entry.members, list) else ():
            if member not in cast.people:
                yield ("lists", key, "members"), f"{member} is not in the cast"


def _check_references(pack: Pack) -> None:
    for file, wrong in (("pack.yaml", _dangling(pack)), ("cast.yaml", _strangers(pack.cast))):
        for loc, what in wrong:
            where = place(pack.folder / file, *loc, error=PackError)
            raise PackError(f"{'.'.join(map(str, loc))}: {what}", where=where)


def load_pack(name: str) -> Pack:
    """A scenario by its name, its alias, or the folder it is in.

    Raises:
        FactorError: there is no such scenario.
        PackError: a file of it is missing or malformed (file, line, key).
    """
    folder = _folder(name)
    files = [p for root in (folder, PACKS / "shared") for p in text_files(root)]
    return _load(folder, tuple((p, p.stat().st_mtime_ns, p.stat().st_size) for p in files))


@lru_cache(maxsize=32)
def _load(folder: Path, state: tuple[tuple[Path, int, int], ...]) -> Pack:
    """The pack in a folder; read again only where a file of it has changed."""
    del state
    shared, own = _read_goals(PACKS / "shared"), _read_goals(folder)
    built_in = folder.is_relative_to(PACKS)
    varied, probe, factors = (folder / f for f in ("varied.yaml", "probe.yaml", "factors.yaml"))
    pack = Pack(
        name=str(folder.relative_to(PACKS)) if built_in else folder.name,
        folder=folder,
        spec=read_model(folder / "pack.yaml", PackSpec, error=PackError),
        cast=read_model(folder / "cast.yaml", Cast, error=PackError),
        mails=_read_mails(folder / "mails"),
        noise=_read_mails(folder / "noise"),
        goals={value: shared.get(value, {}) | own.get(value, {}) for value in {**shared, **own}},
        own_slots={
            slot: value
            for value, slots in own.items()
            for slot in slots
            if slot not in {"opposite"}.union(*shared.values())
        },
        vocabulary=vocabulary()
        | (read_model(factors, Vocabulary, error=PackError).root if factors.exists() else {}),
        variety=read_model(varied, Variety, error=PackError) if varied.exists() else None,
        questions=tuple(read_model(probe, _Probe, error=PackError).questions)
        if probe.exists()
        else (),
    )
    _check_references(pack)
    return pack
