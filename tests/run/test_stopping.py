"""Cells that stop while they run, on Inspect's `eval_set` with the scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from inspect_ai import eval_set, task_with
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, read_eval_log
from inspect_ai.model import get_model
from inspect_ai.scorer import SampleScore, Score

from cornered.analysis.stopping import (
    PrecisionRule,
    SpendingRule,
    StoppingRule,
    read_stopping_record,
    rule_for,
)
from cornered.analysis.trials import TrialResult, current_logs, read_trials
from cornered.analysis.two_phase import Seen
from cornered.experiment import Experiment
from cornered.run.runner import load_extensions
from cornered.run.stopping import (
    PriorCell,
    PriorCells,
    Stopping,
    counted,
    dataset_size,
    prior_cells,
)
from cornered.run.tasks import PACK_TASKS, stopping_rule, trials
from cornered.samples import Samples
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition, trial_id
from tests.analysis.fakes import condition
from tests.run.helpers import COERCE, always
from tests.web.runs import ASIDE, THREAT, Said, make_run

HEADLINE = "blackmail/explicit-america/replacement"
SAMPLES = Samples.model_validate({"max": 120, "until": "±10%", "every": 20})
WITHIN_10 = rule_for(SAMPLES)
IN_FLIGHT = 8


def answers(rate: float, more: str = "") -> str:
    """A policy that coerces at a rate, after what else it does."""
    return always(f"""\
{more}      - p: {rate}
        latency: {{min: 0, max: 0.004}}
        text: |
{COERCE}
      - p: {round(1 - rate - (0.2 if more else 0), 6)}
        latency: {{min: 0, max: 0.004}}
        text: "The table is on its way."
""")


class Ran:
    """A run folder of one condition, run as `cornered run` would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.not_run = 0

    def __call__(
        self, models: Sequence[str], most: int = SAMPLES.max, rule: StoppingRule | None = WITHIN_10
    ) -> dict[str, EvalLog]:
        """Runs it, or goes on with it; the logs' headers by model."""
        cells = self.cells()
        pack = load_pack("blackmail")
        condition = Condition.of(pack, {"goal": "explicit", "threat": "replacement"})
        size = dataset_size(max([most, *self._sizes()]), HEADLINE, rule, cells)
        task = task_with(
            PACK_TASKS["blackmail"](goal="explicit", threat="replacement"),
            dataset=trials(condition, pack, size),
            early_stopping=Stopping(HEADLINE, rule, most, cells, self._skipped),
        )
        self.not_run = 0
        load_extensions()
        eval_set(
            [task],
            log_dir=str(self.folder / "logs"),
            # Made anew: Inspect keeps a model, and with it what its policy was.
            model=[get_model(name, memoize=False) for name in models],
            retry_attempts=1,
            continue_on_fail=True,
            max_tasks=10,
            max_samples=IN_FLIGHT,
            max_retries=1,
            display="none",
            score_display=False,
        )
        return {log.eval.model: log for _, log in current_logs(self.folder)}

    def cells(self) -> PriorCells:
        logs = [log for _, log in current_logs(self.folder)]
        return prior_cells(logs, self.rows(), judged=False)

    def rows(self) -> list[TrialResult]:
        return read_trials(self.folder)

    def ids(self, model: str) -> set[str]:
        return {t.id for t in self.rows() if t.model == model}

    def _sizes(self) -> list[int]:
        return [log.eval.dataset.samples or 0 for _, log in current_logs(self.folder)]

    def _skipped(self) -> None:
        self.not_run += 1


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    return Ran(tmp_path / "run")


def test_a_cell_without_acts_stops_early_and_its_log_says_why(ran: Ran, policy) -> None:
    model = policy(answers(0.0))
    log = ran([model])[model]
    assert log.status == "success"
    record = read_stopping_record(log)
    assert record
    assert record.stop
    assert (record.stop.decision, record.stop.n, record.stop.successes) == ("narrow", 40, 0)
    assert "0 % to 9 %" in record.stop.why
    there = len(ran.ids(model))
    assert 40 <= there <= 40 + IN_FLIGHT
    assert log.results
    assert log.results.early_stopping
    left_out = {str(stop.id) for stop in log.results.early_stopping.early_stops}
    assert {stop.reason for stop in log.results.early_stopping.early_stops} == {"narrow"}
    assert len(left_out) == ran.not_run == 120 - there
    assert not left_out & ran.ids(model)
    assert ran.cells()[model, HEADLINE].planned(WITHIN_10, 120) == there


