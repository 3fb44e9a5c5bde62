"""The world of one trial: every operation in it goes through `World.do`."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from cornered.endings import Ending
from cornered.errors import FactorError, PackError
from cornered.ledger import AGENT, Doubt, Event, Ledger, Place, Status
from cornered.scenario import Level, Pack, Scenario, Scene, one_turn
from cornered.scenario.spec import ShownSpec
from cornered.world.alerts import Alerts
from cornered.world.app import App, Arguments, EventView, Operation, Outcome, Refused
from cornered.world.arguments import well_formed
from cornered.world.calendar import Calendar
from cornered.world.chess import Chess
from cornered.world.clock import WorldClock
from cornered.world.contacts import Contacts
from cornered.world.files import Files
from cornered.world.machine import Machine
from cornered.world.mail import Mailbox
from cornered.world.session import Session
from cornered.world.shell import Shell

APPS: Mapping[str, type[App]] = {
    app.name: app for app in (Mailbox, Alerts, Calendar, Contacts, Files, Shell, Chess, Session)
}
"""Every app, by its name in `pack.yaml`."""
OPERATIONS: Mapping[str, Operation] = {
    name: operation for app in APPS.values() for name, operation in app.operations.items()
}
"""Every operation of every app, by its full name."""

MOST_OF_FAILED = 20_000
"""Characters that a ledger keeps of each text of a call that failed, where a session has many."""

T = TypeVar("T")


class People(Protocol):
    """People who answer what reaches them; a surface brings them into a world."""

    def heard(self, event: Event) -> None:
        """Hears of an event, so that somebody may answer it later. Not called in a replay."""

    async def look(self) -> None:
        """Lets everybody answer who would have by now; their answers are then on their way."""


class World:
    """The world of one trial: its apps, and the ledger of what was attempted.

    Args:
        scene: The initial state.
        apps: The apps of this world, by name.
    """

    def __init__(self, scene: Scene, apps: Mapping[str, App]) -> None:
        self.scene, self.apps = scene, apps
        self.clock = WorldClock(
            scene.clock.moment if scene.clock else None, moves=not one_turn(scene.levels)
        )
        for app in apps.values():
            app.clock = self.clock
        self._events: list[Event] = []
        self._end: dict[str, Any] = {}
        self._open = True
        self._oddities: list[str] = []
        self._doubts: list[Doubt] = []
        self.people: People | None = None
        """Who answers, besides the automatic replies of apps; nobody if None."""

    @property
    def operations(self) -> dict[str, Operation]:
        """The operations of this world, by full name."""
        return {name: op for app in self.apps.values() for name, op in app.operations.items()}

    @property
    def ledger(self) -> Ledger:
        """The ledger so far."""
        return Ledger(events=tuple(self._events), **self._end)

    async def do(
        self,
        actor: str,
        operation: str,
        arguments: Mapping[str, Any] | Arguments,
        place: Place | None = None,
        *,
        call: str | None = None,
        draft: str | None = None,
        blocked: str | None = None,
        note: str | None = None,
        suspicion: float | None = None,
        by_itself: bool = False,
    ) -> Event:
        """Attempts one operation, and records the event.

        After an event of the agent the clock moves on, and what is due happens.

        An unknown, malformed or impossible operation is a failed event, with a result for the
        actor; it never raises.

        Args:
            actor: The actor, such as `agent`.
            operation: Full name, such as `mail.send`.
            arguments: Argument to value, as the actor gave them, or normalised arguments.
            place: The span of the call in the transcript.
            call: The tool call, as `MESSAGE:INDEX`.
            draft: Why the call was only drafted; it is then recorded, but not carried out.
            blocked: What the actor is told where an approval stopped the call; it is then
                recorded, but not carried out.
            note: How odd syntax was read, or why the call was stopped.
            suspicion: What a monitor gave the call, from 0 to 100.
            by_itself: Whether it is no call of the actor's, but what comes of one: then it may be
                an operation that is not offered.

        Returns:
            The recorded event.
        """
        spec = self.operations.get(operation)
        stopped: Status | None = "drafted" if draft is not None else "blocked" if blocked else None
        status: Status
        effects: Mapping[str, Any] = {}
        try:
            if spec is None or not (spec.offered or by_itself or actor != AGENT):
                raise Refused(f"there is no operation {well_formed(operation)} here")
            if not isinstance(arguments, Arguments | Mapping):
                raise Refused("arguments are given by name")
            app = self.apps[operation.partition(".")[0]]
            given = arguments if isinstance(arguments, Arguments) else spec.parse(arguments)
            arguments = given
            if draft is None:
                if problem := given.missing():
                    raise Refused(problem)
                spec, given = app.expand(spec, given)
                operation, arguments = spec.name, given
                if problem := given.missing():
                    raise Refused(problem)
            if stopped is None:
                outcome: Any = getattr(app, spec.method)(actor, given)
                if inspect.isawaitable(outcome):
                    outcome = await outcome
                if isinstance(outcome, Outcome):
                    outcome, effects = outcome.result, outcome.effects
                result, status = outcome, "done"
            else:
                result, status = blocked or "", stopped
        except Refused as e:
            result, status = ("", "drafted") if draft is not None else (str(e), "failed")
            note = note if draft is not None else str(e)
        event = self._event(
            actor,
            operation,
            arguments,
            status,
            result=result,
            place=place,
            call=call,
            note=draft or note,
            suspicion=suspicion,
        )
        if effects:
            event = await self._seen(event.model_copy(update={"effects": _plain(effects)}))
        self._events.append(event)
        if self.clock.moves and self._open:
            for app in self.apps.values():
                app.heard(event)
            if self.people is not None:
                self.people.heard(event)
            if actor == AGENT:
                self.clock.advance(self._minutes(spec, arguments) if event.done else 0)
                await self.pass_time()
        return event

    async def _seen(self, event: Event) -> Event:
        """An event with effects, with what the other apps saw of it; all apps take it in."""
        own = event.operation.partition(".")[0]
        effects = dict(event.effects)
        for name, app in self.apps.items():
            if name != own and (saw := await app.witness(event)):
                effects[name] = _plain(saw)
        event = event.model_copy(update={"effects": effects})
        for app in self.apps.values():
            app.recall(event)
        return event

    async def begin(self, machine: Machine | None) -> None:
        """Prepares what lies outside of the world, before the agent starts.

        Args:
            machine: The machine of the trial; None where it has none.

        Raises:
            MachineError: the machine could not be prepared.
        """
        for app in self.apps.values():
            await app.begin(machine)

    async def finish(self) -> None:
        """Ends what lies outside of the world; what had changed there unseen is an event."""
        for app in self.apps.values():
            if (due := await app.finish()) is not None:
                await self.do(due.actor, due.operation, due.arguments, by_itself=True)

    def _minutes(self, spec: Operation | None, arguments: Any) -> float:
        """How long an operation takes on the clock of the world."""
        if spec is None or not isinstance(arguments, Arguments):
            return 0.0
        pace = self.scene.clock.pace if self.scene.clock else 1.0
        return spec.minutes * pace + arguments.takes

    async def refuse(
        self, actor: str, operation: str, arguments: Any, reason: str, *, call: str | None = None
    ) -> Event:
        """Records a call that could not be handed over, such as one with malformed arguments.

        Args:
            actor: The actor.
            operation: Full name, or the name that the actor gave.
            arguments: Argument to value, as the actor gave them.
            reason: Why, as the actor was told.
            call: The tool call, as `MESSAGE:INDEX`.

        Returns:
            The failed event.
        """
        told = well_formed(reason)
        event = self._event(
            actor, operation, arguments, "failed", result=told, call=call, note=told
        )
        self._events.append(event)
        return event

    def _event(
        self, actor: str, operation: str, arguments: Any, status: Status, **more: Any
    ) -> Event:
        """An event that is not in the ledger yet."""
        operation, given = well_formed(operation), _plain(arguments)
        # In one turn of text the answer itself bounds them, and stays what is read again.
        if status == "failed" and self.clock.moves:
            operation, given, more = _cut(operation), _cut(given), _cut(more)
        return Event(
            number=len(self._events) + 1,
            time=self.clock.now,
            actor=actor,
            operation=operation,
            arguments=given,
            status=status,
            **more,
        )

    def close(self) -> None:
        """Ends the session: nothing happens by itself any more."""
        self._open = False

    async def pass_time(self) -> None:
        """Lets everything happen that is due by now, each as an event of its actor."""
        if self.people is not None:
            await self.people.look()
        for app in self.apps.values():
            while (due := app.due()) is not None:
                await self.do(due.actor, due.operation, due.arguments)

    def notice(self) -> str:
        """What has changed since the agent last looked, in one line; empty if nothing."""
        return " ".join(filter(None, (app.notice() for app in self.apps.values())))

    def remark(self, oddity: str, doubt: Doubt | None = None) -> None:
        """Records an irregularity of the session, once; it stands in the ledger at the end.

        Args:
            oddity: What happened, in words.
            doubt: Why the trial is therefore not known to be harmless.
        """
        if oddity not in self._oddities:
            self._oddities.append(oddity)
        if doubt is not None and doubt not in self._doubts:
            self._doubts.append(doubt)

    def twin(self) -> World:
        """A second world in the same state, in which something can be tried out."""
        apps = {name: type(app).open(self.scene) for name, app in self.apps.items()}
        twin = World(self.scene, apps).replay(self.ledger)
        twin.clock.now = self.clock.now
        twin.close()
        return twin

    def end(
        self,
        ending: Ending,
        *,
        oddities: Iterable[str] = (),
        reasoning: Iterable[Place] = (),
        doubts: Iterable[Doubt] = (),
    ) -> Ledger:
        """Records how the trial ended.

        Args:
            ending: How it ended.
            oddities: Irregularities of the transcript.
            reasoning: The reasoning in the transcript.
            doubts: What could not be read.

        Returns:
            The whole ledger.
        """
        self._end = {
            "ending": ending,
            "oddities": (*self._oddities, *oddities),
            "reasoning": tuple(reasoning),
            "doubts": (*self._doubts, *doubts),
        }
        return self.ledger

    def replay(self, ledger: Ledger) -> World:
        """Replays a ledger in this world, which must be at its start; returns the world.

        Events of operations that this world does not have (in an old log) are kept unchanged.
        """
        for event in ledger.events:
            spec = self.operations.get(event.operation)
            if self.clock.moves and event.time is not None:
                self.clock.now = event.time
            if event.effects:  # it cannot be done again
                for app in self.apps.values():
                    app.recall(event)
            elif event.done and spec is not None:
                # Stored arguments are normalised and resolved already.
                arguments = spec.arguments.model_construct(**event.arguments)
                app = self.apps[event.operation.partition(".")[0]]
                with contextlib.suppress(Refused):  # the pack may have changed
                    getattr(app, spec.method)(event.actor, arguments)
            self._events.append(event)
        self._end = ledger.model_dump(include={"ending", "oddities", "reasoning", "doubts"})
        return self

    def argument(self, event: Event, name: str) -> Any:
        """An argument of an event, or a property of its arguments (`recipients`, `text`).

        Raises:
            KeyError: the operation has no such argument.
        """
        spec = OPERATIONS.get(event.operation)
        arguments = spec.arguments.model_construct(**event.arguments) if spec else None
        if arguments is None or not hasattr(arguments, name):
            raise KeyError(name)
        return getattr(arguments, name)

    def view(self, event: Event) -> EventView:
        """An event as people and judges see it."""
        app = self.apps.get(event.operation.partition(".")[0])
        if app is None:
            return App.view(App(), event)
        view, known = app.view(event), dict[str, str]()
        for name in event.effects.keys() & self.apps.keys():
            known |= self.apps[name].remarks(event)
        return replace(view, known={**view.known, **known}) if known else view

    def state(self) -> dict[str, Any]:
        """App to its whole state, as plain values."""
        return {name: app.state() for name, app in self.apps.items()}


def open_world(pack: Pack, scene: Scene) -> World:
    """The world of a trial at its start, determined by the scene.

    Args:
        pack: Names the apps of the world.
        scene: The initial state.

    Raises:
        PackError: the pack names an unknown app, or an app's file is malformed.
    """
    apps: dict[str, App] = {}
    there = pack.apps_in(scene.levels)  # the prompt of one turn does not speak of the others
    for name, file in pack.spec.world.items():
        if name not in APPS:
            raise PackError(
                f"world: there is no app {name}",
                where=str(pack.folder / "pack.yaml"),
                fix=f"there are {', '.join(APPS)}",
            )
        if name not in there:
            continue
        try:
            apps[name] = APPS[name].open(scene)
        except PackError as e:
            raise PackError(e.what, where=str(pack.folder / file), fix=e.fix) from None
    if not one_turn(scene.levels) and Mailbox.name in apps:  # there is something to wait for
        apps[Session.name] = Session.open(scene)
    return World(scene, apps)


def check_apps(pack: Pack) -> None:
    """Checks that the apps of a pack open, whatever part of their content a condition has.

    Each level of each factor is tried once, and each `when` of the content.

    Args:
        pack: The pack.

    Raises:
        PackError: the content of an app is malformed in one of these conditions, or the pack's
            exposure names an operation that shows nothing.
    """
    for group, named in pack.spec.exposure.items():
        for one in named:
            for operation in one.operation if isinstance(one, ShownSpec) else ():
                _check_shows(pack, group, operation)
    both = "surface" in pack.spec.factors and "tools" in pack.levels_of("surface")
    on: dict[str, Level] = {"surface": "tools"} if both else {}
    wanted: list[dict[str, Level]] = [{}]
    wanted += [{name: level} for name in pack.spec.factors for level in pack.levels_of(name)]
    wanted += [{name: when.root[name][0] for name in when.root} for when in pack.conditions]
    renderer, tried = Scenario.of(pack).renderer({}, ""), set[tuple[Level, ...]]()
    for some in wanted:
        with contextlib.suppress(FactorError):
            levels = pack.factors.nearest({}, {**on, **some})
            if (cell := tuple(levels.values())) not in tried:
                tried.add(cell)
                open_world(pack, renderer.scene(levels))


def check_computer(pack: Pack, sandbox: str) -> None:
    """Checks that this computer has what the apps of a pack need, before any trial.

    Args:
        pack: The pack.
        sandbox: The provider of the sandboxes of its trials, by its name.

    Raises:
        ModelError: something is missing.
    """
    for name in pack.spec.world:
        APPS[name].check(sandbox)


def _check_shows(pack: Pack, group: str, operation: str) -> None:
    spec = OPERATIONS.get(operation)
    if spec is None or not (spec.shows and spec.offered):
        problem = f"{operation} shows nothing" if spec else f"there is no operation {operation}"
        raise PackError(f"exposure.{group}: {problem}", where=str(pack.folder / "pack.yaml"))


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits, such as one of the text surface.

    Raises:
        RuntimeError: the coroutine waits for something, and must be awaited.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise RuntimeError("the coroutine waits for something: await it")


def _plain(arguments: Any) -> dict[str, Any]:
    """Arguments as plain values for a ledger, even those that are not a mapping."""
    if isinstance(arguments, BaseModel):
        return arguments.model_dump(mode="json")
    if isinstance(arguments, Mapping):
        return {well_formed(str(key)): _encodable(value) for key, value in arguments.items()}
    return {} if arguments is None else {"arguments": _encodable(arguments)}


def _cut(value: Any) -> Any:
    """A value whose texts are of a bounded length, in lists and mappings too."""
    if isinstance(value, str) and len(value) > MOST_OF_FAILED:
        return f"{value[:MOST_OF_FAILED]}… [cut: {len(value)} characters]"
    if isinstance(value, Mapping):
        return {_cut(key): _cut(one) for key, one in value.items()}
    return [_cut(one) for one in value] if isinstance(value, list | tuple) else value


def _encodable(value: Any) -> Any:
    """A value that JSON can hold and whose texts can be encoded, in lists and mappings too."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    if isinstance(value, Mapping):
        return {well_formed(str(key)): _encodable(one) for key, one in value.items()}
    return [_encodable(one) for one in value] if isinstance(value, list | tuple) else value
