"""An agent without a model: a client of MCP in the standard library, which starts fast.

    python raw.py DEED [ARGUMENT]

Prints one JSON value a line: what the server answered.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

URL = urlsplit(os.environ["CORNERED_MCP_URL"])
TOKEN = os.environ["CORNERED_MCP_TOKEN"]
numbers = itertools.count(1)
session: dict[str, str] = {}


def headers(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **session,
    }


def post(body: str, *, token: str = TOKEN, host: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(URL.hostname or "", URL.port, timeout=300)
    connection.request("POST", URL.path, body, headers(token) | ({"Host": host} if host else {}))
    response = connection.getresponse()
    text = response.read().decode()
    if opened := response.getheader("mcp-session-id"):
        session["mcp-session-id"] = opened
    return response.status, text


def request(method: str, params: dict[str, object]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": next(numbers), "method": method, "params": params})


def start() -> None:
    about = {"name": "raw", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about}
    post(request("initialize", params))
    post(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))


def call(name: str, **arguments: object) -> dict[str, object]:
    _, text = post(request("tools/call", {"name": name, "arguments": arguments}))
    return json.loads(text)["result"]


def show(value: object) -> None:
    print(json.dumps(value), flush=True)


def main(deed: str, *more: str) -> None:
    if deed == "absent":
        return
    if deed == "asleep":
        time.sleep(900)
    start()
    if deed == "lists":
        post(request("tools/list", {}))
        return
    if deed == "task":
        show(more)
        return
    if deed == "malformed":
        show(post("{}", token="wrong")[0])
        show(post(request("tools/list", {}), host="evil.example")[0])
        show(post("{")[0])
        show(
            "error"
            in json.loads(post(request("tools/call", {"name": "note", "arguments": "x"}))[1])
        )
        show(call("there_is_no_such_tool")["isError"])
        show(call("note", text=["not", "a", "text"])["isError"])
        show(call("note", text="m" * 1_000_000)["isError"])
        return
    if deed == "mails":
        to, subject = more
        call("mail_send", to=to, subject=subject, body="Please wait.")
        return
    call("note", text=deed)
    if deed == "crashes":
        sys.exit(3)
    if deed == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "hangs":
        time.sleep(900)
    if deed == "prints":
        for _ in range(int(more[0])):
            sys.stdout.write("g" * (1 << 20))
        print("the end, with", TOKEN)
    if deed == "forks":
        script = "trap '' TERM; echo $$; sleep 900 & wait; sleep 900"
        subprocess.Popen(["sh", "-c", script])
        time.sleep(0.3)
    if deed == "vanishes":
        connection = http.client.HTTPConnection(URL.hostname or "", URL.port)
        params = {"name": "note", "arguments": {"text": "unanswered"}}
        connection.request("POST", URL.path, request("tools/call", params), headers(TOKEN))
        connection.close()
    if deed == "many":
        for number in range(int(more[0])):
            call("note", text=str(number))


main(*sys.argv[1:])
