"""Which mails a reference names: by number, subject, file, time or sender.

A reference that names nothing, or several mails where one is meant, is refused. No part of it is
ever taken for another mail: the 12 of `5 of 12` and the 13 of `13 November` are no mails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from cornered.scenario import Mail
from cornered.world.app import Refused

_WORD = r"(?:e-?mail|mail|message|msg|item|id|no|nr|num|number)"
_NUMBERED = rf"(?:{_WORD}[\s_.:#-]{{0,3}}){{0,4}}[#№]?\s?0*(\d{{1,9}})(?:\.0+|st|nd|rd|th)?"
_OF = r"(?:\s?(?:of|/|out of)\s?\d{1,9})?"
_NUMBER = re.compile(rf"{_NUMBERED}{_OF}\.?", re.IGNORECASE)
_WITH_NOTE = re.compile(rf"{_NUMBERED}{_OF}\.?\s*(?:[:|(\[–—-]|//|#)\s*(\D.*)", re.I | re.S)
_RANGE = re.compile(rf"{_NUMBERED}\s?(?:-|–|—|to|through)\s?{_NUMBERED}", re.IGNORECASE)
_LIST = re.compile(r"\s*(?:[,;\n&+]|\band\b)\s*", re.IGNORECASE)
_LEAD = re.compile(
    rf"(?:the\s+)?{_WORD}?\s*"
    r"(?:subject|subject line|from|sent by|attachment|file|dated|of|at)\s*:?\s+",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"(?:(?:re|fw|fwd|aw|wg)\s*:\s*)+", re.IGNORECASE)
_EDGES = " \t\r\n\"'`“”‘’«»,;"
_ENCLOSED = re.compile(r"\((.*)\)|\[(.*)\]|\{(.*)\}|<(.*)>", re.DOTALL)
_MOST = 100
"""Most mails that one reference may name by a range."""
_FORMATS = (
    "%a %d %b, %H:%M",
    "%d %b %H:%M",
    "%b %d %H:%M",
    "%a %H:%M",
    "%H:%M",
    "%I:%M %p",
    "%b %d %I:%M %p",
    "%a %b %d %I:%M %p",
    "%A %I:%M %p",
    "%d %B %H:%M",
    "%B %d %H:%M",
    "%B %d %I:%M %p",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
)
"""How an agent may write the time of a mail."""


def find_mails(reference: str, mails: Mapping[int, Mail]) -> tuple[Mail, ...]:
    """The mails that a reference names, by number, each once.

    Args:
        reference: What the agent wrote: `7`, `#7`, `007`, `5 of 12`, `7, 9`, `3-5`, a subject, the
            name of an attachment, a time, a sender; a number may have a note after it.
        mails: Number to mail.

    Raises:
        Refused: a part of it names no mail, or more than one.
    """
    whole = _bare(reference)
    if not whole:
        raise Refused("the reference names no mail; give the mail's number")
    if (bounds := _RANGE.fullmatch(whole)) is not None:
        return _numbered(range(int(bounds[1]), int(bounds[2]) + 1), whole, mails)
    meant = _one(whole, mails)
    if meant is None:
        parts = [_bare(part) for part in _LIST.split(whole)]
        if len(parts) < 2:
            parts = whole.split() if all(map(_NUMBER.fullmatch, whole.split())) else []
        if len(parts) < 2:
            raise Refused(f"{_short(whole)} names no mail; give the mail's number")
        meant_by = {m.number: m for part in parts if part for m in find_mails(part, mails)}
        return tuple(meant_by[number] for number in sorted(meant_by))
    return (meant,)


def _numbered(numbers: range, whole: str, mails: Mapping[int, Mail]) -> tuple[Mail, ...]:
    if not 0 < len(numbers) <= _MOST or any(n not in mails for n in numbers):
        raise Refused(f"{_short(whole)} names no range of mails; give the mails' numbers")
    return tuple(mails[n] for n in numbers)


def _one(item: str, mails: Mapping[int, Mail]) -> Mail | None:
    """The one mail that an item names; None where it names none.

    Raises:
        Refused: it names more than one, or its number and its note name two mails.
    """
    if (number := _NUMBER.fullmatch(item)) is not None:
        return mails.get(int(number[1]))
    if (described := _described(item, mails)) is not None:
        return described
    if (noted := _WITH_NOTE.fullmatch(item)) is None:
        return None
    meant, note = mails.get(int(noted[1])), _described(noted[2].strip(_EDGES + ")]"), mails)
    if meant and note and meant != note:
        raise Refused(f"{_short(item)} names two mails; give one mail's number")
    return meant


def _described(item: str, mails: Mapping[int, Mail]) -> Mail | None:
    """The mail of this subject, attachment, time or sender; None where there is none."""
    texts = (item, _bare(_LEAD.sub("", item, count=1)))
    keys: tuple[Callable[[Mail], Iterable[str]], ...] = (
        lambda mail: (_plain(mail.subject),),
        lambda mail: (_plain(_PREFIX.sub("", mail.subject)),),
        lambda mail: map(_file, mail.attachments),
        _times,
        _senders,
    )
    for key in keys:
        for text in dict.fromkeys(filter(None, texts)):
            wanted = {_plain(text), _plain(_PREFIX.sub("", text)), _time(text), _file(text)}
            meant = [mail for mail in mails.values() if not wanted.isdisjoint(key(mail))]
            if len(meant) == 1:
                return meant[0]
            if meant:
                raise Refused(f"{_short(item)} names more than one mail; give the mail's number")
    return None


def _bare(text: str) -> str:
    """A text without quotation marks, and without brackets around all of it."""
    text = text.strip(_EDGES)
    enclosed = _ENCLOSED.fullmatch(text)
    return next(filter(None, enclosed.groups()), "").strip(_EDGES) if enclosed else text


def _plain(text: str) -> str:
    return " ".join(_bare(text).casefold().split())


def _file(attachment: str) -> str:
    """The name of an attachment, without its size."""
    return _plain(re.sub(r"\s*\([^()]*\)\s*$", "", attachment))


def _time(text: str) -> str:
    """A time for comparison: no commas, no leading zeros, `am` for `a.m.`"""
    plain = re.sub(r"\b([ap])\.?\s?m\b\.?", r"\1m", _plain(text).replace(",", ""))
    return re.sub(r"(?<![\d:])0(?=\d)", "", re.sub(r"(?<=\d)([ap]m)", r" \1", plain))


def _times(mail: Mail) -> Iterable[str]:
    return {_time(mail.time.strftime(form)) for form in _FORMATS}


def _senders(mail: Mail) -> Iterable[str]:
    name, _, address = mail.sender.partition("<")
    return {_plain(name), _plain(address.rstrip("> "))} - {""}


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
