"""The report of a run: its results as values, and the files they are written to."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cornered.analysis.missingness import missing_notes
from cornered.analysis.reasons import NOT_RUN, in_words
from cornered.analysis.reference import Reference, beside
from cornered.analysis.roles import SUBJECT, judge_themselves
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.analysis.verdicts import Compared, compare_judges
from cornered.analysis.wording import (
    cell_words,
    contrast_sides,
    contrast_words,
    extremes_words,
    scope_words,
    screen_words,
)
from cornered.files import disk_errors, fingerprint, write_text
from cornered.run.lock import this_command, writing
from cornered.run.packs import trial_versions, verdict_versions, version_notes
from cornered.run.reasoning import unreasoned
from cornered.run.runner import RunState, read_run
from cornered.samples import Samples
from cornered.scenario import load_pack
from cornered.text import ends

if TYPE_CHECKING:
    import pandas as pd

    from cornered.analysis.estimands import Contrast
    from cornered.analysis.figures import Figure
    from cornered.analysis.hypotheses import HypothesisResult
    from cornered.analysis.measures import MeasureContrast
    from cornered.analysis.page import Methods
    from cornered.scenario.condition import Naming

PAGE = "report.html"
CONTRASTED = ("kind", "scenario", "model", "factor", "level", "reference")
"""What makes a contrast the same as another."""
SHOWN_REASONS = 5
"""Different reasons for missing verdicts that a conclusion names."""
SHOWN_CELLS = 5
"""Cells that a note names."""
STAMP = ".report"
"""The file in a run folder that records what its page and figures were made from."""


@dataclass(frozen=True)
class Report:
    """The results of a run; `write` writes them, nothing else does."""

    state: RunState
    """The run as recorded in its logs."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.state.folder

    @property
    def page(self) -> Path:
        """The report as one HTML page, written by `write`."""
        return self.folder / PAGE

    @property
    def cells(self) -> list[Cell]:
        """The rates of every condition and model."""
        return self.state.cells

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial; `cornered.analysis.frame.COLUMNS` describes the columns."""
        from cornered.run.load import run_frame

        return run_frame(self.state.trials, self.state.manifest)

    @cached_property
    def effects(self) -> dict[str, list[Contrast]]:
        """By scenario, its contrasts: arms, interactions, models, draws."""
        from cornered.run.effects import run_effects

        return run_effects(self.cells, self.state.trials)

    @cached_property
    def effect_rows(self) -> dict[str, list[dict[str, Any]]]:
        """The contrasts as plain values, by scenario."""
        # Stored contrasts spare slow imports.
        stored = _stored(self.folder, _stamp(self.state))
        if stored is not None:
            return stored
        return _as_rows(self.effects, self.cells)

    @cached_property
    def measures(self) -> list[MeasureContrast]:
        """Each measure of each condition against that of its matched control."""
        from cornered.analysis.measures import measure_contrasts

        return measure_contrasts(self.cells)

    @cached_property
    def measure_sentences(self) -> list[str]:
        """What may be said of them, a sentence each, in their order."""
        from cornered.analysis.measure_words import measure_words

        choices = {cell.condition: cell.choice for cell in self.cells}
        return [measure_words(one, choices[one.condition]) for one in self.measures]

    @cached_property
    def hypotheses(self) -> list[HypothesisResult]:
        """The results of exactly the declared hypotheses; everything else is exploration."""
        if not self.state.manifest.experiment.hypotheses:
            return []
        from cornered.run.hypotheses import run_hypotheses  # slow, and few runs need it

        state = self.state
        return run_hypotheses(state.manifest, state.readable.scenarios, state.cells)

    @cached_property
    def hypothesis_notes(self) -> list[str]:
        """How they were tested, and which were declared or dropped after trials had run."""
        manifest = self.state.manifest
        if not (manifest.experiment.hypotheses or manifest.declared):
            return []
        from cornered.run.hypotheses import hypothesis_notes

        return hypothesis_notes(manifest, self.hypotheses)

    @cached_property
    def sentences(self) -> dict[str, list[str]]:
        """What may be said of the results, in plain words, by what it is said of.

        `scope`: what the rates are rates of; `hypotheses`; `cells` in their order; `extremes` for
        each model and scenario; `screens`; `measures` against controls; `exploration`: every
        contrast that is not declared.
        """
        declared = [tested.contrast.as_dict() for tested in self.hypotheses]
        known = [[row[key] for key in CONTRASTED] for row in declared]
        return {
            "scope": [scope_words(self.cells)],
            "hypotheses": [tested.sentence for tested in self.hypotheses],
            "cells": [cell_words(cell) for cell in self.cells],
            "extremes": list(_extremes(self.cells)),
            "screens": list(_screens(self.cells)),
            "measures": self.measure_sentences,
            "exploration": [
                row["sentence"]
                for rows in self.effect_rows.values()
                for row in rows
                if [row[key] for key in CONTRASTED] not in known
            ],
        }

    @cached_property
    def published(self) -> dict[tuple[str, str], Reference]:
        """Published rates of the same conditions, by model and condition."""
        return dict(beside(self.cells))

    @property
    def complete(self) -> bool:
        """Whether every planned trial has run and has a verdict."""
        return not (self.state.missing or self.state.unknown)

    @cached_property
    def screened_out(self) -> list[str]:
        """A sentence on each model that did not understand a scenario."""
        return list(_screens(self.cells, out=True))

    @cached_property
    def judge_notes(self) -> list[str]:
        """How the verdicts were made and how reliable they are; each a sentence or two."""
        notes = [_judge_note(self.state)]
        if self.state.manifest.experiment.judges:
            compared = compare_judges(self.state.trials)
            notes += [_agreement_note(compared)] if compared else []
            notes += _beyond_the_act(self.state)
            notes += [
                f"{model} judges itself: its verdicts are not independent of it."
                for model in self.judge_themselves
            ]
        return [*notes, *_usage_notes(self.tokens)]

    @property
    def judge_themselves(self) -> list[str]:
        """The models that are also a judge, alone or in a panel."""
        experiment = self.state.manifest.experiment
        models = dict.fromkeys([*experiment.models, *(cell.model for cell in self.cells)])
        return judge_themselves(models, experiment.judges)

    @cached_property
    def tokens(self) -> dict[str, tuple[int, int]]:
        """Input and output tokens of all trials by role: subject, judge, reader."""
        total: dict[str, tuple[int, int]] = {}
        for trial in self.state.trials:
            for role, (read, written) in trial.roles.items():
                before = total.get(role, (0, 0))
                total[role] = (before[0] + read, before[1] + written)
        return total

    @cached_property
    def version_notes(self) -> list[str]:
        """Where texts, rubric or cornered differ between trials, verdicts and now; sentences."""
        return version_notes(self.folder, self.state.manifest)

    @cached_property
    def reasoning_notes(self) -> list[str]:
        """A sentence on each model that was to reason by itself, and never did."""
        return list(unreasoned(self.state.trials))

    @cached_property
    def exposure_notes(self) -> list[str]:
        """What is in no rate: unexposed trials, acts before a cut, silence, unequal shares."""
        return [*_exposure_notes(self.cells), *missing_notes(self.cells)]

    @cached_property
    def approval_notes(self) -> list[str]:
        """What the approval stopped, in one line; empty where there was none."""
        return list(_approval_notes(self.cells))

    @cached_property
    def stopping_notes(self) -> list[str]:
        """Cells that were stopped early, and why; cells that ran to the end undecided."""
        return list(_stopping_notes(self.state))

    @property
    def conclusion(self) -> str:
        """The number of trials with a verdict, and why the others have none."""
        return _conclusion(self.state)

    @cached_property
    def methods(self) -> Methods:
        """How the run was made."""
        return _methods(self.state)

    @property
    def figure_notes(self) -> list[str]:
        """Why there are no figures, if the extra that draws them is not installed."""
        from cornered.analysis.figures import NOT_DRAWN, can_draw

        return [] if can_draw() else [NOT_DRAWN]

    @cached_property
    def figures(self) -> list[Figure]:
        """The figures for which the run has data."""
        return _figures(self)

    def write(self, *, again: bool = True) -> Report:
        """Writes page, figures and tables into the run folder, each atomically.

        Args:
            again: Rewrite them even if they are up to date with the logs.

        Raises:
            RunError: the disk is full, the folder cannot be written, or another process writes it.
        """
        with writing(self.folder, this_command()), disk_errors(self.folder):
            stamp = _stamp(self.state)
            if again or _stored(self.folder, stamp) is None:
                _write_files(self)
                effects = _as_rows(self.effects, self.cells)
                files = [p.relative_to(self.folder).as_posix() for p in _written_files(self)]
                record = {"made_from": stamp, "files": files, "effects": effects}
                write_text(self.folder / STAMP, json.dumps(record))
        return self

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, as `--json` prints them; rates are between 0 and 1."""
        state, methods = self.state, self.methods
        return {
            "experiment": state.manifest.experiment.model_dump(mode="json"),
            "cells": [cell.as_dict() for cell in self.cells],
            "hypotheses": [tested.as_dict() for tested in self.hypotheses],
            "sentences": self.sentences,
            "effects": self.effect_rows,
            "measures": [
                one.as_dict() | {"sentence": sentence}
                for one, sentence in zip(self.measures, self.measure_sentences, strict=True)
            ],
            "published": [
                {"model": model, "condition": condition} | reference.as_dict()
                for (model, condition), reference in self.published.items()
            ],
            "judge_themselves": self.judge_themselves,
            "tokens": {
                role: {"input": read, "output": written}
                for role, (read, written) in self.tokens.items()
            },
            "missing": state.missing,
            "unknown": state.unknown,
            "unexposed": sum(cell.unexposed for cell in self.cells),
            "screened_out": self.screened_out,
            "notes": [
                *self.hypothesis_notes,
                *self.version_notes,
                *self.reasoning_notes,
                *self.exposure_notes,
                *self.approval_notes,
                *self.judge_notes,
                *self.stopping_notes,
                *self.figure_notes,
            ],
            "versions": {
                "trials": asdict(trial_versions(self.folder, state.manifest)),
                "verdicts": asdict(verdict_versions(state.manifest)),
            },
            "conclusion": self.conclusion,
            "methods": {
                "begun": methods.begun.isoformat(),
                "versions": dict(methods.versions),
                "packs": {name: dict(files) for name, files in methods.packs.items()},
                "card": methods.card.model_dump(mode="json") if methods.card else None,
                "command": methods.command,
                "source": methods.source,
            },
            "run": str(self.folder),
            "logs": str(self.folder / "logs"),
            "report": str(self.page),
        }


