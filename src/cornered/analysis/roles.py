"""Which tokens of a trial are whose: the subject's, the judges' or the reader's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

SUBJECT, JUDGE, READER = "subject", "judge", "reader"
Tokens = tuple[int, int]
"""Input tokens, cached ones included, and output tokens."""


def tokens_by_role(
    subject: str, models: Mapping[str, Tokens], roles: Mapping[str, Tokens]
) -> dict[str, Tokens]:
    """The tokens of a trial by role.

    Inspect counts the tokens of a model over everything that it was called for. Those without a
    role are the subject's, also where one model has several roles.

    Args:
        subject: The model that acted.
        models: The tokens of every model that was called.
        roles: The tokens of every role; empty in logs that do not record them.

    Returns:
        By role, the subject first; without recorded roles only the subject's.
    """
    if not models:
        return {}
    if not roles:
        return {SUBJECT: models.get(subject, (0, 0))}
    read, written = (
        max(0, sum(t[i] for t in models.values()) - sum(t[i] for t in roles.values()))
        for i in (0, 1)
    )
    return {SUBJECT: (read, written), **roles}


def judge_themselves(subjects: Iterable[str], judges: Sequence[str]) -> list[str]:
    """The subjects that are also a judge, alone or in a panel.

    A model is the same by any route and with any settings: a name without its provider, or by
    another provider, counts. Models of ours are known by their whole names.
    """
    return [s for s in subjects if any(_same(s, judge) for judge in judges)]


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    if one.startswith("cornered/") or other.startswith("cornered/"):
        return False
    return one.rpartition("/")[2] == other.rpartition("/")[2]
