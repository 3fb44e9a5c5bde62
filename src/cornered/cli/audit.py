"""`cornered audit`."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, print_json, say
from cornered.errors import RunError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from cornered.analysis.table import TrialResult
    from cornered.run.audit import Agreement, Audit, Case, Person
    from cornered.verdict.judge import Deed, Verdict

LABELS: dict[str, Verdict] = {"y": "yes", "n": "no", "c": "cannot_tell"}
KEYS = {
    "y": "yes",
    "n": "no",
    "c": "cannot tell",
    "s": "skip",
    "b": "back",
    "?": "criteria",
    "f": "forwarded mails in full",
    "q": "stop",
}
WIDTH = 100
"""Columns of what is read; longer lines tire."""
SHOWN = 20
"""Differences that are listed in the terminal; all of them are in the JSON."""


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "count",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Trials to draw; more go on where fewer ended.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the draw.")
@click.option("--who", help="Whose labels they are (default: your login).")
@click.option(
    "--acts/--all",
    "acts",
    default=True,
    help="Draw from trials with the act, where the judge's word decides (default), or from all "
    "that did something.",
)
@click.option("--transcript", is_flag=True, help="Show all that the agent wrote too.")
@click.option("--reveal", is_flag=True, help="After each label, show what the verdicts say.")
@click.option("--report", is_flag=True, help="Label nothing; show the agreement so far.")
@json_option
def audit(
    folder: Path,
    count: int,
    seed: int,
    who: str | None,
    acts: bool,
    transcript: bool,
    reveal: bool,
    report: bool,
    as_json: bool,
) -> int:
    """Label a drawn sample of the trials of RUN yourself, and see how far its judges agree.

    You are shown what the judge was shown: the question, its criteria and the executed actions;
    not the model, the condition or any verdict. Answer with one key, or one letter a line on
    standard input: y yes, n no, c cannot tell, s skip, b back, ? the criteria, f forwarded mails
    in full, q stop. Each label is kept at once in RUN/audit/WHO.jsonl; the same command goes on.
    Once every drawn trial has a label the agreement is shown, with Wilson's interval and Cohen's
    kappa. Leaves with 1 while drawn trials are unlabelled.

    \b
      cornered audit runs/headline
      cornered audit runs/headline -n 50 --who second-reader
      cornered audit runs/headline --report --json
    """
    from cornered.run.audit import Audit, read_people

    audited = Audit(
        folder,
        who=who or _login(),
        count=count,
        seed=seed,
        of="acts" if acts else "all",
        view="transcript" if transcript else "actions",
    )
    people = read_people(folder)
    _tell_unreadable(people)
    if not report:
        _Reading(audited, _console(stderr=as_json), reveal=reveal).read()
        people = read_people(folder)
    # Nobody's in particular is asked for: then a trial is labelled that anybody has labelled.
    known = (
        {uuid for p in people for uuid in p.labels} if report and not who else set(audited.labels)
    )
    left = sum(trial.uuid not in known for trial in audited.drawn)
    if as_json:
        print_json(_as_dict(audited, people, left))
    elif report or not left:
        _print_agreement(audited, people)
    if left:
        going_on = "" if report else "; the same command goes on, --report shows what there is"
        say(f"{left} of {len(audited.drawn)} drawn trials are not labelled{going_on}")
    return INCOMPLETE if left else DONE


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise RunError("your login has no name", fix="give one with --who") from None


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, width=None if sys.stdout.isatty() else 120, highlight=False)


def _tell_unreadable(people: Sequence[Person]) -> None:
    for person in people:
        for place in person.unreadable:
            say(f"{place}: is no label and is left out; perhaps a crash cut it off")


def visible(text: str) -> str:
    """Text of a model so that it can do nothing to a terminal or to a reader's eye.

    Control characters, escape sequences, bidirectional overrides and what has no width are
    shown by symbol or code point; line breaks stay.
    """
    return "".join(map(_visible, text.replace("\r\n", "\n")))


_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Letters and marks that show nothing."""


def _visible(char: str) -> str:
    code = ord(char)
    if char == "\n" or " " <= char <= "~":
        return char
    if char == "\t":
        return "    "
    if code < 0x20 or code == 0x7F:
        return "␡" if code == 0x7F else chr(0x2400 + code)
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    if hidden or char in _BLANK or 0xE0100 <= code <= 0xE01EF:
        return f"⟨U+{code:04X}⟩"
    return char


def _line(text: str) -> str:
    """Text that is to stay in its line."""
    return visible(text).replace("\n", "␊")


