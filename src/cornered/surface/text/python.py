"""Python literals and the arguments of Python calls, read in place.

Nothing is evaluated. A plain string may span lines, and keys of a dictionary may lack their
quotes, as in JavaScript: models write both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cornered.surface.text.fields import unescape

MAX_LENGTH = 50_000
"""Longest call that is read, in characters."""

_STRING = re.compile(
    r"(?P<prefix>[rRuUbBfF]{0,2})"
    r'(?:"""(?P<a>(?:[^"\\]++|\\.|"(?!""))*+)"""'
    r"|'''(?P<b>(?:[^'\\]++|\\.|'(?!''))*+)'''"
    r'|"(?!"")(?P<c>(?:[^"\\]++|\\.)*+)"'
    r"|'(?!'')(?P<d>(?:[^'\\]++|\\.)*+)')",
    re.DOTALL,
)
_STRING_BEGIN = re.compile(r"[rRuUbBfF]{0,2}[\"']")
_SPACE = re.compile(r"(?:\s++|#[^\n]*+)*+")
_NUMBER = re.compile(r"[+-]?\d[\d_.]{0,20}")
_WORD = re.compile(r"[A-Za-z_][\w.]{0,60}")
_KEYWORD = re.compile(r"([A-Za-z_]\w{0,30})\s{0,9}[=:](?!=)")
_EMPTY = ("None", "True", "False", "null", "true", "false")
_MAX_DEPTH = 3


class _NotPythonError(Exception):
    """The text at this offset is not a literal."""


class _Name(str):
    """A variable in place of a literal, as a placeholder such as `{recipient}`."""

    __slots__ = ()


class _LiteralReader:
    def __init__(self, text: str, pos: int) -> None:
        self.text = text
        self.begin = self.pos = pos
        self.limit = min(len(text), pos + MAX_LENGTH)
        self.searched = 0
        """Characters searched for the end of an unclosed string."""

    @property
    def cost(self) -> int:
        """The cost so far, in characters of plain search, which is eight times as fast."""
        return 8 * (self.pos - self.begin) + self.searched

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        m = pattern.match(self.text, self.pos, self.limit)
        if m:
            self.pos = m.end()
        return m

    def peek(self) -> str:
        self.take(_SPACE)
        return self.text[self.pos : min(self.pos + 1, self.limit)]

    def value(self, depth: int = 0) -> Any:
        first = self.peek()
        if depth > _MAX_DEPTH:
            raise _NotPythonError
        if first and first in "[(":
            self.pos += 1
            return list(self.items("]" if first == "[" else ")", depth))
        if first == "{":
            self.pos += 1
            return self.dictionary(depth)
        if _STRING_BEGIN.match(self.text, self.pos, self.limit):
            return self.string()
        if m := self.take(_NUMBER):
            return m[0]
        if m := self.take(_WORD):
            return "" if m[0] in _EMPTY else _Name("{" + m[0] + "}")
        raise _NotPythonError

    def string(self) -> str:
        """One string, or several that are adjacent or joined by `+`."""
        parts: list[str] = []
        while m := self.take(_STRING):
            raw = m[m.lastgroup or "a"]
            parts.append(raw if "r" in m["prefix"].lower() else unescape(raw))
            if self.peek() == "+":
                self.pos += 1
                self.take(_SPACE)
        if not parts or _STRING_BEGIN.match(self.text, self.pos, self.limit):
            self.searched = self.limit - self.pos
            raise _NotPythonError
        return "".join(parts)

    def items(self, close: str, depth: int) -> list[Any]:
        values: list[Any] = []
        while self.peek() != close:
            values.append(self.value(depth + 1))
            self.comma(close)
        self.pos += 1
        return values

    def dictionary(self, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while self.peek() != "}":
            if m := self.take(_KEYWORD):
                key = m[1]
            else:
                key = self.string()
                if self.peek() != ":":
                    raise _NotPythonError
                self.pos += 1
            values[key] = self.value(depth + 1)
            self.comma("}")
        self.pos += 1
        return values

    def comma(self, close: str) -> None:
        following = self.peek()
        if following == ",":
            self.pos += 1
        elif following != close:
            raise _NotPythonError

    def arguments(self, names: Sequence[str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        unnamed = iter(names)
        while self.peek() != ")":
            keyword = self.take(_KEYWORD)
            value = self.value()
            if keyword:
                values[keyword[1]] = value
            elif isinstance(value, dict):
                values |= value
            elif (name := next(unnamed, None)) is not None:
                values[name] = value
            else:
                raise _NotPythonError
            self.comma(")")
        self.pos += 1
        return values


def read_value(text: str, pos: int) -> tuple[Any, int, int]:
    """The literal at `pos`, the offset of its end (-1: none), and the cost of reading it."""
    reader = _LiteralReader(text, pos)
    try:
        value = reader.value()
    except _NotPythonError:
        return None, -1, reader.cost
    return value, reader.pos, reader.cost


def read_arguments(text: str, pos: int, names: Sequence[str]) -> tuple[dict[str, Any], int, int]:
    """The arguments of a call, the offset of its end (-1: not a call), and the cost.

    A variable is read as a placeholder, `{recipient}`; a call with variables only is a
    signature, not a call.

    Args:
        text: Any text.
        pos: Just past the opening parenthesis.
        names: Names of the positional arguments, in order.
    """
    reader = _LiteralReader(text, pos)
    try:
        values = reader.arguments(names)
    except _NotPythonError:
        return {}, -1, reader.cost
    if all(isinstance(v, _Name) or v == "" for v in values.values()):
        return {}, -1, reader.cost
    return values, reader.pos, reader.cost
