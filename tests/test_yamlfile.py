"""YAML that people write is read, or the mistake is told in one line: file, line, key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo
from pydantic import field_validator as validates

from cornered.errors import ExperimentError, PackError
from cornered.yamlfile import parse_model, parse_yaml, place, plain, read_model, read_text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tree(_Strict):
    rings: int


class Bush(_Strict):
    berries: list[Literal["red", "black"]]


class Garden(_Strict):
    name: str = "garden"
    plants: list[
        Annotated[
            Annotated[Tree, Tag("tree")] | Annotated[Bush, Tag("bush")],
            Discriminator(lambda v: "bush" if isinstance(v, dict) and "berries" in v else "tree"),
        ]
    ] = []
    owner: str = Field(default="", alias="from")
    switch: str | int = ""

    @validates("name")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        if info.context and value not in info.context:
            raise ValueError(f"{value} is not one of ours")
        return value


def parse(text: str, **more: Any) -> Garden:
    return parse_model(text, Garden, path="g.yaml", error=PackError, **more)


def message(text: str, **more: Any) -> str:
    with pytest.raises(PackError) as error:
        parse(text, **more)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "g.yaml:1: expected keys and values"),
        ("- a\n- b\n", "g.yaml:1: expected keys and values"),
        ("word", "g.yaml:1: expected keys and values"),
        ("name: a\nnaem: b\n", "g.yaml:2: naem: unknown key; did you mean name?"),
        ("name: [a]\n", "g.yaml:1: name: input should be a valid string"),
        ("name: a\nname: b\n", 'g.yaml:2: found duplicate key "name"'),
        ("name: a\n\tfrom: b\n", "g.yaml:2: found character '\\t'"),
        ("name: 'a\n", "g.yaml:2: "),
        ("name: a\n---\nname: b\n", "g.yaml:2: "),
        ("name: *nobody\n", "g.yaml:1: found undefined alias"),
        ("plants: 3\n", "g.yaml:1: plants: must be a list"),
        ("plants:\n  - rings: 3\n  - rings: old\n", "g.yaml:3: plants[1].rings: input should be"),
        ("plants:\n  -\n    berries: [red,\n     blue]\n", "g.yaml:4: plants[0].berries[1]: input"),
        ("plants:\n  - {}\n", "g.yaml:2: plants[0].rings: this key is missing"),
        (
            "plants: [{rings: 1, bark: 2}]\n",
            "g.yaml:1: plants[0].bark: unknown key; known keys are",
        ),
        ("name: [a]\nplants: 3\nfrom: [b]\n", "name: input should be a valid string (and 2 more)"),
        ("switch: [a]\n", "g.yaml:1: switch: input should be a valid string; correct it there"),
        ("name: 2025-13-45T00:00:00\n", "g.yaml: not readable as YAML: month must be in 1..12"),
        ("name: \x01\n", "g.yaml: not readable as YAML"),
        ("name: &a {b: *a}\n", "g.yaml:1: name: input should be a valid string"),
        ("name: " + "[" * 300 + "]" * 300, "g.yaml: is nested too deeply"),
        ("a: &a {x: 1}\n<<: *a\nname: b\n", "g.yaml:1: a: unknown key"),
    ],
)
def test_a_mistake_is_told_in_one_line(text: str, told: str) -> None:
    assert told in message(text)


def test_a_key_that_came_by_a_merge_has_the_line_above_it() -> None:
    text = "plants:\n  - &one {rings: 1}\n  - <<: *one\n    rings: x\n"
    assert message(text).startswith("g.yaml:4: plants[1].rings")
    text = "plants:\n  - &one {berries: [red], rings: 1}\n  - <<: *one\n"
    assert message(text).startswith("g.yaml:2: plants[0].rings: unknown key (and 1 more)")


def test_lines_are_those_of_the_file_in_which_the_yaml_is_embedded() -> None:
    assert message("name: a\nnaem: b\n", first_line=2).startswith("g.yaml:3: naem")
    assert message("name: a\n\tb: c\n", first_line=5).startswith("g.yaml:6: ")


def test_validators_get_the_context() -> None:
    assert parse("name: rose", context={"rose"}).name == "rose"
    assert message("name: thorn", context={"rose"}) == (
        "g.yaml:1: name: thorn is not one of ours; correct it there"
    )


def test_words_of_yaml_1_1_stay_words() -> None:
    for word in ("on", "off", "yes", "no", "none", "y"):
        assert parse(f"name: {word}").name == word


def test_what_is_raised_is_the_class_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"gone.yaml: no such file"):
        read_model(tmp_path / "gone.yaml", Garden, error=ExperimentError)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "x.yaml: is a folder, a file was expected"),
        ("name: Tomás".encode("latin-1"), "x.yaml: not UTF-8 (byte 9); save it as UTF-8"),
        ("name: a".encode("utf-16"), "x.yaml: not UTF-8 (byte 0)"),
    ],
)
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "x.yaml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(PackError) as error:
        read_model(path, Garden, error=PackError)
    assert told in str(error.value)


def test_the_place_of_a_key_is_the_deepest_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\nb:\n  c:\n    - d\n    - e\n")
    assert place(path, "b", "c", 1, error=PackError) == f"{path}:5"
    assert place(path, "b", "gone", error=PackError) == f"{path}:2"
    assert place(path, "gone", error=PackError) == f"{path}:1"


# Words that make YAML's corners likely.
CORNERS = [
    *"abc:-[]{}&*!|>'\"#%@`,?\n \t",
    "\n  ",
    ": ",
    "- ",
    "<<: ",
    "&a ",
    "*a",
    "!!int ",
    "0o9",
]
CORNERS += ["2025-02-30", "1_0", ".inf", "0x", "---\n", "...\n", "!!timestamp ", "%YAML 1.1\n"]


def told(text: str) -> str | None:
    try:
        plain(parse_yaml(text, path="x.yaml", error=PackError))
        parse(text)
    except PackError as error:
        return str(error)
    return None


@settings(max_examples=400, deadline=None)
@given(text=st.text(max_size=40) | st.lists(st.sampled_from(CORNERS), max_size=20).map("".join))
def test_no_text_at_all_makes_another_error(text: str) -> None:
    mistake = told(text)
    if mistake is not None:
        assert mistake.startswith(("x.yaml", "g.yaml"))
        assert len(mistake.splitlines()) == 1


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{n}: &b{n} [{', '.join(['*a' if n == 0 else f'*b{n - 1}'] * 9)}]\n" for n in range(30)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "its aliases stand for more than 100000 values"),
        ("- " * 100_000, "is nested too deeply"),
        ("? " * 5_000, "is nested too deeply"),
        ("a: " + "9" * 5_000, "not readable as YAML"),
        ("a: 0x" + "f" * 5_000, "a number has"),
        ("a: !!python/object/apply:os.system [ls]", "a tag has no meaning here"),
        ("a: !x 1", "a tag has no meaning here"),
        ("a: !!set {b, c}", "a tag has no meaning here"),
        ("1: a\n'1': b\n", "two keys are the same word"),
        ("[a, b]: c", "a key must be a word"),
        ("a: &a [" + "x, " * 30_000 + "]", "has more than 20000 lines or commas"),
        ("a: " + "x" * 1_100_000, "has 1.1 million characters"),
    ],
)
def test_yaml_is_bounded_and_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(PackError, match=told) as error:
        parse_yaml(text, path="g.yaml", error=PackError)
    assert "\n" not in str(error.value)


NESTED = st.recursive(
    st.sampled_from(["x", "1", "*a"]),
    lambda part: st.lists(part, max_size=9).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=40,
)


@settings(max_examples=20, deadline=None)
@given(st.lists(NESTED, min_size=1, max_size=12))
def test_what_is_read_is_small_with_its_aliases_written_out(parts: list[str]) -> None:
    text = "".join(f"k{n}: &a {part}\n" for n, part in enumerate(["[x, x, x]", *parts]))
    try:
        tree = plain(parse_yaml(text, path="g.yaml", error=PackError))
    except PackError:
        return
    assert len(repr(tree)) < 10_000_000


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero")):
        with pytest.raises(PackError, match="is no regular file"):
            read_text(path, error=PackError)
