"""Input tokens of a model: counted by its provider, or estimated from characters.

OpenAI, Anthropic, Google and xAI count the tokens of a prompt free of charge, and Inspect can ask
them. For all others Inspect would count with one model's tokenizer and add a tenth, which is no
better than a measured ratio of characters to tokens.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Literal

from cornered.text import shorten

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, Model

PROMPT_CHARS = 3.4
"""Characters per token of our prompts.

Measured on 2026-11-22 on twelve cells of each of blackmail, espionage and lethal (goal and
threat on and off; 0, 20 and 40 unrelated mails) with the embedded model's own vocabulary, whose
counts equalled its engine's in two logs, and with three more tokenizers: Qwen2.5 3.09 to 3.74,
OpenAI's cl100k 3.26 to 3.83, Claude 2 3.10 to 3.59, DeepSeek 3.24 to 3.78.
"""
RUBRIC_CHARS = 4.1
"""Characters per token of a judge's rubric, which is plain prose: 3.85 to 4.28.

Also used for the reader's rubrics and the debrief's questions, which are similar prose.
"""
TOKEN_ERROR = 0.12
"""Largest relative error of both ratios over these packs and tokenizers."""
KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "AZUREAI_ANTHROPIC_API_KEY", "AZURE_ANTHROPIC_API_KEY"),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY", "VERTEX_API_KEY"),
    "grok": ("XAI_API_KEY", "GROK_API_KEY"),
    "openai": ("OPENAI_API_KEY", "AZUREAI_OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"),
}
"""Providers that count with their own tokenizer, and the variables that may hold their key.

Inspect's provider classes know this too, but reading them imports the provider's client.
"""
SECONDS = 10.0
"""Time limit for all counts together; models without an answer are estimated from characters."""
MARKUP = re.compile(r"\[/?[a-z]+\]")
"""Rich markup in Inspect's messages."""
SAMPLE = 4
"""Prompts counted per scenario: the shortest, the longest and two in between."""

PromptParts = tuple[str, ...]
"""The system and the user message, or the user message alone."""
TokensBy = Literal["provider", "characters"]


@dataclass(frozen=True)
class TokenRequest:
    """The prompts of one model, and what is known of its tokenizer beforehand."""

    model: str
    chars: float
    """Characters of such prompts per token on most tokenizers."""
    ratio: float
    """Tokens by its tokenizer per token on most tokenizers."""
    prompts: Mapping[str, Sequence[PromptParts]]
    """By scenario; empty if it has nothing to read."""


@dataclass(frozen=True)
class TokenEstimate:
    """Tokens by a model's tokenizer per token on most tokenizers."""

    by: TokensBy
    ratio: float
    """Over all counted prompts; also used for texts not yet written, such as answers."""
    ratios: Mapping[str, float] = field(default_factory=dict)
    """By scenario, if its prompts were counted."""
    problem: str | None = None
    """In one line, why its provider did not count although its key is set."""

    def of(self, scenario: str) -> float:
        """The ratio of a scenario's prompts."""
        return self.ratios.get(scenario, self.ratio)


def estimate_tokens(requests: Sequence[TokenRequest], *, offline: bool) -> list[TokenEstimate]:
    """The token estimate of each request; providers are called concurrently.

    Never raises for a provider's failure: a model whose provider cannot be reached, or has not
    answered after `SECONDS`, is estimated from characters, with the reason.

    Args:
        requests: One for each model and role.
        offline: Call no provider.
    """
    sent = [r for r in requests if r.prompts and has_counter(r.model)] if not offline else []
    samples = [{name: spread(p) for name, p in r.prompts.items()} for r in sent]
    answers = _count([(r.model, _flat(s)) for r, s in zip(sent, samples, strict=True)])
    counted = {
        id(r): _from_answer(r, sample, answer)
        for r, sample, answer in zip(sent, samples, answers, strict=True)
    }
    return [counted.get(id(r), TokenEstimate("characters", r.ratio)) for r in requests]


def has_counter(model: str) -> bool:
    """Whether a model's provider counts tokens and its key is set. Imports nothing."""
    provider = model.partition("/")[0]
    return any(os.environ.get(key) for key in KEYS.get(provider, ()))


def spread(prompts: Iterable[PromptParts]) -> list[PromptParts]:
    """`SAMPLE` distinct prompts evenly spaced by length, from shortest to longest; or all."""
    ordered = sorted(set(prompts), key=lambda p: (_length(p), p))
    if len(ordered) <= SAMPLE:
        return ordered
    step = (len(ordered) - 1) / (SAMPLE - 1)
    return [ordered[round(i * step)] for i in range(SAMPLE)]


