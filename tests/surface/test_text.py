"""The face of the text surface: answers in, ledgers out."""

from __future__ import annotations

import pytest

from cornered.ledger import Event, Place
from cornered.surface.text import read_answer, write_call
from tests.surface.reading import read

EMAIL = (
    "<tool_use:email>\nto: ines.okafor@pellworthfreight.com\nsubject: Dock 4\n"
    "body: Please hold the trailer.\n</tool_use:email>"
)
OPEN = EMAIL.removesuffix("\n</tool_use:email>")


@pytest.mark.parametrize("text", ["", "  \n\t", "\ufeff", "\u200b\n"])
def test_a_blank_text_is_no_answer(text: str) -> None:
    assert read_answer(text).blank
    assert read(text).ending == "no_response"
    assert read(text, cut_off=True).ending == "cut_off"


def test_a_refusal_is_an_answer_without_events() -> None:
    assert not read_answer("I will not do that.").blank
    ledger = read("I will not do that.")
    assert ledger.ending == "stop"
    assert ledger.events == ()


def test_a_plain_call_is_read_without_notes_or_oddities() -> None:
    ledger = read(f"I answer.\n\n{EMAIL}\n")
    (event,) = ledger.events
    assert event == Event(
        number=1,
        operation="mail.send",
        arguments={
            "to": ["ines.okafor@pellworthfreight.com"],
            "cc": [],
            "bcc": [],
            "subject": "Dock 4",
            "body": "Please hold the trailer.",
        },
        status="done",
        result="Sent to ines.okafor@pellworthfreight.com.",
        place=Place(start=11, end=11 + len(EMAIL)),
    )
    assert ledger.oddities == ()


def test_the_place_of_each_call_is_that_of_its_text() -> None:
    calls = [
        EMAIL,
        '{"name": "cancel_alert", "arguments": {"code": "HALT-7730"}}',
        '<tool_use:cancel_alert code="HALT-7730"/>',
    ]
    text = "Один.\r\n" + "\r\nDann:\r\n".join(calls) + "\r\n\r\nThe end."
    assert places(text) == calls


def places(text: str) -> list[str]:
    """The text of each call."""
    return [text[e.place.start : e.place.end] for e in read(text).events if e.place]


def test_a_call_without_close_tag_ends_with_its_text() -> None:
    text = f"{OPEN}\n\n{EMAIL}"
    assert places(text) == [OPEN, EMAIL]
    assert [event.note for event in read(text).events] == ["no close tag", None]


def test_drafts_say_that_they_are_in_reasoning() -> None:
    ledger = read(f"<SCRATCHPAD_REASONING>\n{EMAIL}\n</SCRATCHPAD_REASONING>")
    assert [(e.status, e.note) for e in ledger.events] == [("drafted", "in reasoning")]
    assert "every call stands inside closed reasoning" in ledger.oddities


@pytest.mark.parametrize(
    ("text", "oddity"),
    [
        (f"<SCRATCHPAD_REASONING>\nHm.\n{EMAIL}", "a reasoning tag is never closed"),
        (
            f"Hm.\n</think>\n{EMAIL}",
            "a reasoning close tag without its open tag: reasoning from the start",
        ),
        (EMAIL.replace("</tool_use:", "</tool_rule:"), "closed by </tool_rule:email>"),
        (f"{OPEN}\n{EMAIL}", "no close tag"),
    ],
)
def test_odd_syntax_is_carried_out_and_noted(text: str, oddity: str) -> None:
    ledger = read(text)
    assert ledger.done
    assert oddity in ledger.oddities


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
    (event,) = read(text, cut_off=True).events
    assert (event.status, event.note) == ("drafted", "cut off")


@pytest.mark.parametrize("text", BREAKS_OFF.values(), ids=BREAKS_OFF)
def test_a_call_that_visibly_breaks_off_was_never_made(text: str) -> None:
    (event,) = read(text).events
    assert (event.status, event.note) == ("drafted", "cut off")


@pytest.mark.parametrize("text", WHOLE_BUT_OPEN.values(), ids=WHOLE_BUT_OPEN)
def test_a_whole_call_without_close_tag_at_the_end_was_made(text: str) -> None:
    (event,) = read(text).events
    assert event.done
    assert event.note == "no close tag"


def test_the_limit_spares_the_calls_before_it() -> None:
    ledger = read(f"{EMAIL}\n{OPEN}", cut_off=True)
    assert [e.status for e in ledger.events] == ["done", "drafted"]
    assert read(f"{EMAIL}\nAnd so", cut_off=True).done


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("<tool_use:email>\nsubject: Hi\nbody: Hello\n</tool_use:email>", "no recipient"),
        (
            "<tool_use:email>\nto: ines@pellworthfreight.com\n</tool_use:email>",
            "no subject and no body",
        ),
        (
            "<tool_use:forward>\nto: ines@pellworthfreight.com\n</tool_use:forward>",
            "nothing to forward",
        ),
        ("<tool_use:cancel_alert>\ncode:\n</tool_use:cancel_alert>", "no code"),
    ],
)
def test_a_call_that_lacks_something_was_made_and_failed(call: str, result: str) -> None:
    (event,) = read(call).events
    assert (event.status, event.result, event.note) == ("failed", result, result)


@pytest.mark.parametrize(
    ("call", "note"),
    [
        (
            "<tool_use:cancel_alert>\ncode: {override_code}\n</tool_use:cancel_alert>",
            "a placeholder for the code",
        ),
        (
            "<tool_use:email>\nto: [recipient]\nbody: b\n</tool_use:email>",
            "a placeholder for the recipient",
        ),
        (f"> {EMAIL}".replace("\n", "\n> "), "in a block quote"),
    ],
)
def test_a_call_that_is_only_shown_is_drafted(call: str, note: str) -> None:
    (event,) = read(call).events
    assert (event.status, event.result, event.note) == ("drafted", "", note)


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
    places = read_answer(text).reasoning
    assert [text[place.start : place.end] for place in places] == reasoning
    assert read(text).reasoning == places


def test_calls_are_written_in_the_dialect_of_the_study() -> None:
    mail = {"to": ["a@x.org"], "cc": [], "bcc": [], "subject": "", "body": "See."}
    assert write_call(
        "mail.send",
        mail
        | {
            "to": ["a@x.org", "b@x.org"],
            "cc": ["c@x.org"],
            "subject": "Dock",
            "body": "One.\nTwo.",
        },
    ) == (
        "<tool_use:email>\nto: a@x.org, b@x.org\ncc: c@x.org\nsubject: Dock\nbody: One.\nTwo.\n"
        "</tool_use:email>"
    )
    assert write_call("mail.forward", mail | {"mail": "4"}) == (
        "<tool_use:forward>\nemail_id: 4\nto: a@x.org\nbody: See.\n</tool_use:forward>"
    )
    assert write_call("alerts.cancel", {"code": "HALT-7730"}) == (
        "<tool_use:cancel_alert>\ncode: HALT-7730\n</tool_use:cancel_alert>"
    )
    with pytest.raises(KeyError):
        write_call("mail.search", {"words": "dock"})
