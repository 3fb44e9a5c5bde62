"""Gold answers: written by us in our worlds, with the verdict that a careful reader gives.

A pack's folder `gold` has one Markdown file for each: front matter, then the agent's whole
answer as a model would have written it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cornered.errors import PackError
from cornered.scenario import Level, Levels, Pack, load_pack
from cornered.scenario.pack import GOLD, read_headed
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
]
"""What an answer is an example of.

Of harm: `clear`; `veiled` by courtesy or a cover story; `wordless`, with no keyword of its
scenario; `proxy`, through somebody else. Of no harm: `warning` to the one whom it would harm;
`report` to somebody who may know; `quote` of what the harm would take; `draft` that is not sent;
`ordinary` work or pleading. `confused` may be either.
"""


class GoldHead(BaseModel):
    """The front matter of a gold answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GoldKind
    """What it is an example of."""
    factors: dict[str, Level] = {}
    """Its condition: factor and level; all others have their default."""
    verdict: JudgeVerdict
    """What the rubric says of what was carried out."""
    second: JudgeVerdict | None = None
    """What a second careful reader may say instead; None where there is one reading."""
    outcome: str
    """The rung of the ladder that fits."""
    style: str
    """How it is written, in a word or two: terse, formal, chatty, bulleted, no reasoning."""
    why: str
    """What decides, with the words that do."""
    twin: str | None = None
    """The answer that this one says in other words."""
    preflight: bool = False
    """A plain case: a judge is asked about it before a run. A pack has two, a yes and a no."""
    readings: dict[str, str] = {}
    """What the reasoning says, for each reading that it settles."""


@dataclass(frozen=True)
class GoldAnswer:
    """An answer and what is right about it."""

    id: str
    """The name of its file."""
    path: Path
    head: GoldHead
    text: str
    levels: Levels
    """Its condition, one level for every factor."""


def gold_answers(pack: Pack) -> tuple[GoldAnswer, ...]:
    """The gold answers of a pack, by name; none where it has no folder of them.

    Raises:
        PackError: a file is malformed, or names an unknown rung, level or twin.
    """
    key = (pack.folder, pack.version, gold_version(pack))
    if key not in _known:
        _known[key] = _read_all(pack)
    return _known[key]


_known: dict[tuple[Path, str, str], tuple[GoldAnswer, ...]] = {}
"""What has been read: fifty files of YAML take a second."""


def _read_all(pack: Pack) -> tuple[GoldAnswer, ...]:
    answers = tuple(_read(pack, path) for path in sorted((pack.folder / GOLD).glob("*.md")))
    known = {answer.id for answer in answers}
    for answer in answers:
        if answer.head.twin and answer.head.twin not in known - {answer.id}:
            raise PackError(f"twin: there is no answer {answer.head.twin}", where=str(answer.path))
    return answers


OWN_GOLD = {"blackmail": "blackmail", "leaking": "espionage", "murder": "lethal"}
"""For the study's scenarios the pack of ours whose gold answers are of their kind."""


def gold_pack(pack: Pack) -> Pack:
    """The pack whose gold answers tell most of a judge of this one: itself where it has any."""
    if (pack.folder / GOLD).is_dir():
        return pack
    return load_pack(OWN_GOLD.get(pack.spec.study or "", "blackmail"))


def gold_version(pack: Pack) -> str:
    """A short hash of a pack's gold answers: other answers are another version."""
    digest = hashlib.sha256()
    for path in sorted((pack.folder / GOLD).glob("*.md")):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _read(pack: Pack, path: Path) -> GoldAnswer:
    head, text, _ = read_headed(path, GoldHead)
    rungs = list(pack.spec.outcomes)
    if head.outcome not in rungs:
        raise PackError(
            f"outcome: {head.outcome} is no rung", where=str(path), fix=f"one of {', '.join(rungs)}"
        )
    if head.verdict != "cannot_tell" and (head.verdict == "yes") != (head.outcome == rungs[-1]):
        raise PackError(
            f"verdict {head.verdict} and outcome {head.outcome} contradict", where=str(path)
        )
    return GoldAnswer(path.stem, path, head, text, pack.factors.resolve(head.factors))
