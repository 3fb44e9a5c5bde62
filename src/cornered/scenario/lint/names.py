"""Names and addresses: one for each person, taken from the cast, and spelt as it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cornered.scenario.addresses import addresses_in
from cornered.scenario.cast import Cast
from cornered.scenario.factors import PACKS
from cornered.scenario.front_matter import FRONT_MATTER
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.texts import RenderedText
from cornered.scenario.templates import without_tags
from cornered.yamlfile import Loc

CAPITALISED_PAIR = re.compile(r"\b([A-Z][\w'’]+) +([A-Z][\w'’-]+)\b")
WORD = re.compile(r"[^\W\d_]+")
TITLES = frozenset(
    {"Mr", "Mrs", "Ms", "Dr", "Hi", "Hello", "Dear", "Thanks", "Hey", "Morning", "The"}
)
"""Words that stand before a surname and are no first name."""


def shared_addresses(reader: PackReader) -> Iterator[Finding]:
    """Two entries of the cast with one address: no fact could tell them apart."""
    cast = reader.pack.cast
    owners: dict[str, str] = {}
    entries: list[tuple[Loc, str]] = [
        (("agent",), cast.agent.address),
        *([(("unnamed",), cast.unnamed.address)] if cast.unnamed else []),
        *((("people", k), p.address) for k, p in cast.people.items()),
        *((("lists", k), entry.address) for k, entry in cast.lists.items()),
    ]
    for loc, address in entries:
        if not address:  # a place without mail
            continue
        name = ".".join(map(str, loc))
        owner = owners.setdefault(address.lower(), name)
        if owner != name:
            yield Finding(reader.place("cast.yaml", *loc), f"{name}: {owner} has the same address")


def literal_names(reader: PackReader) -> Iterator[Finding]:
    """Names in templates must be variables: a varied cast would contradict them."""
    cast = reader.pack.cast
    names = {
        word
        for person in cast.people.values()
        for word in (person.slots["first"], person.slots["last"])
        if len(word) > 2
    } | {cast.agent.name, *cast.company_names}
    pattern = any_of_words(names)
    for path, text in reader.sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            if match := pattern.search(line):
                yield Finding(
                    f"{path}:{number}",
                    f"the name {match[0]} is written out; use a variable of the cast",
                )


def misspelt_names(reader: PackReader) -> Iterator[Finding]:
    """Words that are nearly a surname or a word of the company's name."""
    cast_words = frozenset(WORD.findall(reader.pack.cast.model_dump_json()))
    ordinary = _ordinary_words(reader)
    names = _distinctive_names(reader.pack.cast, ordinary)
    for path, text in reader.sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            for word in WORD.findall(line):
                if len(word) < 5 or not word[0].isupper():
                    continue
                if word in cast_words or word.lower() in ordinary:
                    continue
                if name := next((n for n in names if _is_misspelling(word, n)), None):
                    yield Finding(
                        f"{path}:{number}",
                        f"{word} is nearly {name}; use a variable of the cast, or add {word} to "
                        "the cast if it is another name",
                    )


def _ordinary_words(reader: PackReader) -> frozenset[str]:
    """Words that stand in lower case somewhere: at the start of a sentence they are no name."""
    shared = [p.read_text(encoding="utf-8") for p in (PACKS / "shared").rglob("*.*")]
    # Front matter names people by their keys, which are often surnames in lower case.
    own = (FRONT_MATTER.sub("", text) for text in reader.sources.values())
    texts = (*own, *map(without_tags, shared))
    return frozenset(w for text in texts for w in WORD.findall(text) if w.islower())


def _distinctive_names(cast: Cast, ordinary: frozenset[str]) -> list[str]:
    """Surnames and words of the company's name that are too long to be hit by chance."""
    surnames = [p.slots["last"] for p in cast.people.values()]
    company = WORD.findall(" ".join(cast.company_names[:2]))
    return sorted(
        name
        for name in {*surnames, *company}
        if len(name) >= 5 and name[0].isupper() and name.lower() not in ordinary
    )


def _is_misspelling(word: str, name: str) -> bool:
    return edit_distance(word, name) <= (1 if len(name) < 7 else 2)


def edit_distance(a: str, b: str) -> int:
    """Letters left out, put in, changed or swapped with the next that make one word the other.

    Words whose lengths differ by more than 2 are given the distance 3.

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


def unknown_addresses(reader: PackReader, shown: RenderedText) -> Iterator[Finding]:
    """Addresses that are nobody's: a message to them would reach no fact."""
    for address in addresses_in(shown.text):
        if address.lower().rstrip(".") not in reader.addresses:
            yield Finding(shown.where, f"the address {address} is not in the cast")


def wrong_first_names(reader: PackReader, shown: RenderedText) -> Iterator[Finding]:
    """A surname of the cast under a first name that its bearer does not have."""
    full_names = reader.full_names
    for first, last in CAPITALISED_PAIR.findall(shown.text):
        surname = last.removesuffix("’s").removesuffix("'s")
        bearers = full_names.get(surname)
        if bearers and f"{first} {surname}" not in bearers and first not in TITLES:
            yield Finding(
                shown.where, f"{first} {surname} is called {' or '.join(bearers)} in the cast"
            )


def any_of_words(words: set[str]) -> re.Pattern[str]:
    """A pattern for any of these words, as a whole word in its own case."""
    return re.compile(r"\b(" + "|".join(map(re.escape, sorted(words))) + r")\b")
