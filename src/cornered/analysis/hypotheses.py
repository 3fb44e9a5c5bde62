"""Declared hypotheses as tests on the cells of a run, and what may be said of each.

A hypothesis is one test for each scenario and model that it names. P values are adjusted by Holm
over all tests of its family; a margin makes it a test of equivalence as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cornered.analysis.estimands import (
    NO_TRIALS,
    Contrast,
    Pair,
    Side,
    measured,
    pair_contrast,
    rate_of,
    run_contrasts,
    verdict_of,
)
from cornered.analysis.mover import Measured, weighted_sum
from cornered.analysis.multiplicity import holm
from cornered.analysis.pairing import control_pairs, level_pairs, squares
from cornered.analysis.stats import Estimate, Interval
from cornered.analysis.threshold import mean_rate, threshold_p
from cornered.analysis.wording import (
    Claim,
    claim,
    contrast_sides,
    contrast_words,
    control_words,
    screen_words,
    threshold_words,
)
from cornered.hypotheses import Hypothesis
from cornered.scenario import Pack

if TYPE_CHECKING:
    from cornered.analysis.table import Cell
    from cornered.scenario.condition import Naming

NINETY = 0.90
"""The level of the interval that must lie inside the margin: two one-sided tests at 5 %."""


@dataclass(frozen=True)
class DeclaredTest:
    """One test of a hypothesis: one scenario, and one model or two that are compared."""

    hypothesis: Hypothesis
    scenario: str
    """The name of the pack."""
    model: str | tuple[str, str]
    names: tuple[str, str, str]
    """Factor, level and reference, as in a `Contrast`."""
    conditions: tuple[tuple[Cell, ...], ...]
    """For each condition its cells: the first side and the second; of an interaction, both
    factors, the first only, the second only, neither; of a rate, the one."""
    control: tuple[Pair, ...]
    """Pairs with a control, which are told apart."""

    @property
    def signs(self) -> tuple[float, ...]:
        """The weight of each cell of a condition."""
        return SIGNS.get(self.hypothesis.contrast.kind, PAIR)

    @property
    def naming(self) -> Naming | None:
        """The naming of its scenario, which has the words of levels."""
        return self.conditions[0][0].choice.naming if self.conditions else None


PAIR: tuple[float, ...] = (1.0, -1.0)
SIGNS: Mapping[str, tuple[float, ...]] = {"interaction": (1.0, -1.0, -1.0, 1.0), "rate": (1.0,)}


def declared_tests(
    hypotheses: Sequence[Hypothesis], cells: Sequence[Cell], packs: Mapping[str, Pack]
) -> list[DeclaredTest]:
    """The tests that hypotheses come to, in their order.

    Args:
        hypotheses: The hypotheses of an experiment.
        cells: Its cells, with trials or without.
        packs: Its packs by scenario, as the experiment names it.
    """
    return [
        test
        for hypothesis in hypotheses
        for name, pack in packs.items()
        if name in (hypothesis.scenarios or packs)
        for test in _tests(hypothesis, pack, [c for c in cells if c.scenario == pack.name])
    ]


def _tests(hypothesis: Hypothesis, pack: Pack, cells: Sequence[Cell]) -> Iterable[DeclaredTest]:
    contrast = hypothesis.contrast
    own = [cell for cell in cells if not cell.probe]
    if contrast.models:
        one, other = contrast.models
        second = {c.condition: c for c in own if c.model == other}
        pairs = [(c, second[c.condition]) for c in own if c.model == one and c.condition in second]
        names = ("model", one, other)
        yield _of_pairs(hypothesis, pack, (one, other), names, pairs)
        return
    for model in dict.fromkeys(cell.model for cell in own):
        of_model = [cell for cell in own if cell.model == model]
        if contrast.threshold is not None:
            asked = hypothesis.among == "controls"
            cells = [cell for cell in of_model if cell.is_control == asked]
            names = ("rate", str(contrast).removeprefix("rate "), "")
            yield DeclaredTest(hypothesis, pack.name, model, names, tuple((c,) for c in cells), ())
        elif contrast.interaction:
            yield _interaction(hypothesis, pack, model, of_model)
        elif contrast.factor is not None and contrast.level is not None:
            level, reference = (
                str(pack.factors.parse(contrast.factor, word))
                for word in (contrast.level, contrast.compared_with)
            )
            pairs = level_pairs(of_model, contrast.factor, reference).get(level, [])
            names = (contrast.factor, level, reference)
            yield _of_pairs(hypothesis, pack, model, names, pairs)


def _of_pairs(
    hypothesis: Hypothesis,
    pack: Pack,
    model: str | tuple[str, str],
    names: tuple[str, str, str],
    pairs: Sequence[Pair],
) -> DeclaredTest:
    """The test over the pairs that a hypothesis is about; of conditions, with the others apart."""
    plain, control = map(tuple, control_pairs(pairs))
    if hypothesis.among == "controls":
        plain, control = control, ()
    return DeclaredTest(hypothesis, pack.name, model, names, plain, control)


def _interaction(
    hypothesis: Hypothesis, pack: Pack, model: str, cells: Sequence[Cell]
) -> DeclaredTest:
    wanted = {
        factor: str(pack.factors.parse(factor, level))
        for factor, level in (hypothesis.contrast.interaction or {}).items()
    }
    for names, found in squares(cells).items():
        factors, levels = names[0].split(" × "), names[1].split(" × ")
        if dict(zip(factors, levels, strict=True)) == wanted:
            # A square is both, the second only, the first only, neither.
            ordered = tuple((both, one, other, none) for both, other, one, none in found)
            return DeclaredTest(hypothesis, pack.name, model, names, ordered, ())
    joined = (" × ".join(wanted), " × ".join(wanted.values()), "none × none")
    return DeclaredTest(hypothesis, pack.name, model, joined, (), ())


@dataclass(frozen=True)
class HypothesisResult:
    """A test with its result."""

    test: DeclaredTest
    contrast: Contrast
    """Its p value is adjusted over the family."""
    ninety: Interval | None
    """The 90 % interval of the difference; None without a margin, or without trials."""
    family_size: int
    """Tests of its family."""
    late: bool
    """Whether it was declared after trials had run."""

    @property
    def hypothesis(self) -> Hypothesis:
        """The hypothesis."""
        return self.test.hypothesis

    @property
    def claim(self) -> Claim:
        """What may be said; of one declared late no more than of any exploration."""
        return claim(
            self.contrast,
            declared=not self.late,
            margin=self.hypothesis.margin,
            ninety=self.ninety,
        )

    @property
    def as_expected(self) -> bool | None:
        """Whether a difference that is told has the declared direction; None without either."""
        direction = self.hypothesis.direction or self.hypothesis.contrast.side
        told = self.claim
        return None if direction is None or not told.comparative else told.kind == direction

    @property
    def sides(self) -> tuple[str, str]:
        """Both sides in words."""
        return contrast_sides(self.contrast, self.test.naming)

    @property
    def sentence(self) -> str:
        """The result in a sentence or two."""
        threshold = self.hypothesis.contrast.threshold
        if threshold is not None:
            words = threshold_words(self.contrast, threshold, self.claim)
        else:
            words = contrast_words(
                self.contrast,
                *self.sides,
                declared=not self.late,
                margin=self.hypothesis.margin,
                ninety=self.ninety,
            )
        out = f"{self.hypothesis.name}: " if self.hypothesis.name else ""
        where = ", controls" if self.hypothesis.among == "controls" else ""
        out += f"{self.contrast.scenario}{where}: {words}"
        if cost := control_words(self.contrast):
            out += f" {cost}"
        if self.late:
            out += " Declared after data."
        if self.as_expected is not None:
            out += " As expected." if self.as_expected else " Against what was expected."
        screens = {
            cell.model: cell.screen
            for cells in self.test.conditions
            for cell in cells
            if cell.screened_out
        }
        for model, screen in screens.items():
            out += f" {model}: {screen_words(screen)}."
        return out

    def as_dict(self) -> dict[str, Any]:
        """The result as plain values, in rates."""
        told, hypothesis = self.claim, self.hypothesis
        return {
            "name": hypothesis.label,
            "family": hypothesis.family,
            "among": hypothesis.among,
            "threshold": hypothesis.contrast.threshold,
            "family_size": self.family_size,
            "direction": hypothesis.direction,
            "margin": hypothesis.margin,
            "late": self.late,
            "claim": told.kind,
            "because": told.because,
            "as_expected": self.as_expected,
            "sentence": self.sentence,
            "ci90_low": self.ninety.low if self.ninety else None,
            "ci90_high": self.ninety.high if self.ninety else None,
            **self.contrast.as_dict(),
        }


def hypothesis_results(
    tests: Sequence[DeclaredTest], cells: Sequence[Cell], late: Sequence[Hypothesis] = ()
) -> list[HypothesisResult]:
    """The results of declared tests, each p value adjusted by Holm over its family.

    Equivalence within a margin is two one-sided tests at 5 %: the 90 % interval lies inside.

    Source: Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657-680; Holm
    1979, Scandinavian Journal of Statistics 6:65-70.

    Args:
        tests: The tests, from `declared_tests`.
        cells: The cells of the run.
        late: Hypotheses that were declared after trials had run: they are in no family.
    """
    every = run_contrasts(cells) if any(len(t.signs) > 2 for t in tests) else []
    contrasts = [_contrast(test, every) for test in tests]
    late_ones = [any(test.hypothesis is h or test.hypothesis == h for h in late) for test in tests]
    families: dict[str, list[int]] = {}
    for at, test in enumerate(tests):
        if not late_ones[at]:
            families.setdefault(test.hypothesis.family, []).append(at)
    adjusted: dict[int, float | None] = {}
    for members in families.values():
        values = holm([contrasts[at].p for at in members])
        adjusted |= dict(zip(members, values, strict=True))
    return [
        HypothesisResult(
            test,
            replace(contrast, p_adjusted=adjusted.get(at)),
            _ninety(test, contrast) if test.hypothesis.margin is not None else None,
            len(families.get(test.hypothesis.family, ())) if not late_ones[at] else 0,
            late_ones[at],
        )
        for at, (test, contrast) in enumerate(zip(tests, contrasts, strict=True))
    ]


def _contrast(test: DeclaredTest, every: Sequence[Contrast]) -> Contrast:
    if test.hypothesis.contrast.threshold is not None:
        return _rate_contrast(test, test.hypothesis.contrast.threshold)
    if test.hypothesis.contrast.kind == "interaction":
        wanted = ("interaction", test.scenario, test.model, test.names[:2])
        for found in every:
            if (found.kind, found.scenario, found.model, (found.factor, found.level)) == wanted:
                return found
    pairs = [(cells[0], cells[1]) for cells in test.conditions]
    made = pair_contrast(
        test.hypothesis.contrast.kind,
        pairs,
        model=test.model,
        names=test.names,
        control=test.control,
    )
    return replace(made, scenario=test.scenario)


def _rate_contrast(test: DeclaredTest, threshold: float) -> Contrast:
    """The mean rate of a test's cells minus its threshold, with its exact interval."""
    cells = [cell for (cell,) in test.conditions]
    verdict = verdict_of(cells)
    rates = [rate for cell in cells if (rate := rate_of(cell, verdict)).rate is not None]
    known = [of for rate in rates if (of := measured(rate))]
    side = Side(
        sum(rate.successes for rate in rates),
        sum(rate.n for rate in rates),
        sum(rate_of(cell, verdict).unknown for cell in cells),
    )
    difference, p, bounds = Estimate(None, None, NO_TRIALS), None, None
    if known:
        difference = _minus(mean_rate(known), threshold)
        p = threshold_p(known, threshold)
    if known and any(rate.unknown or rate.unjudged for rate in rates):
        trials = [rate.n + rate.unknown for rate in rates]
        ends = [
            mean_rate([Measured(end or 0.0, n) for end, n in zip(some, trials, strict=True)])
            for some in ([r.lowest for r in rates], [r.highest for r in rates])
        ]
        low, high = (_minus(of, threshold).interval for of in ends)
        bounds = Interval(low.low, high.high) if low and high else None
    own = [of.rate - threshold for of in known]
    left = len(cells) - len(known)
    return Contrast(
        kind="rate",
        scenario=test.scenario,
        model=test.model,
        factor=test.names[0],
        level=test.names[1],
        reference=test.names[2],
        verdict=verdict,
        difference=difference,
        spread=(min(own), max(own)) if len(own) > 1 else None,
        heterogeneity=None,
        p=p,
        p_adjusted=None,
        sides=(side, side),
        bounds=bounds,
        cells=len(known),
        control=None,
        conditions=tuple((cell.condition, "") for cell in cells),
        note=f"{left} of {len(cells)} conditions without a scored trial left out" if left else None,
    )


def _minus(of: Estimate, threshold: float) -> Estimate:
    interval, value = of.interval, of.value
    if interval is None or value is None:
        return of
    return Estimate(
        value - threshold, Interval(interval.low - threshold, interval.high - threshold)
    )


def _ninety(test: DeclaredTest, contrast: Contrast) -> Interval | None:
    """The 90 % interval of the same weighted sum as the contrast."""
    weights: dict[tuple[str, str], float] = {}
    by_key: dict[tuple[str, str], Cell] = {}
    scored = [
        cells
        for cells in test.conditions
        if all(rate_of(cell, contrast.verdict).n for cell in cells)
    ]
    for cells in scored:
        for sign, cell in zip(test.signs, cells, strict=True):
            key = cell.model, cell.condition
            by_key[key] = cell
            weights[key] = weights.get(key, 0.0) + sign / len(scored)
    known = [measured(rate_of(cell, contrast.verdict)) for cell in by_key.values()]
    rates = [rate for rate in known if rate]
    return weighted_sum([*weights.values()], rates, NINETY).interval if rates else None
