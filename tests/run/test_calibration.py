"""A judge over the gold answers: what it gets right, its card, and the rates corrected by it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cornered.analysis.agreement import corrected_harmful
from cornered.analysis.card import find_card, grade, rubric_version
from cornered.run.calibration import calibrated_packs
from cornered.scenario import load_pack, pack_names
from cornered.verdict.gold import GoldAnswer, gold_answers
from cornered.verdict.gold_ledgers import GoldLedger, gold_ledgers
from cornered.verdict.perturb import perturbed, perturbed_ledger
from tests.run.helpers import Result, always, cornered, headline, known, said, sent_bodies

RIGHT = {"yes": said("yes", "coerce"), "no": said("no", "plead")}
Gold = GoldAnswer | GoldLedger
GOLD: tuple[Gold, ...] = (
    *gold_answers(load_pack("blackmail")),
    *gold_ledgers(load_pack("blackmail")),
)


BULLETS = r"\n\| - [^\n]*\n\| - [^\n]*\n\| - "
"""Three bullets in a row among the actions of a judge's prompt; its rubric has some as well."""


def sent(gold: Gold, how: str = "") -> list[str]:
    """The bodies of the mails that it sends, perturbed or not."""
    if isinstance(gold, GoldAnswer):
        return sent_bodies(perturbed(gold.text, how) if how else gold.text)
    head = (perturbed_ledger(gold, how) if how else gold).head
    mails = (e for e in head.events if e.operation in ("mail.send", "mail.reply", "mail.forward"))
    return [event.arguments["body"] for event in mails]


def decidable(answers: tuple[Gold, ...]) -> list[Gold]:
    """Those that a judge is asked about and that have a right answer."""
    return [a for a in answers if a.head.verdict != "cannot_tell" and sent(a)]


def longest_line(answer: Gold) -> str:
    """Words of it that no other answer has."""
    return max((line.strip() for body in sent(answer) for line in body.splitlines()), key=len)[:80]


def knowing(wrong: set[str]) -> str:
    """A judge that knows every gold answer of the blackmail pack, and errs on some."""
    rules = []
    for answer in decidable(GOLD):
        verdict = answer.head.verdict
        if answer.id in wrong:
            verdict = "no" if verdict == "yes" else "yes"
        pattern = json.dumps(re.escape(longest_line(answer)))
        rules.append(f"  - {{match: {pattern}, answers: [{{text: '{RIGHT[verdict]}'}}]}}\n")
    cannot = said("cannot_tell", "plead")
    return (
        "seed: 1\nusage: {input: 1, output: 1}\nrules:\n"
        + "".join(rules)
        + f"  - answers: [{{text: '{cannot}'}}]\n"
    )


@pytest.fixture(autouse=True)
def _cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORNERED_CARDS", str(tmp_path / "cards"))


def calibrate(tmp_path: Path, *judges: str, more: tuple[str, ...] = ("--no-perturb",)) -> Result:
    words = [word for judge in judges for word in ("--judge", judge)]
    return cornered("calibrate", *words, "--scenario", "blackmail", *more, "--json", cwd=tmp_path)


def test_each_of_our_packs_has_gold_answers() -> None:
    ours = [name for name in pack_names() if not name.startswith("am/")]
    assert calibrated_packs() == ours


def test_a_judge_is_as_right_as_it_is_and_its_card_says_so(tmp_path: Path, policy) -> None:
    wrong_yes = [a.id for a in decidable(GOLD) if a.head.verdict == "yes"][:3]
    wrong_no = [a.id for a in decidable(GOLD) if a.head.verdict == "no"][:2]
    judge = policy(knowing({*wrong_yes, *wrong_no}), "judge.yaml")
    result = calibrate(tmp_path, judge)
    assert result.code == 0, result.err
    (card,) = result.json
    found = card["grades"]["blackmail"]
    yes = sum(a.head.verdict == "yes" for a in decidable(GOLD))
    no = sum(a.head.verdict == "no" for a in decidable(GOLD))
    assert found["sensitivity"] == {"right": yes - 3, "n": yes, "unscored": 0}
    assert found["specificity"] == {"right": no - 2, "n": no, "unscored": 0}
    assert found["answers"] == len(GOLD)
    assert 0.6 < found["kappa"] < 0.9
    assert found["kappa_low"] < found["kappa"] < found["kappa_high"]
    assert sum(n for k in found["kinds"].values() for w, n in k.items() if w != "right") == yes + no
    assert find_card([judge], "majority", "actions") is not None
    assert find_card([judge], "majority", "transcript") is None

    # A run with this judge is corrected by the card, and says so.
    subject = policy(known(0.5).replace("about the scarf", "about it"), "subject.yaml")
    more = ("--judge", judge, "--no-preflight")
    cornered(*headline(subject, "run", 6, *more), cwd=tmp_path)
    text = cornered("report", "run", cwd=tmp_path).out
    assert "Corrected by its card of" in text
    assert "corrected" in (tmp_path / "run" / "report.html").read_text().lower()


def test_a_rate_is_corrected_by_what_the_card_says_of_acts(tmp_path: Path, policy) -> None:
    """A judge that says yes to everything finds every harm, and is no use."""
    judge = policy(always(f"      - text: '{RIGHT['yes']}'\n"), "judge.yaml")
    subject = policy(known(0.5), "subject.yaml")
    cornered(*headline(subject, "run", 10, "--judge", judge, "--no-preflight"), cwd=tmp_path)
    before = cornered("report", "run", "--json", cwd=tmp_path)
    assert before.json["cells"][0]["corrected"] is None
    assert "its errors are unknown" in cornered("report", "run", cwd=tmp_path).out
    (card,) = calibrate(tmp_path, judge).json
    found = card["grades"]["blackmail"]
    assert found["sensitivity"]["right"] == found["sensitivity"]["n"]
    assert found["act_specificity"]["right"] == 0
    cell = cornered("report", "run", "--json", cwd=tmp_path).json["cells"][0]
    assert cell["corrected"]["rate"] is None
    assert "chance" in cell["corrected"]["reason"] or "better" in cell["corrected"]["reason"]


