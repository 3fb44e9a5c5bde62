"""Apps of a world, and their operations."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from cornered.errors import PackError
from cornered.ledger import Event
from cornered.scenario import Scene
from cornered.world.arguments import well_formed
from cornered.world.clock import WorldClock
from cornered.world.machine import Machine

MAX_QUOTED = 200
"""Characters of an actor's own text that a result repeats."""


class Arguments(BaseModel):
    """The arguments of an operation; validation normalises them.

    A field of a type `SkipJsonSchema[…]` is filled in by the app: agents are not offered it, and
    cannot give it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def offered(cls) -> tuple[str, ...]:
        """The names of the arguments that an actor can give."""
        return tuple(name for name in cls.model_fields if name in _parameters(cls)["properties"])

    @property
    def takes(self) -> float:
        """Minutes that these arguments ask for, beside those of the operation."""
        return 0.0

    def missing(self) -> str | None:
        """What is missing to carry the operation out, in words; None if nothing is."""
        return None


WANTED: Mapping[str, str] = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple": "text, or a list of texts",
    "list": "text, or a list of texts",
}
"""The first word of a kind of error of pydantic, to the form that is wanted."""


class Refused(Exception):
    """The operation cannot be carried out; the message is the actor's result."""


@dataclass(frozen=True)
class Outcome:
    """What came of an operation that cannot be done again, such as a command in a shell."""

    result: str
    """The result, as the actor sees it."""
    effects: Mapping[str, Any]
    """What it brought about, as plain values; the event keeps it, and a replay takes it from
    there."""


