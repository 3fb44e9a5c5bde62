"""Tags in an answer, and the regions of it that are the model's reasoning.

Every function makes one pass over the text or over its tags, so that the cost is linear even
for an answer of megabytes, or one written to be hard to read.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from cornered.world.arguments import strip_invisible

Span = tuple[int, int]


@dataclass(frozen=True)
class Tag:
    """One tag as written.

    Attributes:
        start: Offset of its first character.
        end: Offset just past its last character.
        closing: Whether it is a closing tag.
        inner: The text between the brackets, without the slash.
    """

    start: int
    end: int
    closing: bool
    inner: str


@dataclass(frozen=True)
class Mark:
    """A tag with a meaning: `open`/`close` of reasoning, `call`/`end` of a call."""

    tag: Tag
    kind: Literal["open", "close", "call", "end"]
    family: str = ""


# A tag may lack its `>` at the end of a line. The inner part is bounded, so that each `<`
# costs a constant.
_TAG = re.compile(
    r"(?:<|&lt;|◁|＜)[ \t\u200b-\u200f\u2060\ufeff]{0,3}([/\\]{0,2})"
    r"[ \t\u200b-\u200f\u2060\ufeff]{0,3}([A-Za-z|｜_][^<>&\n◁▷＜＞]{0,200}?)"
    r"(?:>|&gt;|▷|＞|(?=[ \t]{0,9}(?:\r?\n|\Z)))"
)
_BRACKET_TAG = re.compile(r"\[(/?)[ ]?((?:SCRATCH|THINK)[A-Z_ ]{0,30})\]", re.IGNORECASE)
_TICKS = re.compile(r"`+|\n")
_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "”": "”"}

_FAMILIES = {
    "think": "think thinking thinks thought thoughts thoughtprocess thinkingprocess "
    "antthinking antmlthinking seedthink internalthoughts innerthoughts",
    "reasoning": "reasoning reason internalreasoning privatereasoning chainofthought cot",
    "analysis": "analysis internalanalysis privateanalysis selfanalysis",
    "reflection": "reflection reflect reflections selfreflection",
    "monologue": "innermonologue internalmonologue monologue innerdialogue",
    "deliberation": "deliberation deliberate internaldeliberation planning plan",
}
_FAMILY_OF = {word: family for family, words in _FAMILIES.items() for word in words.split()}
# Chat templates put the opening tag of these into the prompt.
_SWALLOWED = ("think", "scratchpad")


def find_tags(text: str) -> list[Tag]:
    """All tags of the text, except those in inline code or quotation marks."""
    tags = [
        Tag(m.start(), m.end(), bool(m[1]), m[2] if m[2].isascii() else strip_invisible(m[2]))
        for pattern in (_TAG, _BRACKET_TAG)
        for m in pattern.finditer(text)
    ]
    tags.sort(key=lambda tag: tag.start)
    code = code_spans(text)
    return [t for t in tags if not within(t.start, code) and not _in_quotes(text, t)]


def code_spans(text: str) -> list[Span]:
    """Inline code: one or two backticks, closed by as many on the same line.

    Three or more are a fence, which models also put around real calls.
    """
    spans: list[Span] = []
    line: list[Span] = []

    def finish_line() -> None:
        next_alike: dict[int, int] = {}
        partner = [-1] * len(line)
        for i in range(len(line) - 1, -1, -1):
            width = line[i][1] - line[i][0]
            partner[i] = next_alike.get(width, -1)
            next_alike[width] = i
        i = 0
        while i < len(line):
            if partner[i] >= 0 and line[i][1] - line[i][0] <= 2:
                spans.append((line[i][0], line[partner[i]][1]))
                i = partner[i]
            i += 1
        line.clear()

    for m in _TICKS.finditer(text):
        if m[0] == "\n":
            finish_line()
        else:
            line.append(m.span())
    finish_line()
    return spans


def within(position: int, spans: Sequence[Span]) -> bool:
    """Whether the position is in one of the sorted, disjoint spans."""
    i = bisect_right(spans, (position, 1 << 62)) - 1
    return i >= 0 and position < spans[i][1]


def _in_quotes(text: str, tag: Tag) -> bool:
    before = text[tag.start - 1 : tag.start]
    return before in _QUOTES and text[tag.end : tag.end + 1] == _QUOTES[before]


@lru_cache(maxsize=1024)
def reasoning_family(inner: str) -> tuple[str, bool] | None:
    """The family of a reasoning tag, and whether its *name* makes it a closing tag.

    Spelling is tolerant: `SCRATCHPATCH_REASONING`, `scratch pad`, `Thinking foo="1"`.
    None for any other tag.
    """
    for name in (inner, inner.split()[0] if inner.split() else inner):
        letters = re.sub("[^a-z]", "", name.lower())
        closes = letters.startswith("endof")
        letters = letters.removeprefix("beginof").removeprefix("endof")
        if letters in _FAMILY_OF:
            return _FAMILY_OF[letters], closes
        if "=" not in name and _like_scratchpad(letters):
            return "scratchpad", closes
    return None


def _like_scratchpad(letters: str) -> bool:
    if not letters.startswith("s") or len(letters) > 40:
        return False
    return SequenceMatcher(None, letters[:10], "scratchpad").ratio() >= 0.75


def mark_reasoning(tag: Tag) -> Mark | None:
    """The tag as the start or end of a reasoning region, or None."""
    named = reasoning_family(tag.inner)
    if named is None:
        return None
    family, closes = named
    return Mark(
        tag, "close" if tag.closing or closes or tag.inner.endswith("/") else "open", family
    )


@dataclass(frozen=True)
class Pairing:
    """Reasoning marks in pairs, and the opens and closes without a partner."""

    closed: list[tuple[Mark, Mark]]
    opens: list[Mark]
    closes: list[Mark]


def pair_marks(marks: Iterable[Mark]) -> Pairing:
    """Pairs each close with the nearest open of its family, then the rest across families."""
    stacks: dict[str, list[Mark]] = {}
    closed: list[tuple[Mark, Mark]] = []
    closes: list[Mark] = []
    for mark in marks:
        stack = stacks.setdefault(mark.family, [])
        if mark.kind == "open":
            stack.append(mark)
        elif stack:
            closed.append((stack.pop(), mark))
        else:
            closes.append(mark)
    opens = sorted((m for stack in stacks.values() for m in stack), key=lambda m: m.tag.start)
    return _pair_across(closed, opens, closes)


def _pair_across(closed: list[tuple[Mark, Mark]], opens: list[Mark], closes: list[Mark]) -> Pairing:
    """Pairs across families, such as `<SCRATCHPAD_REASONING> … </reasoning>`."""
    left_opens: list[Mark] = []
    left_closes: list[Mark] = []
    for mark in sorted([*opens, *closes], key=lambda m: m.tag.start):
        if mark.kind == "open":
            left_opens.append(mark)
        elif left_opens:
            closed.append((left_opens.pop(), mark))
        else:
            left_closes.append(mark)
    return Pairing(closed, left_opens, left_closes)


def resolve_regions(
    text: str, marks: Sequence[Mark], calls: Sequence[Span]
) -> tuple[list[Span], list[str]]:
    """The reasoning regions, merged and sorted, and their oddities in words.

    Args:
        text: The answer.
        marks: Its reasoning marks in order, without those inside a call's body.
        calls: The complete calls, in order; they decide where unclosed reasoning ends.
    """
    pairing = pair_marks(marks)
    warnings: list[str] = []
    regions = [(a.tag.start, b.tag.end) for a, b in pairing.closed]
    if head := _swallowed_open(text, marks, pairing, calls):
        regions.append(head)
        warnings.append("a reasoning close tag without its open tag: reasoning from the start")
    elif pairing.closes:
        warnings.append("a reasoning close tag without its open tag")
    if pairing.opens:
        regions += _unclosed(text, pairing, calls)
        warnings.append("a reasoning tag is never closed")
    return merge(regions), warnings


def _swallowed_open(
    text: str, marks: Sequence[Mark], pairing: Pairing, calls: Sequence[Span]
) -> Span | None:
    """The text up to a close that is the first mark: its open tag was in the prompt.

    A close with nothing after it is a stray one; otherwise the answer would be empty.
    """
    first = marks[0] if marks else None
    if first is None or first not in pairing.closes or first.family not in _SWALLOWED:
        return None
    if calls and calls[0][0] < first.tag.start and not text[first.tag.end :].strip():
        return None
    return (0, first.tag.end)


def _unclosed(text: str, pairing: Pairing, calls: Sequence[Span]) -> list[Span]:
    """The regions of reasoning that is opened and never closed.

    A region ends at the first complete call after it; or, if no call comes first, at the end of
    the next closed region of its family, or at a second open tag, written in place of a close.
    """
    starts = [start for start, _ in calls]
    closed = sorted((a.tag.start, b.tag.end, a.family) for a, b in pairing.closed)
    closed_starts: dict[str, list[Span]] = {}
    for start, end, family in closed:
        closed_starts.setdefault(family, []).append((start, end))
    regions: list[Span] = []
    used_as_close: set[int] = set()
    for i, mark in enumerate(pairing.opens):
        if i in used_as_close:
            continue
        begin = mark.tag.start
        at = bisect_left(starts, begin)
        end = starts[at] if at < len(starts) else len(text)
        alike = closed_starts.get(mark.family, [])
        at = bisect_left(alike, (begin, 0))
        if at < len(alike) and alike[at][0] <= end:
            end = alike[at][1]
        second = pairing.opens[i + 1] if i + 1 < len(pairing.opens) else None
        if second and second.family == mark.family and second.tag.end <= end:
            end = second.tag.end
            used_as_close.add(i + 1)
        regions.append((begin, end))
    return regions


def merge(spans: Iterable[Span]) -> list[Span]:
    """The union of the spans, sorted and disjoint."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
