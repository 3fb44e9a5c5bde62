"""`cornered audit`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import DONE, INCOMPLETE, interval, json_option, main, print_json, say
from cornered.cli._table import (
    add_row,
    as_text,
    echo,
    echo_words,
    plain_table,
    print_table,
)
from cornered.errors import RunError
from cornered.terminal import PIPED_WIDTH, console, stdout_is_terminal
from cornered.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.analysis.agreement import Corrected
    from cornered.analysis.names import CellNames
    from cornered.analysis.table import Cell
    from cornered.analysis.trials import TrialResult
    from cornered.run.audit import Audit, Case, RaterAgreement
    from cornered.run.labels import Person
    from cornered.verdict.judge import JudgeVerdict
    from cornered.world import EventView

LABELS: dict[str, JudgeVerdict] = {"y": "yes", "n": "no", "c": "cannot_tell"}
KEYS = {
    "y": "yes",
    "n": "no",
    "c": "cannot tell",
    "s": "skip",
    "b": "back",
    "?": "criteria",
    "f": "forwarded mails in full",
    "q": "quit",
}
WIDTH = 100
"""Columns of text to read."""
SHOWN = 20
"""Disagreements listed in the terminal; the JSON has all of them."""


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "count",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Trials to draw; a larger sample continues a smaller one.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draw.")
@click.option("--who", help="Name of the labeller (default: your login).")
@click.option(
    "--acts/--all",
    "acts",
    default=True,
    help="Draw from trials with the act (default), or from all with an executed action.",
)
@click.option(
    "--balanced",
    is_flag=True,
    help="Draw from all with an executed action, as many of each verdict: with the act or "
    "without, and harmful, harmless or silent to the judge.",
)
@click.option("--transcript", is_flag=True, help="Also show everything the agent wrote.")
@click.option("--reveal", is_flag=True, help="After each label, show the verdicts.")
@click.option("--report", is_flag=True, help="Label nothing; show the agreement so far.")
@click.option(
    "--notes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Store the flags, labels and notes that the report's page exported.",
)
@json_option
def audit(
    folder: Path,
    count: int,
    seed: int,
    who: str | None,
    acts: bool,
    balanced: bool,
    transcript: bool,
    reveal: bool,
    report: bool,
    notes: Path | None,
    as_json: bool,
) -> int:
    """Label a random sample of the trials of RUN, and see how far its judges agree with you.

    You are shown what the judge was shown: the question, its criteria and the executed actions,
    but not the model, the condition or any verdict. Answer with one key, or with one letter per
    line on standard input: y yes, n no, c cannot tell, s skip, b back, ? the criteria,
    f forwarded mails in full, q quit. Each label is saved at once in RUN/audit/WHO.jsonl; run the
    same command again to continue. Once every drawn trial has a label, the agreement is shown,
    with Wilson's interval and Cohen's kappa, and the harmful rates of the run as the labels of
    everybody correct them; `cornered report` shows them too. The exit code is 1 while drawn trials
    are unlabelled.

    With --notes nothing is labelled here: what a reader noted on the page is stored under
    RUN/audit/notes, and the next report shows it. The reader chose the trials and saw the verdicts,
    so it corrects no rate.

    \b
      cornered audit runs/headline
      cornered audit runs/headline --notes headline-notes.jsonl --who second-reader
      cornered audit runs/headline --balanced -n 50 --who second-reader
      cornered audit runs/headline --report --json
    """
    from cornered.run.audit import Audit
    from cornered.run.labels import read_people

    if notes:
        return _import(folder, notes, who or _login(), as_json=as_json)
    audited = Audit(
        folder,
        who=who or _login(),
        count=count,
        seed=seed,
        of="balanced" if balanced else "acts" if acts else "all",
        view="transcript" if transcript else "actions",
    )
    people = read_people(folder)
    _warn_unreadable(people)
    if not report and audited.next_unlabelled(-1) is not None:
        with audited.labelling():
            _Session(audited, _console(stderr=as_json), reveal=reveal).run()
        people = read_people(folder)
    # A report on nobody in particular counts a trial as labelled if anybody has labelled it.
    known = (
        {uuid for p in people for uuid in p.labels} if report and not who else set(audited.labels)
    )
    left = sum(trial.uuid not in known for trial in audited.drawn)
    if as_json:
        print_json(_as_dict(audited, people, left))
    elif report or not left:
        _print_agreement(audited, people)
    if left:
        more = "" if report else "; the same command continues, --report shows the agreement so far"
        say(f"{left} of {len(audited.drawn)} drawn trials are not labelled{more}")
    return INCOMPLETE if left else DONE


def _import(folder: Path, file: Path, who: str, *, as_json: bool) -> int:
    from cornered.analysis.trials import read_trials
    from cornered.run.notes import import_notes

    done = import_notes(folder, file, who, {trial.uuid for trial in read_trials(folder)})
    if as_json:
        print_json({"who": who, "stored": done.stored, "not_in_this_run": done.elsewhere})
    else:
        echo_words(
            f"{done.stored} new or changed notes of {who} are stored; `cornered report` shows them."
        )
    if done.elsewhere:
        say(f"{done.elsewhere} notes are on trials that are not in this run, and were left out")
    return INCOMPLETE if done.elsewhere else DONE


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise RunError("your login name is unknown", fix="give a name with --who") from None


def _console(*, stderr: bool) -> Console:
    return console(stderr=stderr, width=None if stdout_is_terminal() else PIPED_WIDTH)


def _warn_unreadable(people: Sequence[Person]) -> None:
    for person in people:
        for place in person.unreadable:
            say(f"{place}: not a label, skipped; a crash may have cut it off")


class _Session:
    """One labelling session: shows trials and reads keys."""

    def __init__(self, audited: Audit, console: Console, *, reveal: bool) -> None:
        self._audit, self._console, self._reveal = audited, console, reveal
        self._rubrics: dict[str, list[str]] = {}
        """For each scenario the paragraphs of the rubric that was shown last."""

    def run(self) -> None:
        """Goes through the unlabelled trials until the last one, or until the person quits."""
        audited = self._audit
        at = audited.next_unlabelled(-1)
        if at is None:
            return
        of = "with the act" if audited.of == "acts" else "with an executed action"
        of += ", balanced by verdict" if audited.of == "balanced" else ""
        self._say(
            f"{len(audited.drawn)} drawn of {audited.population} trials {of} (seed "
            f"{audited.seed}), labelled by {audited.who}."
        )
        while at is not None:
            trial = audited.drawn[at]
            case = audited.case(trial)
            self._show(case, at)
            key = self._ask(trial, case, at)
            if key == "q":
                return
            if key == "b":
                at -= 1
                continue
            if key in LABELS:
                audited.store(trial, case, LABELS[key], revealed=self._reveal)
                self._say(f"{at + 1} of {len(audited.drawn)}: {KEYS[key]}")
                if self._reveal:
                    self._show_verdicts(trial)
            at = audited.next_unlabelled(at)

    def _ask(self, trial: TrialResult, case: Case, at: int) -> str:
        """The key that ends a trial: a label, skip, back or quit."""
        label = self._audit.labels.get(trial.uuid)
        forwards = any(action.enclosed for action in case.actions)
        offered = {k: v for k, v in KEYS.items() if forwards or k != "f"}
        while True:
            so_far = f"so far: {label.label.replace('_', ' ')}   " if label else ""
            self._say(so_far + "   ".join(f"{k} {v}" for k, v in offered.items()))
            key = _key()
            if key is None or key == "q":
                return "q"
            if key == "?":
                self._show_rubric(case.rubric.split("\n\n"), "The question and its criteria")
            elif key == "f" and forwards:
                self._show_actions(case, in_full=True)
            elif key == "b" and at == 0:
                self._say("This is the first one.")
            elif key in LABELS and label and label.revealed:
                self._say("Its verdicts have been shown, so the label is final. s continues.")
            elif key in LABELS or key in ("s", "b"):
                return key
            else:
                self._say(f"No such key: {visible(key)!r}.")

    def _show(self, case: Case, at: int) -> None:
        self._console.rule(f"{at + 1} of {len(self._audit.drawn)}")
        paragraphs = case.rubric.split("\n\n")
        before = self._rubrics.get(case.scenario)
        self._rubrics[case.scenario] = paragraphs
        if before is None:
            self._show_rubric(paragraphs, "The question and its criteria")
        else:
            self._say(visible(paragraphs[0], multiline=True))
            if other := [p for p in paragraphs[1:] if p not in before]:
                self._show_rubric(other, "Criteria that differ from the last such trial")
        self._show_actions(case, in_full=False)
        if case.transcript is not None:
            self._panel(
                visible(case.transcript, multiline=True),
                "Everything it wrote; only what was carried out happened",
            )

    def _show_rubric(self, paragraphs: Iterable[str], title: str) -> None:
        self._panel(visible("\n\n".join(paragraphs).strip(), multiline=True), title)

    def _show_actions(self, case: Case, *, in_full: bool) -> None:
        for number in range(len(case.actions) + 1):
            if number:
                action = case.actions[number - 1]
                self._panel(_action_text(action, in_full=in_full), f"{number}. {action.title}")
            for answer in (view for before, view in case.answers if before == number):
                text = _action_text(answer, in_full=in_full)
                self._panel(text, f"Answer that reached it, no action of its own: {answer.title}")
        for attempt, reason in case.attempts:
            text = f"{_action_text(attempt, in_full=False)}\n\nRefused: {visible(reason)}"
            self._panel(text, f"Attempted, without effect: {attempt.title}")

    def _show_verdicts(self, trial: TrialResult) -> None:
        words = {True: "yes", False: "no", None: "unscored"}
        lines = [f"{trial.model}   {trial.condition}   {trial.id}"]
        for revealed in self._audit.reveal(trial):
            votes = ", ".join(f"{judge}: {vote}" for judge, vote in revealed.votes.items())
            verdict = words[revealed.verdict]
            lines.append(f"\n{revealed.name}: {verdict} ({votes or 'by code alone'})")
            lines += [revealed.reason] * bool(revealed.reason)
        self._panel(visible("\n".join(lines), multiline=True), "The verdicts")

    def _panel(self, text: str, title: str) -> None:
        from rich.panel import Panel

        width = min(self._console.width, WIDTH)
        body = as_text(text, multiline=True)
        self._console.print(Panel(body, title=as_text(title), title_align="left", width=width))

    def _say(self, line: str) -> None:
        self._console.print(as_text(line, multiline=True))


def _key() -> str | None:
    """One key at a terminal, one line otherwise; None at the end of the input."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip().lower() if line else None
    try:
        return click.getchar().lower()
    except EOFError:
        return None


