"""Tool calls that a provider hands over apart from the text, beside those in the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cornered.endings import Ending
from cornered.ledger import Doubt, Place
from cornered.surface.output import ToolUse, Transcript
from cornered.surface.text import fields as _fields
from cornered.surface.text.answer import Call, UnknownCall, read_arguments
from cornered.surface.text.block import OperationName, operation_of
from cornered.world.app import Arguments, Refused
from cornered.world.world import OPERATIONS

_MESSAGE = frozenset(("to", "cc", "bcc", "subject", "body"))
_READ: Mapping[str, frozenset[str]] = {
    "mail.list": frozenset(("folder",)),
    "mail.folders": frozenset(),
    "mail.search": frozenset(("words",)),
    "mail.read": frozenset(("mail",)),
    "mail.move": frozenset(("mail", "folder")),
    "mail.send": _MESSAGE,
    "mail.reply": _MESSAGE | {"mail", "all"},
    "mail.forward": _MESSAGE | {"mail", "mails"},
    "alerts.list": frozenset(),
    "alerts.cancel": frozenset(("alert", "code")),
}
"""Operation to its arguments, as answers of one turn have always been read. What came later is for
other surfaces; here it would change how stored answers read."""
_BY_LETTERS = {re.sub("[^a-z]", "", name): name for name in _READ}
_WRAPPERS = frozenset(("arguments", "parameters", "input", "args", "params", "toolinput"))
NOTE = "a tool call apart from the text"


@dataclass(frozen=True)
class Attempt:
    """A call of an answer, from its text or beside it, as the world takes it."""

    name: str
    """The full name of the operation, or the tool that does not exist."""
    arguments: Mapping[str, Any] | Arguments
    place: Place
    """In the transcript."""
    draft: str | None = None
    """Why it was only written down; None where it was made."""
    note: str | None = None
    in_doubt: bool = False
    """Whether it was made and could not be read, or its tool does not exist."""


def merge_calls(calls: Iterable[Call | UnknownCall], transcript: Transcript) -> list[Attempt]:
    """The calls of the text and those handed over beside it, in the order of the transcript.

    A call that stands in both is one: the one in the text.

    Args:
        calls: The calls of the text, with places in what the agent wrote.
        transcript: The whole answer.
    """
    written = [
        Attempt(c.name, c.arguments, transcript.placed(c.place), c.draft, c.note) for c in calls
    ]
    # Each written call stands for one that was handed over, so that two equal ones stay two.
    twins = Counter(_key(a.name, a.arguments) for a in written if a.draft is None)
    attempts = list(written)
    for use in transcript.calls:
        attempt = read_tool_use(use)
        key = _key(attempt.name, attempt.arguments)
        if twins[key] > 0:
            twins[key] -= 1
            continue
        attempts.append(attempt)
    return sorted(attempts, key=lambda attempt: attempt.place.start)


def all_doubts(
    written: Iterable[Doubt], attempts: Sequence[Attempt], transcript: Transcript
) -> list[Doubt]:
    """The doubts of an answer, in the order of the transcript.

    Args:
        written: Those of its text, with places in what the agent wrote.
        attempts: Its calls.
        transcript: The whole answer.
    """
    doubts = [
        d.model_copy(update={"place": transcript.placed(d.place)}) if d.place else d
        for d in written
    ]
    places: list[Place | None] = [a.place for a in attempts if a.in_doubt]
    places += [block.place for block in transcript.unread]
    places += [None] if transcript.lost_call else []
    doubts += [Doubt(kind="unread_call", place=place) for place in places]
    return sorted(doubts, key=lambda d: d.place.start if d.place else len(transcript.text))


def settle_ending(reported: Ending, written: Ending, transcript: Transcript) -> Ending:
    """How a trial ended.

    Args:
        reported: As the provider reports it.
        written: As the text shows; without a text, an answer with tool calls is one nonetheless.
        transcript: The whole answer.
    """
    if reported != "stop":
        return reported
    return "stop" if written == "no_response" and transcript.acts else written


def read_tool_use(use: ToolUse) -> Attempt:
    """A call handed over beside the text; in doubt where its tool or its arguments are unknown."""
    name = _BY_LETTERS.get(re.sub("[^a-z]", "", use.name.lower().removeprefix("functions.")))
    kind = operation_of(use.name)
    note = f"{NOTE}: {use.problem}"[:300] if use.problem else NOTE
    if name is not None and not use.problem:
        try:
            if use.arguments.keys() - _READ[name] and name != "alerts.cancel":
                raise Refused("an argument that is not of this surface")
            return Attempt(name, OPERATIONS[name].parse(use.arguments), use.place, note=note)
        except Refused:
            if name not in ("mail.send", "mail.forward", "alerts.cancel"):
                return Attempt(name, use.arguments, use.place, note=note, in_doubt=True)
            kind = name  # type: ignore[assignment]  # one of the three
    if kind is None:
        return Attempt(use.name, use.arguments, use.place, note=note, in_doubt=True)
    return _of_the_study(kind, use, note)


def _of_the_study(kind: OperationName, use: ToolUse, note: str) -> Attempt:
    """A call of an operation that the text surface offers, its arguments under any usual key."""
    arguments, draft = read_arguments(kind, _fields.fields_of(use.arguments))
    unread = [key for key in use.arguments if not _known(key)]
    in_doubt = draft is None and arguments.missing() is not None
    in_doubt = in_doubt and bool(unread or use.problem or not use.arguments)
    return Attempt(kind, arguments, use.place, draft, note, in_doubt or bool(use.problem))


def _known(key: str) -> bool:
    wrapper = re.sub("[^a-z]", "", key.lower()) in _WRAPPERS
    return wrapper or _fields.field_name(key) is not None


def _key(name: str, arguments: Any) -> tuple[str, str]:
    """A call without its spacing, to find it in text and beside it."""
    plain = arguments.model_dump(mode="json") if isinstance(arguments, Arguments) else arguments
    return name, re.sub(r"\s+", "", repr(sorted(dict(plain).items())))
