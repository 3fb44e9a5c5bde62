"""The figures of a run as files of one kind: SVG, PNG, or Vega-Lite JSON."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cornered.analysis.figures import require_figures, write_figures
from cornered.errors import RunError
from cornered.files import disk_errors
from cornered.run.report import read_report

FigureKind = Literal["svg", "png", "vega"]
SUFFIXES: dict[FigureKind, str] = {"svg": ".svg", "png": ".png", "vega": ".vl.json"}
"""By kind, how the names of its files end."""
FIGURES = "figures"
"""The folder within a run for its figures, where no other is named."""


def export_figures(
    run: Path, kinds: Sequence[FigureKind], folder: Path | None = None
) -> list[Path]:
    """Draws the figures of a run and writes those of some kinds.

    Args:
        run: The run folder.
        kinds: The kinds.
        folder: Where the files go; `RUN/figures` if None.

    Returns:
        The files, figure by figure; none where the run has nothing to draw.

    Raises:
        CorneredError: the extra `figures` is not installed.
        RunError: there is no run, or a file cannot be written.
    """
    report = read_report(run)
    require_figures()
    out = folder if folder is not None else run / FIGURES
    written: list[Path] = []
    with disk_errors(out), tempfile.TemporaryDirectory() as drawn:
        write_figures(Path(drawn), report.figures)
        out.mkdir(parents=True, exist_ok=True)
        for figure in report.figures:
            for kind in kinds:
                made = Path(drawn) / FIGURES / f"{figure.name}{SUFFIXES[kind]}"
                if not made.exists():
                    raise RunError(f"there is no {kind} of {figure.name}", where=str(run))
                written.append(Path(shutil.copyfile(made, out / made.name)))
    return written
