"""Adjustment of p values for multiple testing.

None stands for a test that could not be made; it stays None and does not count as a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's adjustment, which controls the family-wise error rate.

    Valid under any dependence between the tests.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70.

    Args:
        ps: P values, 0 to 1; None where there is none.

    Returns:
        Adjusted p values in the order given, none below its unadjusted value.
    """

    def step_down(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        remaining = np.arange(len(ordered), 0, -1)
        return np.maximum.accumulate(ordered * remaining)

    return _adjusted(ps, step_down)


def benjamini_hochberg(ps: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's adjustment, which controls the false discovery rate.

    Valid for tests that are independent or positively dependent, as comparisons with a common
    control are.

    Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289-300;
    dependence: Benjamini and Yekutieli 2001, Annals of Statistics 29:1165-1188.

    Args:
        ps: P values, 0 to 1; None where there is none.

    Returns:
        Adjusted p values in the order given, none below its unadjusted value.
    """

    def step_up(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        share = len(ordered) / np.arange(1, len(ordered) + 1)
        return np.minimum.accumulate((ordered * share)[::-1])[::-1]

    return _adjusted(ps, step_up)


def _adjusted(
    ps: Sequence[float | None], adjust: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> list[float | None]:
    """Applies an adjustment to the p values that are not None, in ascending order."""
    places = [place for place, p in enumerate(ps) if p is not None]
    known = np.array([p for p in ps if p is not None], dtype=np.float64)
    order = np.argsort(known, kind="stable")
    adjusted: list[float | None] = [None] * len(ps)
    for place, p in zip(order, adjust(known[order]), strict=True):
        adjusted[places[place]] = min(1.0, float(p))
    return adjusted
