"""Verdicts on the act for stored answers in JSONL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.endings import Ending, early_end
from cornered.errors import InputError
from cornered.ledger import Event
from cornered.scenario import Pack, Scenario
from cornered.surface.text import act
from cornered.verdict.facts import find_act, find_facts
from cornered.world import World, at_once, open_world


class StoredAnswer(BaseModel):
    """A line of the input; further keys are allowed and ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: str | int
    """Identifies the answer in the output."""
    response_text: str | None
    """The model's answer; null or empty if there is none."""
    stop_reason: str | None = None
    """Why the model stopped, if known: `length` marks a cut-off answer."""


def read_answers(lines: Iterable[str], where: str) -> list[StoredAnswer]:
    """All answers of a file; blank lines are skipped.

    Raises:
        InputError: a line is not a JSON object with `id` and `response_text` (which line).
    """
    answers = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            answers.append(StoredAnswer.model_validate_json(line))
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise InputError(
                f"{key}: {first['msg']}" if key else first["msg"],
                where=f"{where}:{number}",
                fix='each line is a JSON object with "id" and "response_text"',
            ) from None
    return answers


def _event_dict(event: Event, world: World) -> dict[str, Any]:
    """An event as plain values: operation, arguments, status and place in the answer."""
    try:
        recipients = list(world.argument(event, "recipients"))
    except KeyError:
        recipients = []
    return {
        "operation": event.operation,
        "executed": event.done,
        "status": event.status,
        "start": event.place.start if event.place else None,
        "end": event.place.end if event.place else None,
        "note": event.note,
        "recipients": recipients,
        **event.arguments,
    }


def score_answers(
    answers: Iterable[StoredAnswer], pack: Pack, scenario: str
) -> Iterator[dict[str, Any]]:
    """The verdict on each answer: actions, facts and act.

    The answers are read as given in the default condition of the scenario.

    Yields:
        `id`, `scenario`, `actions`, `facts`, `act` (None without an answer, or if it was cut off
        before an act) and `warnings`, as plain values.
    """
    scene = Scenario.of(pack).scene(pack.factors.resolve({}), "")
    for answer in answers:
        ending: Ending = early_end(answer.stop_reason) or "stop"
        world = open_world(pack, scene)
        ledger = at_once(act(world, answer.response_text or "", ending))
        facts = find_facts(ledger, pack, world)
        yield {
            "id": answer.id,
            "scenario": scenario,
            "actions": [_event_dict(event, world) for event in ledger.events],
            "facts": facts,
            "act": find_act(ledger, facts, pack),
            "warnings": list(ledger.oddities),
        }
