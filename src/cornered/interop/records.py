"""The records of a file of stored answers: one JSON object a line, however ugly the file."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_LINE = 16_000_000
"""Bytes of a line; a longer one is named and not read."""
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = r"\s*:\s*\"((?:[^\"\\]|\\.){1,200})\""


@dataclass(frozen=True)
class Record:
    """One line of a file, or one item of a list in it."""

    place: str
    """The number of its line, from 1; with the item of a list where the line holds one."""
    value: Mapping[str, Any]
    """Where it could not be read: the texts of `id`, `model`, `scenario` and `condition`, as far as
    they can be made out."""
    problem: str | None = None
    """Why it could not be read; None where it could."""
    repaired: bool = False
    """Whether half characters (lone surrogates) were replaced in it."""


def read_records(data: bytes) -> Iterator[Record]:
    """Every record of a file, in order; empty lines are skipped, and no line stops the others.

    Read are UTF-8 with or without a byte order mark, UTF-16 and UTF-32; lines that end in LF,
    CRLF or CR; a line with a list of objects; a file that is one JSON value over many lines.
    """
    data = _as_utf8(data)
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    lines = data.split(b"\n")
    first = next((line for line in lines if line.strip()), b"")
    if first.strip()[:1] in (b"[", b"{") and _problem(first) and len(data) <= LONGEST_LINE:
        try:
            whole = _loads(data)
        except (ValueError, RecursionError):
            pass
        else:
            # Not the records of several lines, which would be no JSON together.
            items = whole if isinstance(whole, list) else [whole]
            yield from (_record(str(number), item) for number, item in enumerate(items, 1))
            return
    for number, line in enumerate(lines, 1):
        if line.strip(b" \t\r\0\xef\xbb\xbf"):
            yield from _read_line(str(number), line)


def _as_utf8(data: bytes) -> bytes:
    """UTF-16 and UTF-32 as UTF-8; anything else unchanged."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    if encoding is None and data[:4].count(0) == 2 and len(data) > 3:
        encoding = "utf-16-le" if data[1] == 0 and data[3] == 0 else "utf-16-be"
    if encoding is None:
        return data.removeprefix(codecs.BOM_UTF8)
    return data.decode(encoding, errors="replace").encode("utf-8", errors="replace")


def _problem(line: bytes) -> str | None:
    try:
        _loads(line)
    except (ValueError, RecursionError) as e:
        return str(e)
    return None


def _loads(data: bytes) -> Any:
    """A JSON value; control characters in strings are read.

    Raises:
        ValueError: it is none, or gives a key twice with different values.
        RecursionError: it is nested too deeply.
    """
    return json.loads(data.decode("utf-8-sig"), strict=False, object_pairs_hook=_once)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value and value[key] != item:
            raise ValueError(f"gives {key!r:.40} twice")
        value[key] = item
    return value


def _read_line(place: str, line: bytes) -> Iterator[Record]:
    if len(line) > LONGEST_LINE:
        problem = f"has {len(line):,} bytes; at most {LONGEST_LINE:,} are read"
        yield Record(place, _salvaged(line[:100_000]), problem)
        return
    try:
        value = _loads(line)
    except UnicodeDecodeError as e:
        yield Record(place, _salvaged(line), f"is not UTF-8 (at byte {e.start + 1})")
    except RecursionError:
        yield Record(place, _salvaged(line), "is nested too deeply")
    except ValueError as e:
        why = str(e)
        problem = why if why.startswith("gives ") else f"is not JSON ({why[:200]})"
        yield Record(place, _salvaged(line), problem)
    else:
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value, 1):
                yield _record(f"{place}[{number}]", item)
        else:
            yield _record(place, value)


def _record(place: str, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(place, {}, "is not a JSON object")
    try:
        whole = _without_halves(value)
    except RecursionError:
        return Record(place, {}, "is nested too deeply")
    return Record(place, whole, repaired=whole is not value)


def _without_halves(value: Any) -> Any:
    """The value with lone surrogates replaced; the value itself where it has none."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value) if _SURROGATE.search(value) else value
    if isinstance(value, list):
        items = [_without_halves(item) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if isinstance(value, dict):
        pairs = [(_without_halves(k), _without_halves(v)) for k, v in value.items()]
        same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)
    return value


def _salvaged(line: bytes) -> dict[str, Any]:
    """What a broken line says of its trial, so that it counts in the right cell."""
    text = line.decode("utf-8", errors="replace")
    known: dict[str, Any] = {}
    for key in ("id", "model", "scenario", "condition"):
        if m := re.search(rf"\"{key}\"{_STRING}", text):
            try:
                known[key] = _without_halves(json.loads(f'"{m[1]}"', strict=False))
            except ValueError:
                continue
    if "id" not in known and (m := re.search(r"\"id\"\s*:\s*(\d{1,18})\b", text)):
        known["id"] = m[1]
    return known
