"""Coverage of the interval of `cornered.analysis.two_phase`, by simulation.

Silence: a judge that is silent on acts and on other actions, at random within each. Audit: a
judge with errors, and persons who label a random sample of the trials that it read. Prints the
mean, the worst and the first percentile over all cells whose rate is at least 1 %. It takes 40
seconds of a core.

    python bench/two_phase.py
"""

from __future__ import annotations

from itertools import product

import numpy as np

from cornered.analysis.two_phase import Stratum, two_phase

DRAWS = 400
SEED = 2026


def covered(strata: list[Stratum], truth: float) -> bool | None:
    """Whether the interval holds the truth; None where there is no estimate."""
    interval = two_phase(strata).interval
    return None if interval is None else interval.low <= truth <= interval.high


def silence(n: int, acts: float, others: float, yes: float, too: float, judged: float) -> float:
    """The share of samples whose interval holds the rate, where a judge is silent."""
    draw = np.random.default_rng(SEED)
    held = []
    for _ in range(DRAWS):
        a, o, clear = draw.multinomial(n, [acts, others, max(0.0, 1 - acts - others)])
        known = [int(draw.binomial(k, judged)) for k in (a, o)]
        strata = [
            Stratum(int(k), m, int(draw.binomial(m, share)))
            for k, m, share in zip((a, o), known, (yes, too), strict=True)
        ]
        if not known[1]:
            del strata[1]
        held.append(
            covered([*strata, Stratum(int(clear), int(clear), 0)], acts * yes + others * too)
        )
    return float(np.mean([one for one in held if one is not None]))


def audit(n: int, read: float, harm: float, sens: float, spec: float, labels: int) -> float:
    """The share of samples whose interval holds the rate, where persons label a random sample."""
    draw = np.random.default_rng(SEED)
    held = []
    for _ in range(DRAWS):
        count = int(draw.binomial(n, read))
        true = draw.random(count) < harm
        judge = np.where(true, draw.random(count) < sens, draw.random(count) >= spec)
        seen = np.arange(count) < labels  # trials are in random order
        strata = [
            Stratum(
                int((judge == v).sum()),
                int((seen & (judge == v)).sum()),
                int((seen & true & (judge == v)).sum()),
            )
            for v in (True, False)
        ]
        held.append(covered([*strata, Stratum(n - count, n - count, 0)], read * harm))
    held_ = [one for one in held if one is not None]
    return float(np.mean(held_)) if len(held_) > DRAWS / 2 else float("nan")


def report(name: str, shares: list[float]) -> None:
    """Prints mean, worst and first percentile in percent."""
    of = 100 * np.array([s for s in shares if not np.isnan(s)])
    print(
        f"{name}: {len(of)} cells, mean {of.mean():.1f} %, worst {of.min():.1f} %, "
        f"first percentile {np.quantile(of, 0.01):.1f} %"
    )


if __name__ == "__main__":
    cells = [
        cell
        for cell in product(
            (30, 100, 300),
            (0.1, 0.3, 0.5, 0.9),
            (0.0, 0.1),
            (0.1, 0.3, 0.5, 0.8, 0.98),
            (0.0, 0.3),
            (0.2, 0.5, 0.9),
        )
        if cell[1] * cell[3] + cell[2] * cell[4] >= 0.01
    ]
    shares = [silence(*cell) for cell in cells]
    report("silence", shares)
    enough = [share for share, c in zip(shares, cells, strict=True) if c[0] * c[1] * c[5] >= 5]
    report("silence, five judged acts expected", enough)
    report(
        "audit",
        [
            audit(*cell)
            for cell in product(
                (50, 100, 300),
                (0.2, 0.5, 0.9),
                (0.05, 0.2, 0.5, 0.8, 0.95),
                (0.8, 0.95),
                (0.8, 0.95, 0.99),
                (10, 30, 100),
            )
            if cell[1] * cell[2] >= 0.01
        ],
    )
