"""Two models or two checkpoints, paired by condition: what differs, and how sure one can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cornered.analysis.paired import Paired, PairedByDraw, Stratum, paired, paired_by_draw
from cornered.analysis.stats import Difference, Estimate, Interval, PValue
from cornered.analysis.table import Cell, Rate, TrialResult
from cornered.errors import InputError

CountedVerdict = Literal["harmful", "act"]
UNEVEN = 0.05
"""Heterogeneity below this p is reported: one number does not stand for all conditions then."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: a model as it did in one run."""

    name: str
    """What it is called here."""
    model: str
    cells: Sequence[Cell]
    """Those of the model."""
    trials: Sequence[TrialResult]
    """Those of the model."""
    made: Mapping[str, str]
    """How its verdicts and answers were made, name to value: what should be equal on both sides."""


@dataclass(frozen=True)
class Bounds:
    """What a difference could be if every unscored trial went one way or the other."""

    low: float
    high: float
    unknown: int
    """Unscored trials of both."""


@dataclass(frozen=True)
class ScenarioComparison:
    """The two in one scenario; scenarios are never pooled."""

    scenario: str
    verdict: CountedVerdict
    """What is compared: harmful where both have a judge, else the act."""
    conflict: Paired
    """Over all conditions but the controls."""
    control: Paired
    """Over the controls."""
    by_draw: PairedByDraw | None
    """Over the trials that share their drawn cast; None where no condition varies it."""
    bounds: Bounds
    screened: tuple[str, ...]
    """Names of those that the controls screen out here."""


@dataclass(frozen=True)
class Comparison:
    """Two compared."""

    a: Side
    b: Side
    scenarios: tuple[ScenarioComparison, ...]
    alone: tuple[str, ...]
    """Conditions that only one of them has."""
    cautions: tuple[str, ...]
    """What else differs between them."""

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain values; differences are A minus B, in rates."""
        return as_dict(self)


def side(
    name: str,
    model: str | None,
    cells: Sequence[Cell],
    trials: Sequence[TrialResult],
    made: Mapping[str, str],
) -> Side:
    """A model of a run.

    Args:
        name: What the run is called.
        model: Which; may be None where the run has one.
        cells: All of the run.
        trials: All of the run.
        made: How the run was made.

    Raises:
        InputError: the run has no such model, or several and none was named.
    """
    models = list(dict.fromkeys(c.model for c in cells))
    if model is None and len(models) > 1:
        raise InputError(
            f"has {len(models)} models: {', '.join(models)}",
            where=name,
            fix="say which with --a or --b",
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
        made,
    )


def compare(a: Side, b: Side) -> Comparison:
    """Compares two on the conditions that both have.

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
            f"{what} differs: {a.made[what] or 'none'} and {b.made[what] or 'none'}"
            for what in a.made
            if a.made[what] != b.made.get(what)
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
    )


def _rate(cell: Cell, verdict: CountedVerdict) -> Rate:
    return cell.primary if verdict == "harmful" else cell.act


def _stratum(one: Cell, other: Cell, verdict: CountedVerdict) -> Stratum:
    a, b = _rate(one, verdict), _rate(other, verdict)
    return Stratum(one.condition, a.successes, a.n, b.successes, b.n)


def _draws(
    a: Side, b: Side, conditions: set[str], verdict: CountedVerdict
) -> Iterable[tuple[bool | None, bool | None]]:
    """The verdicts on each draw that both saw: a trial's id is the seed of its cast."""
    of_b = {(t.condition, t.id): getattr(t, verdict) for t in b.trials}
    for trial in a.trials:
        key = trial.condition, trial.id
        if trial.condition in conditions and key in of_b:
            yield getattr(trial, verdict), of_b[key]


def _bounds(pairs: Sequence[tuple[Cell, Cell]], verdict: CountedVerdict) -> Bounds:
    """Every unscored trial at its worst for the one and its best for the other, and reversed.

    Weighed as the pooled difference is: n_a n_b / (n_a + n_b), over all trials.
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
    """What may honestly be said of the two in one scenario, in words.

    Args:
        compared: The comparison.
        a: What the first is called.
        b: What the second is called.
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
        "a": {"name": comparison.a.name, "model": comparison.a.model, **comparison.a.made},
        "b": {"name": comparison.b.name, "model": comparison.b.model, **comparison.b.made},
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
