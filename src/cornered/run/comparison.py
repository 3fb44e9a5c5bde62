"""Two runs, or two models of one, compared condition by condition."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cornered.analysis.compare import Between, Comparison, Side, at_level, compare, side
from cornered.files import disk_errors
from cornered.generation import Generation
from cornered.run.manifest import Manifest
from cornered.run.packs import name_of, origin, verdict_versions
from cornered.run.runner import read_run


def compare_runs(
    a: Path,
    b: Path,
    *,
    model_a: str | None = None,
    model_b: str | None = None,
    between: str | None = None,
) -> Comparison:
    """Compares two run folders; arguments and errors as in `cornered.compare`."""
    levels = Between.parse(between) if between else None
    one, other = _side(a, model_a, b), _side(b, model_b, a)
    if levels is not None:
        apart = (one.name, one.model) != (other.name, other.model)
        one = at_level(one, levels.factor, levels.a, apart=apart)
        other = at_level(other, levels.factor, levels.b, apart=apart)
    return compare(one, other)


def draw_comparison(comparison: Comparison, folder: Path) -> None:
    """Writes the forest plot of each scenario into a folder, as SVG and PNG.

    Raises:
        CorneredError: the extra `figures` is not installed.
        RunError: the disk is full, or the folder cannot be written.
    """
    from cornered.analysis.figures import comparison as forest
    from cornered.analysis.figures import require_figures, write_figures

    require_figures()

    drawn = [
        forest(s.scenario, comparison.a.name, comparison.b.name, s.conflict)
        for s in comparison.scenarios
    ]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_figures(folder, [figure for figure in drawn if figure])


def _side(folder: Path, model: str | None, against: Path) -> Side:
    state = read_run(folder)
    experiment = state.manifest.experiment
    ran = origin(folder, state.manifest)
    settings = {
        "the judge": " + ".join(experiment.judges),
        "what the judge is shown": experiment.judge_view if experiment.judges else "",
        "the temperature": str(experiment.temperature),
        "the longest answer": str(experiment.max_tokens or ""),
        "the settings of generation": _written(experiment.generation),
        "the text": ", ".join(
            f"{name_of(scenario, state.manifest)} {_text_version(files)}"
            for scenario, files in sorted(ran.packs.items())
        ),
        "what scored them": _scored_with(state.manifest),
    }
    name = model or folder.name
    if folder == against and not model:
        name = str(folder)
    return side(name, model, state.cells, state.trials, settings)


def _written(generation: Generation) -> str:
    """The settings of generation that are given, but those that have a line of their own."""
    given = generation.given()
    names = sorted(given.keys() - {"temperature", "max_tokens"})
    return ", ".join(f"{name} {given[name]}" for name in names)


def _scored_with(manifest: Manifest) -> str:
    """The versions of pack, rubric and cornered that made the verdicts."""
    verdicts = verdict_versions(manifest)
    packs = (
        f"{name} {version}, rubric {verdicts.rubrics[name]}"
        for name, version in sorted(verdicts.packs.items())
    )
    return "; ".join([*packs, f"cornered {verdicts.cornered or 'unknown'}"])


def _text_version(files: Mapping[str, str]) -> str:
    """A short hash of the texts of the prompts; rubrics are left out."""
    joined = "\n".join(f"{k} {v}" for k, v in sorted(files.items()) if "judge" not in k)
    return hashlib.sha256(joined.encode()).hexdigest()[:8]
