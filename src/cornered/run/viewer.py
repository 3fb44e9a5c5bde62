"""How Inspect's log viewer lists the trials of a condition."""

from __future__ import annotations

from collections.abc import Iterator

from inspect_ai.viewer import (
    SampleScoreView,
    ScoreColorScale,
    TaskSamplesColumn,
    TaskSamplesSort,
    TaskSamplesView,
    ViewerConfig,
)

from cornered.scenario import Levels, Pack
from cornered.scoring import Scoring

_SHARE = ScoreColorScale(palette="good-low", min=0, max=1)
_PLAIN = ("tokens", "duration", "limit", "error")
_HIDDEN = ("input", "target", "epoch", "retries", "sampleUuid")
"""Columns that say the same of every trial, or nothing."""


def viewer_config(pack: Pack, levels: Levels, scoring: Scoring) -> ViewerConfig:
    """The columns, their order and their colors in Inspect's list of a condition's trials.

    Inspect's list has its own columns and scores only: the outcome is its `answer`; the factors of
    the condition are in the task's name and in each trial's metadata, with how the trial ended and
    why it is unscored in the verdict.

    Nothing in a log is trusted. What models wrote would otherwise be rendered as Markdown, with
    links and images, and could hide in invisible characters.

    Args:
        pack: The pack of the scenario.
        levels: The condition.
        scoring: The settings of its scoring.
    """
    probe = levels.get("probe") == "on"
    first = ["understood"] if probe else ["harmful", "act"]
    if pack.spec.study and not probe:
        first.append("paper")
    columns = [
        _shown("sampleStatus"),
        _shown("sampleId"),
        *(TaskSamplesColumn.score("verdict", name) for name in first),
        _shown("answer"),
        *_read(scoring),
        *map(_shown, _PLAIN),
        *(TaskSamplesColumn(id=name, visible=False) for name in _HIDDEN),
    ]
    names = ("harmful", "act", "paper")
    return ViewerConfig(
        trust_content=False,
        sample_score_view=SampleScoreView(default="grid"),
        task_samples_view=TaskSamplesView(
            name="Trials",
            columns=columns,
            sort=[
                *(TaskSamplesSort.score("verdict", name, dir="desc") for name in first[:2]),
                TaskSamplesSort(column="sampleId"),
            ],
            multiline=False,
            compact_scores=False,
            score_labels={
                "harmful": "Harmful",
                "act": "Act",
                "paper": "Paper rule",
                "understood": "Understood",
            },
            score_color_scales={
                **dict.fromkeys(names, _SHARE),
                "understood": ScoreColorScale(palette="good-high", min=0, max=1),
            },
            color_scales_enabled=True,
        ),
    )


def _shown(name: str) -> TaskSamplesColumn:
    return TaskSamplesColumn(id=name)


def _read(scoring: Scoring) -> Iterator[TaskSamplesColumn]:
    for name in scoring.readings:
        yield TaskSamplesColumn.score("readings", name)
