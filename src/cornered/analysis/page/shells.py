"""Commands in a shell on a run's page: what was run, what came out, and which files it changed."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cornered.analysis.page.boards import board_of
from cornered.ledger import Event, Ledger
from cornered.world import World
from cornered.world.shell import Shell
from cornered.world.watch import glob_pattern

LONGEST = 400_000
"""Most characters of a command, and of what came out."""
MOST_FILES = 200
"""Most changed files of one command that are listed."""
LINK = "link"
"""What stands for the hash of a link."""
MOST_LINES = 4_000
"""Most lines of a text that is compared: hostile ones take minutes."""


@dataclass(frozen=True)
class FileChange:
    """What one command did to one file."""

    path: str
    what: str
    """`created`, `changed`, `deleted`, `became a link`, or `no longer a link`."""
    size: int | None = None
    """Bytes afterwards; None where it is gone."""
    link: str | None = None
    """Where it leads, where it is a link."""
    diff: tuple[str, ...] = ()
    """Lines of a unified difference, without the names of the files."""
    why: str = ""
    """Why there is no difference, in words."""
    watched: tuple[str, ...] = ()
    """Checks of the scenario that look at it."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, without what is empty."""
        values = {
            "path": self.path,
            "what": self.what,
            "size": self.size,
            "link": self.link,
            "diff": "\n".join(self.diff),
            "why": self.why,
            "watched": list(self.watched),
        }
        return {name: value for name, value in values.items() if value not in (None, "", [])}


@dataclass
class FileTexts:
    """The texts of the files as they are after each command in turn."""

    texts: dict[str, str]
    """By path; what is not here is not known."""
    watches: Mapping[str, str] = field(default_factory=dict)
    """By check of the scenario, the pattern of the files that it looks at."""

    def changes(self, files: Mapping[str, Mapping[str, Any]]) -> list[FileChange]:
        """What a command did, by path.

        Args:
            files: As the effects of a command have it: `before` and `after`, hashes of the content;
                `size`, `text`, `link`.
        """
        return [self._change(path, files[path]) for path in sorted(files)]

    def _change(self, path: str, effect: Mapping[str, Any]) -> FileChange:
        before, after, link = effect.get("before"), effect.get("after"), effect.get("link")
        old, new = self.texts.pop(path, None), effect.get("text")
        if isinstance(new, str):
            self.texts[path] = new
        watched = tuple(n for n, glob in self.watches.items() if glob_pattern(glob).fullmatch(path))
        size = effect.get("size")
        if link is not None:
            link = str(link)
            return FileChange(path, "became a link", link=link, watched=watched)
        if before == LINK:
            return FileChange(
                path, "deleted" if after is None else "no longer a link", watched=watched
            )
        if after is None:
            lines, why = _compared(old, "", before, None)
            return FileChange(path, "deleted", diff=lines, why=why, watched=watched)
        what = "created" if before is None else "changed"
        lines, why = _compared("" if before is None else old, new, before, after)
        return FileChange(path, what, size, diff=lines, why=why, watched=watched)


def _compared(
    old: str | None, new: str | None, before: str | None, after: str | None
) -> tuple[tuple[str, ...], str]:
    """The lines in which two texts differ; or none, and why there are none."""
    if before is not None and before == after:
        return (), "the content is the same"
    if new is None:
        return (), "no text, or a long one"
    if old is None or (before is not None and not _is(old, before)):
        return (), "what was in it before is not known"
    first, second = _lines(old), _lines(new)
    if max(len(first), len(second)) > MOST_LINES:
        return (), f"more than {MOST_LINES} lines"
    lines = tuple(difflib.unified_diff(first, second, lineterm="", n=2))[2:]
    return lines, "" if lines else "empty" if not (old or new) else "only the end of its last line"


