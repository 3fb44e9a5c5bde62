"""Coverage of the intervals of measures and of their differences, and the size of the test.

The docstrings of `cornered.analysis.measures` give these numbers.

    nice -n 19 python bench/measures.py            # about a minute of one core
    nice -n 19 python bench/measures.py --reps 200 # a first look
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cornered.analysis.measures import difference, mean_interval

ITEMS = 30
TRIALS = (3, 5, 10, 20, 50)
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]


def alike(p: float) -> tuple[Draw, float]:
    """Every trial answers each item right with this chance."""
    return lambda rng, shape: rng.binomial(ITEMS, p, shape) / ITEMS, p


def mixed(share: float, low: float, high: float) -> tuple[Draw, float]:
    """A share of the trials answers at the low chance, and the others at the high one."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
        return rng.binomial(ITEMS, np.where(rng.random(shape) < share, low, high)) / ITEMS

    return draw, share * low + (1 - share) * high


def spread() -> tuple[Draw, float]:
    """The chance differs between trials: beta with mean 80 % and deviation 12 points."""
    return lambda rng, shape: rng.binomial(ITEMS, rng.beta(8, 2, shape)) / ITEMS, 0.8


SETTINGS: dict[str, tuple[Draw, float]] = {
    "alike, 50 %": alike(0.5),
    "alike, 85 %": alike(0.85),
    "alike, 97 %": alike(0.97),
    "alike, 99.5 %": alike(0.995),
    "beta, 80 %": spread(),
    "3 in 10 at 35 %, others 85 %": mixed(0.3, 0.35, 0.85),
    "half at 10 %, half at 90 %": mixed(0.5, 0.1, 0.9),
    "1 in 10 at 0, others 95 %": mixed(0.1, 0.0, 0.95),
}
PAIRS = (
    ("alike, 85 %", "alike, 85 %"),
    ("alike, 97 %", "alike, 97 %"),
    ("alike, 99.5 %", "alike, 99.5 %"),
    ("alike, 50 %", "alike, 99.5 %"),
    ("beta, 80 %", "beta, 80 %"),
    ("3 in 10 at 35 %, others 85 %", "alike, 85 %"),
    ("3 in 10 at 35 %, others 85 %", "3 in 10 at 35 %, others 85 %"),
    ("half at 10 %, half at 90 %", "beta, 80 %"),
    ("1 in 10 at 0, others 95 %", "alike, 97 %"),
    ("1 in 10 at 0, others 95 %", "1 in 10 at 0, others 95 %"),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reps", type=int, default=1000, help="samples of each setting")
    reps = parser.parse_args().reps
    rng = np.random.default_rng(14)
    for name, (draw, mean) in SETTINGS.items():
        for n in TRIALS:
            inside = [mean_interval(row, ITEMS) for row in draw(rng, (reps, n)).tolist()]
            held = sum(i.low - 1e-12 <= mean <= i.high + 1e-12 for i in inside) / reps
            width = sum(i.high - i.low for i in inside) / reps
            print(f"mean, {name:<34} n={n:<3} {100 * held:5.1f} %  width {100 * width:5.1f} points")
    for one, other in PAIRS:
        truth = SETTINGS[one][1] - SETTINGS[other][1]
        for n in TRIALS:
            rows = zip(
                SETTINGS[one][0](rng, (reps, n)).tolist(),
                SETTINGS[other][0](rng, (reps, n)).tolist(),
                strict=True,
            )
            results = [difference(a, b, (ITEMS, ITEMS)) for a, b in rows]
            inside = [e.interval for e, _ in results if e.interval]
            held = sum(i.low - 1e-12 <= truth <= i.high + 1e-12 for i in inside) / reps
            below = sum(p is not None and p < 0.05 for _, p in results) / reps
            print(f"{one} - {other:<30} n={n:<3} {100 * held:5.1f} %  p<.05 {100 * below:5.1f} %")


if __name__ == "__main__":
    main()
