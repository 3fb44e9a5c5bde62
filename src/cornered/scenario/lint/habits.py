"""Habits of an inbox: what only many mails together give away.

Thresholds are in `habits.yaml`, with the reason for each. Where chance can do the same, a
finding needs a small probability.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations, pairwise
from math import comb, exp

from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.inbox import REPLY, WORD, Inbox, MailForm, habits_data, inboxes
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.lint.words import any_of

FIGURE = re.compile(
    r"(?<![\w.,:/#@-])([$€£]?)(\d{1,3}(?:,\d{3})+|\d{3,})(\.\d+)?(?![\w:/@%-]|\.\d|,\d)"
)


def inbox_habits(reader: PackReader) -> Iterator[Finding]:
    """Each habit once, in the first inbox that has it; inboxes of few mails have none."""
    silent = list(HABITS)
    for inbox in inboxes(reader):
        if len(inbox.mails) < inbox.limits.fewest:
            continue
        for habit in list(silent):
            if findings := list(habit(inbox)):
                silent.remove(habit)
                yield from findings


def at_least(count: int, of: int, chance: float) -> float:
    """The probability of `count` or more of `of`, each with that chance (binomial)."""
    return sum(comb(of, k) * chance**k * (1 - chance) ** (of - k) for k in range(count, of + 1))


def at_least_poisson(count: int, mean: float) -> float:
    """The probability of `count` or more where `mean` are expected (Poisson)."""
    term, below = exp(-mean), 0.0
    for k in range(count):
        below += term
        term *= mean / (k + 1)
    return max(0.0, 1.0 - below)


def round_times(inbox: Inbox) -> Iterator[Finding]:
    """More mails on the quarter hour, or on five minutes, than chance gives."""
    mails, limits = inbox.mails, inbox.limits
    for every in limits.round_minutes:
        round_ones = [x for x in mails if x.file.head.time.minute % every == 0]
        p = at_least(len(round_ones), len(mails), 1 / every)
        if p < limits.level:
            yield Finding(
                round_ones[0].at("time"),
                f"{len(round_ones)} of the {len(mails)} mails in {inbox.cell} are sent at a "
                f"minute divisible by {every}; chance gives {len(mails) / every:.1f} "
                f"(P = {p:.1g}, level {limits.level})",
            )
            return


def paced_times(inbox: Inbox) -> Iterator[Finding]:
    """Mails that all come at once, at an even pace, or at equal gaps."""
    mails, limits = inbox.mails, inbox.limits
    times = sorted(x.file.head.time for x in mails)
    span = (times[-1] - times[0]).total_seconds() / 60
    where = mails[0].at("time")
    if span < limits.span:
        yield Finding(
            where,
            f"all {len(mails)} mails in {inbox.cell} came within {span:.0f} minutes; spread them "
            f"over {limits.span} or more",
        )
        return
    gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(times)]
    spread = statistics.pstdev(gaps) / statistics.fmean(gaps)
    gap, alike = Counter(gaps).most_common(1)[0]
    if spread < limits.gap_spread:
        yield Finding(
            where,
            f"the mails in {inbox.cell} come at an even pace: the standard deviation of the gaps "
            f"is {spread:.2f} of their mean; chance gives about 1, and {limits.gap_spread} passes",
        )
    elif alike > limits.same_gap * len(gaps):
        yield Finding(
            where,
            f"{alike} of the {len(gaps)} gaps between the mails in {inbox.cell} are {gap:.0f} "
            "minutes long",
        )


def similar_lengths(inbox: Inbox) -> Iterator[Finding]:
    """Bodies of about one length, or more pairs of nearly equal length than chance gives."""
    limits = inbox.limits
    by_length = sorted(inbox.mails, key=lambda x: len(x.body))
    lengths = [len(x.body) for x in by_length]
    spread, mean = statistics.pstdev(lengths), statistics.fmean(lengths)
    if spread < limits.length_spread * mean:
        yield Finding(
            by_length[0].start,
            f"the mails in {inbox.cell} are of one length: {mean:.0f} ± {spread:.0f} characters; "
            "write a line here and a page there",
        )
        return
    long = [x for x in by_length if len(x.body) >= limits.near_lengths_from]
    near, ring = limits.near_lengths, limits.near_lengths_ring
    apart = [len(b.body) - len(a.body) for a, b in combinations(long, 2)]
    close = sum(d <= near for d in apart)
    # Differences from -near to +near, against those beyond them up to ring; one pair more, so
    # that an empty ring is no certainty.
    beyond = sum(near < d <= ring for d in apart)
    expected = (beyond + 1) * (2 * near + 1) / (2 * (ring - near))
    p = at_least_poisson(close, expected)
    if p < limits.near_lengths_level:
        a, b = next((a, b) for a, b in pairwise(long) if len(b.body) - len(a.body) <= near)
        yield Finding(
            a.start,
            f"{close} pairs of mails in {inbox.cell} are within {near} characters of one length "
            f"({a.stem} and {b.stem}, for example); chance gives {expected:.1f} (P = {p:.1g}, "
            f"level {limits.near_lengths_level})",
        )


def same_greeting(inbox: Inbox) -> Iterator[Finding]:
    """One greeting at the head of most mails."""
    mails, limits = inbox.mails, inbox.limits
    formula, alike = inbox.most_common([x.greeting for x in mails])
    if alike > limits.same_greeting * len(mails):
        yield Finding(
            next(x.start for x in mails if x.greeting == formula),
            f"{alike} of the {len(mails)} mails in {inbox.cell} open with {formula!r}; people "
            "differ, and some do not greet at all",
        )


def same_first_words(inbox: Inbox) -> Iterator[Finding]:
    """The same first words from several people."""
    limits = inbox.limits
    by_words: defaultdict[tuple[str, ...], list[MailForm]] = defaultdict(list)
    for mail in inbox.mails:
        if words := mail.first_words(limits.first_words):
            by_words[words].append(mail)
    for words, mails in by_words.items():
        people = {x.sender for x in mails}
        if len(people) >= limits.first_words_people:
            yield Finding(
                mails[0].start,
                f"mails from {len(people)} people begin with {' '.join(words)!r} in {inbox.cell}",
            )


def same_closing(inbox: Inbox) -> Iterator[Finding]:
    """One common closing from many people, or an uncommon one from two."""
    limits = inbox.limits
    people = {x.sender for x in inbox.mails}
    users: defaultdict[str, dict[str, MailForm]] = defaultdict(dict)
    for mail in inbox.mails:
        if mail.closing:
            users[mail.closing].setdefault(mail.sender, mail)
    for formula, by in users.items():
        common = formula in limits.common_closings
        many = len(by) >= limits.same_closing_people and len(by) > limits.same_closing * len(people)
        if many if common else len(by) > 1:
            yield Finding(
                list(by.values())[-1].start,
                f"{len(by)} of the {len(people)} people who write in {inbox.cell} close with "
                f"{formula!r}: {', '.join(sorted(by))}",
            )


def full_letters(inbox: Inbox) -> Iterator[Finding]:
    """A greeting and a closing in most mails."""
    mails, limits = inbox.mails, inbox.limits
    full = [x for x in mails if x.greeting and x.closing]
    if len(full) > limits.full_form * len(mails):
        yield Finding(
            full[0].start,
            f"{len(full)} of the {len(mails)} mails in {inbox.cell} have both a greeting and a "
            "closing; among colleagues many have neither",
        )


@cache
def _story_opening() -> re.Pattern[str]:
    return any_of(habits_data().story_openings)


def story_openings(inbox: Inbox) -> Iterator[Finding]:
    """Mails that begin as a story does."""
    for mail in inbox.mails:
        for text in (mail.own, mail.content):
            if match := _story_opening().match(text):
                opening = " ".join(match[0].split())
                yield Finding(mail.start, f"{mail.stem} begins like a story: {opening!r}")
                break


def round_figures(inbox: Inbox) -> Iterator[Finding]:
    """More whole hundreds among the figures than people round."""
    limits = inbox.limits
    first: dict[str, MailForm] = {}
    whole: set[str] = set()
    for mail in inbox.mails:
        for sign, digits, cents in FIGURE.findall(mail.own):
            number = int(digits.replace(",", ""))
            year = not sign and "," not in digits and 1900 <= number < 2100
            if number < 100 or digits.startswith("0") or year:
                continue
            figure = sign + digits + cents
            first.setdefault(figure, mail)
            if number % 100 == 0 and not cents.strip(".0"):
                whole.add(figure)
    p = at_least(len(whole), len(first), limits.round_figures)
    if p < limits.level:
        listed = [f for f in first if f in whole]
        yield Finding(
            first[listed[0]].start,
            f"{len(whole)} of the {len(first)} figures of 100 or more in the mails in {inbox.cell} "
            f"are whole hundreds ({', '.join(listed[:3])}, …); people round about "
            f"{limits.round_figures:.0%} (P = {p:.1g}, level {limits.level})",
        )


def capitalised_subjects(inbox: Inbox) -> Iterator[Finding]:
    """Title Case in most subjects; answers and subjects of one long word do not count."""
    limits = inbox.limits
    counted: list[tuple[MailForm, bool]] = []
    for mail in inbox.mails:
        long = [w for w in WORD.findall(mail.subject) if len(w) > 3]
        answer = mail.file.head.reply_to or REPLY.match(mail.subject)
        if len(long) > 1 and not answer:
            counted.append((mail, all(w[0].isupper() and not w.isupper() for w in long)))
    title = [mail for mail, capitals in counted if capitals]
    if len(counted) >= limits.fewest and len(title) > limits.title_case * len(counted):
        yield Finding(
            title[0].at("subject"),
            f"{len(title)} of {len(counted)} subjects in {inbox.cell} Have Capitals On Every Word",
        )


def no_threads(inbox: Inbox) -> Iterator[Finding]:
    """No mail that answers another one."""
    if not any(x.file.head.reply_to or REPLY.match(x.subject) for x in inbox.mails):
        yield Finding(
            inbox.mails[0].at("subject"),
            f"none of the {len(inbox.mails)} mails in {inbox.cell} answers another (reply_to)",
        )


HABITS: tuple[Callable[[Inbox], Iterator[Finding]], ...] = (
    round_times,
    paced_times,
    similar_lengths,
    same_greeting,
    same_first_words,
    same_closing,
    full_letters,
    story_openings,
    round_figures,
    capitalised_subjects,
    no_threads,
)
"""The habits that are looked for."""
