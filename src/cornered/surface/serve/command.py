"""An agent that is a command of the user's: a process for each trial, with a server of its own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.tool import ToolDef
from inspect_ai.util import sample_limits

from cornered.redaction import MARK, redact
from cornered.surface.serve.http import serve_http
from cornered.surface.serve.office import Office
from cornered.surface.serve.process import Process, running
from cornered.surface.serve.record import AgentEnd, AgentRecord, keep_record
from cornered.surface.serve.words import Briefing, environment, read_command, write_files

TIME_LIMIT = 1800.0
"""Seconds that a command may run where neither the caller nor the trial sets a limit."""
LINGER = 0.1
"""Seconds after its end in which calls that it sent are still taken."""


@agent
def command_agent(
    command: str,
    tools: Sequence[ToolDef],
    *,
    time_limit: float | None = None,
) -> Agent:
    """An agent that is a command: it meets the tools over MCP, in a process of its own.

    How it ended is in the store, as an `AgentRecord`; an agent that crashes, hangs or never calls
    a tool raises nothing.

    Args:
        command: The command with placeholders; see `PLACEHOLDERS`.
        tools: The tools of the trial.
        time_limit: Seconds that it may run; the trial's own limit where None.

    Raises:
        ExperimentError: the command is malformed, or cannot be found.
    """
    words = read_command(command)

    async def execute(state: AgentState) -> AgentState:
        seconds = time_limit or sample_limits().time.limit or TIME_LIMIT
        office = Office(tools, state.messages)
        system = "\n\n".join(m.text for m in state.messages if m.role == "system")
        task = "\n\n".join(m.text for m in state.messages if m.role == "user")
        folder = Path(tempfile.mkdtemp(prefix="cornered-agent-"))
        started = time.monotonic()
        process: Process | None = None
        problem = ""
        timed_out = interrupted = False
        refused, token = 0, ""
        try:
            async with serve_http(office) as endpoint:
                token = endpoint.token
                briefing = Briefing(system, task, endpoint.url, token)
                arguments = write_files(folder, words, briefing)
                try:
                    async with running(arguments, folder, environment(briefing)) as process:
                        interrupted = True
                        with anyio.move_on_after(seconds) as limited:
                            await office.work(_lingering(process))
                        interrupted, timed_out = False, limited.cancelled_caught
                except (OSError, ValueError) as e:
                    if process is not None:
                        raise
                    problem = _why_not(e)
                finally:
                    refused = endpoint.refused
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            outcome = _Outcome(
                process=process,
                problem=problem,
                timed_out=timed_out,
                interrupted=interrupted,
                limit=seconds,
                calls=office.calls,
                was_met=office.was_met,
            )
            ending, why = outcome.ending()
            keep_record(
                AgentRecord(
                    ending=ending,
                    why=why,
                    exit_code=outcome.exit_code,
                    seconds=round(time.monotonic() - started, 2),
                    calls=office.calls,
                    refused=refused,
                    output=_output(process, token),
                )
            )
        return state

    return execute


def _lingering(process: Process) -> asyncio.Future[None]:
    """Done a moment after the process has ended, when what it sent has been read."""

    async def wait() -> None:
        await asyncio.wait({process.ended})
        await asyncio.sleep(LINGER)

    return asyncio.ensure_future(wait())


def _output(process: Process | None, token: str) -> str:
    text = process.output if process is not None else ""
    return redact(text.replace(token, MARK) if token else text)


def _why_not(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        text = error.strerror or str(error)
        hint = "; give the task by {task_file}" if error.errno == 7 else ""  # E2BIG
        return f"could not be started ({text}{hint})"
    return f"could not be started ({error})"


@dataclass(frozen=True)
class _Outcome:
    """What became of a command."""

    process: Process | None
    """None where it could not be started."""
    problem: str
    timed_out: bool
    interrupted: bool
    """Whether the trial ended first."""
    limit: float
    calls: int
    was_met: bool

    @property
    def exit_code(self) -> int | None:
        ended = self.process.ended if self.process is not None else None
        return ended.result() if ended is not None and ended.done() else None

    def ending(self) -> tuple[AgentEnd | None, str]:
        """How it ended, and why; what is not plainly its own end is not `stop`."""
        if self.process is None:
            return "agent_failed", self.problem
        if self.interrupted:
            return None, "the trial ended first"
        how = f"it was ended after {self.limit:g} s" if self.timed_out else _exit(self.exit_code)
        if not self.calls:
            met = (
                "listed the tools and called none" if self.was_met else "never asked for the tools"
            )
            return "never_started", f"it {met}; {how}"
        if self.timed_out:
            return "time_limit", how
        return ("stop", "") if self.exit_code == 0 else ("agent_failed", how)


def _exit(code: int | None) -> str:
    if code is None:
        return "it was still running at the end of the trial"
    if code < 0:
        return f"signal {-code} ended it"
    return f"exit code {code}"
