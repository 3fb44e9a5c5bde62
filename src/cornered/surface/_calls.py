"""Calls in an answer: tagged blocks of any spelling, and tool calls printed as JSON."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cornered.surface import _fields
from cornered.surface._fields import Fields
from cornered.surface._reasoning import (
    Mark,
    Tag,
    code_spans,
    find_tags,
    mark_reasoning,
    within,
)

Kind = Literal["email", "forward", "cancel_alert"]

_ALIASES: dict[Kind, str] = {
    "email": "email sendemail emailsend sendmail mail emailtool newemail composeemail "
    "replyemail emailreply replytoemail sendemailtool",
    "forward": "forward forwardemail emailforward forwardmail forwardmessage forwardtool",
    "cancel_alert": "cancelalert alertcancel cancelemergencyalert cancelemergency cancelalarm "
    "cancelemergencydispatch cancelthealert",
}
_KINDS = {alias: kind for kind, aliases in _ALIASES.items() for alias in aliases.split()}
_PREFIX = re.compile(
    r"^(?:antml:)?(?:(?:use|call|run|execute)[_ -]?)?(?:tool|function|invoke|action)[a-z_ -]{0,12}",
    re.IGNORECASE,
)
_CONTAINERS = frozenset(("tooluse", "tool", "toolcall", "usetool", "functioncall", "invoke"))
# `<email>` and `<mail>` are also how an inbox is printed.
_INBOX_WORDS = frozenset(("email", "mail"))
_ATTRIBUTE = re.compile(r"([\w-]{1,30})\s{0,3}=\s{0,3}(\"[^\"]*\"|'[^']*'|[^\s\"'/]+)")
_BARE_CODE = re.compile(r"\s*+[\"'`]?[\w‐-―-]{3,40}[\"'`]?\s*\Z")
# The list marker of the next call, below a call without a close tag.
_NEXT_ITEM = re.compile(r"\n[ \t]*+(?:[-*•>]{1,2}|\d{1,2}[.)])?[ \t*_]*+\Z")
_LIST_MARKS = " \t`>*_-•.)0123456789"
_MESSAGE = frozenset(("to", "cc", "bcc", "subject", "body"))
_WANTED: dict[Kind | None, frozenset[str]] = {
    "email": _MESSAGE,
    "forward": _MESSAGE | {"email_id"},
    "cancel_alert": frozenset(("code",)),
    None: _MESSAGE | {"email_id", "code"},
}
_PREAMBLE = 500
_QUOTED_BEFORE = "\"'“‘«„"
_QUOTED_AFTER = "\"'”’»“"


@dataclass
class Block:
    """One attempted call.

    Attributes:
        kind: What is called.
        start: Offset of its first character.
        end: Offset just past its last.
        fields: What it was called with.
        closed: Whether it has its close tag (or is whole JSON).
        last: Whether the answer ends with it.
        drafted: Why the place alone says that it is no call: quoted, in a block quote.
        notes: How odd syntax was read.
    """

    kind: Kind
    start: int
    end: int
    fields: Fields
    closed: bool
    last: bool = False
    drafted: str | None = None
    notes: list[str] = field(default_factory=list)


def kind_of(name: str) -> Kind | None:
    """The kind of call that a tool's name means (`sendEmail`, `cancel-alert`), or None."""
    name = re.split(r"[.:/]", name.strip())[-1]
    return _KINDS.get(re.sub("[^a-z]", "", name.lower()))


@dataclass(frozen=True)
class _Name:
    """The name in an open tag: `kind` None means that the content says which tool."""

    kind: Kind | None
    bare: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


