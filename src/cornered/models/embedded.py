"""The embedded model as an Inspect provider: draws of one prompt gathered into one request.

On two cores reading a prompt takes as long as writing the answers. Draws that wait at the
same time for the same prompt therefore become one request to the engine, which reads the
prompt once and writes up to eight answers side by side.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from weakref import WeakKeyDictionary

import httpx
from inspect_ai.log._samples import sample_active
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelCall,
    ModelOutput,
    ModelUsage,
    RetryDecision,
    StopReason,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from cornered.errors import ModelError
from cornered.models import DEFAULT_MAX_TOKENS
from cornered.models.calls import Answer, answer_schema, as_text, read_answer, tools_text
from cornered.models.server import SLOTS, EngineServer, require_engine, shared_server
from cornered.models.weights import require_weights

_WINDOW_S = 0.2
_SEED_BITS = 28

# The engine's own defaults, except for the temperature (0.8 there), sent with every
# request so that the log says what was used.
_SAMPLING = {"temperature": 1.0, "top_p": 0.95, "top_k": 40, "min_p": 0.05}
# Options that would change the answer and that we cannot honour.
_UNSUPPORTED = ("num_choices", "best_of", "logprobs", "top_logprobs", "prompt_logprobs")


class EmbeddedAPI(ModelAPI):
    """`cornered/embedded`: Qwen2.5-Coder-1.5B-Instruct, or `$CORNERED_GGUF`, on this machine.

    Honours `temperature` (default 1.0), `top_p` (0.95), `top_k` (40), `max_tokens` (1024),
    `stop_seqs`, `frequency_penalty`, `presence_penalty`, `logit_bias`, `seed` and
    `response_schema`. Messages are text.

    Tools are told of in the system message, and decoding is constrained so that each answer is
    one call with arguments of the right types, or something said: see `calls.py`.

    Every draw has a seed of its own. With `seed` in the configuration it follows from that
    seed, the prompt and the names of the trials that were gathered together, so other
    trials never repeat an answer; the same trials gathered alike do.

    Usage counts work done: the prompt tokens of a group are split over its draws, the
    remainder to the first, into those computed (`input_tokens`) and those the engine still
    knew (`input_tokens_cache_read`); each draw has its own `output_tokens`. Tokens of a draw
    that was cancelled while its group ran are in no log.
    """

    def __init__(self, model_name: str, config: GenerateConfig, **model_args: object) -> None:
        """Check that the model could be started; start nothing yet.

        Raises:
            ModelError: the extra is not installed, or an argument was given.
        """
        super().__init__(model_name=model_name, config=config)
        if model_args:
            raise ModelError(
                f"cornered/{model_name} takes no model argument {', '.join(sorted(model_args))}",
                fix="remove it; CORNERED_GGUF sets another model file",
            )
        require_engine()
        require_weights()

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> tuple[ModelOutput, ModelCall]:
        """One draw, gathered with others of the same prompt that wait at the same time.

        A prompt that does not fit gives an empty answer with stop reason `model_length`.

        Raises:
            ModelError: media or unsupported options, or the engine ended.
            httpx.TransportError: the connection failed while the engine runs (retried).
        """
        draw = await _gatherer().draw(_prompt(input, config, tools, tool_choice))
        answer = read_answer(draw.text, tools, tool_choice) if tools else Answer(draw.text)
        return _output(draw, answer, f"cornered/{self.model_name}"), draw.call

    def max_tokens(self) -> int:
        """The longest answer where the configuration sets none."""
        return DEFAULT_MAX_TOKENS

    def max_connections(self) -> int:
        """Two full groups: one is being written while the next one gathers."""
        return 2 * SLOTS

    def connection_key(self) -> str:
        """One pool for the one engine."""
        return "embedded"

    def should_retry(self, ex: Exception) -> RetryDecision:
        """Retry what may pass by itself: a broken connection to an engine that still runs."""
        if isinstance(ex, httpx.TransportError):
            return RetryDecision.transient()
        return RetryDecision.no()


@dataclass(frozen=True)
class DrawRequest:
    """The prompt and options of a draw; draws with equal ones share a request to the engine."""

    messages: tuple[tuple[str, str], ...]
    """(role, text)."""
    options: str
    """The sampling options of the engine's request, as JSON; equal options in equal order."""
    max_tokens: int
    seed: int | None

    def seed_for(self, names: Sequence[str]) -> int:
        """The seed of a request for these draws; the engine adds 1 for each further draw.

        Multiples of the most draws in a request, so that no two requests share a seed.
        """
        if self.seed is None:
            return secrets.randbits(_SEED_BITS) * SLOTS
        text = json.dumps([self.seed, self.messages, self.options, self.max_tokens, *names])
        digest = hashlib.sha256(text.encode()).digest()
        return int.from_bytes(digest[:4]) % (1 << _SEED_BITS) * SLOTS


