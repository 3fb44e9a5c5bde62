"""The report of a run: its results as values, and the files they are written to."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cornered.analysis.missingness import missing_notes, panel_notes
from cornered.analysis.names import CellNames
from cornered.analysis.reference import Reference, beside
from cornered.analysis.roles import judge_themselves
from cornered.analysis.table import Cell
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
from cornered.run.report_notes import (
    approval_notes,
    conclusion,
    exposure_notes,
    judge_notes,
    stopping_notes,
)
from cornered.run.runner import RunState, read_run
from cornered.scenario import load_pack

if TYPE_CHECKING:
    import pandas as pd

    from cornered.analysis.estimands import Contrast
    from cornered.analysis.figures import Figure
    from cornered.analysis.hypotheses import HypothesisResult
    from cornered.analysis.measure_contrasts import MeasureContrast
    from cornered.analysis.page import Methods
    from cornered.scenario.condition import Naming

PAGE = "report.html"
CONTRASTED = ("kind", "scenario", "model", "factor", "level", "reference")
"""What makes a contrast the same as another."""
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
        from cornered.analysis.measure_contrasts import measure_contrasts

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
        made = judge_notes(self.state, self.judge_themselves, self.tokens)
        return [*made, *panel_notes(self.cells)]

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
        return list(unreasoned(self.state.trials, CellNames(self.cells)))

    @cached_property
    def exposure_notes(self) -> list[str]:
        """What is in no rate: unexposed trials, acts before a cut, silence, unequal shares."""
        return [*exposure_notes(self.cells), *missing_notes(self.cells)]

    @cached_property
    def approval_notes(self) -> list[str]:
        """What the approval stopped, in one line; empty where there was none."""
        return list(approval_notes(self.cells))

    @cached_property
    def stopping_notes(self) -> list[str]:
        """Cells that were stopped early, and why; cells that ran to the end undecided."""
        return list(stopping_notes(self.state))

    @property
    def notes(self) -> list[str]:
        """What a reader must know beside the rates, in one order; each a sentence or two."""
        return self._notes(self.judge_notes)

    @property
    def page_notes(self) -> list[str]:
        """The same for the page, which says elsewhere where there was no judge."""
        return self._notes(self.judge_notes if self.state.manifest.experiment.judges else [])

    def _notes(self, of_judges: Sequence[str]) -> list[str]:
        return [
            *self.hypothesis_notes,
            *self.version_notes,
            *self.reasoning_notes,
            *self.exposure_notes,
            *self.approval_notes,
            *of_judges,
            *self.stopping_notes,
            *self.figure_notes,
        ]

    @property
    def conclusion(self) -> str:
        """The number of trials with a verdict, and why the others have none."""
        return conclusion(self.state)

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
            "notes": self.notes,
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
        notes=report.page_notes,
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
        json.dumps([state.labels.by_trial, state.labels.weights], sort_keys=True).encode()
        if state.labels
        else b"-"
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
