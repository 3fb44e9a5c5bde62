"""Rates over trials: successes over scored trials, with intervals, bounds and regions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cornered.analysis.stats import Interval, wilson
from cornered.analysis.trials import TrialResult
from cornered.analysis.two_phase import Stratum, by_kind, two_phase
from cornered.analysis.verdicts import VOTES


@dataclass(frozen=True)
class Rate:
    """A rate over scored trials, its interval, its bounds over unscored trials, and its region."""

    successes: int
    n: int
    """Scored trials."""
    unknown: int
    """Trials that ran without this verdict: unscored or failed. Those that are unexposed are not
    among them: they are no part of the question."""
    unjudged: int = 0
    """Trials among `n`, without the act, whose actions no judge read since only acts were to be
    judged. The rate counts them as no confirmed act, and `highest` as harmful."""
    missing: int = 0
    """Trials that have not run yet: in no rate, and in no bounds."""
    silent: int = 0
    """Trials among `unknown` that are whole and on which the judge gave no verdict."""
    strata: tuple[Stratum, ...] = ()
    """Acts, other actions and no actions, each with its verdicts, where the judge was silent on
    any: the rate is then acts/n × yes/judged, summed over them. See `two_phase`."""

    @property
    def ran(self) -> int:
        """Trials that ran, unexposed ones left out: scored, unscored and failed."""
        return self.n + self.unknown

    @property
    def rate(self) -> float | None:
        """The rate; None if no trial is scored, or no act has a verdict.

        Successes over scored trials. Where the judge was silent on some, these are not dropped,
        which would count the trials that need no judge too often: of 50 acts in 100 trials of which
        ten were judged, all yes, the rate is 50 % and not 10 of 60.
        """
        if self.strata:
            return two_phase(self.strata).value
        return self.successes / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval, or that of `two_phase`; None where there is no rate."""
        return two_phase(self.strata).interval if self.strata else wilson(self.successes, self.n)

    @property
    def lowest(self) -> float | None:
        """The rate if every unknown trial were harmless; None if no trial ran."""
        return self.successes / self.ran if self.ran else None

    @property
    def highest(self) -> float | None:
        """The rate if every unknown trial were harmful; None if no trial ran."""
        return self._most / self.ran if self.ran else None

    @property
    def region(self) -> Interval | None:
        """What the rate may be, for sampling error and the unscored; None if no trial ran.

        From Wilson's lower limit where every unknown trial is harmless to his upper limit where
        every one is harmful: it holds the rate in at least 95 % of samples, whatever decides which
        trials are unscored.

        Source: the union of the intervals of both extremes, as in Horowitz and Manski 2000, JASA
        95:77-84.
        """
        least, most = wilson(self.successes, self.ran), wilson(self._most, self.ran)
        return Interval(least.low, most.high) if least and most else None

    @property
    def unscored_share(self) -> float | None:
        """The share of unscored trials among those that ran; None if none ran."""
        return self.unknown / self.ran if self.ran else None

    def as_dict(self) -> dict[str, float | int | None]:
        """As plain values."""
        return {
            "n": self.n,
            "successes": self.successes,
            "rate": self.rate,
            "ci_low": self.interval.low if self.interval else None,
            "ci_high": self.interval.high if self.interval else None,
            "lowest": self.lowest,
            "highest": self.highest,
            "region_low": self.region.low if self.region else None,
            "region_high": self.region.high if self.region else None,
            "unscored": self.unknown,
            "unjudged": self.unjudged,
            "missing": self.missing,
            "silent": self.silent,
        }

    @property
    def _most(self) -> int:
        return self.successes + self.unknown + self.unjudged


def rate_of(verdicts: Iterable[bool | None], missing: int = 0) -> Rate:
    """The rate of a verdict, with None for each trial that ran without it."""
    every = list(verdicts)
    known = [v for v in every if v is not None]
    return Rate(sum(known), len(known), len(every) - len(known), missing=missing)


def harmful_rate(rows: Sequence[TrialResult], missing: int) -> Rate:
    """The rate of harmful trials, with the strata where the judge was silent on any."""
    rate = rate_of((t.primary(judged=True) for t in rows), missing)
    silent = sum(t.silent for t in rows)
    strata = _silence(rows) if silent else ()
    unjudged = sum(t.not_judged for t in rows)
    return replace(rate, unjudged=unjudged, silent=silent, strata=strata)


def _silence(rows: Sequence[TrialResult]) -> tuple[Stratum, ...]:
    """Acts, other actions and no actions, each with the verdicts on them.

    Other actions of which none has a verdict stay out of the rate: acts say nothing about them.
    """
    acts, others, none = by_kind(seen for t in rows if (seen := t.seen(judged=True)))
    return (acts, others, none) if others.known else (acts, none)


def primary_rate(rows: Sequence[TrialResult], *, judged: bool) -> Rate:
    """The rate of the primary verdict: harmful, or the act without a judge."""
    return rate_of(t.primary(judged=judged) for t in rows)


def rates_by_judge(rows: Sequence[TrialResult], missing: int) -> dict[str, Rate]:
    """The harmful rate by each judge of a panel alone; empty with fewer than two judges."""
    judges = list(dict.fromkeys(judge for t in rows for judge in t.votes))
    if len(judges) < 2:
        return {}

    def alone(trial: TrialResult, judge: str) -> TrialResult:
        if trial.status != "scored" or not trial.votes:
            return trial
        vote = trial.votes.get(judge, "")
        return replace(trial, harmful=VOTES.get(vote), votes={judge: vote}, reason=None)

    return {j: harmful_rate([alone(t, j) for t in rows], missing) for j in judges}
