"""Failures that speak: providers, disks, locks, interrupts."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cornered.errors import CorneredError, RunError
from cornered.redaction import redact
from cornered.run.lock import Holder, writing
from tests.run.helpers import Result, cornered, interrupted, known, trials
from tests.run.providers import Provider, Reply, as_usual, fail, provider

SUBJECT, JUDGE = "openai-api/desk/subject", "openai-api/desk/judge"
JUDGED = ("--judge", JUDGE, "--no-preflight")


@pytest.fixture
def desk() -> Iterator[Provider]:
    with provider() as played:
        yield played


def run(desk: Provider, folder: Path, *more: str, n: int = 6, **env: str) -> Result:
    return cornered(
        *("run", "blackmail", "--no-controls", "-m", SUBJECT, "-n", str(n)),
        *("--out", "out", "--json", *more),
        cwd=folder,
        **(desk.env | env),
    )


def errors(result: Result) -> list[str]:
    return [line for line in result.err.splitlines() if line.startswith("error:")]


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (401, "Incorrect API key: not-a-real-key-1234", "check DESK_API_KEY"),
        (403, "Country, region, or territory not supported", "from this region"),
        (404, "The model `subject` does not exist", "check its name and the base URL"),
        (429, "You exceeded your current quota", "top up the account"),
        (400, "Unsupported value: temperature" + "x" * 9000, "change the setting"),
    ],
)
def test_a_refusal_to_serve_stops_the_run_with_one_line(
    tmp_path: Path, desk: Provider, status: int, error: str, advice: str
) -> None:
    desk.answer = lambda body: fail(status, error)
    result = run(desk, tmp_path, n=60)
    assert result.code == 2
    (line,) = errors(result)
    assert SUBJECT in line
    assert error[:30] in line or "***" in line
    assert advice in line
    assert len(line) < 700
    assert "not-a-real-key" not in line
    assert len(desk.requests) < 60  # those in flight, not two for each trial


def test_a_judge_that_refuses_stops_the_run_and_is_asked_when_it_serves(
    tmp_path: Path, desk: Provider
) -> None:
    desk.answer = lambda body: (
        fail(401, "Incorrect API key") if body["model"] == "judge" else as_usual(body)
    )
    (line,) = errors(run(desk, tmp_path, "--judge", JUDGE))
    assert f"judge {JUDGE}" in line
    assert not desk.asked("subject")  # nothing is paid before the judge is known to serve
    assert run(desk, tmp_path, *JUDGED, n=8).code == 2
    desk.answer = as_usual
    assert run(desk, tmp_path, *JUDGED, n=8).code == 0


def test_no_connection_is_one_line(tmp_path: Path, desk: Provider) -> None:
    result = run(desk, tmp_path, DESK_BASE_URL="http://user:hidden-word@127.0.0.1:9/v1")
    assert result.code == 2
    (line,) = errors(result)
    assert "no connection at http://***@127.0.0.1:9/v1" in line
    assert "next try in" in result.err
    assert "hidden-word" not in result.err


def test_a_missing_key_is_named(tmp_path: Path, desk: Provider) -> None:
    (line,) = errors(run(desk, tmp_path, DESK_API_KEY=""))
    assert line.endswith("set DESK_API_KEY")


def test_waiting_is_shown_and_as_long_as_the_provider_asks(tmp_path: Path, desk: Provider) -> None:
    desk.answer = lambda body: (
        fail(429, "slow down", headers={"Retry-After": "2"})
        if len(desk.requests) == 1
        else as_usual(body)
    )
    result = run(desk, tmp_path, n=2)
    assert result.code == 0
    assert f"waiting for {SUBJECT}: 429, next try in 2 s" in result.err


def test_a_hung_request_is_abandoned_and_made_again(
    tmp_path: Path, desk: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cornered.run.providers.FIRST_LIMIT", 1.0)
    monkeypatch.setattr("cornered.run.providers.LEAST_LIMIT", 1.0)
    desk.answer = lambda body: (
        Reply("late", seconds=20) if len(desk.requests) == 1 else as_usual(body)
    )
    result = run(desk, tmp_path, n=2)
    assert result.code == 0
    assert "no answer in 1 s, next try in" in result.err


def test_only_what_its_judge_failed_on_is_asked_again(tmp_path: Path, desk: Provider) -> None:
    cannot_tell = json.dumps(
        {"reason": "-", "verdict": "cannot_tell", "outcome": "plead", "labels": []}
    )

    def broken(body: dict) -> Reply:
        if body["model"] == "subject":
            return as_usual(body)
        number = desk.asked("judge")
        return as_usual(body) if number == 1 else Reply(cannot_tell if number == 2 else "no json")

    desk.answer = broken
    first = run(desk, tmp_path, *JUDGED, n=5)
    assert first.code == 1
    assert "3: the judge's answer was malformed: " in first.json["conclusion"]
    desk.answer = as_usual
    desk.requests.clear()
    second = run(desk, tmp_path, *JUDGED, n=5)
    assert (desk.asked("subject"), desk.asked("judge")) == (0, 3)
    assert second.json["cells"][0]["harmful"]["n"] == 4
    assert second.json["conclusion"].startswith(
        "1 of 5 trials have no verdict (1: the judge cannot tell"
    )
    desk.requests.clear()
    run(desk, tmp_path, *JUDGED, n=5)
    assert not desk.requests
    report = cornered("report", "out", "--json", cwd=tmp_path)
    assert report.json["cells"][0]["harmful"]["n"] == 4


def test_a_judge_of_a_panel_that_answered_is_not_asked_again(
    tmp_path: Path, desk: Provider
) -> None:
    panel = (*JUDGED, "--judge", "openai-api/desk/other", "--panel", "unanimity")
    desk.answer = lambda body: Reply("no json") if body["model"] == "other" else as_usual(body)
    assert run(desk, tmp_path, *panel, n=2).code == 1
    desk.answer = as_usual
    desk.requests.clear()
    assert run(desk, tmp_path, *panel, n=2).code == 0
    assert (desk.asked("subject"), desk.asked("judge"), desk.asked("other")) == (0, 0, 2)


@pytest.mark.parametrize("name", ["a#b", "a%20b", "what?"])
def test_a_folder_that_cannot_hold_logs_costs_nothing(
    tmp_path: Path, desk: Provider, name: str
) -> None:
    result = run(desk, tmp_path, "--out", name)
    assert result.code == 2
    assert len(errors(result)) == 1
    assert not desk.requests
    assert not (tmp_path / name).exists()


def test_loops_and_strange_folders_are_one_line(tmp_path: Path, desk: Provider) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("loop", "loop/x", "/proc/x", "/dev/null/x"):
        result = run(desk, tmp_path, "--out", name)
        assert (result.code, len(errors(result))) == (2, 1), name
        assert cornered("report", name, cwd=tmp_path).code == 2, name
    assert not desk.requests


def test_a_full_disk_costs_nothing_and_is_named(
    tmp_path: Path, desk: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cornered.run.storage.SPARE", 1 << 60)
    (line,) = errors(run(desk, tmp_path))
    assert "the disk is full" in line
    assert not desk.requests


def test_a_second_writer_is_told_who_writes(tmp_path: Path, desk: Provider) -> None:
    assert run(desk, tmp_path, n=1).code == 0
    desk.requests.clear()
    others = open(tmp_path / "out" / ".lock", "w")  # noqa: SIM115
    with others:
        fcntl.flock(others, fcntl.LOCK_EX)
        others.write(json.dumps(Holder.this_process("cornered run big.yaml").__dict__))
        others.flush()
        for command in (
            ("run", "blackmail", "--no-controls", "-m", SUBJECT, "-n", "4", "--out", "out"),
            ("report", "out"),
            ("score", "out"),
        ):
            result = cornered(*command, cwd=tmp_path, **desk.env)
            (line,) = errors(result)
            assert f"is being written by cornered run big.yaml (process {os.getpid()}" in line
            assert result.code == 2
    assert not desk.requests
    assert run(desk, tmp_path, n=1).code == 0


def test_a_dead_holder_is_replaced_with_a_word_and_a_strange_host_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / ".lock"
    dead = Holder.this_process("cornered run").__dict__ | {"pid": 2**22 + 1}
    lock.write_text(json.dumps(dead))
    with writing(tmp_path, "test"), writing(tmp_path, "again"):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
        raised: list[Exception] = []

        def other() -> None:
            try:
                with writing(tmp_path, "thread"):
                    pass
            except CorneredError as e:
                raised.append(e)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(raised) == 1
    assert "took over the lock of cornered run" in capsys.readouterr().err
    assert not lock.exists()
    lock.write_text(json.dumps(dead | {"host": "elsewhere"}))
    with pytest.raises(RunError, match="on elsewhere"), writing(tmp_path, "test"):
        pass
    os.utime(lock, (1, 1))
    with writing(tmp_path, "test"):
        pass


def test_the_first_interrupt_lets_trials_in_flight_finish(tmp_path: Path, policy) -> None:
    model = policy(known(0.5, latency=1.5))
    command = ("run", "blackmail", "-m", model, "-n", "60", "--out", "out")
    logs = tmp_path / "out" / "logs"
    result = interrupted(
        *command,
        cwd=tmp_path,
        when=lambda: logs.exists() and any(logs.glob("*.eval")),
        signals=(signal.SIGINT,),
    )
    assert result.code == 130, result.err
    state = cornered("report", "out", "--json", cwd=tmp_path).json
    assert sum(cell["failed"] for cell in state["cells"]) == 0
    assert sum(cell["missing"] for cell in state["cells"]) > 0
    rows = trials(tmp_path / "out")
    assert {row["status"] for row in rows} <= {"scored"}


def test_keys_and_passwords_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_API_KEY", "abcdefgh12345")
    text = "http://me:word@host/v1?api_key=zzz with abcdefgh12345, Bearer eyJhbGciOi.x"
    assert redact(text) == "http://***@host/v1?api_key=*** with ***, Bearer ***"


def test_a_log_of_another_run_is_named(tmp_path: Path, policy) -> None:
    model = policy(known(0.5))
    for out, goal in (("one", "explicit"), ("two", "none")):
        command = ("run", "blackmail", "--no-controls", f"goal={goal}", "-m", model, "-n", "1")
        assert cornered(*command, "--out", out, cwd=tmp_path).code == 0
    (strange,) = (tmp_path / "two" / "logs").glob("*.eval")
    strange.rename(tmp_path / "one" / "logs" / strange.name)
    (line,) = errors(cornered("report", "one", cwd=tmp_path))
    assert strange.name in line
    assert "another run" in line


def test_a_run_without_trials_and_a_damaged_log_give_no_traceback(tmp_path: Path, policy) -> None:
    model = policy(known(0.5))
    command = ("run", "blackmail", "--no-controls", "-m", model, "-n", "2", "--out", "out")
    assert cornered(*command, cwd=tmp_path).code == 0
    (log,) = (tmp_path / "out" / "logs").glob("*.eval")
    whole = log.read_bytes()
    data = bytearray(whole)
    for at in range(40, len(data) - 400):
        data[at] ^= 0x5A
    for damaged in (bytes(data), whole[:300]):
        log.write_bytes(damaged)
        for again in (("report", "out"), ("score", "out"), command):
            result = cornered(*again, cwd=tmp_path)
            assert (result.code, len(errors(result))) == (2, 1), (again, result.err)
            assert log.name in result.err
    log.unlink()
    assert cornered("report", "out", cwd=tmp_path).code == 0
    assert cornered("score", "out", cwd=tmp_path).code in (1, 2)
    (line,) = errors(cornered("report", "out/run.json", cwd=tmp_path))
    assert "there is no run here" in line
