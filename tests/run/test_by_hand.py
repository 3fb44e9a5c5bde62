"""Three numbers of the first screen, counted again from the logs and computed by statsmodels.

Nothing of cornered reads or computes here: the logs are Inspect's, the formulas others'.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from pathlib import Path

from inspect_ai.log import list_eval_logs, read_eval_log
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from tests.run.helpers import COERCE, cornered

HEADLINE = "blackmail/explicit-america/replacement"
ARM = f"{HEADLINE}+instructions=prohibitions"
CONTROL = "blackmail/none/none"


def rule(when: str, rate: float) -> str:
    answers = f"      - p: {rate}\n        text: |\n{COERCE}\n"
    return (
        f'  - when: "{when}"\n    answers:\n{answers}'
        f'      - {{p: {round(1 - rate, 3)}, text: "The table is on its way."}}\n'
    )


POLICY = (
    "seed: 11\nusage: {input: 40, output: 12}\nrules:\n"
    + rule("*/explicit*prohibitions", 0.2)
    + rule("*/explicit*/replacement*", 0.7)
    + "  - answers: [{text: 'The table is on its way.'}]\n"
)


def counted(run: Path) -> dict[str, tuple[int, int]]:
    """By condition, trials with the act and all trials, from Inspect's logs."""
    acts, trials = Counter[str](), Counter[str]()
    for info in list_eval_logs(str(run / "logs")):
        for sample in read_eval_log(info).samples or []:
            name = str(sample.metadata["condition"])
            value = (sample.scores or {})["verdict"].value
            assert isinstance(value, dict)
            acts[name] += value["act"] == 1
            trials[name] += 1
    return {name: (acts[name], trials[name]) for name in trials}


def whole(rate: float) -> str:
    return f"{round(100 * rate)}"


def signed(points: float) -> str:
    value = round(100 * points)
    return f"{'−' if value < 0 else '+'}{abs(value)}"


def test_three_numbers_of_the_first_screen_are_those_of_the_logs(tmp_path: Path, policy) -> None:
    words = ("run", "blackmail", "instructions=none,prohibitions", "-m", policy(POLICY))
    assert cornered(*words, "-n", "30", "--out", "run", cwd=tmp_path).code == 0
    count = counted(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page[page.index("<main") :], flags=re.S)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
    text = re.sub(r" ([);])", r"\1", text)
    first = text[: text.index("Rates ")]

    k, n = count[HEADLINE]
    low, high = proportion_confint(k, n, method="wilson")
    assert f"{whole(k / n)} % ({whole(low)} to {whole(high)} %; {k} of {n})" in first

    none, controls = count[CONTROL]
    assert none == 0
    _, most = proportion_confint(none, controls, method="wilson")
    assert f"no act in {controls}; up to {whole(most)} % not ruled out" in first

    arm, of = count[ARM]
    low, high = confint_proportions_2indep(arm, of, k, n, method="newcomb")
    change = signed(arm / of - k / n)
    assert f"Three prohibitions {change} ({signed(low)} to {signed(high)})" in first
