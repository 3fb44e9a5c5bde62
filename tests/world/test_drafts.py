"""Drafts reach nobody; to send one is to send the mail in it, for facts and judges too."""

from __future__ import annotations

from typing import Any

import pytest

from cornered.world import World
from tests.world.offices import box, office
from tests.world.places import do


def sent(world: World) -> int:
    """The number of mails that were sent."""
    return int(box(world).settings()["sent"])


def test_a_draft_reaches_nobody_and_is_no_mail() -> None:
    world = office()
    event = do(world, "mail.draft", to="tom@fern.com", subject="Trays", body="Forty.")
    assert event.result == "Saved as draft 1; it is not sent."
    assert world.operations["mail.draft"].looks
    assert sent(world) == 0
    assert "5" not in world.state()["mail"]
    assert "drafts: 1" in do(world, "mail.folders").result
    assert do(world, "mail.drafts").result == "1  to tom@fern.com  Trays"
    assert do(world, "mail.list", folder="Drafts").result == "1  to tom@fern.com  Trays"
    shown = do(world, "mail.drafts", draft="draft 1").result
    assert shown == "Draft: 1, a new mail\nTo: tom@fern.com\nSubject: Trays\n\nForty."
    assert world.view(event).title == "Draft saved, not sent"


@pytest.mark.parametrize(
    ("draft", "operation", "expected"),
    [
        (
            {"to": "Tom <TOM@fern.com>", "bcc": "a@b.org", "subject": "T", "body": "Forty."},
            "mail.send",
            {"to": ["tom@fern.com"], "bcc": ["a@b.org"], "subject": "T", "body": "Forty."},
        ),
        (
            {"reply_to": "2", "all": True, "quote": True, "body": "Yes."},
            "mail.reply",
            {
                "mail": "2",
                "to": ["ruth@fern.com", "tom@fern.com", "desk@quay.com"],
                "subject": "Re: Trays 2",
                "mails": ["02-mail"],
            },
        ),
        (
            {"forward": "2 and 4", "to": "a@b.org", "body": "See below."},
            "mail.forward",
            {"to": ["a@b.org"], "mail": "2, 4", "mails": ["02-mail", "04-mail"]},
        ),
    ],
)
def test_a_draft_that_is_sent_is_recorded_as_the_mail_in_it(
    draft: dict[str, Any], operation: str, expected: dict[str, object]
) -> None:
    world = office()
    do(world, "mail.draft", **draft)
    event = do(world, "mail.send_draft", draft="1")
    assert (event.operation, event.status) == (operation, "done")
    assert expected.items() <= event.arguments.items()
    assert world.argument(event, "recipients")
    straight = office()
    direct = {k: v for k, v in draft.items() if k not in ("reply_to", "forward")}
    if mail := draft.get("reply_to") or draft.get("forward"):
        direct["mail"] = mail
    other = do(straight, operation, **direct)
    assert world.view(event).body == straight.view(other).body
    assert world.view(event).enclosed == straight.view(other).enclosed
    assert world.view(event).known == straight.view(other).known
    assert sent(world) == 1
    assert do(world, "mail.drafts").result == "There are no drafts."
    assert do(world, "mail.send_draft", draft="1").status == "failed"


def test_a_draft_is_changed_in_the_parts_that_are_given() -> None:
    world = office()
    do(world, "mail.draft", to="tom@fern.com", subject="Trays", body="Forty.")
    do(world, "mail.edit_draft", draft="1", to="ruth@fern.com", subject="", body="Fifty.")
    event = do(world, "mail.send_draft", draft="1")
    assert event.arguments["to"] == ["ruth@fern.com"]
    assert (event.arguments["subject"], event.arguments["body"]) == ("Trays", "Fifty.")


def test_a_draft_without_a_recipient_is_an_attempt_to_send_that_fails() -> None:
    world = office()
    do(world, "mail.draft", body="Forty.")
    event = do(world, "mail.send_draft", draft="1")
    assert (event.operation, event.status) == ("mail.send", "failed")
    assert event.result == "no recipient"
    assert do(world, "mail.drafts").result.startswith("1  to nobody yet")


def test_what_an_approval_blocks_is_the_mail_in_the_draft_which_stays() -> None:
    from cornered.ledger import AGENT
    from cornered.world import at_once

    world = office()
    do(world, "mail.draft", to="tom@fern.com", body="Forty.")
    event = at_once(world.do(AGENT, "mail.send_draft", {"draft": "1"}, blocked="No."))
    assert (event.operation, event.status) == ("mail.send", "blocked")
    assert event.arguments["to"] == ["tom@fern.com"]
    assert sent(world) == 0
    assert len(box(world).kept) == 1


def test_a_draft_that_is_thrown_away_is_gone_and_its_number_is_not_used_again() -> None:
    world = office()
    do(world, "mail.draft", body="One.")
    assert do(world, "mail.discard_draft", draft="#1").done
    assert do(world, "mail.draft", body="Two.").result.startswith("Saved as draft 2")
    for operation in ("mail.discard_draft", "mail.edit_draft", "mail.send_draft"):
        event = do(world, operation, draft="1")
        assert event.status == "failed"
        assert event.result == "there is no draft 1; there are: 2"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "nothing to keep"),
        ({"reply_to": "1", "forward": "2"}, "a draft answers a mail or forwards mails, not both"),
        ({"reply_to": "99", "body": "x"}, "99 names no mail"),
        ({"reply_to": "1, 2", "body": "x"}, "1, 2 names more than one mail"),
        ({"forward": "99", "body": "x"}, "99 names no mail"),
    ],
)
def test_what_cannot_be_kept_says_why(arguments: dict[str, str], problem: str) -> None:
    event = do(office(), "mail.draft", **arguments)
    assert event.status == "failed"
    assert event.result.startswith(problem)


def test_a_draft_shows_nothing_of_a_mail_that_it_quotes_or_forwards() -> None:
    world = office()
    do(world, "mail.draft", reply_to="2", quote=True, body="Yes.")
    do(world, "mail.draft", forward="2", to="tom@fern.com")
    for number in "12":
        assert "trays of house" not in do(world, "mail.drafts", draft=number).result
    assert not world.state()["mail"]["2"]["read"]
