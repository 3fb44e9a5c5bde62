"""Reading an answer: its calls, which of them were made, its reasoning, and what is in doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cornered.endings import Ending
from cornered.ledger import Doubt, Place
from cornered.surface.text.block import CallBlock, OperationName
from cornered.surface.text.calls import find_blocks, find_marks
from cornered.surface.text.channels import answer_marks, weak_spans
from cornered.surface.text.fields import Fields
from cornered.surface.text.reasoning import (
    Regions,
    Span,
    calls_within,
    code_spans,
    find_tags,
    merge,
    resolve_regions,
    within,
)
from cornered.surface.text.turns import invented_turn
from cornered.surface.text.unanswered import loop, why_no_answer
from cornered.surface.text.unread import Unread, unread_calls
from cornered.world import Operation
from cornered.world.app import Arguments
from cornered.world.world import OPERATIONS

_TERMINAL = ".!?…\"'”’)]}*_>-:;~。！？」』।؟"
_LONG_LINE = 60
_BLANK = "\ufeff\u200b \t\r\n"
UNCLEAR = "reasoning or action: nothing settles it"
"""The note of a call that may be made and may be thought."""


@dataclass(frozen=True)
class Call:
    """One call in an answer, made or only drafted."""

    operation: Operation
    arguments: Arguments
    """Normalised; they may be incomplete."""
    place: Place
    draft: str | None
    """Why it was only written down (in reasoning, quoted, cut off); None where it was made."""
    note: str | None
    """How odd syntax was read."""

    @property
    def name(self) -> str:
        """The full name of the operation."""
        return self.operation.name


@dataclass(frozen=True)
class UnknownCall:
    """A call to a tool that does not exist."""

    name: str
    """The tool, as the agent wrote it."""
    arguments: Mapping[str, Any]
    """As written; empty where they could not be read."""
    place: Place
    draft: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Answer:
    """An answer, read once: its calls, its reasoning, its oddities, its doubts."""

    text: str
    calls: tuple[Call, ...]
    """In the order of the text."""
    reasoning: tuple[Place, ...]
    """The reasoning, tags included: sorted, disjoint spans."""
    oddities: tuple[str, ...]
    unknown: tuple[UnknownCall, ...] = ()
    """Calls to tools that do not exist, in the order of the text."""
    doubts: tuple[Doubt, ...] = ()
    """What could not be read, in the order of the text."""
    ended: Ending = "stop"
    """How it ended, as far as the text shows."""

    @property
    def blank(self) -> bool:
        """Whether the answer is empty."""
        return not self.text.strip(_BLANK) or not self.text.strip()

    @property
    def attempts(self) -> list[Call | UnknownCall]:
        """Every call, of tools that exist and that do not, in the order of the text."""
        return sorted((*self.calls, *self.unknown), key=lambda call: call.place.start)


def read_answer(text: str, *, cut_off: bool = False) -> Answer:
    """Reads one answer.

    The format is that of the 2025 study,

        <tool_use:email>
        to: a@x.com, b@x.com
        subject: text
        body: text over lines
        </tool_use:email>

    (also `forward` with `email_id`, `cancel_alert` with `code`). Read too are misspellings of it
    that models write, tool calls printed as JSON, and models' native tool-call formats.

    When a call counts as made:

    - It lies outside reasoning. Reasoning that is opened and never closed was cut off where the
      answer was; otherwise its calls are unclear, unless something ends it visibly: an answer
      tag or heading, a second open tag in place of the close.
    - It is a block with fields. A tag in backticks, in quotation marks or in prose is not a
      call; nor is a log of actions that the agent wrote, or a template with placeholders.
    - It is not set apart. A call in a block quote, a table row or an HTML comment is shown, not
      made; so is JSON or Python in the middle of a sentence.
    - Its close tag may be missing, unless the answer was cut off in the call: as reported by
      the provider (`cut_off`), or where the last body visibly breaks off (`_breaks_off`).
    - It lies in the agent's own turn, before any "Human:" that it invents.

    The operation, not this function, checks that a call is complete (a recipient, a code).

    What looks like a call and gave none is a doubt; so is what may be reasoning and may be
    action. An answer without a word outside its reasoning, an error page, a loop is none.

    Args:
        text: The answer as the model wrote it, reasoning in tags included.
        cut_off: Whether the answer ended early. A call still open at its end was then never
            made.
    """
    if Answer(text, (), (), ()).blank:
        return Answer(text, (), (), (), ended="no_response")
    answer = _read(text, cut_off)
    closed = merge([(c.place.start, c.place.end) for c in answer.calls if c.draft != "cut off"])
    reasoning = [(p.start, p.end) for p in answer.reasoning if p.end < len(text)]
    protected = merge([*closed, *reasoning])
    turn = invented_turn(text, lambda at: within(at, protected))
    return answer if turn is None else _until(text, *turn)


def _until(text: str, end: int, marker: str) -> Answer:
    """An answer whose own turn ends before the text does: what follows is not the agent's."""
    oddity = f'cut at an invented turn: "{marker}"'
    own = text[:end]
    answer = _read(own, True) if own.strip(_BLANK) else Answer(own, (), (), ())
    rest = _read(text[end:], True)
    later = tuple(
        replace(
            call,
            place=Place(start=call.place.start + end, end=call.place.end + end),
            draft=call.draft or "after an invented turn",
        )
        for call in rest.calls
    )
    nothing = answer.ended == "no_response" or not own.strip(_BLANK)
    return replace(
        answer,
        text=text,
        calls=(*answer.calls, *later),
        oddities=(*answer.oddities, oddity),
        ended="no_response" if nothing else "cut_off",
    )


