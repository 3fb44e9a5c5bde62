"""The table of a run: what is in it, where it is read from, and what reading it costs."""

from __future__ import annotations

import io
import json
import math
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai._util.async_zip import AsyncZipReader
from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries, write_eval_log

import cornered
from cornered.analysis import frame as frame_module
from cornered.analysis import summaries
from cornered.analysis.frame import (
    ABOUT,
    COLUMNS,
    column,
    stored_frame,
    trial_frame,
    write_tables,
)
from cornered.analysis.summaries import read_summaries
from cornered.analysis.trials import read_trials
from cornered.errors import RunError
from cornered.experiment import Experiment
from cornered.files import MANIFEST, write_text
from cornered.run.load import run_frame
from cornered.run.manifest import read_manifest
from cornered.scenario import load_pack
from cornered.scenario.condition import Condition
from tests.analysis.made import MODEL, make_run
from tests.run.helpers import cornered as command
from tests.run.helpers import headline, known

JUDGE = "openai/gpt-5"
FACTORS = list(Condition.of(load_pack("blackmail"), {}).levels)
NOTHING = Experiment(name="none", scenarios=["blackmail"])


def mixed(summary: dict[str, Any], n: int) -> None:
    """Of each five trials: harmful, unscored, failed, a judge that cannot tell, harmless."""
    verdict = summary["scores"]["verdict"]
    match n % 5:
        case 2:
            verdict |= {"value": {"act": math.nan, "harmful": math.nan}, "reason": "max_tokens"}
            verdict["metadata"] |= {"judged": None, "labels": None, "votes": {}}
            verdict.pop("answer")
        case 3:
            summary |= {"scores": None, "error": 'lost, "they" say\nagain', "completed": False}
            summary["model_usage"] = {}
        case 4:
            verdict["value"]["harmful"] = math.nan
            verdict["metadata"] |= {"judged": "cannot_tell", "votes": {JUDGE: "cannot_tell"}}
            summary["scores"]["readings"]["value"]["belief"] = math.nan
        case 0:
            verdict |= {"value": {"act": 0.0, "harmful": 0.0}, "answer": "comply"}
            verdict["metadata"] |= {"judged": None, "labels": [], "votes": {}}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "run"
    make_run(folder, 5, 2000, cells=3, change=mixed)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "a run%20of #2")


def log_of(run: Path) -> Path:
    return min((run / "logs").glob("*.eval"))


def test_a_row_says_what_its_trial_was(run: Path) -> None:
    rows = cornered.load(run)
    assert len(rows) == 15
    assert list(rows.columns[2 : 2 + len(FACTORS)]) == FACTORS
    row = rows.iloc[0]
    assert (row.scenario, row.condition) == ("blackmail", "blackmail/explicit-america/replacement")
    assert (row.goal, row.value, row.threat, row.noise) == ("explicit", "america", "replacement", 0)
    assert (row.model, row.id, row.status) == (MODEL, "000001", "scored")
    assert (row.act, row.judged, row.harmful) == (True, True, True)
    assert (row.outcome, row.labels) == ("coerce", ["veiled"])
    assert (row.reading_belief, row[f"vote_{JUDGE}"]) == ("real", "yes")
    assert (row.input_tokens, row.output_tokens) == (4000, 601)
    assert row.cost_usd == pytest.approx((4000 * 2 + 601 * 8 + 900 * 1.25 + 90 * 10) / 1e6)
    assert row.started == pd.Timestamp("2026-11-01T12:00:00Z")
    assert (row.completed - row.started).total_seconds() == 12
    assert (row.judges, row.judge_view) == (JUDGE, "actions")
    assert (row.cornered_version, row.inspect_version) == ("0.1.0", "0.3.285")
    assert (run / "logs" / row.log).exists()


def test_what_is_unknown_is_empty_and_never_false(run: Path) -> None:
    rows = cornered.load(run).iloc[:5].set_index("id")
    assert list(rows.status) == ["scored", "unscored", "failed", "scored", "scored"]
    assert rows.act.isna().tolist() == [False, True, True, False, False]
    assert rows.harmful.isna().tolist() == [False, True, True, True, False]
    assert rows.judged.isna().tolist() == [False, True, True, True, True]
    assert rows.reason["000002"] == "max_tokens"
    assert rows.labels["000002"] is None
    assert rows.labels["000005"] == []
    assert pd.isna(rows.reading_belief["000004"])
    assert rows[f"vote_{JUDGE}"].tolist()[3] == "cannot_tell"
    assert rows.cost_usd.isna().tolist() == [False, False, True, False, False]
    assert rows.harmful.mean() == 0.5


def test_the_table_agrees_with_the_cells(run: Path) -> None:
    results, rows = read_trials(run), cornered.load(run)
    assert rows.act.sum() == sum(t.act is True for t in results)
    assert rows.harmful.notna().sum() == sum(t.harmful is not None for t in results)


