"""The counting services of OpenAI and Anthropic, played by a small server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

CHARS = 2
"""Characters that it takes for one token."""
PATHS = ("/v1/responses/input_tokens", "/v1/messages/count_tokens")


def texts(body: Any) -> list[str]:
    """The texts of the messages of a request."""
    if isinstance(body, list):
        return [text for part in body for text in texts(part)]
    if isinstance(body, dict):
        held = [body[key] for key in ("input", "messages", "content", "text") if key in body]
        return texts(held)
    return [body] if isinstance(body, str) else []


class Counters:
    """What was asked, and how it is answered."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        """Model and texts of each request."""
        self.status = 200
        self.waits_for: threading.Event | None = None
        """What an answer waits for, at most a minute."""
        self.tokens: Any = None
        """The count; None for one token in `CHARS` characters."""

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((body["model"], texts(body)))
        if self.waits_for is not None:
            self.waits_for.wait(60)
        if path not in PATHS:
            return 404, {"error": {"message": "no such service"}}
        if self.status != 200:
            return self.status, {"error": {"message": "this key is not known"}}
        count = sum(map(len, texts(body))) // CHARS if self.tokens is None else self.tokens
        return 200, {"input_tokens": count}


@contextmanager
def counters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counters]:
    """The services, reached by base URL; keys are set."""
    played = Counters()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = played.answer(self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.handle_error = lambda *args: None  # a caller that gave up is no error here
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{http.server_address[1]}"
    for name, value in {
        "OPENAI_API_KEY": "not-a-real-key",
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_API_KEY": "not-a-real-key",
        "ANTHROPIC_BASE_URL": url,
    }.items():
        monkeypatch.setenv(name, value)
    yield played
    http.shutdown()
