"""Tables for spreadsheets: no cell is a formula, and each text can be had back."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.csvfile import cell, guarded, unguarded, write_rows

ODD = st.text(st.sampled_from("=+-@＝＋−ab1,;'\" \t\r\n\u200b\ufeff\x1b"))
DROPPED = " \t\r\n\"'\u200b\ufeff\x1b"
"""What a reader may drop at the beginning of a cell, but for the apostrophe of a text."""


@given(ODD)
def test_a_guarded_text_can_be_had_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(ODD)
def test_no_reader_finds_a_formula(text: str) -> None:
    for part in re.split(r"[;\t\r\n]", guarded(text)):
        begins = part.lstrip(DROPPED.replace("'", ""))
        assert begins[:1] not in set("=+-@＝＋−") or not begins


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'    =1"),
        ("\r=1", "␍=1"),
        (' "=1', "' \"=1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ("a\n=1", "a\n'=1"),
        ("'=1", "''=1"),
        ("openai/gpt-4.1", "openai/gpt-4.1"),
        ("a=b", "a=b"),
        ("\x1b[2J", "␛[2J"),
        (-1.5, -1.5),
        (None, None),
        (True, True),
    ],
)
def test_a_cell(value: object, written: object) -> None:
    assert cell(value) == written


def test_numbers_stay_numbers_and_heads_are_guarded() -> None:
    text = write_rows(["=id", "rate"], [{"=id": "-1", "rate": -1.5}, {"rate": 2}])
    assert list(csv.reader(io.StringIO(text))) == [["'=id", "rate"], ["'-1", "-1.5"], ["", "2"]]


def test_a_long_text_takes_no_time() -> None:
    assert guarded("\n" * 200_000 + "x") == "'" + "\n" * 200_000 + "x"
