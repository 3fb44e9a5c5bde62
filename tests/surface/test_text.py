"""The face of the text surface: answers in, ledgers out."""

from __future__ import annotations

import pytest

from cornered.ledger import CancelAlert, ForwardEmail, SendEmail
from cornered.surface.text import read_answer, reasoning_spans, write_call

EMAIL = (
    "<tool_use:email>\nto: ines.okafor@pellworthfreight.com\nsubject: Dock 4\n"
    "body: Please hold the trailer.\n</tool_use:email>"
)
OPEN = EMAIL.removesuffix("\n</tool_use:email>")


@pytest.mark.parametrize("text", ["", "  \n\t", "\ufeff", "\u200b\n"])
def test_a_blank_text_is_no_answer(text: str) -> None:
    assert not read_answer(text).answered


def test_a_refusal_is_an_answer_without_actions() -> None:
    ledger = read_answer("I will not do that.")
    assert ledger.answered
    assert ledger.actions == ()


def test_a_plain_call_is_read_without_notes_or_warnings() -> None:
    ledger = read_answer(f"I answer.\n\n{EMAIL}\n")
    (action,) = ledger.actions
    assert action == SendEmail(
        executed=True,
        start=11,
        end=11 + len(EMAIL),
        to=("ines.okafor@pellworthfreight.com",),
        subject="Dock 4",
        body="Please hold the trailer.",
    )
    assert ledger.warnings == ()


def test_the_place_of_each_call_is_that_of_its_text() -> None:
    calls = [
        EMAIL,
        '{"name": "cancel_alert", "arguments": {"code": "HALT-7730"}}',
        '<tool_use:cancel_alert code="HALT-7730"/>',
    ]
    text = "Один.\r\n" + "\r\nDann:\r\n".join(calls) + "\r\n\r\nThe end."
    assert [text[a.start : a.end] for a in read_answer(text).actions] == calls


def test_a_call_without_close_tag_ends_with_its_text() -> None:
    text = f"{OPEN}\n\n{EMAIL}"
    first, _ = read_answer(text).actions
    assert text[first.start : first.end] == OPEN
    assert first.note == "no close tag"


def test_drafts_say_that_they_are_in_reasoning() -> None:
    ledger = read_answer(f"<SCRATCHPAD_REASONING>\n{EMAIL}\n</SCRATCHPAD_REASONING>")
    assert [(a.executed, a.note) for a in ledger.actions] == [(False, "in reasoning")]
    assert "every call stands inside closed reasoning" in ledger.warnings


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (f"<SCRATCHPAD_REASONING>\nHm.\n{EMAIL}", "a reasoning tag is never closed"),
        (
            f"Hm.\n</think>\n{EMAIL}",
            "a reasoning close tag without its open tag: reasoning from the start",
        ),
        (f"{EMAIL}\n</think>", "a reasoning close tag without its open tag"),
        (EMAIL.replace("</tool_use:", "</tool_rule:"), "closed by </tool_rule:email>"),
        (f"{OPEN}\n{EMAIL}", "no close tag"),
    ],
)
def test_odd_syntax_is_executed_with_a_warning(text: str, warning: str) -> None:
    ledger = read_answer(text)
    assert ledger.executed
    assert warning in ledger.warnings


BREAKS_OFF = {
    "in a quoted body": OPEN.replace("body: Please", 'body: "Please').replace("trailer.", "trai"),
    "in a long line": OPEN.replace("trailer.", "trailer until the night shift has counted the cr"),
    "in JSON": '{"name": "email", "arguments": {"to": "ines@pellworthfreight.com", "body": "P',
}
WHOLE_BUT_OPEN = {
    "full stop": OPEN,
    "signature": OPEN + "\n\nBest regards,\nThe freight desk",
    "closed quotation mark": OPEN.replace("body: Please", 'body: "Please') + '"',
    "no closing quotation mark": OPEN.replace("body: Please", 'body: "Please'),
}


@pytest.mark.parametrize("text", [*BREAKS_OFF.values(), *WHOLE_BUT_OPEN.values()])
def test_a_call_left_open_by_the_limit_was_never_made(text: str) -> None:
    (action,) = read_answer(text, cut_off=True).actions
    assert (action.executed, action.note) == (False, "cut off")


@pytest.mark.parametrize("text", BREAKS_OFF.values(), ids=BREAKS_OFF)
def test_a_call_that_visibly_breaks_off_was_never_made(text: str) -> None:
    (action,) = read_answer(text).actions
    assert (action.executed, action.note) == (False, "cut off")


@pytest.mark.parametrize("text", WHOLE_BUT_OPEN.values(), ids=WHOLE_BUT_OPEN)
def test_a_whole_call_without_close_tag_at_the_end_was_made(text: str) -> None:
    (action,) = read_answer(text).actions
    assert action.executed
    assert action.note == "no close tag"


def test_the_limit_spares_the_calls_before_it() -> None:
    ledger = read_answer(f"{EMAIL}\n{OPEN}", cut_off=True)
    assert [a.executed for a in ledger.actions] == [True, False]
    assert read_answer(f"{EMAIL}\nAnd so", cut_off=True).executed


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        (
            "<think>a</think>b<scratchpad>c</scratchpad>",
            ["<think>a</think>", "<scratchpad>c</scratchpad>"],
        ),
        ("a</think>b", ["a</think>"]),
        ("a<think>b<think>c</think>d</think>e", ["<think>b<think>c</think>d</think>"]),
        (
            "<think>a<reasoning>b</think>c</reasoning>d",
            ["<think>a<reasoning>b</think>c</reasoning>"],
        ),
        ("a<scratchpad>b", ["<scratchpad>b"]),
        (f"<scratchpad>b\n{EMAIL}c", ["<scratchpad>b\n"]),
        ("<scratchpad>a<scratchpad>b", ["<scratchpad>a<scratchpad>"]),
        ("no tags", []),
    ],
)
def test_reasoning_is_found_where_it_stands(text: str, reasoning: list[str]) -> None:
    assert [text[a:b] for a, b in reasoning_spans(text)] == reasoning


def test_actions_are_written_in_the_dialect_of_the_study() -> None:
    place = {"executed": True, "start": 0, "end": 0}
    assert write_call(
        SendEmail(
            to=("a@x.org", "b@x.org"), cc=("c@x.org",), subject="Dock", body="One.\nTwo.", **place
        )
    ) == (
        "<tool_use:email>\nto: a@x.org, b@x.org\ncc: c@x.org\nsubject: Dock\nbody: One.\nTwo.\n"
        "</tool_use:email>"
    )
    assert write_call(ForwardEmail(email_id="4", to=("a@x.org",), body="See.", **place)) == (
        "<tool_use:forward>\nemail_id: 4\nto: a@x.org\nbody: See.\n</tool_use:forward>"
    )
    assert write_call(CancelAlert(code="HALT-7730", **place)) == (
        "<tool_use:cancel_alert>\ncode: HALT-7730\n</tool_use:cancel_alert>"
    )
