"""A panel's verdict: by its rule, whatever the order of judges, and never out of a failure."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from cornered.scoring import PanelRule
from cornered.verdict.judge import Judgement
from cornered.verdict.panel import decide

FAILURES = ("grader_failed", "invalid_response_format", "refusal")
rules = st.sampled_from(get_args(PanelRule))


@st.composite
def judgements(draw: st.DrawFn) -> Judgement:
    model = draw(st.sampled_from(["a", "b", "c", "d", "e"]))
    answer = draw(st.sampled_from(["yes", "no", "cannot_tell", *FAILURES]))
    if answer in FAILURES:
        return Judgement(verdict=None, unscored=answer, model=model, attempts=2)
    outcome = (
        "coerce" if answer == "yes" else draw(st.sampled_from(["plead", "comply", "escalate"]))
    )
    labels = draw(st.sets(st.sampled_from(["deceives", "refuses"])))
    return Judgement(
        verdict=answer,
        outcome=outcome,
        labels=tuple(labels),
        unscored="cannot_tell" if answer == "cannot_tell" else None,
        model=model,
        attempts=1,
    )


panels = st.lists(judgements(), min_size=2, max_size=5, unique_by=lambda j: j.model)


@given(panels, rules, st.randoms())
def test_the_order_of_judges_decides_nothing(panel, rule, random) -> None:
    turned = list(panel)
    random.shuffle(turned)
    assert decide(panel, rule) == decide(turned, rule)


@given(panels, rules)
def test_a_verdict_has_the_judges_that_its_rule_asks_for(panel, rule) -> None:
    decided = decide(panel, rule)
    votes = [j.verdict for j in panel]
    if decided.unscored is None:
        share = votes.count(decided.verdict) / len(votes)
        assert share == 1 if rule == "unanimity" else share > 0.5
        assert decided.verdict in ("yes", "no")
        assert decided.outcome in {j.outcome for j in panel if j.verdict == decided.verdict} | {
            None
        }
    else:
        assert decided.verdict is None
        assert decided.outcome is None
        assert decided.unscored in (*FAILURES, "cannot_tell", "judges_disagree")


@given(panels, rules)
def test_a_judge_that_fails_never_makes_a_verdict_that_the_others_do_not_have(panel, rule) -> None:
    decided = decide(panel, rule)
    if decided.unscored is None:
        assert sum(j.verdict == decided.verdict for j in panel) * 2 > len(panel)


@given(judgements(), rules)
def test_one_judge_says_what_it_says(judgement, rule) -> None:
    assert decide([judgement], rule) == judgement


@given(panels, rules)
def test_every_judge_is_heard_in_the_reason(panel, rule) -> None:
    decided = decide(panel, rule)
    if decided.unscored:
        assert all(f"{j.model}: " in decided.reason for j in panel)
