"""Means of measures, such as accuracy, and the difference of two.

A measure is a number from 0 to 1 for each trial. Everything here is in such shares: 0.1 is ten
percentage points. Trials are the units: the items of one trial are answered by one agent in one
mood, so thirty items in one trial are not thirty observations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, sqrt
from typing import Any, Literal, NamedTuple

import scipy

from cornered.analysis.reasons import FAILED
from cornered.analysis.stats import Estimate, Interval
from cornered.scoring import UNEXPOSED

Harm = Literal["lower", "higher"]
PRIOR = 0.5
"""All-or-nothing trials that are added to the variance. Without it, a few trials that happen to be
alike would have an interval of no width."""
LEAST_P = 1e-12
"""No p value is given below it."""


class TrialMeasure(NamedTuple):
    """A measure of one trial."""

    value: float | None
    """0 to 1; None where the trial has none."""
    items: int
    """Items of the key."""
    harm: Harm
    """The direction in which a difference from the control is harmful."""
    why: str | None
    """Why there is no value."""


def as_trial_measure(stored: Any) -> TrialMeasure | None:
    """A measure from the metadata of a score; None where that is malformed."""
    if not isinstance(stored, Mapping):
        return None
    value, items, harm = stored.get("value"), stored.get("items"), stored.get("harm")
    if not isinstance(items, int) or items < 1 or harm not in ("lower", "higher"):
        return None
    known = isinstance(value, int | float) and 0 <= value <= 1
    why = stored.get("why")
    return TrialMeasure(
        float(value) if known else None,  # type: ignore[arg-type]
        items,
        harm,
        None if known else str(why or FAILED),
    )


@dataclass(frozen=True)
class MeasureSummary:
    """A measure over the trials of one cell."""

    name: str
    harm: Harm
    values: tuple[float, ...]
    """Of the trials that have it."""
    items: int
    """Items of each trial."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Trials without it, by reason."""
    unexposed: int = 0
    """Trials that wrote the file before they met what the scenario is about; they are neither among
    the values nor among those without."""

    @property
    def n(self) -> int:
        """Trials that have it."""
        return len(self.values)

    @property
    def unscored(self) -> int:
        """Trials that ran without it: no file, cut off, failed."""
        return sum(self.reasons.values())

    @property
    def mean(self) -> float | None:
        """The mean; None where no trial has it."""
        return sum(self.values) / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the mean, see `mean_interval`; None where no trial has it."""
        return mean_interval(self.values, self.items) if self.n else None

    @property
    def lowest(self) -> float | None:
        """The mean if every trial without it had 0; None if no trial ran."""
        return _mean(self.filled(0.0))

    @property
    def highest(self) -> float | None:
        """The mean if every trial without it had 1; None if no trial ran."""
        return _mean(self.filled(1.0))

    def filled(self, value: float) -> tuple[float, ...]:
        """The values, with one for each trial without it."""
        return (*self.values, *([value] * self.unscored))

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "measure": self.name,
            "n": self.n,
            "mean": self.mean,
            "ci_low": self.interval.low if self.interval else None,
            "ci_high": self.interval.high if self.interval else None,
            "lowest": self.lowest,
            "highest": self.highest,
            "items": self.items,
            "harm": self.harm,
            "unscored": self.unscored,
            "unexposed": self.unexposed,
            "reasons": dict(self.reasons),
        }


def summaries(trials: Sequence[Mapping[str, TrialMeasure]]) -> tuple[MeasureSummary, ...]:
    """The measures of a cell.

    Args:
        trials: For each trial that ran and was exposed, its measures by name; empty for a trial
            that failed, which counts as one without.
    """
    known = {name: measure for trial in trials for name, measure in trial.items()}
    found = []
    for name, first in known.items():
        of = [trial.get(name) for trial in trials]
        whys = Counter(m.why or FAILED if m else FAILED for m in of if not m or m.value is None)
        unexposed = whys.pop(UNEXPOSED, 0)
        values = tuple(m.value for m in of if m and m.value is not None)
        found.append(
            MeasureSummary(
                name, first.harm, values, first.items, dict(whys.most_common()), unexposed
            )
        )
    return tuple(found)


def effective_trials(values: Sequence[float], items: int) -> float:
    """How many independent yes-or-no trials the mean of some values is worth.

    m (1 − m) over the variance of the mean. The variance of the values has half an all-or-nothing
    trial added to it (`PRIOR`), and that of the mean is at least the binomial one of all items.

    Source: the effective sample size of Korn and Graubard 1998, Survey Methodology 24:193-201,
    with each trial a cluster of its items; the floor and the prior are ours.

    Args:
        values: A number for each trial, 0 to 1; at least one.
        items: Items of each trial.
    """
    n = len(values)
    mean = sum(values) / n
    largest = mean * (1 - mean)
    most = float(n * items)
    if largest < 1e-12:  # every trial has 0, or every one 1
        return min(most, n * (n - 1 + PRIOR) / PRIOR)
    squares = sum((value - mean) ** 2 for value in values) + PRIOR * largest
    return min(most, largest * n * (n - 1 + PRIOR) / squares)


def mean_interval(values: Sequence[float], items: int, level: float = 0.95) -> Interval:
    """An interval of the mean of shares that is right at small n and stays within 0 and 1.

    Wilson's score interval with the effective number of trials in place of the number, and the
    quantile of Student's t on n − 1 + `PRIOR` degrees of freedom in place of the normal one.

    Source: Wilson's interval with an effective sample size and t, as Franco, Little, Louis and
    Slud 2019, Journal of Survey Statistics and Methodology 7:334-364, compare it with others for
    clustered shares.

    Simulated coverage (30 items a trial, 1,000 samples a setting; `bench/measures.py`). Items
    answered alike in all trials, at 50, 85, 97 or 99.5 %: 98 % or more with 3 to 20 trials, 97 %
    with 50. Trials that differ (beta, mean 80 %, deviation 12 points): 95 % or more. Three in
    ten trials at 35 % and the others at 85 %, or half at 10 and half at 90 %: 94.5 % or more. One
    trial in ten at 0 and the others at 95 %, the hardest case: 99 % with 3 and 5 trials, 65 % with
    10, 86 % with 20 and 93 % with 50, since few trials often show none of these. Student's own
    interval holds 44 to 66 % there with 5 and 10, and 25 to 77 % at 99.5 % with 2 to 10.

    Args:
        values: A number for each trial, 0 to 1; at least one.
        items: Items of each trial.
        level: Confidence level, 0 to 1.
    """
    return _limits(_side(values, items), 1 - level)


class _Side(NamedTuple):
    mean: float
    effective: float
    freedom: float


def _side(values: Sequence[float], items: int) -> _Side:
    n = len(values)
    return _Side(sum(values) / n, effective_trials(values, items), n - 1 + PRIOR)


def _limits(side: _Side, alpha: float) -> Interval:
    t = float(scipy.special.stdtrit(side.freedom, 1 - alpha / 2))
    mean, n = side.mean, side.effective
    scale = 1 + t * t / n
    centre, half = mean + t * t / (2 * n), t * sqrt(mean * (1 - mean) / n + (t / n) ** 2 / 4)
    low, high = (centre - half) / scale, (centre + half) / scale
    return Interval(0.0 if mean == 0 else max(0.0, low), 1.0 if mean == 1 else min(1.0, high))


def difference(
    first: Sequence[float], second: Sequence[float], items: tuple[int, int], level: float = 0.95
) -> tuple[Estimate, float | None]:
    """The mean of the first minus that of the second, with its interval and its p value.

    The interval joins those of both means (`mean_interval`) by square and add; the p value is the
    level at which it ends at 0, so that both say the same. It does better than Welch's test where
    a mean is near 0 or 1 or most trials are alike.

    Source: MOVER, Zou and Donner 2008, Statistics in Medicine 27:1693-1702.

    Simulated (`bench/measures.py`, ten settings, 3 to 50 trials a side): the interval held the
    truth in 94.8 % of samples or more in eight of them. Where one trial in ten has 0, on one side
    or on both: 95.5 % or more with 3 and 5 trials, 66 and 84 % with 10, 86 and 88 % with 20, 94 %
    with 50. Where nothing differed, p was below 5 % in at most 5 % of samples, and with that last
    setting on both sides in 16 % with 10 trials, 12 % with 20 and 6 % with 50.

    Args:
        first: A number for each trial, 0 to 1.
        second: The same for the other side.
        items: Items of each trial, of both sides.
        level: Confidence level, 0 to 1.

    Returns:
        Neither value nor p where a side has no trial.
    """
    if not first or not second:
        return Estimate(None, None, "a side has no trial with the measure"), None
    one, other = _side(first, items[0]), _side(second, items[1])
    value = one.mean - other.mean
    return Estimate(value, _joined(one, other, 1 - level)), _p(one, other)


def _joined(one: _Side, other: _Side, alpha: float) -> Interval:
    value = one.mean - other.mean
    a, b = _limits(one, alpha), _limits(other, alpha)
    below = hypot(one.mean - a.low, b.high - other.mean)
    above = hypot(a.high - one.mean, other.mean - b.low)
    return Interval(max(-1.0, value - below), min(1.0, value + above))


def _p(one: _Side, other: _Side) -> float:
    """The level at which the interval of the difference ends at 0."""
    value = one.mean - other.mean
    if abs(value) < 1e-9:  # equal but for rounding
        return 1.0

    def short(alpha: float) -> float:
        inside = _joined(one, other, alpha)
        return inside.low if value > 0 else -inside.high

    if short(LEAST_P) > 0:
        return LEAST_P
    return float(scipy.optimize.brentq(short, LEAST_P, 1 - 1e-12, xtol=1e-14, rtol=1e-6))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
