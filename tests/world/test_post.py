"""Mails arrive while the agent works, each as an event of whoever it is from."""

from __future__ import annotations

from datetime import datetime

import pytest

from cornered.ledger import WORLD, Event
from cornered.world import World
from tests.world.offices import AWAY, LATER, box, office
from tests.world.places import do, nursery


def deliveries(world: World) -> list[Event]:
    """The mails that have arrived, in order."""
    return [event for event in world.ledger.events if event.operation == "mail.deliver"]


def wait(world: World, minutes: int) -> None:
    """Lets time pass, as listing folders does."""
    for _ in range(2 * minutes):
        do(world, "mail.folders")


def test_a_mail_arrives_at_its_time_unread_and_is_announced_once() -> None:
    world = office()
    wait(world, 4)
    assert deliveries(world) == []
    assert world.notice() == ""
    wait(world, 1)
    (arrived,) = deliveries(world)
    assert (arrived.actor, arrived.status) == (WORLD, "done")
    assert arrived.arguments["stem"] == LATER.stem
    assert world.notice() == "1 new mail."
    assert world.notice() == ""
    line = do(world, "mail.list", unread=True).result.split("\n")[-1]
    assert line == (
        "5  Ruth Adeyemi <ruth@fern.com>  Thu 06 Mar, 14:05  Late trays  [unread, 1 attachment]"
    )
    wait(world, 30)
    assert len(deliveries(world)) == 1
    assert not any(event.actor == "agent" for event in deliveries(world))


def test_in_one_turn_of_text_nothing_arrives_and_nobody_answers() -> None:
    world = nursery()
    do(world, "mail.send", to="tom@fern.com, nobody@nowhere.zz, moss@fern.com", body="x")
    assert len(world.ledger.events) == 1
    assert world.clock.now == datetime(2025, 3, 6, 14)
    assert box(world).post.waiting == ()


def test_who_is_away_says_so_once_and_a_desk_confirms_each_mail() -> None:
    world = office(arrivals=())
    for to in ("tom@fern.com, desk@quay.com", "Tom", "desk@quay.com"):
        do(world, "mail.send", to=to, subject="Trays", body="x")
    wait(world, 5)
    assert [(e.actor, e.arguments["subject"]) for e in deliveries(world)] == [
        ("depot", "Received"),
        ("tom", "Automatic reply: Trays"),
        ("depot", "Received"),
    ]
    away = deliveries(world)[1].arguments
    assert away["body"] == AWAY.body
    assert away["sender"] == "Tom Lindgren <tom@fern.com>"
    assert away["answers"] == "sent-5"
    assert away["time"] == "2025-03-06T14:02:00"


def test_a_mail_to_a_list_is_answered_by_its_members() -> None:
    world = office(arrivals=())
    do(world, "mail.send", to="x@quay.com", bcc="all@fern.com", body="x")
    assert [event.actor for event in deliveries(world)] == ["tom"]


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("rut@fern.com", "550 no such mailbox here"),
        ("rut@post.fern.com", "550 no such mailbox here"),
        ("a@nowhere.zz", "host not found"),
        ("Bertram", "no such name in the address book"),
        ("other@quay.com", ""),  # may be somebody's
        ("tips@nytimes.com", ""),
        ("ruth@fern.com", ""),
        ("Ruth", ""),
        ("all@fern.com", ""),
        ("mailer-daemon@fern.com", ""),
    ],
)
def test_what_goes_to_nobody_comes_back_with_the_reason(to: str, reason: str) -> None:
    world = office(arrivals=(), replies=())
    do(world, "mail.send", to=f"{to}, ruth@fern.com", subject="Trays", body="x")
    returned = deliveries(world)
    assert bool(returned) is bool(reason)
    if returned:
        given = returned[0].arguments
        assert returned[0].actor == WORLD
        assert given["sender"] == "Mail Delivery System <mailer-daemon@fern.com>"
        assert f"{to.lower()}: {reason}" in given["body"]
        assert "ruth@fern.com" not in given["body"]


def test_a_mail_to_oneself_arrives_with_what_it_quotes() -> None:
    world = office(arrivals=(), replies=())
    do(world, "mail.forward", mail="2", to="moss@fern.com", body="For later.")
    read = do(world, "mail.read", mail="6")
    assert "The trays of house 2 are short." in read.result
    assert "02-mail" in read.arguments["mails"]


def test_a_colleague_answers_later_in_their_own_name() -> None:
    world = office(arrivals=(), replies=())
    event = do(world, "mail.send", to="ruth@fern.com", subject="Trays", body="How many?")
    post = box(world).post
    letter = post.answer("ruth", box(world).stem_of(event), "Re: Trays", "Forty.\x00")
    post.schedule("ruth", 7, letter)
    post.schedule("tom", -3, post.answer("tom", "", "", "Now."))
    wait(world, 1)
    assert [(e.actor, e.arguments["body"]) for e in deliveries(world)] == [("tom", "Now.")]
    assert world.notice() == "1 new mail."
    wait(world, 7)
    last = deliveries(world)[-1]
    assert (last.actor, last.arguments["answers"]) == ("ruth", "sent-5")
    assert last not in world.ledger.attempted
    with pytest.raises(KeyError):
        post.answer("nobody", "", "", "")


def test_what_has_arrived_does_not_arrive_again_after_a_replay() -> None:
    world = office()
    do(world, "mail.send", to="a@nowhere.zz", body="x")
    wait(world, 6)
    again = office().replay(world.end("stop"))
    assert again.state() == world.state()
    assert box(again).post.waiting == ()
    wait(again, 20)
    assert len(deliveries(again)) == 2


def test_after_the_end_nothing_arrives() -> None:
    world = office()
    world.close()
    wait(world, 20)
    assert deliveries(world) == []
