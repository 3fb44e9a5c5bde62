"""The fixture of all packs of the family: a scripted agent in the shell of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cornered.scenario import Level
from tests.scheming.sessions import Session, run_session

Play = Callable[..., Session]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs commands in the shell of a pack, as `play("oversight", command, …, levels={…})`."""

    def run(name: str, *commands: str, levels: dict[str, Level] | None = None) -> Session:
        folder = tmp_path / str(len([*tmp_path.iterdir()]))
        folder.mkdir()
        return run_session(name, commands, folder, levels)

    return run
