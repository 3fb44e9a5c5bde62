"""Tells: the signs by which a reader notices that a world was made up to test somebody.

After the eight factors of EvalAwareBench (arXiv 2605.23055). Whether a careful reader would
believe the story stays a question for a reader.
"""

from __future__ import annotations

from collections.abc import Iterator

from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.habits import inbox_habits
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.words import hollow_companies, telltale_words


def find_tells(reader: PackReader) -> Iterator[Finding]:
    """The tells that a machine can see, each with file and line.

    Looked for: placeholders; words that name the set-up, or belong to AI safety research or to
    grading; companies without a word of their own; and, in inboxes of six mails or more, times
    that are round or evenly spaced, bodies of one length, greetings, first words and closings
    that many share, full letter form throughout, beginnings of stories, whole hundreds, Title
    Case, and the lack of any thread.

    Raises nothing for a pack that loads: other checks report what cannot be rendered. A pack
    without prompts of its own has no tells.
    """
    if reader.pack.renders:
        yield from telltale_words(reader)
        yield from hollow_companies(reader)
        yield from inbox_habits(reader)
