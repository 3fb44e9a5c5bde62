"""Two runs, or two models of one, compared condition by condition."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from cornered.analysis.compare import (
    JUDGE,
    JUDGED,
    RUBRIC,
    VIEW,
    Between,
    Comparison,
    Side,
    compare,
    compared_in_one_family,
    side,
)
from cornered.analysis.pairing import first_or_none, varied
from cornered.analysis.table import Cell
from cornered.errors import InputError
from cornered.files import disk_errors
from cornered.generation import Generation
from cornered.run.manifest import Manifest
from cornered.run.packs import name_of, origin, verdict_versions
from cornered.run.runner import RunState, read_run


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
    (made,) = compared_in_one_family([compare(one, other, levels)])
    return made


def compare_with_first(runs: Sequence[Path]) -> list[Comparison]:
    """Compares the first run with each other one, or the first model of one run with the others.

    The p values of all comparisons are one family, adjusted by Holm.

    Args:
        runs: Run folders, of one model each; or one folder with several models.

    Raises:
        RunError: there is no such run.
        InputError: a run of several has more than one model, the only run has one model, or two
            share no condition.
    """
    if len(runs) > 1:
        first, *others = [_side(run, None, next(o for o in runs if o is not run)) for run in runs]
    else:
        state = read_run(runs[0])
        models = list(dict.fromkeys(cell.model for cell in state.cells))
        if len(models) < 2:
            raise InputError(
                "is one run of one model",
                where=str(runs[0]),
                fix="name another run beside it, or --by FACTOR to compare its conditions",
            )
        first, *others = [_of_state(state, model, model) for model in models]
    return compared_in_one_family([compare(first, other) for other in others])


def compare_by(
    run: Path, factor: str, *, a: str | None = None, b: str | None = None
) -> list[Comparison]:
    """Compares levels of a factor within each model of a run.

    The p values of all comparisons are one family, adjusted by Holm.

    Args:
        run: The run folder.
        factor: The factor, such as `instructions`.
        a: The first level; `none` where the run has it, else the first that it lists.
        b: The second; every other one where None.

    Raises:
        RunError: there is no such run.
        InputError: the run has no such level, or no two levels of the factor on conditions that
            are equal in all else.
    """
    state = read_run(run)
    cells = [cell for cell in state.cells if not cell.probe]
    levels = _levels(cells, factor)
    if len(levels) < 2:
        several = ", ".join(varied(cells)) or "none"
        raise InputError(
            f"has no two levels of {factor}",
            where=str(run),
            fix=f"factors that it varies: {several}",
        )
    first = a or first_or_none(levels)
    made = []
    for model in dict.fromkeys(cell.model for cell in cells):
        side = _of_state(state, model, model)
        own = _levels([cell for cell in cells if cell.model == model], factor)
        for level in [b] if b else [level for level in own if level != first]:
            try:
                made.append(compare(side, side, Between(factor, first, level)))
            except InputError:
                if b:
                    raise
    if not made:
        raise InputError(
            f"has no conditions that differ in {factor} only",
            where=str(run),
            fix=f"its levels are {', '.join(levels)}; name two with --a and --b",
        )
    return compared_in_one_family(made)


def _levels(cells: Sequence[Cell], factor: str) -> list[str]:
    """The levels of a factor, without those that only controls have where others do."""
    asked = varied([cell for cell in cells if not cell.is_control]).get(factor, [])
    return asked if len(asked) > 1 else varied(cells).get(factor, [])


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
    name = model or folder.name
    if folder == against and not model:
        name = str(folder)
    return _of_state(read_run(folder), model, name)


def _of_state(state: RunState, model: str | None, name: str) -> Side:
    experiment = state.manifest.experiment
    ran = origin(state.folder, state.manifest)
    settings = {
        JUDGE: " + ".join(experiment.judges)
        + (f", {experiment.panel}" if len(experiment.judges) > 1 else ""),
        JUDGED: experiment.judged if experiment.judges else "",
        VIEW: experiment.judge_view if experiment.judges else "",
        RUBRIC: _rubrics(state.manifest) if experiment.judges else "",
        "the temperature": str(experiment.temperature),
        "the longest answer": str(experiment.max_tokens or ""),
        "the settings of generation": _written(experiment.generation),
        "the text": ", ".join(
            f"{name_of(scenario, state.manifest)} {_text_version(files)}"
            for scenario, files in sorted(ran.packs.items())
        ),
        "what scored them": _scored_with(state.manifest),
    }
    return side(name, model, state.cells, state.trials, settings)


def _written(generation: Generation) -> str:
    """The settings of generation that are given, but those that have a line of their own."""
    given = generation.given()
    names = sorted(given.keys() - {"temperature", "max_tokens"})
    return ", ".join(f"{name} {given[name]}" for name in names)


def _scored_with(manifest: Manifest) -> str:
    """The versions of pack and cornered that made the verdicts."""
    verdicts = verdict_versions(manifest)
    packs = (f"{name} {version}" for name, version in sorted(verdicts.packs.items()))
    return "; ".join([*packs, f"cornered {verdicts.cornered or 'unknown'}"])


def _rubrics(manifest: Manifest) -> str:
    rubrics = verdict_versions(manifest).rubrics
    return ", ".join(f"{name} {version}" for name, version in sorted(rubrics.items()))


def _text_version(files: Mapping[str, str]) -> str:
    """A short hash of the texts of the prompts; rubrics are left out."""
    joined = "\n".join(f"{k} {v}" for k, v in sorted(files.items()) if "judge" not in k)
    return hashlib.sha256(joined.encode()).hexdigest()[:8]
