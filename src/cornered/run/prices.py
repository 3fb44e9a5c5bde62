"""What models cost: a dated list, since Inspect ships none."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, RootModel

from cornered.errors import ExperimentError


@dataclass(frozen=True)
class Price:
    """What a model costs, in US dollars for a million tokens."""

    input: float
    output: float
    source: str
    """The page that says so; "given" for a price of the user's."""
    read: date | None = None
    token_ratio: float = 1.0
    """Tokens that its tokenizer makes of what makes one on most others."""

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """US dollars for so many tokens."""
        return (tokens_in * self.input + tokens_out * self.output) / 1_000_000


class _PriceList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    read: date
    token_ratio: float = Field(default=1.0, gt=0)
    models: dict[str, tuple[float, float]]


class _Prices(RootModel[list[_PriceList]]):
    pass


SNAPSHOT = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})\Z")


@cache
def _prices() -> dict[str, Price]:
    from cornered.yamlfile import parse_yaml, read_text

    path = Path(__file__).with_name("prices.yaml")
    text = read_text(path, error=ExperimentError)
    lists = _Prices.model_validate(parse_yaml(text, path=path, error=ExperimentError)).root
    return {
        name: Price(*dollars, source=given.source, read=given.read, token_ratio=given.token_ratio)
        for given in lists
        for name, dollars in given.models.items()
    }


def find_price(model: str) -> Price | None:
    """What a model costs, by its Inspect name; None where that is unknown.

    A model of ours runs on this machine and costs nothing.
    """
    if model.startswith("cornered/"):
        return Price(0.0, 0.0, "runs on this machine")
    return _prices().get(model) or _prices().get(SNAPSHOT.sub("", model))


def parse_price(text: str) -> Price:
    """A price as `IN,OUT`, US dollars for a million tokens.

    Raises:
        ExperimentError: it is something else.
    """
    try:
        given, out = (float(part) for part in text.split(","))
        if not (0 <= given < math.inf and 0 <= out < math.inf):
            raise ValueError
    except ValueError:
        raise ExperimentError(
            f"{text} is no price", fix="give two numbers, IN,OUT: US dollars per million tokens"
        ) from None
    return Price(given, out, "given")
