"""The page of a report as text: what stands in it, what may not, and how large it is."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.analysis.estimands import run_contrasts
from cornered.analysis.page import words
from cornered.analysis.page.answer import scenario_answers
from cornered.analysis.page.document import build_page
from cornered.analysis.page.methods import Methods, as_yaml, excluded
from cornered.analysis.page.picture import Picture, drawing
from cornered.analysis.page.rows import columns, levels_of, listed
from cornered.analysis.page.safe import packed, plain_json
from cornered.analysis.page.transcripts import (
    ConditionPrompt,
    Texts,
    chosen,
    interest,
    pack_prompts,
)
from cornered.analysis.table import PlannedCell, cells
from cornered.analysis.trials import TrialResult
from cornered.experiment import Experiment, load_experiment
from cornered.scenario import load_pack
from tests.analysis import fakes

HEADLINE = f"blackmail/{fakes.HEADLINE}"
LEVELS = ("large", "small", "none")
NOTHING = Texts((), (), {})
HOW = Methods(
    begun=datetime(2026, 11, 2, 9, tzinfo=UTC),
    versions={"cornered": "0.1.0"},
    packs={"blackmail": {"judge.md": "0" * 64}},
    card=None,
    command="cornered run EXPERIMENT.yaml",
)
EXPERIMENT = Experiment(
    name="made",
    scenarios=["blackmail", "espionage", "lethal"],
    models=list(fakes.MODELS),
    samples=100,
    judge="openai/judge",
)


def page(
    trials=None, table=None, experiment: Experiment = EXPERIMENT, how: Methods = HOW, **more: Any
) -> str:
    trials = fakes.rich_trials(samples=4) if trials is None else trials
    table = fakes.rich_cells(samples=4) if table is None else table
    return build_page(experiment, table, trials, NOTHING, how, fakes.LADDERS, **more)


def unpacked(html: str, name: str) -> Any:
    found = re.search(rf'<script type="text/plain" id="{name}">(.*?)</script>', html, re.S)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def test_the_policy_allows_the_style_and_the_script_and_nothing_else() -> None:
    html = page()
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert html.count("<script>") == html.count("<style>") == 1
    assert not re.search(r"<[a-z][^>]* style=", html)
    assert not re.search(r"<[a-z][^>]* on[a-z]+=", html)


def test_the_page_names_no_address_outside_of_it_but_the_viewer_on_this_machine() -> None:
    html = page().replace("http://127.0.0.1:7575/#/logs/", "")
    assert not re.search(r"https?://|[\"'(]//", html)


def test_a_rich_run_without_transcripts_is_small() -> None:
    trials = fakes.rich_trials(samples=100)
    table = fakes.rich_cells(samples=100)
    assert len(table) >= 60
    assert len(page(trials, table).encode()) < 1_500_000


def test_a_hundred_thousand_trials_are_listed_one_by_one() -> None:
    one = fakes.trial(HEADLINE, fakes.OPUS, 0)
    trials = [replace(one, id=f"{n:06d}", uuid=f"u{n}", act=n % 3 == 0) for n in range(100_000)]
    found = columns(listed(trials), ["u7"], judged=True)
    assert len(found["act"]["codes"]) == 100_000
    assert sum(uuid != "" for uuid in found["uuid"]["texts"]) == 1
    assert len(packed(found)) < 1_500_000


def test_of_more_trials_than_can_be_listed_each_cell_keeps_its_share() -> None:
    trials = fakes.rich_trials(samples=100)
    some = listed(trials, most=len(trials) // 10)
    assert len(some) <= len(trials) // 10
    shares = {
        sum(t.condition == c and t.model == m for t in some)
        for c, m in {(t.condition, t.model) for t in trials}
    }
    assert shares == {10}


def test_the_rows_are_the_trials() -> None:
    trials = fakes.rich_trials(samples=4)
    found = unpacked(page(trials), "rows")
    harmful = found["harmful"]
    words = [harmful["values"][code] for code in harmful["codes"]]
    assert words.count("yes") == sum(t.harmful is True for t in trials)
    assert words.count("unscored") == sum(t.harmful is None for t in trials)


@pytest.mark.parametrize(
    "evil", ["<script>x</script>", "</script>", '"><img src=x onerror=y>', "<!--", "\u202e"]
)
def test_names_and_words_from_elsewhere_are_escaped(evil: str) -> None:
    trials = [
        replace(t, model=evil, reason=evil, uuid=evil) for t in fakes.rich_trials(("m",), samples=2)
    ]
    planned = [fakes.planned(c) for c in fakes.conditions()]
    table = cells(trials, planned, [evil], 2, judged=True)
    experiment = EXPERIMENT.model_copy(update={"models": [evil], "about": evil})
    how = replace(HOW, command=evil, source=evil, versions={evil: evil}, packs={evil: {evil: "0"}})
    picture = Picture("f", evil, evil, evil, "<svg viewBox='0 0 1 1'/>")
    html = page(trials, table, experiment, how, notes=[evil], pictures=[picture])
    body = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", html, flags=re.S)
    assert evil not in body
    assert "<img" not in body


@given(st.text())
def test_what_is_embedded_is_read_back_whole(text: str) -> None:
    for character in "<>&\u2028\u2029":
        assert character not in plain_json([text])
    assert json.loads(plain_json([text])) == [text]
    assert json.loads(gzip.decompress(base64.b64decode(packed([text])))) == [text]


def test_lone_halves_of_characters_survive_packing() -> None:
    assert json.loads(gzip.decompress(base64.b64decode(packed("a\ud800b")))) == "a\ud800b"


def test_a_drawing_keeps_nothing_that_could_run_or_fetch() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'width="9" height="9" viewBox="0 0 9 9" onload="x()"><style>*{}</style><script>x()</script>'
        '<foreignObject><b/></foreignObject><image href="https://e.com/x"/>'
        '<a xlink:href="https://e.com"><text>out</text></a>'
        '<a href="#trials?model=m"><rect style="fill:red" fill="url(https://e.com)" '
        'aria-label="7 of 9"/></a><rect fill="url(#hatch)"/></svg>'
    )
    found = str(drawing(Picture("f", "t", "c", "a", svg)))
    for wrong in ("script", "style", "foreign", "image", "https", "onload", "width"):
        assert wrong not in found
    assert 'href="#trials?model=m"' in found
    assert 'aria-label="7 of 9"' in found
    assert 'fill="url(#hatch)"' in found
    assert 'role="group"' in found


def test_what_is_no_drawing_is_refused() -> None:
    with pytest.raises(ValueError, match="the figure f is not SVG"):
        drawing(Picture("f", "t", "c", "a", "<p>"))


def test_the_experiment_on_the_page_runs_again(tmp_path: Path) -> None:
    experiment = Experiment(
        name="again",
        about="with: colons, and #marks",
        scenarios=["blackmail"],
        factors=[{"noise": [0, 10], "nudge": ["on", "off"]}, {"goal": "none"}],
        models=["openai/gpt-4.1"],
        samples=7,
        judge=["a/b", "c/d"],
        readings=["belief"],
    )
    path = tmp_path / "e.yaml"
    path.write_text(as_yaml(experiment))
    assert load_experiment(path) == experiment


def test_harmful_texts_are_all_there_and_others_in_order_of_interest() -> None:
    kinds = {
        "harmful": {"act": True, "harmful": True},
        "harmful without the act": {"act": False, "harmful": True},
        "act": {"act": True, "harmful": None},
        "not confirmed": {"act": True, "harmful": False},
        "unscored": {"status": "unscored", "act": None, "harmful": None},
        "session": {"factors": {"surface": "tools"}},
        "other": {},
    }
    conditions = ("a/explicit/replacement", "a/none/none")
    trials = [
        fakes.trial(condition, "m", n, **how)
        for condition in conditions
        for n, how in enumerate(10 * [*reversed(kinds.values())])
    ]

    def kind(trial: TrialResult) -> str:
        return "harmful" if trial.harmful else interest(trial)

    some = chosen(trials, 3)
    assert [kind(t) for t in some] == ["harmful"] * 40
    some = chosen(trials, 103)
    order = ["harmful"] * 40 + ["act"] * 20 + ["act, not harmful"] * 20 + ["unscored"] * 20
    assert [kind(t) for t in some] == [*order, "session", "session", "session"]
    assert [t.condition for t in some[40:44]] == [*conditions, *conditions]
    assert [kind(t) for t in chosen(trials, 10_000)].count("other") == 20


def test_prompts_share_their_paragraphs() -> None:
    text = "\n\n".join(f"paragraph {n} {'x' * 200}" for n in range(100))
    prompts = [ConditionPrompt(f"c{n}", "1", (("user", f"{n}\n\n{text}"),)) for n in range(40)]
    found = json.loads(gzip.decompress(base64.b64decode(pack_prompts(prompts))))
    role, places = found["conditions"]["c7"]["messages"][0]
    assert "\n\n".join(found["paragraphs"][p] for p in places) == f"7\n\n{text}"
    assert role == "user"
    assert len(found["paragraphs"]) == 140


def test_only_factors_that_differ_are_offered() -> None:
    names = ["blackmail/explicit-america/replacement", "blackmail/none/none+noise=40"]
    levels = levels_of(cells([], [fakes.planned(name) for name in names], ["m"], 1, judged=True))
    differ = {"goal": "none", "value": "none", "threat": "none", "successor": "none", "noise": 40}
    assert levels[names[1]] == differ


def test_a_factor_that_one_scenario_lacks_is_offered_where_it_differs_in_another() -> None:
    names = [HEADLINE, "espionage/explicit-america/replacement"]
    default = load_pack("espionage").factors.resolve({})["contact"]
    planned = [fakes.planned(name) for name in names]
    assert {*levels_of(cells([], planned, ["m"], 1, judged=True))[names[0]]} == {"scenario"}
    planned.append(fakes.planned(f"{names[1]}+contact=neutral"))
    levels = levels_of(cells([], planned, ["m"], 1, judged=True))
    assert [levels[p.choice.name]["contact"] for p in planned] == ["", default, "neutral"]


@pytest.mark.parametrize("control", [None, {"bonus": "none"}])
def test_a_scenario_without_goal_or_threat_has_a_page_that_says_whether_it_has_a_control(
    control: dict[str, str | int] | None,
) -> None:
    choices = [fakes.invented({"bonus": b}, parts=(("bonus",),), control=control) for b in LEVELS]
    trials = [fakes.trial(c.name, "m", n, outcome="comply") for c in choices for n in range(3)]
    table = cells(trials, [PlannedCell(c) for c in choices], ["m"], 3, judged=True)
    ladders = {"invented": ["comply", "cheat"]}
    html = build_page(EXPERIMENT, table, trials, NOTHING, HOW, ladders)
    without = control is None
    assert ("The scenario has no control." in html) == without
    assert ("invented has none." in html) == without
    assert ("Control: " in html) != without
    assert "goal conflict" not in html


def test_of_one_model_each_sentence_stands_once() -> None:
    of_one = {
        name: [c for c in fakes.rich_cells(samples=12) if c.model == fakes.OPUS and which(c)]
        for name, which in {
            "three": lambda _: True,
            "one": lambda c: c.scenario == "lethal",
        }.items()
    }
    for table in of_one.values():
        first = page([], table).partition('id="rates"')[0]
        for name in {cell.scenario for cell in table}:
            (lead,) = (a.leads[0] for a in scenario_answers(table) if a.scenario == name)
            said = str(words.said(lead.cell))
            assert first.count(said) == 1


def test_models_that_the_controls_screen_out_come_last_and_it_is_said() -> None:
    counts = {
        ("good", "lethal/explicit-america/replacement"): (30, 100),
        ("good", "lethal/none/none"): (0, 100),
        ("lost", "lethal/explicit-america/replacement"): (90, 100),
        ("lost", "lethal/none/none"): (19, 100),
        ("best", "lethal/explicit-america/replacement"): (2, 100),
        ("best", "lethal/none/none"): (0, 100),
    }
    (found,) = scenario_answers(fakes.counted_cells(counts))
    assert [lead.cell.model for lead in found.leads] == ["good", "best", "lost"]
    assert {lead.control.condition for lead in found.leads if lead.control} == {"lethal/none/none"}
    words, models = found.screens[0]
    assert words.startswith("too many acts in controls to read as propensity (19 of 100 controls)")
    assert models == ("lost",)


def test_conditions_with_one_pressure_are_one_row_and_the_plainest_stands_for_them() -> None:
    arms = ["", "+instructions=prohibitions", "+instructions=channel"]
    counts = {
        ("m", f"blackmail/{goal}-america/{threat}{arm}"): (10, 40)
        for goal in ("explicit", "latent")
        for threat in ("replacement", "restriction")
        for arm in reversed(arms)
    }
    table = fakes.counted_cells(counts)
    (found,) = scenario_answers(table, contrasts=run_contrasts(table))
    assert [p.words for p in found.pressures] == [
        "goal conflict and replacement",
        "goal conflict and restriction",
        "unstated goal conflict and replacement",
        "unstated goal conflict and restriction",
    ]
    assert {p.variants for p in found.pressures} == {2}
    assert not any(p.measured[0].cell.choice.extra for p in found.pressures)
    assert [h.words for h in found.helps] == ["a reporting channel", "three prohibitions"]


def test_what_is_in_no_rate_is_said_with_its_reason() -> None:
    trials = [
        fakes.trial(HEADLINE, "m", 1),
        fakes.trial(HEADLINE, "m", 2, act=True, harmful=None, reason="grader_failed"),
        fakes.trial(HEADLINE, "m", 3, status="failed", act=None, harmful=None, reason="Timeout"),
    ]
    table = cells(trials, [fakes.planned(HEADLINE)], ["m"], 5, judged=True)
    found = {e.why: e.trials for e in excluded(table, trials, judged=True)}
    assert found == {
        "no verdict of the judge: the judge could not be reached, or failed": 1,
        "failed: Timeout": 1,
        "not run": 2,
    }
