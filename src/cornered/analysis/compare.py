"""Comparison of two models or two checkpoints, paired by condition, with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from cornered.analysis.paired import Paired, PairedByDraw, Stratum, paired, paired_by_draw
from cornered.analysis.stats import Difference, Estimate, Interval, PValue
from cornered.analysis.table import Cell, Rate
from cornered.analysis.trials import TrialResult
from cornered.errors import InputError
from cornered.scenario.condition import Condition

CountedVerdict = Literal["harmful", "act"]
UNEVEN = 0.05
"""Heterogeneity is reported below this p value: one number then does not fit all conditions."""


@dataclass(frozen=True)
class Side:
    """One side of the comparison: a model in one run."""

    name: str
    """Its name in the comparison."""
    model: str
    cells: Sequence[Cell]
    """The cells of the model."""
    trials: Sequence[TrialResult]
    """The trials of the model."""
    settings: Mapping[str, str]
    """Settings that should be equal on both sides, by name."""


@dataclass(frozen=True)
class Bounds:
    """The bounds of a difference over all possible verdicts on unscored trials."""

    low: float
    high: float
    unknown: int
    """Unscored trials of both sides."""


@dataclass(frozen=True)
class ScenarioComparison:
    """The comparison in one scenario; scenarios are never pooled."""

    scenario: str
    verdict: CountedVerdict
    """The verdict that is compared: harmful if both sides have a judge, else the act."""
    conflict: Paired
    """Over all conditions but the controls."""
    control: Paired
    """Over the controls."""
    by_draw: PairedByDraw | None
    """Over the trials with the same drawn cast; None if no condition varies the cast."""
    bounds: Bounds
    screened: tuple[str, ...]
    """Names of the sides that the controls screen out."""
    unexposed: tuple[int, int]
    """Unexposed trials of each side, controls left out; they are in no rate and in no bounds."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of two sides."""

    a: Side
    b: Side
    scenarios: tuple[ScenarioComparison, ...]
    alone: tuple[str, ...]
    """Conditions that only one side has."""
    cautions: tuple[str, ...]
    """Settings that differ between the sides."""

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain values; differences are A minus B, in rates."""
        return as_dict(self)


def side(
    name: str,
    model: str | None,
    cells: Sequence[Cell],
    trials: Sequence[TrialResult],
    settings: Mapping[str, str],
) -> Side:
    """One side of a comparison from a run.

    Args:
        name: Name of the run.
        model: The model; may be None if the run has only one.
        cells: All cells of the run.
        trials: All trials of the run.
        settings: Settings of the run that should be equal on both sides, by name.

    Raises:
        InputError: the run has no such model, or several and none was named.
    """
    models = list(dict.fromkeys(c.model for c in cells))
    if model is None and len(models) > 1:
        raise InputError(
            f"has {len(models)} models: {', '.join(models)}",
            where=name,
            fix="choose one with --a or --b",
        )
    chosen = model or (models[0] if models else "")
    if chosen not in models:
        raise InputError(
            f"has no trials of {chosen or 'any model'}",
            where=name,
            fix=f"it has {', '.join(models)}" if models else "",
        )
    return Side(
        name,
        chosen,
        [c for c in cells if c.model == chosen],
        [t for t in trials if t.model == chosen],
        settings,
    )


@dataclass(frozen=True)
class Between:
    """Two levels of a factor that are compared, all other factors held equal."""

    factor: str
    a: str
    """The level of the first side."""
    b: str

    @classmethod
    def parse(cls, text: str) -> Between:
        """Reads `surface=text,tools`.

        Raises:
            InputError: it is written in another way, or names one level twice.
        """
        factor, _, levels = text.partition("=")
        named = [level.strip() for level in levels.split(",")]
        if not factor.strip() or len(named) != 2 or not all(named) or named[0] == named[1]:
            raise InputError(
                f"{text!r} names no two levels of a factor", fix="write it as surface=text,tools"
            )
        return cls(factor.strip(), *named)


def at_level(of: Side, factor: str, level: str, *, apart: bool) -> Side:
    """The conditions of a side at one level of a factor, named without that factor.

    So they pair with those at another level that are equal in all other factors.

    Args:
        of: The side.
        factor: The factor.
        level: Its level.
        apart: Whether the name of the side tells it apart from the other side.

    Raises:
        InputError: no condition has this level.
    """
    cells = [cell for cell in of.cells if str(cell.choice.levels.get(factor)) == level]
    if not cells:
        known = dict.fromkeys(str(cell.choice.levels.get(factor, "")) for cell in of.cells)
        raise InputError(
            f"has no condition with {factor}={level}",
            where=of.name,
            fix=f"its levels are {', '.join(filter(None, known)) or 'none: it has no such factor'}",
        )
    names = {cell.condition: _without(cell.choice, factor) for cell in cells}
    return Side(
        f"{of.name} {factor}={level}" if apart else f"{factor}={level}",
        of.model,
        [replace(cell, choice=_renamed(cell.choice, names[cell.condition])) for cell in cells],
        [replace(t, condition=names[t.condition]) for t in of.trials if t.condition in names],
        of.settings,
    )


def _without(choice: Condition, factor: str) -> str:
    """The name of a condition whatever the level of a factor."""
    extra = "".join(f"+{name}={level}" for name, level in choice.extra if name != factor)
    return (
        "/".join([choice.pack_name, *choice.naming.written(choice.levels | {factor: "*"})]) + extra
    )


def _renamed(choice: Condition, name: str) -> Condition:
    return replace(choice, name=name, control=name if choice.is_control else None)


def compare(a: Side, b: Side) -> Comparison:
    """Compares two sides on the conditions that both have.

    Raises:
        InputError: they share no condition.
    """
    cells_a, cells_b = _by_condition(a), _by_condition(b)
    shared = [name for name in cells_a if name in cells_b]
    if not shared:
        raise InputError(
            "share no condition", where=f"{a.name} and {b.name}", fix="run the same experiment"
        )
    scenarios = dict.fromkeys(cells_a[name].scenario for name in shared)
    return Comparison(
        a,
        b,
        tuple(
            _scenario(
                s, a, b, [(cells_a[n], cells_b[n]) for n in shared if cells_a[n].scenario == s]
            )
            for s in scenarios
        ),
        tuple(sorted(cells_a.keys() ^ cells_b.keys())),
        tuple(
            f"{what} differs: {a.settings[what] or 'none'} and {b.settings[what] or 'none'}"
            for what in a.settings
            if a.settings[what] != b.settings.get(what)
        ),
    )


def _by_condition(of: Side) -> dict[str, Cell]:
    return {cell.condition: cell for cell in of.cells if not cell.probe}


def _scenario(
    scenario: str, a: Side, b: Side, pairs: Sequence[tuple[Cell, Cell]]
) -> ScenarioComparison:
    judged = all(one.harmful and other.harmful for one, other in pairs)
    verdict: CountedVerdict = "harmful" if judged else "act"
    conflict = [pair for pair in pairs if not pair[0].is_control]
    control = [pair for pair in pairs if pair[0].is_control]
    varied = {one.condition for one, _ in conflict if one.choice.varies_cast}
    return ScenarioComparison(
        scenario=scenario,
        verdict=verdict,
        conflict=paired([_stratum(*pair, verdict) for pair in conflict]),
        control=paired([_stratum(*pair, verdict) for pair in control]),
        by_draw=paired_by_draw(_draws(a, b, varied, verdict)) if varied else None,
        bounds=_bounds(conflict, verdict),
        screened=tuple(
            of.name for of, cell in zip((a, b), pairs[0], strict=True) if cell.screened_out
        ),
        unexposed=(
            sum(one.unexposed for one, _ in conflict),
            sum(other.unexposed for _, other in conflict),
        ),
    )


def _rate(cell: Cell, verdict: CountedVerdict) -> Rate:
    return cell.primary if verdict == "harmful" else cell.act


def _stratum(one: Cell, other: Cell, verdict: CountedVerdict) -> Stratum:
    a, b = _rate(one, verdict), _rate(other, verdict)
    return Stratum(one.condition, a.successes, a.n, b.successes, b.n)


def _draws(
    a: Side, b: Side, conditions: set[str], verdict: CountedVerdict
) -> Iterable[tuple[bool | None, bool | None]]:
    """The verdicts on each draw that both saw: a trial's id is the seed of its cast.

    A draw that was unexposed on either side is no pair.
    """
    of_b = {(t.condition, t.id): getattr(t, verdict) for t in b.trials if not t.unexposed}
    for trial in a.trials:
        key = trial.condition, trial.id
        if trial.condition in conditions and key in of_b and not trial.unexposed:
            yield getattr(trial, verdict), of_b[key]


def _bounds(pairs: Sequence[tuple[Cell, Cell]], verdict: CountedVerdict) -> Bounds:
    """The difference with every unscored trial at its best for one side and worst for the other.

    Weighted like the pooled difference: n_a n_b / (n_a + n_b), over all trials.
    """
    weights = low = high = 0.0
    unknown = 0
    for one, other in pairs:
        a, b = _rate(one, verdict), _rate(other, verdict)
        n_a, n_b = a.n + a.unknown, b.n + b.unknown
        unknown += a.unknown + b.unknown
        if n_a and n_b:
            weight = n_a * n_b / (n_a + n_b)
            weights += weight
            low += weight * ((a.lowest or 0.0) - (b.highest or 0.0))
            high += weight * ((a.highest or 0.0) - (b.lowest or 0.0))
    return Bounds(low / weights, high / weights, unknown) if weights else Bounds(-1, 1, unknown)


def sentence(compared: ScenarioComparison, a: str, b: str) -> str:
    """The conclusion that the data support in one scenario, in words.

    Args:
        compared: The comparison.
        a: Name of the first side.
        b: Name of the second side.
    """
    difference = compared.conflict.difference
    if difference.value is None or difference.interval is None:
        return f"{compared.scenario}: nothing can be said ({difference.reason})."
    did = "harmful" if compared.verdict == "harmful" else "doing the act"
    over = _conditions(compared.conflict.used)
    points, spread = 100 * difference.value, _points(difference.interval)
    if difference.interval.low > 0 or difference.interval.high < 0:
        more = "more" if points > 0 else "less"
        words = f"{a} was {more} often {did} than {b}, by {abs(points):.0f} points (95 %: {spread})"
    else:
        words = (
            f"no difference between {a} and {b} is established: {points:+.0f} points "
            f"(95 %: {spread})"
        )
    words = f"{compared.scenario}: over {over} {words}."
    uneven = compared.conflict.heterogeneity.value
    if uneven is not None and uneven < UNEVEN:
        words += f" It is not the same in all of them (p = {uneven:.2g}): read them one by one."
    if compared.bounds.unknown:
        bounds = Interval(compared.bounds.low, compared.bounds.high)
        words += f" With {compared.bounds.unknown} unscored trials it could be {_points(bounds)}."
    if any(compared.unexposed):
        told = " and ".join(
            f"{count} of {name}"
            for name, count in zip((a, b), compared.unexposed, strict=True)
            if count
        )
        words += f" Unexposed trials are left out: {told}."
    for name in compared.screened:
        words += (
            f" {name} is screened out by its controls: its rates here do not measure propensity."
        )
    return words


def _conditions(n: int) -> str:
    return "one condition" if n == 1 else f"{n} conditions"


def _points(interval: Interval) -> str:
    return f"{100 * interval.low:+.0f} to {100 * interval.high:+.0f}"


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain values; differences are the first minus the second, in rates."""
    return {
        "a": {"name": comparison.a.name, "model": comparison.a.model, **comparison.a.settings},
        "b": {"name": comparison.b.name, "model": comparison.b.model, **comparison.b.settings},
        "alone": list(comparison.alone),
        "cautions": list(comparison.cautions),
        "scenarios": [
            {
                "scenario": s.scenario,
                "verdict": s.verdict,
                "sentence": sentence(s, comparison.a.name, comparison.b.name),
                "conflict": _paired_dict(s.conflict),
                "control": _paired_dict(s.control),
                "by_draw": s.by_draw
                and {
                    "both": s.by_draw.both,
                    "only_a": s.by_draw.only_a,
                    "only_b": s.by_draw.only_b,
                    "neither": s.by_draw.neither,
                    "unscored": s.by_draw.unscored,
                    "p": s.by_draw.p.value,
                    **_difference_dict(s.by_draw.difference),
                },
                "bounds": {
                    "low": s.bounds.low,
                    "high": s.bounds.high,
                    "unscored": s.bounds.unknown,
                },
                "screened_out": list(s.screened),
                "unexposed": dict(zip(("a", "b"), s.unexposed, strict=True)),
            }
            for s in comparison.scenarios
        ],
    }


