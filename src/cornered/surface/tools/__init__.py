"""The surface `tools`: the agent calls the operations of the world, over many turns."""

from cornered.surface.tools.surface import TOOLS, tools_surface
from cornered.surface.tools.tools import Recorder, tool_defs, tool_name

__all__ = ["TOOLS", "Recorder", "tool_defs", "tool_name", "tools_surface"]
