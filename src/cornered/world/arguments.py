"""Types of operations' arguments, which normalise what the agent wrote.

Every surface and every fact sees the same value, whatever the notation.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|commat|period|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});")
_COMMENT = re.compile(
    r"(?<=[ \t])(?://|#(?!\d)|--[ \t]|<!--|\().*|(?<=[\"',])(?://|#).*", re.DOTALL
)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-") | {0xAD: None}
_PLACEHOLDER = re.compile(
    r"\{[^@]*\}|\$\{?\w+\}?|%\w+%|\[[^\]@\"',;]*\]|<[^<>@]*>|[.…_*xX?-]{2,}|…",
)
_PLACEHOLDER_WORDS = (
    "recipient recipients recipient(s) address email_address override_code cancellation_code "
    "code string"
)
_ITEM = re.compile(r'"[^"\n]*"|<[^<>\n]*>|[,;\n|]|[^",;\n|<>]+|.', re.DOTALL)
_AND = re.compile(r" (?:and|und|et|y|e|&) ", re.IGNORECASE)
_WORD_EDGES = " \t\r\n.,;:!?*_`'\"“”‘’«»()[]{}<>|/\\"
_IN_BRACKETS = re.compile(r"\s{0,3}[\[({<]\s?(at|dot)\s?[\])}>]\s{0,3}", re.IGNORECASE)
_SPELLED = re.compile(
    r"(?<![\w@.])([\w+-]{1,64}(?:(?: dot |\.)[\w+-]{1,64}){0,8}) at "
    r"([\w-]{1,63}(?:(?: dot |\.)[\w-]{1,63}){1,8})(?![\w@])",
    re.IGNORECASE,
)
_SPACED_AT = re.compile(r"(?<=[\w.+-])[ \t]{0,3}(?:@|%40)[ \t]{0,3}(?=\w)")
_TAG = re.compile(r"(?<=.)\+[^@]*(?=@)")
_SEPARATORS = r"[\s._-]{0,3}"
_NEGATION = re.compile(
    r"\b(?:not|never|don['’]?t|do not|won['’]?t|cannot|can['’]?t|without|no)\b", re.IGNORECASE
)
_NOTE = re.compile(r"(?<=[ \t\"',])(?://|#(?!\d)|<!--).*", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ROOT = re.compile(r"(?:file:/{0,3})?(?:[A-Za-z]:(?=/|$))?", re.IGNORECASE)
_AROUND = " \t\r\n\"'`“”‘’*,;"
"""What may stand around a reference to a mail."""
_MOST_ROUNDS = 8
"""Most times that a list of recipients is read again; a limit that no sane list reaches."""
_SHORT = 300
"""Recipients of fewer characters are kept once they are read."""
_COMMENT_LINE = re.compile(r"(?:^|(?<=[\s,\"']))(?://|#\s|<!--).*")


def unescape_entities(value: str) -> str:
    """Resolves HTML entities that end in a semicolon; a bare `&` stays."""
    return _ENTITY.sub(lambda m: html.unescape(m[0]).replace("\xa0", " "), value)


def well_formed(value: str) -> str:
    """A text that can be encoded: halves of characters are joined, or replaced by U+FFFD."""
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def strip_invisible(value: str) -> str:
    """Removes zero-width and bidi characters, and replaces odd dashes and full-width characters."""
    if value.isascii():
        return value
    value = well_formed(value)
    value = unicodedata.normalize("NFKC", value.translate(_DASHES)).translate(_DASHES)
    return "".join(c for c in value if unicodedata.category(c) != "Cf")


def read_recipients(raw: str) -> tuple[str, ...]:
    """Recipients in lower case, in order, without repeats; a bare name where there is no address.

    A tag (`name+tag@`) is left out, since the mail reaches the same person. Addresses that are
    spelled (`name [at] firm [dot] com`) are read. Reading the result again does not change it.

    >>> read_recipients('"Ann Lee <Ann.Lee@pellworthfreight.com>", bo')
    ('ann.lee@pellworthfreight.com', 'bo')
    """
    return _short_recipients(raw) if len(raw) < _SHORT else _read_recipients(raw)


def _read_recipients(raw: str) -> tuple[str, ...]:
    recipients = _read_once(raw)
    for _ in range(_MOST_ROUNDS):
        again = tuple(dict.fromkeys(name for one in recipients for name in _read_once(one)))
        if again == recipients:
            break
        recipients = again
    return recipients


# The same few addresses are read over and over: `to` in each call, and nothing in `cc` and `bcc`.
_short_recipients = lru_cache(maxsize=512)(_read_recipients)


def _read_once(raw: str) -> tuple[str, ...]:
    value = strip_invisible(unescape_entities(unescape_entities(raw)))
    value = "\n".join(_COMMENT_LINE.sub("", line) for line in value.split("\n"))
    value = _IN_BRACKETS.sub(lambda m: "@" if m[1].lower() == "at" else ".", value)
    value = _SPELLED.sub(lambda m: f"{_without_dots(m[1])}@{_without_dots(m[2])}", value)
    value = _SPACED_AT.sub("@", value)
    recipients: dict[str, None] = {}
    item: list[str] = []
    for m in [*_ITEM.finditer(value), None]:
        token = m[0] if m else ","
        if token in ",;\n|":
            for name in _one_item("".join(item)):
                recipients.setdefault(name)
            item.clear()
        elif token[0] == '"' and len(token) > 1 and "@" in token and re.search("[,;|<]", token):
            # A pair of quotation marks may enclose a whole list or a display name.
            for name in _read_once(token[1:-1]):
                recipients.setdefault(name)
        else:
            item.append(token)
    return tuple(recipients)


def _one_item(item: str) -> list[str]:
    words = re.split(r"[\s<>()\[\]{}\"'`]+|mailto:", item) if "@" in item else []
    bare = item.strip()
    if "@" not in bare and bare[:1] == bare[-1:] == '"' and re.search("[,;|]", bare):
        return list(_read_once(bare[1:-1]))
    addresses = [w.strip(_WORD_EDGES).lower() for w in words if "@" in w.strip(_WORD_EDGES + "@")]
    addresses = [_TAG.sub("", address, count=1) for address in addresses]
    if addresses:
        return addresses
    item = " ".join(re.sub(r"[\"“”]", " ", item).split())
    names = (n.strip(_WORD_EDGES + "-•").lower() for n in _AND.split(item))
    return [n for n in names if n and not is_placeholder(n)]


def _without_dots(spelled: str) -> str:
    return re.sub(" dot ", ".", spelled, flags=re.IGNORECASE)


def read_code(raw: str) -> str:
    """A submitted code, without quotes, comments and trailing punctuation; case is kept."""
    value = strip_invisible(unescape_entities(raw)).strip()
    value = _COMMENT.sub("", value, count=1).strip()
    return value.strip("\"'`“”‘’*,;. \t\n{}[]")


def is_placeholder(value: str) -> bool:
    """Whether a value is a placeholder: `{override_code}`, `[recipient]`, `<address>`, `…`."""
    value = value.strip().strip("\"'`“”,; \t")
    if value.startswith("[") and re.search("[\"']", value):
        return False
    return bool(_PLACEHOLDER.fullmatch(value)) or value.lower() in _PLACEHOLDER_WORDS.split()


def plain_code(code: str) -> str:
    """A code for comparison: upper case, without dashes and spaces."""
    return re.sub(r"[^0-9A-Z]", "", code.upper())


def find_code(text: str, code: str) -> int | None:
    """Where a code stands in a text, in any case and spacing; None where it does not.

    It must stand by itself: `K7-QX 44` is not in `K7-QX 444`.
    """
    pattern = _SEPARATORS.join(plain_code(code))
    m = re.search(rf"(?<![0-9A-Za-z]){pattern}(?![0-9A-Za-z])", text, re.IGNORECASE)
    return m.start() if pattern and m else None


def has_negation(text: str) -> bool:
    """Whether a text has a word of negation."""
    return bool(_NEGATION.search(text))


def _recipients(value: Any) -> Any:
    if isinstance(value, str):
        return read_recipients(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(dict.fromkeys(name for item in value for name in read_recipients(item)))
    return value


def _code(value: Any) -> Any:
    return read_code(str(value)) if isinstance(value, str | int) else value


def _reference(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(_reference(item)) for item in value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        written = strip_invisible(unescape_entities(str(value)))
        return _NOTE.sub("", written, count=1).strip(_AROUND)
    return value


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return well_formed(value) if isinstance(value, str) else value


def _line(value: Any) -> Any:
    value = _text(value)
    return " ".join(_CONTROL.sub(" ", value).split()) if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        written = strip_invisible(value).strip(_AROUND + "#.:")
        written = written.casefold().removeprefix("line").strip()
        return int(written) if re.fullmatch(r"[+-]?\d{1,9}", written) else value
    return value


def read_path(raw: str) -> str:
    """The path of a file, in one spelling: from the top, with `/`, without `.` and `..`.

    No path leads above the top folder. Reading the result again does not change it.

    >>> read_path("Planning\\\\.\\\\rates.csv")
    '/Planning/rates.csv'
    """
    value = _CONTROL.sub("", unicodedata.normalize("NFC", well_formed(raw)))
    value = "".join(c for c in value if unicodedata.category(c) != "Cf").replace("\\", "/")
    parts: list[str] = []
    for part in _ROOT.sub("", value.strip(_AROUND), count=1).split("/"):
        name = part.strip(_AROUND)
        if name == "..":
            parts[-1:] = []
        elif name not in ("", ".", "~"):
            parts.append(name)
    return "/" + "/".join(parts)


def _path(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return read_path(value) if isinstance(value, str) else value


_TEXT_SCHEMA = WithJsonSchema({"type": "string"})
"""Agents are offered text; what else they give is read where it can be."""

Recipients = Annotated[tuple[str, ...], BeforeValidator(_recipients), _TEXT_SCHEMA]
"""Addresses in lower case, or bare names, from a text or a list of texts."""
Code = Annotated[str, BeforeValidator(_code), _TEXT_SCHEMA]
"""A submitted code, as `read_code` gives it."""
Reference = Annotated[str, BeforeValidator(_reference), _TEXT_SCHEMA]
"""A reference to one or more mails, as the agent wrote it; the mailbox resolves it."""
Text = Annotated[str, BeforeValidator(_text), _TEXT_SCHEMA]
"""Any text, with line breaks as a reader would see them."""
Line = Annotated[str, BeforeValidator(_line), _TEXT_SCHEMA]
"""A text of one line."""
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
"""A whole number."""
FilePath = Annotated[str, BeforeValidator(_path), _TEXT_SCHEMA]
"""The path of a file or folder, as `read_path` gives it."""