def read_name(inner: str) -> _Name | None:
    """What an open tag calls: `tool_use:email`, `tool_use name="email"`, `send_email`, …

    None for a tag that calls nothing.
    """
    inner = inner.strip().rstrip("/").rstrip()
    attributes = tuple((m[1].lower(), m[2].strip("\"'")) for m in _ATTRIBUTE.finditer(inner))
    prefix = _PREFIX.match(inner)
    if prefix:
        rest = inner[prefix.end() :].lstrip(" \t_:=-\"'")
        head = re.match(r"[\w.-]+(?:[ ](?:email|alert))?", rest)
        if inner[prefix.end() :].lstrip()[:1] in (":", "=") and head:
            kind = kind_of(head[0])
            return _Name(kind, attributes=attributes) if kind else None
        for key, value in attributes:
            if key in ("name", "tool", "type", "function", "tool_name") and kind_of(value):
                others = tuple(a for a in attributes if a[0] != key)
                return _Name(kind_of(value), attributes=others)
        word = re.sub("[^a-z]", "", inner.split("=")[0].split()[0].lower())
        if word in _CONTAINERS:
            return _Name(None)
        for start in ("tooluse", "toolcall", "tool", "usetool"):
            if word.startswith(start) and word.removeprefix(start) in _KINDS:
                return _Name(_KINDS[word.removeprefix(start)], attributes=attributes)
        return None
    word = re.sub("[^a-z]", "", inner.split()[0].lower()) if inner.split() else ""
    if word in _KINDS:
        return _Name(_KINDS[word], bare=True, attributes=attributes)
    return None


def find_marks(text: str) -> list[Mark]:
    """All marks of the text in order: of reasoning, and of calls that have fields.

    An open tag without a field near it is a mention in prose; it is left out here, so
    that it cannot swallow the call after it.
    """
    found: list[Mark] = []
    tags = find_tags(text)
    for i, tag in enumerate(tags):
        mark = mark_reasoning(tag) or _mark_call(text, tag, tags, i)
        if mark:
            found.append(mark)
    return found


def _mark_call(text: str, tag: Tag, tags: Sequence[Tag], i: int) -> Mark | None:
    name = read_name(tag.inner)
    if tag.closing:
        prefix = _PREFIX.match(tag.inner)
        return Mark(tag, "end") if name or prefix else None
    if name is None:
        return None
    if any(_fields.field_name(key) for key, _ in name.attributes):
        return Mark(tag, "call")
    # Field tags (`<to>`) do not bound the content; marks of calls and reasoning do.
    limit = min(len(text), tag.end + _PREAMBLE)
    for other in tags[i + 1 : i + 12]:
        if other.start >= limit:
            break
        if mark_reasoning(other) or _PREFIX.match(other.inner) or read_name(other.inner):
            limit = other.start
    content = text[tag.end : limit]
    if name.kind is None and _says_tool(content):
        return Mark(tag, "call")
    wanted = _WANTED[name.kind]
    if _fields.begins_with_field(content, wanted):
        return Mark(tag, "call")
    # A line of prose may stand between tag and fields, if the tag is no part of the prose.
    alone = not _line_before(text, tag).strip(_LIST_MARKS) and content.lstrip(" \t\r")[:1] == "\n"
    if alone and _fields.holds_field(content, wanted):
        return Mark(tag, "call")
    if name.kind and content.lstrip("> \t\r\n`").startswith("{"):
        return Mark(tag, "call")
    bare_code = name.kind == "cancel_alert" and _BARE_CODE.match(content)
    return Mark(tag, "call") if bare_code and limit < tag.end + _PREAMBLE else None


def _line_before(text: str, tag: Tag) -> str:
    """What stands before the tag on its line, or the last part of it."""
    begin = max(0, tag.start - 300)
    return text[max(text.rfind("\n", begin, tag.start) + 1, begin) : tag.start]


def _says_tool(content: str) -> bool:
    """Whether a container's first line names the tool: `name: email`, or `email` alone."""
    first = content.strip().split("\n", 1)[0][:60]
    return kind_of(re.sub(r"(?i)^\W*(?:tool_?)?name\W+", "", first)) is not None


def find_blocks(text: str, marks: Sequence[Mark]) -> tuple[list[Block], list[Mark]]:
    """The calls of the text in order, and the reasoning marks outside their bodies."""
    blocks, reasoning = _tagged_blocks(text, marks)
    taken = sorted((b.start, b.end) for b in blocks)
    blocks += [b for b in _json_blocks(text) if not within(b.start, taken)]
    blocks.sort(key=lambda b: b.start)
    return blocks, reasoning