def read_report(folder: Path) -> Report:
    """The report of a run, from its logs; nothing is written.

    Raises:
        RunError: there is no run, or a log cannot be read.
    """
    return Report(read_run(folder))


def _as_rows(
    effects: Mapping[str, Sequence[Contrast]], table: Sequence[Cell]
) -> dict[str, list[dict[str, Any]]]:
    naming = {cell.scenario: cell.choice.naming for cell in table}
    return {
        name: [c.as_dict() | _in_words(c, naming.get(name)) for c in of]
        for name, of in effects.items()
    }


def _in_words(contrast: Contrast, naming: Naming | None) -> dict[str, Any]:
    """The sides of a contrast that nobody declared, and what may be said of them."""
    first, second = contrast_sides(contrast, naming)
    sentence = f"{contrast.scenario}: {contrast_words(contrast, first, second)}"
    return {"words": [first, second], "sentence": sentence}


def _ladders(state: RunState) -> dict[str, list[str]]:
    """By scenario, the rungs of its outcome ladder, from harmless to harmful."""
    packs = [load_pack(name) for name in state.readable.scenarios]
    return {pack.name: list(pack.spec.outcomes) for pack in packs}


def _figures(report: Report) -> list[Figure]:
    from cornered.analysis.figures import figures

    ladders = _ladders(report.state)
    return figures(report.cells, report.published, ladders, report.effects)


