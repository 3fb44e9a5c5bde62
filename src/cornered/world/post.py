"""The post of a world: mails on their way to the agent.

What waits here arrives while the agent works, once the clock has reached its time: the arrivals of
the pack, automatic replies, delivery failures, mail that the agent wrote to itself, and what people
answer. Nothing of it needs to be known in a replay: each delivery is an event that holds its mail.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from cornered.ledger import WORLD
from cornered.scenario import Cast, Scene

FAILURE_AFTER = 1.0
"""Minutes until a mail to nobody comes back."""
SYSTEM = "Mail Delivery System"
SYSTEM_NAMES = ("mailer-daemon", "postmaster")
"""The mail system's own names before the @; mail to them never comes back."""

_FAILURE = """\
This is the mail system at {domain}.

A message that you sent could not be delivered to:

{recipients}

The message:

Subject: {subject}
Sent: {time}"""

Problem = Literal["name", "person", "domain"]
_REASONS: dict[Problem, str] = {
    "name": "no such name in the address book",
    "person": "550 no such mailbox here",
    "domain": "host not found: no mail server for this domain",
}


@dataclass(frozen=True)
class Letter:
    """A mail on its way to the agent."""

    sender: str
    """Name and address, `Name <address>`."""
    to: tuple[str, ...]
    """Addresses."""
    subject: str
    body: str
    cc: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    """File names, with sizes."""
    answers: str = ""
    """The stem of the mail that it answers; empty where it answers none."""
    enclosed: tuple[str, ...] = ()
    """Stems of the mails forwarded in it."""
    quoted: tuple[str, ...] = ()
    """Stems of the mails quoted below its text."""


@dataclass(frozen=True, order=True)
class Parcel:
    """A letter with the time at which it arrives."""

    time: datetime
    turn: int
    """Of two that arrive at once, the lower one comes first."""
    stem: str
    """The name of the mail, unique in its world, as facts and exposure know it."""
    actor: str
    """The person whose letter it is, by the key of the cast; else `world`."""
    letter: Letter


@dataclass(frozen=True)
class Sent:
    """A mail that the agent sent, as the post handles it."""

    stem: str
    time: datetime
    subject: str
    recipients: tuple[str, ...]
    own: Letter
    """The mail as it arrives where the agent wrote to itself."""


