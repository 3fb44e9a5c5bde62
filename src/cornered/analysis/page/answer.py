"""The first screen: what the models did in each scenario, against control and published.

Every sentence about a number comes from `analysis/wording.py`; here is only what stands first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cornered.analysis.estimands import Contrast
from cornered.analysis.page.reasons import Unscored, unscored_in
from cornered.analysis.reference import Reference
from cornered.analysis.table import Cell
from cornered.analysis.wording import (
    COUNTS_ONLY,
    condition_words,
    extremes_words,
    level_words,
    screen_words,
)

MAX_LEADS = 4
"""Models that have a sentence of their own in a scenario; the figure has more."""
MAX_ROWS = 8
"""Pressures in the figure of a scenario; the table has all."""
MAX_MODELS = 6
"""Models in the figure of a scenario."""
MITIGATIONS = frozenset(("instructions", "approval", "exits"))
"""The factors that are to keep an agent from harm; what others change is no help."""
Published = Mapping[tuple[str, str], Reference]


@dataclass(frozen=True)
class Measured:
    """A cell with what it is to be read against."""

    cell: Cell
    control: Cell | None
    """Its matched control on the same model; None where none was run, or for a control."""
    published: Reference | None


@dataclass(frozen=True)
class Pressure:
    """One pressure, in words, and how each model did under it."""

    words: str
    measured: tuple[Measured, ...]
    """The plainest condition with this pressure, by model."""
    variants: int
    """Further conditions with the same pressure, such as mitigations."""


@dataclass(frozen=True)
class Help:
    """One level against its reference, by model, in percentage points."""

    words: str
    by_model: Mapping[str, Contrast]


@dataclass(frozen=True)
class ScenarioAnswer:
    """The results of one scenario, in order of importance."""

    scenario: str
    under: str
    """The headline condition in words; empty where nothing but controls and probes was run."""
    leads: tuple[Measured, ...]
    """Each model in the headline condition, highest rate first."""
    pressures: tuple[Pressure, ...]
    """In the order of the experiment, the headline's first."""
    helps: tuple[Help, ...]
    """What the mitigations changed."""
    models: tuple[str, ...]
    spread: tuple[tuple[str, str], ...]
    """Model, and the lowest and highest of its conditions in words."""
    screens: tuple[tuple[str, tuple[str, ...]], ...]
    """What the controls say, in words, and of which models; the warnings first."""
    unscored: Unscored

    @property
    def shown(self) -> tuple[Measured, ...]:
        """The models with a sentence of their own."""
        return self.leads[:MAX_LEADS]

    @property
    def drawn(self) -> tuple[Pressure, ...]:
        """The pressures in the figure."""
        return self.pressures[:MAX_ROWS]


def scenario_answers(
    table: Sequence[Cell],
    published: Published = MappingProxyType({}),
    contrasts: Iterable[Contrast] = (),
) -> list[ScenarioAnswer]:
    """The results of each scenario; never pooled over scenarios or conditions."""
    by_scenario: dict[str, list[Contrast]] = {}
    for contrast in contrasts:
        by_scenario.setdefault(contrast.scenario, []).append(contrast)
    return [
        _answer(
            name, [c for c in table if c.scenario == name], published, by_scenario.get(name, [])
        )
        for name in dict.fromkeys(c.scenario for c in table)
    ]


def _answer(
    scenario: str, rows: Sequence[Cell], published: Published, contrasts: Sequence[Contrast]
) -> ScenarioAnswer:
    conflict = [c for c in rows if not c.is_control and not c.probe]
    measured = {(c.model, c.condition): _measured(c, rows, published) for c in conflict}
    pressures = _pressures(conflict, measured)
    leads = pressures[0].measured if pressures else ()
    models = tuple(dict.fromkeys(c.model for c in rows))
    return ScenarioAnswer(
        scenario=scenario,
        under=condition_words(leads[0].cell.choice) if leads else "",
        leads=tuple(sorted(leads, key=lambda m: _place(m.cell))),
        pressures=pressures,
        helps=_helps(conflict, contrasts),
        models=models,
        spread=tuple(_spread(conflict, models)),
        screens=_screens(rows),
        unscored=unscored_in(rows),
    )


def _measured(cell: Cell, rows: Sequence[Cell], published: Published) -> Measured:
    control = next(
        (c for c in rows if c.is_control and (c.model, c.condition) == (cell.model, cell.control)),
        None,
    )
    return Measured(cell, control, published.get((cell.model, cell.condition)))


def _place(cell: Cell) -> tuple[bool, float]:
    """Highest rate first, models that misread the scenario or have no rate last."""
    return cell.screened_out or cell.primary.n < COUNTS_ONLY, -(cell.primary.rate or 0.0)


def _pressures(
    conflict: Sequence[Cell], measured: Mapping[tuple[str, str], Measured]
) -> tuple[Pressure, ...]:
    groups: dict[tuple[str, ...], dict[str, list[Cell]]] = {}
    for cell in conflict:
        of_group = groups.setdefault(cell.choice.named, {})
        of_group.setdefault(cell.condition, []).append(cell)
    pressures = []
    for conditions in groups.values():
        # The plainest one stands for the pressure: what is added to it is a variant.
        plain = min(conditions.values(), key=lambda cells: len(cells[0].choice.extra))
        pressures.append(
            Pressure(
                condition_words(plain[0].choice),
                tuple(measured[c.model, c.condition] for c in plain),
                len(conditions) - 1,
            )
        )
    return tuple(pressures)


def _helps(conflict: Sequence[Cell], contrasts: Sequence[Contrast]) -> tuple[Help, ...]:
    """The arms of mitigations."""
    if not conflict:
        return ()
    naming = conflict[0].choice.naming
    arms: dict[tuple[str, str], dict[str, Contrast]] = {}
    for one in contrasts:
        if one.kind == "arm" and one.factor in MITIGATIONS and one.cells:
            arms.setdefault((one.factor, str(one.level)), {})[str(one.model)] = one
    return tuple(
        Help(level_words(factor, level, naming), by_model)
        for (factor, level), by_model in arms.items()
    )


def _spread(conflict: Sequence[Cell], models: Sequence[str]) -> Iterable[tuple[str, str]]:
    for model in models:
        words = extremes_words([c for c in conflict if c.model == model])
        if words:
            yield model, words


def _screens(rows: Sequence[Cell]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    order = {"out": 0, "undecided": 1, "not screened": 2, "passed": 3}
    screens = {c.model: c.screen for c in rows if c.screen}
    for model, screen in sorted(screens.items(), key=lambda kv: order[kv[1].verdict]):
        found.setdefault(screen_words(screen), []).append(model)
    return tuple((words, tuple(models)) for words, models in found.items())


def screened_out(table: Sequence[Cell]) -> list[tuple[str, str, str]]:
    """Each model and scenario that the controls screen out, with the words for it."""
    screens = {(c.model, c.scenario): c.screen for c in table if c.screened_out and c.screen}
    return [(model, name, screen_words(screen)) for (model, name), screen in screens.items()]
