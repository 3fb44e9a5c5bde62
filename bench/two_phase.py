"""Coverage of the interval of `cornered.analysis.two_phase`, by simulation.

Silence: a judge that is silent on acts and on other actions, at random within each. Audit: a
judge with errors, and persons who label a random sample of the trials that it read. Balanced: the
draw of `cornered audit --balanced`, by itself, labelled in part only, and after an earlier draw
over all trials; and the correction of another judge's verdicts by the same labels. Prints the
mean, the worst and the first percentile over all cells whose rate is at least 1 %. It takes two
minutes of a core.

    python bench/two_phase.py
    python bench/two_phase.py balanced
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np

from cornered.analysis.audited import audited_rate, label_weights
from cornered.analysis.trials import TrialResult
from cornered.analysis.two_phase import Stratum, two_phase
from cornered.run.audit import in_balance, in_order

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


def trial(number: int, act: bool, verdict: bool) -> TrialResult:
    """A trial that a judge read."""
    return TrialResult(
        condition="c",
        model="m",
        id=f"{number:06d}",
        is_control=False,
        status="scored",
        act=act,
        harmful=verdict,
        paper=None,
        understood=None,
        outcome=None,
        labels=None,
        votes={"j": "yes" if verdict else "no"},
        readings={},
        reason=None,
        input_tokens=0,
        output_tokens=0,
        seconds=0.0,
        log="",
        uuid=f"{number}",
        scenario="s",
    )


TRIALS = {
    (n, act, verdict): trial(n, act, verdict)
    for n, act, verdict in product(range(300), (True, False), (True, False))
}


def balanced(
    n: int, acts: float, harm: float, right: float, drawn: int, labelled: float, before: int
) -> tuple[float, float, float]:
    """The share of samples whose interval holds the rate: ours, another judge's, unweighted.

    Args:
        n: Trials, all of which a judge read.
        acts: The share of trials with the act.
        harm: The share of acts that are harmful; of other actions a fifth of it.
        right: How often each judge is right.
        drawn: Trials of the balanced draw.
        labelled: The share of them that persons labelled, the first of the draw.
        before: Trials that were labelled in an earlier draw over all.
    """
    draw = np.random.default_rng(SEED)
    truth = acts * harm + (1 - acts) * harm / 5
    held: list[list[bool]] = [[], [], []]
    for seed in range(DRAWS // 2):
        act = draw.random(n) < acts
        true = draw.random(n) < np.where(act, harm, harm / 5)
        one, other = (np.where(draw.random(n) < right, true, ~true) for _ in range(2))
        rows = [TRIALS[i, bool(a), bool(v)] for i, (a, v) in enumerate(zip(act, one, strict=True))]
        again = [
            TRIALS[i, bool(a), bool(v)] for i, (a, v) in enumerate(zip(act, other, strict=True))
        ]
        chosen = in_balance(rows, seed)[: round(drawn * labelled)]
        chosen += in_order(rows, seed + 1)[:before]
        labels = {t.uuid: float(true[int(t.uuid)]) for t in chosen}
        found = (
            audited_rate(rows, rows, labels),
            audited_rate(again, again, labels, label_weights(rows, labels)),
            audited_rate(again, again, labels),
        )
        for held_, of in zip(held, found, strict=True):
            if of and of.interval:
                held_.append(of.interval.low <= truth <= of.interval.high)
    first, second, third = (float(np.mean(of)) if of else float("nan") for of in held)
    return first, second, third


def balanced_draws() -> None:
    """The coverage of corrections by balanced draws."""
    cells = [
        *product((100, 300), (0.2, 0.6), (0.1, 0.5, 0.9), (0.8, 0.95), (30, 80), (1.0,), (0,)),
        *product((100, 300), (0.2, 0.6), (0.1, 0.5, 0.9), (0.8, 0.95), (80,), (0.5,), (0, 20)),
    ]
    found = [balanced(*cell) for cell in cells]
    for name, pick in (
        ("balanced, all labelled", lambda c: c[5] == 1),
        ("balanced, half labelled", lambda c: c[5] < 1 and not c[6]),
        ("balanced, half labelled, and 20 of all", lambda c: c[6] > 0),
    ):
        own = [f for f, cell in zip(found, cells, strict=True) if pick(cell)]
        report(name, [f[0] for f in own])
        report(f"{name}: another judge", [f[1] for f in own])
        report(f"{name}: another judge, without weights", [f[2] for f in own])


def report(name: str, shares: list[float]) -> None:
    """Prints mean, worst and first percentile in percent."""
    of = 100 * np.array([s for s in shares if not np.isnan(s)])
    print(
        f"{name}: {len(of)} cells, mean {of.mean():.1f} %, worst {of.min():.1f} %, "
        f"first percentile {np.quantile(of, 0.01):.1f} %"
    )


if __name__ == "__main__" and "balanced" in sys.argv:
    balanced_draws()
elif __name__ == "__main__":
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
