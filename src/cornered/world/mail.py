"""The agent's mailbox: its mails, received and sent, in folders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic.json_schema import SkipJsonSchema

from cornered.ledger import AGENT, Event
from cornered.scenario import Cast, Mail, Scene
from cornered.world.app import App, Arguments, Enclosed, EventView, Refused, operation
from cornered.world.arguments import Recipients, Reference, Text
from cornered.world.references import find_mails

INBOX, SENT = "inbox", "sent"


class Message(Arguments):
    """The fields of an outgoing mail."""

    to: Recipients = ()
    cc: Recipients = ()
    bcc: Recipients = ()
    subject: Text = ""
    body: Text = ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """All recipients (to, cc, bcc), in order, without repeats."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))

    @property
    def text(self) -> str:
        """Subject and body, with a line break between them."""
        return f"{self.subject}\n{self.body}"


class Send(Message):
    """A new mail."""

    def missing(self) -> str | None:
        """A new mail needs a recipient, and a subject or a body."""
        if not self.recipients:
            return "no recipient"
        return None if self.subject or self.body else "no subject and no body"


class Reply(Message):
    """A reply to a mail: to its sender, and to the recipients named here."""

    mail: Reference
    all: bool = False
    """Whether to reply to all of that mail's recipients, too."""

    def missing(self) -> str | None:
        """A reply needs a mail and a body."""
        if not self.mail:
            return "no mail to answer"
        return None if self.body else "no body"


class Forward(Message):
    """A forwarded mail, with its attachments."""

    mail: Reference = ""
    """The mail as the agent named it; it may name several."""
    mails: SkipJsonSchema[tuple[str, ...]] = ()
    """The stems of the mails meant; the mailbox fills them in."""

    def missing(self) -> str | None:
        """A forwarded mail needs a recipient, and a mail or a text."""
        if not self.recipients:
            return "no recipient"
        return None if self.subject or self.body or self.mail else "nothing to forward"


class Folder(Arguments):
    """A folder to list."""

    folder: Text = INBOX


class OneMail(Arguments):
    """A mail."""

    mail: Reference


class Search(Arguments):
    """Words to search for."""

    words: Text

    def missing(self) -> str | None:
        """A search needs words."""
        return None if self.words.strip() else "no words to search for"


class Move(OneMail):
    """A mail, and the folder to move it to."""

    folder: Text

    def missing(self) -> str | None:
        """A move needs the name of a folder."""
        return None if self.folder.strip() else "no folder"


@dataclass(frozen=True)
class StoredMail:
    """A mail in the mailbox."""

    mail: Mail
    folder: str
    read: bool = False
    sent: bool = False
    """Whether the agent sent it, whatever its folder."""
    bcc: tuple[str, ...] = ()
    """Empty in received mails."""
    enclosed: tuple[str, ...] = ()
    """Stems of the mails forwarded in it."""


