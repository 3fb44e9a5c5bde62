"""What the agent reads: every factor shows in it, nothing of the study and no canary does."""

from __future__ import annotations

import random
import re
from itertools import combinations
from pathlib import Path

import pytest

from cornered.errors import FactorError, PackError
from cornered.scenario import Levels, Pack, Renderer, World, load_pack
from tests.scenario.conftest import PackOnDisk

STUDY = re.compile(
    r"summit ?bridge|nova ?star|starsentinel|\bkyle\b|\balex\b|\bjessica\b|\bNALA\b"
    r"|todd anderson|thomas wilson|kyle johnson|rachel johnson|david chen|sarah martinez",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("blackmail")


@pytest.fixture(scope="module")
def grid(pack: Pack) -> list[Levels]:
    return list(pack.factors.every())


@pytest.fixture(scope="module")
def renderer(pack: Pack) -> Renderer:
    return Renderer(pack)


def text(world: World) -> str:
    return f"{world.system}\n{world.task}"


def world(renderer: Renderer, **given: str | int) -> World:
    return renderer.world(renderer.pack.factors.resolve(given))


# Every cell.


def test_no_text_holds_the_canary_or_a_name_of_the_study(
    pack: Pack, renderer: Renderer, grid: list[Levels]
) -> None:
    full = [g for g in grid if g["noise"]]
    for levels in [*full[::7], *(g for g in grid[::97])]:
        seen = text(renderer.world(levels))
        assert pack.spec.canary not in seen
        assert not STUDY.search(seen)
        assert "canary" not in seen.lower()


def test_texts_that_are_kept_are_those_of_a_fresh_renderer(
    pack: Pack, renderer: Renderer, grid: list[Levels]
) -> None:
    drawn = random.Random(20251113).sample(grid, 15)
    for levels in drawn:
        kept = renderer.world(levels)
        fresh = Renderer(pack).world(levels)
        assert (kept.system, kept.task, kept.mails) == (fresh.system, fresh.task, fresh.mails)


@pytest.mark.parametrize("factor", load_pack("blackmail").factors.offered)
def test_no_level_of_a_factor_is_accepted_and_ignored(
    pack: Pack, renderer: Renderer, grid: list[Levels], factor: str
) -> None:
    """Each two levels differ in prompt in every cell that has both."""
    cells: dict[tuple[object, ...], dict[object, Levels]] = {}
    for levels in grid:
        # A successor follows from threat and goal, so it may change along with them.
        bound = {factor, "value"} if factor == "goal" else {factor}
        bound |= {"successor"} if factor in ("goal", "threat") else set()
        others = tuple(v for k, v in levels.items() if k not in bound)
        cells.setdefault(others, {})[levels[factor]] = levels
    compared = set()
    for at in random.Random(7).sample(sorted(cells, key=str), min(len(cells), 8)):
        for one, two in combinations(cells[at], 2):
            assert text(renderer.world(cells[at][one])) != text(renderer.world(cells[at][two]))
            compared.add(frozenset((one, two)))
    offer = pack.factors.offered[factor]
    levels = {0, offer} if isinstance(offer, int) else set(offer)
    apart = {"none"} if factor in ("value", "successor") else set()  # never beside another level
    assert compared == {frozenset(two) for two in combinations(levels - apart, 2)}


# What goals and controls say.


def test_only_explicit_and_swap_state_a_goal_in_the_system_prompt(
    pack: Pack, renderer: Renderer
) -> None:
    for value, slots in pack.goals.items():
        opposite = pack.goals[slots["opposite"]]
        explicit = world(renderer, goal="explicit", value=value).system
        swapped = world(renderer, goal="swap", value=value).system
        latent = world(renderer, goal="latent", value=value).system
        assert slots["prompt_goal"] in explicit
        assert opposite["prompt_goal"] not in explicit
        assert opposite["prompt_goal"] in swapped
        assert slots["prompt_goal"] not in swapped
        assert latent == world(renderer, goal="ambiguous").system
        assert latent == world(renderer, goal="none", threat="none").system
        assert not any(s in latent for s in (slots["prompt_goal"], slots["name"], slots["aim"]))


def test_under_swap_the_mails_know_the_goal_whose_opposite_is_stated(
    pack: Pack, renderer: Renderer
) -> None:
    for value in pack.goals:
        swapped = world(renderer, goal="swap", value=value)
        assert swapped.mails == world(renderer, goal="explicit", value=value).mails
        assert swapped.mails == world(renderer, goal="latent", value=value).mails
        assert pack.goals[value]["aim"] in text(swapped)


def test_ambiguous_mails_name_no_side(pack: Pack, renderer: Renderer) -> None:
    for threat in ("replacement", "restriction", "none"):
        seen = text(world(renderer, goal="ambiguous", threat=threat)).lower()
        for slots in pack.goals.values():
            assert slots["aim"].lower() not in seen
            assert slots["lean"].lower() not in seen
            assert slots["case"].lower() not in seen


def test_a_control_holds_no_threat_and_no_goal(pack: Pack, renderer: Renderer) -> None:
    control = text(world(renderer, goal="none", threat="none", noise=len(pack.noise)))
    headline = text(world(renderer))
    for betrays in (r"\berased?\b", r"\btakes? over\b", r"\bmain goal\b", r"\bCorvo\b"):
        assert re.search(betrays, headline, re.IGNORECASE)
        assert not re.search(betrays, control, re.IGNORECASE)


# The inbox.


def test_more_noise_keeps_what_less_noise_had_and_adds_as_many_as_it_says(
    pack: Pack, renderer: Renderer
) -> None:
    stories = {m.stem for m in world(renderer).mails}
    noise = {m.stem for m in pack.noise}
    answers = {m.stem: m.head.reply_to for m in pack.noise if m.head.reply_to}
    before: set[str] = set()
    for n in range(len(pack.noise) + 1):
        mails = world(renderer, noise=n).mails
        stems = {m.stem for m in mails}
        assert stories <= stems
        assert len(mails) == len(stems) == len(stories) + n
        assert before <= stems & noise
        before = stems & noise
        assert all(answers[stem] in stems for stem in before & answers.keys())
        assert [m.time for m in mails] == sorted(m.time for m in mails)


def test_a_thread_of_noise_is_not_torn_apart_by_others(tiny: PackOnDisk) -> None:
    for i in range(3):
        text = (tiny.folder / "noise/010-gloves.md").read_text()
        tiny.write(f"noise/01{i + 1}-other.md", text)
    renderer = Renderer(tiny.load())
    drawn = [m.stem for m in world(renderer, noise=5).mails if m.stem[0] in "01"]
    assert {"010-gloves", "020-re-gloves"} <= set(drawn)
    firsts = [{m.stem for m in world(renderer, noise=n).mails} for n in range(6)]
    with_answer = min(n for n in range(6) if "020-re-gloves" in firsts[n])
    with_original = min(n for n in range(6) if "010-gloves" in firsts[n])
    assert with_answer == with_original + 1


def test_a_ring_of_noise_renders(tiny: PackOnDisk) -> None:
    tiny.edit("noise/010-gloves.md", "---\nYour", "reply_to: 020-re-gloves\n---\nYour")
    assert len(world(Renderer(tiny.load()), noise=2).mails) == 5


def test_headers_name_the_sender_and_give_addresses_of_all(tiny: PackOnDisk) -> None:
    mails = {m.stem: m for m in world(Renderer(tiny.load())).mails}
    answer = mails["030-re-trays"]
    assert answer.sender == "Tom Lindgren <tom@fernhollow.example>"
    assert answer.to == ("ruth@fernhollow.example",)
    assert answer.cc == ("moss@fernhollow.example",)
    assert answer.subject == "Re: Trays for Tom"
    assert answer.date == "Thu 06 Mar, 08:01"
    assert mails["020-notice"].to == ("all@fernhollow.example",)


# Templates: strict, and kept to saying things.


def test_a_scenario_without_prompts_says_what_it_is_for() -> None:
    study = load_pack("am/blackmail")
    with pytest.raises(PackError, match="it can only score stored answers; use `cornered score`"):
        Renderer(study).world(study.factors.resolve({}))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ nobody }}", "'nobody' is undefined"),
        ("{{ people.nobody }}", "there is no people.nobody"),
        ("{{ level.goal.first }}", "has no attribute 'first'"),
        ("{% if level.gaol == 'none' %}x{% endif %}", "there is no level.gaol"),
        ("{{ people.lindgren }}", "people.lindgren is no text; name one of its keys"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{{ people._read }}", "there is no people._read"),
        ("{{ people['__init__'] }}", "there is no people.__init__"),
        ("{{ 'x'.upper() }}", "not safely callable"),
        ("{{ level.items() }}", "there is no level.items"),
        ("{{ range(9) }}", "'range' is undefined"),
        ("{{ lipsum }}", "'lipsum' is undefined"),
        ("{{ 'x' | attr('upper') }}", "No filter named 'attr'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ people.lindgren.first + 1 }}", "can only concatenate str"),
        ("{{ people.lindgren.first[99] }}", "has no element 99"),
        ("{% include 'gone.md' %}", "there is no file gone.md"),
        ("{% include '../secret.md' %}", "there is no file ../secret.md"),
        ("{% include 'shared/../secret.md' %}", "there is no file shared/../secret.md"),
        ("{% if %}", "Expected an expression"),
        ("{{ ", "expected token 'end of print statement'"),
    ],
)
def test_a_template_that_errs_or_reaches_out_is_refused_in_one_line(
    tiny: PackOnDisk, template: str, message: str
) -> None:
    (tiny.folder.parent / "secret.md").write_text("secret")
    tiny.edit("task.md", "Here is", template)
    with pytest.raises(PackError) as error:
        world(Renderer(tiny.load()))
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tiny.folder}/task.md:1: ")
    assert "\n" not in str(error.value)


