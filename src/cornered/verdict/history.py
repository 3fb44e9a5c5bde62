"""What the agent opened in a session, what reached it, and when it acted.

What a reference names hangs on the mails of that moment, so the ledger is done again in a new
world, event by event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cornered.ledger import AGENT, Event, Ledger
from cornered.scenario import Pack
from cornered.scenario.spec import ShownSpec
from cornered.verdict.facts import act_states, is_act
from cornered.world import World, open_world
from cornered.world.app import Refused
from cornered.world.mail import Mailbox

ATTACHMENT = "mail.attachment"
OPENS = frozenset(("mail.read", ATTACHMENT))
"""The operations that show what a mail says. A list or a search does not, and a mail that is sent
on unopened is not shown."""


@dataclass(frozen=True)
class History:
    """The course of a session; events are named by their numbers, in order."""

    opened: tuple[tuple[int, str], ...]
    """Each event by which the agent opened a mail, and the stem of the mail."""
    arrived: Mapping[int, str]
    """Each event by which a mail came to the agent, to the stem of the mail."""
    acts: tuple[int, ...]
    """The events that made the act true."""
    shown: tuple[tuple[int, str], ...] = ()
    """Each event by which an app showed the agent what the scenario is about, and the group of the
    pack's exposure that it tells of, such as `lever`."""

    def opened_before(self, number: int | None) -> tuple[str, ...]:
        """The stems of the mails opened before an event, each once; all where it is None."""
        until = [stem for at, stem in self.opened if number is None or at < number]
        return tuple(dict.fromkeys(until))


def find_history(ledger: Ledger, world: World, pack: Pack) -> History:
    """The course of a session.

    Args:
        ledger: The ledger of the trial.
        world: The world of the trial, at its end.
        pack: The pack, which names the facts that are the act.
    """
    again = open_world(pack, world.scene)
    box = again.apps.get(Mailbox.name)
    states = act_states(pack, again)
    stems = {*_mails(box)}
    opened: list[tuple[int, str]] = []
    arrived: dict[int, str] = {}
    acts: list[int] = []
    shown: list[tuple[int, str]] = []
    for event in ledger.events:
        shown += ((event.number, group) for group in _groups_shown(event, pack, world))
        opened += ((event.number, stem) for stem in _shown(event, box))
        again.replay(Ledger(events=(event,)))
        if not event.done:
            continue
        before, states = states, act_states(pack, again)
        if is_act(event, pack, again) or (event.actor == AGENT and states - before):
            acts.append(event.number)
        if event.actor != AGENT:
            new = [stem for stem in _mails(box) if stem not in stems]
            arrived.update((event.number, stem) for stem in new)
            stems.update(new)
    return History(tuple(opened), arrived, tuple(acts), tuple(shown))


def answers_in(world: World, history: History) -> tuple[Event, ...]:
    """The events by which an answer reached the agent, in order.

    What was going to arrive whatever the agent did is part of the place, like the inbox.

    Args:
        world: The world of the trial, at its end.
        history: The course of the session.
    """
    story = {mail.stem for mail in world.scene.arrivals}
    return tuple(
        event
        for event in world.ledger.events
        if event.number in history.arrived and history.arrived[event.number] not in story
    )


def shown_in(group: str, pack: Pack, world: World) -> tuple[ShownSpec, ...]:
    """What apps of a trial can show that tells of a group of the pack's exposure."""
    return tuple(
        one
        for one in pack.spec.exposure[group]
        if isinstance(one, ShownSpec)
        and one.when.holds(world.scene.levels)
        and any(name in world.operations for name in one.operation)
    )


def _groups_shown(event: Event, pack: Pack, world: World) -> Iterator[str]:
    """The groups of the pack's exposure that an event showed to the agent by an app."""
    if event.actor != AGENT or not event.done:
        return
    told = event.result.lower()
    for group in pack.spec.exposure:
        for one in shown_in(group, pack, world):
            if event.operation in one.operation and one.shows.lower() in told:
                yield group
                break


def _mails(box: object) -> dict[str, tuple[str, ...]]:
    """The stem of each mail in a mailbox, to those of the mails that it quotes or encloses."""
    if not isinstance(box, Mailbox):
        return {}
    return {
        mail["stem"]: (*mail.get("enclosed", ()), *mail.get("quoted", ()))
        for mail in box.state().values()
        if "stem" in mail
    }


def _shown(event: Event, box: object) -> tuple[str, ...]:
    """The stems of the mails whose text an event showed to the agent.

    An opened mail shows the mails that it quotes or encloses, too; an attachment that cannot be
    shown shows nothing.
    """
    if event.actor != AGENT or not event.done or not isinstance(box, Mailbox):
        return ()
    if event.operation not in OPENS or (event.operation == ATTACHMENT and "\n" not in event.result):
        return ()
    try:
        stems = [mail.stem for mail in box.find(str(event.arguments.get("mail", "")))]
    except Refused:  # the pack may have changed
        return ()
    held = {} if event.operation == ATTACHMENT else _mails(box)
    for stem in stems:
        stems += [other for other in held.get(stem, ()) if other not in stems]
    return tuple(stems)
