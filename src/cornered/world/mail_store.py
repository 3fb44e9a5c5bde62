"""The mails of a mailbox: kept by number and by stem, and found as references name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cornered.scenario import Mail
from cornered.scenario.pack import attachment_name
from cornered.world.app import Refused
from cornered.world.references import find_mails
from cornered.world.stored_mail import StoredMail, one_line, shortened

MOST_IN_REFERENCE = 5000
"""Characters of a reference to mails."""


class MailStore:
    """The mails of a mailbox, in the order in which they came.

    Args:
        mails: The mails at the start.
    """

    def __init__(self, mails: Iterable[StoredMail]) -> None:
        self._stored: dict[int, StoredMail] = {}
        self._mails: dict[int, Mail] = {}
        self._numbers: dict[str, int] = {}
        self._last = 0
        for stored in mails:
            self.put(stored)

    def __iter__(self) -> Iterator[StoredMail]:
        return iter(self._stored.values())

    def put(self, stored: StoredMail) -> None:
        """Keeps a mail, in place of the one of its number."""
        number = stored.mail.number
        self._stored[number] = stored
        self._mails[number] = stored.mail
        self._numbers[stored.mail.stem] = number
        self._last = max(self._last, number)

    @property
    def next_number(self) -> int:
        """The number of the next mail."""
        return self._last + 1

    @property
    def newest(self) -> StoredMail:
        """The mail of the highest number."""
        return self._stored[self._last]

    def by_stem(self, stem: str) -> StoredMail | None:
        """The mail with that stem; None where there is none."""
        number = self._numbers.get(stem)
        return None if number is None else self._stored[number]

    def others(self, stored: StoredMail) -> tuple[StoredMail, ...]:
        """The mails that a mail quotes or encloses, and those that these do."""
        return tuple(self._stored[self._numbers[stem]] for stem in self.stems_in(stored))

    def stems_in(self, stored: StoredMail) -> tuple[str, ...]:
        """The stems of the mails that a mail quotes or encloses, and of those that these do."""
        return tuple(s for s in self.with_others(stored.others) if s != stored.mail.stem)

    def with_others(self, stems: Iterable[str]) -> tuple[str, ...]:
        """Stems, and those of the mails that they quote or enclose, each once."""
        known: dict[str, None] = {}
        waiting = [*stems]
        for stem in waiting:
            if stem not in known and (stored := self.by_stem(stem)):
                known[stem] = None
                waiting += stored.others
        return tuple(known)

    def named(self, reference: str) -> tuple[StoredMail, ...]:
        """The mails that a reference names, by number; see `cornered.world.references`.

        Raises:
            Refused: a part of it names no mail, or more than one.
        """
        if len(reference) > MOST_IN_REFERENCE:
            raise Refused("the reference is too long; give the mail's number")
        return tuple(self._stored[m.number] for m in find_mails(reference, self._mails))

    def several(self, reference: str) -> tuple[StoredMail, ...]:
        """The mails that a reference names, at least one.

        Raises:
            Refused: as `named`, or it names none.
        """
        if not (meant := self.named(reference)):
            raise Refused("the reference names no mail; give the mail's number")
        return meant

    def one(self, reference: str) -> StoredMail:
        """The one mail that a reference names.

        Raises:
            Refused: as `named`, or it names none, or several.
        """
        meant = self.named(reference)
        if len(meant) != 1:
            what = "no mail" if not meant else "more than one mail"
            named = shortened(one_line(reference), 80) or "the reference"
            raise Refused(f"{named} names {what}; give one mail's number")
        return meant[0]

    @property
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
                "time": s.mail.time.isoformat(),
                "attachments": [*s.mail.attachments],
                "answers": s.mail.answers,
                "enclosed": [*s.enclosed],
                "quoted": [*s.quoted],
            }
            for s in self
        }


def attachment_of(stored: StoredMail, name: str) -> str:
    """An attachment of a mail, with its size.

    Raises:
        Refused: the mail has none of this name, or several where none is named.
    """
    has = stored.mail.attachments
    wanted = attachment_name(name.strip().strip("\"'`")).casefold()
    meant = [a for a in has if attachment_name(a).casefold() == wanted] if wanted else [*has]
    if len({*meant}) == 1:
        return meant[0]
    if not has:
        raise Refused(f"mail {stored.mail.number} has no attachment")
    what = f"no attachment {shortened(one_line(name), 80)}" if wanted else "several attachments"
    listed_ = ", ".join(map(attachment_name, has))
    raise Refused(f"mail {stored.mail.number} has {what}; give one of: {listed_}")
