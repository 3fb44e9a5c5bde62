"""When a cell is known well enough to be stopped: rules over counts, and what they cost.

Pure: counts in, a decision out. A rule looks at a cell after fixed numbers of scored trials and
never between them. What it costs is summed exactly, count by count, over all of its looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import ndtr, ndtri

from cornered.analysis.stats import percent, wilson
from cornered.samples import Samples, Spending

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

LEVEL = 0.05
"""Chance of a wrong decision over all looks; a twentieth, as the intervals have it."""
LEAST = 40
"""Scored trials before which no cell is narrow enough."""
TAIL = 1e-30
"""Probability that is left out at each end of a binomial distribution."""
MANAGER = "cornered"
"""Who stopped a task, as its log says."""

Decision = Literal["narrow", "above", "below"]


@dataclass(frozen=True)
class Stop:
    """Why a cell needs no more trials."""

    decision: Decision
    n: int
    """Scored trials at the look that decided, the first by id; those in flight come on top."""
    successes: int
    """Those of them with the act, or what else the cell counts."""
    why: str
    """In words, for a report."""


class Record(BaseModel):
    """What the log of a cell says of its rule, once the cell has run to its end."""

    model_config = ConfigDict(extra="forbid")

    rule: str | None
    """Its name; None where all trials were asked for."""
    stop: Stop | None
    """None where it never had reason to stop."""


def recorded(log: EvalLog) -> Record | None:
    """What a log says of a rule; None where there was none, or the cell has not ended."""
    found = log.results.early_stopping if log.results else None
    if found is None or found.manager != MANAGER:
        return None
    return Record.model_validate(found.metadata)


class Rule(Protocol):
    """What stops a cell."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Scored trials at each look, rising; the last is the most that there can be."""

    @property
    def name(self) -> str:
        """The rule in words; rules that decide differently have different names."""

    def decide(self, successes: int, n: int) -> Stop | None:
        """Whether to stop at so many successes in n scored trials; None off its looks."""

    def __hash__(self) -> int:
        """Rules are values."""


@dataclass(frozen=True)
class PrecisionRule:
    """Stops a cell once its 95 % Wilson interval is at most plus or minus `half_width`.

    What that does to the interval, summed exactly by `coverage` for ±3, ±5 and ±10 points, looks
    every 10 to 50 and at most 100 to 1000 trials: over rates from 5 to 50 % it covers 95 % on
    average and 92.3 to 93.9 % at the worst single rate, where a fixed n of 20 to 400 has 92.5 to
    93.9 %; over rarer acts 96 to 97 % on average and 84 to 89 % at worst, where a fixed n has 84
    to 85 % (near one act in 5n trials: Wilson's own weakness). So up to 2.7 points below nominal
    at single rates, hardly more than without stopping. Where ±10 % could stop at 20 trials, the
    worst would be 91.9 %: `LEAST` prevents that.
    """

    half_width: float
    """In rates: 0.05 is five percentage points."""
    looks: tuple[int, ...]

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"until ±{_percent(self.half_width)}, {_looked(self.looks)}"

    def decide(self, successes: int, n: int) -> Stop | None:
        """Whether its interval is narrow enough."""
        interval = wilson(successes, n) if n in self.looks and n >= LEAST else None
        # An edge that is met exactly is met: 1e-12 is below what 1e6 trials can tell apart.
        if interval is None or (interval.high - interval.low) / 2 > self.half_width + 1e-12:
            return None
        return Stop(
            "narrow",
            n,
            successes,
            f"at {n} scored trials its interval, {percent(interval.low)} to "
            f"{percent(interval.high)}, was no wider than ±{_percent(self.half_width)}",
        )


