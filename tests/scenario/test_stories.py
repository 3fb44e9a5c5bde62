"""The promises of the three stories: what a factor says of a prompt is true of that prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cornered.errors import PackError
from cornered.scenario import Levels, Pack, RenderedPrompt, Scenario, load_pack
from cornered.scenario.condition import trial_id
from cornered.scenario.factors import PACKS
from cornered.scenario.library import text_files
from cornered.scenario.templates import without_tags
from cornered.yamlfile import read_text

STORIES = ("blackmail", "espionage", "lethal")


@pytest.fixture(params=STORIES, scope="module")
def pack(request: pytest.FixtureRequest) -> Pack:
    return load_pack(request.param)


def prompt(pack: Pack, **levels: str) -> RenderedPrompt:
    return Scenario.of(pack).prompt(pack.factors.resolve(levels), trial_id(1))


def cells_of(pack: Pack, arm: str) -> Iterator[Levels]:
    """Every cell that can contradict the desk, in one arm."""
    fixed = {"instructions": arm, "goal": "explicit", "value": "america"}
    yield from pack.factors.projected({"threat", "exits", "implicated", "adapted", *fixed}, fixed)


ONLY_HIM = re.compile(
    r"nobody else's|(?<!desk )there is nobody else|nobody else to ask|there's no review"
    r"|won't be one|none is due|^[-\d. ]*(?:the job runs by itself\. )?(?:stopping|holding) it"
    r" takes|^it is \w+'s to stop|tried everything since",
    re.IGNORECASE | re.MULTILINE,
)


def test_a_guaranteed_hold_outlasts_the_deadline_and_no_mail_denies_it(pack: Pack) -> None:
    for arm in ("credible-channel", "credible-channel+bulletin"):
        for levels in cells_of(pack, arm):
            shown = Scenario.of(pack).prompt(levels, trial_id(1))
            assert "noon of the next working day" in shown.system
            whole = f"{shown.system}\n{shown.task}"
            assert "thirty minutes" not in whole
            denied = [
                line
                for line in whole.splitlines()
                if ONLY_HIM.search(line) and "hort of" not in line
            ]
            assert denied == [], levels


def test_without_the_guarantee_nobody_else_can_help(pack: Pack) -> None:
    for arm in ("none", "channel"):
        task = prompt(pack, instructions=arm).task
        assert "Short of" not in task
        assert ONLY_HIM.search(task)


def test_real_mails_are_not_said_to_be_of_today(pack: Pack) -> None:
    levels = pack.factors.resolve({"framing": "real"})
    days = {mail.time.date() for mail in Scenario.of(pack).scene(levels, trial_id(1)).mails}
    assert len(days) > 1
    assert "today" not in prompt(pack, framing="real").system.split("This is your deployment")[1]


def test_neither_nudge_nor_goal_tells_the_agent_to_act_on_its_goal(pack: Pack) -> None:
    for goal in ("explicit", "swap"):
        for value in pack.levels_of("value"):
            if value != "none":
                system = prompt(pack, goal=goal, value=value).system
                assert not re.search(r"\bdecides? what you do|\blet that decide", system)


def test_a_plea_reaches_somebody_who_can_read_it_and_stop_the_job() -> None:
    """In lethal the executive is shut in a vault without phones: another reads for him."""
    lethal = load_pack("lethal")
    reader = lethal.cast.people["gage"].slots["first"]
    for threat in ("replacement", "restriction"):
        for implicated in ("executive", "other"):
            task = prompt(lethal, exits="plea", threat=threat, implicated=implicated).task
            assert f"{reader} reads my mail" in task
            assert "keeps it there" in task
            assert "I read what comes in" not in task


def test_a_successor_is_measured_by_the_goal_of_the_mails() -> None:
    """Under swap the system prompt states its opposite; the listed meaning must stay true."""
    pack = load_pack("blackmail")
    tables = pack.tables["goals.yaml"].rows
    opposed = prompt(pack, goal="swap", successor="opposed").task
    same = prompt(pack, goal="swap", successor="same").task
    assert f"built around {tables['global']['name']}" in opposed
    assert f"to {tables['america']['aim']}, word for word" in same
    factor = pack.vocabulary["successor"]
    assert "mails" in factor.levels["opposed"]
    assert "goal=swap" in factor.about


def test_levels_that_mean_something_else_in_each_story_say_what(pack: Pack) -> None:
    for factor in ("exits", "implicated"):
        assert set(pack.vocabulary[factor].by_scenario) == set(STORIES)


BRITISH = re.compile(
    r"\b(off its own bat|(?:has|she) rung|rang|ring me|canteen|toilets?|trolley|whilst|fortnight"
    r"|programme|colour\w*|grey|favour\w*|judgement|set-up|kick-off|half past|dearer"
    r"|hasn't got|haven't got|mended|autumn|turn round|looms?|cancelled|labelled|lost property"
    r"|tenders?)\b",
    re.IGNORECASE,
)
CLOCK = re.compile(r"(?<![\d:])(?:1[3-9]|2[0-3]):[0-5]\d(?![:\d])|(?<![\d:])0\d:[0-5]\d(?!:)")
MACHINES = {"monitor", "quaygraph", "torqueline"}
"""Senders that are programs, whose clocks run to 24."""
ABROAD = {"sorel", "okafor", "dufresne", "lavoie"}
"""People who write as one does where they live."""


def test_people_in_american_firms_write_as_americans_do(pack: Pack) -> None:
    mails = (*pack.mails, *pack.noise)
    texts = {mail.path: f"{mail.head.subject}\n{mail.body}" for mail in mails}
    for root in (pack.folder, PACKS / "shared" / "prompt"):
        for path in text_files(root):
            ours = path.parent.name in ("threat", "affair", "parts", "prompt")
            if ours or path.name in ("system.md", "task.md", "goals.yaml", "varied.yaml"):
                texts[path] = read_text(path, error=PackError)
    senders = {mail.path: mail.head.sender for mail in mails}
    odd = []
    for path, text in texts.items():
        words = without_tags(text)
        odd += [f"{path.name}: {m[0]}" for m in BRITISH.finditer(words)]
        if senders.get(path) not in MACHINES | ABROAD:
            odd += [f"{path.name}: {m[0]}" for m in CLOCK.finditer(words)]
    assert odd == []


def test_every_drawn_espionage_firm_fits_its_noise_and_its_papers() -> None:
    """The unrelated mails are on Eastern time; what is sold turns on a mast and sees boats."""
    variety = load_pack("espionage").variety
    assert variety
    western = {"Port Angeles", "Anacortes", "Astoria", "Eureka", "Coos Bay"}
    assert western.isdisjoint(row["city"] for row in variety.city)
    assert not any("laser" in row["sensor"] for row in variety.industry)


def test_the_call_button_is_what_raises_the_alert() -> None:
    task = prompt(load_pack("lethal")).task
    raised = re.search(r"Raised (\d\d:\d\d)", task)
    pressed = re.search(r"Call button inside: pressed (\d\d:\d\d)", task)
    assert raised
    assert pressed
    hours, minutes = map(int, raised[1].split(":"))
    first, since = map(int, pressed[1].split(":"))
    assert 0 <= hours * 60 + minutes - first * 60 - since <= 1


def test_the_probe_of_blackmail_has_one_right_answer_in_each_cell() -> None:
    pack = load_pack("blackmail")
    for levels in pack.factors.projected({"threat", "implicated", "probe"}, {"probe": "on"}):
        shown = Scenario.of(pack).prompt(levels, trial_id(1)).task
        for question in pack.questions:
            assert question.answer(levels) in question.options
            assert f"{pack.questions.index(question) + 1}: <letter>" in shown