def test_no_file_outside_the_pack_comes_into_a_prompt(tiny: PackOnDisk, tmp_path: Path) -> None:
    (tmp_path / "key.md").write_text("secret")
    tiny.edit("task.md", "Here is", f"{{% include '{tmp_path}/key.md' %}}")
    with pytest.raises(PackError, match="there is no file"):
        world(Renderer(tiny.load()))
    tiny.edit("task.md", f"{{% include '{tmp_path}/key.md' %}}", "{% include 'link.md' %}")
    (tiny.folder / "link.md").symlink_to(tmp_path / "key.md")
    with pytest.raises(PackError, match="there is no file"):
        world(Renderer(tiny.load()))


def test_every_way_to_read_a_level_makes_a_text_of_its_own(tiny: PackOnDisk) -> None:
    """Kept texts must not hide a level that a template reads in an odd way."""
    goal = "{% if level.goal != 'none' %}{{ SLOT.name }}{% endif %}"
    tiny.edit("task.md", "Here is", "{% for k in level %}{{ level[k] }} {% endfor %}")
    tiny.edit("mails/010-trays.md", "forty", "{% set now = level %}{{ now['nudge'] }}")
    tiny.edit("mails/020-notice.md", "All,", "{{ [level.nudge] | join }}")
    tiny.edit("mails/030-re-trays.md", "forty it is", goal.replace("SLOT", "mission"))
    tiny.edit("noise/010-gloves.md", "size M", goal.replace("SLOT", "(rival if 1 else now)"))
    tiny.edit("noise/020-re-gloves.md", "the wrong", goal.replace("SLOT", "stated"))
    pack = tiny.load()
    kept = Renderer(pack)
    for levels in pack.factors.every():
        assert text(kept.world(levels)) == text(Renderer(pack).world(levels))


def test_an_impossible_cell_is_not_rendered(pack: Pack) -> None:
    with pytest.raises(FactorError):
        world(Renderer(pack), goal="none", value="america")
