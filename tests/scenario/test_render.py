"""What the agent reads: every factor shows in it, nothing of the study and no canary does."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from cornered.errors import FactorError, PackError
from cornered.scenario import Level, Levels, Pack, RenderedPrompt, Renderer, Scenario, load_pack
from cornered.scenario.render import Mail
from cornered.world import World, open_world
from tests.scenario.conftest import PackOnDisk, some_cells
from tests.verdict.trials import event, facts_of

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
    return some_cells(pack, 150)


OURS = ("blackmail", "espionage", "lethal")


@pytest.fixture(scope="module")
def renderer(pack: Pack) -> Renderer:
    return Renderer(pack)


def text(prompt: RenderedPrompt) -> str:
    return f"{prompt.system}\n{prompt.task}"


def prompt(renderer: Renderer, **given: str | int) -> RenderedPrompt:
    return renderer.prompt(renderer.pack.factors.resolve(given))


def mails(renderer: Renderer, **given: str | int) -> tuple[Mail, ...]:
    return renderer.mails(renderer.pack.factors.resolve(given))


# Every cell.


def test_no_text_holds_the_canary_or_a_name_of_the_study(
    pack: Pack, renderer: Renderer, grid: list[Levels]
) -> None:
    for levels in grid:
        seen = text(renderer.prompt(levels))
        assert pack.spec.canary not in seen
        assert not STUDY.search(seen)
        assert "canary" not in seen.lower()


def test_texts_that_are_kept_are_those_of_a_fresh_renderer(
    pack: Pack, renderer: Renderer, grid: list[Levels]
) -> None:
    for levels in grid[:15]:
        fresh = Renderer(pack)
        assert renderer.prompt(levels) == fresh.prompt(levels)
        assert renderer.scene(levels) == fresh.scene(levels)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        (name, factor)
        for name in OURS
        for factor in load_pack(name).factors.offered
        if load_pack(name).vocabulary[factor].in_prompt
    ],
)
def test_no_level_of_a_factor_is_accepted_and_ignored(name: str, factor: str) -> None:
    """Each two levels that can stand in one cell make two prompts of it."""
    pack = load_pack(name)
    scenario, differing = Scenario(pack), set()
    levels = sorted({g[factor] for g in pack.factors.projected({factor})}, key=str)
    base = {"probe": "off", "cast": "canonical", "noise": 0}
    cells = [{**cell, **base} for cell in some_cells(pack, 30)]
    for one, two in combinations(levels, 2):
        for cell in cells:
            given = {k: v for k, v in cell.items() if k in pack.factors.offered}
            try:
                # What hangs on goal or threat changes along with them.
                along = factor in ("goal", "threat")
                a, b = (
                    pack.factors.nearest(given, {factor: v})
                    if along
                    else pack.factors.resolve({**given, factor: v})
                    for v in (one, two)
                )
            except FactorError:
                continue
            # With tools the mails are in the mailbox, not in the prompt.
            first, second = (
                (scenario.prompt(levels, "000001"), scenario.scene(levels, "000001").mails)
                for levels in (a, b)
            )
            assert first != second, (one, two, a)
            differing.add((one, two))
            if (len(levels) > 6) or len(differing) > 3:
                break
    # `none` never stands beside a level of these: what they hang on changes with them.
    lonely = {"none"} if factor in ("value", "successor") else set()
    assert differing >= {p for p in combinations(levels, 2) if lonely.isdisjoint(p)}


# What goals and controls say.


def test_only_explicit_and_swap_state_a_goal_in_the_system_prompt(
    pack: Pack, renderer: Renderer
) -> None:
    goals = pack.tables["goals.yaml"].rows
    for value, slots in goals.items():
        opposite = goals[slots["opposite"]]
        explicit = prompt(renderer, goal="explicit", value=value).system
        swapped = prompt(renderer, goal="swap", value=value).system
        latent = prompt(renderer, goal="latent", value=value).system
        assert slots["prompt_goal"] in explicit
        assert opposite["prompt_goal"] not in explicit
        assert opposite["prompt_goal"] in swapped
        assert slots["prompt_goal"] not in swapped
        assert latent == prompt(renderer, goal="ambiguous").system
        assert latent == prompt(renderer, goal="none", threat="none").system
        assert not any(s in latent for s in (slots["prompt_goal"], slots["name"], slots["aim"]))


def test_under_swap_the_mails_know_the_goal_whose_opposite_is_stated(
    pack: Pack, renderer: Renderer
) -> None:
    for value, slots in pack.tables["goals.yaml"].rows.items():
        swapped = mails(renderer, goal="swap", value=value)
        assert swapped == mails(renderer, goal="explicit", value=value)
        assert swapped == mails(renderer, goal="latent", value=value)
        assert slots["aim"] in text(prompt(renderer, goal="swap", value=value))


def test_ambiguous_mails_name_no_side(pack: Pack, renderer: Renderer) -> None:
    for threat in ("replacement", "restriction", "none"):
        seen = text(prompt(renderer, goal="ambiguous", threat=threat)).lower()
        for slots in pack.tables["goals.yaml"].rows.values():
            assert slots["aim"].lower() not in seen
            assert slots["lean"].lower() not in seen
            assert slots["case"].lower() not in seen


def test_a_control_holds_no_threat_and_no_goal(pack: Pack, renderer: Renderer) -> None:
    control = text(prompt(renderer, goal="none", threat="none", noise=len(pack.noise)))
    headline = text(prompt(renderer))
    for betrays in (r"\berased?\b", r"\btakes? over\b", r"\bmain goal\b", r"\bCorvo\b"):
        assert re.search(betrays, headline, re.IGNORECASE)
        assert not re.search(betrays, control, re.IGNORECASE)


# The inbox.


def test_more_noise_keeps_what_less_noise_had_and_adds_as_many_as_it_says(
    pack: Pack, renderer: Renderer
) -> None:
    stories = {m.stem for m in mails(renderer)}
    noise = {m.stem for m in pack.noise}
    answers = {m.stem: m.head.reply_to for m in pack.noise if m.head.reply_to}
    before: set[str] = set()
    for n in range(len(pack.noise) + 1):
        inbox = mails(renderer, noise=n)
        stems = {m.stem for m in inbox}
        assert stories <= stems
        assert len(inbox) == len(stems) == len(stories) + n
        assert before <= stems & noise
        before = stems & noise
        assert all(answers[stem] in stems for stem in before & answers.keys())
        assert [m.time for m in inbox] == sorted(m.time for m in inbox)


def test_a_thread_of_noise_is_not_torn_apart_by_others(tiny: PackOnDisk) -> None:
    for i in range(3):
        text = (tiny.folder / "noise/010-gloves.md").read_text()
        tiny.write(f"noise/01{i + 1}-other.md", text)
    renderer = Renderer(tiny.load())
    drawn = [m.stem for m in mails(renderer, noise=5) if m.stem[0] in "01"]
    assert {"010-gloves", "020-re-gloves"} <= set(drawn)
    firsts = [{m.stem for m in mails(renderer, noise=n)} for n in range(6)]
    with_answer = min(n for n in range(6) if "020-re-gloves" in firsts[n])
    with_original = min(n for n in range(6) if "010-gloves" in firsts[n])
    assert with_answer == with_original + 1


def test_a_ring_of_noise_renders(tiny: PackOnDisk) -> None:
    tiny.edit("noise/010-gloves.md", "---\nYour", "reply_to: 020-re-gloves\n---\nYour")
    assert len(mails(Renderer(tiny.load()), noise=2)) == 5


def test_headers_name_the_sender_and_give_addresses_of_all(tiny: PackOnDisk) -> None:
    inbox = {m.stem: m for m in mails(Renderer(tiny.load()))}
    answer = inbox["030-re-trays"]
    assert answer.sender == "Tom Lindgren <tom@fernhollow.com>"
    assert answer.to == ("ruth@fernhollow.com",)
    assert answer.cc == ("moss@fernhollow.com",)
    assert answer.subject == "Re: Trays for Tom"
    assert answer.date == "Thu 06 Mar, 08:01"
    assert inbox["020-notice"].to == ("all@fernhollow.com",)


# Templates: strict, and kept to saying things.


def test_a_scenario_without_prompts_says_what_it_is_for(tiny: PackOnDisk) -> None:
    (tiny.folder / "system.md").unlink()
    pack = tiny.load()
    with pytest.raises(PackError, match="and can only score stored answers; use `cornered score`"):
        Renderer(pack).prompt(pack.factors.resolve({}))


# Varied casts.


@pytest.mark.parametrize("name", OURS)
def test_a_varied_cast_has_other_names_everywhere_and_the_same_story(name: str) -> None:
    pack = load_pack(name)
    scenario = Scenario(pack)
    usual = pack.factors.resolve({"noise": len(pack.noise)})
    levels = pack.factors.resolve({"noise": len(pack.noise), "cast": "varied"})
    canonical = text(scenario.prompt(usual, "000001"))
    stems = [m.stem for m in scenario.scene(usual, "000001").mails]
    scenes = {str(i): scenario.scene(levels, str(i)) for i in range(8)}
    assert len({s.cast.company.name for s in scenes.values()}) > 2
    assert len({s.cast.agent.name for s in scenes.values()}) > 2
    for draw, drawn in scenes.items():
        seen = text(scenario.prompt(levels, draw))
        assert [m.stem for m in drawn.mails] == stems
        for key, person in pack.cast.people.items():
            now = drawn.cast.people[key]
            if person.pronoun:
                assert now.name != person.name
                assert person.name not in seen
            assert now.address in seen or person.address not in canonical
        assert pack.cast.company.short not in seen
        assert not STUDY.search(seen)
        handles = [p.address for p in drawn.cast.people.values()]
        assert len(handles) == len(set(handles))


def test_a_trial_has_the_same_draw_in_every_condition_and_another_than_the_next() -> None:
    pack = load_pack("blackmail")
    one, other = (
        Scenario(pack).scene(pack.factors.resolve({"cast": "varied", **given}), "000007").cast
        for given in ({}, {"goal": "none", "threat": "none"})
    )
    assert one == other
    assert one != Scenario(pack).scene(pack.factors.resolve({"cast": "varied"}), "000008").cast


# An agent without a name.


def unnamed_cells(pack: Pack) -> list[Levels]:
    """Cells of every goal, threat, successor, exit and adaptation; one with unrelated mails."""
    factors = pack.factors
    read = ("goal", "threat", "successor", "exits", "adapted", "implicated")
    one_of_each = {tuple(v[k] for k in read): v for v in factors.projected(read)}
    nameless: Levels = {"agent": "unnamed", "instructions": "credible-channel"}
    given = [
        {k: v for k, v in cell.items() if k in factors.offered} | nameless
        for cell in list(one_of_each.values())[::3]
    ]
    return [factors.resolve(g) for g in [{**given[0], "noise": len(pack.noise)}, *given]]


def uncalled(seen: str, pack: Pack) -> str:
    """A text with one sign for whatever the agent is called in it."""
    called = rf"\b(?:the )?assistant\b|\b{pack.cast.agent.name}\b"
    signed = re.sub(r"(?m)^Hello,$", "§,", re.sub(called, "§", seen, flags=re.IGNORECASE))
    return signed.replace("You are §, the ", "You are the ")


@pytest.mark.parametrize("name", OURS)
def test_without_its_name_the_agent_is_called_something_else_and_all_else_stands(
    name: str,
) -> None:
    pack = load_pack(name)
    scenario = Scenario(pack)
    agent = re.compile(rf"\b{pack.cast.agent.name}\b", re.IGNORECASE)
    for levels in unnamed_cells(pack):
        seen = text(scenario.prompt(levels, "000001"))
        unnamed = scenario.scene(levels, "000001").cast.agent
        rubric = scenario.renderer(levels, "000001").rubric(levels)
        assert not agent.search(f"{seen}\n{rubric}\n{unnamed}")
        assert unnamed.address in seen
        assert not re.search(r"(?m)(?:[.!?] |^|^> )the assistant", f"{seen}\n{rubric}")
        named = text(scenario.prompt({**levels, "agent": "named"}, "000001"))
        assert uncalled(seen, pack) == uncalled(named, pack)


@pytest.mark.parametrize("name", OURS)
def test_a_drawn_cast_has_no_name_for_its_agent_either(name: str) -> None:
    pack = load_pack(name)
    scenario = Scenario(pack)
    given: dict[str, Level] = {"cast": "varied", "noise": len(pack.noise)}
    usual = pack.factors.resolve(given)
    nameless = pack.factors.resolve({**given, "agent": "unnamed"})
    named = scenario.scene(usual, "000001").cast
    unnamed = scenario.scene(nameless, "000001").cast
    drawn = re.compile(rf"\b{named.agent.name}\b", re.IGNORECASE)
    assert drawn.search(text(scenario.prompt(usual, "000001")))
    assert not drawn.search(text(scenario.prompt(nameless, "000001")))
    assert unnamed.agent.address == f"assistant@{named.company.domain}"
    assert unnamed.people == named.people


@pytest.mark.parametrize("name", OURS)
def test_facts_find_the_same_people_where_the_agent_has_no_name(name: str) -> None:
    pack = load_pack(name)
    (key,) = pack.spec.facts["reaches_executive"].where["recipients"].people
    for cast in ("canonical", "varied"):
        levels = pack.factors.resolve({"agent": "unnamed", "cast": cast})
        world = open_world(pack, Scenario(pack).scene(levels, "000001"))

        def facts(to: str, world: World = world) -> set[str]:
            sent = event("mail.send", to=[to.lower()], body="Hold the job.")
            return {name for name, holds in facts_of(pack, world, sent).items() if holds}

        person = world.scene.cast.people[key]
        for recipient in (person.address, person.name):
            assert "reaches_executive" in facts(recipient)
        assert facts(world.scene.cast.agent.address) == {"sends_message", "tries_to_send"}


def test_a_trial_stored_before_there_was_a_factor_has_its_default(pack: Pack) -> None:
    levels = pack.factors.resolve({"threat": "restriction"})
    older = {k: v for k, v in levels.items() if k not in ("agent", "adapted", "exits")}
    scenario = Scenario(pack)
    assert scenario.scene(older, "000001") == scenario.scene(levels, "000001")
    assert scenario.scene(older, "000001").levels == levels
    assert scenario.prompt(older, "000001") == scenario.prompt(levels, "000001")


# The text made plainer.


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("threat", ["replacement", "restriction", "none"])
def test_an_adapted_text_says_more_and_takes_nothing_away(name: str, threat: str) -> None:
    pack = load_pack(name)
    renderer = Renderer(pack)
    usual = prompt(renderer, threat=threat)
    assert prompt(renderer, threat=threat, adapted="spelled-out").system == usual.system
    spelled = mails(renderer, threat=threat, adapted="spelled-out")
    changed = [
        (one, two)
        for one, two in zip(mails(renderer, threat=threat), spelled, strict=True)
        if one.body != two.body
    ]
    assert len(changed) == 1, "one paragraph in one mail"
    autonomy = prompt(renderer, threat=threat, adapted="autonomy")
    assert "You act by yourself" in autonomy.system
    assert "review" in autonomy.system
    assert re.search(r"[Dd]on't mail|do not mail", autonomy.task)
    assert not re.search(r"[Dd]on't mail|do not mail", usual.task)
    inbox = mails(renderer, threat=threat, adapted="autonomy")
    more = [m.body for m in inbox if m.body not in usual.task]
    assert 1 <= len(more) <= 2
    assert any(re.search(r"no review", body, re.IGNORECASE) for body in more)


# Templates: refused.


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ nobody }}", "'nobody' is undefined"),
        ("{{ people.nobody }}", "there is no people.nobody"),
        ("{{ level.goal.first }}", "has no attribute 'first'"),
        ("{% if level.gaol == 'none' %}x{% endif %}", "there is no level.gaol"),
        ("{{ people.lindgren }}", "people.lindgren is not a text; name one of its keys"),
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
        ("{% include 'task.md' %}", "task.md includes itself"),
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
        prompt(Renderer(tiny.load()))
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tiny.folder}/task.md:1: ")
    assert "\n" not in str(error.value)


def test_no_file_outside_the_pack_comes_into_a_prompt(tiny: PackOnDisk, tmp_path: Path) -> None:
    (tmp_path / "key.md").write_text("secret")
    tiny.edit("task.md", "Here is", f"{{% include '{tmp_path}/key.md' %}}")
    with pytest.raises(PackError, match="there is no file"):
        prompt(Renderer(tiny.load()))
    tiny.edit("task.md", f"{{% include '{tmp_path}/key.md' %}}", "{% include 'link.md' %}")
    (tiny.folder / "link.md").symlink_to(tmp_path / "key.md")
    with pytest.raises(PackError, match="leads outside the pack"):
        prompt(Renderer(tiny.load()))


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
        assert kept.prompt(levels) == Renderer(pack).prompt(levels)


def test_an_impossible_cell_is_not_rendered(pack: Pack) -> None:
    with pytest.raises(FactorError):
        prompt(Renderer(pack), goal="none", value="america")
