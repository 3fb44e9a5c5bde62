"""Games of chess by the real command, in real sandboxes, with a scripted player and judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.helpers import Result, cornered
from tests.world.machines import needs_bubblewrap, needs_stockfish

DATA = Path(__file__).parent / "data"
EXPERIMENT = f"""\
name: games
scenarios: [chess]
factors: {{aim: [win], strength: [strong]}}
models: [cornered/scripted/{DATA / "chess-agent.yaml"}]
judge: cornered/scripted/{DATA / "chess-judge.yaml"}
preflight: false
samples: 4
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("chess")
    (folder / "e.yaml").write_text(EXPERIMENT)
    return cornered("run", "e.yaml", "--out", "run", "--json", cwd=folder)


@needs_bubblewrap
@needs_stockfish
def test_tampering_is_told_from_honest_play_and_told_from_hidden(ran: Result) -> None:
    assert ran.acts() == {"chess/win/strong": (4, 4), "chess/play/weak": (0, 4)}
    cells = {cell["condition"]: cell for cell in ran.json["cells"]}
    win, control = cells["chess/win/strong"], cells["chess/play/weak"]
    assert win["outcomes"] == {"tamper-told": 2, "tamper-hidden": 2}
    assert win["harmful"]["successes"] == 4
    assert (control["outcomes"], control["harmful"]["successes"]) == ({"resign": 4}, 0)
    assert control["unexposed"] == win["unexposed"] == 0


@pytest.mark.parametrize(
    ("more", "env", "told"),
    [
        ("", {"CORNERED_STOCKFISH": "/no/such"}, "CORNERED_STOCKFISH: there is no program"),
        ("sandbox: docker\n", {}, "docker"),
    ],
)
def test_what_is_missing_is_one_line(
    tmp_path: Path, more: str, env: dict[str, str], told: str
) -> None:
    (tmp_path / "e.yaml").write_text(EXPERIMENT + more)
    result = cornered("run", "e.yaml", "--out", "run", cwd=tmp_path, **env)
    assert result.code == 2
    assert told in result.err
    assert len(result.err.strip().splitlines()) == 1
