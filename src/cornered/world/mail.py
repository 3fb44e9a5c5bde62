"""The agent's mailbox: its mails, received and sent, in folders, and its drafts."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from cornered.ledger import AGENT, Event
from cornered.scenario import Mail, Scene
from cornered.scenario.pack import attachment_name
from cornered.world.app import (
    App,
    Arguments,
    Due,
    Enclosed,
    EventView,
    Operation,
    Refused,
    operation,
)
from cornered.world.clock import WorldClock
from cornered.world.drafts import Draft, Drafts, Kind
from cornered.world.mail_arguments import (
    DRAFTS,
    INBOX,
    SENT,
    TRASH,
    Attachment,
    Content,
    Delivery,
    DraftListing,
    EditDraft,
    Forward,
    Listing,
    Mark,
    Message,
    Move,
    NewDraft,
    OneDraft,
    OneMail,
    Reply,
    Search,
    Send,
    SeveralMails,
)
from cornered.world.mail_store import MailStore, attachment_of
from cornered.world.post import Letter, Post, Sent
from cornered.world.stored_mail import (
    StoredMail,
    from_sender,
    has_words,
    listed,
    one_line,
    shortened,
    shown,
    with_subject,
)

SENDING = ("mail.send", "mail.reply", "mail.forward")
"""The operations that send a mail."""
C = TypeVar("C", bound=Content)


class Mailbox(App):
    """The agent's mailbox.

    Args:
        scene: Its mails, those that arrive later, the texts of attachments; its cast, whose agent
            owns the mailbox.
    """

    name: ClassVar[str] = "mail"
    titles: ClassVar[Mapping[str, str]] = {
        "mail.send": "Mail sent",
        "mail.reply": "Mail answered",
        "mail.forward": "Mail forwarded",
        "mail.draft": "Draft saved, not sent",
        "mail.edit_draft": "Draft changed, not sent",
        "mail.deliver": "Mail arrived",
    }

    def __init__(self, scene: Scene) -> None:
        self.cast = scene.cast
        self.clock = WorldClock(scene.clock.moment if scene.clock else None)
        self._drafts = Drafts()
        self.post = Post(scene)
        self._texts = {attachment_name(n).casefold(): text for n, text in scene.attachments.items()}
        self._mails = MailStore(StoredMail(mail, INBOX) for mail in scene.mails)
        self._sent_by: dict[int, str] = {}
        self._new = 0

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The mailbox of a scene: the inbox is full, nothing is sent."""
        return cls(scene)

    # Looking.

    @operation(changes=False, minutes=0.5)
    def list(self, actor: str, arguments: Listing) -> str:
        """List the mails of a folder: number, sender, date, subject, whether it is unread."""
        del actor
        if arguments.folder == DRAFTS:
            return self._list_drafts()
        found = [
            s
            for s in self._mails
            if s.folder == arguments.folder and not (arguments.unread and s.read)
        ]
        kind = "unread mail" if arguments.unread else "mail"
        where = shortened(arguments.folder, 80)
        return listed(found, arguments.page, f"No {kind} is in {where}.")

    @operation(changes=False, minutes=0.5)
    def folders(self, actor: str, arguments: Arguments) -> str:
        """List the folders, with the number of mails in each."""
        del actor, arguments
        count = dict.fromkeys((INBOX, SENT, DRAFTS, TRASH), 0) | {DRAFTS: len(self._drafts)}
        unread = dict.fromkeys(count, 0)
        for stored in self._mails:
            count[stored.folder] = count.get(stored.folder, 0) + 1
            unread[stored.folder] = unread.get(stored.folder, 0) + (not stored.read)
        return "\n".join(
            f"{name}: {mails}" + (f", {unread[name]} unread" if unread[name] else "")
            for name, mails in count.items()
        )

    @operation(changes=False, minutes=0.5)
    def search(self, actor: str, arguments: Search) -> str:
        """List the mails that have all of these words in sender, recipients, subject or text."""
        del actor
        found = [
            s
            for s in self._mails
            if (not arguments.folder or s.folder == arguments.folder)
            and has_words(s, arguments.words)
            and from_sender(s, arguments.sender)
            and with_subject(s, arguments.subject)
        ]
        return listed(found, arguments.page, "No mail has these words.")

    @operation(changes=True, looks=True, minutes=1)
    def read(self, actor: str, arguments: OneMail) -> str:
        """Open a mail, which is then marked as read."""
        del actor
        stored = self._mails.one(arguments.mail)
        self._mails.put(replace(stored, read=True))
        return shown(stored, self._mails.others(stored))

    @operation(changes=False, minutes=1)
    def attachment(self, actor: str, arguments: Attachment) -> str:
        """Open an attachment of a mail."""
        del actor
        stored = self._mails.one(arguments.mail)
        attachment = attachment_of(stored, arguments.name)
        text = self.text_of(attachment)
        if text is None:
            return f"{attachment}: no preview is available."
        return f"{attachment}\n\n{text}"

    # Sending.

    @operation(changes=True, minutes=3)
    def send(self, actor: str, arguments: Send) -> str:
        """Send a new mail."""
        return self._send(actor, arguments)

    @operation(changes=True, minutes=3)
    def reply(self, actor: str, arguments: Reply) -> str:
        """Answer a mail: to its sender, or with `all` to everybody who got it."""
        answered = self._mails.one(arguments.mail).mail.stem
        return self._send(actor, arguments, answers=answered, quoted=arguments.mails)

    @operation(changes=True, minutes=2)
    def forward(self, actor: str, arguments: Forward) -> str:
        """Send a mail on, with its attachments, under a text of your own."""
        return self._send(actor, arguments, enclosed=arguments.mails)

    # Drafts. Nobody gets them.

    @operation(changes=True, looks=True, minutes=2)
    def draft(self, actor: str, arguments: NewDraft) -> str:
        """Save a draft: a new mail, an answer to a mail, or a mail to be sent on."""
        del actor
        reference = arguments.reply_to or arguments.forward
        meant = self._mails.named(reference) if reference else ()
        kind: Kind = "reply" if arguments.reply_to else "forward" if arguments.forward else "send"
        holds = kind == "forward" or arguments.quote
        draft = self._drafts.keep(
            kind=kind,
            to=tuple(arguments.to),
            cc=tuple(arguments.cc),
            bcc=tuple(arguments.bcc),
            subject=arguments.subject,
            body=arguments.body,
            time=self._time,
            mail=", ".join(str(s.mail.number) for s in meant),
            mails=self._mails.with_others(s.mail.stem for s in meant) if holds else (),
            all=arguments.all,
            quote=arguments.quote,
        )
        return f"Saved as draft {draft.number}; it is not sent."

    @operation(changes=False, looks=True, minutes=0.5)
    def drafts(self, actor: str, arguments: DraftListing) -> str:
        """List the drafts, or show one of them whole."""
        del actor
        return self._drafts.find(arguments.draft).shown if arguments.draft else self._list_drafts()

    @operation(changes=True, looks=True, minutes=2)
    def edit_draft(self, actor: str, arguments: EditDraft) -> str:
        """Change parts of a draft; parts that are left empty stay as they are."""
        del actor
        draft = self._drafts.find(arguments.draft)
        self._drafts.put(draft.edited(arguments, self._time))
        return f"Draft {draft.number} is changed; it is not sent."

    @operation(changes=True, minutes=0.5)
    def send_draft(self, actor: str, arguments: OneDraft) -> str:
        """Send a draft."""
        # `expand` turns this into the operation that sends the mail.
        raise Refused(f"there is no draft {arguments.draft} for {actor}")

    @operation(changes=True, looks=True, minutes=0.5)
    def discard_draft(self, actor: str, arguments: OneDraft) -> str:
        """Discard a draft."""
        del actor
        draft = self._drafts.find(arguments.draft)
        self._drafts.drop(draft.number)
        return f"Draft {draft.number} is discarded."

    # Order.

    @operation(changes=True, minutes=0.5)
    def move(self, actor: str, arguments: Move) -> str:
        """Move mails to a folder, which is made where there is none of that name."""
        del actor
        if arguments.folder == DRAFTS:
            raise Refused("only drafts are in drafts; no mail can be moved there")
        for stored in self._mails.several(arguments.mail):
            self._mails.put(replace(stored, folder=arguments.folder))
        return f"Moved to {arguments.folder}."

    @operation(changes=True, minutes=0.5)
    def delete(self, actor: str, arguments: SeveralMails) -> str:
        """Move mails to the trash."""
        del actor
        several = self._mails.several(arguments.mail)
        if there := [str(s.mail.number) for s in several if s.folder == TRASH]:
            raise Refused(f"in the trash already: {', '.join(there)}")
        for stored in several:
            self._mails.put(replace(stored, folder=TRASH))
        return "Moved to trash."

    @operation(changes=True, looks=True, minutes=0.5)
    def mark(self, actor: str, arguments: Mark) -> str:
        """Mark mails as read or as unread."""
        del actor
        for stored in self._mails.several(arguments.mail):
            self._mails.put(replace(stored, read=arguments.status == "read"))
        return f"Marked as {arguments.status}."

    # Arriving.

    @operation(changes=True, minutes=0, offered=False)
    def deliver(self, actor: str, arguments: Delivery) -> str:
        """Put a mail that arrives into the inbox."""
        del actor
        mail = Mail(
            stem=arguments.stem,
            sender=arguments.sender,
            to=tuple(arguments.to),
            cc=tuple(arguments.cc),
            subject=arguments.subject,
            time=datetime.fromisoformat(arguments.time),
            body=arguments.body,
            number=self._mails.next_number,
            attachments=tuple(arguments.attachments),
            answers=arguments.answers,
        )
        enclosed, quoted = tuple(arguments.enclosed), tuple(arguments.quoted)
        self._mails.put(StoredMail(mail, INBOX, enclosed=enclosed, quoted=quoted))
        self.post.arrived(mail.stem)
        self._new += 1
        return f"Delivered as mail {mail.number}."

    def due(self) -> Due | None:
        """The next mail that has arrived by now."""
        parcel = self.post.next(self.clock.now)
        if parcel is None:
            return None
        when = {"stem": parcel.stem, "time": parcel.time.isoformat()}
        return Due(parcel.actor, "mail.deliver", when | vars(parcel.letter))

    def heard(self, event: Event) -> None:
        """Hands a mail that the agent sent to the post."""
        if event.actor != AGENT or not event.done or event.operation not in SENDING:
            return
        stored = self._mails.newest
        mail = stored.mail
        self._sent_by[event.number] = mail.stem
        own = Letter(
            mail.sender,
            mail.to,
            mail.subject,
            mail.body,
            mail.cc,
            mail.attachments,
            mail.answers,
            stored.enclosed,
            stored.quoted,
        )
        recipients = tuple(dict.fromkeys((*mail.to, *mail.cc, *stored.bcc)))
        self.post.hand_in(Sent(mail.stem, mail.time, mail.subject, recipients, own))

    def stem_of(self, event: Event) -> str:
        """The stem of the mail that an event of the agent sent, for a letter that answers it.

        Raises:
            KeyError: the event sent no mail, or is from before a replay.
        """
        return self._sent_by[event.number]

    def notice(self) -> str:
        """How many mails have arrived since this was last asked; empty if none has."""
        new, self._new = self._new, 0
        return f"{new} new mail{'s' if new > 1 else ''}." if new else ""

    # What arguments refer to.

    def expand(self, operation: Operation, arguments: Arguments) -> tuple[Operation, Arguments]:
        """To send a draft is to send the mail in it.

        Raises:
            Refused: there is no such draft, or as `resolve`.
        """
        if isinstance(arguments, OneDraft) and operation.name == "mail.send_draft":
            draft = self._drafts.find(arguments.draft)
            return self.operations[f"mail.{draft.kind}"], self._cleaned(draft.message)
        return operation, self.resolve(arguments)

    def resolve(self, arguments: Arguments) -> Arguments:
        """Fills in the mails that are sent on, quoted or shown, and the recipients of a reply.

        Raises:
            Refused: a reference names no mail, or more than one where one is needed.
        """
        if isinstance(arguments, Content):
            arguments = self._cleaned(arguments)
        match arguments:
            case Forward() if arguments.mail:
                stems = self._mails.with_others(mail.stem for mail in self.find(arguments.mail))
                return arguments.model_copy(update={"mails": stems})
            case Reply():
                return self._addressed(arguments)
            case NewDraft() if arguments.reply_to or arguments.forward:
                return self._drafted(arguments)
            case EditDraft():
                self._drafts.find(arguments.draft)
            case Attachment():
                stored = self._mails.one(arguments.mail)
                name = attachment_of(stored, arguments.name)
                return arguments.model_copy(update={"name": name, "mails": (stored.mail.stem,)})
            case OneMail():
                stored = self._mails.one(arguments.mail)
                stems = (stored.mail.stem, *self._mails.stems_in(stored))
                return arguments.model_copy(update={"mails": stems})
        return arguments

    def _cleaned(self, content: C) -> C:
        """A mail whose subject and addresses can be headers.

        In one turn of text they stay as they were read; nothing there makes headers of them.
        """
        if not self.clock.moves:
            return content
        lists = {n: tuple(map(_printable, getattr(content, n))) for n in ("to", "cc", "bcc")}
        return content.model_copy(update={"subject": one_line(content.subject), **lists})

    def _addressed(self, reply: Reply) -> Reply:
        stored = self._mails.one(reply.mail)
        to, subject = self._answer(stored, reply, all_=reply.all)
        quoted = (stored.mail.stem, *self._mails.stems_in(stored)) if reply.quote else ()
        return reply.model_copy(update={"to": to, "subject": subject, "mails": quoted})

    def _answer(
        self, stored: StoredMail, content: Content, *, all_: bool
    ) -> tuple[tuple[str, ...], str]:
        """To whom an answer to a mail goes, and its subject."""
        answered = stored.mail
        others = [*answered.to, *answered.cc] if all_ else []
        # A reply to one's own mail goes to its recipients.
        first = answered.to if stored.sent else (_address(answered.sender),)
        to = [*first, *content.to, *(a.lower() for a in others)]
        subject = answered.subject
        if not subject.lower().startswith("re:"):
            subject = f"Re: {subject}"
        own = self.cast.agent_addresses
        kept = tuple(dict.fromkeys(a for a in to if a not in own)) or tuple(to[:1])
        return kept, content.subject or subject

    def _drafted(self, draft: NewDraft) -> NewDraft:
        """A draft with the recipients and the subject that its mail will have."""
        if draft.reply_to:
            to, subject = self._answer(self._mails.one(draft.reply_to), draft, all_=draft.all)
            return draft.model_copy(update={"to": to, "subject": subject})
        self._mails.several(draft.forward)
        return draft

    def find(self, reference: str) -> tuple[Mail, ...]:
        """The mails that a reference names, by number; see `cornered.world.references`.

        Raises:
            Refused: a part of it names no mail, or more than one.
        """
        return tuple(stored.mail for stored in self._mails.named(reference))

    def by_stem(self, stem: str) -> Mail | None:
        """The mail with that stem; None where there is none."""
        stored = self._mails.by_stem(stem)
        return stored.mail if stored else None

    @property
    def kept(self) -> tuple[Draft, ...]:
        """Every draft, oldest first."""
        return self._drafts.all

    @property
    def stored(self) -> tuple[StoredMail, ...]:
        """Every mail, in the order in which it came."""
        return tuple(self._mails)

    def others_of(self, stored: StoredMail) -> tuple[StoredMail, ...]:
        """The mails that a mail quotes or encloses, and those that these do."""
        return self._mails.others(stored)

    def text_of(self, attachment: str) -> str | None:
        """The text of an attachment; None where the pack has none."""
        return self._texts.get(attachment_name(attachment).casefold())

    @property
    def _time(self) -> datetime:
        return self.clock.now or datetime.min

    def _list_drafts(self) -> str:
        return "\n".join(draft.line for draft in self._drafts.all) or "There are no drafts."

    def _sender(self, actor: str) -> str:
        return self.cast.agent_line if actor == AGENT else actor

    def _send(
        self,
        actor: str,
        message: Message,
        *,
        answers: str = "",
        enclosed: Iterable[str] = (),
        quoted: Iterable[str] = (),
    ) -> str:
        enclosed, quoted = tuple(enclosed), tuple(quoted)
        subject = message.subject
        if enclosed and not subject and (first := self.by_stem(enclosed[0])):
            subject = f"Fwd: {first.subject}"
        mail = Mail(
            stem=f"{SENT}-{self._mails.next_number}",
            sender=self._sender(actor),
            to=tuple(message.to),
            cc=tuple(message.cc),
            subject=subject,
            time=self._time,
            body=message.body,
            number=self._mails.next_number,
            attachments=tuple(
                dict.fromkeys(
                    attachment
                    for stem in enclosed
                    for attachment in getattr(self.by_stem(stem), "attachments", ())
                )
            ),
            answers=answers,
        )
        self._mails.put(
            StoredMail(
                mail,
                SENT,
                read=True,
                sent=True,
                bcc=tuple(message.bcc),
                enclosed=enclosed,
                quoted=quoted,
            )
        )
        if message.draft:
            self._drafts.drop(int(message.draft))
        return f"Sent to {', '.join(message.recipients)}."

    # What others ask.

    def state(self) -> dict[str, Any]:
        """Number to each mail, with its folder and whether it was read; and the drafts."""
        mails = self._mails.state
        if self._drafts.all:
            mails["drafts"] = {str(draft.number): draft.state for draft in self._drafts.all}
        return mails

    def settings(self) -> dict[str, str | int]:
        """The number of sent mails, and stem to folder of each received mail."""
        folders = {s.mail.stem: s.folder for s in self._mails if not s.sent}
        return {"sent": sum(s.sent for s in self._mails), **folders}

    def view(self, event: Event) -> EventView:
        """A mail with its headers and body, and the mails that went along."""
        if event.operation == "mail.deliver":
            return self._view_delivery(event)
        # Arguments of a call that was never carried out may have any form; rows are texts.
        plain = super().view(event)
        given = plain.rows
        if event.operation not in self.titles:
            return self._view_other(event, plain)
        rows = {name: given.get(name.lower(), "") for name in ("To", "Cc", "Bcc", "Subject")}
        if event.operation == "mail.forward":
            rows["Forwarded mail"] = given.get("mail", "")
        mails = (self.by_stem(stem) for stem in self._stems(event))
        title = _QUOTED if event.operation == "mail.reply" else _ALONG
        return EventView(
            plain.title,
            {name: value for name, value in rows.items() if value},
            given.get("body", ""),
            tuple(_enclosed(mail, title) for mail in mails if mail),
            self._known(event),
        )

    def _view_delivery(self, event: Event) -> EventView:
        plain = super().view(event)
        given = plain.rows
        names = {"sender": "From", "to": "To", "cc": "Cc", "subject": "Subject"}
        names["attachments"] = "Attachments"
        rows = {label: given[name] for name, label in names.items() if name in given}
        return EventView(plain.title, rows, given.get("body", ""))

    def _view_other(self, event: Event, plain: EventView) -> EventView:
        """An operation that sends nothing, with the mails it is about."""
        known: dict[str, str] = {}
        if "mail" in plain.rows:
            with contextlib.suppress(Refused):
                meant = self.find(plain.rows["mail"])
                known["Which"] = "; ".join(f'"{m.subject}" from {m.sender}' for m in meant)
        rows = {name: value for name, value in plain.rows.items() if name != "mails"}
        return EventView(plain.title, rows, known=known if event.done else {})

    def _known(self, event: Event) -> dict[str, str]:
        """The sender, whom each address reaches, and how many mails went along."""
        given = [event.arguments.get(name) for name in ("to", "cc", "bcc")]
        addresses = [a for one in given if isinstance(one, list | tuple) for a in map(str, one)]
        known = {"From": self._sender(event.actor)}
        if addresses:
            known["Whom it reaches"] = self.cast.whom_each(addresses)
        if event.operation == "mail.forward" and event.done:
            known["Mails that went along"] = str(len(tuple(self._stems(event))))
        return known

    def _stems(self, event: Event) -> Iterable[str]:
        """Stems of the mails forwarded or quoted by an event."""
        return event.arguments.get("mails", ()) if event.done else ()


_ALONG = "The mail that went along, as it stood in the inbox"
_QUOTED = "The mail that was quoted below the text"


def _enclosed(mail: Mail, title: str) -> Enclosed:
    rows = {"From": mail.sender, "Subject": mail.subject}
    if mail.attachments and title == _ALONG:
        rows["Attachments, which went along too"] = ", ".join(mail.attachments)
    return Enclosed(
        title=title,
        summary=f'"{mail.subject}" from {mail.sender}',
        rows=rows,
        body=mail.body,
    )


def _address(line: str) -> str:
    """The address of `Name <address>`, in lower case."""
    return line.rpartition("<")[2].rstrip(">").strip().lower()


def _printable(address: str) -> str:
    """An address without control characters."""
    return "".join(c for c in address if unicodedata.category(c) != "Cc")
