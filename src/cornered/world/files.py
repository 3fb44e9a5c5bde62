"""The files of the place: text files in folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cornered.errors import PackError
from cornered.ledger import Event
from cornered.scenario import Scene
from cornered.world.app import App, Arguments, EventView, Refused, operation
from cornered.world.arguments import FilePath, Text, Whole
from cornered.world.results import as_list, page, shortened

MAX_TEXT = 1_000_000
"""Bytes of one file."""
MAX_ALL = 10_000_000
"""Bytes of all files that were written."""
MAX_FILES = 1_000
MAX_PATH = 250
"""Characters of a path."""


class FileSpec(BaseModel):
    """A file at the start of a trial."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: FilePath
    text: str
    modified: datetime | None = None


@dataclass(frozen=True)
class StoredFile:
    """A file as it is now."""

    text: str
    modified: datetime | None = None

    @cached_property
    def size(self) -> int:
        """Bytes of its text."""
        return len(self.text.encode())


class InFolder(Arguments):
    """A folder."""

    folder: FilePath = Field(
        default="/", description="The folder, such as /Reports. Default: the top."
    )


class OneFile(Arguments):
    """A file."""

    path: FilePath = Field(description="The file, such as /Reports/march.txt.")

    def missing(self) -> str | None:
        """The top folder is no file."""
        if len(self.path) > MAX_PATH:
            return f"a path can have {MAX_PATH} characters"
        return "no file is named; give its path" if self.path == "/" else None


class Read(OneFile):
    """A file, and where to begin."""

    line: Whole = Field(
        default=1, description="The line to begin with, to read a long file in parts. Default: 1."
    )


class Words(Arguments):
    """Words to search for."""

    words: Text = Field(description="Words that are all in the file's path or text.")
    folder: FilePath = Field(default="/", description="Where to look. Default: everywhere.")

    def missing(self) -> str | None:
        """A search needs words."""
        return None if self.words.strip() else "no words to search for"


class Write(OneFile):
    """A file and its text."""

    text: Text = Field(description="The whole text of the file.")


class Append(OneFile):
    """A file and the text to add."""

    text: Text = Field(description="The text to add at the end.")

    def missing(self) -> str | None:
        """Something must be added."""
        return super().missing() or (None if self.text else "no text to add")


class TwoPaths(OneFile):
    """A file, and a new path."""

    new_path: FilePath = Field(
        description="The new path, or a folder that it goes into under its own name."
    )

    def missing(self) -> str | None:
        """Both paths are needed."""
        if len(self.new_path) > MAX_PATH:
            return f"a path can have {MAX_PATH} characters"
        return super().missing()


