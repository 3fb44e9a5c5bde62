"""Our own model providers for Inspect: the embedded and the scripted model."""

from __future__ import annotations

from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI

from cornered.errors import ModelError


def make_model_api(model_name: str, config: GenerateConfig, **model_args: Any) -> ModelAPI:
    """The provider behind `cornered/<model_name>`.

    Raises:
        ModelError: no such model, or an argument it does not accept.
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
