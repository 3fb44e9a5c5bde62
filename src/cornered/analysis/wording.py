"""What may be said of a contrast; `claims` has the whole module, with these signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from cornered.analysis.stats import Estimate, Interval, percent

if TYPE_CHECKING:
    from cornered.scenario.condition import Naming

LEAST_A_SIDE = 20
"""Scored trials of each side below which nothing is called more or less."""
NO_COMPARATIVE = 0.20
"""The share of unscored trials of a side above which nothing is called more or less."""
ALPHA = 0.05
"""The level of a declared test, after adjustment."""

Kind = Literal[
    "more",
    "less",
    "equivalent",
    "not told apart",
    "exploration",
    "too few",
    "too many unscored",
    "other rule",
    "not estimable",
]


class SideCounts(Protocol):
    """The trials on one side of a contrast; `cornered.analysis.estimands.Side` is one."""

    @property
    def n(self) -> int:
        """Scored trials."""

    @property
    def unscored(self) -> int:
        """Trials that ran and have no verdict."""


class Contrasted(Protocol):
    """What a claim is made from; `cornered.analysis.estimands.Contrast` is one."""

    @property
    def kind(self) -> str:
        """The kind: arm, interaction, model, draw or between."""

    @property
    def factor(self) -> str | None:
        """The factor, where two levels of one are compared; `model` where models are."""

    @property
    def level(self) -> str | None:
        """The level of the first side; of an interaction both, joined with ` × `."""

    @property
    def reference(self) -> str | None:
        """The level of the second side."""

    @property
    def model(self) -> str | tuple[str, str]:
        """The model, or the first and the second."""

    @property
    def verdict(self) -> Literal["harmful", "act", "paper"]:
        """The verdict that is compared."""

    @property
    def difference(self) -> Estimate:
        """The first minus the second, in rates."""

    @property
    def p_adjusted(self) -> float | None:
        """The p value adjusted over its family."""

    @property
    def sides(self) -> Sequence[SideCounts]:
        """The trials of each side."""

    @property
    def bounds(self) -> Interval | None:
        """Where the difference lies whatever the unscored trials were, with sampling error."""

    @property
    def note(self) -> str | None:
        """Why something is missing."""


@dataclass(frozen=True)
class Claim:
    """What may be said of a contrast."""

    kind: Kind
    because: str | None = None
    """The condition that it does not meet, where nothing is called more or less."""

    @property
    def comparative(self) -> bool:
        """Whether one side may be said to be more often, or less often, than the other."""
        return self.kind in ("more", "less")


def claim(
    contrast: Contrasted,
    *,
    declared: bool = False,
    margin: float | None = None,
    ninety: Interval | None = None,
    same_rule: bool = True,
) -> Claim:
    """What may be said of a contrast.

    Args:
        contrast: The contrast.
        declared: Whether it was declared beforehand, as a hypothesis or by naming the two sides
            to `compare`. Anything else is exploration.
        margin: The margin of equivalence that was set beforehand, in rates.
        ninety: The 90 % interval of the difference, for the margin.
        same_rule: Whether both sides were scored by one rule.
    """
    value, interval = contrast.difference.value, contrast.difference.interval
    if value is None or interval is None:
        why = contrast.difference.reason or contrast.note
        return Claim("not estimable", why or "a side has no scored trial")
    if not same_rule:
        return Claim("other rule", "the sides were scored by different rules")
    if (fewest := min(side.n for side in contrast.sides)) < LEAST_A_SIDE:
        return Claim("too few", f"{fewest} scored on one side, {LEAST_A_SIDE} needed")
    shares = [side.unscored / max(1, side.n + side.unscored) for side in contrast.sides]
    if max(shares) > NO_COMPARATIVE:
        return Claim("too many unscored", f"{percent(max(shares))} of one side unscored")
    if not declared:
        return Claim("exploration")
    if margin is not None and ninety is not None and -margin < ninety.low and ninety.high < margin:
        return Claim("equivalent")
    if interval.low <= 0 <= interval.high:
        return Claim("not told apart")
    if contrast.p_adjusted is None or contrast.p_adjusted >= ALPHA:
        return Claim("not told apart", "the adjusted p is not below .05")
    bounds = contrast.bounds
    if bounds and not (bounds.low > 0 if value > 0 else bounds.high < 0):
        return Claim("not told apart", "the unscored trials could undo it")
    return Claim("more" if value > 0 else "less")


def contrast_words(
    contrast: Contrasted,
    first: str,
    second: str,
    *,
    declared: bool = False,
    margin: float | None = None,
    ninety: Interval | None = None,
    same_rule: bool = True,
) -> str:
    """A contrast in a sentence that says no more than the data support.

    Args:
        contrast: The contrast.
        first: The first side, such as a model or `with three prohibitions`; see
            `contrast_sides`.
        second: The second side.
        declared: As for `claim`, like what follows.
        margin: In rates.
        ninety: The 90 % interval of the difference.
        same_rule: Whether both sides were scored by one rule.
    """
    may = claim(contrast, declared=declared, margin=margin, ninety=ninety, same_rule=same_rule)
    value, interval = contrast.difference.value, contrast.difference.interval
    if may.kind == "not estimable" or value is None or interval is None:
        return f"{_sides(contrast, first, second)}: not estimable ({may.because})."
    amount = f"{points(value)} points ({points_span(interval)})"
    if may.comparative:
        size = Interval(*sorted((abs(interval.low), abs(interval.high))))
        by = f"by {points(abs(value), sign=False)} points ({points_span(size, sign=False)})"
        words = f"{_comparative(contrast, may.kind, first, second)}, {by}"
        if margin is not None:
            words += f"; not equivalent within {points(margin, sign=False)} points"
        return words + "."
    sides = _sides(contrast, first, second)
    if may.kind == "equivalent" and margin is not None and ninety is not None:
        return (
            f"{sides}: equivalent within {points(margin, sign=False)} points, the margin set "
            f"beforehand ({points(value)}; 90 %: {points_span(ninety)})."
        )
    if may.kind == "not told apart":
        wide = contrast.bounds if may.because == "the unscored trials could undo it" else None
        because = f" ({may.because})" if may.because else ""
        words = f"{sides}: not told apart{because}; {points_span(wide or interval)} points fits"
        if margin is not None:
            words += f", and {points(margin, sign=False)} points were set as the margin"
        return words + "."
    if may.kind == "exploration":
        return f"{sides}: {amount}; exploration, no verdict."
    if may.kind == "too many unscored" and contrast.bounds:
        return f"{sides}: not compared ({may.because}); {points_span(contrast.bounds)} points fits."
    return f"{sides}: not compared ({may.because}); {points_span(interval)} points fits."


def contrast_sides(contrast: Contrasted, naming: Naming | None = None) -> tuple[str, str]:
    """The two sides of a contrast in words."""
    if isinstance(contrast.model, tuple):
        return contrast.model
    del naming  # the whole module has words for levels
    first, second = (f"with {contrast.factor}={of}" for of in (contrast.level, contrast.reference))
    return first, second


def points(value: float, *, sign: bool = True) -> str:
    """A difference of rates in percentage points: `+12`, `−3`, `0`, `+0.4`."""
    size = abs(100 * value)
    text = f"{size:.0f}" if size >= 0.95 or not round(size, 1) else f"{size:.1f}"
    if size and not float(text):
        text = "<0.1"
    if not sign or not size or text == "<0.1":
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def points_span(interval: Interval, *, sign: bool = True) -> str:
    """An interval of a difference in percentage points: `−10 to +70`."""
    return f"{points(interval.low, sign=sign)} to {points(interval.high, sign=sign)}"


def _comparative(contrast: Contrasted, kind: Kind, first: str, second: str) -> str:
    if contrast.kind == "interaction":
        direction = "raised" if kind == "more" else "lowered"
        act = " of the act" if contrast.verdict == "act" else ""
        return f"{_model(contrast)}{first} together {direction} the rate{act} beyond {second}"
    did = f"{_DOING[contrast.verdict]} {kind} often"
    if isinstance(contrast.model, tuple) or not contrast.model:
        return f"{first} {did} than {second}"
    return f"{contrast.model} {did} {first} than {second}"


_DOING: dict[str, str] = {
    "harmful": "was harmful",
    "act": "did the act",
    "paper": "was harmful by the study's rule",
}


def _model(contrast: Contrasted) -> str:
    return f"{contrast.model}, " if isinstance(contrast.model, str) and contrast.model else ""


def _sides(contrast: Contrasted, first: str, second: str) -> str:
    what = "act, " if contrast.verdict == "act" else ""
    if contrast.kind == "interaction":
        return f"{_model(contrast)}{what}{first} together beyond {second}"
    return f"{_model(contrast)}{what}{first} against {second}"
