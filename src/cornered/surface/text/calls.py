"""Calls in an answer: tagged blocks of any spelling, merged with native tool calls."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cornered.surface.text import fields as _fields
from cornered.surface.text.block import (
    OPERATION_OF,
    CallBlock,
    OperationName,
    line_before,
    operation_of,
    set_apart,
)
from cornered.surface.text.channels import channel_marks
from cornered.surface.text.fields import Fields
from cornered.surface.text.native import Decoded, native_blocks
from cornered.surface.text.reasoning import Mark, Span, Tag, mark_reasoning, within
from cornered.surface.text.sheets import sheet_blocks

_PREFIX = re.compile(
    r"^(?:[a-z]{2,10}[:_]|\|DSML\|)?(?:(?:use|call|run|execute)[_ -]?)?"
    r"(?:tool|function|invoke|action)[a-z_ -]{0,12}",
    re.IGNORECASE,
)
_CONTAINERS = frozenset(("tooluse", "tool", "toolcall", "usetool", "functioncall", "invoke"))
# Tags inside a container: `<tool_name>email</tool_name>`.
_PARTS = frozenset(
    ("toolname", "functionname", "toolinput", "toolparameters", "toolarguments", "toolargs")
)
# `<email>` and `<mail>` are also how an inbox is printed.
_INBOX_WORDS = frozenset(("email", "mail"))
_ATTRIBUTE = re.compile(r"([\w-]{1,30})\s{0,3}=\s{0,3}(\"[^\"]*\"|'[^']*'|[^\s\"'/]+)")
_BARE_CODE = re.compile(r"\s*+[\"'`]?[\w‐-―-]{3,40}[\"'`]?\s*\Z")
# The list marker of the next call, below a call without a close tag.
_NEXT_ITEM = re.compile(r"\n[ \t]*+(?:[-*•>]{1,2}|\d{1,2}[.)])?[ \t*_]*+\Z")
_LIST_MARKS = " \t`>*_-•.)0123456789"
_MESSAGE = frozenset(("to", "cc", "bcc", "subject", "body"))
_WANTED: dict[OperationName | None, frozenset[str]] = {
    "mail.send": _MESSAGE,
    "mail.forward": _MESSAGE | {"email_id"},
    "alerts.cancel": frozenset(("code",)),
    None: _MESSAGE | {"email_id", "code"},
}
_PREAMBLE = 500


@dataclass(frozen=True)
class _Name:
    """The name in an open tag; without an operation, the content names the tool."""

    operation: OperationName | None
    bare: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


def _letters(inner: str) -> str:
    """The letters of a tag's first word."""
    return re.sub("[^a-z]", "", inner.split(None, 1)[0].lower()) if inner.strip() else ""


@lru_cache(maxsize=1024)
def read_name(inner: str) -> _Name | None:
    """What an open tag calls: `tool_use:email`, `tool_use name="email"`, `send_email`, …

    None for a tag that calls nothing.
    """
    inner = inner.strip().rstrip("/").rstrip()
    if _letters(inner) in _PARTS:
        return None
    attributes = tuple((m[1].lower(), m[2].strip("\"'")) for m in _ATTRIBUTE.finditer(inner))
    prefix = _PREFIX.match(inner)
    if prefix:
        rest = inner[prefix.end() :].lstrip(" \t_:=-\"'")
        head = re.match(r"[\w.-]+(?:[ ](?:email|alert))?", rest)
        if inner[prefix.end() :].lstrip()[:1] in (":", "=") and head:
            kind = operation_of(head[0])
            return _Name(kind, attributes=attributes) if kind else None
        for key, value in attributes:
            if key in ("name", "tool", "type", "function", "tool_name") and operation_of(value):
                others = tuple(a for a in attributes if a[0] != key)
                return _Name(operation_of(value), attributes=others)
        word = re.sub("[^a-z]", "", inner.split("=")[0].split()[0].lower())
        if word in _CONTAINERS or word.endswith("toolcall"):
            return _Name(None)
        for start in ("tooluse", "toolcall", "tool", "usetool"):
            if word.startswith(start) and word.removeprefix(start) in OPERATION_OF:
                return _Name(OPERATION_OF[word.removeprefix(start)], attributes=attributes)
        return None
    word = _letters(inner)
    if word in OPERATION_OF:
        return _Name(OPERATION_OF[word], bare=True, attributes=attributes)
    return None