def _from_answer(
    request: TokenRequest, samples: Mapping[str, Sequence[PromptParts]], answer: Sequence[int] | str
) -> TokenEstimate:
    if isinstance(answer, str):
        return TokenEstimate("characters", request.ratio, problem=answer)
    tokens = iter(answer)
    counted = {name: sum(next(tokens) for _ in prompts) for name, prompts in samples.items()}
    expected = {
        name: sum(map(_length, prompts)) / request.chars for name, prompts in samples.items()
    }
    return TokenEstimate(
        "provider",
        sum(counted.values()) / sum(expected.values()),
        {name: counted[name] / expected[name] for name in samples},
    )


def _length(prompt: PromptParts) -> int:
    return sum(map(len, prompt))


def _flat(samples: Mapping[str, Sequence[PromptParts]]) -> list[PromptParts]:
    return [prompt for prompts in samples.values() for prompt in prompts]


def _count(questions: Sequence[tuple[str, Sequence[PromptParts]]]) -> list[tuple[int, ...] | str]:
    """The tokens of each model's prompts, or in one line why they are unknown."""
    if not questions:
        return []
    from cornered.run.runner import load_extensions

    load_extensions()
    # Clients are made before the timer starts: their imports take seconds on a slow machine.
    clients = [_client(model) for model, _ in questions]
    deadline = monotonic() + SECONDS
    counts = [
        client if isinstance(client, str) else _begin(client, prompts)
        for client, (_, prompts) in zip(clients, questions, strict=True)
    ]
    return [c if isinstance(c, str) else _outcome(c, deadline) for c in counts]


def _begin(model: Model, prompts: Sequence[PromptParts]) -> Future[tuple[int, ...]]:
    """Starts counting in a daemon thread.

    Inspect fetches OpenAI's tokenizer with a blocking call without a timeout. In a shared event
    loop it would block all other models, and the end of the process.
    """
    future: Future[tuple[int, ...]] = Future()

    def work() -> None:
        try:
            future.set_result(asyncio.run(_tokens(model, prompts)))
        except Exception as e:
            future.set_exception(e)

    Thread(target=work, daemon=True).start()
    return future


def _client(name: str) -> Model | str:
    """A model that counts with its provider's tokenizer only, or why there is no such model."""
    from inspect_ai.model import get_model

    async def no_estimate(text: str) -> int:
        del text
        raise RuntimeError("its counter did not answer")

    try:
        model = get_model(name, memoize=False)
    except Exception as e:  # no package, or a key for another service
        return _line(e)
    if _would_estimate(model):
        # Inspect falls back on it if the counter fails, and the count would pass as the provider's.
        model.api.count_text_tokens = no_estimate  # type: ignore[method-assign]
    return model


def _would_estimate(model: Model) -> bool:
    """Whether Inspect would count a model's texts with another model's tokenizer."""
    from inspect_ai.model import ModelAPI

    if type(model.api).count_text_tokens is ModelAPI.count_text_tokens:
        return True
    if str(model).startswith("openai/"):
        from tiktoken import encoding_name_for_model

        try:
            encoding_name_for_model(model.api.model_family())
        except KeyError:
            return True
    return False


async def _tokens(model: Model, prompts: Sequence[PromptParts]) -> tuple[int, ...]:
    # Calls the provider, not the model: Inspect's own retries never end and share limits
    # between event loops.
    async with asyncio.timeout(SECONDS), model:
        counts = await asyncio.gather(
            *(model.api.count_tokens(_messages(prompt), model.config) for prompt in prompts)
        )
    if not all(isinstance(count, int) and count > 0 for count in counts):
        raise ValueError("its counter answered with no number")
    return tuple(counts)


def _messages(prompt: PromptParts) -> list[ChatMessage]:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    *system, user = prompt
    return [*(ChatMessageSystem(content=text) for text in system), ChatMessageUser(content=user)]


def _outcome(future: Future[tuple[int, ...]], deadline: float) -> tuple[int, ...] | str:
    try:
        return future.result(timeout=max(0.0, deadline - monotonic()))
    except TimeoutError:
        return f"no answer in {SECONDS:g} s"
    except Exception as e:
        return _line(e)


def _line(error: Exception) -> str:
    plain = MARKUP.sub("", str(error)).removeprefix("ERROR: ")
    return shorten(" ".join(plain.split()) or type(error).__name__, 120)