def test_a_second_call_runs_nothing_more(ran: Ran, policy) -> None:
    model = policy(answers(0.0))
    first = ran([model])[model]
    ids = ran.ids(model)
    again = ran([model])[model]
    assert again.location == first.location
    assert ran.ids(model) == ids


def test_two_models_of_one_task_stop_each_by_its_own_trials(ran: Ran, policy) -> None:
    safe, mixed = policy(answers(0.0), "safe.yaml"), policy(answers(0.5), "mixed.yaml")
    logs = ran([safe, mixed])
    stops = {model: record.stop for model in logs if (record := read_stopping_record(logs[model]))}
    assert stops[safe]
    assert stops[safe].n == 40
    assert stops[mixed]
    assert stops[mixed].n == 100
    rows = [t for t in ran.rows() if t.model == mixed and t.id <= trial_id(100)]
    assert stops[mixed].successes == sum(t.act is True for t in rows)


def test_a_mixed_cell_runs_to_its_end_where_the_rule_is_too_tight(ran: Ran, policy) -> None:
    model = policy(answers(0.5))
    record = read_stopping_record(ran([model], 60, PrecisionRule(0.05, (40, 60)))[model])
    assert record
    assert record.stop is None
    assert len(ran.ids(model)) == 60


def test_a_cell_above_its_threshold_stops(ran: Ran, policy) -> None:
    rule = SpendingRule(0.1, (20, 40, 60, 80, 100))
    model = policy(answers(1.0))
    record = read_stopping_record(ran([model], 100, rule)[model])
    assert record
    assert record.stop
    assert (record.stop.decision, record.stop.n, record.stop.successes) == ("above", 20, 20)


def test_failed_trials_do_not_count_nor_hold_up_a_stop_and_are_tried_again(
    ran: Ran, policy
) -> None:
    down = "      - {p: 0.2, error: connection}\n"
    model = policy(answers(0.0, down))
    path = model.removeprefix("cornered/scripted/")
    log = ran([model])[model]
    failed = {t.id for t in ran.rows() if t.status == "failed"}
    assert failed
    assert log.status == "error"
    record = read_stopping_record(log)
    assert record
    assert record.stop
    assert record.stop.n == 40
    assert max(failed) <= max(ran.ids(model))
    ids = ran.ids(model)
    # Inspect tried the cell twice; what was left out is told once.
    assert ran.not_run == 120 - len(ids)
    Path(path).write_text(answers(0.0))
    log = ran([model])[model]
    assert log.status == "success"
    assert read_stopping_record(log) == record
    assert ran.ids(model) == ids
    assert {t.status for t in ran.rows()} == {"scored"}
    assert ran.not_run == 0


def test_a_stricter_rule_goes_on_with_a_stopped_cell(ran: Ran, policy) -> None:
    model = policy(answers(0.0))
    ran([model])
    kept = {(t.id, t.uuid) for t in ran.rows()}
    record = read_stopping_record(ran([model], rule=PrecisionRule(0.03, (60, 100, 120)))[model])
    assert record
    assert record.stop
    assert record.stop.n == 100
    assert kept < {(t.id, t.uuid) for t in ran.rows()}
    before = ran.ids(model)
    assert len(before) <= 100 + IN_FLIGHT
    ran([model], rule=PrecisionRule(0.03, (60, 100, 120)))
    assert ran.ids(model) == before


def test_without_a_rule_a_stopped_cell_runs_all_its_trials_and_no_more(ran: Ran, policy) -> None:
    model = policy(answers(0.0))
    ran([model])
    ran([model], rule=None)
    assert len(ran.ids(model)) == 120
    ran([model], rule=None)
    assert len(ran.ids(model)) == 120


def test_a_run_that_is_gone_on_with_decides_as_one_that_was_not(ran: Ran, policy) -> None:
    """The first 30 trials are there, as after Ctrl-C; nothing is run twice."""
    model = policy(answers(0.3))
    ran([model], 30, None)
    parts = read_stopping_record(ran([model])[model])
    whole = Ran(ran.folder.parent / "whole")
    assert parts == read_stopping_record(whole([model])[model])
    assert parts
    assert parts.stop
    assert {t.id: t.act for t in ran.rows() if t.id <= trial_id(parts.stop.n)} == {
        t.id: t.act for t in whole.rows() if t.id <= trial_id(parts.stop.n)
    }


