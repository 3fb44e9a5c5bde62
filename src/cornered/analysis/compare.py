"""Comparison of two models or two checkpoints, paired by condition, with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cornered.analysis.estimands import (
    Contrast,
    CountedVerdict,
    Pair,
    adjusted,
    draw_contrast,
    pair_contrast,
    rate_of,
    share_draws,
    trial_verdict,
    verdict_of,
)
from cornered.analysis.names import distinct, words_besides
from cornered.analysis.paired import Paired, PairedByDraw, Stratum, paired, paired_by_draw
from cornered.analysis.pairing import at_level, control_pairs, matched
from cornered.analysis.rates import Rate
from cornered.analysis.stats import Difference, Estimate, Interval, PValue
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.analysis.wording import contrast_sides, contrast_words, points_span
from cornered.errors import InputError
from cornered.nearest import did_you_mean
from cornered.scenario.condition import Condition

JUDGE, JUDGED = "the judge", "what is judged"
VIEW, RUBRIC = "what the judge is shown", "the rubric"
RULES = (JUDGE, JUDGED, VIEW, RUBRIC)
"""The settings that make one rule of what is harmful."""
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


@dataclass(frozen=True)
class ScenarioComparison:
    """The comparison in one scenario; scenarios are never pooled."""

    scenario: str
    contrast: Contrast
    """Over all conditions but the controls, with equal weights, and over the controls; within
    draws where all conditions have drawn prompts."""
    same_rule: bool
    """Whether the verdicts of both sides were made by one judge with one rubric, or by code."""
    conflict: Paired
    """Condition by condition, without the controls."""
    control: Paired
    """The controls."""
    by_draw: PairedByDraw | None
    """The trials with the same drawn cast; None if no condition varies the cast."""
    screened: tuple[str, ...]
    """Names of the sides that the controls screen out."""
    unexposed: tuple[int, int]
    """Unexposed trials of each side, controls left out; they are in no rate and in no bounds."""
    words: tuple[str, str] | None = None
    """The two levels that are compared within a model, in words."""

    @property
    def verdict(self) -> CountedVerdict:
        """The verdict that is compared: harmful if both sides have a judge, else the act."""
        return self.contrast.verdict


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
    between: Between | None = None
    """The levels of a factor that are compared; None where models or runs are."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the data support in each scenario, in words."""
        return tuple(sentence(of, self.a.name, self.b.name) for of in self.scenarios)

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain values; differences are A minus B, in rates."""
        return as_dict(self)


class Comparisons(tuple[Comparison, ...]):
    """Several comparisons, whose p values are one family; each is a `Comparison`."""

    __slots__ = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the data support in each comparison and scenario, in words."""
        return tuple(words for comparison in self for words in comparison.sentences)

    def as_dict(self) -> dict[str, Any]:
        """As `cornered compare --json` prints them."""
        return all_as_dict(self)


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
        what = f"has no trials of {chosen or 'any model'}"
        fix = did_you_mean(chosen, models) or (f"it has {', '.join(models)}" if models else "")
        # A side that is named for its model has no name of its own.
        raise InputError(what if name != chosen else f"the run {what}", where=name, fix=fix)
    return Side(
        name,
        chosen,
        [c for c in cells if c.model == chosen],
        [t for t in trials if t.model == chosen],
        settings,
    )


def compare(a: Side, b: Side, between: Between | None = None) -> Comparison:
    """Compares two sides on the conditions that both have.

    Args:
        a: The first.
        b: The second.
        between: The levels of a factor of which A has one and B the other.

    Raises:
        InputError: they share no condition, or a side lacks the level.
    """
    if between:
        sides = _at_level(a, between.factor, between.a), _at_level(b, between.factor, between.b)
        apart = (a.name, a.model) != (b.name, b.model)
        a, b = (
            replace(
                of,
                name=f"{of.name} {between.factor}={level}"
                if apart
                else f"{between.factor}={level}",
            )
            for of, level in ((a, between.a), (b, between.b))
        )
    else:
        sides = _acting(a), _acting(b)
    pairs = _matched(*sides, between.factor) if between else _same(*sides)
    if not pairs:
        raise InputError(
            "share no condition", where=f"{a.name} and {b.name}", fix="run the same experiment"
        )
    paired_up = {id(cell) for pair in pairs for cell in pair}
    made = [
        _scenario(a, b, [pair for pair in pairs if pair[0].scenario == scenario], between)
        for scenario in dict.fromkeys(cell.scenario for cell, _ in pairs)
    ]
    return Comparison(
        a,
        b,
        tuple(made),
        tuple(sorted({c.condition for own in sides for c in own if id(c) not in paired_up})),
        tuple(
            f"{what} differs: {a.settings[what] or 'none'} and {b.settings[what] or 'none'}"
            for what in a.settings
            if a.settings[what] != b.settings.get(what)
        ),
        between,
    )


