"""Takes the picture of a report for the README: the figures of a run, as Chromium shows them.

python docs/tools/picture.py RUN docs/images/report.png
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT, SCALE = 1060, 620, 1.5
COLOURS = 64
"""Enough for the page's few colours, and a quarter of the size."""


def take(run: Path, target: Path) -> None:
    """Writes the top of the section of figures of a run's report as PNG."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE
        )
        page.goto((run / "report.html").resolve().as_uri())
        heading = page.get_by_role("heading", name="Figures", exact=True)
        box = heading.bounding_box()
        assert box is not None, "the report has no figures"
        shot = page.screenshot(
            full_page=True, clip={"x": 0, "y": box["y"] + 50, "width": WIDTH, "height": HEIGHT}
        )
        browser.close()
    picture = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS)
    picture.save(target, optimize=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
