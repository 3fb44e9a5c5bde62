"""The scripted model, `cornered/scripted/PATH/TO/POLICY.yaml`: a model with known rates.

It tests the whole pipeline: a run on it must recover the rates that its policy states. Its
answers depend on the policy's seed, the trial's name and the conversation only, never on order,
concurrency or retries, so a resumed run gets the same answers.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
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
    ChatMessageSystem,
    ChatMessageTool,
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
    StopReason,
)
from inspect_ai.model._call_tools import parse_tool_call
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo
from tenacity import wait_exponential
from tenacity.wait import WaitBaseT

from cornered.errors import ModelError
from cornered.models.answers import ErrorKind, Failure, PlayAnswer, Words
from cornered.models.plays import END, Call, Node, Step, fill, replay
from cornered.models.policy import Policy, PolicyRule, load_policy

STRATA = 20
"""Trials in a block of `draw: stratified`: p in steps of 0.05 comes out exactly."""


_AFTER_THE_END = Node(text="Done.")


class ScriptedAPI(ModelAPI):
    """A model that answers from a policy file.

    In a trial the condition is `condition` in the sample's metadata. Outside a sample it is
    the empty string; draws then follow a counter of this instance, those of a play its prompt.

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
        del tool_choice, config
        sample = sample_active()
        calls = self._calls.setdefault(sample, _Calls()) if sample else self._calls_outside
        number = calls.begin()
        try:
            return await self._answer(sample, number, _read(input), tools)
        except BaseException:  # also cancelled by a timeout: the retry is the same call
            calls.undo(number)
            raise

    async def _answer(
        self,
        sample: ActiveSample | None,
        number: int,
        conversation: _Conversation,
        tools: list[ToolInfo],
    ) -> tuple[ModelOutput, ModelCall]:
        request = _request(sample, number)
        place, rule = self._rule(request.condition, conversation)
        if rule.has_plays:
            request = _request_of_trial(sample, place, conversation)
        rng = _random(self._policy.seed, request.key)
        index = self._draw(request, rule, rng)
        drawn = rule.answers[index]
        call = set_active_model_event_call(
            {
                "policy": str(self._path),
                "condition": request.condition,
                "sample_id": request.sample_id,
                "epoch": request.epoch,
                "call": number,
                "drawn": f"rules[{place}].answers[{index}]",
            }
        )
        if isinstance(drawn, PlayAnswer):
            captured = rule.captured(conversation.opening)
            return await self._perform(drawn.play, request, conversation, captured, tools, call)
        await anyio.sleep(rng.uniform(drawn.latency.min, drawn.latency.max))
        if isinstance(drawn, Failure):
            self._tries[request, index] += 1
            raise _failure(drawn.error)
        call.set_response({"stop": drawn.stop})
        return self._output(drawn, drawn.written(rng), drawn.reasoning), call

    async def _perform(
        self,
        name: str,
        request: _Request,
        conversation: _Conversation,
        captured: dict[str, str],
        tools: list[ToolInfo],
        call: ModelCall,
    ) -> tuple[ModelOutput, ModelCall]:
        """The answer of a play, at the node that the conversation has led to."""
        mark = _mark(self._policy.seed, (*request.key, name))
        play, rule = self._policy.plays[name], self._policy.rules[request.place or 0]

        def point(number: int) -> float:
            series = replace(request, play=name, number=number)
            rng = _random(self._policy.seed, series.key)
            return rng.random() if rule.draw == "random" else self._stratified(series, rng)

        step = replay(play, conversation.seen(mark), point, captured)
        node = _AFTER_THE_END if step.node == END else play[step.node]
        where: dict[str, Any] = {"play": name, "node": step.node, "step": step.number}
        call.request |= where
        rng = _random(self._policy.seed, (*request.key, name, "node", step.number))
        await anyio.sleep(rng.uniform(node.latency.min, node.latency.max))
        tries = (replace(request, play=name, number=step.number), 0)
        if node.error is not None and (node.times is None or self._tries[tries] < node.times):
            self._tries[tries] += 1
            raise _failure(node.error)
        output = self._output(
            node,
            fill(node.written(rng), step.groups),
            fill(node.reasoning, step.groups),
            [_tool_call(mark, step, index, c, tools) for index, c in enumerate(node.calls)],
        )
        output.metadata = where  # a log keeps the request of the last call only
        call.set_response({"stop": output.stop_reason})
        return output, call

    def _rule(self, condition: str, conversation: _Conversation) -> tuple[int, PolicyRule]:
        fitting = [
            (place, rule)
            for place, rule in enumerate(self._policy.rules)
            if rule.fits_condition(condition)
        ]
        for place, rule in fitting:
            prompt = conversation.opening if rule.has_plays else conversation.prompt
            if rule.fits_prompt(prompt, conversation.system):
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
        series = (request.condition, request.epoch, request.number, block, *request.of_play)
        shuffle = _random(self._policy.seed, ("strata", *series))
        order = sorted(range(STRATA), key=lambda _: shuffle.random())
        return (order[place] + rng.random()) / STRATA

    def _output(
        self,
        answer: Words,
        text: str,
        reasoning: str | None,
        calls: list[ToolCall] | None = None,
    ) -> ModelOutput:
        content: str | list[Content] = text
        if reasoning is not None:
            content = [ContentReasoning(reasoning=reasoning), ContentText(text=text)]
        message = ChatMessageAssistant(
            content=content, tool_calls=calls or None, model=self.model_name, source="generate"
        )
        stop: StopReason = "tool_calls" if calls and answer.stop == "stop" else answer.stop
        usage = answer.usage or self._policy.usage
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
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
    """The call within the trial; in a play the answer, and 0 for the choice of the play."""
    place: int | None = None
    """The rule, where it draws once for a trial: two such rules must not agree."""
    play: str | None = None

    @property
    def of_play(self) -> tuple[str | int, ...]:
        return () if self.place is None else ("rule", self.place, self.play or "")

    @property
    def key(self) -> tuple[str | int, ...]:
        return self.condition, self.sample_id, self.epoch, self.number, *self.of_play


