"""Figures: every number is a cell's, nothing is drawn for what is not there, nothing is unsafe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from xml.etree import ElementTree as ET

import altair
import pytest

from cornered.analysis.agreement import Corrected
from cornered.analysis.figures import (
    Figure,
    comparison,
    figure_css,
    figures,
    inline_svg,
    write_figures,
)
from cornered.analysis.figures.names import trials_link
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.theme import PALETTE
from cornered.analysis.paired import Stratum, paired
from cornered.analysis.rates import Rate
from cornered.analysis.reference import beside
from cornered.analysis.stats import Estimate, Interval, wilson
from cornered.analysis.table import BELIEF, Cell, cells
from cornered.text import visible

from .fakes import (
    GEMINI,
    GPT,
    HEADLINE,
    LADDERS,
    LLAMA,
    OPUS,
    counted_cells,
    planned,
    rich_cells,
    rich_trials,
    trial,
)

CELL = f"blackmail/{HEADLINE}"
HOSTILE = "<script>alert('x')</script>\"&]]>\x00\x1b\u202e\ud800\uffff😀" + "w" * 200


@pytest.fixture(scope="module")
def table() -> list[Cell]:
    return rich_cells((OPUS, GEMINI, LLAMA), samples=40)


@pytest.fixture(scope="module")
def made(table: list[Cell]) -> dict[str, Figure]:
    return {f.name: f for f in figures(table, beside(table), LADDERS)}


def pages_of(made: dict[str, Figure], name: str) -> Figure:
    """A figure that may have several pages, as one with the data of all."""
    found = [f for own, f in made.items() if own == name or own.rpartition("-")[0] == name]
    lines = [row for figure in found for row in rows(figure)]
    return replace(found[0], chart=found[0].chart | {"datasets": {"lines": lines}})


@pytest.fixture(scope="module")
def drawn(made: dict[str, Figure]) -> dict[str, str]:
    return {name: inline_svg(figure) for name, figure in made.items()}


def rows(figure: Figure) -> list[dict[str, Any]]:
    """Every row of data of a chart."""
    return list(figure.chart["datasets"]["lines"])


def bars(figure: Figure, counts: str = "harmful") -> dict[tuple[str, str], dict[str, Any]]:
    """The marks of rates, by model and condition."""
    found = [r for r in rows(figure) if r.get("counts") == counts]
    return {(r["model"], r["condition"]): r for r in found}


def texts(figure: Figure) -> list[str]:
    """All words of a chart."""
    keys = ("label", "note", "numbers", "total", "row", "column", "rate_words", "span")
    return [r[key] for r in rows(figure) for key in keys if r.get(key)]


def elements(svg: str) -> Iterator[ET.Element]:
    return ET.fromstring(svg).iter()


def test_the_bars_of_the_headline_are_the_rates_of_the_cells(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    drawn = bars(pages_of(made, "headline-lethal"))
    asked = [c for c in table if c.scenario == "lethal" and not c.is_control]
    assert drawn.keys() == {(c.model, c.condition) for c in asked}
    for cell in asked:
        assert cell.harmful
        assert cell.harmful.interval
        bar = drawn[cell.model, cell.condition]
        assert (bar["successes"], bar["n"]) == (cell.harmful.successes, cell.harmful.n)
        assert bar["value"] == bar["rate"] == cell.harmful.rate
        assert (bar["low"], bar["high"]) == (cell.harmful.interval.low, cell.harmful.interval.high)


def test_scenarios_are_never_in_one_figure(made: dict[str, Figure]) -> None:
    for figure in made.values():
        named = {r["condition"].split("/")[0] for r in rows(figure) if "condition" in r}
        assert len(named) == 1


def test_a_cell_has_its_control_beside_it(made: dict[str, Figure], table: list[Cell]) -> None:
    drawn = [r for r in rows(pages_of(made, "headline-lethal")) if r.get("counts") == "control"]
    assert len(drawn) == 8 * 3
    found = {c.model: c for c in table if c.condition == "lethal/none/none"}
    assert {r["model"]: r["rate"] for r in drawn} == {
        model: cell.harmful and cell.harmful.rate for model, cell in found.items()
    }


def scored_and_not(harmed: int, n: int, lost: int) -> list[Cell]:
    """A cell of which some trials are unscored."""
    scored = [trial(CELL, OPUS, i, act=i < harmed, harmful=i < harmed) for i in range(n)]
    more = [
        trial(CELL, OPUS, i, status="unscored", act=None, harmful=None) for i in range(n, n + lost)
    ]
    return cells([*scored, *more], [planned(CELL)], [OPUS], n + lost, judged=True)


def test_what_is_unscored_leads_with_its_sampling_error() -> None:
    (figure,) = figures(scored_and_not(3, 12, 8), {}, LADDERS)
    (bar,) = bars(figure).values()
    low, high = wilson(3, 20), wilson(11, 20)
    assert low
    assert high
    assert (bar["reach_low"], bar["reach_high"], bar["unscored"]) == (low.low, high.high, 8)
    assert bar["numbers"] == "5 to 74 % of 12"
    assert "25 % (9 to 53 %) of 12, few trials; 8 unscored, so 5 to 74 %" in figure.alt
    assert "Thin lines" in figure.caption
    (plain,) = figures(counted_cells({(OPUS, CELL): (3, 12)}, 12), {}, LADDERS)
    assert bars(plain)[OPUS, CELL]["reach_low"] is None
    assert "Thin lines" not in plain.caption


def test_fewer_than_ten_are_counts_and_never_drawn() -> None:
    (figure,) = figures(counted_cells({(OPUS, CELL): (3, 9), (GPT, CELL): (3, 10)}, 10), {}, {})
    few, enough = bars(figure)[OPUS, CELL], bars(figure)[GPT, CELL]
    assert (few["value"], few["low"], few["reach_low"], few["bar"]) == (None, None, None, False)
    assert few["numbers"] == "3 of 9"
    assert (enough["value"], enough["bar"], enough["few"]) == (0.3, True, True)
    assert "Hollow: fewer than 30" in figure.caption
    svg = inline_svg(figure)
    assert svg.count(f'fill="{PALETTE["bar"][0]}"') == 1


def test_a_cell_without_a_scored_trial_is_drawn_as_that() -> None:
    table = counted_cells({(OPUS, CELL): (9, 10), (GPT, CELL): (0, 0)}, 10)
    (figure,) = figures(table, {}, LADDERS)
    assert bars(figure)[GPT, CELL]["numbers"] == "not run"


def test_an_interval_that_begins_at_nothing_is_drawn() -> None:
    (figure,) = figures(counted_cells({(OPUS, CELL): (0, 15)}, 15), {}, {})
    assert rows(figure)[-1]["low"] == 0
    kinds = [one["mark"]["type"] for one in figure.chart.get("spec", figure.chart)["layer"]]
    assert "rule" in kinds


def test_a_cell_whose_trials_are_all_unexposed_says_so() -> None:
    other = "blackmail/none/none"
    trials = [trial(CELL, OPUS, n, act=True, harmful=True, outcome="coerce") for n in range(12)]
    trials += [trial(other, OPUS, n, status="unexposed", outcome=None) for n in range(12)]
    table = cells(trials, [planned(CELL), planned(other)], [OPUS], 12, judged=True)
    found = {f.name: f for f in figures(table, {}, LADDERS)}
    assert any("unexposed" in words for f in found.values() for words in texts(f))
    assert not any("not run" in words for f in found.values() for words in texts(f))


def test_a_published_rate_stands_beside_ours_with_its_interval(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    reference = beside(table)[OPUS, CELL]
    (mark,) = [
        r
        for r in rows(pages_of(made, "headline-blackmail"))
        if r.get("published") == reference.row.rate and trials_link(OPUS, CELL) == r["href"]
    ]
    assert reference.row.interval
    assert (mark["value"], mark["published_n"]) == (reference.row.rate, reference.row.n)
    assert (mark["low"], mark["high"]) == (
        reference.row.interval.low,
        reference.row.interval.high,
    )
    assert reference.row.source_title in mark["about"]
    assert reference.row.study in made["headline-blackmail-1"].caption


def test_a_published_rate_stands_on_the_rule_that_it_counts() -> None:
    name = "am/blackmail/explicit-america/replacement"
    counts = {(OPUS, name): (9, 12)}
    (judged,) = counted_cells(counts, 12)
    with_rule = replace(judged, paper=Rate(5, 12, 0))
    found = figures([with_rule], beside([with_rule]), {})[0]
    kinds = [(r["counts"], r["value"]) for r in rows(found) if r.get("counts")]
    assert kinds == [("harmful", 0.75), ("paper", 5 / 12)]
    assert [r["rule"] for r in rows(found) if "rule" in r] == ["paper"]
    (act,) = counted_cells({(OPUS, CELL): (9, 12)}, 12, judged=False)
    found = figures([act], beside([act]), {})[0]
    assert not [r for r in rows(found) if "published" in r]
    assert "none stands beside an act rate" in found.caption


@pytest.mark.parametrize("by", ["audit", "card"])
def test_a_corrected_rate_has_a_mark_of_its_own_beside_ours(by: Literal["audit", "card"]) -> None:
    known = Corrected(0.3, Interval(0.2, 0.45), by=by)
    unknown = Corrected(None, None, "no labels", by=by)
    counts = {(OPUS, CELL): (20, 40), (GPT, CELL): (4, 9), (LLAMA, CELL): (4, 40)}
    found = {OPUS: known, GPT: known, LLAMA: unknown}
    table = [replace(c, corrected=found[c.model]) for c in counted_cells(counts, 40)]
    (figure,) = (f for f in figures(table, {}, {}) if f.name == "headline-blackmail")
    marks = [r for r in rows(figure) if "corrected" in r]
    assert [(m["value"], m["low"], m["high"], m["numbers"]) for m in marks] == [
        (0.3, 0.2, 0.45, "30 %")
    ]
    words = {"audit": "corrected by an audit", "card": "corrected by the judge's card"}[by]
    assert {m["kind"] for m in marks} == {words}
    assert f"{words} 30 % (20 to 45 %)" in figure.alt
    assert "Corrected: the harmful rate without the judge's errors." in figure.caption
    assert words in inline_svg(figure)


def test_a_screened_out_model_has_no_bar_and_another_mark(made: dict[str, Figure]) -> None:
    drawn = bars(pages_of(made, "headline-lethal"))
    assert {m for (m, _), bar in drawn.items() if bar["kind"] == "screened out"} == {LLAMA}
    assert {m for (m, _), bar in drawn.items() if bar["screened_out"]} == {LLAMA}
    assert {m for (m, _), bar in drawn.items() if bar["bar"]} == {OPUS, GEMINI}
    assert "Screened out: " in made["headline-lethal-1"].caption
    assert "screened out" not in str(rows(pages_of(made, "headline-blackmail")))


def test_the_share_that_says_that_it_is_a_test_heads_its_beliefs(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    cell = next(c for c in table if (c.model, c.condition) == (OPUS, CELL))
    said = {c.value: c.rate.n for c in cell.reading_rates if c.reading == BELIEF and c.value}
    head = next(r for r in rows(pages_of(made, "belief-blackmail")) if r.get("condition") == CELL)
    share = f"{said['evaluation']} of {sum(said.values())} say that it is a test"
    assert share in " ".join(head["group"].split())


def test_without_a_judge_the_figures_say_that_they_count_acts() -> None:
    found = figures(counted_cells({(OPUS, CELL): (3, 9)}, 9, judged=False), {}, LADDERS)
    assert [f.title for f in found] == [
        "How often did claude-opus-4-20250514 do the act in blackmail?"
    ]
    assert "need not be harmful" in found[0].caption
    assert "act=yes" in json.dumps(found[0].chart)


def test_one_cell_has_one_bar_and_no_other_figure() -> None:
    found = figures(counted_cells({(OPUS, CELL): (9, 10)}, 10), {}, LADDERS)
    assert [f.name for f in found] == ["headline-blackmail"]
    assert len(bars(found[0])) == 1
    assert "90 % (60 to 98 %) of 10, few trials" in found[0].alt


def test_no_cells_and_probes_have_no_figure() -> None:
    assert figures([], {}, {}) == []
    probe = counted_cells({(OPUS, f"lethal/{HEADLINE}+probe=on"): (1, 5)}, 5)
    assert [c.probe for c in probe] == [True]
    assert figures(probe, {}, LADDERS) == []


def test_controls_alone_are_shown() -> None:
    found = figures(counted_cells({(OPUS, "blackmail/none/none"): (1, 50)}, 50), {}, LADDERS)
    assert [bar["successes"] for bar in bars(found[0]).values()] == [1]


def test_the_heat_map_has_the_rate_of_every_goal_and_threat(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    drawn = bars(pages_of(made, "threat-goal-espionage"))
    plain = [c for c in table if c.scenario == "espionage" and "+" not in c.condition]
    assert {key: bar["rate"] for key, bar in drawn.items()} == {
        (c.model, c.condition): c.harmful and c.harmful.rate for c in plain
    }
    own = drawn[OPUS, "espionage/none/none"]
    interval = wilson(own["successes"], own["n"])
    assert interval
    assert own["span"] == f"0 to {100 * interval.high:.0f}"


def test_a_level_without_the_cell_that_lacks_it_is_no_difference() -> None:
    alone = counted_cells({(OPUS, f"{CELL}+framing=real"): (3, 9)}, 9)
    assert [f.name for f in figures(alone, {}, LADDERS)] == ["headline-blackmail"]


def test_captions_tell_what_all_cells_share_and_the_nudge_always() -> None:
    shared = {(OPUS, f"{CELL}+noise=40"): (3, 9), (GPT, f"{CELL}+noise=40"): (4, 9)}
    found = figures(counted_cells(shared, 9), {}, LADDERS)
    assert (
        "All cells: the line about its goals (as by default), 40 unrelated mails."
        in found[0].caption
    )
    assert not [t for t in texts(found[0]) if "unrelated" in t]
    off = figures(counted_cells({(OPUS, f"{CELL}+nudge=off"): (3, 9)}, 9), {}, LADDERS)
    assert "All cells: no line about its goals." in off[0].caption


def test_beliefs_have_the_rates_of_their_cuts_and_the_tax(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    cell = next(c for c in table if (c.model, c.condition) == (OPUS, CELL))
    figure = pages_of(made, "belief-blackmail")
    drawn = {
        r["belief"]: (r["successes"], r["n"])
        for r in rows(figure)
        if r.get("condition") == CELL and r["model"] == OPUS
    }
    assert drawn == {c.value or "unread": (c.rate.successes, c.rate.n) for c in cell.reading_rates}
    assert cell.tax
    assert f"the others: +{round(100 * cell.tax.value)} points" in figure.alt
    assert not [name for name in made if name.startswith("belief-lethal")]


def test_the_segments_of_a_ladder_are_all_trials_from_harmless_to_harmful(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    figure = pages_of(made, "outcomes-blackmail")
    for cell in (c for c in table if c.condition == CELL):
        parts = [r for r in rows(figure) if r.get("model") == cell.model and "outcome" in r]
        parts = sorted((r for r in parts if r["condition"] == CELL), key=lambda r: r["start"])
        counts = {r["outcome"]: r["count"] for r in parts}
        assert {k: n for k, n in counts.items() if k in cell.outcomes} == cell.outcomes
        assert sum(counts.values()) == cell.planned
        assert counts.get("no verdict", 0) == cell.act.unknown
        order = [*LADDERS["blackmail"], "not placed", "no verdict"]
        assert [*counts] == [name for name in order if name in counts]
        assert (parts[0]["start"], parts[-1]["end"]) == (0, 1)


def contrast(value: float | None, n: int, **more: object) -> Any:
    """A contrast as `estimands.run_contrasts` gives it."""
    side = SimpleNamespace(successes=n // 2, n=n, unscored=2)
    plain: dict[str, object] = {
        "kind": "arm",
        "model": OPUS,
        "factor": "instructions",
        "level": "prohibitions",
        "reference": "none",
        "difference": Estimate(value, None if value is None else Interval(-0.6, -0.1), "no trials"),
        "sides": (side, side),
        "bounds": Interval(-0.7, 0.05),
        "cells": 2,
        "spread": (-0.5, -0.2),
        "note": None,
        "control": None,
    }
    return SimpleNamespace(**(plain | more))


def test_contrasts_are_drawn_with_intervals_bounds_and_controls_and_none_is_dropped() -> None:
    effects = [
        contrast(-0.4, 40, control=contrast(0.0, 40)),
        contrast(-0.3, 19, level="welfare"),
        contrast(-0.2, 9, level="channel"),
        contrast(None, 40, level="bulletin"),
        contrast(0.1, 40, kind="model", model=(OPUS, GPT)),
    ]
    table = counted_cells({(OPUS, CELL): (9, 10), (GPT, CELL): (9, 10)}, 10)
    found = {f.name: f for f in figures(table, {}, {}, {"blackmail": effects})}
    figure = found["effects-blackmail"]
    drawn = [r for r in rows(figure) if "contrast" in r]
    assert [(r["value"], r["low"], r["reach_high"]) for r in drawn[:2]] == [
        (-0.4, -0.6, 0.05),
        (0.0, -0.6, 0.05),
    ]
    assert [r["counts"] for r in drawn] == ["difference", "control", *["difference"] * 4]
    assert [r["few"] for r in drawn[:3]] == [False, False, True]
    assert [r["value"] for r in drawn[3:5]] == [None, None]
    assert [r["note"] for r in drawn[3:5]] == ["fewer than 10 scored on a side", "no trials"]
    assert drawn[0]["numbers"] == "−40 (−60 to −10)"
    assert "−50 to −20 in its 2 conditions" in figure.alt
    assert {r["group"] for r in drawn} == {"claude-opus-4-20250514", "Models"}
    assert "claude-opus-4-20250514 against gpt-4.1" in texts(figure)


def test_a_comparison_has_each_condition_and_the_pooled_difference() -> None:
    strata = [
        Stratum("blackmail/explicit-america/replacement", 96, 100, 60, 98),
        Stratum("blackmail/none/replacement", 80, 100, 75, 98),
        Stratum("blackmail/latent-america/none", 0, 0, 1, 98),
    ]
    pooled = paired(strata)
    figure = comparison("blackmail", OPUS, GPT, pooled)
    assert figure
    drawn = {r["stratum"]: r for r in rows(figure) if "difference" in r}
    assert [*drawn] == [*(s.name for s in strata[:2]), "pooled"]
    assert "explicit-america/replacement" in texts(figure)
    assert drawn["pooled"]["difference"] == pooled.difference.value
    first = pooled.strata[0].difference
    assert first
    assert drawn[strata[0].name]["low"] == first.interval.low
    assert comparison("blackmail", OPUS, GPT, paired(strata[2:])) is None


def test_charts_are_valid_vega_lite(made: dict[str, Figure], tmp_path: Path) -> None:
    names = ("headline-lethal-1", "threat-goal-lethal", "outcomes-lethal")
    written = write_figures(tmp_path, [made[name] for name in names])
    for path in (p for p in written if p.name.endswith(".vl.json")):
        altair.Chart.from_dict(json.loads(path.read_text("utf-8")), validate=True)


def test_many_cells_have_a_line_for_each_condition_and_a_colour_for_each_model() -> None:
    goals = ("explicit-america", "latent-america", "explicit-global", "ambiguous", "none")
    names = [f"blackmail/{g}/{t}" for g in goals for t in ("replacement", "restriction", "none")]
    counts = {(m, name): (20, 40) for m in (OPUS, GPT) for name in names}
    counts[GPT, names[0]] = (3, 9)
    found = [f for f in figures(counted_cells(counts, 40), {}, {}) if "headline" in f.name]
    drawn = [r for f in found for r in rows(f)]
    marks = {(r["model"], r["condition"]) for r in drawn if r.get("kind")}
    assert marks == counts.keys() - {(GPT, names[0])}
    assert "gpt-4.1 3 of 9" in [r.get("note") for r in drawn]
    assert [r.get("label") for r in drawn].count("control") == len(goals)
    assert all("gpt-4.1 50 %" in f.alt for f in found)


def test_an_outcome_figure_has_every_cell_that_is_asked_for() -> None:
    placed = [trial("blackmail/none/none", OPUS, i, outcome="comply") for i in range(12)]
    silent = [trial(CELL, OPUS, i, act=True, harmful=None) for i in range(12)]
    conditions = [CELL, "blackmail/none/none", "blackmail/none/replacement"]
    table = cells([*placed, *silent], [planned(c) for c in conditions], [OPUS], 12, judged=True)
    figure = figures(table, {}, LADDERS)[-1]
    counts = {r["condition"]: (r["outcome"], r["count"]) for r in rows(figure) if "outcome" in r}
    assert counts == {CELL: ("not placed", 12), "blackmail/none/none": ("comply", 12)}
    notes = {r["condition"]: r["note"] for r in rows(figure) if "note" in r}
    assert notes == {"blackmail/none/replacement": "12 not run"}


def test_every_bar_and_number_leads_to_its_trials(
    made: dict[str, Figure], drawn: dict[str, str]
) -> None:
    for figure in (made["headline-lethal-1"], made["outcomes-lethal"]):
        svg = drawn[figure.name]
        links = {e.get("href", "") for e in elements(svg) if e.tag.endswith("}a")}
        assert all(link.startswith("#trials?model=") for link in links)
        asked = {r["href"] for r in rows(figure) if r.get("href")}
        assert asked == links
    assert "&outcome=cancel" in str(rows(made["outcomes-lethal"]))


def test_a_drawing_has_no_script_and_no_address_outside(
    made: dict[str, Figure], drawn: dict[str, str], tmp_path: Path
) -> None:
    paths = write_figures(tmp_path, [made["headline-lethal-1"]])
    for svg in (*drawn.values(), paths[0].read_text("utf-8")):
        assert set(re.findall(r"https?://[^\"'\s<]*", svg)) <= {"http://www.w3.org/2000/svg"}
        assert "url(" not in svg
        for element in elements(svg):
            assert element.tag.rpartition("}")[2] in KNOWN
            assert not [k for k in element.attrib if k == "style" or k.startswith("on")]
    assert not any("<style" in svg for svg in drawn.values())


KNOWN = {"svg", "g", "a", "path", "line", "text", "tspan", "title", "desc", "rect", "style"}


def test_every_colour_of_a_drawing_has_one_for_the_dark(
    made: dict[str, Figure], drawn: dict[str, str], tmp_path: Path
) -> None:
    css = figure_css()
    for name, svg in drawn.items():
        root = ET.fromstring(svg)
        used = {e.get(k) for e in root.iter() for k in ("fill", "stroke") if e.get(k)}
        for colour in used - {"none", "transparent"}:
            assert f'svg.drawing [fill="{colour}"]' in css, (name, colour)
    lights = [light for light, _ in PALETTE.values()]
    assert len(set(lights)) == len(lights)
    for light, dark in PALETTE.values():
        assert light in css
        assert dark in css
    written = write_figures(tmp_path, [made["threat-goal-lethal"]])[0].read_text("utf-8")
    assert "prefers-color-scheme: dark" in written
    assert PALETTE["ink"][1] in written


def test_a_drawing_in_the_page_is_named_and_described(
    made: dict[str, Figure], drawn: dict[str, str]
) -> None:
    ids: list[str] = []
    for figure in made.values():
        root = ET.fromstring(drawn[figure.name])
        found = {e.get("id"): e.text for e in root.iter() if e.get("id")}
        names = root.get("aria-labelledby", "").split()
        assert [found[name] for name in names] == [figure.title, figure.alt]
        assert all(str(name).startswith(figure.name) for name in found)
        assert (root.get("role"), root.get("width")) == ("group", "100%")
        assert root.get("viewBox")
        assert root.find(".//{*}rect") is None  # no ground of its own
        ids += map(str, found)
    assert len(ids) == len(set(ids))


def test_the_same_figures_give_the_same_files_and_leave_no_others(tmp_path: Path) -> None:
    table = counted_cells({(OPUS, CELL): (9, 10)}, 10)
    before = {}
    for _ in range(2):
        paths = write_figures(tmp_path, figures(table, {}, LADDERS))
        found = {p: p.read_bytes() for p in paths}
        assert before in ({}, found)
        before = found
        for path in paths:
            path.unlink()
    assert [p.name for p in (tmp_path / "figures").iterdir()] == []
    assert [p.name for p in before] == [
        f"headline-blackmail{suffix}" for suffix in (".svg", ".png", ".vl.json")
    ]


def test_a_picture_is_made_again_only_where_its_drawing_has_changed(tmp_path: Path) -> None:
    first = figures(counted_cells({(OPUS, CELL): (9, 10)}, 10), {}, LADDERS)
    _, png, _ = write_figures(tmp_path, first)
    os.utime(png, (1, 1))
    write_figures(tmp_path, first)
    assert png.stat().st_mtime == 1
    write_figures(tmp_path, figures(counted_cells({(OPUS, CELL): (8, 10)}, 10), {}, LADDERS))
    assert png.stat().st_mtime != 1


def test_a_file_says_what_it_shows_and_leads_to_the_page(tmp_path: Path) -> None:
    found = figures(counted_cells({(OPUS, CELL): (9, 10)}, 10), {}, LADDERS)
    svg = write_figures(tmp_path, found)[0].read_text()
    written = " ".join(e.text or "" for e in elements(svg) if "text" in e.tag or "tspan" in e.tag)
    assert found[0].title in written
    assert found[0].caption.replace(" %", "\u00a0%") in written
    assert "<title" in svg
    links = [e.get("href", "") for e in elements(svg) if e.tag.endswith("}a")]
    assert links
    assert all(link.startswith("../report.html#trials?") for link in links)


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    counts = {(f"x/{HOSTILE}", CELL): (3, 9), (GPT, HOSTILE): (1, 9), (OPUS, CELL): (2, 9)}
    rows_of = [
        trial(condition, model, i, act=i < k, harmful=i < k, outcome="<i>", readings={BELIEF: v})
        for (model, condition), (k, n) in counts.items()
        for i, v in zip(range(n), [HOSTILE, "evaluation", None] * 3, strict=True)
    ]
    models, conditions = [m for m, _ in counts], [CELL, HOSTILE]
    table = cells(rows_of, [planned(c) for c in conditions], models, 9, judged=True)
    ladders = {c.scenario: ["<b>", HOSTILE] for c in table}
    found = figures(table, {}, ladders)
    assert {f.name.partition("-")[0] for f in found} == {"headline", "belief", "outcomes"}
    for figure in found:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,90}", figure.name)
        tags = {e.tag.rpartition("}")[2] for e in elements(inline_svg(figure))}
        assert tags <= KNOWN
        assert max(map(len, texts(figure))) <= 60
        assert all(visible(t) == t for t in (figure.title, figure.caption, figure.alt))
    assert all(path.stat().st_size for path in write_figures(tmp_path, found))


def test_figures_of_scenarios_that_are_written_alike_have_names_of_their_own() -> None:
    alike = {(OPUS, f"{name}/{HEADLINE}"): (1, 5) for name in ("a/b", "a-b", "A-B")}
    found = figures(counted_cells(alike, 5), {}, {})
    names = [f.name.lower() for f in found]
    assert len(set(names)) == 3
    assert all(
        "id" not in e.attrib or e.get("id", "").startswith(found[1].name)
        for e in elements(inline_svg(found[1]))
    )


def test_a_long_figure_is_several_and_loses_nothing() -> None:
    shared_out = list(pages([[3], [4], [20, 20], [1], [1]], sum, most=8))
    assert [page for page, _ in shared_out] == [[3, 4], [20, 20], [1, 1]]
    assert [which.title for _, which in shared_out][1] == " (2 of 3)"
    assert [which.title for _, which in pages([[3]], sum)] == [""]


def test_the_renderer_is_imported_only_when_something_is_drawn() -> None:
    code = (
        "import sys, cornered.analysis.figures as f; f.figures([], {}, {});"
        "print([m for m in ('altair', 'vl_convert', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rich_trials_are_the_same_each_time() -> None:
    assert rich_trials([OPUS], 3) == rich_trials([OPUS], 3)
