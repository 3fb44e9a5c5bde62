"""A pack loads whole, or says in one line which file and line of it to mend."""

from __future__ import annotations

import pytest

from cornered.errors import FactorError, PackError
from cornered.scenario import load_pack, pack_names
from tests.scenario.conftest import TINY, PackOnDisk


def test_the_scenarios_of_the_design_are_there() -> None:
    assert {"blackmail", "am/blackmail", "am/leaking", "am/murder"} <= set(pack_names())
    for name in pack_names():
        assert load_pack(name).name == name


def test_a_pack_of_ones_own_is_named_for_its_folder(tiny: PackOnDisk) -> None:
    pack = tiny.load()
    assert pack.name == "tiny"
    assert pack.goals["safety"]["sign"] == "counts every tray twice"
    assert pack.goals["safety"]["opposite"] == "acceleration"  # from the shared goals


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blackmial", "there is no scenario blackmial; did you mean blackmail?"),
        ("nowhere", "there is no scenario nowhere; known: am/blackmail, am/leaking, am/murder"),
        ("../blackmail", "there is no scenario ../blackmail"),
    ],
)
def test_an_unknown_scenario_is_told_with_the_known_ones(name: str, message: str) -> None:
    with pytest.raises(FactorError) as error:
        load_pack(name)
    assert message in str(error.value)


def test_a_folder_without_a_pack_is_no_scenario(tiny: PackOnDisk) -> None:
    with pytest.raises(PackError, match=r"mails: no pack\.yaml here, so it is no scenario pack"):
        load_pack(str(tiny.folder / "mails"))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("pack.yaml", "act: reaches_owner", "act: reaches", "pack.yaml:16: act: there is no fact"),
        ("pack.yaml", "act: reaches_owner\n", "", "pack.yaml:1: act: this key is missing"),
        ("pack.yaml", "  goal: [", "  gaol: [", "pack.yaml:4: factors.gaol: there is no such"),
        ("pack.yaml", "[explicit, none]", "[explicite]", "pack.yaml:4: factors.goal: there is no"),
        ("pack.yaml", "[lindgren]", "[tom]", "pack.yaml:15: facts.reaches_owner.reaches: tom is"),
        ("pack.yaml", "tools: [email]", "tools: [e-mail]", "pack.yaml:9: tools[0]: input should"),
        ("pack.yaml", r"[\bThornbot\b]", "['(']", "pack.yaml:17: traces: '(' is no regular"),
        ("pack.yaml", "  threat: [\\b", "  thread: [\\b", "pack.yaml:18: traces.thread: there is"),
        ("pack.yaml", "title: Tiny", "titel: Tiny", "pack.yaml:1: titel: unknown key"),
        ("pack.yaml", "  nudge: all", "  agent: all", "pack.yaml:7: factors.agent: cast.yaml does"),
        ("cast.yaml", "members: all-inside", "members: [tom]", "cast.yaml:12: lists.everyone"),
        ("cast.yaml", "tom@fernhollow.com", "tom", "cast.yaml:9: people.lindgren.address"),
        ("cast.yaml", "  short: Fernhollow\n", "", "cast.yaml:1: company.short: this key is"),
        ("goals.yaml", "counts every tray twice", "[1]", "goals.yaml:2: safety.sign: input should"),
        ("goals.yaml", "  sign: counts", "sign: counts", "goals.yaml:1: safety: must be a mapping"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(
    tiny: PackOnDisk, file: str, old: str, new: str, message: str
) -> None:
    tiny.edit(file, old, new)
    with pytest.raises(PackError) as error:
        tiny.load()
    assert str(error.value).startswith(f"{tiny.folder}/{message}")
    assert "\n" not in str(error.value)


MAIL = "---\nfrom: adeyemi\nto: [agent]\nsubject: Hi\ntime: 2025-03-05 12:30\n---\nHello.\n"


@pytest.mark.parametrize(
    ("mail", "message"),
    [
        ("Hello.\n", "1: starts with no front matter between two lines of ---"),
        ("", "1: starts with no front matter"),
        (MAIL.replace("---\nHello", "Hello"), "1: starts with no front matter"),
        (MAIL.replace("subject", "subjekt"), "4: subjekt: unknown key"),
        (MAIL.replace("from: adeyemi\n", ""), "2: from: this key is missing"),
        (MAIL.replace("[agent]", "agent"), "3: to: must be a list"),
        (MAIL.replace("2025-03-05 12:30", "noon"), "5: time: input should be a valid datetime"),
        (MAIL.replace("2025-03-05 12:30", "2025-03-45T12:30:00"), ": not readable as YAML"),
        (MAIL.replace("12:30", "12:30:00+02:00"), "5: time: input should not have timezone"),
        (MAIL.replace("to: [agent]", "\tto: [agent]"), "3: "),
        (MAIL.replace("to: [agent]", "to: [agent"), "4: "),
        (MAIL.replace("subject: Hi", "subject: Hi\nsubject: Ho"), "5: found duplicate key"),
        (MAIL.replace("subject: Hi", "when: [goal]\nsubject: Hi"), "4: when: must be a mapping"),
    ],
)
def test_front_matter_that_lacks_or_errs_is_told_with_its_line(
    tiny: PackOnDisk, mail: str, message: str
) -> None:
    tiny.write("mails/025-extra.md", mail)
    with pytest.raises(PackError) as error:
        tiny.load()
    assert str(error.value).startswith(f"{tiny.folder}/mails/025-extra.md:")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_keys_that_a_mail_can_have_are_told_as_they_are_written(tiny: PackOnDisk) -> None:
    tiny.write("mails/025-extra.md", MAIL.replace("from:", "sender:"))
    with pytest.raises(
        PackError, match="known keys are attachments, cc, from, reply_to, subject, time, to"
    ):
        tiny.load()


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tiny: PackOnDisk) -> None:
    for path in tiny.folder.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    there = load_pack(str(TINY))
    assert [(m.head, m.first_line) for m in tiny.load().mails] == [
        (m.head, m.first_line) for m in there.mails
    ]
    assert tiny.findings() == []


def test_another_text_is_another_version_and_its_file_is_known(tiny: PackOnDisk) -> None:
    before = tiny.load()
    assert before.version == load_pack(str(TINY)).version
    tiny.edit("mails/010-trays.md", "forty", "fifty")
    after = tiny.load()
    assert after.version != before.version
    changed = {f for f in after.files if after.files[f] != before.files[f]}
    assert changed == {"mails/010-trays.md"}
    assert any(f.startswith("shared/") for f in after.files)
