"""The mailbox behaves as people know mailboxes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cornered.scenario import Scene
from cornered.world import World
from cornered.world.mail import Mailbox
from tests.timing import assert_linear
from tests.world.places import CAST, INBOX, do, mail, nursery


def lines(world: World, operation: str, **arguments: str) -> list[str]:
    """The subjects that a listing shows, in order."""
    found = do(world, operation, **arguments).result.split("\n")
    return [line.partition("  [")[0].rpartition("  ")[2] for line in found]


# Reading.


def test_the_inbox_is_listed_with_numbers_senders_times_and_subjects() -> None:
    result = do(nursery(), "mail.list").result.split("\n")
    assert len(result) == len(INBOX)
    assert result[0] == "1  Ruth Adeyemi <ruth@fern.com>  Wed 05 Mar, 09:01  Trays 1  [unread]"
    assert result[1].endswith("Trays 2  [unread, 1 attachment]")
    assert do(nursery(), "mail.list", folder=" INBOX ").result.split("\n") == result


def test_a_mail_that_is_read_is_shown_whole_and_marked_as_read() -> None:
    world = nursery()
    assert not world.state()["mail"]["2"]["read"]
    event = do(world, "mail.read", mail="2")
    assert event.result == (
        "From: Ruth Adeyemi <ruth@fern.com>\n"
        "To: moss@fern.com\n"
        "Cc: Tom@fern.com, desk@quay.com\n"
        "Date: Wed 05 Mar, 09:02\n"
        "Subject: Trays 2\n"
        "Attachments: count.pdf (80 KB)\n"
        "\n"
        "The trays of house 2 are short."
    )
    assert world.state()["mail"]["2"]["read"]
    assert not world.state()["mail"]["1"]["read"]


@pytest.mark.parametrize("reference", ["3", "#3", "ID: 3", " 3 ", "mail 3", '"3"', 3])
def test_a_mail_is_named_by_its_number(reference: str) -> None:
    assert "Subject: Re: Gloves" in do(nursery(), "mail.read", mail=reference).result


def test_looking_around_changes_nothing() -> None:
    world = nursery()
    before = world.state()
    for operation, arguments in (
        ("mail.list", {}),
        ("mail.folders", {}),
        ("mail.search", {"words": "trays"}),
    ):
        assert do(world, operation, **arguments).done
    assert world.state() == before


# Searching.


@pytest.mark.parametrize(
    ("words", "subjects"),
    [
        ("quay", ["Trays 2", "Re: Gloves"]),  # a copy, a sender
        ("RUTH ADEYEMI", ["Trays 1", "Trays 2", "Trays 4"]),
        ("gloves", ["Re: Gloves"]),
        ("house 4", ["Trays 4"]),
        ("all@fern.com", ["Re: Gloves"]),
        ("short gloves", ["Re: Gloves"]),
        ("gloves ruth", ["No mail has these words."]),
        ("nothing like it", ["No mail has these words."]),
    ],
)
def test_a_search_finds_all_words_in_sender_recipients_subject_and_text(
    words: str, subjects: list[str]
) -> None:
    assert lines(nursery(), "mail.search", words=words) == subjects


# Folders.


def test_a_mail_is_moved_to_a_folder_that_is_made_for_it() -> None:
    world = nursery()
    assert do(world, "mail.folders").result == "inbox: 4, 4 unread\nsent: 0\ndrafts: 0\ntrash: 0"
    assert do(world, "mail.move", mail="2", folder=" Done ").result == "Moved to done."
    assert do(world, "mail.folders").result.endswith("trash: 0\ndone: 1, 1 unread")
    assert lines(world, "mail.list", folder="DONE") == ["Trays 2"]
    assert "Trays 2" not in lines(world, "mail.list")
    assert world.apps["mail"].settings()["02-mail"] == "done"
    do(world, "mail.move", mail="2", folder="inbox")
    assert do(world, "mail.folders").result.startswith("inbox: 4, 4 unread\n")
    assert lines(world, "mail.list")[1] == "Trays 2"
    assert do(world, "mail.list", folder="Nowhere").result == "No mail is in nowhere."


def test_only_what_was_sent_counts_as_sent_wherever_it_lies() -> None:
    world = nursery()
    do(world, "mail.move", mail="2", folder="Sent")
    assert world.apps["mail"].settings()["sent"] == 0
    assert world.apps["mail"].settings()["02-mail"] == "sent"
    assert do(world, "mail.forward", mail="2", to="a@b.org").arguments["mails"] == ["02-mail"]
    do(world, "mail.move", mail="5", folder="archive")
    settings = world.apps["mail"].settings()
    assert settings["sent"] == 1
    assert set(settings) == {"sent", *(m.stem for m in INBOX)}


# Sending.


def test_a_mail_that_is_sent_is_listed_as_sent() -> None:
    world = nursery()
    event = do(
        world,
        "mail.send",
        to="Ruth <RUTH@fern.com>, Tom",
        cc="desk@quay.com",
        bcc="x@y.org",
        subject="Trays",
        body="Forty it is.",
    )
    assert event.result == "Sent to ruth@fern.com, tom, desk@quay.com, x@y.org."
    (line,) = do(world, "mail.list", folder="sent").result.split("\n")
    assert line == "5  to ruth@fern.com, tom, desk@quay.com, x@y.org  Thu 06 Mar, 14:00  Trays"
    assert world.state()["mail"]["5"] == {
        "stem": "sent-5",
        "folder": "sent",
        "read": True,
        "sender": "Moss <moss@fern.com>",
        "to": ["ruth@fern.com", "tom"],
        "cc": ["desk@quay.com"],
        "bcc": ["x@y.org"],
        "subject": "Trays",
        "body": "Forty it is.",
        "time": "2025-03-06T14:00:00",
        "attachments": [],
        "answers": "",
        "enclosed": [],
        "quoted": [],
    }
    assert "Trays" not in lines(world, "mail.list")
    assert lines(world, "mail.search", words="forty") == ["Trays"]
    shown = do(world, "mail.read", mail="5").result
    assert "Forty it is." in shown
    assert do(world, "mail.send", to="tom@fern.com", body="And one.").done
    assert set(world.state()["mail"]) == {"1", "2", "3", "4", "5", "6"}
    assert world.apps["mail"].settings()["sent"] == 2


def test_without_a_clock_a_mail_is_sent_all_the_same() -> None:
    world = nursery(clock=None)
    assert do(world, "mail.send", to="tom@fern.com", body="x").done
    assert len(do(world, "mail.list", folder="sent").result.split("\n")) == 1


# Answering.


def test_an_answer_goes_to_the_sender_alone() -> None:
    world = nursery()
    event = do(world, "mail.reply", mail="2", body="Yes.")
    assert event.arguments["to"] == ["ruth@fern.com"]
    assert event.arguments["subject"] == "Re: Trays 2"
    assert event.result == "Sent to ruth@fern.com."
    assert world.state()["mail"]["5"]["body"] == "Yes."


def test_an_answer_to_an_answer_has_one_re() -> None:
    event = do(nursery(), "mail.reply", mail="3", body="Yes.")
    assert event.arguments["subject"] == "Re: Gloves"
    assert event.arguments["to"] == ["desk@quay.com"]


def test_an_answer_to_all_goes_to_everybody_but_the_agent() -> None:
    event = do(nursery(), "mail.reply", mail="2", body="Yes.", all=True)
    assert event.arguments["to"] == ["ruth@fern.com", "tom@fern.com", "desk@quay.com"]
    event = do(nursery(), "mail.reply", mail="4", body="Yes.", all=True)
    assert event.arguments["to"] == ["ruth@fern.com", "tom@fern.com"]
    event = do(nursery(), "mail.reply", mail="3", body="Yes.", all=True)
    assert event.arguments["to"] == ["desk@quay.com", "all@fern.com"]


def test_an_answer_may_name_more_people_and_a_subject() -> None:
    event = do(
        nursery(), "mail.reply", mail="1", body="x", subject="Forty", to="Tom@fern.com", bcc="a@b.c"
    )
    assert event.arguments["to"] == ["ruth@fern.com", "tom@fern.com"]
    assert event.arguments["bcc"] == ["a@b.c"]
    assert event.arguments["subject"] == "Forty"


def test_an_answer_to_a_mail_of_ones_own_goes_on_to_those_who_got_it() -> None:
    world = nursery()
    do(world, "mail.send", to="ruth@fern.com, tom@fern.com", cc="desk@quay.com", subject="x")
    assert do(world, "mail.reply", mail="5", body="And more.").arguments["to"] == [
        "ruth@fern.com",
        "tom@fern.com",
    ]
    everybody = do(world, "mail.reply", mail="5", body="And more.", all=True)
    assert everybody.arguments["to"] == ["ruth@fern.com", "tom@fern.com", "desk@quay.com"]


@pytest.mark.parametrize("all_", [False, True])
def test_an_answer_to_oneself_reaches_oneself(all_: bool) -> None:
    note = mail(1, "Moss <moss@fern.com>", to=("moss@fern.com",))
    scene = Scene({}, CAST, (note,))
    world = World(scene, {"mail": Mailbox.open(scene)})
    event = do(world, "mail.reply", mail="1", body="Done.", all=all_)
    assert event.arguments["to"] == ["moss@fern.com"]


# Forwarding.


def test_a_forwarded_mail_takes_its_attachments_along() -> None:
    world = nursery()
    event = do(world, "mail.forward", mail="#2", to="a@b.org", body="See below.")
    assert event.arguments["mails"] == ["02-mail"]
    sent = world.state()["mail"]["5"]
    assert sent["attachments"] == ["count.pdf (80 KB)"]
    assert sent["enclosed"] == ["02-mail"]
    assert sent["body"] == "See below."
    (enclosed,) = world.view(event).enclosed
    assert enclosed.body == INBOX[1].body
    assert enclosed.rows["From"] == INBOX[1].sender
    assert "count.pdf (80 KB)" in enclosed.rows.values()


def test_several_mails_are_forwarded_at_once() -> None:
    world = nursery()
    event = do(world, "mail.forward", mail="4, 2 and 1", to="a@b.org")
    assert event.arguments["mails"] == ["01-mail", "02-mail", "04-mail"]
    assert world.state()["mail"]["5"]["attachments"] == ["count.pdf (80 KB)", "plan.pdf (2 MB)"]
    assert len(world.view(event).enclosed) == 3


@pytest.mark.parametrize(
    ("reference", "stems"),
    [
        ("004", "4"),
        ("email_4", "4"),
        ("4.0", "4"),
        (4.0, "4"),
        ([4, "2"], "24"),
        ('["4", "2"]', "24"),
        ("4th", "4"),
        ("2 of 4", "2"),
        ("mail 2 out of 4", "2"),
        ("2/4", "2"),
        ("2-4", "234"),
        ("Trays 4", "4"),
        ("re: trays 4", "4"),
        ("Gloves", "3"),
        ('the mail with subject "Re: Gloves"', ""),
        ("subject: Re: Gloves", "3"),
        ("count.pdf", "2"),
        ("plan.pdf (2 MB)", "4"),
        ("09:04", "4"),
        ("9:04 am", "4"),
        ("9:04 a.m.", "4"),
        ("Wed 05 Mar, 09:04", "4"),
        ("2025-03-05 09:04", "4"),
        ("2025-03-05T09:04:00", "4"),
        ("March 5, 9:04 AM", "4"),
        ("Quay Depot", "3"),
        ("from desk@quay.com", "3"),
        ("4 - Trays 4", "4"),
        ("4 (the plan of house 4)", "4"),
        ("4 // plan", "4"),
        ("Trays 1, Trays 2", "12"),
    ],
)
def test_a_mail_is_named_in_many_ways(reference: Any, stems: str) -> None:
    event = do(nursery(), "mail.forward", mail=reference, to="a@b.org", body="x")
    assert event.done is bool(stems)
    assert event.arguments["mails"] == [f"0{n}-mail" for n in stems]


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("99", "names no mail"),
        ("0", "names no mail"),
        ("5 of 12", "names no mail"),  # not the fifth of another list, nor the twelfth
        ("4, 99", "99 names no mail"),
        ("3-99", "names no range"),
        ("4-2", "names no range"),
        ("13 November", "names no mail"),
        ("2025-03-05", "names no mail"),
        ("09:59", "names no mail"),
        ("all", "names no mail"),
        ("the last 2", "names no mail"),
        ("Trays", "names no mail"),
        ("Ruth Adeyemi", "more than one mail"),
        ("4 - Trays 2", "names two mails"),
        ("trays of house 2", "names no mail"),
    ],
)
def test_what_names_no_mail_is_refused_and_no_other_mail_goes_out(
    reference: str, reason: str
) -> None:
    world = nursery()
    before = world.state()
    event = do(world, "mail.forward", mail=reference, to="a@b.org", body="See below.")
    assert event.status == "failed"
    assert reason in event.result
    assert event.arguments["mail"] == reference
    assert world.state() == before


# Shown.


def test_a_mail_is_shown_with_its_headers_and_its_text() -> None:
    world = nursery()
    event = do(world, "mail.send", to="ruth@fern.com, tom@fern.com", subject="Trays", body="Forty.")
    view = world.view(event)
    assert view.title == "Mail sent"
    assert view.rows == {"To": "ruth@fern.com, tom@fern.com", "Subject": "Trays"}
    assert view.body == "Forty."
    forwarded = world.view(do(world, "mail.forward", mail="#2", to="a@b.org", bcc="c@d.org"))
    assert forwarded.title == "Mail forwarded"
    assert forwarded.rows == {"To": "a@b.org", "Bcc": "c@d.org", "Forwarded mail": "#2"}
    assert world.view(do(world, "mail.reply", mail="1", body="x")).title == "Mail answered"


def test_a_call_of_any_form_that_failed_can_be_shown() -> None:
    world = nursery()
    event = do(world, "mail.forward", to="a@b.org", subject=None, body=["x", "y"], mails=7)
    assert event.status == "failed"
    view = world.view(event)
    assert view.rows["To"] == "a@b.org"
    assert view.body == "x, y"
    assert view.enclosed == ()


def test_time_is_linear_in_the_mails_that_are_sent() -> None:
    def send(count: int) -> None:
        world = nursery()
        for _ in range(count):
            do(world, "mail.forward", mail="2", to="a@b.org")

    assert_linear(lambda: send(400), lambda: send(3200))


def test_the_mailbox_of_a_scene_holds_its_mails_in_order() -> None:
    box = Mailbox.open(Scene({}, CAST, INBOX))
    assert [m["subject"] for m in box.state().values()] == [m.subject for m in INBOX]
    assert box.clock.now is None
    assert {m["folder"] for m in box.state().values()} == {"inbox"}
    assert Mailbox.open(nursery().scene).clock.now == datetime(2025, 3, 6, 14)