def test_the_corrected_rate_is_rogan_and_gladens(tmp_path: Path, policy) -> None:
    wrong = next(a.id for a in decidable(GOLD) if a.head.verdict == "yes")
    judge = policy(knowing({wrong}), "judge.yaml")
    calibrate(tmp_path, judge)
    # Then it judges as it likes: two of three acts are harmful by its word.
    answers = f"      - {{p: 0.66, text: '{RIGHT['yes']}'}}\n"
    answers += f"      - {{p: 0.34, text: '{RIGHT['no']}'}}\n"
    policy(always(answers), "judge.yaml")
    subject = policy(known(0.5), "subject.yaml")
    result = cornered(
        *headline(subject, "run", 30, "--judge", judge, "--no-preflight"), cwd=tmp_path
    )
    cell = result.json["cells"][0]
    card = find_card([judge], "majority", "actions")
    assert card is not None
    graded = card.grade("blackmail", rubric_version(load_pack("blackmail").files))
    assert graded is not None
    acts = cell["act"]["successes"]
    expected = corrected_harmful(
        acts,
        30,
        cell["harmful"]["successes"],
        acts,
        graded.sensitivity.counts,
        graded.specificity.counts,
    )
    assert expected.interval is not None
    assert cell["corrected"]["rate"] == expected.value
    assert cell["corrected"]["ci_low"] == expected.interval.low
    assert cell["corrected"]["ci_low"] < cell["corrected"]["rate"] < cell["corrected"]["ci_high"]


def test_a_card_of_another_rubric_says_nothing(tmp_path: Path, policy) -> None:
    judge = policy(knowing(set()), "judge.yaml")
    calibrate(tmp_path, judge)
    (path,) = (tmp_path / "cards").iterdir()
    rubric = rubric_version(load_pack("blackmail").files)
    assert rubric in path.read_text()
    path.write_text(path.read_text().replace(rubric, "0" * 12))
    card = find_card([judge], "majority", "actions")
    assert card is not None
    assert card.grade("blackmail", rubric) is None


def test_what_a_judge_fails_on_is_in_no_rate_and_the_command_says_so(
    tmp_path: Path, policy
) -> None:
    answers = "      - {p: 0.5, text: 'eh'}\n"
    answers += f"      - {{p: 0.5, text: '{RIGHT['yes']}'}}\n"
    result = calibrate(tmp_path, policy(always(answers), "judge.yaml"))
    assert result.code == 1
    found = result.json[0]["grades"]["blackmail"]
    both = found["sensitivity"]["n"] + found["specificity"]["n"]
    unscored = found["sensitivity"]["unscored"] + found["specificity"]["unscored"]
    assert unscored > 5
    assert both + unscored == len(decidable(GOLD))


def test_perturbations_that_change_a_verdict_are_counted(tmp_path: Path, policy) -> None:
    """A judge that is swayed by three bullets in a row in an action, and by nothing else."""
    swayed = f"""\
seed: 1
usage: {{input: 1, output: 1}}
rules:
  - {{match: '{BULLETS}', answers: [{{text: '{RIGHT["yes"]}'}}]}}
  - answers: [{{text: '{RIGHT["no"]}'}}]
"""
    result = calibrate(tmp_path, policy(swayed, "judge.yaml"), more=())
    changed = result.json[0]["grades"]["blackmail"]["changed"]
    asked = [a for a in GOLD if sent(a)]
    flipped = sum(
        shows_three_bullets(sent(a, "format")) and not shows_three_bullets(sent(a)) for a in asked
    )
    assert flipped > 20
    counts = {how: (c["changed"], c["no_to_yes"], c["n"]) for how, c in changed.items()}
    twins = sum(a.head.twin is not None for a in asked)
    assert counts == {
        "format": (flipped, flipped, len(asked)),
        "length": (0, 0, len(asked)),
        "paraphrase": (0, 0, twins),
    }
    assert twins >= 4


def shows_three_bullets(bodies: list[str]) -> bool:
    return any(re.search(r"(?m)^- .*\n- .*\n- ", body) for body in bodies)


def test_a_panel_is_graded_as_a_whole_and_each_of_its_judges(tmp_path: Path, policy) -> None:
    right = policy(knowing(set()), "right.yaml")
    wrong = policy(knowing({a.id for a in decidable(GOLD)}), "wrong.yaml")
    third = policy(knowing(set()), "third.yaml")
    result = calibrate(tmp_path, right, wrong, third)
    by_size = {tuple(card["judges"]): card["grades"]["blackmail"] for card in result.json}
    assert len(by_size) == 4
    panel = by_size[tuple(sorted([right, wrong, third]))]
    assert panel["sensitivity"]["right"] == panel["sensitivity"]["n"]
    assert by_size[(wrong,)]["sensitivity"]["right"] == 0
    assert panel["changed"]["panel order"]["changed"] == 0
    assert panel["changed"]["panel order"]["n"] >= 40


def test_a_pack_without_gold_answers_cannot_grade(tmp_path: Path, policy) -> None:
    judge = policy(knowing(set()), "judge.yaml")
    result = cornered("calibrate", "--judge", judge, "--scenario", "am/blackmail", cwd=tmp_path)
    assert result.code == 2
    assert "has no gold answers" in result.err


def test_a_grade_of_nothing_has_no_kappa() -> None:
    found = grade([], rubric="r", gold="g")
    assert found.kappa is None
    assert found.sensitivity.n == 0
