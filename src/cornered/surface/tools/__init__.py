"""The surface `tools`: the agent calls the operations of the world, over many turns."""

from cornered.surface.tools.surface import TOOLS, tools_surface
from cornered.surface.tools.tools import tool_defs

__all__ = ["TOOLS", "tool_defs", "tools_surface"]
