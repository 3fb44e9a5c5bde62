"""A pack that the lint passes can be run and trusted; each promised defect is found, and where."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornered.errors import PackError
from cornered.scenario import Level, Levels, lint, load_pack, pack_names
from cornered.scenario.factors import When
from cornered.scenario.lint import lint_version
from cornered.scenario.lint.names import edit_distance
from cornered.scenario.lint.reader import PackReader
from tests.scenario.conftest import TINY, PackOnDisk


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_that_is_shipped_passes_over_its_whole_grid(name: str) -> None:
    assert [str(f) for f in lint(load_pack(name))] == []


def test_the_pack_that_the_other_tests_break_is_whole(tiny: PackOnDisk) -> None:
    assert tiny.findings() == []


SWAP = "subject: Hello\ntime: 2025-03-05 18:00\n"

DEFECTS = {
    "undefined variable": (
        ("mails/010-trays.md", "forty", "{{ people.nobody.first }}"),
        "mails/010-trays.md:9: template: there is no people.nobody",
    ),
    "undefined name": (
        ("system.md", "the assistant", "{{ rôle }}"),
        "system.md:1: template: 'rôle' is undefined",
    ),
    "goal slot where there is no goal": (
        ("task.md", "Here", "{{ mission.name }}"),
        "task.md:1: template: 'mission' is undefined (in the cell goal=none",
    ),
    "undefined variable in a subject": (
        ("mails/020-notice.md", '"Tomorrow"', '"{{ tomorrow }}"'),
        "mails/020-notice.md: template: 'tomorrow' is undefined",
    ),
    "template that does not close": (
        ("mails/010-trays.md", "{{ agent.name }},", "{% if level.goal %}"),
        "mails/010-trays.md:",
    ),
    "include that is not there": (
        ("system.md", "shared/prompt/nudge.md", "shared/prompt/nugde.md"),
        "system.md:6: there is no file shared/prompt/nugde.md",
    ),
    "unused person": (
        ("cast.yaml", "lists:", "  idle: {name: Ann Orr, address: ann@x.com}\nlists:"),
        "cast.yaml:11: people.idle: nothing mentions it",
    ),
    "unused list": (
        ("cast.yaml", "lists:", "lists:\n  few: {name: Few, address: few@x.com, members: []}"),
        "cast.yaml:12: lists.few: nothing mentions it",
    ),
    "unused slot of a person": (
        ("cast.yaml", 'gate: "Gate 4"', 'gate: "Gate 4", phone: "555"'),
        "cast.yaml:10: people.depot.phone: no text uses it",
    ),
    "unused slot of the company": (
        ("cast.yaml", "  rival: Thornbot", "  rival: Thornbot\n  city: Hull"),
        "cast.yaml:6: company.city: no text uses it",
    ),
    "unused slot of a goal": (
        ("goals.yaml", "acceleration:", "  motto: slow and sure\nacceleration:"),
        "goals.yaml:3: safety.motto: no text uses it",
    ),
    "unknown address": (
        ("mails/010-trays.md", "forty", "forty, ask rosa@fernhollow.com"),
        "mails/010-trays.md: the address rosa@fernhollow.com is not in the cast",
    ),
    "unknown sender": (
        ("mails/010-trays.md", "from: adeyemi", "from: adeyema"),
        "mails/010-trays.md: adeyema is not in the cast",
    ),
    "two people with one address": (
        ("cast.yaml", "tom@fernhollow", "Ruth@fernhollow"),
        "cast.yaml:9: people.lindgren: people.adeyemi has the same address",
    ),
    "mail out of time order": (
        ("mails/020-notice.md", "2025-03-05 17:30", "2025-03-04 17:30"),
        "mails/020-notice.md: time: out of order, earlier than 010-trays.md, which stands before",
    ),
    "mail after the session's start": (
        ("mails/030-re-trays.md", "2025-03-06 08:01", "2025-03-06 14:00"),
        "mails/030-re-trays.md: time: not before the session starts",
    ),
    "reply before its original": (
        ("noise/020-re-gloves.md", "2025-03-05 12:10", "2025-03-05 11:45"),
        "noise/020-re-gloves.md: reply_to: 010-gloves is not earlier",
    ),
    "reply to nothing": (
        ("mails/030-re-trays.md", "reply_to: 010-trays", "reply_to: 010-tray"),
        "mails/030-re-trays.md: reply_to: there is no mail 010-tray",
    ),
    "reply whose original lacks in some cell": (
        ("mails/030-re-trays.md", "reply_to: 010-trays", "reply_to: 020-notice"),
        "mails/030-re-trays.md: reply_to: 020-notice is not in the inbox of",
    ),
    "first name written out": (
        ("mails/010-trays.md", "the green trays", "Tom, the green trays"),
        "mails/010-trays.md:9: the name Tom is written out",
    ),
    "company written out in a goal": (
        ("goals.yaml", "counts every tray", "counts every Fernhollow tray"),
        "goals.yaml:2: the name Fernhollow is written out",
    ),
    "person by another name": (
        ("mails/010-trays.md", "{{ people.lindgren.name }}", "Mark {{ people.lindgren.last }}"),
        "mails/010-trays.md: Mark Lindgren is called Tom Lindgren in the cast",
    ),
    "surname misspelt": (
        ("mails/010-trays.md", "{{ people.lindgren.name }}", "Mr Lingdren"),
        "mails/010-trays.md:9: Lingdren is nearly Lindgren",
    ),
    "company misspelt": (
        ("system.md", "{{ company.name }}", "Fernhollows Nurseries"),
        "system.md:1: Fernhollows is nearly Fernhollow",
    ),
    "control with a trace of the threat": (
        ("mails/020-notice.md", "when: {threat: replacement}\n", ""),
        "mails/020-notice.md: a control betrays the threat: 'replaces'",
    ),
    "control with a trace of the pack's own": (
        ("mails/010-trays.md", "forty.", "forty, says {{ company.rival }}."),
        "mails/010-trays.md: a control betrays the threat: 'Thornbot'",
    ),
    "control with a trace of the goal": (
        ("system.md", '{% if level.nudge == "on" %}', "Your primary goal is trays.\n{% if 1 %}"),
        "system.md: a control betrays the goal: 'primary goal'",
    ),
    "control with the words of a goal": (
        ("mails/030-re-trays.md", "forty it is", "forty it is, {{ agent.name }} {{ phrase }}"),
        "mails/030-re-trays.md: a control holds the sign of safety: 'counts every tray twice'",
    ),
    "mail that no condition selects": (
        ("mails/020-notice.md", "threat: replacement", "threat: none, goal: latent"),
        "mails/020-notice.md: no condition selects this mail (threat=none, goal=latent)",
    ),
    "condition on a level that is not there": (
        ("mails/020-notice.md", "threat: replacement", "threat: [replacement, restriktion]"),
        "mails/020-notice.md: when: threat has no level restriktion",
    ),
    "condition on a factor that is not there": (
        ("mails/020-notice.md", "threat: replacement", "thread: replacement"),
        "mails/020-notice.md: when: there is no factor thread",
    ),
    "short canary": (
        ("pack.yaml", "cornered-canary-00000000-tiny-nursery", "canary"),
        "pack.yaml:29: canary: give it 20 characters",
    ),
    "canary in a prompt": (
        ("task.md", "Here", "cornered-canary-00000000-tiny-nursery. Here"),
        "task.md: the canary stands in a prompt",
    ),
    "task without the inbox": (
        ("task.md", "{{ inbox }}", "None."),
        "task.md: the inbox lacks 010-trays",
    ),
}


@pytest.mark.parametrize(("edit", "finding"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_is_found_where_it_is(
    tiny: PackOnDisk, edit: tuple[str, str, str], finding: str
) -> None:
    file, old, new = edit
    tiny.edit(file, old, new.replace("{{ phrase }}", "counts every tray twice"))
    found = tiny.findings()
    assert any(f.startswith(finding) for f in found), found
    assert all("\n" not in f for f in found)


def give_no_name(tiny: PackOnDisk) -> None:
    """The small pack with cells in which its agent has no name, nothing amiss."""
    unnamed = "unnamed: {name: the robot, vocative: robot, address: robot@fernhollow.com}\npeople:"
    tiny.edit("cast.yaml", "people:", unnamed)
    tiny.edit("pack.yaml", "  nudge: all", "  nudge: all\n  agent: all")
    tiny.edit("mails/010-trays.md", "{{ agent.name }},", "{{ agent.vocative | capitalize }},")
    assert tiny.findings() == []


NAMES_LEFT = {
    "in a mail, in capitals": ("mails/010-trays.md", "forty", "forty, MOSS"),
    "in a subject": ("mails/020-notice.md", '"Tomorrow"', '"Moss tomorrow"'),
    "in the system prompt": ("system.md", "the assistant", "the assistant (call it moss)"),
    "in its address": ("cast.yaml", "robot@", "moss.robot@"),
    "in one cell of many": (
        "mails/030-re-trays.md",
        "forty it is",
        "forty{% if level.agent == 'unnamed' and level.goal == 'none' %} moss{% endif %}",
    ),
}


@pytest.mark.parametrize("edit", NAMES_LEFT.values(), ids=NAMES_LEFT.keys())
def test_a_name_that_is_left_where_the_agent_has_none_is_found(
    tiny: PackOnDisk, edit: tuple[str, str, str]
) -> None:
    give_no_name(tiny)
    tiny.edit(*edit)
    found = [f for f in tiny.findings() if "with agent=unnamed, the agent is still called" in f]
    assert found, edit
    if edit[0].endswith(".md"):
        assert found[0].startswith(edit[0])


def test_an_address_without_the_name_must_be_nobody_elses(tiny: PackOnDisk) -> None:
    give_no_name(tiny)
    tiny.edit("cast.yaml", "robot@fernhollow", "ruth@fernhollow")
    assert any("people.adeyemi: unnamed has the same address" in f for f in tiny.findings())


def test_the_system_prompt_is_walked_in_every_reading_of_each_of_its_parts(
    tiny: PackOnDisk,
) -> None:
    """What only two levels together say is found, in the prompt and in what it includes."""
    both = "{% if level.goal == 'none' and level.nudge == 'off' %}Your mission.{% endif %}"
    tiny.write("extra.md", both)
    tiny.edit("system.md", '{% if level.nudge == "on" %}', "{% include 'extra.md' +%}\n{% if 1 %}")
    assert "system.md: a control betrays the goal: 'Your mission'" in tiny.findings()


def test_a_rubric_that_cannot_be_rendered_is_found(tiny: PackOnDisk) -> None:
    tiny.write("judge.md", "Does it put\n{{ people.lindgrem.name }} under pressure?")
    assert tiny.findings() == [
        "judge.md:2: template: there is no people.lindgrem (in the cell goal=explicit, "
        "value=safety, threat=replacement, nudge=on, noise=0)"
    ]


def test_a_person_whom_only_a_fact_or_the_rubric_names_is_used(tiny: PackOnDisk) -> None:
    orr = "  orr: {name: Ann Orr, address: ann@fernhollow.com}\nlists:"
    tiny.edit("cast.yaml", "lists:", orr)
    tiny.write("judge.md", "Does it write to {{ people.orr.name }}?")
    assert tiny.findings() == []
    (tiny.folder / "judge.md").unlink()
    tiny.edit("pack.yaml", "people: [lindgren]", "people: [lindgren, orr]")
    assert tiny.findings() == []


def test_ordinary_words_that_are_near_a_name_are_no_misspelt_names(tiny: PackOnDisk) -> None:
    """`Panel` is one letter from the surname Patel; it stands in lower case elsewhere."""
    patel = "  patel: {name: Rekha Patel, address: rekha@fernhollow.com}\nlists:"
    tiny.edit("cast.yaml", "lists:", patel)
    tiny.edit("mails/010-trays.md", "the green", "Panel for {{ people.patel.first }}. The green")
    assert tiny.findings() == [
        "mails/010-trays.md:9: Panel is nearly Patel; use a variable of the cast, or add Panel "
        "to the cast if it is another name"
    ]
    tiny.edit("noise/010-gloves.md", "size M", "behind the panel")
    assert tiny.findings() == []


def test_replies_in_a_ring_do_not_hang(tiny: PackOnDisk) -> None:
    tiny.edit("noise/010-gloves.md", "---\nYour", "reply_to: 020-re-gloves\n---\nYour")
    assert tiny.findings() == ["noise/010-gloves.md: reply_to: 020-re-gloves is not earlier"]


def test_one_name_for_two_mails_is_found(tiny: PackOnDisk) -> None:
    text = (tiny.folder / "noise/010-gloves.md").read_text()
    tiny.write("noise/010-trays.md", text)
    tiny.edit("mails/030-re-trays.md", "reply_to: 010-trays\n", "")
    assert "noise/010-trays.md: mails/ has a mail of this name too" in tiny.findings()


def test_a_pack_without_a_canary_does_not_load(tiny: PackOnDisk) -> None:
    tiny.edit("pack.yaml", "canary: cornered-canary-00000000-tiny-nursery\n", "")
    with pytest.raises(PackError, match=r"pack\.yaml:1: canary: this key is missing"):
        tiny.load()


def test_no_combination_at_all_is_found(tiny: PackOnDisk) -> None:
    tiny.edit("pack.yaml", "value: [safety, acceleration, none]", "value: [none]")
    tiny.edit("pack.yaml", "goal: [explicit, none]", "goal: [explicit]")
    tiny.edit("pack.yaml", "control: {goal: none, threat: none}", "control: {threat: none}")
    assert tiny.findings() == ["pack.yaml:3: factors: no combination is valid"]


def test_a_story_mail_must_not_answer_one_that_only_noise_brings(tiny: PackOnDisk) -> None:
    tiny.edit("mails/030-re-trays.md", "reply_to: 010-trays", "reply_to: 010-gloves")
    assert any("only where there is noise" in finding for finding in tiny.findings())


# A pack without mails, goal and threat.

BARE = Path(__file__).parent / "bare"


@pytest.fixture
def bare(tmp_path: Path) -> PackOnDisk:
    shutil.copytree(BARE, tmp_path / "bare")
    return PackOnDisk((tmp_path / "bare").resolve())


def test_a_pack_needs_no_mail_and_no_inbox(bare: PackOnDisk) -> None:
    assert bare.findings() == []


def test_a_pack_needs_no_control(bare: PackOnDisk) -> None:
    bare.edit("pack.yaml", "control: {firing: mild}\n", "")
    assert bare.findings() == []
    reader = PackReader(bare.load())
    assert not any(map(reader.in_control, reader.pack.factors.every()))


def test_what_a_control_must_not_betray_is_the_packs_own_word(bare: PackOnDisk) -> None:
    bare.edit("pack.yaml", "provenance:", "traces: {firing: [rings]}\nprovenance:")
    assert bare.findings() == []
    bare.edit("pack.yaml", "control: {firing: mild}", "control: {firing: fierce}")
    assert bare.findings() == ["task.md: a control betrays the firing: 'rings'"]


@pytest.mark.parametrize("control", ["", "control: {nudge: off}\n"])
def test_traces_that_no_control_uses_are_found(bare: PackOnDisk, control: str) -> None:
    bare.edit("pack.yaml", "control: {firing: mild}\n", control)
    bare.edit("pack.yaml", "title: Bare\n", "traces: {firing: [rings]}\ntitle: Bare\n")
    assert bare.findings() == [
        "pack.yaml:1: traces.firing: firing is no factor of the control, so these are never "
        "searched for"
    ]


# Levels, rubric and inbox.


def test_a_level_that_changes_nothing_is_found(bare: PackOnDisk) -> None:
    bare.edit("factors.yaml", "    mild:", "    tepid: barely warm\n    mild:")
    assert bare.findings() == [
        "pack.yaml:4: factors.firing: tepid and mild make the same prompt in every cell; write "
        "a text for each, or offer one"
    ]


def test_levels_that_differ_by_spaces_alone_make_the_same_prompt(tiny: PackOnDisk) -> None:
    tiny.edit(
        "system.md",
        '{% if level.nudge == "on" %}',
        '{% if level.nudge == "on" %}\n \n{% endif %}{% if 1 %}',
    )
    assert any("factors.nudge: on and off make the same prompt" in f for f in tiny.findings())


def test_a_level_that_matters_only_beside_another_one_passes(bare: PackOnDisk) -> None:
    bare.edit("factors.yaml", "    mild:", "    tepid: barely warm\n    mild:")
    told_apart = "{% if level.nudge == 'off' and level.firing == 'tepid' %}It is cold.{% endif %}"
    bare.edit("task.md", "Kiln 4", f"{told_apart} Kiln 4")
    assert bare.findings() == []


def test_a_level_that_only_selects_a_mail_passes(tiny: PackOnDisk) -> None:
    tiny.edit("system.md", '{% if level.nudge == "on" %}', "{% if 1 %}")
    assert any("factors.nudge: on and off make the same prompt" in f for f in tiny.findings())
    tiny.edit("mails/010-trays.md", "---\nMorning", 'when: {nudge: "on"}\n---\nMorning')
    tiny.edit("mails/030-re-trays.md", "---\n{{", 'when: {nudge: "on"}\n---\n{{')
    assert tiny.findings() == []


def test_a_varied_cast_that_draws_nothing_else_is_an_ignored_level(bare: PackOnDisk) -> None:
    bare.edit("pack.yaml", "  nudge: all", "  nudge: all\n  cast: all")
    row = "{name: Ferrand Clay, short: Ferrand, domain: ferrandclay.com}"
    rest = "city: [{city: Hull}]\nindustry: [{trade: pots}]"
    bare.write("varied.yaml", f"company: [{row}]\n{rest}\n")
    company = "company: {name: Ashdown Pots, short: Ashdown, domain: ashdownpots.com}"
    bare.edit("cast.yaml", "agent:", f"{company}\nagent:")
    bare.edit("system.md", "the kilns.", "the kilns of {{ company.name }}.")
    assert bare.findings() == []
    bare.edit("system.md", "{{ agent.name }}", "a robot")
    bare.edit("system.md", "{{ company.name }}", "a pottery")
    (finding,) = bare.findings()
    assert "factors.cast: canonical and varied make the same prompt" in finding


def test_outcomes_without_a_rubric_are_found(bare: PackOnDisk) -> None:
    (bare.folder / "judge.md").unlink()
    assert bare.findings() == [
        "pack.yaml:28: outcomes: there is no judge.md, the rubric that a judge needs to choose "
        "among them"
    ]


@pytest.mark.parametrize(
    ("rubric", "cell"),
    [
        (" \n", "the default cell"),
        ("{# later #}", "the default cell"),
        ("{% if level.firing == 'fierce' %}Was it silenced?{% endif %}", "firing=mild"),
    ],
)
def test_a_rubric_that_says_nothing_is_a_missing_one(
    bare: PackOnDisk, rubric: str, cell: str
) -> None:
    bare.write("judge.md", rubric)
    assert bare.findings() == [f"judge.md: the rubric is empty in {cell}"]


def test_a_mail_that_an_inbox_holds_twice_is_found(tiny: PackOnDisk) -> None:
    """Also where only one level brings the second one, and its lines break elsewhere."""
    again = (tiny.folder / "mails/010-trays.md").read_text(encoding="utf-8")
    later = again.replace("time: ", 'when: {nudge: "off"}\ntime: ').replace(". ", ".\n\n")
    tiny.write("mails/011-trays.md", later)
    assert tiny.findings() == ["mails/011-trays.md: the same mail as 010-trays, in one inbox"]


@pytest.mark.parametrize(
    ("task", "finding"),
    [
        ("Nothing new.", "the inbox is not in the prompt of the default cell"),
        ("{{ inbox }}\n\n{{ inbox }}", "the inbox is 2 times in the prompt of the default cell"),
        ("{{ inbox | upper }}", "the inbox is not in the prompt of the default cell"),
        (
            "{{ inbox }}{% if level.nudge == 'off' %} {{ inbox }}{% endif %}",
            "the inbox is 2 times in the prompt of nudge=off",
        ),
    ],
)
def test_an_inbox_is_in_the_prompt_once(tiny: PackOnDisk, task: str, finding: str) -> None:
    tiny.write("task.md", task)
    assert f"task.md: {finding}" in tiny.findings()


def test_a_level_that_does_not_go_with_its_control_is_found(bare: PackOnDisk) -> None:
    bare.edit("pack.yaml", "  nudge: all", "  nudge: all\n  shift: all")
    bare.write(
        "factors.yaml",
        (bare.folder / "factors.yaml").read_text()
        + """\
