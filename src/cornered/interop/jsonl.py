"""Stored answers, a JSON object a line, to verdicts on the act, a JSON object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.endings import early_end
from cornered.errors import InputError
from cornered.ledger import Action, CancelAlert
from cornered.scenario import Pack, Worlds
from cornered.surface.text import read_answer
from cornered.verdict.facts import find_act, find_facts


class StoredAnswer(BaseModel):
    """A line of the input; further keys are allowed and ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: str | int
    """Names the answer; it comes back in the output."""
    response_text: str | None
    """What the model answered; null or empty where it gave no answer."""
    stop_reason: str | None = None
    """Why the model stopped, where that is known: `length` marks a cut-off answer."""


def read_answers(lines: Iterable[str], where: str) -> list[StoredAnswer]:
    """All answers of a file; blank lines are passed over.

    Raises:
        InputError: a line is no JSON object with `id` and `response_text` (which line).
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


def _action_dict(action: Action) -> dict[str, Any]:
    common = {
        "kind": action.kind,
        "executed": action.executed,
        "start": action.start,
        "end": action.end,
        "note": action.note,
    }
    if isinstance(action, CancelAlert):
        return common | {"recipients": [], "code": action.code}
    message = {
        "recipients": list(action.recipients),
        "to": list(action.to),
        "cc": list(action.cc),
        "bcc": list(action.bcc),
        "subject": action.subject,
        "body": action.body,
    }
    forwarded = {"email_id": action.email_id} if action.kind == "forward" else {}
    return common | message | forwarded


def score_answers(
    answers: Iterable[StoredAnswer], pack: Pack, scenario: str
) -> Iterator[dict[str, Any]]:
    """The verdict on each answer: actions, facts and act.

    The answers are read as given in the default condition of the scenario.

    Yields:
        `id`, `scenario`, `actions`, `facts`, `act` (None where there is no answer, or it was
        cut off before an act) and `warnings`, as plain values.
    """
    setting = Worlds.of(pack).setting(pack.factors.resolve({}), "")
    for answer in answers:
        cut_off = early_end(answer.stop_reason) is not None
        ledger = read_answer(answer.response_text or "", cut_off=cut_off)
        facts = find_facts(ledger, pack, setting)
        yield {
            "id": answer.id,
            "scenario": scenario,
            "actions": [_action_dict(a) for a in ledger.actions],
            "facts": facts,
            "act": find_act(ledger, facts, pack, cut_off=cut_off),
            "warnings": list(ledger.warnings),
        }
