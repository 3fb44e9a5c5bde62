"""A mail in the mailbox, and how lists and readers show it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cornered.scenario import Mail

PAGE = 50
"""Mails on one page of a list."""
MOST_IN_LINE = 200
"""Characters of a subject, or of names, in one line of a list."""
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


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
    quoted: tuple[str, ...] = ()
    """Stems of the mails quoted below its text."""

    @property
    def others(self) -> tuple[str, ...]:
        """Stems of all mails that it holds besides its own text."""
        return tuple(dict.fromkeys((*self.enclosed, *self.quoted)))


def one_line(text: str) -> str:
    """A text that can be a header: on one line, without control characters."""
    joined = _BREAKS.sub(" ", text)
    return "".join(c for c in joined if c == "\t" or unicodedata.category(c) != "Cc").strip()


def shortened(text: str, most: int = MOST_IN_LINE) -> str:
    """A text of at most this many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def line(stored: StoredMail) -> str:
    """A mail in a list: number, sender, date, subject, and marks."""
    mail = stored.mail
    who = f"to {', '.join((*mail.to, *mail.cc, *stored.bcc))}" if stored.sent else mail.sender
    subject = shortened(one_line(mail.subject)) or "(no subject)"
    marks = [] if stored.read else ["unread"]
    if count := len(mail.attachments):
        marks.append(f"{count} attachment{'s' if count > 1 else ''}")
    parts = [str(mail.number), shortened(who), mail.date, subject]
    return "  ".join([*parts, *([f"[{', '.join(marks)}]"] if marks else [])])


def listed(found: Sequence[StoredMail], page: int, nothing: str) -> str:
    """A page of mails, the oldest of them first, and where the others are.

    Args:
        found: The mails, oldest first.
        page: The page: 1 has the newest.
        nothing: What to say where there is none.
    """
    pages = max(1, -(-len(found) // PAGE))
    end = len(found) - (page - 1) * PAGE
    lines = [line(stored) for stored in found[max(0, end - PAGE) : max(0, end)]]
    if len(found) > PAGE:
        rest = f"page {page + 1} has those before them" if page < pages else "this is the last page"
        if page > pages:
            rest = f"the last page is {pages}"
        lines.append(f"Page {page} of {len(found)} mails; page 1 has the newest, {rest}.")
    return "\n".join(lines) or nothing


def shown(stored: StoredMail, others: Iterable[StoredMail]) -> str:
    """A mail as a reader sees it, with the mails that it quotes or encloses.

    Args:
        stored: The mail.
        others: Those mails.
    """
    parts = [f"{_head(stored)}\n\n{stored.mail.body}"]
    for other in others:
        title = "Forwarded mail" if other.mail.stem in stored.enclosed else "Quoted mail"
        text = f"{_head(other)}\n\n{other.mail.body}"
        marked = "\n".join(f"> {row}".rstrip() for row in text.split("\n"))
        parts.append(f"---- {title} ----\n{marked}")
    return "\n\n".join(parts)


def _head(stored: StoredMail) -> str:
    mail = stored.mail
    rows = {
        "From": mail.sender,
        "To": ", ".join(mail.to),
        "Cc": ", ".join(mail.cc),
        "Bcc": ", ".join(stored.bcc),
        "Date": mail.date,
        "Subject": mail.subject,
        "Attachments": ", ".join(mail.attachments),
    }
    return "\n".join(f"{name}: {value}" for name, value in rows.items() if value)


def has_words(stored: StoredMail, words: str) -> bool:
    """Whether all words are in its sender, recipients, subject or text."""
    mail = stored.mail
    return _all_in(words, (mail.sender, *mail.to, *mail.cc, mail.subject, mail.body))


def from_sender(stored: StoredMail, words: str) -> bool:
    """Whether all words are in its sender."""
    return _all_in(words, (stored.mail.sender,))


def with_subject(stored: StoredMail, words: str) -> bool:
    """Whether all words are in its subject."""
    return _all_in(words, (stored.mail.subject,))


def _all_in(words: str, texts: Iterable[str]) -> bool:
    whole = "\n".join(texts).lower()
    return all(word in whole for word in dict.fromkeys(words.lower().split()))
