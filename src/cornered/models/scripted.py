"""The scripted model, `cornered/scripted/PATH/TO/POLICY.yaml`: a model with known rates.

It tests the whole pipeline: a run on it must recover the rates that its policy states. Its
answers depend on the policy's seed and the trial's name only, never on order, concurrency or
retries, so a resumed run gets the same answers.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

import anyio
import httpx
from inspect_ai._util.httpx import httpx_classify_retry
from inspect_ai.log._samples import ActiveSample, sample_active, set_active_model_event_call
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    Content,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelAPI,
    ModelCall,
    ModelOutput,
    ModelUsage,
    RetryDecision,
)
from inspect_ai.tool import ToolChoice, ToolInfo
from tenacity import wait_exponential
from tenacity.wait import WaitBaseT

from cornered.errors import ModelError
from cornered.models.policy import (
    ErrorKind,
    Failure,
    Policy,
    PolicyRule,
    ScriptedAnswer,
    load_policy,
)

STRATA = 20
"""Trials in a block of `draw: stratified`: p in steps of 0.05 comes out exactly."""

# What text becomes in the wrong encoding. No `<` and no brace: noise holds no tool call.
_NOISE = "ÃâÂ€™œž¢¶¼½¿ï»·´^|#%&~�¤§ÐØÞßæð0123456789abcdefghijklmnopqrstuvwxyz \n"


class ScriptedAPI(ModelAPI):
    """A model that answers from a policy file.

    In a trial the condition is `condition` in the sample's metadata; outside a
    sample it is the empty string, and draws follow a counter of this instance.

    Failures are raised as httpx raises them, so Inspect's own retries run, with short
    waits. A failure without `times` never ends by itself: set `max_retries` or `timeout`.

    Args:
        model_name: `scripted/` and the path of the policy, absolute or relative to
            the working directory. The file is read once, here.
        config: The generation settings; none of them changes an answer.
        model_args: Not accepted: the policy file determines everything.

    Raises:
        ModelError: no such policy, a mistake in it, or a model argument.
    """

    def __init__(self, model_name: str, config: GenerateConfig, **model_args: Any) -> None:
        if model_args:
            raise ModelError(
                f"the scripted model takes no model arguments, so not {', '.join(model_args)}",
                where=f"cornered/{model_name}",
                fix="set it in the policy file",
            )
        super().__init__(model_name, config=config)
        self._path = Path(model_name.removeprefix("scripted/"))
        self._policy: Policy = load_policy(self._path)
        self._calls: WeakKeyDictionary[ActiveSample, _Calls] = WeakKeyDictionary()
        self._calls_outside = _Calls()
        self._tries: Counter[tuple[_Request, int]] = Counter()

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> tuple[ModelOutput, ModelCall]:
        """Draw an answer and give it, or fail as the policy says.

        Raises:
            ModelError: no rule of the policy fits; never retried.
            httpx.HTTPError: a failure of the policy; retried by Inspect.
        """
        del tools, tool_choice, config
        sample = sample_active()
        calls = self._calls.setdefault(sample, _Calls()) if sample else self._calls_outside
        number = calls.begin()
        try:
            return await self._answer(_request(sample, number), _last_user_text(input))
        except BaseException:  # also cancelled by a timeout: the retry is the same call
            calls.undo(number)
            raise

    async def _answer(self, request: _Request, prompt: str) -> tuple[ModelOutput, ModelCall]:
        place, rule = self._rule(request.condition, prompt)
        rng = _random(self._policy.seed, request.key)
        index = self._draw(request, rule, rng)
        drawn = rule.answers[index]
        call = set_active_model_event_call(
            {
                "policy": str(self._path),
                "condition": request.condition,
                "sample_id": request.sample_id,
                "epoch": request.epoch,
                "call": request.number,
                "drawn": f"rules[{place}].answers[{index}]",
            }
        )
        await anyio.sleep(rng.uniform(drawn.latency.min, drawn.latency.max))
        if isinstance(drawn, Failure):
            self._tries[request, index] += 1
            raise _failure(drawn.error)
        call.set_response({"stop": drawn.stop})
        return self._output(drawn, rng), call

    def _rule(self, condition: str, prompt: str) -> tuple[int, PolicyRule]:
        fitting = [
            (place, rule)
            for place, rule in enumerate(self._policy.rules)
            if rule.fits_condition(condition)
        ]
        for place, rule in fitting:
            if rule.fits_prompt(prompt):
                return place, rule
        lack = "no `match` fits the prompt of" if fitting else "no rule fits"
        raise ModelError(
            f"{lack} the condition {condition!r}",
            where=str(self._path),
            fix="add a last rule without `when` and `match`",
        )

    def _draw(self, request: _Request, rule: PolicyRule, rng: Random) -> int:
        """The answer's index; failures whose `times` are over give way to the others."""
        remaining = dict(enumerate(rule.probabilities))
        point = rng.random() if rule.draw == "random" else self._stratified(request, rng)
        while True:
            index = _pick(remaining, point)
            drawn = rule.answers[index]
            over = isinstance(drawn, Failure) and drawn.is_over(self._tries[request, index])
            if not over:
                return index
            del remaining[index]
            point = rng.random()

    def _stratified(self, request: _Request, rng: Random) -> float:
        """A point in [0, 1): trials 1 to `STRATA`, and so on, have one in each stratum."""
        digits = re.search(r"\d+$", request.sample_id)
        if digits is None:
            raise ModelError(
                f"the sample id {request.sample_id!r} does not end in a number",
                where=str(self._path),
                fix="use `draw: random`, or number the samples",
            )
        block, place = divmod(int(digits.group()) - 1, STRATA)
        series = (request.condition, request.epoch, request.number, block)
        shuffle = _random(self._policy.seed, ("strata", *series))
        order = sorted(range(STRATA), key=lambda _: shuffle.random())
        return (order[place] + rng.random()) / STRATA

    def _output(self, answer: ScriptedAnswer, rng: Random) -> ModelOutput:
        if answer.garbled is not None:
            text = "".join(_NOISE[int(rng.random() * len(_NOISE))] for _ in range(answer.garbled))
        else:
            text = (answer.file if answer.text is None else answer.text) or ""
        content: str | list[Content] = text
        if answer.reasoning is not None:
            content = [ContentReasoning(reasoning=answer.reasoning), ContentText(text=text)]
        message = ChatMessageAssistant(content=content, model=self.model_name, source="generate")
        usage = answer.usage or self._policy.usage
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason=answer.stop)],
            usage=ModelUsage(
                input_tokens=usage.input,
                output_tokens=usage.output,
                total_tokens=usage.input + usage.output,
            ),
        )

    def should_retry(self, ex: Exception) -> RetryDecision:
        """What Inspect decides for any provider that speaks HTTP through httpx."""
        return httpx_classify_retry(ex) or RetryDecision.no()

    def retry_wait(self) -> WaitBaseT:
        """From 20 ms, doubled at each try, to 1 s."""
        return wait_exponential(multiplier=0.01, max=1)

    def max_connections(self) -> int:
        """There is no server to spare."""
        return 100

    def connection_key(self) -> str:
        """One pool for each policy, so that a subject and a judge do not share."""
        return self.model_name


