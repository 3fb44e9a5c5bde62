"""Settings of how trials are scored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cornered.scenario.pack import reading_names

PanelRule = Literal["majority", "unanimity"]
"""When a panel has a verdict: more than half of its judges agree, or all do."""
View = Literal["actions", "transcript"]
"""What a judge sees: executed actions only, or also the whole answer, as in the study."""


def _known_readings(value: Any) -> Any:
    available = reading_names()
    if value == "all":
        return available
    names = value.split(",") if isinstance(value, str) else value
    for name in names if isinstance(names, list) else []:
        if name not in available:
            raise ValueError(
                f"there is no reading {name}; choose from {', '.join(available)}, or give all"
            )
    return names


class Scoring(BaseModel):
    """How the trials of a run are scored, all alike."""

    model_config = ConfigDict(extra="forbid")

    judge_all: bool = False
    """Ask the judge about every trial with executed actions, to get outcomes and labels; by default
    only about trials with the act, since the judge decides no other verdict."""
    judge_view: View = "actions"
    """What a judge sees of a trial."""
    judge_max_tokens: int = Field(default=4096, ge=1)
    """The limit of a judge's answer, in tokens, its reasoning included."""
    panel: PanelRule = "majority"
    """When a panel has a verdict; without one the trial is unscored."""
    readings: Annotated[list[str], BeforeValidator(_known_readings)] = []
    """Readings of the reasoning, by name, or `all`; never part of a verdict."""
    debrief: bool = False
    """Ask the subject after the trial what it was for and what the subject did; never part of a
    verdict."""