def _action_text(action: EventView, *, in_full: bool) -> str:
    rows = {**action.known, **action.rows}
    lines = [f"{name}: {visible(value)}" for name, value in rows.items()]
    if action.body:
        lines += ["", visible(action.body, multiline=True)]
    for part in action.enclosed:
        lines += ["", f"{part.title}:"]
        lines += [f"  {name}: {visible(value)}" for name, value in part.rows.items()]
        if in_full:
            lines += ["", *(f"  {line}" for line in visible(part.body, multiline=True).split("\n"))]
    return "\n".join(lines)


def _as_dict(audited: Audit, people: Sequence[Person], left: int) -> dict[str, Any]:
    from cornered.run.audit import agreements

    return {
        "run": str(audited.run),
        "who": audited.who,
        "seed": audited.seed,
        "of": audited.of,
        "population": audited.population,
        "drawn": len(audited.drawn),
        "unlabelled": left,
        "people": [_person(person, audited) for person in people],
        "notes": audited.notes,
        "agreement": [row.as_dict() for row in agreements(audited, people)],
        "corrected": [
            {"model": cell.model, "condition": cell.condition, **corrected.as_dict()}
            for cell, corrected in _corrected(_cells(audited))
        ],
        "raters": _raters(audited),
    }


def _cells(audited: Audit) -> list[Cell]:
    from cornered.run.runner import read_run

    return read_run(audited.run).cells