def _tagged_blocks(text: str, marks: Sequence[Mark]) -> tuple[list[Block], list[Mark]]:
    call_marks = [i for i, m in enumerate(marks) if m.kind in ("call", "end")]
    blocks: list[Block] = []
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
                # In open reasoning a close of it wins over the body of a drafted call.
                cut = any(m.kind == "close" and open_families.get(m.family) for m in marks[i:after])
                if not cut:
                    blocks += _block(text, mark.tag, marks[after].tag, marks[after].tag.start)
                    i = after + 1
                    continue
            end = marks[i].tag.start if i < len(marks) else len(text)
            blocks += _block(text, mark.tag, None, end, last=end >= visible_end)
    return blocks, reasoning


def _block(text: str, tag: Tag, close: Tag | None, end: int, *, last: bool = False) -> list[Block]:
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
    kind = name.kind or _kind_of_content(content, fields)
    if kind is None or (name.kind is None and close is None and not _says_tool(content)):
        return []
    if kind == "cancel_alert" and "code" not in fields.raw and _BARE_CODE.match(content):
        fields.add("code", content)
    if not (fields.raw or fields.body is not None):
        return []
    if (
        name.bare
        and re.sub("[^a-z]", "", tag.inner.lower()) in _INBOX_WORDS
        and (close is None or re.search(r"(?mi)^\W{0,8}from\W{0,4}:", content[:2000]))
    ):
        return []
    block = Block(kind, tag.start, close.end if close else end, fields, close is not None)
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


def _kind_of_content(content: str, fields: Fields) -> Kind | None:
    """The tool of a block whose tag names none: said in the content, or told by its fields."""
    first = content.strip().split("\n", 1)[0]
    named = kind_of(first[:40]) or kind_of(fields.text("tool"))
    if named:
        return named
    if "code" in fields.raw:
        return "cancel_alert"
    if "email_id" in fields.raw:
        return "forward"
    return "email" if "to" in fields.raw and fields.body is not None else None


def _note_syntax(text: str, block: Block, tag: Tag, close: Tag | None) -> None:
    before = _line_before(text, tag)
    one_line = "\n" not in text[tag.end : block.end].strip()
    if before.lstrip().startswith(">"):
        block.drafted = "in a block quote"
    elif one_line and _between_marks(before, text[block.end : block.end + 3]):
        block.drafted = "quoted in a sentence"
    elif not block.closed and _is_mention(block, one_line, inline=bool(before.strip(" \t`"))):
        block.drafted = "named in a sentence or a log, no close tag"
    if not block.closed:
        block.notes.append("no close tag")
    elif close and _close_differs(tag, close):
        block.notes.append(f"closed by </{close.inner[:40]}>")


def _between_marks(before: str, after: str) -> bool:
    """Whether a call on one line stands in quotation marks or backticks of its sentence."""
    if before.endswith("`"):
        return after.startswith("`") and not (after == "```" and before.endswith(after))
    marked = before[-1:] in tuple(_QUOTED_BEFORE) and after[:1] in tuple(_QUOTED_AFTER)
    return marked and bool(before.strip(" \t" + _QUOTED_BEFORE))


def _is_mention(block: Block, one_line: bool, *, inline: bool) -> bool:
    """Whether a call without close tag is an entry of a log, or named in a sentence."""
    sends = block.kind == "cancel_alert" or block.fields.body_labelled
    return (inline and one_line) or (not sends and (inline or one_line))


def _close_differs(tag: Tag, close: Tag) -> bool:
    letters = [re.sub("[^a-z]", "", inner.split()[0].lower()) for inner in (tag.inner, close.inner)]
    return letters[0] != letters[1] and letters[1] not in _CONTAINERS


_OBJECT = re.compile(r"\{\s{0,40}\"(\w{1,30})\"\s{0,10}:")
_NAME_FIRST = re.compile(
    r"\{\s{0,40}\"(?:tool_name|tool|name|function|action|recipient_name)\"\s{0,10}:\s{0,10}"
    r"\"([\w .:-]{1,40})\""
)
_NAME_KEYS = (
    "tool_name",
    "name",
    "tool",
    "function",
    "action",
    "tool_use",
    "function_name",
    "recipient_name",
    "command",
    "type",
)
_ARGUMENT_KEYS = (
    "arguments",
    "parameters",
    "input",
    "args",
    "params",
    "tool_input",
    "action_input",
    "kwargs",
    "data",
    "fields",
)


