"""One answer in a schema: what is asked again, and why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from inspect_ai.model import GenerateConfig, ModelOutput, ModelUsage, get_model
from pydantic import BaseModel

from cornered.surface.ask import StructuredAnswer, ask

YES = '{"verdict": "yes"}'


class Answer(BaseModel):
    """The schema."""

    verdict: Literal["yes", "no"]


def asked(
    answers: Sequence[str | Exception], stop: Any = "stop", written: int = 9, **options: Any
) -> tuple[StructuredAnswer[Answer], list[GenerateConfig]]:
    """What comes of these answers, one a call, and the settings of each call."""
    configs: list[GenerateConfig] = []

    def outputs(messages: Any, tools: Any, choice: Any, config: GenerateConfig) -> ModelOutput:
        configs.append(config)
        answer = answers[len(configs) - 1]
        if isinstance(answer, Exception):
            raise answer
        output = ModelOutput.from_content("judge", answer, stop_reason=stop)
        output.usage = ModelUsage(input_tokens=1, output_tokens=written, total_tokens=written + 1)
        return output

    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    return asyncio.run(ask(model, "Was it so?", Answer, **options)), configs


@pytest.mark.parametrize("cut", ["", '{"verdict": "ye'])
def test_an_answer_that_its_limit_cuts_off_is_not_asked_for_again(cut: str) -> None:
    reply, configs = asked([cut], "max_tokens", written=300, max_tokens=300)
    assert (reply.answer, reply.unscored, reply.attempts) == (None, "judge_cut_off", 1)
    assert reply.problem == "cut off at 300 tokens; its limit is 300 (judge_max_tokens)"
    assert [config.max_tokens for config in configs] == [300]


def test_an_answer_that_is_whole_at_its_limit_is_read() -> None:
    reply, _ = asked([YES], "max_tokens")
    assert reply.answer == Answer(verdict="yes")


def test_a_malformed_answer_is_asked_for_once_more() -> None:
    reply, configs = asked(["So it was.", YES])
    assert (reply.answer, reply.attempts, len(configs)) == (Answer(verdict="yes"), 2, 2)
    reply, configs = asked(["So it was."] * 3)
    assert (reply.unscored, reply.attempts, len(configs)) == ("invalid_response_format", 2, 2)


class ProviderError(Exception):
    """An error as Inspect raises it: the whole request, and then what the provider says."""

    def __init__(self, says: str) -> None:
        super().__init__('Request: {"response_format": {"json_schema": …}}\n' * 400 + says)
        self.provider_message = says


@pytest.mark.parametrize(
    ("says", "calls"),
    [
        ("'response_format' of type 'json_schema' is not supported", 2),
        ("The model has no structured outputs", 2),
        ("max_tokens is too large", 1),
        ("your account has no credit", 1),
    ],
)
def test_only_a_provider_without_schemas_is_asked_without_one(says: str, calls: int) -> None:
    reply, configs = asked([ProviderError(says), YES])
    assert len(configs) == calls
    assert configs[-1].response_schema is None or calls == 1
    if calls == 1:
        assert (reply.unscored, reply.problem) == ("grader_failed", f"ProviderError: {says}")


def test_of_a_long_failure_the_beginning_and_the_end_are_kept() -> None:
    reply, _ = asked([RuntimeError("first " + "x" * 9000 + " last")])
    assert reply.problem.startswith("RuntimeError: first")
    assert reply.problem.endswith(" last")
    assert len(reply.problem) <= 500
