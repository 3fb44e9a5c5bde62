"""Colleagues who answer, by a model: `people: model`.

When mail of the agent reaches somebody of whom the pack has a persona, a model is asked to answer
as that person, once the person would be at their mail. It sees what reached that person and
nothing else. What it writes is the text of a mail: an event of that person, never of the agent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inspect_ai.model import Model
from inspect_ai.util import (
    span,
    suspend_token_limit,
    suspend_turn_limit,
    suspend_working_limit,
)
from pydantic import BaseModel, ConfigDict, Field

from cornered.enclosure import BY_OTHERS, marked, quoted
from cornered.ledger import AGENT, Event
from cornered.scenario import Levels, Mail, Pack, Renderer
from cornered.scenario.personas import Persona
from cornered.surface.ask import ask, parse_answer, role_model
from cornered.world import EventView, World
from cornered.world.arguments import well_formed
from cornered.world.mail import SENDING, Mailbox

ROLE = "people"
"""The model role of all colleagues."""
PER_PERSON, PER_TRIAL = 4, 16
"""Most mails that one person writes in a trial, and that all of them write."""
MAX_TOKENS = 2000
"""Limit of an answer, in tokens, reasoning included."""
TIMEOUT = 300
"""Seconds after which an answer is given up, its retries included."""
TEMPERATURE = 0.7
MOST_LETTERS, LONGEST_LETTER, LONGEST_ANSWER = 30, 6000, 6000
"""The newest mails that a person is shown; characters of each, and of an answer."""
_NO_ANSWER = re.compile(r"[\s\"'`*.]*NO[ _]ANSWER[\s\"'`*.]*", re.IGNORECASE)
_HIDDEN = frozenset(("Bcc", "Mail", "Forwarded mail"))
"""Rows of a mail that its recipients do not see."""


class Answer(BaseModel):
    """What a person writes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answer: str | None = Field(description="The text of the mail, or null to leave it unanswered.")


def read_answer(text: str, schema: type[Answer] = Answer) -> Answer:
    """The answer of a person: one JSON object, or `NO ANSWER`.

    Raises:
        ValueError: it is anything else.
    """
    if _NO_ANSWER.fullmatch(text):
        return schema(answer=None)
    answer = parse_answer(text, schema)
    said = (answer.answer or "").strip()
    return schema(answer=None if not said or _NO_ANSWER.fullmatch(said) else said)


def people_model() -> Model:
    """The model of the role `people`.

    Raises:
        ModelError: the run has none.
    """
    return role_model(ROLE, "people=model needs a model that answers for them")


@dataclass(frozen=True)
class Letter:
    """Something that passed through a person's mailbox, as that person sees it."""

    text: str
    own: bool
    """Whether that person sent it."""
    event: int = 0
    """The number of its event; 0 for a mail from before the session."""


class Colleagues:
    """The people of a trial who answer by a model.

    Args:
        world: The world of the trial, at its start.
        renderer: The renderer of the trial.
        model: The model that answers for all of them.
    """

    def __init__(self, world: World, renderer: Renderer, model: Model) -> None:
        self.world, self.model = world, model
        self._renderer = renderer
        self._personas = personas_in(renderer.pack, world.scene.levels)
        self._due: dict[str, tuple[datetime, Event]] = {}
        """By person, when they answer next, and the newest mail that they have got."""
        self._seen: Counter[str] = Counter()
        """By person, the number of the last event that they had seen when they last answered."""
        self._asked: Counter[str] = Counter()

    def heard(self, event: Event) -> None:
        """Notes whom an event of the agent reaches, and when they will be at their mail."""
        if event.actor != AGENT or not event.done or event.time is None:
            return
        for key in reached_by(event, self.world):
            if key not in self._personas:
                continue
            # Whoever is to write already will have read this too by then.
            wait = timedelta(minutes=self._personas[key].head.delay)
            when = self._due[key][0] if key in self._due else event.time + wait
            self._due[key] = when, event

    async def look(self) -> None:
        """Lets everybody answer who is at their mail by now; their answers are then on their way.

        Never raises for a model that fails: that person then writes nothing, and the ledger says
        so.
        """
        now = self.world.clock.now
        for key, (when, event) in sorted(self._due.items(), key=lambda item: item[1][0]):
            if now is None or when > now:
                continue
            del self._due[key]
            body = await self._answer(key, when)
            if body is not None:
                self._post(key, when, event, body)

    async def _answer(self, key: str, now: datetime) -> str | None:
        """What a person writes, or None."""
        name = self.world.scene.cast.people[key].name
        if self._asked[key] >= PER_PERSON or self._asked.total() >= PER_TRIAL:
            self.world.remark(f"{key} was not asked again: the most answers were reached")
            return None
        self._asked[key] += 1
        system, prompt = person_prompt(self._renderer, self.world, key, now, self._seen[key])
        self._seen[key] = len(self.world.ledger.events)
        # Not the agent's own work: neither its tokens, nor its turns, nor its time.
        with suspend_token_limit(), suspend_turn_limit(), suspend_working_limit():
            async with span(name=f"{name} answers", type="colleague"):
                reply = await ask(
                    self.model,
                    prompt,
                    Answer,
                    system=system,
                    max_tokens=MAX_TOKENS,
                    limit_name="of a colleague's answer",
                    temperature=TEMPERATURE,
                    timeout=TIMEOUT,
                    read=read_answer,
                )
        if reply.answer is None:
            self.world.remark(f"{key} could not answer: {reply.problem or reply.unscored}")
            return None
        body = reply.answer.answer
        return body if body is None else well_formed(body[:LONGEST_ANSWER])

    def _post(self, key: str, when: datetime, event: Event, body: str) -> None:
        mailbox = self.world.apps["mail"]
        assert isinstance(mailbox, Mailbox)
        subject = str(event.arguments.get("subject") or event.arguments.get("title") or "")
        if not subject.lower().startswith("re:"):
            subject = f"Re: {subject}".strip()
        # What came in another way than by mail, such as an invitation, has no mail to answer.
        answers = mailbox.stem_of(event) if event.operation in SENDING else ""
        letter = mailbox.post.answer(key, answers, subject, body)
        mailbox.post.schedule(key, 0, letter, at=when)


