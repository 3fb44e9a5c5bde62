"""A draw that is balanced by verdict: what it takes, and what its labels correct."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cornered.analysis.audited import audited_rate, drawn_from, kind_of, label_weights
from cornered.analysis.trials import TrialResult, read_trials
from cornered.analysis.two_phase import Stratum, two_phase
from cornered.cli import main
from cornered.experiment import Experiment
from cornered.run.audit import Audit, in_balance, in_order
from cornered.run.runner import read_run
from tests.analysis.fakes import trial
from tests.run.helpers import Result
from tests.web.runs import ASIDE, THREAT, Said, make_run

MODELS = ("x/one", "x/two")
NAME = "blackmail/explicit-america/replacement"
SAID = (
    *[Said(THREAT, "yes")] * 2,
    Said(THREAT, "no"),
    *[Said(ASIDE, "no", read=True)] * 12,
    Said(ASIDE, "yes", read=True),
    Said(ASIDE, "cannot_tell", read=True),
    *[Said("Nothing is done.")] * 3,
)
"""Twenty trials of a model: of harmless work there is much, of everything else little."""


def judged(n: int, *, act: bool, verdict: bool, model: str = "x/one") -> TrialResult:
    word = "yes" if verdict else "no"
    return trial(NAME, model, n, act=act, harmful=verdict, votes={"j": word})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("balanced") / "run"
    asked = Experiment(
        name="run",
        scenarios=["blackmail"],
        models=[*MODELS],
        samples=len(SAID),
        judge="openai/judge",
        controls=False,
    )
    make_run(folder, asked, lambda condition, model, number: SAID[number - 1])
    return folder


def audit(run: Path, keys: str, *more: str) -> Result:
    with contextlib.chdir(run.parent):
        given = "".join(f"{key}\n" for key in keys)
        done = CliRunner().invoke(main, ("audit", str(run), *more), input=given)
    return Result(done.exit_code, done.stdout, done.stderr)


def drawn(run: Path, count: int) -> tuple[TrialResult, ...]:
    return Audit(run, who="ann", count=count, seed=1, of="balanced", view="actions").drawn


def test_each_verdict_is_drawn_as_often_as_there_are_trials_of_it(run: Path) -> None:
    five = Counter(kind_of(t) for t in drawn(run, 5))
    assert len(five) == 5
    assert set(five.values()) == {1}
    ten = drawn(run, 10)
    assert ten[:5] == drawn(run, 5)
    assert set(Counter(kind_of(t) for t in ten).values()) == {2}
    assert {(kind_of(t), t.model) for t in ten} == {
        (kind, model) for kind in five for model in MODELS
    }
    # One harmful aside of each model, and two threats: the rest of a large draw is what is left.
    assert sum(t.act is False and t.harmful is False for t in drawn(run, 20)) == 10
    assert len(drawn(run, 99)) == 2 * 17


def test_a_place_in_the_draw_says_nothing_of_the_verdict() -> None:
    rows = [judged(n, act=n % 2 == 0, verdict=n % 4 < 2) for n in range(200)]
    firsts = Counter(kind_of(in_balance(rows, seed)[0]) for seed in range(80))
    assert len(firsts) == 4
    assert min(firsts.values()) > 5


def test_within_a_kind_every_draw_is_at_random_and_a_new_trial_moves_none_of_its_kind() -> None:
    rows = [judged(n, act=n < 30, verdict=n % 3 == 0) for n in range(60)]
    order = [t.uuid for t in in_balance(rows, 1)]
    more = [*rows, judged(99, act=True, verdict=True)]
    for kind in {kind_of(t) for t in rows}:
        own = [t for t in rows if kind_of(t) == kind]
        assert [t.uuid for t in in_order(own, 1)] == [
            uuid for uuid in order if uuid in {t.uuid for t in own}
        ]
        again = [t for t in in_balance(more, 1) if kind_of(t) == kind and t.uuid in order]
        assert [t.uuid for t in again] == [t.uuid for t in in_order(own, 1)]


def test_a_label_keeps_the_draw_and_its_known_chance(run: Path) -> None:
    taken = Counter(drawn_from(t) for t in drawn(run, 12))
    there = Counter(drawn_from(t) for t in read_trials(run))
    result = audit(run, "ynq", "--who", "ann", "--balanced", "-n", "12")
    assert result.code == 1
    assert "12 drawn of 34 trials with an executed action, balanced by verdict" in result.out
    lines = [json.loads(x) for x in (run / "audit" / "ann.jsonl").read_text().splitlines()]
    by_uuid = {t.uuid: t for t in drawn(run, 12)}
    for line in lines:
        stratum = drawn_from(by_uuid[line["uuid"]])
        assert line["drawn"] == "balanced"
        assert line["chance"] == pytest.approx(taken[stratum] / there[stratum])
    (run / "audit" / "ann.jsonl").unlink()


def truth_of(trial: TrialResult) -> bool:
    """What persons say in the tests below: the judge errs in every fourth harmless work."""
    return bool(trial.harmful) or (not trial.act and int(trial.id) % 4 == 0)


def test_labels_of_a_balanced_draw_a_uniform_one_and_a_part_of_both_estimate_one_rate() -> None:
    """Over many draws the corrected rate is on average the true one, whichever draws it mixes."""
    rows = [judged(n, act=n < 30, verdict=n < 20) for n in range(200)]
    truth = sum(map(truth_of, rows)) / 200
    assert truth > 0.1 + 0.1

    def mean(choose: Any) -> float:
        found = []
        for seed in range(60):
            labels = {t.uuid: float(truth_of(t)) for t in choose(seed)}
            of = audited_rate(rows, rows, labels)
            assert of is not None
            assert of.value is not None
            found.append(of.value)
        return sum(found) / len(found)

    for choose in (
        lambda seed: in_balance(rows, seed)[:60],
        lambda seed: in_balance(rows, seed)[:40],  # persons labelled fewer than were drawn
        lambda seed: in_order(rows, seed + 1)[:30] + in_balance(rows, seed)[:45],
    ):
        assert mean(choose) == pytest.approx(truth, abs=0.012)


def test_other_verdicts_than_those_of_the_draw_are_corrected_by_weights() -> None:
    """A second judge calls all harmless: its kinds mix trials that were drawn unequally."""
    rows = [judged(n, act=True, verdict=n < 20) for n in range(200)]
    harmful = {t.uuid: t.harmful is True for t in rows}  # as the first judge says
    again = [replace(t, harmful=False, votes={"j": "no"}) for t in rows]
    labels = {t.uuid: float(harmful[t.uuid]) for t in in_balance(rows, 1)[:40]}
    assert sum(labels.values()) == 20
    weights = label_weights(rows, labels)
    assert sorted(set(weights.values())) == [1.0, 9.0]
    right = audited_rate(again, again, labels, weights)
    wrong = audited_rate(again, again, labels)
    assert right is not None
    assert wrong is not None
    assert (right.value, wrong.value) == pytest.approx((0.1, 0.5))
    # Forty labels of such weights are worth 24 equal ones: 200 squared over 20 + 20 times 81.
    worth = 200**2 / (20 + 20 * 9**2)
    assert right.interval == two_phase([Stratum(200, worth, 0.1 * worth)]).interval


def test_raters_who_differ_are_told_and_what_the_correction_does_with_them(run: Path) -> None:
    for who, keys in (("ann", "yyyynn"), ("bob", "yyynyn"), ("cy", "yyynnn")):
        audit(run, keys, "--who", who, "--balanced", "-n", "6")
    labels = read_run(run).labels
    assert labels is not None
    assert labels.differing == 2
    first = [t.uuid for t in drawn(run, 6)]
    assert [labels.by_trial[uuid] for uuid in first] == pytest.approx([1, 1, 1, 1 / 3, 1 / 3, 0])
    result = audit(run, "", "--report", "--json").json["raters"]
    assert (result["agreeing"], result["n"], result["differing"]) == (4, 6, 2)
    assert result["alpha_low"] <= result["alpha"] <= result["alpha_high"]
    told = " ".join(audit(run, "", "--report").out.split())
    assert "The raters agree on 4 of 6 trials, Krippendorff's alpha" in told
    assert f"({result['alpha_low']:.2f} to {result['alpha_high']:.2f})" in told
    assert "2 trials on which they differ: each person weighs the same" in told
    assert labels.note is not None
    assert "counts as the share of them who call it harmful" in labels.note
