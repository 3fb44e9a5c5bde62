"""The model of an agent from outside, which brings its own: nothing is generated here."""

from __future__ import annotations

from typing import Any, NoReturn

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI
from inspect_ai.tool import ToolChoice, ToolInfo

from cornered.errors import ModelError

CLIENT = "client"
"""Its name is `cornered/client`, or `cornered/client/NAME` with the name of the agent's model."""


def client_model(name: str | None) -> str:
    """The Inspect name of the model of an agent from outside.

    Args:
        name: The model that the agent says it has, such as `claude-opus-4-8`.
    """
    return f"cornered/{CLIENT}" + (f"/{name}" if name else "")


class ClientAPI(ModelAPI):
    """Stands where Inspect wants a model, and never answers."""

    def __init__(self, model_name: str, config: GenerateConfig, **model_args: Any) -> None:
        if model_args:
            raise ModelError(f"it takes no argument {next(iter(model_args))}", where=model_name)
        super().__init__(model_name, config=config)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> NoReturn:
        """Never answers.

        Raises:
            ModelError: always.
        """
        del input, tools, tool_choice, config
        raise ModelError(
            "the model of an agent from outside cannot be asked from here",
            where=f"cornered/{self.model_name}",
            fix="name a command under `agents`, use `cornered serve`, or name another model",
        )
