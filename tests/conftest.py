"""What all tests share."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import inspect_ai._eval.task.log as inspect_log
import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_keys() -> None:
    """Tests must not reach a hosted model, whatever the developer's shell holds."""
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name.startswith("INSPECT_"):
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _one_distribution() -> Iterator[None]:
    """Inspect asks for each task which installed package has it.

    In a worktree none has, and the files of all packages are searched, which takes longer than
    the run of a few trials.
    """
    with pytest.MonkeyPatch.context() as patch:
        found = functools.cache(inspect_log.get_distribution_for_object)
        patch.setattr(inspect_log, "get_distribution_for_object", found)
        yield


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