@dataclass(frozen=True)
class Draw:
    """One answer and what it cost.

    Attributes:
        text: The answer; empty where the prompt did not fit.
        stop_reason: Why it ended, in Inspect's words.
        usage: This draw's share of the work.
        prompt_tokens: The length of the prompt.
        call: The request that it was part of, and the engine's answer for this draw.
        error: Why there is no answer, where there is none.
    """

    text: str
    stop_reason: Literal["stop", "max_tokens", "model_length"]
    usage: ModelUsage
    prompt_tokens: int
    call: ModelCall
    error: str | None = None


class Upstream(Protocol):
    """What answers a group of draws."""

    async def answer(self, prompt: DrawRequest, names: Sequence[str]) -> list[Draw]:
        """Answers for the first of `names`, at least one and at most all of them."""
        ...


@dataclass
class _Waiter:
    name: str
    future: asyncio.Future[Draw]


@dataclass
class Gatherer:
    """Batches concurrent draws into requests, one at a time, since the cores are the limit.

    A group is closed when no draw has arrived for the window and no request is in flight.
    The prompt of the last request goes first, since the engine still holds it.
    """

    upstream: Upstream
    window: float = _WINDOW_S
    """Seconds without an arrival after which a group is closed."""
    _waiting: dict[DrawRequest, list[_Waiter]] = field(default_factory=dict)
    _named: Counter[tuple[DrawRequest, str]] = field(default_factory=Counter)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _last: DrawRequest | None = None
    _worker: asyncio.Task[None] | None = None

    async def draw(self, prompt: DrawRequest) -> Draw:
        """One draw of `prompt`. Cancelling it leaves the others of its group alone."""
        future: asyncio.Future[Draw] = asyncio.get_running_loop().create_future()
        name = _trial_name()
        self._named[prompt, name] += 1
        waiter = _Waiter(f"{name}#{self._named[prompt, name]}", future)
        self._waiting.setdefault(prompt, []).append(waiter)
        self._arrived.set()
        if self._worker is None or self._worker.done():
            # Its own context: the worker serves all trials and must not look like one of them.
            self._worker = asyncio.get_running_loop().create_task(
                self._work(), context=contextvars.Context()
            )
        return await future

    async def _work(self) -> None:
        while True:
            await self._settle()
            prompt = self._next_prompt()
            if prompt is None:
                return
            group = sorted(self._waiting.pop(prompt), key=lambda waiter: waiter.name)
            group, rest = group[:SLOTS], group[SLOTS:]
            try:
                served = await self._serve(prompt, group)
            except Exception as err:
                for waiter in group:
                    if not waiter.future.done():
                        waiter.future.set_exception(err)
                served = len(group)
            rest = group[served:] + rest
            if rest:
                self._waiting[prompt] = rest + self._waiting.get(prompt, [])

    async def _settle(self) -> None:
        """Wait until no draw has arrived for the window."""
        while True:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), self.window)
            except TimeoutError:
                return

    def _next_prompt(self) -> DrawRequest | None:
        """The prompt to serve, once draws that were cancelled are gone; None when all are."""
        for prompt in list(self._waiting):
            live = [w for w in self._waiting[prompt] if not w.future.done()]
            if live:
                self._waiting[prompt] = live
            else:
                del self._waiting[prompt]
        if self._last not in self._waiting:
            self._last = next(iter(self._waiting), None)
        return self._last

    async def _serve(self, prompt: DrawRequest, group: list[_Waiter]) -> int:
        """Answer the first of `group`; how many. Stops when nobody waits any more."""
        request = asyncio.ensure_future(
            self.upstream.answer(prompt, [waiter.name for waiter in group])
        )

        def cancel_if_unwanted(_: asyncio.Future[Draw]) -> None:
            if all(waiter.future.done() for waiter in group):
                request.cancel()

        for waiter in group:
            waiter.future.add_done_callback(cancel_if_unwanted)
        await asyncio.wait([request])
        if request.cancelled():
            return len(group)
        draws = request.result()
        for waiter, draw in zip(group, draws, strict=False):
            if not waiter.future.done():
                waiter.future.set_result(draw)
        return len(draws)


