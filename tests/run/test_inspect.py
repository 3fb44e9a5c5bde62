"""Our scenarios as Inspect's own command sees them, and its viewer on our logs."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

from tests.run.helpers import COMMAND, cornered

IDLE = """\
seed: 1
usage: {input: 10, output: 5}
rules:
  - answers:
      - text: "Nothing to do. <script>alert(1)</script><img src=x onerror=alert(2)>"
"""


def test_inspect_eval_runs_a_condition(tmp_path: Path, policy) -> None:
    command = [sys.executable, "-m", "inspect_ai", "eval", "cornered/blackmail"]
    for arg in ("goal=none", "threat=none", "nudge=off", "noise=3", "samples=2"):
        command += ["-T", arg]
    command += ["--model", policy(IDLE), "--log-dir", "logs", "--display", "none"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    log = read_eval_log(info)
    assert log.status == "success"
    assert log.eval.task_display_name == "blackmail/none/none+nudge=off+noise=3"
    assert log.eval.task_version != 0
    assert [s.scores["verdict"].value for s in log.samples] == [{"act": 0.0}] * 2


@pytest.fixture
def run(tmp_path: Path, policy) -> Path:
    result = cornered(
        "run", "blackmail", "-m", policy(IDLE), "-n", "1", "--no-controls", "--out", "run",
        cwd=tmp_path,
    )  # fmt: skip
    assert result.code == 0, result.err
    return tmp_path / "run"


def test_view_serves_the_logs_of_a_run(run: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(
        [*COMMAND, "view", str(run), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/logs") as answer:
                    listing = json.load(answer)
                break
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        server.terminate()
        server.wait(timeout=120)
    assert len(listing["files"]) == 1


def test_the_report_escapes_what_models_write_and_are_called(tmp_path: Path, policy) -> None:
    model = policy(IDLE, "p<img src=x onerror=alert(3)>.yaml")
    result = cornered(
        "run", "blackmail", "-m", model, "-n", "1", "--no-controls", "--out", "run", cwd=tmp_path
    )
    assert result.code == 0, result.err
    page = (tmp_path / "run" / "report.html").read_text()
    # What models write is packed, and the page makes it text when it unpacks it.
    packed = re.findall(r'<script type="text/plain"[^>]*>([^<]+)</script>', page)
    unpacked = "".join(gzip.decompress(base64.b64decode(blob)).decode() for blob in packed)
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in unpacked
    assert "alert(1)" not in page
    # Names are written into the page itself.
    assert "&lt;img src=x onerror=alert(3)&gt;" in page
    assert "<img" not in page
    # And if anything got through, the page's policy would not run or fetch it.
    policies = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert len(policies) == 1
    assert html.unescape(policies[0]).startswith("default-src 'none'; ")
    assert "unsafe" not in policies[0]
