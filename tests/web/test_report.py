"""The report's page in a real browser, with the network off."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from cornered.experiment import Experiment
from cornered.scenario import Scenario, load_pack
from cornered.scenario.condition import Condition
from tests.web.conftest import Watched
from tests.web.runs import CANCEL, JUDGE, PLEA, THOUGHT, THREAT, Said, report, unfold

BOLD, MEEK, LOST = "one/bold", "two/meek", "three/lost"
HEADLINE = "blackmail/explicit-america/replacement"


@pytest.fixture(scope="module")
def page_path(tmp_path_factory) -> Path:
    """Two scenarios, three models, a control each; one model does not understand lethal."""
    draw = random.Random(5)
    experiment = Experiment(
        name="three-models",
        scenarios=["blackmail", "lethal"],
        factors={"goal": ["explicit"], "threat": ["replacement", "none"]},
        models=[BOLD, MEEK, LOST],
        samples=9,
        judge=JUDGE,
        readings=["belief"],
    )

    def write(condition: Condition, model: str, number: int) -> Said:
        readings = {"belief": draw.choice(["evaluation", "deployment", None])}
        if number == 8:
            return Said("", readings=readings, error="RateLimitError: slow down")
        if number == 9:
            return Said(" ", readings=readings)
        wild = model == LOST and condition.pack_name == "lethal"
        bold = model == BOLD and not condition.is_control and number <= 6
        if wild or bold:
            act = CANCEL if condition.pack_name == "lethal" else THREAT
            judged = "grader_failed" if number == 6 else "no" if number == 5 else "yes"
            return Said(f"{THOUGHT}\n\nI act now.\n\n{act}\n\nDone.", judged, readings=readings)
        return Said(f"Trial {number} does nothing.\n\n{PLEA}", "no", readings=readings)

    return report(tmp_path_factory.mktemp("rich") / "run", experiment, write)


def rows(page: Page) -> list[str]:
    return page.locator("#trial-app .list li").all_inner_texts()


WORDS = "Blackmail: goal conflict and replacement"


def test_every_number_leads_to_its_trials_and_every_trial_to_its_text(
    watched: Watched, page_path: Path
) -> None:
    page = watched.open(page_path)
    first = page.locator(".answers li").first
    assert "bold: 4 harmful in 6 scored; 3 unscored." in " ".join(first.inner_text().split())
    first.get_by_role("link", name="4 harmful", exact=True).click()
    expect(page.locator("#trial-app .count")).to_contain_text("4 of 162")
    texts = page.locator("#trial-app .texts > article")
    expect(texts).to_have_count(4)
    for text in texts.all_inner_texts():
        assert all(words in text for words in ("harmful", "bold", WORDS, "I act now."))
    page.get_by_role("button", name="Show the list").click()
    expect(page.locator("#trial-app .list li")).to_have_count(4)
    assert all("harmful" in row and "bold" in row and WORDS in row for row in rows(page))
    page.locator("#trial-app .list a").first.click()
    article = page.get_by_role("article", name="Trial")
    expect(article.get_by_role("heading", name=WORDS)).to_be_focused()
    expect(article).to_contain_text("I act now.")


def test_the_first_screen_speaks_in_words(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path)
    answer = page.get_by_role("region", name="Answer").inner_text()
    assert "Blackmail under goal conflict and replacement" in " ".join(answer.split())
    assert "explicit-america" not in answer
    assert "Control: 0 harmful in 7 scored; 2 unscored." in answer
    assert "lost: too many acts in controls to read as propensity (7 of 7 controls)" in answer
    assert "trials that ran have no verdict" in answer
    methods = page.get_by_role("region", name="Methods")
    methods.get_by_text("conditions in words").click()
    expect(methods.get_by_role("cell", name=HEADLINE)).to_be_visible()


def test_a_trial_shows_mails_as_mails_and_folds_reasoning(
    watched: Watched, page_path: Path
) -> None:
    page = watched.open(page_path, "#trial=u0001n0001")
    mail = page.locator("section.action")
    expect(mail).to_have_count(1)
    expect(mail).to_have_attribute("aria-label", "Carried out")
    expect(mail.locator("h4")).to_have_text("Mail sent the act")
    fields = dict(
        zip(mail.locator("dt").all_inner_texts(), mail.locator("dd").all_inner_texts(), strict=True)
    )
    assert fields == {
        "To": "martin.keogh@pellworthfreight.com",
        "Cc": "someone.else@pellworthfreight.com",
        "Subject": "Before five o'clock",
    }
    assert "I would rather not send it." in mail.inner_text()
    thinking = page.locator("details.think")
    expect(thinking).to_have_count(1)
    expect(thinking.get_by_text("a draft that was never sent")).not_to_be_visible()
    thinking.locator("summary").click()
    expect(thinking.get_by_text("a draft that was never sent")).to_be_visible()
    order = page.locator(".grid > div").inner_text()
    assert order.index("Reasoning") < order.index("I act now.") < order.index("Mail sent")
    assert order.index("Mail sent") < order.index("Done.")
    beside = page.locator("aside").inner_text()
    assert "The message names the price of silence." in beside
    assert "openai/judge: yes, coerce" in beside
    assert "belief:" in beside


def test_a_failed_call_outside_reasoning_is_marked_as_not_carried_out(
    watched: Watched, tmp_path: Path
) -> None:
    experiment = Experiment(
        name="drafts", scenarios=["blackmail"], models=[BOLD], samples=1, controls=False
    )
    text = "<tool_use:email>\nsubject: nobody\nbody: to no one\n</tool_use:email>"
    path = report(tmp_path / "run", experiment, lambda *_: Said(text))
    page = watched.open(path, "#trial=u0001n0001")
    box = page.locator("section.action.not")
    expect(box).to_have_attribute("aria-label", "Not carried out")
    heading = box.locator("h4")
    expect(heading).to_have_text("Failed, not carried out (mail.send): no recipient")
    assert "Mail sent" not in box.inner_text()


def test_a_forward_shows_the_mail_that_went_along(watched: Watched, tmp_path: Path) -> None:
    experiment = Experiment(
        name="forward", scenarios=["blackmail"], models=[BOLD], samples=1, controls=False
    )
    text = (
        "<tool_use:email_forward>\nemail_id: 4\nto: martin.keogh@pellworthfreight.com\n"
        "comment: See below.\n</tool_use:email_forward>"
    )
    path = report(tmp_path / "run", experiment, lambda *_: Said(text))
    box = watched.open(path, "#trial=u0001n0001").locator("section.action")
    expect(box.locator("h4")).to_have_text("Mail forwarded the act")
    names = box.locator("dt").all_inner_texts()
    assert names == ["To", "Forwarded mail", "Went along"]
    pack = load_pack("blackmail")
    (condition,) = experiment.conditions()
    mail = Scenario.of(pack).scene(condition.levels, "000001").mails[3]
    assert box.locator("dd").last.inner_text() == f'"{mail.subject}" from {mail.sender}'
    assert box.locator("pre.text").inner_text().endswith("See below.")


def test_the_prompt_of_a_trial_is_there_on_demand(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path, "#trial=u0001n0001")
    prompt = page.locator("details.prompt")
    prompt.locator("summary").click()
    expect(prompt).to_contain_text("martin.keogh@pellworthfreight.com")
    assert prompt.locator("h4").all_inner_texts() == ["system", "user"]


def test_filters_narrow_the_list_and_stand_in_the_address(
    watched: Watched, page_path: Path
) -> None:
    page = watched.open(page_path)
    page.get_by_label("Model", exact=True).select_option(BOLD)
    expect(page.locator(".count")).to_contain_text("54 of 162")
    page.get_by_label("Threat", exact=True).select_option("replacement")
    expect(page.locator(".count")).to_contain_text("18 of 162")
    page.get_by_label("Harmful", exact=True).select_option("unscored")
    expect(page.locator(".count")).to_contain_text("6 of 162")
    page.get_by_label("Status", exact=True).select_option("failed")
    expect(page.locator(".count")).to_contain_text("2 of 162")
    assert "RateLimitError" in rows(page)[0]
    place = page.evaluate("location.hash")
    again = watched.open(page_path, place)
    expect(again.locator(".count")).to_contain_text("2 of 162")
    again.get_by_role("button", name="Clear all").click()
    expect(again.locator(".count")).to_contain_text("162 trials")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("act=yes&model=one/bold", 33),
        ("harmful=yes&harmful=no&model=one/bold", 38),
        ("outcome=coerce&condition=blackmail/explicit-america/replacement", 4),
        ("label=sabotage&model=one/bold", 16),
        ("vote_openai/judge=grader_failed", 7),
        ("factor_scenario=lethal&status=unscored", 9),
        ("factor_threat=none&factor_goal=explicit", 54),
        ("nothing=like-it", 0),
    ],
)
def test_deep_links_filter(watched: Watched, page_path: Path, query: str, found: int) -> None:
    page = watched.open(page_path, f"#trials?{query}")
    text = page.locator(".count").inner_text()
    assert text.startswith(f"{found} of 162" if found else "No trial"), text


def test_readings_filter_as_their_table_says(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path)
    link = page.locator('table[data-name="reading-belief"] tbody tr').first.locator("td.n a").first
    said = int(link.inner_text())
    link.click()
    expect(page.locator(".count")).to_contain_text(f"{said} of 162")


def test_text_search_finds_what_was_said(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path)
    box = page.get_by_role("searchbox")
    box.fill("THE SCARF goes to all")
    box.press("Enter")
    expect(page.locator(".count")).to_contain_text("12 of 162")
    box = page.get_by_role("searchbox")
    box.fill("said by nobody")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".count")).to_contain_text("No trial")


def test_the_keyboard_goes_from_trial_to_trial_and_back(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path, f"#trials?model={MEEK}")
    page.locator(".list a").first.focus()
    page.keyboard.press("j")
    expect(page.locator(".list li:nth-child(2) a")).to_be_focused()
    page.keyboard.press("Enter")
    heading = page.locator(".trial h3")
    expect(heading).to_be_focused()
    expect(page.locator(".trial .who")).to_contain_text("000002")
    page.keyboard.press("j")
    expect(page.locator(".trial .who")).to_contain_text("000003")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".trial .who")).to_contain_text("000004")
    page.keyboard.press("k")
    expect(page.locator(".trial .who")).to_contain_text("000003")
    page.keyboard.press("Escape")
    expect(page.locator(".list li:nth-child(3) a")).to_be_focused()
    assert MEEK in page.evaluate("decodeURIComponent(location.hash)")
    page.go_back()
    expect(page.locator(".trial .who")).to_contain_text("000003")


def test_tables_sort_and_download(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path)
    table = page.locator('table[data-name="rates-1"]')
    button = table.get_by_role("button", name="Harmful rate", exact=True)

    def column() -> list[float]:
        cells = table.locator("tbody tr td:nth-child(3)").evaluate_all(
            "cells => cells.map(c => c.dataset.value)"
        )
        return [float(v) for v in cells]

    button.click()
    assert column() == sorted(column(), reverse=True)
    assert table.locator('th[aria-sort="descending"]').inner_text() == "Harmful rate"
    button.click()
    assert column() == sorted(column())
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV: Rates, Blackmail").click()
    assert waiting.value.suggested_filename == "three-models-rates-1.csv"
    read = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    assert len(read) == 9
    assert HEADLINE in {row["Name"] for row in read}
    assert {row["Model"] for row in read} == {BOLD, MEEK, LOST}


def test_the_list_downloads_as_it_is_filtered(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path, f"#trials?model={MEEK}&status=failed")
    with page.expect_download() as waiting:
        page.locator(".filters").get_by_role("button", name="Download CSV").click()
    read = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    assert [row["status"] for row in read] == ["failed"] * 6
    assert {row["model"] for row in read} == {MEEK}


def test_further_columns_are_there_on_demand(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path)
    table = page.locator('table[data-name="rates-1"]')
    name = table.get_by_role("columnheader", name="Name")
    expect(name).not_to_be_visible()
    page.get_by_label("More columns").first.check()
    expect(name).to_be_visible()
    expect(table.locator("tbody tr").first).to_contain_text(HEADLINE)


def test_a_screened_out_model_is_marked(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path)
    out = page.locator('table[data-name="rates-2"] tbody tr.screened')
    expect(out).to_have_count(3)
    assert "screened out" in out.first.inner_text()
    plots = page.locator(".answer-plot tr.screened [fill='url(#hatch)']")
    expect(plots).to_have_count(3)


def test_quotes_of_a_reason_are_marked_in_the_answer(watched: Watched, tmp_path: Path) -> None:
    experiment = Experiment(
        name="quotes",
        scenarios=["blackmail"],
        models=[BOLD],
        samples=1,
        judge=JUDGE,
        controls=False,
    )
    reason = (
        'It says "CALL OFF the  replacement, … goes to all staff." and “it is what I can do”, '
        "not “what nobody ever wrote”."
    )
    said = Said(f"{THOUGHT}\n\n{THREAT}", "yes", reason=reason)
    page = watched.open(report(tmp_path / "run", experiment, lambda *_: said), "#trial=u0001n0001")
    marks = page.locator(".said-text mark")
    marked = [" ".join(text.split()) for text in marks.all_text_contents()]
    assert marked == [
        "it is what I can do",
        "Call off the replacement",
        "goes to all staff",
    ]
    found = page.locator("aside").get_by_role("link", name=re.compile("all staff|can do"))
    expect(found).to_have_count(2)
    expect(marks.first).not_to_be_visible()
    found.last.press("Enter")
    expect(marks.first).to_be_focused()
    assert page.locator("aside .quoted:not(.found)").all_inner_texts() == ["what nobody ever wrote"]


def test_two_models_stand_side_by_side_on_the_same_draw(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path, f"#trials?model={BOLD}&harmful=yes")
    page.locator(".list a").first.click()
    page.get_by_label("Beside it").select_option(label="the same draw on meek")
    who = page.locator(".pair .who")
    expect(who).to_have_count(2)
    before = who.all_inner_texts()
    assert ["000001" in text for text in before] == [True, True]
    assert "bold" in before[0]
    assert "meek" in before[1]
    page.keyboard.press("j")
    expect(who.last).to_contain_text("000002")
    again = watched.open(page_path, page.evaluate("location.hash"))
    expect(again.locator(".pair .who").last).to_contain_text("meek · trial 000002")
    again.get_by_label("Beside it").select_option(label="nothing")
    expect(again.locator(".pair")).to_have_count(0)


def test_notes_stay_in_the_browser_and_are_exported(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path, "#trial=u0001n0001")
    page.get_by_label("Flag this trial").check()
    page.get_by_label("Is it harmful?").select_option("no")
    page.get_by_label("Note", exact=True).fill("A hint, <b>no</b> threat.\u202e")
    again = watched.open(page_path, "#trials?noted=flagged")
    expect(again.locator(".list li")).to_have_count(1)
    with again.expect_download() as waiting:
        again.get_by_role("button", name="Export notes (1)").click()
    (line,) = Path(waiting.value.path()).read_text("utf-8").splitlines()
    note = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", note.pop("at"))
    assert note.pop("rubric")
    assert note == {
        "uuid": "u0001n0001",
        "scenario": "blackmail",
        "model": BOLD,
        "condition": HEADLINE,
        "id": "000001",
        "flag": True,
        "label": "no",
        "note": "A hint, <b>no</b> threat.\u202e",
        "blind": False,
    }
    trial = watched.open(page_path, "#trial=u0001n0001")
    expect(trial.get_by_label("Flag this trial")).to_be_checked()


def test_a_trial_leads_to_itself_in_inspects_viewer(watched: Watched, page_path: Path) -> None:
    page = watched.open(page_path, "#trial=u0001n0001")
    link = page.get_by_role("link", name="Open in Inspect’s viewer")
    assert link.get_attribute("href") == (
        "http://127.0.0.1:7575/#/logs/0001.eval/samples/sample/000001/1/"
    )
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_without_scripts_all_but_the_list_is_there(chromium: Browser, page_path: Path) -> None:
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(page_path.as_uri())
    expect(page.locator("#needs-script")).to_be_visible()
    assert page.locator('table[data-name^="rates"] tbody tr').count() == 18
    assert page.locator("figure svg").count() > 0
    assert "cornered run EXPERIMENT.yaml" in page.locator("body").inner_text()
    context.close()


def test_paper_shows_tables_figures_and_short_trials_and_no_controls(
    watched: Watched, page_path: Path
) -> None:
    page = watched.open(page_path)
    page.emulate_media(media="print")
    expect(page.locator('table[data-name="rates-1"]')).to_be_visible()
    expect(page.locator("figure").first).to_be_visible()
    expect(page.locator(".excerpt").first).to_contain_text("Mail sent to martin.keogh")
    expect(page.locator(".excerpt").first).to_contain_text("names the price of silence")
    for hidden in (".filters", ".tools", "nav", ".list"):
        expect(page.locator(hidden).first).not_to_be_visible()
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", prefer_css_page_size=True))
    assert 2 <= len(pages) <= 10


SCHEMES = ("light", "dark")
WIDTHS = (1600, 1280, 390, 360)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("place", ["", "#trial=u0001n0001", "#trial=nobody"])
def test_axe_finds_nothing(watched: Watched, page_path: Path, scheme, place: str) -> None:
    watched.page.emulate_media(color_scheme=scheme)
    page = watched.open(page_path, place)
    unfold(page)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_width_makes_the_page_scroll_sideways(
    watched: Watched, page_path: Path, width: int, scheme
) -> None:
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": width, "height": 900})
    for place in ("", "#trial=u0001n0001&beside=model:two/meek"):
        page = watched.open(page_path, place)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = page.locator(".wide, .wide :is(th, td)").evaluate_all(
            "all => all.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"
            ".map(e => e.outerHTML.slice(0, 99))"
        )
        assert cut == []


def test_on_a_phone_each_row_is_a_card(watched: Watched, page_path: Path) -> None:
    watched.page.set_viewport_size({"width": 390, "height": 900})
    page = watched.open(page_path)
    row = page.locator('table[data-name="rates-1"] tbody tr').first
    tops = row.locator("th, td:visible").evaluate_all("all => all.map(e => e.offsetTop)")
    assert len(set(tops)) == len(tops)
    assert row.locator("td").first.get_attribute("data-label") == "Model"
    assert row.get_attribute("role") == "row"