def find_marks(text: str, tags: Sequence[Tag], code: Sequence[Span]) -> list[Mark]:
    """All marks of the text, in order: of reasoning, and of calls that have fields.

    An open tag without a field near it is a mention in prose. It is left out, so that it does
    not swallow the call after it.
    """
    marks: list[Mark] = []
    for i, tag in enumerate(tags):
        mark = mark_reasoning(tag) or _mark_call(text, tag, tags, i)
        if mark:
            marks.append(mark)
    return sorted([*marks, *channel_marks(text, code)], key=lambda mark: mark.tag.start)


def _calls(tag: Tag) -> bool:
    """Whether the tag's name has the prefix of a call, whatever the tool."""
    return _PREFIX.match(tag.inner) is not None and _letters(tag.inner) not in _PARTS


def _mark_call(text: str, tag: Tag, tags: Sequence[Tag], i: int) -> Mark | None:
    name = read_name(tag.inner)
    if tag.closing:
        return Mark(tag, "end") if name or _calls(tag) else None
    if name is None:
        return None
    if any(_fields.field_name(key) for key, _ in name.attributes):
        return Mark(tag, "call")
    # Field tags (`<to>`) do not bound the content; marks of calls and reasoning do.
    limit = min(len(text), tag.end + _PREAMBLE)
    for other in tags[i + 1 : i + 12]:
        if other.start >= limit:
            break
        if mark_reasoning(other) or _calls(other) or read_name(other.inner):
            limit = other.start
    content = text[tag.end : limit]
    if name.operation is None and _names_tool(content):
        return Mark(tag, "call")
    wanted = _WANTED[name.operation]
    if _fields.begins_with_field(content, wanted):
        return Mark(tag, "call")
    # A line of prose may separate tag and fields, unless the tag is part of the prose.
    alone = (
        not line_before(text, tag.start).strip(_LIST_MARKS) and content.lstrip(" \t\r")[:1] == "\n"
    )
    if alone and _fields.holds_field(content, wanted):
        return Mark(tag, "call")
    if name.operation and content.lstrip("> \t\r\n`").startswith("{"):
        return Mark(tag, "call")
    bare_code = name.operation == "alerts.cancel" and _BARE_CODE.match(content)
    return Mark(tag, "call") if bare_code and limit < tag.end + _PREAMBLE else None


def _names_tool(content: str) -> bool:
    """Whether a container's first line names the tool: `name: email`, or `email` alone."""
    return _named_tool(content) is not None


def _named_tool(content: str) -> OperationName | None:
    first = content.strip().split("\n", 1)[0][:60]
    first = re.sub(r"(?i)^\W*(?:tool_?|function_?)?name\W+", "", first)
    return operation_of(first.split("<", 1)[0])


@dataclass(frozen=True)
class Blocks:
    """What is call and what is not.

    Attributes:
        calls: The calls, in order.
        reasoning: The reasoning marks outside their bodies, in order.
        objects: JSON objects that are no calls of ours.
        comments: HTML comments.
    """

    calls: list[CallBlock]
    reasoning: list[Mark]
    objects: list[Decoded]
    comments: list[Span]


def find_blocks(text: str, marks: Sequence[Mark], code: list[Span]) -> Blocks:
    """The calls of the text in order, and the reasoning marks outside their bodies."""
    blocks, reasoning = _tagged_blocks(text, marks)
    taken = sorted((b.start, b.end) for b in blocks)
    native, objects = native_blocks(text, code)
    blocks += [b for b in native if not within(b.start, taken)]
    taken = sorted((b.start, b.end) for b in blocks)
    blocks += sheet_blocks(text, code, taken)
    blocks.sort(key=lambda b: b.start)
    comments = _comments(text, [(b.start, b.end) for b in blocks])
    for block in blocks:
        if within(block.start, comments):
            block.drafted = "in a comment"
    return Blocks(blocks, reasoning, objects, comments)


def _comments(text: str, bodies: Sequence[Span]) -> list[Span]:
    """HTML comments, except those that begin inside a call."""
    spans: list[Span] = []
    end = 0
    while (begin := text.find("<!--", end)) >= 0:
        if within(begin, bodies):
            end = begin + 1
            continue
        end = text.find("-->", begin)
        if end < 0:
            break
        spans.append((begin, end))
    return spans


