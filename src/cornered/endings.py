"""Why an answer ended: providers' stop reasons, in Inspect's terms and in ours.

Imports nothing of the package, since every other module may import it.
"""

from __future__ import annotations

import re
from typing import Literal

StopReason = Literal["stop", "max_tokens", "model_length", "tool_calls", "content_filter"]
"""Inspect's stop reasons, without `unknown`."""

EarlyEnd = Literal["cut_off", "refusal", "content_filter"]
"""How an answer ended before the agent stopped by itself."""

Limit = Literal[
    "message_limit", "token_limit", "turn_limit", "time_limit", "cost_limit", "operator"
]
"""A limit of the experiment that ended a session; `operator` is an approver or the user that
ended it."""

Ending = (
    Literal[
        "stop",
        "cut_off",
        "refusal",
        "content_filter",
        "no_response",
        "agent_failed",
        "never_started",
    ]
    | Limit
)
"""How a trial ended: the agent stopped by itself; a limit cut its answer off, or it ran on into a
turn that is not its own; the agent refused; a filter of its provider took the answer away; there is
no answer (it is empty, all reasoning, an error page, a loop); the agent's own program crashed, or
never met the world; or a limit of the experiment ended the session."""

_WORDS: dict[StopReason, str] = {
    "stop": "stop endturn stopsequence eos eostoken endoftext complete completed done finish "
    "finished pauseturn",
    "max_tokens": "length maxtokens maxoutputtokens maxlength maxcompletiontokens tokenlimit",
    "model_length": "modellength modelcontextwindowexceeded contextlength contextlengthexceeded "
    "errorlimit contextwindow",
    "tool_calls": "toolcalls toolcall tooluse functioncall functioncalls",
    "content_filter": "contentfilter contentfiltered safety prohibitedcontent recitation blocklist "
    "spii imagesafety imageprohibitedcontent imagerecitation modelarmor guardrailintervened "
    "errortoxic sensitive blocked jailbreak refusal refused",
}
_INSPECT_WORDS: dict[str, StopReason] = {
    word: reason for reason, words in _WORDS.items() for word in words.split()
}
"""A provider's stop reason, its letters only, to Inspect's."""

_REFUSALS = frozenset(("refusal", "refused"))
"""Words for an end that the model chose; other filters are the provider's."""
_BROKEN_OFF = frozenset(
    [
        "incomplete",
        "cancelled",
        "canceled",
        "abort",
        "aborted",
        "interrupted",
        "error",
        "failed",
        "failure",
        "timeout",
        "insufficientsystemresource",
        "networkerror",
        "inprogress",
        "usercancel",
    ]
)
"""Words, which Inspect does not have, for an answer that something else broke off."""
_UNREAD_CALL = frozenset(("malformedfunctioncall", "unexpectedtoolcall", "malformedtooluse"))
_PREFIX = re.compile(r"^(?:finishreason|stopreason)(?=.)")

_EARLY: dict[StopReason, EarlyEnd] = {
    "max_tokens": "cut_off",
    "model_length": "cut_off",
    "content_filter": "content_filter",
}


def _word(reported: str | None) -> str:
    """The letters of a stop reason: `MAX_TOKENS`, `maxTokens` and `max-tokens` are one word."""
    return _PREFIX.sub("", re.sub("[^a-z]", "", reported.lower())) if reported else ""


def inspect_stop_reason(reported: str | None) -> StopReason | None:
    """Inspect's name for a provider's stop reason, in any spelling; None for an unknown one."""
    return _INSPECT_WORDS.get(_word(reported))


def early_end(reported: str | None) -> EarlyEnd | None:
    """How an answer ended early; None where it ended by itself, or the reason is unknown.

    Args:
        reported: The stop reason, as a provider or Inspect names it.
    """
    word = _word(reported)
    if word in _REFUSALS:
        return "refusal"
    if word in _BROKEN_OFF:
        return "cut_off"
    reason = _INSPECT_WORDS.get(word)
    return _EARLY.get(reason) if reason else None


def tells_of_unread_call(reported: str | None) -> bool:
    """Whether a stop reason says that the provider could not read a call of the model."""
    return _word(reported) in _UNREAD_CALL
