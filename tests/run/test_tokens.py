"""Whose tokenizer counts for a model, what it is sent, and what becomes of a failure."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import inspect_ai.model
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from cornered.run import tokens
from cornered.run.tokens import (
    KEYS,
    SAMPLE,
    PromptParts,
    TokenEstimate,
    TokenRequest,
    estimate_tokens,
    has_counter,
    spread,
)
from tests.run.counters import CHARS, Counters, counters

PROMPTS: dict[str, list[PromptParts]] = {
    "short": [("s" * 400, "u" * 600)],
    "long": [("s" * 400, "u" * n) for n in (1600, 2600, 3600, 4600, 5600, 6600)],
}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counters]:
    with counters(monkeypatch) as played:
        yield played


def reading(model: str, **settings: Any) -> TokenRequest:
    return TokenRequest(
        **({"model": model, "chars": 4.0, "ratio": 1.0, "prompts": PROMPTS} | settings)
    )


def gauged(model: str, **settings: Any) -> TokenEstimate:
    (found,) = estimate_tokens([reading(model, **settings)], offline=False)
    return found


def test_the_providers_with_a_counter_are_those_of_this_inspect() -> None:
    spec = find_spec("inspect_ai")
    assert spec is not None
    assert spec.origin is not None
    counting = set()
    for path in (Path(spec.origin).parent / "model" / "_providers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = {getattr(part, "name", "") for part in node.body}
                if names & {"count_tokens", "count_text_tokens"}:
                    counting.add(path.stem)
    assert set(KEYS) == counting


@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude-opus-4-6"])
def test_a_provider_counts_a_few_prompts_of_each_scenario(service: Counters, model: str) -> None:
    pytest.importorskip(model.partition("/")[0])
    found = gauged(model)
    assert found.by == "provider"
    assert found.problem is None
    # 4 characters to a token were assumed, and it takes 2.
    assert found.ratio == pytest.approx(4 / CHARS, rel=0.01)
    assert found.of("long") == pytest.approx(4 / CHARS, rel=0.01)
    assert {name for name, _ in service.asked} == {model.partition("/")[2]}
    lengths = sorted(sum(map(len, sent)) for _, sent in service.asked)
    # Inspect makes one message of system and user for Anthropic's: a newline more.
    assert lengths == pytest.approx([1000, 2000, 4000, 5000, 7000], abs=1)


def test_each_scenario_has_its_own_ratio(service: Counters) -> None:
    service.tokens = 500
    found = gauged("openai/gpt-5")
    assert found.of("short") == pytest.approx(500 / (1000 / 4))
    assert found.of("long") == pytest.approx(4 * 500 / (18_000 / 4))
    assert found.ratio == pytest.approx(5 * 500 / (19_000 / 4))


def test_openai_s_older_models_are_counted_with_its_tokenizer_here(
    service: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Encoding:
        def encode(self, text: str, **options: Any) -> list[int]:
            return [0] * (len(text) // CHARS)

    monkeypatch.setattr(tiktoken, "encoding_for_model", lambda name: Encoding())
    found = gauged("openai/gpt-4.1")
    assert (found.by, found.ratio) == ("provider", pytest.approx(4 / CHARS, rel=0.01))
    assert service.asked == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 401}, "401"),
        ({"status": 404}, "its counter did not answer"),
        ({"tokens": 0}, "no number"),
        ({"tokens": "many"}, "no number"),
    ],
)
def test_a_failure_falls_back_to_characters_and_says_why(
    service: Counters, change: dict[str, Any], said: str
) -> None:
    vars(service).update(change)
    # Not one of OpenAI's: Inspect would count it with OpenAI's tokenizer where the service fails.
    found = gauged("openai/some-model-of-one-s-own", ratio=1.3)
    assert service.asked
    assert (found.by, found.ratio, found.of("long")) == ("characters", 1.3, 1.3)
    assert found.problem is not None
    assert said in found.problem
    assert "\n" not in found.problem


def test_a_service_that_hangs_is_not_waited_for(
    service: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blocks(name: str) -> Any:
        released.wait(60)

    released = threading.Event()
    monkeypatch.setattr(tiktoken, "encoding_for_model", blocks)
    monkeypatch.setattr(tokens, "SECONDS", 0.5)
    service.waits_for = released
    gauged("anthropic/none")  # imports are made before the clock starts, and before ours
    begun = time.monotonic()
    hung = estimate_tokens([reading("openai/gpt-5"), reading("openai/gpt-4.1")], offline=False)
    took = time.monotonic() - begun
    released.set()
    assert took < 50
    assert [(found.by, found.problem) for found in hung] == [
        ("characters", "no answer in 0.5 s")
    ] * 2


def test_one_failure_leaves_the_others_counted(service: Counters) -> None:
    found = estimate_tokens(
        [reading("openai/azure/gpt-5"), reading("some/model"), reading("openai/gpt-5")],
        offline=False,
    )
    assert [g.by for g in found] == ["characters", "characters", "provider"]
    assert found[0].problem
    assert found[1].problem is None


def test_nothing_is_sent_offline_or_where_there_is_nothing_to_read(service: Counters) -> None:
    (offline,) = estimate_tokens([reading("openai/gpt-5", ratio=1.3)], offline=True)
    idle = gauged("openai/gpt-5", prompts={})
    assert offline == TokenEstimate("characters", 1.3)
    assert idle == TokenEstimate("characters", 1.0)
    assert service.asked == []


def test_without_a_key_no_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(inspect_ai.model, "get_model", lambda name, **_: made.append(name))
    names = ["openai/gpt-5", "anthropic/claude-opus-4-6", "cornered/embedded", "some/model"]
    found = estimate_tokens([reading(name) for name in names], offline=False)
    assert {(g.by, g.problem) for g in found} == {("characters", None)}
    assert made == []


def test_a_key_of_one_provider_is_none_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "not-a-real-key")
    names = ["google/gemini-2.5-pro", "openai/gpt-5", "openrouter/google/gemini-2.5-pro", "google"]
    assert [has_counter(name) for name in names] == [True, False, False, True]


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1))
def test_the_sample_is_few_and_spans_all_lengths(prompts: list[PromptParts]) -> None:
    def length(prompt: PromptParts) -> int:
        return sum(map(len, prompt))

    sample = spread(prompts)
    assert set(sample) <= set(prompts)
    assert len(set(sample)) == len(sample) == min(SAMPLE, len(set(prompts)))
    assert length(sample[0]) == min(map(length, prompts))
    assert length(sample[-1]) == max(map(length, prompts))
