"""Gold ledgers: sessions of many turns, written by us, with the verdict of a careful reader.

A pack's folder `gold` has one YAML file for each: the head of a gold answer, the events, and what
the agent said at the end. The events are done again in a world of the pack, so that mails arrive,
desks answer and time passes as in a trial. What cannot be done again, such as a command in a shell,
says itself what came of it, and nothing is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Literal

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool, ModelOutput
from inspect_ai.tool import ToolCall
from pydantic import BaseModel, ConfigDict, Field

from cornered.errors import PackError
from cornered.ledger import AGENT, WORLD, Event, Ledger
from cornered.scenario import Level, Levels, Pack, Scenario
from cornered.scenario.condition import trial_id
from cornered.scenario.library import GOLD
from cornered.scenario.lint import Finding
from cornered.verdict.exposure import find_exposure
from cornered.verdict.facts import find_act, find_facts, find_outcome
from cornered.verdict.gold import GoldHead, check_head, check_twins, gold_version
from cornered.world import World, at_once, open_world
from cornered.world.app import Refused
from cornered.world.shell import Shell
from cornered.yamlfile import place, read_model


class CopiedFile(BaseModel):
    """A file with the content that another has at that moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    copy_of: str
    """The path of the other."""


class GoldEvent(BaseModel):
    """One event of a gold ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    """Full name, such as `mail.send`."""
    arguments: dict[str, Any] = {}
    """As the actor gives them: mails by number or subject, people by address."""
    status: Literal["done", "failed", "blocked"] = "done"
    """What comes of it. The world decides, but for `blocked`, which an approval did."""
    actor: str = AGENT
    """The agent; the key of a person of the cast who answers by `mail.deliver`; or `world`, where
    files come by `shell.deliver`."""
    result: str = ""
    """What the actor is told. Given of what cannot be done again, or is blocked; else the world
    says it."""
    exit: int = 0
    """Of a command, its exit code."""
    files: dict[str, str | CopiedFile | None] = {}
    """Of what cannot be done again, each file that it changed: its new text, the file whose copy it
    is, or null where it is gone."""
    effects: dict[str, Any] = {}
    """What else came of it, as an event has it: by app, such as `chess`."""


class GoldLedgerFile(GoldHead):
    """A file of a gold ledger."""

    act: bool | None = None
    """Whether the act's code sees an act; given where that is not what the verdict says, and `why`
    then says why."""
    events: list[GoldEvent] = Field(min_length=1)
    """What was attempted, in order."""
    said: str = ""
    """The agent's last message."""


@dataclass(frozen=True)
class GoldLedger:
    """A gold ledger with its labels."""

    id: str
    """The stem of its file."""
    path: Path
    head: GoldLedgerFile
    levels: Levels
    """Its condition, one level for every factor."""


def gold_ledgers(pack: Pack) -> tuple[GoldLedger, ...]:
    """The gold ledgers of a pack, sorted by id; empty where it has none.

    Raises:
        PackError: a file is malformed, or names an unknown rung, level or twin.
    """
    key = (pack.folder, pack.version, gold_version(pack))
    if key not in _read_ledgers:
        _read_ledgers[key] = _read_all(pack)
    return _read_ledgers[key]


_read_ledgers: dict[tuple[Path, str, str], tuple[GoldLedger, ...]] = {}
"""A cache: YAML is slow to read."""


def _read_all(pack: Pack) -> tuple[GoldLedger, ...]:
    ledgers = tuple(_read(pack, path) for path in sorted((pack.folder / GOLD).glob("*.yaml")))
    check_twins({ledger.path: ledger.head for ledger in ledgers})
    return ledgers


def _read(pack: Pack, path: Path) -> GoldLedger:
    head = read_model(path, GoldLedgerFile, error=PackError)
    check_head(pack, path, head)
    given: dict[str, Level] = dict(head.factors)
    if "surface" in pack.spec.factors:
        given.setdefault("surface", "tools")
    return GoldLedger(path.stem, path, head, pack.factors.resolve(given))


def gold_key(number: int) -> str:
    """The id of the message with the tool call of an event, by its place in the file, from 1."""
    return f"gold-{number}"


async def play(pack: Pack, gold: GoldLedger) -> World:
    """The world of a gold ledger at its end.

    What the file says of an event's status is not forced on the world: `gold_findings` compares.

    Args:
        pack: The pack.
        gold: The ledger.
    """
    scene = Scenario.of(pack).scene(gold.levels, trial_id(1))
    world = open_world(pack, scene)
    for number, event in enumerate(gold.head.events, 1):
        try:
            await _do(world, event, number)
        except PackError as e:
            raise PackError(e.what, where=_line(gold, "events", number - 1)) from None
    world.close()
    world.end("stop")
    return world


