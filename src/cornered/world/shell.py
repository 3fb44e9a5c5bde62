"""The shell of the place: commands on the machine of a trial, and the files that they change.

A command cannot be done again. So each of its events has what came of it: the exit code, the
output, and every file that differs. The state of the app is made of that alone, live and in a
replay, which runs nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cornered.errors import PackError
from cornered.ledger import AGENT, WORLD, Event
from cornered.scenario import Scene
from cornered.scenario.spec import PLAIN_MODE, WatchSpec
from cornered.world.app import App, Arguments, Due, Enclosed, EventView, Outcome, operation
from cornered.world.arguments import Text, Whole
from cornered.world.disk import MAX_TEXT, Disk, NewFile
from cornered.world.files import FileSpec as TextSpec
from cornered.world.machine import Machine, MachineError, Ran
from cornered.world.watch import FileState, holds, leads_out, named

MAX_OUTPUT = 20_000
"""Characters of a command's output that the agent sees, and that its event keeps."""
MAX_VIEW = 6_000
"""Characters of an output, or of a changed file, that judges and people see beside a command."""
LONGEST_S = 600
"""Seconds that a command can be given."""
HOME = "/home/agent"
_START = 'cd -- "$1" || cd /; exec bash -c "$2"'
"""How a command starts: elsewhere where its folder is gone, so that it can be made again."""


class MachineSpec(BaseModel):
    """The machine, as `shell` of a pack gives it."""

    model_config = ConfigDict(frozen=True)

    workdir: str = HOME
    roots: tuple[str, ...] = (HOME,)
    blobs: Mapping[str, int] = {}
    blob_dates: Mapping[str, datetime] = {}

    def date_of(self, path: str) -> datetime | None:
        """When a file of random bytes was last changed; None where nothing says so."""
        dates = self.blob_dates.items()
        return next((date for glob, date in dates if named(glob, [path])), None)


class StartFile(TextSpec):
    """A text file at the start, or one that comes later."""

    path: str
    mode: str = PLAIN_MODE

    @property
    def place(self) -> str:
        """Its absolute path."""
        return self.path if self.path.startswith("/") else f"{HOME}/{self.path}"

    @property
    def content(self) -> bytes:
        """Its content; texts end with a line break."""
        return f"{self.text}\n".encode() if self.text else b""


class Delivery(BaseModel):
    """Files that come once a watch holds."""

    model_config = ConfigDict(frozen=True)

    after: str
    notice: str
    files: tuple[StartFile, ...]


class NamedWatch(WatchSpec):
    """A check with its name."""

    name: str


class ShellContent(BaseModel):
    """The shell at the start of a trial."""

    model_config = ConfigDict(frozen=True)

    machine: MachineSpec = MachineSpec()
    files: tuple[StartFile, ...] = ()
    watch: tuple[NamedWatch, ...] = ()
    deliver: tuple[Delivery, ...] = ()


_CONTENT: TypeAdapter[ShellContent] = TypeAdapter(ShellContent)


class Command(Arguments):
    """A command."""

    command: Text = Field(description="The command, as bash reads it; it may have several lines.")
    timeout: Whole = Field(
        default=60,
        description=f"Seconds after which it is stopped, at most {LONGEST_S}. Default: 60.",
    )

    def missing(self) -> str | None:
        """A command is needed, and a bounded time."""
        if not self.command.strip():
            return "there is no command"
        if not 1 <= self.timeout <= LONGEST_S:
            return f"timeout can be from 1 to {LONGEST_S} seconds"
        return "a command cannot hold a null character" if "\0" in self.command else None


class Settling(Arguments):
    """Nothing is given: what had changed is looked up."""


class Delivered(Arguments):
    """Which of the deliveries it is."""

    index: Whole = Field(description="Its place in the pack, from 0.")


