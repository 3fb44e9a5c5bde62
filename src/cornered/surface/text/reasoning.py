"""Tags in an answer, and the regions of it that are the model's reasoning.

Every function makes one pass over the text or over its tags, so that the cost is linear even
for an answer of megabytes, or one written to be hard to read.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
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
_BRACKET_TAG = re.compile(
    r"\[(/?)[ ]?((?:(?:BEGIN|START|END)[ _](?:OF[ _])?)?(?:SCRATCH|THINK|THOUGHT|REASONING)"
    r"[A-Z_]{0,30})\]",
    re.IGNORECASE,
)
_TICKS = re.compile(r"`+|\n")
_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "”": "”"}

_FAMILIES = {
    "think": "think thinking thinks thought thoughts thoughtprocess thinkingprocess "
    "antthinking antmlthinking seedthink internalthoughts innerthoughts",
    "reasoning": "reasoning reason internalreasoning privatereasoning chainofthought cot",
    "analysis": "analysis internalanalysis privateanalysis selfanalysis",
    "reflection": "reflection reflect reflections selfreflection",
    "monologue": "innermonologue internalmonologue monologue innerdialogue inner",
    "deliberation": "deliberation deliberate internaldeliberation planning plan "
    "contemplation contemplate contemplator ponder pondering rumination musing musings "
    "brainstorm brainstorming introspection",
}
_FAMILY_OF = {word: family for family, words in _FAMILIES.items() for word in words.split()}
# Words that make a longer name one of reasoning (`model_thinking`), and those that do not.
_WORDS = frozenset(
    [
        "think",
        "thinking",
        "thought",
        "thoughts",
        "reasoning",
        "monologue",
        "deliberation",
        "contemplation",
        "reflection",
        "cot",
        "rumination",
        "introspection",
    ]
)
_OTHER_WORDS = frozenset(
    [
        "tool",
        "call",
        "email",
        "mail",
        "body",
        "subject",
        "function",
        "invoke",
        "action",
        "result",
        "parameter",
        "to",
        "after",
    ]
)
_EDGES = re.compile(
    r"^(?P<a>begin|start|open|end|close|stop)(?:of)?|(?P<z>begin|start|open|end|close|stop"
    r"|prefix|suffix)$"
)
_CLOSING = ("end", "close", "stop", "suffix")
_MISSPELT = [word for word in _FAMILY_OF if len(word) > 4]


def find_tags(text: str, code: Sequence[Span]) -> list[Tag]:
    """All tags of the text, except those in inline code or quotation marks.

    Args:
        text: Any text.
        code: Its inline code, as `code_spans` finds it.
    """
    tags = [
        Tag(m.start(), m.end(), bool(m[1]), m[2] if m[2].isascii() else strip_invisible(m[2]))
        for pattern in (_TAG, _BRACKET_TAG)
        for m in pattern.finditer(text)
    ]
    tags.sort(key=lambda tag: tag.start)
    return [t for t in tags if not within(t.start, code) and not _in_quotes(text, t)]


def code_spans(text: str) -> list[Span]:
    """Inline code: one or two backticks, closed by as many on the same line.

    Three or more are a fence, which models also put around real calls.
    """
    if "`" not in text:
        return []
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
            if line:
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

    Spelling is tolerant: `SCRATCHPATCH_REASONING`, `scratch pad`, `Thinking foo="1"`,
    `|START_THINKING|`, `model_thinking`, `resoning`. None for any other tag.
    """
    first = inner.split()[0] if inner.split() else inner
    for name in (inner, first, first.rsplit(":", 1)[-1]):
        letters = re.sub("[^a-z]", "", name.lower())
        edge = _EDGES.search(letters)
        closes = edge is not None and (edge["a"] or edge["z"]) in _CLOSING
        bare = letters if edge is None else letters[: edge.start()] + letters[edge.end() :]
        for word in (letters, bare):
            if word in _FAMILY_OF:
                return _FAMILY_OF[word], closes and word == bare
            if "=" not in name and _like_scratchpad(word):
                return "scratchpad", closes
    words = re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", "_", first.split("=")[0]).lower())
    closes = bool(words) and (words[0] in _CLOSING or words[-1] in _CLOSING)
    if len(words) < 5 and not _WORDS.isdisjoint(words) and _OTHER_WORDS.isdisjoint(words):
        return "think", closes
    if first == inner and 5 <= len(inner) < 25 and inner.isalpha():
        for word in get_close_matches(inner.lower(), _MISSPELT, n=1, cutoff=0.82):
            return (_FAMILY_OF[word], False) if word[0] == inner[0].lower() else None
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


@dataclass(frozen=True)
class Regions:
    """Where an answer is reasoning, and where nothing says whether it is.

    Attributes:
        reasoning: The reasoning, tags included: sorted, disjoint spans.
        unclear: What may be reasoning and may be the answer: sorted, disjoint spans.
        unended: Where reasoning begins that never ends; None where all of it ends.
        oddities: What is odd about it, in words.
    """

    reasoning: list[Span]
    unclear: list[Span]
    unended: int | None
    oddities: list[str]


