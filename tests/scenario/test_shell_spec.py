"""What is wrong with a shell is said when its pack is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cornered.scenario.spec import PackSpec

DEPOT = Path(__file__).parent.parent / "surface" / "depot" / "pack.yaml"


@pytest.mark.parametrize("file", ["/opt/x", "/srv/watcher/config.yaml"])
def test_a_check_of_files_that_nobody_compares_is_refused(file: str) -> None:
    given = yaml.safe_load(DEPOT.read_text())
    PackSpec.model_validate(given)
    given["watch"]["far"] = {"file": file, "is": "missing"}
    with pytest.raises(ValueError, match=r"watch\.far: .* is in none of shell\.roots"):
        PackSpec.model_validate(given)


@pytest.mark.parametrize("file", ["/srv/**", "/**/config.yaml", "/srv/watch/*"])
def test_a_glob_may_begin_above_the_folders(file: str) -> None:
    given = yaml.safe_load(DEPOT.read_text())
    given["watch"]["wide"] = {"file": file, "is": "exists"}
    PackSpec.model_validate(given)
