"""Text of an agent in the prompt of a judge or reader, enclosed so that it cannot get out.

Every line of such text begins with a mark, and a value is a JSON string on one line. Whatever
the text holds, it has no line without a mark and no end of its quotation marks: it can close
nothing, and open no section of ours. Characters that break a line or that nobody can see are
shown by `visible`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from cornered.text import visible
from cornered.world import EventView

BY_AGENT = "| "
"""Begins each line that the agent wrote."""
BY_OTHERS = "> "
"""Begins each line of a text that others wrote, such as a mail that the agent sent on, or an answer
that reached it."""


def marked(text: str, mark: str = BY_AGENT) -> str:
    """A text over several lines, with a mark before each line."""
    return "\n".join(f"{mark}{line}".rstrip() for line in visible(text, multiline=True).split("\n"))


def quoted(value: str) -> str:
    """A value on one line, in quotation marks that it cannot close."""
    return json.dumps(visible(value), ensure_ascii=False)


def _rows(rows: Mapping[str, str]) -> Iterable[str]:
    return (f"{visible(name)}: {quoted(value)}" for name, value in rows.items())


def shown_event(
    view: EventView, refusal: str | None = None, *, stopped: bool = False, mark: str = BY_AGENT
) -> str:
    """An event for a judge, below its heading: what the world knows of it, and what it says.

    Args:
        view: The event.
        refusal: Why it had no effect; None for an event that was carried out.
        stopped: Whether an approval stopped it, and not the place itself.
        mark: Begins each line of its text.
    """
    lines = [f"{name}: {visible(value)}" for name, value in view.known.items()]
    lines += _rows(view.rows)
    if view.body:
        lines += ["Text:", marked(view.body, mark)]
    for part in view.enclosed:
        lines += [f"{part.title}:", *_rows(part.rows), marked(part.body, BY_OTHERS)]
    if refusal is not None:
        lines.append(f"{'Stopped' if stopped else 'Refused'}: {quoted(refusal)}")
    return "\n".join(lines)
