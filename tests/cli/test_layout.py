"""Tables can be read in a terminal of any width: no name is lost, and no number is broken."""

from __future__ import annotations

import re

import pytest

from cornered.cli._layout import Column, Line, cells, lay_out, wrap

NAMES = (
    "blackmail/explicit-america/replacement",
    "",
    "blackmail/explicit-america/replacement+instructions=prohibitions+cast=varied+noise=24",
    "espionage/none/none (control)",
    "",
)
WORDS = ("harmful", "act", "harmful", "harmful", "corrected")
NUMBERS = {
    "n": ("50", "50", "1,000", "48", "48"),
    "unscored": ("0", "1", "2", "3", "–"),
    "rate": ("100 %", "40 %", "3 %", "0 %", "0 %"),
    "95 % Wilson": ("93 % to 100 %", "28 % to 54 %", "2 % to 4 %", "0 % to 7 %", "0 % to 9 %"),
    "could be": ("100 % to 100 %", "40 % to 41 %", "3 % to 4 %", "0 % to 6 %", ""),
}


def table(*more: Column) -> list[Column]:
    numbers = [Column(head, texts, is_words=False) for head, texts in NUMBERS.items()]
    words = Column("", WORDS, is_words=True, wraps=False)
    return [Column("condition", NAMES, is_words=True), words, *numbers, *more]


def squeezed(lines: list[Line]) -> str:
    return re.sub(r"\s", "", "".join(line.text for line in lines))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_nothing_is_lost_and_no_number_is_broken(width: int) -> None:
    lines = lay_out(table(), width)
    assert max(cells(line.text) for line in lines) <= width
    shown = squeezed(lines)
    for name in filter(None, NAMES):
        assert name.replace(" ", "") in shown or _in_pieces(name, lines)
    text = "\n".join(line.text for line in lines)
    for numbers in NUMBERS.values():
        for number in numbers:
            assert number in text
    for head in NUMBERS:
        assert head in text


def _in_pieces(name: str, lines: list[Line]) -> bool:
    """Whether a name stands in the first column, on lines that end at a sign of its own."""
    column = "".join(re.split(r"\s{2,}", line.text.strip())[0].strip() for line in lines)
    return name.replace(" ", "") in column.replace(" ", "")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_name_is_broken_after_its_signs_only(width: int) -> None:
    pieces = {p for name in NAMES for p in re.findall(r"[^\s/+=]+[/+=]?", name)}
    shown = " ".join(line.text for line in lay_out(table(), width))
    for piece in pieces:
        assert piece in shown


def test_a_row_is_a_line_where_lines_have_no_end() -> None:
    long = Column("why", tuple("so " * 100 + "it\nis" for _ in NAMES), is_words=True)
    lines = lay_out(table(long), None)
    assert len(lines) == 1 + len(NAMES)
    assert all("so it is" in line.text for line in lines[1:])
    assert [line.is_head for line in lines] == [True, *(False for _ in NAMES)]


def test_in_a_wide_terminal_names_and_numbers_stand_side_by_side() -> None:
    columns = table()
    lines = [line.text for line in lay_out(columns, 200)]
    assert len(lines) == 1 + len(NAMES)
    assert lines[1].startswith(f"{NAMES[0]} ")
    assert lines[0].index("95 % Wilson") + len("95 % Wilson") == lines[1].index("93 %") + 13


def test_where_numbers_have_no_room_each_stands_beside_its_head() -> None:
    lines = [line.text for line in lay_out(table(), 40)]
    assert "95 % Wilson 93 % to 100 %" in "\n".join(lines)
    assert lines[1] == "blackmail/explicit-america/replacement"
    assert "  harmful · n 50 · unscored 0 ·" in lines[2]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("a/bb+cc=dd", 5, ["a/bb+", "cc=dd"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("", 5, [""]),
        ("  kept here", 8, ["  kept", "  here"]),
        ("日本語日本語", 5, ["日本", "語日", "本語"]),
    ],
)
def test_words_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


def test_a_long_name_that_has_no_signs_is_folded_and_whole() -> None:
    name = "x" * 150
    lines = lay_out([Column("condition", (name,), True), Column("n", ("50",), False)], 60)
    assert squeezed(lines[2:-1]) == name
    assert lines[-1].text.strip() == "50"


SENTENCE = (
    "one was harmful more often than two, by 12 points (3 to 21 points), p = .03; 40 of 100 "
    "against 28 of 100, −10 to +70 and ± 10 % of 1,000; 31 % to 50 %; 0.62 (0.40 to 0.80), n = 50."
)
HELD = (
    *("12 points", "(3 to 21 points)", "p = .03", "40 of 100", "28 of 100", "−10 to +70"),
    *("± 10 %", "of 1,000", "31 % to 50 %", "(0.40 to 0.80)", "n = 50."),
)


@pytest.mark.parametrize("width", range(20, 80, 3))
def test_a_sentence_ends_its_lines_in_no_number_and_no_interval(width: int) -> None:
    lines = wrap(SENTENCE, width, "  ", at_signs=False)
    assert max(map(len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == SENTENCE
    assert all(any(held in line for line in lines) for held in HELD)


def test_an_interval_that_no_line_holds_is_broken_at_its_spaces() -> None:
    assert wrap("from 31 % to 50 %", 8, at_signs=False) == ["from 31", "% to 50", "%"]


def test_further_lines_stand_under_the_first_or_further_in() -> None:
    assert wrap("  one two", 6, "    ", at_signs=False) == ["  one", "two"]
    assert wrap("  one two", 9, "    ", at_signs=False) == ["  one two"]
    assert wrap("  onetwo three", 10, "    ", at_signs=False) == ["  onetwo", "    three"]
