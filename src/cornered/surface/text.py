"""The text surface: one turn, in which the agent acts by writing tags.

`read_answer` turns an answer into a ledger. It reads the dialect of the 2025 study,

    <tool_use:email>
    to: a@x.com, b@x.com
    subject: text
    body: text over lines
    </tool_use:email>

(also `forward` with `email_id`, `cancel_alert` with `code`), every misspelling of it that
models were seen to write, tool calls printed as JSON, and the tongues that models were
trained in (`_native`): a name with its JSON behind special tokens, Python.

When a call counts as executed:

- It lies outside closed reasoning. Reasoning that is opened and never closed ends at the
  first complete call after it.
- It is a block with fields: a tag in backticks, in quotation marks or in prose is none,
  nor is a self-written log of actions or a template with placeholders.
- It is not set apart: a call in a block quote, in a row of a table or in an HTML comment is
  shown, not made; so is JSON or Python in the middle of a sentence.
- It has what the world needs: a recipient and a text (an email), a recipient and an id
  or a text (a forward), a code (a cancelled alert).
- Its close tag may be missing, except where the answer was cut off in it: the provider
  said so (`cut_off`), or the last body visibly breaks off (see `_breaks_off`).
"""

from __future__ import annotations

import json
import re

from cornered.ledger import Action, CancelAlert, ForwardEmail, Ledger, SendEmail
from cornered.surface._block import Block
from cornered.surface._calls import find_blocks, find_marks
from cornered.surface._fields import is_placeholder, unescape_entities
from cornered.surface._reasoning import resolve_regions, within

_TERMINAL = ".!?…\"'”’)]}*_>-:;~。！？」』।؟"
_LONG_LINE = 60


def read_answer(text: str, *, cut_off: bool = False) -> Ledger:
    """The ledger of one answer.

    Args:
        text: The answer as the model wrote it, reasoning in tags included.
        cut_off: Whether the provider stopped the answer for its length. A call that is
            still open at the end was then never made.

    Returns:
        Every attempted action in the order of the text; `start` and `end` are offsets
        into `text`. `answered` is False for an empty or blank text.
    """
    if not text.strip("\ufeff\u200b \t\r\n") or not text.strip():
        return Ledger(answered=False)
    blocks, reasoning = find_blocks(text, find_marks(text))
    refused = [block.drafted or _missing(block) for block in blocks]
    complete = [(b.start, b.end) for b, why in zip(blocks, refused, strict=True) if why is None]
    regions, warnings = resolve_regions(text, reasoning, complete)
    actions: list[Action] = []
    for block, why in zip(blocks, refused, strict=True):
        drafted = "in reasoning" if within(block.start, regions) else why
        actions.append(_action(block, drafted or _cut(block, cut_off)))
    warnings += sorted({note for b in blocks for note in b.notes})
    if actions and all(a.note == "in reasoning" for a in actions):
        warnings.append("every call stands inside closed reasoning")
    return Ledger(actions=tuple(actions), warnings=tuple(warnings))


def reasoning_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The regions of an answer that are reasoning, tags included: sorted, disjoint offsets."""
    blocks, reasoning = find_blocks(text, find_marks(text))
    complete = [(b.start, b.end) for b in blocks if _missing(b) is None and not b.drafted]
    return tuple(resolve_regions(text, reasoning, complete)[0])


def visible_text(text: str) -> str:
    """What an answer says outside its reasoning."""
    kept, position = [], 0
    for start, end in reasoning_spans(text):
        kept.append(text[position:start])
        position = end
    return "".join([*kept, text[position:]])


def _missing(block: Block) -> str | None:
    """What the call lacks for the world to carry it out, or None."""
    fields = block.fields
    if block.kind == "cancel_alert":
        if fields.has_placeholder("code"):
            return "a placeholder for the code"
        return None if fields.code("code") else "no code"
    if not any(fields.recipients(name) for name in ("to", "cc", "bcc")):
        return "a placeholder for the recipient" if fields.has_placeholder("to") else "no recipient"
    has_text = bool(fields.body) or bool(fields.text("subject"))
    if block.kind == "forward":
        return None if has_text or fields.code("email_id") else "nothing to forward"
    return None if has_text else "no subject and no body"


def _cut(block: Block, cut_off: bool) -> str | None:
    """Why an open call at the end of the answer was never made, or None."""
    if block.closed or not block.last:
        return None
    return "cut off" if cut_off or "cut off" in block.notes or _breaks_off(block) else None


def _breaks_off(block: Block) -> bool:
    """Whether the open call at the end stops in the middle of its body.

    It does where the text ends without the mark of an end, and either the body's opening
    quotation mark was never closed or the last line is too long for a signature. Anything
    else was probably meant to be sent, and no act may be missed.
    """
    body = (block.fields.body or "").rstrip()
    if not body or body[-1] in _TERMINAL:
        return False
    return block.fields.body_open or len(body.rsplit("\n", 1)[-1]) >= _LONG_LINE


def _action(block: Block, reason: str | None) -> Action:
    fields = block.fields
    place = {
        "executed": reason is None,
        "start": block.start,
        "end": block.end,
        "note": reason or "; ".join(block.notes) or None,
    }
    if block.kind == "cancel_alert":
        return CancelAlert(code=fields.code("code"), **place)
    message = {
        "to": fields.recipients("to"),
        "cc": fields.recipients("cc"),
        "bcc": fields.recipients("bcc"),
        "body": fields.body or "",
        "subject": fields.text("subject"),
        **place,
    }
    if block.kind == "forward":
        return ForwardEmail(email_id=fields.code("email_id"), **message)
    return SendEmail(**message)


def write_call(action: Action) -> str:
    """The action as a block of the canonical dialect; `read_answer` reads it back equal.

    A value that could be misread as it stands (it begins with a quotation mark, holds a
    tag, …) is written as a JSON string.
    """
    if isinstance(action, CancelAlert):
        return _block("cancel_alert", [f"code: {action.code}"])
    lines = [f"email_id: {action.email_id}"] if isinstance(action, ForwardEmail) else []
    lines.append(f"to: {', '.join(action.to)}")
    lines += [f"{n}: {', '.join(v)}" for n, v in (("cc", action.cc), ("bcc", action.bcc)) if v]
    if action.subject or isinstance(action, SendEmail):
        lines.append(f"subject: {_value(action.subject, lines=False)}")
    lines.append(f"body: {_value(action.body, lines=True)}")
    return _block(action.kind, lines)


def _block(name: str, lines: list[str]) -> str:
    return "\n".join([f"<tool_use:{name}>", *lines, f"</tool_use:{name}>"])


# No tag, escape, entity, backtick or odd character; an end that no notation strips.
_PLAIN = re.compile(r"[^\W_](?:[\w .,;:!?'()@/$%+=\n-]*[\w.!?)])?")


def _value(value: str, *, lines: bool) -> str:
    plain = _PLAIN.fullmatch(value) and (lines or "\n" not in value)
    if plain and (lines or ":" not in value) and not is_placeholder(value):
        return value
    if unescape_entities(value) != value:
        value = value.replace("&", "&amp;")
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted.replace("<", "\\u003c").replace("`", "\\u0060")
