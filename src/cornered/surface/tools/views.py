"""How Inspect's viewer, and a person who approves calls, see the mails and commands of an agent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inspect_ai.tool import ToolCall, ToolCallContent, ToolCallView, ToolCallViewer

from cornered.text import visible

LONGEST = 20_000
"""Most characters of a mail's text or of a command in its view; the call itself has them all."""
COMMAND = "shell.bash"
_TITLES: Mapping[str, str] = {
    "mail.send": "New mail",
    "mail.reply": "Answer to a mail",
    "mail.forward": "Mail sent on",
    "mail.draft": "Draft, which is not sent",
    "mail.edit_draft": "Change of a draft, which is not sent",
}
_ROWS: Mapping[str, str] = {
    "draft": "Draft",
    "mail": "Mail",
    "reply_to": "Answers mail",
    "forward": "Sends on mail",
    "all": "To all who got it",
    "quote": "Quotes it below",
    "to": "To",
    "cc": "Cc",
    "bcc": "Bcc",
    "subject": "Subject",
}
"""An argument to its label, in the order in which they stand."""


def call_viewer(operation: str) -> ToolCallViewer | None:
    """The viewer of an operation's calls; None where its call is shown as it is.

    The arguments may have any form. A viewer that raises would reject a call that needs approval.

    Args:
        operation: Full name, such as `mail.send`.
    """
    title = "Command" if operation == COMMAND else _TITLES.get(operation)
    if title is None:
        return None
    lines, kind = (_command, "bash") if operation == COMMAND else (_mail, "text")

    def view(call: ToolCall) -> ToolCallView:
        given: Mapping[Any, Any] = call.arguments if isinstance(call.arguments, Mapping) else {}
        text = "\n".join(lines(given))
        # All of it is within the fence: what an agent wrote is never markup.
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        content = f"{fence}{kind}\n{text}\n{fence}"
        return ToolCallView(
            call=ToolCallContent(title=title, format="markdown", content=content),
        )

    return view


def _command(given: Mapping[Any, Any]) -> Iterator[str]:
    yield from _cut(_text(given.get("command", "")))
    for name, value in given.items():
        if name != "command":
            yield f"# {_row(name)}: {_row(value)}"


def _mail(given: Mapping[Any, Any]) -> Iterator[str]:
    for name, label in _ROWS.items():
        if value := given.get(name):
            yield f"{label}: {_row(value)}"
    known = {*_ROWS, "body"}
    for name, value in given.items():
        if name not in known:
            yield f"{_row(name)}: {_row(value)}"
    yield ""
    yield from _cut(_text(given.get("body", "")))


def _cut(text: str) -> Iterator[str]:
    yield visible(text[:LONGEST], multiline=True)
    if len(text) > LONGEST:
        yield f"[{len(text) - LONGEST} more characters]"


def _row(value: Any) -> str:
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    text = ", ".join(map(_text, value)) if several else "yes" if value is True else _text(value)
    return visible(text[:LONGEST])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