def compared_in_one_family(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with the p values of all their scenarios adjusted together."""
    contrasts = iter(adjusted([s.contrast for c in comparisons for s in c.scenarios]))
    return [
        replace(c, scenarios=tuple(replace(s, contrast=next(contrasts)) for s in c.scenarios))
        for c in comparisons
    ]


def _acting(of: Side) -> list[Cell]:
    return [cell for cell in of.cells if not cell.probe]


def _same(one: Sequence[Cell], other: Sequence[Cell]) -> list[Pair]:
    by_name = {cell.condition: cell for cell in other}
    return [(cell, by_name[cell.condition]) for cell in one if cell.condition in by_name]


def _matched(one: Sequence[Cell], other: Sequence[Cell], factor: str) -> list[Pair]:
    scenarios = dict.fromkeys(cell.scenario for cell in one)
    return [
        pair
        for scenario in scenarios
        for pair in matched(
            [cell for cell in one if cell.scenario == scenario],
            [cell for cell in other if cell.scenario == scenario],
            factor,
        )
    ]


def _at_level(of: Side, factor: str, level: str) -> list[Cell]:
    cells = at_level(_acting(of), factor, level)
    if not cells:
        known = dict.fromkeys(str(cell.choice.levels.get(factor, "")) for cell in of.cells)
        raise InputError(
            f"has no condition with {factor}={level}",
            where=of.name,
            fix=f"its levels are {', '.join(filter(None, known)) or 'none: it has no such factor'}",
        )
    return cells


def _scenario(
    a: Side, b: Side, pairs: Sequence[Pair], between: Between | None
) -> ScenarioComparison:
    conflict, control = control_pairs(pairs)
    verdict = verdict_of(cell for pair in pairs for cell in pair)
    names = (between.factor, between.a, between.b) if between else ("model", a.model, b.model)
    of_models = a.model != b.model
    contrast = pair_contrast(
        "between" if between or not of_models else "model",
        conflict,
        model=(a.model, b.model) if of_models or not between else a.model,
        names=names,
        control=control,
        verdict=verdict,
    )
    contrast = replace(contrast, scenario=pairs[0][0].scenario)
    if share_draws(conflict):
        trials = [(_trials(a, one), _trials(b, other)) for one, other in conflict]
        drawn = draw_contrast(contrast, conflict, trials)
        contrast = replace(drawn, control=contrast.control)
    varied = [pair for pair in conflict if share_draws([pair])]
    words = distinct(
        {_pair_name(one, between): _pair_words(one, between) for one, _ in (*conflict, *control)}
    )
    return ScenarioComparison(
        scenario=contrast.scenario,
        contrast=contrast,
        same_rule=verdict != "harmful"
        or all(a.settings.get(rule) == b.settings.get(rule) for rule in RULES),
        conflict=paired([_stratum(*pair, verdict, between, words) for pair in conflict]),
        control=paired([_stratum(*pair, verdict, between, words) for pair in control]),
        by_draw=paired_by_draw(d for pair in varied for d in _draws(a, b, pair, verdict))
        if varied
        else None,
        screened=tuple(
            of.name for of, cell in zip((a, b), pairs[0], strict=True) if cell.screened_out
        ),
        unexposed=(
            sum(one.unexposed for one, _ in conflict),
            sum(other.unexposed for _, other in conflict),
        ),
        words=contrast_sides(contrast, pairs[0][0].choice.naming)
        if isinstance(contrast.model, str)
        else None,
    )


def _stratum(
    one: Cell,
    other: Cell,
    verdict: CountedVerdict,
    between: Between | None,
    words: Mapping[str, str],
) -> Stratum:
    a, b = rate_of(one, verdict), rate_of(other, verdict)
    name = _pair_name(one, between)
    counts = (a.successes, a.n, b.successes, b.n)
    return Stratum(name, *counts, words[name], _silent(a), _silent(b))


def _silent(rate: Rate) -> Estimate | None:
    """A rate on some of whose trials the judge was silent; None for any other."""
    return Estimate(rate.rate, rate.interval, None) if rate.strata else None


def _pair_name(one: Cell, between: Between | None) -> str:
    return _without(one.choice, between.factor) if between else one.condition


def _pair_words(one: Cell, between: Between | None) -> str:
    """What both conditions of a pair are called, without the level that tells them apart."""
    return words_besides(one.choice, between.factor if between else "")


def _without(choice: Condition, factor: str) -> str:
    """The name of a condition whatever the level of a factor."""
    extra = "".join(f"+{name}={level}" for name, level in choice.extra if name != factor)
    return (
        "/".join([choice.pack_name, *choice.naming.written(choice.levels | {factor: "*"})]) + extra
    )


def _trials(of: Side, cell: Cell) -> list[TrialResult]:
    return [t for t in of.trials if t.condition == cell.condition and not t.unexposed]


def _draws(
    a: Side, b: Side, pair: Pair, verdict: CountedVerdict
) -> Iterable[tuple[bool | None, bool | None]]:
    """The verdicts on each draw that both saw: a trial's id is the seed of its cast.

    A draw that was unexposed on either side is no pair.
    """
    of_b = {t.id: trial_verdict(t, verdict) for t in _trials(b, pair[1])}
    for trial in _trials(a, pair[0]):
        if trial.id in of_b:
            yield trial_verdict(trial, verdict), of_b[trial.id]


def sentence(compared: ScenarioComparison, a: str, b: str) -> str:
    """The conclusion that the data support in one scenario, in words.

    Args:
        compared: The comparison.
        a: Name of the first side.
        b: Name of the second side.
    """
    contrast, uneven = compared.contrast, compared.contrast.heterogeneity
    first, second = compared.words or (a, b)
    told = contrast_words(contrast, first, second, declared=True, same_rule=compared.same_rule)
    words = f"{compared.scenario}, {_conditions(contrast.cells)}: {told}"
    if uneven is not None and uneven.p < UNEVEN and contrast.spread:
        words += (
            f" It is not the same in all of them ({points_span(Interval(*contrast.spread))} "
            f"points, p = {uneven.p:.2g}): read them one by one."
        )
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


def all_as_dict(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """One comparison as plain values; of several the family, in `comparisons`."""
    if len(comparisons) == 1:
        return comparisons[0].as_dict()
    return {"comparisons": [comparison.as_dict() for comparison in comparisons]}


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
                "contrast": s.contrast.as_dict(),
                "same_rule": s.same_rule,
                "bounds": {
                    "low": s.contrast.bounds.low if s.contrast.bounds else None,
                    "high": s.contrast.bounds.high if s.contrast.bounds else None,
                    "unscored": sum(side.unscored for side in s.contrast.sides),
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
