"""Every surface, by the level of the factor `surface`."""

from __future__ import annotations

from collections.abc import Mapping

from cornered.scenario import Levels
from cornered.surface import Surface
from cornered.surface.text import TEXT
from cornered.surface.tools import TOOLS

SURFACES: Mapping[str, Surface] = {TEXT.name: TEXT, TOOLS.name: TOOLS}
"""Level of the factor `surface` to the surface."""


def surface_of(levels: Levels) -> Surface:
    """The surface of a condition; logs of version 0.1.0 name none, and are of text."""
    return SURFACES[str(levels.get("surface", TEXT.name))]
