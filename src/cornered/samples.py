"""The number of trials of a cell: fixed, or a maximum with a stopping rule."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_TRIALS = 1_000_000
"""Largest number of trials of a cell."""
DEFAULT_LOOKS = 20
"""Most looks at a cell where `every` is not given."""
MIN_EVERY = 10
"""Fewest trials between two looks where `every` is not given."""
MAX_LOOKS = 200
"""Most looks at a cell."""

Spending = Literal["obrien-fleming", "pocock"]
"""The alpha-spending function over the looks: most at the end, or evenly."""


def as_share(value: Any) -> Any:
    """A share between 0 and 1, from `±5%`, `5 %` or 0.05."""
    if not isinstance(value, str):
        return value
    text = value.strip().removeprefix("±").removeprefix("+-").strip()
    number, percent = text.removesuffix("%").strip(), text.endswith("%")
    try:
        return float(number) / 100 if percent else float(number)
    except ValueError:
        raise ValueError("give a percentage, such as 5%, or a share, such as 0.05") from None


Share = Annotated[float, BeforeValidator(as_share)]
"""A share between 0 and 1; in a file also as a percentage."""


class Samples(BaseModel):
    """A maximum number of trials of a cell, with a rule for stopping earlier.

    There is a look at a cell after every `every` scored trials, in the order of their ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max: int = Field(ge=1, le=MAX_TRIALS)
    """Largest number of trials of a cell."""
    until: Share | None = Field(default=None, gt=0, lt=0.5)
    """Stop once half the width of the rate's interval is at most this (0.05 is 5 points); written
    `±5%`."""
    above: Share | None = Field(default=None, gt=0, lt=1)
    """Stop once it is clear whether the rate is above this (0.01 is 1 %); written `1%`."""
    spending: Spending = "obrien-fleming"
    """How `above` spends alpha over the looks."""
    every: int | None = Field(default=None, ge=1)
    """Scored trials between two looks; where None, a twentieth of `max`, at least 10."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.until is None) == (self.above is None):
            raise ValueError("give either until, such as ±5%, or above, such as 1%")
        # A stored rule has every field, so the default is allowed.
        if self.spending != "obrien-fleming" and self.above is None:
            raise ValueError("spending needs above")
        if len(self.looks) > MAX_LOOKS:
            least = -(-self.max // MAX_LOOKS)
            raise ValueError(f"every {self.every} is too often; give at least {least}")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of scored trials at each look, ascending; the last is `max`."""
        every = self.every or max(MIN_EVERY, -(-self.max // DEFAULT_LOOKS))
        return (*range(every, self.max, every), self.max)


def max_samples(samples: int | Samples) -> int:
    """Largest number of trials of a cell."""
    return samples if isinstance(samples, int) else samples.max


def merge_samples(samples: int | Samples, before: int | Samples) -> int | Samples:
    """The new `samples`, with a maximum no smaller than before."""
    if max_samples(samples) >= max_samples(before):
        return samples
    if isinstance(samples, int):
        return max_samples(before)
    return samples.model_copy(update={"max": max_samples(before)})


def in_words(samples: int | Samples) -> str:
    """`samples` in words: `100`, or `at most 400, until ±5 %`."""
    if isinstance(samples, int):
        return str(samples)
    rule = (
        f"until ±{100 * samples.until:g} %"
        if samples.until is not None
        else f"until it is clear whether the rate is above {100 * (samples.above or 0):g} %"
    )
    return f"at most {samples.max}, {rule}"
