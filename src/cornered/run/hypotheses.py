"""The hypotheses of a run: whether its conditions can answer them, and what they found."""

from __future__ import annotations

from collections.abc import Sequence

from cornered.analysis.hypotheses import (
    DeclaredTest,
    HypothesisResult,
    declared_tests,
    hypothesis_results,
)
from cornered.analysis.table import Cell, PlannedCell, cells
from cornered.analysis.wording import family_words
from cornered.errors import ExperimentError
from cornered.experiment import Experiment
from cornered.hypotheses import FAMILY, families, late_hypotheses
from cornered.run.manifest import Manifest
from cornered.samples import max_samples
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition


def planned_cells(experiment: Experiment) -> list[Cell]:
    """The cells of an experiment before any trial."""
    by_condition: dict[Condition, list[str]] = {}
    for model, condition in experiment.subjects(experiment.conditions()):
        by_condition.setdefault(condition, []).append(model)
    return cells(
        [],
        [PlannedCell(c, models=tuple(models)) for c, models in by_condition.items()],
        [*dict.fromkeys(model for models in by_condition.values() for model in models)],
        max_samples(experiment.samples),
        judged=bool(experiment.judges),
    )


def experiment_tests(experiment: Experiment, table: Sequence[Cell]) -> list[DeclaredTest]:
    """The tests that the hypotheses of an experiment come to.

    Raises:
        ExperimentError: no two conditions differ in what a hypothesis compares.
    """
    packs = {name: load_pack(name) for name in experiment.scenarios}
    tests = declared_tests(experiment.hypotheses, table, packs)
    for test in tests:
        if not test.conditions:
            raise ExperimentError(_no_pair(test), where=test.hypothesis.label, fix=_how(test))
    return tests


def _no_pair(test: DeclaredTest) -> str:
    where = f"in {test.scenario}"
    kind = test.hypothesis.contrast.kind
    if test.control:
        return f"{where} only controls can answer it"
    if kind == "rate" or test.hypothesis.among == "controls":
        return f"{where} there is no {'control' if _of_controls(test) else 'condition'} of it"
    if kind == "model":
        return f"{where} the two models share no condition"
    if kind == "interaction":
        return f"{where} no conditions have both, each alone, and neither"
    return f"{where} no two conditions differ in {test.names[0]} only"


def _of_controls(test: DeclaredTest) -> bool:
    return test.hypothesis.among == "controls"


def _how(test: DeclaredTest) -> str:
    kind = test.hypothesis.contrast.kind
    if _of_controls(test):
        return "set `controls: true`"
    if test.control:
        return f"ask it of them with `among: controls`, or {_crossed(test)}"
    if kind == "interaction":
        return "cross the two factors, and keep `controls: true`"
    return _crossed(test)


def _crossed(test: DeclaredTest) -> str:
    if test.names[0] == "model":
        return "give both the same grid"
    return f"cross {test.names[0]}: {test.names[1]} and {test.names[2]} in one block of `factors`"


def run_hypotheses(
    manifest: Manifest, readable: Sequence[str], table: Sequence[Cell]
) -> list[HypothesisResult]:
    """What the declared hypotheses of a run found, in their order.

    Args:
        manifest: Of the run.
        readable: Where each of its scenarios can be read: by name, or in its own copies.
        table: Its cells.
    """
    experiment = manifest.experiment
    if not experiment.hypotheses:
        return []
    named = zip(experiment.scenarios, readable, strict=True)
    packs = {name: load_pack(place) for name, place in named}
    late, _ = late_hypotheses(experiment.hypotheses, manifest.declared or [])
    tests = declared_tests(experiment.hypotheses, table, packs)
    return hypothesis_results(tests, table, late)


def hypothesis_notes(manifest: Manifest, tested: Sequence[HypothesisResult]) -> list[str]:
    """How the hypotheses of a run were tested, and which changed after trials had run."""
    experiment = manifest.experiment
    late, dropped = late_hypotheses(experiment.hypotheses, manifest.declared or [])
    notes = []
    for family in families(experiment.hypotheses):
        count = sum(t.hypothesis.family == family and not t.late for t in tested)
        if count:
            words = family_words("" if family == FAMILY else family, count)
            notes.append(f"{words[0].upper()}{words[1:]}.")
    before = {h.label for h in dropped}
    changed = [h.label for h in late if h.label in before]
    added = [h.label for h in late if h.label not in before]
    gone = [h.label for h in dropped if h.label not in changed]
    if changed:
        notes.append(f"Changed after data, and so exploration: {', '.join(changed)}.")
    if added:
        notes.append(f"Declared after data, and so exploration: {', '.join(added)}.")
    if gone:
        notes.append(f"Declared, and dropped after data: {', '.join(gone)}.")
    return notes
