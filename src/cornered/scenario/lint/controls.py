"""Matched controls: every cell has one, and nothing in it betrays what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from cornered.errors import FactorError
from cornered.scenario.factors import Levels
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.texts import RenderedText
from cornered.scenario.patterns import search


def cells_without_control(reader: PackReader) -> Iterator[Finding]:
    """Levels whose matched control the pack does not have, alone or beside others."""
    pack, factors, control = reader.pack, reader.pack.factors, reader.control
    alone = list(_levels_without_control(reader)) if control else []
    yield from alone
    for group in factors.groups if control and not alone else ():
        for levels in group:
            if why := _lacks_control(reader, levels):
                yield Finding(
                    reader.place("pack.yaml", "control"),
                    f"control: {reader.cell(factors.complete(levels))} has none ({why})",
                )
                break
    for name in pack.spec.traces:
        if name not in control:
            yield Finding(
                reader.place("pack.yaml", "traces", name),
                f"traces.{name}: {name} is no factor of the control, so these are never "
                "searched for",
            )


def _levels_without_control(reader: PackReader) -> Iterator[Finding]:
    """The first level of each factor that has no control, whatever it stands beside."""
    for name in reader.pack.factors.offered:
        for levels in reader.pack.factors.projected({name}):
            if why := _lacks_control(reader, levels):
                yield Finding(
                    reader.place("pack.yaml", "factors", name),
                    f"factors.{name}: {levels[name]} has no control ({why})",
                )
                break


def _lacks_control(reader: PackReader, levels: Levels) -> str:
    """Why a cell has no control; empty where it has one."""
    try:
        reader.pack.factors.nearest(levels, reader.control)
    except FactorError as e:
        return e.what
    return ""


def unoffered_levels_of_control(reader: PackReader) -> Iterator[Finding]:
    """A level of the control that is a default and that the pack does not offer.

    Nobody could name that cell: a run that is read again would refuse its own control.
    """
    factors = reader.pack.factors
    try:
        matched = factors.nearest({}, reader.control) if reader.control else {}
    except FactorError:
        return  # told by cells_without_control
    for name, offered in factors.offered.items():
        level = matched.get(name)
        if isinstance(offered, list) and level is not None and level not in offered:
            yield Finding(
                reader.place("pack.yaml", "factors", name),
                f"factors.{name}: the control has {name}={level}, which the pack does not offer",
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