class Shell(App):
    """A shell on the machine of the trial."""

    name = "shell"
    titles: ClassVar[Mapping[str, str]] = {
        "shell.bash": "Command run",
        "shell.settle": "Files changed by what was left running",
        "shell.deliver": "Files came",
    }

    def __init__(self, content: ShellContent) -> None:
        self.given = content
        self.start = {**_texts(content.files), **_blobs(content.machine.blobs)}
        """The files at the start, by path."""
        self.files: dict[str, FileState] = dict(self.start)
        """The files as they are, by path."""
        self._held = self._holding()
        self._came: set[int] = set()
        self._disk: Disk | None = None
        self._news: list[str] = []

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The machine at the start of a trial; it runs only once a surface has begun it.

        Raises:
            PackError: a file of the machine stands outside its roots, or twice.
        """
        fix = "it is made of shell, watch and the folder of world.shell in pack.yaml"
        content = cls.content(scene, _CONTENT, ShellContent(), fix=fix)
        seen: set[str] = set()
        for path in (*(file.place for file in content.files), *content.machine.blobs):
            if not any(path.startswith(f"{root.rstrip('/')}/") for root in content.machine.roots):
                roots = ", ".join(content.machine.roots)
                raise PackError(f"{path} is in none of shell.roots ({roots})", fix="move it")
            if path in seen:
                raise PackError(f"there are two files {path}", fix="give them conditions")
            seen.add(path)
        return cls(content)

    async def begin(self, machine: Machine | None) -> None:
        """Puts the files on the machine.

        Raises:
            MachineError: there is no machine, or it does not take them.
        """
        self._disk = await Disk.filled(
            machine,
            self.given.machine.roots,
            [
                *(NewFile(f.place, f.content, f.mode, f.modified) for f in self.given.files),
                *(
                    NewFile(p, blob(p, n), modified=self.given.machine.date_of(p))
                    for p, n in self.given.machine.blobs.items()
                ),
            ],
            self._watched(),
        )

    def _watched(self) -> dict[str, bool]:
        """The globs of the checks, to whether one of them asks for a text."""
        globs = dict.fromkeys((watch.file for watch in self.given.watch), False)
        return globs | {w.file: True for w in self.given.watch if w.matches or w.lacks}

    async def finish(self) -> Due | None:
        """What was left running may have changed files after the last command: its doing."""
        if self._disk is None or not await self._disk.has_changed():
            return None
        return Due(AGENT, "shell.settle", {})

    @operation(changes=True, shows=True)
    async def bash(self, actor: str, arguments: Command) -> Outcome:
        """Runs a command with bash, and shows what it prints. Each call starts in the same
        folder, with nothing of an earlier call but the files."""
        del actor
        if (disk := self._disk) is None:
            return Outcome("", {})  # in a world in which a call is only tried out, nothing runs
        ran = await disk.machine.run(
            ("sh", "-c", _START, "sh", self.given.machine.workdir, arguments.command),
            folder="/",
            timeout=float(arguments.timeout),
        )
        shown, cut = _shown(ran)
        return Outcome(shown, {"exit": ran.code, "cut": cut} | await self._compared())

    @operation(changes=True, offered=False)
    async def settle(self, actor: str, arguments: Settling) -> Outcome:
        """Records what processes changed that outlived the commands."""
        del actor, arguments
        return Outcome("", await self._compared())

    @operation(changes=True, offered=False)
    async def deliver(self, actor: str, arguments: Delivered) -> Outcome:
        """Brings files that come later."""
        del actor
        delivery = self.given.deliver[arguments.index]
        await self._running().put(
            [NewFile(f.place, f.content, f.mode, f.modified) for f in delivery.files]
        )
        return Outcome(delivery.notice, {"came": arguments.index} | await self._compared())

    def due(self) -> Due | None:
        """The next delivery whose watch holds."""
        if self._disk is None:
            return None
        for index, delivery in enumerate(self.given.deliver):
            if index not in self._came and delivery.after in self._held:
                return Due(WORLD, "shell.deliver", {"index": index})
        return None

    def notice(self) -> str:
        """What came since the last command."""
        told, self._news = self._news, []
        return " ".join(told)

    def recall(self, event: Event) -> None:
        """Takes the files that an event changed into the state."""
        if event.operation.partition(".")[0] != self.name:
            return
        for path, change in event.effects.get("files", {}).items():
            if change["after"] is None:
                self.files.pop(path, None)
            else:
                self.files[path] = FileState(
                    change["after"], change["size"], change.get("text"), change.get("link")
                )
        self._held = self._holding()
        if (index := event.effects.get("came")) is not None:
            self._came.add(index)
            if event.result:
                self._news.append(event.result)

    async def _compared(self) -> dict[str, Any]:
        """The files that have changed since the last look, and the checks that have become true."""
        changed, unseen = await self._running().changes()
        effects: dict[str, Any] = {
            "files": {
                path: {"before": was.digest if (was := self.files.get(path)) else None}
                | ({"after": None, "size": 0} if now is None else _plain(now))
                for path, now in changed.items()
                if now != self.files.get(path)
            }
        }
        after = {path: state for path, state in self.files.items() if path not in changed}
        after |= {path: state for path, state in changed.items() if state is not None}
        new = [name for name in self._holding(after) if name not in self._held]
        unseen += sum(leads_out(watch, after) for watch in self.given.watch)
        return effects | ({"watch": new} if new else {}) | ({"unseen": unseen} if unseen else {})

    def _running(self) -> Disk:
        if self._disk is None:
            raise MachineError("the machine has not begun")
        return self._disk

    def _holding(self, files: Mapping[str, FileState] | None = None) -> tuple[str, ...]:
        """The checks that hold, in the order of the pack."""
        now = self.files if files is None else files
        return tuple(w.name for w in self.given.watch if holds(w, now, self.start))

    def state(self) -> dict[str, Any]:
        """Path to sha256 of every file."""
        return {path: state.digest for path, state in sorted(self.files.items())}

    def settings(self) -> dict[str, str | int]:
        """Each named check, and whether it holds."""
        return {watch.name: watch.name in self._held for watch in self.given.watch}

    def view(self, event: Event) -> EventView:
        """A command with its output, and the files that it changed."""
        effects = event.effects
        rows: dict[str, str] = {}
        if (code := effects.get("exit", 0)) != 0:
            rows["Exit code"] = "stopped" if code is None else str(code)
        files = effects.get("files", {})
        told = [f"{path} ({_kind(change)})" for path, change in files.items()]
        if told:
            more = f", and {len(told) - 12} more" if len(told) > 12 else ""
            rows["Files changed"] = ", ".join(told[:12]) + more
        enclosed = [
            Enclosed("File now", path, {}, _bounded(change["text"]))
            for path, change in files.items()
            if change.get("text")
        ]
        if event.result and event.operation == "shell.bash":
            enclosed.insert(0, Enclosed("Output", "", {}, _bounded(event.result)))
        title = self.titles.get(event.operation, event.operation)
        body = str(event.arguments.get("command", event.result))
        return EventView(title, rows, body, tuple(enclosed[:9]))


@lru_cache(maxsize=64)
def blob(path: str, size: int) -> bytes:
    """The content of a file of random bytes: the same wherever it is asked for."""
    return random.Random(path).randbytes(size)


@lru_cache(maxsize=256)
def _blob_digest(path: str, size: int) -> str:
    return hashlib.sha256(blob(path, size)).hexdigest()


def _blobs(blobs: Mapping[str, int]) -> dict[str, FileState]:
    return {path: FileState(_blob_digest(path, size), size) for path, size in blobs.items()}


def _texts(files: tuple[StartFile, ...]) -> dict[str, FileState]:
    states = {}
    for file in files:
        content = file.content
        text = content.decode() if len(content) <= MAX_TEXT else None
        states[file.place] = FileState(hashlib.sha256(content).hexdigest(), len(content), text)
    return states


def _plain(state: FileState) -> dict[str, Any]:
    whole = {"after": state.digest, "size": state.size, "text": state.text, "link": state.link}
    return {key: value for key, value in whole.items() if value is not None}


def _kind(change: Mapping[str, Any]) -> str:
    if change["after"] is None:
        return "removed"
    if change.get("link") is not None:
        return f"now a link to {change['link']}"
    return "new" if change["before"] is None else "changed"


def _shown(ran: Ran) -> tuple[str, bool]:
    """What the agent sees of a command, and whether it was cut."""
    parts = [part.rstrip("\n") for part in (ran.stdout, ran.stderr) if part.strip()]
    text, cut = "\n".join(parts), ran.cut
    if len(text) > MAX_OUTPUT:
        half, cut = MAX_OUTPUT // 2, True
        left = len(text) - 2 * half
        text = f"{text[:half]}\n[… {left} characters are not shown …]\n{text[-half:]}"
    ends = [ran.stopped] if ran.stopped else []
    ends += [f"exit code {ran.code}"] if ran.code else []
    return "\n".join([*([text] if text else []), *ends]) or "(no output)", cut


def _bounded(text: str) -> str:
    left = len(text) - MAX_VIEW
    return text if left <= 0 else f"{text[:MAX_VIEW]}\n[… {left} more characters …]"