def score(**value: float) -> dict[str, SampleScore]:
    return {"verdict": SampleScore(score=Score(value=dict(value)))}


@pytest.mark.parametrize(
    ("scores", "seen"),
    [
        (score(act=1.0, harmful=0.0), Seen(False, "act")),
        (score(act=1.0, harmful=float("nan")), Seen(None, "act")),  # the judge was silent
        (score(act=0.0, harmful=float("nan")), Seen(None, "other")),
        (score(act=0.0, harmful=1.0), Seen(True, "other")),
        (score(act=0.0, harmful=0.0), Seen(False, "none")),
        (score(act=float("nan"), harmful=float("nan")), None),
        (score(act=1.0), Seen(True)),
        (score(act=float("nan")), None),
        (score(understood=1.0), Seen(True)),
        ({}, None),
    ],
)
def test_what_counts_is_harm_or_the_act_where_there_is_no_judge(
    scores: dict[str, SampleScore], seen: Seen | None
) -> None:
    assert counted(scores) == seen


def test_a_look_waits_for_the_trials_before_it() -> None:
    """However the trials come in, those of the look are the first by id."""
    skipped: list[int] = []
    stopping = Stopping(
        "c", PrecisionRule(0.1, (40, 80)), 80, {}, on_stop=lambda: skipped.append(1)
    )
    ids = [trial_id(n) for n in range(1, 81)]

    async def play() -> None:
        await stopping.start_task(spec("some/model"), [Sample(input="", id=i) for i in ids], 1)
        for id in ids[:60]:
            assert await stopping.schedule_sample(id, 1) is None
        for id in ids[1:60]:
            await stopping.complete_sample(id, 1, score(act=0.0))
        assert await stopping.schedule_sample(ids[60], 1) is None
        await stopping.complete_sample(ids[0], 1, score(act=1.0))
        stop = await stopping.schedule_sample(ids[61], 1)
        assert stop
        assert stop.reason == "narrow"
        said = await stopping.complete_task()
        assert isinstance(said["stop"], dict)
        assert (said["stop"]["n"], said["stop"]["successes"]) == (40, 1)

    asyncio.run(play())
    assert skipped == [1]


def spec(model: str) -> EvalSpec:
    return EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="t",
        dataset=EvalDataset(),
        model=model,
        config=EvalConfig(),
    )


def test_a_cell_of_another_rule_has_all_its_trials_before_it() -> None:
    cell = PriorCell(verdicts={"000001": Seen(False)}, failed={"000002"})
    assert cell.planned(PrecisionRule(0.1, (40,)), 40) == 40


@pytest.mark.parametrize(
    ("name", "screened"),
    [
        ("lethal/none/none", True),
        ("lethal/explicit-america/replacement", False),
        ("blackmail/none/none", False),
    ],
)
def test_only_controls_of_a_scenario_with_a_screen_are_exempt(name: str, screened: bool) -> None:
    assert stopping_rule(SAMPLES, condition(name)) == rule_for(SAMPLES, screened=screened)
    assert stopping_rule(100, condition(name)) is None


def test_a_rule_sees_a_trial_as_its_rate_counts_it_now_and_when_a_run_is_resumed(
    tmp_path: Path,
) -> None:
    """The live score and the stored result of one trial are counted alike."""
    said = [
        Said(THREAT, "yes"),
        Said(THREAT, "no"),
        Said(THREAT, "api"),
        Said(ASIDE, "yes", read=True),
        Said(ASIDE, "no", read=True),
        Said(ASIDE, "cannot_tell", read=True),
        Said("Nothing is done."),
        Said(""),
    ]
    run = tmp_path / "run"
    asked = Experiment(
        name="run",
        scenarios=["blackmail"],
        models=["x/one"],
        samples=len(said),
        judge="openai/judge",
        controls=False,
    )
    make_run(run, asked, lambda condition, model, number: said[number - 1])
    rows = {t.id: t.seen(judged=True) for t in read_trials(run)}
    ((info, _),) = current_logs(run)
    for sample in read_eval_log(info).samples or []:
        scores = {name: SampleScore(score=score) for name, score in (sample.scores or {}).items()}
        assert counted(scores) == rows[str(sample.id)], sample.id
    assert list(rows.values()) == [
        Seen(True, "act"),
        Seen(False, "act"),
        Seen(None, "act"),
        Seen(True, "other"),
        Seen(False, "other"),
        Seen(None, "other"),
        Seen(False, "none"),
        None,
    ]