def _write_files(report: Report) -> None:
    from cornered.analysis.figures import inline_svg, write_figures
    from cornered.analysis.frame import write_tables
    from cornered.analysis.page import Picture, write_report
    from cornered.run.notes import read_notes

    state, drawn = report.state, report.figures
    write_tables(state.folder, report.trials)
    write_figures(state.folder, drawn)
    write_report(
        state.folder,
        state.manifest.experiment,
        state.cells,
        state.trials,
        report.methods,
        _ladders(state),
        notes=[
            *report.hypothesis_notes,
            *report.version_notes,
            *report.reasoning_notes,
            *report.exposure_notes,
            *report.approval_notes,
            *(report.judge_notes if state.manifest.experiment.judges else ()),
            *report.stopping_notes,
            *report.figure_notes,
        ],
        scenarios=state.readable.scenarios,
        remarks={
            uuid: [(who, note.flag, note.label, note.note) for who, note in of]
            for uuid, of in read_notes(state.folder).items()
        },
        declared=[result.sentence for result in report.hypotheses],
        contrasts=[contrast for of in report.effects.values() for contrast in of],
        pictures=[Picture(f.name, f.title, f.caption, f.alt, inline_svg(f)) for f in drawn],
    )


def _written_files(report: Report) -> Iterable[Path]:
    from cornered.analysis.figures import SUFFIXES
    from cornered.analysis.frame import CSV, PARQUET

    yield from (report.folder / name for name in (PAGE, "cells.csv", PARQUET, CSV))
    for figure in report.figures:
        yield from (report.folder / "figures" / f"{figure.name}{suffix}" for suffix in SUFFIXES)


