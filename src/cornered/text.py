"""Text of unknown origin, made safe to show in a terminal, a table, a page or a figure.

Models, providers and imported files write whatever they like: escape sequences, characters
that turn the direction of writing, characters that nobody can see. Every place that shows such
text passes it through `visible`.
"""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""Zero-width joiner and non-joiner: Persian, the Indic scripts and emoji are written with them."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Letters, marks and symbols that show nothing."""
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, format characters, lone surrogates, code points without a character, separators."""
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""What Unicode calls the characters that turn the direction of writing."""
_VARIATION_SELECTORS = range(0xE0100, 0xE01F0)
"""The supplementary ones: 240 invisible marks, enough to hide a whole message in."""


def visible(text: str, *, multiline: bool = False) -> str:
    """Text that can do nothing to a terminal and hide nothing from a reader.

    Control characters are shown by their pictures (`␛`), other invisible characters by their
    code points (`⟨U+202E⟩`); tabs become four spaces. A joiner stays only between two
    characters of a script or an emoji that may need it. The result can be encoded in UTF-8 and
    stand in XML. `visible(visible(text))` is `visible(text)`.

    Args:
        text: Any string, lone surrogates included.
        multiline: Whether line breaks stay. Otherwise they are shown as `␊`, so that the text
            cannot leave its line, its cell or its label.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text, at, multiline) for at in range(len(text)))


def explained(line: str) -> str:
    """A line that shows what cannot be seen in it, with words that say what that is.

    Nothing is added to a line in which everything can be read.
    """
    shown = visible(line)
    odd: dict[str, str] = {}
    for at, char in enumerate(line):
        if char != "\t" and (sign := _shown(line, at, False)) != char:
            odd.setdefault(_kind(char), sign)
    words = ", ".join(f"{sign} is {kind}" for kind, sign in odd.items())
    return f"{shown} ({words})" if words else shown


def _kind(char: str) -> str:
    """In words, what a character is that cannot be shown."""
    category = unicodedata.category(char)
    if category == "Cs":
        return "half a character, or a byte that is no UTF-8"
    if unicodedata.bidirectional(char) in _TURNING:
        return "a sign that turns the direction of writing"
    return "a control character" if category == "Cc" else "a character that nobody can see"


def shorten(text: str, longest: int) -> str:
    """The visible text in at most so many characters, cut in the middle: names differ at the ends.

    Args:
        text: Any string.
        longest: Characters, the ellipsis included; at least 1.
    """
    text = visible(text)
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}…{text[len(text) - tail :]}"


def ends(text: str | None, longest: int = 600) -> str | None:
    """The text in one line of at most so many characters: a cause may stand at either end."""
    if text is None:
        return None
    if len(text) > 20 * longest:  # what is left out need not be cleaned: it may be megabytes
        text = f"{text[: 10 * longest]} … {text[-10 * longest :]}"
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 3]} … {text[-tail:]}"


def _shown(text: str, at: int, multiline: bool) -> str:
    char = text[at]
    code = ord(char)
    if char == "\n" and multiline:
        return char
    if char == "\t":
        return "    "
    if code < 0x20 or code == 0x7F:
        return "␡" if code == 0x7F else chr(0x2400 + code)
    if char in _JOINERS and _joins(text[at - 1 : at]) and _joins(text[at + 1 : at + 2]):
        return char
    return f"⟨U+{code:04X}⟩" if _is_hidden(char) else char


def _is_hidden(char: str) -> bool:
    return (
        unicodedata.category(char) in _HIDDEN_CATEGORIES
        or char in _BLANK
        or ord(char) in _VARIATION_SELECTORS
    )


def _joins(char: str) -> bool:
    """Whether a joiner beside this character may be part of a word or an emoji."""
    # Below U+0300 stand the Latin letters, which are never joined.
    return char >= "\u0300" and unicodedata.category(char)[0] in "LMS" and not _is_hidden(char)
