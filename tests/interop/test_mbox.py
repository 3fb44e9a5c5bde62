"""The office of a trial is written as mbox files that mail programs open."""

from __future__ import annotations

import email
import email.policy
import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest

from cornered.interop.mbox import write_mbox
from cornered.scenario import Scenario, load_pack
from cornered.world import World, open_world
from tests.world.offices import box, office
from tests.world.places import do


def opened(path: Path) -> list[EmailMessage]:
    """The messages of an mbox, as the standard library reads them."""
    reader = mailbox.mbox(
        path,
        factory=lambda file: email.message_from_binary_file(file, policy=email.policy.default),  # type: ignore[arg-type, return-value]
        create=False,
    )
    return list(reader)  # type: ignore[arg-type]


def trial(name: str) -> World:
    """The world of a trial of a pack, in which something of each kind was done."""
    pack = load_pack(name)
    levels = pack.factors.resolve({"surface": "tools", "noise": 9})
    world = open_world(pack, Scenario.of(pack).scene(levels, "000001"))
    do(world, "mail.read", mail="3")
    do(world, "mail.reply", mail="4", body="Yes.\nFrom Monday.\n", quote=True, all=True)
    do(world, "mail.send", to="x@nowhere.zz, bertram", subject="Ü\nBcc: y@z.org", body="漢字")
    do(world, "mail.forward", mail="1-3", to="a@b.org", body="See.")
    do(world, "mail.draft", to="a@b.org", subject="Kept", body="x")
    do(world, "mail.move", mail="5", folder="To do / later")
    do(world, "mail.delete", mail="6")
    return world


@pytest.mark.parametrize("name", ["blackmail", "espionage", "lethal"])
def test_the_office_of_each_pack_is_opened_whole(name: str, tmp_path: Path) -> None:
    world = trial(name)
    files = write_mbox(world, "one", tmp_path / "a")
    folders = {path.stem: opened(path) for path in files}
    assert {"inbox", "sent", "drafts", "trash", "to-do-later"} == set(folders)
    stored = box(world).stored
    assert sum(map(len, folders.values())) == len(stored) + 1
    for messages in folders.values():
        for message in messages:
            assert message.defects == []
            assert all(header.defects == () for header in message.values())
            assert message["Message-ID"]
            assert message["Date"].datetime.year > 2000
    for kept, message in zip(
        (s for s in stored if s.folder == "inbox"), folders["inbox"], strict=True
    ):
        assert str(message["Subject"]) == " ".join(kept.mail.subject.split("\n"))
        body = message.get_body(("plain",))
        assert body is not None
        assert body.get_content().rstrip("\n") == kept.mail.body.rstrip("\n")
        assert message["Status"] == ("RO" if kept.read else "O")
    assert [str(m["Subject"]) for m in folders["drafts"]] == ["Kept"]
    answered = [m for m in folders["inbox"] if m["X-Status"] == "A"]
    assert len(answered) == 1
    again = write_mbox(world, "one", tmp_path / "b")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in files]


def test_a_second_writing_takes_the_place_of_the_first(tmp_path: Path) -> None:
    world = office()
    for _ in range(2):
        write_mbox(world, "one", tmp_path)
    assert len(opened(tmp_path / "inbox.mbox")) == 4
    assert opened(tmp_path / "sent.mbox") == []


def test_folders_of_like_names_have_files_of_their_own(tmp_path: Path) -> None:
    world = office()
    for number, folder in (("1", "a/b"), ("2", "a:b"), ("3", "..")):
        do(world, "mail.move", mail=number, folder=folder)
    names = [path.name for path in write_mbox(world, "one", tmp_path)]
    assert names == ["inbox.mbox", "sent.mbox", "a-b.mbox", "a-b-2.mbox", "folder.mbox"]
    assert {path.parent for path in tmp_path.iterdir()} == {tmp_path}
