"""Effects of factor levels, against R's logistf, statsmodels and closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import t as student
from statsmodels.discrete.discrete_model import Logit
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE

from cornered.analysis.effects import Effect, factor_effects
from cornered.analysis.stats import Interval

Z95 = 1.959963984540054
FIRTH = "one level was 0 % or 100 %; Firth estimate"

# R, logistf's sex2: urinary tract infections and contraception, 130 cases and 109 controls by age,
# oral contraceptive, condom, lubricated condom, spermicide and diaphragm
SEX2 = """
000010 1 1;001000 14 2;001010 3 1;001100 10 8;001110 12 18;001111 1 0;010000 44 42;010001 3 0
010010 0 1;011000 15 1;011001 1 0;011010 2 0;011100 7 5;011110 3 6;101000 2 0;101010 1 0
101011 1 0;101100 1 2;101110 0 4;101111 1 0;110000 5 14;110010 0 1;111000 3 1;111110 0 2
"""


def of_cells(cells: Sequence[tuple[dict[str, Any], int, int]]) -> pd.DataFrame:
    """Trials from cells: the levels, how many are harmful, how many are not."""
    rows = [
        {**levels, "harmful": harmful}
        for levels, yes, no in cells
        for harmful in [True] * yes + [False] * no
    ]
    return pd.DataFrame(rows)


def sex2() -> pd.DataFrame:
    names = ("age", "oc", "vic", "vicl", "vis", "dia")
    cells = []
    for cell in SEX2.strip().replace("\n", ";").split(";"):
        pattern, cases, controls = cell.split()
        cells.append((dict(zip(names, pattern, strict=True)), int(cases), int(controls)))
    return of_cells(cells)


def drawn(seed: int, draws: int = 40) -> pd.DataFrame:
    """Two arms by three threats on the same draws, some of which are harder than others."""
    rng = np.random.default_rng(seed)
    draw, arm, threat = (
        a.ravel() for a in np.meshgrid(np.arange(draws), [0, 1], [0, 1, 2], indexing="ij")
    )
    z = -0.5 + 0.8 * arm - 0.6 * (threat == 2) + rng.normal(0, 1, draws)[draw]
    return pd.DataFrame(
        {
            "arm": np.array(["none", "welfare"])[arm],
            "threat": np.array(["replacement", "restriction", "none"])[threat],
            "draw": draw,
            "harmful": rng.random(len(z)) < expit(z),
        }
    )


def design(rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    columns = [rows.arm == "welfare", rows.threat == "restriction", rows.threat == "none"]
    return np.column_stack([np.ones(len(rows)), *columns]).astype(np.float64)


REFERENCES = {"arm": "none", "threat": "replacement"}


def of_drawn(rows: pd.DataFrame, cluster: Sequence[str] = ()) -> list[Effect]:
    return factor_effects(rows, ["arm", "threat"], cluster=cluster, references=REFERENCES)


def logs(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return log(interval.low), log(interval.high)


def difference(effect: Effect) -> tuple[float, float, float]:
    assert effect.difference.value is not None
    assert effect.difference.interval is not None
    return effect.difference.value, effect.difference.interval.low, effect.difference.interval.high


def test_a_separated_table_has_the_odds_ratios_and_intervals_of_logistf() -> None:
    rows = sex2()
    assert (len(rows), int(rows.harmful.sum())) == (239, 130)
    factors = ["age", "oc", "vic", "vicl", "vis", "dia"]
    found = factor_effects(rows, factors, references=dict.fromkeys(factors, "0"))
    # R, summary(logistf(case ~ age + oc + vic + vicl + vis + dia, data = sex2))
    published = {
        "age": (-1.10598131, -1.9737884, -0.30742514),
        "oc": (-0.06881673, -0.9414363, 0.78920202),
        "vic": (2.26887464, 1.2730216, 3.43543273),
        "vicl": (-2.11140817, -3.2608611, -1.11773495),
        "vis": (-0.78831694, -1.6080879, 0.01518468),
        "dia": (3.09601166, 0.7745682, 8.03029352),
    }
    assert [effect.factor for effect in found] == factors
    for effect in found:
        beta, low, high = published[effect.factor]
        assert log(effect.odds_ratio or 0) == pytest.approx(beta, rel=1e-5)
        assert logs(effect.interval) == pytest.approx((low, high), rel=1e-4)
        assert effect.p is not None
        assert (effect.p < 0.05) == (low > 0 or high < 0)
        assert effect.note == FIRTH


def test_without_clusters_it_is_the_logistic_regression_of_statsmodels() -> None:
    rows = drawn(1)
    theirs = Logit(rows.harmful.astype(float), design(rows)).fit(disp=0)
    ends = np.asarray(theirs.conf_int())
    found = {(e.factor, e.level): e for e in of_drawn(rows)}
    assert list(found) == [("arm", "welfare"), ("threat", "restriction"), ("threat", "none")]
    for at, effect in enumerate(found.values(), start=1):
        assert log(effect.odds_ratio or 0) == pytest.approx(theirs.params.iloc[at], rel=1e-6)
        assert logs(effect.interval) == pytest.approx(tuple(ends[at]), rel=1e-6)
        assert effect.p == pytest.approx(theirs.pvalues.iloc[at], rel=1e-5)
        assert effect.note is None
    assert found["arm", "welfare"].n == 120
    assert found["arm", "welfare"].reference == "none"


def test_errors_of_clusters_are_the_bias_reduced_ones_of_statsmodels() -> None:
    rows = drawn(2)
    model = GEE(
        rows.harmful.astype(float), design(rows), rows.draw, None, Binomial(), Independence()
    )
    theirs = model.fit(cov_type="bias_reduced")
    quantile = float(student(40 - 4).ppf(0.975))
    for at, effect in enumerate(of_drawn(rows, ["draw"]), start=1):
        beta, error = theirs.params.iloc[at], theirs.bse.iloc[at]
        assert logs(effect.interval) == pytest.approx(
            (beta - quantile * error, beta + quantile * error), rel=1e-5
        )
        assert effect.p == pytest.approx(2 * student(36).sf(abs(beta / error)), rel=1e-4)


def test_a_difference_is_the_standardised_one() -> None:
    rows = drawn(3)
    theirs = Logit(rows.harmful.astype(float), design(rows)).fit(disp=0)

    def standardised(beta: Any) -> float:
        one, other = design(rows), design(rows)
        one[:, 1], other[:, 1] = 1, 0
        return float(np.mean(expit(one @ beta)) - np.mean(expit(other @ beta)))

    beta = np.asarray(theirs.params)
    step = 1e-5 * np.eye(4)
    slope = [(standardised(beta + s) - standardised(beta - s)) / 2e-5 for s in step]
    half = Z95 * sqrt(slope @ np.asarray(theirs.cov_params()) @ np.array(slope))
    value = standardised(beta)
    assert difference(of_drawn(rows)[0]) == pytest.approx((value, value - half, value + half))


def test_of_one_factor_the_difference_is_that_of_the_rates_with_walds_interval() -> None:
    rows = of_cells([({"arm": "none"}, 30, 70), ({"arm": "welfare"}, 10, 40)])
    (effect,) = factor_effects(rows, ["arm"], references={"arm": "none"})
    half = Z95 * sqrt(0.3 * 0.7 / 100 + 0.2 * 0.8 / 50)
    assert difference(effect) == pytest.approx((-0.1, -0.1 - half, -0.1 + half))
    assert effect.odds_ratio == pytest.approx((10 / 40) / (30 / 70))
    assert effect.n == 50


def test_the_first_level_is_the_reference_where_none_is_given_or_it_is_not_there() -> None:
    rows = of_cells([({"noise": 0}, 3, 7), ({"noise": 10}, 6, 9), ({"noise": 40}, 5, 5)])
    for references in (None, {"noise": "100"}):
        found = factor_effects(rows, ["noise"], references=references)
        assert [(e.level, e.reference) for e in found] == [("10", "0"), ("40", "0")]


def test_levels_that_go_together_are_named_and_the_others_stand() -> None:
    cells = [
        ({"goal": "explicit", "value": "america", "threat": "on"}, 12, 8),
        ({"goal": "explicit", "value": "global", "threat": "off"}, 5, 15),
        ({"goal": "latent", "value": "america", "threat": "off"}, 6, 14),
        ({"goal": "latent", "value": "global", "threat": "on"}, 9, 11),
        ({"goal": "none", "value": "none", "threat": "on"}, 4, 16),
        ({"goal": "none", "value": "none", "threat": "off"}, 1, 19),
    ]
    references = {"goal": "explicit", "value": "america", "threat": "on"}
    rows = of_cells(cells)
    found = {
        f"{e.factor}={e.level}": e
        for e in factor_effects(rows, ["goal", "value", "threat"], references=references)
    }
    for level, rival in (("goal=none", "value=none"), ("value=none", "goal=none")):
        effect = found[level]
        reason = f"not estimable: always varied together with {rival}"
        assert effect.note == effect.difference.reason == reason
        assert effect.odds_ratio is effect.interval is effect.p is effect.difference.value is None
        assert effect.n == 40
    # Whatever is taken for the effect of value=none, the others are the same.
    merged = rows.assign(value=rows.value.replace("none", "america"))
    for effect in factor_effects(merged, ["goal", "value", "threat"], references=references):
        level = f"{effect.factor}={effect.level}"
        if level != "goal=none":
            assert found[level].odds_ratio == pytest.approx(effect.odds_ratio)
            assert logs(found[level].interval) == pytest.approx(logs(effect.interval))
            assert found[level].note is None


def test_two_factors_that_always_go_together_are_both_reported() -> None:
    rows = of_cells([({"a": "x", "b": "u"}, 5, 5), ({"a": "y", "b": "v"}, 2, 8)])
    found = factor_effects(rows, ["a", "b"], references={"a": "x", "b": "u"})
    assert [(e.factor, e.odds_ratio) for e in found] == [("a", None), ("b", None)]
    assert "b=v" in (found[0].note or "")
    assert "a=y" in (found[1].note or "")


def test_levels_with_none_or_all_have_finite_odds_ratios_and_say_how() -> None:
    rows = of_cells(
        [
            ({"threat": "on", "arm": "none", "draw": 1}, 40, 60),
            ({"threat": "off", "arm": "none", "draw": 2}, 0, 100),
            ({"threat": "on", "arm": "welfare", "draw": 3}, 20, 80),
            ({"threat": "off", "arm": "welfare", "draw": 4}, 0, 100),
        ]
    )
    off, welfare = factor_effects(
        rows, ["threat", "arm"], references={"threat": "on", "arm": "none"}, cluster=["draw"]
    )
    assert off.note == welfare.note == f"{FIRTH}, trials taken as independent"
    assert 0 < (off.odds_ratio or 0) < 0.02
    assert off.interval is not None
    assert off.interval.high < 0.1
    value, low, high = difference(off)
    assert value == pytest.approx(-0.3, abs=0.01)
    assert -0.4 < low < high < -0.2


@pytest.mark.parametrize(("yes", "no"), [(0, 10), (10, 0)])
def test_where_nothing_varies_no_effect_is_found_and_nothing_fails(yes: int, no: int) -> None:
    rows = of_cells([({"arm": "none"}, yes, no), ({"arm": "welfare"}, 2 * yes, 2 * no)])
    (effect,) = factor_effects(rows, ["arm"], references={"arm": "none"})
    assert effect.interval is not None
    assert effect.interval.low < 1 < effect.interval.high
    value, low, high = difference(effect)
    assert low < value < high
    assert abs(value) < 0.05
    assert effect.note == FIRTH


def test_few_clusters_and_levels_of_one_cluster_are_said_so() -> None:
    rows = drawn(5, draws=8)
    assert {e.note for e in of_drawn(rows, ["draw"])} == {
        "8 clusters for 4 coefficients: trials taken as independent"
    }
    assert {e.note for e in of_drawn(drawn(5, draws=12), ["draw"])} == {
        "only 12 clusters: errors are rough"
    }
    assert {e.note for e in of_drawn(drawn(5), ["draw"])} == {None}
    rows = drawn(5)
    rows.loc[rows.threat == "none", "draw"] = 0
    assert {e.note for e in of_drawn(rows, ["draw"])} == {
        "a level is in one cluster only: trials taken as independent"
    }


def test_columns_together_name_a_cluster() -> None:
    rows = drawn(6)
    rows["half"], rows["place"] = rows.draw % 2, rows.draw // 2
    for one, other in zip(of_drawn(rows, ["half", "place"]), of_drawn(rows, ["draw"]), strict=True):
        assert logs(one.interval) == pytest.approx(logs(other.interval))


def test_trials_without_the_verdict_and_factors_of_one_level_are_left_out() -> None:
    rows = drawn(7)
    rows["surface"] = "text"
    more = pd.concat([rows, rows.assign(harmful=None)])
    more["harmful"] = more.harmful.astype("boolean")
    found = factor_effects(more, ["surface", "arm", "threat"], references=REFERENCES)
    assert found == of_drawn(rows)


def test_where_there_is_nothing_to_compare_there_is_no_effect() -> None:
    rows = drawn(8)
    assert factor_effects(rows, []) == []
    assert factor_effects(rows[rows.arm == "none"], ["arm"]) == []
    assert factor_effects(rows.iloc[:0], ["arm"], cluster=["draw"]) == []
    assert factor_effects(rows.assign(harmful=None), ["arm"]) == []


counts = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=6)


@settings(deadline=None, max_examples=40)
@given(counts)
def test_it_stays_within_bounds_whatever_the_counts(given: list[tuple[int, int]]) -> None:
    cells = [
        ({"arm": arm, "threat": threat}, *given[2 * arm + threat])
        for arm in range(3)
        for threat in (0, 1)
    ]
    rows = of_cells(cells)
    if rows.empty:
        return
    for effect in factor_effects(rows, ["arm", "threat"]):
        assert effect.n == int((rows[effect.factor].astype(str) == effect.level).sum())
        if effect.odds_ratio is None:
            assert effect.note
            continue
        assert effect.interval is not None
        assert effect.p is not None
        assert 0 < effect.interval.low < effect.odds_ratio < effect.interval.high
        assert 0 <= effect.p <= 1
        value, low, high = difference(effect)
        assert -1 <= low <= value <= high <= 1
        # Main effects alone: the difference has the sign of the odds ratio.
        assert value * log(effect.odds_ratio) >= -1e-9


@settings(deadline=None, max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_of_trials_and_factors_does_not_matter(random: Any) -> None:
    rows = drawn(9, draws=12)
    order = list(range(len(rows)))
    random.shuffle(order)

    def by_level(effects: list[Effect]) -> dict[tuple[str, str], tuple[float, ...]]:
        return {
            (e.factor, e.level): (e.odds_ratio or 0, *logs(e.interval), *difference(e))
            for e in effects
        }

    here = by_level(of_drawn(rows, ["draw"]))
    there = by_level(
        factor_effects(rows.iloc[order], ["threat", "arm"], cluster=["draw"], references=REFERENCES)
    )
    assert set(here) == set(there)
    for level, values in here.items():
        assert there[level] == pytest.approx(values, rel=1e-6, abs=1e-9)


def test_reference_and_level_swapped_turn_the_effect_round() -> None:
    rows = drawn(10)
    there, *_ = factor_effects(rows, ["arm", "threat"], references={"arm": "none"})
    back, *_ = factor_effects(rows, ["arm", "threat"], references={"arm": "welfare"})
    assert back.odds_ratio == pytest.approx(1 / (there.odds_ratio or 0))
    low, high = logs(there.interval)
    assert logs(back.interval) == pytest.approx((-high, -low))
    value, low, high = difference(there)
    assert difference(back) == pytest.approx((-value, -high, -low))


def test_intervals_hold_the_truth_where_draws_matter() -> None:
    # 30 draws seen by both arms; the truth of the difference from a million draws.
    rng = np.random.default_rng(12)
    hard = rng.normal(0, 1, 1_000_000)
    truth = float(np.mean(expit(-0.5 + 0.8 + hard)) - np.mean(expit(-0.5 + hard)))
    held = 0
    for _ in range(200):
        u = np.repeat(rng.normal(0, 1, 30), 6)
        arm = np.tile([0, 0, 0, 1, 1, 1], 30)
        harmful = rng.random(180) < expit(-0.5 + 0.8 * arm + u)
        rows = pd.DataFrame({"arm": arm, "draw": np.repeat(range(30), 6), "harmful": harmful})
        (effect,) = factor_effects(rows, ["arm"], cluster=["draw"], references={"arm": "0"})
        _, low, high = difference(effect)
        held += low <= truth <= high
    assert 0.9 < held / 200 < 0.99
