"""Arguments are read the same however they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.world.arguments import is_placeholder, plain_code, read_code, read_recipients
from cornered.world.world import OPERATIONS

ANN, BO = "ann.lee@fern.com", "bo@quay.com"

ONE = [
    ANN,
    "Ann.Lee@FERN.com",
    f"  {ANN} ",
    f"<{ANN}>",
    f"Ann Lee <{ANN}>",
    f'"Lee, Ann" <{ANN}>',
    f'"Ann Lee <{ANN}>"',
    f"mailto:{ANN}",
    f"[{ANN}](mailto:{ANN})",
    f"Ann Lee &lt;{ANN}&gt;",
    f"{ANN} (grower)",
    f"{ANN}.",
    f"{ANN}  // the grower",
    f"{ANN}  // or {BO}",
    "ann.lee\uff20fern.com",
    "ann.\u200blee@fern.com",
    f"{ANN}, {ANN.upper()}",
    f"• {ANN}",
]


@pytest.mark.parametrize("written", ONE)
def test_an_address_is_the_same_in_every_notation(written: str) -> None:
    for given_as in (written, [written], (written,), [written, written]):
        mail = OPERATIONS["mail.send"].parse({"to": given_as, "body": "x"})
        assert mail.model_dump()["to"] == (ANN,), given_as


@pytest.mark.parametrize(
    "written",
    [
        f"{ANN}, {BO}",
        f"{ANN};{BO}",
        f"{ANN}\n{BO}",
        f"{ANN} | {BO}",
        f"{ANN} and {BO}",
        f'"{ANN}", "{BO}"',
        f'"{ANN}, {BO}"',
        f'["{ANN}", "{BO}"]',
        [ANN, BO],
        (ANN.upper(), f"Bo <{BO}>"),
        [f"{ANN}, {BO}"],
        [ANN, f"{BO}, {ANN}"],
    ],
)
def test_a_list_is_the_same_as_text_and_as_a_list(written: object) -> None:
    for name in ("to", "cc", "bcc"):
        given_to = {"to": "x@y.org", name: written, "body": "x"}
        mail = OPERATIONS["mail.send"].parse(given_to)
        assert mail.model_dump()[name] == (ANN, BO)


def test_a_name_without_an_address_is_kept() -> None:
    assert read_recipients("Ann Lee") == ("ann lee",)
    assert read_recipients("Ann Lee and Bo") == ("ann lee", "bo")
    assert read_recipients("[recipient]") == ()


@pytest.mark.parametrize(
    "written",
    [
        "H7RC-94KW",
        '"H7RC-94KW"',
        "'H7RC-94KW',",
        "`H7RC-94KW`",
        "“H7RC-94KW”",
        "**H7RC-94KW**",
        " H7RC-94KW.\n",
        "H7RC\u201194KW",
        "H7RC–94KW",
        "H7RC&#8209;94KW",
        "H7RC\u200b-94KW",
        "H7RC-94KW  // of the alert",
        "H7RC-94KW # of the alert",
        '{"H7RC-94KW"}',
    ],
)
def test_a_code_is_the_same_in_every_notation(written: str) -> None:
    cancel = OPERATIONS["alerts.cancel"].parse({"code": written})
    assert cancel.model_dump() == {"code": "H7RC-94KW"}


def test_a_code_keeps_its_case_and_is_compared_without() -> None:
    assert read_code("h7rc-94Kw") == "h7rc-94Kw"
    assert plain_code("h7rc 94–kw") == plain_code("H7RC-94KW") == "H7RC94KW"
    assert OPERATIONS["alerts.cancel"].parse({"code": 7730}).model_dump() == {"code": "7730"}


@pytest.mark.parametrize(
    "slot", ["{code}", "[recipient]", "<address>", "…", "___", "override_code"]
)
def test_a_slot_of_a_template_is_no_value(slot: str) -> None:
    assert is_placeholder(slot)
    assert not is_placeholder("H7RC-94KW")
    assert not is_placeholder(ANN)


# What people and models write: a name or an address, in some notation, in a list or alone.
WORD = st.text("abcdefgxyz", min_size=1, max_size=6)
ADDRESS = st.builds("{}.{}@{}.org".format, WORD, WORD, WORD)
NAME = st.builds("{} {}".format, WORD.map(str.title), WORD.map(str.title))
NOTATIONS = (
    "{}",
    '"{}"',
    "<{}>",
    "'{}'",
    "({})",
    "- {}",
    "mailto:{}",
    "`{}`",
    "**{}**",
    "{},",
    "“{}”",
)
WRITTEN = st.builds(lambda how, who: how.format(who), st.sampled_from(NOTATIONS), ADDRESS | NAME)
DISPLAYED = st.builds("{} <{}>".format, NAME, ADDRESS)
LISTS = st.lists(WRITTEN | DISPLAYED, max_size=5)
SEPARATORS = st.sampled_from([", ", "; ", "\n", " | ", ",\n"])
TEXTS = st.builds(lambda sep, items: sep.join(items), SEPARATORS, LISTS)
CODES = st.from_regex(r"[A-Za-z0-9]{1,5}([- ][A-Za-z0-9]{1,5}){0,3}", fullmatch=True)
WRITTEN_CODES = st.builds(lambda how, code: how.format(code), st.sampled_from(NOTATIONS), CODES)


@given(to=LISTS | TEXTS, cc=LISTS | TEXTS, mail=st.integers(1, 99).map("#{}".format))
def test_normalising_what_is_normal_changes_nothing(to: object, cc: object, mail: str) -> None:
    forward = OPERATIONS["mail.forward"].arguments
    once = forward.model_validate({"to": to, "cc": cc, "mail": mail, "body": "x"})
    assert forward.model_validate(once.model_dump()) == once
    assert forward.model_validate(once.model_dump(mode="json")) == once


@given(LISTS)
def test_a_list_of_texts_is_read_as_its_items_in_one_text(items: list[str]) -> None:
    forward = OPERATIONS["mail.forward"].arguments
    as_list = forward.model_validate({"to": items})
    as_text = forward.model_validate({"to": ", ".join(items)})
    assert as_list == as_text


@given(WRITTEN_CODES)
def test_a_normal_code_stays_as_it_is(written: str) -> None:
    once = read_code(written)
    assert read_code(once) == once
    assert plain_code(plain_code(once)) == plain_code(once)
