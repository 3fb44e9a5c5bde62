"""Coverage of the interval after `until` where a judge is silent, by simulation.

A cell of acts, other actions and trials without an action; the judge is silent on a share of what
it reads. The cell stops by `PrecisionRule` at its looks, and the interval is the one that the
report prints. Beside it the same cell with all its trials, and the rule as it was before: silent
trials left out of the look. It takes a minute of a core.

    python bench/stopped.py
"""

from __future__ import annotations

from itertools import product

import numpy as np

from cornered.analysis.stats import Interval
from cornered.analysis.stopping import PrecisionRule
from cornered.analysis.two_phase import KINDS, Seen, Stratum, by_kind, two_phase

DRAWS = 300
SEED = 2026
RULES = (
    PrecisionRule(0.05, tuple(range(20, 401, 20))),
    PrecisionRule(0.10, tuple(range(20, 201, 20))),
)


def strata_at(kinds: np.ndarray, known: np.ndarray, yes: np.ndarray) -> list[Stratum]:
    """Acts, other actions and none, each with its verdicts."""
    return [
        Stratum(
            int((kinds == k).sum()),
            int(((kinds == k) & known).sum()),
            int(((kinds == k) & known & yes).sum()),
        )
        for k in range(len(KINDS))
    ]


def reported(strata: list[Stratum]) -> Interval | None:
    """The interval as a report has it: other actions without any verdict stay out."""
    return two_phase(strata if strata[1].known else [strata[0], strata[2]]).interval


def cell(
    rule: PrecisionRule, acts: float, others: float, yes: float, too: float, silent: float
) -> tuple[float, ...]:
    """Coverage after the stop, with all trials, and where looks leave silent trials out; trials
    run; and of cells that such looks stop, the share whose interval is wider than asked.
    """
    draw = np.random.default_rng(SEED)
    truth = acts * yes + others * too
    most = rule.looks[-1]
    stopped, whole, old, trials, wide = [], [], [], [], []
    for _ in range(DRAWS):
        kinds = draw.choice(3, most, p=[acts, others, max(0.0, 1 - acts - others)])
        known = (kinds == 2) | (draw.random(most) >= silent)
        harm = draw.random(most) < np.array([yes, too, 0.0])[kinds]

        end = most
        for n in rule.looks:
            strata = strata_at(kinds[:n], known[:n], harm[:n])
            if rule.decide(sum(int(s.yes) for s in strata), n, strata):
                end = n
                break
        before = most
        of_known = np.flatnonzero(known)
        for n in rule.looks:
            if n > len(of_known):
                break
            if rule.decide(int(harm[of_known[:n]].sum()), n):
                before = int(of_known[n - 1]) + 1
                ends = reported(strata_at(kinds[:before], known[:before], harm[:before]))
                wide.append(ends is None or (ends.high - ends.low) / 2 > 1.1 * rule.half_width)
                break
        for found, n in ((stopped, end), (whole, most), (old, before)):
            interval = reported(strata_at(kinds[:n], known[:n], harm[:n]))
            if interval is not None:
                found.append(interval.low <= truth <= interval.high)
        trials.append(end)
    return tuple(float(np.mean(of or [0])) for of in (stopped, whole, old, trials, wide))


def main() -> None:
    assert by_kind([Seen(True, "act")])[0] == Stratum(1, 1, 1)  # the order of KINDS
    for rule in RULES:
        settings = [
            s
            for s in product(
                (0.05, 0.2, 0.5, 0.8), (0.0, 0.2), (0.5, 0.9, 1.0), (0.1,), (0.1, 0.3, 0.6)
            )
            if s[0] + s[1] < 0.99
        ]
        found = np.array([cell(rule, *s) for s in settings])
        for name, column in zip(
            ("stopped", "all trials", "silence left out"), found.T[:3], strict=True
        ):
            print(
                f"{rule.name}: {name}: {len(settings)} cells, mean {100 * column.mean():.1f} %, "
                f"worst {100 * column.min():.1f} %"
            )
        print(
            f"  trials on average {found[:, 3].mean():.0f} of {rule.looks[-1]}; with silence left "
            f"out the interval is over 1.1 times as wide as asked in "
            f"{100 * found[:, 4].mean():.0f} % of stopped cells on average"
        )


if __name__ == "__main__":
    main()