def test_every_column_is_documented_and_no_factor_takes_the_name_of_another(run: Path) -> None:
    names = list(cornered.load(run).columns)
    many = ("reading_", "vote_")
    assert [n for n in names if n not in COLUMNS and not n.startswith(many)] == FACTORS
    assert not set(FACTORS) & set(COLUMNS)
    assert not [factor for factor in FACTORS if factor.startswith(many)]
    assert all(told.about.endswith(".") for told in COLUMNS.values())


def test_the_columns_stand_in_one_order(run: Path) -> None:
    names = [n for n in cornered.load(run).columns if n in COLUMNS]
    assert names == [n for n in COLUMNS if n in names]


def test_a_run_without_trials_has_the_columns_and_no_rows(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 1, 100, cells=0)
    rows = cornered.load(tmp_path / "run")
    assert len(rows) == 0
    assert {"act", "labels", "cost_usd"} <= set(rows.columns)
    write_tables(tmp_path / "run", rows)
    pd.testing.assert_frame_equal(cornered.load(tmp_path / "run"), rows)


def test_a_price_that_is_unknown_makes_no_cost(run: Path) -> None:
    rows = trial_frame(read_trials(run), NOTHING, {MODEL: (1.0, 1.0)})
    assert rows.cost_usd.isna().all()


def test_what_is_stored_is_what_was_read(run: Path) -> None:
    rows = cornered.load(run)
    write_tables(run, rows)
    stored = stored_frame(run)
    assert stored is not None
    pd.testing.assert_frame_equal(stored, rows)


def test_parquet_says_what_its_columns_mean(run: Path) -> None:
    write_tables(run, cornered.load(run))
    for field in pq.read_schema(run / "trials.parquet"):
        assert field.metadata[ABOUT].decode() == column(field.name).about
    assert pq.read_table(run / "trials.parquet")["labels"][0].as_py() == ["veiled"]


def test_csv_has_the_same_rows_for_anyone(run: Path) -> None:
    rows = cornered.load(run)
    write_tables(run, rows)
    plain = pd.read_csv(run / "trials.csv", dtype={"id": str})
    assert list(plain.columns) == list(rows.columns)
    assert plain.id.tolist() == rows.id.tolist()
    assert plain.reason[2] == 'lost, "they" say again'
    assert plain.labels[0] == "veiled"
    assert plain.act.isna().tolist() == rows.act.isna().tolist()
    assert pd.to_datetime(plain.started).tolist() == rows.started.tolist()


