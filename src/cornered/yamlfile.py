"""YAML files read into pydantic models, with errors that name file, line and key."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cornered.errors import CorneredError
from cornered.quickyaml import Unsure, load_plain

M = TypeVar("M", bound=BaseModel)


Loc = tuple[int | str, ...]
"""The path to a part of a document: keys, and list indices from 0."""


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
        error: the text is not valid YAML, or repeats a key.
    """
    yaml = YAML(typ="rt")
    try:
        return yaml.load(text)
    except MarkedYAMLError as e:
        line = (e.problem_mark.line if e.problem_mark else 0) + first_line
        problem = (e.problem or "not readable as YAML").splitlines()[0]
        raise error(problem, where=f"{path}:{line}", fix="correct the YAML there") from None
    # ruamel raises plain Python errors for impossible dates, numbers or nesting.
    except (YAMLError, ValueError, TypeError, LookupError, RecursionError) as e:
        raise error(f"not readable as YAML: {e}", where=str(path), fix="correct the YAML") from None


def _walk(tree: Any, loc: Loc) -> tuple[int, Loc]:
    """The 0-based line of the deepest part of `loc` in the tree, and the parts in the tree."""
    line, had = 0, []
    for part in loc:
        if isinstance(tree, CommentedMap) and part in tree:
            # A key from a YAML merge (`<<`) has no line of its own.
            line = tree.lc.data[part][0] if part in (tree.lc.data or {}) else line
        elif isinstance(tree, CommentedSeq) and isinstance(part, int) and part < len(tree):
            line = tree.lc.item(part)[0]
        else:
            continue
        had.append(part)
        tree = tree[part]
    return int(line), tuple(had)


def _written(loc: Loc) -> str:
    """A path for display: `rules[0].answers`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")


def place(path: Path, *loc: int | str, error: type[CorneredError]) -> str:
    """`file:line` of a part of a YAML file, or of its deepest existing ancestor.

    Raises:
        error: as `read_text` and `parse_yaml`.
    """
    tree = parse_yaml(read_text(path, error=error), path=path, error=error)
    return f"{path}:{_walk(tree, loc)[0] + 1}"


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


_PLAIN_WORDS = {
    "extra_forbidden": "unknown key",
    "missing": "this key is missing",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "list_type": "must be a list",
    "too_short": "has too few entries",
}


def _mistake(details: ErrorDetails) -> str:
    """What is wrong, in plain words."""
    kind, message = details["type"], details["msg"]
    if kind in _PLAIN_WORDS:
        return _PLAIN_WORDS[kind]
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    message = f"{message[0].lower()}{message[1:]}"
    given = details["input"]
    return f"{message}, not {given!r}" if isinstance(given, str | int | float) else message


def _known_keys(model: type[BaseModel]) -> str:
    return ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))


def parse_model(
    text: str,
    model: type[M],
    *,
    path: Path | str,
    error: type[CorneredError],
    first_line: int = 1,
    context: Any = None,
) -> M:
    """YAML text as a pydantic model.

    Args:
        text: The YAML.
        model: What it must be.
        path: Named in errors.
        error: The class to raise.
        first_line: The line of `path` on which `text` starts.
        context: Passed to the model's validators.

    Raises:
        error: not YAML, not a mapping, or a key that is unknown, missing or wrong;
            the message has file, line and key of the first such mistake.
    """
    # Lines of keys are needed for errors only.
    with contextlib.suppress(Unsure, ValidationError):
        if isinstance(quick := load_plain(text), dict):
            return model.model_validate(quick, context=context)
    tree = parse_yaml(text, path=path, error=error, first_line=first_line)
    if not isinstance(tree, CommentedMap):
        raise error(
            "expected keys and values",
            where=f"{path}:{first_line}",
            fix="write one `key: value` per line",
        )
    try:
        return model.model_validate(plain(tree), context=context)
    except ValidationError as e:
        raise _first_mistake(e, tree, model, path, error, first_line) from None


def _first_mistake(
    mistakes: ValidationError,
    tree: CommentedMap,
    model: type[BaseModel],
    path: Path | str,
    error: type[CorneredError],
    first_line: int,
) -> CorneredError:
    """The first of pydantic's errors in one line, with the number of other wrong keys."""
    by_key: dict[Loc, tuple[int, ErrorDetails]] = {}
    # Unknown keys first: an unknown key is often a missing one, misspelt.
    ordered = sorted(
        mistakes.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden"
    )
    for details in ordered:
        loc = tuple(details["loc"])
        # Parts not in the document are tags of unions, except for a missing key.
        line, had = _walk(tree, loc)
        if details["type"] == "missing":
            had = (*had, loc[-1])
        by_key.setdefault(had, (line, details))
    (loc, (line, first)), *others = by_key.items()
    more = f" (and {len(others)} more)" if others else ""
    if not loc and first["type"] == "value_error":  # the model speaks of the whole file
        return error(f"{_mistake(first)}{more}", where=f"{path}:{line + first_line}")
    unknown = first["type"] == "extra_forbidden" and len(loc) == 1
    return error(
        f"{_written(loc) or 'file'}: {_mistake(first)}{more}",
        where=f"{path}:{line + first_line}",
        fix=f"known keys are {_known_keys(model)}" if unknown else "correct it there",
    )


def read_model(path: Path, model: type[M], *, error: type[CorneredError], context: Any = None) -> M:
    """A YAML file as a pydantic model; arguments and errors as in `parse_model`."""
    text = read_text(path, error=error)
    return parse_model(text, model, path=path, error=error, context=context)


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
