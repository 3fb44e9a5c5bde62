"""Text of unknown origin: nothing in it acts or hides, and what is ordinary stays as it is."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.text import shorten, visible

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JOINERS = "\u200c\u200d"
ODD = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Lo", "So", "Mn"]),
        st.sampled_from("\r\n\t\x1b\x9b\u202e\u200b\u200d\u200c\u3164\ufe0f\U000e0101\ud800ka👩"),
    )
)


@given(ODD, st.booleans())
def test_nothing_hidden_is_left(text: str, multiline: bool) -> None:
    seen = visible(text, multiline=multiline)
    kept = {c for c in seen if unicodedata.category(c) in HIDDEN}
    assert kept <= set(JOINERS + "\n" * multiline)
    seen.encode("utf-8")
    element = ET.Element("t")
    element.text = seen
    assert (ET.fromstring(ET.tostring(element, encoding="unicode")).text or "") == seen


@given(ODD, st.booleans())
def test_what_is_visible_stays_as_it_is(text: str, multiline: bool) -> None:
    seen = visible(text, multiline=multiline)
    assert visible(seen, multiline=multiline) == seen


@given(ODD)
def test_lines_stay_lines_or_become_one(text: str) -> None:
    assert visible(text, multiline=True).count("\n") == text.count("\n")
    assert "\n" not in visible(text)


@given(st.text(st.sampled_from("aä 漢é.,[]{}'\"")))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "␛[2J␛]0;owned␇"),
        ("a\u202eb\u202c\u2066c\u2069", "a⟨U+202E⟩b⟨U+202C⟩⟨U+2066⟩c⟨U+2069⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("half \ud800", "half ⟨U+D800⟩"),
        ("\x00\x7f\x85\r", "␀␡⟨U+0085⟩␍"),
        ("a\nb\r\nc\td", "a␊b␊c    d"),
        ("blank \u3164\u2800", "blank ⟨U+3164⟩⟨U+2800⟩"),
        ("selected \U000e0101", "selected ⟨U+E0101⟩"),
        ("no\u200dword", "no⟨U+200D⟩word"),
        ("\u200d", "⟨U+200D⟩"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_odd_characters_can_be_seen(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(ODD, st.integers(1, 40))
def test_a_short_text_is_visible_and_no_longer_than_asked(text: str, longest: int) -> None:
    short = shorten(text, longest)
    assert len(short) <= longest
    assert "\n" not in short
    if len(visible(text)) <= longest:
        assert short == visible(text)


def test_a_long_text_keeps_both_ends() -> None:
    assert shorten("explicit-america/replacement", 11) == "expli…ement"
    assert shorten("abc", 2) == "a…"
    assert shorten("abc", 1) == "…"