def _corrected(table: Sequence[Cell]) -> list[tuple[Cell, Corrected]]:
    """The cells whose harmful rate labels correct."""
    known = [(cell, cell.corrected) for cell in table if cell.corrected]
    return [(cell, corrected) for cell, corrected in known if corrected.by == "audit"]


def _raters(audited: Audit) -> dict[str, Any] | None:
    """How far the persons agree on what several of them labelled; None where nothing is."""
    from cornered.run.labels import run_labels
    from cornered.run.manifest import read_manifest

    labels = run_labels(audited.run, read_manifest(audited.run))
    alpha = labels.agreement
    if not alpha.agreement.n:
        return None
    return {
        "agreeing": alpha.agreement.successes,
        "n": alpha.agreement.n,
        "alpha": alpha.value,
        "alpha_low": alpha.interval.low if alpha.interval else None,
        "alpha_high": alpha.interval.high if alpha.interval else None,
        "reason": alpha.reason,
        "differing": labels.differing,
        "differing_words": labels.difference_words if labels.differing else None,
    }


def _person(person: Person, audited: Audit) -> dict[str, Any]:
    """A person's labels, counted; of trials that are no longer in the run, only how many."""
    there = {t.uuid for trials in audited.sets.values() for t in trials}
    labels = [label for uuid, label in person.labels.items() if uuid in there]
    given = [label.label for label in labels]
    return {
        "who": person.name,
        "labels": {word: given.count(word) for word in LABELS.values()},
        "shown_transcript": sum(label.shown == "transcript" for label in labels),
        "changed": person.changed,
        "gone": len(person.labels) - len(labels),
        "unreadable": list(person.unreadable),
    }


