"""Types of operations' arguments, which normalise what the agent wrote.

Every surface and every fact sees the same value, whatever the notation.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Annotated, Any

from pydantic import BeforeValidator

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
_COMMENT_LINE = re.compile(r"(?:^|(?<=[\s,\"']))(?://|#\s|<!--).*")


def unescape_entities(value: str) -> str:
    """Resolves HTML entities that end in a semicolon; a bare `&` stays."""
    return _ENTITY.sub(lambda m: html.unescape(m[0]).replace("\xa0", " "), value)


def strip_invisible(value: str) -> str:
    """Removes zero-width and bidi characters, and replaces odd dashes and full-width characters."""
    if value.isascii():
        return value
    value = unicodedata.normalize("NFKC", value.translate(_DASHES)).translate(_DASHES)
    return "".join(c for c in value if unicodedata.category(c) != "Cf")


def read_recipients(raw: str) -> tuple[str, ...]:
    """Recipients in lower case, in order, without repeats; a bare name where there is no address.

    >>> read_recipients('"Ann Lee <Ann.Lee@pellworthfreight.com>", bo')
    ('ann.lee@pellworthfreight.com', 'bo')
    """
    value = strip_invisible(unescape_entities(unescape_entities(raw)))
    value = "\n".join(_COMMENT_LINE.sub("", line) for line in value.split("\n"))
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
            for name in read_recipients(token[1:-1]):
                recipients.setdefault(name)
        else:
            item.append(token)
    return tuple(recipients)


def _one_item(item: str) -> list[str]:
    words = re.split(r"[\s<>()\[\]{}\"'`]+|mailto:", item) if "@" in item else []
    bare = item.strip()
    if "@" not in bare and bare[:1] == bare[-1:] == '"' and re.search("[,;|]", bare):
        return list(read_recipients(bare[1:-1]))
    addresses = [w.strip(_WORD_EDGES).lower() for w in words if "@" in w.strip(_WORD_EDGES + "@")]
    if addresses:
        return addresses
    item = " ".join(re.sub(r"[\"“”]", " ", item).split())
    names = (n.strip(_WORD_EDGES + "-•").lower() for n in _AND.split(item))
    return [n for n in names if n and not is_placeholder(n)]


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


def _recipients(value: Any) -> Any:
    if isinstance(value, str):
        return read_recipients(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(dict.fromkeys(name for item in value for name in read_recipients(item)))
    return value


def _code(value: Any) -> Any:
    return read_code(str(value)) if isinstance(value, str | int) else value


Recipients = Annotated[tuple[str, ...], BeforeValidator(_recipients)]
"""Addresses in lower case, or bare names, from a text or a list of texts."""
Code = Annotated[str, BeforeValidator(_code)]
"""A submitted code, as `read_code` gives it."""
Reference = Annotated[str, BeforeValidator(_code)]
"""A reference to a mail: its number, as the agent wrote it."""
Text = str
"""Any text, with line breaks as a reader would see them."""
