"""Chromium, and pages in it that may reach nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

TIMEOUT = 60_000
"""Milliseconds until what a page should do is given up."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; without one these tests fail, for an untested page is not known to be safe.

    Not for the whole session: while it is open, its event loop runs in this thread.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail("the tests of the report need Chromium: apt-get install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, and whatever it did that a report may not do."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def open(self, path: Path, place: str = "") -> Page:
        """Opens a file at a place, as a person would who was sent the link."""
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + place)
        self.page.wait_for_selector("html[data-ready]")
        return self.page


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Watched]:
    """A page with the network off; a test ends with an error if it did anything wrong."""
    context = chromium.new_context(
        offline=True, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    found = Watched(page)
    page.on(
        "dialog", lambda dialog: (found.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss())
    )
    page.on("console", lambda message: found.wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: found.wrong.append(f"error: {error}"))
    page.on("popup", lambda popup: found.wrong.append(f"popup: {popup.url}"))
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith(("file:", "data:", "blob:"))
            else found.wrong.append(f"request: {r.url}")
        ),
    )
    page.add_init_script(
        "window.broken = [];"
        "addEventListener('securitypolicyviolation',"
        " e => window.broken.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));"
    )
    yield found
    found.wrong += page.evaluate("window.broken ?? []")
    context.close()
    assert found.wrong == []
