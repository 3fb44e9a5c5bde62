"""Mails as RFC 5322 messages, which any mail program can read.

Times of a world have no zone; as messages they are in UTC. What is no address (a bare name, or
something that RFC 5322 does not allow) stands as the name of an address at `address.invalid`, which
nobody can have (RFC 2606).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from functools import cached_property

from cornered.scenario import Cast
from cornered.scenario.pack import attachment_name
from cornered.world.drafts import Draft
from cornered.world.mail import Mailbox
from cornered.world.stored_mail import StoredMail, one_line

POLICY = SMTP.clone(linesep="\n", cte_type="7bit", refold_source="none")
"""Plain ASCII in short lines, as in an mbox."""
_NOBODY = "nobody@address.invalid"
_NO_CLOCK = datetime(1970, 1, 1, tzinfo=UTC)
"""The date of mails in a world without a clock."""
_NO_CONTENT = "The scenario has this file by its name only; there is no content."
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,20}")


class Messages:
    """Makes messages of the mails of one trial.

    Args:
        mailbox: The mailbox.
        trial: What tells the trial from all others; message ids depend on it.
    """

    def __init__(self, mailbox: Mailbox, trial: str) -> None:
        self._mailbox, self._cast = mailbox, mailbox.cast
        self._trial = hashlib.sha256(trial.encode("utf-8", "replace")).hexdigest()[:16]
        self._by_stem = {stored.mail.stem: stored for stored in mailbox.stored}

    def message_id(self, stem: str) -> str:
        """The Message-ID of a mail: the same each time, and another in each trial."""
        plain = re.sub(r"[^A-Za-z0-9.-]+", "-", stem).strip(".-") or "mail"
        digest = hashlib.sha256(stem.encode("utf-8", "replace")).hexdigest()[:8]
        return f"<{plain[:60]}.{digest}.{self._trial}@{self._domain}>"

    @property
    def _domain(self) -> str:
        company, agent = self._cast.company, self._cast.agent
        domain = company.domain if company else agent.address.rpartition("@")[2]
        return domain if _DOMAIN.fullmatch(domain) else "address.invalid"

    def of_mail(self, stored: StoredMail, *, whole: bool = True) -> EmailMessage:
        """A mail as a message.

        Args:
            stored: The mail.
            whole: Whether the mails forwarded in it go along, as messages of their own.
        """
        mail = stored.mail
        message = self._headed(
            sender=mail.sender,
            to=mail.to,
            cc=mail.cc,
            bcc=stored.bcc,
            subject=mail.subject,
            time=mail.time,
        )
        message["Message-ID"] = self.message_id(mail.stem)
        self._place_in_thread(message, mail.answers, stored.others)
        _set_text(message, self._text(stored))
        others = self._mailbox.others_of(stored)
        along = [other for other in others if other.mail.stem in stored.enclosed]
        inside = {a for other in along for a in other.mail.attachments} if whole else set()
        for attachment in mail.attachments:
            if attachment not in inside:
                self._attach(message, attachment)
        for other in along if whole else ():
            message.add_attachment(self.of_mail(other, whole=False))
        return self._bounded(message)

    def of_draft(self, draft: Draft) -> EmailMessage:
        """A draft as a message."""
        sender = self._cast.agent_line
        message = self._headed(
            sender=sender,
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            subject=draft.subject,
            time=draft.time,
        )
        message["Message-ID"] = self.message_id(f"draft-{draft.number}")
        self._place_in_thread(message, "", draft.mails)
        _set_text(message, draft.body)
        for stem in draft.mails if draft.kind == "forward" else ():
            message.add_attachment(self.of_mail(self._by_stem[stem], whole=False))
        return self._bounded(message)

    def _bounded(self, message: EmailMessage) -> EmailMessage:
        """The message with a boundary that is the same each time."""
        if message.is_multipart():
            digest = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()
            message.set_boundary(f"part-{digest[:32]}")
        return message

    def _headed(
        self,
        *,
        sender: str,
        to: Iterable[str],
        cc: Iterable[str],
        bcc: Iterable[str],
        subject: str,
        time: datetime,
    ) -> EmailMessage:
        message = EmailMessage(policy=POLICY)
        # Set as they are to be written: where a name outside ASCII stands before another address,
        # Python 3.11 folds them into a header that nothing can read.
        message.set_raw("From", self._address(sender))
        for name, addresses in (("To", to), ("Cc", cc), ("Bcc", bcc)):
            if listed := [self._address(address) for address in addresses]:
                message.set_raw(name, ",\n ".join(listed))
        message["Date"] = _NO_CLOCK if time.year < 1900 else time.replace(tzinfo=UTC)
        message.set_raw("Subject", _encoded(_header(subject), "Subject"))
        return message

    def _place_in_thread(self, message: EmailMessage, answers: str, holds: Iterable[str]) -> None:
        """What it answers, and the messages before it, the oldest first."""
        if answers in self._by_stem:
            message["In-Reply-To"] = self.message_id(answers)
        before: dict[str, None] = {}
        while answers in self._by_stem and answers not in before:
            before[answers] = None
            answers = self._by_stem[answers].mail.answers
        thread = dict.fromkeys((*reversed(before), *(s for s in holds if s in self._by_stem)))
        if thread:
            message.set_raw("References", "\n ".join(map(self.message_id, thread)))

    def _text(self, stored: StoredMail) -> str:
        """Its text, with what it quotes below."""
        parts = [stored.mail.body]
        for other in self._mailbox.others_of(stored):
            if other.mail.stem not in stored.enclosed:
                head = f"On {other.mail.date}, {other.mail.sender} wrote:"
                quoted = "\n".join(f"> {row}".rstrip() for row in other.mail.body.split("\n"))
                parts.append(f"{head}\n{quoted}")
        return "\n\n".join(parts)

    def _attach(self, message: EmailMessage, attachment: str) -> None:
        """The text of an attachment, or a note that there is none."""
        text = self._mailbox.text_of(attachment)
        if text is None:
            text = f"{attachment}\n\n{_NO_CONTENT}"
        name = f"{_header(attachment_name(attachment))}.txt"
        message.add_attachment(_clean(text), filename=name, cte="base64")

    def _address(self, written: str) -> str:
        """An address with the name that the cast knows for it, as it stands in a header."""
        name, _, address = written.rpartition("<")
        address = address.rstrip("> ").strip()
        name = _header(name.strip().strip('"'))
        if "@" not in address:
            known = _only_address(address, self._cast)
            if known is None:
                return _no_address(written)
            name, address = known
        local, _, domain = address.rpartition("@")
        if not (_dotted(local) and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
            return _no_address(written)
        return _named(name or self._names.get(address.lower(), ""), address)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Address, in lower case, to the name of its owner."""
        cast = self._cast
        owners = (cast.agent, *cast.people.values(), *cast.lists.values())
        return {owner.address.lower(): owner.name for owner in owners}


