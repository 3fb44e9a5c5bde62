"""Emulated tool calling is passed to providers that have it, and refused elsewhere."""

from __future__ import annotations

import pytest

from cornered.errors import ModelError
from cornered.run.runner import make_model


def test_a_provider_that_can_emulate_tools_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_API_KEY", "x")
    monkeypatch.setenv("LOCAL_BASE_URL", "http://127.0.0.1:9/v1")
    model = make_model("openai-api/local/x", "model", None, emulate_tools=True)
    assert getattr(model.api, "emulate_tools", None) is True
    model = make_model("openai-api/local/x", "model", None)
    assert getattr(model.api, "emulate_tools", None) is False


def test_a_provider_that_cannot_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    with pytest.raises(ModelError, match="tools cannot be emulated with the provider openai"):
        make_model("openai/gpt-4.1", "model", None, emulate_tools=True)
    with pytest.raises(ModelError, match="tools cannot be emulated with the provider none"):
        make_model("none/none", "model", None, emulate_tools=True)
