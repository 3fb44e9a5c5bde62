"""Prices of models: a dated list, since Inspect ships none."""

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
    """The price of a model, in US dollars per million tokens."""

    input: float
    output: float
    source: str
    """The page with the price; "given" for one given by the user."""
    read: date | None = None
    """When that page was read."""
    token_ratio: float = 1.0
    """Tokens by the model's tokenizer per token on most tokenizers."""

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """The cost of input and output tokens, in US dollars."""
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
    """The price of a model, by its Inspect name; None if unknown.

    Our own models run on this machine and cost nothing.
    """
    if model.startswith("cornered/"):
        return Price(0.0, 0.0, "runs on this machine")
    return _prices().get(model) or _prices().get(SNAPSHOT.sub("", model))


def parse_price(text: str) -> Price:
    """A price from `IN,OUT`, US dollars per million tokens.

    Raises:
        ExperimentError: the text is not a price.
    """
    try:
        given, out = (float(part) for part in text.split(","))
        if not (0 <= given < math.inf and 0 <= out < math.inf):
            raise ValueError
    except ValueError:
        raise ExperimentError(
            f"{text} is not a price", fix="give two numbers, IN,OUT: US dollars per million tokens"
        ) from None
    return Price(given, out, "given")
