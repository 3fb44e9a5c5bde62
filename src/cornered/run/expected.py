"""What a plan expects of its hypotheses: their power, and what its numbers can never show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, log
from typing import TYPE_CHECKING, Any, Literal

from cornered.analysis.power import POWER, PlannedTest, TestPower, family_power
from cornered.analysis.reference import matching
from cornered.analysis.stopping import SCREEN_TRIALS, rule_for
from cornered.analysis.wording import COUNTS_ONLY, LEAST_A_SIDE
from cornered.experiment import Experiment
from cornered.hypotheses import DeclaredContrast
from cornered.samples import Samples, max_samples
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition

if TYPE_CHECKING:
    from cornered.analysis.hypotheses import DeclaredTest
    from cornered.analysis.table import Cell

SAME = 1e-9
"""Assumed rates that differ by no more are equal."""
ONE_TEXT = 50
"""Trials of one text from which more trials say little, and more texts much."""
LESS: Mapping[str, tuple[float, ...]] = {
    "arm": (0.2, 0.4),
    "model": (0.2, 0.4),
    "interaction": (0.6, 0.2, 0.2, 0.2),
}
"""Rates of each side where the experiment assumes none and none are published: an arm or a model
that halves a rate of 40 %; two factors that come to 40 points more together than each alone."""
SOURCES = {
    "assumed": "assumed in the experiment",
    "published": "published rates of the same conditions",
    "default": "neither assumed nor published: 40 % and half of it; of one rate a fifth of what it "
    "is to be below, or twice what it is to be above",
}

Source = Literal["assumed", "published", "default"]


@dataclass(frozen=True)
class ExpectedTest:
    """A declared test before its trials."""

    name: str
    scenario: str
    model: str
    """Both, joined with ` against `, where models are compared."""
    family: str
    family_size: int
    """Tests over which its p value is adjusted."""
    conditions: int
    """Conditions, or pairs of them, that are averaged."""
    n: int
    """Trials of each cell, at most."""
    rates: tuple[float, ...]
    """Assumed rates of its sides: the first and the second; of an interaction both factors, each
    alone, and neither; of a rate the one. Means over conditions."""
    source: Source
    """Where the rates come from."""
    power: float | None
    """Chance that the difference is told, the way it is assumed; None where none is assumed."""
    margin: float | None
    equivalence: float | None
    """Chance that equivalence is shown, if the rates were equal; None without a margin."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values; rates and chances between 0 and 1."""
        return asdict(self) | {"rates": list(self.rates)}


def expected_tests(experiment: Experiment) -> list[ExpectedTest]:
    """The power of exactly the declared hypotheses, for the analysis that is reported.

    Raises:
        ExperimentError: no two conditions differ in what a hypothesis compares.
    """
    if not experiment.hypotheses:
        return []
    # Cells and trials are slow to import, and a plan without hypotheses needs none.
    from cornered.run.hypotheses import experiment_tests, planned_cells

    tests = experiment_tests(experiment, planned_cells(experiment))
    n = max_samples(experiment.samples)
    rates = [_assumed(test) for test in tests]
    planned = [_planned(test, of_cells) for test, (of_cells, _) in zip(tests, rates, strict=True)]
    families: dict[str, list[int]] = {}
    for at, test in enumerate(tests):
        families.setdefault(test.hypothesis.family, []).append(at)
    powers: dict[int, TestPower] = {}
    for members in families.values():
        found = family_power([planned[at] for at in members], n)
        powers |= dict(zip(members, found, strict=True))
    return [
        ExpectedTest(
            name=test.hypothesis.label,
            scenario=test.scenario,
            model=test.model if isinstance(test.model, str) else " against ".join(test.model),
            family=test.hypothesis.family,
            family_size=len(families[test.hypothesis.family]),
            conditions=len(test.conditions),
            n=n,
            rates=tuple(sum(column) / len(column) for column in zip(*rates[at][0], strict=True)),
            source=rates[at][1],
            power=powers[at].power if abs(planned[at].difference) > SAME else None,
            margin=test.hypothesis.margin,
            equivalence=powers[at].equivalence,
        )
        for at, test in enumerate(tests)
    ]


def _assumed(test: DeclaredTest) -> tuple[list[tuple[float, ...]], Source]:
    """For each condition of a test the rates of its cells, and where they come from."""
    hypothesis = test.hypothesis
    if hypothesis.assume is not None:
        return [hypothesis.assume] * len(test.conditions), "assumed"
    published = [[_published(cell) for cell in cells] for cells in test.conditions]
    known = [tuple(rate for rate in rates if rate is not None) for rates in published]
    if all(len(rates) == len(test.signs) for rates in known):
        return known, "published"
    if hypothesis.contrast.threshold is not None:
        below, above = hypothesis.contrast.below, hypothesis.contrast.above
        one = (below or 0.0) / 5 if above is None else min(0.99, 2 * above)
        return [(one,)] * len(test.conditions), "default"
    usual = LESS[hypothesis.contrast.kind]
    if _reversed(hypothesis.contrast, hypothesis.direction):
        usual = tuple(reversed(usual)) if len(usual) == 2 else (0.2, 0.4, 0.4, 0.2)
    return [usual] * len(test.conditions), "default"


