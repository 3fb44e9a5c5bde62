"""Our two model providers, as Inspect model APIs: embedded and scripted."""

from __future__ import annotations

from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI, modelapi

from cornered.errors import ModelError
from cornered.nearest import nearest


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
        fix=_meant(model_name),
    )


def _meant(model_name: str) -> str:
    """What to write instead of a name that no model of ours has."""
    kind, _, rest = model_name.partition("/")
    near = nearest(kind, ("embedded", "scripted"))
    if near == "embedded" and not rest:
        return "did you mean cornered/embedded?"
    if near == "scripted" and rest:
        return f"did you mean cornered/scripted/{rest}?"
    return "use cornered/embedded, cornered/scripted/POLICY.yaml, or another provider's model"


@modelapi(name="cornered")
def cornered_models() -> Any:
    """Our two model providers: `cornered/embedded` and `cornered/scripted/POLICY.yaml`."""

    def make(
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        **model_args: Any,
    ) -> ModelAPI:
        del base_url, api_key
        return make_model_api(model_name, config, **model_args)

    return make
