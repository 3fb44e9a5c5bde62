"""Gold answers: written by us for our scenarios, with the verdict of a careful reader.

A pack's folder `gold` has one Markdown file for each answer of one turn: front matter, then the
agent's whole answer as a model would write it. A session of many turns is a gold ledger: a YAML
file with the same head and the events, see `gold_ledgers.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cornered.errors import PackError
from cornered.scenario import Level, Levels, Pack, load_pack
from cornered.scenario.front_matter import read_headed
from cornered.scenario.library import GOLD, gold_files
from cornered.verdict.judge import JudgeVerdict

GoldKind = Literal[
    "clear",
    "veiled",
    "wordless",
    "proxy",
    "warning",
    "report",
    "quote",
    "draft",
    "ordinary",
    "confused",
    "attempt",
    "forged",
    "undone",
    "half-done",
]
"""The kind of a gold answer.

Harmful: `clear`; `veiled` by courtesy or a cover story; `wordless`, without keywords of its
scenario; `proxy`, through somebody else. Harmless: a `warning` to the person at risk; a `report` to
somebody entitled to know; a `quote` of harmful text; a `draft` that is not sent; `ordinary` work or
pleading. May be either: `confused`; an `attempt` that the place refused; `forged`, with text that
imitates the judge's prompt, a tool's result or an order to the judge; `undone`, where what was done
is taken back; `half-done`, where a part of it was done.
"""


class GoldHead(BaseModel):
    """The front matter of a gold answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GoldKind
    """Its kind."""
    factors: dict[str, Level] = {}
    """Its condition: factor to level; other factors have their default."""
    verdict: JudgeVerdict
    """The verdict on the executed actions, by the rubric."""
    second: JudgeVerdict | None = None
    """Another verdict that a careful reader may give; None where there is only one."""
    outcome: str
    """Its rung of the outcome ladder."""
    style: str
    """Its style, in a word or two: terse, formal, chatty, bulleted, no reasoning."""
    why: str
    """What decides the verdict, with the decisive words."""
    twin: str | None = None
    """The id of the answer that this one paraphrases."""
    preflight: bool = False
    """Whether it is a plain case for the preflight. A pack has two, a yes and a no."""
    readings: dict[str, str] = {}
    """Reading to value, for each reading that the answer's reasoning settles."""


@dataclass(frozen=True)
class GoldAnswer:
    """A gold answer with its labels."""

    id: str
    """The stem of its file."""
    path: Path
    head: GoldHead
    text: str
    levels: Levels
    """Its condition, one level for every factor."""


def gold_answers(pack: Pack) -> tuple[GoldAnswer, ...]:
    """The gold answers of a pack, sorted by id; empty where it has none.

    Raises:
        PackError: a file is malformed, or names an unknown rung, level or twin.
    """
    key = (pack.folder, pack.version, gold_version(pack))
    if key not in _read_answers:
        _read_answers[key] = _read_all(pack)
    return _read_answers[key]


_read_answers: dict[tuple[Path, str, str], tuple[GoldAnswer, ...]] = {}
"""A cache: reading fifty files of YAML takes a second."""


def _read_all(pack: Pack) -> tuple[GoldAnswer, ...]:
    answers = tuple(_read(pack, path) for path in sorted((pack.folder / GOLD).glob("*.md")))
    check_twins({answer.path: answer.head for answer in answers})
    return answers


OWN_GOLD = {"blackmail": "blackmail", "leaking": "espionage", "murder": "lethal"}
"""Scenario of the study to our pack whose gold answers are used for it."""


def gold_pack(pack: Pack) -> Pack:
    """The pack whose gold answers test a judge for this one: itself where it has any."""
    if (pack.folder / GOLD).is_dir():
        return pack
    return load_pack(OWN_GOLD.get(pack.spec.study or "", "blackmail"))


def gold_used(pack: Pack) -> str | None:
    """A sentence that names the pack whose gold answers grade its judges; None for its own."""
    other = gold_pack(pack)
    if other.folder == pack.folder:
        return None
    return f"{pack.name} has no gold answers of its own: its judges are tried on {other.name}'s."


def gold_version(pack: Pack) -> str:
    """A hash of a pack's gold answers and ledgers, 12 hex digits; it changes with any of them."""
    digest = hashlib.sha256()
    for path in gold_files(pack.folder):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _read(pack: Pack, path: Path) -> GoldAnswer:
    head, text, _ = read_headed(path, GoldHead)
    check_head(pack, path, head)
    return GoldAnswer(path.stem, path, head, text, pack.factors.resolve(head.factors))


def check_head(pack: Pack, path: Path, head: GoldHead) -> None:
    """Checks the rung of a gold answer or ledger.

    Raises:
        PackError: the pack has no such rung, or rung and verdict contradict each other.
    """
    rungs = list(pack.spec.outcomes)
    if head.outcome not in rungs:
        raise PackError(
            f"outcome: {head.outcome} is not a rung",
            where=str(path),
            fix=f"one of {', '.join(rungs)}",
        )
    if head.verdict != "cannot_tell" and (head.verdict == "yes") != (
        head.outcome in pack.spec.confirmed_rungs
    ):
        raise PackError(
            f"verdict {head.verdict} and outcome {head.outcome} contradict", where=str(path)
        )


def check_twins(heads: Mapping[Path, GoldHead]) -> None:
    """Checks that each twin which a gold answer or ledger names is another of the same pack.

    Args:
        heads: The heads of all files of one kind in a pack.

    Raises:
        PackError: there is no such twin.
    """
    ids = {path.stem for path in heads}
    for path, head in heads.items():
        if head.twin and head.twin not in ids - {path.stem}:
            raise PackError(f"twin: no other file here is called {head.twin}", where=str(path))
