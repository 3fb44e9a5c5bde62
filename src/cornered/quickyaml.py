"""Fast reading of plain YAML by libyaml, in a tenth of ruamel's time.

Our YAML reader is ruamel, which knows YAML 1.2 and the line of each key, for errors. But it is
written in Python, and each start reads a hundred files. So documents on which both readers are
sure to agree are read by libyaml. Anything unusual (anchors, tags, merges, numbers and dates in
odd forms, repeated keys, mistakes) is left to ruamel.
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
"""Syntax on which the readers differ, or may differ."""
DEEP = 200
"""Number of brackets beyond which a document may nest too deeply: libyaml has no limit."""
STAIRS = re.compile(r"(?:[-?:] +){20}|\n {400}")
"""Blocks that may nest too deeply: `- - - -`, or far to the right."""
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
"""The beginning of numbers and dates, which ruamel has to tell apart."""
TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d|.*[^-0-9_.:+\sA-Fa-fEeIiNnOoTtXxZz].*", re.DOTALL)
"""Text in spite of such a beginning: a time without seconds, or letters of no number or date."""


class Unsure(Exception):
    """The document is not plain enough, and must be read by ruamel."""


def load_plain(text: str) -> Any:
    """A YAML 1.2 document as a dict with keys of `str`, or a list.

    Raises:
        Unsure: it is not plain enough, or not YAML.
    """
    if ODD.search(text) or text.count("[") + text.count("{") > DEEP or STAIRS.search(text):
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
    mapping: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Unsure
        name = _scalar(key, flow=inside)
        if not isinstance(name, str) or name in mapping or name in ("<<", "="):
            raise Unsure
        mapping[name] = _value(value, flow=inside)
    return mapping


def _scalar(node: Any, *, flow: bool) -> Any:
    """A scalar; a quoted one, or a block, is always text."""
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
