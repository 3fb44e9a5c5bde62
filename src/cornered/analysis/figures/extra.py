"""Whether figures can be drawn: what makes and draws charts is the extra `figures`, 90 MB."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from cornered.errors import CorneredError

NOT_DRAWN = "Figures were not drawn; pip install 'cornered[figures]' adds what draws them."


@cache
def can_draw() -> bool:
    """Whether the extra `figures` is installed; does not import it."""
    return all(find_spec(name) is not None for name in ("altair", "vl_convert"))


def require_figures() -> None:
    """Fails early if figures are requested and cannot be drawn.

    Raises:
        CorneredError: the extra `figures` is not installed.
    """
    if not can_draw():
        raise CorneredError("figures cannot be drawn here", fix="pip install 'cornered[figures]'")
