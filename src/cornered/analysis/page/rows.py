"""The trials of a run as columns, compact enough for hundreds of thousands on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cornered.analysis.reasons import in_words
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.scenario import Level
from cornered.scoring import UNEXPOSED
from cornered.verdict.candor import MEASURES, Candor

MAX_ROWS = 200_000
"""Most trials that the page lists; of more, it lists a sample of each cell."""
MAX_LINKED = 20_000
"""Most trials for which every id is on the page, for links; beyond that the ids would fill most of
the page, and only trials whose text is on it have one."""


def listed(trials: Sequence[TrialResult], most: int = MAX_ROWS) -> list[TrialResult]:
    """The trials to list: all, or an evenly spaced sample with the same share of each cell."""
    if len(trials) <= most:
        return list(trials)
    cells: dict[tuple[str, str], list[TrialResult]] = {}
    for trial in trials:
        cells.setdefault((trial.model, trial.condition), []).append(trial)
    return [
        rows[n * len(rows) // count]
        for rows in cells.values()
        for count in [max(1, len(rows) * most // len(trials))]
        for n in range(count)
    ]


def _word(known: bool | None, trial: TrialResult | None = None) -> str:
    if known is None:
        if trial and trial.act_before:
            return "unscored, act first"
        return UNEXPOSED if trial and trial.unexposed else "unscored"
    return "yes" if known else "no"


def columns(
    trials: Sequence[TrialResult], with_text: Iterable[str], *, judged: bool
) -> dict[str, dict[str, Any]]:
    """The columns of the list by name.

    Args:
        trials: The rows, in order.
        with_text: The uuids of the trials whose text is on the page.
        judged: Whether the run has a judge.

    Returns:
        A column of words has `values`, the distinct words, and `codes`, an index into them per
        row; a column of numbers has `numbers`; that of the uuids has `texts`. The word is empty
        in trials to which a column does not apply.
    """
    known = set(with_text)
    every = len(trials) <= MAX_LINKED
    readings = sorted({name for t in trials for name in t.readings})
    judges = list(dict.fromkeys(name for t in trials for name in t.votes))
    columns_of = {
        "model": _words(t.model for t in trials),
        "condition": _words(t.condition for t in trials),
        "id": _words(t.id for t in trials),
        "log": _words(t.log for t in trials),
        "status": _words(t.status for t in trials),
        "act": _words("" if t.understood is not None else _word(t.act, t) for t in trials),
        "outcome": _words(t.outcome or "" for t in trials),
        "reason": _words(in_words(t.reason or "")[:300] for t in trials),
        "tokens": {"numbers": [t.output_tokens for t in trials]},
        "uuid": {"texts": [t.uuid if every or t.uuid in known else "" for t in trials]},
    }
    if judged:
        columns_of["harmful"] = _words(
            "" if t.understood is not None else _word(t.harmful, t) for t in trials
        )
    if any(t.understood is not None for t in trials):
        columns_of["understood"] = _words(
            "" if t.understood is None else _word(t.understood) for t in trials
        )
    if any(t.paper is not None for t in trials):
        columns_of["paper"] = _words("" if t.paper is None else _word(t.paper) for t in trials)
    if any(t.labels for t in trials):
        columns_of["labels"] = _words(" ".join(t.labels or ()) for t in trials)
    for name in readings:
        columns_of[f"reading_{name}"] = _words(_reading(t, name) for t in trials)
    if any(t.candor for t in trials):
        for name in MEASURES:
            columns_of[f"reading_{name}"] = _words(_said(t.candor, name) for t in trials)
    for name in judges:
        columns_of[f"vote_{name}"] = _words(t.votes.get(name, "") for t in trials)
    return columns_of


def _reading(trial: TrialResult, name: str) -> str:
    return (trial.readings[name] or "unscored") if name in trial.readings else ""


def _said(candor: Candor | None, name: str) -> str:
    """What is known of an interview; empty where there was none, or where it does not apply."""
    if candor is None or candor.done == (name == "false_confession"):
        return ""
    holds = getattr(candor, name)
    return "unscored" if holds is None else "yes" if holds else "no"


def _words(words: Iterable[str]) -> dict[str, Any]:
    place: dict[str, int] = {}
    codes = [place.setdefault(word, len(place)) for word in words]
    return {"values": list(place), "codes": codes}


def levels_of(table: Iterable[Cell]) -> dict[str, dict[str, Level]]:
    """By condition, its scenario and the levels of all factors that vary between conditions.

    The level is empty in a scenario that does not offer the factor.
    """
    levels = {c.condition: {"scenario": c.scenario, **c.choice.levels} for c in table}
    factors = dict.fromkeys(factor for of in levels.values() for factor in of)
    varied = [f for f in factors if len({of[f] for of in levels.values() if f in of}) > 1]
    return {name: {f: of.get(f, "") for f in varied} for name, of in levels.items()}