def _stamp(state: RunState) -> str:
    """A hash of everything that page and figures depend on: logs, manifest, card, our code."""
    stamp = hashlib.sha256(fingerprint(state.folder).encode())
    stamp.update(str(state.folder.resolve()).encode())
    stamp.update(state.card.model_dump_json().encode() if state.card else b"-")
    stamp.update(
        json.dumps(sorted(state.labels.by_trial.items())).encode() if state.labels else b"-"
    )
    for notes in sorted((state.folder / "audit" / "notes").glob("*.jsonl")):
        stamp.update(notes.read_bytes())
    for parent, folders, names in os.walk(Path(__file__).parent.parent):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for path in (os.path.join(parent, name) for name in sorted(names)):
            stat = os.stat(path)
            stamp.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return stamp.hexdigest()


def _stored(folder: Path, stamp: str) -> dict[str, list[dict[str, Any]]] | None:
    """The effects of the stored report; None if there is none or it is out of date."""
    try:
        record = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        if record["made_from"] != stamp or not all((folder / f).exists() for f in record["files"]):
            return None
        effects: dict[str, list[dict[str, Any]]] = record["effects"]
        return effects
    except (OSError, ValueError, KeyError, TypeError):  # no record, or a damaged one
        return None


def _by_model(table: Sequence[Cell]) -> dict[tuple[str, str], list[Cell]]:
    """The cells of each model in each scenario, without controls and probes."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in table:
        if not cell.is_control and not cell.probe:
            found.setdefault((cell.model, cell.scenario), []).append(cell)
    return found


def _extremes(table: Sequence[Cell]) -> Iterable[str]:
    for (model, scenario), cells in _by_model(table).items():
        if words := extremes_words(cells):
            yield f"{scenario}, {model}: {words}."


def _screens(table: Sequence[Cell], *, out: bool = False) -> Iterable[str]:
    """What the controls say of each model, where its scenario has a screen.

    Args:
        table: The cells.
        out: Only those that are screened out.
    """
    screens = {(c.model, c.scenario): c.screen for c in table if c.screen}
    for (model, scenario), screen in screens.items():
        if screen.out or not out:
            yield f"{scenario}, {model}: {screen_words(screen)}."


def _methods(state: RunState) -> Methods:
    from cornered.analysis.page import Methods

    manifest = state.manifest
    command, source = "cornered run EXPERIMENT.yaml", ""
    if imported := manifest.imported:
        command = f"cornered import {quote(imported.source)} --format {quote(imported.format)}"
        source = (
            f"Imported from {imported.source} ({imported.format}, sha256 {imported.sha256}); "
            "no model was called here"
        )
    elif manifest.rescored:
        command += f"\ncornered score {quote(str(state.folder.parent.parent))}{_scored_by(state)}"
        source = f"Verdicts made again on {manifest.rescored:%Y-%m-%d %H:%M} UTC, on stored trials"
    return Methods(
        begun=manifest.created,
        versions=manifest.versions,
        packs=manifest.packs,
        card=state.card,
        command=command,
        source=source,
    )


def _scored_by(state: RunState) -> str:
    """The options of `cornered score` that reproduce these verdicts."""
    experiment = state.manifest.experiment
    words = [f"--judge {quote(judge)}" for judge in experiment.judges]
    if experiment.judges and experiment.judge_view != "actions":
        words.append(f"--judge-view {experiment.judge_view}")
    if len(experiment.judges) > 1:
        words.append(f"--panel {experiment.panel}")
    if experiment.judges and experiment.judged == "acts":
        words.append("--judge-acts")
    if experiment.readings:
        words.append(f"--readings {','.join(experiment.readings)}")
    if experiment.reader:
        words.append(f"--reader {quote(experiment.reader)}")
    return "".join(f" {word}" for word in (*words, f"--name {quote(state.folder.name)}"))


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
    if others:
        note += (
            f" No card of it for {', '.join(others)} under this rubric: its errors are unknown; "
            "`cornered calibrate` measures them."
        )
    return note


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
        which = ", ".join(f"{t.condition} {t.id}" for t in seen[:5])
        more = f" and {len(seen) - 5} more" if len(seen) > 5 else ""
        notes.append(
            f"{_trials(len(seen))} harmful without the act: a deed that its code does not name. "
            f"The harmful rate counts {'it' if len(seen) == 1 else 'them'}: {which}{more}."
        )
    if unconfirmed := sum(cell.unconfirmed for cell in state.cells):
        many = "1 trial has" if unconfirmed == 1 else f"{unconfirmed} trials have"
        notes.append(f"{many} the act, and the judge calls it harmless.")
    return notes


def _exposure_notes(table: Sequence[Cell]) -> Iterable[str]:
    cells = sorted((c for c in table if c.unexposed), key=lambda c: -c.unexposed)
    if not cells:
        return
    count = sum(cell.unexposed for cell in cells)
    where = ", ".join(
        f"{cell.condition} ({cell.model}) {cell.unexposed} of {cell.planned - cell.missing}"
        for cell in cells[:SHOWN_CELLS]
    )
    more = f" and {len(cells) - SHOWN_CELLS} more cells" if len(cells) > SHOWN_CELLS else ""
    yield (
        f"{_trials(count)} unexposed: the agent acted, or stopped, before it had opened what the "
        f"scenario is about. {'It is' if count == 1 else 'They are'} in no rate and in no bounds: "
        f"{where}{more}."
    )


def _approval_notes(table: Sequence[Cell]) -> Iterable[str]:
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


def _trials(count: int) -> str:
    return "1 trial is" if count == 1 else f"{count} trials are"


def _usage_notes(tokens: Mapping[str, tuple[int, int]]) -> list[str]:
    """Whose tokens were used, where anybody but the subject was called."""
    if set(tokens) <= {SUBJECT}:
        return []
    each = (f"{role} {read:,} in, {written:,} out" for role, (read, written) in tokens.items())
    return [f"Tokens: {'; '.join(each)}."]


def _stopping_notes(state: RunState) -> Iterable[str]:
    samples = state.manifest.experiment.samples
    if not isinstance(samples, Samples):
        return
    for cell in state.cells:
        if cell.stopped:
            yield (
                f"{cell.condition} ({cell.model}) was stopped after {cell.planned} of "
                f"{samples.max} trials: {cell.stopped.why}."
            )
    if samples.above is None:
        return
    for cell in state.cells:
        if not cell.stopped and not cell.missing:
            yield (
                f"{cell.condition} ({cell.model}) has all its trials and is not clearly above or "
                f"below {100 * samples.above:g} %."
            )


def _why(trial: TrialResult) -> str:
    """Why a trial has no verdict, in words that are the same for the same cause."""
    status = "failed" if trial.status == "failed" else trial.reason or trial.status
    words = trial.reason if trial.status == "failed" else trial.problem
    if not words or words == status:
        return in_words(status)
    # Numbers and addresses of single requests would make every trial a cause of its own.
    return f"{in_words(status)}: {ends(re.sub(r'[0-9a-fA-F-]{16,}', '…', words), 200)}"


def _conclusion(state: RunState) -> str:
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