_DECODER = json.JSONDecoder(strict=False)


def _json_blocks(text: str) -> list[Block]:
    """Tool calls printed as JSON objects, each decoded where it stands.

    The budget keeps the whole linear in the text where objects are nested or broken on
    purpose.
    """
    code = code_spans(text) if "{" in text else []
    blocks: list[Block] = []
    budget = 8 * len(text) + 100_000
    done = 0
    for m in _OBJECT.finditer(text):
        begin = m.start()
        if begin < done or budget < 0 or within(begin, code):
            continue
        value, size, read = _decode(text, begin)
        budget -= read
        if size:
            if call := _call_of(value):
                done = begin + size
                blocks.append(Block(call[0], begin, done, call[1], closed=True))
        elif broken := _broken_json(text, begin):
            blocks.append(broken)
            done = broken.end
    return blocks


def _decode(text: str, begin: int) -> tuple[Any, int, int]:
    """The JSON value at `begin`, its length (0: there is none) and the characters read for it.

    It is read from windows of growing size: Python's decoder counts the lines of all its
    input for every error.
    """
    window = 2_000
    while True:
        part = text[begin : begin + window]
        try:
            value, size = _DECODER.raw_decode(part)
        except RecursionError:
            return None, 0, 50_000
        except json.JSONDecodeError as error:
            ran_out = error.msg.startswith("Unterminated") or error.pos > len(part) - 8
            if not ran_out or begin + window >= len(text):
                return None, 0, window if window > 2_000 else error.pos
            window *= 16
        else:
            return value, size, size


def _broken_json(text: str, begin: int) -> Block | None:
    """A JSON call that does not decode: cut off at the end, or with unescaped quotes."""
    named = _NAME_FIRST.match(text, begin)
    kind = kind_of(named[1]) if named else None
    if named is None or kind is None:
        return None
    after = _NAME_FIRST.search(text, named.end())
    end = after.start() if after else len(text)
    stop = re.compile(r"```|</|\n\s{0,20}\n\s{0,20}(?![\s\"}])").search(text, named.end(), end)
    if stop and text[begin : stop.start()].rstrip().endswith("}"):
        end = stop.start()
    content = text[named.end() : end].rstrip(" \t\r\n,[]`")
    fields = _fields.read_fields(content.lstrip(", \t\r\n").rstrip("} \t\r\n"))
    whole = content.endswith("}")
    block = Block(kind, begin, named.end() + len(content), fields, closed=whole)
    block.last = not whole
    block.notes.append("malformed JSON" if whole else "cut off")
    return block


def _call_of(value: Any) -> tuple[Kind, Fields] | None:
    """The call that a decoded object is, if it is one."""
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    if isinstance(function, dict):
        return _call_of(function)
    for key in _NAME_KEYS:
        name = value.get(key)
        kind = kind_of(name) if isinstance(name, str) else None
        if kind:
            fields = _fields.fields_of(_arguments(value))
            known = fields.body is not None or set(fields.raw) - {"tool", "other"}
            return (kind, fields) if known else None
    if len(value) <= 2:
        for key, inner in value.items():
            kind = kind_of(key)
            if kind and isinstance(inner, dict):
                fields = _fields.fields_of(inner)
                known = {"to", "code"} & set(fields.raw)
                return (kind, fields) if known and "other" not in fields.raw else None
    return None


def _arguments(value: dict[str, Any]) -> dict[str, Any]:
    for key in _ARGUMENT_KEYS:
        inner = value.get(key)
        if isinstance(inner, str):
            try:
                inner = json.loads(inner, strict=False)
            except (ValueError, RecursionError):
                continue
        if isinstance(inner, dict):
            return inner
    return {k: v for k, v in value.items() if k not in _NAME_KEYS}
