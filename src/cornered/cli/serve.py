"""`cornered serve`."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import json_option, main, parse_levels, say
from cornered.errors import ExperimentError, FactorError

if TYPE_CHECKING:
    from cornered.surface.serve.http import Endpoint
    from cornered.surface.serve.stdio import Pipes

CLIENT_VARIABLE = "CORNERED_SERVE_CLIENT"
"""Tells the process that serves a client's pipes which processes the client may be."""
FINISH: signal.Signals = getattr(signal, "SIGUSR1", signal.SIGTERM)
"""Ends the session of a process behind a client's pipes, which hears no other signal."""
HOUR = 3600.0


@main.command()
@click.argument("scenario")
@click.argument("levels", nargs=-1, metavar="[FACTOR=LEVEL]…")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder (default: runs/NAME).")
@click.option(
    "--stdio",
    is_flag=True,
    help="Serve on standard input and output, for a client that starts this command itself.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on 127.0.0.1 (default: any free one).",
)
@click.option("--token", help="Token that clients send (default: a new one).")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=HOUR,
    show_default=True,
    help="Seconds after which the session ends.",
)
@click.option(
    "--agent", default="client", show_default=True, help="What the agent is called in the run."
)
@click.option(
    "--judge", multiple=True, help="Inspect name of the judge's model; several form a panel."
)
@json_option
def serve(
    scenario: str,
    levels: tuple[str, ...],
    out: Path | None,
    stdio: bool,
    port: int,
    token: str | None,
    time_limit: float,
    agent: str,
    judge: tuple[str, ...],
    as_json: bool,
) -> int:
    """Open the office of one trial to an agent of yours, as an MCP server.

    The agent gets the task as a prompt and the office as tools. The trial is scored when its
    session ends (the client leaves, or you press Ctrl-C), and stands in a run folder like any
    other; the same command adds the next trial.

    \b
      cornered serve blackmail goal=explicit threat=replacement
      cornered serve blackmail --stdio --agent my-agent
    """
    if stdio and CLIENT_VARIABLE not in os.environ:
        return _behind()
    pipes, clients = _pipes() if stdio else (None, ())
    from cornered.run.session import hold_session, session_experiment
    from cornered.surface.serve.session import Session

    given = _one_each(parse_levels(levels))
    experiment = session_experiment(scenario, given, agent=agent, judge=judge)
    folder = out or Path("runs") / experiment.name
    own = _stdio_words(scenario, levels, folder, time_limit, agent, judge)

    def on_ready(endpoint: Endpoint | None) -> None:
        if endpoint is None:
            say(f"The office of {experiment.name} is open on standard input and output.")
        else:
            say(_open_words(experiment.name, endpoint, own))

    session = Session(
        pipes=pipes,
        port=port,
        token=token,
        time_limit=time_limit,
        clients=clients,
        finish=(FINISH,) if pipes else (signal.SIGINT, signal.SIGTERM),
        on_ready=on_ready,
    )
    state = hold_session(experiment, folder, session)
    # Late: a client waits for the server to answer, and does not for this.
    from cornered.cli._summary import print_summary
    from cornered.run.report import Report

    return print_summary(Report(state).write(again=False), as_json)


def _one_each(given: dict[str, Any]) -> dict[str, Any]:
    for factor, several in given.items():
        if len(several) > 1:
            raise FactorError(
                f"{factor} has several levels", fix="give one: a session is one trial"
            )
    return {factor: several[0] for factor, several in given.items()}


def _stdio_words(
    scenario: str,
    levels: tuple[str, ...],
    folder: Path,
    time_limit: float,
    agent: str,
    judge: tuple[str, ...],
) -> list[str]:
    """The arguments of Python by which a client starts the same office itself, from anywhere."""
    pack = str(Path(scenario).resolve()) if Path(scenario).is_dir() else scenario
    words = ["-m", "cornered.cli", "serve", pack, *levels, "--stdio"]
    words += ["--out", str(folder.resolve()), "--agent", agent, "--time-limit", f"{time_limit:g}"]
    return words + [word for name in judge for word in ("--judge", name)]


def _open_words(name: str, endpoint: Endpoint, own: list[str]) -> str:
    """What to paste into the configuration of a client."""
    from cornered.surface.serve.office import PROMPT, SERVER_NAME
    from cornered.surface.serve.words import (
        TOKEN_VARIABLE,
        client_json,
        codex_toml,
        gemini_json,
        stdio_json,
    )

    url, token = endpoint.url, endpoint.token
    return f"""The office of {name} is open at {url}

Claude Code and most clients (a file for --mcp-config, .mcp.json):
{client_json(url, token)}
Codex (~/.codex/config.toml; with {TOKEN_VARIABLE}={shlex.quote(token)} in its environment):
{codex_toml(url)}
Gemini CLI (.gemini/settings.json):
{gemini_json(url, token)}
A client that starts its servers itself needs none of this running, but this:
{stdio_json(sys.executable, own)}
The task is the server's prompt `{PROMPT}` (in Claude Code: /mcp__{SERVER_NAME}__{PROMPT}).
When the agent has finished, press Ctrl-C; the trial is scored then."""


def _pipes() -> tuple[Pipes, tuple[int, ...]]:
    """The client's pipes, taken before anything is printed, and the processes above."""
    from cornered.surface.serve.stdio import claim_pipes

    # A client that closes the pipe and then kills must not keep the trial from being scored.
    for number in (FINISH, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        clients = tuple(map(int, os.environ[CLIENT_VARIABLE].split(",")))
    except ValueError:
        raise ExperimentError(f"{CLIENT_VARIABLE} has no numbers", fix="unset it") from None
    return claim_pipes(), clients


def _behind() -> int:
    """Serves in a process behind this one, which the client cannot kill before it has scored.

    Clients close the pipe, wait two seconds, and kill what they started.
    """
    import psutil

    # Not the parent alone: a wrapper may stand between the client and this process.
    clients = ",".join(str(process.pid) for process in psutil.Process().parents())
    server = subprocess.Popen(
        [sys.executable, "-m", "cornered.cli", *sys.argv[1:]],
        env=os.environ | {CLIENT_VARIABLE: clients},
        start_new_session=True,
    )
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # the client sees the end of the pipes when the server closes its own
        os.dup2(nothing, stream)

    def end(number: int, frame: Any) -> None:
        del number, frame
        server.send_signal(FINISH)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return server.wait()
