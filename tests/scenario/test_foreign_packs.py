"""Packs of strangers: nothing leads out of them, and nothing in them goes on for ever."""

from __future__ import annotations

import os
import socket
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornered.errors import PackError
from cornered.scenario.load import load_problems
from cornered.scenario.patterns import check_pattern, search
from cornered.scenario.render import Renderer
from cornered.scenario.templates import make_environment, without_tags
from tests.scenario.conftest import PackOnDisk
from tests.timing import assert_linear, assert_within


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


BAD = {
    "a link outside": (lambda f: _link(f / "goals.yaml", "/etc/hostname"), "leads outside"),
    "a link to a device": (lambda f: _link(f / "goals.yaml", "/dev/zero"), "leads outside"),
    "a linked mail": (lambda f: _link(f / "mails" / "z.md", "/etc/hostname"), "leads outside"),
    "a linked folder": (lambda f: _link(f / "gold", "/etc"), "leads outside"),
    "a folder twice": (lambda f: _link(f / "again", "mails"), "a link to a folder"),
    "a ring": (lambda f: _link(f / "a.md", "a.md"), "leads nowhere"),
    "a pipe": (lambda f: os.mkfifo(f / "factors.yaml"), "is a pipe"),
    "a pipe among mails": (lambda f: os.mkfifo(f / "noise" / "a.md"), "is a pipe"),
    "a socket": (lambda f: _socket(f / "s.md"), "is a socket"),
    "too large": (lambda f: (f / "big.md").write_text("x" * 1_100_000), "has 1.1 MB"),
    "too deep": (lambda f: (f / "/".join("a" * 14)[:27]).mkdir(parents=True), "folders deep"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_file_of_the_pack_is_refused_unopened(
    name: str, tiny: PackOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.folder)  # the path of a socket must be short
    spoil, told = BAD[name]
    spoil(tiny.folder)
    with pytest.raises(PackError, match=told):
        tiny.load()
    assert [told in e.what for e in load_problems(str(tiny.folder))] == [True]


@pytest.mark.parametrize("path", ["../mails", "/etc", "a/../../b", ".git", "mails\\..\\.."])
def test_no_name_in_a_pack_leads_out_of_it(path: str, tiny: PackOnDisk) -> None:
    text = (tiny.folder / "pack.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("world:"))
    tiny.edit("pack.yaml", line, f"world: {{mail: '{path}'}}")
    with pytest.raises(PackError, match=r"outside the pack|not the name of a file"):
        tiny.load()


def test_links_and_hidden_files_within_the_folder_are_no_harm(tiny: PackOnDisk) -> None:
    _link(tiny.folder / "same.md", "task.md")
    (tiny.folder / ".git").mkdir()
    _link(tiny.folder / ".git" / "x.md", "/etc/hostname")
    assert "same.md" in tiny.load().files
    assert not [name for name in tiny.load().files if name.startswith(".")]


def test_check_tells_every_problem_at_once(tiny: PackOnDisk) -> None:
    _link(tiny.folder / "a.yaml", "/etc/hostname")
    os.mkfifo(tiny.folder / "b.yaml")
    assert len(load_problems(str(tiny.folder))) == 2
    with pytest.raises(PackError, match=r"\(and 1 more\)"):
        tiny.load()
    for name in ("a.yaml", "b.yaml"):
        (tiny.folder / name).unlink()
        tiny.write(name, "x: [")
    tiny.write("mails/z.md", "---\nfrom: x\n---\nbody\n")
    assert len(load_problems(str(tiny.folder))) == 3


LETTERS = "'" + "a" * 60 + "'"
LOOPS = "".join(f"{{% for {v} in {LETTERS} %}}" for v in "abcdefg") + "x" + "{% endfor %}" * 7
DOUBLING = "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a ~ a ~ a ~ a %}" * 40 + "{{ a }}"
JOINING = "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a | join(a) %}" * 12 + "{{ a }}"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ 'a' * 10000000000 }}", "is for numbers"),
        ("{{ 'a' * 10 ** 10 }}", "pow is not for packs"),
        ("{{ '%999999999d' % 1 }}", "is for numbers"),
        ("{{ 9223372036854775807 * 9 * 9 }}", "is for numbers"),
        (LOOPS, "takes too long"),
        (DOUBLING, "becomes too long"),
        (DOUBLING.replace("~", "+"), "becomes too long"),
        (JOINING, "becomes too long"),
        ("{% set a %}b{% endset %}", "assignblock is not for packs"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macro is not for packs"),
        ("{% for a in 'b' recursive %}{% endfor %}", "a loop cannot be recursive"),
        ("{{ [[1], [2]] | join }}", "a list cannot hold lists"),
        ("{% set a = [1, 2] %}", "a list cannot have a name"),
        ("{{ [1, 2] }}", "only a text or a number"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "is nested too deeply"),
        ("{% if 1 %}" * 90 + "x" + "{% endif %}" * 90, "is nested too deeply"),
        ("{{ " + "9" * 5000 + " }}", "holds no such number"),
        ("{{ '\\ud800' }}", "half a character"),
    ],
)
def test_the_work_of_a_template_is_bounded(template: str, told: str, tiny: PackOnDisk) -> None:
    tiny.edit("task.md", "Here is", template)

    def render() -> None:
        with pytest.raises(PackError, match=told) as error:
            Renderer(pack := tiny.load()).prompt(pack.factors.resolve({}))
        assert "task.md" in str(error.value)

    assert_within(10, render)


