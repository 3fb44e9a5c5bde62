"""Plays: what a scripted model does over many turns.

A play is a graph of nodes. At each call of the model its path is replayed from the conversation,
so nothing is remembered between calls, and a retry, a resumed run or another order of trials
takes the same path.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from pydantic import Field, model_validator

from cornered.models.answers import ErrorKind, StrictModel, Words

START = "start"
"""The node that a play begins with."""
END = "end"
"""Where a play is over; it stands in `go`, and is no node."""

# A group stands in braces, `{id}`; `{{id}}` is the text `{id}`. Other braces are plain text.
_PLACEHOLDER = re.compile(r"\{(?P<literal>\{[A-Za-z_]\w*\})\}|\{(?P<group>[A-Za-z_]\w*)\}")


class Call(StrictModel):
    """A tool call; in YAML one key, the tool's name, with the arguments as its value."""

    tool: str
    """The tool's name, whether or not there is such a tool."""
    arguments: dict[str, Any] | str
    """Argument to value; or the JSON itself, right or broken, as a model would write it."""

    @model_validator(mode="before")
    @classmethod
    def _from_one_key(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ValueError("a call is one tool name with its arguments, as {mail_list: {}}")
        ((tool, arguments),) = value.items()
        arguments = {} if arguments is None else arguments
        if not isinstance(arguments, Mapping | str):
            raise ValueError(f"the arguments of {tool} must be keys and values, or a text of JSON")
        try:
            json.dumps(arguments, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError(f"an argument of {tool} is no JSON value; put it in quotes") from None
        return {"tool": str(tool), "arguments": arguments}


class Transition(StrictModel):
    """Where a play may go after an answer."""

    match: re.Pattern[str] | None = None
    """Searched in tool results and user messages since the answer; None fits everything."""
    go: str
    """The next node, or `end`."""
    p: float | None = Field(default=None, ge=0, le=1)
    """Its share of all visits; None means everything that those before it leave."""
    times: int | None = Field(default=None, gt=0)
    """Most visits to the node that it leads to; after them it no longer fits."""

    @property
    def always_fits(self) -> bool:
        """Whether it fits whatever was seen, however often."""
        return self.match is None and self.times is None

    @property
    def groups(self) -> frozenset[str]:
        """What it captures."""
        return frozenset(self.match.groupindex) if self.match else frozenset()


class Node(Words):
    """One answer of a play, and what may follow."""

    calls: list[Call] = Field(default_factory=list)
    """Tool calls, in order."""
    error: ErrorKind | None = None
    """The request fails first, for so many `times`, or always."""
    times: int | None = Field(default=None, gt=0)
    """Tries that fail; None with `error` means all of them."""
    then: list[Transition] = Field(default_factory=list)
    """Tried in order; none ends the play."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.contents > 1:
            raise ValueError("a node has only one of text, file and garbled")
        if self.times is not None and self.error is None:
            raise ValueError("`times` counts failed tries, and needs `error`")
        lasting = self.error is not None and self.times is None
        if lasting and (self.contents or self.calls or self.then):
            raise ValueError("an error without `times` never ends, so nothing can follow it")
        if not (self.contents or self.calls or lasting):
            raise ValueError('a node needs text, file, garbled or calls; text: "" says nothing')
        return self

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The groups that its words and arguments use."""
        texts = [self.text or "", self.file or "", self.reasoning or ""]
        texts += [text for call in self.calls for text in _texts(call.arguments)]
        found = (m.group("group") for text in texts for m in _PLACEHOLDER.finditer(text))
        return frozenset(group for group in found if group)


Play = dict[str, Node]
"""Name to node."""


def fill(value: Any, groups: Mapping[str, str]) -> Any:
    """A text, or a tree of JSON with texts in it, with groups in place of `{name}`."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda m: m["literal"] or groups.get(m["group"], m[0]), value)
    if isinstance(value, Mapping):
        return {key: fill(part, groups) for key, part in value.items()}
    if isinstance(value, list):
        return [fill(part, groups) for part in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


@dataclass(frozen=True)
class Step:
    """Where a play stands.

    Attributes:
        number: Answers given before this one.
        node: The node to answer from, or `end`.
        groups: What was captured on the way.
    """

    number: int
    node: str
    groups: Mapping[str, str]


def replay(
    play: Play,
    seen: Sequence[str],
    point: Callable[[int], float],
    groups: Mapping[str, str],
) -> Step:
    """The path of a play through a conversation so far.

    Args:
        play: Must be free of mistakes.
        seen: For each answer given, what came after it: tool results and user messages.
        point: From the number of an answer to the point in [0, 1) that decides what follows it.
        groups: What was captured before the play began.
    """
    node, captured, visits = START, dict(groups), Counter([START])
    for number, text in enumerate(seen):
        if node == END or not play[node].then:
            return Step(len(seen), END, captured)
        transition, found = _next(play[node].then, text, point(number), visits)
        captured |= found
        node = transition.go
        visits[node] += 1
    return Step(len(seen), node, captured)


def _next(
    then: Sequence[Transition], text: str, point: float, visits: Counter[str]
) -> tuple[Transition, dict[str, str]]:
    """The transition taken: each that fits takes its share of [0, 1), the last what is left."""
    taken = 0.0
    for transition in then:
        found = transition.match.search(text) if transition.match else None
        if transition.match and not found:
            continue
        if transition.times is not None and visits[transition.go] >= transition.times:
            continue
        taken += 1.0 if transition.p is None else transition.p
        # Shares that sum to 1 may sum to a little less as floats.
        if point < taken or transition is then[-1]:
            return transition, {k: v or "" for k, v in found.groupdict().items()} if found else {}
    raise AssertionError("the last transition fits always")


class Mistake(Exception):
    """A mistake in a play.

    Args:
        loc: The path of the part within the play.
        what: What is wrong.
        fix: What to do.
    """

    def __init__(self, loc: tuple[str | int, ...], what: str, fix: str) -> None:
        self.loc, self.what, self.fix = loc, what, fix
        super().__init__(what)


@dataclass
class _Groups:
    """The groups that are captured on every path to each node; missing: no path known yet."""

    at: dict[str, frozenset[str]] = field(default_factory=dict)

    def meet(self, node: str, groups: frozenset[str]) -> bool:
        """Takes another path to a node into account; whether that changed anything."""
        before = self.at.get(node)
        self.at[node] = groups if before is None else before & groups
        return self.at[node] != before


def check_play(play: Play, given: frozenset[str]) -> None:
    """Checks what the nodes of a play say about each other.

    Args:
        play: The play.
        given: The groups that are captured before it begins.

    Raises:
        Mistake: the first mistake.
    """
    if START not in play:
        raise Mistake((), f"there is no node {START}", "name the first node so")
    if END in play:
        raise Mistake((END,), f"{END} is no name for a node", "it ends the play, in `go`")
    for name, node in play.items():
        _check_then(name, node, play)
    groups, changed = _Groups({START: given}), [START]
    while changed:
        name = changed.pop()
        for step in play[name].then:
            if step.go != END and groups.meet(step.go, groups.at[name] | step.groups):
                changed.append(step.go)
    captured = given.union(*(step.groups for node in play.values() for step in node.then))
    for name, node in play.items():
        if name not in groups.at:
            raise Mistake((name,), "nothing leads to this node", "name it in a `go`, or remove it")
        for group in sorted(node.placeholders - groups.at[name]):
            if group in captured:
                why = f"{{{group}}} is not captured on every way to this node"
            else:
                why = f"{{{group}}} is captured by no `match`"
            raise Mistake(
                (name,), why, f"capture it with (?P<{group}>…), or write {{{{{group}}}}} for braces"
            )


def _check_then(name: str, node: Node, play: Play) -> None:
    """Checks that each transition can be taken, and that one fits always."""
    left = 1.0
    for place, step in enumerate(node.then):
        loc = (name, "then", place)
        if step.go != END and step.go not in play:
            nodes = ", ".join([*play, END])
            raise Mistake((*loc, "go"), f"there is no node {step.go}", f"there are {nodes}")
        if left <= 0:
            raise Mistake(loc, "is never reached: those before it take everything", "remove it")
        if step.p is not None:
            total = math.fsum(t.p for t in node.then if t.p is not None)
            if total > 1 + 1e-9:
                raise Mistake(loc, f"the p of these sum to {total:g}, more than 1", "lower one")
        if step.always_fits:
            left = left - step.p if step.p is not None else 0.0
            left = 0.0 if left < 1e-9 else left
    if node.then and left > 0:
        raise Mistake(
            (name, "then"), "nothing is said for when none of these fits", "add a last {go: NODE}"
        )
