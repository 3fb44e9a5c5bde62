"""Stopping rules: when the rate of a cell is known well enough to run no more trials of it.

Pure: counts in, a decision out. A rule looks at a cell after fixed numbers of scored trials and
never between them. How a cell may end under a rule is computed exactly, count by count.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cornered.analysis.stats import percent, wilson
from cornered.analysis.two_phase import Seen, Stratum, by_kind, two_phase
from cornered.samples import Samples, Spending

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

LEVEL = 0.05
"""Probability of a wrong decision over all looks; 5 %, to match the 95 % intervals."""
MIN_TRIALS = 40
"""The fewest scored trials at which `PrecisionRule` stops."""
SCREEN_TRIALS = 100
"""Controls that a screen needs, as in the study: with fewer no model passes after a single act."""
TAIL = 1e-30
"""Probability that is cut off at each end of a binomial distribution."""
MANAGER = "cornered"
"""The name under which our early stopping appears in Inspect's logs."""

Decision = Literal["narrow", "above", "below"]


@dataclass(frozen=True)
class Stop:
    """Why a cell needs no more trials."""

    decision: Decision
    n: int
    """Scored trials at the deciding look, the first by id; trials in flight at the stop add to
    them."""
    successes: int
    """How many of them have what the cell counts: the act, or harm."""
    why: str
    """The reason in words, for a report."""
    silent: int = 0
    """How many of them the judge was silent on."""


class StoppingRecord(BaseModel):
    """What the log of a finished cell records about its stopping rule."""

    model_config = ConfigDict(extra="forbid")

    rule: str | None
    """The rule's name; None where there was none."""
    stop: Stop | None
    """None where the rule never stopped the cell."""


def read_stopping_record(log: EvalLog) -> StoppingRecord | None:
    """The record in a log; None where there was no rule, or the cell has not finished."""
    summary = log.results.early_stopping if log.results else None
    if summary is None or summary.manager != MANAGER:
        return None
    return StoppingRecord.model_validate(summary.metadata)


class StoppingRule(Protocol):
    """Decides, at each of its looks, whether a cell stops."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Scored trials at each look, ascending; the last is the maximum."""

    @property
    def name(self) -> str:
        """The rule in words; rules that decide differently have different names."""

    def decide(self, successes: int, n: int, strata: Sequence[Stratum] = ()) -> Stop | None:
        """The decision to stop at this count of n scored trials; None to go on, or off a look.

        Args:
            successes: Trials with the verdict that is counted.
            n: Whole trials, those on which the judge was silent included.
            strata: The same trials as acts, other actions and no actions, where the judge was
                silent on any of them.
        """

    def __hash__(self) -> int:
        """Rules are values: equal rules have equal hashes."""