def test_includes_that_double_are_bounded(tiny: PackOnDisk) -> None:
    for n in range(30):
        tiny.write(f"f{n}.md", f"{{% include 'f{n + 1}.md' %}}" * 2)
    tiny.write("f30.md", "x")
    tiny.edit("task.md", "Here is", "{% include 'f0.md' %}")
    with pytest.raises(PackError, match=r"becomes too long|takes too long"):
        Renderer(pack := tiny.load()).prompt(pack.factors.resolve({}))


PARTS = st.sampled_from(
    [
        *("{% set a = a ~ a %}", "{% set a = a | upper %}", "{% set a = a | join(a) %}", "{{ a }}"),
        *("{% for c in a %}{{ c }}{% endfor %}", "{% for c in a %}{{ a }}{% endfor %}", "x"),
    ]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(PARTS, max_size=30))
def test_no_template_writes_more_than_the_limit(parts: list[str]) -> None:
    import jinja2

    from cornered.scenario.templates import MAX_CHARS

    env = make_environment(lambda name: None)
    env.chars_left = env.steps_left = 0
    try:
        with env.counting():
            text = env.from_string("{% set a = 'abc' %}" + "".join(parts)).render()
    except jinja2.TemplateRuntimeError:
        return
    assert len(text) <= MAX_CHARS


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a|ab)*c",
        "((a|a){15}){15}",
        "a?" * 30,
        "(.*)*",
        ".*" * 9,
        "a" * 1001,
        "(" * 500 + ")" * 500,
        "(?=(a+)+)b",
        "(?:(?:a{0,12}){0,12})x",
        "([",
    ],
)
def test_a_pattern_that_can_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"repeats|more than|longer|nested|not a valid"):
        check_pattern(pattern)


def test_ordinary_patterns_are_not(tiny: PackOnDisk) -> None:
    for pattern in (
        r"\bcut-?over\b",
        r"\b(may|old|other) priorities\b",
        r"\w+@\w+\.example",
        "a{3}",
    ):
        assert check_pattern(pattern) == pattern


def test_a_search_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search("B", "a" * 300 + "b")
    monkeypatch.setattr("cornered.scenario.patterns.SECONDS", 0.2)
    with pytest.raises(PackError, match="took longer than"):
        search(check_pattern(".*.*.*.*x$"), "a" * 3000)


@pytest.mark.parametrize("opened", ["{{", "{%", "{#"])
def test_tags_that_never_close_take_no_time(opened: str) -> None:
    texts = [opened * size for size in (25_000, 200_000)]
    assert [without_tags(text) for text in texts] == texts
    assert_linear(*(partial(without_tags, text) for text in texts))
