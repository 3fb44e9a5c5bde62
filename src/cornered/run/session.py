"""A trial whose agent the user runs: one more trial of a run, held as a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from re import sub

from cornered.analysis.trials import read_trials
from cornered.errors import ExperimentError
from cornered.experiment import Experiment, valid_settings
from cornered.files import MANIFEST
from cornered.run.providers import current_run
from cornered.run.runner import RunState, run
from cornered.samples import MAX_TRIALS
from cornered.scenario import Level, load_pack
from cornered.scenario.condition import Condition
from cornered.surface.serve.session import Session, offering
from cornered.surface.tools.agents import SERVED


def session_experiment(
    scenario: str,
    levels: Mapping[str, Level],
    *,
    agent: str,
    judge: Sequence[str] = (),
) -> Experiment:
    """The experiment that a session belongs to: one condition, met by tools.

    Args:
        scenario: A scenario, or the folder of a pack.
        levels: Levels by factor.
        agent: What the agent is called.
        judge: Inspect names of the judges.

    Raises:
        ExperimentError: the agent's name is no name, or the surface is another.
        FactorError: unknown scenario, factor or level, or an invalid combination.
    """
    if levels.get("surface", "tools") != "tools":
        raise ExperimentError("an office is served by tools", fix="leave surface out")
    given = {**levels, "surface": "tools"}
    condition = Condition.of(load_pack(scenario), given | {"scaffold": agent}, scenario)
    plain = condition.name.replace("+surface=tools", "").replace(f"+scaffold={agent}", "")
    with valid_settings():
        return Experiment(
            name=sub(r"[^A-Za-z0-9._-]+", "-", f"{agent}-{plain}")[:100].strip("-."),
            scenarios=[scenario],
            factors=given,
            agents={agent: SERVED},
            judge=list(judge) or None,
            controls=False,
            samples=1,
        )


def hold_session(experiment: Experiment, folder: Path, session: Session) -> RunState:
    """Holds one session, and adds it to a run as its next trial.

    Args:
        experiment: The experiment, as `session_experiment` gives it.
        folder: The run folder; created if it does not exist.
        session: How it is served.

    Raises:
        CorneredError: an error that the user can fix; or no client called a tool, and this is no
            trial.
        KeyboardInterrupt: the session was abandoned; it is no trial.
    """
    held = len(read_trials(folder)) if (folder / MANIFEST).exists() else 0
    if held >= MAX_TRIALS:
        raise ExperimentError(f"the run has {held} trials already", where=str(folder))
    # Asked for at the time: the run is another by then.
    with offering(replace(session, stop=lambda error: current_run().stop(error))):
        return run(experiment.model_copy(update={"samples": held + 1}), folder)
