"""The look of every figure: one Altair theme, and its colours for light and for dark.

A chart is drawn in the light colours below, written out, so that its SVG is right in every viewer.
Each of them is reserved for one meaning. A style sheet, `colour_css`, therefore finds each colour
by its value and gives it a custom property, whose value differs in the dark: the drawing itself is
never rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WIDTH = 336
"""Width of a drawing in pixels: a phone of 390 shows it unscaled."""
FONT = "system-ui, sans-serif"
TEXT, SMALL = 12, 11
"""Sizes of type, in pixels."""
NAME = "cornered"

PALETTE = {
    "ink": ("#1d2024", "#e4e6e9"),
    "soft": ("#565d66", "#a4acb5"),
    "line": ("#d9dde2", "#383f47"),
    "paper": ("#fdfdfc", "#15181b"),
    "rate": ("#1f6697", "#74b6e4"),
    "bar": ("#b5d3e7", "#27506e"),
    "rule": ("#0f7a64", "#5cc9ae"),
    "control": ("#6d7680", "#9aa4ae"),
    "published": ("#c4520a", "#ff9a4d"),
    "corrected": ("#6b3fa0", "#c5a5ee"),
    "out": ("#8f969e", "#717a83"),
    "on-pale": ("#1c1e22", "#fefefd"),
    "on-strong": ("#fefefe", "#1c1e23"),
    "not-placed": ("#b9bfc6", "#59616a"),
    "no-verdict": ("#d3d9df", "#444b53"),
    "not-run": ("#eceff1", "#262c32"),
    # After Brewer's yellow to brown: the darker the more harmful, in the dark the brighter.
    "rung-0": ("#fff3c4", "#3a2f1c"),
    "rung-1": ("#fed98e", "#5e4210"),
    "rung-2": ("#fe9929", "#85520a"),
    "rung-3": ("#c2500a", "#f08a24"),
    "rung-4": ("#993404", "#ffb95e"),
    "rung-5": ("#5c1a02", "#ffe3a8"),
    # Brewer's blues: the same.
    "shade-0": ("#eef4fa", "#1d2733"),
    "shade-1": ("#deebf7", "#1f3347"),
    "shade-2": ("#c6dbef", "#22415d"),
    "shade-3": ("#9ecae1", "#255075"),
    "shade-4": ("#6baed6", "#2a608e"),
    "shade-5": ("#4292c6", "#3070a6"),
    "shade-6": ("#2171b5", "#8cc4ee"),
    "shade-7": ("#084594", "#c9e4fb"),
    # Models that share a panel, after Okabe and Ito 2008.
    "model-0": ("#1f6698", "#74b6e5"),
    "model-1": ("#c4520b", "#ff9a4e"),
    "model-2": ("#0f7a65", "#5cc9af"),
    "model-3": ("#8a3f7f", "#e58cc0"),
    "model-4": ("#7a6a00", "#d8c24a"),
    "model-5": ("#3d4a57", "#b4c0cc"),
}
"""Each colour in the light and in the dark. No light colour is there twice."""
INK, SOFT, LINE, PAPER = (PALETTE[name][0] for name in ("ink", "soft", "line", "paper"))
RATE, PALE, PAPER_RULE = (PALETTE[name][0] for name in ("rate", "bar", "rule"))
CONTROL, PUBLISHED, OUT = (PALETTE[name][0] for name in ("control", "published", "out"))
CORRECTED = PALETTE["corrected"][0]
ON_PALE, ON_STRONG = PALETTE["on-pale"][0], PALETTE["on-strong"][0]
"""Type on the first three rungs or the first six shades, and on the others."""
RUNGS = tuple(light for name, (light, _) in PALETTE.items() if name.startswith("rung-"))
SHADES = tuple(light for name, (light, _) in PALETTE.items() if name.startswith("shade-"))
MODELS = tuple(light for name, (light, _) in PALETTE.items() if name.startswith("model-"))
NOT_PLACED, NO_VERDICT, NOT_RUN = (
    PALETTE[name][0] for name in ("not-placed", "no-verdict", "not-run")
)

_DARK = "@media screen and (prefers-color-scheme: dark)"
"""Paper is white, whatever the screen is."""


def colour_css(within: str = "") -> str:
    """The style sheet that colours drawings, for light and for dark.

    Args:
        within: A selector of the drawings; empty within the SVG itself.
    """
    light = "".join(f"--figure-{name}:{light};" for name, (light, _) in PALETTE.items())
    dark = "".join(f"--figure-{name}:{dark};" for name, (_, dark) in PALETTE.items())
    rules = "".join(
        f'{within}[{paint}="{light}"]{{{paint}:var(--figure-{name})}}\n'
        for name, (light, _) in PALETTE.items()
        for paint in ("fill", "stroke")
    )
    return f":root{{{light}}}\n{_DARK}{{:root{{{dark}}}}}\n{rules}"


@contextmanager
def theme() -> Iterator[None]:
    """The theme, for charts that are made into a specification within."""
    import altair as alt

    if NAME not in alt.theme.names():
        alt.theme.register(NAME, enable=False)(_config)
    with alt.theme.enable(NAME):
        yield


def _config() -> Any:
    words = {"labelFont": FONT, "titleFont": FONT, "labelColor": SOFT, "titleColor": SOFT}
    axis = {
        "domain": False,
        "ticks": False,
        "gridColor": LINE,
        "labelFontSize": SMALL,
        "titleFontSize": SMALL,
        "titleFontWeight": "normal",
        "labelPadding": 3,
        **words,
    }
    return {
        "background": PAPER,
        "padding": 6,
        "config": {
            "font": FONT,
            "aria": True,
            "view": {"stroke": None},
            "axis": axis,
            "facet": {"spacing": 10},
            "header": {
                **words,
                "title": None,
                "labelColor": INK,
                "labelFontSize": TEXT,
                "labelFontWeight": 600,
                "labelOrient": "top",
                "labelAnchor": "start",
                "labelAlign": "left",
                "labelPadding": 4,
                "labelLimit": WIDTH,
            },
            "legend": {
                **words,
                "orient": "top",
                "title": None,
                "labelColor": INK,
                "labelFontSize": SMALL,
                "labelLimit": WIDTH - 30,
                "symbolOpacity": 1,
                "columnPadding": 14,
                "rowPadding": 3,
                "offset": 10,
            },
            "title": {
                "font": FONT,
                "subtitleFont": FONT,
                "anchor": "start",
                "frame": "bounds",
                "color": INK,
                "subtitleColor": SOFT,
                "fontSize": 15,
                "subtitleFontSize": SMALL,
                "lineHeight": 19,
                "subtitleLineHeight": 14,
                "subtitlePadding": 6,
                "offset": 14,
            },
            "text": {"font": FONT, "fontSize": SMALL, "color": INK, "baseline": "middle"},
            "rule": {"color": INK},
            "point": {"opacity": 1, "strokeWidth": 1.6},
        },
    }
