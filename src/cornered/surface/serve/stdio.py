"""An office on the pipes of a client that started this process: MCP over stdio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

from cornered.errors import RunError
from cornered.surface.serve.http import LARGEST_REQUEST
from cornered.surface.serve.office import Office, make_server

_CHUNK = 1 << 16
_TOO_LONG = "{"
"""What is read in place of a request that is too long: it is refused like any malformed one."""


@dataclass(frozen=True)
class Pipes:
    """The pipes to a client, as file descriptors."""

    requests: int
    answers: int


def claim_pipes() -> Pipes:
    """Takes standard input and output for the protocol alone.

    Whatever else this process prints goes to standard error from now on.
    """
    pipes = Pipes(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return pipes


async def serve_stdio(office: Office, pipes: Pipes, *, instructions: str | None = None) -> bool:
    """Serves an office on pipes, until the client has closed its end.

    Args:
        office: The office.
        pipes: The pipes; they are closed at the end.
        instructions: What the client is told when it connects.

    Returns:
        Whether the client had the results of all its calls by then.

    Raises:
        RunError: they are no pipes.
    """
    from mcp.server.stdio import stdio_server

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_CHUNK)
    try:
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipes.requests, "rb", 0)
        )
        writing, flow = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(pipes.answers, "wb", 0)
        )
    except ValueError:
        raise RunError(
            "standard input or output is a file",
            where="--stdio",
            fix="let a client of MCP start this command, or leave --stdio out",
        ) from None
    answers = _Answers(asyncio.StreamWriter(writing, flow, None, loop))
    waited = False

    def note_end() -> None:
        nonlocal waited  # the SDK then cancels what is open
        waited = office.waits

    server = make_server(office, instructions=instructions)
    try:
        # The SDK's own files are read in threads, which nothing can stop.
        async with stdio_server(cast(Any, _lines(reader, note_end)), cast(Any, answers)) as streams:
            requests, responses = streams
            await server.run(requests, responses, server.create_initialization_options())
    finally:
        reading.close()
        writing.close()
    return not (waited or answers.lost)


async def _lines(reader: asyncio.StreamReader, on_close: Callable[[], None]) -> AsyncIterator[str]:
    """The lines of the client, one request each."""
    rest = bytearray()
    skips = False
    while chunk := await reader.read(_CHUNK):
        rest += chunk
        if b"\n" in chunk:
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            if skips:
                lines[0], skips = bytearray(_TOO_LONG.encode()), False
            for line in lines:
                if line.strip():
                    yield line.decode("utf-8", "replace")
        if len(rest) > LARGEST_REQUEST:
            rest.clear()
            skips = True
    on_close()


class _Answers:
    """The client's end of the protocol; one that is gone gets nothing, and that is no error."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.lost = False
        """Whether there was something to say that the client did not get."""

    async def write(self, text: str) -> None:
        if not self._writer.is_closing():
            self._writer.write(text.encode("utf-8", "replace"))
        self.lost |= self._writer.is_closing()

    async def flush(self) -> None:
        try:
            await self._writer.drain()
        except (ConnectionError, BrokenPipeError):
            self._writer.close()
