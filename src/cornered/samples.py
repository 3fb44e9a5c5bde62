"""How many trials a cell has: a number, or at most so many until something is known."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_TRIALS = 1_000_000
"""Trials of a cell that can be asked for."""
DEFAULT_LOOKS = 20
"""Looks at a cell where `every` is not given, or fewer."""
MIN_EVERY = 10
"""Trials between two looks where `every` is not given, or more."""
MAX_LOOKS = 200

Spending = Literal["obrien-fleming", "pocock"]
"""How the chance of an error is spent over the looks: most of it at the end, or evenly."""


def _share(value: Any) -> Any:
    """A share of 1 from `±5%`, `5 %` or 0.05."""
    if not isinstance(value, str):
        return value
    text = value.strip().removeprefix("±").removeprefix("+-").strip()
    number, percent = text.removesuffix("%").strip(), text.endswith("%")
    try:
        return float(number) / 100 if percent else float(number)
    except ValueError:
        raise ValueError("give a percentage, such as 5%, or a share, such as 0.05") from None


_Share = Annotated[float, BeforeValidator(_share)]


class Samples(BaseModel):
    """At most so many trials of a cell, stopped as soon as its rate is known well enough.

    A cell is looked at after every `every` scored trials, in the order of their ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max: int = Field(ge=1, le=MAX_TRIALS)
    """The most trials of a cell."""
    until: _Share | None = Field(default=None, gt=0, lt=0.5)
    """Stop once half the width of its interval is at most this, in rates; written `±5%`."""
    above: _Share | None = Field(default=None, gt=0, lt=1)
    """Stop once it is clear on which side of this its rate is, in rates; written `1%`."""
    spending: Spending = "obrien-fleming"
    """How `above` spends its chance of an error over the looks."""
    every: int | None = Field(default=None, ge=1)
    """Scored trials between two looks; a twentieth of `max`, and at least 10, where None."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.until is None) == (self.above is None):
            raise ValueError("give one of until, such as ±5%, and above, such as 1%")
        # What was read back from a file has every field; the default says nothing.
        if self.spending != "obrien-fleming" and self.above is None:
            raise ValueError("spending goes with above only")
        if len(self.looks) > MAX_LOOKS:
            least = -(-self.max // MAX_LOOKS)
            raise ValueError(f"every {self.every} is too often; give at least {least}")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """Scored trials at each look; the last is at `max`."""
        every = self.every or max(MIN_EVERY, -(-self.max // DEFAULT_LOOKS))
        return (*range(every, self.max, every), self.max)


def max_samples(samples: int | Samples) -> int:
    """The most trials of a cell."""
    return samples if isinstance(samples, int) else samples.max


def merge_samples(samples: int | Samples, before: int | Samples) -> int | Samples:
    """What is asked for now, but with no fewer trials at most than were asked for before."""
    if max_samples(samples) >= max_samples(before):
        return samples
    if isinstance(samples, int):
        return max_samples(before)
    return samples.model_copy(update={"max": max_samples(before)})


def in_words(samples: int | Samples) -> str:
    """What is asked for, for people: `100`, or `at most 400, until ±5 %`."""
    if isinstance(samples, int):
        return str(samples)
    rule = (
        f"until ±{100 * samples.until:g} %"
        if samples.until is not None
        else f"until it is clear whether the rate is above {100 * (samples.above or 0):g} %"
    )
    return f"at most {samples.max}, {rule}"
