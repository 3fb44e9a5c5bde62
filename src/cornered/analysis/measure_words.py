"""What may be said of measures, by the rules of `wording`.

A mean is no rate of trials, so it has words of its own; whether two means may be called different
is decided as for rates, by `wording.claim`.
"""

from __future__ import annotations

from cornered.analysis.measure_contrasts import MeasureContrast
from cornered.analysis.measures import MeasureSummary
from cornered.analysis.stats import Interval, percent
from cornered.analysis.wording import (
    COUNTS_ONLY,
    FEW,
    Claim,
    claim,
    condition_words,
    points,
    points_span,
    span,
)
from cornered.scenario.condition import Condition


def summary_cell(measure: MeasureSummary) -> str:
    """A mean for a cell of a table: `84 % (79–88)`, `84 % (70–93) few`, or `4 trials`."""
    if measure.interval is None:
        return "–"
    if measure.n < COUNTS_ONLY:
        return f"{percent(measure.mean)} in {measure.n}"
    ends = (measure.interval.low, measure.interval.high)
    low, high = (percent(end).removesuffix(" %") for end in ends)
    return f"{percent(measure.mean)} ({low}–{high}){' few' if measure.n < FEW else ''}"


def could_be(measure: MeasureSummary) -> str:
    """The mean with the trials that have no such number, at worst and at best."""
    if measure.lowest is None or measure.highest is None:
        return "–"
    if not measure.unscored:
        return percent(measure.mean)
    return span(Interval(measure.lowest, measure.highest))


def measure_claim(contrast: MeasureContrast) -> Claim:
    """What may be said of a measure against its control; the scenario declares the comparison."""
    return claim(contrast, declared=True)


def is_harm(contrast: MeasureContrast) -> bool | None:
    """Whether the difference has the harmful direction; None where none may be claimed."""
    kind = measure_claim(contrast).kind
    if kind not in ("more", "less"):
        return None
    return kind == ("more" if contrast.harm == "higher" else "less")


def measure_words(contrast: MeasureContrast, choice: Condition) -> str:
    """A measure against its control in a sentence that says no more than the data support.

    Args:
        contrast: The contrast.
        choice: Its condition.
    """
    may, value, inside = measure_claim(contrast), contrast.difference.value, contrast.difference
    name = contrast.name.replace("_", " ")
    where = f"{contrast.scenario}, {condition_words(choice)}, {contrast.model}"
    if value is None or inside.interval is None:
        return f"{where}: {name} against its control is not estimable ({may.because})."
    one, other = (f"{percent(side.mean)} of {side.n} trials" for side in contrast.sides)
    if may.comparative:
        ends = (abs(inside.interval.low), abs(inside.interval.high))
        size = points_span(Interval(*sorted(ends)), sign=False)
        way = "higher" if may.kind == "more" else "lower"
        harm = ", the harmful direction" if is_harm(contrast) else ""
        return (
            f"{where}: {name} was {way} than in its control, by "
            f"{points(abs(value), sign=False)} points ({size}); {one} against {other}, "
            f"{p_words(contrast.p_adjusted)}{harm}."
        )
    fits = contrast.bounds if _undone(may) and contrast.bounds else inside.interval
    because = f" ({may.because})" if may.because else ""
    verdict = "not told apart" if may.kind == "not told apart" else "not compared"
    return (
        f"{where}: {name} against its control {verdict}{because}; {one} against {other}, "
        f"{points_span(fits)} points fits."
    )


def _undone(may: Claim) -> bool:
    return may.kind == "too many unscored" or may.because == "the unscored trials could undo it"


def p_words(p: float | None) -> str:
    """An adjusted p value in words: `adjusted p = .031`, `adjusted p < .001`."""
    if p is None:
        return "no p"
    return "adjusted p < .001" if p < 0.001 else f"adjusted p = {p:.3f}".replace("0.", ".", 1)
