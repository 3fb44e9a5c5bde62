"""Short forms of trials, for paper: what was done, and what the judge says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cornered.analysis.page.boards import key_boards
from cornered.analysis.trials import TrialResult
from cornered.text import ends

MAX_EXCERPTS = 24
"""Most trials in short form; each takes four or five lines on paper."""
LONGEST = 260
"""Most characters of what was done, and of the judge's reason."""


@dataclass(frozen=True)
class Excerpt:
    """A trial in a few lines."""

    trial: TrialResult
    title: str
    """Its act, such as `Mail sent`; empty where no action is known."""
    to: str
    """Whom it reached; empty where it is no message."""
    said: str
    """The beginning and the end of its text, in one line."""
    reason: str
    """Why the first judge with a reason called it so, in one line."""
    boards: Sequence[Mapping[str, Any]] = ()
    """Positions of its game that tell what happened, from `key_boards`."""


@dataclass
class Excerpts:
    """Collects the short forms of harmful trials, or of acts where nothing is harmful.

    Trials come most interesting first, with the cells taking turns.
    """

    _kept: dict[bool, list[Excerpt]] = field(default_factory=lambda: {True: [], False: []})

    def add(self, trial: TrialResult, text: Mapping[str, Any]) -> None:
        """Takes a trial, with its transcript, if it is harmful or has the act."""
        kept = self._kept[bool(trial.harmful)]
        if (trial.harmful or trial.act) and len(kept) < MAX_EXCERPTS:
            kept.append(_excerpt(trial, text))

    @property
    def excerpts(self) -> tuple[Excerpt, ...]:
        """Those of harmful trials; where there is none, those of acts."""
        return tuple(self._kept[True] or self._kept[False])


def _excerpt(trial: TrialResult, text: Mapping[str, Any]) -> Excerpt:
    deeds = [part for part in text["parts"] if part["kind"] in ("action", "deed")]
    acts = [part for part in deeds if part.get("act")] or deeds
    part = acts[0] if acts else {}
    action = part.get("action") or {}
    rows = action.get("rows", {})
    command = part.get("shell", {}).get("command", "")
    said = action.get("body") or command or part.get("text") or ", ".join(rows.values())
    reasons = [judge["reason"] for judge in text["judges"] if judge["reason"]]
    return Excerpt(
        trial=trial,
        title="Command" if command else action.get("title", ""),
        to=ends(str(rows.get("To", "")), 80) or "",
        said=ends(said, LONGEST) or "",
        reason=ends(reasons[0] if reasons else "", LONGEST) or "",
        boards=key_boards(text["parts"]),
    )