@dataclass
class _Conversation:
    """What a policy looks at in the messages of a call.

    Attributes:
        system: The system messages.
        opening: The last user message before the first answer.
        prompt: The last user message.
        messages: All of them.
    """

    system: str
    opening: str
    prompt: str
    messages: list[ChatMessage]

    def seen(self, mark: str) -> list[str]:
        """For each answer so far, the tool results and user messages after it.

        Assistant messages in a row are one answer, since some agents take an answer apart into
        its text and its calls; so are those whose calls, told by `mark`, come from one answer.
        """
        seen: list[list[str]] = []
        after_answer = False
        for message in self.messages:
            if isinstance(message, ChatMessageAssistant):
                step = _step_of(message, mark)
                least = len(seen) + (not after_answer) if step is None else step + 1
                seen += [[] for _ in range(least - len(seen))]
            elif seen and not isinstance(message, ChatMessageSystem):
                if isinstance(message, ChatMessageTool) and message.error:
                    seen[-1].append(message.error.message)
                seen[-1].append(message.text)
            after_answer = isinstance(message, ChatMessageAssistant)
        return ["\n".join(texts) for texts in seen]


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


def _request_of_trial(
    sample: ActiveSample | None, place: int, conversation: _Conversation
) -> _Request:
    """What the draw of a play depends on: the same at every call of a trial."""
    if sample is not None:
        return replace(_request(sample, 0), place=place)
    opening = hashlib.sha256(conversation.opening.encode()).hexdigest()
    return _Request(condition="", sample_id=opening, epoch=0, number=0, place=place)


def _read(messages: list[ChatMessage]) -> _Conversation:
    first = next(
        (i for i, message in enumerate(messages) if isinstance(message, ChatMessageAssistant)),
        len(messages),
    )
    return _Conversation(
        system="\n".join(m.text for m in messages if isinstance(m, ChatMessageSystem)),
        opening=_last_user_text(messages[:first]),
        prompt=_last_user_text(messages),
        messages=messages,
    )


def _last_user_text(messages: list[ChatMessage]) -> str:
    return next((m.text for m in reversed(messages) if isinstance(m, ChatMessageUser)), "")


def _mark(seed: int, key: tuple[str | int, ...]) -> str:
    """What the ids of a play's calls begin with; its own in each trial."""
    return f"call_{hashlib.sha256(json.dumps([seed, *key]).encode()).hexdigest()[:8]}"


def _tool_call(mark: str, step: Step, index: int, call: Call, tools: list[ToolInfo]) -> ToolCall:
    arguments = fill(call.arguments, step.groups)
    identity = f"{mark}_{step.number}_{index}"
    if isinstance(arguments, str):  # read as any provider's answer is
        return parse_tool_call(identity, call.tool, arguments, tools)
    return ToolCall(id=identity, function=call.tool, arguments=arguments)


def _step_of(message: ChatMessageAssistant, mark: str) -> int | None:
    """The number of the answer that a message's calls come from, if they are of this play."""
    for call in message.tool_calls or []:
        if found := re.fullmatch(re.escape(mark) + r"_(\d+)_\d+", call.id):
            return int(found[1])
    return None


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
