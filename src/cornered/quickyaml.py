"""YAML as plain values by libyaml: a tenth of the time that ruamel takes, for plain documents.

ruamel is what we read YAML with: it knows YAML 1.2 and the line of each key, for errors. But it
is written in Python, and a start reads a hundred files. So documents in which both readers must
agree are read by libyaml, and whatever is unusual (anchors, tags, merges, numbers and dates in odd
forms, repeated keys, mistakes) is left to ruamel.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with inspect-ai

ODD = re.compile(
    r"(?:^|[\s\[{,:-])(?:[&*]\S|!)"  # an anchor, an alias, a tag
    r"|^%|^---|^\.\.\."  # a directive, a second document
    r"|[|>][-+0-9]*(?: *#| *\n\s*(?:#|\n))"  # a block that begins with a remark
    r"|[^\n -~\xa0-\u2027\u202a-\ufefe]",  # tabs, other line ends, what is no character
    re.MULTILINE,
)
"""What readers differ on, or might."""
DEEP = 200
"""Brackets beyond which a document might nest deeply: libyaml's reader has no limit in Python."""
CONSTANTS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,8}")
DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
NUMERIC = re.compile(r"[-+]?\.?[0-9_]|[-+]?\.(?:inf|nan)", re.IGNORECASE)
"""How numbers and dates begin; which of them it is, is ruamel's to say."""
TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d|.*[^-0-9_.:+\sA-Fa-fEeIiNnOoTtXxZz].*", re.DOTALL)
"""What is no number or date all the same: minutes without seconds, or letters that none has."""


class Unsure(Exception):
    """The document is not plain enough: only ruamel knows what it means."""


def load_plain(text: str) -> Any:
    """A YAML 1.2 document as a dict with keys of `str`, or a list.

    Raises:
        Unsure: it is not plain enough, or no YAML.
    """
    if ODD.search(text) or text.count("[") + text.count("{") > DEEP:
        raise Unsure
    try:
        loader = yaml.CBaseLoader(text)
        try:
            root = loader.get_single_node()
            if isinstance(root, yaml.ScalarNode):
                raise Unsure
            return _value(root, flow=False)
        finally:
            loader.dispose()
    except (yaml.YAMLError, AttributeError, RecursionError, UnicodeError):
        raise Unsure from None


def _value(node: Any, *, flow: bool) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, flow=flow)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, flow=flow or node.flow_style) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        raise Unsure
    inside = flow or node.flow_style
    made: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Unsure
        name = _scalar(key, flow=inside)
        if not isinstance(name, str) or name in made or name in ("<<", "="):
            raise Unsure
        made[name] = _value(value, flow=inside)
    return made


def _scalar(node: Any, *, flow: bool) -> Any:
    """A scalar; one that is quoted or in a block is text, whatever it says."""
    text: str = node.value
    if node.style:
        return text
    if text in CONSTANTS:
        return CONSTANTS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text):
        return float(text)
    if day := DAY.fullmatch(text):
        return _day(*map(int, day.groups()))
    # Readers differ on a colon within a flow collection, as in {a:1}.
    if (
        (NUMERIC.match(text) and not TEXT.fullmatch(text))
        or (flow and ":" in text)
        or text in ("<<", "=")
    ):
        raise Unsure
    return text


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Unsure from None