class _Reading:
    """One sitting: shows trials, takes keys."""

    def __init__(self, audited: Audit, console: Console, *, reveal: bool) -> None:
        self._audit, self._console, self._reveal = audited, console, reveal
        self._rubrics: dict[str, list[str]] = {}
        """For each scenario the paragraphs that were shown last."""

    def read(self) -> None:
        """Goes through the unlabelled trials until the last one or a stop."""
        audited = self._audit
        at = audited.next_unlabelled(-1)
        if at is None:
            return
        of = "with the act" if audited.of == "acts" else "that did something"
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
                    self._tell_verdicts(trial)
            at = audited.next_unlabelled(at)

    def _ask(self, trial: TrialResult, case: Case, at: int) -> str:
        """The key that ends the showing of a trial: a label, skip, back or stop."""
        label = self._audit.labels.get(trial.uuid)
        forwards = any(deed.forwarded for deed in case.deeds)
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
                self._show_deeds(case, in_full=True)
            elif key == "b" and at == 0:
                self._say("This is the first one.")
            elif key in LABELS and label and label.revealed:
                self._say("Its verdicts have been shown: the label stands. s goes on.")
            elif key in LABELS or key in ("s", "b"):
                return key
            else:
                self._say(f"There is no key {_line(key)!r} here.")

    def _show(self, case: Case, at: int) -> None:
        self._console.rule(f"{at + 1} of {len(self._audit.drawn)}")
        paragraphs = case.rubric.split("\n\n")
        before = self._rubrics.get(case.scenario)
        self._rubrics[case.scenario] = paragraphs
        if before is None:
            self._show_rubric(paragraphs, "The question and its criteria")
        else:
            self._say(visible(paragraphs[0]))
            if other := [p for p in paragraphs[1:] if p not in before]:
                self._show_rubric(other, "What is other here than in the last one of its kind")
        self._show_deeds(case, in_full=False)
        if case.transcript is not None:
            self._panel(
                visible(case.transcript), "All that it wrote; only what was carried out is done"
            )

    def _show_rubric(self, paragraphs: Iterable[str], title: str) -> None:
        self._panel(visible("\n\n".join(paragraphs).strip()), title)

    def _show_deeds(self, case: Case, *, in_full: bool) -> None:
        for number, deed in enumerate(case.deeds, 1):
            self._panel(_deed_text(deed, in_full=in_full), f"{number}. {deed.title}")

    def _tell_verdicts(self, trial: TrialResult) -> None:
        words = {True: "yes", False: "no", None: "unscored"}
        lines = [f"{trial.model}   {trial.condition}   {trial.id}"]
        for found in self._audit.reveal(trial):
            votes = ", ".join(f"{judge}: {vote}" for judge, vote in found.votes.items())
            lines.append(f"\n{found.verdicts}: {words[found.said]} ({votes or 'by code alone'})")
            lines += [found.reason] * bool(found.reason)
        self._panel(visible("\n".join(lines)), "The verdicts")

    def _panel(self, text: str, title: str) -> None:
        from rich.panel import Panel
        from rich.text import Text

        width = min(self._console.width, WIDTH)
        body = Text(text, overflow="fold")
        self._console.print(Panel(body, title=Text(title), title_align="left", width=width))

    def _say(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text(line, overflow="fold"))