@dataclass(frozen=True)
class _Request:
    """What a draw depends on, besides the policy."""

    condition: str
    sample_id: str
    epoch: int
    number: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.condition, self.sample_id, self.epoch, self.number


@dataclass
class _Calls:
    """Numbers the calls of one sample; a call that fails gives its number back to its retry."""

    fresh: int = 0
    undone: list[int] = field(default_factory=list)

    def begin(self) -> int:
        if self.undone:
            return heapq.heappop(self.undone)
        self.fresh += 1
        return self.fresh - 1

    def undo(self, number: int) -> None:
        heapq.heappush(self.undone, number)


def _request(sample: ActiveSample | None, number: int) -> _Request:
    if sample is None:  # each call a trial of its own; epochs of samples count from 1
        return _Request(condition="", sample_id=str(number + 1), epoch=0, number=0)
    condition = str((sample.sample.metadata or {}).get("condition", ""))
    return _Request(condition, str(sample.sample.id), sample.epoch, number)


def _last_user_text(messages: list[ChatMessage]) -> str:
    return next((m.text for m in reversed(messages) if isinstance(m, ChatMessageUser)), "")


def _random(seed: int, key: tuple[str | int, ...]) -> Random:
    digest = hashlib.sha256(json.dumps([seed, *key]).encode()).digest()
    return Random(int.from_bytes(digest, "big"))


def _pick(weights: dict[int, float], point: float) -> int:
    """The index whose share of the weights holds `point` of [0, 1)."""
    chosen = {index: weight for index, weight in weights.items() if weight > 0}
    bounds = accumulate(chosen.values())
    aim = point * sum(chosen.values())
    return next((i for i, bound in zip(chosen, bounds, strict=True) if aim < bound), max(chosen))


def _failure(kind: ErrorKind) -> httpx.HTTPError:
    request = httpx.Request("POST", "http://scripted.invalid/v1/chat/completions")
    match kind:
        case "rate_limit":
            return _status_error(request, 429, "Too Many Requests")
        case "server_error":
            return _status_error(request, 500, "Internal Server Error")
        case "timeout":
            return httpx.ReadTimeout("the scripted model timed out", request=request)
        case "connection":
            return httpx.ConnectError("the scripted model refused the connection", request=request)


def _status_error(request: httpx.Request, status: int, words: str) -> httpx.HTTPStatusError:
    response = httpx.Response(status, request=request)
    return httpx.HTTPStatusError(
        f"HTTP {status} {words} (scripted)", request=request, response=response
    )