class Post:
    """The mails on their way to the agent.

    A colleague whose words a model writes answers so:

        mailbox = world.apps["mail"]
        letter = mailbox.post.answer("keogh", mailbox.stem_of(event), subject, body)
        mailbox.post.schedule("keogh", 12, letter)

    It arrives once the clock is 12 minutes further, after the agent's next operation, as an event
    `mail.deliver` of the actor `keogh`.

    Args:
        scene: Its arrivals and automatic replies; its cast says who gets what.
    """

    def __init__(self, scene: Scene) -> None:
        self._cast, self._replies = scene.cast, scene.replies
        self._now = scene.clock.moment if scene.clock else datetime.min
        self._waiting: list[Parcel] = []
        self._turn = 0
        self._replied: set[int] = set()
        for mail in scene.arrivals:
            letter = Letter(
                mail.sender, mail.to, mail.subject, mail.body, mail.cc, mail.attachments
            )
            self._add(mail.time, mail.stem, WORLD, replace(letter, answers=mail.answers))

    @property
    def waiting(self) -> tuple[Parcel, ...]:
        """What has not arrived yet, the next first."""
        return tuple(sorted(self._waiting))

    def schedule(
        self, actor: str, delay: float, letter: Letter, *, at: datetime | None = None
    ) -> str:
        """Puts a letter on its way.

        Args:
            actor: Whose it is: the key of a person of the cast.
            delay: Minutes until it arrives; less than 0 counts as 0.
            letter: The letter; `answer` makes one.
            at: When the delay begins, on the clock of the world; now where None.

        Returns:
            The stem of the mail.
        """
        stem = f"from-{actor}-{self._turn + 1}"
        self._add((at or self._now) + timedelta(minutes=max(delay, 0)), stem, actor, letter)
        return stem

    def answer(self, key: str, answers: str, subject: str, body: str) -> Letter:
        """A letter from a person to the agent alone.

        Args:
            key: The person, by the key of the cast.
            answers: The stem of the mail that it answers; empty where it answers none.
            subject: Its subject.
            body: Its text.

        Raises:
            KeyError: nobody in the cast has this key.
        """
        person, agent = self._cast.people[key], self._cast.agent
        sender = f"{person.name} <{person.address}>"
        return Letter(sender, (agent.address,), subject, body, answers=answers)

    def next(self, now: datetime | None) -> Parcel | None:
        """The next mail that has arrived by now, which waits no longer; None if there is none.

        Args:
            now: The time; None in a world without a clock, where nothing arrives.
        """
        if now is None:
            return None
        self._now = now
        if self._waiting and self._waiting[0].time <= now:
            return heapq.heappop(self._waiting)
        return None

    def arrived(self, stem: str) -> None:
        """Notes that a mail is there, so that it does not come again after a replay."""
        if any(parcel.stem == stem for parcel in self._waiting):
            self._waiting = [parcel for parcel in self._waiting if parcel.stem != stem]
            heapq.heapify(self._waiting)
        if number := re.search(r"[0-9]{1,9}$", stem):  # no stem is given out twice
            self._turn = max(self._turn, int(number[0]))

    def hand_in(self, sent: Sent) -> None:
        """Takes a mail of the agent: it may come back, be answered by itself, or come to it.

        Args:
            sent: The mail.
        """
        self._now = max(self._now, sent.time)
        own = own_names(self._cast)
        others = [name for name in sent.recipients if name not in own]
        if len(others) < len(sent.recipients):
            self._add(sent.time, f"own-{sent.stem}", WORLD, sent.own)
        if lost := {n: why for n in others if (why := problem(n, self._cast)) is not None}:
            letter = self._failure(sent, lost)
            due = sent.time + timedelta(minutes=FAILURE_AFTER)
            self._add(due, f"failure-{sent.stem}", WORLD, letter)
        reached = {key for name in others for key in self._cast.reached(name)}
        for number, reply in enumerate(self._replies):
            if reply.key not in reached or (reply.once and number in self._replied):
                continue
            self._replied.add(number)
            subject = reply.subject or f"Automatic reply: {sent.subject}"
            letter = self.answer(reply.key, sent.stem, subject, reply.body)
            due = sent.time + timedelta(minutes=reply.after)
            self._add(due, f"automatic-{number + 1}-{sent.stem}", reply.key, letter)

    def _add(self, time: datetime, stem: str, actor: str, letter: Letter) -> None:
        self._turn += 1
        heapq.heappush(self._waiting, Parcel(time, self._turn, stem, actor, letter))

    def _failure(self, sent: Sent, lost: dict[str, Problem]) -> Letter:
        agent, company = self._cast.agent, self._cast.company
        domain = company.domain if company else agent.address.rpartition("@")[2]
        body = _FAILURE.format(
            domain=domain,
            recipients="\n".join(f"{name}: {_REASONS[why]}" for name, why in lost.items()),
            subject=sent.subject or "(none)",
            time=sent.time.strftime("%a %d %b, %H:%M"),
        )
        return Letter(
            f"{SYSTEM} <{SYSTEM_NAMES[0]}@{domain}>",
            (agent.address,),
            "Mail delivery failed",
            body,
            answers=sent.stem,
        )


def own_names(cast: Cast) -> frozenset[str]:
    """Names and addresses of the agent, in lower case."""
    agents = (cast.agent, cast.nameless.agent)
    names = {name.lower() for agent in agents for name in (agent.name, agent.address)}
    return frozenset(names | {a.address.partition("@")[0].lower() for a in agents}) - {""}


def problem(recipient: str, cast: Cast) -> Problem | None:
    """Why a mail to this recipient comes back; None where it does not.

    It comes back from a name that nobody has, an address at the company that nobody has, and a
    domain that nobody has. Any other address outside may be somebody's.
    """
    local, _, domain = recipient.lower().strip().rpartition("@")
    if cast.reached(recipient) or (local in SYSTEM_NAMES and cast.inside(recipient)):
        return None
    if "@" not in recipient:
        return "name"
    if cast.inside(recipient):
        return "person"
    known = cast.classes_of(recipient) != {"unknown"} or domain in _domains(_addresses(cast))
    return None if known else "domain"


def _addresses(cast: Cast) -> Iterable[str]:
    return (entry.address for entry in (*cast.people.values(), *cast.lists.values()))


def _domains(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(address.rpartition("@")[2].lower() for address in addresses) - {""}
