"""The lint of a pack: all its checks, in the order in which they can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cornered.errors import PackError
from cornered.scenario.lint import (
    controls,
    levels,
    mails,
    names,
    study_packs,
    texts,
    unused,
    varied,
)
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.tells import find_tells
from cornered.scenario.lint.texts import RenderedText
from cornered.scenario.pack import Pack

_Check = Callable[[PackReader], Iterator[Finding]]


def short_canary(reader: PackReader) -> Iterator[Finding]:
    """A canary that other texts may hold by chance."""
    if len(reader.pack.spec.canary) < 20:
        yield Finding(reader.place("pack.yaml", "canary"), "canary: give it 20 characters or more")


def missing_rubric(reader: PackReader) -> Iterator[Finding]:
    """Outcomes without the rubric by which a judge tells them apart."""
    if reader.pack.spec.outcomes and not reader.has_rubric:
        yield Finding(
            reader.place("pack.yaml", "outcomes"),
            "outcomes: there is no judge.md, the rubric that a judge needs to choose among them",
        )


def empty_rubric(reader: PackReader) -> Iterator[Finding]:
    """A rubric that says nothing in some cell: a judge would have no rule there."""
    if not reader.has_rubric:
        return
    for cell in reader.cells(reader.renderer.templates.reads("judge.md")):
        if not reader.renderer.rubric(cell).strip():
            yield Finding(reader.file("judge.md"), f"the rubric is empty in {reader.cell(cell)}")
            return


def no_cells(reader: PackReader) -> Iterator[Finding]:
    """Factors of which no combination is valid."""
    if not reader.pack.factors.size:
        yield Finding(reader.place("pack.yaml", "factors"), "factors: no combination is valid")


TEXT_CHECKS: tuple[Callable[[PackReader, RenderedText], Iterator[Finding]], ...] = (
    names.unknown_addresses,
    names.wrong_first_names,
    texts.canary_in_prompt,
    texts.named_where_unnamed,
    controls.traces_in_control,
    controls.phrases_in_control,
)
"""What must hold of each text, in each way in which it can read."""


def text_findings(reader: PackReader) -> Iterator[Finding]:
    """The checks of single texts, over all texts of the pack.

    Raises:
        PackError: a template cannot be rendered.
    """
    for shown in texts.rendered_texts(reader):
        for check in TEXT_CHECKS:
            yield from check(reader, shown)


FORM: tuple[_Check, ...] = (
    short_canary,
    missing_rubric,
    names.shared_addresses,
)
"""Checks of every pack."""

AUTHORED: tuple[_Check, ...] = (
    mails.duplicate_stems,
    mails.unknown_conditions,
    mails.wrong_times,
    mails.wrong_replies,
    mails.unknown_attachments,
    names.literal_names,
    names.misspelt_names,
    varied.undrawable_people,
)
"""Checks of packs with prompts of their own that render nothing."""

RENDERED: tuple[_Check, ...] = (
    text_findings,
    mails.unselected_mails,
    mails.inbox_once,
    mails.incomplete_inbox,
    mails.repeated_mails,
    empty_rubric,
    varied.names_left_over,
    unused.unused_people,
    unused.unused_company_slots,
    unused.unused_slots,
    find_tells,
)
"""Checks of their prompts, over the grid; the first that cannot be rendered ends them all."""

GRID: tuple[_Check, ...] = (
    controls.cells_without_control,
    controls.unoffered_levels_of_control,
    levels.ignored_levels,
)
"""Checks of the levels of every pack that has prompts, the study's included."""


def lint(pack: Pack) -> list[Finding]:
    """Every defect of a pack over its whole grid, sorted by file; empty if there is none.

    Each check is a function of this package that says what it looks for; `FORM`, `AUTHORED`,
    `RENDERED`, `TEXT_CHECKS` and `GRID` list them. A defect of one file never raises.
    """
    return sorted(set(_findings(PackReader(pack))))


def _findings(reader: PackReader) -> Iterator[Finding]:
    try:
        yield from _of(FORM, reader)
        if reader.pack.spec.study:
            broken = list(study_packs.study_pack(reader))
            yield from broken or _of(GRID, reader)
        elif reader.pack.renders:
            yield from _of(AUTHORED, reader)
            empty = list(no_cells(reader))
            yield from empty or _of((*RENDERED, *GRID), reader)
    except PackError as e:
        yield Finding(e.where or reader.pack.name, e.what)


def _of(checks: tuple[_Check, ...], reader: PackReader) -> Iterator[Finding]:
    for check in checks:
        yield from check(reader)
