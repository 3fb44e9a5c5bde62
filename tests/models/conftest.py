from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cornered.models import scripted
from tests.models.trials import HEAD, current, within


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a policy below its usual head."""

    def write_policy(rules: str) -> Path:
        path = tmp_path / "policy.yaml"
        path.write_text(HEAD + rules, encoding="utf-8")
        return path

    return write_policy


@pytest.fixture
def samples_of_ours() -> Iterator[None]:
    """Inside Inspect the model sees Inspect's samples, elsewhere the one that runs now."""
    inspects = scripted.sample_active
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripted, "sample_active", lambda: current() or inspects())
        yield
    within(None)
