"""The scenarios that there are, by name, and the files that each consists of."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cornered.errors import FactorError, PackError
from cornered.nearest import nearest_path
from cornered.scenario.factors import PACKS, SHARED, suggest
from cornered.scenario.folder import TEXT, walk_names

ALIASES: dict[str, str] = {"leaking": "espionage", "murder": "lethal"}
"""The study's names of scenarios, to ours."""
COPIES = "packs"
"""The folder of a run that holds its copies of packs."""
GOLD = "gold"
"""The folder of a pack that holds its gold answers; no prompt depends on it."""


def pack_names() -> list[str]:
    """The names of the built-in scenarios, sorted."""
    return list(_built_in())


@lru_cache(maxsize=1)
def _built_in() -> tuple[str, ...]:
    return tuple(sorted(str(p.parent.relative_to(PACKS)) for p in PACKS.rglob("pack.yaml")))


def reading_names() -> list[str]:
    """The names of all readings, sorted."""
    return sorted(p.stem for p in (SHARED / "readings").glob("[!_]*.md"))


def pack_folder(name: str) -> Path:
    """The folder of a scenario by its name, its alias, or its folder.

    Raises:
        FactorError: there is no such scenario.
        PackError: the folder has no pack.
    """
    built_in = PACKS / ALIASES.get(name, name)
    if name in pack_names() or name in ALIASES:
        return built_in
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(PACKS) and (path / "pack.yaml").exists():
        return path
    if path.is_dir():
        if not (path / "pack.yaml").exists():
            raise _no_pack(path)
        return path.resolve()
    raise _no_scenario(name, path)


def _no_pack(path: Path) -> PackError:
    """The error about a folder that is no pack: what it is."""
    if (path / "run.json").is_file():
        what, fix = (
            "is the folder of a run, not of a scenario",
            f"`cornered report {path}` shows it",
        )
        return PackError(what, where=str(path), fix=fix)
    inner = sorted(entry.parent for entry in path.glob("*/pack.yaml"))
    one = (
        f"give one of the packs in it, such as {inner[0]}"
        if inner
        else "give the name of a scenario, or the folder of a pack; `cornered new NAME` makes one"
    )
    return PackError("not a scenario pack: it has no pack.yaml", where=str(path), fix=one)


def _no_scenario(name: str, path: Path) -> FactorError:
    """The error about a name that no scenario has, and what was meant."""
    if path.is_file():
        fix = "give the name of a scenario, or the folder of a pack"
        if path.suffix in (".yaml", ".yml"):
            fix = f"`cornered run {name}` and `cornered plan {name}` take experiments"
        return FactorError("is a file, not a scenario", where=name, fix=fix)
    near = nearest_path(path) if "/" in name else None
    if near is not None and near.is_dir():
        return FactorError("no such folder", where=name, fix=f"did you mean {near}?")
    if name.startswith((".", "/")) or name.endswith("/"):
        fix = "give the name of a scenario, or the folder of a pack"
        return FactorError("no such folder", where=name, fix=fix)
    return FactorError(
        f"there is no scenario {name}",
        fix=f"{suggest(name, pack_names())}, or the folder of a pack of your own",
    )


def collection(folder: Path) -> Path | None:
    """The folder of packs with their `shared/` that a pack belongs to.

    It is that of cornered, or the copy `RUN/packs` that a run keeps of what it used; None for a
    pack of one's own, which shares the texts of cornered.

    Args:
        folder: The folder of the pack.
    """
    if folder.is_relative_to(PACKS):
        return PACKS
    copies = (p for p in folder.parents if p.name == COPIES and (p.parent / "run.json").is_file())
    return next((p for p in copies if (p / SHARED.name).is_dir()), None)


def text_files(folder: Path) -> list[Path]:
    """The text files of a pack, sorted, without its gold answers and hidden files."""
    return [Path(path) for path, _, _ in text_states(folder)]


def gold_files(folder: Path) -> list[Path]:
    """The gold answers of a pack, and after them its gold ledgers, each sorted."""
    gold = folder / GOLD
    return [*sorted(gold.glob("*.md")), *sorted(gold.glob("*.yaml"))]


def text_states(folder: Path) -> list[tuple[str, int, int]]:
    """The path of each of `text_files`, when it was changed (ns), and its size (bytes)."""
    gold = os.path.join(folder, GOLD, "")
    found = [
        (path, os.stat(path) if stat.S_ISLNK(state.st_mode) else state)
        for path, state in walk_names(folder)
        if path.endswith(TEXT) and not stat.S_ISDIR(state.st_mode) and not path.startswith(gold)
    ]
    found.sort(key=lambda one: one[0].split(os.sep))
    return [(path, state.st_mtime_ns, state.st_size) for path, state in found]


def pack_files(folder: Path) -> dict[str, str]:
    """Path to sha256 of every text file of a pack and of what it shares, as in `Pack.files`."""
    roots = [(folder, ""), ((collection(folder) or PACKS) / SHARED.name, "shared/")]
    return {
        prefix + p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for root, prefix in roots
        for p in text_files(root)
    }


def files_version(files: Mapping[str, str]) -> str:
    """A hash of all files of a pack, 12 hex digits; it changes with any text.

    Args:
        files: Path to sha256, as in `Pack.files` or a manifest.
    """
    joined = "\n".join(f"{digest}  {name}" for name, digest in sorted(files.items()))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]
