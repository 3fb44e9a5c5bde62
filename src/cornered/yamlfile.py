"""YAML files read into pydantic models, with errors that name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cornered.errors import CorneredError

M = TypeVar("M", bound=BaseModel)


def parse_yaml(
    text: str, *, path: Path | str, error: type[CorneredError], first_line: int = 1
) -> Any:
    """YAML text as ruamel's round-trip tree (YAML 1.2: `on` and `none` are strings).

    Args:
        text: The YAML.
        path: Named in errors.
        error: The class to raise.
        first_line: The line of `path` on which `text` starts.

    Raises:
        error: the text is no YAML, or says one key twice.
    """
    yaml = YAML(typ="rt")
    try:
        return yaml.load(text)
    except MarkedYAMLError as e:
        line = (e.problem_mark.line if e.problem_mark else 0) + first_line
        problem = (e.problem or "not readable as YAML").splitlines()[0]
        raise error(problem, where=f"{path}:{line}", fix="mend the YAML there") from None
    except YAMLError as e:
        raise error(f"not readable as YAML: {e}", where=str(path)) from None


def _line_of(tree: Any, loc: tuple[int | str, ...]) -> int:
    """The 0-based line of the deepest part of `loc` that the tree has."""
    line = 0
    for key in loc:
        if isinstance(tree, CommentedMap) and key in tree:
            line, tree = tree.lc.key(key)[0], tree[key]
        elif isinstance(tree, CommentedSeq) and isinstance(key, int) and key < len(tree):
            line, tree = tree.lc.item(key)[0], tree[key]
    return int(line)


def plain(tree: Any) -> Any:
    """A ruamel tree as plain dicts, lists and scalars."""
    if isinstance(tree, Mapping):
        return {str(k): plain(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [plain(v) for v in tree]
    for kind in (bool, int, float, str):
        if isinstance(tree, kind):
            return kind(tree)
    return tree


def parse_model(
    text: str,
    model: type[M],
    *,
    path: Path | str,
    error: type[CorneredError],
    first_line: int = 1,
) -> M:
    """YAML text as a pydantic model.

    Raises:
        error: no YAML, not a mapping, or a key that is unknown, missing or wrong;
            the message has file, line and key of the first such mistake.
    """
    tree = parse_yaml(text, path=path, error=error, first_line=first_line)
    if not isinstance(tree, CommentedMap):
        raise error("expected keys and values", where=f"{path}:{first_line}")
    try:
        return model.model_validate(plain(tree))
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        loc = tuple(first["loc"])
        line = _line_of(tree, loc) + first_line
        key = ".".join(str(p) for p in loc) or "file"
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(model.model_fields)) if len(loc) == 1 else None
            raise error(
                f"{key}: unknown key",
                where=f"{path}:{line}",
                fix=f"known keys are {known}" if known else "remove it",
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        more = f" ({e.error_count() - 1} more)" if e.error_count() > 1 else ""
        raise error(f"{key}: {message}{more}", where=f"{path}:{line}") from None


def read_model(path: Path, model: type[M], *, error: type[CorneredError]) -> M:
    """A YAML file as a pydantic model; errors as in `parse_model`."""
    return parse_model(read_text(path, error=error), model, path=path, error=error)


def read_text(path: Path, *, error: type[CorneredError]) -> str:
    """A UTF-8 file.

    Raises:
        error: there is no such file, or it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error("no such file", where=str(path)) from None
    except IsADirectoryError:
        raise error("is a folder, a file was expected", where=str(path)) from None
    except UnicodeDecodeError as e:
        raise error(
            f"not UTF-8 (byte {e.start})", where=str(path), fix="save it as UTF-8"
        ) from None
    except OSError as e:
        raise error(e.strerror or str(e), where=str(path)) from None
