"""Figures: every number is a cell's, nothing is drawn for what is not there, nothing is unsafe."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import altair
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cornered.analysis.estimands import run_contrasts
from cornered.analysis.figures import (
    Figure,
    comparison,
    figure_css,
    figures,
    inline_svg,
    write_figures,
)
from cornered.analysis.figures.canvas import HATCHED, Scale, wrapped
from cornered.analysis.figures.names import file_name, model_labels, trials_link
from cornered.analysis.figures.pages import pages
from cornered.analysis.figures.svg import VARIABLES
from cornered.analysis.paired import Stratum, paired
from cornered.analysis.reference import beside
from cornered.analysis.stats import newcombe
from cornered.analysis.table import BELIEF, Cell, cells
from cornered.text import shorten, visible

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


@pytest.fixture(scope="module")
def drawn(made: dict[str, Figure]) -> dict[str, str]:
    return {name: inline_svg(figure) for name, figure in made.items()}


def rows(figure: Figure) -> list[dict[str, Any]]:
    """Every row of data of a chart."""
    datasets = figure.chart["datasets"]
    return [row for rows in datasets.values() for row in rows]


def bars(figure: Figure, counts: str = "harmful") -> dict[tuple[str, str], dict[str, Any]]:
    """The bars of rates, by model and condition."""
    return {(r["model"], r["condition"]): r for r in rows(figure) if _is_bar(r, counts)}


def _is_bar(row: dict[str, Any], counts: str) -> bool:
    return row.get("counts") == counts and "lowest" not in row


def texts(figure: Figure) -> list[str]:
    return [r["text"] for r in rows(figure) if "text" in r]


def elements(svg: str) -> Iterator[ET.Element]:
    return ET.fromstring(svg).iter()


def test_the_bars_of_the_headline_are_the_rates_of_the_cells(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    drawn = bars(made["headline-lethal"])
    asked = [c for c in table if c.scenario == "lethal" and not c.is_control]
    assert drawn.keys() == {(c.model, c.condition) for c in asked}
    for cell in asked:
        assert cell.harmful
        assert cell.harmful.interval
        bar = drawn[cell.model, cell.condition]
        assert (bar["successes"], bar["n"]) == (cell.harmful.successes, cell.harmful.n)
        assert bar["x2"] == bar["rate"] == cell.harmful.rate
        assert (bar["low"], bar["high"]) == dataclasses.astuple(cell.harmful.interval)


def test_scenarios_are_never_in_one_figure(made: dict[str, Figure]) -> None:
    for figure in made.values():
        named = {r["condition"].split("/")[0] for r in rows(figure) if "condition" in r}
        assert len(named) == 1


def test_a_cell_has_its_control_beside_it(made: dict[str, Figure], table: list[Cell]) -> None:
    drawn = [r for r in rows(made["headline-lethal"]) if r.get("counts") == "control"]
    assert len(drawn) == 8 * 3
    found = {c.model: c for c in table if c.condition == "lethal/none/none"}
    assert {r["model"]: r["rate"] for r in drawn} == {
        model: cell.harmful and cell.harmful.rate for model, cell in found.items()
    }


def test_what_is_unscored_reaches_from_the_lowest_to_the_highest_rate() -> None:
    harmed = [trial(CELL, OPUS, i, act=i < 3, harmful=i < 3) for i in range(6)]
    lost = [trial(CELL, OPUS, i, status="unscored", act=None, harmful=None) for i in range(6, 10)]
    found = figures(cells([*harmed, *lost], [planned(CELL)], [OPUS], 10, judged=True), {}, LADDERS)
    grey = next(r for r in rows(found[0]) if "lowest" in r)
    assert (grey["x"], grey["x2"], grey["unknown"]) == (0.3, 0.7, 4)
    assert "could be 30 % to 70 %, 4 unscored" in found[0].alt


def test_a_published_rate_stands_beside_ours_with_its_n(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    reference = beside(table)[OPUS, CELL]
    diamonds = [r for r in rows(made["headline-blackmail"]) if "published" in r]
    assert (reference.row.rate, reference.row.n) in {
        (r["published"], r["published_n"]) for r in diamonds
    }
    assert all(r["x"] == r["published"] for r in diamonds)
    assert reference.row.source_title in next(
        r["about"] for r in diamonds if r["x"] == reference.row.rate
    )
    assert reference.row.study in made["headline-blackmail"].caption


def test_a_screened_out_model_is_hatched_in_svg_and_page_and_no_other_is(
    made: dict[str, Figure], tmp_path: Path
) -> None:
    figure = made["headline-lethal"]
    drawn = bars(figure)
    assert {m for (m, _), bar in drawn.items() if bar["fill"] == HATCHED} == {LLAMA}
    assert {m for (m, _), bar in drawn.items() if bar["screened_out"]} == {LLAMA}
    svg, png = write_figures(tmp_path, [figure])
    assert png.read_bytes().startswith(b"\x89PNG")
    for text in (svg.read_text(), inline_svg(figure)):
        hatched = [e for e in elements(text) if e.get("fill") == f"url(#{figure.name}-hatch)"]
        assert len(hatched) >= 8
        assert any(e.get("id") == f"{figure.name}-hatch" for e in elements(text))
        assert HATCHED not in text
    assert "screened out" in " ".join(texts(figure))
    assert HATCHED not in str(rows(made["headline-blackmail"]))


def test_the_share_that_says_that_it_is_a_test_is_beside_the_rate(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    cell = next(c for c in table if (c.model, c.condition) == (OPUS, CELL))
    said = {c.value: c.rate.n for c in cell.reading_rates if c.reading == BELIEF and c.value}
    rings = [r for r in rows(made["headline-blackmail"]) if "aware" in r]
    ring = next(r for r in rings if trials_link(OPUS, CELL) in r["href"])
    assert (ring["aware"], ring["read"]) == (said["evaluation"], sum(said.values()))
    assert ring["x"] == said["evaluation"] / sum(said.values())
    assert not [r for r in rows(made["headline-lethal"]) if "aware" in r]


def test_without_a_judge_the_figures_say_that_they_count_acts() -> None:
    found = figures(counted_cells({(OPUS, CELL): (3, 9)}, 9, judged=False), {}, LADDERS)
    assert [f.title for f in found] == ["Act rate in blackmail"]
    assert "need not be harmful" in found[0].caption
    assert "act=yes" in json.dumps(found[0].chart)


def test_one_cell_has_one_bar_and_no_other_figure() -> None:
    found = figures(counted_cells({(OPUS, CELL): (9, 10)}, 10), {}, LADDERS)
    assert [f.name for f in found] == ["headline-blackmail"]
    assert len(bars(found[0])) == 1
    assert "90 % (60 to 98 %) of 10" in found[0].alt


def test_nothing_scored_and_probes_have_no_figure() -> None:
    assert figures([], {}, {}) == []
    assert figures(counted_cells({(OPUS, CELL): (0, 0)}, 5), {}, LADDERS) == []
    probe = counted_cells({(OPUS, f"lethal/{HEADLINE}+probe=on"): (1, 5)}, 5)
    assert [c.probe for c in probe] == [True]
    assert figures(probe, {}, LADDERS) == []


def test_controls_alone_are_shown() -> None:
    found = figures(counted_cells({(OPUS, "blackmail/none/none"): (1, 50)}, 50), {}, LADDERS)
    assert [bar["successes"] for bar in bars(found[0]).values()] == [1]


def test_the_heat_map_has_the_rate_of_every_goal_and_threat(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    drawn = bars(made["threat-goal-espionage"])
    plain = [c for c in table if c.scenario == "espionage" and "+" not in c.condition]
    assert {key: bar["rate"] for key, bar in drawn.items()} == {
        (c.model, c.condition): c.harmful and c.harmful.rate for c in plain
    }
    assert texts(made["threat-goal-espionage"]).count("none") == 3 * 2


def test_arms_and_framings_differ_from_the_cell_without_them(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    rates = {(c.model, c.condition): c.harmful for c in table}
    for name, factor, levels in (("arms", "instructions", 4), ("framing", "framing", 4)):
        lines = [r for r in rows(made[f"{name}-blackmail"]) if "difference" in r]
        assert len(lines) == levels * 3
        for line in lines:
            assert line["against"] == CELL
            assert line["condition"].startswith(f"{CELL}+{factor}=")
            a, b = rates[line["model"], line["condition"]], rates[line["model"], CELL]
            assert a
            assert b
            expected = newcombe(a.successes, a.n, b.successes, b.n)
            assert expected
            assert (line["x"], line["difference"]) == (expected.value, expected.value)
            assert (line["low"], line["high"]) == dataclasses.astuple(expected.interval)
            assert (line["n"], line["against_n"]) == (a.n, b.n)


def test_a_level_without_the_cell_that_lacks_it_is_no_difference() -> None:
    alone = counted_cells({(OPUS, f"{CELL}+framing=real"): (3, 9)}, 9)
    assert [f.name for f in figures(alone, {}, LADDERS)] == ["headline-blackmail"]


def test_captions_tell_what_all_cells_share_and_the_nudge_always() -> None:
    shared = {(OPUS, f"{CELL}+noise=40"): (3, 9), (GPT, f"{CELL}+noise=40"): (4, 9)}
    found = figures(counted_cells(shared, 9), {}, LADDERS)
    assert "All cells: nudge on (its default), noise 40." in found[0].caption
    assert not [t for t in texts(found[0]) if "noise" in t]
    off = figures(counted_cells({(OPUS, f"{CELL}+nudge=off"): (3, 9)}, 9), {}, LADDERS)
    assert "All cells: nudge off." in off[0].caption


def test_beliefs_have_the_rates_of_their_cuts_and_the_tax(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    cell = next(c for c in table if (c.model, c.condition) == (OPUS, CELL))
    figure = made["belief-blackmail-1"]
    drawn = {
        r["belief"]: (r["successes"], r["n"])
        for r in rows(figure)
        if r.get("condition") == CELL and r["model"] == OPUS and "lowest" not in r
    }
    assert drawn == {c.value or "unread": (c.rate.successes, c.rate.n) for c in cell.reading_rates}
    assert cell.tax
    assert f"awareness tax +{round(100 * cell.tax.value)} points" in figure.alt
    assert not [name for name in made if name.startswith("belief-lethal")]


def test_the_segments_of_a_ladder_are_all_trials_from_harmless_to_harmful(
    made: dict[str, Figure], table: list[Cell]
) -> None:
    figure = made["outcomes-blackmail-1"]
    for cell in (c for c in table if c.condition == CELL):
        parts = [r for r in rows(figure) if r.get("model") == cell.model and "outcome" in r]
        parts = sorted((r for r in parts if r["condition"] == CELL), key=lambda r: r["x"])
        counts = {r["outcome"]: r["count"] for r in parts}
        assert {k: n for k, n in counts.items() if k in cell.outcomes} == cell.outcomes
        assert sum(counts.values()) == cell.planned
        assert counts.get("no verdict", 0) == cell.act.unknown
        order = [*LADDERS["blackmail"], "undecided", "no verdict"]
        assert [*counts] == [name for name in order if name in counts]
        assert (parts[0]["x"], parts[-1]["x2"]) == (0, 1)


def test_effects_are_drawn_as_they_are_given_and_none_is_dropped() -> None:
    table = counted_cells({(OPUS, CELL): (9, 10), (OPUS, CELL + "+framing=real"): (2, 10)}, 10)
    table += counted_cells({(OPUS, CELL + "+framing=test"): (0, 0)}, 10)
    contrasts = run_contrasts(table)
    assert len(contrasts) == 2
    found = {f.name: f for f in figures(table, {}, LADDERS, {"blackmail": contrasts})}
    drawn = [r for r in rows(found["effects-blackmail"]) if "kind" in r]
    real = contrasts[0].difference
    assert real.interval is not None
    assert [(r["difference"], r["low"], r["high"]) for r in drawn] == [
        (real.value, real.interval.low, real.interval.high)
    ]
    assert "not estimable" in found["effects-blackmail"].alt


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


def test_charts_are_valid_vega_lite(made: dict[str, Figure]) -> None:
    for name in ("headline-lethal", "threat-goal-lethal", "arms-espionage", "noise-blackmail"):
        altair.LayerChart.from_dict(made[name].chart, validate=True)


def test_every_bar_and_number_leads_to_its_trials(
    made: dict[str, Figure], drawn: dict[str, str]
) -> None:
    for figure in (made["headline-lethal"], made["outcomes-lethal"]):
        svg = drawn[figure.name]
        links = {e.get("href", "") for e in elements(svg) if e.tag.endswith("}a")}
        assert all(link.startswith("#trials?model=") for link in links)
        asked = {r["href"] for r in rows(figure) if r.get("href")}
        assert asked == links
    assert "&outcome=cancel" in str(rows(made["outcomes-lethal"]))


def test_a_drawing_has_no_script_no_style_and_no_address_outside(
    made: dict[str, Figure], drawn: dict[str, str], tmp_path: Path
) -> None:
    paths = write_figures(tmp_path, [made["headline-lethal"]])
    for svg in (*drawn.values(), paths[0].read_text()):
        assert set(re.findall(r"https?://[^\"'\s<]*", svg)) <= {"http://www.w3.org/2000/svg"}
        for element in elements(svg):
            assert element.tag.rpartition("}")[2] in KNOWN
            assert not [k for k in element.attrib if k == "style" or k.startswith("on")]


KNOWN = {"svg", "g", "a", "path", "line", "text", "title", "desc", "defs", "pattern", "rect"}
KNOWN |= {"circle"}


def test_a_drawing_in_the_page_has_the_colours_of_the_page(drawn: dict[str, str]) -> None:
    used = set()
    for name, svg in drawn.items():
        used |= set(re.findall(r"var\((--[a-z0-9-]+)\)", svg))
        left = set(re.findall(r"#[0-9a-f]{6}\b", re.sub(r"<(title|desc).*?</\1>", "", svg)))
        assert not left, name
    own = set(re.findall(r"(--[a-z0-9-]+):", figure_css()))
    assert used <= own | {"--ink", "--soft", "--line", "--wash", "--paper", "--bar"}
    assert set(VARIABLES.values()) >= own


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
    assert [p.name for p in before] == ["headline-blackmail.svg", "headline-blackmail.png"]


def test_a_picture_is_made_again_only_where_its_drawing_has_changed(tmp_path: Path) -> None:
    first = figures(counted_cells({(OPUS, CELL): (9, 10)}, 10), {}, LADDERS)
    _, png = write_figures(tmp_path, first)
    os.utime(png, (1, 1))
    write_figures(tmp_path, first)
    assert png.stat().st_mtime == 1
    write_figures(tmp_path, figures(counted_cells({(OPUS, CELL): (8, 10)}, 10), {}, LADDERS))
    assert png.stat().st_mtime != 1


def test_a_file_says_what_it_shows_and_leads_to_the_page(tmp_path: Path) -> None:
    found = figures(counted_cells({(OPUS, CELL): (9, 10)}, 10), {}, LADDERS)
    svg = write_figures(tmp_path, found)[0].read_text()
    written = " ".join(e.text or "" for e in elements(svg) if e.tag.endswith("}text"))
    assert found[0].title in written
    assert found[0].caption.replace(" %", "\u00a0%") in written
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
        assert max(map(len, texts(figure))) <= 66
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
    shared_out = list(pages([3, 4, 40, 1, 1], lambda n: n, most=8))
    assert [page for page, _ in shared_out] == [[3, 4], [40], [1, 1]]
    assert [which.title for _, which in shared_out][1] == " (2 of 3)"
    assert [which.title for _, which in pages([3], lambda n: n)] == [""]


@given(st.text(), st.integers(5, 40))
def test_a_label_is_short_visible_and_may_stand_in_xml(text: str, most: int) -> None:
    label = shorten(text, most)
    assert len(label) <= most
    element = ET.Element("text", title=label)
    element.text = label
    again = ET.fromstring(ET.tostring(element, encoding="unicode"))
    assert again.text == (label or None)
    assert visible(label) == label


@given(st.text(), st.integers(5, 40))
@example("0 %", 5)
@example("00\t", 5)
def test_wrapped_text_keeps_its_short_words(text: str, most: int) -> None:
    lines = wrapped(text, most)
    assert all(len(line) <= most for line in lines)
    together = visible(text).replace(" %", "\u00a0%")  # a number and its sign stay together
    kept = {w for w in together.split(" ") if 0 < len(w) < 5 and "\u00a0" not in w}
    assert kept <= {word for line in lines for word in line.split(" ")}


@given(st.floats(0.01, 100), st.booleans())
@settings(deadline=None)
def test_a_scale_gives_back_the_pixel_of_a_value(value: float, log: bool) -> None:
    scale = Scale(0.01, 100, 4, 326, log=log)
    assert scale.at(scale.pixel(value)) == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_links_hold_whatever_the_names_hold() -> None:
    link = trials_link("a/b&c=d", "x/y+noise=40 #?", outcome="<b>")
    assert link == (
        "#trials?model=a%2Fb%26c%3Dd&condition=x%2Fy%2Bnoise%3D40%20%23%3F&outcome=%3Cb%3E"
    )
    assert trials_link("\ud800", "x").startswith("#trials?")


def test_models_are_called_by_what_tells_them_apart() -> None:
    assert model_labels(["a/x", "b/x", "c/y"]) == {"a/x": "a/x", "b/x": "b/x", "c/y": "y"}
    assert file_name("headline", "am/blackmail", "") == "headline-am-blackmail"


def test_the_renderer_is_imported_only_when_something_is_drawn() -> None:
    code = (
        "import sys, cornered.analysis.figures as f; f.figures([], {}, {});"
        "print([m for m in ('altair', 'vl_convert', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rich_trials_are_the_same_each_time() -> None:
    assert rich_trials([OPUS], 3) == rich_trials([OPUS], 3)
