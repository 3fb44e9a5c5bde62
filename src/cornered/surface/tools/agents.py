"""Agents by their names: `react`, or any agent that is registered with Inspect."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from inspect_ai.agent import Agent, BridgedToolsSpec, react
from inspect_ai.tool import ToolDef
from inspect_ai.util import registry_create

from cornered.errors import ModelError

REACT = "react"
SERVER = "office"
"""The name of the tools' server, for agents that meet them over MCP."""


def make_agent(name: str, tools: Sequence[ToolDef], command: str | None = None) -> Agent:
    """An agent with the tools of a trial.

    Args:
        name: `react`, or the name of a registered agent, such as `inspect_swe/claude_code`.
        tools: The tools.
        command: The command of an agent that is a program of its own; the name is then its label.

    Raises:
        ModelError: there is no such agent, or it takes no tools.
    """
    if command is not None:
        raise ModelError(f"the agent {name} is a command", where="agents")
    if name == REACT:
        # No system message of Inspect's, and the session ends where the agent calls no tool.
        return react(prompt=None, submit=False, tools=list(tools))
    try:
        takes = _parameters(name)
    except LookupError:
        raise ModelError(
            f"there is no agent {name}",
            where="agents",
            fix="install the package that registers it, or name a command",
        ) from None
    given: dict[str, Any]
    if "tools" in takes:
        given = {"tools": list(tools)}
    elif "bridged_tools" in takes:
        given = {
            "bridged_tools": [BridgedToolsSpec(name=SERVER, tools=[t.as_tool() for t in tools])]
        }
    else:
        raise ModelError(f"the agent {name} takes no tools", where="agents")
    made: Agent = registry_create("agent", name, **given)
    return made


def _parameters(name: str) -> frozenset[str]:
    """The parameters of a registered agent's factory.

    Raises:
        LookupError: there is no such agent.
    """
    from inspect_ai._util.registry import registry_lookup

    factory: Any = registry_lookup("agent", name)
    if factory is None:
        raise LookupError(name)
    return frozenset(inspect.signature(factory).parameters)
