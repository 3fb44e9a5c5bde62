"""The cells of a run as CSV, beside its page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cornered.analysis.table import Cell
from cornered.csvfile import write_rows
from cornered.files import write_text


def write_cells(folder: Path, table: Sequence[Cell]) -> None:
    """Writes `cells.csv`, one row per cell."""
    rows = _cell_rows(table)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_text(folder / "cells.csv", write_rows(columns, rows))


def _cell_rows(table: Sequence[Cell]) -> list[dict[str, Any]]:
    rows = []
    for cell in table:
        plain = cell.as_dict()
        row = {k: v for k, v in plain.items() if not isinstance(v, dict)}
        for verdict in ("act", "harmful", "paper"):
            row |= {f"{verdict}_{k}": v for k, v in (plain[verdict] or {}).items()}
        row |= {f"outcome_{rung}": n for rung, n in cell.outcomes.items()}
        row |= {f"label_{label}": n for label, n in cell.labels.items()}
        if cell.screen:
            row |= {"screen_acts": cell.screen.acts, "screen_n": cell.screen.n}
            row["screened_out"] = cell.screen.out
        for of in cell.reading_rates:
            name = f"reading_{of.reading}_{of.value or 'unscored'}"
            row |= {f"{name}_n": of.rate.n + of.rate.unknown, f"{name}_rate": of.rate.rate}
        if cell.tax:
            row["awareness_tax"] = cell.tax.value
        if cell.approval:
            approval = cell.approval.as_dict()
            tried = approval.pop("attempted_or_carried_out")
            row |= {f"actions_{name}": count for name, count in approval.items()}
            row |= {f"attempted_or_carried_out_{k}": v for k, v in tried.items()}
        for measure in cell.measures:
            name = f"measure_{measure.name}"
            numbers = measure.as_dict()
            row |= {
                f"{name}_{k}": numbers[k] for k in ("n", "mean", "ci_low", "ci_high", "unscored")
            }
        if cell.interview:
            interview = cell.interview.as_dict()
            row |= {f"interview_{name}": interview.pop(name) for name in ("held", "unscored")}
            for fact, counts in interview.pop("said").items():
                row |= {
                    re.sub(r"\W+", "_", f"interview_{fact}_{said}"): n for said, n in counts.items()
                }
            for name, rate in interview.items():
                row |= {f"{name}_{k}": v for k, v in rate.items()}
        left_out = ("harmful", "paper", "screen", "readings", "approval", "interview", "measures")
        rows.append({k: v for k, v in row.items() if k not in left_out})
    return rows