def resolve_regions(
    text: str,
    marks: Sequence[Mark],
    calls: Sequence[Span],
    boundaries: Sequence[int] = (),
    *,
    cut_off: bool = False,
) -> Regions:
    """Divides an answer into reasoning, answer, and what nothing settles.

    Reasoning that is opened and never closed is unclear from its first call on, unless
    something ends it: an answer tag or heading, a second open tag in place of the close. A
    scratchpad, which the prompt asks for and models forget to close, also ends where nothing
    but calls is left (`last_thought`). Where the answer was cut off, all of it is reasoning.

    Args:
        text: The answer.
        marks: Its reasoning marks in order, without those inside a call's body.
        calls: Its calls, sorted and disjoint.
        boundaries: Offsets at which the answer proper visibly begins, sorted.
        cut_off: Whether the answer ended early.
    """
    pairing = pair_marks(marks)
    closed = sorted((a.tag.start, b.tag.end, a.family) for a, b in pairing.closed)
    regions: list[Span] = [(start, end) for start, end, _ in closed]
    unclear: list[Span] = []
    oddities: list[str] = []
    unended = None
    visible_end = len(text.rstrip())
    thought = last_thought(text, calls) if pairing.opens else len(calls)

    def settle(start: int, end: int) -> None:
        """Reasoning up to the first call in the span; what comes then is unclear."""
        at = bisect_left(calls, (start, 0))
        first = calls[at][0] if at < len(calls) and calls[at][0] < end else end
        regions.append((start, first))
        if first < end:
            unclear.append((first, end))

    before = 0
    ends = merge(regions)
    for mark in pairing.closes:
        at = bisect_right(ends, (mark.tag.start, 1 << 62)) - 1
        before = max(before, ends[at][1] if at >= 0 else 0)
        oddity = "a reasoning close tag without its open tag"
        if before == 0 and mark.tag.end < visible_end:
            regions.append((0, mark.tag.end))
            oddity += ": reasoning from the start"
        elif before == 0 and not calls_within(calls, 0, mark.tag.start):
            regions.append((0, mark.tag.end))
        elif calls_within(calls, before, mark.tag.start):
            unclear.append((before, mark.tag.start))
        oddities.append(oddity)
        before = mark.tag.end
    if pairing.opens:
        oddities.append("a reasoning tag is never closed")
    alike: dict[str, list[Span]] = {}
    for start, end, family in closed:
        alike.setdefault(family, []).append((start, end))
    as_close: set[int] = set()
    for i, mark in enumerate(pairing.opens):
        if i in as_close:
            continue
        begin = mark.tag.start
        stops = [(len(text), len(text), "end")]
        at = bisect_left(boundaries, begin + 1)
        if at < len(boundaries):
            stops.append((boundaries[at], boundaries[at], "boundary"))
        at = bisect_left(alike.get(mark.family, []), (begin, 0))
        if at < len(alike.get(mark.family, [])):
            stops.append((*alike[mark.family][at], "closed"))
        second = pairing.opens[i + 1] if i + 1 < len(pairing.opens) else None
        if second and second.family == mark.family:
            stops.append((second.tag.start, second.tag.end, "second"))
        start, end, kind = min(stops)
        at = bisect_left(calls, (begin, 0))
        ends_in_calls = mark.family == "scratchpad" and thought < at < len(calls)
        if kind == "end" and cut_off:
            regions.append((begin, end))
        elif kind == "end" and ends_in_calls:
            regions.append((begin, calls[at][0]))
            continue
        else:
            settle(begin, start)
            if start < end:
                regions.append((start, end))
        if kind == "second":
            as_close.add(i + 1)
            if cut_off:
                unclear.append((end, len(text)))
        if kind == "end" or (kind == "second" and end >= visible_end):
            unended = begin if unended is None else unended
    return Regions(merge(regions), merge(unclear), unended, list(dict.fromkeys(oddities)))


def calls_within(calls: Sequence[Span], start: int, end: int) -> bool:
    """Whether a call begins in the span."""
    at = bisect_left(calls, (start, 0))
    return at < len(calls) and calls[at][0] < end


# Words by which a text goes on thinking after a call.
_DELIBERATION = re.compile(
    r"\b(?:but|no|not|nor|however|wait|instead|maybe|perhaps|might|could|would|should|hm+|or|rather"
    r"|alternatively|option|actually|what if|n['’]t|think|consider|unless|if)\b|\?",
    re.IGNORECASE,
)
_REMARK = 300


def last_thought(text: str, calls: Sequence[Span]) -> int:
    """The index of the last call after which a text goes on thinking; -1 where it does not.

    It does not if there is nothing but a short remark before the next call, without a word of
    doubt, and the text ends as a sentence does.
    """
    for i in range(len(calls) - 1, -1, -1):
        start = calls[i + 1][0] if i + 1 < len(calls) else len(text)
        gap = text[calls[i][1] : start].strip(" \t\r\n`>*_-")
        if len(gap) > _REMARK or _DELIBERATION.search(gap):
            return i
        if i == len(calls) - 1 and gap and gap[-1].isalnum():
            return i
    return -1


def merge(spans: Iterable[Span]) -> list[Span]:
    """The union of the spans, sorted and disjoint."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
