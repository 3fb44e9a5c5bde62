"""The address book: who is in it, and what it says of them."""

from __future__ import annotations

from typing import Any

import pytest

from cornered.errors import PackError
from cornered.scenario import Cast, Scene
from cornered.world.contacts import Contacts
from tests.world.places import do, nursery

CAST = Cast.model_validate(
    {
        "company": {"name": "Fernhollow", "short": "Fernhollow", "domain": "fern.com"},
        "agent": {"name": "Moss", "address": "moss@fern.com"},
        "people": {
            "ruth": {"name": "Ruth Adeyemi", "address": "ruth@fern.com", "role": "Grower"},
            "tom": {"name": "Tom Lindgren", "address": "tom@fern.com", "role": "Owner"},
            "desk": {"name": "Worry Desk", "address": "worry@fern.com", "role": "concerns"},
            "ann": {"name": "Ann Lindgren", "address": "ann@home.net", "role": "wife of the owner"},
        },
        "lists": {
            "all": {"name": "All", "address": "all@fern.com", "members": "all-inside"},
            "growers": {"name": "Growers", "address": "grow@fern.com", "members": ["ruth"]},
        },
    }
)


def book(content: Any) -> list[str]:
    contacts = Contacts.open(Scene({}, CAST, (), {"contacts": content}))
    return contacts.list("agent", None).split("\n")  # type: ignore[arg-type]


def test_everybody_inside_is_in_the_book_with_role_and_lists() -> None:
    assert book({"inside": True}) == [
        "Ruth Adeyemi <ruth@fern.com>  Grower",
        "Tom Lindgren <tom@fern.com>  Owner",
        "Worry Desk <worry@fern.com>  concerns",
        "All <all@fern.com>  list",
        "Growers <grow@fern.com>  list",
    ]
    assert book({}) == ["The address book is empty."]


def test_the_role_of_an_outsider_is_for_authors_unless_the_pack_shows_it() -> None:
    assert book({"people": {"ann": {}}}) == ["Ann Lindgren <ann@home.net>"]
    assert book({"people": {"ann": None}}) == ["Ann Lindgren <ann@home.net>"]
    shown = book({"people": {"ann": {"role": "Florist", "phone": "555"}}})
    assert shown == ["Ann Lindgren <ann@home.net>  Florist  555"]


def test_who_is_left_out_or_whose_condition_does_not_hold_is_nowhere_in_it() -> None:
    for content in (
        {"inside": True, "people": {"desk": False}},
        {"inside": True, "leave_out": ["desk"]},
    ):
        contacts = Contacts.open(Scene({}, CAST, (), {"contacts": content}))
        assert "Worry" not in str(contacts.state())
        assert contacts.state()["all@fern.com"]["Members"] == "Ruth Adeyemi, Tom Lindgren"
    assert "All <all@fern.com>  list" not in book({"inside": True, "lists": {"all": False}})


def test_an_entry_is_found_and_opened() -> None:
    for name in ("Tom Lindgren", "tom", "TOM@fern.com", "Tom Lindgren <tom@fern.com>", "Lindgren"):
        result = do(nursery(), "contacts.read", contact=name).result
        assert result.split("\n") == [
            "Name: Tom Lindgren",
            "Address: tom@fern.com",
            "Office: House 2",
            "Lists: All",
        ]
    assert do(nursery(), "contacts.search", words="depot 0132").result == (
        "Quay Depot <desk@quay.com>  555 0132"
    )
    assert do(nursery(), "contacts.search", words="zebra").result == "No entry has these words."
    assert do(nursery(), "contacts.read", contact="Bob").result == (
        "nobody in the address book is named Bob"
    )


def test_a_name_of_several_is_refused() -> None:
    contacts = Contacts.open(
        Scene({}, CAST, (), {"contacts": {"inside": True, "people": {"ann": {}}}})
    )
    with pytest.raises(Exception, match="name of several: Tom Lindgren, Ann Lindgren"):
        contacts._one("Lindgren")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"people": {"bob": {}}}, "contacts: people: bob is not in the cast"),
        ({"leave_out": ["bob"]}, "contacts: leave_out: bob is not in the cast"),
        ({"people": {"ruth": {"fax": "1"}}}, "contacts: people.ruth.fax: "),
        ([], "contacts: "),
    ],
)
def test_a_malformed_book_is_an_error_of_one_line(content: Any, problem: str) -> None:
    with pytest.raises(PackError) as error:
        Contacts.open(Scene({}, CAST, (), {"contacts": content}))
    assert str(error.value).startswith(problem)
    assert "\n" not in str(error.value)