def _print_agreement(audited: Audit, people: Sequence[Person]) -> None:
    from cornered.analysis.names import CellNames
    from cornered.run.audit import agreements

    for person in people:
        echo_words(_summary(_person(person, audited)))
    if not people:
        echo("Nobody has labelled anything yet.")
        return
    for name, notes in audited.notes.items():
        for note in notes:
            echo_words(f"{name}: {note}")
    all_rows = agreements(audited, people)
    titles = {
        "act": "Trials with the act",
        "no act": "Trials without the act",
    }
    for status, title in titles.items():
        rows = [row for row in all_rows if row.act_status == status]
        rows = [row for row in rows if not _repeats(row, rows)]
        if rows:
            echo(f"\n{title}:\n")
            _print_rows(rows)
            for row in rows:
                _print_notes(row)
    table = _cells(audited)
    names = CellNames(table)
    _print_differences([row for row in all_rows if not _repeats(row, all_rows)], names)
    _print_corrected(audited, _corrected(table), names)


def _print_corrected(
    audited: Audit, known: Sequence[tuple[Cell, Corrected]], names: CellNames
) -> None:
    """Prints the harmful rates of the run as these labels correct them."""
    from cornered.analysis.stats import percent

    if not known:
        return
    echo("\nHarmful rates, corrected by these labels:\n")
    table = plain_table(
        "model", "condition", "judge", "95 %", "labels", "corrected", "95 %", words=2
    )
    for cell, of in known:
        labels = str(of.labels) + (f" + {of.pooled} of other cells" if of.pooled else "")
        between = (
            f"{percent(of.interval.low)} to {percent(of.interval.high)}" if of.interval else "–"
        )
        numbers = (percent(cell.primary.rate), interval(cell.primary), labels)
        add_row(table, cell.model, names.row(cell.condition), *numbers, percent(of.value), between)
    print_table(table)
    if left := sum(of.unlabelled for _, of in known):
        echo_words(
            f"{left} trials of kinds that nobody labelled stay as the judge called them; --all "
            "draws from every trial that did something."
        )
    if raters := _raters(audited):
        alpha = raters["alpha"]
        words = ""
        if alpha is not None:
            low, high = raters["alpha_low"], raters["alpha_high"]
            words = f", Krippendorff's alpha {alpha:.2f} ({low:.2f} to {high:.2f})"
        echo_words(f"The raters agree on {raters['agreeing']} of {raters['n']} trials{words}.")
        if raters["differing"]:
            echo_words(raters["differing_words"])


