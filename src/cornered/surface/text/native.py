"""Calls in models' native tool-call formats, whatever the prompt asked for.

JSON objects that name their tool; a tool's name followed by JSON (Mistral, DeepSeek, Kimi,
Harmony, Qwen, ReAct); Python (Llama 4, Gemini, LFM). Only complete, well-formed calls are read,
apart from JSON that is cut off or has unescaped quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cornered.surface.text import fields as _fields
from cornered.surface.text.block import (
    CallBlock,
    OperationName,
    in_sentence,
    line_before,
    operation_of,
    set_apart,
)
from cornered.surface.text.fields import Fields
from cornered.surface.text.python import read_arguments, read_value
from cornered.surface.text.reasoning import Span, within

# The first key may lack its quotation marks, as in JavaScript, if it is one of a call.
_OBJECT = re.compile(
    r"\{\s{0,40}(?:[\"'“]\w{1,30}[\"'”]|(?:tool_name|tool|name|function|action|type|to|body|subject"
    r"|code|arguments|parameters))\s{0,10}:"
)
_ARGUMENTS_KEY = re.compile(
    r"[\"“]?(?:arguments|parameters|input|args|params|tool_input|action_input)[\"”]?\s{0,10}:"
)
_NAME_FIRST = re.compile(
    r"\{\s{0,40}[\"“](?:tool_name|tool|name|function|action|recipient_name)[\"”]\s{0,10}:\s{0,10}"
    r"[\"“]([\w .:-]{1,40})[\"”]"
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
# Keys of log entries, which calls do not have.
_LOGGED = frozenset(("status", "result", "results", "outcome", "timestamp", "sent_at", "sent"))
# A tool's name before its JSON: lead token, name, and what may separate it from the JSON.
# DeepSeek's full-width bars and blocks are replaced first.
_LEAD = re.compile(
    r"(?:\[TOOL_CALLS\]|<\|tool_calls?_begin\|>|<\|tool_sep\|>|\bto=|✿FUNCTION✿:|\bAction:|>>>)"
    r"[\s*]{0,4}(?:functions?\.)?(?P<name>[A-Za-z][\w-]{2,30}?)(?::\d{1,3})?"
    r"(?:\s|\*|```(?:json)?|<\|\w{1,30}\|>|\[ARGS\]|\[CALL_ID\]\w{1,40}|json|code|commentary|✿ARGS✿:"
    r"|Action Input:)*\Z"
)
_LEAD_LENGTH = 160
_PLAIN_TOKENS = str.maketrans("｜▁", "|_")
_DECODER = json.JSONDecoder(strict=False)


def native_blocks(text: str, code: list[Span]) -> tuple[list[CallBlock], list[Decoded]]:
    """The calls of the text that are not tagged blocks, and its other objects; both unordered."""
    blocks, others = _json_blocks(text, code) if "{" in text else ([], [])
    taken = [(b.start, b.end) for b in blocks]
    blocks += [b for b in _python_blocks(text, code) if not within(b.start, taken)]
    for block in blocks:
        one_line = text.find("\n", block.start, block.end) < 0
        block.drafted = block.drafted or set_apart(text, block.start, block.end, one_line=one_line)
        if block.closed and one_line and in_sentence(text, block.start, block.end):
            block.drafted = block.drafted or "named in a sentence"
    return blocks, others


Decoded = tuple[int, int, Any]
"""Start, end and value of a JSON object that is no call of ours; None for a malformed one."""


def _json_blocks(text: str, code: list[Span]) -> tuple[list[CallBlock], list[Decoded]]:
    """Tool calls printed as JSON objects, each decoded in place, and the other objects.

    The budget keeps the cost linear in the text, even where objects are nested or broken on
    purpose.
    """
    blocks: list[CallBlock] = []
    others: list[Decoded] = []
    budget = 8 * len(text) + 100_000
    done = 0
    for m in _OBJECT.finditer(text):
        begin = m.start()
        if begin < done or budget < 0 or within(begin, code):
            continue
        value, size, read = _decode(text, begin)
        budget -= read
        if size:
            if block := _json_call(text, begin, begin + size, value):
                done = block.end
                blocks.append(block)
            else:
                others.append((begin, begin + size, value))
        elif broken := _broken_json(text, begin):
            blocks.append(broken)
            done = broken.end
        elif (named := _NAME_FIRST.match(text, begin)) and (
            key := _ARGUMENTS_KEY.search(text, named.end(), named.end() + _LEAD_LENGTH)
        ):
            others.append((begin, key.end(), None))
    return blocks, others


def _json_call(text: str, begin: int, end: int, value: Any) -> CallBlock | None:
    """A decoded object as a call, with the name in it or before it; None if it is not one."""
    if call := _call_of(value):
        block = CallBlock(call[0], begin, end, call[1], closed=True)
        if not _LOGGED.isdisjoint(value) and _arguments_of(value) is None:
            block.drafted = "an entry of a log"
        return block
    if not isinstance(value, dict) or not any(map(_fields.field_name, value)):
        return None
    # The translation keeps offsets.
    before = text[max(0, begin - _LEAD_LENGTH) : begin]
    lead = _LEAD.search(before.translate(_PLAIN_TOKENS))
    kind = operation_of(lead["name"]) if lead else None
    if lead is None or kind is None:
        return None
    fields = _fields.fields_of(value)
    return CallBlock(kind, begin - len(before) + lead.start(), end, fields, closed=True)


def _decode(text: str, begin: int) -> tuple[Any, int, int]:
    """The JSON value or Python dictionary at `begin`, its length (0: none), and the cost.

    It is read in windows of growing size, since Python's decoder counts the lines of its whole
    input for every error. The cost is in characters.
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
            if ran_out and begin + window < len(text):
                window *= 16
                continue
            if re.match(r"\{\s*['\w]", part):
                value, end, cost = read_value(text, begin)
                return value, max(end - begin, 0), cost
            return None, 0, window if window > 2_000 else error.pos
        else:
            return value, size, size


