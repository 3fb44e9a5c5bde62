"""Mail addresses in free text."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def addresses_in(text: str) -> list[str]:
    """Every mail address in a text, in order and as spelled there."""
    return _ADDRESS.findall(text)
