"""Calls written as sheets of fields below the tool's name, and Gemma's `call:email{…}`.

A sheet is a YAML or TOML block, a Markdown heading with a list of fields, a line `tool: email`
with `to:` and `body:` below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from cornered.surface.text import fields as _fields
from cornered.surface.text.block import CallBlock, OperationName, operation_of, set_apart
from cornered.surface.text.python import MAX_LENGTH, read_value
from cornered.surface.text.reasoning import Span, within

_GEMMA = re.compile(r"\bcall:(?P<name>[A-Za-z][\w.-]{1,40})\s?\{")
_GEMMA_TOKEN = re.compile(r"<\|\"\|>|<escape>|[{}]")
_NAME_LINE = re.compile(
    r"^[ \t]*+(?:[-*•][ \t]++|\d{1,2}[.)][ \t]++)?(?P<mark>#{1,6}[ \t]*+|\[{1,2}(?=\w)|[*_]{2})?"
    r"[\"'`*_]{0,3}(?:(?P<key>(?:tool|function|action|api)(?:[_ -]?(?:name|call|use))?|call|name"
    r"|command|operation|method|invoke|use|execute)[\"'`*_]{0,3}[ \t]*+(?P<sep>[:=：])?[*_]{0,2}"
    r"[ \t]*+)?(?P<quote>[\"'`*_(]{0,3})(?P<name>[A-Za-z][\w.-]{2,30})[\"'`*_\])]{0,4}[ \t]*+"
    r"[:,]?[*_]{0,2}[ \t]*+$",
    re.IGNORECASE | re.MULTILINE,
)
_WHOLE_SHEET = 6_000
_PLAIN_LINE = re.compile(r"\n[ \t]*\n(?=[^\s\-*\"'`>{}])")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~|\.\.\.[ \t]*$|---[ \t]*$|</)", re.MULTILINE)
_FIELDS_OF: dict[OperationName, frozenset[str]] = {
    "mail.send": frozenset(("to", "cc", "subject", "body")),
    "mail.forward": frozenset(("to", "cc", "subject", "body", "email_id")),
    "alerts.cancel": frozenset(("code", "other")),
}
_WRAPPER_LINE = re.compile(
    r"\A\s*(?:\[[\w.\"]{1,40}\]|[-*\"'`]{0,3}(?:arguments|parameters|input|args|params|with"
    r"|action[_ ]input|kwargs|fields)[\"'`*]{0,3}[ \t]*+[:=][ \t]*+[|>]?)[ \t]*+"
    r"(?:\n|(?=\w{2,10}:))",
    re.IGNORECASE,
)


def gemma_calls(text: str, code: Sequence[Span]) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
    """Each `call:NAME{…}`: its start, its end, the name, the arguments.

    Strings stand between `<|"|>` or `<escape>`, and hold anything.
    """
    budget = 4 * len(text) + 100_000
    for m in _GEMMA.finditer(text):
        if budget < 0 or within(m.start(), code):
            continue
        end, source = _gemma_source(text, m.end() - 1)
        budget -= end - m.start() if end > 0 else MAX_LENGTH
        value, stop, cost = read_value(source, 0) if source else (None, -1, 0)
        budget -= cost // 8
        if stop >= 0 and isinstance(value, dict):
            yield m.start(), end, m["name"], value


def _gemma_source(text: str, begin: int) -> tuple[int, str]:
    """The end of the braces at `begin` and their content as a literal; ("", -1) for neither."""
    parts, depth, at, quote = [], 0, begin, False
    for m in _GEMMA_TOKEN.finditer(text, begin, min(len(text), begin + MAX_LENGTH)):
        if m[0] in "{}":
            depth += 0 if quote else (1 if m[0] == "{" else -1)
            if depth == 0 and not quote:
                parts.append(text[at : m.end()])
                return m.end(), "".join(parts)
            continue
        inside = text[at : m.start()]
        parts.append(json.dumps(inside, ensure_ascii=False) if quote else inside)
        at, quote = m.end(), not quote
    return -1, ""


def sheet_blocks(text: str, code: Sequence[Span], taken: Sequence[Span]) -> Iterator[CallBlock]:
    """The calls that are sheets of fields or Gemma's, outside the spans that are taken."""
    for start, end, name, values in gemma_calls(text, code):
        kind = operation_of(name)
        if kind and not within(start, taken):
            block = CallBlock(kind, start, end, _fields.fields_of(values), closed=True)
            block.drafted = set_apart(text, start, end, one_line="\n" not in text[start:end])
            yield block
    lines = list(_name_lines(text))
    for i, (m, kind) in enumerate(lines):
        if within(m.start(), taken) or within(m.start(), code):
            continue
        limit = lines[i + 1][0].start() if i + 1 < len(lines) else len(text)
        if sheet := _sheet(text, m, kind, limit):
            yield sheet


def _name_lines(text: str) -> Iterator[tuple[re.Match[str], OperationName]]:
    """The lines that are the name of a tool, with an announcement or as a heading."""
    for m in _NAME_LINE.finditer(text):
        kind = operation_of(m["name"])
        if kind is None or not (m["mark"] or (m["key"] and m["sep"])):
            continue
        # A heading of prose is "Email"; that of a call is the tool's own name, `send_email`.
        if m["key"] or m["name"] == m["name"].lower():
            yield m, kind


def _sheet(text: str, m: re.Match[str], kind: OperationName, limit: int) -> CallBlock | None:
    """The call below a line that names its tool; None where it lacks fields."""
    begin = m.end() + 1
    content = text[begin : min(limit, begin + _WHOLE_SHEET)]
    fence = _FENCE.search(content)
    content = content[: fence.start()] if fence else content
    stop = None if fence else _PLAIN_LINE.search(content)
    # Prose below the sheet is no part of it; a field after a blank line is.
    if stop and not _fields.begins_with_field(content[stop.end() :], _FIELDS_OF[kind]):
        content = content[: stop.start()]
    inner = content
    while wrapper := _WRAPPER_LINE.match(inner):
        inner = inner[wrapper.end() :]
    if not _fields.begins_with_field(inner, _FIELDS_OF[kind]):
        return None
    read = _fields.read_fields(inner)
    whole = read.raw.get("code") if kind == "alerts.cancel" else read.raw.get("to")
    labelled = kind != "mail.send" or read.body_labelled
    if not whole or not labelled:
        return None
    end = begin + len(content.rstrip())
    block = CallBlock(kind, m.start() + len(m[0]) - len(m[0].lstrip()), end, read, closed=True)
    if "other" in read.raw and re.search(r"(?mi)^\W{0,8}status\W{0,4}:", inner):
        block.drafted = "an entry of a log"
    return block if block.drafted else _set_apart(text, block)


def _set_apart(text: str, block: CallBlock) -> CallBlock:
    block.drafted = set_apart(text, block.start, block.end, one_line=False)
    return block
