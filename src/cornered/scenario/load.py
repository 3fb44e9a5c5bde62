"""Loading a pack: its folder of Markdown and YAML, read and checked for its form.

The lint checks the content: that every cell renders, and that times and names agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, RootModel

from cornered.errors import PackError
from cornered.scenario.cast import Cast
from cornered.scenario.factors import PACKS, SHARED, Level, Vocabulary, When, vocabulary
from cornered.scenario.folder import problems
from cornered.scenario.front_matter import FRONT_MATTER, read_headed
from cornered.scenario.library import collection, pack_folder, text_files, text_states
from cornered.scenario.pack import MailFile, Pack, Rows, Table, TextFile
from cornered.scenario.personas import Persona, PersonaHead
from cornered.scenario.references import wrong_references
from cornered.scenario.spec import (
    FileHead,
    MailHead,
    PackSpec,
    PlaceSpec,
    ProbeSpec,
    RepliesSpec,
    ReplySpec,
    ShellSpec,
    Variety,
)
from cornered.yamlfile import parse_yaml, place, read_model, read_text

L = TypeVar("L", MailHead, ReplySpec)
SHELL = "shell"
"""The app whose content is more than its folder: the machine, and the checks of its files."""


def load_pack(name: str) -> Pack:
    """Loads a scenario by its name, its alias, or its folder.

    Raises:
        FactorError: there is no such scenario.
        PackError: a file of it is missing or malformed (file, line, key).
    """
    folder = pack_folder(name)
    root = collection(folder)
    _refuse(() if root == PACKS else problems(folder))
    shared = (root or PACKS) / SHARED.name
    return _load(folder, (*text_states(folder), *text_states(shared)))


def load_problems(name: str) -> list[PackError]:
    """Everything for which a scenario cannot be loaded; empty if it can.

    What a folder may not hold is told before anything in it is read, and what is wrong with
    single files before what is wrong between them.

    Raises:
        FactorError: there is no such scenario.
    """
    folder = pack_folder(name)
    if collection(folder) != PACKS and (wrong := problems(folder)):
        return wrong
    if wrong := list(_unreadable(folder)):
        return wrong
    try:
        return list(wrong_references(_read_pack(folder)))
    except PackError as e:
        return [e]


def _unreadable(folder: Path) -> Iterator[PackError]:
    """Files of a pack that cannot be read by themselves."""
    schemas: dict[str, type[BaseModel]] = {
        "pack.yaml": PackSpec,
        "cast.yaml": Cast,
        "varied.yaml": Variety,
        "probe.yaml": ProbeSpec,
        "factors.yaml": Vocabulary,
        "replies.yaml": RepliesSpec,
    }
    head_of = _heads(folder)
    for path in text_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            if name in schemas:
                read_model(path, schemas[name], error=PackError)
            elif path.suffix == ".yaml" and head_of(path) is not FileHead:
                parse_yaml(read_text(path, error=PackError), path=path, error=PackError)
            elif path.suffix != ".md" and head_of(path) is not FileHead:
                read_text(path, error=PackError)
            elif FRONT_MATTER.match(read_text(path, error=PackError)) and path.parent != folder:
                read_headed(path, head_of(path))
        except PackError as e:
            yield e


def _heads(folder: Path) -> Callable[[Path], type[BaseModel]]:
    """The schema of the front matter of each file in a folder of a pack."""
    schemas: list[tuple[Path, type[BaseModel]]] = []
    with suppress(PackError):
        spec = read_model(folder / "pack.yaml", PackSpec, error=PackError)
        schemas += [(folder / spec.personas, PersonaHead)] if spec.personas else []
        later = [one.files for one in spec.shell.deliver] if spec.shell else []
        apps = [at for app, at in spec.world.items() if app != "mail"]
        schemas += [(folder / at, FileHead) for at in (*apps, *later)]

    def of(path: Path) -> type[BaseModel]:
        return next((head for at, head in schemas if path.is_relative_to(at)), MailHead)

    return of


def _refuse(wrong: Sequence[PackError]) -> None:
    """Raises the first error, with the number of the others."""
    if wrong:
        first, more = wrong[0], len(wrong) - 1
        what = f"{first.what} (and {more} more)" if more else first.what
        raise PackError(what, where=first.where, fix=first.fix)


@lru_cache(maxsize=32)
def _load(folder: Path, state: tuple[tuple[str, int, int], ...]) -> Pack:
    """The pack in a folder; read again only when one of its files has changed."""
    del state
    pack = _read_pack(folder)
    for wrong in wrong_references(pack):
        raise wrong
    return pack


def _read_pack(folder: Path) -> Pack:
    root = collection(folder)
    shared = (root or PACKS) / SHARED.name
    varied, probe, factors = (folder / f for f in ("varied.yaml", "probe.yaml", "factors.yaml"))
    spec = read_model(folder / "pack.yaml", PackSpec, error=PackError)
    references = {v.row.partition(".")[2] for v in spec.variables.values()}
    return Pack(
        name=folder.relative_to(root).as_posix() if root else folder.name,
        folder=folder,
        spec=spec,
        cast=read_model(folder / "cast.yaml", Cast, error=PackError),
        mails=_read_mails(folder / spec.world["mail"]) if "mail" in spec.world else (),
        noise=_read_mails(folder / "noise") if "mail" in spec.world else (),
        place=_read_place(folder, shared, spec.place),
        tables={
            v.table: _read_table(folder, shared, v.table, references)
            for v in spec.variables.values()
            if v.table
        },
        apps={
            app: _read_shell(folder, spec, file) if app == SHELL else _read_app(folder, file)
            for app, file in spec.world.items()
            if app != "mail"
        },
        vocabulary=vocabulary(shared)
        | (read_model(factors, Vocabulary, error=PackError).root if factors.exists() else {}),
        variety=read_model(varied, Variety, error=PackError) if varied.exists() else None,
        questions=tuple(read_model(probe, ProbeSpec, error=PackError).questions)
        if probe.exists()
        else (),
        personas=_read_personas(folder, spec.personas) if spec.personas else {},
        shared=shared,
        arrivals=_read_arrivals(folder, spec),
        replies=_read_replies(folder, spec),
        attachments=_attachments(folder, spec.attachments),
    )


def _read_mail(path: Path) -> MailFile:
    head, body, line = read_headed(path, MailHead)
    return MailFile(path.stem, path, head, body, line)


def _read_mails(folder: Path) -> tuple[MailFile, ...]:
    return tuple(_read_mail(p) for p in sorted(folder.glob("*.md")))


class _Table(RootModel[Rows]):
    """A table of texts, such as `goals.yaml`."""


def _read_rows(path: Path) -> Rows:
    return read_model(path, _Table, error=PackError).root if path.exists() else {}


def _read_table(folder: Path, common: Path, file: str, references: set[str]) -> Table:
    shared, own = _read_rows(common / file), _read_rows(folder / file)
    shared_slots = references.union(*shared.values())
    return Table(
        rows={row: shared.get(row, {}) | own.get(row, {}) for row in {**shared, **own}},
        own={slot: row for row, slots in own.items() for slot in slots if slot not in shared_slots},
    )


def _read_app(folder: Path, name: str) -> Any:
    """The content of an app's YAML file; of its folder, every file in it."""
    path = folder / name
    if not path.is_dir():
        return parse_yaml(read_text(path, error=PackError), path=path, error=PackError)
    return [
        TextFile(file.relative_to(folder).as_posix(), file.relative_to(path).as_posix(), head)
        for file in text_files(path)
        if (head := _file_head(file))
    ]