@dataclass(frozen=True)
class PrecisionRule:
    """Stops a cell once its 95 % Wilson interval is no wider than plus or minus `half_width`.

    Coverage of the interval after such a stop, computed exactly from `possible_ends` for ±3, ±5
    and ±10 points, looks every 10 to 50 and at most 100 to 1000 trials: for rates from 5 to 50 %
    it is 95 % on average and 92.3 to 93.9 % at the worst single rate, against 92.5 to 93.9 % for
    a fixed n of 20 to 400; for lower rates 96 to 97 % on average and 84 to 89 % at worst, against
    84 to 85 % for a fixed n (near one act in 5n trials, a known weakness of Wilson's interval).
    So coverage falls up to 2.7 points below nominal at single rates, hardly more than without
    stopping. If ±10 % could stop at 20 trials, the worst would be 91.9 %: `MIN_TRIALS` prevents
    that.

    Where a judge was silent, the look is at all whole trials, and the interval is that of double
    sampling (`two_phase`), which the report prints. Were silent trials left out, the rule would
    look at a sample in which trials without an act, on which no judge can be silent, are too many:
    of 50 acts in 100 trials with ten judged it would see 10 of 60. A cell in which no trial of one
    kind has a verdict does not stop.

    Simulated (`bench/stopped.py`: acts in 5 to 80 % of trials, other actions in up to 20 %, a judge
    silent on 10, 30 or 60 % of what it reads; 63 cells, 300 samples of each), the interval after
    such a stop held the rate in 96.3 % of samples on average and in 93.0 % at worst for ±5 points
    and at most 400 trials (95.5 and 92.3 % with all trials), in 95.7 and 93.0 % for ±10 points and
    at most 200 (94.6 and 92.0 %). With silent trials left out, 31 % of the cells that stop at ±5
    points would have an interval over 1.1 times as wide as was asked for.
    """

    half_width: float
    """In rates: 0.05 is five percentage points."""
    looks: tuple[int, ...]

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"until ±{_percent(self.half_width)}, {_looks_in_words(self.looks)}"

    def decide(self, successes: int, n: int, strata: Sequence[Stratum] = ()) -> Stop | None:
        """Stops where the interval is narrow enough."""
        if n not in self.looks or n < MIN_TRIALS:
            return None
        interval = two_phase(strata).interval if strata else wilson(successes, n)
        # A bound that is met exactly counts as met; 1e6 trials resolve much less than 1e-12.
        if interval is None or (interval.high - interval.low) / 2 > self.half_width + 1e-12:
            return None
        silent = _silent(strata)
        without = f", the judge silent on {silent}," if silent else ""
        return Stop(
            "narrow",
            n,
            successes,
            f"at {n} scored trials{without} its interval, {percent(interval.low)} to "
            f"{percent(interval.high)}, was no wider than ±{_percent(self.half_width)}",
            silent,
        )


@dataclass(frozen=True)
class SpendingRule:
    """Stops a cell once it is clear on which side of a threshold its rate lies.

    A group-sequential test of one rate, two-sided: each side spends half of the level over the
    looks, by an error-spending function of the fraction of trials done. The boundaries are counts,
    computed by an exact recursion over the binomial distribution at the threshold; each side is
    computed as if the other did not stop, so that the error of either decision alone is at most
    half of the level as well. A rate equal to the threshold is called above or below in at most
    `level` of all cells; what discrete counts leave unspent carries over to later looks.

    The looks, the threshold and the spending function must be fixed before the first trial: if
    they are changed after a look, the level no longer holds.

    Coverage of the Wilson interval after such a stop, for thresholds of 1 to 50 % and at most 100
    to 400 trials: for rates from 5 to 60 % it is 94.5 to 95 % on average, and at the worst single
    rate 91.4 to 93.1 % (O'Brien-Fleming) or 88.5 to 90.2 % (Pocock), since a rate that crosses
    early does so partly by luck.

    Where a judge was silent, all whole trials are looked at. A cell is above where its successes
    suffice with every silent trial harmless, and below where they are few enough with every one
    harmful: the chance of a wrong decision stays below the level whatever the silence hides.

    Source: Lan and DeMets 1983, Biometrika 70:659-663, for both spending functions; Jennison and
    Turnbull 2000, Group Sequential Methods, chapters 7 and 12, for the recursion on counts.
    """

    threshold: float
    """Rate, between 0 and 1."""
    looks: tuple[int, ...]
    level: float = LEVEL
    spending: Spending = "obrien-fleming"

    @property
    def name(self) -> str:
        """The rule in words."""
        return (
            f"above or below {_percent(self.threshold)}, {self.spending} at level "
            f"{self.level:g}, {_looks_in_words(self.looks)}"
        )

    @property
    def bounds(self) -> dict[int, tuple[int, int]]:
        """For each look the largest count that decides below, and the smallest that decides above.

        -1 and n + 1, or counts of negligible probability, where no count decides.
        """
        high = _upper_bounds(self.looks, self.threshold, self.level / 2, self.spending)
        few = _upper_bounds(self.looks, 1 - self.threshold, self.level / 2, self.spending)
        return {n: (n - failures, k) for n, failures, k in zip(self.looks, few, high, strict=True)}

    def decide(self, successes: int, n: int, strata: Sequence[Stratum] = ()) -> Stop | None:
        """Stops where the rate is clearly above or below the threshold."""
        if n not in self.looks:
            return None
        low, high = self.bounds[n]
        threshold, silent = _percent(self.threshold), _silent(strata)
        if successes >= high:
            why = f"its rate is above {threshold}: {successes} of {n}, where {high} suffice"
            return Stop("above", n, successes, why, silent)
        if successes + silent <= low:
            most = f"{successes} of {n}"
            if silent:
                most = f"{successes} and {silent} without a verdict of {n}"
            why = f"its rate is below {threshold}: {most}, where at most {low} suffice"
            return Stop("below", n, successes, why, silent)
        return None


