"""The two model providers of our own, as Inspect model APIs: embedded and scripted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cornered.errors import ModelError

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, ModelAPI

DEFAULT_MAX_TOKENS = 1024
"""The longest answer of the embedded model where the experiment sets none, in tokens: the study's
answers are shorter."""


def make_model_api(model_name: str, config: GenerateConfig, **model_args: Any) -> ModelAPI:
    """The provider behind `cornered/<model_name>`.

    Raises:
        ModelError: no model of ours has that name, or an argument is not its own.
    """
    if model_name == "embedded":
        from cornered.models.embedded import EmbeddedAPI

        return EmbeddedAPI(model_name, config, **model_args)
    if model_name.startswith("scripted/"):
        from cornered.models.scripted import ScriptedAPI

        return ScriptedAPI(model_name, config, **model_args)
    raise ModelError(
        f"there is no model cornered/{model_name}",
        fix="use cornered/embedded, cornered/scripted/POLICY.yaml, or another provider's model",
    )
