"""A pass of the lint is remembered for the pack and for the lint that made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cornered.run import tasks
from cornered.scenario import Pack
from tests.scenario.conftest import PackOnDisk, tiny

__all__ = ["tiny"]


def test_a_changed_lint_runs_again_over_a_pack_that_has_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: PackOnDisk
) -> None:
    monkeypatch.setenv("CORNERED_CACHE", str(tmp_path / "cache"))
    passes = []

    def linted(pack: Pack) -> list[object]:
        passes.append(pack.name)
        return []

    monkeypatch.setattr(tasks, "pack_findings", linted)
    for version, runs in (("one", 1), ("one", 1), ("two", 2)):
        monkeypatch.setattr(tasks, "lint_version", lambda version=version: version)
        tasks._findings.cache_clear()
        tasks.checked_pack(str(tiny.folder))
        assert len(passes) == runs
