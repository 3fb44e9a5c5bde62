"""The copy of its packs that a run keeps in `RUN/packs`, and what it says of their versions.

With it a run is read in any place: reported, compared, audited, scored again. A run of version
0.1.0 has none and is read with the packs that are installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from cornered.analysis.card import rubric_version
from cornered.errors import FactorError, PackError, RunError
from cornered.experiment import Experiment
from cornered.files import write_bytes
from cornered.run.manifest import Copies, Manifest, Origin, read_manifest
from cornered.scenario import Pack
from cornered.scenario.library import (
    ALIASES,
    COPIES,
    files_version,
    gold_files,
    pack_files,
    pack_folder,
    pack_names,
    text_files,
)

LISTED = 3
"""Changed files that a sentence names."""


def copy_packs(folder: Path, packs: Mapping[str, Pack]) -> Copies:
    """Copies packs, with what they share and their gold answers, into a run folder.

    Args:
        folder: The run folder; it must exist.
        packs: The packs, by their scenario as the experiment names it.

    Returns:
        What was copied.

    Raises:
        RunError: two packs come with different shared texts.
        OSError: a file cannot be written.
    """
    names = {scenario: pack.name for scenario, pack in packs.items()}
    files: dict[str, str] = {}
    for pack in packs.values():
        for root, name in ((pack.folder, pack.name), (pack.shared, pack.shared.name)):
            for path in (*text_files(root), *gold_files(root)):
                place = PurePosixPath(name, path.relative_to(root).as_posix())
                data = path.read_bytes()
                digest = hashlib.sha256(data).hexdigest()
                if files.setdefault(str(place), digest) != digest:
                    raise RunError(
                        f"the packs are of two versions, which share {place}",
                        where=str(folder),
                        fix="use all of one version: `--pack current` or `--pack run`",
                    )
                _write(folder / COPIES / place, data)
    return Copies(names=names, files=files)


def _write(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)


def check_names(packs: Mapping[str, Pack]) -> None:
    """Checks that no two packs have one name, which their conditions would share.

    Raises:
        RunError: two have.
    """
    scenarios: dict[str, str] = {}
    for scenario, pack in packs.items():
        other = scenarios.setdefault(pack.name, scenario)
        if other != scenario:
            raise RunError(
                f"{other} and {scenario} are both called {pack.name}",
                fix="rename the folder of one, or run them apart",
            )


def readable(folder: Path, manifest: Manifest) -> Experiment:
    """The experiment of a run, its scenarios named so that they can be loaded from anywhere.

    A pack that is here, unchanged, is read where it is; any other from the run's own copy.

    Raises:
        RunError: a copied file was changed or is missing; or a run without copies has a pack that
            is not here.
    """
    if manifest.copies:
        _check_copies(folder, manifest.copies)
    named = {name: _place(folder, manifest, name) for name in manifest.experiment.scenarios}
    return manifest.experiment.model_copy(update={"scenarios": list(named.values())})


def _place(folder: Path, manifest: Manifest, scenario: str) -> str:
    files = present_files(scenario)
    if files is not None and files == manifest.packs.get(scenario):
        return scenario
    if manifest.copies and scenario in manifest.copies.names:
        return str((folder / COPIES / manifest.copies.names[scenario]).resolve())
    if files is None:
        raise RunError(
            f"its scenario {scenario} is not here, and the run has no copy of it",
            where=str(folder),
            fix="go to the folder in which it was run, or put the pack back",
        )
    return scenario


def present_files(scenario: str) -> dict[str, str] | None:
    """The files of a pack as it is now; None where it is not here."""
    try:
        return pack_files(pack_folder(scenario))
    except (FactorError, PackError, OSError):
        return None


def _check_copies(folder: Path, copies: Copies) -> None:
    root = folder / COPIES
    for file in (*copies.files, *copies.names.values()):
        if not (root / file).resolve().is_relative_to(root.resolve()):
            raise RunError(f"names {file}, which is outside it", where=str(folder / "run.json"))
    for file, digest in copies.files.items():
        try:
            same = hashlib.sha256((root / file).read_bytes()).hexdigest() == digest
        except FileNotFoundError:
            raise RunError("a file of the run is missing", where=str(root / file)) from None
        except OSError as e:
            raise RunError(e.strerror or str(e), where=str(root / file)) from None
        if not same:
            raise RunError(
                "the run's own copy of this file has been changed",
                where=str(root / file),
                fix="undo that; `cornered score RUN --pack FOLDER` scores by another pack",
            )


def changed_files(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The files that differ between two versions of a pack, sorted."""
    return sorted(file for file in {*old, *new} if old.get(file) != new.get(file))


