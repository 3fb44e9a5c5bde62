"""What was said of a trial before, where only what failed is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cornered.verdict.judge import Judgement


@dataclass(frozen=True)
class Kept:
    """What judges said of a trial before, where only the others are to be asked."""

    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    """By judge."""
    paper: Mapping[str, Any] | None = None
    """The verdict by the study's own rule, as in the score's metadata."""


NOTHING_KEPT = Kept()


def trial_key(id: str | int, epoch: int) -> str:
    """The key of a trial within its log."""
    return f"{id} {epoch}"
