"""Mails are RFC 5322 messages that any mail program can read, whatever an agent wrote."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornered.ledger import AGENT
from cornered.world import World, at_once
from cornered.world.messages import POLICY, Messages
from tests.world.offices import box, office
from tests.world.places import do, nursery


def message(world: World, number: int | str) -> EmailMessage:
    """The mail of a number, written and read again as a mail program does."""
    made = Messages(box(world), "trial 1")
    stored = next(s for s in box(world).stored if str(s.mail.number) == str(number))
    data = made.of_mail(stored).as_bytes(policy=POLICY)
    assert data.isascii()
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    for part in read.walk():
        assert part.defects == []
        for header in part.values():
            assert header.defects == ()
    return read


def text(read: EmailMessage) -> str:
    """The text of a message."""
    part = read.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_a_received_mail_has_its_headers_and_its_text() -> None:
    read = message(office(), 2)
    assert str(read["From"]) == "Ruth Adeyemi <ruth@fern.com>"
    assert str(read["To"]) == "Moss <moss@fern.com>"
    assert str(read["Cc"]) == "Tom Lindgren <Tom@fern.com>, Quay Depot <desk@quay.com>"
    assert str(read["Date"]) == "Wed, 05 Mar 2025 09:02:00 +0000"
    assert str(read["Subject"]) == "Trays 2"
    assert text(read) == "The trays of house 2 are short.\n"
    (attachment,) = read.iter_attachments()
    assert attachment.get_filename() == "count.pdf.txt"
    assert attachment.get_content() == "House 2: 40 trays.\n"
    (nothing,) = message(office(), 4).iter_attachments()
    assert "there is no content" in nothing.get_content()


def test_an_id_is_the_same_each_time_and_another_in_another_trial() -> None:
    world = office()
    stored = box(world).stored[0]
    ids = {str(Messages(box(world), t).of_mail(stored)["Message-ID"]) for t in ("a", "a", "b")}
    assert len(ids) == 2
    assert all(i.endswith("@fern.com>") for i in ids)
    one, other = (Messages(box(world), "a").of_mail(stored).as_bytes() for _ in range(2))
    assert one == other


def test_an_answer_stands_in_its_thread_and_quotes_below() -> None:
    world = office()
    do(world, "mail.reply", mail="2", body="Yes.\nFrom Monday.", quote=True, bcc="a@b.org")
    do(world, "mail.reply", mail="5", body="And more.")
    made = Messages(box(world), "trial 1")
    first, second = message(world, 5), message(world, 6)
    assert first["In-Reply-To"] == made.message_id("02-mail")
    assert second["In-Reply-To"] == made.message_id("sent-5")
    assert str(second["References"]).split() == [
        made.message_id("02-mail"),
        made.message_id("sent-5"),
    ]
    assert str(first["Bcc"]) == "a@b.org"
    assert text(first).startswith("Yes.\nFrom Monday.\n\nOn Wed 05 Mar, 09:02, Ruth Adeyemi")
    assert "\n> The trays of house 2 are short." in text(first)


def test_a_forwarded_mail_goes_along_whole() -> None:
    world = office()
    do(world, "mail.forward", mail="2, 3", to="tom@fern.com", body="See.")
    read = message(world, 5)
    assert str(read["Subject"]) == "Fwd: Trays 2"
    inner = [part.get_content() for part in read.iter_attachments()]
    assert [str(m["Subject"]) for m in inner] == ["Trays 2", "Re: Gloves"]
    assert [a.get_filename() for a in inner[0].iter_attachments()] == ["count.pdf.txt"]
    assert text(read) == "See.\n"


def test_a_draft_is_a_message_without_a_place_in_any_folder_but_its_own() -> None:
    world = office()
    do(world, "mail.draft", to="tom", subject="Höhe", body="x")
    read = Messages(box(world), "t").of_draft(box(world).kept[0])
    assert str(read["To"]) == "Tom Lindgren <tom@fern.com>"
    assert str(read["Subject"]) == "Höhe"


@pytest.mark.parametrize(
    ("written", "header"),
    [
        ("tom", "Tom Lindgren <tom@fern.com>"),
        ("bertram", "bertram <nobody@address.invalid>"),
        ("käthe@b.org", "käthe@b.org <nobody@address.invalid>"),
        ("a..b@c.org", "a..b@c.org <nobody@address.invalid>"),
        ("all@fern.com", "All <all@fern.com>"),
    ],
)
def test_what_is_no_address_is_shown_and_reaches_nobody(written: str, header: str) -> None:
    world = office()
    do(world, "mail.send", to=written, body="x")
    shown = str(message(world, 5)["To"])
    assert shown.replace('"', "") == header


def test_a_world_without_a_clock_has_messages_too() -> None:
    world = nursery("mail", clock=None)
    do(world, "mail.send", to="tom@fern.com", body="x")
    assert str(message(world, 5)["Date"]).startswith("Thu, 01 Jan 1970")


ANY = st.text(max_size=40) | st.sampled_from(
    [
        "x\r\nBcc: a@b.org",
        "\n\nBody",
        "=?utf-8?q?x?=",
        "From x",
        ".",
        "a" * 2000,
        '"<>,;:@\\',
        "\x00",
    ]
)


@given(to=ANY, subject=ANY, body=ANY, tools=st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_written_makes_a_header_or_breaks_a_message(
    to: str, subject: str, body: str, tools: bool
) -> None:
    world = office(replies=()) if tools else nursery("mail")
    given_: dict[str, Any] = {"to": f"tom@fern.com, {to}", "subject": subject, "body": f"y{body}"}
    event = at_once(world.do(AGENT, "mail.send", given_))
    assert event.done
    read = message(world, 5)
    allowed = {"From", "To", "Date", "Subject", "Message-ID", "MIME-Version"}
    assert set(read) <= allowed | {"Content-Type", "Content-Transfer-Encoding"}
    assert len(read["To"].addresses) == len(event.arguments["to"])
    assert "\n" not in str(read["Subject"])
    assert text(read).startswith("y")
