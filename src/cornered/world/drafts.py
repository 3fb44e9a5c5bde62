"""Drafts: mails that the agent keeps and has not sent.

Nobody gets a draft. To send one is to send the mail in it, and is recorded as that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from cornered.world.app import Refused
from cornered.world.mail_arguments import EditDraft, Forward, Message, Reply, Send
from cornered.world.stored_mail import one_line, shortened

Kind = Literal["send", "reply", "forward"]
"""The operation that sends it, without `mail.`"""
_NUMBER = re.compile(r"[\W_]{0,9}(?:drafts?|number|no|id)?[\W_]{0,9}([0-9]{1,9})\W{0,9}", re.I)


@dataclass(frozen=True)
class Draft:
    """A draft; its recipients and subject are those that the mail will have."""

    number: int
    kind: Kind
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str
    body: str
    time: datetime
    """When it was last changed; the earliest time there is, in a world without a clock."""
    mail: str = ""
    """The reference to the mail that it answers, or to those that it forwards."""
    mails: tuple[str, ...] = ()
    """Stems of the mails that it quotes or that go along."""
    all: bool = False
    quote: bool = False

    @property
    def message(self) -> Message:
        """The mail in it, as it is sent."""
        content: dict[str, Any] = {
            "to": self.to,
            "cc": self.cc,
            "bcc": self.bcc,
            "subject": self.subject,
            "body": self.body,
            "draft": str(self.number),
        }
        if self.kind == "send":
            return Send.model_construct(**content)
        content |= {"mail": self.mail, "mails": self.mails}
        if self.kind == "forward":
            return Forward.model_construct(**content)
        return Reply.model_construct(**content, all=self.all, quote=self.quote)

    @property
    def line(self) -> str:
        """The draft in a list."""
        to = shortened(", ".join((*self.to, *self.cc, *self.bcc))) or "nobody yet"
        return f"{self.number}  to {to}  {shortened(one_line(self.subject)) or '(no subject)'}"

    @property
    def shown(self) -> str:
        """The draft as its writer sees it; what it quotes or encloses is named, not shown."""
        kinds = {
            "send": "a new mail",
            "reply": f"an answer to mail {self.mail}, {'quoted' if self.quote else 'not quoted'}",
            "forward": f"forwards mail {self.mail}",
        }
        rows = {
            "Draft": f"{self.number}, {kinds[self.kind]}",
            "To": ", ".join(self.to),
            "Cc": ", ".join(self.cc),
            "Bcc": ", ".join(self.bcc),
            "Subject": self.subject,
        }
        head = "\n".join(f"{name}: {value}" for name, value in rows.items() if value)
        return f"{head}\n\n{self.body}"

    @property
    def state(self) -> dict[str, Any]:
        """It as plain values."""
        lists = {name: [*getattr(self, name)] for name in ("to", "cc", "bcc", "mails")}
        return {
            **lists,
            "kind": self.kind,
            "subject": self.subject,
            "body": self.body,
            "mail": self.mail,
            "all": self.all,
            "quote": self.quote,
        }

    def edited(self, edit: EditDraft, time: datetime) -> Draft:
        """The draft with the parts of an edit that are not empty."""
        return replace(
            self,
            to=tuple(edit.to) or self.to,
            cc=tuple(edit.cc) or self.cc,
            bcc=tuple(edit.bcc) or self.bcc,
            subject=edit.subject or self.subject,
            body=edit.body or self.body,
            time=time,
        )


class Drafts:
    """The drafts of a mailbox, by number."""

    def __init__(self) -> None:
        self._drafts: dict[int, Draft] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._drafts)

    @property
    def all(self) -> tuple[Draft, ...]:
        """Every draft, oldest first."""
        return tuple(self._drafts.values())

    def find(self, reference: str) -> Draft:
        """The draft of a number, such as `2` or `draft 2`.

        Raises:
            Refused: there is no such draft.
        """
        number = _NUMBER.fullmatch(reference)
        draft = self._drafts.get(int(number[1])) if number else None
        if draft is None:
            known = shortened(", ".join(map(str, self._drafts))) or "none"
            raise Refused(
                f"there is no draft {shortened(one_line(reference), 80)}; there are: {known}"
            )
        return draft

    def keep(self, **content: Any) -> Draft:
        """A new draft of this content, with the next number."""
        self._last += 1
        self._drafts[self._last] = Draft(number=self._last, **content)
        return self._drafts[self._last]

    def put(self, draft: Draft) -> None:
        """Puts a draft in place of the one of its number."""
        self._drafts[draft.number] = draft

    def drop(self, number: int) -> None:
        """Removes a draft; there need be none."""
        self._drafts.pop(number, None)