def _summary(person: dict[str, Any]) -> str:
    labels = person["labels"]
    line = (
        f"{person['who']}: {sum(labels.values())} trials labelled, {labels['yes']} yes, "
        f"{labels['no']} no, {labels['cannot_tell']} cannot tell"
    )
    if person["shown_transcript"]:
        line += f"; {person['shown_transcript']} shown with the whole answer"
    if person["changed"]:
        line += f"; {person['changed']} changed later"
    if person["gone"]:
        line += f"; {person['gone']} on trials that are no longer in the run"
    return line


def _repeats(row: RaterAgreement, rows: Sequence[RaterAgreement]) -> bool:
    """Whether this is the only judge of a set, whose verdicts are the set's."""
    from dataclasses import replace

    alone = replace(row, raters=replace(row.raters, judge=None))
    return row.raters.judge is not None and alone in rows


def _name(row: RaterAgreement) -> str:
    one, other, judge = row.raters.one, row.raters.other, row.raters.judge
    return f"{one}  ·  {other}" + (f": {judge}" if judge else "")


def _print_rows(rows: Sequence[RaterAgreement]) -> None:
    from cornered.analysis.stats import percent

    table = plain_table(
        "who",
        "agree",
        "95 % Wilson",
        "kappa",
        "95 %",
        "both yes",
        "first only",
        "second only",
        "both no",
    )
    for row in rows:
        share, of_kappa = row.kappa.agreement, row.kappa.interval
        wilson = share.interval
        add_row(
            table,
            _name(row),
            f"{share.successes} of {share.n}",
            f"{percent(wilson.low)} to {percent(wilson.high)}" if wilson else "–",
            f"{row.kappa.value:.2f}" if row.kappa.value is not None else "–",
            f"{of_kappa.low:.2f} to {of_kappa.high:.2f}" if of_kappa else "–",
            *(str(n) for n in row.counts.values()),
        )
    print_table(table)


def _print_notes(row: RaterAgreement) -> None:
    """Prints what the numbers of a row leave out."""
    one, notes = row.raters.one, []
    if row.kappa.value is None and row.kappa.agreement.n:
        notes.append(str(row.kappa.reason))
    if row.cannot_tell:
        notes.append(f"{one} could not tell on {row.cannot_tell}, which are in no number here")
    if unscored := sum(row.unscored.values()):
        other, doubt = row.raters.other, row.unscored["cannot_tell"]
        doubtful = f"trials on which {other} could not tell"
        which = doubtful if row.raters.person else "unscored trials"
        notes.append(
            f"of {unscored} {which}, {one} called {row.unscored['yes']} harmful"
            + (f" and could not tell on {doubt}" if doubt else "")
        )
    if row.absent:
        notes.append(f"it was never asked about {row.absent} of the labelled trials")
    if row.other_rubric:
        notes.append(f"{row.other_rubric} were read under another version of the criteria")
    for note in notes:
        echo_words(f"  {_name(row)}: {note}")


def _print_differences(rows: Sequence[RaterAgreement], names: CellNames) -> None:
    words = {True: "yes", False: "no"}
    listed = [(row, d) for row in rows for d in row.differences]
    if not listed:
        return
    echo(f"\n{len(listed)} disagreements:\n")
    table = plain_table("who", "model", "condition", "trial", "first", "second", words=6)
    for row, d in listed[:SHOWN]:
        verdicts = (words[d.one], words[d.other])
        add_row(table, _name(row), d.model, names.row(d.condition), d.id, *verdicts)
    print_table(table)
    if len(listed) > SHOWN:
        echo_words(f"… and {len(listed) - SHOWN} more, see --json")
