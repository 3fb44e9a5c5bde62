"""Mails: in order, in some inbox, after what they answer; none of it where there are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from cornered.scenario.factors import one_turn
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.pack import MailFile, attachment_name

_INBOX = "<Inbox & {nothing} else>"
"""Stands for the inbox, to be looked for in the user message."""


def duplicate_stems(reader: PackReader) -> Iterator[Finding]:
    """Two mails of one file name: facts and answers could mean either."""
    stems = Counter(m.stem for m in reader.every_mail)
    for mail in (*reader.pack.noise, *reader.pack.arrivals):
        if stems[mail.stem] > 1:
            where = "mails/" if mail in reader.pack.noise else "another folder"
            yield Finding(str(mail.path), f"{where} has a mail of this name too")


def unknown_conditions(reader: PackReader) -> Iterator[Finding]:
    """Words of `when` that are no factor and no level."""
    for mail in reader.every_mail:
        for name, levels in mail.head.when.root.items():
            factor = reader.pack.vocabulary.get(name)
            if factor is None:
                yield Finding(str(mail.path), f"when: there is no factor {name}")
                continue
            for level in levels if not factor.count else ():
                if level not in factor.levels:
                    yield Finding(str(mail.path), f"when: {name} has no level {level}")


def wrong_times(reader: PackReader) -> Iterator[Finding]:
    """Mails out of the order of their files, not before the session, or arriving before it."""
    pack = reader.pack
    for folder in (pack.mails, pack.noise, pack.arrivals):
        for before, after in pairwise(folder):
            if after.head.time < before.head.time:
                yield Finding(
                    str(after.path),
                    f"time: out of order, earlier than {before.path.name}, which stands before it",
                )
    clock = pack.spec.clock
    for mail in reader.all_mails if clock else ():
        if clock and mail.head.time >= clock.moment:
            yield Finding(str(mail.path), "time: not before the session starts")
    for mail in pack.arrivals:
        if clock is None:
            yield Finding(str(mail.path), "time: the pack has no clock, so that nothing arrives")
        elif mail.head.time <= clock.moment:
            yield Finding(str(mail.path), "time: not after the session starts")


def wrong_replies(reader: PackReader) -> Iterator[Finding]:
    """Answers to a mail that is missing, is not older, or is not in the inbox with them."""
    by_stem = {m.stem: m for m in reader.every_mail}
    noise = {m.stem for m in reader.pack.noise}
    for mail in reader.every_mail:
        stem = mail.head.reply_to
        if stem is None:
            continue
        original = by_stem.get(stem)
        if original is None:
            yield Finding(str(mail.path), f"reply_to: there is no mail {stem}")
        elif original.head.time >= mail.head.time:
            yield Finding(str(mail.path), f"reply_to: {stem} is not earlier")
        if mail not in reader.pack.noise and stem in noise:
            yield Finding(
                str(mail.path), f"reply_to: {stem} is in the inbox only where there is noise"
            )
    story = (*reader.pack.mails, *reader.pack.arrivals)
    for mail in reader.every_mail:
        original = next((m for m in story if m.stem == mail.head.reply_to), None)
        if original:
            yield from _without_original(reader, mail, original)


def _without_original(reader: PackReader, mail: MailFile, original: MailFile) -> Iterator[Finding]:
    """The first cell whose inbox has the answer and not the mail that it answers."""
    for levels in reader.cells(original.head.when.root, mail.head.when):
        if not original.head.when.holds(levels):
            cell = " ".join(f"{k}={v}" for k, v in levels.items())
            yield Finding(
                str(mail.path), f"reply_to: {original.stem} is not in the inbox of {cell}"
            )
            return


def unselected_mails(reader: PackReader) -> Iterator[Finding]:
    """Mails that no condition puts into an inbox."""
    for mail in reader.every_mail:
        when = mail.head.when
        if next(reader.cells(when.root, when), None) is None:
            yield Finding(str(mail.path), f"no condition selects this mail ({when})")


def unknown_attachments(reader: PackReader) -> Iterator[Finding]:
    """Texts of attachments that no mail has: most often a name that was misspelt."""
    known = {attachment_name(a).casefold() for m in reader.every_mail for a in m.head.attachments}
    for name, path in reader.pack.attachments.items():
        if name.casefold() not in known:
            yield Finding(reader.file(path), f"no mail has an attachment called {name}")


def inbox_once(reader: PackReader) -> Iterator[Finding]:
    """In one turn of text the user message holds the inbox exactly once, with tools never.

    It is looked at in each way in which it can read. A pack without mails need not have an inbox.
    """
    if not reader.all_mails:
        return
    for levels in reader.cells(reader.task_reads):
        count = reader.renderer.task(levels, inbox=_INBOX).count(_INBOX)
        if count != (1 if one_turn(levels) else 0):
            times = f"{count} times" if count > 1 else "once" if count else "not"
            where, cell = reader.task_file(levels), reader.cell(levels)
            yield Finding(where, f"the inbox is {times} in the prompt of {cell}")
            return


def incomplete_inbox(reader: PackReader) -> Iterator[Finding]:
    """The prompt of a cell for each level of each factor holds all its mails.

    With tools the mails are in the mailbox.
    """
    for name in reader.pack.factors.offered if reader.all_mails else ():
        for levels in filter(one_turn, reader.pack.factors.projected({name})):
            task, mails = reader.renderer.prompt(levels).task, reader.renderer.mails(levels)
            if missing := [m.stem for m in mails if m.body not in task]:
                yield Finding(reader.file("task.md"), f"the inbox lacks {missing[0]}")
                return


def repeated_mails(reader: PackReader) -> Iterator[Finding]:
    """A mail that an inbox holds twice: the same words, from and to the same people.

    The inboxes looked at are those of the default cell with a level of each factor.
    """
    paths = {mail.stem: str(mail.path) for mail in reader.all_mails}
    seen: set[str] = set()
    for name in reader.pack.factors.offered if reader.all_mails else ():
        for levels in reader.pack.factors.projected({name}):
            earlier: dict[tuple[object, ...], str] = {}
            for mail in reader.renderer.mails(levels):
                key = (mail.sender, mail.to, mail.subject, " ".join(mail.body.split()))
                first = earlier.setdefault(key, mail.stem)
                if first != mail.stem and mail.stem not in seen:
                    seen.add(mail.stem)
                    yield Finding(paths[mail.stem], f"the same mail as {first}, in one inbox")