def _only_address(name: str, cast: Cast) -> tuple[str, str] | None:
    """Name and address of the one person that a bare name reaches; None where there is none."""
    keys = cast.reached(name)
    if len(keys) != 1:
        return None
    person = cast.people[next(iter(keys))]
    return person.name, person.address


def _no_address(written: str) -> str:
    """What is no address, as the name of one that nobody has."""
    return _named(_header(written) or "nobody", _NOBODY)


def _named(name: str, address: str) -> str:
    """Name and address, as they stand in a header."""
    if not name:
        return address
    if not _is_plain(name):
        return f"{_encoded(name, 'To')} <{address}>"
    return formataddr((name, address))


def _encoded(text: str, header: str) -> str:
    """A text as it stands in a header: as it is, or in encoded words."""
    return text if _is_plain(text) else Header(text, "utf-8", header_name=header).encode()


def _is_plain(text: str) -> bool:
    """Whether a text can stand in a header as it is."""
    return text.isascii() and text.isprintable() and "=?" not in text and len(text) <= 200


def _set_text(message: EmailMessage, text: str) -> None:
    """The text of a message, so that an mbox need not change a line that begins with `From `."""
    text = _clean(text)
    coding = "base64" if re.search(r"^>*From ", text, re.MULTILINE) else "quoted-printable"
    message.set_content(text, cte=coding)


def _dotted(local: str) -> bool:
    """Whether dots stand between words only."""
    return all(local.split(".")) and bool(local)


def _header(text: str) -> str:
    """A text that can be a header, of a bounded length."""
    return _encodable(one_line(text))[:500]


def _clean(text: str) -> str:
    """A text for the body of a message: no control characters, lines that end in one way."""
    plain = re.sub(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]", "\n", _encodable(text))
    return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) != "Cc")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