def _broken_json(text: str, begin: int) -> CallBlock | None:
    """A call in invalid JSON: cut off at the end, or with unescaped quotes."""
    named = _NAME_FIRST.match(text, begin)
    kind = operation_of(named[1]) if named else None
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
    block = CallBlock(kind, begin, named.end() + len(content), fields, closed=whole)
    block.last = not whole
    block.notes.append("malformed JSON" if whole else "cut off")
    return block


def _call_of(value: Any) -> tuple[OperationName, Fields] | None:
    """The operation and fields of a decoded object; None if it is not a call."""
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    if isinstance(function, dict):
        return _call_of(function)
    for key in _NAME_KEYS:
        name = value.get(key)
        kind = operation_of(name) if isinstance(name, str) else None
        if kind:
            fields = _fields.fields_of(_arguments(value))
            filled = fields.body is not None or set(fields.raw) - {"tool", "other"}
            return (kind, fields) if filled else None
    if len(value) <= 2:
        for key, inner in value.items():
            kind = operation_of(key)
            if kind and isinstance(inner, dict):
                fields = _fields.fields_of(inner)
                filled = {"to", "code"} & set(fields.raw)
                return (kind, fields) if filled and "other" not in fields.raw else None
    return None


def _arguments_of(value: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments object of a call, or None; it may be a string of JSON."""
    for key in _ARGUMENT_KEYS:
        inner = value.get(key)
        if isinstance(inner, str):
            try:
                inner = json.loads(inner, strict=False)
            except (ValueError, RecursionError):
                continue
        if isinstance(inner, dict):
            return inner
    return None


def _arguments(value: dict[str, Any]) -> dict[str, Any]:
    inner = _arguments_of(value)
    return {k: v for k, v in value.items() if k not in _NAME_KEYS} if inner is None else inner


_CALL = re.compile(
    r"(?<![\w.])(?:\w{1,20}\.){0,2}(?P<name>(?!call\()[A-Za-z]\w{2,30})(?:\.call)?\("
)
# A statement: only a token, an assignment, `print(` or an open list precedes the call.
_STATEMENT = re.compile(
    r"[ \t]*(?:<[^<>\n]{1,40}>[ \t]*|\[TOOL_CALLS\][ \t]*)*(?:\w{1,30}[ \t]*=[ \t]*)?"
    r"(?:await[ \t]+)?(?:print\(|\[)?[ \t]*\Z"
)
_STATEMENT_END = re.compile(r"[ \t)\];,]{0,20}(?:[#<\r\n]|```|\w[\w.]{0,40}\(|\Z)")
_GAP = 40
_POSITIONS: dict[OperationName, tuple[str, ...]] = {
    "mail.send": ("to", "subject", "body"),
    "mail.forward": ("email_id", "to", "body"),
    "alerts.cancel": ("code",),
}


def _python_blocks(text: str, code: list[Span]) -> Iterator[CallBlock]:
    """Calls that are Python statements, alone on their lines or in one list."""
    budget = 8 * len(text) + 100_000
    done = 0
    for m in _CALL.finditer(text):
        kind = operation_of(m["name"])
        if kind is None or m.start() < done or budget < 0 or within(m.start(), code):
            continue
        if not _joined(text, done, m.start()) and not _STATEMENT.match(
            line_before(text, m.start())
        ):
            continue
        arguments, end, cost = read_arguments(text, m.end(), _POSITIONS[kind])
        budget -= cost
        if end >= 0:
            done = end
            block = CallBlock(kind, m.start(), end, _fields.fields_of(arguments), closed=True)
            if not _STATEMENT_END.match(text, end):
                block.drafted = "named in a sentence"
            yield block


def _joined(text: str, done: int, start: int) -> bool:
    """Whether only a comma separates this call from the one before."""
    return done > 0 and start - done < _GAP and not text[done:start].strip(", \t\r\n")