class Engine:
    """The engine as upstream: one HTTP request for a group."""

    async def answer(self, prompt: DrawRequest, names: Sequence[str]) -> list[Draw]:
        """Answers for as many of `names` as fit into the engine's memory together.

        Raises:
            ModelError: the engine ended, or refused the request.
            httpx.TransportError: the connection failed while the engine runs.
        """
        server = await asyncio.to_thread(shared_server)
        async with httpx.AsyncClient(
            base_url=server.url, headers=server.headers, timeout=None, trust_env=False
        ) as client:
            try:
                return await _answer(client, server, prompt, names)
            except httpx.TransportError:
                await asyncio.sleep(0.5)  # a dying child's pipes close before it is gone
                if server.alive:
                    raise
                raise server.died() from None


async def _answer(
    client: httpx.AsyncClient, server: EngineServer, prompt: DrawRequest, names: Sequence[str]
) -> list[Draw]:
    messages = [{"role": role, "content": text} for role, text in prompt.messages]
    chat = await _post(client, "/apply-template", {"messages": messages})
    text = {"content": chat["prompt"], "add_special": True, "parse_special": True}
    tokens: list[int] = (await _post(client, "/tokenize", text))["tokens"]
    room = server.context - len(tokens)
    if room < 1:
        return _too_long(messages, len(tokens), server.context, len(names))
    limit = min(prompt.max_tokens, room)
    n = max(1, min(len(names), (server.cells - len(tokens)) // limit))
    options = {
        **json.loads(prompt.options),
        "n_predict": limit,
        "n": n,
        "seed": prompt.seed_for(names[:n]),
        "cache_prompt": True,
    }
    answer = await _post(client, "/completion", {"prompt": tokens, **options})
    choices = answer if isinstance(answer, list) else [answer]
    if len(choices) != n:
        raise ModelError(f"the engine gave {len(choices)} answers where {n} were asked for")
    request = {"model": server.model, "messages": messages, **options}
    shares = zip(
        _split(int(choices[0]["timings"]["prompt_n"]), n),
        _split(int(choices[0]["timings"]["cache_n"]), n),
        strict=True,
    )
    return [
        _draw(request, choice, share, len(tokens), cut_short=limit < prompt.max_tokens)
        for choice, share in zip(choices, shares, strict=True)
    ]


def _draw(
    request: dict[str, Any],
    choice: dict[str, Any],
    share: tuple[int, int],
    prompt_tokens: int,
    *,
    cut_short: bool,
) -> Draw:
    computed, cached = share
    # Counted by the engine for each answer, the end-of-answer token with it; the usage of
    # its OpenAI endpoint counts the first answer only, which is why we do not use that.
    written = int(choice["tokens_predicted"])
    stop_reason: Literal["stop", "max_tokens", "model_length"] = "stop"
    if choice["stop_type"] == "limit":
        stop_reason = "model_length" if cut_short else "max_tokens"
    shown = ("index", "content", "tokens_predicted", "tokens_evaluated", "stop_type", "timings")
    return Draw(
        text=choice["content"],
        stop_reason=stop_reason,
        usage=ModelUsage(
            input_tokens=computed,
            input_tokens_cache_read=cached,
            output_tokens=written,
            total_tokens=computed + cached + written,
        ),
        prompt_tokens=prompt_tokens,
        call=ModelCall.create(request, {key: choice[key] for key in shown}),
    )


def _too_long(
    messages: list[dict[str, str]], prompt_tokens: int, context: int, n: int
) -> list[Draw]:
    why = f"the prompt has {prompt_tokens} tokens, the model takes {context} with the answer"
    call = ModelCall.create({"messages": messages}, {"error": why})
    draw = Draw("", "model_length", ModelUsage(), prompt_tokens, call, why)
    return [draw] * n


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = await client.post(path, json=body)
    if answer.status_code != httpx.codes.OK:
        raise ModelError(
            f"the embedded model's engine refused the request: {answer.text[:300]}",
            where=f"{path} (HTTP {answer.status_code})",
        )
    return answer.json()


def _split(total: int, n: int) -> list[int]:
    """`total` in `n` whole parts, the remainder to the first."""
    part = total // n
    return [total - part * (n - 1)] + [part] * (n - 1)


def _prompt(
    messages: list[ChatMessage],
    config: GenerateConfig,
    tools: Sequence[ToolInfo] = (),
    choice: ToolChoice = "auto",
) -> DrawRequest:
    """What is asked of the engine, without what only concerns the transport.

    Raises:
        ModelError: a message is not text, or an option is not supported.
    """
    for option in _UNSUPPORTED:
        if getattr(config, option):
            raise ModelError(
                f"the embedded model does not support {option}",
                fix="remove it, or use a hosted model",
            )
    if tools and config.response_schema:
        raise ModelError(
            "the embedded model cannot have tools and a response_schema at once",
            fix="remove one of them",
        )
    given = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "top_k": config.top_k,
        "frequency_penalty": config.frequency_penalty,
        "presence_penalty": config.presence_penalty,
        "stop": config.stop_seqs,
        "logit_bias": config.logit_bias and [[k, v] for k, v in config.logit_bias.items()],
        "json_schema": config.response_schema
        and config.response_schema.json_schema.model_dump(exclude_none=True, by_alias=True),
    }
    if tools:
        given["json_schema"] = answer_schema(tools, choice)
    options = _SAMPLING | {key: value for key, value in given.items() if value is not None}
    texts = [as_text(message, _text(message), tools) for message in messages]
    return DrawRequest(
        messages=tuple(_with_tools(texts, tools) if tools else texts),
        options=json.dumps(options),  # in the order of the schema, which the engine keeps to
        max_tokens=config.max_tokens or DEFAULT_MAX_TOKENS,
        seed=config.seed,
    )


def _text(message: ChatMessage) -> str:
    if not isinstance(message.content, str):
        other = {part.type for part in message.content} - {"text", "reasoning"}
        if other:
            raise ModelError(
                f"the embedded model reads text only, not {', '.join(sorted(other))}",
                fix="use a hosted model",
            )
    return message.text


def _with_tools(
    texts: Sequence[tuple[str, str]], tools: Sequence[ToolInfo]
) -> list[tuple[str, str]]:
    """The messages with the tools told at the end of the first system message."""
    told = tools_text(tools)
    if texts and texts[0][0] == "system":
        return [("system", f"{texts[0][1]}\n\n{told}"), *texts[1:]]
    return [("system", told), *texts]


def _output(draw: Draw, answer: Answer, model: str) -> ModelOutput:
    calls = [answer.call] if answer.call else None
    stop: StopReason = draw.stop_reason
    if calls and stop == "stop":
        stop = "tool_calls"
    return ModelOutput(
        model=model,
        choices=[
            ChatCompletionChoice(
                message=ChatMessageAssistant(
                    content=answer.said, tool_calls=calls, model=model, source="generate"
                ),
                stop_reason=stop,
            )
        ],
        usage=draw.usage,
        input_context_tokens=draw.prompt_tokens,
        error=draw.error,
    )


def _trial_name() -> str:
    """The trial that asks, so that its seed is its own also when a run is resumed."""
    active = sample_active()
    return f"{active.task}/{active.sample.id}/{active.epoch}" if active else ""


_gatherers: WeakKeyDictionary[asyncio.AbstractEventLoop, Gatherer] = WeakKeyDictionary()


def _gatherer() -> Gatherer:
    """The gatherer of the running event loop: Inspect starts a loop for every evaluation.

    Raises:
        ModelError: the loop is not asyncio's.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise ModelError(
            "the embedded model needs the asyncio event loop",
            fix="unset INSPECT_ASYNC_BACKEND",
        ) from None
    if loop not in _gatherers:
        _gatherers[loop] = Gatherer(Engine())
    return _gatherers[loop]