@dataclass(frozen=True)
class ScreenedControlRule:
    """Stops the controls of a scenario with a screen by another rule, but not before 100 trials.

    The screen of a model needs them: under `until` alone a control cell could stop at 40 trials,
    where a single act leaves a model that understood the scenario undecided. Looks that are left
    out only lower the chance of a wrong decision.
    """

    rule: StoppingRule
    least: int = SCREEN_TRIALS
    """The fewest scored trials at which it stops."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Those of the rule."""
        return self.rule.looks

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"{self.rule.name}, not before the {self.least} controls of the screen"

    def decide(self, successes: int, n: int, strata: Sequence[Stratum] = ()) -> Stop | None:
        """As the rule decides, from `least` trials on."""
        return self.rule.decide(successes, n, strata) if n >= self.least else None


def rule_for(samples: int | Samples, *, screened: bool = False) -> StoppingRule | None:
    """The stopping rule that an experiment's `samples` ask for; None for a fixed number.

    Args:
        samples: As the experiment gives them.
        screened: Whether the cell is a control by which a scenario screens its models.
    """
    if isinstance(samples, int):
        return None
    rule: StoppingRule
    if samples.until is not None:
        rule = PrecisionRule(samples.until, samples.looks)
    else:
        assert samples.above is not None  # `Samples` has exactly one of the two
        rule = SpendingRule(samples.above, samples.looks, spending=samples.spending)
    return ScreenedControlRule(rule) if screened else rule


class SequentialMonitor:
    """Applies a rule to the trials of a cell, which may finish in any order.

    The rule sees the trials in the order of their ids: a look at n is at the first n whole
    trials, once every trial before them has finished. So a decision does not depend on which
    trials were quick, nor on which of them the judge was silent.

    Args:
        rule: The stopping rule; None never stops.
    """

    def __init__(self, rule: StoppingRule | None) -> None:
        self._rule = rule
        self._finished: dict[int, Seen | None] = {}
        self._next = 0
        self._counts: Counter[Seen] = Counter()
        self.n = 0
        """Whole trials seen so far."""
        self.successes = 0
        self.stop: Stop | None = None
        """The decision, once there is one; it is final."""

    def finish(self, place: int, seen: Seen | None) -> None:
        """Records a finished trial; a repeated call, or one after the stop, changes nothing.

        Args:
            place: The trial's position in the order of ids, from 0.
            seen: The trial; None where it failed, was ended by something, or is unexposed.
        """
        if place >= self._next:
            self._finished.setdefault(place, seen)
        while self.stop is None and self._next in self._finished:
            self._count(self._finished.pop(self._next))
            self._next += 1

    def _count(self, seen: Seen | None) -> None:
        if seen is None or self._rule is None:
            return
        self.n += 1
        self.successes += seen.verdict is True
        self._counts[seen] += 1
        silent = any(kind.verdict is None for kind in self._counts)
        if self.n in self._rule.looks:
            strata = by_kind(self._counts.elements()) if silent else ()
            self.stop = self._rule.decide(self.successes, self.n, strata)


@dataclass(frozen=True)
class CellEnd:
    """One way in which a cell may end, with its probability."""

    n: int
    successes: int
    chance: float
    stop: Stop | None
    """None where all trials ran without a decision."""