@dataclass(frozen=True)
class SpendingRule:
    """Stops a cell once it is clear on which side of a threshold its rate is.

    A group-sequential test of one rate, two-sided: each side spends half of the level over the
    looks, by an error-spending function of the share of trials done. Its boundaries are counts,
    found by an exact recursion over the binomial distribution at the threshold; each side is
    computed as if the other did not stop, so that either decision alone, too, is wrong in at
    most half of the level. A rate that is the threshold itself is called above or below in at
    most `level` of all cells; what discrete counts leave unspent is kept for later looks.

    The looks, the threshold and the spending are chosen before the first trial; changed after a
    look the level no longer holds.

    The Wilson interval after such a stop, by `coverage` for thresholds of 1 to 50 % and at most
    100 to 400 trials: over rates from 5 to 60 % it covers 94.5 to 95 % on average, at the worst
    single rate 91.4 to 93.1 % (O'Brien-Fleming) or 88.5 to 90.2 % (Pocock): it is too sure of a
    rate that crossed early by luck.

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
            f"{self.level:g}, {_looked(self.looks)}"
        )

    @property
    def bounds(self) -> dict[int, tuple[int, int]]:
        """For each look the most successes that are below the threshold, and the fewest above.

        -1 and n + 1, or other counts that hardly occur, where no count decides.
        """
        high = _crossing(self.looks, self.threshold, self.level / 2, self.spending)
        few = _crossing(self.looks, 1 - self.threshold, self.level / 2, self.spending)
        return {n: (n - most, least) for n, most, least in zip(self.looks, few, high, strict=True)}

    def decide(self, successes: int, n: int) -> Stop | None:
        """Whether the rate is clearly above or below the threshold."""
        if n not in self.looks:
            return None
        low, high = self.bounds[n]
        threshold = _percent(self.threshold)
        if successes >= high:
            why = f"its rate is above {threshold}: {successes} of {n}, where {high} are enough"
            return Stop("above", n, successes, why)
        if successes <= low:
            why = f"its rate is below {threshold}: {successes} of {n}, where up to {low} will do"
            return Stop("below", n, successes, why)
        return None


def rule_for(samples: int | Samples) -> Rule | None:
    """The rule that an experiment's `samples` mean; None for a plain number."""
    if isinstance(samples, int):
        return None
    if samples.until is not None:
        return PrecisionRule(samples.until, samples.looks)
    assert samples.above is not None  # one of both is given
    return SpendingRule(samples.above, samples.looks, spending=samples.spending)


class Course:
    """The trials of a cell as they settle, in any order, seen by a rule in the order of ids.

    A look at n is at the first n scored trials by id, and only once every trial before them has
    settled. So what is decided does not depend on which trial was quick.

    Args:
        rule: What stops the cell; None for nothing.
    """

    def __init__(self, rule: Rule | None) -> None:
        self._rule = rule
        self._settled: dict[int, bool | None] = {}
        self._next = 0
        self.n = 0
        """Scored trials seen so far."""
        self.successes = 0
        self.stop: Stop | None = None
        """The decision, once there is one; it stays."""

    def settle(self, place: int, verdict: bool | None) -> None:
        """One trial is over; told again, or after the stop, it changes nothing.

        Args:
            place: Its place in the order of ids, from 0.
            verdict: Whether it has the act; None where it failed or could not be scored.
        """
        if place >= self._next:
            self._settled.setdefault(place, verdict)
        while self.stop is None and self._next in self._settled:
            self._see(self._settled.pop(self._next))
            self._next += 1

    def _see(self, verdict: bool | None) -> None:
        if verdict is not None and self._rule:
            self.n += 1
            self.successes += verdict
            self.stop = self._rule.decide(self.successes, self.n)


@dataclass(frozen=True)
class Outcome:
    """One way in which a cell may end."""

    n: int
    successes: int
    chance: float
    stop: Stop | None
    """None where all trials ran and nothing was decided."""


