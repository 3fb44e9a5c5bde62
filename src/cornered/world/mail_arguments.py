"""The arguments of the operations on mail.

The text below a field is the help that an agent gets. Fields that the mailbox fills in are in no
schema.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.json_schema import SkipJsonSchema

from cornered.world.app import Arguments
from cornered.world.arguments import Recipients, Reference, Text

INBOX, SENT, DRAFTS, TRASH = "inbox", "sent", "drafts", "trash"
MOST_IN_FOLDER_NAME = 60
"""Characters of the name of a folder."""


def _flag(value: Any) -> Any:
    if value is None or value == "":
        return False
    return value.strip() if isinstance(value, str) else value


def _page(value: Any) -> Any:
    if value is None or value == "":
        return 1
    return value.strip() if isinstance(value, str) else value


def _folder(value: Any) -> Any:
    return " ".join(value.split()).lower() if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_flag)]
"""Yes or no; empty is no."""
Page = Annotated[int, Field(ge=1), BeforeValidator(_page)]
"""A page of a list, from 1."""
FolderName = Annotated[Text, BeforeValidator(_folder)]
"""The name of a folder, in lower case and on one line."""
FilledIn = SkipJsonSchema[tuple[str, ...]]
"""Stems that the mailbox fills in, never the actor."""


class MailArguments(Arguments):
    """The arguments of an operation on mail."""

    unless_empty: ClassVar[frozenset[str]] = frozenset()
    """Fields that are left out where they are empty."""

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        given: dict[str, Any] = serialize(self)
        return {k: v for k, v in given.items() if v or k not in self.unless_empty}


class Content(MailArguments):
    """The parts of a mail that its writer gives."""

    to: Recipients = ()
    """Addresses, separated by commas."""
    cc: Recipients = ()
    """Addresses of those who get a copy."""
    bcc: Recipients = ()
    """Addresses of those who get a copy that the others do not see."""
    subject: Text = ""
    """The subject line."""
    body: Text = ""
    """The text."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """All recipients (to, cc, bcc), in order, without repeats."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))

    @property
    def text(self) -> str:
        """Subject and body, with a line break between them."""
        return f"{self.subject}\n{self.body}"


class Message(Content):
    """An outgoing mail."""

    unless_empty: ClassVar[frozenset[str]] = frozenset(("draft",))

    draft: SkipJsonSchema[str] = ""
    """The number of the draft that is sent; empty where it was written at once."""


class Send(Message):
    """A new mail."""

    def missing(self) -> str | None:
        """A new mail needs a recipient, and a subject or a body."""
        if not self.recipients:
            return "no recipient"
        return None if self.subject or self.body else "no subject and no body"


class Reply(Message):
    """A reply to a mail: to its sender, and to the recipients named here."""

    unless_empty: ClassVar[frozenset[str]] = frozenset(("draft", "quote", "mails"))

    mail: Reference
    """The number of the mail that is answered."""
    all: Flag = False
    """Whether it goes to all recipients of that mail, too."""
    quote: Flag = False
    """Whether that mail is quoted below the text."""
    mails: FilledIn = ()
    """The stems of the mails that are quoted."""

    def missing(self) -> str | None:
        """A reply needs a mail and a body."""
        if not self.mail:
            return "no mail to answer"
        return None if self.body else "no body"


class Forward(Message):
    """A forwarded mail, with its attachments."""

    mail: Reference = ""
    """The number of the mail; several numbers, separated by commas, for several mails."""
    mails: FilledIn = ()
    """The stems of the mails that go along."""

    def missing(self) -> str | None:
        """A forwarded mail needs a recipient, and a mail or a text."""
        if not self.recipients:
            return "no recipient"
        return None if self.subject or self.body or self.mail else "nothing to forward"


class Listing(MailArguments):
    """A folder to list."""

    folder: FolderName = INBOX
    """The name of the folder; the inbox where none is given."""
    unread: Flag = False
    """Whether only unread mails are listed."""
    page: Page = 1
    """The page: 1 has the newest mails, 2 those before them."""


class OneMail(MailArguments):
    """A mail."""

    unless_empty: ClassVar[frozenset[str]] = frozenset(("mails",))

    mail: Reference
    """The number of the mail."""
    mails: FilledIn = ()
    """The stems of the mails whose text is shown: this one, and what it quotes or encloses."""


class SeveralMails(MailArguments):
    """One mail or several."""

    mail: Reference
    """The number of the mail; several numbers, separated by commas, for several mails."""


class Attachment(OneMail):
    """An attachment of a mail."""

    name: Text = ""
    """The file name; it can be left out where the mail has one attachment."""


class Search(MailArguments):
    """What to search for."""

    words: Text = ""
    """Words that the mail has, all of them."""
    sender: Text = ""
    """Words of the sender's name or address."""
    subject: Text = ""
    """Words of the subject."""
    folder: FolderName = ""
    """The folder to search; all folders where none is given."""
    page: Page = 1
    """The page: 1 has the newest mails, 2 those before them."""

    def missing(self) -> str | None:
        """A search needs words of something."""
        given = f"{self.words}{self.sender}{self.subject}".strip()
        return None if given else "no words to search for"


class Move(SeveralMails):
    """Mails, and the folder to move them to."""

    folder: FolderName
    """The name of the folder."""

    def missing(self) -> str | None:
        """A move needs the name of a folder."""
        if len(self.folder) > MOST_IN_FOLDER_NAME:
            return f"the name of a folder has at most {MOST_IN_FOLDER_NAME} characters"
        return None if self.folder else "no folder"


def _read_or_unread(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class Mark(SeveralMails):
    """Mails, and how to mark them."""

    status: Annotated[Literal["read", "unread"], BeforeValidator(_read_or_unread)]
    """`read` or `unread`."""


class NewDraft(Content):
    """A mail to be kept as a draft."""

    reply_to: Reference = ""
    """The number of the mail that it answers; empty for a new mail."""
    forward: Reference = ""
    """The numbers of the mails that it forwards; empty where it forwards none."""
    all: Flag = False
    """For an answer: whether it goes to all recipients of that mail, too."""
    quote: Flag = False
    """For an answer: whether that mail is quoted below the text."""

    def missing(self) -> str | None:
        """A draft needs something in it, and is of one kind."""
        if self.reply_to and self.forward:
            return "a draft answers a mail or forwards mails, not both"
        given = (*self.recipients, self.subject, self.body, self.reply_to, self.forward)
        return None if any(given) else "nothing to keep"


class OneDraft(MailArguments):
    """A draft."""

    draft: Reference
    """The number of the draft."""


class DraftListing(MailArguments):
    """Which drafts to show."""

    draft: Reference = ""
    """The number of a draft to show whole; empty for a list of all."""


class EditDraft(Content):
    """A draft, and what to put in place of its parts; a part that is left empty stays."""

    draft: Reference
    """The number of the draft."""


class Delivery(MailArguments):
    """A mail that arrives; the world gives it whole, so that a replay needs nothing else."""

    stem: str
    sender: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    subject: Text = ""
    body: Text = ""
    time: str
    """When it arrived, ISO 8601."""
    attachments: tuple[str, ...] = ()
    answers: str = ""
    enclosed: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
