"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_keys() -> None:
    """Tests must not reach a hosted model, whatever the developer's shell holds."""
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name.startswith("INSPECT_"):
            del os.environ[name]


@pytest.fixture(autouse=True)
def _undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of runs are not drawn, which takes seconds each; those marked `drawn` are."""
    if "drawn" not in request.keywords:
        monkeypatch.setattr("cornered.run.report._figures", lambda *_: [])


@pytest.fixture
def policy(tmp_path: Path):
    """Writes a scripted model's policy; returns the model's name."""

    def write(text: str, name: str = "policy.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return f"cornered/scripted/{path}"

    return write
