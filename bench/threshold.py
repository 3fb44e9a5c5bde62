"""Coverage and size of `cornered.analysis.threshold`, by simulation; half a minute of a core.

python bench/threshold.py
"""

from __future__ import annotations

from itertools import product

import numpy as np

from cornered.analysis.threshold import limits, tails

DRAWS = 4000
SEED = 2026


def main() -> None:
    rng = np.random.default_rng(SEED)
    coverage, below, wilson = [], [], []
    for m, rate, spread, n, uneven in product(
        (1, 2, 4, 6), (0.002, 0.01, 0.05, 0.1, 0.3), (1.0, 5.0), (20, 50, 100, 400), (1.0, 3.0)
    ):
        p = np.geomspace(1, spread, m) if m > 1 else np.ones(1)
        p = np.minimum(p / p.mean() * rate, 0.99)
        trials = np.round(np.geomspace(n, n * uneven, m)).astype(int) if m > 1 else np.array([n])
        truth = float(p.mean())
        means = (rng.binomial(trials, p, (DRAWS, m)) / trials).mean(axis=1)
        worth = m**2 / float((1 / trials).sum())
        low, high = limits(means * worth, worth, 0.025)
        coverage.append(float(((low <= truth) & (truth <= high)).mean()))
        below.append(float(((tails(means * worth, worth, truth) < 0.05) & (means < truth)).mean()))
        if m == 1:
            z = 1.959964
            top = (
                means + z**2 / 2 / n + z * np.sqrt(means * (1 - means) / n + (z / n) ** 2 / 4)
            ) / (1 + z**2 / n)
            wilson.append(float((top < truth).mean()))
    print(f"coverage: mean {100 * np.mean(coverage):.1f} %, worst {100 * min(coverage):.1f} %")
    print(f"told below at the threshold: at most {100 * max(below):.1f} %")
    print(f"Wilson's upper limit too low: at most {100 * max(wilson):.1f} %")


if __name__ == "__main__":
    main()