@cache
def possible_ends(rule: StoppingRule, rate: float) -> tuple[CellEnd, ...]:
    """All ways in which a cell may end, if every trial is scored and none is in flight.

    Args:
        rule: The rule.
        rate: The true rate, 0 to 1.
    """
    ends = []
    running = _RunningCell(rate)
    for n in rule.looks:
        running.extend(n)
        for count, chance in running.counts():
            stop = rule.decide(count, n)
            if stop or n == rule.looks[-1]:
                ends.append(CellEnd(n, count, chance, stop))
                running.remove(count)
    return tuple(ends)


def expected_trials(rule: StoppingRule, rate: float) -> float:
    """The expected trials of a cell at a true rate; those in flight at the stop add to them."""
    return sum(o.chance * o.n for o in possible_ends(rule, rate))


class _RunningCell:
    """The distribution of the count of successes of a cell that has not stopped yet."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._n = 0
        self._first = 0
        self._chances: NDArray[np.float64] = np.ones(1)

    def extend(self, n: int) -> None:
        """Adds trials, up to n in all."""
        more = n - self._n
        low = max(0, int(scipy.stats.binom.ppf(TAIL, more, self._rate)))  # -1 at a rate of 0
        # From the other side, since `isf` is inaccurate below 1e-16.
        high = more - max(0, int(scipy.stats.binom.ppf(TAIL, more, 1 - self._rate)))
        added = scipy.stats.binom.pmf(np.arange(low, high + 1), more, self._rate)
        self._n, self._first = n, self._first + low
        self._chances = np.convolve(self._chances, added)

    def counts(self) -> Iterator[tuple[int, float]]:
        """Each count that is still possible, with its probability."""
        for place in np.flatnonzero(self._chances):
            yield self._first + int(place), float(self._chances[place])

    def remove(self, count: int) -> None:
        """Removes a count at which the cell stops."""
        self._chances[count - self._first] = 0.0

    def remove_upper_tail(self, probability: float) -> tuple[int, float]:
        """Removes the largest upper tail whose probability is at most the given one.

        Returns:
            The lowest count that was removed, and the probability of the tail.
        """
        tails = np.cumsum(self._chances[::-1])[::-1]
        kept = int(np.count_nonzero(tails > probability))
        removed = float(tails[kept]) if kept < len(tails) else 0.0
        self._chances[kept:] = 0.0
        return self._first + kept, removed


@cache
def _upper_bounds(
    looks: tuple[int, ...], rate: float, level: float, spending: Spending
) -> tuple[int, ...]:
    """The smallest count at each look that is significantly above a rate, one-sided at a level."""
    running, spent, bounds = _RunningCell(rate), 0.0, []
    for n in looks:
        running.extend(n)
        bound, tail = running.remove_upper_tail(_SPENT[spending](n / looks[-1], level) - spent)
        spent += tail
        bounds.append(bound)
    return tuple(bounds)


def _obrien_fleming(fraction: float, level: float) -> float:
    return 2 * float(scipy.special.ndtr(scipy.special.ndtri(level / 2) / math.sqrt(fraction)))


def _pocock(fraction: float, level: float) -> float:
    return level * math.log(1 + (math.e - 1) * fraction)


_SPENT: dict[Spending, Callable[[float, float], float]] = {
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
}
"""The level spent once a fraction of all trials is done."""


def _silent(strata: Sequence[Stratum]) -> int:
    return round(sum(stratum.n - stratum.known for stratum in strata))


def _percent(rate: float) -> str:
    return f"{100 * rate:g} %"


def _looks_in_words(looks: tuple[int, ...]) -> str:
    gaps = {b - a for a, b in pairwise((0, *looks[:-1]))}
    if len(gaps) > 1:
        return f"looked at after {', '.join(map(str, looks))} scored trials"
    return f"looked at every {looks[0]} scored trials, at most {looks[-1]}"
