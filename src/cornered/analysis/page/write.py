"""Writes the report of a run into its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cornered.analysis.estimands import Contrast
from cornered.analysis.page.document import Remark, build_page
from cornered.analysis.page.methods import Methods
from cornered.analysis.page.picture import Picture
from cornered.analysis.page.tables import write_cells
from cornered.analysis.page.transcripts import read_texts
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.experiment import Experiment
from cornered.files import write_text
from cornered.scenario import load_pack


def write_report(
    folder: Path,
    experiment: Experiment,
    table: Sequence[Cell],
    trials: Sequence[TrialResult],
    methods: Methods,
    ladders: Mapping[str, Sequence[str]],
    *,
    notes: Sequence[str] = (),
    scenarios: Sequence[str] | None = None,
    pictures: Sequence[Picture] = (),
    contrasts: Sequence[Contrast] = (),
    declared: Sequence[str] = (),
    remarks: Mapping[str, Sequence[Remark]] | None = None,
) -> Path:
    """Writes `report.html` and `cells.csv` into a run folder.

    Args:
        folder: The run folder.
        experiment: The experiment of the run.
        table: Its cells.
        trials: Its trials.
        methods: How it was made.
        ladders: By scenario, the rungs of its outcome ladder, from harmless to harmful.
        notes: Notes on versions, judges and early stops, a sentence or two each.
        scenarios: Its scenarios, named so that they can be loaded; as the experiment names them
            if None.
        pictures: Its figures, in order.
        contrasts: Its differences, from `estimands.run_contrasts`.
        declared: The results of its declared hypotheses, each in a sentence or two.
        remarks: By uuid of a trial, what readers noted on it.

    Returns:
        The path of the page.

    Raises:
        ValueError: a figure is not SVG.
        RunError: a log cannot be read.
    """
    packs = [load_pack(name) for name in scenarios or experiment.scenarios]
    texts = read_texts(folder, trials, table, scenarios or experiment.scenarios)
    page = build_page(
        experiment,
        table,
        trials,
        texts,
        methods,
        ladders,
        notes=notes,
        pictures=pictures,
        contrasts=contrasts,
        declared=declared,
        remarks=remarks,
        titles={pack.name: pack.spec.title for pack in packs},
    )
    path = folder / "report.html"
    write_text(path, page)
    write_cells(folder, table)
    return path