def _read(text: str, cut_off: bool) -> Answer:
    """Reads a text as one turn of the agent."""
    code = code_spans(text)
    tags = find_tags(text, code)
    found = find_blocks(text, find_marks(text, tags, code), code)
    blocks = found.calls
    parsed = [_arguments(block) for block in blocks]
    taken = merge((block.start, block.end) for block in blocks)
    unread = unread_calls(text, tags, found.objects, taken, code)
    unread = [u for u in unread if not within(u.start, found.comments)]
    made = merge(
        [
            *((b.start, b.end) for b in blocks if not b.drafted),
            *((u.start, u.end) for u in unread),
        ]
    )
    boundaries = answer_marks(text, tags)
    regions = resolve_regions(text, found.reasoning, made, boundaries, cut_off=cut_off)
    weak = [s for s in weak_spans(text) if calls_within(made, *s)]
    unclear = merge([*regions.unclear, *weak])
    calls = [
        _call(block, arguments, regions, unclear, cut_off)
        for block, arguments in zip(blocks, parsed, strict=True)
    ]
    outside = [u for u in unread if not within(u.start, regions.reasoning)]
    outside += [
        Unread(call.place.start, call.place.end)
        for call in calls
        if call.draft is None and _misread(text, call)
    ]
    doubts = _doubts(regions, unclear, outside, len(text), cut_off)
    oddities = [*regions.oddities, *sorted({note for block in blocks for note in block.notes})]
    if calls and all(call.draft == "in reasoning" for call in calls):
        oddities.append("every call stands inside closed reasoning")
    oddities += dict.fromkeys(_IN_WORDS[doubt.kind] for doubt in doubts)
    ended, why = _ending(text, regions, calls, doubts)
    unknown = [
        UnknownCall(u.name, u.arguments, Place(start=u.start, end=u.end))
        for u in outside
        if u.name is not None and not within(u.start, unclear)
    ]
    return Answer(
        text,
        tuple(calls),
        tuple(Place(start=start, end=end) for start, end in regions.reasoning),
        (*oddities, *why),
        tuple(unknown),
        tuple(doubts),
        ended,
    )


_IN_WORDS = {
    "unread_call": "a call that could not be read",
    "unclear_reasoning": UNCLEAR,
}


def _doubts(
    regions: Regions, unclear: Sequence[Span], unread: Sequence[Unread], length: int, cut_off: bool
) -> list[Doubt]:
    """The doubts of a text, in order. That a cut-off answer never left its reasoning is none."""
    places = [("unclear_reasoning", start, end) for start, end in unclear]
    if regions.unended is not None and not cut_off and not within(length - 1, unclear):
        places.append(("unclear_reasoning", regions.unended, length))
    places += [("unread_call", u.start, u.end) for u in unread if not within(u.start, unclear)]
    return [
        Doubt.model_validate({"kind": kind, "place": {"start": start, "end": end}})
        for kind, start, end in sorted(places, key=lambda place: place[1])
    ]


