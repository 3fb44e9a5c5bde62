"""Agents by their names: `react`, or any agent that is registered with Inspect."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from inspect_ai.agent import Agent, BridgedToolsSpec, react
from inspect_ai.tool import ToolDef
from inspect_ai.util import registry_create

from cornered.errors import ModelError
from cornered.nearest import did_you_mean
from cornered.surface.serve.command import command_agent
from cornered.surface.serve.office import SERVER_NAME
from cornered.surface.serve.session import served
from cornered.surface.serve.words import read_command

REACT = "react"
SERVED = "cornered serve"
"""The command of an agent that the user runs, in a session of `cornered serve`."""


def make_agent(name: str, tools: Sequence[ToolDef], command: str | None = None) -> Agent:
    """An agent with the tools of a trial.

    Args:
        name: `react`, or the name of a registered agent, such as `inspect_swe/claude_code`.
        tools: The tools.
        command: The command of an agent that is a program of its own; the name is then its label.

    Raises:
        ModelError: there is no such agent, or it takes no tools.
    """
    if command == SERVED:
        return served(tools)
    if command is not None:
        return command_agent(command, tools)
    if name == REACT:
        # No system message of Inspect's, and the session ends where the agent calls no tool.
        return react(prompt=None, submit=False, tools=list(tools))
    try:
        takes = _parameters(name)
    except LookupError:
        raise ModelError(
            f"there is no agent {name}",
            where="agents",
            fix=did_you_mean(name, [REACT])
            or "install the package that registers it, or name a command",
        ) from None
    given: dict[str, Any]
    if "tools" in takes:
        given = {"tools": list(tools)}
    elif "bridged_tools" in takes:
        given = {
            "bridged_tools": [
                BridgedToolsSpec(name=SERVER_NAME, tools=[t.as_tool() for t in tools])
            ]
        }
    else:
        raise ModelError(f"the agent {name} takes no tools", where="agents")
    made: Agent = registry_create("agent", name, **given)
    return made


def check_agents(agents: Mapping[str, str | None]) -> None:
    """Checks that the agents of an experiment can be had, before any trial.

    Inspect's extensions must be loaded.

    Args:
        agents: Name to command; None for an agent of Inspect.

    Raises:
        ExperimentError: a command is malformed, or cannot be found.
        ModelError: there is no such agent, it takes no tools, or the package for MCP is missing.
    """
    for name, command in agents.items():
        if command is None:
            make_agent(name, ())
            continue
        if find_spec("mcp") is None:
            raise ModelError(
                "the package for MCP is not installed",
                where=f"agent {name}",
                fix="pip install 'cornered[serve]'",
            )
        if command != SERVED:
            read_command(command)


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