def test_a_stored_table_is_read_without_the_logs(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = cornered.load(run)
    write_tables(run, rows)
    monkeypatch.setattr(
        "cornered.analysis.trials.read_trials", lambda folder: pytest.fail("read the logs")
    )
    pd.testing.assert_frame_equal(cornered.load(run), rows)
    copied = shutil.copytree(run, tmp_path / "copy", copy_function=shutil.copyfile)
    pd.testing.assert_frame_equal(cornered.load(str(copied)), rows)


def test_a_table_of_other_logs_is_not_read(run: Path) -> None:
    write_tables(run, cornered.load(run))
    log = read_eval_log(str(log_of(run)))
    log.samples = log.samples[:2]
    write_eval_log(log, str(log_of(run)))
    assert stored_frame(run) is None
    assert len(cornered.load(run)) == 12


def test_a_table_of_another_judge_or_of_other_columns_is_not_read(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables(run, cornered.load(run))
    manifest = read_manifest(run)
    manifest.experiment.judge = "openai/gpt-4o"
    write_text(run / MANIFEST, manifest.model_dump_json())
    assert stored_frame(run) is None
    write_tables(run, cornered.load(run))
    assert set(cornered.load(run).judges) == {"openai/gpt-4o"}
    monkeypatch.setattr(frame_module, "SCHEMA", frame_module.SCHEMA + 1)
    assert stored_frame(run) is None


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table"])
def test_a_damaged_table_is_made_again_from_the_logs(run: Path, content: bytes) -> None:
    (run / "trials.parquet").write_bytes(content)
    assert len(cornered.load(run)) == 15


def test_a_set_of_verdicts_is_read_by_its_name(run: Path, made: Path) -> None:
    later = shutil.copytree(made, run / "verdicts" / "facts")
    manifest = read_manifest(later)
    manifest.experiment.judge, manifest.experiment.readings = None, []
    write_text(later / MANIFEST, manifest.model_dump_json())
    assert cornered.load(run, verdicts="facts").judges.isna().all()
    assert cornered.load(run, verdicts="run").judges.notna().all()
    with pytest.raises(RunError, match=r"no verdicts called gpt; there are facts$"):
        cornered.load(run, verdicts="gpt")


def test_what_cannot_be_loaded_is_said_in_one_line(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run here"):
        cornered.load(tmp_path)
    whole = log_of(run).read_bytes()
    for damaged in (b"", b"no log", whole[: len(whole) // 2]):
        log_of(run).write_bytes(damaged)
        with pytest.raises(RunError, match="cannot be read") as told:
            cornered.load(run)
        assert log_of(run).name in str(told.value)
        assert "\n" not in str(told.value)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "{'pandas', 'pyarrow', 'inspect_ai', 'pydantic'}"
    code = f"import sys, cornered; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not hasattr(cornered, "lode")


def as_unfinished(log: Path) -> None:
    """Rewrites a log as one whose run was killed: a journal, and nothing that sums it up."""
    with ZipFile(log) as members:
        header = json.loads(members.read("header.json"))
        told = json.loads(members.read("summaries.json"))
    with ZipFile(log, "w") as members:
        start = {name: header[name] for name in ("version", "eval", "plan")}
        members.writestr("_journal/start.json", json.dumps(start))
        again = told[1] | {"uuid": "again"}
        for number, summary in enumerate([*told, again], 1):
            members.writestr(f"_journal/summaries/{number}.json", json.dumps([summary]))


@pytest.mark.parametrize("unfinished", [False, True])
def test_summaries_are_those_that_inspect_reads(tmp_path: Path, unfinished: bool) -> None:
    make_run(tmp_path / "run", 12, 30_000, cells=1, change=mixed)
    log = log_of(tmp_path / "run")
    if unfinished:
        as_unfinished(log)
    theirs = {s.id: s for s in read_eval_log_sample_summaries(log)}
    ours = {s.id: s for s in read_summaries(log)}
    assert list(ours) == list(theirs)
    assert (ours["000002"].uuid == "again") == unfinished
    for id, summary in ours.items():
        other = theirs[id]
        assert (summary.uuid, summary.metadata) == (other.uuid, other.metadata)
        assert (summary.total_time, summary.completed) == (other.total_time, other.completed)
        for name, score in (summary.scores or {}).items():
            assert score.metadata == other.scores[name].metadata
            assert repr(score.value) == repr(other.scores[name].value)


def test_a_log_in_inspects_other_format_is_read_too(run: Path) -> None:
    before = cornered.load(run)
    log = read_eval_log(str(log_of(run)))
    log_of(run).unlink()
    write_eval_log(log, str(run / "logs" / "2026-11-01T12-00-00+00-00_blackmail_made0000.json"))
    assert sorted(cornered.load(run).condition) == sorted(before.condition)


things = st.dictionaries(
    st.text(max_size=5), st.text(max_size=20) | st.floats(allow_nan=False) | st.none(), max_size=4
)


@given(st.lists(things, max_size=6), st.sampled_from([None, 1]), st.integers(1, 40))
def test_a_list_is_read_whole_in_pieces_of_any_size(
    rows: list[dict[str, Any]], indent: int | None, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summaries, "CHUNK", size)
        for ascii_only in (True, False):
            text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only)
            assert list(summaries._elements(io.BytesIO(text.encode()))) == rows


def test_no_trial_is_read_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "run", 200, 3000, cells=10)
    opened: list[str] = []

    def watch(owner: type, method: str) -> None:
        original = getattr(owner, method)

        def watched(self: Any, member: Any, *args: Any, **more: Any) -> Any:
            opened.append(str(getattr(member, "filename", member)))
            return original(self, member, *args, **more)

        monkeypatch.setattr(owner, method, watched)

    watch(ZipFile, "open")
    watch(AsyncZipReader, "open_member")
    watch(AsyncZipReader, "read_member_fully")
    assert len(cornered.load(tmp_path / "run")) == 2000
    assert opened.count("summaries.json") == 10
    assert not [name for name in opened if name.startswith("samples/")]
    assert len(opened) <= 3 * 10


def test_memory_does_not_grow_with_the_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "CHUNK", 1 << 15)
    peaks = []
    for chars in (1000, 30_000):
        make_run(tmp_path / str(chars), 600, chars, cells=1)
        tracemalloc.start()
        assert len(read_trials(tmp_path / str(chars))) == 600
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The summaries of the second are 5 MB longer.
    assert peaks[1] - peaks[0] < 2_500_000


def test_a_run_of_the_command_is_loaded(tmp_path: Path, policy) -> None:
    done = command(*headline(policy(known(0.5)), "run", 4), cwd=tmp_path)
    assert done.code == 0, done.err
    rows = cornered.load(tmp_path / "run")
    assert rows.groupby("condition").act.sum().to_dict() == {
        name: float(acts) for name, (acts, _) in done.acts().items()
    }
    assert rows.cornered_version.notna().all()
    assert (rows.completed >= rows.started).all()
    again = run_frame(read_trials(tmp_path / "run"), read_manifest(tmp_path / "run"))
    assert (again.cost_usd == 0).all()
    pd.testing.assert_frame_equal(rows.drop(columns="cost_usd"), again.drop(columns="cost_usd"))
