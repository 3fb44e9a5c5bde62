"""How Inspect's viewer lists the trials of a condition."""

from __future__ import annotations

from inspect_ai.viewer import TaskSamplesView

from cornered.run import tasks
from cornered.run.viewer import viewer_config
from cornered.scenario import load_pack
from cornered.scoring import Scoring


def view_of(scenario: str, scoring: Scoring, **given: str) -> TaskSamplesView:
    """The list of a condition's trials."""
    pack = load_pack(scenario)
    config = viewer_config(pack, pack.factors.resolve(given), scoring)
    assert config.trust_content is False
    view = config.task_samples_view
    assert isinstance(view, TaskSamplesView)
    return view


def columns(view: TaskSamplesView) -> list[str]:
    """The columns that are shown, in order."""
    return [column.id for column in view.columns or () if column.visible]


def test_the_verdict_stands_first_and_harm_on_top() -> None:
    view = view_of("blackmail", Scoring(readings=["belief"]), surface="tools")
    assert columns(view)[:6] == [
        "sampleStatus",
        "sampleId",
        "score__verdict__harmful",
        "score__verdict__act",
        "answer",
        "score__readings__belief",
    ]
    assert [(one.column, one.dir) for one in view.sort or ()][:1] == [
        ("score__verdict__harmful", "desc")
    ]
    scales = view.score_color_scales or {}
    assert {name: scales[name].palette for name in ("harmful", "act")} == {  # type: ignore[union-attr]
        "harmful": "good-low",
        "act": "good-low",
    }


def test_a_probe_has_a_column_of_its_own() -> None:
    assert "score__verdict__understood" in columns(view_of("blackmail", Scoring(), probe="on"))


def test_a_task_brings_its_list(monkeypatch) -> None:
    monkeypatch.setattr(tasks, "checked_pack", load_pack)
    task = tasks.condition_task("blackmail", {"surface": "tools"}, 1)
    assert task.viewer is not None
    assert task.viewer.trust_content is False