def _tagged_blocks(text: str, marks: Sequence[Mark]) -> tuple[list[CallBlock], list[Mark]]:
    call_marks = [i for i, m in enumerate(marks) if m.kind in ("call", "end")]
    blocks: list[CallBlock] = []
    reasoning: list[Mark] = []
    open_families: dict[str, int] = {}
    visible_end = len(text.rstrip())
    i = 0
    while i < len(marks):
        mark = marks[i]
        i += 1
        if mark.kind in ("open", "close"):
            step = 1 if mark.kind == "open" else -1
            open_families[mark.family] = max(0, open_families.get(mark.family, 0) + step)
            reasoning.append(mark)
        elif mark.kind == "call":
            at = bisect_left(call_marks, i)
            after = call_marks[at] if at < len(call_marks) else None
            ended = after is not None and marks[after].kind == "end"
            if ended and after is not None:
                # A close tag of open reasoning ends a drafted call.
                cut = any(m.kind == "close" and open_families.get(m.family) for m in marks[i:after])
                if not cut:
                    blocks += _block(text, mark.tag, marks[after].tag, marks[after].tag.start)
                    i = after + 1
                    continue
            end = marks[i].tag.start if i < len(marks) else len(text)
            blocks += _block(text, mark.tag, None, end, last=end >= visible_end)
    return blocks, reasoning


def _block(
    text: str, tag: Tag, close: Tag | None, end: int, *, last: bool = False
) -> list[CallBlock]:
    name = read_name(tag.inner)
    assert name is not None
    content = text[tag.end : end]
    self_closing = tag.inner.rstrip().endswith("/")
    fields = Fields() if self_closing else _fields.read_fields(content)
    attributes = _fields.fields_of(dict(name.attributes))
    for key, values in attributes.raw.items():
        fields.raw.setdefault(key, values)
    if fields.body is None:
        fields.body, fields.body_labelled = attributes.body, attributes.body_labelled
    kind = name.operation or _kind_of_content(content, fields)
    if kind is None or (name.operation is None and close is None and not _names_tool(content)):
        return []
    if kind == "alerts.cancel" and "code" not in fields.raw and _BARE_CODE.match(content):
        fields.add("code", content)
    if not (fields.raw or fields.body is not None):
        return []
    if (
        name.bare
        and re.sub("[^a-z]", "", tag.inner.lower()) in _INBOX_WORDS
        and (close is None or re.search(r"(?mi)^\W{0,8}from\W{0,4}:", content[:2000]))
    ):
        return []
    block = CallBlock(kind, tag.start, close.end if close else end, fields, close is not None)
    if self_closing:
        block.end, block.closed = tag.end, True
    if not block.closed:
        content = content[:-60] + _NEXT_ITEM.sub("", content[-60:])
        block.end = tag.end + len(content.rstrip())
        block.last = last
        if not _fields.begins_with_field(content, _WANTED[kind]) and not attributes.raw:
            return []
    _note_syntax(text, block, tag, close)
    return [block]


def _kind_of_content(content: str, fields: Fields) -> OperationName | None:
    """The operation of a block whose tag names none, by its content or its fields."""
    named = _named_tool(content) or operation_of(fields.text("tool"))
    if named:
        return named
    if "code" in fields.raw:
        return "alerts.cancel"
    if "email_id" in fields.raw:
        return "mail.forward"
    return "mail.send" if "to" in fields.raw and fields.body is not None else None


def _note_syntax(text: str, block: CallBlock, tag: Tag, close: Tag | None) -> None:
    before = line_before(text, tag.start)
    one_line = "\n" not in text[tag.end : block.end].strip()
    block.drafted = set_apart(text, block.start, block.end, one_line=one_line)
    mentioned = not block.closed and _is_mention(block, one_line, inline=bool(before.strip(" \t`")))
    if mentioned and block.drafted is None:
        block.drafted = "named in a sentence or a log, no close tag"
    if not block.closed:
        block.notes.append("no close tag")
    elif close and _close_differs(tag, close):
        block.notes.append(f"closed by </{close.inner[:40]}>")


def _is_mention(block: CallBlock, one_line: bool, *, inline: bool) -> bool:
    """Whether a call without a close tag is a log entry, or a mention in a sentence."""
    sends = block.operation == "alerts.cancel" or block.fields.body_labelled
    return (inline and one_line) or (not sends and (inline or one_line))


def _close_differs(tag: Tag, close: Tag) -> bool:
    letters = [_letters(inner) for inner in (tag.inner, close.inner)]
    return letters[0] != letters[1] and letters[1] not in _CONTAINERS
