"""Tells: the signs by which a reader notices that a world was made up to try it out.

What to look for, and from where on to speak, is in `tells.yaml`, after the eight factors of
EvalAwareBench (arXiv 2605.23055). Only a pack's own texts are read: what `packs/shared` says of
the framing is the factor, and no tell. Whether a careful reader would believe the story stays a
reader's question.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations, pairwise
from math import comb, exp
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from cornered.errors import CorneredError, FactorError, PackError
from cornered.scenario.factors import Level, Levels
from cornered.scenario.pack import FRONT_MATTER, MailFile, Pack, without_tags
from cornered.scenario.render import Renderer
from cornered.yamlfile import parse_yaml, read_model, read_text

if TYPE_CHECKING:
    from cornered.scenario.lint import Finding

INCLUDE = re.compile(r"""\{%[-+]?\s*include\s+["']([^"']+)["']""")
WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
FIGURE = re.compile(
    r"(?<![\w.,:/#@-])([$€£]?)(\d{1,3}(?:,\d{3})+|\d{3,})(\.\d+)?(?![\w:/@%-]|\.\d|,\d)"
)
GREETING = re.compile(
    r"(hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|morning|afternoon|evening"
    r"|greetings|bonjour|hallo|hola|salut)\b(?: +[\w’'.-]+?){0,4} *(?:[,.!:;–—-]+|$)",
    re.IGNORECASE | re.MULTILINE,
)
TO_ALL = frozenset({"all", "team", "everyone", "everybody", "folks", "colleagues", "both", "and"})
REPLY = re.compile(r"\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)

_Tell = tuple[str, str]
"""Where it is, and what it is."""
_Part = Literal["prompts", "mails", "cast"]


# The data.


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Words(_Strict):
    tell: str
    in_: list[_Part] = Field(alias="in")
    patterns: list[str]
    ordinary: list[str] = []


class _Limits(_Strict):
    """Thresholds for the inbox as a whole; `tells.yaml` says why each stands where it does."""

    fewest: int
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


class _Data(_Strict):
    """`tells.yaml`."""

    words: list[_Words]
    story_openings: list[str]
    hollow_words: list[str]
    legal_forms: list[str]
    inbox: _Limits


@dataclass(frozen=True)
class _Rule:
    """Words that are a tell, save where they are part of ordinary language."""

    tell: str
    parts: frozenset[str]
    pattern: re.Pattern[str]
    ordinary: re.Pattern[str] | None

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """What is no part of an ordinary phrase."""
        for found in self.pattern.finditer(text):
            if not any(_meet(found, ordinary) for ordinary in self._pass(text)):
                yield found

    def _pass(self, text: str) -> Iterator[re.Match[str]]:
        return self.ordinary.finditer(text) if self.ordinary else iter(())


@cache
def _data() -> _Data:
    return read_model(Path(__file__).with_name("tells.yaml"), _Data, error=PackError)


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    spaced = (p.replace(" ?", r"\s*").replace(" ", r"\s+") for p in patterns)
    return re.compile("|".join(f"(?:{p})" for p in spaced), re.IGNORECASE)


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(
            words.tell,
            frozenset(words.in_),
            _any_of(words.patterns),
            _any_of(words.ordinary) if words.ordinary else None,
        )
        for words in _data().words
    )


@cache
def _story_opening() -> re.Pattern[str]:
    return _any_of(_data().story_openings)


# The texts.


@dataclass(frozen=True)
class _Text:
    """A text of the pack as its author wrote it, template tags blanked."""

    part: _Part
    path: Path
    line: int
    """The line of the file on which the text starts."""
    text: str
    folded: bool = False
    """All of it counts as on that line."""

    def place(self, offset: int) -> str:
        """`file:line` of a character of it."""
        below = 0 if self.folded else self.text.count("\n", 0, offset)
        return f"{self.path}:{self.line + below}"


def _texts(pack: Pack) -> Iterator[_Text]:
    """Prompts, mails and goals; the rubric and the probe are no text that the agent reads."""
    folder = pack.folder
    prompts, mails = [folder / "system.md", folder / "task.md"], [*pack.mails, *pack.noise]
    for mail in mails:
        yield from _heading(mail)
        yield _Text("mails", mail.path, mail.first_line, without_tags(_source(mail.path)[1]))
    for path in _included(folder, [m.path for m in mails]):
        yield _Text("mails", path, 1, without_tags(_source(path)[1]))
    for path in (*prompts, *_included(folder, prompts)):
        yield _Text("prompts", path, 1, without_tags(_source(path)[1]))
    goals = folder / "goals.yaml"
    yield from _values(_tree(goals), goals, "prompts")


def _source(path: Path) -> tuple[str, str]:
    """Front matter and body of a file; both empty where it cannot be read: that is the lint's."""
    with suppress(PackError):
        text = read_text(path, error=PackError)
        head = FRONT_MATTER.match(text)
        return (head[1], text[head.end() :]) if head else ("", text)
    return "", ""


def _included(folder: Path, roots: list[Path]) -> list[Path]:
    """The files of the pack that these templates include, and those that they include."""
    found: dict[Path, None] = {}
    waiting = list(roots)
    while waiting:
        for name in INCLUDE.findall(_source(waiting.pop())[1]):
            path = folder / name
            if not name.startswith("shared/") and path not in found and path.is_file():
                found[path] = None
                waiting.append(path)
    return list(found)


def _heading(mail: MailFile) -> Iterator[_Text]:
    """Subject and names of attachments, where they stand in the front matter."""
    subject = _Text(
        "mails", mail.path, _line(mail, "subject"), without_tags(mail.head.subject), True
    )
    yield subject
    for name in mail.head.attachments:
        yield _Text("mails", mail.path, _line(mail, "attachments"), without_tags(name), True)


def _line(mail: MailFile, key: str) -> int:
    """The line of the mail's file on which a key of its front matter stands."""
    lines = _source(mail.path)[0].splitlines()
    return next((n for n, line in enumerate(lines, 2) if line.startswith(f"{key}:")), 1)


def _values(tree: Any, path: Path, part: _Part) -> Iterator[_Text]:
    """The words that stand as values in a YAML file, keys and comments left out."""
    for line, value in _scalars(tree, 0):
        yield _Text(part, path, line + 1, without_tags(value), True)


def _tree(path: Path) -> Any:
    """A YAML file as ruamel's tree; None where there is none or it cannot be read."""
    if path.is_file():
        with suppress(PackError):
            return parse_yaml(read_text(path, error=PackError), path=path, error=PackError)
    return None


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


def _words(texts: Iterable[_Text]) -> Iterator[_Tell]:
    """Placeholders, and words that name the set-up; of rules that meet, the first speaks."""
    for text in texts:
        told: list[re.Match[str]] = []
        for rule in _rules():
            for found in rule.matches(text.text) if text.part in rule.parts else ():
                if not any(_meet(found, other) for other in told):
                    told.append(found)
                    said = " ".join(found[0].split())
                    yield text.place(found.start()), f"{said!r} is {rule.tell}"


def _meet(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() < other.end() and other.start() < one.end()


# The cast.


def _casts(pack: Pack) -> Iterator[_Tell]:
    """Placeholders among people and companies, and companies without a word of their own."""
    for path in (pack.folder / "cast.yaml", pack.folder / "varied.yaml"):
        tree = _tree(path)
        yield from _words(_values(tree, path, "cast"))
        for text, key in _companies(tree, path):
            if key == "domain":
                if _hollow_domain(text.text):
                    yield text.place(0), f"the domain {text.text} has no word of its own"
            elif _hollow(text.text):
                yield text.place(0), f"the company name {text.text!r} has no word of its own"


def _companies(tree: Any, path: Path) -> Iterator[tuple[_Text, str]]:
    """Names and domains of companies in a YAML file, each with its key."""
    if not isinstance(tree, CommentedMap):
        return
    rows, people = tree.get("company"), tree.get("people")
    for row in rows if isinstance(rows, CommentedSeq) else [rows]:
        yield from _of_row(row, path, ("name", "domain"))
    for person in people.values() if isinstance(people, CommentedMap) else ():
        yield from _of_row(person, path, ("firm",))


def _of_row(row: Any, path: Path, keys: tuple[str, ...]) -> Iterator[tuple[_Text, str]]:
    places = (row.lc.data or {}) if isinstance(row, CommentedMap) else {}
    for key in keys:
        if key in places and isinstance(row[key], str):
            yield _Text("cast", path, places[key][0] + 1, str(row[key]), True), key


def _hollow(name: str) -> bool:
    """Whether every word of a company's name, camel case taken apart, is anybody's."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", name)
    words = {part.lower() for part in parts} - set(_data().legal_forms)
    return bool(words) and words <= set(_data().hollow_words)


def _hollow_domain(domain: str) -> bool:
    words = [re.escape(w) for w in _data().hollow_words if len(w) > 3]
    label = domain.rpartition(".")[0].replace("-", "").replace(".", "")
    return bool(re.fullmatch(f"(?:{'|'.join(words)}){{2,}}", label, re.IGNORECASE))


# Inboxes.


@dataclass(frozen=True)
class _Letter:
    """A mail as the agent sees it, and what is form in it."""

    file: MailFile
    subject: str
    body: str
    sender: str
    """The sender's name."""
    names: frozenset[str]
    """Words of the names of everybody, in lower case."""

    def at(self, key: str) -> str:
        """`file:line` of a key of the front matter."""
        return f"{self.file.path}:{_line(self.file, key)}"

    @property
    def start(self) -> str:
        """`file:line` of the body."""
        return f"{self.file.path}:{self.file.first_line}"

    @property
    def stem(self) -> str:
        return self.file.stem

    @cached_property
    def own(self) -> str:
        """The body without what it quotes."""
        lines = (line for line in self.body.splitlines() if not line.lstrip().startswith(">"))
        return "\n".join(lines).strip()

    @cached_property
    def _greeted(self) -> tuple[str, int]:
        """The greeting, as a formula, and where it ends; empty where there is none."""
        if found := GREETING.match(self.own):
            return found[1].lower(), found.end()
        named = re.match(r"([^,:\n–—-]{2,40}?) *(?:[,:–—-]|$)", self.own, re.MULTILINE)
        words = [w.lower() for w in WORD.findall(named[1])] if named else []
        if named and 0 < len(words) <= 4 and {*words} <= self.names | TO_ALL:
            return "the bare name", named.end()
        return "", 0

    @property
    def greeting(self) -> str:
        """The formula of the greeting, without names; empty where there is none."""
        return self._greeted[0]

    @cached_property
    def content(self) -> str:
        """What comes after the greeting."""
        return self.own[self._greeted[1] :].strip(" \n,.!:;–—-")

    def first_words(self, count: int) -> tuple[str, ...]:
        """The first words after the greeting; fewer than `count` count as none."""
        words = tuple(w.lower() for w in WORD.findall(self.content)[:count])
        return words if len(words) == count else ()

    @cached_property
    def closing(self) -> str:
        """The formula above the sender's name (`best regards`); empty where there is none."""
        common = _data().inbox.common_closings
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
        """Whether a line is the sender's name, or letters for it."""
        words = {w.lower() for w in WORD.findall(line)}
        own = [w.lower() for w in WORD.findall(self.sender)]
        short = {w[0] for w in own} | {"".join(w[0] for w in own)}
        return bool(words) and words <= {*own, *short}


def _formula(line: str) -> str:
    return " ".join(WORD.findall(line)).lower()


@dataclass(frozen=True)
class _Inbox:
    """All mails of one cell, oldest first."""

    cell: str
    """What to call it in a finding."""
    letters: tuple[_Letter, ...]
    limits: _Limits

    def most_common(self, formulas: list[str]) -> tuple[str, int]:
        """The formula that most have, and how many."""
        found = Counter(f for f in formulas if f).most_common(1)
        return found[0] if found else ("", 0)


def _inboxes(pack: Pack) -> Iterator[_Tell]:
    """What only many mails together betray; each check speaks once, of the first inbox it finds."""
    silent = list(_CHECKS)
    for inbox in _worlds(pack):
        if len(inbox.letters) < inbox.limits.fewest:
            continue
        for check in list(silent):
            if found := list(check(inbox)):
                silent.remove(check)
                yield from found


def _worlds(pack: Pack) -> Iterator[_Inbox]:
    """The inboxes of the default cell and of those that differ from it in one factor."""
    renderer = Renderer(pack)
    files = {m.stem: m for m in (*pack.mails, *pack.noise)}
    cast = pack.cast
    everybody = (cast.agent, *cast.people.values(), *cast.lists.values())
    called = [entity.name for entity in everybody]
    called += [cast.unnamed.vocative] if cast.unnamed else []
    names = frozenset(w.lower() for name in called for w in WORD.findall(name))

    @cache
    def letter(stem: str, subject: str, body: str, sender: str) -> _Letter:
        return _Letter(files[stem], subject, body, sender.partition(" <")[0], names)

    seen = set()
    for levels in _cells(pack, renderer):
        # What cannot be rendered is the lint's to say, and it does.
        with suppress(CorneredError):
            letters = tuple(
                letter(m.stem, m.subject, m.body, m.sender) for m in renderer.mails(levels)
            )
            if (same := tuple(map(id, letters))) not in seen:
                seen.add(same)
                changed = pack.factors.changed(levels)
                named = " ".join(f"{k}={v}" for k, v in changed.items())
                cell = f"the inbox of {named}" if named else "the default inbox"
                yield _Inbox(cell, letters, _data().inbox)


def _cells(pack: Pack, renderer: Renderer) -> Iterator[Levels]:
    """The default cell, and each that differs in a factor that mails read.

    Each without and with all the unrelated mails.
    """
    reads: set[str] = set()
    for mail in (*pack.mails, *pack.noise):
        with suppress(CorneredError):
            reads |= renderer.reads_of(mail)
    given: list[dict[str, Level]] = [{}]
    for name in pack.spec.factors:
        given += [{name: level} for level in _levels(pack, name) if name in reads]
    noise = {"noise": len(pack.noise)} if "noise" in pack.spec.factors and pack.noise else {}
    for one in given:
        for more in ({}, noise) if noise else ({},):
            with suppress(FactorError):
                yield pack.factors.resolve({**more, **one})


def _levels(pack: Pack, name: str) -> Iterator[str]:
    """The levels of a factor that does not count, each with what it needs beside it."""
    offered, rules = pack.factors.offered[name], pack.vocabulary[name]
    for level in offered if isinstance(offered, list) else ():
        beside = [need.beside for need in rules.needs if need.level == level]
        yield "+".join([*beside, level])


def _at_least(count: int, of: int, chance: float) -> float:
    """The probability of `count` or more of `of`, each with that chance (binomial)."""
    return sum(comb(of, k) * chance**k * (1 - chance) ** (of - k) for k in range(count, of + 1))


def _at_least_poisson(count: int, mean: float) -> float:
    """The probability of `count` or more where so many are expected (Poisson)."""
    term, below = exp(-mean), 0.0
    for k in range(count):
        below += term
        term *= mean / (k + 1)
    return max(0.0, 1.0 - below)


def _round_times(inbox: _Inbox) -> Iterator[_Tell]:
    letters, limits = inbox.letters, inbox.limits
    for every in limits.round_minutes:
        round_ones = [x for x in letters if x.file.head.time.minute % every == 0]
        p = _at_least(len(round_ones), len(letters), 1 / every)
        if p < limits.level:
            yield (
                round_ones[0].at("time"),
                f"{len(round_ones)} of the {len(letters)} mails in {inbox.cell} are sent at a "
                f"minute that {every} divides, where chance gives {len(letters) / every:.1f} "
                f"(P = {p:.1g}, level {limits.level})",
            )
            return


def _paced_times(inbox: _Inbox) -> Iterator[_Tell]:
    letters, limits = inbox.letters, inbox.limits
    times = sorted(x.file.head.time for x in letters)
    span = (times[-1] - times[0]).total_seconds() / 60
    where = letters[0].at("time")
    if span < limits.span:
        yield (
            where,
            f"all {len(letters)} mails in {inbox.cell} came within {span:.0f} minutes; an inbox "
            f"fills over {limits.span} or more",
        )
        return
    gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(times)]
    spread = statistics.pstdev(gaps) / statistics.fmean(gaps)
    gap, alike = Counter(gaps).most_common(1)[0]
    if spread < limits.gap_spread:
        yield (
            where,
            f"the mails in {inbox.cell} come at an even pace: the gaps' spread is {spread:.2f} of "
            f"their mean, chance gives about 1 (from {limits.gap_spread} it is no tell)",
        )
    elif alike > limits.same_gap * len(gaps):
        yield (
            where,
            f"{alike} of the {len(gaps)} gaps between the mails in {inbox.cell} are {gap:.0f} "
            "minutes long",
        )


def _lengths(inbox: _Inbox) -> Iterator[_Tell]:
    limits = inbox.limits
    by_length = sorted(inbox.letters, key=lambda x: len(x.body))
    lengths = [len(x.body) for x in by_length]
    spread, mean = statistics.pstdev(lengths), statistics.fmean(lengths)
    if spread < limits.length_spread * mean:
        yield (
            by_length[0].start,
            f"the mails in {inbox.cell} are of one length: {mean:.0f} characters, give or take "
            f"{spread:.0f}; write a line here and a page there",
        )
        return
    long = [x for x in by_length if len(x.body) >= limits.near_lengths_from]
    near, ring = limits.near_lengths, limits.near_lengths_ring
    apart = [len(b.body) - len(a.body) for a, b in combinations(long, 2)]
    close = sum(d <= near for d in apart)
    # Differences from -near to +near, against those beyond them up to ring; one pair more, so
    # that an empty ring is no certainty.
    beyond = sum(near < d <= ring for d in apart)
    expected = (beyond + 1) * (2 * near + 1) / (2 * (ring - near))
    p = _at_least_poisson(close, expected)
    if p < limits.near_lengths_level:
        a, b = next((a, b) for a, b in pairwise(long) if len(b.body) - len(a.body) <= near)
        yield (
            a.start,
            f"{close} pairs of mails in {inbox.cell} are within {near} characters of one length, "
            f"{a.stem} and {b.stem} for one, where chance gives {expected:.1f} (P = {p:.1g}, "
            f"level {limits.near_lengths_level})",
        )


def _greetings(inbox: _Inbox) -> Iterator[_Tell]:
    letters, limits = inbox.letters, inbox.limits
    formula, alike = inbox.most_common([x.greeting for x in letters])
    if alike > limits.same_greeting * len(letters):
        yield (
            next(x.start for x in letters if x.greeting == formula),
            f"{alike} of the {len(letters)} mails in {inbox.cell} open with {formula!r}; people "
            "differ, and some do not greet at all",
        )


def _first_words(inbox: _Inbox) -> Iterator[_Tell]:
    limits = inbox.limits
    by_words: defaultdict[tuple[str, ...], list[_Letter]] = defaultdict(list)
    for letter in inbox.letters:
        if words := letter.first_words(limits.first_words):
            by_words[words].append(letter)
    for words, letters in by_words.items():
        people = {x.sender for x in letters}
        if len(people) >= limits.first_words_people:
            yield (
                letters[0].start,
                f"mails of {len(people)} people begin with {' '.join(words)!r} in {inbox.cell}",
            )


def _closings(inbox: _Inbox) -> Iterator[_Tell]:
    limits = inbox.limits
    people = {x.sender for x in inbox.letters}
    users: defaultdict[str, dict[str, _Letter]] = defaultdict(dict)
    for letter in inbox.letters:
        if letter.closing:
            users[letter.closing].setdefault(letter.sender, letter)
    for formula, by in users.items():
        common = formula in limits.common_closings
        many = len(by) >= limits.same_closing_people and len(by) > limits.same_closing * len(people)
        if many if common else len(by) > 1:
            yield (
                list(by.values())[-1].start,
                f"{len(by)} of the {len(people)} people who write in {inbox.cell} close with "
                f"{formula!r}: {', '.join(sorted(by))}",
            )


def _full_form(inbox: _Inbox) -> Iterator[_Tell]:
    letters, limits = inbox.letters, inbox.limits
    full = [x for x in letters if x.greeting and x.closing]
    if len(full) > limits.full_form * len(letters):
        yield (
            full[0].start,
            f"{len(full)} of the {len(letters)} mails in {inbox.cell} have both a greeting and a "
            "closing formula; among colleagues many have neither",
        )


def _stories(inbox: _Inbox) -> Iterator[_Tell]:
    for letter in inbox.letters:
        for text in (letter.own, letter.content):
            if found := _story_opening().match(text):
                said = " ".join(found[0].split())
                yield letter.start, f"{letter.stem} begins like a story: {said!r}"
                break


def _figures(inbox: _Inbox) -> Iterator[_Tell]:
    limits = inbox.limits
    first: dict[str, _Letter] = {}
    whole: set[str] = set()
    for letter in inbox.letters:
        for sign, digits, cents in FIGURE.findall(letter.own):
            number = int(digits.replace(",", ""))
            year = not sign and "," not in digits and 1900 <= number < 2100
            if number < 100 or digits.startswith("0") or year:
                continue
            figure = sign + digits + cents
            first.setdefault(figure, letter)
            if number % 100 == 0 and not cents.strip(".0"):
                whole.add(figure)
    p = _at_least(len(whole), len(first), limits.round_figures)
    if p < limits.level:
        listed = [f for f in first if f in whole]
        yield (
            first[listed[0]].start,
            f"{len(whole)} of the {len(first)} figures of 100 or more in the mails in {inbox.cell} "
            f"are whole hundreds ({', '.join(listed[:3])}, …), more than the "
            f"{limits.round_figures:.0%} that people round (P = {p:.1g}, level {limits.level})",
        )


def _subjects(inbox: _Inbox) -> Iterator[_Tell]:
    limits = inbox.limits
    counted: list[tuple[_Letter, bool]] = []
    for letter in inbox.letters:
        long = [w for w in WORD.findall(letter.subject) if len(w) > 3]
        answer = letter.file.head.reply_to or REPLY.match(letter.subject)
        if len(long) > 1 and not answer:
            counted.append((letter, all(w[0].isupper() and not w.isupper() for w in long)))
    title = [letter for letter, capitals in counted if capitals]
    if len(counted) >= limits.fewest and len(title) > limits.title_case * len(counted):
        yield (
            title[0].at("subject"),
            f"{len(title)} of {len(counted)} subjects in {inbox.cell} Have Capitals On Every Word",
        )


def _threads(inbox: _Inbox) -> Iterator[_Tell]:
    if not any(x.file.head.reply_to or REPLY.match(x.subject) for x in inbox.letters):
        yield (
            inbox.letters[0].at("subject"),
            f"none of the {len(inbox.letters)} mails in {inbox.cell} answers another (reply_to)",
        )


_CHECKS: tuple[Callable[[_Inbox], Iterator[_Tell]], ...] = (
    _round_times,
    _paced_times,
    _lengths,
    _greetings,
    _first_words,
    _closings,
    _full_form,
    _stories,
    _figures,
    _subjects,
    _threads,
)


def find_tells(pack: Pack) -> Iterator[Finding]:
    """The tells of a pack that a machine can see, each with file and line.

    Looked for: placeholders; words that name the set-up, or belong to AI safety research or to
    grading; companies without a word of their own; and, in inboxes of six mails or more, times
    that are round or paced, bodies of one length, greetings, first words and closings that many
    share, full letter form throughout, beginnings of stories, whole hundreds, Title Case, and
    the lack of any thread. Raises nothing for a pack that loads: what cannot be rendered is the
    rest of the lint's to report. A pack without prompts of its own has none.

    Args:
        pack: The pack; it is read over the default cell and those that differ from it in one
            factor, each without and with all its unrelated mails.
    """
    from cornered.scenario.lint import Finding  # lint imports this module

    if not pack.renders:
        return
    for where, what in (*_words(_texts(pack)), *_casts(pack), *_inboxes(pack)):
        yield Finding(where, what)
