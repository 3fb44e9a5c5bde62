"""Coverage of the intervals of contrasts, and the size of their tests, by simulation.

Prints the least and the mean coverage over all settings, by trials a cell. The docstrings of
`cornered.analysis.estimands` give these numbers.

    nice -n 19 python bench/contrasts.py            # about two minutes of one core
    nice -n 19 python bench/contrasts.py --reps 100 # a first look
    nice -n 19 python bench/contrasts.py --only draws --trials 100 --reps 1200  # within draws
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cornered.analysis.estimands import correlation
from cornered.analysis.mover import Measured, homogeneity, weighted_sum

TRIALS = (4, 10, 30, 100)
CONDITIONS = (1, 2, 6, 18)
RATES = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
GAPS = (0.0, 0.05, 0.3)
"""Added to the rate of the first side, up to 0.99; half as much again in every other condition."""
Floats = NDArray[np.float64]


def held(weights: Floats, p: Floats, n: int, reps: int, rng: np.random.Generator) -> float:
    """The share of samples whose 95 % interval holds the true weighted sum."""
    truth = float(weights @ p)
    count = 0
    for row in rng.binomial(n, p, (reps, len(p))):
        interval = weighted_sum(weights.tolist(), [Measured(k / n, n) for k in row]).interval
        assert interval is not None
        count += interval.low - 1e-12 <= truth <= interval.high + 1e-12
    return count / reps


def means(n: int, reps: int, rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """Coverage of means of differences: with a difference, and without one."""
    with_gap, without = [], []
    for m, rate, gap in product(CONDITIONS, RATES, GAPS):
        base = np.clip(rate * np.linspace(0.6, 1.4, m) if m > 1 else np.array([rate]), 0, 0.99)
        steps = gap * np.where(np.arange(m) % 2, 1.5, 1.0)
        other = np.clip(base + steps, 0, 0.99)
        weights = np.concatenate([np.full(m, 1 / m), np.full(m, -1 / m)])
        (with_gap if gap else without).append(
            held(weights, np.concatenate([other, base]), n, reps, rng)
        )
    return with_gap, without


def interactions(n: int, reps: int, rng: np.random.Generator) -> list[float]:
    """Coverage of (both - second only) - (first only - neither)."""
    weights = np.array([1.0, -1.0, -1.0, 1.0])
    cells = product((0.05, 0.5, 0.95), (0.01, 0.2, 0.5), (0.01, 0.2, 0.5), (0.0, 0.02))
    return [held(weights, np.array(p), n, reps, rng) for p in cells]


def rejected(n: int, reps: int, rng: np.random.Generator) -> list[float]:
    """How often Cochran's Q rejects equal differences at 5 %."""
    found = []
    for m, rate, gap in product((2, 6, 18), RATES, (0.0, 0.04, 0.3)):
        if rate + gap > 0.99:
            continue
        p = np.tile([rate + gap, rate], m)
        rows = np.kron(np.eye(m), np.array([1.0, -1.0]))
        samples = rng.binomial(n, p, (reps, 2 * m))
        tests = [homogeneity(rows, [Measured(k / n, n) for k in row]) for row in samples]
        found.append(sum(q is not None and q.p < 0.05 for q in tests) / reps)
    return found


def draws(n: int, reps: int, rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """Coverage within draws whose difficulty has an SD of 1 logit: ours, and a bootstrap."""
    ours, bootstrap = [], []
    for m, rate, gap in product((1, 3, 6), (0.05, 0.3, 0.8), (0.0, 1.0)):
        grid = rng.normal(0, 1, 40_000)
        by_side = [float(expit(logit(rate) - 0.5 + g + grid).mean()) for g in (gap, 0.0)]
        truth = by_side[0] - by_side[1]
        weights = np.tile([1 / m, -1 / m], m)
        inside = boot = 0
        for _ in range(reps):
            z = logit(rate) - 0.5 + np.tile([gap, 0.0], m) + rng.normal(0, 1, n)[:, None]
            verdicts = rng.random((n, 2 * m)) < expit(z)
            table = [{str(i): bool(v) for i, v in enumerate(column)} for column in verdicts.T]
            matrix = np.array(
                [[correlation(a, b) if a is not b else 1.0 for b in table] for a in table]
            )
            rates = [Measured(float(column.mean()), n) for column in verdicts.T]
            interval = weighted_sum(weights.tolist(), rates, correlations=matrix).interval
            assert interval is not None
            inside += interval.low <= truth <= interval.high
            each = verdicts @ weights
            sums = each[rng.integers(0, n, (300, n))].mean(axis=1)
            low, high = np.quantile(sums, [0.025, 0.975])
            boot += low <= truth <= high
        ours.append(inside / reps)
        bootstrap.append(boot / reps)
    return ours, bootstrap


def told(name: str, n: int, of: Sequence[float], pick: Callable[[Sequence[float]], float]) -> None:
    word = "least" if pick is min else "most"
    print(f"{name:<44} n={n:<4} {word} {100 * pick(of):5.1f} %  mean {100 * np.mean(of):5.1f} %")


def within_draws(n: int, reps: int, rng: np.random.Generator) -> None:
    ours, bootstrap = draws(n, max(reps // 3, 30), rng)
    told("within draws, coverage", n, ours, min)
    told("within draws, percentile bootstrap", n, bootstrap, min)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reps", type=int, default=400, help="samples of each setting")
    parser.add_argument("--trials", type=int, nargs="*", default=TRIALS, help="trials a cell")
    parser.add_argument("--only", choices=["draws"], help="one part alone")
    given = parser.parse_args()
    reps = given.reps
    for n in given.trials:
        rng = np.random.default_rng(13)
        if given.only == "draws":
            within_draws(n, reps, rng)
            continue
        with_gap, without = means(n, reps, rng)
        told("mean of differences, coverage", n, with_gap, min)
        told("no difference, coverage", n, without, min)
        told("no difference, rejected (type I)", n, [1 - held for held in without], max)
        told("interaction, coverage", n, interactions(n, reps, rng), min)
        told("Cochran's Q, rejected (type I)", n, rejected(n, reps, rng), max)
        within_draws(n, reps, rng)


if __name__ == "__main__":
    main()