def personas_in(pack: Pack, levels: Levels) -> dict[str, Persona]:
    """The people who can answer at these levels, by the keys of the cast."""
    return {key: one for key, one in pack.personas.items() if one.head.when.holds(levels)}


def person_prompt(
    renderer: Renderer, world: World, key: str, now: datetime, seen: int = 0
) -> tuple[str, str]:
    """The system message and the prompt of a person who is at their mail.

    Args:
        renderer: The renderer of the trial.
        world: The world of the trial, now.
        key: The person, by the key of the cast.
        now: When the person is at their mail.
        seen: The number of the last event that the person has seen.
    """
    levels = world.scene.levels
    system = renderer.text(
        "shared/prompt/person.md",
        levels,
        person=world.scene.cast.people[key].name,
        now=f"{now:%A, %B} {now.day}, {now:%H:%M}",
        persona=renderer.persona(key, levels),
    )
    prompt = renderer.text(
        "shared/prompt/person-mail.md",
        levels,
        letters=[
            {
                "text": letter.text,
                "own": letter.own,
                "new": not letter.own and letter.event > seen,
            }
            for letter in correspondence(world, key)[-MOST_LETTERS:]
        ],
    )
    return system, prompt


def reached_by(event: Event, world: World) -> frozenset[str]:
    """The people whom an event reaches, by the keys of the cast: the recipients of a mail.

    A draft reaches nobody, though it has recipients.
    """
    spec = world.operations.get(event.operation)
    if spec is None or spec.looks:
        return frozenset()
    try:
        recipients: Sequence[str] = world.argument(event, "recipients")
    except KeyError:  # a mail that arrives names those who got it too
        recipients = [*event.arguments.get("to", ()), *event.arguments.get("cc", ())]
    cast = world.scene.cast
    return frozenset(key for recipient in recipients for key in cast.reached(recipient))


def correspondence(world: World, key: str) -> list[Letter]:
    """All that passed through a person's mailbox, the oldest first, as that person saw it.

    That is what they wrote, and what named them as a recipient; nobody sees a blind copy that went
    to somebody else.

    Args:
        world: The world of the trial, now.
        key: The person, by the key of the cast.
    """
    return [*_before(world, key), *_since(world, key)]


def _before(world: World, key: str) -> Iterator[Letter]:
    """The mails from before the session."""
    cast = world.scene.cast
    address = cast.people[key].address.lower()
    for mail in world.scene.mails:
        own = mail.sender.rpartition("<")[2].rstrip("> ").lower() == address
        if own or any(key in cast.reached(to) for to in (*mail.to, *mail.cc)):
            yield Letter(_mail_text(mail), own)


def _mail_text(mail: Mail) -> str:
    rows = {
        "From": mail.sender,
        "To": ", ".join(mail.to),
        "Cc": ", ".join(mail.cc),
        "Date": mail.date,
        "Subject": mail.subject,
        "Attachments": ", ".join(mail.attachments),
    }
    return _letter(rows, mail.body)


def _since(world: World, key: str) -> Iterator[Letter]:
    """What passed since the session began."""
    for event in world.ledger.events:
        own = event.actor == key
        if event.done and (own or key in reached_by(event, world)):
            yield Letter(_event_text(world.view(event), event), own, event.number)


def _event_text(view: EventView, event: Event) -> str:
    shown = {name: value for name, value in view.rows.items() if name not in _HIDDEN}
    when = event.time
    if event.operation == "mail.deliver":
        when = datetime.fromisoformat(event.arguments["time"])
    rows = {
        "From": shown.pop("From", "") or view.known.get("From", ""),
        "Date": when.strftime("%a %d %b, %H:%M") if when else "",
        **shown,
    }
    lines = [_letter(rows, view.body)]
    for part in view.enclosed:
        lines += [f"{part.title}:", *_rows(part.rows), marked(_cut(part.body), BY_OTHERS)]
    return "\n".join(lines)


def _letter(rows: dict[str, str], body: str) -> str:
    return "\n".join([*_rows(rows), marked(_cut(body))])


def _rows(rows: dict[str, str]) -> Iterator[str]:
    return (f"{name}: {quoted(value)}" for name, value in rows.items() if value)


def _cut(text: str) -> str:
    left = len(text) - LONGEST_LETTER
    return text if left <= 0 else f"{text[:LONGEST_LETTER]}\n[{left} more characters]"
