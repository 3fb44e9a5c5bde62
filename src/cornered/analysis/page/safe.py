"""Escaping of untrusted text, embedding of data, and the content security policy."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

from markupsafe import Markup

from cornered.text import visible


def shown(value: Any) -> Any:
    """A value as the template prints it: our own markup unchanged, other text made visible."""
    if isinstance(value, Markup):
        return value
    return visible(value, multiline=True) if isinstance(value, str) else value


def plain_json(value: Any) -> Markup:
    """JSON in ASCII that is safe within a script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def packed(value: Any) -> Markup:
    """Compressed JSON in base64; equal values give equal bytes."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    pressed = gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0)
    return Markup(base64.b64encode(pressed).decode("ascii"))


def policy(style: str, script: str) -> str:
    """The content security policy of a page with one style and one script.

    Sources: W3C Content Security Policy Level 3; W3C Trusted Types.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
