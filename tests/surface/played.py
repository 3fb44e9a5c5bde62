"""A model for tests and benchmarks: it answers by a function of the conversation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo


@modelapi("playing")
class PlayedAPI(ModelAPI):
    """A model that answers by a function of the conversation."""

    def __init__(self, model_name: str, config: GenerateConfig, **args: Any) -> None:
        super().__init__(model_name, config=config)
        self.answer: Callable[[list[ChatMessage]], Any] = args["answer"]
        self.prompts: list[list[ChatMessage]] = []

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        self.prompts.append(input)
        del tools, tool_choice, config
        answer = self.answer(input)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            answer = ModelOutput.from_content(self.model_name, answer)
        if answer.usage is None:
            answer.usage = ModelUsage(input_tokens=100, output_tokens=10, total_tokens=110)
        return answer


def played(answer: Callable[[list[ChatMessage]], Any], name: str = "model") -> Model:
    """A model that answers by a function of the conversation."""
    return get_model(f"playing/{name}", answer=answer, memoize=False)


def prompts(model: Model) -> list[list[ChatMessage]]:
    """What a played model was asked."""
    api: Any = model.api
    return list(api.prompts)


def turn_of(conversation: list[ChatMessage]) -> int:
    """How many answers a conversation has: the index of the turn that comes."""
    return sum(message.role == "assistant" for message in conversation)
