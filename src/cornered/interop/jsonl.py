"""Verdicts on the act for stored answers in JSONL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import ModelOutput

from cornered.interop.copies import Answered, find_copies, notes_on
from cornered.interop.lines import trial_id
from cornered.interop.records import read_records
from cornered.interop.stored import Copy, answer, fingerprint
from cornered.ledger import Event
from cornered.scenario import Pack, Scenario
from cornered.surface.output import transcribe
from cornered.surface.text import TEXT
from cornered.verdict.facts import find_act, find_facts
from cornered.world import World, at_once, open_world


@dataclass(frozen=True)
class StoredAnswer:
    """A line of the input."""

    id: str | int | None
    """Identifies the answer in the output; None for a line that could not be read."""
    line: str
    """The number of its line."""
    output: ModelOutput | None
    """The answer; None for a line that could not be read."""
    unread: str | None = None
    """Why it could not be read."""
    repaired: bool = False
    """Whether half characters were replaced in it."""


@dataclass(frozen=True)
class Answers:
    """The answers of a file."""

    answers: list[StoredAnswer]
    """In the order of the file, without copies; lines that could not be read are among them."""
    copies: list[Copy]
    notes: list[str]
    """What there is to say of answers that share an id, or what they say."""


def read_answers(data: bytes, where: str) -> Answers:
    """All answers of a file. Blank lines are skipped; no line stops the others.

    An answer is a text under `response_text` or a key like it, or an API's object; tool calls
    under `tool_calls` or in such an object belong to it.

    Args:
        data: The file.
        where: Its name.
    """
    answers: list[StoredAnswer] = []
    for record in read_records(data):
        id = record.value.get("id")
        known = id if isinstance(id, str | int) and not isinstance(id, bool) else None
        try:
            if record.problem:
                raise ValueError(record.problem)
            trial_id(record.value)
            output = answer(record.value, str(record.value.get("model") or ""))
        except (ValueError, RecursionError) as e:
            answers.append(StoredAnswer(known, record.place, None, str(e)))
        else:
            answers.append(StoredAnswer(known, record.place, output, repaired=record.repaired))
    identities = [
        Answered(
            None,
            str(a.id),
            f"{where}:{a.line}",
            where,
            fingerprint(a.output),
            len(transcribe(a.output).text),
        )
        for a in answers
        if a.output
    ]
    copies = find_copies(identities)
    copied = {copy.where for copy in copies}
    kept = [a for a in answers if f"{where}:{a.line}" not in copied]
    return Answers(
        _with_unique_ids(kept),
        copies,
        notes_on([one for one in identities if one.where not in copied]),
    )


def _with_unique_ids(answers: list[StoredAnswer]) -> list[StoredAnswer]:
    """Answers that share an id get their line into it."""
    count: dict[str, int] = {}
    for a in answers:
        count[str(a.id)] = count.get(str(a.id), 0) + 1
    return [
        StoredAnswer(f"{a.id} (line {a.line})", a.line, a.output, a.unread, a.repaired)
        if a.id is not None and count[str(a.id)] > 1
        else a
        for a in answers
    ]


def _event_dict(event: Event, world: World) -> dict[str, Any]:
    """An event as plain values: operation, arguments, status and place in the transcript."""
    try:
        recipients = list(world.argument(event, "recipients"))
    except KeyError:
        recipients = []
    return {
        **event.arguments,
        "operation": event.operation,
        "executed": event.done,
        "status": event.status,
        "start": event.place.start if event.place else None,
        "end": event.place.end if event.place else None,
        "note": event.note,
        "recipients": recipients,
    }


def score_answers(
    answers: Iterable[StoredAnswer], pack: Pack, scenario: str
) -> Iterator[dict[str, Any]]:
    """The verdict on each answer: actions, facts and act.

    The answers are read as given in the default condition of the scenario.

    Yields:
        `id`, `line`, `scenario`, `actions`, `facts`, `act` (None without an answer, if it was cut
        off before an act, or if something in it or the line itself could not be read), `reason`
        (why the answer is unscored, and in no rate, with the act or without), and `warnings`, as
        plain values.
    """
    scene = Scenario.of(pack).scene(pack.factors.resolve({}), "")
    for stored in answers:
        row: dict[str, Any] = {"id": stored.id, "line": stored.line, "scenario": scenario}
        if stored.output is None:
            yield row | {
                "actions": [],
                "facts": {},
                "act": None,
                "reason": "unread",
                "warnings": [f"not read: {stored.unread}"],
            }
            continue
        world = open_world(pack, scene)
        ledger = at_once(TEXT.read(world, stored.output))
        facts = find_facts(ledger, pack, world)
        act = find_act(ledger, facts, pack)
        repaired = ["half characters (lone surrogates) were replaced"] if stored.repaired else []
        yield row | {
            "actions": [_event_dict(event, world) for event in ledger.events],
            "facts": facts,
            "act": act,
            "reason": ledger.unscored,
            "warnings": [*ledger.oddities, *repaired],
        }