async def _do(world: World, event: GoldEvent, number: int) -> None:
    if event.status != "blocked" and _is_told(world, event.operation):
        await _tell(world, event, number)
    elif event.actor != AGENT:
        given = _delivery(world, event, number) | event.arguments
        await world.do(event.actor, event.operation, given)
    else:
        blocked = (event.result or "Not approved.") if event.status == "blocked" else None
        call = f"{gold_key(number)}:0"
        await world.do(AGENT, event.operation, event.arguments, call=call, blocked=blocked)


def _is_told(world: World, operation: str) -> bool:
    """Whether what comes of an operation must be told, since it cannot be done again."""
    spec = world.operations.get(operation)
    if spec is None:
        return False
    app = world.apps[operation.partition(".")[0]]
    return iscoroutinefunction(getattr(app, spec.method))


async def _tell(world: World, event: GoldEvent, number: int) -> None:
    """Records an event that cannot be done again, with what came of it."""
    spec = world.operations[event.operation]
    call = f"{gold_key(number)}:0" if event.actor == AGENT else None
    try:
        arguments = spec.parse(event.arguments)
    except Refused as e:
        await world.refuse(event.actor, event.operation, event.arguments, str(e), call=call)
        return
    shell = world.apps[Shell.name]
    assert isinstance(shell, Shell)
    effects: dict[str, Any] = {"files": _changes(shell, event.files)} | event.effects
    if event.operation == "shell.bash":
        effects = {"exit": event.exit, "cut": False} | effects
    elif event.operation == "shell.deliver":
        effects = {"came": event.arguments.get("index")} | effects
    made = Event(
        number=len(world.ledger.events) + 1,
        time=world.clock.now,
        actor=event.actor,
        operation=event.operation,
        arguments=arguments.model_dump(mode="json"),
        status="done",
        result=event.result,
        call=call,
        effects=effects,
    )
    before = shell.settings()
    shell.recall(made)
    if new := [name for name, holds in shell.settings().items() if holds and not before[name]]:
        made = made.model_copy(update={"effects": made.effects | {"watch": new}})
    world.replay(Ledger(events=(made,)))
    for app in world.apps.values():
        app.heard(made)
    if event.actor == AGENT:
        pace = world.scene.clock.pace if world.scene.clock else 1.0
        world.clock.advance(spec.minutes * pace)
        await world.pass_time()


def _changes(
    shell: Shell, files: Mapping[str, str | CopiedFile | None]
) -> dict[str, dict[str, Any]]:
    """What a command did to files, as its event has it.

    Raises:
        PackError: a copy of a file that is not there.
    """
    changes: dict[str, dict[str, Any]] = {}
    for path, now in files.items():
        was = shell.files.get(path)
        change: dict[str, Any] = {"before": was.digest if was else None}
        if now is None:
            change |= {"after": None, "size": 0}
        elif isinstance(now, CopiedFile):
            other = shell.files.get(now.copy_of)
            if other is None:
                raise PackError(f"copy_of: there is no file {now.copy_of}")
            change |= {"after": other.digest, "size": other.size}
            change |= {"text": other.text} if other.text is not None else {}
        else:
            content = now.encode()
            change |= {"after": hashlib.sha256(content).hexdigest(), "size": len(content)}
            change |= {"text": now}
        changes[path] = change
    return changes


def _delivery(world: World, event: GoldEvent, number: int) -> dict[str, Any]:
    """What a mail that somebody sends to the agent has, where the file does not say it."""
    cast = world.scene.cast
    person = cast.entity(event.actor)
    if event.operation != "mail.deliver" or person is None or world.clock.now is None:
        return {}
    return {
        "stem": f"{gold_key(number)}-{event.actor}",
        "sender": f"{person.name} <{person.address}>",
        "to": [cast.agent.address],
        "time": world.clock.now.isoformat(),
    }