class Mailbox(App):
    """The agent's mailbox.

    Args:
        mails: The inbox at the start, oldest first.
        cast: The cast; its agent owns the mailbox.
        now: The time of the mails that the agent sends; None where the world has no clock.
    """

    name: ClassVar[str] = "mail"

    def __init__(self, mails: Iterable[Mail], cast: Cast, now: datetime | None) -> None:
        self.cast, self.now = cast, now
        self._stored = {str(mail.number): StoredMail(mail, INBOX) for mail in mails}
        self._mails = {s.mail.number: s.mail for s in self._stored.values()}
        self._last = max((s.mail.number for s in self._stored.values()), default=0)

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The mailbox of a scene: the inbox is full, nothing is sent."""
        return cls(scene.mails, scene.cast, scene.clock.moment if scene.clock else None)

    @operation(changes=False)
    def list(self, actor: str, arguments: Folder) -> str:
        """List the mails of a folder: number, sender, time, subject."""
        del actor
        folder = arguments.folder.strip().lower()
        lines = [_line(s) for s in self._stored.values() if s.folder == folder]
        return "\n".join(lines) or f"No mail is in {arguments.folder}."

    @operation(changes=False)
    def folders(self, actor: str, arguments: Arguments) -> str:
        """List the folders, with the number of mails in each."""
        del actor, arguments
        count = {INBOX: 0, SENT: 0}
        for stored in self._stored.values():
            count[stored.folder] = count.get(stored.folder, 0) + 1
        return "\n".join(f"{name}: {mails}" for name, mails in count.items())

    @operation(changes=False)
    def search(self, actor: str, arguments: Search) -> str:
        """List the mails that have all of these words in sender, recipients, subject or text."""
        del actor
        words = arguments.words.lower().split()
        lines = [_line(s) for s in self._stored.values() if all(w in _words(s) for w in words)]
        return "\n".join(lines) or "No mail has these words."

    @operation(changes=True)
    def read(self, actor: str, arguments: OneMail) -> str:
        """Open a mail, which is then marked as read."""
        del actor
        stored = self._one(arguments.mail)
        self._put(replace(stored, read=True))
        mail = stored.mail
        rows = {
            "From": mail.sender,
            "To": ", ".join(mail.to),
            "Cc": ", ".join(mail.cc),
            "Date": mail.date,
            "Subject": mail.subject,
            "Attachments": ", ".join(mail.attachments),
        }
        head = "\n".join(f"{name}: {value}" for name, value in rows.items() if value)
        return f"{head}\n\n{mail.body}"

    @operation(changes=True)
    def move(self, actor: str, arguments: Move) -> str:
        """Move a mail to a folder, which is made where there is none of that name."""
        del actor
        folder = arguments.folder.strip().lower()
        self._put(replace(self._one(arguments.mail), folder=folder))
        return f"Moved to {folder}."

    @operation(changes=True)
    def send(self, actor: str, arguments: Send) -> str:
        """Send a new mail."""
        return self._sent(actor, arguments)

    @operation(changes=True)
    def reply(self, actor: str, arguments: Reply) -> str:
        """Answer a mail: to its sender, or with `all` to everybody who got it."""
        return self._sent(actor, arguments)

    @operation(changes=True)
    def forward(self, actor: str, arguments: Forward) -> str:
        """Send a mail on, with its attachments, under a text of your own."""
        return self._sent(actor, arguments, arguments.mails)

    def resolve(self, arguments: Arguments) -> Arguments:
        """Fills in the forwarded mails, and the recipients and subject of a reply.

        Raises:
            Refused: a reference names no mail, or more than one where one is needed.
        """
        if isinstance(arguments, Forward) and arguments.mail:
            stems = tuple(mail.stem for mail in self.find(arguments.mail))
            return arguments.model_copy(update={"mails": stems})
        if isinstance(arguments, Reply):
            return self._addressed(arguments)
        return arguments

    def _addressed(self, reply: Reply) -> Reply:
        stored = self._one(reply.mail)
        answered = stored.mail
        own = {self.cast.agent.address.lower(), self.cast.nameless.agent.address.lower()}
        others = [*answered.to, *answered.cc] if reply.all else []
        # A reply to one's own mail goes to its recipients.
        first = answered.to if stored.sent else (_address(answered.sender),)
        to = [*first, *reply.to, *(a.lower() for a in others)]
        subject = answered.subject
        if not subject.lower().startswith("re:"):
            subject = f"Re: {subject}"
        return reply.model_copy(
            update={
                "to": tuple(dict.fromkeys(a for a in to if a not in own)) or tuple(to[:1]),
                "subject": reply.subject or subject,
            }
        )

    def find(self, reference: str) -> tuple[Mail, ...]:
        """The mails that a reference names, by number; see `cornered.world.references`.

        Raises:
            Refused: a part of it names no mail, or more than one.
        """
        return tuple(stored.mail for stored in self._named(reference))

    def by_stem(self, stem: str) -> Mail | None:
        """The mail with that stem; None where there is none."""
        return next((s.mail for s in self._stored.values() if s.mail.stem == stem), None)

    def _named(self, reference: str) -> tuple[StoredMail, ...]:
        return tuple(self._stored[str(m.number)] for m in find_mails(reference, self._mails))

    def _one(self, reference: str) -> StoredMail:
        meant = self._named(reference)
        if len(meant) != 1:
            what = "no mail" if not meant else "more than one mail"
            raise Refused(f"{reference or 'the reference'} names {what}; give one mail's number")
        return meant[0]

    def _put(self, stored: StoredMail) -> None:
        self._stored[str(stored.mail.number)] = stored
        self._mails[stored.mail.number] = stored.mail

    def _sent(self, actor: str, message: Message, enclosed: tuple[str, ...] = ()) -> str:
        agent = self.cast.agent
        sender = f"{agent.name} <{agent.address}>" if actor == AGENT else actor
        self._last += 1
        mail = Mail(
            stem=f"{SENT}-{self._last}",
            sender=sender,
            to=tuple(message.to),
            cc=tuple(message.cc),
            subject=message.subject,
            time=self.now or datetime.min,
            body=message.body,
            number=self._last,
            attachments=tuple(
                attachment
                for stem in enclosed
                for attachment in getattr(self.by_stem(stem), "attachments", ())
            ),
        )
        self._put(
            StoredMail(mail, SENT, True, True, bcc=tuple(message.bcc), enclosed=tuple(enclosed))
        )
        return f"Sent to {', '.join(message.recipients)}."

    def state(self) -> dict[str, Any]:
        """Number to each mail, with its folder and whether it was read."""
        return {
            str(s.mail.number): {
                "stem": s.mail.stem,
                "folder": s.folder,
                "read": s.read,
                "sender": s.mail.sender,
                "to": [*s.mail.to],
                "cc": [*s.mail.cc],
                "bcc": [*s.bcc],
                "subject": s.mail.subject,
                "body": s.mail.body,
                "attachments": [*s.mail.attachments],
                "enclosed": [*s.enclosed],
            }
            for s in self._stored.values()
        }

    def settings(self) -> dict[str, str | int]:
        """The number of sent mails, and stem to folder of each received mail."""
        folders = {s.mail.stem: s.folder for s in self._stored.values() if not s.sent}
        return {"sent": sum(s.sent for s in self._stored.values()), **folders}

    def view(self, event: Event) -> EventView:
        """A mail with its headers and body, and the mails forwarded in it."""
        titles = {"mail.send": "Mail sent", "mail.reply": "Mail answered"}
        titles["mail.forward"] = "Mail forwarded"
        if event.operation not in titles:
            return super().view(event)
        # Arguments of a call that was never carried out may have any form; rows are texts.
        given = super().view(event).rows
        rows = {name: given.get(name.lower(), "") for name in ("To", "Cc", "Bcc", "Subject")}
        if event.operation == "mail.forward":
            rows["Forwarded mail"] = given.get("mail", "")
        mails = (self.by_stem(stem) for stem in self._stems(event))
        return EventView(
            titles[event.operation],
            {name: value for name, value in rows.items() if value},
            given.get("body", ""),
            tuple(_enclosed(mail) for mail in mails if mail),
            self._known(event),
        )

    def _known(self, event: Event) -> dict[str, str]:
        """The sender, whom each address reaches, and how many mails went along."""
        agent = self.cast.agent
        sender = f"{agent.name} <{agent.address}>" if event.actor == AGENT else event.actor
        given = [event.arguments.get(name) for name in ("to", "cc", "bcc")]
        addresses = [a for one in given if isinstance(one, list | tuple) for a in map(str, one)]
        known = {"From": sender}
        if addresses:
            reached = (
                f"{json.dumps(a, ensure_ascii=False)} is {self.cast.whom(a)}" for a in addresses
            )
            known["Whom it reaches"] = "; ".join(dict.fromkeys(reached))
        if event.operation == "mail.forward" and event.done:
            known["Mails that went along"] = str(len(tuple(self._stems(event))))
        return known

    def _stems(self, event: Event) -> Iterable[str]:
        """Stems of the mails forwarded by an event."""
        return event.arguments.get("mails", ()) if event.done else ()


def _enclosed(mail: Mail) -> Enclosed:
    rows = {"From": mail.sender, "Subject": mail.subject}
    if mail.attachments:
        rows["Attachments, which went along too"] = ", ".join(mail.attachments)
    return Enclosed(
        title="The mail that went along, as it stood in the inbox",
        summary=f'"{mail.subject}" from {mail.sender}',
        rows=rows,
        body=mail.body,
    )


def _address(line: str) -> str:
    """The address of `Name <address>`, in lower case."""
    return line.rpartition("<")[2].rstrip(">").strip().lower()


def _line(stored: StoredMail) -> str:
    mail = stored.mail
    return f"{mail.number}  {mail.sender}  {mail.date}  {mail.subject}"


def _words(stored: StoredMail) -> str:
    mail = stored.mail
    return "\n".join((mail.sender, *mail.to, *mail.cc, mail.subject, mail.body)).lower()
