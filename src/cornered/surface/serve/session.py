"""One trial's office for an agent that the user runs: the session of `cornered serve`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.tool import ToolDef

from cornered.errors import CorneredError, RunError
from cornered.surface.serve.http import Endpoint, serve_http
from cornered.surface.serve.office import INSTRUCTIONS, Office
from cornered.surface.serve.record import AgentEnd, AgentRecord, keep_record
from cornered.surface.serve.stdio import Pipes, serve_stdio

GRACE = 2.0
"""Seconds in which a client that ended its session may open another, as some do at the start."""
GONE = 0.3
"""Seconds after the end of its pipe in which a client that crashed has left the table of
processes; one that only closed the pipe waits for the server to end."""

End = tuple[AgentEnd | None, str]
WAITED: End = ("agent_failed", "the client went away while it waited for a result")


@dataclass(frozen=True)
class Session:
    """How one session is served."""

    pipes: Pipes | None = None
    """The pipes of the client; None for HTTP."""
    port: int = 0
    """The port; 0 for any free one."""
    token: str | None = None
    """The token of the clients; a new one where None."""
    time_limit: float | None = None
    """Seconds after which the session ends."""
    clients: tuple[int, ...] = ()
    """The processes above the server, where its client started it. The client is one of them: a
    program that starts it for the client outlives a crash of that."""
    finish: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    """Signals by which the user says that the agent has finished."""
    on_ready: Callable[[Endpoint | None], None] = lambda _: None
    """Called when clients may connect; with the endpoint, or None for pipes."""
    stop: Callable[[CorneredError], None] | None = None
    """Stops the run, so that this is no trial: nobody came, or nothing could be served. Where None
    the trial is unscored."""


_session: list[Session] = []
"""The session to be served; no argument of the agent, since a port is no part of an experiment."""


@contextmanager
def offering(session: Session) -> Iterator[None]:
    """Serves the trials that run in this context by a session."""
    _session.append(session)
    try:
        yield
    finally:
        _session.pop()


@agent
def served(tools: Sequence[ToolDef]) -> Agent:
    """An agent that the user runs: the tools wait for it over MCP until it ends the session.

    Args:
        tools: The tools of the trial.
    """

    async def execute(state: AgentState) -> AgentState:
        if not _session:
            raise RunError("nobody runs the agent of this trial", fix="use `cornered serve`")
        session = _session[-1]
        office = Office(tools, state.messages)
        started = time.monotonic()
        end: End = (None, "the trial ended first")
        refused = 0
        try:
            async with (
                _open(office, session) as (ended, endpoint),
                _signals(office, ended, session),
            ):
                with _timed(ended, session.time_limit):
                    try:
                        await office.work(ended)
                        end = ended.result()
                    finally:
                        refused = endpoint.refused if endpoint else 0
            if not office.calls:
                end = ("never_started", _nobody(office, end[1]))
                await _stop(session, RunError(end[1], fix="no trial was added"))
        except RunError as e:
            end = ("never_started", str(e))
            await _stop(session, e)
        finally:
            keep_record(
                AgentRecord(
                    ending=end[0],
                    why=end[1],
                    seconds=round(time.monotonic() - started, 2),
                    calls=office.calls,
                    refused=refused,
                )
            )
        return state

    return execute


def _nobody(office: Office, why: str) -> str:
    met = "a client listed the tools and called none"
    came = met if office.was_met else "no client asked for the tools"
    return f"{came}; {why}" if why else came


async def _stop(session: Session, error: CorneredError) -> None:
    """Stops the run, and waits to be cancelled."""
    if session.stop is not None:
        session.stop(error)
        await asyncio.Event().wait()


@asynccontextmanager
async def _open(
    office: Office, session: Session
) -> AsyncIterator[tuple[asyncio.Future[End], Endpoint | None]]:
    """The office, open to clients, and the end of its session."""
    ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
    if session.pipes is None:
        async with serve_http(
            office, port=session.port, token=session.token, instructions=INSTRUCTIONS
        ) as endpoint:
            session.on_ready(endpoint)
            async with _beside(_left(endpoint, office, ended)):
                yield ended, endpoint
        return
    session.on_ready(None)
    async with _beside(_closed(office, session.pipes, session.clients, ended)):
        yield ended, None


@asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    """Does something meanwhile, and raises what it raised."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _left(endpoint: Endpoint, office: Office, ended: asyncio.Future[End]) -> None:
    """Waits until the clients have ended all their sessions, and made calls in them."""
    while True:
        await endpoint.ended.wait()
        await asyncio.sleep(GRACE)
        if endpoint.ended.is_set() and office.calls and not office.waits:
            _settle(ended, ("stop", ""))
            return


async def _closed(
    office: Office, pipes: Pipes, clients: Iterable[int], ended: asyncio.Future[End]
) -> None:
    """Waits until the client has closed its pipe, and finds out whether it still lives."""
    end: End = ("agent_failed", "the pipes could not be served")
    try:
        answered = await serve_stdio(office, pipes, instructions=INSTRUCTIONS)
        end = await _going(clients) if answered else WAITED
    finally:
        _settle(ended, end)


async def _going(clients: Iterable[int]) -> End:
    """How a client ended that closes its pipe, or ends the server: a crash does either, too."""
    await asyncio.sleep(GONE)
    if all(map(_is_alive, clients)):
        return "stop", ""
    return "agent_failed", "the client's process was gone"


def _is_alive(process: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


@contextmanager
def _timed(ended: asyncio.Future[End], seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    end: End = ("time_limit", f"the session was ended after {seconds:g} s")
    timer = asyncio.get_running_loop().call_later(seconds, _settle, ended, end)
    try:
        yield
    finally:
        timer.cancel()


@asynccontextmanager
async def _signals(
    office: Office, ended: asyncio.Future[End], session: Session
) -> AsyncIterator[None]:
    """Takes Ctrl-C for the word of the user that the agent has finished; a second one cancels.

    Behind pipes it is no word of the user's: a client ends its servers so, and whoever interrupts
    the client reaches them too.
    """
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}
    leaving: list[asyncio.Task[None]] = []

    def put_back() -> None:
        while before:
            number, handler = before.popitem()
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    async def leave() -> None:
        _settle(ended, WAITED if office.waits else await _going(session.clients))

    def finish() -> None:
        if session.pipes is None:
            _settle(ended, ("stop", ""))
        elif not leaving:
            leaving.append(asyncio.create_task(leave()))
        put_back()

    for number in session.finish:
        handler = signal.getsignal(number)
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, finish)
            before[number] = handler
    try:
        yield
    finally:
        put_back()


def _settle(ended: asyncio.Future[End], end: End) -> None:
    if not ended.done():
        ended.set_result(end)
