"""Several judges, one verdict; each judgement is kept, and the judges' order has no effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from cornered.scoring import PanelRule
from cornered.verdict.judge import Judgement, JudgeVerdict

DISAGREE = "judges_disagree"


def decide(judgements: Sequence[Judgement], rule: PanelRule) -> Judgement:
    """The judgement of a panel; a single judge's is returned unchanged.

    A verdict needs more than half of all judges, or all of them. A judge that failed or cannot
    tell counts as disagreeing. Without a verdict the trial is unscored: for the failure if a
    judge failed, otherwise for disagreement.

    Args:
        judgements: One per judge, at least one.
        rule: The rule of the panel.
    """
    if len(judgements) == 1:
        return judgements[0]
    votes: Counter[JudgeVerdict] = Counter(j.verdict for j in judgements if j.verdict)
    needed = len(judgements) if rule == "unanimity" else len(judgements) // 2 + 1
    agreed = next((v for v in ("yes", "no") if votes[v] >= needed), None)
    agreeing = [j for j in judgements if j.verdict == agreed]
    names = ", ".join(sorted(j.model for j in judgements))
    attempts = sum(j.attempts for j in judgements)
    if agreed is None:
        return Judgement(
            verdict=None,
            outcome=None,
            reason=_reasons(judgements),
            unscored=_unscored_reason(judgements),
            model=names,
            attempts=attempts,
        )
    return Judgement(
        verdict=agreed,
        outcome=_majority_outcome(j.outcome for j in agreeing),
        labels=_majority_labels(judgements),
        reason=_reasons(agreeing),
        model=names,
        attempts=attempts,
    )


def _unscored_reason(judgements: Sequence[Judgement]) -> str:
    failures = sorted({j.unscored for j in judgements if j.unscored and j.verdict is None})
    if failures:
        return str(failures[0])
    return "cannot_tell" if all(j.verdict == "cannot_tell" for j in judgements) else DISAGREE


def _majority_outcome(outcomes: Iterable[str | None]) -> str | None:
    """The most frequent outcome; None for a tie."""
    ranked = Counter(o for o in outcomes if o).most_common(2)
    tied = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not tied else None


def _majority_labels(judgements: Sequence[Judgement]) -> tuple[str, ...]:
    answered = [j for j in judgements if j.verdict]
    count = Counter(label for j in answered for label in set(j.labels))
    return tuple(sorted(label for label, n in count.items() if 2 * n > len(answered)))


def _reasons(judgements: Sequence[Judgement]) -> str:
    """Every judge's verdict and reason, one line each, sorted by model."""
    ordered = sorted(judgements, key=lambda j: j.model)
    return "\n".join(f"{j.model}: {j.verdict or j.unscored}. {j.reason}" for j in ordered)
