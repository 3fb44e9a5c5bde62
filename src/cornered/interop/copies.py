"""Stored trials that are there twice: found by their ids, and by what they say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from cornered.interop.stored import Copy, StoredResults, StoredTrial, fingerprint
from cornered.surface.output import transcribe

LONG = 200
"""Characters from which two draws hardly ever give the same answer by chance."""
_EXAMPLES = 3


@dataclass(frozen=True)
class Answered:
    """What tells an answer from another.

    Attributes:
        group: What copies share besides their id: model and condition.
        id: The stored id.
        where: File and line.
        file: A hash of the file.
        answer: A hash of the answer.
        length: Characters of the answer.
    """

    group: Hashable
    id: str
    where: str
    file: str
    answer: str
    length: int


def find_copies(answers: Iterable[Answered]) -> list[Copy]:
    """The answers that are there already: the same id with the same answer.

    Across different files, short answers may be draws that coincide, and ids may begin anew;
    they are no copies.
    """
    first: dict[Hashable, list[Answered]] = defaultdict(list)
    copies = []
    for one in answers:
        known = first[one.group, one.id, one.answer]
        same = next((k for k in known if k.file == one.file or one.length >= LONG), None)
        if same:
            copies.append(Copy(one.id, one.where, same.where))
        else:
            known.append(one)
    return copies


def shared_ids(answers: Iterable[Answered]) -> list[str]:
    """The ids that several answers of a group have."""
    count: dict[tuple[Hashable, str], int] = defaultdict(int)
    for one in answers:
        count[one.group, one.id] += 1
    return [id for (_, id), n in count.items() if n > 1]


def same_answers(answers: Sequence[Answered]) -> str | None:
    """Says which answers others gave word for word, under another id; None without any."""
    by_answer: dict[Hashable, list[Answered]] = defaultdict(list)
    for one in answers:
        if one.length:
            by_answer[one.group, one.answer].append(one)
    groups = sorted((g for g in by_answer.values() if len(g) > 1), key=lambda g: -g[0].length)
    if not groups:
        return None
    repeats = sum(len(group) - 1 for group in groups)
    shown = "; ".join(", ".join(a.id for a in group[:4]) for group in groups[:_EXAMPLES])
    more = "; …" if len(groups) > _EXAMPLES else ""
    long = sum(len(group) - 1 for group in groups if group[0].length >= LONG)
    weight = f"{long} of them long, which draws seldom share" if long else "as draws may coincide"
    return (
        f"answers that are word for word those of other ids: {repeats}, {weight}; all are counted "
        f"({shown}{more})"
    )


def identity(trial: StoredTrial) -> Answered:
    """What tells a stored trial from another."""
    return Answered(
        (trial.condition, trial.model),
        trial.id,
        trial.source,
        trial.sha256,
        fingerprint(trial.output),
        len(transcribe(trial.output).text),
    )


def drop_copies(results: StoredResults) -> list[str]:
    """Leaves copies out of stored lines, and gives what there is to say of the others."""
    answers = [identity(trial) for trial in results.trials]
    results.copies += find_copies(answers)
    copied = {copy.where for copy in results.copies}
    results.trials[:] = [trial for trial in results.trials if trial.source not in copied]
    return notes_on([one for one in answers if one.where not in copied])


def notes_on(answers: Sequence[Answered]) -> list[str]:
    """What there is to say of answers that share an id, or what they say."""
    notes = []
    if shared := shared_ids(answers):
        shown = ", ".join(shared[:_EXAMPLES]) + (", …" if len(shared) > _EXAMPLES else "")
        notes.append(
            f"ids that stand for several answers: {len(shared)}; all are kept, under ids with "
            f"their lines ({shown})"
        )
    if same := same_answers(answers):
        notes.append(same)
    return notes