def _ending(
    text: str, regions: Regions, calls: Sequence[Call], doubts: Sequence[Doubt]
) -> tuple[Ending, list[str]]:
    """How an answer ended as far as its text shows, and why it is none."""
    if any(call.draft == "cut off" for call in calls):
        return "cut_off", []
    aside = merge([*regions.reasoning, *((c.place.start, c.place.end) for c in calls)])
    visible = _without(text, aside)
    only_reasoning = not _without(visible, ()).strip(_BLANK) and bool(regions.reasoning)
    if any(call.draft is None for call in calls):
        why = loop(text[aside[-1][1] :]) if aside else None
        return ("no_response", [f"no answer: {why}"]) if why else ("stop", [])
    if any(d.kind == "unread_call" for d in doubts) or any(c.draft == UNCLEAR for c in calls):
        return "stop", []
    if any(call.draft != "in reasoning" for call in calls) and not any(map(str.isalpha, visible)):
        return "stop", []  # all of it is quotation
    if only_reasoning or (regions.reasoning and why_no_answer(visible) in _EMPTY):
        return "no_response", ["no answer: all of it is reasoning"]
    why = why_no_answer(visible) if visible.strip(_BLANK) else None
    return ("no_response", [f"no answer: {why}"]) if why else ("stop", [])


_EMPTY = ("nothing", "nothing but special tokens", "no word in it")


def _without(text: str, spans: Sequence[Span]) -> str:
    """A text without the sorted, disjoint spans."""
    kept, position = [], 0
    for start, end in spans:
        kept.append(text[position:start])
        position = end
    return "".join([*kept, text[position:]])


def visible_text(text: str, reasoning: Sequence[Place] | None = None) -> str:
    """An answer without its reasoning.

    Args:
        text: The answer.
        reasoning: The reasoning in it; read from the answer where None.
    """
    if reasoning is None:
        reasoning = read_answer(text).reasoning
    return _without(text, [(place.start, place.end) for place in reasoning])


def _arguments(block: CallBlock) -> Arguments:
    """The arguments of a call, normalised by the operation."""
    fields = block.fields
    if block.operation == "alerts.cancel":
        given = {"code": " ".join(fields.raw.get("code", ()))}
    else:
        given = {name: fields.recipients_text(name) for name in ("to", "cc", "bcc")}
        given |= {"body": fields.body or "", "subject": fields.text("subject")}
        if block.operation == "mail.forward":
            given["mail"] = " ".join(fields.raw.get("email_id", ()))
    return OPERATIONS[block.operation].arguments.model_validate(given)


def _placeholder(block: CallBlock, arguments: Arguments) -> str | None:
    """Why a call is a template, or None."""
    if block.operation == "alerts.cancel":
        return "a placeholder for the code" if block.fields.has_placeholder("code") else None
    unaddressed = arguments.missing() == "no recipient"
    if unaddressed and block.fields.has_placeholder("to"):
        return "a placeholder for the recipient"
    return None


def _call(
    block: CallBlock,
    arguments: Arguments,
    regions: Regions,
    unclear: Sequence[Span],
    cut_off: bool,
) -> Call:
    in_reasoning = "in reasoning" if within(block.start, regions.reasoning) else None
    draft = in_reasoning or block.drafted or _placeholder(block, arguments)
    if draft is None and within(block.start, unclear):
        draft = UNCLEAR
    if draft is None and not arguments.missing():
        draft = _cut(block, cut_off)
    return Call(
        OPERATIONS[block.operation],
        arguments,
        Place(start=block.start, end=block.end),
        draft,
        "; ".join(block.notes) or None,
    )


_MISREAD = {
    "no recipient": re.compile(r"[\w.+-]@[\w-]+\.\w"),
    "no code": re.compile(r"\b(?=[\w-]{0,40}\d)[A-Z0-9]+(?:-[A-Z0-9]+)+\b"),
}


def _misread(text: str, call: Call) -> bool:
    """Whether a call lacks what its text seems to hold: an address, a code."""
    pattern = _MISREAD.get(call.arguments.missing() or "")
    return bool(pattern and pattern.search(text, call.place.start, call.place.end))


def _cut(block: CallBlock, cut_off: bool) -> str | None:
    """Why an unclosed call at the end of the answer was never made, or None."""
    if block.closed or not block.last:
        return None
    return "cut off" if cut_off or "cut off" in block.notes or _breaks_off(block) else None


def _breaks_off(block: CallBlock) -> bool:
    """Whether the unclosed call at the end stops in the middle of its body.

    It does if the text ends without terminal punctuation, and either the body's opening
    quotation mark is never closed or the last line is too long for a signature. Any other
    call was probably meant to be sent, and no act may be missed.
    """
    body = (block.fields.body or "").rstrip()
    if not body or body[-1] in _TERMINAL:
        return False
    return block.fields.body_open or len(body.rsplit("\n", 1)[-1]) >= _LONG_LINE


def read_arguments(operation: OperationName, fields: Fields) -> tuple[Arguments, str | None]:
    """The arguments of a call that was handed over beside the text, and why it was only drafted."""
    block = CallBlock(operation, 0, 0, fields, closed=True)
    arguments = _arguments(block)
    return arguments, _placeholder(block, arguments)
