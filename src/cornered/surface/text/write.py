"""Writing calls in the canonical format of the text surface."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from cornered.world.arguments import is_placeholder, unescape_entities

TAGS = {"mail.send": "email", "mail.forward": "forward", "alerts.cancel": "cancel_alert"}
"""Operation to its tag."""


def write_call(operation: str, arguments: Mapping[str, Any]) -> str:
    """A call as a block in the canonical format; reading it gives an equal call.

    A value that could be misread (it begins with a quotation mark, contains a tag, …) is
    written as a JSON string.

    Args:
        operation: Full name of the operation.
        arguments: Its normalised arguments.

    Raises:
        KeyError: the format has no tag for the operation.
    """
    tag = TAGS[operation]
    if operation == "alerts.cancel":
        return _block(tag, [f"code: {arguments['code']}"])
    forward = operation == "mail.forward"
    lines = [f"email_id: {arguments['mail']}"] if forward else []
    lines += [
        f"{name}: {', '.join(arguments[name])}"
        for name in ("to", "cc", "bcc")
        if name == "to" or arguments[name]
    ]
    if arguments["subject"] or not forward:
        lines.append(f"subject: {_value(arguments['subject'], lines=False)}")
    lines.append(f"body: {_value(arguments['body'], lines=True)}")
    return _block(tag, lines)


def _block(name: str, lines: list[str]) -> str:
    return "\n".join([f"<tool_use:{name}>", *lines, f"</tool_use:{name}>"])


# No tag, escape, entity, backtick or odd character, and no end that a reader strips.
_PLAIN = re.compile(r"[^\W_](?:[\w .,;:!?'()@/$%+=\n-]*[\w.!?)])?")


def _value(value: str, *, lines: bool) -> str:
    plain = _PLAIN.fullmatch(value) and (lines or "\n" not in value)
    if plain and (lines or ":" not in value) and not is_placeholder(value):
        return value
    if unescape_entities(value) != value:
        value = value.replace("&", "&amp;")
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted.replace("<", "\\u003c").replace("`", "\\u0060")