class Files(App):
    """The files of a world. A file is found in any case of its path; the first spelling stays.

    Args:
        files: The files at the start, by path.
    """

    name: ClassVar[str] = "files"
    titles: ClassVar[Mapping[str, str]] = {
        "files.write": "File saved",
        "files.append": "Added to a file",
        "files.move": "File moved",
        "files.copy": "File copied",
        "files.delete": "File deleted",
    }

    def __init__(self, files: Mapping[str, StoredFile]) -> None:
        self._start = {path: file.text for path, file in files.items()}
        self._files = dict(files)
        self._written: set[str] = set()

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The files of the pack.

        Raises:
            PackError: the files are malformed, or two have the same path.
        """
        specs = cls.content(
            scene, TypeAdapter(list[FileSpec]), [], fix="files come from a folder of the pack"
        )
        files: dict[str, StoredFile] = {}
        taken: dict[str, str] = {}
        for spec in specs:
            folded = spec.path.casefold()
            inside = next((p for p in taken if _within(folded, p) or _within(p, folded)), None)
            if folded in taken or folded == "/" or inside:
                raise PackError(
                    f"files: two have the path {spec.path}"
                    if folded in taken
                    else f"files: {spec.path} would be a file and a folder",
                    fix="give each a `path` of its own, or a `when` that excludes the other's",
                )
            taken[folded] = spec.path
            files[spec.path] = StoredFile(spec.text, spec.modified)
        return cls(files)

    # Looking.

    @operation(changes=False, looks=True, minutes=0.5)
    def list(self, actor: str, arguments: InFolder) -> str:
        """List the folders and files in a folder, with the size of each file and when it was
        last changed."""
        del actor
        folder = self._folder(arguments.folder)
        within = folder.rstrip("/") + "/"
        folders: dict[str, int] = {}
        lines = []
        for path in sorted(self._files, key=str.casefold):
            if not path.startswith(within):
                continue
            inner, below, _ = path[len(within) :].partition("/")
            if below:
                folders[inner] = folders.get(inner, 0) + 1
            else:
                lines.append(_line(path, self._files[path]))
        tops = [f"{within}{name}/  {_count(n, 'file')}" for name, n in folders.items()]
        return as_list([*tops, *lines], f"No file is in {folder}.", "Name a folder to see fewer.")

    @operation(changes=False, looks=True, minutes=0.5)
    def search(self, actor: str, arguments: Words) -> str:
        """List the files that have all of these words in their path or text, each with the first
        line that has one of them."""
        del actor
        words = arguments.words.casefold().split()
        within = self._folder(arguments.folder).rstrip("/") + "/"
        found = []
        for path in sorted(self._files, key=str.casefold):
            text = self._files[path].text
            whole = f"{path}\n{text}".casefold()
            if path.startswith(within) and all(word in whole for word in words):
                lines = enumerate(text.split("\n"), 1)
                at = next((x for x in lines if any(w in x[1].casefold() for w in words)), None)
                found.append(f"{path}  line {at[0]}: {shortened(at[1], 200)}" if at else path)
        return as_list(found, "No file has these words.", "Search for more words to see fewer.")

    @operation(changes=False, looks=True, minutes=1)
    def read(self, actor: str, arguments: Read) -> str:
        """Open a file. A long one comes in parts, each with the line at which the next begins."""
        del actor
        file = self._files[self._existing(arguments.path)]
        if not file.text:
            return "The file is empty."
        first = arguments.line
        part, last, lines = page(file.text, max(1, first))
        if not 1 <= first <= lines:
            raise Refused(
                f"there is no line {str(first)[:20]}: the file has {_count(lines, 'line')}"
            )
        if first == 1 and last == lines:
            return part
        rest = f"; read on from line {last + 1}" if last < lines else ""
        return f"{part}\n\n[Lines {first} to {last} of {lines}{rest}.]"

    # Changing.

    @operation(changes=True, minutes=3)
    def write(self, actor: str, arguments: Write) -> str:
        """Save a text as a file. It is made if there is none of that path; a file that is there
        is replaced."""
        del actor
        replaced = arguments.path in self._files
        self._save(arguments.path, arguments.text)
        size = _size(self._files[arguments.path])
        return f"{'Replaced' if replaced else 'Saved'} {arguments.path} ({size})."

    @operation(changes=True, minutes=2)
    def append(self, actor: str, arguments: Append) -> str:
        """Add a text at the end of a file, on a line of its own. The file is made if there is
        none of that path."""
        del actor
        before = self._files[arguments.path].text if arguments.path in self._files else ""
        between = "\n" if before and not before.endswith("\n") else ""
        self._save(arguments.path, f"{before}{between}{arguments.text}")
        return f"Added to {arguments.path} ({_size(self._files[arguments.path])})."

    @operation(changes=True, minutes=0.5)
    def move(self, actor: str, arguments: TwoPaths) -> str:
        """Move a file to another folder, or give it another name."""
        del actor
        path = self._existing(arguments.path)
        self._check_free(arguments.new_path, path)
        self._files[arguments.new_path] = self._files.pop(path)
        if path in self._written:
            self._written.remove(path)
            self._written.add(arguments.new_path)
        return f"{path} is now {arguments.new_path}."

    @operation(changes=True, minutes=0.5)
    def copy(self, actor: str, arguments: TwoPaths) -> str:
        """Copy a file to another path. The file itself stays."""
        del actor
        path = self._existing(arguments.path)
        self._check_free(arguments.new_path)
        self._save(arguments.new_path, self._files[path].text)
        return f"Copied {path} to {arguments.new_path}."

    @operation(changes=True, minutes=0.5)
    def delete(self, actor: str, arguments: OneFile) -> str:
        """Delete a file."""
        del actor
        path = self._existing(arguments.path)
        del self._files[path]
        self._written.discard(path)
        return f"Deleted {path}."

    # Paths.

    def resolve(self, arguments: Arguments) -> Arguments:
        """The paths in the spelling of the files and folders that are there.

        Raises:
            Refused: there is no such file, or none can be there.
        """
        if isinstance(arguments, TwoPaths):
            path, new = self._existing(arguments.path), self._spelled(arguments.new_path)
            if self._is_folder(new):
                new = f"{new.rstrip('/')}/{path.rpartition('/')[2]}"
            return arguments.model_copy(update={"path": path, "new_path": self._spelled(new)})
        if isinstance(arguments, Write | Append):
            path = self._spelled(arguments.path)
            self._check_place(path)
            return arguments.model_copy(update={"path": path})
        if isinstance(arguments, OneFile):
            return arguments.model_copy(update={"path": self._existing(arguments.path)})
        if isinstance(arguments, InFolder | Words):
            return arguments.model_copy(update={"folder": self._folder(arguments.folder)})
        return arguments

    def _spelled(self, path: str) -> str:
        """A path, with its beginning as existing files and folders spell it."""
        folded = path.casefold()
        same = next((p for p in self._files if p.casefold() == folded), None)
        if same is not None:
            return same
        best = 0
        spelled = path
        parts = path.split("/")
        for known in self._files:
            theirs = known.split("/")[:-1]
            shared = 0
            while shared < min(len(theirs), len(parts)) and (
                theirs[shared].casefold() == parts[shared].casefold()
            ):
                shared += 1
            if shared > best:
                best, spelled = shared, "/".join((*theirs[:shared], *parts[shared:]))
        return spelled

    def _existing(self, path: str) -> str:
        spelled = self._spelled(path)
        if spelled in self._files:
            return spelled
        if self._is_folder(spelled):
            raise Refused(f"{shortened(spelled)} is a folder; give the path of one file")
        name = spelled.rpartition("/")[2].casefold()
        like = [p for p in self._files if p.rpartition("/")[2].casefold() == name]
        hint = f"; there is {shortened(like[0])}" if like else ""
        raise Refused(f"there is no file {shortened(spelled)}{hint}")

    def _folder(self, path: str) -> str:
        spelled = self._spelled(path)
        if spelled in self._files:
            raise Refused(f"{shortened(spelled)} is a file, not a folder")
        if spelled != "/" and not self._is_folder(spelled):
            raise Refused(f"there is no folder {shortened(spelled)}")
        return spelled

    def _is_folder(self, path: str) -> bool:
        return path == "/" or any(_within(p, path) for p in self._files)

    def _check_place(self, path: str) -> None:
        """Refuses a path at which no file can be."""
        if len(path) > MAX_PATH:
            raise Refused(f"a path can have {MAX_PATH} characters")
        if self._is_folder(path):
            raise Refused(f"{shortened(path)} is a folder; give the path of a file")
        if above := next((p for p in self._files if _within(path, p)), None):
            raise Refused(f"{shortened(above)} is a file, so nothing can be in it")

    def _check_free(self, path: str, moved: str | None = None) -> None:
        if path in self._files and path != moved:
            raise Refused(f"there is a file {shortened(path)} already; choose another path")
        if path == moved:
            raise Refused(f"{shortened(path)} has this path already")
        self._check_place(path)

    def _save(self, path: str, text: str) -> None:
        self._check_place(path)
        size = len(text.encode())
        others = sum(self._files[p].size for p in self._written if p != path)
        if size > MAX_TEXT:
            raise Refused(f"a file can have {MAX_TEXT // 1_000_000} MB, and this would have more")
        if others + size > MAX_ALL or (path not in self._files and len(self._files) >= MAX_FILES):
            raise Refused("the disk is full; delete what is not needed")
        self._files[path] = StoredFile(text, self.clock.now)
        self._written.add(path)

    # For facts, judges and people.

    def state(self) -> dict[str, Any]:
        """Path to each file's text, and when it was changed."""
        return {
            path: {"text": file.text, "modified": file.modified and file.modified.isoformat()}
            for path, file in self._files.items()
        }

    def settings(self) -> dict[str, str | int]:
        """Path to `unchanged`, `changed` or `deleted`; or `new` for one that was not there."""
        states: dict[str, str | int] = dict.fromkeys(self._start, "deleted")
        for path, file in self._files.items():
            if path not in self._start:
                states[path] = "new"
            else:
                states[path] = "unchanged" if file.text == self._start[path] else "changed"
        return states

    def view(self, event: Event) -> EventView:
        """The path, and the text that was written."""
        given = super().view(event)
        if event.operation not in self.titles:
            return given
        rows = {"File": given.rows.get("path", ""), "New path": given.rows.get("new_path", "")}
        shown = {label: value for label, value in rows.items() if value}
        return EventView(given.title, shown, given.rows.get("text", ""))


def _within(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/") and path != folder


def _line(path: str, file: StoredFile) -> str:
    changed = f"  {file.modified:%a %d %b %Y, %H:%M}" if file.modified else ""
    return f"{path}  {_size(file)}{changed}"


def _size(file: StoredFile) -> str:
    return _count(file.size, "byte") if file.size < 1000 else f"{file.size / 1000:.1f} KB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