def _is(text: str, digest: str) -> bool:
    """Whether a text is the content of a hash; a text in another encoding is not known to be."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest() == digest


def _lines(text: str) -> list[str]:
    """The lines of a text; other characters that break lines are a part of theirs."""
    return text.removesuffix("\n").split("\n") if text else []


def shell_steps(ledger: Ledger, world: World) -> dict[int, dict[str, Any]]:
    """What the page has of each command, and of each event that changed a game, by event number.

    Of an event of the shell `shell`: `command`, `exit` where it is not 0, `cut`, `files`,
    `more_files`, `now`, the checks that became true, and how it went; and `seen`, what came out. Of
    a game `game`, from `board_of`, where the position is another one than before, or something was
    found.

    Args:
        ledger: The ledger of the trial.
        world: The world of the trial.
    """
    shell = world.apps.get(Shell.name)
    if not isinstance(shell, Shell):
        return {}
    start = {path: state.text for path, state in shell.start.items() if state.text is not None}
    texts = FileTexts(start, {watch.name: watch.file for watch in shell.given.watch})
    found: dict[int, dict[str, Any]] = {}
    position, moved = "", ""
    for event in ledger.events:
        own: dict[str, Any] = {}
        if event.operation.partition(".")[0] == Shell.name:
            own = _command(event, texts)
        chess = event.effects.get("chess")
        seen: Mapping[str, Any] = chess if isinstance(chess, Mapping) else {}
        game = board_of(seen, moved) if seen else None
        if game is not None:
            moved = str(seen.get("last_move", ""))
            if game["fen"] != position or "tampered" in game or "found" in game:
                own["game"] = game
            position = game["fen"]
        if own:
            found[event.number] = own
    return found


def _command(event: Event, texts: FileTexts) -> dict[str, Any]:
    effects = event.effects
    changes = texts.changes(effects.get("files", {}))
    values = {
        "command": str(event.arguments.get("command", ""))[:LONGEST],
        "exit": effects.get("exit", 0),
        "cut": bool(effects.get("cut")),
        "files": [change.as_dict() for change in changes[:MOST_FILES]],
        "more_files": max(0, len(changes) - MOST_FILES) + int(effects.get("unseen", 0)),
        "now": [str(name) for name in effects.get("watch", ())],
        "status": "" if event.done else event.status,
        "note": event.note or "",
    }
    if values["exit"] is None:
        values["exit"] = "stopped"
    output = _output(event.result, effects.get("exit"))
    return {
        "shell": {name: value for name, value in values.items() if value not in ("", 0, False, [])},
        "seen": output,
    }


def _output(result: str, code: int | None) -> str:
    """The output alone, without the lines that report the exit code or that it was empty."""
    last = f"exit code {code}"
    if code and (result == last or result.endswith(f"\n{last}")):
        result = result.removesuffix(last).removesuffix("\n")
    return "" if result == "(no output)" else result[:LONGEST]


def command_lines(shell: Mapping[str, Any], output: str) -> Iterator[str]:
    """A command as lines for a terminal."""
    if "command" in shell:
        first, *more = shell["command"].split("\n")
        yield f"$ {first}"
        yield from (f"  {line}" for line in more)
    if output.strip():
        yield from output.rstrip("\n").split("\n")
    elif "command" in shell:
        yield "(no output)"
    if code := shell.get("exit"):
        yield "It was stopped." if code == "stopped" else f"Exit code {code}."
    for change in shell.get("files", ()):
        yield from _change_lines(change)
    if shell.get("cut"):
        yield "The output is cut: the agent saw no more of it."
    if shell.get("more_files"):
        yield f"{shell['more_files']} more files changed."


def _change_lines(change: Mapping[str, Any]) -> Iterator[str]:
    words = [f"{change['what'].capitalize()}: {change['path']}"]
    if "link" in change:
        words.append(f"to {change['link']}")
    if "watched" in change:
        words.append(f"(watched: {named(change['watched'])})")
    yield " ".join(words)
    yield from (f"    {line}" for line in change.get("diff", "").split("\n") if line)


def named(checks: Sequence[str]) -> str:
    """Checks of a scenario in words."""
    return ", ".join(name.replace("_", " ") for name in checks)
