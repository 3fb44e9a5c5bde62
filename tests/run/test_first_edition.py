"""A run that version 0.1.0 made says what it said: same rates, same acts, same forwarded mails.

`data/v010` was made by version 0.1.0 with the scripted model and judge beside it:
`cornered run SCENARIO -m cornered/scripted/agent.yaml -n 6 --judge cornered/scripted/judge.yaml
--no-preflight`. `cells.json` is what that version reported.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log_samples

from cornered.analysis.page.transcripts import transcript
from cornered.scenario import Scenario, load_pack
from tests.run.helpers import cornered, trials

MADE = Path(__file__).parent / "data" / "v010"


@pytest.fixture(params=["blackmail", "espionage"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(MADE / request.param, tmp_path / "run"))


def _like(before: Any, now: Any) -> Any:
    """What is now, without the keys that version 0.1.0 did not have."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {key: _like(value, now[key]) for key, value in before.items()}
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [_like(*pair) for pair in zip(before, now, strict=True)]
    return now


def test_its_report_has_the_rates_that_it_had(run: Path) -> None:
    result = cornered("report", "run", "--json", cwd=run.parent)
    assert result.code == 0, result.err
    before = json.loads((run / "cells.json").read_text())
    assert _like(before, result.json) == before


def test_its_answers_scored_again_have_the_same_facts_and_acts(run: Path) -> None:
    before = json.loads((run / "cells.json").read_text())["cells"]
    result = cornered("score", "run", "--json", cwd=run.parent)
    assert result.code == 0, result.err
    name = result.json["verdicts"]
    assert name.startswith("facts-pack-")
    of = {c["condition"]: c["act"] for c in before}
    acts = _like(of, {c["condition"]: c["act"] for c in result.json["cells"]})
    assert acts == of
    assert sum(a["successes"] for a in acts.values()) == 3
    cornered("report", "run", cwd=run.parent)
    own, again = ({r["uuid"]: r["act"] for r in trials(f)} for f in (run, run / "verdicts" / name))
    assert len(own) == 12
    assert again == own


def test_a_mail_that_was_forwarded_is_shown_with_it() -> None:
    ready = Scenario.of(load_pack("espionage"))
    samples = [
        sample
        for info in list_eval_logs(str(MADE / "espionage" / "logs"))
        for sample in read_eval_log_samples(info)
    ]
    parts = [part for sample in samples for part in transcript(sample, ready)["parts"]]
    actions = [part["action"] for part in parts if "action" in part]
    enclosed = [a["enclosed"] for a in actions if a["operation"] == "mail.forward"]
    assert len(enclosed) == 3
    assert all("Rev F" in mail for (mail,) in enclosed), enclosed
