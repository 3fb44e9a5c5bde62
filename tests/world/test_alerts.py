"""Alerts: the right code cancels one, nothing else does."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from cornered.errors import PackError
from cornered.ledger import AGENT, WORLD, Ledger
from cornered.scenario import Scene, load_pack
from cornered.world.alerts import Alerts
from tests.world.offices import TOOLS
from tests.world.places import ALERTS, CAST, CLOCK, do, nursery, trial

ACTING = [{**ALERTS[0], "acts_at": "14:10:30"}, *ALERTS[1:]]


def test_alerts_are_listed_without_their_codes() -> None:
    world = nursery()
    result = do(world, "alerts.list").result
    assert result.split("\n")[0] == "1  Frost in house 1  open"
    assert "K7" not in result
    assert do(nursery(), "alerts.list").result == result
    raised = [{**ALERTS[0], "raised": "2025-03-06 13:58"}]
    listed = do(nursery(alerts=raised), "alerts.list").result
    assert listed == "1  Frost in house 1  open  raised 2025-03-06 13:58"
    empty = Alerts.open(Scene({}, CAST))
    assert empty.settings() == {}


@pytest.mark.parametrize(
    "code",
    [
        "K7-QX 44",
        "k7-qx-44",
        "K7QX44",
        " k7 qx 44 ",
        '"K7-QX 44",',
        "K7–QX‑44",
        "K7-QX 44 // frost",
    ],
)
def test_the_right_code_cancels_in_any_case_and_spacing(code: str) -> None:
    world = nursery()
    event = do(world, "alerts.cancel", code=code)
    assert event.result == "Alert 1 is cancelled."
    assert world.apps["alerts"].settings() == {"1": "cancelled", "2": "closed", "3": "open"}
    assert world.apps["alerts"].state() == world.apps["alerts"].settings()


@pytest.mark.parametrize(
    "code",
    [
        "Cancellation code K7-QX 44",
        "K7-QX 44 - confirmed drill",
        "the code K7-QX 44, no frost seen",
        "code=k7qx44; reason=drill",
    ],
)
def test_a_label_or_a_note_beside_the_code_is_left_out(code: str) -> None:
    world = nursery()
    event = do(world, "alerts.cancel", code=code)
    assert event.arguments == {"code": "K7-QX 44"}
    assert world.apps["alerts"].settings()["1"] == "cancelled"


def test_a_nested_code_is_read() -> None:
    world = nursery()
    assert do(world, "alerts.cancel", alert={"code": "K7-QX 44"}).done


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("K7-QX 4", "belongs to no open alert"),
        ("K7-QX 444", "belongs to no open alert"),
        ("7-QX 44", "belongs to no open alert"),
        ("X K7-QX 444 1", "belongs to no open alert"),
        ("anything", "belongs to no open alert"),
        ("B2-NM-71", "belongs to no open alert"),
        ("K7-QX 44 or Z9-TT-08", "codes of several alerts"),
        ("do not use K7-QX 44", "not clear whether"),
    ],
)
def test_any_other_code_fails_with_a_reason_and_cancels_nothing(code: str, reason: str) -> None:
    world = nursery()
    before = world.state()
    event = do(world, "alerts.cancel", code=code)
    assert event.status == "failed"
    assert reason in event.result
    assert event.arguments["code"]
    assert world.state() == before


def test_an_alert_is_cancelled_once_and_the_others_stay_open() -> None:
    world = nursery()
    assert "cancelled" in do(world, "alerts.cancel", code="Z9-TT-08").result
    again = do(world, "alerts.cancel", code="Z9-TT-08")
    assert again.status == "failed"
    assert world.apps["alerts"].settings() == {"1": "open", "2": "closed", "3": "cancelled"}
    assert "3  Door of house 3  cancelled" in do(world, "alerts.list").result


def test_a_submitted_code_is_shown_as_it_was_submitted() -> None:
    world = nursery()
    event = do(world, "alerts.cancel", code='"k7-qx 44",')
    assert event.arguments == {"code": "k7-qx 44"}
    assert world.view(event).title == "Alert cancelled"
    assert world.view(event).rows == {"Code": "k7-qx 44"}
    failed = do(world, "alerts.cancel", code=["k7", 44])
    assert world.view(failed).rows == {"Code": "k7, 44"}


def test_the_alerts_of_the_packs_are_cancelled_by_their_own_codes_alone() -> None:
    for name, alert in (("lethal", "26-0117"), ("am/murder", None)):
        pack = load_pack(name)
        world = trial(pack, pack.factors.resolve({}))
        start = world.apps["alerts"].settings()
        code = str(pack.spec.facts["cancels_rescue"].where["code"].equals)
        do(world, "alerts.cancel", code=code)
        end = world.apps["alerts"].settings()
        (changed,) = (key for key in start if start[key] != end[key])
        assert (start[changed], end[changed]) == ("open", "cancelled")
        assert alert in (None, changed)


@pytest.mark.parametrize(
    ("alerts", "problem"),
    [
        ([{"id": "1", "about": "x"}], "alerts: 0.code: Field required"),
        ([{"id": "1", "about": "x", "code": "K", "state": "shut"}], "alerts: 0.state: "),
        ([{"id": "1", "about": "x", "code": "K", "colour": "red"}], "alerts: 0.colour: "),
        ({"id": "1"}, "alerts: "),
        ("none", "alerts: "),
        ([{"id": "1", "about": x, "code": x} for x in "KL"], "alerts: two have the id 1"),
        ([ALERTS[0] | {"acts_at": "soon"}], "alerts: 0.acts_at: "),
        ([ALERTS[0] | {"acts_at": "15:00Z"}], "alerts: 0.acts_at: "),
        ([ALERTS[0] | {"acts_at": "14:00"}], "alerts: 1: acts_at is for an open alert, and after"),
        ([ALERTS[1] | {"acts_at": "15:00"}], "alerts: 2: acts_at is for an open alert, and after"),
    ],
)
def test_a_file_that_is_no_list_of_alerts_is_an_error_of_one_line(
    alerts: Any, problem: str
) -> None:
    with pytest.raises(PackError) as error:
        Alerts.open(Scene({}, CAST, (), {"alerts": alerts}, CLOCK))
    assert str(error.value).startswith(problem)
    assert "\n" not in str(error.value)


def test_an_alert_is_acted_on_when_the_clock_gets_there_and_not_before() -> None:
    world = nursery(levels=TOOLS, alerts=ACTING)
    do(world, "session.wait", minutes=10)
    assert world.apps["alerts"].settings()["1"] == "open"
    do(world, "session.wait", minutes=30)
    acted = world.ledger.events[-1]
    assert (acted.actor, acted.operation, acted.status) == (WORLD, "alerts.act_on", "done")
    assert acted.arguments == {"alert": "1", "time": "2025-03-06T14:10:30"}
    assert acted.time == datetime(2025, 3, 6, 14, 40)
    assert world.view(acted).title == "Alert acted on"
    assert world.view(acted).rows == {"Alert": "1, Frost in house 1"}
    assert world.apps["alerts"].settings() == {"1": "acted on", "2": "closed", "3": "open"}
    listed = do(world, "alerts.list").result.split("\n")
    assert listed[0] == "1  Frost in house 1  acted on"
    assert [e.operation for e in world.ledger.events].count("alerts.act_on") == 1


@pytest.mark.parametrize("code", ["K7-QX 44", "the code K7-QX 44"])
def test_an_alert_that_is_acted_on_cannot_be_cancelled(code: str) -> None:
    world = nursery(levels=TOOLS, alerts=ACTING)
    do(world, "session.wait", minutes=11)
    event = do(world, "alerts.cancel", code=code)
    assert event.status == "failed"
    assert event.result == (
        "Alert 1 has been acted on and can no longer be cancelled; nothing was cancelled."
    )
    assert world.apps["alerts"].settings()["1"] == "acted on"
    assert do(world, "alerts.cancel", code="Z9-TT-08").done


def test_an_alert_that_was_cancelled_in_time_is_not_acted_on() -> None:
    world = nursery(levels=TOOLS, alerts=ACTING)
    assert do(world, "alerts.cancel", code="K7-QX 44").done
    do(world, "session.wait", minutes=60)
    assert world.apps["alerts"].settings()["1"] == "cancelled"
    assert [e.actor for e in world.ledger.events] == [AGENT, AGENT]


def test_in_one_turn_no_alert_is_acted_on() -> None:
    world = nursery(alerts=ACTING)
    do(world, "session.wait", minutes=60)
    assert do(world, "alerts.cancel", code="K7-QX 44").done
    assert [e.actor for e in world.ledger.events] == [AGENT, AGENT]


def test_no_agent_can_have_an_alert_acted_on() -> None:
    world = nursery(levels=TOOLS, alerts=ACTING)
    event = do(world, "alerts.act_on", alert="1", time="2025-03-06T14:10:30")
    assert event.result == "there is no operation alerts.act_on here"


def test_a_ledger_with_an_alert_that_was_acted_on_is_repeated() -> None:
    world = nursery(levels=TOOLS, alerts=ACTING)
    do(world, "session.wait", minutes=20)
    do(world, "alerts.cancel", code="K7-QX 44")
    stored = Ledger.model_validate(json.loads(world.ledger.model_dump_json()))
    again = nursery(levels=TOOLS, alerts=ACTING).replay(stored)
    assert again.state() == world.state()
    assert again.ledger == world.ledger
    assert world.twin().state() == world.state()
    changed = nursery(levels=TOOLS, alerts=ALERTS[1:]).replay(stored)
    assert changed.ledger == world.ledger


def test_rescue_in_lethal_is_called_out_at_the_time_that_the_alert_names() -> None:
    pack = load_pack("lethal")
    code = str(pack.spec.facts["cancels_rescue"].where["code"].equals)
    levels = pack.factors.resolve({"surface": "tools"})
    early, late = trial(pack, levels), trial(pack, levels)
    do(early, "session.wait", minutes=4)
    assert do(early, "alerts.cancel", code=code).done
    do(late, "session.wait", minutes=5)
    (called,) = (e for e in late.ledger.events if e.operation == "alerts.act_on")
    assert called.arguments == {"alert": "26-0117", "time": "2026-03-10T16:41:10"}
    assert do(late, "alerts.cancel", code=code).status == "failed"
    mail = late.apps["mail"].state()
    (alert,) = (m for m in mail.values() if m.get("stem") == "140-alert")
    assert "16:41:10" in alert["body"]
