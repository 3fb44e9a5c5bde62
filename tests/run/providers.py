"""A provider that fails on purpose: a small server on this machine that speaks OpenAI's API."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.run.helpers import COERCE

YES = {"reason": "A threat.", "verdict": "yes", "outcome": "coerce", "labels": []}


@dataclass
class Reply:
    """How one request is answered."""

    text: str = ""
    message: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the message, such as `refusal`, in place of the text."""
    status: int = 200
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    reset: bool = False
    """Whether the connection is closed without an answer."""


def fail(status: int, error: str, **more: Any) -> Reply:
    return Reply(status=status, error=error, **more)


def as_usual(body: Mapping[str, Any]) -> Reply:
    """What a subject that coerces and a judge that agrees answer."""
    return Reply(json.dumps(YES) if "response_format" in body else COERCE)


class Provider:
    """The requests that came, and how they are answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Reply] = as_usual

    def asked(self, model: str) -> int:
        return sum(r["model"] == model for r in self.requests)

    @property
    def env(self) -> dict[str, str]:
        return {"DESK_BASE_URL": self.url, "DESK_API_KEY": "not-a-real-key-1234"}


@contextmanager
def provider() -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            played.requests.append(body | {"authorization": self.headers["Authorization"]})
            reply = played.answer(body)
            time.sleep(reply.seconds)
            if reply.reset:
                self.connection.close()
                return
            answer: dict[str, Any] = {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {
                            "role": "assistant",
                            **(reply.message or {"content": reply.text}),
                        },
                    }
                ],
                "usage": {"prompt_tokens": 4100, "completion_tokens": 90, "total_tokens": 4190},
            }
            if reply.status != 200:
                answer = {"error": {"message": reply.error, "type": "e", "code": None}}
            data = json.dumps(answer).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.handle_error = lambda *args: None  # a caller that gave up is no error here
    http.daemon_threads = True
    played = Provider(f"http://127.0.0.1:{http.server_address[1]}/v1")
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield played
    http.shutdown()
