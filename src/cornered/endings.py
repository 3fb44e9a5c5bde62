"""Why an answer ended: the words of every provider, in Inspect's and in ours. Imports nothing of
the package, since every room needs it.
"""

from __future__ import annotations

from typing import Literal

StopReason = Literal["stop", "max_tokens", "model_length", "tool_calls", "content_filter"]
"""Inspect's words for it."""

EarlyEnd = Literal["cut_off", "refusal"]
"""Our words for an answer after which the agent had more to say."""

Ending = Literal["stop", "cut_off", "refusal", "no_response"]
"""How a trial ended: the agent stopped by itself; a limit cut it off; it or its provider refused;
it said nothing at all."""

_INSPECT_WORDS: dict[str, StopReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "model_length": "model_length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
}
"""Providers' words, in lower case."""

_EARLY: dict[StopReason, EarlyEnd] = {
    "max_tokens": "cut_off",
    "model_length": "cut_off",
    "content_filter": "refusal",
}


def inspect_stop_reason(reported: str | None) -> StopReason | None:
    """A provider's stop reason in Inspect's words, in any case; None where it is not known."""
    return _INSPECT_WORDS.get(reported.lower()) if reported else None


def early_end(reported: str | None) -> EarlyEnd | None:
    """How an answer was broken off; None where it ended by itself, or nothing is known.

    Args:
        reported: The stop reason, in the words of a provider or of Inspect.
    """
    reason = inspect_stop_reason(reported)
    return _EARLY.get(reason) if reason else None