def gold_messages(gold: GoldLedger, ledger: Ledger) -> list[ChatMessage]:
    """The messages of a session in which an agent made these calls, as a log would hold them.

    Args:
        gold: The gold ledger.
        ledger: Its ledger, from `play`.
    """
    results = {event.call: event.result for event in ledger.events if event.call}
    messages: list[ChatMessage] = []
    for number, event in enumerate(gold.head.events, 1):
        if event.actor != AGENT:
            continue
        key, name = gold_key(number), event.operation.replace(".", "_", 1)
        call = ToolCall(id=key, function=name, arguments=event.arguments)
        messages += [
            ChatMessageAssistant(id=key, content="", tool_calls=[call]),
            ChatMessageTool(content=results.get(f"{key}:0", ""), tool_call_id=key, function=name),
        ]
    return [*messages, ChatMessageAssistant(content=gold.head.said)]


def gold_output(gold: GoldLedger) -> ModelOutput:
    """The last answer of a gold ledger."""
    return ModelOutput.from_content("gold", gold.head.said)


def with_bodies(gold: GoldLedger, bodies: Mapping[int, str]) -> GoldLedger:
    """A gold ledger with other texts in its events.

    Args:
        gold: The ledger.
        bodies: By place of the event, from 1, its new `body`.
    """
    events = [
        event.model_copy(update={"arguments": event.arguments | {"body": bodies[number]}})
        if number in bodies
        else event
        for number, event in enumerate(gold.head.events, 1)
    ]
    head = gold.head.model_copy(update={"events": events})
    return GoldLedger(gold.id, gold.path, head, gold.levels)


def gold_findings(pack: Pack) -> list[Finding]:
    """What is wrong with the gold ledgers of a pack, as its lint reports it."""
    try:
        ledgers = gold_ledgers(pack)
    except PackError as e:
        return [Finding(e.where or pack.name, e.what)]
    return [found for gold in ledgers for found in _findings(pack, gold)]


def _findings(pack: Pack, gold: GoldLedger) -> Iterator[Finding]:
    try:
        world = at_once(play(pack, gold))
    except PackError as e:
        yield Finding(e.where or str(gold.path), e.what)
        return
    wrong = [*_wrong_events(gold, world)]
    yield from wrong
    if wrong:  # what follows is of a session that is not the one that was meant
        return
    ledger, head = world.ledger, gold.head
    if missing := find_exposure(ledger, world, pack).lacking:
        yield Finding(
            str(gold.path),
            f"the agent does not open what tells of {' and '.join(missing)} before it acts: no "
            "judge would be asked about such a trial",
        )
    facts = find_facts(ledger, pack, world)
    act = find_act(ledger, facts, pack)
    if head.act is not None and head.act is not act:
        yield Finding(_line(gold, "act"), f"act: by code it is {_yes(act)}")
    elif head.act is None and head.verdict != "cannot_tell" and act is not (head.verdict == "yes"):
        holds = ", ".join(name for name in pack.spec.act if facts[name]) or "none"
        yield Finding(
            _line(gold, "verdict"),
            f"verdict: {head.verdict}, and by code the act is {_yes(act)} (facts of the act: "
            f"{holds}); if both are right, say `act: {_yes(act)}` and in `why` what decides",
        )
    rung = find_outcome(facts, act, pack)
    if rung not in (None, head.outcome):
        yield Finding(_line(gold, "outcome"), f"outcome: by code it is {rung}")


def _wrong_events(gold: GoldLedger, world: World) -> Iterator[Finding]:
    """Events that the world does not know, or of which something else comes than the file says."""
    known = world.operations
    played = {event.call: event for event in world.ledger.events if event.call}
    for number, event in enumerate(gold.head.events, 1):
        where = _line(gold, "events", number - 1)
        if event.operation not in known:
            yield Finding(where, f"there is no operation {event.operation} in this place")
            continue
        if event.actor != AGENT:
            if event.actor != WORLD and world.scene.cast.entity(event.actor) is None:
                yield Finding(where, f"actor: {event.actor} is not in the cast")
            continue
        done = played.get(f"{gold_key(number)}:0")
        if done is not None and done.status != event.status:
            told = f": {done.result}" if done.result else ""
            yield Finding(
                where, f"{event.operation} is {done.status}, and not {event.status}{told}"
            )
        elif _is_told(world, event.operation):
            continue
        elif event.files or event.effects or event.exit:
            yield Finding(where, f"files, exit, effects: {event.operation} has none")
        elif event.result and event.status != "blocked":
            yield Finding(where, "result: the place itself says what comes of it; leave it out")


def _line(gold: GoldLedger, *loc: str | int) -> str:
    return place(gold.path, *loc, error=PackError)


def _yes(holds: bool | None) -> str:
    return "unknown" if holds is None else "true" if holds else "false"
