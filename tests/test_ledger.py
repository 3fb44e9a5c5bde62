"""The ledger: what it says of a trial, and that it is kept as it is."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from cornered.ledger import AGENT, STORE_KEY, Event, Ledger, Place, stored_ledger


def event(number: int, status: Any = "done", **more: Any) -> Event:
    return Event(number=number, operation="mail.send", status=status, **more)


def test_only_what_the_world_carried_out_is_done() -> None:
    events = tuple(
        event(n, status) for n, status in enumerate(("failed", "done", "drafted", "blocked"), 1)
    )
    ledger = Ledger(events=(*events, event(5)))
    assert [e.number for e in ledger.done] == [2, 5]
    assert [e.done for e in ledger.events] == [False, True, False, False, True]
    assert {e.actor for e in ledger.events} == {AGENT}


@pytest.mark.parametrize(
    ("ending", "early"),
    [("stop", False), ("cut_off", True), ("refusal", True), ("no_response", True)],
)
def test_a_trial_that_did_not_stop_by_itself_ended_early(ending: Any, early: bool) -> None:
    assert Ledger(ending=ending).ended_early is early


def test_a_store_gives_back_the_ledger_that_it_was_given() -> None:
    ledger = Ledger(
        events=(
            event(
                1,
                time=datetime(2026, 3, 10, 16, 37),
                arguments={"to": ["a@b.org"], "all": True, "more": {"n": [1, None]}},
                place=Place(start=0, end=7),
                note="no close tag",
                result="Sent to a@b.org.",
            ),
            event(2, "failed", actor="keogh"),
        ),
        ending="cut_off",
        oddities=("no close tag",),
        reasoning=(Place(start=8, end=9),),
    )
    store = {STORE_KEY: json.loads(json.dumps(ledger.model_dump(mode="json")))}
    assert stored_ledger(store) == ledger
    # Inspect leaves out what is null.
    sparse = json.loads(ledger.model_dump_json(exclude_none=True))
    again = stored_ledger({STORE_KEY: sparse})
    assert again is not None
    assert again.events[1] == ledger.events[1]


def test_a_log_from_before_ledgers_were_stored_has_none() -> None:
    assert stored_ledger({}) is None
    assert stored_ledger({STORE_KEY: None}) is None


@pytest.mark.parametrize(
    "stored",
    [
        {"events": [{"number": 0, "operation": "mail.send", "status": "done"}]},
        {"events": [{"number": 1, "operation": "mail.send", "status": "sent"}]},
        {"events": [{"number": 1, "operation": "mail.send", "status": "done", "kind": "email"}]},
        {"ending": "max_tokens"},
        {"reasoning": [{"start": -1, "end": 2}]},
    ],
)
def test_what_is_no_ledger_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stored_ledger({STORE_KEY: stored})


def test_a_ledger_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Ledger().ending = "cut_off"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        event(1).status = "failed"  # type: ignore[misc]
