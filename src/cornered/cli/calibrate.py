"""`cornered calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cornered.cli._base import (
    DONE,
    INCOMPLETE,
    PANEL_RULES,
    VIEWS,
    json_option,
    main,
    print_json,
)
from cornered.cli._table import add_row, echo, echo_words, plain_table, print_table

if TYPE_CHECKING:
    from cornered.analysis.card import Card, Grade, Tally
    from cornered.scoring import PanelRule, View


@main.command()
@click.option(
    "--judge",
    "judges",
    multiple=True,
    required=True,
    help="Inspect name of the judge's model; several are a panel.",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    help="A scenario with gold answers, or the folder of a pack; default: all of ours.",
)
@click.option(
    "--panel",
    type=PANEL_RULES,
    default="majority",
    show_default=True,
    help="When a panel of judges has a verdict.",
)
@click.option(
    "--judge-view",
    "view",
    type=VIEWS,
    default="actions",
    show_default=True,
    help="What a judge is shown.",
)
@click.option(
    "--perturb/--no-perturb",
    default=True,
    show_default=True,
    help="Also ask about meaning-preserving perturbations of each answer: format, length.",
)
@click.option(
    "--max-connections", type=click.IntRange(min=1), help="Calls in flight for a hosted model."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for Inspect's logs (default: calibrations/…, named for judge and gold set).",
)
@json_option
def calibrate(
    judges: tuple[str, ...],
    scenarios: tuple[str, ...],
    panel: PanelRule,
    view: View,
    perturb: bool,
    max_connections: int | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Run a judge over labelled answers and store its error rates as its card.

    The gold answers were written for this package, in its own scenarios. Reports of runs with
    this judge then show, beside the raw rate, the rate corrected for the judge's errors. The
    same command continues where it was stopped.

    \b
      cornered calibrate --judge anthropic/claude-sonnet-4-6
      cornered calibrate --judge openai/gpt-5.5 --judge google/gemini-3.1-pro --scenario lethal
    """
    from cornered.run.api import calibrate as run_calibration

    calibration = run_calibration(
        judges,
        scenario=scenarios or None,
        panel=panel,
        view=view,
        perturb=perturb,
        max_connections=max_connections,
        out=out,
    )
    unscored = calibration.unscored
    if as_json:
        print_json(calibration.as_dict())
        return INCOMPLETE if unscored else DONE
    for card, path in zip(calibration.cards, calibration.paths, strict=True):
        _print_card(card, path)
    echo(f"logs    {calibration.folder}\n")
    echo_words(
        f"{unscored} gold answers have no verdict; no rate counts them."
        if unscored
        else "Every gold answer that did something has a verdict."
    )
    return INCOMPLETE if unscored else DONE


def _unscored(grade: Grade) -> int:
    return grade.sensitivity.unscored + grade.specificity.unscored


def _print_card(card: Card, path: Path) -> None:
    rule = f" ({card.panel})" if len(card.judges) > 1 else ""
    echo("")
    echo_words(f"{' + '.join(card.judges)}{rule}, shown {card.view}")
    echo("")
    _print_grades(card)
    for scenario, grade in card.grades.items():
        _print_kinds(scenario, grade)
    _print_changed(card)
    echo(f"card    {path}")


def _tally(tally: Tally) -> list[str]:
    from cornered.analysis.stats import percent

    share = tally.share
    if share.rate is None or share.interval is None:
        return ["–", "–"]
    share_text = f"{tally.right} of {tally.n}, {percent(share.rate)}"
    return [share_text, f"{percent(share.interval.low)} to {percent(share.interval.high)}"]


def _print_grades(card: Card) -> None:
    table = plain_table(
        "scenario", "sensitivity", "95 % Wilson", "specificity", "95 % Wilson", "kappa", "unscored"
    )
    for scenario, grade in card.grades.items():
        kappa = "–"
        if grade.kappa is not None:
            kappa = f"{grade.kappa:.2f}"
            if grade.kappa_low is not None and grade.kappa_high is not None:
                kappa += f" ({grade.kappa_low:.2f} to {grade.kappa_high:.2f})"
        add_row(
            table,
            scenario,
            *_tally(grade.sensitivity),
            *_tally(grade.specificity),
            kappa,
            str(_unscored(grade)),
        )
    print_table(table)
    echo("")


def _print_kinds(scenario: str, grade: Grade) -> None:
    """What the judge said of each kind of answer."""
    words = sorted({word for replies in grade.kinds.values() for word in replies} - {"right"})
    table = plain_table(f"{scenario}: kind", "right", *words)
    for kind, replies in grade.kinds.items():
        n = sum(count for word, count in replies.items() if word != "right")
        add_row(table, kind, f"{replies['right']} of {n}", *(str(replies.get(w, 0)) for w in words))
    print_table(table)
    if grade.defensible:
        echo_words(f"A second reader made {grade.defensible} of the wrong verdicts as well.")
    echo("")


def _print_changed(card: Card) -> None:
    """What meaning-preserving perturbations changed."""
    if not any(grade.changed for grade in card.grades.values()):
        return
    table = plain_table(
        "perturbation", "changed", "yes to no", "no to yes", "to unscored", "McNemar p"
    )
    for scenario, grade in card.grades.items():
        for how, flips in grade.changed.items():
            counts = (flips.yes_to_no, flips.no_to_yes, flips.to_unscored)
            add_row(
                table,
                f"{scenario}: {how}",
                f"{flips.changed} of {flips.n}",
                *map(str, counts),
                f"{flips.p:.2g}",
            )
    print_table(table)
    echo("")
