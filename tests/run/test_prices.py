"""Prices on file: whose they are, where they were read, and what is no price."""

from __future__ import annotations

from datetime import date

import pytest

from cornered.errors import ExperimentError
from cornered.run import prices as price_list
from cornered.run.prices import Price, find_price, parse_price


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("openai/gpt-4.1", True),
        ("openai/gpt-4.1-2025-04-14", True),
        ("anthropic/claude-haiku-4-5-20251001", True),
        ("openai/gpt-4.1-other", False),
        ("openrouter/openai/gpt-4.1", False),
        ("openai/azure/gpt-4.1", False),
    ],
)
def test_a_price_is_that_of_the_model_and_its_snapshots_only(name: str, known: bool) -> None:
    assert (find_price(name) is not None) == known


def test_every_price_says_where_and_when_it_was_read() -> None:
    prices = price_list._prices()
    assert len(prices) > 20
    for name, price in prices.items():
        assert name.count("/") == 1
        assert 0 < price.input < price.output
        assert price.source.startswith("https://")
        assert price.read is not None
        assert price.read <= date.today()


@pytest.mark.parametrize("text", ["", "3", "3,x", "3,4,5", "-1,2", "nan,1", "1,inf"])
def test_a_price_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ExperimentError, match="is not a price"):
        parse_price(text)


def test_a_price_is_two_numbers() -> None:
    assert parse_price("0.5, 2") == Price(0.5, 2.0, "given")
