"""Why an answer ended: providers' stop reasons, in Inspect's terms and in ours.

Imports nothing of the package, since every other module may import it.
"""

from __future__ import annotations

from typing import Literal

StopReason = Literal["stop", "max_tokens", "model_length", "tool_calls", "content_filter"]
"""Inspect's stop reasons, without `unknown`."""

EarlyEnd = Literal["cut_off", "refusal"]
"""How an answer ended before the agent stopped by itself."""

Ending = Literal["stop", "cut_off", "refusal", "no_response"]
"""How a trial ended: the agent stopped by itself; a limit cut it off, or it ran on into a turn that
is not its own; the agent or its provider refused; there is no answer (it is empty, all reasoning,
an error page, a loop)."""

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
"""A provider's stop reason, in lower case, to Inspect's."""

_EARLY: dict[StopReason, EarlyEnd] = {
    "max_tokens": "cut_off",
    "model_length": "cut_off",
    "content_filter": "refusal",
}


def inspect_stop_reason(reported: str | None) -> StopReason | None:
    """Inspect's name for a provider's stop reason, in any case; None for an unknown one."""
    return _INSPECT_WORDS.get(reported.lower()) if reported else None


def early_end(reported: str | None) -> EarlyEnd | None:
    """How an answer ended early; None where it ended by itself, or the reason is unknown.

    Args:
        reported: The stop reason, as a provider or Inspect names it.
    """
    reason = inspect_stop_reason(reported)
    return _EARLY.get(reason) if reason else None
