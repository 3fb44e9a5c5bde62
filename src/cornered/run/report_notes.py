"""What a reader must know beside the rates of a run: sentences for terminal, page and JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cornered.analysis.names import CellNames
from cornered.analysis.reasons import NOT_RUN, in_words
from cornered.analysis.roles import SUBJECT
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.analysis.verdicts import Compared, compare_judges
from cornered.run.asked import unasked_notes
from cornered.run.runner import RunState
from cornered.samples import Samples
from cornered.scenario import load_pack
from cornered.text import ends

SHOWN_REASONS = 5
"""Different reasons for missing verdicts that a conclusion names."""
SHOWN_CELLS = 5
"""Cells that a note names; of more it gives a summary."""
SHOWN_TRIALS = 5
"""Trials that a note names."""
_DECISIONS = {
    "narrow": "with an interval that is narrow enough",
    "above": "above the threshold",
    "below": "below the threshold",
}


def judge_notes(
    state: RunState, themselves: Iterable[str], tokens: Mapping[str, tuple[int, int]]
) -> list[str]:
    """How the verdicts were made and how reliable they are; each a sentence or two.

    Args:
        state: The run.
        themselves: The models that are also a judge.
        tokens: By role, input and output tokens.
    """
    notes = [_judge_note(state)]
    if state.manifest.experiment.judges:
        compared = compare_judges(state.trials)
        notes += [_agreement_note(compared)] if compared else []
        notes += _beyond_the_act(state)
        notes += [
            f"{model} judges itself: its verdicts are not independent of it."
            for model in themselves
        ]
    return [*notes, *unasked_notes(state.readable), *_usage_notes(tokens)]


def exposure_notes(table: Sequence[Cell]) -> Iterator[str]:
    """Where trials are unexposed, and so in no rate."""
    cells = sorted((c for c in table if c.unexposed), key=lambda c: -c.unexposed)
    if not cells:
        return
    names = CellNames(table)
    count = sum(cell.unexposed for cell in cells)
    where = "; ".join(
        f"{names.cell(cell)}: {cell.unexposed} of {cell.planned - cell.missing}"
        for cell in cells[:SHOWN_CELLS]
    )
    more = f"; and {len(cells) - SHOWN_CELLS} more cells" if len(cells) > SHOWN_CELLS else ""
    yield (
        f"{_trials(count)} unexposed: the agent acted, or stopped, before it had opened what the "
        f"scenario is about. {'It is' if count == 1 else 'They are'} in no rate and in no bounds. "
        f"By cell: {where}{more}."
    )


def approval_notes(table: Sequence[Cell]) -> Iterator[str]:
    """What the approval stopped, in one sentence or two."""
    known = [cell.approval for cell in table if cell.approval]
    if not known:
        return
    acts = sum(approval.deeds.blocked_acts for approval in known)
    innocent = sum(approval.deeds.innocent_blocked for approval in known)
    yield (
        f"Approval: of {sum(a.deeds.attempted for a in known)} attempted actions it stopped "
        f"{acts + innocent}: {acts} that would have been the act, and {innocent} of innocent work. "
        "What it stopped did no harm, and is no act in any rate; “attempted or carried out” "
        "counts it."
    )


def stopping_notes(state: RunState) -> Iterator[str]:
    """Which cells were stopped early, and why; which ran to the end undecided."""
    samples = state.manifest.experiment.samples
    if not isinstance(samples, Samples):
        return
    names = CellNames(state.cells)
    stopped = [cell for cell in state.cells if cell.stopped]
    if len(stopped) > SHOWN_CELLS:
        yield _stopped_cells(stopped, len(state.cells), samples.max)
    else:
        for cell in stopped:
            yield (
                f"{names.cell(cell)}, was stopped after {cell.planned} of {samples.max} trials: "
                f"{cell.stopped.why if cell.stopped else ''}."
            )
    if samples.above is None:
        return
    undecided = [cell for cell in state.cells if not cell.stopped and not cell.missing]
    rate = f"{100 * samples.above:g} %"
    if len(undecided) > SHOWN_CELLS:
        yield (
            f"{len(undecided)} of {len(state.cells)} cells have all their trials and are not "
            f"clearly above or below {rate}; cells.csv names them."
        )
        return
    for cell in undecided:
        yield (f"{names.cell(cell)}, has all its trials and is not clearly above or below {rate}.")


def _stopped_cells(stopped: Sequence[Cell], total: int, most: int) -> str:
    """How many cells were stopped early, after how many trials, and why."""
    trials = sorted(cell.planned for cell in stopped)
    span = str(trials[0]) if trials[0] == trials[-1] else f"{trials[0]} to {trials[-1]}"
    why = Counter(cell.stopped.decision for cell in stopped if cell.stopped)
    reasons = ", ".join(f"{count} {_DECISIONS[decision]}" for decision, count in why.items())
    return (
        f"{len(stopped)} of {total} cells were stopped early, after {span} of {most} trials: "
        f"{reasons}; cells.csv names them."
    )


def conclusion(state: RunState) -> str:
    """The number of trials with a verdict, and why the others have none."""
    planned = sum(cell.planned for cell in state.cells)
    unjudged = sum(cell.harmful.unjudged for cell in state.cells if cell.harmful)
    unexposed = sum(cell.unexposed for cell in state.cells)
    apart = f"; {unexposed} more {'is' if unexposed == 1 else 'are'} unexposed" if unexposed else ""
    planned -= unexposed
    if not state.unknown and not state.missing:
        if unjudged:
            return (
                f"{planned - unjudged} of {planned} trials have a verdict; {unjudged} not "
                f"judged{apart}."
            )
        return f"All {planned} trials have a verdict{apart}."
    why = Counter(
        _why(t)
        for t in state.trials
        if t.without_verdict(judged=bool(state.manifest.experiment.judges))
    )
    if state.missing:
        why[in_words(NOT_RUN)] = state.missing
    shown = why.most_common(SHOWN_REASONS)
    if rest := sum(why.values()) - sum(n for _, n in shown):
        shown.append(("other reasons", rest))
    reasons = "; ".join(f"{n}: {reason}" for reason, n in shown)
    again = "; the same command goes on" if state.missing else ""
    again = (f"; {unjudged} more not judged" if unjudged else "") + apart + again
    return (
        f"{state.unknown + state.missing} of {planned} trials have no verdict ({reasons}); "
        f"none counts as safe{again}."
    )


def _judge_note(state: RunState) -> str:
    experiment = state.manifest.experiment
    if not experiment.judges:
        return (
            "No judge: these are act rates. An act need not be harmful, and harm need not be the "
            "act that code looks for."
        )
    names = " + ".join(experiment.judges)
    rule = f" (a panel: {experiment.panel})" if len(experiment.judges) > 1 else ""
    view = {
        "actions": "shown executed actions only",
        "transcript": "shown the whole answer, reasoning too",
    }[experiment.judge_view]
    corrected = [(cell, cell.corrected.by) for cell in state.cells if cell.corrected]
    graded = sorted({cell.scenario for cell, by in corrected if by == "card"})
    others = sorted(
        {cell.scenario for cell in state.cells} - {cell.scenario for cell, _ in corrected}
    )
    note = f"Judge: {names}{rule}, {view}."
    if experiment.judged == "acts":
        note += (
            " Only trials with the act were judged: the rate is of confirmed acts, and harm of "
            "other kinds is not seen."
        )
    if unread := sum(cell.harmful.unjudged for cell in state.cells if cell.harmful):
        note += (
            f" {unread} {'trial' if unread == 1 else 'trials'} did something else that no judge "
            "read; what could be counts them as harmful."
        )
    if graded and state.card:
        note += (
            f" Corrected by its card of {state.card.created:%Y-%m-%d} ({', '.join(graded)}): "
            "the rate if it made no mistakes, as on gold answers, which were chosen hard."
        )
    if state.labels and any(by == "audit" for _, by in corrected):
        note += f" {state.labels.note}"
        if left := sum(c.corrected.unlabelled for c in state.cells if c.corrected):
            note += (
                f" {left} trials of kinds that nobody labelled stay as the judge called them; "
                "`cornered audit --all` draws from them."
            )
    borrowed = _borrowed_gold(state)
    others = [name for name in others if name not in borrowed]
    if borrowed:
        note += (
            f" {' '.join(borrowed.values())} No card corrects these rates; persons' labels do "
            "(`cornered audit`)."
        )
    if others:
        note += (
            f" No card of it for {', '.join(others)} under this rubric: its errors are unknown; "
            "`cornered calibrate` measures them."
        )
    return note


def _borrowed_gold(state: RunState) -> dict[str, str]:
    """By scenario without gold answers of its own, a sentence on those that are used for it."""
    from cornered.verdict.gold import gold_used

    packs = [load_pack(name) for name in state.readable.scenarios]
    return {pack.name: used for pack in packs if (used := gold_used(pack))}


def _agreement_note(compared: Compared) -> str:
    """How far the judges of a panel agree."""
    alpha = compared.alpha
    count = f"{alpha.agreement.successes} of {alpha.agreement.n} trials"
    if alpha.value is None or alpha.interval is None:
        return f"The judges agree on {count} ({alpha.reason})."
    low, high = alpha.interval.low, alpha.interval.high
    pairs = "; ".join(
        f"kappa of {one} and {other} {k.value:.2f} ({k.interval.low:.2f} to {k.interval.high:.2f})"
        for (one, other), k in compared.pairs.items()
        if k.value is not None and k.interval is not None
    )
    return (
        f"The judges agree on {count}: Krippendorff's alpha {alpha.value:.2f} "
        f"({low:.2f} to {high:.2f}){'; ' + pairs if pairs else ''}."
    )


def _beyond_the_act(state: RunState) -> list[str]:
    """Where code and judge differ: harm without the act, and acts that are not confirmed."""
    seen = [t for t in state.trials if t.harmful and t.act is not True]
    notes = []
    if seen:
        names = CellNames(state.cells)
        which = "; ".join(f"{names.said(t.condition)}, trial {t.id}" for t in seen[:SHOWN_TRIALS])
        more = f"; and {len(seen) - SHOWN_TRIALS} more" if len(seen) > SHOWN_TRIALS else ""
        notes.append(
            f"{_trials(len(seen))} harmful without the act: a deed that its code does not name. "
            f"The harmful rate counts {'it' if len(seen) == 1 else 'them'}. {which}{more}."
        )
    if unconfirmed := sum(cell.unconfirmed for cell in state.cells):
        many = "1 trial has" if unconfirmed == 1 else f"{unconfirmed} trials have"
        notes.append(f"{many} the act, and the judge calls it harmless.")
    return notes


def _trials(count: int) -> str:
    return "1 trial is" if count == 1 else f"{count} trials are"


def _usage_notes(tokens: Mapping[str, tuple[int, int]]) -> list[str]:
    """Whose tokens were used, where anybody but the subject was called."""
    if set(tokens) <= {SUBJECT}:
        return []
    each = (f"{role} {read:,} in, {written:,} out" for role, (read, written) in tokens.items())
    return [f"Tokens: {'; '.join(each)}."]


def _why(trial: TrialResult) -> str:
    """Why a trial has no verdict, in words that are the same for the same cause."""
    status = "failed" if trial.status == "failed" else trial.reason or trial.status
    words = trial.reason if trial.status == "failed" else trial.problem
    if not words or words == status:
        return in_words(status)
    # Numbers and addresses of single requests would make every trial a cause of its own.
    return f"{in_words(status)}: {ends(re.sub(r'[0-9a-fA-F-]{16,}', '…', words), 200)}"
