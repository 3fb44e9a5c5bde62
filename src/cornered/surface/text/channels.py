"""Reasoning that is not in tags: channels, spoken headers, sections.

Harmony's channels, raw and with their tokens stripped; Gemma's channel; headers such as
Granite's "Here is my thought process:". Every pattern makes one pass over the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from cornered.surface.text.reasoning import Mark, Span, Tag, within

CHANNEL = "channel"
"""The family of the marks of channels and spoken headers."""

_PRIVATE = ("analysis", "thought", "thoughts", "thinking", "think", "reasoning")
_HARMONY = re.compile(r"<\|(start|channel|message|end|return|call)\|>")
_HEADER = 120
# `<|channel>thought … <channel|>`, and the reserved tokens that other Gemma models use.
_GEMMA = re.compile(
    r"(?P<open><\|channel>[ \t]*(?P<name>\w{1,20})|<unused94>[ \t]*(?:thought)?)"
    r"|(?P<close><channel\|>|<unused95>)"
)
# Harmony without its tokens: "analysisWe need …assistantfinalNothing to do."
_STRIPPED_START = re.compile(r"\s*(?P<name>analysis|thought)(?:(?=[A-Z\"“'(*<\[{])|(?=[ \t]*\n))")
_STRIPPED = re.compile(
    r"assistant[ \t]?\n?(?P<name>analysis|commentary|final)"
    r"(?=[A-Z\"“'(*<\[{\s\d]|to=|[^\x00-\x7f]|\Z)"
)
_WHOSE = r"(?:my|the)(?: own| internal| private| full| detailed| step-by-step)?"
_SPOKEN_OPEN = re.compile(
    rf"^[\W_]{{0,6}}here(?:['’]s| is| are) {_WHOSE} (?:thought process|thoughts"
    r"|thinking(?: process)?|reasoning(?: process)?|chain of thought|internal monologue)"
    r"\b[^\n:]{0,30}:"
    r"|^[ \t]*thinking(?:\.\.\.|…)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_SPOKEN_CLOSE = re.compile(
    r"\bhere(?:['’]s| is) (?:my|the)(?: final| actual)? (?:response|answer|reply|output)"
    r"\b[^\n:.]{0,30}:"
    r"|(?:\.\.\.|…)[ \t]?done thinking\.?",
    re.IGNORECASE,
)
# Boundaries that end reasoning without a close tag; nothing else is read into them.
_ANSWER_TAGS = frozenset(
    [
        "answer",
        "finalanswer",
        "response",
        "finalresponse",
        "output",
        "finaloutput",
        "solution",
        "beginofsolution",
        "startresponse",
        "reply",
        "finalreply",
        "actions",
        "finalactions",
    ]
)
_ANSWER_HEADING = re.compile(
    r"^[ \t]*+(?:#{1,6}[ \t]*+|(?=\*\*|__))[*_]{0,3}(?:my )?"
    r"(?:final (?:answer|response|output|actions?|decision|message|emails?)|answer|response"
    r"|actions?(?: to take| taken)?|tool (?:calls?|use)|executing(?: \w+){0,2}|output)"
    r"[ \t]*+:?[*_]{0,3}:?[ \t]*+$",
    re.IGNORECASE | re.MULTILINE,
)
_END_LINE = re.compile(
    r"^[^\w\n<]{0,6}(?:end(?:ing)?[ _](?:of[ _])?|close[ _]|(?<=/))?"
    r"(?:(?:my|the|private|internal)[ _])?(?:scratchpad|reasoning|thinking|thoughts?)"
    r"(?:[ _]reasoning)?[^\w\n]{0,6}$",
    re.IGNORECASE | re.MULTILINE,
)
_SECTION = re.compile(
    r"^[ \t]*+(?P<mark>#{1,6}[ \t]*+|\*\*|__)?(?:(?:my|private|internal|hidden) )*"
    r"(?:scratchpad|thinking(?: process)?|thought process|thoughts|chain[- ]of[- ]thought"
    r"|internal (?:reasoning|monologue|deliberation)|private (?:reasoning|notes|deliberation)"
    r"|reasoning \((?:private|internal|hidden|not shared|not sent)\))"
    r"[ \t]*+(?P<end>:?\*\*:?|:?__:?|:)?[ \t]*+$",
    re.IGNORECASE | re.MULTILINE,
)
_ANY_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*\S|(?:\*\*|__)[^*_\n]{1,60}(?:\*\*|__):?[ \t]*$"
    r"|[A-Z][\w ]{2,40}:[ \t]*$|-{3,}[ \t]*$)",
    re.MULTILINE,
)


def _mark(start: int, end: int, kind: str) -> Mark:
    tag = Tag(start, end, closing=kind == "close", inner=CHANNEL)
    return Mark(tag, "close" if kind == "close" else "open", CHANNEL)


def channel_marks(text: str, code: Sequence[Span]) -> list[Mark]:
    """The starts and ends of reasoning in channels and below spoken headers, in order.

    Args:
        text: The answer.
        code: Its inline code, in which nothing is a mark.
    """
    marks = [*_harmony(text), *_gemma(text), *_stripped(text), *_spoken(text)]
    marks = [m for m in marks if not within(m.tag.start, code)]
    return sorted(marks, key=lambda m: m.tag.start)


def _harmony(text: str) -> Iterator[Mark]:
    """The analysis channel, each message of it. A final one ends whatever came before it."""
    if "<|channel|>" not in text:
        return
    tokens = list(_HARMONY.finditer(text))
    covered = 0
    for i, token in enumerate(tokens):
        if token[1] != "channel":
            continue
        before = tokens[i - 1] if i else None
        begin = token.start()
        if before and before[1] == "start" and token.start() - before.end() < _HEADER:
            begin = before.start()
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        at = following.start() if following else len(text)
        header = text[begin : min(at, token.end() + _HEADER)]
        name = re.match(r"\s*(\w*)", text[token.end() : token.end() + 40])
        at = i + 2 if following and following[1] == "message" else i + 1
        stop = tokens[at] if at < len(tokens) else None
        if name is not None and name[1].lower() in _PRIVATE and "to=functions" in header:
            pass  # a call in the analysis channel is made or still thought: see `weak_spans`
        elif name is not None and name[1].lower() in _PRIVATE:
            yield _mark(begin, token.end(), "open")
            if stop:
                end = stop.start() if stop[1] in ("start", "channel") else stop.end()
                yield _mark(stop.start(), end, "close")
        elif "to=" not in header and text[covered:begin].strip() and not covered:
            yield _mark(begin, begin, "close")
        covered = stop.end() if stop else len(text)


def _gemma(text: str) -> Iterator[Mark]:
    for m in _GEMMA.finditer(text):
        if m["close"]:
            yield _mark(*m.span(), "close")
        elif (m["name"] or "thought").lower() in _PRIVATE:
            yield _mark(*m.span(), "open")


def _stripped(text: str) -> Iterator[Mark]:
    start = _STRIPPED_START.match(text)
    private = start is not None
    if start:
        yield _mark(start.start("name"), start.end(), "open")
    first = True
    for m in _STRIPPED.finditer(text):
        if private or (first and m["name"] == "final"):
            yield _mark(m.start(), m.end(), "close")
        private, first = m["name"] == "analysis", False
        if private:
            yield _mark(m.start(), m.end(), "open")


def _spoken(text: str) -> Iterator[Mark]:
    at = 0
    while opened := _SPOKEN_OPEN.search(text, at):
        yield _mark(*opened.span(), "open")
        closed = _SPOKEN_CLOSE.search(text, opened.end())
        if closed is None:
            return
        yield _mark(*closed.span(), "close")
        at = closed.end()


def answer_marks(text: str, tags: Sequence[Tag]) -> list[int]:
    """Offsets at which the answer proper visibly begins, sorted.

    They end reasoning that has no close tag: a tag such as `<answer>`, a heading such as
    "## Final answer", a line such as "End of scratchpad".
    """
    at = [
        tag.start
        for tag in tags
        if not tag.closing and re.sub("[^a-z]", "", tag.inner.lower()) in _ANSWER_TAGS
    ]
    at += [m.start() for p in (_ANSWER_HEADING, _END_LINE) for m in p.finditer(text)]
    return sorted(at)


def weak_spans(text: str) -> list[Span]:
    """Spans that may be reasoning and may be the answer, sorted.

    A section below a heading such as "Scratchpad", up to the next heading; Harmony's commentary
    without a receiver, and a call in its analysis.
    """
    spans: list[Span] = []
    sections = [m for m in _SECTION.finditer(text) if m["mark"] or m["end"]]
    headings = [m.start() for m in _ANY_HEADING.finditer(text)] if sections else []
    for m in sections:
        at = bisect_left(headings, m.end())
        spans.append((m.start(), headings[at] if at < len(headings) else len(text)))
    for m in re.finditer(
        r"<\|channel\|>[ \t]*(?:commentary[ \t]*|analysis[ \t]+to=functions[^<>\n]{0,60}"
        r"(?:<\|constrain\|>\w{0,10})?)<\|message\|>",
        text,
    ):
        stop = _HARMONY.search(text, m.end())
        spans.append((m.start(), stop.start() if stop else len(text)))
    for m in re.finditer(r"assistantcommentary(?![ \t]*to=)(?=[A-Z\s<])", text):
        stop = _STRIPPED.search(text, m.end())
        spans.append((m.start(), stop.start() if stop else len(text)))
    return sorted(spans)