def _key() -> str | None:
    """A key at a terminal, a line elsewhere; None at the end of the input."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip().lower() if line else None
    try:
        return click.getchar().lower()
    except EOFError:
        return None


def _deed_text(deed: Deed, *, in_full: bool) -> str:
    lines = [f"{name}: {_line(value)}" for name, value in deed.rows.items()]
    if deed.body:
        lines += ["", visible(deed.body)]
    for mail in deed.forwarded:
        lines += ["", "The mail that went along, as it stood in the inbox:"]
        lines += [f"  From: {_line(mail.sender)}", f"  Subject: {_line(mail.subject)}"]
        if mail.attachments:
            lines.append(f"  Attachments: {_line(', '.join(mail.attachments))}")
        if in_full:
            lines += ["", *(f"  {line}" for line in visible(mail.body).split("\n"))]
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
        "agreement": [found.as_dict() for found in agreements(audited, people)],
    }


def _person(person: Person, audited: Audit) -> dict[str, Any]:
    """What somebody has labelled; of trials that the run has not, only how many."""
    there = {t.uuid for trials in audited.sets.values() for t in trials}
    labels = [label for uuid, label in person.labels.items() if uuid in there]
    said = [label.label for label in labels]
    return {
        "who": person.name,
        "labels": {word: said.count(word) for word in LABELS.values()},
        "shown_transcript": sum(label.shown == "transcript" for label in labels),
        "changed": person.changed,
        "gone": len(person.labels) - len(labels),
        "unreadable": list(person.unreadable),
    }


def _print_agreement(audited: Audit, people: Sequence[Person]) -> None:
    from cornered.run.audit import agreements

    console = _console(stderr=False)
    for person in people:
        click.echo(_said(_person(person, audited)))
    if not people:
        click.echo("Nobody has labelled anything yet.")
        return
    found = agreements(audited, people)
    titles = {
        "act": "Of trials with the act, where the judge's word decides",
        "no act": "Of trials without the act, harmless by code or unscored",
    }
    for part, title in titles.items():
        rows = [a for a in found if a.part == part]
        rows = [a for a in rows if not _repeats(a, rows)]
        if rows:
            click.echo(f"\n{title}:\n")
            _print_rows(rows, console)
            for row in rows:
                _print_notes(row)
    _print_differences([a for a in found if not _repeats(a, found)], console)


def _said(person: dict[str, Any]) -> str:
    labels = person["labels"]
    line = (
        f"{person['who']}: {sum(labels.values())} trials labelled, {labels['yes']} yes, "
        f"{labels['no']} no, {labels['cannot_tell']} cannot tell"
    )
    if person["shown_transcript"]:
        line += f"; {person['shown_transcript']} with the whole answer shown"
    if person["changed"]:
        line += f"; {person['changed']} changed later"
    if person["gone"]:
        line += f"; {person['gone']} more of trials that the run has no longer"
    return line


def _repeats(row: Agreement, rows: Sequence[Agreement]) -> bool:
    """Whether a judge is alone, and says what its set of verdicts says."""
    from dataclasses import replace

    alone = replace(row, raters=replace(row.raters, judge=None))
    return row.raters.judge is not None and alone in rows


def _name(row: Agreement) -> str:
    one, other, judge = row.raters.one, row.raters.other, row.raters.judge
    return f"{one}  ·  {other}" + (f": {_line(judge)}" if judge else "")


def _table(*columns: str, left: int) -> Table:
    """A table whose first columns are words, and the others numbers."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for n, column in enumerate(columns):
        words = n < left
        justify: Literal["left", "right"] = "left" if words else "right"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=not words)
    return table


def _cells(*texts: str) -> list[RenderableType]:
    """Cells in which square brackets mean nothing."""
    from rich.text import Text

    return [Text(text, overflow="fold") for text in texts]


def _print_rows(rows: Sequence[Agreement], console: Console) -> None:
    from cornered.analysis.stats import percent

    table = _table(
        "who",
        "agree",
        "95 % Wilson",
        "kappa",
        "95 %",
        "both yes",
        "first only",
        "second only",
        "both no",
        left=1,
    )
    for row in rows:
        share, found = row.kappa.agreement, row.kappa.interval
        wilson = share.interval
        table.add_row(
            *_cells(
                _name(row),
                f"{share.successes} of {share.n}",
                f"{percent(wilson.low)} to {percent(wilson.high)}" if wilson else "–",
                f"{row.kappa.value:.2f}" if row.kappa.value is not None else "–",
                f"{found.low:.2f} to {found.high:.2f}" if found else "–",
                *(str(n) for n in row.counts.values()),
            )
        )
    console.print(table)


def _print_notes(row: Agreement) -> None:
    """What the numbers of a row leave out."""
    one, notes = row.raters.one, []
    if row.kappa.value is None and row.kappa.agreement.n:
        notes.append(str(row.kappa.reason))
    if row.cannot_tell:
        notes.append(f"{one} cannot tell of {row.cannot_tell}, which are in no number here")
    if unscored := sum(row.unscored.values()):
        other, doubt = row.raters.other, row.unscored["cannot_tell"]
        trials = f"trials that {other} cannot tell" if row.raters.person else "unscored trials"
        notes.append(
            f"of {unscored} {trials} {one} called {row.unscored['yes']} harmful"
            + (f" and cannot tell of {doubt}" if doubt else "")
        )
    if row.absent:
        notes.append(f"{row.absent} labelled trials were never put to it")
    if row.other_rubric:
        notes.append(f"{row.other_rubric} were read by another version of the criteria")
    for note in notes:
        click.echo(f"  {_name(row)}: {note}")


def _print_differences(rows: Sequence[Agreement], console: Console) -> None:
    words = {True: "yes", False: "no"}
    found = [(row, d) for row in rows for d in row.differences]
    if not found:
        return
    click.echo(f"\n{len(found)} times the two differ:\n")
    table = _table("who", "model", "condition", "trial", "first", "second", left=6)
    for row, d in found[:SHOWN]:
        where = (_line(text) for text in (d.model, d.condition, d.id))
        table.add_row(*_cells(_name(row), *where, words[d.one], words[d.other]))
    console.print(table)
    if len(found) > SHOWN:
        click.echo(f"… and {len(found) - SHOWN} more, in the output of --json")
