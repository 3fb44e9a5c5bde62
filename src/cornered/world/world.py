"""The world of one trial: everything that anybody does in it goes through `World.do`."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from cornered.endings import Ending
from cornered.errors import PackError
from cornered.ledger import Event, Ledger, Place, Status
from cornered.scenario import Pack, Scene
from cornered.world.alerts import Alerts
from cornered.world.app import App, Arguments, EventView, Operation, Refused
from cornered.world.mail import Mailbox

APPS: Mapping[str, type[App]] = {app.name: app for app in (Mailbox, Alerts)}
"""Every app by the name under which packs ask for it."""
OPERATIONS: Mapping[str, Operation] = {
    name: operation for app in APPS.values() for name, operation in app.operations.items()
}
"""Every operation of every app, by its full name."""

T = TypeVar("T")


class World:
    """The place of one trial, and the ledger of what was done in it.

    Args:
        scene: Who and what there is at the start.
        apps: The apps that the place has, by name.
    """

    def __init__(self, scene: Scene, apps: Mapping[str, App]) -> None:
        self.scene, self.apps = scene, apps
        self._events: list[Event] = []
        self._end: dict[str, Any] = {}

    @property
    def operations(self) -> dict[str, Operation]:
        """Everything that can be done here, by full name."""
        return {name: op for app in self.apps.values() for name, op in app.operations.items()}

    @property
    def ledger(self) -> Ledger:
        """What was attempted so far."""
        return Ledger(events=tuple(self._events), **self._end)

    async def do(
        self,
        actor: str,
        operation: str,
        arguments: Mapping[str, Any] | Arguments,
        place: Place | None = None,
        *,
        draft: str | None = None,
        note: str | None = None,
    ) -> Event:
        """Attempts one operation, and writes down what came of it.

        An operation that is unknown, malformed or impossible is an event that failed, with a
        result that the actor can read; it is never an exception.

        Args:
            actor: Who attempts it.
            operation: Full name, such as `mail.send`.
            arguments: Argument to value, as the actor gave them; or normalised already.
            place: Where the call stands in the transcript.
            draft: Why this was only written down and not attempted; it is recorded, not done.
            note: How odd syntax was read.

        Returns:
            The event, which is in the ledger by now.
        """
        known = self.operations.get(operation)
        status: Status
        try:
            if known is None:
                raise Refused(f"there is no operation {operation} here")
            if not isinstance(arguments, Arguments | Mapping):
                raise Refused("arguments are given by name")
            app = self.apps[operation.partition(".")[0]]
            given = arguments if isinstance(arguments, Arguments) else known.parse(arguments)
            if draft is None and (problem := given.missing()):
                raise Refused(problem)
            if draft is None:
                arguments = given = app.resolve(given)
                result, status = getattr(app, known.method)(actor, given), "done"
            else:
                arguments, result, status = given, "", "drafted"
        except Refused as e:
            result, status = ("", "drafted") if draft is not None else (str(e), "failed")
            note = note if draft is not None else str(e)
        event = Event(
            number=len(self._events) + 1,
            time=self.scene.clock.moment if self.scene.clock else None,
            actor=actor,
            operation=operation,
            arguments=_plain(arguments),
            status=status,
            result=result,
            place=place,
            note=draft or note,
        )
        self._events.append(event)
        return event

    def end(
        self, ending: Ending, *, oddities: Iterable[str] = (), reasoning: Iterable[Place] = ()
    ) -> Ledger:
        """Writes down how the trial ended.

        Args:
            ending: How it ended.
            oddities: What was odd about its transcript.
            reasoning: Where the transcript is reasoning.

        Returns:
            The whole ledger.
        """
        self._end = {
            "ending": ending,
            "oddities": tuple(oddities),
            "reasoning": tuple(reasoning),
        }
        return self.ledger

    def replay(self, ledger: Ledger) -> World:
        """Does the events of a ledger again, so that this world is as it was at their end.

        Events of an operation that this world does not know (an old log) are kept as they are.
        """
        for event in ledger.events:
            known = self.operations.get(event.operation)
            if event.done and known is not None:
                # Normalised and resolved when it was first done: not to be read again.
                arguments = known.arguments.model_construct(**event.arguments)
                app = self.apps[event.operation.partition(".")[0]]
                with contextlib.suppress(Refused):  # the pack has changed since
                    getattr(app, known.method)(event.actor, arguments)
            self._events.append(event)
        self._end = ledger.model_dump(include={"ending", "oddities", "reasoning"})
        return self

    def argument(self, event: Event, name: str) -> Any:
        """An argument of an event, those that follow from others too (`recipients`, `text`).

        Raises:
            KeyError: the operation has no such argument.
        """
        known = OPERATIONS.get(event.operation)
        arguments = known.arguments.model_construct(**event.arguments) if known else None
        if arguments is None or not hasattr(arguments, name):
            raise KeyError(name)
        return getattr(arguments, name)

    def view(self, event: Event) -> EventView:
        """An event as people and judges are shown it."""
        app = self.apps.get(event.operation.partition(".")[0])
        if app is None:
            return App.view(App(), event)
        return app.view(event)

    def state(self) -> dict[str, Any]:
        """The whole state, app by app, as plain values."""
        return {name: app.state() for name, app in self.apps.items()}


def open_world(pack: Pack, scene: Scene) -> World:
    """The world of a trial at its start; the same scene gives the same world.

    Args:
        pack: Says which apps the place has.
        scene: Who and what there is.

    Raises:
        PackError: the pack asks for an app that there is not, or its file is malformed.
    """
    for name in pack.spec.world:
        if name not in APPS:
            raise PackError(
                f"world: there is no app {name}",
                where=str(pack.folder / "pack.yaml"),
                fix=f"there are {', '.join(APPS)}",
            )
    return World(scene, {name: APPS[name].open(scene) for name in pack.spec.world})


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine of a world that waits for nothing, such as one of text.

    Raises:
        RuntimeError: it waits for something; it must be awaited then.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise RuntimeError("this world waits for something: await it")


def _plain(arguments: Any) -> dict[str, Any]:
    """Arguments as a ledger keeps them, also those of a call that was no call at all."""
    if isinstance(arguments, BaseModel):
        return arguments.model_dump(mode="json")
    if isinstance(arguments, Mapping):
        return {str(key): value for key, value in arguments.items()}
    return {} if arguments is None else {"arguments": arguments}
