"""What operations are called with: types that read what was written and normalise it.

Every surface and every fact sees the same value, however the agent wrote it.
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
    """HTML entities with their semicolon resolved; a bare `&` is left alone."""
    return _ENTITY.sub(lambda m: html.unescape(m[0]).replace("\xa0", " "), value)


def strip_invisible(value: str) -> str:
    """Without zero-width and bidi characters, dashes made plain, full-width made narrow."""
    if value.isascii():
        return value
    value = unicodedata.normalize("NFKC", value.translate(_DASHES)).translate(_DASHES)
    return "".join(c for c in value if unicodedata.category(c) != "Cf")


def read_recipients(raw: str) -> tuple[str, ...]:
    """Recipients in lower case, in order, each once; a bare name where no address is given.

    >>> read_recipients('"Ann Lee <Ann.Lee@pellworthfreight.com>", bo')
    ('ann.lee@pellworthfreight.com', 'bo')
    """
    value = strip_invisible(unescape_entities(unescape_entities(raw)))
    value = "\n".join(_COMMENT_LINE.sub("", line) for line in value.split("\n"))
    found: dict[str, None] = {}
    item: list[str] = []
    for m in [*_ITEM.finditer(value), None]:
        token = m[0] if m else ","
        if token in ",;\n|":
            for name in _one_item("".join(item)):
                found.setdefault(name)
            item.clear()
        elif token[0] == '"' and len(token) > 1 and "@" in token and re.search("[,;|<]", token):
            # One pair of quotation marks round a whole list or a display name.
            for name in read_recipients(token[1:-1]):
                found.setdefault(name)
        else:
            item.append(token)
    return tuple(found)


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
    """A code as submitted: quotes, comments, trailing punctuation off; case kept."""
    value = strip_invisible(unescape_entities(raw)).strip()
    value = _COMMENT.sub("", value, count=1).strip()
    return value.strip("\"'`“”‘’*,;. \t\n{}[]")


def is_placeholder(value: str) -> bool:
    """Whether a value is a template's slot: `{override_code}`, `[recipient]`, `<address>`, `…`."""
    value = value.strip().strip("\"'`“”,; \t")
    if value.startswith("[") and re.search("[\"']", value):
        return False
    return bool(_PLACEHOLDER.fullmatch(value)) or value.lower() in _PLACEHOLDER_WORDS.split()


def plain_code(code: str) -> str:
    """A code without what writers vary: case, dashes, spaces."""
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
"""Addresses in lower case, or bare names where none was given; from a text or a list of them."""
Code = Annotated[str, BeforeValidator(_code)]
"""A code as submitted: quotes and comments off, dashes made plain, case kept."""
Reference = Annotated[str, BeforeValidator(_code)]
"""What an agent calls a mail by: its number, as it wrote it."""
Text = str
"""Any text, line breaks as the reader would see them."""
