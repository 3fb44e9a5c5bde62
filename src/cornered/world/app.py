"""Apps of a world, and the operations that they offer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from cornered.ledger import Event
from cornered.scenario import Scene


class Arguments(BaseModel):
    """What an operation is called with; validating normalises it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def missing(self) -> str | None:
        """What the operation lacks to be carried out, in words; None where it lacks nothing."""
        return None


class Refused(Exception):
    """The operation cannot be done; the message is what the actor is told."""


@dataclass(frozen=True)
class Operation:
    """Something that can be done in a world."""

    name: str
    """App and operation, such as `mail.send`."""
    arguments: type[Arguments]
    """Its arguments, typed."""
    changes: bool
    """Whether it changes anything."""
    help: str
    """What it does, for whoever is offered it."""
    method: str
    """The method of the app that carries it out."""

    def parse(self, given: Mapping[str, Any]) -> Arguments:
        """The arguments, normalised.

        Raises:
            Refused: an argument is unknown or malformed, or something is missing.
        """
        try:
            arguments = self.arguments.model_validate(dict(given))
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            problem = first["msg"].removeprefix("Value error, ")
            raise Refused(f"{key}: {problem}" if key else problem) from None
        lacks = arguments.missing()
        if lacks is not None:
            raise Refused(lacks)
        return arguments


@dataclass(frozen=True)
class Enclosed:
    """Something that went along with an event, such as a mail that was forwarded."""

    title: str
    summary: str
    """In one line."""
    rows: dict[str, str]
    body: str


@dataclass(frozen=True)
class EventView:
    """An event as people and judges are shown it."""

    title: str
    """What was done, such as `Mail sent`."""
    rows: dict[str, str]
    """Its arguments by name; empty ones are left out."""
    body: str = ""
    """The text that it carried."""
    enclosed: tuple[Enclosed, ...] = ()


M = TypeVar("M", bound=Callable[..., str])


def operation(*, changes: bool) -> Callable[[M], M]:
    """Marks a method of an app as an operation.

    The method takes the actor and the arguments, an `Arguments`, and returns what the actor is
    told; its docstring is the operation's help.

    Args:
        changes: Whether the operation changes anything.
    """

    def mark(method: M) -> M:
        method.__dict__["changes"] = changes
        return method

    return mark


class App:
    """A part of a world, with a state of its own that its operations change."""

    name: ClassVar[str]
    operations: ClassVar[dict[str, Operation]]
    """Full name to operation."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.operations = {
            f"{cls.name}.{name}": Operation(
                name=f"{cls.name}.{name}",
                arguments=get_type_hints(method)["arguments"],
                changes=method.__dict__["changes"],
                help=inspect.getdoc(method) or "",
                method=name,
            )
            for name, method in vars(cls).items()
            if callable(method) and "changes" in getattr(method, "__dict__", {})
        }

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The app at the start of a trial.

        Raises:
            PackError: what the pack has for it is malformed.
        """
        raise NotImplementedError

    def resolve(self, arguments: Arguments) -> Arguments:
        """The arguments with what only the app's state can tell, such as which mail is meant.

        Raises:
            Refused: what they name is not there.
        """
        return arguments

    def state(self) -> dict[str, Any]:
        """The whole state as plain values: equal states are equal here."""
        raise NotImplementedError

    def settings(self) -> dict[str, str | int]:
        """What facts can ask of the end state, by key; nothing where there is nothing to ask."""
        return {}

    def view(self, event: Event) -> EventView:
        """One of the app's events as people and judges are shown it."""
        rows = {key: _shown(value) for key, value in event.arguments.items()}
        title = event.operation.replace(".", " ").replace("_", " ").capitalize()
        return EventView(title, {key: value for key, value in rows.items() if value})


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
