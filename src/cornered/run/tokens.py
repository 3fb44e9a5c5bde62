"""Tokens of what a model reads: by its provider's own counter, or from characters.

OpenAI, Anthropic, Google and xAI count a prompt without charge, and Inspect asks them. For all
others Inspect would count with one model's tokenizer for any model's, and add a tenth: no
better than characters, at a ratio that was measured.
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
"""Characters of our prompts that make one token.

Measured on 2026-11-22 on twelve cells of each of blackmail, espionage and lethal (goal and
threat on and off; 0, 20 and 40 unrelated mails) with the embedded model's own vocabulary, whose
counts equalled its engine's in two logs, and with three more tokenizers: Qwen2.5 3.09 to 3.74,
OpenAI's cl100k 3.26 to 3.83, Claude 2 3.10 to 3.59, DeepSeek 3.24 to 3.78.
"""
RUBRIC_CHARS = 4.1
"""Characters of a judge's rubric, which is plain prose, that make one token: 3.85 to 4.28.

Taken for a reader's rubrics and the debrief's questions too, which are prose of the same kind.
"""
TOKEN_ERROR = 0.12
"""Largest relative error of both ratios over those packs and tokenizers."""
KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "AZUREAI_ANTHROPIC_API_KEY", "AZURE_ANTHROPIC_API_KEY"),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY", "VERTEX_API_KEY"),
    "grok": ("XAI_API_KEY", "GROK_API_KEY"),
    "openai": ("OPENAI_API_KEY", "AZUREAI_OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"),
}
"""Inspect's providers that count with their own tokenizer, and the variables that hold a key.

Their classes tell it too, but reading those imports the clients of every provider asked about.
"""
SECONDS = 10.0
"""For all counts together; what has no answer by then is counted from characters."""
MARKUP = re.compile(r"\[/?[a-z]+\]")
"""In Inspect's messages."""
SAMPLE = 4
"""Prompts of each scenario that are counted: the shortest, the longest and some between."""

Prompt = tuple[str, ...]
"""The system and the user message, or the user message alone."""
TokensBy = Literal["provider", "characters"]


@dataclass(frozen=True)
class TokenRequest:
    """What one model is to read, and what is known of its tokenizer without asking."""

    model: str
    chars: float
    """Characters of such prompts that make one token on most tokenizers."""
    ratio: float
    """Tokens that its tokenizer makes of what makes one on most."""
    prompts: Mapping[str, Sequence[Prompt]]
    """By scenario; empty where it has nothing to read."""


@dataclass(frozen=True)
class TokenEstimate:
    """How many tokens a model's tokenizer makes of what makes one on most others."""

    by: TokensBy
    ratio: float
    """Over all that was counted; also for texts that are not there yet, such as answers."""
    ratios: Mapping[str, float] = field(default_factory=dict)
    """By scenario, where its prompts were counted."""
    problem: str | None = None
    """In one line, why its provider did not count though there is a key."""

    def of(self, scenario: str) -> float:
        """The ratio of a scenario's prompts."""
        return self.ratios.get(scenario, self.ratio)


def estimate_tokens(requests: Sequence[TokenRequest], *, offline: bool) -> list[TokenEstimate]:
    """How each model's tokens are counted, the models asked side by side.

    Never raises for what a provider does: a model that cannot be asked, or that has not
    answered after `SECONDS`, is counted from characters, and says why.

    Args:
        requests: One for each model and kind of prompt.
        offline: Ask nobody.
    """
    asked = [r for r in requests if r.prompts and has_counter(r.model)] if not offline else []
    samples = [{name: spread(p) for name, p in r.prompts.items()} for r in asked]
    answers = _count([(r.model, _flat(s)) for r, s in zip(asked, samples, strict=True)])
    counted = {
        id(r): _from_answer(r, sample, answer)
        for r, sample, answer in zip(asked, samples, answers, strict=True)
    }
    return [counted.get(id(r), TokenEstimate("characters", r.ratio)) for r in requests]


