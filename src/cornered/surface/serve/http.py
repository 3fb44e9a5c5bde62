"""An office on this machine's loopback interface, behind a token: MCP's streamable HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from cornered.errors import RunError
from cornered.surface.serve.office import Office, make_server

HOST = "127.0.0.1"
PATH = "/mcp"
LARGEST_REQUEST = 16 << 20
"""Bytes of the largest request that is read; a larger one is refused."""
STARTUP = 10.0
"""Seconds that the server may take until it answers."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Endpoint:
    """Where an office is served."""

    url: str
    token: str = field(repr=False)
    """What clients send as `Authorization: Bearer …`."""
    refused: int = 0
    """Requests that were refused: no token or a wrong one, a foreign host, malformed."""
    sessions: set[str] = field(default_factory=set)
    """Sessions that clients opened and have not ended; newer clients open none."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while every session that was opened has been ended by its client."""


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


@asynccontextmanager
async def serve_http(
    office: Office, *, port: int = 0, token: str | None = None, instructions: str | None = None
) -> AsyncIterator[Endpoint]:
    """Serves an office on the loopback interface, until the context ends.

    Args:
        office: The office.
        port: The port; 0 for any free one.
        token: The token that clients must send; a new one where None.
        instructions: What clients are told when they connect.

    Raises:
        RunError: the port is taken, or may not be used.
    """
    import uvicorn

    listening = _listen(port)
    endpoint = Endpoint(f"http://{HOST}:{listening.getsockname()[1]}{PATH}", token or new_token())
    app = make_server(office, instructions=instructions).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        max_request_body_size=LARGEST_REQUEST,
        session_idle_timeout=None,  # an agent may think for an hour
    )
    config = uvicorn.Config(
        _guarded(app, endpoint),
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    # Else it would take Ctrl-C from Inspect.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        with anyio.fail_after(STARTUP):
            while not server.started and not serving.done():
                await anyio.sleep(0.005)
        if serving.done():
            serving.result()
            raise RunError(f"the server on {endpoint.url} did not start")
        yield endpoint
    finally:
        server.should_exit = True
        with anyio.CancelScope(shield=True), anyio.move_on_after(5):
            await asyncio.wait({serving})
        serving.cancel()
        listening.close()


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as e:
        listening.close()
        raise RunError(
            f"cannot listen on port {port} ({e.strerror or e})",
            fix="choose another with --port, or leave it out for a free one",
        ) from None
    listening.setblocking(False)
    return listening


def _guarded(app: App, endpoint: Endpoint) -> App:
    """The app behind the token; it notes who came and went.

    The SDK refuses foreign hosts and origins itself.
    """
    expected = f"Bearer {endpoint.token}".encode()

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(b"authorization", b""), expected):
            endpoint.refused += 1
            await _refuse(send)
            return

        async def noting(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                _note(endpoint, scope["method"], message["status"], headers, message)
            await send(message)

        await app(scope, receive, noting)

    return guard


def _note(
    endpoint: Endpoint,
    method: str,
    status: int,
    headers: dict[bytes, bytes],
    response: MutableMapping[str, Any],
) -> None:
    """Keeps count of refused requests, and of sessions."""
    if status >= 400 and status not in (404, 405):
        endpoint.refused += 1
        return
    session = headers.get(b"mcp-session-id")
    if method == "DELETE" and status < 300 and session:
        endpoint.sessions.discard(session.decode("latin-1"))
        if not endpoint.sessions:
            endpoint.ended.set()
    elif method == "POST" and (opened := dict(response["headers"]).get(b"mcp-session-id")):
        endpoint.sessions.add(opened.decode("latin-1"))
        endpoint.ended.clear()


async def _refuse(send: Send) -> None:
    body = json.dumps({"error": "send the token as `Authorization: Bearer TOKEN`"}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 401,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"www-authenticate", b"Bearer"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
