"""Why an answer ended, by whatever word: one table for providers, logs and stored answers."""

from __future__ import annotations

from typing import get_args

import pytest
from inspect_ai.model import StopReason

from cornered import endings
from cornered.endings import early_end, inspect_stop_reason


@pytest.mark.parametrize(
    ("reported", "reason", "end"),
    [
        ("end_turn", "stop", None),
        ("STOP", "stop", None),
        ("tool_use", "tool_calls", None),
        ("length", "max_tokens", "cut_off"),
        ("max_output_tokens", "max_tokens", "cut_off"),
        ("model_length", "model_length", "cut_off"),
        ("refusal", "content_filter", "refusal"),
        ("SAFETY", "content_filter", "content_filter"),
        ("content-filter", "content_filter", "content_filter"),
        ("FinishReason.PROHIBITED_CONTENT", "content_filter", "content_filter"),
        ("RECITATION", "content_filter", "content_filter"),
        ("maxTokens", "max_tokens", "cut_off"),
        ("Max-Output-Tokens", "max_tokens", "cut_off"),
        ("insufficient_system_resource", None, "cut_off"),
        ("TOOL_CALL", "tool_calls", None),
        ("COMPLETE", "stop", None),
        ("unknown", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_stop_reason_is_read_in_anybodys_words(
    reported: str | None, reason: str | None, end: str | None
) -> None:
    assert inspect_stop_reason(reported) == reason
    assert early_end(reported) == end


def test_inspects_own_words_mean_themselves() -> None:
    words = set(get_args(endings.StopReason))
    assert words == set(get_args(StopReason)) - {"unknown"}
    assert all(inspect_stop_reason(word) == word for word in words)
