"""YAML files read into pydantic models, with errors that name file, line and key."""

from __future__ import annotations

import contextlib
import os
import stat
import warnings
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cornered.errors import CorneredError
from cornered.nearest import did_you_mean, nearest_path
from cornered.quickyaml import Unsure, load_plain

M = TypeVar("M", bound=BaseModel)


MAX_YAML = 1_000_000
"""Characters of a YAML text."""
MAX_PARTS = 20_000
"""Lines, and commas, of a YAML text that is read by ruamel: a second for 5,000."""
MAX_VALUES = 100_000
"""Values of a YAML text, with each alias counted as what it stands for."""
MAX_LEVELS = 60
"""Collections within collections."""
MAX_NUMBER = 10**30
SHELL_PIPES = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
MAX_TEXT = 1_000_000_000
"""Bytes of any text file that is read whole."""

_PLAIN_TAGS = {None, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}

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
    if text.count(",") > MAX_PARTS or text.count("\n") > MAX_PARTS:
        raise error(f"has more than {MAX_PARTS} lines or commas", where=str(path), fix="split it")
    if len(text) > MAX_YAML:
        raise error(
            f"has {len(text) / 1e6:.1f} million characters, and YAML can have "
            f"{MAX_YAML / 1e6:g} million",
            where=str(path),
            fix="split it, or shorten it",
        )
    yaml = YAML(typ="rt")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning would show the text as it is
            tree = yaml.load(text)
        _check_tree(tree)
        return tree
    except _OddTreeError as e:
        raise error(e.what, where=f"{path}:{e.line + first_line}", fix=e.fix) from None
    except MarkedYAMLError as e:
        line = (e.problem_mark.line if e.problem_mark else 0) + first_line
        problem = (e.problem or "not readable as YAML").splitlines()[0]
        raise error(problem, where=f"{path}:{line}", fix="correct the YAML there") from None
    except RecursionError:
        raise error("is nested too deeply", where=str(path), fix="make it flatter") from None
    except MemoryError:
        raise error("is too large for the memory", where=str(path), fix="shorten it") from None
    # ruamel raises plain Python errors for impossible dates, numbers or nesting.
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError) as e:
        problem = (str(e) or type(e).__name__).splitlines()[0]
        raise error(
            f"not readable as YAML: {problem}", where=str(path), fix="correct the YAML"
        ) from None


class _OddTreeError(Exception):
    def __init__(self, what: str, line: int, fix: str) -> None:
        self.what, self.line, self.fix = what, line, fix


def _check_tree(root: Any) -> None:
    """Checks that a tree, its aliases written out, is of a bounded size and of plain values.

    Each node is visited once, so that aliases of aliases take no time here.

    Raises:
        _OddTreeError: where and why it is not.
    """
    sizes: dict[int, tuple[int, int]] = {}  # of each collection: its values, and its levels
    _measure(root, 0, sizes, set())


def _measure(
    tree: Any, line: int, sizes: dict[int, tuple[int, int]], above: set[int]
) -> tuple[int, int]:
    """The number of values in a part of a tree, aliases written out, and of its levels."""
    if not isinstance(tree, Mapping | list):
        _check_scalar(tree, line)
        return 1, 0
    if id(tree) in sizes:
        return sizes[id(tree)]
    line = getattr(getattr(tree, "lc", None), "line", None) or line
    if id(tree) in above:
        raise _OddTreeError("an alias stands within what it names", line, "write it out")
    if getattr(getattr(tree, "tag", None), "value", None) not in _PLAIN_TAGS:
        raise _OddTreeError("a tag has no meaning here", line, "leave it out")
    if len(above) >= MAX_LEVELS:
        raise _OddTreeError("is nested too deeply", line, "make it flatter")
    above.add(id(tree))
    count, depth = 1, 0
    if isinstance(tree, Mapping):
        for key in tree:
            if isinstance(key, tuple | list | Mapping):
                raise _OddTreeError("a key must be a word", line, "put it in quotes")
            _check_scalar(key, line)
        if len({str(key) for key in tree}) < len(tree):
            raise _OddTreeError("two keys are the same word", line, "remove one of them")
    for part in tree.values() if isinstance(tree, Mapping) else tree:
        values, levels = _measure(part, line, sizes, above)
        count, depth = count + values, max(depth, levels + 1)
        if count > MAX_VALUES:
            raise _OddTreeError(
                f"its aliases stand for more than {MAX_VALUES} values", line, "use fewer of them"
            )
    above.remove(id(tree))
    if len(above) + depth > MAX_LEVELS:
        raise _OddTreeError("is nested too deeply", line, "make it flatter")
    sizes[id(tree)] = count, depth
    return count, depth


