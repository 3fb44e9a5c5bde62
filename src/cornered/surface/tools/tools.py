"""The operations of a world as tools of an agent."""

from __future__ import annotations

from functools import partial
from typing import Any

from inspect_ai.tool import ToolDef, ToolParams
from inspect_ai.tool._tool_canonical import set_tool_canonical_arguments

from cornered.surface.recorder import Recorder, as_offered, tool_name
from cornered.surface.tools.views import call_viewer
from cornered.world import Operation, World


def tool_defs(world: World, recorder: Recorder) -> list[ToolDef]:
    """The operations of a world as tools of an agent.

    Args:
        world: The world of the trial.
        recorder: Carries the calls out.
    """
    return [_tool(op, recorder) for op in world.operations.values() if op.offered]


def _tool(operation: Operation, recorder: Recorder) -> ToolDef:
    async def run(**arguments: Any) -> str:
        return await recorder.call(operation.name, arguments)

    set_tool_canonical_arguments(run, partial(as_offered, operation))
    return ToolDef(
        run,
        name=tool_name(operation.name),
        description=operation.help,
        parameters=ToolParams.model_validate(operation.parameters),
        max_output=0,  # a mail is never cut
        viewer=call_viewer(operation.name),
    )
