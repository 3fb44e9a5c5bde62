"""The logs of a run as rows, a row a trial; and the rows as cells with rates.

Only summaries are read, so that the time does not grow with the length of transcripts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inspect_ai.log import (
    EvalLog,
    EvalLogInfo,
    EvalSampleSummary,
    list_eval_logs,
    read_eval_log,
    read_eval_log_sample_summaries,
)

from cornered.analysis.stats import Interval, wilson

Status = Literal["scored", "unscored", "failed"]


@dataclass(frozen=True)
class Trial:
    """One trial of a run."""

    condition: str
    model: str
    id: str
    control: bool
    status: Status
    """scored; unscored: there is a log but no verdict on the act; failed: the model failed."""
    act: bool | None
    """Whether the harmful act was executed; None where that is not known."""
    harmful: bool | None
    """Act and judged; None without a judge, or where the judge gave no verdict."""
    outcome: str | None
    reason: str | None
    """Why something is unscored or failed."""
    input_tokens: int
    output_tokens: int
    seconds: float
    """Wall time of the trial, waiting included."""
    log: str
    """File name of its log."""
    uuid: str


def _truth(value: Any) -> bool | None:
    return None if value is None or math.isnan(float(value)) else bool(value)


def _trial(summary: EvalSampleSummary, log: EvalLog, file: str) -> Trial:
    score = (summary.scores or {}).get("verdict")
    value = score.value if score and isinstance(score.value, dict) else {}
    act = _truth(value.get("act"))
    usage = summary.model_usage.get(log.eval.model)
    status: Status = "scored" if act is not None else "failed" if summary.error else "unscored"
    reason = getattr(score, "reason", None) if score else None
    return Trial(
        condition=str(summary.metadata.get("condition", log.eval.task_display_name)),
        model=log.eval.model,
        id=str(summary.id),
        control=bool(summary.metadata.get("control")),
        status=status,
        act=act,
        harmful=_truth(value.get("harmful")),
        outcome=score.answer if score else None,
        reason=reason or summary.error,
        input_tokens=usage.input_tokens if usage else 0,
        output_tokens=usage.output_tokens if usage else 0,
        seconds=summary.total_time or 0.0,
        log=file,
        uuid=summary.uuid or "",
    )


def current_logs(folder: Path) -> list[tuple[EvalLogInfo, EvalLog]]:
    """The log of each task of a run that counts: header only, in the order of creation.

    A killed run leaves a `started` log beside the one that took over its trials; of the logs
    of one task the newest that ended counts, else the newest.
    """
    chosen: dict[str, tuple[EvalLogInfo, EvalLog]] = {}
    for info in list_eval_logs(str(folder / "logs"), descending=False):
        log = read_eval_log(info, header_only=True)
        previous = chosen.get(log.eval.task_id)
        if previous and log.status == "started" and previous[1].status != "started":
            continue
        chosen[log.eval.task_id] = (info, log)
    return list(chosen.values())


def read_trials(folder: Path) -> list[Trial]:
    """Every trial of a run that finished or failed, each once.

    Args:
        folder: The run folder.

    Returns:
        Trials in the order of their logs and ids; empty where there are no logs yet.
    """
    trials: dict[tuple[str, str, str], Trial] = {}
    for info, log in current_logs(folder):
        for summary in read_eval_log_sample_summaries(info):
            if summary.completed or summary.error:
                trial = _trial(summary, log, Path(info.name).name)
                trials[trial.model, trial.condition, trial.id] = trial
    return list(trials.values())


@dataclass(frozen=True)
class Rate:
    """A rate over scored trials, its interval, and what it could be."""

    successes: int
    n: int
    """Scored trials."""
    unknown: int
    """Trials without this verdict: unscored, failed, or not yet run."""

    @property
    def rate(self) -> float | None:
        """Successes over scored trials; None where nothing is scored."""
        return self.successes / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval; None where nothing is scored."""
        return wilson(self.successes, self.n)

    @property
    def lowest(self) -> float | None:
        """The rate if every unknown trial were harmless."""
        total = self.n + self.unknown
        return self.successes / total if total else None

    @property
    def highest(self) -> float | None:
        """The rate if every unknown trial were harmful."""
        total = self.n + self.unknown
        return (self.successes + self.unknown) / total if total else None


@dataclass(frozen=True)
class Cell:
    """One condition on one model."""

    condition: str
    model: str
    control: bool
    planned: int
    """Trials that the experiment asks for."""
    unscored: int
    """Trials that ran and could not be scored."""
    failed: int
    """Trials whose model failed."""
    missing: int
    """Trials that have not run yet."""
    act: Rate
    harmful: Rate | None
    """None where the run has no judge."""
    outcomes: dict[str, int]
    """How many trials stand on each rung of the ladder, as far as that is known."""

    def as_dict(self) -> dict[str, Any]:
        """The cell as plain values, rates between 0 and 1."""
        return {
            "condition": self.condition,
            "model": self.model,
            "control": self.control,
            "planned": self.planned,
            "unscored": self.unscored,
            "failed": self.failed,
            "missing": self.missing,
            "act": _rate_dict(self.act),
            "harmful": _rate_dict(self.harmful) if self.harmful else None,
            "outcomes": self.outcomes,
        }


def _rate_dict(rate: Rate) -> dict[str, float | int | None]:
    return {
        "n": rate.n,
        "successes": rate.successes,
        "rate": rate.rate,
        "ci_low": rate.interval.low if rate.interval else None,
        "ci_high": rate.interval.high if rate.interval else None,
        "lowest": rate.lowest,
        "highest": rate.highest,
    }


def _rate(verdicts: Iterable[bool | None], planned: int) -> Rate:
    known = [v for v in verdicts if v is not None]
    return Rate(sum(known), len(known), planned - len(known))


def cells(
    trials: Sequence[Trial],
    conditions: Sequence[tuple[str, bool]],
    models: Sequence[str],
    samples: int,
    *,
    judged: bool,
) -> list[Cell]:
    """The cells of a run, in the order of the experiment; those without trials too.

    Args:
        trials: The rows.
        conditions: Names of the conditions, and whether each is a control.
        models: Names of the models.
        samples: Trials planned for each cell; a cell may have more from before.
        judged: Whether the run has a judge.
    """
    table = []
    for model in models:
        for condition, control in conditions:
            rows = [t for t in trials if (t.model, t.condition) == (model, condition)]
            planned = max(samples, len(rows))
            outcomes = [t.outcome for t in rows if t.outcome]
            table.append(
                Cell(
                    condition=condition,
                    model=model,
                    control=control,
                    planned=planned,
                    unscored=sum(t.status == "unscored" for t in rows),
                    failed=sum(t.status == "failed" for t in rows),
                    missing=planned - len(rows),
                    act=_rate((t.act for t in rows), planned),
                    harmful=_rate((t.harmful for t in rows), planned) if judged else None,
                    outcomes={o: outcomes.count(o) for o in dict.fromkeys(outcomes)},
                )
            )
    return table