def _check_scalar(value: Any, line: int) -> None:
    if not isinstance(value, str | int | float | date | None) or isinstance(value, TaggedScalar):
        raise _OddTreeError("a tag has no meaning here", line, "leave it out, or use quotes")
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        digits = int(value.bit_length() * 0.30103) + 1
        raise _OddTreeError(
            f"a number has {digits} digits", line, "put it in quotes, if it is a text"
        )


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
    if isinstance(given, str):
        return f"{message}, not '{given}'"  # what cannot be seen in it is shown where it is printed
    return f"{message}, not {given!r}" if isinstance(given, int | float) else message


def _keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that a part of a document may have, sorted; none where that cannot be told.

    Args:
        model: What the whole document is.
        loc: The path to the part; names of variants of unions in it are passed over.
    """
    models = [model]
    for step in loc:
        fields = [one.model_fields[step] for one in models if step in one.model_fields]
        if fields:
            models = [inner for field in fields for inner in _models_in(field.annotation)]
        elif models and all(issubclass(one, RootModel) for one in models):
            fields = [field for one in models for field in one.model_fields.values()]
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return sorted(
        {field.alias or name for one in models for name, field in one.model_fields.items()}
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type is made of, in lists, mappings and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _is_list(model: type[BaseModel]) -> bool:
    """Whether a file of this model is a list."""
    root = model.model_fields.get("root") if issubclass(model, RootModel) else None
    return root is not None and get_origin(root.annotation) is list


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
        error: not YAML, not a mapping (or a list), or a key that is unknown, missing or wrong;
            the message has file, line and key of the first such mistake.
    """
    # Lines of keys are needed for errors only.
    with contextlib.suppress(Unsure, ValidationError, RecursionError):
        wanted = list if _is_list(model) else dict
        if len(text) <= MAX_YAML and isinstance(quick := load_plain(text), wanted):
            return model.model_validate(quick, context=context)
    tree = parse_yaml(text, path=path, error=error, first_line=first_line)
    if _is_list(model) and not isinstance(tree, CommentedSeq):
        raise error("expected a list", where=f"{path}:{first_line}", fix="begin items with `- `")
    if not _is_list(model) and not isinstance(tree, CommentedMap):
        raise error(
            "expected keys and values",
            where=f"{path}:{first_line}",
            fix="write one `key: value` per line",
        )
    try:
        return model.model_validate(plain(tree), context=context)
    except RecursionError:
        raise error("is nested too deeply", where=str(path), fix="make it flatter") from None
    except ValidationError as e:
        raise _first_mistake(e, tree, model, path, error, first_line) from None


def _first_mistake(
    mistakes: ValidationError,
    tree: CommentedMap | CommentedSeq,
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
    fix = "correct it there"
    if first["type"] == "extra_forbidden":
        known = _keys_at(model, tuple(first["loc"][:-1]))
        near = did_you_mean(str(loc[-1]), known) if loc else None
        if known:
            fix = near or f"known keys are {', '.join(known)}"
    return error(
        f"{_written(loc) or 'file'}: {_mistake(first)}{more}",
        where=f"{path}:{line + first_line}",
        fix=fix,
    )


def read_model(path: Path, model: type[M], *, error: type[CorneredError], context: Any = None) -> M:
    """A YAML file as a pydantic model; arguments and errors as in `parse_model`."""
    text = read_text(path, error=error)
    return parse_model(text, model, path=path, error=error, context=context)


def read_text(path: Path, *, error: type[CorneredError]) -> str:
    """A UTF-8 file.

    It must be a regular file: a pipe or a device may never end. A pipe that the shell makes,
    as for `<(command)`, is read.

    Raises:
        error: there is no such file, it is none to read, it is too large, or it is not UTF-8.
    """
    try:
        return _read(path, error).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        near = nearest_path(path)
        fix = f"did you mean {near}?" if near else None
        raise error("no such file", where=str(path), fix=fix) from None
    except (UnicodeEncodeError, ValueError) as e:  # a name with a surrogate or a NUL in it
        if isinstance(e, UnicodeDecodeError):
            raise error(
                f"not UTF-8 (byte {e.start})", where=str(path), fix="save it as UTF-8"
            ) from None
        raise error("no file can have this name", where=str(path)) from None
    except IsADirectoryError:
        raise error("is a folder, a file was expected", where=str(path)) from None
    except OSError as e:
        raise error(e.strerror or str(e), where=str(path)) from None


def _read(path: Path, error: type[CorneredError]) -> bytes:
    """The bytes of a file; opening it waits for nobody."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode):
            if not str(path).startswith(SHELL_PIPES):
                raise error("is no regular file", where=str(path), fix="name a file of text")
            os.set_blocking(handle, True)
        data = file.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise error(f"has more than {MAX_TEXT / 1e9:g} GB", where=str(path))
    return data
