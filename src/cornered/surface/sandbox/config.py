"""How a sandbox of bubblewrap is made: what can be written, what is hidden, and its limits."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

MIB = 1024**2
FIXED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "proc", "dev", "run", "tmp")
"""Folders of the root that are the sandbox's own, and in which no other can be made."""
NAME = r"^[a-z][a-z0-9-]{0,31}$"


class BubblewrapConfig(BaseModel):
    """What one sandbox is like. It is hashable, and the same after a way through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roots: tuple[str, ...] = Field(default=("/home/agent",), min_length=1)
    """Folders that can be written, beside /tmp: absolute paths. The first is the home."""
    hidden: tuple[str, ...] = ()
    """Files and folders under /usr that must not be seen; those that are not there are no fault."""
    user: str = Field(default="agent", pattern=NAME)
    """Name of the user, whose number is 1000."""
    host: str = Field(default="desk", pattern=NAME)
    """Name of the machine."""
    seconds: PositiveInt = 600
    """Wall time of a command for which no other is asked, and the most that can be asked."""
    cpu: PositiveInt = 120
    """CPU seconds of a command, over all its processes."""
    memory: PositiveInt = 2048 * MIB
    """Bytes of address space of a process, and of private memory over all of a command's."""
    processes: PositiveInt = 256
    """Processes and threads at the same time."""
    file_size: PositiveInt = 64 * MIB
    """Bytes of one file."""
    disk: PositiveInt = 256 * MIB
    """Bytes of all files together."""
    files: PositiveInt = 20_000
    """Files and folders together."""
    output: PositiveInt = 256 * MIB
    """Bytes of output at which a command is ended; how many are kept is Inspect's limit."""

    @property
    def home(self) -> str:
        """The user's home: the first of the roots."""
        return self.roots[0]

    @field_validator("roots")
    @classmethod
    def _can_be_made(cls, roots: tuple[str, ...]) -> tuple[str, ...]:
        for root in roots:
            parts = _parts(root)
            if len(parts) == 1 or parts[1] in FIXED or parts[1:] == ("etc",):
                raise ValueError(f"{root} belongs to the system and cannot be a writable folder")
        return tuple(str(PurePosixPath(root)) for root in roots)

    @field_validator("hidden")
    @classmethod
    def _of_the_system(cls, hidden: tuple[str, ...]) -> tuple[str, ...]:
        for path in hidden:
            if _parts(path)[1:2] != ("usr",) or len(_parts(path)) < 3:
                raise ValueError(f"{path} cannot be hidden; only what is under /usr can be seen")
        return hidden


def _parts(path: str) -> tuple[str, ...]:
    """The parts of an absolute path.

    Raises:
        ValueError: it is not absolute, or goes up.
    """
    pure = PurePosixPath(path)
    if not pure.is_absolute() or path.startswith("//") or ".." in pure.parts or "\0" in path:
        raise ValueError(f"{path!r} is no absolute path without ..")
    return pure.parts