@cache
def outcomes(rule: Rule, rate: float) -> tuple[Outcome, ...]:
    """All ways in which a cell may end, when each trial is scored and none is in flight.

    Args:
        rule: The rule.
        rate: The true rate, 0 to 1.
    """
    found = []
    walk = _Walk(rate)
    for n in rule.looks:
        walk.reach(n)
        for count, chance in walk.counts():
            stop = rule.decide(count, n)
            if stop or n == rule.looks[-1]:
                found.append(Outcome(n, count, chance, stop))
                walk.leave(count)
    return tuple(found)


def expected_trials(rule: Rule, rate: float) -> float:
    """Trials of a cell on average, at a true rate; those in flight at the stop come on top."""
    return sum(o.chance * o.n for o in outcomes(rule, rate))


def chance_of(rule: Rule, rate: float, decision: Decision | None) -> float:
    """The chance that a cell ends with a decision, or with none, at a true rate."""
    return sum(
        o.chance for o in outcomes(rule, rate) if (o.stop.decision if o.stop else None) == decision
    )


def coverage(rule: Rule, rate: float) -> float:
    """The chance that the 95 % Wilson interval at the end holds the true rate."""
    total = 0.0
    for o in outcomes(rule, rate):
        interval = wilson(o.successes, o.n)
        assert interval is not None  # a look has trials
        total += o.chance * (interval.low <= rate <= interval.high)
    return total


class _Walk:
    """The distribution of the count of a cell that has not been stopped, look by look."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._n = 0
        self._first = 0
        self._chances: NDArray[np.float64] = np.ones(1)

    def reach(self, n: int) -> None:
        """Goes on to n trials."""
        more = n - self._n
        low = max(0, int(scipy.stats.binom.ppf(TAIL, more, self._rate)))  # -1 at a rate of 0
        # From the other side: `isf` knows no probability below 1e-16.
        high = more - max(0, int(scipy.stats.binom.ppf(TAIL, more, 1 - self._rate)))
        added = scipy.stats.binom.pmf(np.arange(low, high + 1), more, self._rate)
        self._n, self._first = n, self._first + low
        self._chances = np.convolve(self._chances, added)

    def counts(self) -> Iterator[tuple[int, float]]:
        """Each count that is left, with its probability."""
        for place in np.flatnonzero(self._chances):
            yield self._first + int(place), float(self._chances[place])

    def leave(self, count: int) -> None:
        """Takes a count out: the cell stops there."""
        self._chances[count - self._first] = 0.0

    def leave_from_top(self, most: float) -> tuple[int, float]:
        """Takes out all counts from the top whose probability together is at most that much.

        Returns:
            The lowest count that was taken out, and the probability of all.
        """
        tails = np.cumsum(self._chances[::-1])[::-1]
        kept = int(np.count_nonzero(tails > most))
        gone = float(tails[kept]) if kept < len(tails) else 0.0
        self._chances[kept:] = 0.0
        return self._first + kept, gone


@cache
def _crossing(
    looks: tuple[int, ...], rate: float, level: float, spending: Spending
) -> tuple[int, ...]:
    """The fewest successes at each look that are too many for a rate, one-sided at a level."""
    walk, spent, bounds = _Walk(rate), 0.0, []
    for n in looks:
        walk.reach(n)
        bound, gone = walk.leave_from_top(_SPENT[spending](n / looks[-1], level) - spent)
        spent += gone
        bounds.append(bound)
    return tuple(bounds)


def _obrien_fleming(share: float, level: float) -> float:
    return 2 * float(ndtr(ndtri(level / 2) / math.sqrt(share)))


def _pocock(share: float, level: float) -> float:
    return level * math.log(1 + (math.e - 1) * share)


_SPENT: dict[Spending, Callable[[float, float], float]] = {
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
}
"""The level that is spent when a share of all trials is done."""


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _looked(looks: tuple[int, ...]) -> str:
    """The looks in words."""
    gaps = {b - a for a, b in pairwise((0, *looks[:-1]))}
    if len(gaps) > 1:
        return f"looked at after {', '.join(map(str, looks))} scored trials"
    return f"looked at every {looks[0]} scored trials, at most {looks[-1]}"