def _read_shell(folder: Path, spec: PackSpec, name: str) -> dict[str, Any]:
    """The content of a shell: its machine, its checks, and the files of its folders."""
    shell = (spec.shell or ShellSpec()).model_dump(mode="json", exclude={"deliver"})
    deliver = spec.shell.deliver if spec.shell else []
    for key, path in (("world", name), *(("shell", one.files) for one in deliver)):
        _part(folder, key, path)
    return {
        "machine": shell,
        "files": _read_app(folder, name),
        "watch": [
            {"name": key, **watch.model_dump(mode="json", by_alias=True)}
            for key, watch in spec.watch.items()
        ],
        "deliver": [
            {
                "after": one.after,
                "notice": one.notice,
                "when": one.when.root,
                "files": _read_app(folder, one.files),
            }
            for one in deliver
        ],
    }


def _file_head(path: Path) -> FileHead:
    """The front matter of a file, which need not have any."""
    if not FRONT_MATTER.match(read_text(path, error=PackError)):
        return FileHead()
    return read_headed(path, FileHead)[0]


def _part(folder: Path, key: str, name: str) -> Path:
    """A folder of a pack that a key of `pack.yaml` names.

    Raises:
        PackError: there is no such folder.
    """
    path = folder / name
    if not path.is_dir():
        where = place(folder / "pack.yaml", key, error=PackError)
        raise PackError(f"{key}: there is no folder {name}", where=where)
    return path


def _read_arrivals(folder: Path, spec: PackSpec) -> tuple[MailFile, ...]:
    if not spec.arrivals:
        return ()
    mails = _read_mails(_part(folder, "arrivals", spec.arrivals))
    return tuple(replace(mail, head=_later(mail.head, spec, str(mail.path))) for mail in mails)


def _read_replies(folder: Path, spec: PackSpec) -> tuple[ReplySpec, ...]:
    if not spec.replies:
        return ()
    path = folder / spec.replies
    replies = read_model(path, RepliesSpec, error=PackError).root
    return tuple(_later(reply, spec, str(path)) for reply in replies)


def _later(part: L, spec: PackSpec, where: str) -> L:
    """An arrival or an automatic reply, which exists on surfaces of many turns alone.

    Raises:
        PackError: its condition names the surface of one turn.
    """
    when = part.when.root
    turns: list[Level] = [name for name in spec.surfaces if name != "text"]
    if "text" in when.get("surface", ()):
        raise PackError(
            "when: nothing arrives in surface=text, where the agent answers once",
            where=where,
            fix="leave the surface out",
        )
    surface: dict[str, list[Level]] = {"surface": when.get("surface") or turns}
    return part.model_copy(update={"when": When({**when, **surface})})


def _attachments(folder: Path, name: str) -> dict[str, str]:
    """Name of an attachment to the path of its text: `plan.pdf` to `attachments/plan.pdf.md`."""
    if not name:
        return {}
    files = sorted(_part(folder, "attachments", name).iterdir())
    texts = [path for path in files if path.suffix in (".md", ".txt")]
    return {path.stem: path.relative_to(folder).as_posix() for path in texts}


def _read_personas(folder: Path, name: str) -> dict[str, Persona]:
    files = sorted(_part(folder, "personas", name).glob("*.md"))
    return {p.stem: Persona(p.stem, p, read_headed(p, PersonaHead)[0]) for p in files}


def _read_place(folder: Path, shared: Path, spec: str | PlaceSpec) -> PlaceSpec:
    if isinstance(spec, PlaceSpec):
        return spec
    path = shared / "places" / f"{spec}.yaml"
    if not re.fullmatch(r"[\w-]+", spec) or not path.is_file():
        names = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise PackError(
            f"place: there is no place {spec}",
            where=place(folder / "pack.yaml", "place", error=PackError),
            fix=f"write it out, or name one of {', '.join(names)}",
        )
    return read_model(path, PlaceSpec, error=PackError)
