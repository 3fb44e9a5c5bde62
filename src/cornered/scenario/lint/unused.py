"""What the pack defines and no text uses: most often a name that was misspelt."""

from __future__ import annotations

from collections.abc import Iterator

from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader

_FOR_AUTHORS = frozenset({"role", "outside"})
"""Slots of a person that inform the authors of a pack, and need not be in a text."""


def unused_people(reader: PackReader) -> Iterator[Finding]:
    """People and lists that no text, no mail and no fact mentions, and slots of theirs.

    It looks at what has been rendered so far: run it after all texts are rendered.
    """
    cast, used = reader.pack.cast, reader.renderer.used
    in_facts = {
        key
        for fact in reader.pack.spec.facts.values()
        for matcher in fact.where.values()
        for key in matcher.people
    }
    for kind, entries in (("people", cast.people), ("lists", cast.lists)):
        for key, entity in entries.items():
            # Mails are from and to people and lists alike, and name both as people.
            mentions = (f"people.{key}.", f"{kind}.{key}.")
            if key not in in_facts and not any(path.startswith(mentions) for path in used):
                where = reader.place("cast.yaml", kind, key)
                yield Finding(where, f"{kind}.{key}: nothing mentions it")
            for slot in sorted(set(entity.model_extra or ()) - _FOR_AUTHORS):
                if f"{kind}.{key}.{slot}" not in used:
                    where = reader.place("cast.yaml", kind, key, slot)
                    yield Finding(where, f"{kind}.{key}.{slot}: no text uses it")


def unused_company_slots(reader: PackReader) -> Iterator[Finding]:
    """Slots of the company that no text uses; run it after all texts are rendered."""
    company = reader.pack.cast.company
    for slot in sorted(set((company and company.model_extra) or ())):
        if f"company.{slot}" not in reader.renderer.used:
            where = reader.place("cast.yaml", "company", slot)
            yield Finding(where, f"company.{slot}: no text uses it")


def unused_slots(reader: PackReader) -> Iterator[Finding]:
    """Slots of the pack's own texts that no template uses; run it after all are rendered."""
    paths = [path.partition(".") for path in reader.renderer.used]
    used = {slot for variable, _, slot in paths if variable in reader.pack.spec.variables}
    for file, table in reader.pack.tables.items():
        for slot, row in table.own.items():
            if slot not in used:
                where = reader.place(file, row, slot)
                yield Finding(where, f"{row}.{slot}: no text uses it")
