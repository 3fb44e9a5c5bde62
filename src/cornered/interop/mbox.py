"""The office of a trial as mbox files, one for each folder, which any mail program opens."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path

from cornered.world import World
from cornered.world.mail import Mailbox
from cornered.world.mail_arguments import DRAFTS, INBOX, SENT
from cornered.world.messages import POLICY, Messages


def folder_messages(world: World, trial: str) -> dict[str, list[EmailMessage]]:
    """Folder to its messages, in the order in which they came; empty in a world without mail.

    The headers `Status` and `X-Status` tell mail programs what was read and answered, and
    `X-Folder` names the folder, should the messages of several be put together.

    Args:
        world: The world of the trial, at the time that is wanted.
        trial: What tells the trial from all others; message ids depend on it.
    """
    box = world.apps.get("mail")
    if not isinstance(box, Mailbox):
        return {}
    messages = Messages(box, trial)
    folders: dict[str, list[EmailMessage]] = {INBOX: [], SENT: []}
    answered = {stored.mail.answers for stored in box.stored if stored.sent}
    for stored in box.stored:
        message = messages.of_mail(stored)
        message["Status"] = "RO" if stored.read else "O"
        if stored.mail.stem in answered:
            message["X-Status"] = "A"
        folders.setdefault(stored.folder, []).append(message)
    for draft in box.kept:
        message = messages.of_draft(draft)
        message["Status"] = "RO"
        message["X-Status"] = "T"
        folders.setdefault(DRAFTS, []).append(message)
    for name, listed in folders.items():
        for message in listed:
            message["X-Folder"] = name
    return folders


def write_mbox(world: World, trial: str, folder: Path) -> list[Path]:
    """Writes the office of a trial as mbox files; files of these names are written anew.

    Args:
        world: The world of the trial, at its end.
        trial: What tells the trial from all others.
        folder: Where the files go; it is made where there is none.

    Returns:
        The files: `inbox.mbox`, `sent.mbox`, and one for each other folder with a mail in it.

    Raises:
        OSError: a file cannot be written.
    """
    folders = folder_messages(world, trial)
    names = dict(zip(folders, _file_names(folders), strict=True))
    if folders:
        folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, messages in folders.items():
        path = folder / f"{names[name]}.mbox"
        path.unlink(missing_ok=True)
        box = mailbox.mbox(path, create=True)
        try:
            for message in messages:
                stored = mailbox.mboxMessage(message.as_bytes(policy=POLICY))
                sender = message["From"].addresses[0].addr_spec
                stored.set_from(sender, message["Date"].datetime.timetuple())
                box.add(stored)
        finally:
            box.close()
        written.append(path)
    return written


def _file_names(folders: Iterable[str]) -> list[str]:
    """A file name for each folder, no two alike, without characters that a system forbids."""
    names: list[str] = []
    for folder in folders:
        plain = re.sub(r"[^\w-]+", "-", folder).strip("-") or "folder"
        number = 2
        name = plain
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names.append(name)
    return names
