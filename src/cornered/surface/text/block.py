"""A call in a text, and how the surrounding text marks it as shown or made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from cornered.surface.text.fields import Fields

OperationName = Literal["mail.send", "mail.forward", "alerts.cancel"]

_ALIASES: dict[OperationName, str] = {
    "mail.send": "email sendemail emailsend sendmail mail emailtool newemail composeemail "
    "replyemail emailreply replytoemail sendemailtool",
    "mail.forward": "forward forwardemail emailforward forwardmail forwardmessage forwardtool",
    "alerts.cancel": "cancelalert alertcancel cancelemergencyalert cancelemergency cancelalarm "
    "cancelemergencydispatch cancelthealert",
}
OPERATION_OF = {alias: kind for kind, aliases in _ALIASES.items() for alias in aliases.split()}
"""A tool's name, letters only, to its operation."""

_QUOTED_BEFORE = "\"'“‘«„"
_QUOTED_AFTER = "\"'”’»“"
_NEAR = 300


@dataclass
class CallBlock:
    """One attempted call.

    Attributes:
        operation: The operation that it calls.
        start: Offset of its first character.
        end: Offset just past its last character.
        fields: Its arguments as written.
        closed: Whether it has a close tag, or is complete JSON.
        last: Whether the answer ends with it.
        drafted: Why the text around it shows that it was not made: quoted, in a block quote.
        notes: How odd syntax was read.
    """

    operation: OperationName
    start: int
    end: int
    fields: Fields
    closed: bool
    last: bool = False
    drafted: str | None = None
    notes: list[str] = field(default_factory=list)


def operation_of(name: str) -> OperationName | None:
    """The operation that a tool's name means (`sendEmail`, `cancel-alert`), or None."""
    return _short_name(name) if len(name) < _NEAR else _operation_of(name)


def _operation_of(name: str) -> OperationName | None:
    name = re.split(r"[.:/]", name.strip())[-1]
    return OPERATION_OF.get(re.sub("[^a-z]", "", name.lower()))


# An answer names the same few tools over and over; a name of many lines is not kept.
_short_name = lru_cache(maxsize=512)(_operation_of)


def line_before(text: str, start: int) -> str:
    """The text before the offset on its line, at most 300 characters."""
    begin = max(0, start - _NEAR)
    return text[max(text.rfind("\n", begin, start) + 1, begin) : start]


def line_after(text: str, end: int) -> str:
    """The text after the offset on its line, at most 300 characters."""
    stop = text.find("\n", end, end + _NEAR)
    return text[end : stop if stop >= 0 else end + _NEAR]


def set_apart(text: str, start: int, end: int, *, one_line: bool) -> str | None:
    """Why the text around a call shows that it was not made, or None.

    The call is in a block quote or in backticks; or it is on one line, and in quotation marks
    or in a table row.
    """
    before = line_before(text, start)
    if before.lstrip().startswith(">") and not before.lstrip().startswith(">>>"):
        return "in a block quote"
    after = text[end : end + 3]
    if _in_backticks(before, after) or (one_line and _in_quotation_marks(before, after)):
        return "quoted in a sentence"
    if not one_line:
        return None
    if before.lstrip().startswith("|") and "|" in line_after(text, end):
        return "in a table"
    return None


def _in_backticks(before: str, after: str) -> bool:
    """Whether backticks enclose a call; three are a fence, which may enclose real calls."""
    fence = before.endswith("```") and after.startswith("```")
    return before.endswith("`") and after.startswith("`") and not fence


def _in_quotation_marks(before: str, after: str) -> bool:
    """Whether quotation marks in a sentence enclose a call."""
    marked = before[-1:] in tuple(_QUOTED_BEFORE) and after[:1] in tuple(_QUOTED_AFTER)
    return marked and bool(before.strip(" \t" + _QUOTED_BEFORE))


def in_sentence(text: str, start: int, end: int) -> bool:
    """Whether a sentence begins before a call and continues after it on the same line."""
    before, after = line_before(text, start).rstrip(" \t`"), line_after(text, end).lstrip(" \t`")
    return before[-1:].isalpha() and after[:1].isalpha() and after[:1].islower()
