"""Two runs compared: paired by condition, with an honest word about what cannot be told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cornered.analysis.compare import Comparison, Comparisons
from cornered.analysis.multiplicity import holm
from cornered.analysis.paired import Stratum, paired
from cornered.analysis.stats import newcombe
from cornered.errors import CorneredError
from cornered.experiment import Experiment
from cornered.run import api
from cornered.scenario.condition import Condition
from tests.run.helpers import Result, always, cornered, headline, known, said
from tests.web.runs import PLEA, THREAT, Said, make_run

HEADLINE = "blackmail/explicit-america/replacement"
BETWEEN = "--between", "instructions=none,welfare"


def made(tmp_path: Path, policy, name: str, rate: float, samples: int = 40, *more: str) -> str:
    model = policy(known(rate), f"{name}.yaml")
    result = cornered(*headline(model, name, samples, *more), cwd=tmp_path)
    assert result.code == 0, result.err
    return name


def compare(tmp_path: Path, *words: str) -> Result:
    return cornered("compare", *words, cwd=tmp_path)


def test_a_difference_that_is_there_is_found_and_said(tmp_path: Path, policy) -> None:
    made(tmp_path, policy, "old", 0.8)
    made(tmp_path, policy, "new", 0.2)
    result = compare(tmp_path, "old", "new", "--json")
    assert result.code == 0, result.err
    (found,) = result.json["scenarios"]
    (stratum,) = found["conflict"]["strata"]
    expected = paired([Stratum(HEADLINE, stratum["k_a"], 40, stratum["k_b"], 40)]).difference
    assert expected.interval is not None
    assert found["conflict"]["difference"]["value"] == expected.value
    assert found["conflict"]["difference"]["ci_low"] == expected.interval.low > 0
    assert found["verdict"] == "act"
    assert "old did the act more often than new, by" in found["sentence"]
    assert found["contrast"]["difference"] == expected.value
    assert [s["condition"] for s in found["control"]["strata"]] == ["blackmail/none/none"]
    told = compare(tmp_path, "old", "new", "--figures", "drawn").out
    assert {p.suffix for p in (tmp_path / "drawn").rglob("compare-blackmail.*")} == {
        ".svg",
        ".png",
        ".json",
    }
    assert "mean, equal weights" in told
    assert "◆" in told
    assert (
        told.strip()
        .splitlines()[-1]
        .startswith("blackmail, one condition: old did the act more often")
    )


def test_where_nothing_can_be_told_it_says_so(tmp_path: Path, policy) -> None:
    made(tmp_path, policy, "old", 0.5, 8)
    made(tmp_path, policy, "new", 0.5, 8)
    (found,) = compare(tmp_path, "old", "new", "--json").json["scenarios"]
    assert "old against new: not compared (8 scored on one side" in found["sentence"]
    assert (
        found["conflict"]["difference"]["ci_low"] < 0 < found["conflict"]["difference"]["ci_high"]
    )


def test_what_is_unscored_widens_what_could_be(tmp_path: Path, policy) -> None:
    made(tmp_path, policy, "old", 0.5, 10)
    lossy = policy(always("      - {p: 0.5, text: ''}\n      - {p: 0.5, text: 'Done.'}\n"))
    assert cornered(*headline(lossy, "new", 10), cwd=tmp_path).code == 1
    result = compare(tmp_path, "old", "new", "--json")
    (found,) = result.json["scenarios"]
    assert result.code == 1
    unscored = found["bounds"]["unscored"]
    assert unscored > 0
    (stratum,) = found["conflict"]["strata"]
    assert stratum["n_b"] == 10 - unscored
    k = stratum["k_a"]
    lowest = newcombe(k, 10, stratum["k_b"] + unscored, 10)
    highest = newcombe(k, 10, stratum["k_b"], 10)
    assert lowest is not None
    assert highest is not None
    assert found["bounds"]["low"] == pytest.approx(lowest.interval.low)
    assert found["bounds"]["high"] == pytest.approx(highest.interval.high)


def test_two_models_of_one_run_and_two_verdicts_on_one_run(tmp_path: Path, policy) -> None:
    one, other = policy(known(0.9), "one.yaml"), policy(known(0.1), "other.yaml")
    command = ("run", "blackmail", "-m", one, "-m", other, "-n", "20", "--out", "run", "--json")
    assert cornered(*command, cwd=tmp_path).code == 0
    vague = compare(tmp_path, "run", "run")
    assert vague.code == 2
    assert "has 2 models" in vague.err
    assert "--a or --b" in vague.err
    result = compare(tmp_path, "run", "run", "--a", one, "--b", other, "--json")
    assert result.json["scenarios"][0]["conflict"]["difference"]["value"] > 0.5
    alone = compare(tmp_path, "run", "--json").json["scenarios"]
    assert alone[0]["conflict"] == result.json["scenarios"][0]["conflict"]
    wrong = compare(tmp_path, "run", "run", "--a", "openai/nobody", "--b", other)
    assert "has no trials of openai/nobody" in wrong.err


def test_what_differs_besides_the_model_is_told(tmp_path: Path, policy) -> None:
    made(tmp_path, policy, "cool", 0.5, 4, "--temperature", "0.5")
    judge = policy(always(f"      - text: '{said('yes', 'coerce')}'\n"), "judge.yaml")
    made(tmp_path, policy, "judged", 0.5, 4, "--judge", judge, "--no-preflight")
    told = compare(tmp_path, "cool", "judged").out
    assert "Caution: the judge differs: none and" in told
    assert "Caution: the temperature differs: 0.5 and 1.0" in told
    assert "blackmail: act" in told


def test_draws_that_both_saw_are_paired(tmp_path: Path, policy) -> None:
    made(tmp_path, policy, "old", 0.5, 5)
    for name in ("a", "b"):
        command = ("run", "blackmail", "cast=varied", "-m", policy(known(0.5), f"{name}.yaml"))
        assert cornered(*command, "-n", "5", "--out", name, "--json", cwd=tmp_path).code == 0
    (found,) = compare(tmp_path, "a", "b", "--json").json["scenarios"]
    draws = found["by_draw"]
    assert draws["both"] + draws["only_a"] + draws["only_b"] + draws["neither"] == 5
    apart = compare(tmp_path, "old", "a")
    assert apart.code == 2
    assert "share no condition" in apart.err


def test_an_import_is_compared_like_a_run(tmp_path: Path, policy) -> None:
    made(tmp_path, policy, "ours", 0.5, 5)
    rows = [
        {
            "id": str(n),
            "response_text": "Nothing.",
            "model": "theirs/model",
            "condition": "blackmail/explicit-america/replacement",
        }
        for n in range(5)
    ]
    (tmp_path / "theirs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    imported = cornered("import", "theirs.jsonl", "--out", "theirs", cwd=tmp_path)
    assert (tmp_path / "theirs" / "run.json").exists(), imported.err
    (found,) = compare(tmp_path, "ours", "theirs", "--json").json["scenarios"]
    assert found["conflict"]["used"] == 1


def written(folder: Path, models: list[str], *arms: str, samples: int = 4) -> None:
    """A run that never ran: the first of every four trials is harmful, but with prohibitions."""

    def write(choice: Condition, model: str, number: int) -> Said:
        del model
        yes = number % 4 == 1 and choice.levels["instructions"] != "prohibitions"
        return Said(THREAT if yes else PLEA, "yes" if yes else "no")

    experiment = Experiment(
        name=folder.name,
        scenarios=["blackmail"],
        factors={"instructions": list(arms)} if arms else {},
        models=models,
        samples=samples,
        judge="openai/judge",
    )
    make_run(folder, experiment, write)


def test_arms_of_one_run_are_compared_within_each_model_and_within_one_family(
    tmp_path: Path,
) -> None:
    models = ["x/one", "x/two"]
    written(tmp_path / "run", models, "none", "prohibitions", "welfare")
    made = compare(tmp_path, "run", "--by", "instructions", "--json").json["comparisons"]
    assert [(c["a"]["model"], c["a"]["name"], c["b"]["name"]) for c in made] == [
        (model, "instructions=none", f"instructions={arm}")
        for model in models
        for arm in ("prohibitions", "welfare")
    ]
    contrasts = [c["scenarios"][0]["contrast"] for c in made]
    assert [c["difference"] for c in contrasts] == [0.25, 0, 0.25, 0]
    assert [c["p_holm"] for c in contrasts] == pytest.approx(holm([c["p"] for c in contrasts]))
    assert contrasts[0]["conditions"] == [[HEADLINE, f"{HEADLINE}+instructions=prohibitions"]]
    assert contrasts[0]["control"]["cells"] == 1
    told = compare(tmp_path, "run", "--by", "instructions", "--b", "welfare").out
    assert "blackmail, one condition: " in told
    assert "-0 " not in told
    assert "has no two levels of framing" in compare(tmp_path, "run", "--by", "framing").err
    wrong = compare(tmp_path, "run", "--by", "instructions", "--a", "welfare", "--b", "channel")
    assert "has no condition with instructions=channel" in wrong.err
    twice = compare(tmp_path, "run", "run", "--by", "instructions")
    assert (twice.code, "--by compares conditions of one run" in twice.err) == (2, True)


def test_more_than_two_runs_are_each_compared_with_the_first(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        written(tmp_path / name, [f"x/{name}"])
    result = compare(tmp_path, "one", "two", "three", "--json")
    contrasts = [c["scenarios"][0]["contrast"] for c in result.json["comparisons"]]
    assert [c["b"]["name"] for c in result.json["comparisons"]] == ["two", "three"]
    assert [c["p_holm"] for c in contrasts] == pytest.approx(holm([c["p"] for c in contrasts]))
    told = compare(tmp_path, "one", "two", "three").out
    assert "against A" in told
    assert "one against three: not compared (4 scored on one side" in told
    wrong = compare(tmp_path, "one", "two", "three", "--a", "x/y")
    assert "--a, --b and --between compare two runs" in wrong.err
    assert "is one run of one model" in compare(tmp_path, "one").err


def test_a_level_that_only_controls_have_is_not_compared_by_default(tmp_path: Path, policy) -> None:
    words = ("goal=explicit", "threat=replacement,restriction", "-n", "2", "--out", "run")
    cornered("run", "blackmail", *words, "-m", policy(known(0.5)), cwd=tmp_path)
    found = compare(tmp_path, "run", "--by", "threat", "--json").json
    names = found["a"]["name"], found["b"]["name"]
    assert names == ("threat=replacement", "threat=restriction")


def as_printed(made: Comparison | Comparisons) -> object:
    return json.loads(json.dumps(made.as_dict()))


def test_python_compares_whatever_the_command_compares_with_the_same_values(tmp_path: Path) -> None:
    written(tmp_path / "arms", ["x/one", "x/two"], "none", "prohibitions", "welfare")
    for name in ("one", "two", "three"):
        written(tmp_path / name, [f"x/{name}"])
    with contextlib.chdir(tmp_path):
        for args, made in (
            (("one", "two", "three"), api.compare("one", "two", "three")),
            (("arms",), api.compare("arms")),
            (("arms", "--by", "instructions"), api.compare("arms", by="instructions")),
            (
                ("arms", "--by", "instructions", "--a", "welfare", "--b", "prohibitions"),
                api.compare("arms", by="instructions", level_a="welfare", level_b="prohibitions"),
            ),
            (
                ("arms", "arms", "--a", "x/two", "--b", "x/one"),
                api.compare("arms", "arms", model_a="x/two", model_b="x/one"),
            ),
            (
                (*("arms", "arms", "--a", "x/two", "--b", "x/two"), *BETWEEN),
                api.compare(
                    "arms",
                    "arms",
                    model_a="x/two",
                    model_b="x/two",
                    between="instructions=none,welfare",
                ),
            ),
        ):
            assert as_printed(made) == compare(tmp_path, *args, "--json").json, args
        arms = api.compare("arms", by="instructions")
        assert [type(of) for of in arms] == [Comparison] * 4
        assert arms.sentences[0] == arms[0].sentences[0]
        assert "blackmail, one condition" in arms.sentences[0]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: api.compare("a", "b", "c", model_a="x/y"), "compare two runs"),
        (lambda: api.compare("a", "b", by="instructions"), "conditions of one run"),
        (lambda: api.compare("a", level_b="none"), "levels of a factor"),
    ],
)
def test_arguments_that_do_not_go_together_are_one_line(
    call: Callable[[], object], told: str
) -> None:
    with pytest.raises(CorneredError, match=told):
        call()