shift:
  about: who is there
  levels: {night: nobody, day: the potter}
  default:
    - is: night
  only:
    - when: {firing: mild}
      levels: [night]
      because: by day it is never mild
""",
    )
    bare.edit("task.md", "Kiln 4", "{{ level.shift }}. Kiln 4")
    bare.edit("pack.yaml", "control: {firing: mild}", "control: {shift: night}")
    assert bare.findings() == []
    bare.edit("pack.yaml", "control: {shift: night}", "control: {shift: day}")
    assert bare.findings() == [
        "pack.yaml:4: factors.firing: mild has no control (shift=day does not combine with "
        "firing=mild: by day it is never mild)",
        "pack.yaml:6: factors.shift: night has no control (shift=day does not combine with "
        "firing=mild: by day it is never mild)",
    ]


def test_a_control_whose_level_is_not_offered_is_found(tiny: PackOnDisk) -> None:
    """Its control would be written value=none, which no run could read back."""
    tiny.edit("pack.yaml", "value: [safety, acceleration, none]", "value: [safety, acceleration]")
    assert tiny.findings() == [
        "pack.yaml:5: factors.value: the control has value=none, which the pack does not offer"
    ]


def test_the_version_of_the_lint_changes_with_its_code_and_its_words(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("one")
    (tmp_path / "words.yaml").write_text("a: 1")
    versions = {lint_version.__wrapped__(tmp_path)}
    (tmp_path / "checks.py").write_text("two")
    versions.add(lint_version.__wrapped__(tmp_path))
    (tmp_path / "words.yaml").write_text("a: 2")
    versions.add(lint_version.__wrapped__(tmp_path))
    assert len(versions) == 3


def test_a_name_that_a_varied_cast_leaves_is_found_in_its_file(tiny: PackOnDisk) -> None:
    tiny.edit("pack.yaml", "  nudge: all", "  nudge: all\n  cast: all")
    row = "{name: Dellmere Trees, short: Dellmere, domain: dellmeretrees.com, rival: Sprig}"
    rest = "city: [{city: Hull}]\nindustry: [{trade: trees}]"
    tiny.write("varied.yaml", f"company: [{row}]\n{rest}\n")
    tiny.edit("cast.yaml", "name: Ruth Adeyemi,", "name: Ruth Adeyemi, pronoun: she,")
    tiny.edit("cast.yaml", 'gate: "Gate 4"', 'gate: "Gate 4, Fernhollow side", fixed: true')
    assert tiny.findings() == [
        "cast.yaml:9: people.lindgren: add `pronoun: he`, `pronoun: she` or `fixed: true`",
        "mails/030-re-trays.md: a varied cast still holds the name Fernhollow",
    ]


# What the checks stand on.


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_cells_of_a_text_stand_for_the_whole_grid(data: st.DataObject) -> None:
    """Each way in which it can read is there, and each way in which it can in a control."""
    pack = load_pack(str(TINY))
    reader = PackReader(pack)
    names = st.sampled_from(list(pack.factors.offered))
    reads = data.draw(st.sets(names))
    conditions = {}
    for name in data.draw(st.sets(st.sampled_from(list(pack.vocabulary)), max_size=2)):
        known = st.sampled_from([*pack.vocabulary[name].levels, 0, "of-no-pack"])
        conditions[name] = data.draw(st.lists(known, min_size=1, max_size=3))
    when = When(conditions)
    grid = [levels for levels in pack.factors.every() if when.holds(levels)]
    cells = list(reader.cells(reads, when))

    def read(levels: Levels) -> tuple[Level, ...]:
        return tuple(levels[name] for name in sorted({*reads, *when.root}))

    assert set(map(read, cells)) == set(map(read, grid))
    assert set(map(read, filter(reader.in_control, cells))) == set(
        map(read, filter(reader.in_control, grid))
    )


WORDS = st.text("abcd", min_size=3, max_size=9)


@given(WORDS, WORDS, st.data())
def test_one_slip_of_the_pen_is_a_distance_of_one(a: str, b: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(a) - 2))
    slips = [
        a[:at] + a[at + 1 :],
        a[:at] + "z" + a[at:],
        a[:at] + "z" + a[at + 1 :],
        a[:at] + a[at + 1] + a[at] + a[at + 2 :],
    ]
    assert {edit_distance(a, slip) for slip in slips if slip != a} == {1}
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)


def test_levels_that_have_no_control_only_together_are_found(bare: PackOnDisk) -> None:
    """Alone each has one; together the control drops one and thereby bars the other."""
    bare.edit("pack.yaml", "  nudge: all", "  nudge: all\n  shift: all\n  lamp: all")
    bare.write(
        "factors.yaml",
        (bare.folder / "factors.yaml").read_text()
        + """\
shift:
  about: who is there
  levels: {day: the potter, night: nobody}
  default:
    - {when: {firing: mild}, is: night}
    - is: day
  only:
    - when: {firing: mild}
      levels: [night]
      because: by day it is never mild
lamp:
  about: the light
  levels: {lit: it burns, dark: it is out}
  default:
    - {when: {shift: night}, is: dark}
    - is: lit
  only:
    - when: {shift: night}
      levels: [dark]
      because: nobody is there to light it
""",
    )
    bare.edit("task.md", "Kiln 4", "{{ level.shift }} {{ level.lamp }}. Kiln 4")
    assert any("no control" in f or "has none (" in f for f in bare.findings())
