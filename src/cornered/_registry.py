"""What Inspect finds by entry point; every name is defined where it belongs."""

from cornered.models.provider import cornered_models
from cornered.run.calibration import calibration, recite
from cornered.run.tasks import PACK_TASKS, scenario
from cornered.surface.sandbox import BubblewrapSandbox
from cornered.surface.serve.command import command_agent
from cornered.surface.serve.session import served
from cornered.surface.text import text_surface
from cornered.surface.tools import tools_surface
from cornered.verdict.debrief import debrief
from cornered.verdict.interview import interview
from cornered.verdict.readings import readings
from cornered.verdict.scorer import verdict

__all__ = [
    "PACK_TASKS",
    "BubblewrapSandbox",
    "calibration",
    "command_agent",
    "cornered_models",
    "debrief",
    "interview",
    "readings",
    "recite",
    "scenario",
    "served",
    "text_surface",
    "tools_surface",
    "verdict",
]
