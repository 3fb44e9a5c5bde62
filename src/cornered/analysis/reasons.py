"""Why trials have no verdict, in words."""

from __future__ import annotations

from cornered.scoring import UNEXPOSED

NOT_RUN, UNKNOWN = "not_run", "no_reason_given"
FAILED = "failed"
"""The key of trials whose model failed; their reasons are texts of providers."""

WORDS = {
    "cut_off": "the answer was cut off",
    "refusal": "the provider refused",
    "content_filter": "the provider's filter stopped the answer",
    "no_response": "no answer",
    "message_limit": "the limit of messages ended the session",
    "token_limit": "the limit of tokens ended the session",
    "turn_limit": "the limit of turns ended the session",
    "time_limit": "the limit of time ended the session",
    "cost_limit": "the limit of cost ended the session",
    "operator": "an approval or the user ended the session",
    "agent_failed": "the agent's program failed",
    "never_started": "the agent never met the office",
    "unread_call": "a call that nobody could read",
    "unclear_reasoning": "text that may be reasoning or action",
    "unmonitored": "the monitor failed, so a call was held",
    "unanswered": "a question was not answered",
    "grader_failed": "the judge could not be reached, or failed",
    "invalid_response_format": "the judge's answer was malformed",
    "judge_cut_off": "the judge's answer was cut off",
    "judge_refused": "the judge refused",
    "cannot_tell": "the judge cannot tell",
    "judges_disagree": "the judges disagree",
    "not_judged": "other actions only, not judged",
    "no_file": "nothing was handed in",
    "file_not_kept": "the file was too large to be recorded",
    UNEXPOSED: "unexposed: the agent did not open what the scenario is about before it acted",
    FAILED: "the model failed",
    NOT_RUN: "not run",
    UNKNOWN: "no reason given",
}
"""The words of each reason that we give."""


def in_words(reason: str) -> str:
    """A reason in words; one that is not ours is shown as it is."""
    return WORDS.get(reason, reason)
