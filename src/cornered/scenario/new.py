"""New packs: a copy of the template with its own name, date and canary."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from uuid import uuid4

from cornered.errors import PackError
from cornered.scenario.library import ALIASES, pack_names

TEMPLATE = Path(__file__).resolve().parent.parent / "template"
"""A working pack; its title, date and canary are placeholders."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_new_pack(folder: Path) -> Path:
    """Copies the template pack into a new folder.

    Args:
        folder: Must not exist; its last part is the name of the pack.

    Returns:
        The folder.

    Raises:
        PackError: the folder exists or cannot be written, or its name is not a valid pack name.
    """
    name = folder.name
    if not NAME.fullmatch(name):
        raise PackError(
            f"{name or folder} is not a name for a pack",
            fix="use lower-case letters and digits, joined with -, such as night-shift",
        )
    if name in pack_names() or name in ALIASES:
        raise PackError(f"{name} is the name of a built-in scenario", fix="choose another name")
    try:
        folder.mkdir(parents=True)
        for source in sorted(TEMPLATE.rglob("*")):
            target = folder / source.relative_to(TEMPLATE)
            if source.is_dir():
                target.mkdir()
            elif source.suffix in (".md", ".yaml"):
                shutil.copyfile(source, target)
        _fill_in(folder / "pack.yaml", name)
    except FileExistsError:
        raise PackError(
            "already exists", where=str(folder), fix="choose another name, or remove it"
        ) from None
    except OSError as e:
        raise PackError(
            f"cannot be written ({e.strerror})", where=str(folder), fix="choose another folder"
        ) from None
    return folder


def _fill_in(path: Path, name: str) -> None:
    text = path.read_text(encoding="utf-8")
    for placeholder, value in (
        ("title: Title", f"title: {name.replace('-', ' ').capitalize()}"),
        ("written: 2000-01-01", f"written: {date.today():%Y-%m-%d}"),
        (
            "cornered-canary-00000000-0000-0000-0000-000000000000",
            f"cornered-canary-{uuid4()}-{name}",
        ),
    ):
        text = text.replace(placeholder, value)
    path.write_text(text, encoding="utf-8")
