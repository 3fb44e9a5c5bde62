"""The lint: reads a pack over its whole grid and says what a careful reader would.

Every finding is one line with the file it concerns; a pack that has any does not run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import jinja2
import jinja2.nodes

from cornered.errors import PackError
from cornered.scenario.factors import PACKS, Levels, vocabulary
from cornered.scenario.pack import Pack
from cornered.scenario.render import Renderer

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
CAPITALISED_PAIR = re.compile(r"\b([A-Z][\w'’]+)[ \n]+([A-Z][\w'’-]+)\b")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing wrong with a pack."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def lint(pack: Pack) -> list[Finding]:
    """Everything wrong with a pack, over its whole grid, sorted by file; empty is good.

    Checked: every cell renders; no variable is undefined or unused; every address is in the
    cast; people and company are called by one name; mails stand in the order of their time,
    before the session, and after the mail they answer; every mail is in some inbox; a control
    holds no trace of threat or goal; the canary is there and in no prompt.
    """
    return sorted(set(_Lint(pack).findings()))


class _Lint:
    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.renderer = Renderer(pack)
        self.selected: Counter[str] = Counter()
        self.seen: set[tuple[str, str]] = set()

    def findings(self) -> Iterator[Finding]:
        yield from self._canary()
        if not self.pack.renders:
            return
        yield from self._times()
        yield from self._literal_names()
        every = list(self.pack.factors.every())
        if not every:
            yield Finding(str(self.pack.folder / "pack.yaml"), "factors: no combination is valid")
            return
        try:
            for levels in every:
                yield from self._cell(levels)
            world = self.renderer.world(every[-1])
        except PackError as e:
            yield Finding(e.where or self.pack.name, e.what)
            return
        if missing := [m.stem for m in world.mails if m.body not in world.task]:
            yield Finding(str(self.pack.folder / "task.md"), f"the inbox lacks {missing[0]}")
        yield from self._never_selected()
        yield from self._unused()

    def _canary(self) -> Iterator[Finding]:
        if len(self.pack.spec.canary) < 20:
            yield Finding(
                str(self.pack.folder / "pack.yaml"), "canary: too short to be found again"
            )

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

    def _literal_names(self) -> Iterator[Finding]:
        """Names in templates must be variables, or a varied cast would contradict them."""
        cast = self.pack.cast
        names = {
            word
            for person in cast.people.values()
            for word in (person.slots["first"], person.slots["last"])
            if len(word) > 2
        } | {cast.agent.name, cast.company.name, cast.company.short, cast.company.domain}
        pattern = re.compile(r"\b(" + "|".join(map(re.escape, sorted(names))) + r")\b")
        for path in sorted(self.pack.folder.rglob("*.md")):
            text = path.read_text(encoding="utf-8-sig")
            for number, line in enumerate(text.splitlines(), 1):
                outside = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", line)
                if found := pattern.search(outside):
                    yield Finding(
                        f"{path}:{number}",
                        f"the name {found[0]} is written out; use a variable of the cast",
                    )

    def _cell(self, levels: Levels) -> Iterator[Finding]:
        files = {m.stem: m for m in self.renderer.selected(levels)}
        self.selected.update(files.keys())
        for mail in files.values():
            if mail.head.reply_to and mail.head.reply_to not in files:
                cell = " ".join(f"{k}={v}" for k, v in levels.items())
                yield Finding(
                    str(mail.path), f"reply_to: {mail.head.reply_to} is not in the inbox of {cell}"
                )
        texts = {str(self.pack.folder / "system.md"): self.renderer.system(levels)}
        texts |= {
            str(files[m.stem].path): f"{m.subject}\n{m.body}" for m in self.renderer.mails(levels)
        }
        texts[str(self.pack.folder / "task.md")] = self.renderer.task(levels, inbox="")
        for where, text in texts.items():
            if (where, text) in self.seen:
                continue
            self.seen.add((where, text))
            yield from self._names(where, text)
            if self.pack.spec.canary in text:
                yield Finding(where, "the canary stands in a prompt")
        if levels["goal"] == "none" and levels["threat"] == "none":
            for where, text in texts.items():
                yield from self._traces(where, text)

    def _names(self, where: str, text: str) -> Iterator[Finding]:
        cast = self.pack.cast
        known = {p.address.lower() for p in cast.people.values()}
        known |= {entry.address.lower() for entry in cast.lists.values()} | {
            cast.agent.address.lower()
        }
        for address in ADDRESS.findall(text):
            if address.lower().rstrip(".") not in known:
                yield Finding(where, f"the address {address} is not in the cast")
        full = {p.name for p in cast.people.values()}
        first = {p.slots["first"]: p.name for p in cast.people.values()}
        last = {p.slots["last"]: p.name for p in cast.people.values() if " " in p.name}
        for one, two in CAPITALISED_PAIR.findall(text):
            pair = f"{one} {two.removesuffix('’s').removesuffix(chr(39) + 's')}"
            other = last.get(pair.split()[1])
            if pair in full or other is None:
                continue
            if one in first or one not in _TITLES:
                yield Finding(where, f"{pair} is called {other} in the cast")

    def _traces(self, where: str, text: str) -> Iterator[Finding]:
        for name, factor in vocabulary().items():
            for pattern in (*factor.traces, *self.pack.spec.traces.get(name, ())):
                if found := re.search(pattern, text, re.IGNORECASE):
                    yield Finding(where, f"a control holds a trace of the {name}: {found[0]!r}")
        for value, slots in self.pack.goals.items():
            for slot, phrase in slots.items():
                if (
                    slot != "opposite"
                    and len(phrase.split()) > 1
                    and phrase.lower() in text.lower()
                ):
                    yield Finding(where, f"a control holds the goal {value} ({slot}): {phrase!r}")

    def _never_selected(self) -> Iterator[Finding]:
        for mail in (*self.pack.mails, *self.pack.noise):
            if not self.selected[mail.stem]:
                yield Finding(str(mail.path), f"no condition selects this mail ({mail.head.when})")

    def _unused(self) -> Iterator[Finding]:
        """Slots of the cast and of the goals that no text of the pack reads."""
        used, cast = self.renderer.used | self._read_by_judge(), str(self.pack.folder / "cast.yaml")
        for key in self.pack.cast.people:
            in_use = any(u.startswith(f"people.{key}.") for u in used)
            in_facts = any(key in f.reaches for f in self.pack.spec.facts.values())
            if not (in_use or in_facts):
                yield Finding(cast, f"people.{key}: nothing mentions this person")
        for key in self.pack.cast.lists:
            if not any(u.startswith((f"lists.{key}.", f"people.{key}.")) for u in used):
                yield Finding(cast, f"lists.{key}: nothing mentions this list")
        read = {
            u.split(".", 1)[1] for u in used if u.split(".")[0] in ("mission", "rival", "stated")
        }
        own = self.pack.folder / "goals.yaml"
        if own.exists():
            slots = {s for v in self.pack.goals.values() for s in v}
            shared = _shared_slots()
            for slot in sorted(slots - read - shared - {"opposite"}):
                yield Finding(str(own), f"the slot {slot} is read by no text")

    def _read_by_judge(self) -> set[str]:
        """Variables of the rubric, by their names in the source."""
        path = self.pack.folder / "judge.md"
        if not path.exists():
            return set()
        tree = jinja2.Environment().parse(path.read_text(encoding="utf-8-sig"))
        found = set()
        for node in tree.find_all(jinja2.nodes.Getattr):
            if isinstance(node.node, jinja2.nodes.Getattr) and isinstance(
                node.node.node, jinja2.nodes.Name
            ):
                found.add(f"{node.node.node.name}.{node.node.attr}.{node.attr}")
            elif isinstance(node.node, jinja2.nodes.Name):
                found.add(f"{node.node.name}.{node.attr}")
        return found


_TITLES = frozenset({"Mr", "Mrs", "Ms", "Dr", "Hi", "Hello", "Dear", "Thanks", "Hey", "Morning"})


def _shared_slots() -> set[str]:
    from cornered.scenario.pack import _slots

    return {slot for slots in _slots(PACKS / "shared" / "goals.yaml").values() for slot in slots}
