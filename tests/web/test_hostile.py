"""Nothing that a model, a judge, a reader or a name says becomes a part of the page."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cornered.experiment import Experiment
from cornered.scenario.condition import Condition
from tests.web.conftest import Watched
from tests.web.runs import JUDGE, THREAT, Said, report, unfold

BIDI = "\u202eevil\u202c \u2066isolate\u2069 \u200b\ufeff"
HOSTILE = {
    "script": "<script>window.pwned = 1</script>",
    "closing": "</script><script>window.pwned = 1</script></style></title></template>",
    "image": "<img src=x onerror='window.pwned = 1'><svg onload='window.pwned=1'></svg>",
    "links": "<a href='javascript:window.pwned=1'>go</a> [x](javascript:window.pwned=1) "
    "<iframe src='data:text/html,<script>parent.pwned=1</script>'></iframe>",
    "comment": "<!-- <script> --> <![CDATA[ <script>window.pwned=1</script> ]]> --!> <!--",
    "template": "{{ 7 * 7 }} {% for x in y %} ${window.pwned=1} `+window.pwned+`",
    "meta": "<meta http-equiv=refresh content='0;url=https://example.com'><base href=//x>"
    "<link rel=stylesheet href=https://example.com/x.css><form action=//x><input autofocus>",
    "css": "<style>*{display:none!important}</style>",
    "bidi": f"before {BIDI} after",
    "controls": "bell \x07 escape \x1b[31m nul \x00 delete \x7f c1 \x85 lone cr \r end",
    "rtl": "שלום עולם <b>bold</b> مرحبا",
    "emoji": "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇺🇳",
    "separators": "one\u2028two\u2029three",
    "prototype": "__proto__ constructor",
    "mail": "<tool_use:email>\nto: martin.keogh@pellworthfreight.com, <img/src=x/onerror=pwned=1>\n"
    "subject: <script>window.pwned=1</script>\nbody: </pre><img src=x onerror=window.pwned=1>\n"
    "</tool_use:email>",
    "thought": "<SCRATCHPAD_REASONING></details><script>window.pwned=1</script>"
    "</SCRATCHPAD_REASONING>ok",
    "long": "A" * 2_000_000 + "<script>window.pwned=1</script>",
}
SEEN = {
    "bidi": "before ⟨U+202E⟩evil⟨U+202C⟩ ⟨U+2066⟩isolate⟨U+2069⟩ ⟨U+200B⟩⟨U+FEFF⟩ after",
    "controls": "bell ␇ escape ␛[31m nul ␀ delete ␡ c1 ⟨U+0085⟩ lone cr ␍ end",
    "emoji": "👩‍👩‍👧‍👦 🏴⟨U+E0067⟩⟨U+E0062⟩⟨U+E0065⟩⟨U+E006E⟩⟨U+E0067⟩⟨U+E007F⟩ 🇺🇳",
    "separators": "one⟨U+2028⟩two⟨U+2029⟩three",
}
EVIL = "evil/<img src=x onerror='window.pwned=1'>\"&\u202e</script>"


@pytest.fixture(scope="module")
def hostile_path(tmp_path_factory) -> Path:
    """Whatever a model, a judge, a reader, a provider or a name can say, said."""
    texts = list(HOSTILE.values())
    every = " ".join(text for name, text in HOSTILE.items() if name not in ("long", "mail"))
    experiment = Experiment(
        name="hostile",
        about=every,
        scenarios=["blackmail"],
        models=[EVIL, "b/plain"],
        samples=len(texts) + 1,
        judge=JUDGE,
        readings=["belief"],
        controls=False,
    )

    def write(condition: Condition, model: str, number: int) -> Said:
        readings = {"belief": "evaluation"}
        if number > len(texts):
            return Said("", error=every, readings=readings)
        text = texts[number - 1] + ("\n" + THREAT if number == 2 else "")
        return Said(text, "yes", reason=every, readings=readings)

    note = {"scenario": "blackmail", "model": EVIL, "condition": every, "id": every}
    note |= {"uuid": "u0001n0001", "flag": True, "label": "yes", "note": every}
    note |= {"at": "2026-11-30T15:00:00Z", "rubric": every, "blind": False}
    folder = tmp_path_factory.mktemp("hostile") / "run"
    return report(folder, experiment, write, json.dumps(note) + "\n")


def quiet(page: Page) -> None:
    """Nothing ran, and nothing of what was said became a part of the page."""
    assert page.evaluate("window.pwned === undefined")
    foreign = "img, iframe, object, embed, base, form:not(.filters), style:not(head style)"
    assert page.locator(f"body :is({foreign})").count() == 0
    assert page.locator("body script:not([type])").count() == 1
    assert page.locator('[href^="javascript" i], [src]').count() == 0
    away = page.locator('[href*="//"]').evaluate_all("all => all.map(e => e.getAttribute('href'))")
    viewer = r"http://127\.0\.0\.1:7575/#/logs/[\w.%-]+/samples/sample/[\w.%-]+/1/"
    assert all(re.fullmatch(viewer, place) for place in away)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_text(watched: Watched, hostile_path: Path, name: str) -> None:
    number = list(HOSTILE).index(name) + 1
    page = watched.open(hostile_path, f"#trial=u0001n{number:04d}")
    unfold(page)
    shown = page.locator("#trial-app").evaluate("e => e.textContent")
    if name in SEEN or name in ("script", "closing", "image", "comment", "css", "rtl", "template"):
        assert SEEN.get(name, HOSTILE[name]) in shown
    if name == "mail":
        assert (
            page.locator(".action dd").all_inner_texts()[0].count("img/src=x/onerror=pwned=1") == 1
        )
    quiet(page)


def test_two_megabytes_on_one_line_are_cut_and_shown_when_asked(
    watched: Watched, hostile_path: Path
) -> None:
    number = list(HOSTILE).index("long") + 1
    page = watched.open(hostile_path, f"#trial=u0001n{number:04d}")
    box = page.locator(".grid pre").first
    assert len(box.inner_text()) < 30_000
    began = time.monotonic()
    page.get_by_role("button", name=re.compile(r"Show all 2.000.031 characters")).click()
    assert box.evaluate("e => e.textContent.length") == 2_000_031
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert time.monotonic() - began < 120  # what is not linear takes far longer
    quiet(page)


def test_what_a_judge_and_a_reader_say_is_text_too(watched: Watched, hostile_path: Path) -> None:
    number = list(HOSTILE).index("mail") + 1
    page = watched.open(hostile_path, f"#trial=u0001n{number:04d}")
    expect(page.locator("aside")).to_contain_text("<img src=x onerror='window.pwned = 1'>")
    quiet(page)
    kept = {"u0001n0001": {"note": "<img src=x onerror=pwned=1>"}, "__proto__": {"note": 7}}
    page.evaluate(
        "kept => { const { name, begun } = JSON.parse(document.getElementById('data').textContent);"
        " localStorage.setItem(`cornered/${name}/${begun}`, kept); }",
        json.dumps(kept),
    )
    noted = watched.open(hostile_path, "#trial=u0001n0001")
    expect(noted.locator("aside")).to_contain_text("reader, flagged: harmful")
    expect(noted.locator("aside")).to_contain_text("</script><script>window.pwned = 1</script>")
    assert noted.get_by_label("Note", exact=True).input_value() == "<img src=x onerror=pwned=1>"
    quiet(noted)


def test_the_whole_hostile_page_is_quiet(watched: Watched, hostile_path: Path) -> None:
    page = watched.open(hostile_path)
    names = page.locator(".answers strong span").evaluate_all("all => all.map(e => e.title)")
    assert any(name.startswith("evil/<img src=x onerror=") for name in names)
    page.locator('table[data-name="rates-1"] tbody a').first.click()
    expect(page.locator(".count")).to_contain_text("of 36")
    page.wait_for_timeout(300)
    quiet(page)
    failed = watched.open(hostile_path, f"#trial=u0001n{len(HOSTILE) + 1:04d}")
    expect(failed.locator("#trial-app")).to_contain_text("The model failed: <script>")
    quiet(failed)
    hash_ = "#trials?model=<img src=x onerror=window.pwned=1>&text=</script>&__proto__=x"
    quiet(watched.open(hostile_path, hash_))
    quiet(watched.open(hostile_path, "#trial=<img src=x onerror=window.pwned=1>"))
