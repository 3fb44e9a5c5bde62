"""What `inspect` finds by entry point: thin names whose bodies import the real work.

Every `inspect` call of anyone who has the package loads this module, so it imports
nothing of ours at the top.
"""

from __future__ import annotations

from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI, modelapi


@modelapi(name="cornered")
def cornered_models() -> Any:
    """Our two model providers: `cornered/embedded` and `cornered/scripted/POLICY.yaml`."""
    from cornered.models import make_model_api

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
