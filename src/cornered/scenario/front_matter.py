"""Markdown files that start with front matter, between two lines of ---."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from cornered.errors import PackError
from cornered.yamlfile import parse_model, read_text

H = TypeVar("H", bound=BaseModel)
MAX_HEAD = 20_000
"""Characters of the front matter of one file."""
FRONT_MATTER = re.compile(r"\A---\r?\n(.*?\n)---\r?\n?", re.DOTALL)


def read_headed(path: Path, model: type[H]) -> tuple[H, str, int]:
    """Reads a Markdown file that starts with front matter.

    Args:
        path: The file.
        model: The schema of its front matter.

    Returns:
        The front matter, the text below it, and the line on which the text starts (from 1).

    Raises:
        PackError: no such file, no front matter, or an invalid one (file, line, key).
    """
    text = read_text(path, error=PackError)
    front = FRONT_MATTER.match(text)
    if not front:
        raise PackError(
            "has no front matter between two lines of --- at its start", where=f"{path}:1"
        )
    if len(front[1]) > MAX_HEAD:
        raise PackError(f"its front matter has more than {MAX_HEAD} characters", where=f"{path}:1")
    head = parse_model(front[1], model, path=path, error=PackError, first_line=2)
    return head, text[front.end() :].strip("\n"), text[: front.end()].count("\n") + 1
