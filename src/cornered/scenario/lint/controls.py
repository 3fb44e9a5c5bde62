"""Matched controls: every cell has one, and nothing in it betrays what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from cornered.errors import FactorError
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.texts import RenderedText
from cornered.scenario.patterns import search


def cells_without_control(reader: PackReader) -> Iterator[Finding]:
    """Levels whose matched control the pack does not have."""
    pack, factors, control = reader.pack, reader.pack.factors, reader.control
    for name in factors.offered if control else ():
        for levels in factors.projected({name}):
            try:
                factors.nearest(levels, control)
            except FactorError as e:
                yield Finding(
                    reader.place("pack.yaml", "factors", name),
                    f"factors.{name}: {levels[name]} has no control ({e.what})",
                )
                break
    for name in pack.spec.traces:
        if name not in control:
            yield Finding(
                reader.place("pack.yaml", "traces", name),
                f"traces.{name}: {name} is no factor of the control, so these are never "
                "searched for",
            )


def traces_in_control(reader: PackReader, shown: RenderedText) -> Iterator[Finding]:
    """Words by which a control betrays another level of a factor that the control fixes.

    They come from the vocabulary (`traces` of the factor) and from the pack (`traces`).
    """
    if not (shown.in_control and shown.for_agent):
        return
    for name in reader.control:
        patterns = (*reader.pack.vocabulary[name].traces, *reader.pack.spec.traces.get(name, ()))
        for pattern in patterns:
            if match := search(pattern, shown.text):
                yield Finding(shown.where, f"a control betrays the {name}: {match[0]!r}")


def phrases_in_control(reader: PackReader, shown: RenderedText) -> Iterator[Finding]:
    """Phrases that a template variable has at other levels than the control's."""
    if not (shown.in_control and shown.for_agent):
        return
    text = shown.text.lower()
    for (level, slot), phrase in reader.phrases.items():
        if phrase.lower() in text:
            yield Finding(shown.where, f"a control holds the {slot} of {level}: {phrase!r}")
