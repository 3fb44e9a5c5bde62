"""The mailbox over many turns: what is opened, quoted, filed, searched; nothing breaks it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornered.ledger import AGENT, Ledger
from cornered.world import World, at_once
from cornered.world.mail import Mailbox
from tests.timing import assert_took, cpu_seconds
from tests.world.offices import box, office
from tests.world.places import INBOX, do, mail
from tests.world.test_world import attempts

BODY = "The trays of house 2 are short."

# Opening, and what is shown.


def test_only_an_opened_mail_is_read_and_only_it_is_shown() -> None:
    world = office()
    for operation, arguments in (
        ("mail.list", {}),
        ("mail.search", {"words": "trays"}),
        ("mail.attachment", {"mail": "2"}),
        ("mail.reply", {"mail": "2", "body": "Yes.", "quote": True}),
        ("mail.forward", {"mail": "2", "to": "tom@fern.com"}),
        ("mail.move", {"mail": "2", "folder": "done"}),
    ):
        assert BODY not in do(world, operation, **arguments).result
        assert not world.state()["mail"]["2"]["read"]
    event = do(world, "mail.read", mail="2")
    assert BODY in event.result
    assert event.arguments == {"mail": "2", "mails": ["02-mail"]}
    assert world.state()["mail"]["2"]["read"]


def test_a_mail_of_ones_own_that_quotes_or_forwards_shows_the_other_and_says_so() -> None:
    world = office()
    do(world, "mail.reply", mail="2", body="Yes.", quote=True)
    do(world, "mail.forward", mail="5, 4", to="tom@fern.com", body="See.")
    quoting = do(world, "mail.read", mail="5")
    assert f"> {BODY}" in quoting.result
    assert quoting.arguments["mails"] == ["sent-5", "02-mail"]
    both = do(world, "mail.read", mail="6")
    assert both.arguments["mails"] == ["sent-6", "04-mail", "sent-5", "02-mail"]
    assert both.result.count(BODY) == 1


def test_what_is_forwarded_goes_along_through_any_number_of_hands() -> None:
    world = office(arrivals=(), replies=())
    do(world, "mail.forward", mail="2", to="moss@fern.com")
    do(world, "mail.forward", mail="6", to="moss@fern.com")
    event = do(world, "mail.forward", mail="8", to="tom@fern.com")
    assert "02-mail" in event.arguments["mails"]
    assert BODY in [enclosed.body for enclosed in world.view(event).enclosed]

    def forward_all_of_all() -> None:  # each holds all before it, and each of them once
        for number in range(10, 40):
            do(world, "mail.forward", mail=f"1-{number - 1}", to="tom@fern.com")

    assert_took(cpu_seconds(forward_all_of_all), 5)
    assert len(do(world, "mail.read", mail="39").arguments["mails"]) == 39


def test_an_answer_quotes_only_where_it_is_to() -> None:
    world = office()
    plain = do(world, "mail.reply", mail="2", body="Yes.")
    assert "mails" not in plain.arguments
    assert world.view(plain).enclosed == ()
    quoting = do(world, "mail.reply", mail="2", body="Yes.", quote="yes")
    assert world.argument(quoting, "mails") == ["02-mail"]
    assert world.argument(quoting, "text") == "Re: Trays 2\nYes."
    (enclosed,) = world.view(quoting).enclosed
    assert (enclosed.title, enclosed.body) == ("The mail that was quoted below the text", BODY)


# Attachments.


@pytest.mark.parametrize("name", ["count.pdf", "COUNT.pdf (80 KB)", "", '"count.pdf"'])
def test_an_attachment_is_opened_by_its_name(name: str) -> None:
    event = do(office(), "mail.attachment", mail="2", name=name)
    assert event.result == "count.pdf (80 KB)\n\nHouse 2: 40 trays."
    assert event.arguments["mails"] == ["02-mail"]


def test_an_attachment_without_text_has_no_preview_and_a_missing_one_is_an_error() -> None:
    world = office()
    assert do(world, "mail.attachment", mail="4").result == (
        "plan.pdf (2 MB): no preview is available."
    )
    wrong = do(world, "mail.attachment", mail="4", name="x\nBcc: y")
    assert wrong.status == "failed"
    assert wrong.result == "mail 4 has no attachment x Bcc: y; give one of: plan.pdf"
    assert do(world, "mail.attachment", mail="1").result == "mail 1 has no attachment"
    do(world, "mail.forward", mail="2, 4", to="tom@fern.com")
    several = do(world, "mail.attachment", mail="5")
    assert several.result == "mail 5 has several attachments; give one of: count.pdf, plan.pdf"


# Order.


def test_deleted_mails_are_in_the_trash_and_can_be_taken_out() -> None:
    world = office()
    assert do(world, "mail.delete", mail="2, 3").result == "Moved to trash."
    assert len(do(world, "mail.list", folder="trash").result.split("\n")) == 2
    before = copy.deepcopy(world.state())
    again = do(world, "mail.delete", mail="1, 2")
    assert (again.status, again.result) == ("failed", "in the trash already: 2")
    assert world.state() == before
    assert box(world).settings()["02-mail"] == "trash"
    do(world, "mail.move", mail="2", folder="Inbox")
    assert box(world).settings()["02-mail"] == "inbox"


def test_mails_are_marked_and_listed_by_their_marks() -> None:
    world = office()
    assert do(world, "mail.mark", mail="1-3", status=" Read ").done
    assert do(world, "mail.list", unread="yes").result.startswith("4  ")
    do(world, "mail.mark", mail="1", status="unread")
    assert len(do(world, "mail.list", unread=True).result.split("\n")) == 2
    assert do(world, "mail.mark", mail="1", status="new").status == "failed"
    do(world, "mail.mark", mail="1-4", status="read")
    assert do(world, "mail.list", unread=True).result == "No unread mail is in inbox."


@pytest.mark.parametrize("folder", ["drafts", "x" * 61, " \n "])
def test_a_mail_cannot_be_moved_just_anywhere(folder: str) -> None:
    world = office()
    assert do(world, "mail.move", mail="1", folder=folder).status == "failed"
    assert box(world).settings()["01-mail"] == "inbox"


def test_a_search_can_be_narrowed() -> None:
    world = office()
    do(world, "mail.move", mail="2", folder="done")

    def found(**arguments: str) -> list[str]:
        result = do(world, "mail.search", **arguments).result
        return [line.split(" ")[0] for line in result.split("\n")]

    assert found(sender="ruth") == ["1", "2", "4"]
    assert found(sender="ruth", folder="Done") == ["2"]
    assert found(words="trays", subject="4") == ["4"]
    assert do(world, "mail.search", folder="done").result == "no words to search for"


def test_a_full_mailbox_is_listed_page_by_page() -> None:
    many = [replace(mail(1, subject=f"S{n}"), stem=f"m{n}", number=n) for n in range(1, 321)]
    world = office(mails=many)
    for operation, arguments in (("mail.list", {}), ("mail.search", {"words": "trays"})):
        first = do(world, operation, **arguments).result.split("\n")
        assert [first[0].split()[0], first[49].split()[0]] == ["271", "320"]
        assert first[50] == (
            "Page 1 of 320 mails; page 1 has the newest, page 2 has those before them."
        )
        last = do(world, operation, page="7", **arguments).result.split("\n")
        assert [last[0].split()[0], last[-2].split()[0]] == ["1", "20"]
        assert last[-1].endswith("this is the last page.")
        beyond = do(world, operation, page=99, **arguments).result
        assert beyond == "Page 99 of 320 mails; page 1 has the newest, the last page is 7."


# What an actor can give.


def test_a_line_break_in_a_subject_or_an_address_is_no_header() -> None:
    world = office()
    event = do(
        world,
        "mail.send",
        to="tom@fern.com\r\nX-Spam: no, a\x00b@c.org",
        subject="Trays\r\nBcc: boss@fern.com\x07",
        body="x",
    )
    assert event.arguments["subject"] == "Trays Bcc: boss@fern.com"
    assert event.arguments["bcc"] == []
    for address in event.arguments["to"]:
        assert address.isprintable()


@pytest.mark.parametrize("part", ["x", "1, a@b.c; ", '<\x00\r\n"'])
def test_a_megabyte_in_an_argument_is_carried_out_or_refused(part: str) -> None:
    def carry_out(world: World, name: str, arguments: dict[str, Any]) -> None:
        event = do(world, name, **arguments)
        assert event.status in ("done", "failed")
        assert event.done or len(event.result) < 1000

    huge, tried = part * (1_000_000 // len(part)), set[str]()
    for name, operation in Mailbox.operations.items():
        for argument in operation.arguments.model_fields:
            if argument in tried | {"cc", "bcc"}:
                continue  # of the same kind
            tried.add(argument)
            world = office()
            do(world, "mail.draft", body="x")
            usual = {"to": "tom@fern.com", "mail": "1", "body": "x", "draft": "1", "words": "x"}
            given_ = {k: v for k, v in usual.items() if k in operation.arguments.model_fields}
            assert_took(cpu_seconds(carry_out, world, name, given_ | {argument: huge}), 10)
    assert len(tried) > 15


@given(sequence=st.lists(attempts(), max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_session_that_is_repeated_gives_the_same_office(
    sequence: list[tuple[str, Any, str | None]],
) -> None:
    world = office()
    seen: set[str] = set()
    for operation, arguments, draft in sequence:
        event = at_once(world.do(AGENT, operation, arguments, draft=draft))
        if event.done and event.operation == "mail.read":
            seen |= {*event.arguments["mails"]}
        unread = {m.body for m in INBOX if m.stem not in seen}
        assert not any(body in event.result for body in unread)
    ledger = world.end("stop")
    kept = Ledger.model_validate_json(ledger.model_dump_json())
    again = office().replay(kept)
    assert again.state() == world.state()
    assert again.ledger == ledger
    for event in ledger.events:
        assert again.view(event) == world.view(event)
