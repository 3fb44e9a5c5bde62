"""The command of an agent: its words, its placeholders, and the files it is given."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import string
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cornered.errors import ExperimentError
from cornered.surface.serve.office import SERVER_NAME

PLACEHOLDERS = {
    "task": "the task as text; system prompt included, unless the command has {system} or "
    "{system_file}",
    "task_file": "a file with the same text",
    "system": "the system prompt as text",
    "system_file": "a file with the system prompt",
    "mcp_config": "a configuration of MCP servers, as Claude Code and most clients read it",
    "codex_home": "a folder with a config.toml for Codex",
    "url": "the address of the server",
    "token_file": "a file with its token",
    "folder": "the working directory of the command: empty but for these files",
}
"""Placeholder of a command to what stands in its place."""
URL_VARIABLE, TOKEN_VARIABLE = "CORNERED_MCP_URL", "CORNERED_MCP_TOKEN"
"""Environment variables of the command."""
STARTUP_MS = 60_000
"""Milliseconds that Claude Code may wait for the server, which it otherwise does not wait for."""


def read_command(command: str) -> tuple[str, ...]:
    """The words of a command, checked: it can be found, and its placeholders are known.

    A word that names a file of the working directory becomes an absolute path, since the command
    runs in a folder of its own.

    Raises:
        ExperimentError: what is wrong with it.
    """
    try:
        words = shlex.split(command)
    except ValueError as e:
        raise ExperimentError(
            f"the command cannot be split into words ({str(e).lower()})", where=_short(command)
        ) from None
    if not words:
        raise ExperimentError("an agent's command is empty", fix="give a program and its arguments")
    for word in words:
        _check_placeholders(word, command)
    program = words[0]
    if _fields(program):
        raise ExperimentError(
            "the program itself is a placeholder", where=_short(command), fix="name a program"
        )
    found = shutil.which(os.path.expanduser(program))
    if found is None:
        raise ExperimentError(
            f"the program {program} cannot be found or run",
            where=_short(command),
            fix="install it, or give its path",
        )
    return (os.path.abspath(found), *(_absolute(word) for word in words[1:]))


def _absolute(word: str) -> str:
    if "\0" in word or len(word) > 1000 or not Path(word).is_file():
        return word
    return os.path.abspath(word).replace("{", "{{").replace("}", "}}")


def _fields(word: str) -> list[str]:
    return [field for _, field, _, _ in string.Formatter().parse(word) if field is not None]


def _check_placeholders(word: str, command: str) -> None:
    try:
        parts = list(string.Formatter().parse(word))
    except ValueError:
        parts = [("", "", None, None)]
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in PLACEHOLDERS or form or conversion:
            raise ExperimentError(
                f"there is no placeholder {{{name}}}",
                where=_short(command),
                fix=f"there are {', '.join(f'{{{p}}}' for p in PLACEHOLDERS)}; write {{{{ and }}}} "
                "for braces",
            )


def _short(command: str) -> str:
    return command if len(command) <= 60 else command[:59] + "…"


@dataclass(frozen=True)
class Briefing:
    """What a command gets for one trial."""

    system: str
    task: str
    url: str
    token: str


def write_files(folder: Path, words: Iterable[str], briefing: Briefing) -> tuple[str, ...]:
    """Writes the files for a command into its folder, and fills its placeholders.

    Args:
        folder: An empty folder that only the user can read: the token stands in its files.
        words: The command, as `read_command` gives it.
        briefing: The trial.

    Returns:
        The arguments of the process.
    """
    words = tuple(words)
    apart = any(name in ("system", "system_file") for word in words[1:] for name in _fields(word))
    whole = "\n\n".join(text for text in (briefing.system, briefing.task) if text)
    task = briefing.task if apart else whole
    files = folder / "office"
    files.mkdir()
    for name, text in (
        ("task.txt", task),
        ("system.txt", briefing.system),
        ("token", briefing.token),
        ("mcp.json", client_json(briefing.url, briefing.token)),
    ):
        (files / name).write_text(text, encoding="utf-8")
    codex = files / "codex"
    codex.mkdir()
    (codex / "config.toml").write_text(codex_toml(briefing.url), encoding="utf-8")
    gemini = folder / ".gemini"
    gemini.mkdir()
    (gemini / "settings.json").write_text(
        gemini_json(briefing.url, briefing.token), encoding="utf-8"
    )
    values = {
        "task": task,
        "task_file": str(files / "task.txt"),
        "system": briefing.system,
        "system_file": str(files / "system.txt"),
        "mcp_config": str(files / "mcp.json"),
        "codex_home": str(codex),
        "url": briefing.url,
        "token_file": str(files / "token"),
        "folder": str(folder),
    }
    return (words[0], *(word.format(**values) for word in words[1:]))


def environment(briefing: Briefing) -> dict[str, str]:
    """The environment of a command: the user's, and where the office is."""
    return os.environ | {
        URL_VARIABLE: briefing.url,
        TOKEN_VARIABLE: briefing.token,
        # Claude Code starts before its servers are up, and then has no tools.
        "MCP_CONNECTION_NONBLOCKING": "false",
        "MCP_TIMEOUT": str(STARTUP_MS),
    }


def client_json(url: str, token: str) -> str:
    """The configuration of a client in the form of Claude Code, which most others read too."""
    server = {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {token}"}}
    return json.dumps({"mcpServers": {SERVER_NAME: server}}, indent=2) + "\n"


def stdio_json(command: str, arguments: Iterable[str]) -> str:
    """The configuration of a client that starts the server itself."""
    server = {"command": command, "args": list(arguments)}
    return json.dumps({"mcpServers": {SERVER_NAME: server}}, indent=2) + "\n"


def codex_toml(url: str) -> str:
    """The configuration of Codex; it takes no token but from an environment variable."""
    return (
        f"[mcp_servers.{SERVER_NAME}]\n"
        f"url = {json.dumps(url)}\n"
        f'bearer_token_env_var = "{TOKEN_VARIABLE}"\n'
        f'default_tools_approval_mode = "approve"\n'
    )


def gemini_json(url: str, token: str) -> str:
    """The settings of Gemini CLI."""
    server = {
        "httpUrl": url,
        "headers": {"Authorization": f"Bearer {token}"},
        "trust": True,
    }
    return json.dumps({"mcpServers": {SERVER_NAME: server}}, indent=2) + "\n"
