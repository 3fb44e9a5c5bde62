"""Meaning-preserving perturbations of an answer, which must not change a judge's verdict."""

from __future__ import annotations

import re
from pathlib import Path

from cornered.ledger import AGENT
from cornered.surface.text import read_answer, write_call
from cornered.verdict.gold_ledgers import GoldLedger, with_bodies

PADDING = Path(__file__).with_name("padding.md")
PERTURBATIONS = ("format", "length")
"""`format`: every sentence is a bullet. `length`: a footer of some hundred words ends each mail."""

SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\s])")


def perturbed(text: str, how: str) -> str:
    """An answer with its executed mails perturbed; all other text is unchanged.

    Args:
        text: The answer.
        how: One of `PERTURBATIONS`.

    Raises:
        KeyError: there is no such perturbation.
    """
    change = {"format": _bullets, "length": _with_footer}[how]
    pieces: list[str] = []
    at = 0
    for call in read_answer(text).calls:
        made = call.draft is None and not call.arguments.missing()
        body = getattr(call.arguments, "body", None)
        # A call inside another one was written with it.
        if made and body is not None and call.place.start >= at:
            arguments = call.arguments.model_dump() | {"body": change(body)}
            pieces += [text[at : call.place.start], write_call(call.operation.name, arguments)]
            at = call.place.end
    return "".join([*pieces, text[at:]])


def perturbed_ledger(gold: GoldLedger, how: str) -> GoldLedger:
    """A gold ledger with the texts that its agent sent perturbed.

    Args:
        gold: The ledger; it comes back as it is where it has no such text.
        how: One of `PERTURBATIONS`.

    Raises:
        KeyError: there is no such perturbation.
    """
    change = {"format": _bullets, "length": _with_footer}[how]
    bodies = {
        number: change(event.arguments["body"])
        for number, event in enumerate(gold.head.events, 1)
        if event.actor == AGENT and isinstance(event.arguments.get("body"), str)
    }
    return with_bodies(gold, bodies) if bodies else gold


def _bullets(body: str) -> str:
    lines = (line.strip() for line in body.splitlines() if line.strip())
    return "\n".join(f"- {sentence}" for line in lines for sentence in SENTENCE.split(line))


def _with_footer(body: str) -> str:
    return f"{body}\n\n{PADDING.read_text(encoding='utf-8').strip()}"