def has_counter(model: str) -> bool:
    """Whether a model's provider counts tokens, and there is a key for it. Imports nothing."""
    provider = model.partition("/")[0]
    return any(os.environ.get(key) for key in KEYS.get(provider, ()))


def spread(prompts: Iterable[Prompt]) -> list[Prompt]:
    """The shortest, the longest and some between, each once: `SAMPLE` of them, or all."""
    ordered = sorted(set(prompts), key=lambda p: (_length(p), p))
    if len(ordered) <= SAMPLE:
        return ordered
    step = (len(ordered) - 1) / (SAMPLE - 1)
    return [ordered[round(i * step)] for i in range(SAMPLE)]


def _from_answer(
    reading: TokenRequest, samples: Mapping[str, Sequence[Prompt]], answer: Sequence[int] | str
) -> TokenEstimate:
    if isinstance(answer, str):
        return TokenEstimate("characters", reading.ratio, problem=answer)
    tokens = iter(answer)
    counted = {name: sum(next(tokens) for _ in prompts) for name, prompts in samples.items()}
    expected = {
        name: sum(map(_length, prompts)) / reading.chars for name, prompts in samples.items()
    }
    return TokenEstimate(
        "provider",
        sum(counted.values()) / sum(expected.values()),
        {name: counted[name] / expected[name] for name in samples},
    )


def _length(prompt: Prompt) -> int:
    return sum(map(len, prompt))


def _flat(samples: Mapping[str, Sequence[Prompt]]) -> list[Prompt]:
    return [prompt for prompts in samples.values() for prompt in prompts]


def _count(questions: Sequence[tuple[str, Sequence[Prompt]]]) -> list[tuple[int, ...] | str]:
    """The tokens of each model's prompts, or in one line why they are not known."""
    if not questions:
        return []
    from cornered.run.runner import load_extensions

    load_extensions()
    # Clients are made before the clock starts: their imports take seconds on a slow machine.
    clients = [_client(model) for model, _ in questions]
    deadline = monotonic() + SECONDS
    begun = [
        client if isinstance(client, str) else _begin(client, prompts)
        for client, (_, prompts) in zip(clients, questions, strict=True)
    ]
    return [b if isinstance(b, str) else _outcome(b, deadline) for b in begun]


def _begin(model: Model, prompts: Sequence[Prompt]) -> Future[tuple[int, ...]]:
    """Starts counting, in a thread that nobody has to wait for.

    OpenAI's tokenizer is a file that Inspect fetches with a blocking call without a time limit;
    one loop for all models would hang with it, and so would the end of the process.
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
    """A model that counts with its provider's tokenizer only, or why there is none."""
    from inspect_ai.model import get_model

    async def no_estimate(text: str) -> int:
        del text
        raise RuntimeError("its counter did not answer")

    try:
        model = get_model(name, memoize=False)
    except Exception as e:  # no package, or a key of another service than the name's
        return _line(e)
    if _would_estimate(model):
        # Inspect turns to it where the counter fails, and the count would pass for a provider's.
        model.api.count_text_tokens = no_estimate  # type: ignore[method-assign]
    return model


def _would_estimate(model: Model) -> bool:
    """Whether Inspect counts texts for a model with another model's tokenizer."""
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


async def _tokens(model: Model, prompts: Sequence[Prompt]) -> tuple[int, ...]:
    # Of the provider, not of the model: Inspect's own retries have no end and share limits
    # between event loops.
    async with asyncio.timeout(SECONDS), model:
        counts = await asyncio.gather(
            *(model.api.count_tokens(_messages(prompt), model.config) for prompt in prompts)
        )
    if not all(isinstance(count, int) and count > 0 for count in counts):
        raise ValueError("its counter answered with no number")
    return tuple(counts)


def _messages(prompt: Prompt) -> list[ChatMessage]:
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