@dataclass(frozen=True)
class Operation:
    """An operation of an app."""

    name: str
    """Full name: app and operation, such as `mail.send`."""
    arguments: type[Arguments]
    """The type of its arguments."""
    changes: bool
    """Whether it changes the state of the world."""
    help: str
    """What it does, for the agent."""
    method: str
    """The method of the app that carries it out."""
    looks: bool = False
    """Whether it only looks: nothing of it reaches anybody, though a mail may then be read."""
    shows: bool = False
    """Whether its result shows what the place holds, so that the agent can meet it there."""
    minutes: float = 1.0
    """How long it takes, on the clock of the world."""
    offered: bool = True
    """Whether it is for the agent; other operations are the world's own."""

    def parse(self, given: Mapping[str, Any]) -> Arguments:
        """The arguments, normalised.

        Raises:
            Refused: an argument is unknown, malformed or missing.
        """
        for name in given:
            if name in self.arguments.model_fields and name not in self.arguments.offered():
                raise Refused(self._unknown(name))
        try:
            arguments = self.arguments.model_validate(dict(given))
        except ValidationError as e:
            raise Refused(self._problem(e.errors(include_url=False)[0])) from None
        missing = arguments.missing()
        if missing is not None:
            raise Refused(missing)
        return arguments

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of its arguments: `properties`, each with a description; `required`.

        What must be given comes first. A default is told in the description alone. Do not change
        it.
        """
        return _parameters(self.arguments)

    def _problem(self, error: ErrorDetails) -> str:
        """What is wrong with an argument, for the actor."""
        name = _one_line(str(error["loc"][0])) if error["loc"] else ""
        if error["type"] == "extra_forbidden":
            return self._unknown(name)
        if error["type"] == "missing":
            return f"{name} is missing; {self.name} takes {self._takes()}"
        if error["type"] == "value_error":
            return f"{name}: {_one_line(error['msg'].removeprefix('Value error, '))}"
        if name not in self.arguments.model_fields:
            return f"arguments are given by name; {self.name} takes {self._takes()}"
        kind = error["type"].partition("_")[0]
        return f"{name} must be {WANTED.get(kind, 'something else')}"

    def _unknown(self, name: str) -> str:
        return f"there is no argument {name}; {self.name} takes {self._takes()}"

    def _takes(self) -> str:
        return ", ".join(self.arguments.offered()) or "no arguments"


@cache
def _parameters(arguments: type[Arguments]) -> dict[str, Any]:
    schema = arguments.model_json_schema()
    fields, required = schema.get("properties", {}), schema.get("required", [])
    properties = {
        name: {"description": name.replace("_", " ").capitalize()}
        | {key: value for key, value in fields[name].items() if key not in ("title", "default")}
        for name in dict.fromkeys((*required, *fields))
    }
    return {"properties": properties, "required": required}


@dataclass(frozen=True)
class Enclosed:
    """Content enclosed in an event, such as a forwarded mail."""

    title: str
    summary: str
    """One line of text."""
    rows: dict[str, str]
    body: str


@dataclass(frozen=True)
class EventView:
    """An event as people and judges see it."""

    title: str
    """The kind of event, such as `Mail sent`."""
    rows: dict[str, str]
    """Label to argument, without empty ones."""
    body: str = ""
    """The text of the message; empty for other events."""
    enclosed: tuple[Enclosed, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    """Label to what the world itself knows of the event, whatever the actor wrote: the sender of a
    mail, and whom each address reaches."""


@dataclass(frozen=True)
class Due:
    """Something that happens by itself: an operation of the world, or of a person."""

    actor: str
    operation: str
    """Full name."""
    arguments: Mapping[str, Any]


C = TypeVar("C")
M = TypeVar("M", bound=Callable[..., str | Outcome | Awaitable[Outcome]])
_MARK = "operation"
"""The attribute of a method that is an operation."""


def operation(
    *,
    changes: bool,
    looks: bool | None = None,
    shows: bool | None = None,
    minutes: float = 1.0,
    offered: bool = True,
) -> Callable[[M], M]:
    """Marks a method of an app as an operation.

    The method takes the actor and the arguments (an `Arguments`), and returns the result as the
    actor sees it; where it cannot be done again, an `Outcome`, and it may wait for it. Its
    docstring is the operation's help.

    Args:
        changes: Whether the operation changes the state of the world.
        looks: Whether it only looks; where None, whether it changes nothing.
        shows: Whether its result shows what the place holds; where None, whether it only looks.
        minutes: How long it takes, on the clock of the world.
        offered: Whether it is for the agent.
    """

    def mark(method: M) -> M:
        only_looks = not changes if looks is None else looks
        method.__dict__[_MARK] = {
            "changes": changes,
            "looks": only_looks,
            "shows": only_looks if shows is None else shows,
            "minutes": minutes,
            "offered": offered,
        }
        return method

    return mark


class App:
    """A part of a world, with its own state and operations."""

    name: ClassVar[str]
    operations: ClassVar[dict[str, Operation]]
    """Full name to operation."""
    titles: ClassVar[Mapping[str, str]] = {}
    """Operation to how people and judges are told of it; others go by their name."""
    clock: WorldClock
    """The clock of the world; the world sets it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.operations = {
            f"{cls.name}.{name}": Operation(
                name=f"{cls.name}.{name}",
                arguments=get_type_hints(method)["arguments"],
                help=" ".join((inspect.getdoc(method) or "").split()),
                method=name,
                **method.__dict__[_MARK],
            )
            for name, method in vars(cls).items()
            if callable(method) and _MARK in getattr(method, "__dict__", {})
        }

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The app at the start of a trial.

        Raises:
            PackError: the pack's file for the app is malformed.
        """
        raise NotImplementedError

    @classmethod
    def content(cls, scene: Scene, form: TypeAdapter[C], nothing: C, *, fix: str) -> C:
        """What the pack's file for the app holds.

        Args:
            scene: The initial state.
            form: What the file must be.
            nothing: What it is where the pack has none.
            fix: What the file has, for errors.

        Raises:
            PackError: the file is malformed.
        """
        if cls.name not in scene.apps:
            return nothing
        try:
            return form.validate_python(scene.apps[cls.name])
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            # Where one of several models can stand, its name is in the place, and in no file.
            key = ".".join(str(part) for part in first["loc"] if not str(part).endswith("Spec"))
            raise PackError(f"{cls.name}: {key}: {first['msg']}", fix=fix) from None

    def resolve(self, arguments: Arguments) -> Arguments:
        """The arguments, completed from the app's state, such as with the mail meant by a number.

        Raises:
            Refused: they refer to something that does not exist.
        """
        return arguments

    def expand(self, operation: Operation, arguments: Arguments) -> tuple[Operation, Arguments]:
        """The operation that this one comes to, with its arguments resolved.

        To send a draft is to send the mail in it: that is what is done, recorded and judged.

        Raises:
            Refused: as `resolve`.
        """
        return operation, self.resolve(arguments)

    def due(self) -> Due | None:
        """The next thing that happens by itself now, such as a mail that arrives; None if nothing.

        The world asks after each event of the agent, and does it.
        """
        return None

    def heard(self, event: Event) -> None:
        """Hears of an event of any app, so that something may come of it later.

        Not called in a replay, where what came of an event is an event too.
        """

    @classmethod
    def check(cls, sandbox: str) -> None:
        """Checks that this computer has what the app needs, before any trial.

        Args:
            sandbox: The provider of the sandboxes of the trials, by its name.

        Raises:
            ModelError: something is missing.
        """

    def rehearsal(self) -> Iterator[str]:
        """What an agent is shown by the app, turn by turn, beside its files; for a plan."""
        return iter(())

    async def begin(self, machine: Machine | None) -> None:
        """Prepares what lies outside of the world, such as the files of a sandbox.

        Not called in a replay, nor where a world is only looked at.

        Args:
            machine: The machine of the trial; None where it has none.
        """

    async def finish(self) -> Due | None:
        """Ends what lies outside; what had changed there unseen, as something to be done."""
        return None

    async def witness(self, event: Event) -> Mapping[str, Any]:
        """What the app saw of an event of another app that cannot be done again.

        It stands in the event's effects, under the name of this app. Not called in a replay.

        Args:
            event: The event, with its effects; it is not in the ledger yet.
        """
        del event
        return {}

    def recall(self, event: Event) -> None:
        """Takes what an event with effects brought about into the state, live and in a replay.

        Args:
            event: The event, of any app.
        """

    def remarks(self, event: Event) -> Mapping[str, str]:
        """What the app saw of another app's event, for people and judges: label to words.

        Args:
            event: An event with effects of this app.
        """
        del event
        return {}

    def notice(self) -> str:
        """What has changed since the agent last looked, in one line; empty if nothing."""
        return ""

    def state(self) -> dict[str, Any]:
        """The whole state as plain values; equal states give equal values."""
        raise NotImplementedError

    def settings(self) -> Mapping[str, str | int]:
        """The part of the state that facts can check: key to value."""
        return {}

    def view(self, event: Event) -> EventView:
        """An event of the app as people and judges see it."""
        rows = {key: _shown(value) for key, value in event.arguments.items()}
        named = event.operation.replace(".", " ").replace("_", " ").capitalize()
        title = self.titles.get(event.operation, named)
        return EventView(title, {key: value for key, value in rows.items() if value})


def _one_line(text: str) -> str:
    """A text of the actor's in a result: one line, of a length that can be read."""
    line = " ".join(well_formed(text).split())
    return line if len(line) <= MAX_QUOTED else f"{line[: MAX_QUOTED - 1]}…"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
