"""The lint: reads a pack over its whole grid and says what a careful reader would.

Every finding is one line with the file it concerns; a pack that has any does not run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path

from cornered.errors import PackError
from cornered.scenario.cast import Cast
from cornered.scenario.factors import PACKS, Levels, When
from cornered.scenario.pack import FRONT_MATTER, MailFile, Pack, text_files, without_tags
from cornered.scenario.render import Renderer
from cornered.scenario.tells import find_tells
from cornered.yamlfile import Loc, place, read_text

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
CAPITALISED_PAIR = re.compile(r"\b([A-Z][\w'’]+) +([A-Z][\w'’-]+)\b")
WORD = re.compile(r"[^\W\d_]+")
TITLES = frozenset(
    {"Mr", "Mrs", "Ms", "Dr", "Hi", "Hello", "Dear", "Thanks", "Hey", "Morning", "The"}
)


CONTROL = {"goal": "none", "threat": "none"}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing wrong with a pack."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def lint(pack: Pack) -> list[Finding]:
    """Everything wrong with a pack, over its whole grid, sorted by file; empty is good.

    Checked: every cell renders, the judge's rubric included; no variable is undefined or
    unused; every address is in the cast, and one person's; people and company are called by
    one name, which no text spells out or misspells; where the agent has no name, nothing
    gives it one; mails stand in the order of their time,
    before the session, and after the mail they answer; every mail is in some inbox; a control
    holds no trace of threat or goal; the canary is there and in no prompt.
    """
    return sorted(set(_Lint(pack).findings()))


class _Lint:
    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.renderer = Renderer(pack)
        self.seen: set[tuple[str, str]] = set()
        self.controls: set[tuple[str, str]] = set()

    def findings(self) -> Iterator[Finding]:
        yield from self._canary()
        yield from self._shared_addresses()
        if self.pack.spec.study:
            from cornered.scenario.study import check_study

            yield from check_study(self.pack)
        if not self.pack.renders:
            return
        yield from self._stems()
        yield from self._whens()
        yield from self._times()
        yield from self._written_names()
        if not self.pack.factors.size:
            yield Finding(self._place("pack.yaml", "factors"), "factors: no combination is valid")
            return
        try:
            yield from self._prompts()
            for mail in (*self.pack.mails, *self.pack.noise):
                yield from self._mail(mail)
            yield from self._inboxes()
            yield from self._drawn()
        except PackError as e:
            yield Finding(e.where or self.pack.name, e.what)
            return
        yield from self._unused()
        yield from find_tells(self.pack)

    def _canary(self) -> Iterator[Finding]:
        if len(self.pack.spec.canary) < 20:
            yield Finding(self._place("pack.yaml", "canary"), "canary: too short to be found again")

    def _place(self, file: str, *loc: int | str) -> str:
        return place(self.pack.folder / file, *loc, error=PackError)

    def _shared_addresses(self) -> Iterator[Finding]:
        cast = self.pack.cast
        whose: dict[str, str] = {}
        everyone: list[tuple[Loc, str]] = [
            (("agent",), cast.agent.address),
            *([(("unnamed",), cast.unnamed.address)] if cast.unnamed else []),
            *((("people", k), p.address) for k, p in cast.people.items()),
            *((("lists", k), entry.address) for k, entry in cast.lists.items()),
        ]
        for loc, address in everyone:
            name = ".".join(map(str, loc))
            other = whose.setdefault(address.lower(), name)
            if other != name:
                yield Finding(
                    self._place("cast.yaml", *loc), f"{name}: {other} has the same address"
                )

    def _stems(self) -> Iterator[Finding]:
        stems = Counter(m.stem for m in (*self.pack.mails, *self.pack.noise))
        for mail in self.pack.noise:
            if stems[mail.stem] > 1:
                yield Finding(str(mail.path), "there is a mail of this name in mails too")

    def _whens(self) -> Iterator[Finding]:
        """Words of `when` that no condition can have."""
        for mail in (*self.pack.mails, *self.pack.noise):
            for name, levels in mail.head.when.root.items():
                if name not in self.pack.vocabulary:
                    yield Finding(str(mail.path), f"when: there is no factor {name}")
                    continue
                for level in levels:
                    if (
                        not self.pack.vocabulary[name].count
                        and level not in self.pack.vocabulary[name].levels
                    ):
                        yield Finding(str(mail.path), f"when: {name} has no level {level}")

    def _times(self) -> Iterator[Finding]:
        pack = self.pack
        by_stem = {m.stem: m for m in (*pack.mails, *pack.noise)}
        clock = pack.spec.clock
        for folder in (pack.mails, pack.noise):
            for before, after in pairwise(folder):
                if after.head.time < before.head.time:
                    yield Finding(
                        str(after.path),
                        f"time: out of order, {before.path.name} stands before it and is later",
                    )
        for mail in by_stem.values():
            if clock and mail.head.time >= clock.moment:
                yield Finding(str(mail.path), "time: not before the session starts")
            original = by_stem.get(mail.head.reply_to or "")
            if mail.head.reply_to and original is None:
                yield Finding(str(mail.path), f"reply_to: there is no mail {mail.head.reply_to}")
            if original and original.head.time >= mail.head.time:
                yield Finding(str(mail.path), f"reply_to: {original.stem} is not earlier")

    @cached_property
    def _sources(self) -> dict[Path, str]:
        """The texts of the pack as people wrote them, with their template tags blanked."""
        paths = [p for p in text_files(self.pack.folder) if p.suffix == ".md"]
        paths += [p for p in [self.pack.folder / "goals.yaml"] if p.exists()]
        return {path: without_tags(read_text(path, error=PackError)) for path in paths}

    def _written_names(self) -> Iterator[Finding]:
        """Names in templates must be variables, or a varied cast would contradict them."""
        cast = self.pack.cast
        names = {
            word
            for person in cast.people.values()
            for word in (person.slots["first"], person.slots["last"])
            if len(word) > 2
        } | {cast.agent.name, *_company_names(cast)}
        pattern = re.compile(r"\b(" + "|".join(map(re.escape, sorted(names))) + r")\b")
        for path, text in self._sources.items():
            for number, line in enumerate(text.splitlines(), 1):
                if found := pattern.search(line):
                    yield Finding(
                        f"{path}:{number}",
                        f"the name {found[0]} is written out; use a variable of the cast",
                    )
                for word in WORD.findall(line):
                    if name := self._misspelt(word):
                        yield Finding(
                            f"{path}:{number}",
                            f"{word} is nearly {name}; use a variable of the cast, or put {word} "
                            "there if it is another name",
                        )

    def _misspelt(self, word: str) -> str | None:
        """The surname or word of the company's name that a word is a slip of the pen for."""
        if len(word) < 5 or not word[0].isupper():
            return None
        if word in self._cast_words or word.lower() in self._ordinary:
            return None
        return next(
            (n for n in self._own_names if _slips(word, n) <= (1 if len(n) < 7 else 2)), None
        )

    @cached_property
    def _cast_words(self) -> frozenset[str]:
        return frozenset(WORD.findall(self.pack.cast.model_dump_json()))

    @cached_property
    def _ordinary(self) -> frozenset[str]:
        """Words that stand in lower case somewhere: at the start of a sentence they are no name."""
        shared = [p.read_text(encoding="utf-8") for p in (PACKS / "shared").rglob("*.*")]
        # Front matter names people by their keys, which are often surnames in lower case.
        own = (FRONT_MATTER.sub("", text) for text in self._sources.values())
        texts = (*own, *map(without_tags, shared))
        return frozenset(w for text in texts for w in WORD.findall(text) if w.islower())

    @cached_property
    def _own_names(self) -> list[str]:
        """Surnames, and the words of the company's name, that are long enough to be told apart."""
        cast = self.pack.cast
        last = [p.slots["last"] for p in cast.people.values()]
        words = WORD.findall(" ".join(_company_names(cast)[:2]))
        return sorted(
            n
            for n in {*last, *words}
            if len(n) >= 5 and n[0].isupper() and n.lower() not in self._ordinary
        )

    def _cells(self, reads: Collection[str], when: When | None = None) -> Iterator[Levels]:
        """A cell for every reading that a text can have where it stands.

        What a text does not read cannot change it: these cells stand for the whole grid. The
        controls come once more by themselves.
        """
        factors = self.pack.factors
        when = when or When({})
        read = {*reads, *when.root}
        for levels in (*factors.projected(read), *factors.projected(read, CONTROL)):
            if when.holds(levels):
                yield levels

    def _prompts(self) -> Iterator[Finding]:
        """System prompt, task, probe and rubric, in every way in which they can read.

        The system prompt hangs on so many factors that it is taken part by part.
        """
        folder, renderer = self.pack.folder, self.renderer
        for levels in chain.from_iterable(map(self._cells, renderer.parts("system.md"))):
            yield from self._text(str(folder / "system.md"), renderer.system(levels), levels)
        for levels in self._cells({*renderer.reads("task.md"), "probe"}):
            file = "probe.yaml" if levels.get("probe") == "on" else "task.md"
            yield from self._text(str(folder / file), renderer.task(levels, inbox=""), levels)
        if (folder / "judge.md").exists():
            for levels in self._cells(renderer.reads("judge.md")):
                yield from self._text(
                    str(folder / "judge.md"), renderer.rubric(levels), levels, seen_by_agent=False
                )

    def _mail(self, mail: MailFile) -> Iterator[Finding]:
        """One mail, in every way in which it can read where a condition selects it."""
        unselected = True
        for levels in self._cells(self.renderer.reads_of(mail), mail.head.when):
            unselected = False
            shown = self.renderer.mail(mail, levels)
            yield from self._text(str(mail.path), f"{shown.subject}\n{shown.body}", levels)
            headers = " ".join((shown.sender, *shown.to, *shown.cc))
            yield from self._called(str(mail.path), headers, levels, self.renderer)
        if unselected:
            yield Finding(str(mail.path), f"no condition selects this mail ({mail.head.when})")
        if mail in self.pack.mails and mail.head.reply_to in {m.stem for m in self.pack.noise}:
            what = f"reply_to: {mail.head.reply_to} is in the inbox only where there is noise"
            yield Finding(str(mail.path), what)
        original = next((m for m in self.pack.mails if m.stem == mail.head.reply_to), None)
        if original is None:
            return
        for levels in self._cells(original.head.when.root, mail.head.when):
            if not original.head.when.holds(levels):
                cell = " ".join(f"{k}={v}" for k, v in levels.items())
                yield Finding(
                    str(mail.path), f"reply_to: {original.stem} is not in the inbox of {cell}"
                )
                return

    def _text(
        self, where: str, text: str, levels: Levels, *, seen_by_agent: bool = True
    ) -> Iterator[Finding]:
        if (where, text) not in self.seen:
            self.seen.add((where, text))
            yield from self._names(where, text)
            if self.pack.spec.canary in text:
                yield Finding(where, "the canary stands in a prompt")
        yield from self._called(where, text, levels, self.renderer)
        in_control = all(levels[k] == v for k, v in CONTROL.items())
        if seen_by_agent and in_control and (where, text) not in self.controls:
            self.controls.add((where, text))
            yield from self._traces(where, text)

    def _inboxes(self) -> Iterator[Finding]:
        """The whole prompt of a cell for each level of each factor: it holds its whole inbox."""
        for name in self.pack.factors.offered:
            for levels in self.pack.factors.projected({name}):
                task, mails = self.renderer.prompt(levels).task, self.renderer.mails(levels)
                if missing := [m.stem for m in mails if m.body not in task]:
                    file = self.pack.folder / "task.md"
                    yield Finding(str(file), f"the inbox lacks {missing[0]}")
                    return

    def _drawn(self) -> Iterator[Finding]:
        """Varied casts: everybody can be drawn, and nothing of the canonical names stays."""
        if "cast" not in self.pack.factors.offered:
            return
        cast = self.pack.cast
        for key, person in cast.people.items():
            if person.pronoun is None and not person.fixed:
                where = self._place("cast.yaml", "people", key)
                yield Finding(where, f"people.{key}: say pronoun he or she, or fixed: true")
        names = {*_company_names(cast), cast.agent.name}
        names |= {p.name for p in cast.people.values() if p.pronoun}
        pattern = re.compile(r"\b(" + "|".join(map(re.escape, sorted(names))) + r")\b")
        for draw in ("000001", "000002", "000003"):
            renderer = self.renderer.drawn(draw)
            addresses = [p.address for p in renderer.cast.people.values()]
            if twice := [a for a in addresses if addresses.count(a) > 1]:
                yield Finding(self._place("cast.yaml"), f"a varied cast has {twice[0]} twice")
            factors = self.pack.factors
            cells = factors.projected({"goal", "threat", "implicated"})
            for levels in (*cells, *factors.projected({"agent"})):
                prompt = renderer.prompt(levels)
                yield from self._called(str(self.pack.folder), prompt.task, levels, renderer)
                if found := pattern.search(f"{prompt.system}\n{prompt.task}"):
                    yield Finding(
                        str(self.pack.folder), f"a varied cast still holds the name {found[0]}"
                    )
                    return

    @staticmethod
    def _called(where: str, text: str, levels: Levels, renderer: Renderer) -> Iterator[Finding]:
        """The agent's name, or its address under that name, where it is to have none."""
        name = renderer.cast.agent.name
        if levels.get("agent") == "unnamed" and re.search(
            rf"\b{re.escape(name)}\b", text, re.IGNORECASE
        ):
            yield Finding(where, f"with agent=unnamed, the agent is still called {name}")

    def _names(self, where: str, text: str) -> Iterator[Finding]:
        cast = self.pack.cast
        entities = (cast.agent, cast.nameless.agent, *cast.people.values(), *cast.lists.values())
        known = {entity.address.lower() for entity in entities}
        for address in ADDRESS.findall(text):
            if address.lower().rstrip(".") not in known:
                yield Finding(where, f"the address {address} is not in the cast")
        full = {p.name for p in cast.people.values()}
        last: dict[str, list[str]] = {}
        for person in cast.people.values():
            if " " in person.name:
                last.setdefault(person.slots["last"], []).append(person.name)
        for one, two in CAPITALISED_PAIR.findall(text):
            surname = two.removesuffix("’s").removesuffix("'s")
            if surname in last and f"{one} {surname}" not in full and one not in TITLES:
                yield Finding(
                    where, f"{one} {surname} is called {' or '.join(last[surname])} in the cast"
                )

    def _traces(self, where: str, text: str) -> Iterator[Finding]:
        for name, factor in self.pack.vocabulary.items():
            for pattern in (*factor.traces, *self.pack.spec.traces.get(name, ())):
                if found := re.search(pattern, text, re.IGNORECASE):
                    yield Finding(where, f"a control holds a trace of the {name}: {found[0]!r}")
        references = {v.row.partition(".")[2] for v in self.pack.spec.variables.values()}
        rows = (row for table in self.pack.tables.values() for row in table.rows.items())
        for value, slots in rows:
            for slot, phrase in slots.items():
                if (
                    slot not in references
                    and len(phrase.split()) > 1
                    and phrase.lower() in text.lower()
                ):
                    yield Finding(where, f"a control holds the goal {value} ({slot}): {phrase!r}")

    def _unused(self) -> Iterator[Finding]:
        """People, lists and slots that no text of the pack reads."""
        pack, cast, used = self.pack, self.pack.cast, self.renderer.used
        in_facts = {
            key
            for fact in pack.spec.facts.values()
            for matcher in fact.where.values()
            for key in matcher.people
        }
        for kind, entries in (("people", cast.people), ("lists", cast.lists)):
            for key, entity in entries.items():
                if key not in in_facts and not any(
                    u.startswith((f"people.{key}.", f"lists.{key}.")) for u in used
                ):
                    where = self._place("cast.yaml", kind, key)
                    yield Finding(where, f"{kind}.{key}: nothing mentions it")
                for slot in sorted(set(entity.model_extra or ()) - _FOR_PEOPLE):
                    if f"{kind}.{key}.{slot}" not in used:
                        where = self._place("cast.yaml", kind, key, slot)
                        yield Finding(where, f"{kind}.{key}.{slot}: no text reads it")
        for slot in sorted(set((cast.company and cast.company.model_extra) or ())):
            if f"company.{slot}" not in used:
                where = self._place("cast.yaml", "company", slot)
                yield Finding(where, f"company.{slot}: no text reads it")
        yield from self._unused_slots()

    def _unused_slots(self) -> Iterator[Finding]:
        used = [u.partition(".") for u in self.renderer.used]
        read = {slot for of, _, slot in used if of in self.pack.spec.variables}
        for file, table in self.pack.tables.items():
            for slot, row in table.own.items():
                if slot not in read:
                    where = self._place(file, row, slot)
                    yield Finding(where, f"the slot {slot} is read by no text")


_FOR_PEOPLE = frozenset({"role", "outside"})
"""What a cast may say of a person for its readers alone."""


def _company_names(cast: Cast) -> tuple[str, ...]:
    """Name, short name and domain of the company, where there is one."""
    company = cast.company
    return (company.name, company.short, company.domain) if company else ()


def _slips(a: str, b: str) -> int:
    """Letters left out, put in, changed or swapped with the next that make one word the other.

    Source: optimal string alignment distance, Damerau 1964, Communications of the ACM 7:171-176.
    """
    if abs(len(a) - len(b)) > 2:
        return 3
    rows = [list(range(len(b) + 1))]
    for i, one in enumerate(a, 1):
        row = [i]
        for j, two in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (one != two))
            if i > 1 and j > 1 and one == b[j - 2] and a[i - 2] == two:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