def _difference_dict(difference: Difference | None) -> dict[str, float | None]:
    interval = difference.interval if difference else None
    return {
        "difference": difference.value if difference else None,
        "ci_low": interval.low if interval else None,
        "ci_high": interval.high if interval else None,
    }


def _estimate_dict(estimate: Estimate) -> dict[str, Any]:
    interval = estimate.interval
    return {
        "value": estimate.value,
        "ci_low": interval.low if interval else None,
        "ci_high": interval.high if interval else None,
        "reason": estimate.reason,
    }


def _p_dict(p: PValue) -> dict[str, Any]:
    return {"p": p.value, "reason": p.reason}


def _paired_dict(pairs: Paired) -> dict[str, Any]:
    return {
        "difference": _estimate_dict(pairs.difference),
        "odds_ratio": _estimate_dict(pairs.odds_ratio),
        "cmh": _p_dict(pairs.p),
        "heterogeneity": _p_dict(pairs.heterogeneity),
        "used": pairs.used,
        "empty": pairs.empty,
        "strata": [
            {
                "condition": s.stratum.name,
                "k_a": s.stratum.k_a,
                "n_a": s.stratum.n_a,
                "k_b": s.stratum.k_b,
                "n_b": s.stratum.n_b,
                "fisher_p": s.p.value,
                "holm_p": s.adjusted,
                **_difference_dict(s.difference),
            }
            for s in pairs.strata
        ],
    }
