"""Measures of conditions against those of their matched controls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from cornered.analysis.measures import Harm, MeasureSummary, difference
from cornered.analysis.multiplicity import holm
from cornered.analysis.stats import Estimate, Interval
from cornered.analysis.table import Cell


@dataclass(frozen=True)
class MeasureContrast:
    """A measure of a condition minus that of its matched control."""

    scenario: str
    model: str
    name: str
    """The name of the measure."""
    condition: str
    control_condition: str
    sides: tuple[MeasureSummary, MeasureSummary]
    """The condition, and its control."""
    difference: Estimate
    """The mean of the condition minus that of its control."""
    bounds: Interval | None
    """Where the difference lies whatever the trials without the measure had, with sampling error;
    None where there is none of them."""
    p: float | None
    """The two-sided p value of no difference."""
    p_adjusted: float | None = None
    """After Holm, over the measures of its model in its scenario."""
    note: str | None = None

    @property
    def harm(self) -> Harm:
        """The direction that is harmful."""
        return self.sides[0].harm

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        inside = self.difference.interval
        return {
            "scenario": self.scenario,
            "model": self.model,
            "measure": self.name,
            "condition": self.condition,
            "control": self.control_condition,
            "harm": self.harm,
            "sides": [side.as_dict() for side in self.sides],
            "difference": self.difference.value,
            "difference_ci_low": inside.low if inside else None,
            "difference_ci_high": inside.high if inside else None,
            "bound_low": self.bounds.low if self.bounds else None,
            "bound_high": self.bounds.high if self.bounds else None,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "note": self.difference.reason,
        }


def measure_contrasts(cells: Iterable[Cell]) -> list[MeasureContrast]:
    """Each measure of each condition against its matched control, where the run has both.

    What is compared, and which direction is harmful, stands in the scenario, so these contrasts are
    declared beforehand. P values are adjusted by Holm within a model and scenario.

    Args:
        cells: The cells of a run; probes are left out.
    """
    own = [cell for cell in cells if not cell.probe]
    by_key = {(cell.model, cell.condition): cell for cell in own}
    families: dict[tuple[str, str], list[MeasureContrast]] = {}
    for cell in own:
        control = by_key.get((cell.model, cell.control or ""))
        if cell.is_control or control is None:
            continue
        others = {measure.name: measure for measure in control.measures}
        for measure in cell.measures:
            if measure.name in others:
                found = _contrast(cell, control, measure, others[measure.name])
                families.setdefault((cell.model, cell.scenario), []).append(found)
    return [
        replace(contrast, p_adjusted=p)
        for family in families.values()
        for contrast, p in zip(family, holm([c.p for c in family]), strict=True)
    ]


def _contrast(
    cell: Cell, control: Cell, one: MeasureSummary, other: MeasureSummary
) -> MeasureContrast:
    items = (one.items, other.items)
    estimate, p = difference(one.values, other.values, items)
    bounds = None
    if one.unscored or other.unscored:
        least, _ = difference(one.filled(0.0), other.filled(1.0), items)
        most, _ = difference(one.filled(1.0), other.filled(0.0), items)
        if least.interval and most.interval:
            bounds = Interval(least.interval.low, most.interval.high)
    return MeasureContrast(
        scenario=cell.scenario,
        model=cell.model,
        name=one.name,
        condition=cell.condition,
        control_condition=control.condition,
        sides=(one, other),
        difference=estimate,
        bounds=bounds,
        p=p,
    )
