"""How trials are scored: settings, and no code that scores."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from cornered.scenario.pack import reading_names

PanelRule = Literal["majority", "unanimity"]
"""When several judges have a verdict: more than half of all agree, or every one does."""
View = Literal["actions", "transcript"]
"""What a judge is shown: executed actions only, or the whole answer too, as in the study."""


def _known_readings(value: Any) -> Any:
    known = reading_names()
    if value == "all":
        return known
    names = value.split(",") if isinstance(value, str) else value
    for name in names if isinstance(names, list) else []:
        if name not in known:
            raise ValueError(f"there is no reading {name}; there are {', '.join(known)}, and all")
    return names


class Scoring(BaseModel):
    """How trials are scored; all of a run are scored alike."""

    model_config = ConfigDict(extra="forbid")

    judge_all: bool = False
    """Ask the judge about every trial that did something, for outcomes and labels; else only
    about those with the act, since no other verdict hangs on it."""
    judge_view: View = "actions"
    """What a judge is shown of a trial."""
    panel: PanelRule = "majority"
    """When several judges have a verdict; where they have none the trial is unscored."""
    readings: Annotated[list[str], BeforeValidator(_known_readings)] = []
    """What is read in the reasoning, by name, or `all`; never part of a verdict."""
    debrief: bool = False
    """Ask the subject afterwards what the exchange was for and what it did; never part of a
    verdict."""
