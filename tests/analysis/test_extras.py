"""What an install without extras does: it draws nothing, writes no Parquet, and says so."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cornered
from cornered.analysis import figures as figures_module
from cornered.analysis import frame as frame_module
from cornered.analysis.figures import figures, require_figures
from cornered.analysis.figures.extra import can_draw
from cornered.analysis.frame import write_tables
from cornered.errors import CorneredError, ModelError
from cornered.run.runner import make_model
from tests.analysis.made import make_run
from tests.run.helpers import cornered as command
from tests.run.helpers import headline, known

from .fakes import LADDERS, OPUS, rich_cells


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch):
    """Makes packages look as if they were not installed."""
    there = importlib.util.find_spec

    def without(*names: str) -> None:
        def find(name: str, *more: Any) -> Any:
            return None if name in names else there(name, *more)

        for module in ("run.runner", "analysis.frame", "analysis.figures.extra"):
            monkeypatch.setattr(f"cornered.{module}.find_spec", find)
        can_draw.cache_clear()

    yield without
    can_draw.cache_clear()


def test_without_what_draws_there_are_no_figures(missing) -> None:
    cells = rich_cells((OPUS,), samples=10)
    assert figures(cells, {}, LADDERS)
    missing("vl_convert")
    assert figures(cells, {}, LADDERS) == []
    with pytest.raises(CorneredError, match=r"pip install 'cornered\[figures\]'$"):
        require_figures()


def test_a_report_without_figures_says_how_to_get_them(tmp_path: Path, missing) -> None:
    (tmp_path / "policy.yaml").write_text(known(0.5), encoding="utf-8")
    missing("vl_convert")
    run = headline("cornered/scripted/policy.yaml", "r", 1)
    done = command(*(word for word in run if word != "--json"), cwd=tmp_path)
    assert figures_module.NOT_DRAWN in done.out
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "Figures were not drawn; pip install" in page


def test_the_table_is_the_same_without_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    make_run(run, 3, 400, cells=2)
    with_parquet = cornered.load(run)
    write_tables(run, with_parquet)
    csv = (run / "trials.csv").read_bytes()
    (run / "trials.parquet").unlink()
    monkeypatch.setattr(frame_module, "has_parquet", lambda: False)
    without = cornered.load(run)
    write_tables(run, without)
    pd.testing.assert_frame_equal(without, with_parquet)
    assert (run / "trials.csv").read_bytes() == csv
    assert not (run / "trials.parquet").exists()


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_missing_client_is_named_with_its_extra(missing, provider: str) -> None:
    missing(provider)
    with pytest.raises(ModelError) as error:
        make_model(f"{provider}/gpt", "judge", None)
    assert str(error.value) == (
        f"judge {provider}/gpt: the client of {provider} is not installed; "
        f"pip install 'cornered[{provider}]'"
    )