def origin(folder: Path, manifest: Manifest) -> Origin:
    """The texts and versions under which the trials of a run ran."""
    if manifest.origin:
        return manifest.origin
    if manifest.rescored:  # made by version 0.1.0, which kept no note of that
        try:
            of_run = read_manifest(folder.parent.parent)
        except RunError:
            pass
        else:
            return Origin(packs=of_run.packs, versions=of_run.versions)
    return Origin(packs=manifest.packs, versions=manifest.versions)


@dataclass(frozen=True)
class Versions:
    """The versions of what trials ran under, or verdicts were made with."""

    packs: dict[str, str]
    """By the name of a pack, the version of its texts."""
    rubrics: dict[str, str]
    """By the name of a pack, the version of its rubric."""
    cornered: str | None
    """None where it is not recorded."""


def versions_of(of: Origin, manifest: Manifest) -> Versions:
    """The versions in one part of a manifest."""
    named = {name_of(scenario, manifest): files for scenario, files in of.packs.items()}
    return Versions(
        {name: files_version(files) for name, files in named.items()},
        {name: rubric_version(files) for name, files in named.items()},
        of.versions.get("cornered"),
    )


def verdict_versions(manifest: Manifest) -> Versions:
    """The versions that the verdicts of a run were made with."""
    return versions_of(Origin(packs=manifest.packs, versions=manifest.versions), manifest)


def trial_versions(folder: Path, manifest: Manifest) -> Versions:
    """The versions that the trials of a run ran under."""
    return versions_of(origin(folder, manifest), manifest)


def name_of(scenario: str, manifest: Manifest) -> str:
    """The name of the pack of a scenario, which is named as in the experiment."""
    if manifest.copies and scenario in manifest.copies.names:
        return manifest.copies.names[scenario]
    if scenario in pack_names() or scenario in ALIASES:
        return ALIASES.get(scenario, scenario)
    return PureWindowsPath(scenario).name  # splits at both kinds of slash


def version_notes(folder: Path, manifest: Manifest) -> list[str]:
    """What a reader must know of the versions of a run, a sentence each.

    Verdicts that were made with other texts, or by another version of cornered, than the trials
    ran under; and packs that have changed since.
    """
    before, notes = origin(folder, manifest), []
    for scenario, files in manifest.packs.items():
        name = name_of(scenario, manifest)
        if changed := changed_files(before.packs.get(scenario, files), files):
            old = before.packs[scenario]
            notes.append(
                f"These verdicts were made with another version of {name}: its texts were "
                f"{files_version(old)} when the trials ran and {files_version(files)} when they "
                f"were scored ({_listed(changed)}); the rubric "
                + (
                    "is the same."
                    if rubric_version(old) == rubric_version(files)
                    else f"was {rubric_version(old)} and is {rubric_version(files)}."
                )
            )
    then = "these verdicts were made" if manifest.rescored else "the trials ran"
    ran, scored = before.versions.get("cornered"), manifest.versions.get("cornered")
    if ran != scored:
        notes.append(f"These verdicts were made by cornered {scored}; the trials ran under {ran}.")
    for scenario, files in manifest.packs.items():
        now = present_files(scenario)
        changed = changed_files(files, now) if now else []
        if changed:
            read = (
                "the run's own copy is read"
                if manifest.copies
                else "the run has no copy, so the present texts are read"
            )
            notes.append(
                f"The pack {name_of(scenario, manifest)} has changed since {then} "
                f"({_listed(changed)}); {read}."
            )
    return notes


def _listed(files: list[str]) -> str:
    more = f" and {len(files) - LISTED} more" if len(files) > LISTED else ""
    return ", ".join(files[:LISTED]) + more