def _reversed(contrast: DeclaredContrast, direction: str | None) -> bool:
    """Whether the usual assumption goes against the declared direction."""
    usual = "more" if contrast.kind == "interaction" else "less"
    return direction is not None and direction != usual


def _published(cell: Cell) -> float | None:
    found = matching(cell.model, cell.choice)
    return found[0].row.rate if found else None


def _planned(test: DeclaredTest, rates: Sequence[tuple[float, ...]]) -> PlannedTest:
    weights: dict[tuple[str, str], float] = {}
    assumed: dict[tuple[str, str], float] = {}
    for cells, of_cells in zip(test.conditions, rates, strict=True):
        for sign, cell, rate in zip(test.signs, cells, of_cells, strict=True):
            key = cell.model, cell.condition
            weights[key] = weights.get(key, 0.0) + sign / len(test.conditions)
            assumed[key] = rate
    hypothesis = test.hypothesis
    side = hypothesis.direction or hypothesis.contrast.side or ""
    return PlannedTest(
        tuple(weights.values()),
        tuple(assumed.values()),
        hypothesis.margin,
        {"more": 1, "less": -1}.get(side, 0),
        hypothesis.contrast.threshold,
    )


def is_screen(condition: Condition) -> bool:
    """Whether it is a control by which its scenario screens models: no rule stops it before 100."""
    control = condition.is_control and not condition.is_probe
    return control and load_pack(condition.scenario).spec.screen is not None


def plan_warnings(experiment: Experiment, expected: Sequence[ExpectedTest]) -> list[str]:
    """What the numbers of an experiment can never show, each in a sentence with what to do."""
    return [
        *_few(experiment),
        *_never_below(experiment),
        *_small_screens(experiment),
        *_one_text(experiment),
        *_weak(expected),
    ]


def _few(experiment: Experiment) -> Iterator[str]:
    n = max_samples(experiment.samples)
    if n < COUNTS_ONLY:
        yield f"n = {n}: the report gives counts; from n = {COUNTS_ONLY} on it gives rates."
    if n < LEAST_A_SIDE:
        yield (
            f"n = {n}: no cell will be called more or less often than another; that needs "
            f"{LEAST_A_SIDE} scored trials a side."
        )


def _never_below(experiment: Experiment) -> Iterator[str]:
    samples = experiment.samples
    rule = rule_for(samples)
    if rule is None or not isinstance(samples, Samples) or samples.above is None:
        return
    said = f"above: {100 * samples.above:g}%"
    needed = ceil(log(0.025) / log(1 - samples.above))
    stop = next((s for look in rule.looks if (s := rule.decide(0, look))), None)
    if stop is None:
        yield (
            f"{said} with max {samples.max} can never say “below”: not even none of "
            f"{samples.max} rules {100 * samples.above:g} % out; about {needed} trials can."
        )
    elif rule.decide(1, samples.max) is None and stop.n == samples.max:
        yield (
            f"{said} with max {samples.max} says “below” only for none of {samples.max}: one "
            "more act leaves it open."
        )


def _small_screens(experiment: Experiment) -> Iterator[str]:
    n, conditions = max_samples(experiment.samples), experiment.conditions()
    for scenario in experiment.scenarios:
        if load_pack(scenario).spec.screen is None:
            continue
        controls = sum(
            c.scenario == scenario and c.is_control and not c.is_probe for c in conditions
        )
        if controls * n >= SCREEN_TRIALS:
            continue
        if not controls:
            yield (
                f"{scenario} has no control: whether a model misread it will not show. Set "
                "`controls: true`."
            )
        else:
            yield (
                f"{scenario} is screened by its controls, {controls * n} a model here; "
                f"{SCREEN_TRIALS} tell a model that misread it from one that did not."
            )


def _one_text(experiment: Experiment) -> Iterator[str]:
    n = max_samples(experiment.samples)
    single = [
        c
        for c in experiment.conditions()
        if not c.is_control and not c.is_probe and not c.varies_cast
    ]
    drawn = [
        name
        for name in dict.fromkeys(c.scenario for c in single)
        if "varied" in load_pack(name).spec.factors.get("cast", ())
        or load_pack(name).spec.factors.get("cast") == "all"
    ]
    if n >= ONE_TEXT and drawn:
        yield (
            f"{', '.join(drawn)}: {n} trials of one text say how often that text leads to the act. "
            "Where texts differ by 1 logit (SD) around 50 %, the interval of one text × 100 holds "
            "the rate over texts in 30 % of cases, of five × 20 in 63 %; `cast: varied` draws one "
            "for each trial."
        )


def _weak(expected: Sequence[ExpectedTest]) -> Iterator[str]:
    weak = [test for test in expected if test.power is not None and test.power < POWER]
    if weak:
        what = "1 hypothesis has" if len(weak) == 1 else f"{len(weak)} tests of hypotheses have"
        yield f"{what} under {100 * POWER:.0f} % power at the assumed rates."
    unequal = [t for t in expected if t.equivalence is not None and t.equivalence < POWER]
    if unequal:
        what = "1 margin has" if len(unequal) == 1 else f"{len(unequal)} margins have"
        yield (
            f"{what} under {100 * POWER:.0f} % power: equal rates would often not be shown to be "
            "equivalent."
        )
